"""What is told because time has gone by: the days that items wait for, for which feeds are polled sooner, and items of
which nothing was told.

Like the pipeline's verbs, each may run twice, late, in two processes, or again after a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from watcher.config.settings import Settings
from watcher.domain import occasions
from watcher.domain.alerts import PlannedAlert
from watcher.domain.feeds import Feed, FeedStatus
from watcher.domain.model import Rules, Standing
from watcher.domain.routing import deliveries
from watcher.domain.schedule import HURRY, JITTER, interval
from watcher.storage.store import Store

DAY = timedelta(days=1)


def tell_occasions(
    store: Store,
    settings: Settings,
    standings: Mapping[str, Standing],
    statuses: Sequence[FeedStatus],
    *,
    now: datetime,
) -> int:
    """Store what is to be told of deadlines and of silence, where a route wants it; return how many alerts are new."""
    told = [*_deadlines(settings, standings, now), *_silences(store, settings, standings, statuses, now)]
    silences = store.silences(now) if told else []
    planned = [
        PlannedAlert(alert, key, deliveries(settings.routes, alert, silences, now).deliveries) for alert, key in told
    ]
    return store.tell(planned, now)


def _deadlines(settings: Settings, standings: Mapping[str, Standing], now: datetime) -> list[occasions.Occasion]:
    found = []
    for item in settings.rules.items:
        if (standing := standings.get(item.id)) is not None:
            lifecycle = settings.rules.lifecycles[item.lifecycle]
            found.append(occasions.deadline(item, lifecycle, standing, now, settings.zone))
    return [occasion for occasion in found if occasion is not None]


def _silences(
    store: Store, settings: Settings, standings: Mapping[str, Standing], statuses: Sequence[FeedStatus], now: datetime
) -> list[occasions.Occasion]:
    if not any(item.silent_after for item in settings.rules.items):
        return []
    last = store.last_evidence()
    feeds = {status.id: status for status in statuses}
    found = []
    for item in settings.rules.items:
        names, standing = settings.sources.get(item.id, ()), standings.get(item.id)
        if standing is None or not all(name in feeds for name in names):
            continue
        sources = [feeds[name] for name in names]
        lifecycle = settings.rules.lifecycles[item.lifecycle]
        found.append(occasions.silence(item, lifecycle, standing, last.get(item.id), sources, now))
    return [occasion for occasion in found if occasion is not None]


# --- feeds are asked sooner near such a day -------------------------------------------------------


def hasten(
    store: Store,
    settings: Settings,
    standings: Mapping[str, Standing],
    statuses: Iterable[FeedStatus],
    *,
    now: datetime,
) -> None:
    """Tell every feed the nearest day that one of its items waits for, and bring its next poll forward where that day
    asks for it."""
    days = deadlines(settings.rules, standings, now)
    nearest: dict[str, datetime] = {}
    for item, feeds in settings.sources.items():
        if (day := days.get(item)) is not None:
            for name in feeds:
                nearest[name] = min(day, nearest.get(name, day))
    configured = {feed.id: feed for feed in settings.feeds}
    due: dict[str, tuple[datetime | None, datetime]] = {}
    for status in statuses:
        feed, day = configured.get(status.id), nearest.get(status.id)
        if feed is None or feed.fastest is None:
            continue
        by = _latest(feed, status, day, now)
        if day != status.deadline or (day is not None and not status.failures and by < status.next_poll_at):
            due[status.id] = (day, by if day is not None else status.next_poll_at)
    store.expect_days(due)


def _latest(feed: Feed, status: FeedStatus, day: datetime | None, now: datetime) -> datetime:
    """When a feed is to be polled at the latest for the sake of that day alone; what jitter adds is let be."""
    patient = replace(status.pace, told=feed.slowest)
    return now + interval(feed, patient, now, deadline=day) * (1 + JITTER)


def deadlines(rules: Rules, standings: Mapping[str, Standing], now: datetime) -> dict[str, datetime]:
    """Return the first moment (UTC) of the day that an item's state carries, where that is not over and done with."""
    found: dict[str, datetime] = {}
    for item in rules.items:
        standing = standings.get(item.id)
        day = occasions.waited_day(rules.lifecycles[item.lifecycle], standing) if standing else None
        if day is None:
            continue
        begins = datetime.combine(day, time(), UTC)
        if begins + DAY + HURRY > now:
            found[item.id] = begins
    return found
