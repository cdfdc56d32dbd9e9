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

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from watcher.delivery.apprise import Sender
from watcher.domain.alerting import plan, receivers, signal, signal_key
from watcher.domain.decision import after
from watcher.domain.model import (
    Alert,
    Delivery,
    Entry,
    Evidence,
    Failed,
    Route,
    Rules,
    Sent,
    Standing,
    Stay,
    Transition,
)
from watcher.domain.schedule import next_attempt
from watcher.errors import RacedError, StoreError
from watcher.judging import Docket, Judge, Judgement, compare
from watcher.polling import Clock, FeedPolled, Polled, poll
from watcher.storage.store import Store

__all__ = [
    "Clock", "Delivered", "FeedPolled", "Judged", "Polled", "SendResult", "Tried",
    "deliver", "judge", "poll",
]  # fmt: skip

ENTRIES_AT_ONCE = 1000  # judged and recorded together
DELIVERIES_AT_ONCE, SENDING_THREADS = 16, 4  # the latter: addresses served at the same time
RACES = 3  # times a batch is judged again when another worker was first
SEND_LEASE = timedelta(seconds=30)
SEND_ROOM = timedelta(seconds=15)  # a send is not begun with less of the lease left than this

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
        alerts = hearing.alerts(routes)
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
            deliveries=sum(len(to) for _, _, to in alerts),
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
        self._docket = Docket(judging, dict(self._seen), self._recall)
        self.transitions: list[Transition] = []
        self._before: list[Standing] = []  # where each transition's item stood until then
        self._silent: set[int] = set()  # indices of transitions that are not told
        self._signs: dict[tuple[str, ...], Alert] = {}  # early signals

    def _recall(self, item: str) -> Sequence[Evidence]:
        known = self._store.evidence(item, self._since)
        self._evidence.update((evidence.id, evidence) for evidence in known)
        return known

    def take(self, entry: Entry) -> Judgement:
        """Judge the next entry; entries come in order.

        Whatever reading one text may raise is a mistake of ours, told in the judgement's `fault`; the entry counts as
        judged, or it would hold up every other one for ever.
        """
        try:
            readings = self._judging.read(entry)
        except Exception as error:
            return Judgement(entry, fault=f"{type(error).__name__}: {error}")
        withdrawn: tuple[Evidence, ...] = ()
        if entry.revision:
            reread = compare(readings, self._store.told(entry.id), self._items)
            readings, withdrawn = reread.fresh, reread.withdrawn
            self._docket.withdraw(withdrawn)
            self._touched.update(evidence.item for evidence in withdrawn)
        judgement = replace(self._docket.take(entry, readings), withdrawn=withdrawn)
        for evidence, decision in zip(judgement.evidence, judgement.decisions, strict=True):
            self._evidence[evidence.id] = evidence
            self._touched.add(evidence.item)
            if isinstance(decision, Transition):
                before = self._present[decision.item]
                self._present[decision.item] = after(before, decision)
                if entry.baseline:
                    self._silent.add(len(self.transitions))
                self.transitions.append(decision)
                self._before.append(before)
            elif not entry.baseline:
                self._note_signal(evidence, decision)
        return judgement

    def _note_signal(self, evidence: Evidence, stay: Stay) -> None:
        item = self._items[evidence.item]
        sign = signal(evidence, stay, item, self._lifecycles[item.lifecycle], self._present[item.id])
        if sign is not None:
            self._signs.setdefault(signal_key(sign), sign)

    def moved(self) -> list[Standing]:
        """The standings to write: of every item that got evidence, whether it moved or not.

        Two workers that each hold one half of a corroboration would otherwise both wait for ever; the version makes
        the second of them load again.
        """
        return [
            replace(self._docket.standings[item], version=self._seen[item].version + 1)
            for item in sorted(self._touched)
        ]

    def alerts(self, routes: Sequence[Route]) -> list[tuple[Alert, int | None, tuple[str, ...]]]:
        """What is to be told: (alert, index of its transition or None, receivers), where any receiver wants it."""
        planned: list[tuple[Alert, int | None, tuple[str, ...]]] = []
        for sign in self._signs.values():
            if to := receivers(routes, sign, self._items[sign.item]):
                planned.append((sign, None, to))
        for index, (transition, before) in enumerate(zip(self.transitions, self._before, strict=True)):
            if index in self._silent:
                continue
            item = self._items[transition.item]
            evidence = [self._evidence[id_] for id_ in transition.evidence if id_ in self._evidence]
            alert = plan(transition, item, self._lifecycles[item.lifecycle], evidence, before)
            if to := receivers(routes, alert, item):
                planned.append((alert, index, to))
        return planned


# --- deliver --------------------------------------------------------------------------------------


class SendResult(StrEnum):
    """What became of one delivery in one round."""

    SENT = "sent"
    RETRY = "retry"  # failed, to be tried again
    DEAD = "dead"  # failed for good, or too often
    HELD = "held"  # not tried: an earlier one to the same address failed, or the daemon is stopping
    LOST = "lost"  # the lease had ended and another worker has taken it over


@dataclass(frozen=True, slots=True)
class Tried:
    """One delivery in one round."""

    delivery: str
    receiver: str
    item: str
    result: SendResult
    detail: str = ""
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """One batch of deliveries."""

    tried: tuple[Tried, ...] = ()
    more: bool = False


def deliver(
    store: Store, sender: Sender, *, owner: str, clock: Clock, stop: threading.Event | None = None
) -> Delivered:
    """Send one batch of the deliveries that are due.

    1. T3: claim them by lease, each address's in the order planned, committed before anything is sent. A crash after
       it: each is due again when the lease ends, and none was sent.
    2. Send, with no transaction open; several addresses at the same time, one address in order. A crash during it:
       this one may have arrived and will be sent again, recognisable by its delivery id.
    3. T4: settle each one at once: sent, retry at a later time, or dead. A crash after it leaves nothing to do.

    After a failure that may pass, the later ones to the same address are put back untried, and wait until it is done.
    """
    until = clock() + SEND_LEASE - SEND_ROOM
    batch = store.claim_deliveries(clock(), DELIVERIES_AT_ONCE, SEND_LEASE, owner)
    queues: dict[str, list[Delivery]] = {}
    for delivery in batch:
        queues.setdefault(delivery.receiver, []).append(delivery)
    if not queues:
        return Delivered()
    desk = _Desk(store, sender, owner, clock, until, stop or threading.Event())
    with ThreadPoolExecutor(min(SENDING_THREADS, len(queues)), thread_name_prefix="send") as pool:
        attempts = tuple(attempt for done in pool.map(desk.serve, queues.values()) for attempt in done)
    return Delivered(attempts, more=len(batch) == DELIVERIES_AT_ONCE)


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where claimed deliveries are sent, one address per thread."""

    store: Store
    sender: Sender
    owner: str
    clock: Clock
    until: datetime  # no send is begun after this: the lease must not end under it
    stop: threading.Event

    def serve(self, queue: Sequence[Delivery]) -> list[Tried]:
        """Send the deliveries of one address in order and settle each."""
        attempts: list[Tried] = []
        hold: tuple[str, datetime] | None = None
        for delivery in queue:
            if hold is None and self.stop.is_set():
                hold = ("the daemon was stopping", self.clock())
            elif hold is None and self.clock() > self.until:
                hold = ("the round took too long", self.clock())
            if hold is not None:
                attempts.append(self._put_back(delivery, *hold))
                continue
            attempt = self._send(delivery)
            attempts.append(attempt)
            if attempt.result is SendResult.RETRY and attempt.retry_at is not None:
                hold = ("an earlier delivery to this address failed", attempt.retry_at)
        return attempts

    def _send(self, delivery: Delivery) -> Tried:
        outcome = self.sender.send(delivery)
        now = self.clock()
        again = next_attempt(delivery, outcome, now) if isinstance(outcome, Failed) else None
        result = SendResult.SENT if isinstance(outcome, Sent) else SendResult.RETRY if again else SendResult.DEAD
        if not self.store.settle(delivery.id, self.owner, outcome, now, again):
            result = SendResult.LOST
        return Tried(delivery.id, delivery.receiver, delivery.alert.subject, result, outcome.detail, again)

    def _put_back(self, delivery: Delivery, why: str, until: datetime) -> Tried:
        detail = f"not tried: {why}"
        result = SendResult.HELD if self.store.put_back(delivery.id, self.owner, detail) else SendResult.LOST
        return Tried(delivery.id, delivery.receiver, delivery.alert.subject, result, detail, until)
