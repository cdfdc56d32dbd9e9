"""What feeds publish, stored once: the entries of a whole batch of polls in a few statements. Functions over a
connection in a transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Connection, and_, or_, select

from watcher.domain.model import NewEntry
from watcher.storage import identity
from watcher.storage.database import insert_missing
from watcher.storage.tables import entry

_HASHES = 400  # of one statement; as an OR over feeds, for which both databases use the index of feed and hash
_FEEDS = 50  # of one statement: SQLite refuses conditions that are nested too deep


@dataclass(frozen=True, slots=True)
class Batch:
    """The entries of one poll, and whether it is the first successful one of its feed."""

    feed: str
    entries: Sequence[NewEntry]
    first: bool
    stored: int  # entries of the feed so far


@dataclass(frozen=True, slots=True)
class _Offer:
    """An entry that may be new, under the keys it would be stored with."""

    batch: int
    feed: str
    new: NewEntry
    key: str
    story: str | None
    reused: bool = False  # the key is that of another story


def insert_new(connection: Connection, batches: Sequence[Batch], now: datetime) -> list[tuple[int, bool]]:
    """Insert what is new; return, for each poll, how many, and whether they are the baseline of its feed.

    The feeds' rows are locked by the caller, so nobody else adds entries to them meanwhile. A feed whose address was
    changed is not new if it still gives entries that are known.
    """
    offers = [
        [_Offer(n, batch.feed, new, identity.key_hash(_key(new)), _story(new)) for new in batch.entries]
        for n, batch in enumerate(batches)
    ]
    known = {batch.feed: _Known() for batch in batches}
    old = [offer for n, some in enumerate(offers) for offer in some if batches[n].stored]
    _load(connection, known, entry.c.key_hash, [(offer.feed, offer.key) for offer in old])
    _load(connection, known, entry.c.story_hash, [(offer.feed, offer.story) for offer in old if offer.story])
    baselines = [batch.first and not known[batch.feed].titles for batch in batches]
    told = [offer for some in offers for offer in _tell_apart(some, known)]
    reused = [(offer.feed, offer.key) for offer in told if offer.reused and batches[offer.batch].stored]
    _load(connection, known, entry.c.key_hash, reused)
    counts, rows = [0] * len(batches), []
    for offer in told:
        if known[offer.feed].add(offer):
            counts[offer.batch] += 1
            rows.append(_row(offer, now, baselines[offer.batch]))
    if rows:
        connection.execute(insert_missing(connection, entry), rows)
    return list(zip(counts, baselines, strict=True))


@dataclass(slots=True)
class _Known:
    """What the database, and what is being added to it, knows of one feed."""

    titles: dict[str, str] = field(default_factory=dict)  # by key
    stories: set[str] = field(default_factory=set)

    def add(self, offer: _Offer) -> bool:
        """Take it as known from now on; False when it was known already."""
        if offer.key in self.titles or offer.story in self.stories:
            return False
        self.titles[offer.key] = offer.new.title
        self.stories |= {offer.story} if offer.story else set()
        return True


def _tell_apart(offers: Sequence[_Offer], known: Mapping[str, _Known]) -> Iterator[_Offer]:
    """Give an entry that came under the key of another story a key of its own."""
    titles = dict(known[offers[0].feed].titles) if offers else {}
    for offer in offers:
        # several entries of one document may share a key as well
        if identity.same_story(titles.setdefault(offer.key, offer.new.title), offer.new.title):
            yield offer
        else:
            yield replace(offer, key=identity.reused_key_hash(_key(offer.new), offer.new.title), reused=True)


def _load(
    connection: Connection, known: Mapping[str, _Known], column: Column[Any], wanted: Sequence[tuple[str, str]]
) -> None:
    """Add to `known` the feeds' entries that have one of these hashes in this column."""
    rest = iter(sorted(set(wanted)))
    while some := list(islice(rest, _HASHES)):
        by_feed = {feed: [value for _, value in pairs] for feed, pairs in groupby(some, key=itemgetter(0))}
        places = iter(by_feed.items())
        while group := list(islice(places, _FEEDS)):
            either = or_(*(and_(entry.c.feed == feed, column.in_(values)) for feed, values in group))
            for row in connection.execute(
                select(entry.c.feed, entry.c.key_hash, entry.c.story_hash, entry.c.title).where(either)
            ):
                known[row.feed].titles[row.key_hash] = row.title
                if row.story_hash:
                    known[row.feed].stories.add(row.story_hash)


def _key(new: NewEntry) -> str:
    return new.key or new.link or new.title


def _story(new: NewEntry) -> str | None:
    return identity.story_hash(new.link, new.title)


def _row(offer: _Offer, now: datetime, baseline: bool) -> dict[str, Any]:
    new = offer.new
    plausible = new.published is not None and new.published <= now
    return {
        "feed": offer.feed,
        "key_hash": offer.key,
        "story_hash": offer.story,
        "key": new.key,
        "title": new.title,
        "summary": new.summary,
        "link": new.link,
        "source": new.source,
        "language": new.language,
        "published": new.published,
        "at": new.published if plausible else now,
        "seen_at": now,
        "baseline": baseline,
        "matched": False,
    }
