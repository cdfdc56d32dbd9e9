"""Feeds and what they publish: configuration, claims by lease, and T1. Functions over a connection in a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, or_, select, update

from watcher.domain.model import DueFeed, Feed, FeedKind, FeedStatus, Hints, Poll, SavedPoll, Snapshot
from watcher.errors import UsageError
from watcher.storage import entries, snapshots
from watcher.storage.database import Lock, exclusive
from watcher.storage.tables import feed

MOVES_TO_FOLLOW = 3  # permanent redirects in a row to one address, before it is polled instead
FAILURES_TO_RETURN = 5  # in a row at such an address, before the configured one is tried again


def sync(connection: Connection, feeds: Sequence[Feed], now: datetime) -> None:
    """Insert, update and deactivate rows so that the active ones are these."""
    exclusive(connection, Lock.SYNC)
    rows = {row.id: row for row in connection.execute(select(feed).order_by(feed.c.id).with_for_update())}
    for new in feeds:
        told = {
            "url": new.url,
            "outlet": new.outlet,
            "every": new.every,
            "language": new.language,
            "allow_private": new.allow_private,
            "kind": new.kind,
            "selectors": snapshots.selectors_text(new.selectors),
            "full_text": new.full_text,
            "active": True,
        }
        old = rows.get(new.id)
        if old is None:
            fresh = {"id": new.id, "last_detail": "", "entries": 0, **_afresh(now)}
            connection.execute(feed.insert().values(**told, **fresh))
            continue
        if (old.url, old.kind, old.selectors) != (new.url, new.kind, told["selectors"]):
            told |= _afresh(now)
            snapshots.forget(connection, new.id)
        elif old.every != new.every and not old.failures:
            # a shorter interval counts from today, not from after the long one
            told["next_poll_at"] = min(old.next_poll_at, now + new.every)
        connection.execute(update(feed).where(feed.c.id == new.id).values(**told))
    gone = rows.keys() - {new.id for new in feeds}
    connection.execute(update(feed).where(feed.c.id.in_(sorted(gone))).values(active=False))


def _afresh(now: datetime) -> dict[str, Any]:
    """Return the columns of an address that was never polled."""
    return {
        "etag": None,
        "last_modified": None,
        "body_hash": None,
        "next_poll_at": now,
        "failures": 0,
        "begun_at": None,
        "moved_to": None,
        "moved_count": 0,
        "moved_url": None,
    }


def claim(connection: Connection, now: datetime, limit: int, lease: timedelta, owner: str) -> list[DueFeed]:
    """Lease due feeds.

    1. Choose: due, and not leased or leased too long ago. PostgreSQL locks them and skips those that another claim
       has locked; on SQLite this transaction is the only writer.
    2. Write the lease, under the same condition.
    A crash after the commit leaves leases that expire.
    """
    free = or_(feed.c.lease_until.is_(None), feed.c.lease_until <= now)
    due = (
        select(feed)
        .where(feed.c.active, feed.c.next_poll_at <= now, free)
        .order_by(feed.c.next_poll_at, feed.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(due).all()
    leased = connection.execute(
        update(feed)
        .where(feed.c.id.in_([row.id for row in rows]), free)
        .values(lease_owner=owner, lease_until=now + lease)
        .returning(feed.c.id)
    )
    ours = set(leased.scalars())
    said = snapshots.of(connection, [row.id for row in rows if row.id in ours and row.kind is FeedKind.PAGE])
    return [_due(row, said.get(row.id)) for row in rows if row.id in ours]


def _due(row: Row[Any], said: Snapshot | None) -> DueFeed:
    return DueFeed(
        feed=Feed(
            id=row.id,
            url=row.moved_url or row.url,
            outlet=row.outlet,
            every=row.every,
            language=row.language,
            allow_private=row.allow_private,
            kind=row.kind,
            selectors=snapshots.selectors_of(row.selectors),
            full_text=row.full_text,
        ),
        hints=Hints(etag=row.etag, last_modified=row.last_modified, body_hash=row.body_hash),
        failures=row.failures,
        first=row.begun_at is None,
        snapshot=said,
    )


def release(connection: Connection, owner: str) -> None:
    """End the leases of an owner."""
    connection.execute(update(feed).where(feed.c.lease_owner == owner).values(lease_owner=None, lease_until=None))


def save(connection: Connection, polls: Sequence[Poll], now: datetime) -> list[SavedPoll]:
    """Store polls (T1).

    1. Lock the rows of the feeds, in one order, so that two savers wait for each other and never deadlock.
    2. Insert the entries that are new and revise those that were edited; what is known falls away.
    3. Update the feeds: hints only now, beside the entries they vouch for; the lease ends.
    A crash before the commit leaves all as it was, and the lease expires: the feed is polled again.
    """
    if not polls:
        return []
    wanted = {poll.feed for poll in polls}
    locked = select(feed).where(feed.c.id.in_(sorted(wanted))).order_by(feed.c.id).with_for_update()
    rows = {row.id: row for row in connection.execute(locked)}
    if unknown := sorted(wanted - rows.keys()):
        raise UsageError(f"no such feed: {', '.join(unknown)}")
    saved: list[SavedPoll] = []
    changes = []
    for poll in polls:
        row = rows[poll.feed]
        if not snapshots.advance(connection, poll, now):
            # another poll was first; the hints of this one would vouch for a text that is not kept
            poll = replace(poll, entries=(), hints=None)
        first = row.begun_at is None and poll.result.ok
        filled = row.entries or any(one.feed == poll.feed and one.new for one in saved)
        stored = entries.store(connection, poll, now, first=first, empty=not filled)
        saved.append(stored)
        changes.append({"b_id": poll.feed, **_after(row, poll, stored.new)})
    # the keys of the first name the columns to set: every change has the same ones
    columns: dict[str, Any] = {name: bindparam(name) for name in changes[0] if name != "b_id"}
    connection.execute(update(feed).where(feed.c.id == bindparam("b_id")).values(**columns), changes)
    return saved


def _after(row: Row[Any], poll: Poll, new: int) -> dict[str, Any]:
    """Return every column of a feed that a poll may change."""
    ok = poll.result.ok
    hints = poll.hints if ok and poll.hints else Hints(row.etag, row.last_modified, row.body_hash)
    failures = 0 if ok else row.failures + 1
    return {
        "etag": hints.etag,
        "last_modified": hints.last_modified,
        "body_hash": hints.body_hash,
        "next_poll_at": poll.next_poll_at,
        "lease_owner": None,
        "lease_until": None,
        "failures": failures,
        "begun_at": row.begun_at or (poll.at if ok else None),
        "last_at": poll.at,
        "last_ok_at": poll.at if ok else row.last_ok_at,
        "last_result": poll.result,
        "last_detail": poll.detail,
        "last_elapsed": poll.elapsed,
        "entries": row.entries + new,
        **_moved(row, poll, failures),
    }


def _moved(row: Row[Any], poll: Poll, failures: int) -> dict[str, Any]:
    """Count permanent redirects to one target, and follow them for good once there were enough in a row.

    A failure to connect says nothing about them; a target that is no feed breaks the row. An address followed so
    is given up again when it fails for long: the redirect was wrong, or the feed came back.
    """
    if not poll.result.ok:
        url = None if failures >= FAILURES_TO_RETURN else row.moved_url
        keep = poll.moved_to is None
        return {
            "moved_to": row.moved_to if keep else None,
            "moved_count": row.moved_count if keep else 0,
            "moved_url": url,
        }
    if poll.moved_to is None:
        return {"moved_to": None, "moved_count": 0, "moved_url": row.moved_url}
    count = row.moved_count + 1 if poll.moved_to == row.moved_to else 1
    if count < MOVES_TO_FOLLOW:
        return {"moved_to": poll.moved_to, "moved_count": count, "moved_url": row.moved_url}
    return {"moved_to": None, "moved_count": 0, "moved_url": poll.moved_to}


def statuses(connection: Connection) -> list[FeedStatus]:
    """Return every feed, active ones first."""
    rows = connection.execute(select(feed).order_by(feed.c.active.desc(), feed.c.id))
    return [
        FeedStatus(
            id=row.id,
            url=row.url,
            outlet=row.outlet,
            last_result=row.last_result,
            last_detail=row.last_detail,
            last_at=row.last_at,
            last_ok_at=row.last_ok_at,
            failures=row.failures,
            next_poll_at=row.next_poll_at,
            entries=row.entries,
            moved_to=row.moved_url or row.moved_to,
            active=row.active,
        )
        for row in rows
    ]
