"""Try the cases that authors write beside their items: is what is read what they expect?

Reads as the daemon does, through the same `Judge`; weighs nothing and moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from watcher.domain.model import Entry, Expectation, Item, Reading, Rules
from watcher.domain.times import EPOCH
from watcher.judging import Judge


@dataclass(frozen=True, slots=True)
class Trial:
    """One case as it came out; `why` are the steps of what was read, or the gate where nothing was."""

    item: str
    expected: Expectation
    reading: Reading | None
    why: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether what was read is what its author expects."""
        wanted, got = self.expected, self.reading
        if wanted.status is None or got is None:
            return wanted.status is None and got is None
        return (wanted.state, wanted.status) == (got.state, got.status) and wanted.value in (None, got.value)


def try_cases(rules: Rules) -> Iterator[Trial]:
    """Read every case of every item, in the items' order."""
    judge = Judge(rules)
    for item in rules.items:
        gates = judge.gates(item.id) if item.expect else None
        for case in item.expect:
            entry = _entry(item, case)
            reading = next((r for r in judge.read(entry) if r.item == item.id), None)
            why = reading.why if reading else ()
            if gates is not None and (reading is None or reading.state is None):
                miss = gates.why_not(entry, item.id, official=judge.official(entry))
                why = (*why, miss.detail) if miss else why
            yield Trial(item.id, case, reading, why)


def _entry(item: Item, case: Expectation) -> Entry:
    at = case.at or item.since or EPOCH
    return Entry("case", "", case.text, at, at, summary=case.summary, source=case.outlet, published=at)
