"""Every format a feed may have, from a real server into the store: what it says, and what is new in it later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from newsroom import Newsroom, newsroom
from servers_http import FeedServer, Reply

from watcher.domain.feeds import PollResult
from watcher.pipeline import poll

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TITLES = ("Talks & trade", "A second round", "Both sides sign")
DAY = datetime(2025, 9, 24, 9, 30, tzinfo=UTC)


def rss(version: str) -> Callable[[int], str]:
    def write(count: int) -> str:
        day = f"<pubDate>{DAY:%a, %d %b %Y %H:%M:%S} GMT</pubDate>" if version in ("0.92", "2.0") else ""
        items = "".join(
            f"<item><title>{title.replace('&', '&amp;')}</title><link>https://n.example/{n}</link>"
            f"<description>Part {n} of it.</description>{day}</item>"
            for n, title in list(enumerate(TITLES))[:count][::-1]
        )
        return (
            f"<rss version='{version}'><channel><title>F</title><link>https://n.example/</link>{items}</channel></rss>"
        )

    return write


def rdf(namespace: str) -> Callable[[int], str]:
    def write(count: int) -> str:
        items = "".join(
            f"<item><title>{title.replace('&', '&amp;')}</title><link>https://n.example/{n}</link></item>"
            for n, title in list(enumerate(TITLES))[:count][::-1]
        )
        head = "<channel><title>F</title><link>https://n.example/</link></channel>"
        return f"<rdf:RDF xmlns:rdf='{RDF}' xmlns='{namespace}'>{head}{items}</rdf:RDF>"

    return write


def atom(namespace: str, day: str) -> Callable[[int], str]:
    def write(count: int) -> str:
        entries = "".join(
            f"<entry><id>tag:n.example,2025:{n}</id><title>{title.replace('&', '&amp;')}</title>"
            f"<link rel='alternate' href='https://n.example/{n}'/><{day}>{DAY:%Y-%m-%dT%H:%M:%SZ}</{day}>"
            f"<summary>Part {n} of it.</summary></entry>"
            for n, title in list(enumerate(TITLES))[:count][::-1]
        )
        return f"<feed xmlns='{namespace}'><title>F</title>{entries}</feed>"

    return write


def json_feed(version: str) -> Callable[[int], str]:
    def write(count: int) -> str:
        items = ",".join(
            f'{{"id": "{n}", "title": "{title}", "url": "https://n.example/{n}", "content_text": "Part {n} of it.", '
            f'"date_published": "{DAY:%Y-%m-%dT%H:%M:%SZ}"}}'
            for n, title in list(enumerate(TITLES))[:count][::-1]
        )
        return f'{{"version": "https://jsonfeed.org/version/{version}", "title": "F", "items": [{items}]}}'

    return write


def cdf(count: int) -> str:
    items = "".join(
        f"<ITEM HREF='https://n.example/{n}' LASTMOD='{DAY:%Y-%m-%dT%H:%MZ}'>"
        f"<TITLE>{title.replace('&', '&amp;')}</TITLE><ABSTRACT>Part {n} of it.</ABSTRACT></ITEM>"
        for n, title in list(enumerate(TITLES))[:count][::-1]
    )
    return f"<CHANNEL HREF='https://n.example/'><TITLE>F</TITLE>{items}</CHANNEL>"


FORMATS: dict[str, tuple[str, Callable[[int], str]]] = {
    "rss-090": ("text/xml", rdf("http://my.netscape.com/rdf/simple/0.9/")),
    "rss-091": ("text/xml", rss("0.91")),
    "rss-092": ("application/rss+xml", rss("0.92")),
    "rss-10": ("application/rdf+xml", rdf("http://purl.org/rss/1.0/")),
    "rss-20": ("application/rss+xml", rss("2.0")),
    "atom-03": ("application/xml", atom("http://purl.org/atom/ns#", "issued")),
    "atom-10": ("application/atom+xml", atom("http://www.w3.org/2005/Atom", "published")),
    "json-feed-10": ("application/feed+json", json_feed("1")),
    "json-feed-11": ("application/json", json_feed("1.1")),
    "cdf": ("application/x-cdf", cdf),
}
UNDATED = {"rss-090", "rss-091", "rss-10"}
WITHOUT_TEXT = {"rss-090", "rss-10"}


@pytest.fixture
def room(tmp_path: Path, db_url: str) -> Iterator[Newsroom]:
    with newsroom(tmp_path, db_url) as opened, FeedServer() as server:
        feeds = ""
        for name, (content_type, write) in FORMATS.items():
            replies = [Reply(body=write(count).encode(), content_type=content_type) for count in (2, 3, 3)]
            url = server.add(f"/{name}", *replies)
            feeds += f"  - {{id: {name}, url: '{url}', allow_private: true, every: 10m}}\n"
        path = opened.folder / "watchlist.yaml"
        path.write_text(path.read_text().partition("feeds:\n")[0] + "feeds:\n" + feeds)
        yield opened


def test_each_is_read_and_only_what_is_new_in_it_is_news(room: Newsroom) -> None:
    with room.app() as app:
        for fresh in (2, 1, 0):
            done = poll(
                app.store,
                app.jobs.works.fetcher,
                app.settings.polling,
                owner=app.owner,
                clock=room.clock,
                due_by=room.clock(),
            )
            assert {feed.feed: feed.new for feed in done.feeds} == dict.fromkeys(FORMATS, fresh)
            assert {feed.result for feed in done.feeds} <= {PollResult.ENTRIES, PollResult.NOT_MODIFIED}
            assert {feed.detail for feed in done.feeds} == {""}  # nothing had to be mended
            room.clock.forward(minutes=20)
        for name in FORMATS:
            found = sorted(app.store.newest_entries(name, 9), key=lambda entry: entry.link)
            assert [entry.title for entry in found] == list(TITLES), name
            assert [entry.link for entry in found] == [f"https://n.example/{n}" for n in range(3)], name
            assert {entry.published for entry in found} == {None if name in UNDATED else DAY}, name
            texts = [entry.summary for entry in found]
            assert texts == (["", "", ""] if name in WITHOUT_TEXT else [f"Part {n} of it." for n in range(3)]), name
            assert [entry.baseline for entry in found] == [True, True, False], name
