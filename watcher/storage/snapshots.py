"""What pages said when they were last read, and how selectors are kept. Functions over a connection in a
transaction."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from watcher.domain.feeds import Poll, Selectors, Snapshot
from watcher.storage.database import insert_missing, sliced
from watcher.storage.tables import snapshot


def of(connection: Connection, feeds: Collection[str]) -> dict[str, Snapshot]:
    """Return the snapshots of those of these feeds that have one."""
    found: dict[str, Snapshot] = {}
    for some in sliced(feeds):
        for row in connection.execute(select(snapshot).where(snapshot.c.feed.in_(some))):
            found[row.feed] = Snapshot(row.text, row.changes)
    return found


def advance(connection: Connection, poll: Poll, now: datetime) -> bool:
    """Store the snapshot a poll brought; False, and nothing, when another poll of the feed was first.

    The first is number 0, each later one follows on the one it was compared with.
    """
    new = poll.snapshot
    if new is None:
        return True
    told = {"text": new.text, "changes": new.changes, "seen_at": now}
    if not new.changes:
        insert = insert_missing(connection, snapshot).values(feed=poll.feed, **told).returning(snapshot.c.feed)
        return connection.execute(insert).first() is not None
    before = (snapshot.c.feed == poll.feed) & (snapshot.c.changes == new.changes - 1)
    return connection.execute(update(snapshot).where(before).values(**told)).rowcount == 1


def forget(connection: Connection, feed_id: str) -> None:
    """Let the next reading of a feed be its first."""
    connection.execute(delete(snapshot).where(snapshot.c.feed == feed_id))


def selectors_text(selectors: Selectors) -> str:
    """Write selectors as they are kept: JSON of those that are set, empty for none."""
    told = {name: value for name, value in asdict(selectors).items() if value}
    return json.dumps(told, ensure_ascii=False, sort_keys=True) if told else ""


def selectors_of(text: str) -> Selectors:
    """Read selectors as they are kept."""
    if not text:
        return Selectors()
    told = json.loads(text)
    return Selectors(**{**told, "date_format": tuple(told.get("date_format", ()))})
