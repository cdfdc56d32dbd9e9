"""From an alert to its deliveries: which routes it takes, when each may be sent, and why.

    match      the first route whose conditions all hold decides; the ones after it are asked while it `proceeds`
    silence    a person's silence is kept with the delivery, which is never sent
    hours      shut: held until they open
    wait       open: held for others of the same event
    digest     such a route sends nothing by itself

Pure. What one hour's budget leaves is known only when messages are claimed; what a message looks like is
`watcher.delivery`'s work.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from watcher.domain.alerts import (
    Alert,
    Conditions,
    Hold,
    PlannedAlert,
    PlannedDelivery,
    Route,
    Silence,
    SystemAlert,
)
from watcher.domain.hours import release

CRITICAL = "critical"
"""The severity that waits for nothing: neither for hours, nor for others of its event, nor for a budget."""


class Verdict(StrEnum):
    """What a route made of an alert."""

    TAKEN = "taken"
    UNMET = "unmet"  # a condition does not hold
    NOBODY = "nobody"  # its receivers are all switched off; it is passed over
    UNASKED = "unasked"  # an earlier route has decided


@dataclass(frozen=True, slots=True)
class Unmet:
    """A condition that does not hold: its name, the words it asks for, and what the alert has."""

    condition: str
    wants: tuple[str, ...]
    has: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What one route made of an alert. `receivers` are those it tells, `told_before` those that an earlier one tells
    already, `digest` says that it sends them nothing but a digest, `decides` that no route after it is asked."""

    route: str
    verdict: Verdict
    unmet: Unmet | None = None
    receivers: tuple[str, ...] = ()
    told_before: tuple[str, ...] = ()
    digest: bool = False
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Routed:
    """The deliveries of an alert, each receiver's once, and how they came about: a step for each route, in order."""

    deliveries: tuple[PlannedDelivery, ...] = ()
    steps: tuple[Step, ...] = ()


def deliveries(routes: Sequence[Route], alert: Alert, silences: Iterable[Silence], now: datetime) -> Routed:
    """Plan the deliveries of `alert`: to the receivers of the first route that takes it, and, as long as the one that
    does `proceeds`, of the next; to each receiver once, by the first route that tells it."""
    found: dict[str, PlannedDelivery] = {}
    steps: list[Step] = []
    silences = tuple(silences)
    decided = False
    for route in routes:
        step = _ask(route, alert, found.keys(), decided=decided)
        if not step.digest:
            made = planned(route, step.receivers, alert, silences, now, waits=True)
            found.update((one.receiver, one) for one in made)
        decided = decided or step.decides
        steps.append(step)
    return Routed(tuple(found.values()), tuple(steps))


def planned(
    route: Route,
    receivers: Iterable[str],
    alert: Alert,
    silences: Iterable[Silence],
    now: datetime,
    *,
    waits: bool = False,
) -> tuple[PlannedDelivery, ...]:
    """Plan one delivery to each of these receivers, whoever the route itself tells: reminders and escalations are sent
    so, at the route's hours, and none that is silenced. With `waits`, others of the same event are waited for."""
    silenced = silenced_by(silences, alert, now)
    why = f"{silenced.by}: {silenced.reason}" if silenced else ""
    not_before, hold = (now, None) if silenced else due(route, alert, now, waits=waits)
    return tuple(PlannedDelivery(receiver, route.name, not_before, hold, why) for receiver in receivers)


def due(route: Route, alert: Alert, now: datetime, *, waits: bool) -> tuple[datetime, Hold | None]:
    """Return when a route may send an alert, and why not now.

    What is critical goes at once. A wait that would end in shut hours is not begun: who is awake is told.
    """
    if alert.severity == CRITICAL:
        return now, None
    if (opening := release(route.hours, now)) is not None:
        return opening, Hold.QUIET
    later = now + route.wait
    if not waits or later == now or release(route.hours, later) is not None:
        return now, None
    return later, Hold.GROUP


def silenced_by(silences: Iterable[Silence], alert: Alert, now: datetime) -> Silence | None:
    """Return the silence that an alert falls under now; of several the one that ends last."""
    meant = (one for one in silences if one.starts_at <= now < one.ends_at and matches(one.when, alert))
    return max(meant, key=lambda one: one.ends_at, default=None)


def matches(when: Conditions, alert: Alert) -> bool:
    """Whether an alert meets all conditions."""
    return unmet(when, alert) is None


def unmet(when: Conditions, alert: Alert) -> Unmet | None:
    """Return the first condition that an alert does not meet, None when it meets all."""
    for condition, has in _facts(alert):
        wants: tuple[str, ...] = getattr(when, condition)
        if wants and not set(wants).intersection(has):
            return Unmet(condition, tuple(map(str, wants)), tuple(map(str, has)))
    return None


def _facts(alert: Alert) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what an alert has of each condition, the kind first: most routes are for some kinds alone."""
    yield "kinds", (alert.kind,)
    yield "watchlists", (alert.watchlist,)
    yield "items", (alert.item,)
    yield "tags", alert.tags
    yield "lifecycles", (alert.lifecycle,)
    yield "states", (alert.to_state,)
    yield "severities", (alert.severity,)
    yield "tiers", (alert.tier,) if alert.tier else ()


def _ask(route: Route, alert: Alert, told: Collection[str], *, decided: bool) -> Step:
    if decided:
        return Step(route.name, Verdict.UNASKED)
    if fault := unmet(route.when, alert):
        return Step(route.name, Verdict.UNMET, fault)
    if not route.to:
        return Step(route.name, Verdict.NOBODY)
    digest = route.digest is not None
    before = () if digest else tuple(one for one in route.to if one in told)
    return Step(
        route.name,
        Verdict.TAKEN,
        receivers=tuple(one for one in route.to if one not in before),
        told_before=before,
        digest=digest,
        decides=not route.proceeds,
    )


def to_system(alert: SystemAlert, key: tuple[str, ...], receivers: Sequence[str], now: datetime) -> PlannedAlert:
    """Plan an alert about the service: to every receiver, at once, by no route."""
    return PlannedAlert(alert, key, tuple(PlannedDelivery(receiver, "", now) for receiver in receivers))
