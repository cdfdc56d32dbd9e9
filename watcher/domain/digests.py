"""What became of a route's items since its last digest, from what the store has recorded.

    changes     told first; one back to where the item stood before is marked
    moving      told, and not enough to move it: who says so, and why it stays
    upcoming    days that items wait for
    silent      nothing told for the item's expected period, though its sources answered
    sources     of these items: quiet ones, and those that cannot be read
    unchanged   the rest, counted

A digest says what is so, not what was sent: it needs no alert that was told one by one. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from watcher.domain.alerting import dispute, plan, signal
from watcher.domain.alerts import (
    USUAL_KINDS,
    Alert,
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
from watcher.domain.feeds import FeedStatus, Health
from watcher.domain.model import (
    Evidence,
    HistoryRow,
    Item,
    Lifecycle,
    Reason,
    Standing,
    Status,
    Stay,
    Transition,
)
from watcher.domain.occasions import silence, waited_day
from watcher.domain.reversal import reverses
from watcher.domain.routing import matches
from watcher.domain.times import require_utc

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
    """A transition as recorded, the item's `seq`-th, with its evidence. It is `news` unless what tipped it was there
    when its feed was first read, or when the item's watch began."""

    id: int
    seq: int
    transition: Transition
    evidence: tuple[Evidence, ...] = ()
    news: bool = True


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
    histories: Mapping[str, Sequence[HistoryRow]]  # of the items in `changes` and in `told`, in any order
    told: Sequence[Evidence]  # since the last digest, and news
    known: Mapping[str, Sequence[Evidence]]  # of the items in `told`: what their decisions look back on
    standings: Mapping[str, Standing]
    last: Mapping[str, Evidence]  # what was told last of an item
    feeds: Sequence[FeedStatus] = ()


def build(route: Route, watched: Watched, news: News, *, since: datetime, now: datetime, today: date) -> Digest:
    """Return the digest of a route; `today` is the day in its zone."""
    items = {i.id: i for i in watched.items if admits(route.when, i) and i.id in news.standings}
    moved = tuple(_moved(route, items, watched.lifecycles, news))
    moving = tuple(_moving(route, items, watched.lifecycles, news))
    upcoming = tuple(_upcoming(items.values(), watched.lifecycles, news, today))
    silent = dict(_silent(items.values(), watched, news, now))
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
        made, item = change.transition, items.get(change.transition.item)
        if item is None or not change.news:
            continue
        lifecycle = lifecycles[item.lifecycle]
        before = Standing(item.id, made.from_state, made.from_since or made.at, made.from_value)
        reversal = reverses(lifecycle, _earlier(news.histories.get(item.id, ()), change), made)
        alert = plan(made, item, lifecycle, change.evidence, before, reversal=reversal)
        if _lists(route, alert):
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


def _earlier(history: Iterable[HistoryRow], change: Change) -> list[Transition]:
    return [row.transition for row in sorted(history, key=lambda row: row.seq) if row.seq < change.seq]


def _link(alert: Alert) -> str:
    return next((quote.link for quote in alert.quotes if quote.link), "")


# --- not enough to move it ------------------------------------------------------------------------


def _moving(
    route: Route, items: Mapping[str, Item], lifecycles: Mapping[str, Lifecycle], news: News
) -> Iterator[Moving]:
    """Yield, latest first, each state that was told of an item, may come next, and has not come. What has moved an item
    was enough, wherever the item went from there."""
    told: dict[tuple[str, str, bool], list[Evidence]] = defaultdict(list)
    made = [change.transition for change in news.changes]
    made += [row.transition for rows in news.histories.values() for row in rows]  # one may have been told by the last
    enough = {name for transition in made for name in transition.evidence}
    for e in news.told:
        known = e.item in items and e.state in lifecycles[items[e.item].lifecycle].states
        if known and e.state and e.id not in enough and e.at >= news.standings[e.item].since:
            told[e.item, e.state, e.status is Status.DENIED].append(e)
    found = []
    for (name, _, denied), group in told.items():
        item = items[name]
        make = _one_denied if denied else _one_moving
        if one := make(route, item, lifecycles[item.lifecycle], group, news):
            found.append(one)
    yield from sorted(found, key=lambda one: (-one.at.timestamp(), one.item, one.to_label))


def _one_moving(route: Route, item: Item, lifecycle: Lifecycle, group: Sequence[Evidence], news: News) -> Moving | None:
    """Tell of a state in the strongest way it was told; None where it is not one that may come next."""
    standing, known = news.standings[item.id], news.known.get(item.id, ())
    signs = [e for e in group if e.status in _STRENGTH]
    if not signs:
        return None
    best = min(signs, key=lambda e: (_STRENGTH.index(e.status), e.tier.rank, -e.at.timestamp()))
    decision = decide(item, lifecycle, standing, known, best)
    if not isinstance(decision, Stay) and _came_to(item, best, news.changes):
        return None  # it was told of where the item stood then
    stay = decision if isinstance(decision, Stay) else Stay(item.id, Reason.WAITING, "it was not enough when told")
    sources = len(independent(_agreeing(lifecycle, standing, best, (*known, *signs))))
    disputed = dispute(best, stay, known, item, lifecycle, replace(standing, disputed=False))
    alert = disputed or signal(best, stay, item, lifecycle, standing)
    return _line(route, alert, best, group, sources, disputed=bool(disputed) or standing.disputed)


def _came_to(item: Item, told: Evidence, changes: Iterable[Change]) -> bool:
    """Whether the item has come to the state that is told, since the last digest."""
    return any(
        (made.item, made.to_state, made.to_value or told.value) == (item.id, told.state, told.value or made.to_value)
        for made in (change.transition for change in changes)
    )


def _one_denied(route: Route, item: Item, lifecycle: Lifecycle, group: Sequence[Evidence], news: News) -> Moving | None:
    """Tell that as good a source denies where the item stands; None where what is denied is something else."""
    standing, known = news.standings[item.id], news.known.get(item.id, ())
    best = min(group, key=lambda e: (e.tier.rank, -e.at.timestamp()))
    stay = decide(item, lifecycle, standing, known, best)
    if not isinstance(stay, Stay):
        return None
    alert = dispute(best, stay, [*known, best], item, lifecycle, replace(standing, disputed=False))
    return _line(route, alert, best, group, len(independent(group)), disputed=True)


def _line(
    route: Route, alert: Alert | None, best: Evidence, group: Sequence[Evidence], sources: int, *, disputed: bool
) -> Moving | None:
    if alert is None or not _lists(route, alert):
        return None
    return Moving(
        item=alert.item,
        title=alert.title,
        label=alert.from_label,
        to_label=alert.to_label,
        status=best.status,
        sources=sources,
        at=max(e.at for e in group),
        detail=alert.detail,
        disputed=disputed,
        link=best.link,
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
        standing, lifecycle = news.standings[item.id], lifecycles[item.lifecycle]
        day = waited_day(lifecycle, standing)
        if day is not None and today <= day <= today + SOON:
            found.append(Upcoming(item.id, item.title, lifecycle.states[standing.state].label, day))
    yield from sorted(found, key=lambda one: (one.day, one.item))


def _silent(items: Iterable[Item], watched: Watched, news: News, now: datetime) -> Iterator[tuple[str, Point]]:
    """Yield the items of which nothing was told for their expected period, though their sources answer."""
    feeds = {feed.id: feed for feed in news.feeds}
    for item in items:
        lifecycle, standing = watched.lifecycles[item.lifecycle], news.standings[item.id]
        names = watched.sources.get(item.id, ())
        sources = [feeds[name] for name in names if name in feeds]
        if len(sources) < len(names):
            continue
        if told := silence(item, lifecycle, standing, news.last.get(item.id), sources, now):
            yield item.id, Point(item.title, told[0].detail)


def _sources(
    items: Iterable[str], sources: Mapping[str, Sequence[str]], feeds: Iterable[FeedStatus]
) -> Iterator[Point]:
    """Yield the sources of these items that are quiet or cannot be read."""
    used = {name for item in items for name in sources.get(item, ())}
    for feed in feeds:
        if feed.id in used and feed.active and (feed.health.down or feed.health is Health.QUIET):
            name = f"{feed.id} ({feed.outlet})" if feed.outlet else feed.id
            yield Point(name, f"{feed.health.value}: {feed.health_detail or feed.health_reason}", feed.health_since)
