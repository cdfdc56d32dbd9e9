"""Reminders and escalations: every minute, what nobody has acknowledged is told again where a route wants that.

Like the pipeline's verbs, it may run twice, late, in two processes, or again after a crash: each is planned once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from watcher.domain.alerts import Alert, AlertRow, Route
from watcher.domain.followups import FOLLOWED, Present, follow_up, followed, reach
from watcher.storage.store import Store

PAGE = 500  # alerts looked at at a time


@dataclass(frozen=True, slots=True)
class Reminded:
    """What was planned, and how many deliveries were called off because they are no longer wanted."""

    reminders: int = 0
    escalations: int = 0
    called_off: int = 0

    def __add__(self, other: Reminded) -> Reminded:
        return Reminded(
            self.reminders + other.reminders, self.escalations + other.escalations, self.called_off + other.called_off
        )


def remind(store: Store, routes: Sequence[Route], *, now: datetime) -> Reminded:
    """Plan every reminder and escalation that is due.

    What was acknowledged, or moved, between the look and the writing is left out by the store.
    """
    telling = followed(routes)
    pages = _pages(store, telling, now)
    rows = next(pages, [])
    if not rows:
        return Reminded()
    standings = store.standings()
    versions = {item: standing.version for item, standing in standings.items()}
    heard = {item: evidence.at for item, evidence in store.last_evidence().items()}
    present = Present(standings, heard, store.silences(now))
    done = Reminded()
    while rows:
        due = follow_up(rows, telling, present, now)
        if due.planned or due.called_off:
            stored, called_off = store.tell_again(due.planned, versions, due.called_off, now)
            escalated = sum(isinstance(one.alert, Alert) and one.alert.escalated for one in stored)
            done += Reminded(len(stored) - escalated, escalated, called_off)
        rows = next(pages, [])
    return done


def _pages(store: Store, telling: Sequence[Route], now: datetime) -> Iterator[list[AlertRow]]:
    """Yield what may have to be told again, so much at a time; each alert with all that reminds of it."""
    if not telling:
        return
    names, since, last = [route.name for route in telling], now - reach(telling), 0
    while rows := store.told_by(names, FOLLOWED, since, after=last, limit=PAGE):
        yield rows
        last = max(row.id for row in rows if row.reminds_of is None)
