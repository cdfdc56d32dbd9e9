"""Full text: the articles behind entries that are about an item, fetched politely and read as a revision of the entry.

    judge     an entry matches an item by its title or summary
    articles  wanted · fetch (robots.txt, one a host a round) · extract · save      T5  article + revised entry
    judge     the entry again, with the article below its summary

No entry waits for its article: what its headline says is told at once, and what the article adds when it is there. What
is wanted is a query, so this may run twice, late, in two processes, or again after a crash.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from watcher.domain.feeds import Article, ArticleResult, Hints, WantedArticle
from watcher.feeds.articles import MAX_ARTICLE_BYTES, read_article
from watcher.feeds.http import Failure, Fetched, Fetcher, FetchRequest, Outcome
from watcher.feeds.kinds import ACCEPT_PAGE
from watcher.pipeline import Clock
from watcher.storage.store import Store

ARTICLES_AT_ONCE = 8  # hosts asked in one round, each for one article
FRESH = timedelta(hours=6)  # the article of an entry that came longer ago is not fetched any more
CACHED = timedelta(hours=12)  # how long a text serves other entries with the same link
TRIES = 3
FIRST_RETRY = timedelta(minutes=10)

_PASSING = (Failure.DNS, Failure.CONNECT, Failure.TIMEOUT, Failure.RATE_LIMITED, Failure.PROTOCOL, Failure.TRUNCATED)


@dataclass(frozen=True, slots=True)
class Gathered:
    """One round: the articles asked for, and how many entries got one."""

    articles: tuple[Article, ...] = ()
    revised: int = 0
    more: bool = False


def gather(store: Store, fetcher: Fetcher, *, clock: Clock, stop: threading.Event | None = None) -> Gathered:
    """Fetch a round of articles and give them to their entries.

    1. Ask which entries want one; choose one link of each host, and those whose text is known already.
    2. Fetch and extract, with no transaction open. A crash: they are wanted as before.
    3. T5: the articles, and the entries with the new text, in one transaction. A crash before: as above; after: the
       entries wait for the judge.
    """
    now = clock()
    wanted = store.wanted_articles(now - FRESH, now - CACHED, now)
    asked = _choose([one for one in wanted if not one.text])
    outcomes = fetcher.fetch([_request(number, one) for number, one in enumerate(asked)], now, stop)
    now = clock()
    articles = tuple(_article(asked[int(outcome.feed)], outcome) for outcome in outcomes)
    texts = {one.link: one.text for one in articles if one.result is ArticleResult.READ}
    given = [(one, text) for one in wanted if (text := one.text or texts.get(one.link, ""))]
    if not articles and not given:
        return Gathered()
    wished = {asked[int(outcome.feed)].link: getattr(outcome, "retry_after", None) for outcome in outcomes}
    retries = {
        one.link: now + max(FIRST_RETRY * 2 ** (one.tries - 1), wished[one.link] or timedelta(0))
        for one in articles
        if one.retry
    }
    revised = store.save_articles(articles, retries, given, now)
    return Gathered(articles, revised, more=len(wanted) > len(asked))


def _choose(wanted: Sequence[WantedArticle]) -> list[WantedArticle]:
    """One link of each host, the newest entries first."""
    hosts: dict[str, WantedArticle] = {}
    for one in wanted:
        hosts.setdefault(_host(one.link), one)
    return list(hosts.values())[:ARTICLES_AT_ONCE]


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _request(number: int, one: WantedArticle) -> FetchRequest:
    """A feed on a server of the operator's own may lead to that server, and to no other private address."""
    own = _host(one.link) == _host(one.feed_url)
    return FetchRequest(
        str(number),
        one.link,
        Hints(),
        one.allow_private and own,
        robots=True,
        accept=ACCEPT_PAGE,
        max_bytes=MAX_ARTICLE_BYTES,
        from_outside=not own,
    )


def _article(one: WantedArticle, outcome: Outcome) -> Article:
    tries = one.tries + 1
    if not isinstance(outcome, Fetched):
        failure = getattr(outcome, "failure", None)
        passing = failure in _PASSING or getattr(outcome, "status", None) in (500, 502, 503, 504)
        detail = f"{failure}: {getattr(outcome, 'detail', '')}"
        return Article(one.link, ArticleResult.FAILED, "", detail, tries, retry=passing and tries < TRIES)
    text = read_article(outcome.body, outcome.content_type)
    return Article(one.link, ArticleResult.READ if text else ArticleResult.EMPTY, text, "", tries)
