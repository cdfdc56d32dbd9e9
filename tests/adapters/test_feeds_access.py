"""Feeds that want to know who asks, feeds behind proxies, and pages that stand between: against real servers."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trustme
from servers_http import FeedServer, Received, Reply

from watcher.domain.feeds import Access, Hints
from watcher.feeds.http import Failure, Fetched, Fetcher, FetchFailed, FetchRequest, NotModified, Outcome
from watcher.feeds.manners import Asking, Manners
from watcher.feeds.parse import FeedBlocked, FeedBroken, parse

NOW = datetime(2025, 11, 22, 12, 0, tzinfo=UTC)
BODY = b"<rss version='2.0'><channel><title>News</title></channel></rss>"
SECRET = "hunter2"
BASIC = {"Authorization": "Basic cmVhZGVyOmh1bnRlcjI="}
SETTINGS: dict[str, Any] = {
    "user_agent": "watcher-test/1.0 (+mailto:desk@example.org)",
    "timeout": timedelta(seconds=20),
    "max_bytes": 400_000,
    "concurrency": 50,
    "per_host": 10,
    "allow_private": True,
}


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A certificate authority this machine trusts for the length of a test."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


def ask(url: str, hints: Hints | None = None) -> Outcome:
    (outcome,) = Fetcher(**SETTINGS).fetch([FetchRequest("fed", url, hints or Hints())], NOW)
    return outcome


# --- secrets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        (BASIC, ("authorization", BASIC["Authorization"])),
        ({"Authorization": f"Bearer {SECRET}"}, ("authorization", f"Bearer {SECRET}")),
        ({"X-Api-Key": SECRET}, ("x-api-key", SECRET)),
        ({"Cookie": f"session={SECRET}; lang=en"}, ("cookie", f"session={SECRET}; lang=en")),
    ],
    ids=["basic", "bearer", "header", "cookies"],
)
def test_what_a_feed_wants_to_see_is_sent_to_its_own_origin_only(
    server: FeedServer, headers: dict[str, str], sent: tuple[str, str]
) -> None:
    name, value = sent

    def lock(request: Received) -> Reply:
        return Reply(body=BODY) if request.headers.get(name) == value else Reply(status=401)

    with FeedServer() as other:
        members = server.add("/members.xml", lock)
        hop = server.add("/hop", Reply(status=301, headers={"Location": other.url("/away")}))
        near = server.add("/near", Reply(status=301, headers={"Location": "/members.xml"}))
        away = other.add("/away", Reply(body=BODY))
        access = {feed: Access(url, headers) for feed, url in (("m", members), ("h", hop), ("n", near))}
        asked = [("m", members), ("h", hop), ("n", near), ("m", away), ("none", members)]
        outcomes = Fetcher(**SETTINGS, access=access).fetch([FetchRequest(*one, Hints()) for one in asked], NOW)
        assert [type(outcome) for outcome in outcomes] == [Fetched, Fetched, Fetched, Fetched, FetchFailed]
        assert len(other.requests) == 2
        assert all(name not in request.headers for request in other.requests)
    got, gone, back, moved, refused = outcomes
    assert isinstance(refused, FetchFailed)
    assert refused.failure is Failure.BLOCKED
    assert isinstance(back, Fetched)
    assert back.moved_to is None  # where a secret is sent to is written by hand
    assert SECRET not in repr((got, gone, back, moved, refused, access))


@pytest.mark.parametrize("status", [302, 307])
def test_another_port_of_the_same_host_is_another_origin(server: FeedServer, status: int) -> None:
    with FeedServer() as other:
        other.add("/feed.xml", Reply(body=BODY))
        url = server.add("/feed.xml", Reply(status=status, headers={"Location": other.url("/feed.xml")}))
        access = {"fed": Access(url, {"Authorization": f"Bearer {SECRET}"})}
        (got,) = Fetcher(**SETTINGS, access=access).fetch([FetchRequest("fed", url, Hints())], NOW)
        assert isinstance(got, Fetched)
        assert "authorization" not in other.requests[0].headers


def test_a_condition_is_not_told_by_secrets_alone(server: FeedServer) -> None:
    """A 304 to a request without a validator stays a mistake, whatever headers it had."""
    url = server.add("/feed.xml", Reply(status=304))
    access = {"fed": Access(url, {"X-Api-Key": SECRET})}
    (got,) = Fetcher(**SETTINGS, access=access).fetch([FetchRequest("fed", url, Hints())], NOW)
    assert isinstance(got, FetchFailed)
    assert got.failure is Failure.PROTOCOL


@pytest.mark.parametrize(
    "reply", [Reply(status=500), Reply(hang_up=True), Reply(raw=b"junk\r\n\r\n"), Reply(body=BODY, announce=1000)]
)
def test_no_failure_tells_what_a_feed_was_sent(server: FeedServer, reply: Reply) -> None:
    url = server.add("/feed.xml", reply)
    access = {"fed": Access(url, {"Authorization": f"Bearer {SECRET}", "Cookie": f"s={SECRET}"})}
    (got,) = Fetcher(**SETTINGS, access=access).fetch([FetchRequest("fed", url, Hints())], NOW)
    assert isinstance(got, FetchFailed)
    assert SECRET not in repr(got)


# --- proxies --------------------------------------------------------------------------------------


def test_a_feed_may_have_a_proxy_of_its_own(server: FeedServer) -> None:
    server.add("http://members.example/feed.xml", Reply(body=BODY))
    direct = server.add("/feed.xml", Reply(body=BODY))
    proxy = server.url("").replace("://", f"://reader:{SECRET}@")
    url = "http://members.example/feed.xml"
    fetcher = Fetcher(**SETTINGS | {"allow_private": False}, access={"p": Access(url, {"X-Key": "1"}, proxy)})
    through, refused = fetcher.fetch([FetchRequest("p", url, Hints()), FetchRequest("d", direct, Hints())], NOW)
    assert isinstance(through, Fetched)
    (request,) = server.requests
    assert request.headers["proxy-authorization"].startswith("Basic ")
    assert request.headers["x-key"] == "1"
    assert isinstance(refused, FetchFailed)  # that the proxy's host may be reached is for the proxy only
    assert refused.failure is Failure.PRIVATE_ADDRESS
    assert SECRET not in repr(through)


def test_a_proxy_that_refuses_is_named_and_its_password_is_not(server: FeedServer) -> None:
    url = "http://members.example/feed.xml"
    server.add(url, Reply(status=407))
    access = {"p": Access(url, {}, server.url("").replace("://", f"://reader:{SECRET}@"))}
    (got,) = Fetcher(**SETTINGS, access=access).fetch([FetchRequest("p", url, Hints())], NOW)
    assert isinstance(got, FetchFailed)
    assert "407" in got.detail
    assert SECRET not in repr(got)


def test_a_proxy_passes_tls_through_and_sees_no_secret(authority: trustme.CA) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("members.example").configure_cert(context)
    url = "https://members.example/feed.xml"
    with FeedServer(context) as secure, Tunnel(secure.port) as proxy:
        secure.add("/feed.xml", Reply(body=BODY))
        access = {"p": Access(url, {"Authorization": f"Bearer {SECRET}"}, f"http://127.0.0.1:{proxy.port}")}
        fetcher = Fetcher(**SETTINGS | {"allow_private": False}, access=access)
        (got,) = fetcher.fetch([FetchRequest("p", url, Hints())], NOW)
        assert isinstance(got, Fetched), got
        assert secure.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert proxy.heads[0].startswith(b"CONNECT members.example:443 ")
    assert SECRET.encode() not in b"".join(proxy.heads)


class Tunnel:
    """A proxy that leads its first CONNECT to one port of this machine, and keeps what was said to it."""

    def __init__(self, target: int) -> None:
        self.heads: list[bytes] = []
        self._target = target
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Tunnel:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        inner, _ = self._socket.accept()
        with inner, socket.create_connection(("127.0.0.1", self._target)) as outer:
            head = b""
            while b"\r\n\r\n" not in head:
                head += inner.recv(4096)
            self.heads.append(head)
            inner.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_pump, args=(outer, inner), daemon=True)
            back.start()
            _pump(inner, outer)
            back.join(5)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


# --- how long an answer stays fresh ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Cache-Control": "public, max-age=600"}, timedelta(minutes=10)),
        ({"Cache-Control": "max-age=600", "Age": "120"}, timedelta(minutes=8)),
        ({"Cache-Control": "max-age=600", "Age": "601"}, None),
        ({"Cache-Control": "max-age=0, must-revalidate"}, None),
        ({"Cache-Control": "no-cache, max-age=600"}, None),
        ({"Cache-Control": "s-maxage=600"}, None),
        ({"Cache-Control": "max-age=99999999999"}, None),
        ({"Cache-Control": "max-age=999999999"}, timedelta(days=30)),
        ({"Expires": "Sat, 22 Nov 2025 13:00:00 GMT"}, timedelta(hours=1)),
        ({"Expires": "Sat, 22 Nov 2025 13:00:00 GMT", "Cache-Control": "max-age=60"}, timedelta(minutes=1)),
        ({"Expires": "Sat, 22 Nov 2025 11:00:00 GMT"}, None),
        ({"Expires": "0"}, None),
        ({"Expires": "99 GMT"}, None),
    ],
)
def test_how_long_an_answer_stays_fresh(
    server: FeedServer, headers: dict[str, str], expected: timedelta | None
) -> None:
    url = server.add("/feed.xml", Reply(body=BODY, headers=headers))
    first = ask(url)
    assert isinstance(first, Fetched)
    assert first.fresh_for == expected
    again = ask(url, first.hints)
    assert isinstance(again, NotModified)
    assert again.fresh_for == expected


# --- walls ----------------------------------------------------------------------------------------

WALLS: list[tuple[str, int, bytes, dict[str, str]]] = [
    ("bot", 403, b"<html><title>Just a moment...</title><body>Enable JavaScript and cookies to continue</body>", {}),
    ("bot", 503, b"<html><body><form id='challenge-form' action='/x'></form></body></html>", {}),
    ("bot", 429, b"<html><title>Attention Required!</title></html>", {}),
    ("bot", 401, b"<html><p>Please verify you are human</p><div class=h-captcha></div></html>", {}),
    ("bot", 202, b"", {"x-amzn-waf-action": "challenge"}),
    ("bot", 403, b"{}", {"cf-mitigated": "challenge", "Content-Type": "application/json"}),
    ("bot", 403, gzip.compress(b"<title>Pardon Our Interruption</title>", mtime=0), {"Content-Encoding": "gzip"}),
    ("consent", 403, b"<html><form action='/consent/save'><button>Accept all</button></form></html>", {}),
    ("login", 401, b"<html><form><input name=p type='password'></form></html>", {}),
]


@pytest.mark.parametrize(("kind", "status", "page", "headers"), WALLS)
def test_a_wall_behind_an_error_is_named(
    server: FeedServer, kind: str, status: int, page: bytes, headers: dict[str, str]
) -> None:
    outcome = ask(server.add("/feed.xml", Reply(status=status, body=page, content_type="text/html", headers=headers)))
    assert isinstance(outcome, FetchFailed)
    assert (outcome.failure, outcome.status) == (Failure.BLOCKED, status)
    assert f"answered {status} with a {kind}" in outcome.detail


@pytest.mark.parametrize(
    ("status", "page"),
    [
        (503, b"<html><title>Service unavailable</title><p>We are down for maintenance.</p></html>"),
        (429, b"<html><title>Slow down</title></html>"),
        (503, b"<html><p>" + b"Captchas are in the news: are you a robot? " * 100 + b"</html>"),  # an article
        (503, b"\x1f\x8b broken"),
        (503, b"<html>" + b" " * 300_000),
    ],
)
def test_an_error_that_is_no_wall_keeps_its_name(server: FeedServer, status: int, page: bytes) -> None:
    outcome = ask(server.add("/feed.xml", Reply(status=status, body=page, content_type="text/html")))
    assert isinstance(outcome, FetchFailed)
    assert outcome.failure is (Failure.RATE_LIMITED if status == 429 else Failure.STATUS)


@pytest.mark.parametrize(
    ("page", "where", "said"),
    [
        (b"<!doctype html><title>Just a moment...</title>", "/feed.xml", "a bot wall instead of a feed"),
        (b"<html><script>x</script><p>We use cookies. Accept all or reject all</p></html>", "/", "a consent page"),
        (b"<html><title>Hello</title></html>", "/consent?next=feed", "a consent page instead of a feed"),
        (b"<html><form><input type=password></form></html>", "/", "a login page instead of a feed"),
        (b"<html><title>News</title><p>Read all about it</p></html>", "/", "an HTML page instead of a feed"),
    ],
)
def test_a_wall_with_status_200_is_named_when_it_is_read(
    server: FeedServer, page: bytes, where: str, said: str
) -> None:
    server.add(where.partition("?")[0], Reply(body=page, content_type="text/html"))
    got = ask(server.url(where))
    assert isinstance(got, Fetched)
    with pytest.raises(FeedBroken, match=re.escape(said)) as caught:
        parse(got.body, url=got.url, content_type=got.content_type)
    assert isinstance(caught.value, FeedBlocked) is ("HTML" not in said)


# --- manners --------------------------------------------------------------------------------------


def test_requests_to_one_host_begin_apart_and_nobody_else_waits() -> None:
    begun: dict[str, list[float]] = {"slow": [], "other": [], "own": []}

    async def ask_all() -> None:
        manners = Manners(concurrency=10, per_host=5, spacing=timedelta(milliseconds=40))
        loop = asyncio.get_running_loop()

        async def one(host: str) -> None:
            async with manners.turn(host, Asking(NOW, spaced=host != "own")):
                begun[host].append(loop.time())

        await asyncio.gather(*(one(host) for host in ("slow",) * 4 + ("other",) + ("own",) * 4))

    asyncio.run(ask_all())
    assert all(later - earlier >= 0.035 for earlier, later in pairwise(begun["slow"]))
    last_of_the_slow = begun["slow"][-1]
    assert begun["other"][0] < last_of_the_slow
    assert begun["own"][-1] < last_of_the_slow
