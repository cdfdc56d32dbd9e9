"""From claimed messages to settled ones: addresses are served side by side, each by one message at a time.

    claim (T3) ─▸ a queue for each address ─▸ threads: send ─▸ this thread: settle (T4) what has come ─▸ the next ones

No SQL, no rules of what goes together: that is decided with the claim.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from queue import Empty, SimpleQueue

import structlog

from watcher.config.settings import Settings
from watcher.delivery.sender import Sender
from watcher.domain.alerts import DeliveryState, Ending, Failed, Message, SendOutcome, Settled
from watcher.domain.composing import Limits
from watcher.domain.schedule import next_attempt
from watcher.errors import StoreError
from watcher.polling import Clock
from watcher.storage.store import Store

MESSAGES_AT_ONCE = 256  # claimed together
SENDING_THREADS = 16  # addresses served at the same time
SEND_LEASE = timedelta(seconds=30)
SEND_ROOM = timedelta(seconds=15)  # a send is not begun with less of the lease left than this
SETTLE_AGAIN_S = (0.5, 1.0, 2.0)  # waits between attempts to settle where the database is busy or away

log = structlog.get_logger("watcher")

SINGLE = "single"  # how a message of one delivery is counted, among the kinds of merge


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
    message: str = ""  # that carried it


@dataclass(frozen=True, slots=True)
class Switched:
    """An address that takes no messages any more (`down`), or does again."""

    receiver: str
    down: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """One batch of messages."""

    tried: tuple[Tried, ...] = ()
    more: bool = False
    pace: timedelta | None = None  # the shortest time after which a rate lets one of these addresses have another
    switched: tuple[Switched, ...] = ()
    sent: Mapping[str, int] = field(default_factory=dict)  # messages, by the kind of their merge, or SINGLE


class Desk:
    """The threads that send. They are begun when first needed, and kept; `close` lets them go."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(SENDING_THREADS, thread_name_prefix="send")

    def begin(self, work: Callable[[], None]) -> None:
        """Do something in one of the threads."""
        self._pool.submit(work)

    def close(self) -> None:
        """End the threads that have nothing to do; what is being sent is not waited for."""
        self._pool.shutdown(wait=False)


def limits_of(settings: Settings) -> Limits:
    """Return what the configuration says of how much may be sent."""
    return Limits(
        {route.name: route.budget for route in settings.routes if route.budget is not None},
        {name: receiver.rate for name, receiver in settings.receivers.items() if receiver.rate is not None},
    )


def deliver(
    store: Store,
    sender: Sender,
    *,
    owner: str,
    clock: Clock,
    stop: threading.Event | None = None,
    limits: Limits | None = None,
    system: Sequence[str] = (),
    desk: Desk | None = None,
) -> Delivered:
    """Send one batch of the messages whose turn it is.

    1. T3: claim them by lease, each address's in the order planned, committed before anything is sent. A crash after
       it: each is due again when the lease ends, and none was sent.
    2. Send, with no transaction open; several addresses at the same time, one address in order. A crash during it:
       this one may have arrived and will be sent again, recognisable by its message id, with the same deliveries.
    3. T4: settle each at once, together with whatever else has come back by then: sent, retry at a later time, or dead.
       Only then is the next sent to that address. A crash after it leaves nothing to do.

    After a failure that may pass, the later ones to the same address are put back untried, and wait until it is done.
    """
    limits = limits or Limits()
    until = clock() + SEND_LEASE - SEND_ROOM
    batch = store.claim_messages(clock(), MESSAGES_AT_ONCE, SEND_LEASE, owner, limits)
    if not batch:
        return Delivered()
    own = None if desk else Desk()
    round_ = _Round(store, sender, owner, clock, until, stop or threading.Event(), system, desk or own or Desk())
    try:
        return round_.run(batch, limits)
    finally:
        if own:
            own.close()


class _Round:
    """One batch on its way. All but the sending itself happens in the thread that runs it."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        owner: str,
        clock: Clock,
        until: datetime,
        stop: threading.Event,
        system: Sequence[str],
        desk: Desk,
    ) -> None:
        self._store, self._sender, self._owner, self._clock = store, sender, owner, clock
        self._until = until  # no send is begun after this: the lease must not end under it
        self._stop, self._system, self._desk = stop, system, desk
        self._queues: dict[str, deque[Message]] = {}
        self._idle: deque[str] = deque()  # addresses whose next message may be sent
        self._flying = 0
        self._came: SimpleQueue[tuple[Message, SendOutcome | BaseException]] = SimpleQueue()
        self._tried: list[Tried] = []
        self._switched: list[Switched] = []
        self._sent: Counter[str] = Counter()
        self._short = False  # some were put back for want of time

    def run(self, batch: Sequence[Message], limits: Limits) -> Delivered:
        """Send all, and return when nothing is on its way any more."""
        for message in batch:
            self._queues.setdefault(message.receiver, deque()).append(message)
        self._idle.extend(self._queues)
        try:
            self._begin()
            while self._flying:
                self._settle(self._wait())
                self._begin()
        finally:
            while self._flying:  # after a fault of ours: nothing is sent outside of a round, and what was is settled
                self._settle_rest(self._wait())
        paces = [rate.spacing for name, rate in limits.rates.items() if name in self._queues]
        got_on = any(one.result in (SendResult.SENT, SendResult.DEAD) for one in self._tried)
        return Delivered(
            tuple(self._tried), got_on or self._short, min(paces, default=None), tuple(self._switched), self._sent
        )

    def _begin(self) -> None:
        """Send the next message of every idle address, as far as there are threads for it."""
        while self._idle and self._flying < SENDING_THREADS:
            name = self._idle.popleft()
            if why := self._why_not():
                self._put_back(name, why, self._clock())
                continue
            message = self._queues[name].popleft()
            self._flying += 1
            self._desk.begin(lambda message=message: self._came.put((message, self._send(message))))  # type: ignore[misc]

    def _why_not(self) -> str:
        if self._stop.is_set():
            return "the daemon was stopping"
        if self._clock() > self._until:
            self._short = True
            return "the round took too long"
        return ""

    def _send(self, message: Message) -> SendOutcome | BaseException:
        """Send; a mistake of ours counts as a failure that may pass, so that it is tried less and less, and shown."""
        try:
            return self._sender.send(message, self._clock())
        except Exception as error:
            name = type(error).__name__
            # where, but not what it says: that may hold an address
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("delivery.fault", message=message.id, receiver=message.receiver, error=name, where=where)
            return Failed(True, f"a mistake in watcher: {name}")
        except BaseException as error:
            return error

    def _wait(self) -> list[tuple[Message, SendOutcome | BaseException]]:
        """Wait for one that has come back, and take all that have."""
        came = [self._came.get()]
        try:
            while True:
                came.append(self._came.get_nowait())
        except Empty:
            self._flying -= len(came)
            return came

    def _settle(self, came: Iterable[tuple[Message, SendOutcome | BaseException]]) -> None:
        ended: list[tuple[Message, SendOutcome]] = []
        faults: list[BaseException] = []
        for message, outcome in came:
            if isinstance(outcome, BaseException):
                faults.append(outcome)
            else:
                ended.append((message, outcome))
        now = self._clock()
        endings = [Ending(message.id, outcome, _again(message, outcome, now)) for message, outcome in ended]
        settled = self._settle_all(endings, now) if endings else {}
        for message, outcome in ended:
            self._note(message, outcome, settled.get(message.id))
        if faults:
            raise faults[0]

    def _settle_rest(self, came: Iterable[tuple[Message, SendOutcome | BaseException]]) -> None:
        """Settle what can be, while another fault is on its way up: that one is what the caller is told."""
        try:
            self._settle(came)
        except Exception as error:
            log.error("delivery.unsettled", error=type(error).__name__)

    def _settle_all(self, endings: Sequence[Ending], now: datetime) -> Mapping[str, Settled]:
        """Settle; what was sent must not be sent again because the database was busy for a moment."""
        for wait_s in SETTLE_AGAIN_S:
            try:
                return self._store.settle_all(endings, self._owner, now, self._system)
            except StoreError as error:
                if not error.retryable:
                    raise
                time.sleep(wait_s)  # while the daemon stops, too: seconds at most, and else it would be sent again
        return self._store.settle_all(endings, self._owner, now, self._system)

    def _note(self, message: Message, outcome: SendOutcome, settled: Settled | None) -> None:
        """Take down what became of a message, and what its address is to do next."""
        result, again = _result(settled), settled.retry_at if settled else None
        self._tried += _tried(message, result, outcome.detail, again)
        if result is SendResult.SENT:
            self._sent[message.merge.value if message.merge else SINGLE] += 1
        if settled and (settled.opened or settled.closed):
            self._switched.append(Switched(message.receiver, settled.opened, outcome.detail))
        if isinstance(outcome, Failed) and (settled is None or again is not None):
            self._put_back(message.receiver, "an earlier delivery to this address failed", again or self._clock())
        elif self._queues[message.receiver]:
            self._idle.append(message.receiver)

    def _put_back(self, receiver: str, why: str, until: datetime) -> None:
        rest = self._queues[receiver]
        if not rest:
            return
        detail = f"not tried: {why}"
        back = self._store.put_back([message.id for message in rest], self._owner, detail)
        for message in rest:
            result = SendResult.HELD if message.id in back else SendResult.LOST
            self._tried += _tried(message, result, detail, until)
        rest.clear()


def _again(message: Message, outcome: SendOutcome, now: datetime) -> datetime | None:
    return next_attempt(message, outcome, now) if isinstance(outcome, Failed) else None


def _result(settled: Settled | None) -> SendResult:
    if settled is None:
        return SendResult.LOST
    if settled.state is DeliveryState.SENT:
        return SendResult.SENT
    return SendResult.DEAD if settled.state is DeliveryState.DEAD else SendResult.RETRY


def _tried(message: Message, result: SendResult, detail: str, again: datetime | None) -> list[Tried]:
    return [
        Tried(one.id, one.receiver, one.alert.subject, result, detail, again, message.id) for one in message.deliveries
    ]
