"""A person's correction on its way into the history and the outbox: one guarded transaction, as for a judgement (T2).

What may be corrected, and how, is `watcher.domain.correcting`'s to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from watcher.domain.alerting import plan
from watcher.domain.alerts import PlannedAlert, Route
from watcher.domain.correcting import Correction, Refused
from watcher.domain.correcting import correct as decide
from watcher.domain.decision import after
from watcher.domain.model import Rules, Standing, Transition
from watcher.domain.reversal import reverses
from watcher.domain.routing import deliveries
from watcher.errors import RacedError, UsageError
from watcher.storage.store import Store

RACES = 5  # times a correction is tried again when evidence came in at the same moment


@dataclass(frozen=True, slots=True)
class Made:
    """A correction that was made, and how many are told of it."""

    transition: Transition
    remark: str
    deliveries: int


def correct(
    store: Store,
    rules: Rules,
    routes: Sequence[Route],
    item_id: str,
    asked: Correction,
    *,
    quietly: bool,
    now: datetime,
) -> Made:
    """Move an item on a person's word, and plan what is told of it unless it is to be done `quietly`.

    1. Load where the item stands; 2. decide; 3. T2: transition, standing and outbox, guarded by the item's version.
    Evidence that came in between changes the version alone: then all is done again. Where the item itself has moved,
    the person saw something else than what is: UsageError. Raises it, too, for what cannot be corrected. A crash
    before the commit leaves everything as it was.
    """
    item = next((one for one in rules.items if one.id == item_id), None)
    seen = store.standings().get(item_id)
    if item is None or seen is None:
        raise UsageError(_unknown(item_id, rules, configured=item is not None))
    lifecycle = rules.lifecycles[item.lifecycle]
    for _ in range(RACES):
        standing = store.standings()[item_id]
        _same(seen, standing)
        decided = decide(item, lifecycle, standing, asked, now)
        if isinstance(decided, Refused):
            raise UsageError(f"{item_id}: {decided}")
        change = decided.transition
        past = [row.transition for row in reversed(store.history(item_id))]
        alert = plan(change, item, lifecycle, (), standing, reversal=reverses(lifecycle, past, change))
        to = () if quietly else deliveries(routes, alert, store.silences(now), now).deliveries
        planned = [PlannedAlert(alert, (item_id,), to, transition=0)] if to else []
        try:
            store.record([], [], [change], [after(standing, change)], planned, now)
        except RacedError:
            continue
        return Made(change, decided.remark, len(to))
    raise RacedError(f"news about {item_id} comes in too fast; say it again")


def _unknown(item_id: str, rules: Rules, *, configured: bool) -> str:
    if configured:
        return f"the item {item_id!r} is not in the database yet: the next run takes it in"
    return f"there is no item {item_id!r}; configured are: {', '.join(sorted(one.id for one in rules.items))}"


def _same(seen: Standing, now: Standing) -> None:
    if (seen.state, seen.value, seen.since) != (now.state, now.value, now.since):
        raise UsageError(
            f"{now.item} has just moved to {now.state}: look at `watcher history {now.item}`, and say again"
        )
