"""Feeds asked and their documents parsed, all at the same time, for a caller that knows of no event loop, thread or
process: requests go in at any time, answers come out as they are ready.

    ask ─► lane of its host ─► thread "fetch": event loop, Exchange ─► inbox ─► parsed here ────────► take
                                                                          └──► processes (Parsers) ─┘

What is asked and what an answer means is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from watcher.domain.feeds import DueFeed
from watcher.feeds.documents import FeedBroken
from watcher.feeds.entries import Parsed
from watcher.feeds.http import Fetcher
from watcher.feeds.kinds import request_for
from watcher.feeds.outcomes import Fetched, FetchRequest, Outcome
from watcher.feeds.parsers import Parsers, Read, Task, read_task
from watcher.feeds.walls import FeedBlocked

# Bytes that wait to be parsed, before processes are started for them: a second's work or two. Forty feeds that all
# changed come to less, and are parsed sooner here than a process starts.
PROCESSES_FROM = 2_000_000
DOCUMENTS_FROM = 150  # or so many documents, however small
NEW_FEEDS_FROM = 60  # feeds asked for the first time, whose documents will be parsed whole
IDLE_S = 60.0  # without work, after which the processes are ended: a round may last for days
MOST_WAITING = 12_000_000  # bytes that have come and are not taken yet, before no more feeds are asked
LEAST_IN_HAND, IN_HAND = 200, 4  # feeds: so many, or so many times as many as may be asked at once

_STOP_CHECK_S = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """How asking one feed ended; where a document came, exactly one of `parsed` and `broken` says what it is."""

    outcome: Outcome
    parsed: Parsed | None = None
    broken: str = ""
    blocked: bool = False  # what came is a wall in front of the feed
    size: int = 0  # bytes of the document, which itself is let go once it is parsed


@dataclass(slots=True)
class _Lane:
    """The requests to one host: so many under way, the others in order behind them."""

    under_way: int = 0
    waiting: deque[tuple[FetchRequest, datetime]] = field(default_factory=deque)


class Round:
    """Asks feeds until it is closed. Belongs to the thread that opened it; use as a context manager.

    `room` is how many more may be asked so that nothing is idle and nothing piles up. Requests that wait for their
    host only, because it is slow or has many feeds, do not count: they hold up nobody. With `stop` set nothing more
    comes, within a tenth of a second. Nothing is started before the first feed is asked for.

    `parsers` are processes that outlive the round, to be closed by the caller; without, it has its own.
    """

    def __init__(
        self, fetcher: Fetcher, *, max_entries: int, stop: threading.Event, parsers: Parsers | None = None
    ) -> None:
        self._fetcher = fetcher
        self._max_entries = max_entries
        self._stop = stop
        self._lent = parsers is not None
        self._parsers = parsers if parsers is not None else Parsers()
        self._inbox: SimpleQueue[Outcome | Answer | BaseException] = SimpleQueue()
        self._unparsed: deque[Fetched] = deque()
        self._bytes = 0  # of the unparsed
        self._untaken = 0  # bytes; counted in the event loop
        self._asked: dict[str, tuple[DueFeed, bytes]] = {}  # what is being asked, and its marks
        self._blocked = 0  # requests that wait for their host
        self._lanes: dict[str, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fetch", daemon=True)

    def __enter__(self) -> Round:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ready.is_set():
            with suppress(RuntimeError):  # its loop has ended by itself
                self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join()
        if not self._lent:
            self._parsers.close()
        elif self._asked:
            self._parsers.drop()  # nobody will take what they are at

    # --- the caller's side ------------------------------------------------------------------------

    @property
    def asked(self) -> int:
        """How many feeds were asked for and not taken yet."""
        return len(self._asked)

    @property
    def room(self) -> int:
        """How many more feeds to ask for now: none, or a good many, for each claim waits for the disk."""
        most = max(LEAST_IN_HAND, IN_HAND * self._fetcher.concurrency)
        free = most - (self.asked - self._blocked)
        return free if free > most // 4 and self._untaken < MOST_WAITING else 0

    def ask(self, feeds: Sequence[DueFeed], known: Mapping[str, bytes], now: datetime) -> None:
        """Ask for these feeds, none of which is being asked for already. `known` are the marks of their last documents,
        `now` is what dates in Retry-After are measured against."""
        if not self._ready.is_set():  # most rounds find nothing to ask for
            self._thread.start()
            self._ready.wait()
        if sum(due.first for due in feeds) >= NEW_FEEDS_FROM:
            self._parsers.start()
        for due in feeds:
            self._asked[due.feed.id] = due, known.get(due.feed.id, b"")
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._admit, [request_for(due) for due in feeds], now)

    def take(self, limit: int, within_s: float, *, entries: int = sys.maxsize) -> list[Answer]:
        """Return answers: `limit` of them, or so many that they have `entries` together, or what is ready after
        `within_s`, or what is left when that is less."""
        until = time.monotonic() + within_s
        self._parsers.rest(IDLE_S)
        ready: list[Answer] = []
        while entries > 0 and len(ready) < min(limit, self.asked + len(ready)):
            stopped, left = self._stop.is_set(), until - time.monotonic()
            try:
                came = self._inbox.get_nowait() if self._unparsed or stopped else self._wait(left)
            except Empty:
                if stopped or left <= 0:
                    break
                if not self._unparsed:
                    continue
                document = self._unparsed.popleft()
                self._bytes -= _size(document)
                came = _tell(document, read_task(self._task(document)))
            if isinstance(came, BaseException):
                raise came
            if isinstance(came, Fetched):
                self._sort(came)
            else:
                answer = self._settle(came)
                ready.append(answer)
                entries -= len(answer.parsed.entries) if answer.parsed else 0
        return ready

    def _wait(self, left: float) -> Outcome | Answer | BaseException:
        return self._inbox.get(timeout=min(left, _STOP_CHECK_S)) if left > 0 else self._inbox.get_nowait()

    def _settle(self, came: Outcome | Answer) -> Answer:
        answer = came if isinstance(came, Answer) else Answer(came)
        del self._asked[answer.outcome.feed]
        if isinstance(answer.outcome, Fetched):
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._count, -answer.size)
        return answer

    def _sort(self, document: Fetched) -> None:
        """Let a document wait to be parsed here, or have it parsed in a process together with those that wait."""
        self._unparsed.append(document)
        self._bytes += _size(document)
        few = self._bytes < PROCESSES_FROM and len(self._unparsed) < DOCUMENTS_FROM
        if few and not self._parsers.started:
            return
        while self._unparsed:
            self._have_parsed(self._unparsed.popleft())
        self._bytes = 0

    def _have_parsed(self, document: Fetched) -> None:
        self._parsers.submit(self._task(document), partial(self._hand_in, document))

    def _hand_in(self, document: Fetched, read: Read) -> None:
        self._inbox.put(_tell(document, read))

    def _task(self, document: Fetched) -> Task:
        due, known = self._asked[document.feed]
        return Task(due.feed, document, self._max_entries, due.snapshot, known)

    # --- the event loop's side --------------------------------------------------------------------

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                self._loop, self._over, self._gate = runner.get_loop(), asyncio.Event(), asyncio.Event()
                self._gate.set()
                runner.run(self._serve())
        except BaseException as error:
            self._inbox.put(error)  # raised where somebody waits for answers
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        async with self._fetcher.exchanging() as exchange:
            self._exchange: Callable[[FetchRequest, datetime], Coroutine[Any, Any, Outcome]] = exchange
            self._ready.set()
            while not self._over.is_set() and not self._stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), _STOP_CHECK_S)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _admit(self, requests: Sequence[FetchRequest], now: datetime) -> None:
        for request in requests:
            host = _host(request)
            lane = self._lanes.setdefault(host, _Lane())
            if lane.under_way < self._fetcher.per_host:
                self._begin(host, lane, request, now)
            else:
                lane.waiting.append((request, now))
                self._blocked += 1

    def _begin(self, host: str, lane: _Lane, request: FetchRequest, now: datetime) -> None:
        lane.under_way += 1
        task = self._loop.create_task(self._carry_out(host, lane, request, now))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, host: str, lane: _Lane, request: FetchRequest, now: datetime) -> None:
        await self._gate.wait()
        outcome = await self._exchange(request, now)
        if isinstance(outcome, Fetched):
            self._count(_size(outcome))
        if isinstance(outcome, Fetched) and self._parsers.started:
            self._have_parsed(outcome)  # at once, while the caller may be busy
        else:
            self._inbox.put(outcome)
        lane.under_way -= 1
        if lane.waiting:
            self._blocked -= 1
            self._begin(host, lane, *lane.waiting.popleft())
        elif not lane.under_way:
            del self._lanes[host]

    def _count(self, size: int) -> None:
        """Open or shut the gate to the exchanges by the bytes nobody has taken yet."""
        self._untaken += size
        if self._untaken >= MOST_WAITING:
            self._gate.clear()
        elif self._untaken <= MOST_WAITING // 2:
            self._gate.set()


def _size(document: Fetched) -> int:
    return sum(map(len, (document.body, *document.parts)))


def _tell(document: Fetched, read: Read) -> Answer:
    size, outcome = _size(document), replace(document, body=b"", parts=())
    if isinstance(read, FeedBroken):
        return Answer(outcome, broken=str(read), blocked=isinstance(read, FeedBlocked), size=size)
    return Answer(outcome, read, size=size)


def _host(request: FetchRequest) -> str:
    try:
        return urlsplit(request.url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""  # refused when it is asked
