"""Documents parsed in processes of their own, so that feedparser uses every core and nobody waits for it.

    caller ─► thread ─► pipe ─► process: read_task → read_answer → answer ─► pipe ─► thread ─► Future

A process is a fresh Python that imports this package and nothing else of the program: nothing is forked from a process
with threads. It ends when its pipe does, so it never outlives whoever started it, however that one ended.
"""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import IO

from watcher.domain.model import Feed, Snapshot
from watcher.feeds.documents import FeedBroken
from watcher.feeds.entries import Parsed
from watcher.feeds.kinds import read_answer
from watcher.feeds.outcomes import Fetched
from watcher.feeds.walls import FeedBlocked

MOST_PROCESSES = 4  # each takes some 30 MB; two keep up with a few hundred changed documents a second
LONGEST_PARSE = timedelta(minutes=1)  # of one document; 10 MB of ordinary entries take half of it

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


class Parsers:
    """As many processes as there are cores, MOST_PROCESSES at most; none is started before its first task.

    A process that dies, or takes longer than LONGEST_PARSE, costs the document it had: that one is broken, and the
    next begins in a new process. Use as a context manager, or `close` it.
    """

    def __init__(self, processes: int | None = None, longest: timedelta = LONGEST_PARSE) -> None:
        self._count = processes or min(os.cpu_count() or 1, MOST_PROCESSES)
        self._longest = longest
        self._threads: ThreadPoolExecutor | None = None
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._workers: set[_Worker] = set()
        self._closed = False

    def __enter__(self) -> Parsers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def started(self) -> bool:
        """Whether there are processes already."""
        return self._threads is not None

    def submit(self, task: Task, done: Callable[[Read], None]) -> None:
        """Parse a document in one of the processes; `done` is called in a thread, unless this is closed before."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="parse")

        def tell(future: Future[Read]) -> None:
            if not future.cancelled():
                done(future.result())

        self._threads.submit(self._read, task).add_done_callback(tell)

    def _read(self, task: Task) -> Read:
        worker: _Worker | None = getattr(self._mine, "worker", None)
        if worker is None:
            worker = self._mine.worker = _Worker()
            with self._lock:
                self._workers.add(worker)
                if self._closed:
                    worker.kill()
        timer = threading.Timer(self._longest.total_seconds(), worker.kill)
        timer.start()
        try:
            return worker.read(task)
        except (OSError, EOFError):
            self._mine.worker = None
            with self._lock:
                self._workers.discard(worker)
            worker.close()
            return FeedBroken(f"the parser did not survive it, or took longer than {self._longest.total_seconds():g} s")
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the processes at once; what they had is dropped. Idempotent."""
        with self._lock:
            self._closed = True
            for worker in self._workers:
                worker.kill()
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers:
            worker.close()
        self._workers.clear()


class _Worker:
    """One process, from the outside."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the one who started it
        )

    def read(self, task: Task) -> Read:
        """Have a document parsed; OSError or EOFError when the process has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _send(self._process.stdin, task)
        answer = _receive(self._process.stdout)
        if isinstance(answer, tuple):
            blocked, said = answer
            return FeedBlocked(said) if blocked else FeedBroken(said)
        assert isinstance(answer, Parsed)
        return answer

    def kill(self) -> None:
        """End it without a warning; the one who waits for its answer gets EOFError."""
        self._process.kill()

    def close(self) -> None:
        """End it, and free what is left of it."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was still to be written has no reader
                    pipe.close()


def serve() -> None:
    """Be the process: read tasks from stdin and answer on stdout until stdin ends."""
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


def _send(pipe: IO[bytes], what: object) -> None:
    data = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> object:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    data = pipe.read(*_LENGTH.unpack(head))
    return pickle.loads(data)
