"""Asking feeds over HTTP, against a real server on loopback that misbehaves in every way we know of."""

from __future__ import annotations

import asyncio
import functools
import gzip
import hashlib
import os
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import brotli
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from servers_http import Busy, FeedServer, Reply

from watcher.domain.feeds import Hints
from watcher.feeds.addresses import (
    AddressRefused,
    GuardedResolver,
    UrlRefused,
    check_host,
    classify_address,
    name_origin,
    parse_url,
)
from watcher.feeds.bodies import BodyTooLarge, BodyUnreadable, open_decoder
from watcher.feeds.exchange import parse_retry_after
from watcher.feeds.http import Failure, Fetched, Fetcher, FetchFailed, FetchRequest, NotModified, Outcome

NOW = datetime(2025, 11, 22, 12, 0, tzinfo=UTC)
BODY = b"<rss version='2.0'><channel><title>News</title></channel></rss>"
AGENT = "watcher-test/1.0 (+mailto:desk@example.org)"
HASH = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@functools.cache  # reading the machine's certificates is what a Fetcher takes its time for
def make_fetcher(**changes: Any) -> Fetcher:
    settings: dict[str, Any] = {
        "user_agent": AGENT,
        "timeout": timedelta(seconds=20),
        "max_bytes": 100_000,
        "concurrency": 50,
        "per_host": 10,
        "allow_private": True,
    }
    return Fetcher(**settings | changes)


def ask(url: str, hints: Hints | None = None, **changes: Any) -> Outcome:
    (outcome,) = make_fetcher(**changes).fetch([FetchRequest("fed", url, hints or Hints())], NOW)
    return outcome


def fetched(url: str, **changes: Any) -> Fetched:
    outcome = ask(url, **changes)
    assert isinstance(outcome, Fetched), outcome
    return outcome


def failed(url: str, failure: Failure, **changes: Any) -> FetchFailed:
    outcome = ask(url, **changes)
    assert isinstance(outcome, FetchFailed), outcome
    assert outcome.failure is failure, outcome
    assert outcome.detail
    return outcome


# --- documents and conditions ---------------------------------------------------------------------


def test_a_document_comes_whole_with_what_makes_the_next_request_conditional(server: FeedServer) -> None:
    url = server.add("/feed.xml", Reply(body=BODY, etag='"1"', last_modified="Sat, 22 Nov 2025 11:00:00 GMT"))
    got = fetched(url)
    assert (got.feed, got.url, got.body, got.content_type) == ("fed", url, BODY, "application/rss+xml")
    assert got.hints == Hints('"1"', "Sat, 22 Nov 2025 11:00:00 GMT", HASH)
    assert got.moved_to is None
    assert timedelta(0) < got.elapsed < timedelta(seconds=2)


def test_the_request_says_who_asks_and_what_it_takes(server: FeedServer) -> None:
    fetched(server.add("/feed.xml", Reply(body=BODY)))
    (request,) = server.requests
    assert request.headers["user-agent"] == AGENT
    assert "application/atom+xml" in request.headers["accept"]
    assert request.headers["accept-encoding"] == "gzip, deflate, br"
    assert not {"if-none-match", "if-modified-since", "cookie", "authorization", "referer"} & set(request.headers)


@pytest.mark.parametrize(
    "reply", [Reply(body=BODY, etag='W/"7"'), Reply(body=BODY, last_modified="Sat, 22 Nov 2025 11:00:00 GMT")]
)
def test_an_unchanged_feed_answers_304(server: FeedServer, reply: Reply) -> None:
    url = server.add("/feed.xml", reply)
    hints = fetched(url).hints
    again = ask(url, hints)
    assert isinstance(again, NotModified)
    assert (again.by, again.hints, again.moved_to) == ("304", hints, None)


def test_a_304_may_bring_newer_validators(server: FeedServer) -> None:
    url = server.add("/feed.xml", Reply(status=304, etag='"2"'))
    again = ask(url, Hints('"1"', "Sat, 22 Nov 2025 11:00:00 GMT", HASH))
    assert isinstance(again, NotModified)
    assert again.hints == Hints('"2"', "Sat, 22 Nov 2025 11:00:00 GMT", HASH)


def test_an_unchanged_body_is_not_modified_even_where_the_server_sends_it_again(server: FeedServer) -> None:
    url = server.add("/feed.xml", Reply(body=BODY, headers={"ETag": '"new"'}))
    again = ask(url, Hints(body_hash=HASH))
    assert isinstance(again, NotModified)
    assert (again.by, again.hints) == ("hash", Hints('"new"', None, HASH))


def test_a_304_nobody_asked_for_is_no_answer(server: FeedServer) -> None:
    failed(server.add("/feed.xml", Reply(status=304)), Failure.PROTOCOL)


def test_validators_no_header_can_hold_are_not_sent(server: FeedServer) -> None:
    url = server.add("/feed.xml", Reply(body=BODY))
    assert isinstance(ask(url, Hints(etag='"a\r\nX-Evil: 1"', last_modified="Sâmstag")), Fetched)
    assert not {"if-none-match", "if-modified-since", "x-evil"} & set(server.requests[0].headers)


def test_an_empty_body_is_a_document_for_the_parser_to_judge(server: FeedServer) -> None:
    assert fetched(server.add("/feed.xml", Reply(body=b""))).body == b""
    assert fetched(server.add("/zip.xml", Reply(body=b"", headers={"Content-Encoding": "gzip"}))).body == b""


def test_cookies_are_not_kept(server: FeedServer) -> None:
    url = server.add("/feed.xml", Reply(body=BODY, headers={"Set-Cookie": "id=1; Path=/"}))
    hop = server.add("/hop.xml", Reply(status=302, headers={"Location": "/feed.xml", "Set-Cookie": "hop=1; Path=/"}))
    make_fetcher(per_host=1).fetch([FetchRequest(str(n), u, Hints()) for n, u in enumerate((url, hop, url))], NOW)
    assert len(server.requests) == 4
    assert not any("cookie" in request.headers for request in server.requests)


# --- compression ----------------------------------------------------------------------------------


def _raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": _raw_deflate,
    "br": brotli.compress,
    "utf-8": bytes,
    "": gzip.compress,  # undeclared, recognised by its first bytes
}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("chunked", [False, True])
def test_compressed_bodies_are_read(server: FeedServer, coding: str, chunked: bool) -> None:
    body = b"<rss>" + os.urandom(20_000).hex().encode() + b"</rss>"
    reply = Reply(body=CODINGS[coding](body), headers={"Content-Encoding": coding}, chunked=chunked)
    assert fetched(server.add("/feed.xml", reply)).body == body


def test_a_plain_body_mislabelled_as_gzip_is_kept(server: FeedServer) -> None:
    assert fetched(server.add("/feed.xml", Reply(body=BODY, headers={"Content-Encoding": "gzip"}))).body == BODY


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(BODY)[:-9]),
        ("gzip", b"\x1f\x8bnonsense"),
        ("deflate", b"nonsense, not deflate"),
        ("br", b"nonsense, not brotli at all"),
        ("br", brotli.compress(BODY)[:-4]),
        ("zstd", b"whatever"),
        ("gzip, gzip", gzip.compress(gzip.compress(BODY))),
    ],
    ids=["gzip cut off", "gzip begun", "deflate", "brotli", "brotli cut off", "zstd", "gzip twice"],
)
def test_a_body_that_does_not_decompress_is_a_failure(server: FeedServer, coding: str, body: bytes) -> None:
    failed(server.add("/feed.xml", Reply(body=body, headers={"Content-Encoding": coding})), Failure.DECODE)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_bomb_stops_at_the_limit(server: FeedServer, coding: str) -> None:
    bomb = CODINGS[coding](b"a" * 8_000_000)
    assert len(bomb) < 10_000
    reply = Reply(body=bomb, headers={"Content-Encoding": coding})
    got = failed(server.add("/feed.xml", reply), Failure.TOO_LARGE)
    assert got.elapsed < timedelta(seconds=2)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_one_call_never_yields_much_more_than_the_room_left(coding: str) -> None:
    decoder = open_decoder(coding, bomb := CODINGS[coding](b"a" * 8_000_000))
    with pytest.raises(BodyTooLarge):
        decoder.feed(bomb, 1000)


@given(
    data=st.binary(max_size=3000),
    cuts=st.lists(st.integers(1, 200), max_size=30),
    coding=st.sampled_from(["gzip", "deflate", "br"]),
)
def test_where_the_pieces_are_cut_makes_no_difference(data: bytes, cuts: list[int], coding: str) -> None:
    rest = CODINGS[coding](data)
    decoder = open_decoder(coding, rest)
    out = b""
    for size in cuts:
        out += decoder.feed(rest[:size], 100_000)
        rest = rest[size:]
    out += decoder.feed(rest, 100_000)
    decoder.finish()
    assert out == data


@given(data=st.binary(max_size=300), coding=st.sampled_from(["gzip", "deflate", "br", "", "x"]))
def test_any_bytes_under_any_label_decode_or_fail_in_our_words(data: bytes, coding: str) -> None:
    try:
        decoder = open_decoder(coding, data)
        assert len(decoder.feed(data, 1000)) <= 1000
        decoder.finish()
    except (BodyUnreadable, BodyTooLarge):
        pass


def test_gzip_members_in_a_row_are_one_body_and_padding_is_ignored() -> None:
    decoder = open_decoder("gzip", b"\x1f\x8b")
    assert decoder.feed(gzip.compress(b"one ") + gzip.compress(b"two") + b"\0\0\0", 100) == b"one two"
    assert decoder.feed(b"\0\0", 100) == b""
    decoder.finish()


# --- sizes and times ------------------------------------------------------------------------------


def test_an_announced_giant_is_not_read(server: FeedServer) -> None:
    failed(server.add("/feed.xml", Reply(body=b"<", announce=200_000)), Failure.TOO_LARGE)


def test_an_unannounced_giant_is_dropped_at_the_limit(server: FeedServer) -> None:
    failed(server.add("/feed.xml", Reply(body=b"a" * 150_000, chunked=True)), Failure.TOO_LARGE)


def test_exactly_the_limit_is_allowed(server: FeedServer) -> None:
    assert len(fetched(server.add("/feed.xml", Reply(body=b"a" * 100_000))).body) == 100_000


def test_silence_ends_at_the_timeout(server: FeedServer) -> None:
    url = server.add("/feed.xml", Reply(body=BODY, wait=30))
    got = failed(url, Failure.TIMEOUT, timeout=timedelta(seconds=0.3))
    assert timedelta(seconds=0.25) < got.elapsed < timedelta(seconds=3)
    assert got.status is None


def test_a_dripping_body_ends_at_the_timeout_however_alive_it_looks(server: FeedServer) -> None:
    url = server.add("/feed.xml", Reply(body=BODY * 10, drip=0.02))
    got = failed(url, Failure.TIMEOUT, timeout=timedelta(seconds=0.3))
    assert got.elapsed < timedelta(seconds=3)
    assert got.status == 200


def test_redirects_share_one_timeout(server: FeedServer) -> None:
    for n in range(5):
        server.add(f"/{n}", Reply(status=302, wait=0.15, headers={"Location": f"/{n + 1}"}))
    failed(server.url("/0"), Failure.TIMEOUT, timeout=timedelta(seconds=0.4))


def test_connecting_has_a_timeout_of_its_own() -> None:
    with socket.socket() as full:  # a queue of one, filled: further connections are never accepted
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(address)
            url = f"http://127.0.0.1:{address[1]}/"
            got = failed(url, Failure.TIMEOUT, timeout=timedelta(seconds=5), connect_timeout=timedelta(seconds=0.3))
        finally:
            for filler in fillers:
                filler.close()
    assert got.elapsed < timedelta(seconds=3)
    assert "no connection" in got.detail


# --- bodies that lie ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=BODY, announce=len(BODY) + 10),
        Reply(body=BODY, announce=len(BODY), cut=20),
        Reply(body=BODY * 100, chunked=True, cut=3000),
        Reply(body=gzip.compress(BODY), announce=500, headers={"Content-Encoding": "gzip"}),
    ],
)
def test_a_body_shorter_than_announced_is_a_failure_not_data(server: FeedServer, reply: Reply) -> None:
    got = failed(server.add("/feed.xml", reply), Failure.TRUNCATED)
    assert got.status == 200


def test_a_body_that_ends_with_the_connection_is_taken_as_it_is(server: FeedServer) -> None:
    assert fetched(server.add("/feed.xml", Reply(body=BODY, announce=-1))).body == BODY


def test_a_body_longer_than_announced_spoils_no_other_request(server: FeedServer) -> None:
    lying = server.add("/long.xml", Reply(body=BODY, announce=10))
    honest = server.add("/feed.xml", Reply(body=BODY))
    requests = [FetchRequest(str(n), url, Hints()) for n, url in enumerate((lying, honest, honest))]
    first, *others = make_fetcher(per_host=1).fetch(requests, NOW)
    # where the announced end and the rest arrive together it is noticed, otherwise the message ends where it says
    assert isinstance(first, FetchFailed) or (isinstance(first, Fetched) and first.body == BODY[:10])
    assert [o.body for o in others if isinstance(o, Fetched)] == [BODY, BODY]


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (Reply(hang_up=True), Failure.PROTOCOL),
        (Reply(raw=b"this is not HTTP\r\n\r\n"), Failure.PROTOCOL),
        (Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), Failure.PROTOCOL),
        (Reply(raw=b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"), Failure.PROTOCOL),
        (Reply(raw=b"SSH-2.0-OpenSSH_9.6\r\n"), Failure.PROTOCOL),
    ],
)
def test_what_is_not_http_is_a_failure(server: FeedServer, reply: Reply, failure: Failure) -> None:
    failed(server.add("/feed.xml", reply), failure)


def test_a_reset_is_a_failure(server: FeedServer) -> None:
    outcome = ask(server.add("/feed.xml", Reply(body=BODY, reset=True)))
    assert isinstance(outcome, FetchFailed)
    assert outcome.failure in (Failure.CONNECT, Failure.TRUNCATED)  # whichever the network shows first


def test_nobody_listening() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert "refused" in failed(f"http://127.0.0.1:{port}/", Failure.CONNECT).detail


def test_a_name_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    got = failed("http://feeds.nowhere.example/news.xml", Failure.DNS)
    assert "feeds.nowhere.example" in got.detail
    assert "news.xml" not in got.detail


def test_a_host_no_dns_can_hold() -> None:
    failed(f"http://{'a' * 70}.example/", Failure.DNS)


# --- statuses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (401, Failure.BLOCKED),
        (403, Failure.BLOCKED),
        (451, Failure.BLOCKED),
        (404, Failure.STATUS),
        (410, Failure.GONE),
        (429, Failure.RATE_LIMITED),
        (500, Failure.STATUS),
        (503, Failure.STATUS),
        (204, Failure.STATUS),
        (206, Failure.STATUS),
        (300, Failure.STATUS),
    ],
)
def test_other_statuses_are_failures_with_their_number(server: FeedServer, status: int, failure: Failure) -> None:
    body = b"" if status == 204 else b"sorry"
    got = failed(server.add("/feed.xml", Reply(status=status, body=body)), failure)
    assert (got.status, got.retry_after) == (status, None)
    assert str(status) in got.detail


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta(0)),
        ("Sat, 22 Nov 2025 13:00:00 GMT", timedelta(hours=1)),
        ("Saturday, 22-Nov-25 12:30:00 GMT", timedelta(minutes=30)),
        ("Sat, 22 Nov 2025 11:00:00 GMT", timedelta(0)),
        ("999999999", timedelta(days=30)),
        ("99999999999999999999", None),
        ("-5", None),
        ("soon", None),
        ("Sat, 99 Nov 2025 11:00:00 GMT", None),
    ],
)
def test_retry_after(server: FeedServer, status: int, value: str, expected: timedelta | None) -> None:
    url = server.add("/feed.xml", Reply(status=status, headers={"Retry-After": value}))
    outcome = ask(url)
    assert isinstance(outcome, FetchFailed)
    assert (outcome.status, outcome.retry_after) == (status, expected)


@given(st.text())
def test_any_retry_after_is_a_wait_or_none(value: str) -> None:
    wait = parse_retry_after(value, NOW)
    assert wait is None or timedelta(0) <= wait <= timedelta(days=30)


# --- redirects ------------------------------------------------------------------------------------


def _chain(server: FeedServer, *statuses: int) -> str:
    for n, status in enumerate(statuses):
        server.add(f"/{n}", Reply(status=status, body=b"moved", headers={"Location": f"/{n + 1}"}))
    server.add(f"/{len(statuses)}", Reply(body=BODY, etag='"end"'))
    return server.url("/0")


@pytest.mark.parametrize(
    ("statuses", "moved"),
    [
        ((301,), True),
        ((308,), True),
        ((301, 308, 301), True),
        ((302,), False),
        ((303,), False),
        ((307,), False),
        ((301, 302), False),
        ((307, 301), False),
        ((301,) * 5, True),
    ],
)
def test_a_feed_has_moved_only_if_every_hop_says_so(server: FeedServer, statuses: tuple[int, ...], moved: bool) -> None:
    got = fetched(_chain(server, *statuses))
    end = server.url(f"/{len(statuses)}")
    assert (got.body, got.url, got.moved_to) == (BODY, end, end if moved else None)


def test_an_unchanged_feed_can_have_moved_too(server: FeedServer) -> None:
    again = ask(_chain(server, 301), Hints(etag='"end"'))
    assert isinstance(again, NotModified)
    assert again.moved_to == server.url("/1")


def test_six_redirects_are_too_many(server: FeedServer) -> None:
    failed(_chain(server, *(302,) * 6), Failure.REDIRECT)
    assert len(server.requests) == 6


def test_a_circle_is_noticed(server: FeedServer) -> None:
    server.add("/a", Reply(status=301, headers={"Location": "/b"}))
    server.add("/b", Reply(status=301, headers={"Location": "/a#again"}))
    assert "circle" in failed(server.url("/a"), Failure.REDIRECT).detail
    assert len(server.requests) == 2


@pytest.mark.parametrize("location", ["", "http://[bad", "//", "http://:80/"])
def test_a_redirect_without_a_usable_target(server: FeedServer, location: str) -> None:
    outcome = ask(server.add("/a", Reply(status=302, headers={"Location": location})))
    assert isinstance(outcome, FetchFailed)
    assert outcome.failure in (Failure.REDIRECT, Failure.BAD_URL)


@pytest.mark.parametrize("location", ["ftp://files.example/feed.xml", "file:///etc/passwd", "javascript:alert(1)"])
def test_a_redirect_out_of_http_is_refused(server: FeedServer, location: str) -> None:
    failed(server.add("/a", Reply(status=301, headers={"Location": location})), Failure.BAD_URL)


def test_where_a_failing_redirect_led_is_not_remembered(server: FeedServer) -> None:
    url = server.add("/a", Reply(status=301, headers={"Location": "/nothing"}))
    assert failed(url, Failure.STATUS).status == 404


# --- which addresses may be asked -----------------------------------------------------------------

PRIVATE_URLS = [
    "http://127.0.0.1/",
    "http://127.8.8.8/",
    "http://0.0.0.0/",
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fc00::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://134744072/",
    "http://１２７.０.０.１/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://api.localhost/",
    "https://user:secret@localhost:8080/",
]


@pytest.mark.parametrize("url", PRIVATE_URLS)
def test_private_addresses_are_refused_without_a_packet(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_lookup(*_: Any, **__: Any) -> Any:
        raise AssertionError("looked up")

    monkeypatch.setattr(socket, "getaddrinfo", no_lookup)
    got = failed(url, Failure.PRIVATE_ADDRESS, allow_private=False)
    assert "secret" not in got.detail


def test_loopback_is_refused_and_not_asked(server: FeedServer) -> None:
    failed(server.add("/feed.xml", Reply(body=BODY)), Failure.PRIVATE_ADDRESS, allow_private=False)
    assert server.requests == []


def test_one_feed_may_be_allowed_what_others_are_not(server: FeedServer) -> None:
    url = server.add("/feed.xml", Reply(body=BODY))
    requests = [FetchRequest("inside", url, Hints(), allow_private=True), FetchRequest("outside", url, Hints())]
    inside, outside = make_fetcher(allow_private=False).fetch(requests, NOW)
    assert isinstance(inside, Fetched)
    assert isinstance(outside, FetchFailed)
    assert outside.failure is Failure.PRIVATE_ADDRESS
    assert len(server.requests) == 1


def _answer_with(*addresses: str) -> Any:
    """Return a DNS that gives these addresses for any name."""

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        families = [socket.AF_INET6 if ":" in a else socket.AF_INET for a in addresses]
        return [
            (family, socket.SOCK_STREAM, 6, "", (a, port) if family == socket.AF_INET else (a, port, 0, 0))
            for a, family in zip(addresses, families, strict=True)
        ]

    return getaddrinfo


def test_a_public_name_for_a_private_address_is_refused(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.add("/feed.xml", Reply(body=BODY))
    url = server.url("/feed.xml", host="feeds.example")
    monkeypatch.setattr(socket, "getaddrinfo", _answer_with("127.0.0.1"))
    got = failed(url, Failure.PRIVATE_ADDRESS, allow_private=False)
    assert "loopback" in got.detail
    assert server.requests == []
    assert fetched(url).body == BODY  # allowed, the same name is asked: it was only the address that was refused


def test_a_name_is_looked_up_once_and_what_was_checked_is_what_is_connected_to(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the first answer is public, every later one is this machine."""
    answers = iter(["192.0.2.1", *["127.0.0.1"] * 50])
    asked: list[str] = []

    def rebinding(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        asked.append(host)
        return list(_answer_with(next(answers))(host, port))

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(
        "watcher.feeds.addresses.classify_address", lambda a: "" if str(a) == "192.0.2.1" else "private"
    )
    server.add("/feed.xml", Reply(body=BODY))
    url = server.url("/feed.xml", host="feeds.example")
    outcome = ask(url, allow_private=False, timeout=timedelta(seconds=0.3))
    assert isinstance(outcome, FetchFailed)
    assert outcome.failure in (Failure.TIMEOUT, Failure.CONNECT)
    assert asked == ["feeds.example"]
    failed(url, Failure.PRIVATE_ADDRESS, allow_private=False)
    assert server.requests == []


def test_of_a_names_addresses_only_the_public_ones_are_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _answer_with("10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111"))
    results = asyncio.run(GuardedResolver(allow_private=False).resolve("feeds.example", 80))
    assert [result["host"] for result in results] == ["8.8.8.8", "2606:4700::1111"]


def test_this_machines_own_names_resolve_to_nothing_allowed() -> None:
    with pytest.raises(AddressRefused, match="loopback"):
        asyncio.run(GuardedResolver(allow_private=False).resolve("localhost", 80))


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/", "http://[::1]/", "http://localhost/", "http://2130706433/"]
)
def test_each_hop_is_checked(server: FeedServer, location: str) -> None:
    """The proxy makes a public first hop possible on loopback."""
    server.add("http://feeds.example/feed.xml", Reply(status=302, headers={"Location": location}))
    proxy = server.url("")
    got = failed("http://feeds.example/feed.xml", Failure.PRIVATE_ADDRESS, allow_private=False, proxy=proxy)
    assert got.detail.startswith("redirect: ")
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["ftp://feeds.example/", "feeds.example/feed.xml", "", "http://", "http://[::1", "file:///x",
                                 "http://feeds.example:99999/", "http:///feed.xml"])  # fmt: skip
def test_only_http_urls_with_a_host_are_asked(url: str) -> None:
    failed(url, Failure.BAD_URL)


@given(st.text())
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        url = parse_url(text)
    except UrlRefused:
        return
    assert url.scheme in ("http", "https")
    assert url.raw_host
    assert "@" not in name_origin(url)


@given(st.ip_addresses())
def test_mapped_addresses_are_judged_like_the_addresses_they_map(address: Any) -> None:
    if address.version == 4:
        assert bool(classify_address(ip_address(f"::ffff:{address}"))) == bool(classify_address(address))
        assert bool(classify_address(ip_address(int(address) | 0x64FF9B << 96))) == bool(classify_address(address))
    if not classify_address(address):
        assert address.is_global or address.version == 6
        check_host(str(address))


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "2606:4700::1111", "feeds.example", "3com.com", "1.fm", "localhost.example", "64:ff9b::808:808"]
)
def test_public_hosts_pass(host: str) -> None:
    check_host(host)


# --- proxies and secrets --------------------------------------------------------------------------


def test_a_proxy_is_used_only_when_asked_for(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.add("http://feeds.example/feed.xml", Reply(body=BODY))
    direct = server.add("/feed.xml", Reply(body=BODY))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert fetched(direct).body == BODY
    assert fetched("http://feeds.example/feed.xml", allow_private=False, proxy=server.url("")).body == BODY


def test_an_unreachable_proxy_is_named_as_such() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert "proxy" in failed("http://feeds.example/", Failure.CONNECT, proxy=f"http://127.0.0.1:{port}").detail


def test_credentials_are_sent_and_shown_nowhere(server: FeedServer) -> None:
    server.add("/feed.xml", Reply(body=BODY))
    got = fetched(f"http://reader:hunter2@127.0.0.1:{server.port}/feed.xml")
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert "hunter2" not in repr(got)
    assert "reader" not in repr(got)


def test_credentials_follow_to_the_same_server_and_no_further(server: FeedServer) -> None:
    with FeedServer() as other:
        server.add("/a", Reply(status=301, headers={"Location": server.url("/b")}))
        server.add("/b", Reply(status=301, headers={"Location": other.url("/c")}))
        other.add("/c", Reply(body=BODY))
        got = fetched(f"http://reader:hunter2@127.0.0.1:{server.port}/a")
        assert ["authorization" in request.headers for request in server.requests] == [True, True]
        assert "authorization" not in other.requests[0].headers
    assert got.moved_to is None  # an address with a password stays in the configuration
    assert "hunter2" not in repr(got)


SECRET = "hunter2"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500),
        Reply(hang_up=True),
        Reply(body=BODY, reset=True),
        Reply(raw=b"junk\r\n\r\n"),
        Reply(body=BODY, announce=1000),
        Reply(status=301, headers={"Location": f"http://reader:{SECRET}@[bad/"}),
        Reply(status=301, headers={"Location": f"ftp://reader:{SECRET}@files.example/{SECRET}"}),
        Reply(wait=5),
    ],
)
def test_no_failure_tells_a_secret(server: FeedServer, reply: Reply) -> None:
    server.add("/feed.xml", reply)
    url = f"http://reader:{SECRET}@127.0.0.1:{server.port}/feed.xml?token={SECRET}"
    outcome = ask(url, timeout=timedelta(seconds=0.3))
    assert isinstance(outcome, FetchFailed)
    assert SECRET not in repr(outcome)


@pytest.mark.parametrize("agent", ["", "  ", "two\nlines", "wächter"])
def test_an_agent_that_no_header_can_hold_is_refused_at_once(agent: str) -> None:
    with pytest.raises(ValueError, match="user_agent"):
        make_fetcher(user_agent=agent)


def test_limits_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        make_fetcher(timeout=timedelta(0))
    with pytest.raises(ValueError, match="positive"):
        make_fetcher(per_host=0)


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """A certificate authority this machine trusts for the length of a test."""
    make_fetcher.cache_clear()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    yield authority
    make_fetcher.cache_clear()


def _tls(authority: trustme.CA, *names: str, **options: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **options).configure_cert(context)
    return context


def test_a_good_certificate(authority: trustme.CA) -> None:
    with FeedServer(_tls(authority, "127.0.0.1")) as server:
        url = server.add("/feed.xml", Reply(body=BODY))
        assert url.startswith("https://")
        assert fetched(url).body == BODY


def test_an_expired_certificate(authority: trustme.CA) -> None:
    expired = _tls(
        authority, "127.0.0.1", not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=datetime(2021, 1, 1, tzinfo=UTC)
    )
    with FeedServer(expired) as server:
        assert "expired" in failed(server.add("/feed.xml", Reply(body=BODY)), Failure.TLS).detail
        assert server.requests == []


def test_a_certificate_for_another_host(authority: trustme.CA) -> None:
    with FeedServer(_tls(authority, "other.example")) as server:
        assert "mismatch" in failed(server.add("/feed.xml", Reply(body=BODY)), Failure.TLS).detail
        assert server.requests == []


def test_a_certificate_nobody_vouches_for(authority: trustme.CA) -> None:
    with FeedServer(_tls(trustme.CA(), "127.0.0.1")) as server:
        failed(server.add("/feed.xml", Reply(body=BODY)), Failure.TLS)
        assert server.requests == []


def test_plain_http_where_tls_belongs(server: FeedServer) -> None:
    failed(f"https://127.0.0.1:{server.port}/feed.xml", Failure.TLS)


def test_a_redirect_from_https_to_http_is_refused_and_the_other_way_is_a_move(authority: trustme.CA) -> None:
    with FeedServer(_tls(authority, "127.0.0.1")) as secure, FeedServer() as plain:
        down = secure.add("/down", Reply(status=301, headers={"Location": plain.url("/feed.xml")}))
        up = plain.add("/up", Reply(status=301, headers={"Location": secure.url("/feed.xml")}))
        secure.add("/feed.xml", Reply(body=BODY))
        assert "https to plain http" in failed(down, Failure.REDIRECT).detail
        assert fetched(up).moved_to == secure.url("/feed.xml")
        assert plain.asked("/feed.xml") == []


# --- many at once ---------------------------------------------------------------------------------


def test_outcomes_come_in_the_order_of_the_requests(server: FeedServer) -> None:
    urls = [server.add(f"/{n}", Reply(body=b"%d" % n, wait=0.05 * (3 - n))) for n in range(4)]
    outcomes = make_fetcher().fetch([FetchRequest(str(n), url, Hints()) for n, url in enumerate(urls)], NOW)
    assert [o.body for o in outcomes if isinstance(o, Fetched)] == [b"0", b"1", b"2", b"3"]


def test_a_host_is_asked_at_most_so_many_at_once(server: FeedServer) -> None:
    url = server.add("/feed.xml", Reply(body=BODY, wait=0.05))
    outcomes = make_fetcher(per_host=2).fetch([FetchRequest(str(n), url, Hints()) for n in range(8)], NOW)
    assert all(isinstance(o, Fetched) for o in outcomes)
    assert server.busy.peak == 2


def test_all_hosts_together_are_asked_at_most_so_many_at_once() -> None:
    busy = Busy()
    with FeedServer(busy=busy) as one, FeedServer(busy=busy) as two:
        urls = [s.add("/feed.xml", Reply(body=BODY, wait=0.03)) for s in (one, two) for _ in range(6)]
        make_fetcher(concurrency=3).fetch([FetchRequest(str(n), u, Hints()) for n, u in enumerate(urls)], NOW)
        assert 1 < busy.peak <= 3


def test_failing_hosts_disturb_nobody(server: FeedServer) -> None:
    with FeedServer() as bad:
        faults = [
            bad.add("/silent", Reply(wait=30)),
            bad.add("/drip", Reply(body=BODY, drip=0.1)),
            bad.add("/reset", Reply(body=BODY, reset=True)),
            bad.add("/junk", Reply(raw=b"\0\0\0\0")),
            bad.add("/500", Reply(status=500)),
            "http://[bad",
        ]
        good = [server.add(f"/{n}", Reply(body=BODY)) for n in range(20)]
        urls = [url for pair in zip(good, faults * 4, strict=False) for url in pair]
        started = time.monotonic()
        outcomes = make_fetcher(timeout=timedelta(seconds=0.8), per_host=30).fetch(
            [FetchRequest(url, url, Hints()) for url in urls], NOW
        )
        assert time.monotonic() - started < 6
    assert {o.feed for o in outcomes if isinstance(o, Fetched)} == set(good)


def test_a_host_that_never_answers_is_not_waited_for_again_and_again(server: FeedServer) -> None:
    url = server.add("/silent", Reply(wait=30))
    started = time.monotonic()
    outcomes = make_fetcher(timeout=timedelta(seconds=0.2), per_host=1).fetch(
        [FetchRequest(str(n), url, Hints()) for n in range(20)], NOW
    )
    assert time.monotonic() - started < 3
    assert {o.failure for o in outcomes if isinstance(o, FetchFailed)} == {Failure.TIMEOUT}
    assert len(outcomes) == 20
    assert len(server.requests) == 3


def test_a_host_that_asks_for_fewer_requests_gets_none_for_the_round(server: FeedServer) -> None:
    url = server.add("/feed.xml", Reply(status=429, headers={"Retry-After": "600"}))
    outcomes = make_fetcher(per_host=1).fetch([FetchRequest(str(n), url, Hints()) for n in range(10)], NOW)
    assert [o.failure for o in outcomes if isinstance(o, FetchFailed)] == [Failure.RATE_LIMITED] * 10
    assert {o.retry_after for o in outcomes if isinstance(o, FetchFailed)} == {timedelta(minutes=10)}
    assert len(server.requests) == 1


def test_failing_documents_do_not_shut_a_host_that_answers(server: FeedServer) -> None:
    broken = server.add("/broken", Reply(status=500))
    good = server.add("/feed.xml", Reply(body=BODY))
    requests = [FetchRequest(str(n), url, Hints()) for n, url in enumerate([broken] * 5 + [good])]
    outcomes = make_fetcher(per_host=1).fetch(requests, NOW)
    assert isinstance(outcomes[-1], Fetched)


def test_stop_ends_the_round_promptly_with_what_is_done(server: FeedServer) -> None:
    quick = server.add("/feed.xml", Reply(body=BODY))
    slow = server.add("/slow", Reply(wait=30))
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    requests = [FetchRequest(str(n), url, Hints()) for n, url in enumerate((slow, quick, slow, quick))]
    started = time.monotonic()
    outcomes = make_fetcher(timeout=timedelta(seconds=20)).fetch(requests, NOW, stop)
    assert 0.25 < time.monotonic() - started < 4
    assert [o.feed for o in outcomes] == ["1", "3"]
    timer.join()


def test_stop_does_not_wait_for_a_hanging_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hanging(*_: Any, **__: Any) -> Any:
        release.wait(15)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    stop = threading.Event()
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    started = time.monotonic()
    request = FetchRequest("fed", "http://feeds.example/", Hints())
    assert make_fetcher(timeout=timedelta(seconds=20)).fetch([request], NOW, stop) == []
    assert time.monotonic() - started < 4
    release.set()
    timer.join()


def test_a_round_that_is_stopped_before_it_begins_asks_nobody(server: FeedServer) -> None:
    stop = threading.Event()
    stop.set()
    assert make_fetcher().fetch([FetchRequest("fed", server.url("/"), Hints())], NOW, stop) == []
    assert make_fetcher().fetch([], NOW) == []
    assert server.requests == []


def test_one_fetcher_serves_several_threads_and_rounds(server: FeedServer) -> None:
    url = server.add("/feed.xml", Reply(body=BODY))
    fetcher = make_fetcher()
    outcomes: list[Outcome] = []

    def work() -> None:
        for _ in range(3):
            outcomes.extend(fetcher.fetch([FetchRequest("fed", url, Hints())], NOW))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 9
    assert all(isinstance(o, Fetched) for o in outcomes)


def test_now_must_be_utc() -> None:
    with pytest.raises(ValueError, match="aware UTC"):
        make_fetcher().fetch([], NOW.replace(tzinfo=None))
