"""Which kind of source a feed is: how it is asked for, and how its answer is read.

    feed               RSS, Atom, RDF, CDF, JSON Feed       parse.py
    list               a page that lists documents          lists.py           robots.txt
    page               a page whose changes are the news    pages.py           robots.txt
    sitemap            a news sitemap or an index           sitemaps.py        expanded
    federal-register   a search of its API                  federalregister.py

The only place that tells them apart; those who poll, test and check all go through here. A kind's module is loaded when
the first such source is: a process that parses feeds alone starts sooner, and is 5 MB smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from watcher.domain.feeds import DueFeed, Feed, FeedKind, Hints, Snapshot
from watcher.feeds.documents import FeedBroken
from watcher.feeds.entries import Parsed
from watcher.feeds.outcomes import Fetched, FetchRequest
from watcher.feeds.parse import parse
from watcher.feeds.walls import FeedBlocked, name_wall

ACCEPT_PAGE = "text/html, application/xhtml+xml, */*;q=0.1"
_ACCEPT = {
    FeedKind.LIST: ACCEPT_PAGE,
    FeedKind.PAGE: ACCEPT_PAGE,
    FeedKind.SITEMAP: "application/xml, text/xml, */*;q=0.1",
    FeedKind.FEDERAL_REGISTER: "application/json",
}


def request_for(due: DueFeed) -> FetchRequest:
    """Return what to ask for a feed that is due."""
    return ask_for(due.feed, due.hints)


def ask_for(feed: Feed, hints: Hints = Hints()) -> FetchRequest:  # noqa: B008 - frozen
    """Return what to ask for a feed of any kind."""
    return FetchRequest(
        feed.id,
        feed.url,
        hints,
        feed.allow_private,
        robots=feed.kind in (FeedKind.LIST, FeedKind.PAGE),
        accept=_ACCEPT.get(feed.kind, ""),
        expand=_listing if feed.kind is FeedKind.SITEMAP else None,
    )


def _listing(body: bytes, url: str) -> Sequence[str]:
    from watcher.feeds.sitemaps import list_sitemaps

    return list_sitemaps(body, url)


def read_answer(
    feed: Feed, fetched: Fetched, *, max_entries: int, former: Snapshot | None = None, known: bytes = b""
) -> Parsed:
    """Read what a feed answered as its kind is read; raise FeedBroken, saying what came, when it is not of that kind,
    and FeedBlocked when that is a wall.

    `former` is what a page said at its last reading, None for the first; `known` are the marks of a feed's last
    document, whose entries are left out (see `parse`).
    """
    url, content_type = fetched.url, fetched.content_type
    match feed.kind:
        case FeedKind.FEED:
            return parse(fetched.body, url=url, content_type=content_type, max_entries=max_entries, known=known)
        case FeedKind.LIST | FeedKind.PAGE:
            return _read_page(feed, fetched, former, max_entries)
        case FeedKind.SITEMAP:
            from watcher.feeds.sitemaps import parse_sitemaps

            parsed = parse_sitemaps((fetched.body, *fetched.parts), url=url, max_entries=max_entries)
            lost = (f"a sitemap of the index left out ({why})" for why in fetched.lost)
            return replace(parsed, degraded="; ".join(filter(None, (*lost, parsed.degraded))))
        case FeedKind.FEDERAL_REGISTER:
            from watcher.feeds.federalregister import parse_documents

            return parse_documents(fetched.body, url=url, max_entries=max_entries)


def _read_page(feed: Feed, fetched: Fetched, former: Snapshot | None, max_entries: int) -> Parsed:
    """Read a list or a page. It is a wall only where nothing of it is left: pages may ask for cookies, too."""
    from watcher.feeds.lists import parse_list
    from watcher.feeds.pages import parse_page

    body, url, content_type = fetched.body, fetched.url, fetched.content_type
    try:
        if feed.kind is FeedKind.LIST:
            return parse_list(body, feed.selectors, url=url, content_type=content_type, max_entries=max_entries)
        parsed = parse_page(body, feed.selectors, former, url=url, content_type=content_type)
    except FeedBroken as broken:
        if wall := name_wall(body, url=url):
            raise FeedBlocked(f"{wall} instead of the page") from broken
        raise
    lost = former and parsed.snapshot and not {*former.text.split("\n")} & {*parsed.snapshot.text.split("\n")}
    if lost and (wall := name_wall(body, url=url)):
        raise FeedBlocked(f"{wall} instead of the page")
    return parsed
