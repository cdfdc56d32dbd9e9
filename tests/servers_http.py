"""A real HTTP(S) server on loopback that answers as scripted, faults included.

    with FeedServer() as server:
        server.add("/feed.xml", Reply(body=FEED, etag='"1"'))
        ...
        assert server.requests[0].headers["user-agent"] == "..."

It speaks raw bytes over asyncio in a thread of its own, so it can send what no decent server would: drips, resets,
bodies shorter or longer than announced, plain nonsense. Several replies for one path are given in turn; the last one
repeats.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

REASONS = {200: "OK", 301: "Moved Permanently", 302: "Found", 304: "Not Modified", 404: "Not Found", 410: "Gone"}


@dataclass(frozen=True)
class Received:
    """One request as it came in; header names in lower case. `target` may be absolute: the server is then a proxy."""

    method: str
    target: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """One answer. With `etag` or `last_modified`, a request whose condition holds is answered 304 by itself."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/rss+xml"
    etag: str = ""
    last_modified: str = ""
    wait: float = 0.0  # seconds of silence first
    drip: float = 0.0  # seconds between two bytes of the body
    announce: int | None = (
        None  # Content-Length, when it is to be wrong; -1 for none: the body ends with the connection
    )
    chunked: bool = False
    cut: int | None = None  # close after so many bytes of the body
    stall: float = 0.0  # seconds of silence before that
    hang_up: bool = False  # close without an answer
    reset: bool = False  # TCP reset after the headers
    raw: bytes | None = None  # send exactly this, then close


Script = Callable[[Received], Reply]


class Busy:
    """How many requests wait for their answer, on one server or on several together. A request counts from when it has
    come until just before its answer goes out: whoever has that is counted no more, however loaded the machine."""

    def __init__(self) -> None:
        self.peak = 0
        self._now = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.peak = max(self.peak, self._now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._now -= 1


class FeedServer:
    """Serves until the `with` block ends. `busy.peak` is the most requests that waited for their answer at once."""

    def __init__(self, tls: ssl.SSLContext | None = None, busy: Busy | None = None) -> None:
        self.requests: list[Received] = []
        self.busy = busy or Busy()
        self._tls = tls
        self._scripts: dict[str, list[Reply] | Script] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="feed-server", daemon=True)
        self._ready = threading.Event()
        self.port = 0

    def add(self, target: str, *replies: Reply | Script) -> str:
        """Script a path (or, for a proxy, a whole URL) and return its URL on this server."""
        first = replies[0]
        self._scripts[target] = first if callable(first) else [r for r in replies if isinstance(r, Reply)]
        return target if "://" in target else self.url(target)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def asked(self, target: str) -> list[Received]:
        """The requests for one path so far."""
        return [request for request in self.requests if request.target == target]

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._loop.set_exception_handler(lambda loop, context: None)  # clients break off here on purpose
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._connections.discard(task)
            with contextlib.suppress(OSError, RuntimeError):
                writer.transport.abort() if writer.transport.is_closing() else writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await reader.readexactly(1)
        if first == b"\x16":  # a TLS handshake at a plain server: answered as real ones do
            writer.write(_head(400, {"Connection": "close"}))
            await writer.drain()
            return False
        request = _read_head((first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        self.requests.append(request)
        with self.busy:
            reply = self._choose(request)
            await asyncio.sleep(reply.wait)
        return await self._answer(reply, request, writer)

    def _choose(self, request: Received) -> Reply:
        script = self._scripts.get(request.target, self._scripts.get(request.target.partition("?")[0]))
        if script is None:
            return Reply(status=404, body=b"nothing here")
        if callable(script):
            return script(request)
        return script.pop(0) if len(script) > 1 else script[0]

    async def _answer(self, reply: Reply, request: Received, writer: asyncio.StreamWriter) -> bool:
        if reply.hang_up:
            return False
        if reply.raw is not None:
            writer.write(reply.raw)
            await writer.drain()
            return False
        if _holds(reply, request):
            writer.write(_head(304, {"ETag": reply.etag, "Last-Modified": reply.last_modified}))
            await writer.drain()
            return True
        writer.write(_head(reply.status, _headers(reply)))
        await writer.drain()
        if reply.reset:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        await self._send_body(reply, writer)
        await asyncio.sleep(reply.stall)
        return reply.announce is None and reply.cut is None

    async def _send_body(self, reply: Reply, writer: asyncio.StreamWriter) -> None:
        body = reply.body if reply.cut is None else reply.body[: reply.cut]
        if reply.drip:
            for byte in body:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(reply.drip)
        elif reply.chunked:
            for at in range(0, len(body), 1000):
                piece = body[at : at + 1000]
                writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            if reply.cut is None:
                writer.write(b"0\r\n\r\n")
        else:
            writer.write(body)
        await writer.drain()


def _read_head(head: str) -> Received:
    lines = head.split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    pairs = (line.partition(":") for line in lines[1:] if line)
    return Received(method, target, {name.strip().lower(): value.strip() for name, _, value in pairs})


def _holds(reply: Reply, request: Received) -> bool:
    if reply.etag and "if-none-match" in request.headers:
        return request.headers["if-none-match"] == reply.etag
    return bool(reply.last_modified) and request.headers.get("if-modified-since") == reply.last_modified


def _headers(reply: Reply) -> dict[str, str]:
    headers = {"Content-Type": reply.content_type, "ETag": reply.etag, "Last-Modified": reply.last_modified}
    if reply.chunked:
        headers["Transfer-Encoding"] = "chunked"
    elif reply.announce is None:
        headers["Content-Length"] = str(len(reply.body))
    elif reply.announce >= 0:
        headers["Content-Length"] = str(reply.announce)
    return headers | reply.headers


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
