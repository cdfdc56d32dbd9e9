"""From an alert to its deliveries: which routes it takes, and when each may be sent.

Pure: silences, hours and budgets are what the caller hands in; what a message looks like is `watcher.delivery`'s work.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from watcher.domain.alerts import Alert, Conditions, PlannedAlert, PlannedDelivery, Route, SystemAlert


def deliveries(routes: Sequence[Route], alert: Alert, now: datetime) -> tuple[PlannedDelivery, ...]:
    """Plan the deliveries of `alert`: to the receivers of the first route that matches, and, as long as the one that
    does `proceeds`, of the next; to each receiver once, by the first route that names it."""
    planned: dict[str, PlannedDelivery] = {}
    for route in routes:
        if not matches(route.when, alert):
            continue
        for receiver in route.to:
            planned.setdefault(receiver, PlannedDelivery(receiver, route.name, now))
        if not route.proceeds:
            break
    return tuple(planned.values())


def matches(when: Conditions, alert: Alert) -> bool:
    """Whether an alert meets all conditions."""
    return (
        (not when.kinds or alert.kind in when.kinds)
        and (not when.watchlists or alert.watchlist in when.watchlists)
        and (not when.items or alert.item in when.items)
        and (not when.tags or not set(when.tags).isdisjoint(alert.tags))
        and (not when.lifecycles or alert.lifecycle in when.lifecycles)
        and (not when.states or alert.to_state in when.states)
        and (not when.severities or alert.severity in when.severities)
        and (not when.tiers or alert.tier in when.tiers)
    )


def to_system(alert: SystemAlert, key: tuple[str, ...], receivers: Sequence[str], now: datetime) -> PlannedAlert:
    """Plan an alert about the service: to every receiver, at once, by no route."""
    return PlannedAlert(alert, key, tuple(PlannedDelivery(receiver, "", now) for receiver in receivers))
