"""From a transition to what is to be told of it: the alert, complete in itself. Likewise from a change of a source's
health to what those who keep the service running are told.

Pure: how a message looks and where an address leads are `watcher.delivery`'s work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from watcher.domain.alerts import Alert, AlertKind, Point, Quote, SystemAlert
from watcher.domain.feeds import FeedStatus, Health, HealthChange
from watcher.domain.model import (
    Evidence,
    Item,
    Lifecycle,
    Reason,
    Standing,
    Status,
    Stay,
    Tier,
    Transition,
)

MOST_QUOTES = 4

TIER_WORDS = {
    Tier.OFFICIAL: "official",
    Tier.WIRE: "news agency",
    Tier.PRESS: "press",
    Tier.OTHER: "other outlet",
}


def plan(
    transition: Transition,
    item: Item,
    lifecycle: Lifecycle,
    evidence: Sequence[Evidence],
    before: Standing,
    *,
    reversal: bool = False,
) -> Alert:
    """Return what is to be told of `transition`; a `reversal` says what it goes back on.

    `evidence` may hold more than what caused the transition; only what `transition.evidence` names is quoted, best
    tier first, then newest, one per owner, at most four. `before` is where the item stood until now. A state that
    the lifecycle no longer has is told by its id.
    """
    came_from = lifecycle.states.get(transition.from_state)
    state = lifecycle.states.get(transition.to_state)
    upcoming = state.next if state else ""
    if state and state.final and not upcoming:
        upcoming = "Nothing: this is a last state."
    quotes = _quotes(transition.evidence, evidence)
    kind = AlertKind.REVERSAL if reversal else AlertKind.STATE_CHANGE
    came_label = came_from.label if came_from else transition.from_state
    words = _change_in_words(transition, before, came_label if reversal else "")
    return replace(
        stands(kind, item, lifecycle, before, transition.at, transition.reason, words),
        from_state=transition.from_state,
        from_label=came_label,
        to_state=transition.to_state,
        to_label=state.label if state else transition.to_state,
        sources=transition.sources,
        quotes=quotes,
        next=upcoming,
        from_value=transition.from_value,
        to_value=transition.to_value,
        from_since=transition.from_since or before.since,
        meaning=state.meaning if state else "",
        tier=min((quote.tier for quote in quotes), key=lambda tier: tier.rank, default=None),
        entries=transition.entries,
    )


def _change_in_words(transition: Transition, before: Standing, undone: str) -> str:
    """Say why it changed, what that goes back on, and what it settles."""
    since = transition.from_since or before.since
    back = f"it goes back on “{undone}”, where it stood since {since:%Y-%m-%d}" if undone else ""
    settled = "what it was told before was disputed" if before.disputed else ""
    return "; ".join(filter(None, (transition.detail, back, settled)))


_SIGNALS = (Status.DONE, Status.ANNOUNCED, Status.CLAIMED, Status.POSSIBLE, Status.URGED)


def signal(told: Evidence, stay: Stay, item: Item, lifecycle: Lifecycle, standing: Standing) -> Alert | None:
    """Return the alert that a state was told to which `item` may go from where it stands, and why it stays; None where
    `told` is no such sign: denied, about a state that does not come next, or older than the present one."""
    state = lifecycle.states.get(told.state or "")
    if state is None or told.status not in _SIGNALS or stay.reason not in (Reason.SOFT, Reason.WAITING):
        return None
    here = lifecycle.states.get(standing.state)
    if here is None or state.id == here.id or state.id not in here.to or told.at < standing.since:
        return None
    alert = stands(AlertKind.EARLY_SIGNAL, item, lifecycle, standing, told.at, stay.reason, stay.detail)
    return replace(
        alert,
        to_state=state.id,
        to_label=state.label,
        sources=1,
        quotes=_quotes((told.id,), (told,)),
        to_value=told.value,
        meaning=state.meaning,
        status=told.status,
        tier=told.tier,
        entries=(told.entry,),
    )


def signal_key(alert: Alert) -> tuple[str, ...]:
    """Name an early signal: each state is signalled in each way once while the item stands where it does."""
    since = f"{alert.from_since:%Y%m%dT%H%M%S}" if alert.from_since else ""
    return (alert.kind.value, alert.item, since, alert.to_state, alert.status.value)


def stands(
    kind: AlertKind, item: Item, lifecycle: Lifecycle, standing: Standing, at: datetime, reason: Reason, detail: str
) -> Alert:
    """Return an alert about an item that stays where it is, with nothing quoted."""
    here = lifecycle.states.get(standing.state)
    label = here.label if here else standing.state
    return Alert(
        kind=kind,
        item=item.id,
        watchlist=item.watchlist,
        title=item.title,
        question=item.question or lifecycle.question.replace("{title}", item.title),
        from_state=standing.state,
        from_label=label,
        to_state=standing.state,
        to_label=label,
        at=at,
        reason=reason,
        detail=detail,
        sources=0,
        quotes=(),
        next=here.next if here else "",
        from_value=standing.value,
        to_value=standing.value,
        from_since=standing.since,
        from_source=standing.source,
        meaning=here.meaning if here else "",
        severity=item.severity,
        note=item.note,
        lifecycle=item.lifecycle,
        tags=item.tags,
    )


def dispute(
    told: Evidence, stay: Stay, evidence: Sequence[Evidence], item: Item, lifecycle: Lifecycle, standing: Standing
) -> Alert | None:
    """Return the alert that as good a source denies what `told` tells, or that `told` denies where the item stands;
    None where nothing is disputed, or was already while it stood there.

    Both sides are named and quoted, those who tell it first. `evidence` holds what the decision names, and may hold
    more.
    """
    if stay.reason is not Reason.DISPUTED or standing.disputed:
        return None
    sides = [[e for id_ in ids for e in evidence if e.id == id_] for ids in (stay.telling, stay.denying)]
    telling, denying = sides
    detail = f"told by {_outlets(telling)}; denied by {_outlets(denying)}"
    alert = stands(AlertKind.DISPUTED, item, lifecycle, standing, told.at, stay.reason, detail)
    state = lifecycle.states.get(told.state or "")
    if state is not None and told.id not in stay.denying:
        alert = replace(alert, to_state=state.id, to_label=state.label, to_value=told.value, meaning=state.meaning)
    alert = replace(alert, status=told.status)
    half = MOST_QUOTES // 2
    quotes = tuple(quote for side in sides for quote in _quotes([e.id for e in side], side)[:half])
    entries = tuple(dict.fromkeys(e.entry for e in (told, *telling, *denying)))
    tier = min((e.tier for e in (*telling, *denying)), key=lambda tier: tier.rank, default=told.tier)
    return replace(alert, sources=len(telling), quotes=quotes, entries=entries, tier=tier)


def dispute_key(alert: Alert) -> tuple[str, ...]:
    """Name a dispute: one is told once while the item stands where it does."""
    since = f"{alert.from_since:%Y%m%dT%H%M%S}" if alert.from_since else ""
    return (alert.kind.value, alert.item, since, alert.from_state)


def _outlets(evidence: Sequence[Evidence]) -> str:
    return ", ".join(dict.fromkeys(e.outlet or "an unnamed outlet" for e in evidence))


def _quotes(ids: Sequence[str], evidence: Sequence[Evidence]) -> tuple[Quote, ...]:
    cited = set(ids)
    newest_first = sorted((e for e in evidence if e.id in cited), key=lambda e: e.at, reverse=True)
    best: dict[str, Evidence] = {}
    for e in sorted(newest_first, key=lambda e: e.tier.rank):  # stable: newest stay first within a tier
        best.setdefault(e.owner or e.outlet, e)
    chosen = list(best.values())[:MOST_QUOTES]
    return tuple(Quote(text=e.quote or e.title, outlet=e.outlet, tier=e.tier, at=e.at, link=e.link) for e in chosen)


# --- the service itself ---------------------------------------------------------------------------

MOST_POINTS = 20  # sources of one message; many at once have one cause, and are one message
_TOLD = {
    Health.BROKEN: AlertKind.SOURCE_BROKEN,
    Health.BLOCKED: AlertKind.SOURCE_BROKEN,
    Health.RETIRED: AlertKind.SOURCE_BROKEN,
    Health.QUIET: AlertKind.SOURCE_QUIET,
    Health.RECOVERED: AlertKind.SOURCE_RECOVERED,
}
_SAID = {
    AlertKind.SOURCE_BROKEN: ("cannot be read", "cannot be read"),
    AlertKind.SOURCE_QUIET: ("has gone quiet", "have gone quiet"),
    AlertKind.SOURCE_RECOVERED: ("is back", "are back"),
}
_ADVICE = {
    AlertKind.SOURCE_BROKEN: "`watcher feeds` shows every source and why. What only these publish is not seen.",
    AlertKind.SOURCE_QUIET: "It may have moved or been given up: look at its site. `quiet_after` sets its own period.",
}


def kind_of(change: HealthChange) -> AlertKind | None:
    """Return the kind of message that tells a change of health; None for one that is not told.

    Told is that a source cannot be read, has gone quiet, or is back. That it is late, or now fails in another way, is
    not told; that it is gone for good is.
    """
    kind, before = _TOLD.get(change.to_state), change.from_state
    if change.to_state is Health.RECOVERED:
        return kind if before.down or before is Health.QUIET else None
    if change.to_state is Health.RETIRED:
        return kind if before is not Health.RETIRED else None
    return kind if not (before.down and change.to_state.down) and before is not change.to_state else None


def tell_sources(
    changes: Sequence[HealthChange], feeds: Mapping[str, FeedStatus], now: datetime
) -> list[tuple[SystemAlert, tuple[str, ...]]]:
    """Return what is to be told of changes of health that are told together, with the key each is told once under: one
    message of each kind (`kind_of`) for all that it happened to."""
    groups: dict[AlertKind, list[HealthChange]] = {}
    for change in changes:
        if (kind := kind_of(change)) is not None:
            groups.setdefault(kind, []).append(change)
    return [(_source_alert(kind, group, feeds, now), _key(kind, group[0])) for kind, group in sorted(groups.items())]


def _key(kind: AlertKind, first: HealthChange) -> tuple[str, ...]:
    """Name a message by its first source: a change is part of one message only."""
    return (kind.value, first.feed, str(first.n))


def _source_alert(
    kind: AlertKind, group: Sequence[HealthChange], feeds: Mapping[str, FeedStatus], now: datetime
) -> SystemAlert:
    first = group[0]
    one, many = _SAID[kind]
    title = f"{first.feed} {one}" if len(group) == 1 else f"{len(group)} sources {many}"
    points = tuple(_point(change, feeds.get(change.feed)) for change in group[:MOST_POINTS])
    reasons = {change.reason for change in group}
    return SystemAlert(
        kind=kind,
        reason=reasons.pop() if len(reasons) == 1 else "several",
        subject=first.feed,
        title=title,
        at=now,
        points=points,
        more=max(len(group) - MOST_POINTS, 0),
        advice=_ADVICE.get(kind, ""),
    )


def _point(change: HealthChange, feed: FeedStatus | None) -> Point:
    name = f"{change.feed} ({feed.outlet})" if feed and feed.outlet else change.feed
    since = None
    if feed is not None and change.to_state is not Health.RECOVERED:
        since = feed.news_at if change.to_state is Health.QUIET else feed.failing_since
    text = f"{change.to_state.value}: {change.detail or change.reason}"
    return Point(name, text, since)


def test_alert(now: datetime) -> Alert:
    """Return an alert that says it is a test; every part of a real one that makes sense for a test is there."""
    return Alert(
        kind=AlertKind.TEST,
        item="test",
        watchlist="",
        title="this address is reached",
        question="Does a message from watcher arrive here?",
        from_state="untried",
        from_label="untried",
        to_state="test",
        to_label="test",
        at=now,
        reason=Reason.PERSON,
        detail="Somebody asked for a test message. No watch item has changed.",
        sources=0,
        quotes=(Quote("A quoted sentence looks like this.", "an outlet", Tier.OTHER, now),),
        next="A real message comes when a watch item changes its state.",
    )
