"""Feeds and what they publish: configuration, claims by lease, and T1. Functions over a connection in a transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, or_, select, update

from watcher.domain.feeds import (
    DueFeed,
    Feed,
    FeedKind,
    FeedStatus,
    Hints,
    Pace,
    Poll,
    SavedPoll,
    Snapshot,
)
from watcher.domain.health import looking_period
from watcher.domain.schedule import learn
from watcher.errors import UsageError
from watcher.storage import entries, hosts, snapshots
from watcher.storage.database import Lock, exclusive, sliced
from watcher.storage.tables import feed

MOVES_TO_FOLLOW = 3  # permanent redirects in a row to one address, before it is polled instead
FAILURES_TO_RETURN = 5  # in a row at such an address, before the configured one is tried again
GONE_TO_RETIRE = 2  # answers of 410 in a row, before it is believed


@dataclass(frozen=True, slots=True)
class Marks:
    """What tells the entries of a document from others at its feed's next poll. `known` of them were not given with
    the poll because earlier marks named them: they are in the database."""

    packed: bytes
    known: int = 0


def sync(connection: Connection, feeds: Sequence[Feed], now: datetime) -> None:
    """Insert, update and deactivate rows so that the active ones are these."""
    exclusive(connection, Lock.SYNC)
    rows = {row.id: row for row in connection.execute(select(feed).order_by(feed.c.id).with_for_update())}
    added = []
    for new in feeds:
        told = {
            "url": new.url,
            "outlet": new.outlet,
            "every": new.every,
            "language": new.language,
            "allow_private": new.allow_private,
            "fastest": new.fastest,
            "slowest": new.slowest,
            "quiet_after": new.quiet_after,
            "kind": new.kind,
            "selectors": snapshots.selectors_text(new.selectors),
            "full_text": new.full_text,
            "active": True,
        }
        old = rows.get(new.id)
        if old is None:
            fresh = {"id": new.id, "last_detail": "", "entries": 0, **_afresh(now)}
            added.append({**told, **fresh})
            continue
        if (old.url, old.kind, old.selectors) != (new.url, new.kind, told["selectors"]):
            told |= _afresh(now)
            snapshots.forget(connection, new.id)
        elif _interval(old) != (new.every, new.fastest, new.slowest) and not old.failures:
            # a shorter interval counts from today, not from after the long one
            told["next_poll_at"] = min(old.next_poll_at, now + (new.slowest or new.every))
        if any(getattr(old, column) != value for column, value in told.items()):
            connection.execute(update(feed).where(feed.c.id == new.id).values(**told))
    if added:
        connection.execute(feed.insert(), added)
    for some in sliced(rows.keys() - {new.id for new in feeds}):
        connection.execute(update(feed).where(feed.c.id.in_(some)).values(active=False))


def _interval(row: Row[Any]) -> tuple[Any, ...]:
    return row.every, row.fastest, row.slowest


def _afresh(now: datetime) -> dict[str, Any]:
    """Return the columns of an address that was never polled."""
    return {
        "told": None,
        "interval": None,
        "failing_since": None,
        "answering_since": None,
        "unbroken_since": None,
        "successes": 0,
        "failure": None,
        "gone_count": 0,
        "retired_at": None,
        "etag": None,
        "last_modified": None,
        "body_hash": None,
        "next_poll_at": now,
        "failures": 0,
        "begun_at": None,
        "moved_to": None,
        "moved_count": 0,
        "moved_url": None,
        "marks": None,
    }


def marks(connection: Connection, feeds: Collection[str]) -> dict[str, bytes]:
    """Return the marks of those of the feeds that have some."""
    found: dict[str, bytes] = {}
    for some in sliced(set(feeds)):
        query = select(feed.c.id, feed.c.marks).where(feed.c.id.in_(some), feed.c.marks.is_not(None))
        found |= {row.id: row.marks for row in connection.execute(query)}
    return found


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
        .where(feed.c.active, feed.c.retired_at.is_(None), feed.c.next_poll_at <= now, free)
        .order_by(feed.c.next_poll_at, feed.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(due).all()
    if not rows:
        return []
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
            fastest=row.fastest,
            slowest=row.slowest,
            quiet_after=row.quiet_after,
            kind=row.kind,
            selectors=snapshots.selectors_of(row.selectors),
            full_text=row.full_text,
        ),
        hints=Hints(etag=row.etag, last_modified=row.last_modified, body_hash=row.body_hash),
        failures=row.failures,
        first=row.begun_at is None,
        pace=pace_of(row),
        deadline=row.deadline,
        snapshot=said,
    )


def pace_of(row: Row[Any]) -> Pace:
    """Make the Pace of a row of `feed`."""
    return Pace(gap=row.gap, longest=row.longest_gap, newest_at=row.newest_at, told=row.told)


def release(connection: Connection, owner: str) -> None:
    """End the leases of an owner."""
    connection.execute(update(feed).where(feed.c.lease_owner == owner).values(lease_owner=None, lease_until=None))


def save(connection: Connection, polls: Sequence[Poll], now: datetime, marks: Mapping[str, Marks]) -> list[SavedPoll]:
    """Store polls (T1).

    1. Lock the rows of the feeds, in one order, so that two savers wait for each other and never deadlock.
    2. Insert the entries that are new and revise those that were edited; what is known falls away.
    3. Update the feeds: hints and marks only now, beside the entries they vouch for; the lease ends. Where a host asked
       to be left alone, its other feeds are put off, too.
    A crash before the commit leaves all as it was, and the lease expires: the feed is polled again.
    """
    saved: list[SavedPoll] = []
    for run in _runs(polls):
        saved += _save(connection, run, now, marks)
    return saved


def _runs(polls: Sequence[Poll]) -> Iterator[list[Poll]]:
    """Part polls, in their order, so that none has two of one feed: the later builds on the earlier."""
    run: dict[str, Poll] = {}
    for poll in polls:
        if poll.feed in run:
            yield list(run.values())
            run = {}
        run[poll.feed] = poll
    if run:
        yield list(run.values())


def _save(connection: Connection, polls: Sequence[Poll], now: datetime, marks: Mapping[str, Marks]) -> list[SavedPoll]:
    wanted = {poll.feed for poll in polls}
    locked = select(feed).where(feed.c.id.in_(sorted(wanted))).order_by(feed.c.id).with_for_update()
    rows = {row.id: row for row in connection.execute(locked)}
    if unknown := sorted(wanted - rows.keys()):
        raise UsageError(f"no such feed: {', '.join(unknown)}")
    kept = [_advanced(connection, poll, now) for poll in polls]
    batches = [
        entries.Batch(poll.feed, poll.entries, _is_first(rows[poll.feed], poll, marks), rows[poll.feed].entries)
        for poll in kept
    ]
    saved = entries.store(connection, batches, now)
    changes = [
        {"b_id": poll.feed, **_after(rows[poll.feed], poll, stored.new, marks.get(poll.feed))}
        for poll, stored in zip(kept, saved, strict=True)
    ]
    # the keys of the first name the columns to set: every change has the same ones
    columns: dict[str, Any] = {name: bindparam(name) for name in changes[0] if name != "b_id"}
    connection.execute(update(feed).where(feed.c.id == bindparam("b_id")).values(**columns), changes)
    hosts.rest(connection, dict(sorted(poll.rests for poll in kept if poll.rests)), now)
    return saved


def _advanced(connection: Connection, poll: Poll, now: datetime) -> Poll:
    """Keep the snapshot a poll brought. Where another poll was first, the entries of this one are not news, and its
    hints would vouch for a text that is not kept."""
    return poll if snapshots.advance(connection, poll, now) else replace(poll, entries=(), hints=None)


def _is_first(row: Row[Any], poll: Poll, marks: Mapping[str, Marks]) -> bool:
    """Whether these may be the feed's first entries; no document is the first of which some are known."""
    told = marks.get(poll.feed)
    return row.begun_at is None and poll.result.ok and not (told and told.known)


def _after(row: Row[Any], poll: Poll, new: int, marks: Marks | None) -> dict[str, Any]:
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
        "marks": marks.packed if marks else row.marks,
        **_learned(row, poll, new),
        **_vital(row, poll),
        **_moved(row, poll, failures),
    }


def _learned(row: Row[Any], poll: Poll, new: int) -> dict[str, Any]:
    """What is known of its pace. Entries without times teach by when they were found."""
    pace = poll.pace or pace_of(row)
    if new and row.news_at is not None and not any(one.published for one in poll.entries):
        pace = learn(replace(pace, newest_at=row.news_at), [poll.at], poll.at)
    news_at = poll.at if new else row.news_at
    if row.news_at is None and poll.result.ok:
        news_at = pace.newest_at or poll.at
    return {
        "gap": pace.gap,
        "longest_gap": pace.longest,
        "newest_at": pace.newest_at,
        "told": pace.told,
        "interval": poll.interval or row.interval,
        "news_at": news_at,
    }


def _vital(row: Row[Any], poll: Poll) -> dict[str, Any]:
    """What the rules of health look at. A source is gone for good when it says so GONE_TO_RETIRE times in a row."""
    if poll.result.ok:
        since = row.answering_since or poll.at
        period = looking_period(row.every, row.interval)
        away = row.last_ok_at is None or row.unbroken_since is None or poll.at - row.last_ok_at > period
        return {
            "failing_since": None,
            "answering_since": since,
            "unbroken_since": poll.at if away else row.unbroken_since,
            "successes": row.successes + 1,
            "failure": None,
            "gone_count": 0,
            "retired_at": None,
        }
    gone = row.gone_count + 1 if poll.gone and row.moved_url is None else 0
    return {
        "failing_since": row.failing_since or poll.at,
        "answering_since": None,
        "unbroken_since": row.unbroken_since,
        "successes": 0,
        "failure": poll.failure,
        "gone_count": gone,
        "retired_at": poll.at if gone >= GONE_TO_RETIRE else None,
    }


def _moved(row: Row[Any], poll: Poll, failures: int) -> dict[str, Any]:
    """Count permanent redirects to one target, and follow them for good once there were enough in a row.

    A failure to connect says nothing about them; a target that is no feed breaks the row. An address followed so
    is given up again when it fails for long: the redirect was wrong, or the feed came back.
    """
    if not poll.result.ok:
        url = None if poll.gone or failures >= FAILURES_TO_RETURN else row.moved_url
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
            every=row.every,
            fastest=row.fastest,
            slowest=row.slowest,
            interval=row.interval,
            quiet_after=row.quiet_after,
            pace=pace_of(row),
            deadline=row.deadline,
            news_at=row.news_at,
            failing_since=row.failing_since,
            answering_since=row.answering_since,
            unbroken_since=row.unbroken_since,
            successes=row.successes,
            failure=row.failure or "",
            retired_at=row.retired_at,
            health=row.health,
            health_n=row.health_n,
            health_since=row.health_since,
            health_reason=row.health_reason or "",
            health_detail=row.health_detail or "",
        )
        for row in rows
    ]
