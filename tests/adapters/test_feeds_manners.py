"""How far apart a host is asked, and when it is left alone: what is remembered of it from one round to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from servers_http import FeedServer, Reply

from watcher.domain.feeds import Hints
from watcher.feeds.addresses import name_host, parse_url
from watcher.feeds.http import Failure, Fetched, Fetcher, FetchFailed, FetchRequest
from watcher.feeds.manners import LEFT_ALONE, LONGEST_REST, MOST_HOSTS, Asking, Hosts, Manners
from watcher.feeds.outcomes import Refusal
from watcher.storage.hosts import host_of

NOW = datetime(2025, 11, 22, 12, 0, tzinfo=UTC)
LONG = timedelta(seconds=30)  # longer than any stall between two lines


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


def test_requests_to_one_host_are_apart_from_one_round_to_the_next() -> None:
    hosts = Hosts()
    for reserve in (hosts.reserve, hosts.reserve_page):
        assert reserve("a.example", LONG) == 0
        assert 20 < reserve("a.example", LONG) <= 30
        assert 50 < reserve("a.example", LONG) <= 60
        assert reserve("b.example", LONG) == 0


def test_what_robots_txt_makes_wait_keeps_no_feed_of_the_host_waiting() -> None:
    async def ask_all() -> list[str]:
        manners, begun = Manners(concurrency=1, per_host=1), []

        async def one(name: str, delay: timedelta) -> None:
            async with manners.turn("a.example", Asking(NOW, delay=delay)):
                begun.append(name)

        pages = [asyncio.create_task(one(name, LONG)) for name in ("page", "late page")]
        await asyncio.wait([*pages, asyncio.create_task(one("feed", timedelta(0)))], timeout=1)
        pages[1].cancel()
        return begun

    assert sorted(asyncio.run(ask_all())) == ["feed", "page"]


def test_a_host_rests_as_long_as_it_asked_for_by_the_clock_of_those_who_ask() -> None:
    hosts, minute = Hosts(), timedelta(minutes=1)
    hosts.note_refusal("a.example", Refusal(Failure.RATE_LIMITED, "", status=429, retry_after=10 * minute), NOW)
    for passed in (timedelta(0), minute, 9 * minute):
        refusal = hosts.refuse("a.example", NOW + passed)
        assert refusal is not None
        assert refusal.failure is Failure.RATE_LIMITED
        assert refusal.retry_after == 10 * minute - passed
        assert hosts.refuse("b.example", NOW + passed) is None
    assert hosts.refuse("a.example", NOW + 10 * minute) is None
    assert hosts.refuse("a.example", NOW + 10 * minute) is None


def test_a_rest_has_a_limit_and_one_without_a_length_is_short() -> None:
    hosts = Hosts()
    for asked, kept in ((timedelta(days=30), LONGEST_REST), (None, LEFT_ALONE), (timedelta(seconds=1), LEFT_ALONE)):
        host = f"{asked}.example"
        hosts.note_refusal(host, Refusal(Failure.RATE_LIMITED, "", status=429, retry_after=asked), NOW)
        told = hosts.refuse(host, NOW)
        assert told is not None
        assert (told.retry_after is None) is (asked is None)
        assert hosts._hosts[host].shut_until - NOW >= kept
        assert hosts._hosts[host].shut_until - NOW < kept + LEFT_ALONE


def test_who_read_the_clock_long_ago_is_told_the_present_state() -> None:
    """A request may wait for its host; by then others have asked with a later time."""
    hosts = Hosts()
    hosts.note_refusal("a.example", Refusal(Failure.RATE_LIMITED, "", status=429), NOW)
    assert hosts.refuse("b.example", NOW + timedelta(minutes=1)) is None
    assert hosts.refuse("a.example", NOW) is None


def test_what_need_not_be_remembered_is_forgotten() -> None:
    hosts = Hosts()
    hosts.reserve("waits.example", LONG)
    hosts.note_refusal("rests.example", Refusal(Failure.RATE_LIMITED, "", status=429), NOW)
    for n in range(MOST_HOSTS + 10):
        hosts.note_answer(f"h{n}.example")
    assert len(hosts._hosts) <= MOST_HOSTS
    assert hosts.refuse("rests.example", NOW) is not None
    assert hosts.reserve("waits.example", LONG) > 0


def test_a_host_is_left_alone_by_the_next_round_too(server: FeedServer) -> None:
    fetcher = Fetcher(
        user_agent="t/1", timeout=timedelta(seconds=20), max_bytes=10_000, concurrency=5, per_host=2, allow_private=True
    )
    busy = server.add("/busy", Reply(status=429, headers={"Retry-After": "600"}))
    good = server.add("/good", Reply(body=b"<rss/>"))
    for minutes, url, answered in ((0, busy, False), (5, good, False), (11, good, True)):
        (outcome,) = fetcher.fetch([FetchRequest("f", url, Hints())], NOW + timedelta(minutes=minutes))
        assert isinstance(outcome, Fetched) is answered
        if isinstance(outcome, FetchFailed):
            assert (outcome.failure, outcome.host) == (
                Failure.RATE_LIMITED,
                f"127.0.0.1:{server.port}" if url == busy else "",
            )
    assert len(server.requests) == 2


def test_a_fetcher_that_takes_over_knows_what_the_former_knew(server: FeedServer) -> None:
    """As when the configuration is read again."""
    given = {"user_agent": "t/1", "timeout": timedelta(seconds=20), "max_bytes": 10_000}
    former, later = (Fetcher(**given, concurrency=5, per_host=2, allow_private=True) for _ in range(2))  # type: ignore[arg-type]
    url = server.add("/busy", Reply(status=429, headers={"Retry-After": "600"}))
    later.remember(former)
    for fetcher in (former, later):
        (outcome,) = fetcher.fetch([FetchRequest("f", url, Hints())], NOW)
        assert isinstance(outcome, FetchFailed)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://user:word@News.Example/a?b", "news.example"),
        ("http://news.example:80/", "news.example"),
        ("https://news.example:443/", "news.example"),
        ("http://news.example.:8080/", "news.example:8080"),
        ("https://b\u00fccher.example/", "xn--bcher-kva.example"),
        ("http://127.0.0.1:9/", "127.0.0.1:9"),
    ],
)
def test_a_host_has_one_name_for_those_who_ask_and_for_the_store(url: str, name: str) -> None:
    assert name_host(parse_url(url)) == host_of(url) == name


def test_what_is_no_address_has_no_host() -> None:
    assert host_of("http://[bad") == host_of("") == host_of("http://a:port/") == ""
