"""Every bad source we know of in one round, against real servers: each result has a name, and stops nobody else."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import brotli
import pytest
import trustme
from newsroom import MORNING, Clock
from servers_http import FeedServer, Reply

from watcher.app import App
from watcher.config import load
from watcher.domain.feeds import Hints, PollResult
from watcher.feeds.http import Fetcher, FetchFailed, FetchRequest
from watcher.pipeline import poll

OK, EMPTY, BROKEN, FAILED = PollResult.ENTRIES, PollResult.EMPTY, PollResult.BROKEN, PollResult.FAILED
MOST = 300_000  # max_bytes of this installation


def items(count: int, inner: str = "<title>Story {n}</title><link>https://n.example/{n}</link>") -> str:
    return "".join(f"<item>{inner.format(n=n)}</item>" for n in range(count))


def rss(inner: str, head: str = "<?xml version='1.0' encoding='UTF-8'?>", attributes: str = "") -> bytes:
    return f"{head}<rss version='2.0'{attributes}><channel><title>F</title>{inner}</channel></rss>".encode()


GOOD = rss(items(3))
LATIN = rss(items(1, "<title>Caf\u00e9</title>")).replace(b"\xc3\xa9", b"\xe9")
FUTURE = rss(items(1, "<title>S</title><pubDate>Mon, 01 Jan 2035 10:00:00 GMT</pubDate>"))
BASED = rss(items(1, "<title>S</title><link>../a</link>"), attributes=" xml:base='https://b.example/x/y/'")
LAUGHS = "<!DOCTYPE r [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
)
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Case:
    """A source, what its poll comes to, a word of why, and how many entries it gives."""

    name: str
    reply: Reply
    result: PollResult
    said: str = ""
    entries: int = 0


def zipped(body: bytes, coding: str, **told: object) -> Reply:
    return Reply(body=body, headers={"Content-Encoding": coding}, **told)  # type: ignore[arg-type]


CASES = [
    # the exchange
    Case("first-byte-never", Reply(wait=30), FAILED, "timeout"),
    Case("stops-mid-body", Reply(body=GOOD, announce=len(GOOD) + 500, cut=50), FAILED, "truncated"),
    Case("stalls-mid-body", Reply(body=GOOD, cut=50, announce=len(GOOD), stall=30), FAILED, "timeout"),
    Case("drip", Reply(body=GOOD, drip=0.2), FAILED, "timeout"),
    Case("reset", Reply(body=GOOD, reset=True), FAILED, ""),
    Case("hang-up", Reply(hang_up=True), FAILED, "protocol"),
    Case("length-too-long", Reply(body=GOOD, announce=len(GOOD) + 9, cut=len(GOOD)), FAILED, "truncated"),
    Case("gzip-cut", zipped(gzip.compress(GOOD)[:-12], "gzip"), FAILED, "decode: the compressed body ends early"),
    Case("gzip-bomb", zipped(gzip.compress(b" " * 50_000_000), "gzip"), FAILED, "too_large"),
    Case("brotli-bomb", zipped(brotli.compress(b" " * 50_000_000, quality=1), "br"), FAILED, "too_large"),
    Case("entity-bomb", Reply(body=rss("<item><title>&i;</title></item>", LAUGHS + "]>")), OK, "", 1),
    Case("forty-megabytes", Reply(body=GOOD + b" " * 40_000_000), FAILED, "too_large"),
    Case("forty-unannounced", Reply(body=GOOD + b" " * 40_000_000, announce=-1), FAILED, "too_large"),
    Case("http-1.0", Reply(raw=b"HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n" + GOOD), OK, "", 3),
    Case("chunk-size-nonsense", Reply(raw=CHUNKS + b"zz\r\n" + GOOD + b"\r\n0\r\n\r\n"), FAILED, ""),
    Case("chunk-too-short", Reply(raw=CHUNKS + b"fff\r\n" + GOOD), FAILED, "truncated"),
    Case(
        "redirect-loop", Reply(status=302, headers={"Location": "/redirect-loop"}), FAILED, "redirect: the redirects go"
    ),
    Case(
        "redirect-to-file", Reply(status=301, headers={"Location": "file:///etc/passwd"}), FAILED, "only http and https"
    ),
    Case("304-unasked", Reply(status=304), FAILED, "protocol: answered 304"),
    Case("weak-etag", Reply(body=GOOD, etag='W/"1"'), OK, "", 3),
    Case("missing", Reply(status=404), FAILED, "status: answered 404"),
    Case("gone", Reply(status=410), FAILED, "gone"),
    Case("forbidden", Reply(status=403), FAILED, "blocked"),
    Case("bot-wall", Reply(body=b"<html><title>Just a moment...</title></html>"), BROKEN, "a bot wall"),
    # the document
    Case("html", Reply(body=b"<!doctype html><title>Hello</title>"), BROKEN, "an HTML page"),
    Case("empty", Reply(body=b""), BROKEN, "the body is empty"),
    Case("no-entries", Reply(body=rss("")), EMPTY),
    Case("wrong-charset", Reply(body=LATIN), OK, "", 1),
    Case("bom", Reply(body=b"\xef\xbb\xbf" + GOOD), OK, "", 3),
    Case("utf-16", Reply(body=GOOD.decode().replace("UTF-8", "UTF-16").encode("utf-16")), OK, "", 3),
    Case("control-characters", Reply(body=GOOD.replace(b"Story 1", b"Story\x0b\x001")), OK, "control characters", 3),
    Case("undeclared-namespace", Reply(body=rss(items(2, "<title>S {n}</title><dc:date>2025</dc:date>"))), OK, "", 2),
    Case("month-13", Reply(body=rss(items(2, "<title>S {n}</title><pubDate>Mon, 01 13 2025</pubDate>"))), OK, "", 2),
    Case(
        "future",
        Reply(body=FUTURE),
        OK,
        "",
        1,
    ),
    Case("no-ids", Reply(body=rss(items(3, "<title>Story {n}</title>"))), OK, "", 3),
    Case("same-ids", Reply(body=rss(items(3, "<guid>1</guid><title>Story {n}</title>"))), OK, "repeated", 1),
    Case("five-thousand", Reply(body=rss(items(5000, "<title>S {n}</title>"))), OK, "500 of 5000", 500),
    Case("no-titles", Reply(body=rss(items(2, "<description>Words {n}</description>"))), OK, "", 2),
    Case("no-text", Reply(body=rss(items(2, "<link>https://n.example/{n}</link>"))), EMPTY, "without any text"),
    Case(
        "xml-base",
        Reply(body=BASED),
        OK,
        "",
        1,
    ),
]
PRIVATE = {
    "private-name": "http://localhost:{port}/good-1",
    "private-number": "http://2130706433:{port}/good-1",
    "private-hex": "http://0x7f.1:{port}/good-1",
    "private-ipv6": "http://[::1]:{port}/good-1",
    "private-mapped": "http://[::ffff:127.0.0.1]:{port}/good-1",
}
SERVICE = """\
database: %s
watchlists: [all.yaml]
polling: {timeout: 2s, max_bytes: %d, per_host: 60, concurrency: 60, contact: "mailto:desk@example.org"}
web: {enabled: false}
"""


@dataclass(frozen=True)
class Round:
    """One round over all sources: how each one ended."""

    app: App
    ended: dict[str, tuple[PollResult, str, int]]


def tls(authority: trustme.CA, name: str, *, expired: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ended = datetime(2020, 1, 1, tzinfo=UTC) if expired else None
    began = ended - timedelta(days=9) if ended else None
    authority.issue_cert(name, not_before=began, not_after=ended).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def round_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Round]:
    """Poll all of them once, good ones in between."""
    folder = tmp_path_factory.mktemp("hard")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
        server = stack.enter_context(FeedServer())
        urls = {case.name: server.add(f"/{case.name}", case.reply) for case in CASES}
        urls |= {f"good-{n}": server.add(f"/good-{n}", Reply(body=GOOD)) for n in range(30)}
        old = stack.enter_context(FeedServer(tls(authority, "127.0.0.1", expired=True)))
        other = stack.enter_context(FeedServer(tls(authority, "other.example")))
        down = stack.enter_context(FeedServer(tls(authority, "127.0.0.1")))
        urls["tls-expired"] = old.add("/", Reply(body=GOOD))
        urls["tls-other-host"] = other.add("/", Reply(body=GOOD))
        urls["https-to-http"] = down.add("/", Reply(status=301, headers={"Location": server.url("/good-1")}))
        urls["nobody-listens"] = "http://127.0.0.1:9/"
        feeds = "".join(f"  - {{id: {name}, url: '{url}', allow_private: true}}\n" for name, url in urls.items())
        (folder / "all.yaml").write_text("feeds:\n" + feeds)
        (folder / "watcher.yaml").write_text(SERVICE % (f"sqlite:///{folder / 'w.db'}", MOST))
        settings = load(folder / "watcher.yaml", {})
        clock = Clock()
        with App.open(settings, env={}, clock=clock) as app:
            batch = poll(
                app.store, app.jobs.works.fetcher, settings.polling, owner=app.owner, clock=clock, due_by=clock()
            )
            yield Round(app, {feed.feed: (feed.result, feed.detail, feed.new) for feed in batch.feeds})


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_has_a_result_with_a_name(round_: Round, case: Case) -> None:
    result, detail, new = round_.ended[case.name]
    assert (result, new) == (case.result, case.entries), detail
    assert case.said in detail
    assert result is not FAILED or detail


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tls-expired", "tls: certificate"),
        ("tls-other-host", "tls: certificate"),
        ("https-to-http", "redirect from https to plain http"),
        ("nobody-listens", "connect: "),
    ],
)
def test_so_has_what_cannot_be_connected_to(round_: Round, name: str, said: str) -> None:
    result, detail, _ = round_.ended[name]
    assert result is FAILED
    assert said in detail


@pytest.mark.slow
def test_none_of_them_stops_a_good_one(round_: Round) -> None:
    good = {name: ended for name, ended in round_.ended.items() if name.startswith("good-")}
    assert len(good) == 30
    assert set(good.values()) == {(OK, "", 3)}


@pytest.mark.slow
def test_what_they_gave_is_stored_as_it_should_be(round_: Round) -> None:
    entries = {(entry.feed, entry.title): entry for entry in round_.app.store.unjudged(2000)}
    assert ("wrong-charset", "Caf\u00e9") in entries
    assert entries["xml-base", "S"].link == "https://b.example/x/a"
    future = entries["future", "S"]
    assert (future.at, future.published) == (MORNING, datetime(2035, 1, 1, 10, tzinfo=UTC))
    assert entries["month-13", "S 1"].published is None
    assert all("ha" * 3 not in title for feed, title in entries if feed == "entity-bomb")
    assert len([1 for feed, _ in entries if feed == "five-thousand"]) == 500


@pytest.mark.slow
@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_address_is_refused_however_it_is_written(tmp_path: Path, name: str) -> None:
    with FeedServer() as server:
        server.add("/good-1", Reply(body=GOOD))
        url = PRIVATE[name].format(port=server.port)
        fetcher = Fetcher(user_agent="t/1", timeout=timedelta(seconds=2), max_bytes=MOST, concurrency=5, per_host=5)
        (outcome,) = fetcher.fetch([FetchRequest("fed", url, Hints())], MORNING)
        assert isinstance(outcome, FetchFailed)
        assert outcome.failure.value == "private_address"
        assert server.requests == []
