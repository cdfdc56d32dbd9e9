"""Articles behind entries: which are wanted, what came of them, and the entries they are given to. Functions over a
connection in a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, literal, or_, select, update

from watcher.domain.feeds import Article, ArticleResult, WantedArticle
from watcher.storage.database import insert_missing
from watcher.storage.identity import digest, link_key, text_hash
from watcher.storage.tables import article, entry, feed, revision

_LOOKED_AT = 200  # wanted articles of one round; the rest are asked for again


def wanted(connection: Connection, since: datetime, cached: datetime, now: datetime) -> list[WantedArticle]:
    """Return entries that want their article, the newest first."""
    entries = (
        select(
            entry.c.id, entry.c.link, entry.c.revision, feed.c.url, feed.c.allow_private,
        )
        .join_from(entry, feed, feed.c.id == entry.c.feed)
        .where(
            feed.c.active,
            feed.c.full_text,
            entry.c.matched,
            ~entry.c.with_article,
            ~entry.c.baseline,
            entry.c.judged_at.is_not(None),
            entry.c.link != "",
            entry.c.seen_at > since,
        )
        .order_by(entry.c.seen_at.desc(), entry.c.id.desc())
        .limit(_LOOKED_AT)
    )  # fmt: skip
    rows = connection.execute(entries).all()
    hashes = {row.id: _hash(row.link) for row in rows}
    found = select(article).where(article.c.link_hash.in_(sorted(set(hashes.values()))))
    known = {row.link_hash: row for row in connection.execute(found)}
    chosen = []
    for row in rows:
        past = known.get(hashes[row.id])
        text = past.text if past and past.result is ArticleResult.READ and past.fetched_at > cached else ""
        stale = past is not None and past.fetched_at <= cached
        if past is None or text or stale or (past.next_at is not None and past.next_at <= now):
            tries = past.tries if past and not stale else 0
            chosen.append(WantedArticle(str(row.id), row.revision, row.link, row.url, row.allow_private, tries, text))
    return chosen


def save(
    connection: Connection,
    articles: Sequence[Article],
    retries: Mapping[str, datetime],
    given: Sequence[tuple[WantedArticle, str]],
    now: datetime,
) -> int:
    """Store articles and give texts to entries; return how many were revised. An entry that was edited meanwhile is
    left, and wants its article anew."""
    for one in articles:
        told = {
            "link": one.link,
            "text": one.text,
            "result": one.result,
            "detail": one.detail,
            "tries": one.tries,
            "fetched_at": now,
            "next_at": retries.get(one.link),
        }
        link_hash = _hash(one.link)
        if not connection.execute(update(article).where(article.c.link_hash == link_hash).values(**told)).rowcount:
            connection.execute(insert_missing(connection, article).values(link_hash=link_hash, **told))
    return sum(_give(connection, one, text, now) for one, text in given)


def _give(connection: Connection, one: WantedArticle, text: str, now: datetime) -> int:
    """Put an article below the summary of its entry, as a revision; the hash of what the feed says stays."""
    this = (entry.c.id == int(one.entry)) & (entry.c.revision == one.revision) & entry.c.judged_at.is_not(None)
    row = connection.execute(select(entry).where(this, ~entry.c.with_article).with_for_update()).first()
    if row is None:
        return 0
    said = row.text_hash or text_hash(row.title, row.summary)
    body = "\n".join(line for line in text.split("\n") if line not in (row.title, row.summary))
    if not body:
        connection.execute(update(entry).where(this).values(with_article=True))
        return 0
    former = select(
        entry.c.id, entry.c.revision, entry.c.title, entry.c.summary, literal(said).label("text_hash"),
        func.coalesce(entry.c.revised_at, entry.c.seen_at).label("seen_at"),
    ).where(this)  # fmt: skip
    names = ["entry", "n", "title", "summary", "text_hash", "seen_at"]
    connection.execute(insert(revision).from_select(names, former))
    told = {
        "summary": f"{row.summary}\n{body}" if row.summary else body,
        "text_hash": said,
        "with_article": True,
        "revision": row.revision + 1,
        "revised_at": now,
        "judged_at": None,
        "matched": False,
    }
    return connection.execute(update(entry).where(this).values(**told)).rowcount


def prune(connection: Connection, before: datetime) -> None:
    """Forget articles that were fetched before a moment; entries keep what they were given."""
    connection.execute(delete(article).where(article.c.fetched_at < before, or_(article.c.next_at.is_(None))))


def _hash(link: str) -> str:
    return digest(link_key(link) or link)
