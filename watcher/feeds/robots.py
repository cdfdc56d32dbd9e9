"""What a host's robots.txt asks of this client (RFC 9309), fetched through the same guarded door as the pages.

Pages and articles are asked for only where it allows them; feeds are made for programs and are not asked about.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from protego import Protego
from yarl import URL

from watcher.feeds.outcomes import Failure, Fetched, FetchFailed, NotModified, Refusal

KEPT = timedelta(hours=6)  # how long one answer holds; the RFC's limit is a day
LONGEST_DELAY = timedelta(seconds=30)  # of a Crawl-delay; whoever asks for more means crawlers of whole sites
MAX_KEPT = 10_000  # hosts
_MAX_CHARS = 512_000  # the RFC wants 500 KiB to be read at least

Ask = Callable[[URL], Awaitable[Fetched | NotModified | FetchFailed]]


@dataclass(frozen=True, slots=True)
class Rules:
    """One host's robots.txt; None where it has none, which allows everything."""

    rules: Protego | None
    until: datetime


class RobotsCache(dict[str, Rules]):
    """Rules by origin, kept between rounds."""


class Robots:
    """Admits pages, within one event loop. `agent` is the whole User-Agent; its first word is the name rules are looked
    up by."""

    def __init__(self, kept: RobotsCache, agent: str) -> None:
        self._kept = kept
        self._agent = re.split(r"[/\s]", agent.strip(), maxsplit=1)[0]
        self._locks: dict[str, asyncio.Lock] = {}  # so that many pages of one host ask for its rules once

    async def admit(self, url: URL, ask: Ask, now: datetime) -> timedelta:
        """Return how far apart such requests are to be (Crawl-delay, LONGEST_DELAY at most), 0 where nothing is said.

        Raises Refusal when the page may not be asked for. `ask` fetches robots.txt where it is not known.

        A host that has none (4xx) allows everything; one whose rules cannot be had now is left alone (RFC 9309, 2.3.1).
        """
        origin = str(url.origin())
        async with self._locks.setdefault(origin, asyncio.Lock()):
            known = self._kept.get(origin)
            if known is None or known.until <= now:
                known = self._read(await ask(url.origin() / "robots.txt"), now + KEPT)
                if len(self._kept) >= MAX_KEPT:
                    self._kept.pop(next(iter(self._kept)), None)
                self._kept[origin] = known
        if known.rules is None:
            return timedelta(0)
        if not known.rules.can_fetch(str(url), self._agent):
            raise Refusal(Failure.ROBOTS, "robots.txt asks programs to leave this page alone")
        delay = known.rules.crawl_delay(self._agent) or 0.0
        return timedelta(seconds=min(delay, LONGEST_DELAY.total_seconds())) if delay > 0 else timedelta(0)

    def _read(self, answer: Fetched | NotModified | FetchFailed, until: datetime) -> Rules:
        if isinstance(answer, Fetched):
            return Rules(Protego.parse(answer.body.decode("utf-8", "replace")[:_MAX_CHARS]), until)
        if isinstance(answer, FetchFailed):
            if answer.status is not None and 400 <= answer.status < 500 and answer.status != 429:
                return Rules(None, until)
            raise Refusal(
                answer.failure,
                f"robots.txt: {answer.detail}",
                status=answer.status,
                retry_after=answer.retry_after,
                host=answer.host,
            )
        return Rules(None, until)
