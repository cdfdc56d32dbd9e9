"""Watch the service itself, every minute: what goes wrong with it is told once, and that it is over once.

May run twice, late, in two processes, or again after a crash: what was told last is in the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from watcher.config.settings import Settings
from watcher.domain import troubles
from watcher.domain.alerting import MOST_POINTS
from watcher.domain.alerts import AlertKind, ToldOfService
from watcher.domain.routing import to_system
from watcher.domain.troubles import JobFailure, Telling, Trouble, Watched
from watcher.errors import Problem, StoreError
from watcher.storage.store import Store

KINDS = (AlertKind.TROUBLE, AlertKind.TROUBLE_OVER)


class Vigil:
    """What one process has found wrong so far. Restarted, it finds what is still wrong again, and tells nothing
    twice."""

    def __init__(self, store: Store, started: datetime) -> None:
        self._store = store
        self._started = started
        self._checks = 0
        self._watched: dict[str, Watched] = {}
        self._unsaid: dict[str, Watched] = {}  # believed while the database took nothing

    def check(
        self, settings: Settings, failing: Sequence[JobFailure], idle: timedelta, patience: timedelta, now: datetime
    ) -> int:
        """Look once; return how many alerts are new. `idle` is how long polling and judging got nothing done,
        `patience` how long they may.

        Raises StoreError while the database refuses; what could not be told then is told when it is over.
        """
        found = troubles.of_jobs(failing, now)
        explained = any(failure.database or failure.job == "cycle" for failure in failing)
        if not explained and (stuck := troubles.of_cycle(idle, patience, now)) is not None:
            found.append(stuck)
        self._checks += 1
        try:
            last = troubles.latest(self._store.told_of_service(KINDS, troubles.REASONS))
            found += self._waiting(last.get("backlog"), now)
        except StoreError:
            self._note(found, now)
            self._keep_unsaid()
            raise
        self._note(found, now)
        try:
            return self._tell(settings, last, now)
        except StoreError:
            self._keep_unsaid()
            raise

    def tell_refusal(
        self, settings: Settings, problems: Sequence[Problem | str], refused_at: datetime, now: datetime
    ) -> int:
        """Tell why a changed configuration was refused, once for the same problems of one day; no problems, nothing to
        tell."""
        if not problems:
            return 0
        alert, key = troubles.refusal(settings.path.name, problems, refused_at, settings.secrets)
        return self._store.tell([to_system(alert, key, settings.system, now)], now)

    def _note(self, found: Sequence[Trouble], now: datetime) -> None:
        self._watched = troubles.follow(self._watched, found, now)

    def _keep_unsaid(self) -> None:
        self._unsaid |= {subject: one for subject, one in self._watched.items() if one.believed}

    def _tell(self, settings: Settings, last: Mapping[str, ToldOfService], now: datetime) -> int:
        begun = troubles.begun(self._watched, last, now)
        ended = troubles.ended(self._watched, last, now, started=self._started, checks=self._checks)
        known = {subject for subject, one in last.items() if one.alert.kind is AlertKind.TROUBLE}
        known |= {alert.subject for alert, _ in begun}
        self._unsaid = {subject: one for subject, one in self._unsaid.items() if subject not in known}
        over = {subject: one for subject, one in self._unsaid.items() if self._watched[subject].gone}
        tellings: list[Telling] = [*begun, *ended, *troubles.missed_telling(over, now)]
        new = self._store.tell([to_system(alert, key, settings.system, now) for alert, key in tellings], now)
        self._unsaid = {subject: one for subject, one in self._unsaid.items() if subject not in over}
        return new

    def _waiting(self, backlog: ToldOfService | None, now: datetime) -> list[Trouble]:
        """The troubles that stand in the database."""
        waiting = self._store.backlog(now)
        dead = self._store.given_up(MOST_POINTS) if waiting.dead else ()
        known = backlog is not None and backlog.alert.kind is AlertKind.TROUBLE
        found = (troubles.of_deliveries(dead, waiting.dead), troubles.of_backlog(waiting, known=known, now=now))
        return [trouble for trouble in found if trouble is not None]
