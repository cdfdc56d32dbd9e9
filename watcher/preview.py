"""Sum up what an archive of entries would have done to one item: what it would have matched, read and told.

Takes judgements as the backtest makes them; judges nothing itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from watcher.domain.gates import Gate, Gates
from watcher.domain.model import Entry, Item, Reading, Status, Transition
from watcher.domain.times import EPOCH
from watcher.judging import Judge, Judgement

_WEEK = timedelta(weeks=1)
_SHORTEST = timedelta(days=1)  # an hour of news says nothing about a week


@dataclass(frozen=True, slots=True)
class Example:
    """An entry with what was read in it."""

    entry: Entry
    reading: Reading


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state with the entries it rests on, the one that tipped it first."""

    transition: Transition
    entries: tuple[Entry, ...]


@dataclass
class Preview:
    """What becomes of one item; feed it judgements in order of time. Keeps `keep` examples a status."""

    item: Item
    judge: Judge
    keep: int = 3
    entries: int = 0
    early: int = 0  # of these, older than the watch
    first: datetime | None = None  # the first entry of the watch, and the last
    last: datetime | None = None
    statuses: Counter[Status] = field(default_factory=Counter)
    missed: Counter[Gate] = field(default_factory=Counter)  # the subject was found, and nothing read
    examples: dict[Status, list[Example]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    _gates: Gates = field(init=False, repr=False)
    _held: dict[str, Entry] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._gates = self.judge.gates(self.item.id)

    def add(self, judgement: Judgement) -> None:
        """Count one entry."""
        entry = judgement.entry
        self.entries += 1
        if entry.at < (self.item.since or EPOCH):
            self.early += 1
            return
        self.first, self.last = self.first or entry.at, entry.at
        reading = next((r for r in judgement.readings if r.item == self.item.id), None)
        if reading is None:
            miss = self._gates.why_not(entry, self.item.id, official=self.judge.official(entry))
            if miss is not None and miss.gate.matched:
                self.missed[miss.gate] += 1
            return
        self._held[entry.id] = entry
        self.statuses[reading.status] += 1
        shown = self.examples.setdefault(reading.status, [])
        if len(shown) < self.keep and all(example.entry.title != entry.title for example in shown):
            shown.append(Example(entry, reading))
        for transition in judgement.transitions:
            if transition.item == self.item.id:
                self.changes.append(Change(transition, tuple(self._held[e] for e in transition.entries)))

    @property
    def read(self) -> int:
        """Entries in which something is read of the item, if only that it is named."""
        return self.statuses.total()

    @property
    def matched(self) -> int:
        """Entries in which the item's subject stands."""
        return self.read + self.missed.total()

    @property
    def weeks(self) -> float:
        """How long the archive watches the item; 0.0 when not at all, else a day or more."""
        if self.first is None or self.last is None:
            return 0.0
        return max(self.last - self.first, _SHORTEST) / _WEEK

    def alerts_a_week(self) -> float | None:
        """How many alerts to expect; None without an archive to tell from."""
        return len(self.changes) / self.weeks if self.weeks else None

    def alerts_a_week_by_state(self) -> Mapping[str, float]:
        """The same for every state that was reached, the most frequent first."""
        reached = Counter(change.transition.to_state for change in self.changes)
        return {state: count / self.weeks for state, count in reached.most_common()}
