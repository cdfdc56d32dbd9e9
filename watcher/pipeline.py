"""The straight line from a feed's bytes to a message: in what order, and where transactions end.

    poll     claim feeds by lease · fetch · parse · save            T1  entries + caching hints + marks + next poll
    judge    load · read, weigh, decide, plan · record              T2  evidence + state + outbox
    deliver  claim by lease                                         T3  the claim
             send · settle                                          T4  done, retry at, or dead letter

`poll` goes on for as long as feeds are due; each other verb does one batch and says in its result whether there is
`more`. What to do is always a query, so a verb may
run twice, late, in two processes, or again after a crash. No SQL, HTTP, rules or metrics here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from watcher.delivering import Delivered, Desk, SendResult, Switched, Tried, deliver, limits_of
from watcher.domain.alerting import dispute, dispute_key, plan, signal, signal_key
from watcher.domain.alerts import Alert, PlannedAlert, Route
from watcher.domain.decision import after
from watcher.domain.model import Entry, Evidence, Reading, Reason, Rules, Standing, Stay, Transition
from watcher.domain.reversal import reverses
from watcher.domain.routing import deliveries
from watcher.errors import RacedError, StoreError
from watcher.judging import Docket, Judge, Judgement, compare
from watcher.polling import Clock, FeedPolled, Polled, poll
from watcher.storage.store import Store

__all__ = [
    "Clock", "Delivered", "Desk", "FeedPolled", "Judged", "Polled", "SendResult", "Switched", "Tried",
    "deliver", "judge", "limits_of", "poll",
]  # fmt: skip

ENTRIES_AT_ONCE = 1000  # judged and recorded together
RACES = 3  # times a batch is judged again when another worker was first

# --- judge ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judged:
    """One batch of entries; `judgements` holds every reading and every decision with its reason."""

    judgements: tuple[Judgement, ...] = ()
    transitions: tuple[Transition, ...] = ()
    deliveries: int = 0  # put into the outbox
    races: int = 0  # attempts thrown away because another worker was first
    more: bool = False


def judge(store: Store, judging: Judge, rules: Rules, routes: Sequence[Route], *, now: datetime) -> Judged:
    """Judge one batch of the entries that wait, oldest first.

    1. Load entries, standings and, where an item is touched, what is already known of it.
    2. Read, weigh, decide and plan in memory: no I/O but step 1's, no clock.
    3. T2: evidence, transitions, standings, outbox and "judged" in one guarded transaction. A crash before it leaves
       everything as it was, to be judged again with the same result; after it, the deliveries wait in the outbox.

    Another worker may be first; then nothing is written, and 1-3 are repeated, RACES times at most; what is left then
    waits for the next round. An entry that was edited is judged again: only what it did not say before is evidence,
    and what it no longer says is withdrawn. One of a feed's first poll may move an item, but is not told (no alert).
    """
    for lost in range(RACES):
        entries = store.unjudged(ENTRIES_AT_ONCE)
        if not entries:
            return Judged(races=lost)
        hearing = _Hearing(store, judging, rules, entries)
        judgements = tuple(hearing.take(entry) for entry in entries)
        alerts = hearing.alerts(routes, now)
        try:
            store.record(
                [entry.id for entry in entries],
                [evidence for judgement in judgements for evidence in judgement.evidence],
                hearing.transitions,
                hearing.moved(),
                alerts,
                now,
                revisions={entry.id: entry.revision for entry in entries if entry.revision},
                withdrawn=[evidence.id for judgement in judgements for evidence in judgement.withdrawn],
            )
        except RacedError:
            continue
        return Judged(
            judgements,
            tuple(hearing.transitions),
            deliveries=sum(len(planned.deliveries) for planned in alerts),
            races=lost,
            more=len(entries) == ENTRIES_AT_ONCE,
        )
    return Judged(races=RACES, more=True)


class _Hearing:
    """One batch of entries being judged in memory, against the database as it was when the hearing began."""

    def __init__(self, store: Store, judging: Judge, rules: Rules, entries: Sequence[Entry]) -> None:
        self._store = store
        self._since = min(entry.at for entry in entries) - judging.reach
        self._items = {item.id: item for item in rules.items}
        self._lifecycles = rules.lifecycles
        seen = store.standings()
        if missing := sorted(self._items.keys() - seen.keys()):
            raise StoreError(
                f"the database does not watch {', '.join(missing)}: is it used with another configuration?"
            )
        self._seen = {item: seen[item] for item in self._items}
        self._present = dict(self._seen)
        self._evidence: dict[str, Evidence] = {}
        self._touched: set[str] = set()
        self._judging = judging
        self._heard = {entry.id: self._listen(entry) for entry in entries}
        about = {reading.item for heard in self._heard.values() if not isinstance(heard, str) for reading in heard}
        self._known = store.evidence_by_item(about, self._since) if about else {}
        self._docket = Docket(judging, dict(self._seen), self._recall)
        self.transitions: list[Transition] = []
        self._before: list[Standing] = []  # where each transition's item stood until then
        self._silent: set[int] = set()  # indices of transitions that are not told
        self._stays: dict[tuple[str, ...], Alert] = {}  # of items that stay: early signals and disputes

    def _listen(self, entry: Entry) -> tuple[Reading, ...] | str:
        """Read an entry; whatever that may raise is a mistake of ours, and returned in words."""
        try:
            return self._judging.read(entry)
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def _recall(self, item: str) -> Sequence[Evidence]:
        known = self._known[item]
        self._evidence.update((evidence.id, evidence) for evidence in known)
        return known

    def take(self, entry: Entry) -> Judgement:
        """Judge the next entry; entries come in order.

        One that could not be read says so in the judgement's `fault` and counts as judged, or it would hold up every
        other one for ever.
        """
        readings = self._heard[entry.id]
        if isinstance(readings, str):
            return Judgement(entry, fault=readings)
        if not (readings or entry.revision):  # as nearly always
            return Judgement(entry)
        withdrawn: tuple[Evidence, ...] = ()
        if entry.revision:
            reread = compare(readings, self._store.told(entry.id), self._items)
            readings, withdrawn = self._since_watched(entry, reread.fresh), reread.withdrawn
            self._docket.withdraw(withdrawn)
            self._touched.update(evidence.item for evidence in withdrawn)
        judgement = replace(self._docket.take(entry, readings), withdrawn=withdrawn)
        for evidence, decision in zip(judgement.evidence, judgement.decisions, strict=True):
            self._evidence[evidence.id] = evidence
            self._touched.add(evidence.item)
            if isinstance(decision, Transition):
                before = self._present[decision.item]
                self._present[decision.item] = after(before, decision)
                if self._was_there(entry, decision.item):
                    self._silent.add(len(self.transitions))
                self.transitions.append(decision)
                self._before.append(before)
            else:
                self._note_stay(entry, evidence, decision)
        return judgement

    def _was_there(self, entry: Entry, item: str) -> bool:
        """Whether an entry is no news, as it was there when its feed was first read, or when the item's watch began."""
        since = self._seen[item].watched_since
        return entry.baseline or (since is not None and entry.seen_at < since)

    def _since_watched(self, entry: Entry, readings: Sequence[Reading]) -> tuple[Reading, ...]:
        """Leave out what an edited entry said of an item, in an earlier text, before the item's watch began: nobody has
        judged that, and it is no news now."""
        late = [reading for reading in readings if self._was_there(entry, reading.item)]
        if not late:
            return tuple(readings)
        *earlier, _ = self._store.texts(entry.id)
        said = {
            (reading.item, reading.state, reading.status, reading.value)
            for title, summary in earlier
            for reading in self._judging.read(replace(entry, title=title, summary=summary))
        }
        return tuple(r for r in readings if r not in late or (r.item, r.state, r.status, r.value) not in said)

    def _note_stay(self, entry: Entry, evidence: Evidence, stay: Stay) -> None:
        """Note what is to be told though the item stays: a dispute that begins, or an early signal."""
        item, standing = self._items[evidence.item], self._present[evidence.item]
        lifecycle = self._lifecycles[item.lifecycle]
        if stay.reason is Reason.DISPUTED:
            self._present[item.id] = replace(standing, disputed=True)
        if self._was_there(entry, item.id):
            return
        known = [self._evidence[id_] for id_ in (*stay.telling, *stay.denying) if id_ in self._evidence]
        if disputed := dispute(evidence, stay, known, item, lifecycle, standing):
            self._stays.setdefault(dispute_key(disputed), disputed)
        elif sign := signal(evidence, stay, item, lifecycle, standing):
            self._stays.setdefault(signal_key(sign), sign)

    def _goes_back(self, index: int) -> bool:
        """Whether a transition goes back on where the item stood, by its history and what came before it in this
        batch."""
        change = self.transitions[index]
        told = [row.transition for row in reversed(self._store.history(change.item))]
        told += [earlier for earlier in self.transitions[:index] if earlier.item == change.item]
        return reverses(self._lifecycles[self._items[change.item].lifecycle], told, change)

    def moved(self) -> list[Standing]:
        """The standings to write: of every item that got evidence, whether it moved or not.

        Two workers that each hold one half of a corroboration would otherwise both wait for ever; the version makes
        the second of them load again.
        """
        return [
            replace(self._docket.standings[item], version=self._seen[item].version + 1)
            for item in sorted(self._touched)
        ]

    def alerts(self, routes: Sequence[Route], now: datetime) -> list[PlannedAlert]:
        """What is to be told, where any receiver wants it."""
        planned: list[PlannedAlert] = []
        silences = self._store.silences(now) if self._stays or self.transitions else []
        for key, stay in self._stays.items():
            if to := deliveries(routes, stay, silences, now).deliveries:
                planned.append(PlannedAlert(stay, key, to))
        for index, (transition, before) in enumerate(zip(self.transitions, self._before, strict=True)):
            if index in self._silent:
                continue
            item = self._items[transition.item]
            evidence = [self._evidence[id_] for id_ in transition.evidence if id_ in self._evidence]
            lifecycle = self._lifecycles[item.lifecycle]
            alert = plan(transition, item, lifecycle, evidence, before, reversal=self._goes_back(index))
            if to := deliveries(routes, alert, silences, now).deliveries:
                planned.append(PlannedAlert(alert, (item.id,), to, transition=index))
        return planned
