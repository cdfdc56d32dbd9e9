"""Which feeds a site offers: what its page names, what its robots.txt names, and where feeds usually stand.

Every address is asked for through the same guarded door as a feed; what is no feed is not shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin

from watcher.domain.feeds import Feed, FeedKind, Hints
from watcher.errors import FeedError
from watcher.feeds.entries import Parsed
from watcher.feeds.http import Fetched, Fetcher, FetchFailed, Outcome
from watcher.feeds.identity import resolve_link
from watcher.feeds.kinds import ask_for, read_answer
from watcher.feeds.markup import base_of, read_page
from watcher.feeds.outcomes import FetchRequest

MAX_CANDIDATES = 30  # addresses asked for at most
WELL_KNOWN = (
    "/feed", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml", "/feed.json", "/feeds", "/news/rss.xml",
    "/news-sitemap.xml", "/sitemap-news.xml", "/sitemap_news.xml",
)  # fmt: skip

_TYPES = re.compile(r"\s*(?:application|text)/(?:(?:rss|atom|rdf)\+xml|feed\+json|xml|json)\b", re.IGNORECASE)
_LIKE_A_FEED = re.compile(r"(?:/(?:rss|feeds?|atom)(?:[/._?-]|$)|\.(?:rss|atom|rdf)$)", re.IGNORECASE)
_SITEMAP = re.compile(r"^\s*sitemap\s*:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that may be a feed's, and why it was thought of."""

    url: str
    why: str
    kind: FeedKind = FeedKind.FEED


@dataclass(frozen=True, slots=True)
class Offered:
    """A feed that a site offers, read once."""

    url: str
    kind: FeedKind
    why: str
    title: str
    entries: int
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Discovered:
    """What was found, the best first, and how many addresses were asked; `failed` says why nothing could be."""

    feeds: tuple[Offered, ...]
    asked: int
    failed: str = ""


def discover(fetcher: Fetcher, url: str, now: datetime, *, allow_private: bool = False) -> Discovered:
    """Look for the feeds of a site by the address of one of its pages.

    1. Ask for the page and for robots.txt. An address that is a feed itself is all there is to find.
    2. Ask for what they name, and where feeds usually stand, MAX_CANDIDATES addresses in all; return what can be read.
    """
    robots = urljoin(url, "/robots.txt")
    page, rules = fetcher.fetch([_request("page", url, allow_private), _request("robots", robots, allow_private)], now)
    if isinstance(page, FetchFailed):
        return Discovered((), 1, f"{page.failure}: {page.detail}")
    if not isinstance(page, Fetched):
        return Discovered((), 1, "nothing new was sent")
    itself = [_offered(Candidate(url, "the address itself", kind), page) for kind in (FeedKind.FEED, FeedKind.SITEMAP)]
    if found := [offered for offered in itself if offered]:
        return Discovered((found[0],), 1)
    named = list(list_candidates(page, rules))
    asked = list({one.url: one for one in reversed(named)}.values())[::-1][:MAX_CANDIDATES]
    feeds = [Feed(str(n), one.url, kind=one.kind, allow_private=allow_private) for n, one in enumerate(asked)]
    outcomes = fetcher.fetch([ask_for(feed) for feed in feeds], now)
    offers: dict[str, Offered] = {}
    for one, outcome in zip(asked, outcomes, strict=True):
        if isinstance(outcome, Fetched) and (offered := _offered(one, outcome)):
            offers.setdefault(outcome.hints.body_hash or outcome.url, offered)
    return Discovered(tuple(offers.values()), len(asked) + 1)


def list_candidates(page: Outcome, robots: Outcome) -> Iterator[Candidate]:
    """Yield what may be a feed, the likeliest first: named by the page, linked from it, in robots.txt, well known."""
    if isinstance(page, Fetched):
        yield from _named(page)
    if isinstance(robots, Fetched):
        for found in _SITEMAP.findall(robots.body.decode("utf-8", "replace")):
            if "news" in found.lower() and (url := resolve_link(found, robots.url)):
                yield Candidate(url, "named in robots.txt", FeedKind.SITEMAP)
    if isinstance(page, Fetched):
        for path in WELL_KNOWN:
            kind = FeedKind.SITEMAP if "sitemap" in path else FeedKind.FEED
            yield Candidate(urljoin(page.url, path), "where feeds usually stand", kind)


def _named(page: Fetched) -> Iterator[Candidate]:
    try:
        root = read_page(page.body, page.content_type)
    except FeedError:
        return
    base = urljoin(page.url, base_of(root, page.url))
    for link in root.iter("link"):
        kinds = str(link.get("rel") or "").lower().split()
        url = resolve_link(str(link.get("href") or ""), base)
        if url and "alternate" in kinds and _TYPES.match(str(link.get("type") or "")):
            yield Candidate(url, "named by the page")
    for anchor in root.iter("a"):
        url = resolve_link(str(anchor.get("href") or ""), base)
        if url and _LIKE_A_FEED.search(url.partition("#")[0]):
            yield Candidate(url, "linked from the page")


def _request(name: str, url: str, allow_private: bool) -> FetchRequest:
    return FetchRequest(name, url, Hints(), allow_private, accept="text/html, application/xml;q=0.9, */*;q=0.5")


def _offered(one: Candidate, outcome: Fetched) -> Offered | None:
    feed = Feed("", one.url, kind=one.kind)
    try:
        parsed: Parsed = read_answer(feed, outcome, max_entries=500)
    except FeedError:
        return None
    newest = max((entry.published for entry in parsed.entries if entry.published), default=None)
    return Offered(outcome.url, one.kind, one.why, parsed.title, len(parsed.entries), newest)
