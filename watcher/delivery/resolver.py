"""Look names up for one request, in time that the request's own limit bounds."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from watcher.lookup import look_up


class Resolver(AbstractResolver):
    """Looks names up so that a name server that says nothing holds up no send for longer than its limit."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`; OSError where it has none."""
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=str(place[0]), port=port, family=found, proto=proto, flags=flags)
            for found, _, proto, _, place in await look_up(host, port, family)
        ]

    async def close(self) -> None:
        """Nothing is held open."""
