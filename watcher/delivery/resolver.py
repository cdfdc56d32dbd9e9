"""Look names up for one request, in time that the request's own limit bounds."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult


class Resolver(AbstractResolver):
    """Looks up each name in a daemon thread of its own: getaddrinfo cannot be cancelled, and the end of a loop, as that
    of the process, waits for the threads of an executor."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`; OSError where it has none."""
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=str(place[0]), port=port, family=found, proto=proto, flags=flags)
            for found, _, proto, _, place in await _look_up(host, port, family)
        ]

    async def close(self) -> None:
        """Nothing is held open."""


async def _look_up(host: str, port: int, family: int) -> list[Any]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[Any]] = loop.create_future()

    def settle(infos: list[Any], error: Exception | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(infos)
        else:
            future.set_exception(error)

    def work() -> None:
        infos: list[Any] = []
        failed: Exception | None = None
        try:
            infos = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # UnicodeError: no name at all, but a label that is too long
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, infos, failed)

    threading.Thread(target=work, name=f"look up {host}", daemon=True).start()
    return await future
