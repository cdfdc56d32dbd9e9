"""Hosts that ask to be spared: what is remembered of them between rounds, by other feeds, and after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from newsroom import Newsroom, newsroom
from servers_http import FeedServer, Reply

from watcher.app import App
from watcher.domain.feeds import PollResult
from watcher.pipeline import poll

GOOD = b"<rss version='2.0'><channel><title>F</title><item><title>Talks went on</title></item></channel></rss>"
BUSY = Reply(status=429, headers={"Retry-After": "3600"})


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def room(tmp_path: Path, db_url: str, server: FeedServer) -> Iterator[Newsroom]:
    """Two feeds of one host, the second asked more rarely, and one of another host."""
    with newsroom(tmp_path, db_url) as opened, FeedServer() as other:
        urls = {"often": server.url("/often"), "rarely": server.url("/rarely")}
        urls["other"] = other.add("/", Reply(body=GOOD))
        server.add("/rarely", Reply(body=GOOD))
        feeds = "".join(
            f"  - {{id: {name}, url: '{url}', allow_private: true, every: {'10m' if name == 'often' else '30m'}}}\n"
            for name, url in urls.items()
        )
        path = opened.folder / "watchlist.yaml"
        path.write_text(path.read_text().partition("feeds:\n")[0] + "feeds:\n" + feeds)
        yield opened


def polled(app: App, room: Newsroom) -> dict[str, PollResult]:
    works = app.jobs.works
    done = poll(
        app.store, works.fetcher, works.settings.polling, owner=app.owner, clock=room.clock, due_by=room.clock()
    )
    return {feed.feed: feed.result for feed in done.feeds}


@pytest.mark.parametrize("restarted", [False, True])
def test_a_host_that_said_429_to_one_feed_is_not_asked_by_its_others(
    room: Newsroom, server: FeedServer, restarted: bool
) -> None:
    server.add("/often", Reply(body=GOOD), BUSY, Reply(body=GOOD))
    with room.app() as app:
        assert set(polled(app, room)) == {"often", "rarely", "other"}
        room.clock.forward(minutes=12)
        assert polled(app, room) == {"often": PollResult.FAILED}
        room.clock.forward(minutes=40)
        if not restarted:
            assert set(polled(app, room)) == {"other"}
    if restarted:
        with room.app() as app:
            assert set(polled(app, room)) == {"other"}
    assert len(server.asked("/rarely")) == 1
    with room.app() as app:
        rarely = next(each for each in app.store.feed_statuses() if each.id == "rarely")
        assert (rarely.failures, rarely.health.down) == (0, False)  # it is no fault of this feed
        room.clock.forward(minutes=30)
        assert polled(app, room)["rarely"].ok
        assert len(server.asked("/often")) == 3


def test_what_comes_due_all_the_same_is_not_asked_while_the_host_rests(room: Newsroom, server: FeedServer) -> None:
    """As when a day that an item waits for brings a poll forward."""
    server.add("/often", BUSY)
    server.add("/rarely", Reply(body=GOOD))
    with room.app() as app:
        polled(app, room)
        asked = len(server.asked("/rarely"))
        room.clock.forward(minutes=5)
        app.store.expect_days({"rarely": (room.clock(), room.clock())})
        app.store.ask_again(["rarely"], room.clock())
        assert polled(app, room)["rarely"] is PollResult.FAILED
        assert len(server.asked("/rarely")) == asked
        failed = next(each for each in app.store.feed_statuses() if each.id == "rarely")
        assert failed.last_detail.startswith("rate_limited: not asked: the host has just asked for fewer requests")
        room.clock.forward(minutes=70)
        assert polled(app, room)["rarely"].ok
