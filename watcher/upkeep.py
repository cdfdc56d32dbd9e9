"""What is done beside the straight line, every minute: forget what is old, watch the sources' health and who is left to
see news of an item, see to what time alone brings (occasions.py), and count what waits.

Like the pipeline's verbs, each may run twice, late, in two processes, or again after a crash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from watcher.config.settings import Retention, Settings
from watcher.domain import health
from watcher.domain.alerting import tell_sources
from watcher.domain.alerts import AlertKind, Backlog
from watcher.domain.feeds import Coverage, FeedStatus, Health, HealthChange
from watcher.domain.gathering import gather, to_tell
from watcher.domain.routing import to_system
from watcher.domain.troubles import SEEN, UNSEEN, unseen
from watcher.errors import RacedError
from watcher.occasions import hasten, tell_occasions
from watcher.storage.store import Store


@dataclass(frozen=True, slots=True)
class Swept:
    """What was tidied, what waits, and how the sources are."""

    pruned: int  # entries whose text was removed
    backlog: Backlog
    failing: tuple[str, ...]  # active feeds whose last poll failed
    changes: tuple[HealthChange, ...] = ()
    health: Mapping[Health, int] | None = None  # active feeds by health
    coverage: tuple[Coverage, ...] = ()
    alerts: int = 0  # planned here: about sources, about items nobody sees, and about what time alone brings


def sweep(store: Store, settings: Settings, *, now: datetime, watching_since: datetime, patient: bool = True) -> Swept:
    """Do all of it once. `watching_since` is when this process began to poll. With `patient` False nothing that is to
    be told of sources waits for the next sweep, which may be far off."""
    pruned = prune(store, settings.retention, now=now)
    statuses = [status for status in store.feed_statuses() if status.active]
    standings = store.standings()
    hasten(store, settings, standings, statuses, now=now)
    changes, alerts = watch_sources(
        store, statuses, settings.system, now=now, watching_since=watching_since, patient=patient
    )
    after = {change.feed: change.to_state for change in changes}
    statuses = [replace(status, health=after.get(status.id, status.health)) for status in statuses]
    alerts += watch_items(store, settings, statuses, now=now)
    alerts += tell_occasions(store, settings, standings, statuses, now=now)
    counts = dict.fromkeys(Health, 0)
    for status in statuses:
        counts[status.health] += 1
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


def watch_items(store: Store, settings: Settings, statuses: Sequence[FeedStatus], *, now: datetime) -> int:
    """Tell which items nobody can see news of, as none of their sources can be read, and which are seen again; return
    how many alerts are new."""
    if not settings.system:
        return 0
    told = store.told_of_service((AlertKind.ITEM_UNSEEN, AlertKind.TROUBLE_OVER), (UNSEEN, SEEN))
    items = {item.id: item for item in settings.rules.items}
    found = unseen(settings.sources, {status.id: status for status in statuses}, items, told, now)
    return store.tell([to_system(alert, key, settings.system, now) for alert, key in found], now)
