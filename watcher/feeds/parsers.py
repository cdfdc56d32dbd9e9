"""Documents parsed in processes of their own, so that feedparser uses every core and nobody waits for it.

    caller ─► thread "parse" ─► pipes ─► processes: read_task → read_answer → answer ─► pipes ─► thread ─► done

Each process has a few documents ahead in its pipe, so that it need not wait until the thread gets its turn among the
others of the program. A process is a fresh Python that imports this package and nothing else of the program: nothing is
forked from a process with threads. It ends when its pipe does, so it never outlives whoever started it, however that
one ended.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import selectors
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import IO

from watcher.domain.feeds import Feed, Snapshot
from watcher.feeds.documents import FeedBroken
from watcher.feeds.entries import Parsed
from watcher.feeds.kinds import read_answer
from watcher.feeds.outcomes import Fetched
from watcher.feeds.walls import FeedBlocked

MOST_PROCESSES = 4  # each takes some 30 MB; two keep up with a few hundred changed documents a second
LONGEST_PARSE = timedelta(minutes=1)  # of one document; 10 MB of ordinary entries take half of it

AHEAD = 6  # documents that a process has at once: the one it parses, and the next
_PIPE_BYTES = 262_144  # that a pipe is to hold: the documents ahead, not only the next one's beginning
_PIECE = 1_048_576  # bytes read at once

_LENGTH = struct.Struct(">Q")
_COMMAND = "from watcher.feeds.parsers import serve; serve()"


@dataclass(frozen=True, slots=True)
class Task:
    """One document to read as what the feed is; the fields are `read_answer`'s arguments."""

    feed: Feed
    document: Fetched
    max_entries: int
    former: Snapshot | None = None
    known: bytes = b""


Read = Parsed | FeedBroken


def read_task(task: Task) -> Read:
    """Parse a document here and now.

    Whatever a document may trip is told as broken: an error of ours that ends the round would come again with the same
    document in every round, and hold up every other feed for ever.
    """
    try:
        return read_answer(task.feed, task.document, max_entries=task.max_entries, former=task.former, known=task.known)
    except FeedBroken as error:
        return error
    except Exception as error:
        return FeedBroken(f"cannot be read for a mistake of ours ({type(error).__name__}: {error})")


@dataclass(frozen=True, slots=True)
class _Order:
    """A document to parse, and who is told of it."""

    task: Task
    done: Callable[[Read], None]


class Parsers:
    """As many processes as there are cores, MOST_PROCESSES at most; none is started before it is needed.

    A process that dies, or takes longer than LONGEST_PARSE, costs the document it was at: that one is broken, and a new
    process goes on with the next. Safe between threads. Use as a context manager, or `close` it.
    """

    def __init__(self, processes: int | None = None, longest: timedelta = LONGEST_PARSE) -> None:
        self._count = processes or min(os.cpu_count() or 1, MOST_PROCESSES)
        self._longest = longest
        self._lock = threading.Lock()
        self._desk: _Desk | None = None
        self._closed = False

    def __enter__(self) -> Parsers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def started(self) -> bool:
        """Whether there are processes already."""
        return self._desk is not None

    def start(self) -> None:
        """Start the processes, so that they are ready when documents come."""
        with self._lock:
            if self._desk is None and not self._closed:
                self._desk = _Desk(self._count, self._longest)
                self._desk.start()

    def submit(self, task: Task, done: Callable[[Read], None]) -> None:
        """Parse a document in one of the processes; `done` is called in a thread, unless this is closed before."""
        self.start()
        with self._lock:
            if self._desk is not None:
                self._desk.take(_Order(task, done))

    def rest(self, after_s: float) -> None:
        """End the processes when they had nothing to do for so many seconds; the next document starts new ones."""
        with self._lock:
            if self._desk is not None and self._desk.idle_s >= after_s:
                self._desk.end()
                self._desk = None

    def drop(self) -> None:
        """End the processes at once; what they had is dropped. The next document starts new ones."""
        with self._lock:
            if self._desk is not None:
                self._desk.end()
                self._desk = None

    def close(self) -> None:
        """As `drop`, and nothing is parsed any more. Idempotent."""
        self._closed = True
        self.drop()


class _Desk(threading.Thread):
    """The thread that hands documents to processes and their answers on."""

    def __init__(self, processes: int, longest: timedelta) -> None:
        super().__init__(name="parse", daemon=True)
        self.workers: set[_Worker] = set()
        self._count = processes
        self._longest = longest
        self._waiting: deque[_Order] = deque()
        self._open = 0  # documents taken and not told of yet
        self._counting = threading.Lock()
        self._used_at = time.monotonic()
        self._over = False
        self._woken, self._wake = os.pipe()
        for end in (self._woken, self._wake):
            os.set_blocking(end, False)

    # --- the caller's side ------------------------------------------------------------------------

    def take(self, order: _Order) -> None:
        """Let a document be parsed."""
        self._count_open(1)
        self._waiting.append(order)
        self._rouse()

    @property
    def idle_s(self) -> float:
        """For how long there was nothing to do."""
        return 0.0 if self._open else time.monotonic() - self._used_at

    def end(self) -> None:
        """End thread and processes."""
        self._over = True
        self._rouse()
        self.join()
        for end in (self._woken, self._wake):
            os.close(end)

    def _rouse(self) -> None:
        with suppress(BlockingIOError):  # so full that it is awake
            os.write(self._wake, b".")

    def _count_open(self, more: int) -> None:
        with self._counting:
            self._open += more
            self._used_at = time.monotonic()

    # --- the thread's side ------------------------------------------------------------------------

    def run(self) -> None:
        """Go on until told to end."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            try:
                while not self._over:
                    self._hand_out(selector)
                    self._serve(selector)
            finally:
                for worker in self.workers:
                    worker.close()

    def _hand_out(self, selector: selectors.BaseSelector) -> None:
        """Start the processes that are missing, and give each the documents it has room for, in turns."""
        while len(self.workers) < self._count:
            try:
                worker = _Worker()
            except OSError as error:  # too many processes, or no memory for another: those that are there go on
                if not self.workers:
                    self._refuse(f"no process could be started to read it in ({error.strerror})")
                break
            self.workers.add(worker)
            selector.register(worker.answers, selectors.EVENT_READ, worker)
        for room in range(AHEAD):
            for worker in self.workers:
                if self._waiting and len(worker.orders) <= room:
                    worker.give(self._waiting.popleft())
        for worker in self.workers:
            if worker.unsent and not worker.sending:
                selector.register(worker.tasks, selectors.EVENT_WRITE, worker)
                worker.sending = True

    def _serve(self, selector: selectors.BaseSelector) -> None:
        """Wait until something can be read or written, and do it."""
        ends = [worker.since + self._longest.total_seconds() for worker in self.workers if worker.orders]
        wait = max(0.0, min(ends) - time.monotonic()) if ends else None
        for key, _ in selector.select(wait):
            worker: _Worker | None = key.data
            if worker is None:
                os.read(self._woken, _PIECE)
            elif worker in self.workers and not self._exchange(worker, selector, answers=key.fd == worker.answers):
                self._lose(worker, selector)
        now = time.monotonic()
        for worker in list(self.workers):
            if worker.orders and now >= worker.since + self._longest.total_seconds():
                self._lose(worker, selector)

    def _refuse(self, why: str) -> None:
        """Tell of every document that waits that it cannot be read."""
        while self._waiting:
            self._waiting.popleft().done(FeedBroken(why))
            self._count_open(-1)

    def _exchange(self, worker: _Worker, selector: selectors.BaseSelector, *, answers: bool) -> bool:
        """Read answers or write tasks; False when the process has ended."""
        try:
            if answers:
                for order, read in worker.receive():
                    order.done(read)
                    self._count_open(-1)
            elif not worker.send():
                selector.unregister(worker.tasks)
                worker.sending = False
        except (OSError, EOFError):
            return False
        return True

    def _lose(self, worker: _Worker, selector: selectors.BaseSelector) -> None:
        """Do without a process: what it was at is broken, what it had ahead is for the others."""
        selector.unregister(worker.answers)
        if worker.sending:
            selector.unregister(worker.tasks)
        self.workers.discard(worker)
        worker.close()
        if worker.orders:
            said = f"the parser did not survive it, or took longer than {self._longest.total_seconds():g} s"
            worker.orders.popleft().done(FeedBroken(said))
            self._count_open(-1)
        self._waiting.extendleft(reversed(worker.orders))


class _Worker:
    """One process, from the outside. `orders` are the documents it has, the first of which it is at since `since`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is for the one who started it; a session of its own would keep it away, too, but be a group of its
            # own to Linux's scheduler (sched_autogroup), within which alone `nice` counts
            process_group=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.tasks, self.answers = self._process.stdin.fileno(), self._process.stdout.fileno()
        for pipe in (self.tasks, self.answers):
            os.set_blocking(pipe, False)
            with suppress(AttributeError, OSError):  # not on this system, or too many for this user
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self.orders: deque[_Order] = deque()
        self.since = 0.0
        self.unsent = bytearray()
        self.sending = False
        self._received = bytearray()

    def give(self, order: _Order) -> None:
        """Add a document to those it has; it is sent by `send`."""
        if not self.orders:
            self.since = time.monotonic()
        self.orders.append(order)
        self.unsent += _frame(order.task)

    def send(self) -> bool:
        """Write what fits into its pipe; whether anything is left. OSError when the process has ended."""
        del self.unsent[: os.write(self.tasks, self.unsent)]
        return bool(self.unsent)

    def receive(self) -> Iterator[tuple[_Order, Read]]:
        """Give the answers that have come, each with what it answers; EOFError when the process has ended."""
        piece = os.read(self.answers, _PIECE)
        if not piece:
            raise EOFError
        self._received += piece
        while len(self._received) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._received)[0]
            if len(self._received) < end:
                return
            answer = bytes(self._received[_LENGTH.size : end])
            del self._received[:end]
            self.since = time.monotonic()
            yield self.orders.popleft(), _read_of(pickle.loads(answer))

    def kill(self) -> None:
        """End it without a warning."""
        self._process.kill()

    def close(self) -> None:
        """End it, and free what is left of it."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was still to be written has no reader
                    pipe.close()


def _read_of(answer: object) -> Read:
    if isinstance(answer, tuple):
        blocked, said = answer
        return FeedBlocked(said) if blocked else FeedBroken(said)
    assert isinstance(answer, Parsed)
    return answer


def serve() -> None:
    """Be the process: read tasks from stdin and answer on stdout until stdin ends."""
    os.nice(10)  # fetching and judging come first: what is parsed has to wait for them anyway
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get among the answers
    try:
        while True:
            task = _receive(tasks)
            assert isinstance(task, Task)
            read = read_task(task)
            refused = (isinstance(read, FeedBlocked), str(read))
            _send(answers, refused if isinstance(read, FeedBroken) else read)
    except (EOFError, BrokenPipeError):
        os._exit(0)


def _frame(what: object) -> bytes:
    data = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


def _send(pipe: IO[bytes], what: object) -> None:
    pipe.write(_frame(what))
    pipe.flush()


def _receive(pipe: IO[bytes]) -> object:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    data = pipe.read(*_LENGTH.unpack(head))
    return pickle.loads(data)
