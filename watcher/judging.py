"""String the domain's steps together for one entry: match and read, weigh, decide.

The pipeline and the backtest both judge through this module, so they cannot differ. No I/O in here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from watcher.domain import decision
from watcher.domain.evidence import Outlets, weigh
from watcher.domain.gates import Gates
from watcher.domain.model import (
    Decision,
    Entry,
    Evidence,
    Item,
    Reading,
    Reason,
    Rules,
    Standing,
    Status,
    Stay,
    Tier,
    Transition,
)
from watcher.domain.reading import Reader
from watcher.domain.times import EPOCH


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that was made of one entry; `decisions[i]` is about `evidence[i]`, which weighs `readings[i]`."""

    entry: Entry
    readings: tuple[Reading, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    decisions: tuple[Decision, ...] = ()
    withdrawn: tuple[Evidence, ...] = ()  # what its earlier texts said and it no longer says
    fault: str = ""  # why it could not be read: a mistake of ours, kept from holding up the others

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """The changes of state among the decisions."""
        return tuple(d for d in self.decisions if isinstance(d, Transition))


class Judge:
    """Judges entries by one revision of the rules; holds no state of any item."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.items: Mapping[str, Item] = {item.id: item for item in rules.items}
        self._reader = Reader(rules)
        self._outlets = Outlets(rules.outlets)
        # a denial looks back at the change, and that rests on what was told before it
        self.reach = 2 * max((item.evidence.within for item in rules.items), default=timedelta(0))

    def read(self, entry: Entry) -> tuple[Reading, ...]:
        """Return what the entry says of each item it is about and that is watched already at the entry's time."""
        readings = self._reader.read(entry, official=self.official(entry))
        return tuple(r for r in readings if entry.at >= (self.items[r.item].since or EPOCH))

    def official(self, entry: Entry) -> bool:
        """Whether the entry's outlet speaks for one who decides."""
        return self._outlets.of(entry).tier is Tier.OFFICIAL

    def gates(self, *items: str) -> Gates:
        """Build what tells why nothing is read of these items, or of any: for people, not while judging."""
        asked = [self.items[item] for item in items] if items else self.rules.items
        return Gates(asked, self.rules.actors, self._reader)

    def weigh(self, entry: Entry, readings: Sequence[Reading]) -> tuple[Evidence, ...]:
        """Turn readings into evidence of the entry's outlet."""
        return weigh(entry, readings, self._outlets.of(entry))

    def decide(self, standing: Standing, known: Sequence[Evidence], fresh: Evidence) -> Decision:
        """Return what `fresh` does to the item, given where it stands and what else is known."""
        item = self.items[fresh.item]
        return decision.decide(item, self.rules.lifecycles[item.lifecycle], standing, known, fresh)


class Docket:
    """The items in memory while entries are taken in order of time; `recall` gives an item's evidence so far and is
    asked at most once an item."""

    def __init__(
        self, judge: Judge, standings: Mapping[str, Standing], recall: Callable[[str], Sequence[Evidence]]
    ) -> None:
        self._judge = judge
        self._recall = recall
        self._known: dict[str, list[Evidence]] = {}
        self._withdrawn: dict[str, Evidence] = {}
        self.standings: dict[str, Standing] = dict(standings)

    def withdraw(self, evidence: Sequence[Evidence]) -> None:
        """Let evidence count for nothing from here on."""
        self._withdrawn.update((each.id, each) for each in evidence)
        for item, known in self._known.items():
            self._known[item] = [each for each in known if each.id not in self._withdrawn]

    def take(self, entry: Entry, readings: tuple[Reading, ...] | None = None) -> Judgement:
        """Judge one entry, by its readings where they are made already; its transitions count for the next."""
        if readings is None:
            readings = self._judge.read(entry)
        if not readings:
            return Judgement(entry)
        evidence = tuple(self._softened(fresh) for fresh in self._judge.weigh(entry, readings))
        decisions: list[Decision] = []
        for fresh in evidence:
            if fresh.item not in self._known:
                recalled = self._recall(fresh.item)
                self._known[fresh.item] = [each for each in recalled if each.id not in self._withdrawn]
            known = self._known[fresh.item]
            standing = self.standings[fresh.item]
            # what its former text told is known to the decision whether that is taken back, and to none after it
            former = [e for e in self._withdrawn.values() if e.entry == fresh.entry and fresh.takes_back]
            made = self._judge.decide(standing, [*known, *former], fresh)
            if isinstance(made, Stay) and made.reason is Reason.DISPUTED:
                self.standings[fresh.item] = replace(standing, disputed=True)
            if isinstance(made, Transition):
                self.standings[fresh.item] = decision.after(standing, made)
            known.append(fresh)
            decisions.append(made)
        return Judgement(entry, readings, evidence, tuple(decisions))

    def _softened(self, fresh: Evidence) -> Evidence:
        """An entry edited to tell as less than done what its former text told takes that back; one that was only given
        another headline does not."""
        former = {e.item for e in self._withdrawn.values() if e.entry == fresh.entry}
        softer = fresh.status not in (Status.DONE, Status.ANNOUNCED, Status.MENTION)
        return replace(fresh, takes_back=True) if fresh.item in former and softer else fresh


@dataclass(frozen=True, slots=True)
class Reread:
    """What is different about an edited entry: readings its earlier texts did not give, and evidence they gave that the
    present one does not."""

    fresh: tuple[Reading, ...]
    withdrawn: tuple[Evidence, ...]


def compare(readings: Sequence[Reading], told: Sequence[Evidence], items: Collection[str]) -> Reread:
    """Compare what an edited entry says now with the evidence its earlier texts gave, of the items that are watched.

    What it says as before is no further evidence, whatever words it now says it in: an edit never makes one source
    two, nor old news new.
    """
    now = {(r.item, r.state, r.status, r.value) for r in readings}
    before = {(e.item, e.state, e.status, e.value) for e in told}
    return Reread(
        tuple(r for r in readings if (r.item, r.state, r.status, r.value) not in before),
        tuple(e for e in told if e.item in items and (e.item, e.state, e.status, e.value) not in now),
    )


def opening(items: Sequence[Item]) -> dict[str, Standing]:
    """Return where items stand when their watch begins."""
    return {i.id: Standing(i.id, i.state, i.since or EPOCH, i.value) for i in items}
