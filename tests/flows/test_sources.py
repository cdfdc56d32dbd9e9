"""Sources that are no feeds, from their server to a changed item, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Shell
from newsroom import OUTLETS, Newsroom, newsroom
from servers_http import FeedServer, Reply

from watcher.app import App
from watcher.domain.feeds import PollResult
from watcher.pipeline import judge, poll

PAGE = "<html><head><title>Licence for ByteDance</title></head><body><main><p>{}</p></main></body></html>"
WAITING = "The application is being examined. Questions go to the desk."
GRANTED = "China approved the ByteDance licence on Monday. Questions go to the desk."


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def room(tmp_path: Path, db_url: str, server: FeedServer) -> Iterator[Newsroom]:
    with newsroom(tmp_path, db_url) as opened:
        own = "allow_private: true, every: 10m"
        feeds = (
            f'  - {{id: page, kind: page, url: "{server.url("/page")}", outlet: Wire One, {own}}}\n'
            f'  - {{id: list, kind: list, url: "{server.url("/list")}", outlet: Wire One, {own}, '
            f"select: {{entry: li, date: i}}}}\n"
        )
        path = opened.folder / "watchlist.yaml"
        path.write_text(path.read_text().partition("feeds:\n")[0] + "feeds:\n" + feeds)
        assert OUTLETS
        yield opened


@pytest.fixture
def app(room: Newsroom) -> Iterator[App]:
    with room.app() as opened:
        yield opened


def html(text: str) -> Reply:
    return Reply(body=text.encode(), content_type="text/html")


def polled(app: App, room: Newsroom) -> dict[str, tuple[PollResult, int]]:
    works = app.jobs.works
    done = poll(app.store, works.fetcher, works.settings.polling, owner=app.owner, clock=room.clock)
    room.clock.forward(minutes=20)
    return {feed.feed: (feed.result, feed.new) for feed in done.feeds}


def judged(app: App, room: Newsroom) -> list[tuple[str, str]]:
    settings = app.settings
    done = judge(app.store, app.jobs.works.judge, settings.rules, settings.routes, now=room.clock())
    return [(t.item, t.to_state) for t in done.transitions]


def test_a_change_of_a_page_moves_an_item_and_the_first_reading_none(
    app: App, room: Newsroom, server: FeedServer
) -> None:
    server.add(
        "/page", html(PAGE.format(WAITING)), html(PAGE.format(WAITING) + "<!-- 2 -->"), html(PAGE.format(GRANTED))
    )
    assert polled(app, room)["page"] == (PollResult.EMPTY, 0)
    assert polled(app, room)["page"] == (PollResult.NOT_MODIFIED, 0)
    assert polled(app, room)["page"] == (PollResult.ENTRIES, 1)
    assert judged(app, room) == [("china-approval", "approved")]
    (evidence,) = app.store.history("china-approval")[0].evidence
    assert evidence.quote == "China approved the ByteDance licence on Monday."
    assert evidence.outlet == "Wire One"
    assert polled(app, room)["page"] == (PollResult.NOT_MODIFIED, 0)


def test_what_a_page_no_longer_says_is_not_read(app: App, room: Newsroom, server: FeedServer) -> None:
    server.add("/page", html(PAGE.format(GRANTED)), html(PAGE.format(WAITING)))
    polled(app, room)
    assert polled(app, room)["page"] == (PollResult.ENTRIES, 1)
    (entry,) = app.store.unjudged(9)
    assert entry.removed == "China approved the ByteDance licence on Monday."
    assert judged(app, room) == []
    assert app.store.standings()["china-approval"].state == "pending"


def test_what_a_page_no_longer_says_is_shown(app: App, room: Newsroom, server: FeedServer, shell: Shell) -> None:
    server.add("/page", html(PAGE.format(WAITING)), html(PAGE.format(GRANTED)), html(PAGE.format(WAITING)))
    gone = "The application is being examined."
    polled(app, room)
    polled(app, room)
    assert judged(app, room) == [("china-approval", "approved")]
    (first, *_) = shell("history", "china-approval", "-c", room.config, "--json").data
    assert [fact["removed"] for fact in first["evidence"]] == [gone]
    assert f"no longer there: {gone}" in shell("history", "china-approval", "-c", room.config).out
    polled(app, room)
    latest, earlier = shell("feeds", "entries", "page", "-c", room.config, "--json").data
    assert (latest["summary"], latest["removed"]) == (gone, "China approved the ByteDance licence on Monday.")
    assert (earlier["summary"], earlier["removed"]) == (latest["removed"], gone)
    told = shell("feeds", "entries", "page", "--limit", "1", "-c", room.config).out
    assert "no longer there: China approved the ByteDance licence on Monday." in told
    assert told.count("Licence for ByteDance") == 1
    assert shell("feeds", "entries", "nobody", "-c", room.config).code == 2


def test_a_list_that_grows(app: App, room: Newsroom, server: FeedServer) -> None:
    old = "<li><a href='/1'>Small talk</a> <i>2025-11-02</i></li>"
    new = "<li><a href='/2'>China approved the ByteDance licence</a> <i>2025-11-03</i></li>"
    server.add("/list", html(old), html(new + old))
    assert polled(app, room)["list"] == (PollResult.ENTRIES, 1)
    judged(app, room)
    assert polled(app, room)["list"] == (PollResult.ENTRIES, 1)
    assert judged(app, room) == [("china-approval", "approved")]


def test_a_list_whose_layout_changed_is_broken_and_stops_nobody(app: App, room: Newsroom, server: FeedServer) -> None:
    server.add("/page", html(PAGE.format(WAITING)))
    server.add("/list", html("<div>new layout</div>"))
    assert polled(app, room) == {"page": (PollResult.EMPTY, 0), "list": (PollResult.BROKEN, 0)}
    (status,) = [each for each in app.store.feed_statuses() if each.id == "list"]
    assert status.last_detail == "no element of the page is an entry (select.entry: li)"
