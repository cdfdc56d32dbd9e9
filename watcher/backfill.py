"""Judge what is stored already for an item that was added later: only when a person asks for it.

The same reading, weighing and deciding as for news; nobody is told unless that is asked for, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from watcher.domain.alerting import plan
from watcher.domain.alerts import PlannedAlert, Route
from watcher.domain.decision import after
from watcher.domain.model import Entry, Evidence, Item, Reading, Standing, Transition
from watcher.domain.reversal import reverses
from watcher.domain.routing import deliveries
from watcher.errors import RacedError, UsageError
from watcher.judging import Docket, Judge
from watcher.storage.store import Store

SLICE = 500  # entries of one transaction
RACES = 5


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What the stored entries told of an item."""

    entries: int = 0  # read
    evidence: int = 0  # new
    transitions: tuple[Transition, ...] = ()
    deliveries: int = 0  # planned

    def __add__(self, other: Backfilled) -> Backfilled:
        """Both together."""
        return Backfilled(
            self.entries + other.entries,
            self.evidence + other.evidence,
            self.transitions + other.transitions,
            self.deliveries + other.deliveries,
        )


def backfill(
    store: Store, judging: Judge, routes: Sequence[Route], item_id: str, *, since: datetime, tell: bool, now: datetime
) -> Iterator[Backfilled]:
    """Judge the stored entries of `since` and later for one item, oldest first, in slices; yield what each came to.

    A slice is one transaction (T2), guarded by the item's version: where news came in meanwhile, it is judged again. A
    crash leaves the slices so far; asked again, what they told is known and is not told twice. Entries that were pruned
    have no text left, and those not judged yet are left to the judge.

    An item that has not moved since its watch began, with no day for that in the configuration and no seed, is taken
    to have stood there at `since`; any other stays as long as what is told is older than its state.
    """
    item = judging.items.get(item_id)
    if item is None or item_id not in store.standings():
        raise UsageError(f"there is no item {item_id!r} in the database" if item else f"there is no item {item_id!r}")
    waiting = store.judged(since)
    for first in range(0, len(waiting), SLICE):
        entries = store.entries(waiting[first : first + SLICE])
        yield _slice(store, judging, routes, item, entries, since=since, tell=tell, now=now)


def _slice(
    store: Store,
    judging: Judge,
    routes: Sequence[Route],
    item: Item,
    entries: Sequence[Entry],
    *,
    since: datetime,
    tell: bool,
    now: datetime,
) -> Backfilled:
    read = [(entry, told) for entry in entries if (told := [r for r in judging.read(entry) if r.item == item.id])]
    if not read:
        return Backfilled(len(entries))
    for _ in range(RACES):
        seen = store.standings().get(item.id)
        if seen is None:
            raise UsageError(f"the item {item.id!r} is no longer watched")
        hearing = _Hearing(judging, item, seen, store.evidence(item.id, since - judging.reach), since)
        for entry, told in read:
            hearing.take(entry, told)
        if not hearing.evidence:
            return Backfilled(len(entries))
        alerts = hearing.alerts(store, routes, now) if tell and hearing.transitions else []
        try:
            store.record([], hearing.evidence, hearing.transitions, [hearing.standing()], alerts, now)
        except RacedError:
            continue
        planned = sum(len(one.deliveries) for one in alerts)
        return Backfilled(len(entries), len(hearing.evidence), tuple(hearing.transitions), planned)
    raise RacedError(f"news about {item.id} comes in too fast; ask again")


@dataclass
class _Hearing:
    """One slice of entries judged in memory for one item, against the database as it was."""

    judging: Judge
    item: Item
    seen: Standing
    known: Sequence[Evidence]
    since: datetime
    evidence: list[Evidence] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    before: list[Standing] = field(default_factory=list)  # where the item stood until each transition

    def __post_init__(self) -> None:
        untouched = not (self.seen.came_from or self.seen.source or self.item.since)
        began = min(self.since, self.seen.since) if untouched else self.seen.since
        self._present = replace(self.seen, since=began)
        self._docket = Docket(self.judging, {self.item.id: self._present}, lambda _: self.known)
        self._told = {(e.entry, e.state, e.status, e.value) for e in self.known}

    def take(self, entry: Entry, readings: Sequence[Reading]) -> None:
        """Judge an entry, but for what it is known to tell."""
        fresh = tuple(r for r in readings if (entry.id, r.state, r.status, r.value) not in self._told)
        judgement = self._docket.take(replace(entry, baseline=True), fresh)
        self.evidence.extend(judgement.evidence)
        for change in judgement.transitions:
            self.before.append(self._present)
            self._present = after(self._present, change)
            self.transitions.append(change)

    def standing(self) -> Standing:
        """Where the item stands now, to be written; one that has not moved stands there since when it did before."""
        stands = self._docket.standings[self.item.id]
        since = stands.since if self.transitions else self.seen.since
        return replace(stands, since=since, version=self.seen.version + 1)

    def alerts(self, store: Store, routes: Sequence[Route], now: datetime) -> list[PlannedAlert]:
        """What is to be told of the transitions, where any receiver wants it."""
        lifecycle = self.judging.rules.lifecycles[self.item.lifecycle]
        facts, silences = [*self.known, *self.evidence], store.silences(now)
        past = [row.transition for row in reversed(store.history(self.item.id))]
        planned = []
        for index, (change, before) in enumerate(zip(self.transitions, self.before, strict=True)):
            back = reverses(lifecycle, [*past, *self.transitions[:index]], change)
            cited = [e for e in facts if e.id in change.evidence]
            alert = plan(change, self.item, lifecycle, cited, before, reversal=back)
            if to := deliveries(routes, alert, silences, now).deliveries:
                planned.append(PlannedAlert(alert, (self.item.id,), to, transition=index))
        return planned
