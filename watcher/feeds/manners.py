"""How many are asked at once, how far apart, and when a host is left alone.

`Hosts` is what is remembered of hosts, shared by all that ask, from one round to the next; one `Manners` hands out the
turns of one event loop. What must outlive the process is the schedule's work: it puts off the feeds of such a host.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from watcher.feeds.outcomes import Failure, Refusal

SILENT_LIMIT = 3  # attempts in a row without any answer, after which a host is left alone
LEFT_ALONE = timedelta(seconds=15)  # and for how long: those in hand are refused at once meanwhile
LONGEST_REST = timedelta(hours=24)  # that a host's Retry-After is kept to
MOST_HOSTS = 10_000  # remembered; beyond it those of which nothing need be remembered are forgotten

_NO_ANSWER = {Failure.CONNECT, Failure.DNS, Failure.TIMEOUT, Failure.TLS}
_TOO_MANY = 429
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Host:
    """What one host has done so far. Numbers are seconds of the clock that only runs."""

    free_at: float = 0.0  # before which no further request begins
    page_at: float = 0.0  # before which no further request begins that robots.txt speaks about
    silent: int = 0  # attempts in a row without any answer
    shut: Refusal | None = None
    shut_until: datetime = _EPOCH


class Hosts:
    """What is remembered of hosts. Thread-safe: articles are asked for beside feeds.

    `now` is when a caller began to ask, by its own clock; how late it is since is told by the clock that only runs.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}
        self._told, self._told_at = _EPOCH, 0.0  # the latest time a caller told, and when that was

    def reserve(self, host: str, spacing: timedelta) -> float:
        """Return in how many seconds the next request may begin, and take that moment; 0 for a host that is shut, which
        is not waited for."""
        with self._lock:
            known, now = self._of(host), time.monotonic()
            begins = max(now, known.free_at)
            if known.shut is not None:
                return 0.0
            known.free_at = begins + spacing.total_seconds()
            return begins - now

    def reserve_page(self, host: str, delay: timedelta) -> float:
        """Likewise of requests that robots.txt speaks about, `delay` apart (Crawl-delay)."""
        with self._lock:
            known, now = self._of(host), time.monotonic()
            begins = max(now, known.page_at)
            known.page_at = begins + delay.total_seconds()
            return begins - now

    def refuse(self, host: str, now: datetime) -> Refusal | None:
        """Return why the host is to be left alone, and for how long if it asked for that; None when it may be asked."""
        with self._lock:
            known, now = self._of(host), self._later(now)
            if known.shut is None or now >= known.shut_until:
                known.shut = None
                return None
            left = timedelta(seconds=math.ceil((known.shut_until - now).total_seconds()))
            return Refusal(known.shut.failure, known.shut.detail, retry_after=left if known.shut.retry_after else None)

    def note_answer(self, host: str) -> None:
        """Remember that it answered."""
        with self._lock:
            self._of(host).silent = 0

    def note_refusal(self, host: str, refusal: Refusal, now: datetime) -> None:
        """Remember how a request ended that brought nothing."""
        with self._lock:
            known, now = self._of(host), self._later(now)
            if refusal.status == _TOO_MANY:
                detail = "not asked: the host has just asked for fewer requests"
                wait = min(refusal.retry_after or LEFT_ALONE, LONGEST_REST)
                known.shut = Refusal(Failure.RATE_LIMITED, detail, retry_after=refusal.retry_after)
                known.shut_until = now + max(wait, LEFT_ALONE)
            elif refusal.failure in _NO_ANSWER and refusal.status is None:
                known.silent += 1
                if known.silent >= SILENT_LIMIT:
                    detail = f"not asked: {known.silent} requests in a row to this host had no answer"
                    known.shut, known.silent = Refusal(refusal.failure, detail), 0
                    known.shut_until = now + LEFT_ALONE
            else:
                known.silent = 0

    def _later(self, now: datetime) -> datetime:
        """Return what the callers' clock says by now, though this one may have waited since it read it."""
        running = time.monotonic()
        passed = self._told + timedelta(seconds=running - self._told_at)
        if now > passed:
            self._told, self._told_at = now, running
        return max(now, passed)

    def _of(self, host: str) -> _Host:
        if host not in self._hosts and len(self._hosts) >= MOST_HOSTS:
            now = time.monotonic()
            self._hosts = {
                name: known
                for name, known in self._hosts.items()
                if known.shut is not None or max(known.free_at, known.page_at) > now
            }
        return self._hosts.setdefault(host, _Host())


@dataclass(frozen=True, slots=True)
class Asking:
    """Who wants a turn: when, by the caller's clock; whether the host is spared, which one of the operator's own need
    not be; and how far apart its robots.txt wants such requests."""

    now: datetime
    spaced: bool = True
    delay: timedelta = timedelta(0)


class Manners:
    """Hands out turns: `concurrency` exchanges in all, `per_host` of them with one host, begun `spacing` apart.

    A host that left SILENT_LIMIT attempts in a row unanswered is not asked for LEFT_ALONE: forty feeds of one dead
    host must not take forty time-outs. One that answered 429 is left alone for as long, or as long as it asks for.
    """

    def __init__(
        self, *, concurrency: int, per_host: int, spacing: timedelta = timedelta(0), hosts: Hosts | None = None
    ) -> None:
        self._slots = asyncio.Semaphore(concurrency)
        self._per_host = per_host
        self._spacing = spacing
        self._hosts = hosts or Hosts()
        self._lanes: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def turn(self, host: str, asking: Asking) -> AsyncIterator[None]:
        """Wait for a turn with a host; raise Refusal instead when it is to be left alone.

        The host's slot is taken before the common one, so that those waiting for a slow host hold up nobody else; and
        what robots.txt makes wait takes no slot meanwhile.
        """
        if asking.delay:
            await asyncio.sleep(self._hosts.reserve_page(host, asking.delay))
        async with self._lanes.setdefault(host, asyncio.Semaphore(self._per_host)):
            if asking.spaced and self._spacing:
                await asyncio.sleep(self._hosts.reserve(host, self._spacing))
            async with self._slots:
                if refusal := self._hosts.refuse(host, asking.now):
                    raise refusal
                try:
                    yield
                except Refusal as refusal:
                    self._hosts.note_refusal(host, refusal, asking.now)
                    raise
                self._hosts.note_answer(host)
