"""A small HTTP server for `/healthz` and `/metrics`, for probes and Prometheus, for a board's data, and for the pages
behind the links in messages.

It learns everything through the functions it is given. It is meant for the loopback or a private network: there is no
login, and nothing secret is shown. Of it only the pages behind links, below `/a/`, are for the world: a proxy may pass
these on. No request is logged, for the path of one may hold a token.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any

from watcher.errors import StoreError, UsageError
from watcher.web.deeds import HEADERS, PATH, Deeds, Page

Report = Callable[[], tuple[bool, Mapping[str, Any]]]  # (healthy, what to show)

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_JSON_TYPE = "application/json; charset=utf-8"
_HTML_TYPE = "text/html; charset=utf-8"
LONGEST_BODY = 1000  # bytes of a form; ours have nothing in them


class HealthServer:
    """Serve until closed, in a thread of its own.

    GET /healthz answers 200 with the report as JSON, or 503 when it is not healthy. GET /metrics answers 200 with
    Prometheus' text format. GET on a path of `data` answers 200 with what its function returns, as JSON, or 503 when it
    raises StoreError. GET below `/a/` shows what a link would do, and POST there does it. HEAD works where GET does,
    and like it changes nothing; anything else is 404 or 405.
    """

    def __init__(
        self,
        host: str,
        port: int,
        report: Report,
        metrics: Callable[[], bytes],
        data: Mapping[str, Callable[[], Any]] | None = None,
        deeds: Deeds | None = None,
    ) -> None:
        try:
            self._server = (_Server6 if ":" in host else _Server)((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UsageError(f"web: cannot listen on {host}:{port}: {error}") from error
        self._server.report = report
        self._server.metrics = metrics
        self._server.data = data or {}
        self._server.deeds = deeds
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="web", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """The host and port it really listens on (the port may have been asked for as 0)."""
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering and give the port back; idempotent."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    report: Report
    metrics: Callable[[], bytes]
    data: Mapping[str, Callable[[], Any]]
    deeds: Deeds | None

    def server_bind(self) -> None:
        """Bind without HTTPServer's reverse DNS look-up, which can hang for seconds where there is no resolver."""
        socketserver.TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a probe that hangs up early is no event."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "watcher"
    sys_version = ""
    timeout = 10  # seconds a client may take to say what it wants

    def do_GET(self) -> None:
        path = self.path.split("?", 1)[0]
        if path == "/metrics":
            self._answer(HTTPStatus.OK, _METRICS_TYPE, self.server.metrics())
        elif path == "/healthz":
            healthy, shown = self.server.report()
            status = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer_json(status, shown)
        elif path in self.server.data:
            self._answer_data(self.server.data[path])
        elif self.server.deeds and path.startswith(PATH):
            self._answer_page(self.server.deeds.show(path.removeprefix(PATH)))
        else:
            self._answer_json(HTTPStatus.NOT_FOUND, {"paths": ["/healthz", "/metrics", *self.server.data]})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        path, deeds = self.path.split("?", 1)[0], self.server.deeds
        if deeds is None or not path.startswith(PATH):
            self._answer_json(HTTPStatus.METHOD_NOT_ALLOWED, {"allowed": ["GET", "HEAD"]}, {"Allow": "GET, HEAD"})
        elif (refused := self._refuse_body()) is not None:
            self._answer_json(refused, {"error": refused.phrase})
        else:
            self._answer_page(deeds.do(path.removeprefix(PATH)))

    def _refuse_body(self) -> HTTPStatus | None:
        """Read the body, which says nothing that matters; refuse one that is long or takes long."""
        none = "Transfer-Encoding" not in self.headers  # RFC 9112, 6.3: without either there is no body
        told = self.headers.get("Content-Length", "0" if none else "")
        if not told.isascii() or not told.isdecimal():
            return HTTPStatus.LENGTH_REQUIRED
        left = int(told) if len(told) < 10 else LONGEST_BODY + 1
        if left > LONGEST_BODY:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        ends = time.monotonic() + self.timeout
        while left:
            self.connection.settimeout(max(0.001, ends - time.monotonic()))
            try:
                part = self.rfile.read1(left)
            except OSError:
                part = b""
            if not part:
                return HTTPStatus.REQUEST_TIMEOUT
            left -= len(part)
        self.connection.settimeout(self.timeout)
        return None

    def _answer_data(self, give: Callable[[], Any]) -> None:
        try:
            shown = give()
        except StoreError:
            self._answer_json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "the database cannot be read now"})
        else:
            self._answer_json(HTTPStatus.OK, shown)

    def _answer_page(self, page: Page) -> None:
        self._answer(page.status, _HTML_TYPE, page.html.encode(), HEADERS)

    def _answer_json(self, status: HTTPStatus, shown: Any, more: Mapping[str, str] = MappingProxyType({})) -> None:
        self._answer(status, _JSON_TYPE, json.dumps(shown, ensure_ascii=False, indent=2).encode() + b"\n", more)

    def _answer(
        self, status: HTTPStatus, content_type: str, body: bytes, more: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Probes come every few seconds, and the path of a link is a secret; nothing is logged."""
