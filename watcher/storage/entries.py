"""What polls do to the entries of their feeds: new ones are inserted, edited ones revised, those of a whole batch of
polls in a few statements. Functions over a connection in a transaction that holds the rows of the feeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Connection, Row, String, and_, bindparam, func, or_, select, update

from watcher.domain.feeds import NewEntry, SavedPoll
from watcher.storage.database import insert_missing, sliced
from watcher.storage.identity import Identified, Known, Register, identify, revises, text_hash
from watcher.storage.tables import entry, revision

REDATED = timedelta(days=1)  # an entry edited within this counts from its edit, an older one as of its publication

_HASHES = 400  # of one statement; as an OR over feeds, for which both databases use the index of feed and hash
_FEEDS = 50  # of one statement: SQLite refuses conditions that are nested too deep


@dataclass(frozen=True, slots=True)
class Batch:
    """The entries of one poll, and whether it is the first successful one of its feed."""

    feed: str
    entries: Sequence[NewEntry]
    first: bool
    stored: int  # entries of the feed so far


def store(connection: Connection, batches: Sequence[Batch], now: datetime) -> list[SavedPoll]:
    """Store what polls of different feeds brought; the entries of a feed's `first` successful one are its baseline.

    1. Read the entries that these may be, of all the feeds together.
    2. Tell in memory what is new, what was edited, and what only goes by another key or link now.
    3. Write the edits, and then what is new: it may go by a key that an edited one no longer has.

    The feeds' rows are locked by the caller, so nobody else adds entries to them meanwhile. A feed whose address was
    changed is not new if it still gives entries that are known.
    """
    given = {batch.feed: [identify(new) for new in batch.entries] for batch in batches}
    known = _known(connection, {batch.feed: given[batch.feed] for batch in batches if batch.stored})
    changes = _Changes(now)
    baselines = {batch.feed: batch.first and not known.get(batch.feed) for batch in batches}
    for batch in batches:
        changes.note(batch.feed, given[batch.feed], known.get(batch.feed, ()), baseline=baselines[batch.feed])
    changes.write_revisions(connection)
    inserted = changes.insert(connection)
    return [SavedPoll(feed, inserted[feed], baselines[feed], changes.revised[feed]) for feed in given]


def texts(connection: Connection, entry_id: str) -> list[tuple[str, str]]:
    """Return (title, summary) of every text an entry has had, the present one last."""
    past = select(revision.c.title, revision.c.summary).where(revision.c.entry == int(entry_id)).order_by(revision.c.n)
    present = select(entry.c.title, entry.c.summary).where(entry.c.id == int(entry_id))
    return [(row.title, row.summary) for query in (past, present) for row in connection.execute(query)]


# --- what is known --------------------------------------------------------------------------------


def _known(connection: Connection, given: Mapping[str, Sequence[Identified]]) -> dict[str, list[Known]]:
    """Return, by feed, the entries that came as they are known, and all that the others may be.

    1. By key alone: in the ordinary poll of an ordinary feed that is all.
    2. For the rest by their other identities, too.
    """
    rows: dict[int, Row[Any]] = {}
    everything = [(feed, one) for feed, some in given.items() for one in some]
    _load(connection, rows, entry.c.key_hash, [(feed, one.key) for feed, one in everything])
    said = {(row.feed, row.key_hash): _text(row) for row in rows.values()}
    rest = [(feed, one) for feed, one in everything if said.get((feed, one.key)) != one.text]
    _load(connection, rows, entry.c.other_hash, [(feed, one.key) for feed, one in rest])
    _load(connection, rows, entry.c.story_hash, [(feed, one.story) for feed, one in rest if one.story])
    _load(connection, rows, entry.c.content_hash, [(feed, one.content) for feed, one in rest if one.content])
    past = _past(connection, [row.id for row in rows.values() if row.revision]) if rest else {}
    found: dict[str, list[Known]] = {}
    for row in sorted(rows.values(), key=lambda row: row.id):
        found.setdefault(row.feed, []).append(_known_of(row, past.get(row.id, frozenset())))
    return found


def _load(
    connection: Connection, rows: dict[int, Row[Any]], column: Column[Any], wanted: Collection[tuple[str, str]]
) -> None:
    """Add to `rows` the feeds' entries that have one of these hashes in this column."""
    columns: tuple[Column[Any], ...] = (
        entry.c.id, entry.c.feed, entry.c.key_hash, entry.c.other_hash, entry.c.story_hash, entry.c.content_hash,
        entry.c.title, entry.c.summary, entry.c.text_hash, entry.c.revision, entry.c.pruned_at,
    )  # fmt: skip
    rest = iter(sorted(set(wanted)))
    while some := list(islice(rest, _HASHES)):
        by_feed = {feed: [value for _, value in pairs] for feed, pairs in groupby(some, key=itemgetter(0))}
        places = iter(by_feed.items())
        while group := list(islice(places, _FEEDS)):
            # the feed in every branch, for the index of each begins with it
            either = or_(*(and_(entry.c.feed == feed, column.in_(values)) for feed, values in group))
            rows.update((row.id, row) for row in connection.execute(select(*columns).where(either)))


def _text(row: Row[Any]) -> str | None:
    """Return the hash of an entry's text; of entries older than such hashes, from what they still say."""
    if row.text_hash is not None or row.pruned_at is not None:
        return str(row.text_hash) if row.text_hash else None
    return text_hash(row.title, row.summary)


def _past(connection: Connection, ids: Collection[int]) -> dict[int, frozenset[str]]:
    found: dict[int, frozenset[str]] = {}
    for some in sliced(ids):
        query = select(revision.c.entry, revision.c.text_hash).where(revision.c.entry.in_(some))
        for row in connection.execute(query):
            found[row.entry] = found.get(row.entry, frozenset()) | {row.text_hash}
    return found


def _known_of(row: Row[Any], past: frozenset[str]) -> Known:
    return Known(
        id=row.id,
        key=row.key_hash,
        other=row.other_hash,
        story=row.story_hash,
        content=row.content_hash,
        title=row.title,
        summary=row.summary,
        text=_text(row),
        revision=row.revision,
        past=past,
    )


# --- what is written ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Changes:
    """What a batch of polls changes, gathered before it is written."""

    now: datetime
    fresh: list[dict[str, Any]] = field(default_factory=list)  # rows of `entry`
    edits: list[dict[str, Any]] = field(default_factory=list)  # parameters of the statements below, in order
    names: dict[int, tuple[Known, NewEntry]] = field(default_factory=dict)
    revised: Counter[str] = field(default_factory=Counter)  # by feed

    def note(self, feed: str, given: Sequence[Identified], known: Sequence[Known], *, baseline: bool) -> None:
        """Compare what a feed gave with what is known of it."""
        settled = {one.key: one.text for one in known}
        register = Register(known)
        document = frozenset(one.key for one in given)
        for one in given:
            if settled.get(one.key) == one.text:
                continue  # as it is known
            match = register.find(one)
            if match is None:
                if admitted := register.admit(one):
                    self.fresh.append({"feed": feed, **_row(admitted, self.now, baseline)})
            elif match.id is not None:
                followed = register.follow(match, one, document)
                if revises(match, one):
                    self.revised[feed] += 1
                    self.edits.append(_edit(match, one))
                    self.names.pop(match.id, None)
                elif followed:
                    self.names[match.id] = match, one.entry

    def write_revisions(self, connection: Connection) -> None:
        """Give edited entries their new text and hand them to the judge again, the old ones are kept; let those that
        say what they said go by their new key and link."""
        for wave in _waves(self.edits):
            connection.execute(_KEEP, wave)
            connection.execute(_REVISE.values(revised_at=self.now), wave)
        for some in sliced({edit["b_id"] for edit in self.edits}):
            soon = entry.c.id.in_(some) & (entry.c.at > self.now - REDATED)
            connection.execute(update(entry).where(soon).values(at=self.now, baseline=False))
        if names := [_name(known, new) for known, new in self.names.values()]:
            connection.execute(_RENAME, names)
            connection.execute(_RELINK, names)

    def insert(self, connection: Connection) -> Counter[str]:
        """Insert what is new; return how many of each feed were."""
        if not self.fresh:
            return Counter()
        feeds = Counter(row["feed"] for row in self.fresh)
        options = {"preserve_rowcount": True}  # or PostgreSQL does not tell it of many rows
        told = connection.execute(insert_missing(connection, entry), self.fresh, execution_options=options)
        if told.rowcount == len(self.fresh):
            return feeds
        # some were there after all; to be told of each row whose it is would cost as much as to insert it
        there = (
            select(entry.c.feed, func.count().label("entries"))
            .where(entry.c.feed.in_(feeds), entry.c.seen_at == self.now)
            .group_by(entry.c.feed)
        )
        return Counter({row.feed: row.entries for row in connection.execute(there)})


# The text of an entry before an edit. What was edited soon after it was published counts from the edit: it may tell
# what has happened since. An older entry keeps its time, and its silence if it has one: a comma put right does not
# make old news new.
_KEEP = revision.insert().from_select(
    ["entry", "n", "title", "summary", "text_hash", "seen_at"],
    select(
        entry.c.id,
        entry.c.revision,
        entry.c.title,
        entry.c.summary,
        bindparam("b_before", type_=String),
        func.coalesce(entry.c.revised_at, entry.c.seen_at),
    ).where(entry.c.id == bindparam("b_id")),
)
_NAMES: dict[str, Any] = {name: bindparam(f"b_{name}") for name in ("key_hash", "other_hash", "story_hash")}
_LINKS: dict[str, Any] = {name: bindparam(f"b_{name}") for name in ("key", "link")}
_THIS = update(entry).where(entry.c.id == bindparam("b_id"))
_REVISE = _THIS.values(
    **_NAMES,
    **_LINKS,
    **{name: bindparam(f"b_{name}") for name in ("title", "summary", "content_hash", "text_hash", "revision")},
    with_article=False,
    judged_at=None,
    matched=False,
    pruned_at=None,
)
_RENAME = _THIS.values(**_NAMES)
_RELINK = _THIS.where(entry.c.pruned_at.is_(None)).values(**_LINKS)  # one that was pruned stays without


def _waves(edits: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Part edits so that one entry's come one after the other, each in a list of its own."""
    rest = list(edits)
    while rest:
        wave: dict[int, dict[str, Any]] = {}
        later = [edit for edit in rest if wave.setdefault(edit["b_id"], edit) is not edit]
        yield list(wave.values())
        rest = later


def _name(known: Known, new: NewEntry) -> dict[str, Any]:
    return {
        "b_id": known.id,
        "b_key_hash": known.key,
        "b_other_hash": known.other,
        "b_story_hash": known.story,
        "b_key": new.key,
        "b_link": new.link,
    }


def _edit(known: Known, one: Identified) -> dict[str, Any]:
    """Return the parameters of an edit, and let `known` say from now on what it says."""
    told = _name(known, one.entry) | {
        "b_before": known.text,
        "b_title": one.entry.title,
        "b_summary": one.entry.summary,
        "b_content_hash": one.content,
        "b_text_hash": one.text,
        "b_revision": known.revision + 1,
    }
    known.past |= {known.text or ""}
    known.title, known.summary, known.text = one.entry.title, one.entry.summary, one.text
    known.revision += 1
    return told


def _row(one: Identified, now: datetime, baseline: bool) -> dict[str, Any]:
    new = one.entry
    plausible = new.published is not None and new.published <= now
    return {
        "key_hash": one.key,
        "other_hash": one.other,
        "story_hash": one.story,
        "content_hash": one.content,
        "text_hash": one.text,
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
        "removed": new.removed,
    }
