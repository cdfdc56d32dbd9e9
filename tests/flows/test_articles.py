"""Full text: from an entry that is about an item to what its article adds, on both databases with a real server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newsroom import Newsroom, newsroom
from servers_http import FeedServer, Reply

from watcher.app import App, build
from watcher.articles import ARTICLES_AT_ONCE, FIRST_RETRY, TRIES, Gathered, gather
from watcher.domain.feeds import ArticleResult
from watcher.domain.times import EPOCH
from watcher.errors import UsageError
from watcher.feeds.articles import MAX_ARTICLE_BYTES, MAX_ARTICLE_CHARS, read_article
from watcher.storage import Store

PAGE = """<html><head><title>News</title></head><body><nav><a href="/">China approved the licence, menu</a></nav>
<article><h1>{title}</h1><p>Officials met in the capital on Monday for a whole day, and spoke to reporters after.</p>
<p>{said}</p><p>Further details were not given, and the companies did not answer any questions about it.</p></article>
<footer>Copyright</footer></body></html>"""
TITLE = "ByteDance licence: what is known about China's plans"
SAID = "China approved the ByteDance licence on Monday, the ministry said in a statement."


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def room(tmp_path: Path, db_url: str, server: FeedServer) -> Iterator[Newsroom]:
    with newsroom(tmp_path, db_url) as opened:
        feed = (
            f'  - {{id: site, url: "{server.url("/rss")}", outlet: Wire One, allow_private: true, full_text: true, '
            "every: 10m}\n"
        )
        path = opened.folder / "watchlist.yaml"
        path.write_text(path.read_text().partition("feeds:\n")[0] + "feeds:\n" + feed)
        yield opened


@pytest.fixture
def app(room: Newsroom, server: FeedServer) -> Iterator[App]:
    publish(server)
    with room.app() as opened:
        opened.jobs.cycle()
        room.clock.forward(minutes=20)
        yield opened


def publish(server: FeedServer, *pieces: tuple[str, str], summary: str = "") -> None:
    """Put these (title, link) into the feed."""
    items = "".join(
        f"<item><title>{title}</title><link>{link}</link><guid>{link}</guid><description>{summary}</description></item>"
        for title, link in pieces
    )
    old = "<item><title>Small talk</title><guid>old</guid></item>"
    server.add("/rss", Reply(body=f"<rss version='2.0'><channel>{items}{old}</channel></rss>".encode()))


def article(said: str = SAID, title: str = TITLE) -> Reply:
    return Reply(body=PAGE.format(title=title, said=said).encode(), content_type="text/html")


def fetched(app: App, room: Newsroom) -> Gathered:
    return gather(app.store, app.jobs.works.fetcher, clock=room.clock)


def results(gathered: Gathered) -> list[ArticleResult]:
    return [one.result for one in gathered.articles]


def state(app: App) -> str:
    return app.store.standings()["china-approval"].state


def test_an_article_tells_what_its_headline_does_not(app: App, room: Newsroom, server: FeedServer) -> None:
    server.add("/a", article())
    publish(server, (TITLE, server.url("/a?utm_source=rss")), summary="In short.")
    app.jobs.cycle()
    assert state(app) == "pending"
    assert [(t.item, t.to_state) for t in app.jobs.articles().transitions] == [("china-approval", "approved")]
    (evidence,) = app.store.history("china-approval")[0].evidence
    assert evidence.quote == SAID
    first, second = app.store.texts(evidence.entry)
    assert first == (TITLE, "In short.")
    assert second[1].split("\n")[0] == "In short."
    assert second[1][evidence.span.start : evidence.span.end] == evidence.cue or SAID in second[1]
    assert "menu" not in second[1]
    assert "Copyright" not in second[1]


def test_an_article_is_asked_for_once_and_the_feed_going_on_changes_nothing(
    app: App, room: Newsroom, server: FeedServer
) -> None:
    server.add("/a", article())
    publish(server, (TITLE, server.url("/a")))
    app.jobs.cycle()
    app.jobs.articles()
    told = app.store.evidence("china-approval", EPOCH)
    for _ in range(3):
        room.clock.forward(minutes=20)
        assert app.jobs.cycle().entries == 0
        assert app.jobs.articles().entries == 0
    assert len(server.asked("/a")) == 1
    assert app.store.evidence("china-approval", EPOCH) == told


def test_only_what_is_about_an_item_is_looked_up(app: App, room: Newsroom, server: FeedServer) -> None:
    publish(server, ("Parliament debates the budget", server.url("/budget")), (TITLE, ""))
    app.jobs.cycle()
    assert fetched(app, room) == Gathered()
    assert not server.asked("/robots.txt")


def test_what_the_first_poll_held_is_not_looked_up(room: Newsroom, server: FeedServer) -> None:
    publish(server, (TITLE, server.url("/a")))
    with room.app() as app:
        app.jobs.cycle()
        assert app.jobs.articles().entries == 0
    assert not server.asked("/a")


def test_a_feed_without_full_text_asks_for_nothing(room: Newsroom, server: FeedServer) -> None:
    path = room.folder / "watchlist.yaml"
    path.write_text(path.read_text().replace("full_text: true", "full_text: false"))
    publish(server)
    with room.app() as app:
        app.jobs.cycle()
        room.clock.forward(minutes=20)
        publish(server, (TITLE, server.url("/a")))
        app.jobs.cycle()
        assert fetched(app, room) == Gathered()


def test_robots_txt_is_respected(app: App, room: Newsroom, server: FeedServer) -> None:
    server.add("/robots.txt", Reply(body=b"User-agent: *\nDisallow: /a"))
    server.add("/a", article())
    publish(server, (TITLE, server.url("/a")))
    app.jobs.cycle()
    (one,) = fetched(app, room).articles
    assert (one.result, one.retry) == (ArticleResult.FAILED, False)
    assert one.detail.startswith("robots: ")
    assert not server.asked("/a")
    room.clock.forward(hours=1)
    assert fetched(app, room) == Gathered()


def test_one_article_a_host_a_round(app: App, room: Newsroom, server: FeedServer) -> None:
    pieces = [(f"{TITLE}, part {word}", server.url(f"/{word}")) for word in ("one", "two", "three")]
    for word in ("one", "two", "three"):
        server.add(f"/{word}", article())
    publish(server, *pieces)
    app.jobs.cycle()
    assert [len(fetched(app, room).articles) for _ in range(4)] == [1, 1, 1, 0]
    assert ARTICLES_AT_ONCE > 1


@pytest.mark.parametrize(
    "link", ["http://10.0.0.1/a", "http://[::1]/a", "http://localhost/a", "https://169.254.169.254/"]
)
def test_an_article_on_another_private_address_is_not_fetched(
    app: App, room: Newsroom, server: FeedServer, link: str
) -> None:
    publish(server, (TITLE, link))
    app.jobs.cycle()
    (one,) = fetched(app, room).articles
    assert one.detail.startswith("private_address: ")


@pytest.mark.parametrize(
    ("reply", "result", "retried"),
    [
        (Reply(status=503), ArticleResult.FAILED, True),
        (Reply(body=b"<p>x", announce=999, content_type="text/html"), ArticleResult.FAILED, True),
        (Reply(status=404), ArticleResult.FAILED, False),
        (Reply(status=403), ArticleResult.FAILED, False),
        (Reply(body=b"x" * (MAX_ARTICLE_BYTES + 1)), ArticleResult.FAILED, False),
        (Reply(body=b"", content_type="text/html"), ArticleResult.EMPTY, False),
        (Reply(body=b"%PDF-1.7 \x00\xff", content_type="application/pdf"), ArticleResult.EMPTY, False),
        (Reply(body=b"<html><body><nav>Accept all cookies</nav></body></html>"), ArticleResult.EMPTY, False),
    ],
)
def test_what_may_pass_is_tried_again_and_nothing_else(
    app: App, room: Newsroom, server: FeedServer, reply: Reply, result: ArticleResult, retried: bool
) -> None:
    server.add("/a", reply)
    publish(server, (TITLE, server.url("/a")))
    app.jobs.cycle()
    assert results(fetched(app, room)) == [result]
    assert fetched(app, room) == Gathered()
    room.clock.at += FIRST_RETRY + timedelta(seconds=1)
    assert results(fetched(app, room)) == ([result] if retried else [])
    room.clock.at += 2 * FIRST_RETRY + timedelta(seconds=1)
    assert results(fetched(app, room)) == ([result] if retried else [])
    room.clock.at += 4 * FIRST_RETRY
    assert fetched(app, room) == Gathered()
    assert len(server.asked("/a")) == (TRIES if retried else 1)
    assert [len(app.store.texts(e.entry)) for e in app.store.evidence("china-approval", EPOCH)] in ([1], [])


def test_an_entry_edited_after_its_article_came_gets_it_again(app: App, room: Newsroom, server: FeedServer) -> None:
    server.add("/a", article())
    publish(server, (TITLE, server.url("/a")))
    app.jobs.cycle()
    app.jobs.articles()
    entry = app.store.evidence("china-approval", EPOCH)[-1].entry
    room.clock.forward(minutes=20)
    publish(server, (f"{TITLE} so far", server.url("/a")))
    app.jobs.cycle()
    app.jobs.articles()
    assert [SAID in summary for _, summary in app.store.texts(entry)] == [False, True, False, True]
    assert len(server.asked("/a")) == 1  # kept for a while
    assert len([row for row in app.store.history("china-approval") if row.seq]) == 1


def test_an_edit_meanwhile_keeps_an_article_from_the_wrong_text(app: App, room: Newsroom, server: FeedServer) -> None:
    server.add("/a", article())
    publish(server, (TITLE, server.url("/a")))
    app.jobs.cycle()
    edited = f"{TITLE} so far"
    asked = iter((False, True))  # the clock is read before fetching, and after

    def clock() -> datetime:
        if next(asked):
            with room.app() as other:
                room.clock.forward(minutes=20)
                publish(server, (edited, server.url("/a")))
                other.jobs.cycle()
        return room.clock()

    gathered = gather(app.store, app.jobs.works.fetcher, clock=clock)
    assert (results(gathered), gathered.revised) == ([ArticleResult.READ], 0)
    assert fetched(app, room).revised == 1
    entry = app.store.unjudged(9)[0]
    assert (entry.title, SAID in entry.summary) == (edited, True)


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("committed", [False, True])
def test_a_crash_while_articles_are_saved_loses_nothing(
    app: App, room: Newsroom, server: FeedServer, committed: bool
) -> None:
    class Fragile(Store):
        def save_articles(self, *args: Any) -> int:
            if committed:
                super().save_articles(*args)
            raise Crash

    server.add("/a", article())
    publish(server, (TITLE, server.url("/a")))
    app.jobs.cycle()
    store = Fragile.open(room.database)
    with pytest.raises(Crash):
        gather(store, app.jobs.works.fetcher, clock=room.clock)
    store.close()
    with room.app() as after:
        after.jobs.articles()
        after.jobs.cycle()
        assert state(after) == "approved"
        assert len(after.store.texts(after.store.evidence("china-approval", EPOCH)[-1].entry)) == 2
    assert len(server.asked("/a")) == (1 if committed else 2)


def test_old_articles_go_with_old_text(app: App, room: Newsroom, server: FeedServer) -> None:
    server.add("/a", article())
    publish(server, (TITLE, server.url("/a")))
    app.jobs.cycle()
    app.jobs.articles()
    room.clock.forward(days=99)
    app.jobs.sweep()
    assert SAID in app.store.texts(app.store.evidence("china-approval", EPOCH)[-1].entry)[-1][1]


def test_without_the_extra_it_is_named(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.feeds.articles.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'policy-watcher\[articles\]'"):
        build(room.settings())


def test_a_long_article_is_cut() -> None:
    paragraphs = "".join(
        f"<p>Paragraph number {n} says a thing or two about the matter at hand.</p>" for n in range(900)
    )
    text = read_article(f"<html><body><article>{paragraphs}</article></body></html>".encode(), "text/html")
    assert MAX_ARTICLE_CHARS - 200 < len(text) <= MAX_ARTICLE_CHARS


@given(st.binary(max_size=300))
def test_any_bytes_are_an_article_or_none(body: bytes) -> None:
    assert isinstance(read_article(body, "text/html"), str)
