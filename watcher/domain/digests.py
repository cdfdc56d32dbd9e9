"""What became of a route's items since its last digest, from what the store has recorded.

    changes     told first; one back to where the item stood before is marked
    moving      told, and not enough to move it: who says so, and why it stays
    upcoming    days that items wait for
    silent      nothing told for the item's expected period, though its sources answer
    sources     of these items: quiet ones, and those that cannot be read
    unchanged   the rest, counted

A digest says what is so, not what was sent: it needs no alert that was told one by one. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from watcher.domain.alerting import plan, signal
from watcher.domain.alerts import (
    USUAL_KINDS,
    Alert,
    AlertKind,
    Conditions,
    Digest,
    Moved,
    Moving,
    Point,
    Route,
    Upcoming,
)
from watcher.domain.decision import decide
from watcher.domain.evidence import independent
from watcher.domain.model import (
    Coverage,
    Evidence,
    FeedStatus,
    Health,
    Item,
    Lifecycle,
    Reason,
    Standing,
    Status,
    Stay,
    Transition,
    require_utc,
)
from watcher.domain.routing import matches

SOON = timedelta(days=14)  # how far ahead days are told
_STRENGTH = (Status.DONE, Status.ANNOUNCED, Status.CLAIMED, Status.POSSIBLE, Status.URGED)  # what says most comes first


@dataclass(frozen=True, slots=True)
class DigestRow:
    """Where a route's digest stands: what it has covered, and when it is next. `timetable` names what `next_at` follows
    from; `last_transition` is the id of the last transition covered."""

    route: str
    timetable: str
    last_at: datetime
    last_transition: int
    next_at: datetime

    def __post_init__(self) -> None:
        require_utc(last_at=self.last_at, next_at=self.next_at)


@dataclass(frozen=True, slots=True)
class Change:
    """A transition as recorded, with its evidence, and where its item stood before."""

    id: int
    transition: Transition
    evidence: tuple[Evidence, ...]
    before: Standing

    @property
    def aloud(self) -> bool:
        """Whether it is news: not one that only the first poll of a feed told of."""
        return not (self.evidence and self.evidence[0].baseline)


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched: items and lifecycles, and the ids of the feeds of each item."""

    items: Sequence[Item]
    lifecycles: Mapping[str, Lifecycle]
    sources: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class News:
    """What was recorded since the last digest, and how things are now."""

    changes: Sequence[Change]
    told: Sequence[Evidence]  # since the last digest
    known: Mapping[str, Sequence[Evidence]]  # of the items in `told`: what their decisions look back on
    standings: Mapping[str, Standing]
    heard: Mapping[str, datetime]  # when something was last told of an item
    feeds: Sequence[FeedStatus] = ()
    coverage: Sequence[Coverage] = ()


def build(route: Route, watched: Watched, news: News, *, since: datetime, now: datetime, today: date) -> Digest:
    """Return the digest of a route; `today` is the day in its zone."""
    items = {i.id: i for i in watched.items if admits(route.when, i) and i.id in news.standings}
    moved = tuple(_moved(route, items, watched.lifecycles, news))
    moving = tuple(_moving(route, items, watched.lifecycles, news))
    upcoming = tuple(_upcoming(items.values(), watched.lifecycles, news, today))
    silent = dict(_silent(items.values(), watched.lifecycles, news, now))
    named = {one.item for one in moved} | {one.item for one in moving} | {one.item for one in upcoming}
    return Digest(
        route=route.name,
        since=since,
        at=now,
        moved=moved,
        moving=moving,
        upcoming=upcoming,
        silent=tuple(silent.values()),
        sources=tuple(_sources(items, watched.sources, news.feeds)),
        unchanged=len(items.keys() - named - silent.keys()),
    )


def is_empty(digest: Digest) -> bool:
    """Whether there is nothing to say but that all is unchanged."""
    return not (digest.moved or digest.moving or digest.upcoming or digest.silent or digest.sources)


def admits(when: Conditions, item: Item) -> bool:
    """Whether a route's digest is about an item at all: its kinds, states and tiers only choose what is listed."""
    return (
        (not when.watchlists or item.watchlist in when.watchlists)
        and (not when.items or item.id in when.items)
        and (not when.tags or not set(when.tags).isdisjoint(item.tags))
        and (not when.lifecycles or item.lifecycle in when.lifecycles)
        and (not when.severities or item.severity in when.severities)
    )


def _lists(route: Route, alert: Alert) -> bool:
    """Whether a route's digest lists what an alert would tell. One that names no kinds lists early signals, too."""
    everything = set(route.when.kinds) == set(USUAL_KINDS)
    return matches(replace(route.when, kinds=()) if everything else route.when, alert)


# --- changes --------------------------------------------------------------------------------------


def _moved(route: Route, items: Mapping[str, Item], lifecycles: Mapping[str, Lifecycle], news: News) -> Iterator[Moved]:
    """Yield what moved, in the order recorded."""
    for change in news.changes:
        item = items.get(change.transition.item)
        if item is None or not change.aloud:
            continue
        alert = plan(change.transition, item, lifecycles[item.lifecycle], change.evidence, change.before)
        reversal = _reversal(change)
        kind = AlertKind.REVERSAL if reversal else AlertKind.STATE_CHANGE
        if _lists(route, replace(alert, kind=kind)):
            yield Moved(
                item=alert.item,
                title=alert.title,
                from_label=alert.from_label,
                to_label=alert.to_label,
                at=alert.at,
                detail=alert.detail,
                from_value=alert.from_value,
                to_value=alert.to_value,
                reversal=reversal,
                link=_link(alert),
            )


def _reversal(change: Change) -> bool:
    made, before = change.transition, change.before
    back = bool(before.came_from) and (made.to_state, made.to_value) == (before.came_from, before.came_from_value)
    return made.reason is Reason.RETRACTED or back


def _link(alert: Alert) -> str:
    return next((quote.link for quote in alert.quotes if quote.link), "")


# --- not enough to move it ------------------------------------------------------------------------


def _moving(
    route: Route, items: Mapping[str, Item], lifecycles: Mapping[str, Lifecycle], news: News
) -> Iterator[Moving]:
    """Yield, latest first, each state that was told of an item, may come next, and has not come."""
    told: dict[tuple[str, str], list[Evidence]] = defaultdict(list)
    for evidence in news.told:
        if evidence.item in items and evidence.state and evidence.status in _STRENGTH and not evidence.baseline:
            told[evidence.item, evidence.state].append(evidence)
    found = []
    for (name, _), group in told.items():
        item = items[name]
        if one := _one_moving(route, item, lifecycles[item.lifecycle], group, news):
            found.append(one)
    yield from sorted(found, key=lambda one: (one.at, one.item), reverse=True)


def _one_moving(route: Route, item: Item, lifecycle: Lifecycle, group: Sequence[Evidence], news: News) -> Moving | None:
    standing, known = news.standings[item.id], news.known.get(item.id, ())
    fresh = [e for e in group if e.at >= standing.since]
    if not fresh:
        return None
    best = min(fresh, key=lambda e: (_STRENGTH.index(e.status), e.tier.rank, -e.at.timestamp()))
    decision = decide(item, lifecycle, standing, known, best)
    stay = decision if isinstance(decision, Stay) else Stay(item.id, Reason.WAITING, "not enough when it was told")
    disputed = stay.reason is Reason.DISPUTED
    sign = signal(best, replace(stay, reason=Reason.WAITING) if disputed else stay, item, lifecycle, standing)
    if sign is None or not _lists(route, replace(sign, kind=AlertKind.DISPUTED) if disputed else sign):
        return None
    return Moving(
        item=item.id,
        title=item.title,
        label=sign.from_label,
        to_label=sign.to_label,
        status=best.status,
        sources=len(independent(_agreeing(lifecycle, standing, best, (*known, *fresh)))),
        at=max(e.at for e in fresh),
        detail=stay.detail,
        disputed=disputed or standing.disputed,
        link=_link(sign),
    )


def _agreeing(lifecycle: Lifecycle, standing: Standing, best: Evidence, known: Iterable[Evidence]) -> list[Evidence]:
    """All that tells the state as well as the best does: well enough to move the item, or else in any way."""
    flips = lifecycle.states[best.state or ""].flips_on
    wanted = flips if best.status in flips else _STRENGTH
    found = {e.id: e for e in known if e.state == best.state and e.status in wanted and e.at >= standing.since}
    return list(found.values())


# --- days, silence and sources --------------------------------------------------------------------


def _upcoming(
    items: Iterable[Item], lifecycles: Mapping[str, Lifecycle], news: News, today: date
) -> Iterator[Upcoming]:
    """Yield the days that items wait for, soonest first."""
    found = []
    for item in items:
        standing = news.standings[item.id]
        state = lifecycles[item.lifecycle].states.get(standing.state)
        if state is None or state.final or not (state.value or "").startswith("date"):
            continue
        day = _day(standing.value)
        if day is not None and today <= day <= today + SOON:
            found.append(Upcoming(item.id, item.title, state.label, day))
    yield from sorted(found, key=lambda one: (one.day, one.item))


def _day(value: str | None) -> date | None:
    """Read the day at the beginning of a value ("2025-11-10", "2025-11-10 Madrid")."""
    try:
        return date.fromisoformat((value or "")[:10])
    except ValueError:
        return None


def _silent(
    items: Iterable[Item], lifecycles: Mapping[str, Lifecycle], news: News, now: datetime
) -> Iterator[tuple[str, Point]]:
    """Yield the items of which nothing was told for their expected period, though a source of each answers."""
    answering = {one.item for one in news.coverage if one.answered}
    for item in items:
        standing = news.standings[item.id]
        state = lifecycles[item.lifecycle].states.get(standing.state)
        since = max(standing.since, news.heard.get(item.id, standing.since))
        if item.silent_after is None or state is None or state.final or item.id not in answering:
            continue
        if now - since > item.silent_after:
            yield item.id, Point(item.title, f"nothing told for {(now - since).days} days", since)


def _sources(
    items: Iterable[str], sources: Mapping[str, Sequence[str]], feeds: Iterable[FeedStatus]
) -> Iterator[Point]:
    """Yield the sources of these items that are quiet or cannot be read."""
    used = {name for item in items for name in sources.get(item, ())}
    for feed in feeds:
        if feed.id in used and feed.active and (feed.health.down or feed.health is Health.QUIET):
            name = f"{feed.id} ({feed.outlet})" if feed.outlet else feed.id
            yield Point(name, f"{feed.health.value}: {feed.health_detail or feed.health_reason}", feed.health_since)
