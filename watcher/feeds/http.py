"""The door to the feeds: many requests in, as many outcomes out, from plain synchronous code.

The event loop lives and dies inside one call of `fetch`, or in a `Round`; nobody above this package awaits anything.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from watcher.domain.feeds import Access
from watcher.domain.times import require_utc
from watcher.feeds.addresses import GuardedResolver, parse_url
from watcher.feeds.bodies import ACCEPT_ENCODING
from watcher.feeds.exchange import ACCEPT, Exchange, Limits
from watcher.feeds.manners import Hosts, Manners
from watcher.feeds.outcomes import Failure, Fetched, FetchFailed, FetchRequest, NotModified, Outcome
from watcher.feeds.robots import Robots, RobotsCache

__all__ = ["Failure", "FetchFailed", "FetchRequest", "Fetched", "Fetcher", "NotModified", "Outcome"]

_LONGEST_CONNECT = timedelta(seconds=10)
_STOP_CHECK_S = 0.05


class Fetcher:
    """Asks feeds over HTTP, many at a time and politely.

    `timeout` bounds one feed's whole exchange, redirects included; `connect_timeout` each connection (half of
    `timeout`, at most 10 s, unless given). `max_bytes` counts the decompressed body. `proxy` is an http URL; behind
    it names are resolved by the proxy, so keeping private networks out is then the proxy's task for names, while
    addresses written as numbers are still checked here. `access` says, by feed, what some want to see, and a proxy of
    their own; it is sent to the origin of the address it was given for, and to no other. The environment's proxy
    variables are not read; its SSL_CERT_FILE is, by OpenSSL. `spacing` lies between the beginnings of two requests to
    one public host.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        timeout: timedelta,
        max_bytes: int,
        concurrency: int,
        per_host: int,
        allow_private: bool = False,
        connect_timeout: timedelta | None = None,
        proxy: str | None = None,
        access: Mapping[str, Access] | None = None,
        spacing: timedelta = timedelta(0),
    ) -> None:
        if not user_agent.strip() or not user_agent.isprintable() or not user_agent.isascii():
            raise ValueError("user_agent must be one line of plain text that says who asks")
        if timeout <= timedelta(0) or min(max_bytes, concurrency, per_host) < 1:
            raise ValueError("timeout, max_bytes, concurrency and per_host must be positive")
        connect = min(timeout / 2, _LONGEST_CONNECT) if connect_timeout is None else connect_timeout
        self._limits = Limits(timeout, connect, max_bytes)
        self._proxy = proxy
        self._spacing = spacing
        self._access = dict(access or {})
        self._headers = {"User-Agent": user_agent, "Accept": ACCEPT, "Accept-Encoding": ACCEPT_ENCODING}
        self.concurrency = concurrency
        self.per_host = per_host
        self._allow_private = allow_private
        self._tls = ssl.create_default_context()
        self._robots = RobotsCache()
        self._hosts = Hosts()

    def remember(self, former: Fetcher) -> None:
        """Take over what another one knows of hosts: when they were asked last, which rest, and their robots.txt."""
        self._hosts, self._robots = former._hosts, former._robots

    def fetch(
        self, requests: Sequence[FetchRequest], now: datetime, stop: threading.Event | None = None
    ) -> list[Outcome]:
        """Ask for every feed and return the outcomes in the order of the requests.

        Each request costs at most `timeout` once it is its turn; hosts wait only for themselves. When `stop` is set,
        what is still under way is dropped and the outcomes so far are returned, within a tenth of a second. `now` is
        what dates in Retry-After are measured against. Must not be called from a running event loop.
        """
        require_utc(now=now)
        if not requests or (stop is not None and stop.is_set()):
            return []
        return asyncio.run(self._fetch_all(requests, now, stop))

    async def _fetch_all(
        self, requests: Sequence[FetchRequest], now: datetime, stop: threading.Event | None
    ) -> list[Outcome]:
        async with self.exchanging() as exchange:
            tasks = [asyncio.create_task(exchange(request, now)) for request in requests]
            await _wait_for(tasks, stop)
            return [task.result() for task in tasks if not task.cancelled()]

    @asynccontextmanager
    async def exchanging(
        self,
    ) -> AsyncIterator[Callable[[FetchRequest, datetime], Coroutine[Any, Any, Outcome]]]:
        """Give what asks for one feed, in its turn: for the event loops of this package."""
        manners = Manners(
            concurrency=self.concurrency, per_host=self.per_host, spacing=self._spacing, hosts=self._hosts
        )
        robots = Robots(self._robots, self._headers["User-Agent"])
        sessions: dict[tuple[bool, str | None], aiohttp.ClientSession] = {}
        async with AsyncExitStack() as stack:

            async def exchange(request: FetchRequest, now: datetime) -> Outcome:
                access = self._access.get(request.feed)
                private = request.allow_private or (self._allow_private and not request.from_outside)
                proxy = (access.proxy if access else None) or self._proxy
                if (private, proxy) not in sessions:
                    # nothing is awaited in between: a session is opened once
                    sessions[private, proxy] = self._session(allow_private=private, proxy=proxy)
                    stack.push_async_callback(sessions[private, proxy].close)
                asked = Exchange(sessions[private, proxy], request, self._limits, manners, not private, now)
                asked.proxy, asked.access, asked.robots = proxy, access, robots
                return await asked.carry_out()

            yield exchange

    def _session(self, *, allow_private: bool, proxy: str | None) -> aiohttp.ClientSession:
        """Make a session with connections of its own: a guarded request never finds an open private connection, and
        only one that goes through a proxy may reach the proxy's host."""
        exempt = (parse_url(proxy).raw_host or "") if proxy else ""
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(allow_private=allow_private, exempt=exempt),
            ssl=self._tls,
            limit=0,  # the turns are handed out by Manners
            use_dns_cache=False,
        )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_timeout.total_seconds())
        return aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )


async def _wait_for(tasks: list[asyncio.Task[Outcome]], stop: threading.Event | None) -> None:
    """Wait until every task is done, or `stop` is set; then cancel the rest."""
    everything = asyncio.gather(*tasks, return_exceptions=True)
    while not everything.done():
        await asyncio.wait({everything}, timeout=None if stop is None else _STOP_CHECK_S)
        if stop is not None and stop.is_set():
            break
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
