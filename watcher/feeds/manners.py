"""How many are asked at once, and when a host is left alone for a while.

One `Manners` serves one round of fetching; nothing is remembered between rounds (that is the schedule's work).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from watcher.feeds.outcomes import Failure, Refusal

SILENT_LIMIT = 3  # attempts in a row without any answer, after which a host is left alone
LEFT_ALONE_S = 15.0  # and for how long: a round may last for days, and the other feeds in hand are refused at once

_NO_ANSWER = {Failure.CONNECT, Failure.DNS, Failure.TIMEOUT, Failure.TLS}


@dataclass(slots=True)
class _Lane:
    """What one host has done in this round so far."""

    slots: asyncio.Semaphore
    free_at: float = 0.0  # the event loop's time before which no further request begins
    silent: int = 0
    shut: Refusal | None = None
    shut_at: float = 0.0


class Manners:
    """Hands out turns: `concurrency` exchanges in all, `per_host` of them with one host, begun `spacing` apart.

    A host that left SILENT_LIMIT attempts in a row unanswered, or that answered 429, is not asked for LEFT_ALONE_S:
    forty feeds of one dead host must not take forty time-outs, and a host that asks to be left alone is.
    """

    def __init__(self, *, concurrency: int, per_host: int, spacing: timedelta = timedelta(0)) -> None:
        self._slots = asyncio.Semaphore(concurrency)
        self._per_host = per_host
        self._spacing_s = spacing.total_seconds()
        self._lanes: dict[str, _Lane] = {}

    @asynccontextmanager
    async def turn(self, host: str, *, spaced: bool = True) -> AsyncIterator[None]:
        """Wait for a turn with a host; raise Refusal instead when it is to be left alone.

        A host of the operator's own need not be spared (`spaced` False).

        The host's slot is taken before the common one, so that those waiting for a slow host hold up nobody else.
        """
        lane = self._lanes.setdefault(host, _Lane(asyncio.Semaphore(self._per_host)))
        async with lane.slots, self._spaced(lane, spaced), self._slots:
            now = asyncio.get_running_loop().time()
            if lane.shut is not None and now - lane.shut_at < LEFT_ALONE_S:
                raise lane.shut
            lane.shut = None
            try:
                yield
            except Refusal as refusal:
                self._note_refusal(lane, refusal)
                raise
            lane.silent = 0

    @asynccontextmanager
    async def _spaced(self, lane: _Lane, wanted: bool) -> AsyncIterator[None]:
        """Wait until the host's last request is long enough ago; nobody else waits with it."""
        if wanted and self._spacing_s and lane.shut is None:
            now = asyncio.get_running_loop().time()
            begins = max(now, lane.free_at)
            lane.free_at = begins + self._spacing_s
            await asyncio.sleep(begins - now)
        yield

    def _note_refusal(self, lane: _Lane, refusal: Refusal) -> None:
        lane.shut_at = asyncio.get_running_loop().time()
        if refusal.failure is Failure.RATE_LIMITED:
            lane.shut = Refusal(
                refusal.failure,
                "not asked: the host has just asked for fewer requests",
                retry_after=refusal.retry_after,
            )
        elif refusal.failure in _NO_ANSWER and refusal.status is None:
            lane.silent += 1
            if lane.silent >= SILENT_LIMIT:
                detail = f"not asked: {lane.silent} requests in a row to this host had no answer"
                lane.shut, lane.silent = Refusal(refusal.failure, detail), 0
        else:
            lane.silent = 0
