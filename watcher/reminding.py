"""Reminders and escalations: every minute, what nobody has acknowledged is told again where a route wants that.

Like the pipeline's verbs, it may run twice, late, in two processes, or again after a crash: each is planned once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from watcher.domain.alerts import Alert, Route
from watcher.domain.followups import FOLLOWED, Present, follow_up, followed, reach
from watcher.storage.store import Store


@dataclass(frozen=True, slots=True)
class Reminded:
    """What was planned, and how many deliveries were called off because they are no longer wanted."""

    reminders: int = 0
    escalations: int = 0
    called_off: int = 0


def remind(store: Store, routes: Sequence[Route], *, now: datetime) -> Reminded:
    """Plan every reminder and escalation that is due.

    What was acknowledged, or moved, between the look and the writing is left out by the store.
    """
    telling = followed(routes)
    if not telling:
        return Reminded()
    rows = store.told_by([route.name for route in telling], FOLLOWED, now - reach(telling))
    if not rows:
        return Reminded()
    standings = store.standings()
    heard = {item: evidence.at for item, evidence in store.last_evidence().items()}
    due = follow_up(rows, telling, Present(standings, heard, store.silences(now)), now)
    if not due.planned and not due.called_off:
        return Reminded()
    versions = {item: standing.version for item, standing in standings.items()}
    stored, called_off = store.tell_again(due.planned, versions, due.called_off, now)
    escalated = sum(isinstance(one.alert, Alert) and one.alert.escalated for one in stored)
    return Reminded(len(stored) - escalated, escalated, called_off)
