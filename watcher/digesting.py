"""Digests: when the next one of a route is due, what it says, and that it is made once.

Like the pipeline's verbs, making them may run twice, late, in two processes, or again after a crash.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

from apscheduler.triggers.cron import CronTrigger

from watcher.config.settings import Settings
from watcher.domain.alerts import Digest, PlannedAlert, PlannedDelivery, Route, Timetable
from watcher.domain.digests import DigestRow, News, Watched, build, is_empty
from watcher.domain.model import Evidence
from watcher.storage.store import Store

_JUMP = timedelta(hours=3)  # more than any clock on a wall is put forward or back
_OVERLAP = timedelta(minutes=1)  # a judgement bears the time it was begun at, and is seen a little later


# --- when -----------------------------------------------------------------------------------------


def next_time(timetable: Timetable, after: datetime) -> datetime | None:
    """Return the first time of a timetable after a moment, UTC; None where it has none (30 February).

    The clock on the wall counts, and each of its times once: the second of an hour that comes twice is passed over, and
    a time that the clock jumps over is as long after the jump as it lies in the gap.
    """
    # the trigger reckons in a zone without jumps, as if the wall clock were UTC
    trigger = CronTrigger.from_crontab(timetable.cron, timezone=UTC)
    wall = after.astimezone(timetable.zone).replace(tzinfo=UTC) - _JUMP
    while (found := cast("datetime | None", trigger.get_next_fire_time(None, wall))) is not None:
        at = found.replace(tzinfo=timetable.zone).astimezone(UTC)
        if at > after:
            return at
        wall = found + timedelta(minutes=1)
    return None


def named(timetable: Timetable) -> str:
    """Name a timetable as the store does, so that a change of it is seen."""
    return f"{timetable.cron} {timetable.zone.key}"


# --- what -----------------------------------------------------------------------------------------


def compose(
    store: Store, settings: Settings, route: Route, since: datetime, *, now: datetime, after: int | None = None
) -> tuple[Digest, int]:
    """Return what a route's digest says of the time since, and the id of the last transition that it covers.

    `after` is the id of the last one that the digest before it covered; without it, `since` decides.
    """
    changes = store.changes(after) if after is not None else store.changes(since=since)
    told = store.evidence_since(since if after is None else since - _OVERLAP)
    standings = store.standings()
    items = {change.transition.item for change in changes} | {evidence.item for evidence in told}
    news = News(
        changes=changes,
        histories={item: store.history(item) for item in items},
        told=told,
        known=_known(store, settings, told),
        standings=standings,
        last=store.last_evidence(),
        feeds=store.feed_statuses(),
    )
    watched = Watched(settings.rules.items, settings.rules.lifecycles, settings.sources)
    zone = route.digest.zone if route.digest else settings.zone
    digest = build(route, watched, news, since=since, now=now, today=now.astimezone(zone).date())
    return digest, max((change.id for change in changes), default=after or 0)


def _known(store: Store, settings: Settings, told: list[Evidence]) -> dict[str, list[Evidence]]:
    """What the decisions on these items look back on."""
    first: dict[str, list[datetime]] = defaultdict(list)
    for evidence in told:
        first[evidence.item].append(evidence.at)
    within = {item.id: item.evidence.within for item in settings.rules.items}
    return {item: store.evidence(item, min(times) - within[item]) for item, times in first.items() if item in within}


# --- made once ------------------------------------------------------------------------------------


def make_digests(store: Store, settings: Settings, *, now: datetime) -> int:
    """Make every digest that is due; return how many were planned.

    A route that has none yet begins now, and tells nothing of what was before. One that was missed is made late, once,
    of the whole time; so is that of a route with nobody to tell, once there is somebody. A digest in which there is
    nothing to say is passed over where its route wants that.
    """
    routes = {route.name: (route, route.digest) for route in settings.routes if route.digest}
    wanted = {name: (named(table), at) for name, (_, table) in routes.items() if (at := next_time(table, now))}
    rows = store.digests()
    if {name: row.timetable for name, row in rows.items()} != {name: text for name, (text, _) in wanted.items()}:
        store.expect_digests(wanted, now)
        rows = store.digests()
    made = 0
    for name, (route, table) in routes.items():
        row = rows.get(name)
        if row is None or row.next_at > now or name not in wanted or not route.to:
            continue
        digest, last = compose(store, settings, route, row.last_at, now=now, after=row.last_transition)
        planned = _planned(route, digest, row) if table.empty or not is_empty(digest) else None
        made_row = DigestRow(name, row.timetable, now, last, wanted[name][1])
        made += store.make_digest(row, made_row, planned, now) and planned is not None
    return made


def _planned(route: Route, digest: Digest, row: DigestRow) -> PlannedAlert:
    key = (digest.kind.value, route.name, f"{row.next_at:%Y%m%dT%H%M%S}")
    return PlannedAlert(digest, key, tuple(_deliveries(route, digest.at)))


def _deliveries(route: Route, at: datetime) -> Iterator[PlannedDelivery]:
    for receiver in route.to:
        yield PlannedDelivery(receiver, route.name, at)
