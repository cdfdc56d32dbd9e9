"""A small HTTP server for `/healthz` and `/metrics`, for probes and Prometheus, and for a board's data.

It reads, never writes, and learns everything through the functions it is given. It is meant for the loopback or a
private network: there is no login, and nothing secret is shown.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from watcher.errors import StoreError, UsageError

Report = Callable[[], tuple[bool, Mapping[str, Any]]]  # (healthy, what to show)

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_JSON_TYPE = "application/json; charset=utf-8"


class HealthServer:
    """Serve until closed, in a thread of its own.

    GET /healthz answers 200 with the report as JSON, or 503 when it is not healthy. GET /metrics answers 200 with
    Prometheus' text format. GET on a path of `data` answers 200 with what its function returns, as JSON, or 503 when it
    raises StoreError. HEAD works for all; anything else is 404 or 405.
    """

    def __init__(
        self,
        host: str,
        port: int,
        report: Report,
        metrics: Callable[[], bytes],
        data: Mapping[str, Callable[[], Any]] | None = None,
    ) -> None:
        try:
            self._server = (_Server6 if ":" in host else _Server)((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UsageError(f"web: cannot listen on {host}:{port}: {error}") from error
        self._server.report = report
        self._server.metrics = metrics
        self._server.data = data or {}
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
        else:
            self._answer_json(HTTPStatus.NOT_FOUND, {"paths": ["/healthz", "/metrics", *self.server.data]})

    do_HEAD = do_GET

    def _answer_data(self, give: Callable[[], Any]) -> None:
        try:
            shown = give()
        except StoreError:
            self._answer_json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "the database cannot be read now"})
        else:
            self._answer_json(HTTPStatus.OK, shown)

    def _answer_json(self, status: HTTPStatus, shown: Any) -> None:
        self._answer(status, _JSON_TYPE, json.dumps(shown, ensure_ascii=False, indent=2).encode() + b"\n")

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Probes come every few seconds; they are not logged."""
