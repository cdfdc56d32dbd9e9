"""What a poll does to the entries of its feed: new ones are inserted, edited ones revised. Functions over a connection
in a transaction that holds the row of the feed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, Row, func, literal, or_, select, update

from watcher.domain.model import NewEntry, Poll, SavedPoll
from watcher.storage.database import insert_missing, sliced
from watcher.storage.identity import Identified, Known, Register, identify, revises, text_hash
from watcher.storage.tables import entry, revision

REDATED = timedelta(days=1)  # an entry edited within this counts from its edit, an older one as of its publication


def store(connection: Connection, poll: Poll, now: datetime, *, first: bool, empty: bool) -> SavedPoll:
    """Store what a poll brought; the entries of a feed's `first` successful one are its baseline. Of an `empty` feed
    nothing is known.

    A feed whose address was changed is not new if it still gives entries that are known.
    """
    given = [identify(new) for new in poll.entries]
    settled, known = ({}, []) if empty else _known(connection, poll.feed, given)
    baseline = first and not settled and not known
    register = Register(known)
    document = frozenset(one.key for one in given)
    fresh: list[Identified] = []
    revised = 0
    for one in given:
        if one.key in settled and settled[one.key] == one.text:
            continue  # most entries of most polls end here
        match = register.find(one)
        if match is None:
            admitted = register.admit(one)
            fresh += [admitted] if admitted else []
        elif match.id is not None:
            followed = register.follow(match, one, document)
            if revises(match, one):
                revised += _revise(connection, match, one, now)
            elif followed:
                _rename(connection, match, one.entry)
    rows = [{"feed": poll.feed, **_row(one, now, baseline)} for one in fresh]
    inserted = connection.execute(insert_missing(connection, entry).returning(entry.c.id), rows).all() if rows else []
    return SavedPoll(poll.feed, len(inserted), baseline, revised)


def texts(connection: Connection, entry_id: str) -> list[tuple[str, str]]:
    """Return (title, summary) of every text an entry has had, the present one last."""
    past = select(revision.c.title, revision.c.summary).where(revision.c.entry == int(entry_id)).order_by(revision.c.n)
    present = select(entry.c.title, entry.c.summary).where(entry.c.id == int(entry_id))
    return [(row.title, row.summary) for query in (past, present) for row in connection.execute(query)]


# --- what is known --------------------------------------------------------------------------------


def _known(connection: Connection, feed: str, given: Sequence[Identified]) -> tuple[dict[str, str], list[Known]]:
    """Return the texts, by key, of entries that came as they are known, and all that others may be.

    1. By key alone: in the ordinary poll of an ordinary feed that is all.
    2. For the rest by their other identities, too.
    """
    rows = _rows(connection, feed, {entry.c.key_hash: {one.key for one in given}})
    said = {row.key_hash: _text(row) for row in rows.values()}
    settled = {one.key: one.text for one in given if said.get(one.key) == one.text}
    rest = [one for one in given if settled.get(one.key) != one.text]
    if not rest:
        return settled, []
    rows |= _rows(
        connection,
        feed,
        {
            entry.c.other_hash: {one.key for one in rest},
            entry.c.story_hash: {one.story for one in rest if one.story},
            entry.c.content_hash: {one.content for one in rest if one.content},
        },
    )
    past = _past(connection, [row.id for row in rows.values() if row.revision])
    return settled, [_known_of(row, past.get(row.id, frozenset())) for row in sorted(rows.values(), key=lambda r: r.id)]


def _rows(connection: Connection, feed: str, wanted: Mapping[Any, Collection[str]]) -> dict[int, Row[Any]]:
    columns = (
        entry.c.id, entry.c.key_hash, entry.c.other_hash, entry.c.story_hash, entry.c.content_hash, entry.c.title,
        entry.c.summary, entry.c.text_hash, entry.c.revision, entry.c.pruned_at,
    )  # fmt: skip
    found: dict[int, Row[Any]] = {}
    slices = [[(column, some) for some in sliced(hashes)] for column, hashes in wanted.items()]
    for turn in zip_longest(*slices):
        # the feed in every branch, for the index of each begins with it
        branches = [(entry.c.feed == feed) & column.in_(some) for column, some in filter(None, turn)]
        found |= {row.id: row for row in connection.execute(select(*columns).where(or_(*branches)))}
    return found


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


def _revise(connection: Connection, known: Known, one: Identified, now: datetime) -> int:
    """Give an entry its new text and hand it to the judge again; the old one is kept. Return 1.

    What was edited soon after it was published counts from the edit: it may tell what has happened since. An older
    entry keeps its time, and its silence if it has one: a comma put right does not make old news new.
    """
    this = entry.c.id == known.id
    former = select(
        entry.c.id,
        entry.c.revision,
        entry.c.title,
        entry.c.summary,
        literal(known.text).label("text_hash"),
        func.coalesce(entry.c.revised_at, entry.c.seen_at).label("seen_at"),
    ).where(this)
    names = ["entry", "n", "title", "summary", "text_hash", "seen_at"]
    connection.execute(revision.insert().from_select(names, former))
    soon = entry.c.at > now - REDATED
    told = {
        "title": one.entry.title,
        "summary": one.entry.summary,
        "link": one.entry.link,
        "key": one.entry.key,
        "key_hash": known.key,
        "other_hash": known.other,
        "story_hash": known.story,
        "content_hash": one.content,
        "text_hash": one.text,
        "with_article": False,
        "revision": known.revision + 1,
        "revised_at": now,
        "judged_at": None,
        "matched": False,
        "pruned_at": None,
    }
    connection.execute(update(entry).where(this).values(**told))
    connection.execute(update(entry).where(this, soon).values(at=now, baseline=False))
    known.past |= {known.text or ""}
    known.title, known.summary, known.text = one.entry.title, one.entry.summary, one.text
    known.revision += 1
    return 1


def _rename(connection: Connection, known: Known, new: NewEntry) -> None:
    """Let an entry that says what it said go by its new key and link; one that was pruned stays without."""
    hashes = {"key_hash": known.key, "other_hash": known.other, "story_hash": known.story}
    connection.execute(update(entry).where(entry.c.id == known.id).values(**hashes))
    kept = entry.c.pruned_at.is_(None)
    connection.execute(update(entry).where(entry.c.id == known.id, kept).values(key=new.key, link=new.link))
