"""What is told again because nobody has acknowledged it: reminders to those who were told, escalations to others.

    told ── `repeat.every` ──▸ reminder 1 ── `repeat.every` ──▸ reminder 2 … `repeat.most`
      └──── `escalate.after` ──▸ others, once

Counted from when a message was sent, not from when it was planned: of one that still waits nobody is reminded. Nothing
is planned ahead, for what waits would still go out when somebody has acknowledged it: in quiet hours, and while a
silence lasts, nothing comes of it, and the first round after them looks again. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from watcher.domain.alerts import (
    CHANGES,
    POLICY_KINDS,
    Alert,
    AlertKind,
    AlertRow,
    DeliveryRow,
    DeliveryState,
    PlannedAlert,
    PlannedDelivery,
    Route,
    Silence,
)
from watcher.domain.model import Standing
from watcher.domain.routing import matches, planned

FOLLOWED = tuple(kind for kind in POLICY_KINDS if kind is not AlertKind.EARLY_SIGNAL)
"""The kinds that are told again: an early signal asks nobody to do anything."""
_PATIENCE = timedelta(days=14)  # how long a message may wait to be sent, or hours and silences keep the next one back


@dataclass(frozen=True, slots=True)
class Followups:
    """What is to be told again, and the ids of deliveries of former reminders that wait and are not wanted any more."""

    planned: tuple[PlannedAlert, ...] = ()
    called_off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Present:
    """How things are now: where the items stand, the latest time something was told of each, what is silenced."""

    standings: Mapping[str, Standing]
    heard: Mapping[str, datetime]
    silences: Sequence[Silence] = ()


def followed(routes: Iterable[Route]) -> list[Route]:
    """Return the routes that tell again."""
    return [route for route in routes if route.repeat or route.escalate]


def reach(routes: Iterable[Route]) -> timedelta:
    """Return how long after an alert or its last reminder was planned one of these routes may tell it again."""
    spans = [route.repeat.every for route in routes if route.repeat]
    spans += [route.escalate.after for route in routes if route.escalate]
    return max(spans, default=timedelta(0)) + _PATIENCE


def follow_up(rows: Sequence[AlertRow], routes: Sequence[Route], present: Present, now: datetime) -> Followups:
    """Return what is due. `rows` holds alerts that were told, and every reminder and escalation of them."""
    again: dict[int, list[AlertRow]] = defaultdict(list)
    for row in rows:
        if row.reminds_of is not None:
            again[row.reminds_of].append(row)
    due: list[PlannedAlert] = []
    called_off: list[str] = []
    for row in rows:
        if row.reminds_of is not None or not isinstance(row.alert, Alert) or row.alert.kind not in FOLLOWED:
            continue
        later = again[row.id]
        if _acknowledged(row, later) or not holds(row.alert, present):
            called_off += _waiting(later)
            continue
        for route in followed(routes):
            due += _due(row, row.alert, later, route, present, now)
    return Followups(tuple(due), tuple(called_off))


def _acknowledged(row: AlertRow, later: Iterable[AlertRow]) -> bool:
    return any(one.acks for one in (row, *later))


def _waiting(later: Iterable[AlertRow]) -> Iterator[str]:
    """Name what has never been tried: a message that may have arrived is left to be settled."""
    for row in later:
        yield from (d.id for d in row.deliveries if d.state is DeliveryState.PENDING and not d.message)


def holds(alert: Alert, present: Present) -> bool:
    """Whether what an alert says is still so: its item has not moved since, its day is the same, and it is as silent as
    it was. An item that is no longer watched tells nothing."""
    standing = present.standings.get(alert.item)
    if standing is None:
        return False
    if alert.kind in CHANGES:
        there = (standing.state, standing.value) == (alert.to_state, alert.to_value)
        return there and standing.since <= alert.at
    if standing.state != alert.from_state or (alert.from_since or alert.at) < standing.since:
        return False
    if alert.kind is AlertKind.DEADLINE:
        return alert.day is not None and (standing.value or "").startswith(alert.day.isoformat())
    if alert.kind is AlertKind.SILENT:
        return alert.item not in present.heard or present.heard[alert.item] <= alert.at
    return True


# --- one alert by one route -----------------------------------------------------------------------


def _due(
    row: AlertRow, alert: Alert, later: Sequence[AlertRow], route: Route, present: Present, now: datetime
) -> Iterator[PlannedAlert]:
    told = [one for one in row.deliveries if one.route == route.name]
    by_route = [one for one in later if any(d.route == route.name for d in one.deliveries)]
    if not told or not matches(route.when, alert):  # of another route that had this name, or it is for others now
        return
    n, receivers = _reminder(told, by_route, route, now)
    if to := _now(route, receivers, alert, present, now):
        yield PlannedAlert(replace(alert, reminder=n), (row.key, "reminder", route.name, str(n)), to, reminds_of=row.id)
    others = _escalation(row, told, by_route, route, now)
    if to := _now(route, others, alert, present, now):
        yield PlannedAlert(replace(alert, escalated=True), (row.key, "escalation", route.name), to, reminds_of=row.id)


def _reminder(
    told: Sequence[DeliveryRow], by_route: Sequence[AlertRow], route: Route, now: datetime
) -> tuple[int, list[str]]:
    """Return the number of the next reminder, and to whom it goes now: nobody when it is not due.

    One reminder goes to all whose last message has arrived, when that of the last of them is `every` ago.
    """
    former = sorted((row for row in by_route if _number(row)), key=_number)
    n = _number(former[-1]) + 1 if former else 1
    if route.repeat is None or n > route.repeat.most:
        return n, []
    last = {one.receiver: one for one in told}
    for row in former:
        last |= {one.receiver: one for one in row.deliveries}
    sent = {name: one.settled_at for name, one in last.items() if one.state is DeliveryState.SENT and one.settled_at}
    if not sent or max(sent.values()) + route.repeat.every > now:
        return n, []
    return n, [name for name in route.to if name in sent]


def _number(row: AlertRow) -> int:
    """Which reminder it is; 0 for an escalation."""
    return row.alert.reminder if isinstance(row.alert, Alert) else 0


def _escalation(
    row: AlertRow, told: Sequence[DeliveryRow], by_route: Sequence[AlertRow], route: Route, now: datetime
) -> list[str]:
    """Return who is told now because those of the route have not acknowledged; those who were told are left out."""
    if route.escalate is None or any(not _number(one) for one in by_route):
        return []
    sent = [one.settled_at for one in told if one.state is DeliveryState.SENT and one.settled_at]
    if not sent or min(sent) + route.escalate.after > now:
        return []
    known = {one.receiver for one in row.deliveries}
    return [name for name in route.escalate.to if name not in known]


def _now(
    route: Route, receivers: Collection[str], alert: Alert, present: Present, now: datetime
) -> tuple[PlannedDelivery, ...]:
    """Plan deliveries by a route's hours; none where it would have to wait, or a silence is on it."""
    made = planned(route, receivers, alert, present.silences, now)
    return tuple(one for one in made if not one.silenced and one.not_before <= now)
