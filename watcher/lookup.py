"""Look names up in time that the caller's own limit bounds. What an address may be used for is not known here."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any


async def look_up(host: str, port: int, family: int) -> list[Any]:
    """Return what getaddrinfo says of `host`, for streams; raise OSError where it has no address.

    Each look-up has a daemon thread of its own: getaddrinfo cannot be cancelled, and the end of a loop, as that of the
    process, waits for the threads of an executor. Whoever waits may give up at any time.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[Any]] = loop.create_future()

    def settle(infos: list[Any], error: OSError | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(infos)
        else:
            future.set_exception(error)

    def work() -> None:
        infos: list[Any] = []
        error: OSError | None = None
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        except OSError as exc:
            error = exc
        except UnicodeError:  # a label that is empty or too long for DNS
            error = socket.gaierror(socket.EAI_NONAME, "not a host name")
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, infos, error)

    threading.Thread(target=work, name="watcher-dns", daemon=True).start()
    return await future
