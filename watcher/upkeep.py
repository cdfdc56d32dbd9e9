"""What is done beside the straight line, every minute: forget what is old, watch the sources' health, keep feeds in
step with the days that items wait for, and count what waits.

Like the pipeline's verbs, each may run twice, late, in two processes, or again after a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from watcher.config.settings import Retention, Settings
from watcher.domain import health
from watcher.domain.alerting import tell_sources
from watcher.domain.alerts import Backlog
from watcher.domain.gathering import gather, to_tell
from watcher.domain.model import Coverage, Feed, FeedStatus, Health, HealthChange, Rules, Standing
from watcher.domain.routing import to_system
from watcher.domain.schedule import HURRY, JITTER, interval
from watcher.errors import RacedError
from watcher.storage.store import Store

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Swept:
    """What was tidied, what waits, and how the sources are."""

    pruned: int  # entries whose text was removed
    backlog: Backlog
    failing: tuple[str, ...]  # active feeds whose last poll failed
    changes: tuple[HealthChange, ...] = ()
    health: Mapping[Health, int] | None = None  # active feeds by health
    coverage: tuple[Coverage, ...] = ()
    alerts: int = 0  # system alerts planned


def sweep(store: Store, settings: Settings, *, now: datetime, watching_since: datetime, patient: bool = True) -> Swept:
    """Do all of it once. `watching_since` is when this process began to poll. With `patient` False nothing that is to
    be told of sources waits for the next sweep, which may be far off."""
    pruned = prune(store, settings.retention, now=now)
    statuses = [status for status in store.feed_statuses() if status.active]
    hasten(store, settings, statuses, now=now)
    changes, alerts = watch_sources(
        store, statuses, settings.system, now=now, watching_since=watching_since, patient=patient
    )
    after = {change.feed: change.to_state for change in changes}
    counts = dict.fromkeys(Health, 0)
    for status in statuses:
        counts[after.get(status.id, status.health)] += 1
    failing = tuple(status.id for status in statuses if status.failures)
    coverage = tuple(health.cover(settings.sources, statuses, now))
    return Swept(pruned, store.backlog(now), failing, tuple(changes), counts, coverage, alerts)


def prune(store: Store, retention: Retention, *, now: datetime) -> int:
    """Remove the text of old entries that were about nothing watched, and old changes of health.

    Evidence, transitions, alerts and the identity of every entry stay for ever. Done in slices, a transaction each; a
    crash leaves the rest for the next round. Returns how many entries lost their text.
    """
    store.forget_health(now - retention.health)
    return store.prune(now, now - retention.unmatched)


def watch_sources(
    store: Store,
    statuses: Sequence[FeedStatus],
    receivers: Sequence[str],
    *,
    now: datetime,
    watching_since: datetime,
    patient: bool = True,
) -> tuple[list[HealthChange], int]:
    """Store every change of the sources' health, and plan what is to be told.

    1. Make the sources due at once that could not be reached in a common outage that is over.
    2. Store the changes, and which of them are to be told, in one transaction. A crash before: they are found again.
    3. Of what waits to be told, choose what has gathered (domain/gathering.py), and plan its alerts in another
       transaction. A crash before: the next sweep does.

    With `patient` False nothing waits for more of its kind. Returns the changes, and how many alerts were planned. When
    another worker was first, nothing is written: it did the same.
    """
    changes = health.changes(statuses, now, watching_since=watching_since)
    store.ask_again(health.ask_again(statuses), now)
    if changes:
        try:
            store.record_health(changes, to_tell(changes, statuses) if receivers else ())
        except RacedError:
            return [], 0
    return changes, _tell(store, statuses, receivers, now, patient=patient)


def _tell(
    store: Store, statuses: Sequence[FeedStatus], receivers: Sequence[str], now: datetime, *, patient: bool
) -> int:
    """Plan the alerts whose time has come; return how many."""
    untold, last = store.untold_health()
    gathered = gather(untold, statuses, last, now, patient=patient and bool(receivers))
    if not gathered.done:
        return 0
    told = tell_sources(gathered.changes, {status.id: status for status in statuses}, now)
    try:
        store.tell_health(gathered.done, [to_system(alert, key, receivers, now) for alert, key in told], now)
    except RacedError:
        return 0
    return len(told) if receivers else 0


# --- days that items wait for ---------------------------------------------------------------------


def hasten(store: Store, settings: Settings, statuses: Iterable[FeedStatus], *, now: datetime) -> None:
    """Tell every feed the nearest day that one of its items waits for, and bring its next poll forward where that day
    asks for it."""
    days = deadlines(settings.rules, store.standings(), now)
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
        state = rules.lifecycles[item.lifecycle].states.get(standing.state) if standing else None
        if standing is None or state is None or state.final or not (state.value or "").startswith("date"):
            continue
        day = _day(standing.value)
        if day is not None and day + DAY + HURRY > now:
            found[item.id] = day
    return found


def _day(value: str | None) -> datetime | None:
    """Read the day at the beginning of a value ("2025-11-10", "2025-11-10 Madrid")."""
    try:
        return datetime.fromisoformat((value or "")[:10]).replace(tzinfo=UTC)
    except ValueError:
        return None
