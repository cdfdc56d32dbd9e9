"""Real receivers on this machine: an SMTP server, and Slack (incoming webhooks, and posting as a bot) behind a proxy
that ends its TLS.

Messages reach them exactly as they reach a mail server and Slack; they are recorded, and refused on demand. Everything
listens on 127.0.0.1 only. `open_receivers` starts both; a process reaches them with `Receivers.environment`.
"""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self

import trustme

from watcher.demo.mailserver import HANG_UP, LOOPBACK, Mail, MailServer, Record

__all__ = [
    "HANG_UP",
    "Answer",
    "Authority",
    "Mail",
    "MailServer",
    "Post",
    "Receivers",
    "Record",
    "SlackServer",
    "open_receivers",
]

SLACK_HOST, SLACK_API = "hooks.slack.com", "slack.com"
_LONGEST = {"header": 150, "section": 3000, "context": 3000}  # Slack's own limits of a text in a block
_MOST_BLOCKS = 50


class Authority:
    """A certificate authority of this run, trusted by whoever reads `bundle`."""

    def __init__(self, folder: Path) -> None:
        """Write `folder`/authorities.pem: the authorities this machine trusts, and this one."""
        self._authority = trustme.CA(organization_name="watcher demo")
        known = ssl.get_default_verify_paths().cafile
        self.bundle = folder / "authorities.pem"
        self.bundle.write_bytes((Path(known).read_bytes() if known else b"") + self._authority.cert_pem.bytes())

    def context(self, *names: str) -> ssl.SSLContext:
        """Return the TLS settings of a server that answers to `names`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*names).configure_cert(context)
        return context


# --- Slack ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Post:
    """One webhook call as it arrived, and the status it was answered with (0: hung up)."""

    path: str
    headers: Mapping[str, str]
    payload: Any
    status: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a webhook call is answered with; status 0 hangs up, after the message was taken."""

    status: int = 200
    body: str = "ok"
    headers: Mapping[str, str] | None = None
    delay_s: float = 0.0


class SlackServer:
    """Slack, reached through an HTTP proxy on a port of its own; `with` starts and stops it.

    The proxy opens tunnels to Slack's two hosts only, ends their TLS with a certificate of `authority`, and lets
    nothing out. Calls are answered as Slack does: a webhook's with "ok" or an error word for what it would refuse, a
    bot's with JSON that says the same. `answers` are given first, one a call, whatever was sent.
    """

    token = "TDEMO0001/BDEMO0002/demodemodemodemodemodemo"
    bot_token = "xoxb-1234567890-abcdefghijklmnop"
    channels = ("#alerts",)  # that the bot may post to

    def __init__(self, authority: Authority) -> None:
        self.posts: Record[Post] = Record()
        self.answers: deque[Answer] = deque()
        self.turned_away: Record[str] = Record()  # hosts a tunnel was asked to, but for Slack's
        self.tls = authority.context(SLACK_HOST, SLACK_API)
        self._proxy = _Proxy((LOOPBACK, 0), _Tunnel)
        self._proxy.slack = self
        self._thread = threading.Thread(target=self._proxy.serve_forever, args=(0.05,), name="demo-slack", daemon=True)

    @property
    def url(self) -> str:
        """The Apprise URL that posts here, once the environment leads through the proxy."""
        return f"slack://{self.token}"

    @property
    def bot_url(self) -> str:
        """The Apprise URL that posts to a channel as a bot."""
        return f"slack://{self.bot_token}/{self.channels[0]}"

    @property
    def proxy(self) -> str:
        """The proxy's own URL."""
        return f"http://{LOOPBACK}:{self._proxy.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._proxy.closing.set()
        self._proxy.shutdown()
        self._thread.join(10)
        self._proxy.server_close()

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Record one call and return its answer."""
        payload, error = _read(body)
        if self.answers:
            answer = self.answers.popleft()
        elif path == "/api/chat.postMessage":
            answer = Answer(200, json.dumps(self._posted(headers, payload, error)))
        elif path != f"/services/{self.token}":
            answer = Answer(404, "no_service")
        else:
            answer = Answer(400, error) if error else Answer()
        self.posts.add(Post(path, headers, payload, answer.status))
        return answer

    def _posted(self, headers: Mapping[str, str], payload: Any, error: str) -> dict[str, Any]:
        """What a bot is answered, which is always with status 200."""
        if headers.get("Authorization") != f"Bearer {self.bot_token}":
            error = "invalid_auth"
        elif not error and payload.get("channel") not in self.channels:
            error = "channel_not_found"
        if error:
            return {"ok": False, "error": error}
        return {"ok": True, "channel": "C0DEMO", "ts": "1758809100.000100"}


def _read(body: bytes) -> tuple[Any, str]:
    """Return the payload and Slack's word for what is wrong with it, empty when nothing is."""
    try:
        payload = json.loads(body)
    except ValueError:
        return None, "invalid_payload"
    if not isinstance(payload, dict):
        return payload, "invalid_payload"
    attachments = payload.get("attachments") or []
    blocks = [*(payload.get("blocks") or []), *(b for a in attachments for b in a.get("blocks", ()))]
    if not (payload.get("text") or blocks or any(a.get("text") or a.get("fallback") for a in attachments)):
        return payload, "no_text"
    fine = len(blocks) <= _MOST_BLOCKS and all(0 < len(text) <= most for text, most in _texts(blocks))
    return payload, "" if fine else "invalid_blocks"


def _texts(blocks: list[Any]) -> Iterator[tuple[str, int]]:
    """Yield every text of the blocks, and how long Slack lets it be."""
    for block in blocks:
        for part in block.get("elements") or [block.get("text") or {}]:
            yield part.get("text", ""), _LONGEST.get(block["type"], 0)


class _Proxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    slack: SlackServer

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(address, handler)
        self.closing = threading.Event()


class _Tunnel(socketserver.StreamRequestHandler):
    """One connection to the proxy: a tunnel to Slack, or a refusal."""

    timeout = 30
    server: _Proxy

    def handle(self) -> None:
        method, _, rest = self.rfile.readline(65_537).decode("latin-1").partition(" ")
        target = rest.split(" ")[0]
        while self.rfile.readline(65_537).strip():
            pass
        if method != "CONNECT" or target not in (f"{SLACK_HOST}:443", f"{SLACK_API}:443"):
            self.server.slack.turned_away.add(target)
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        # A client that does not trust us, or goes away, ends here.
        with suppress(OSError), self.server.slack.tls.wrap_socket(self.connection, server_side=True) as inside:
            _Webhook(inside, self.client_address, self.server)


class _Webhook(BaseHTTPRequestHandler):
    """The HTTP inside a tunnel."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    server: _Proxy

    def do_POST(self) -> None:
        """Take one webhook call."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        answer = self.server.slack.take(self.path, dict(self.headers.items()), body)
        self.server.closing.wait(answer.delay_s)
        if not answer.status:
            self.close_connection = True
            return
        data = answer.body.encode()
        self.send_response(answer.status)
        for name, value in (answer.headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the calls are recorded."""


# --- both -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receivers:
    """The two servers, running."""

    mail: MailServer
    slack: SlackServer
    authority: Authority

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to reach both: the proxy, and trust in this run's authority."""
        ca = str(self.authority.bundle)
        here = f"{LOOPBACK},localhost"
        proxies = {"HTTPS_PROXY": self.slack.proxy, "HTTP_PROXY": "", "ALL_PROXY": "", "NO_PROXY": here}
        lower = {name.lower(): value for name, value in proxies.items()}  # these win where both are set
        return {**proxies, **lower, "REQUESTS_CA_BUNDLE": ca, "CURL_CA_BUNDLE": ca, "SSL_CERT_FILE": ca}


@contextmanager
def open_receivers(
    folder: Path, *, login: tuple[str, str] | None = None, starttls: bool = False
) -> Iterator[Receivers]:
    """Start both servers, and stop them at the end; their authority is written into `folder`.

    The mail server demands `login`, and STARTTLS, when told to.
    """
    authority = Authority(folder)
    tls = authority.context("localhost", LOOPBACK) if starttls else None
    with MailServer(login=login, tls=tls) as mail, SlackServer(authority) as slack:
        yield Receivers(mail, slack, authority)
