"""Digests as stored: when each route's was last made and is next, and what has been recorded since. Functions over a
connection in a transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, or_, select, update

from watcher.domain.alerts import PlannedAlert
from watcher.domain.digests import Change, DigestRow
from watcher.domain.model import Evidence
from watcher.storage import outbox
from watcher.storage.database import insert_missing, sliced
from watcher.storage.rows import evidence_of, transition_of
from watcher.storage.tables import digest as digest_table
from watcher.storage.tables import entry, evidence, item, transition, transition_evidence, withdrawal

# what was there when its feed was first read, or when the item's watch began, is no news
_IS_OLD = or_(entry.c.baseline, entry.c.seen_at < item.c.created_at)
_OLD = _IS_OLD.label("old")


def rows(connection: Connection) -> dict[str, DigestRow]:
    """Return where every route's digest stands, by route."""
    return {row.route: DigestRow(**row._mapping) for row in connection.execute(select(digest_table))}


def expect(connection: Connection, wanted: Mapping[str, tuple[str, datetime]], now: datetime) -> None:
    """Make the routes with a digest those that are `wanted`: route -> (timetable, next time).

    One that is new covers what comes from now on. One whose timetable has changed gets the next time, and covers what
    it would have. Two daemons may do it at once.
    """
    known = rows(connection)
    last = last_transition(connection)
    new = [
        {"route": name, "timetable": text, "last_at": now, "last_transition": last, "next_at": at}
        for name, (text, at) in sorted(wanted.items())
        if name not in known
    ]
    if new:
        connection.execute(insert_missing(connection, digest_table), new)
    for name, (text, at) in sorted(wanted.items()):
        if name in known and known[name].timetable != text:
            other = (digest_table.c.route == name) & (digest_table.c.timetable != text)
            connection.execute(update(digest_table).where(other).values(timetable=text, next_at=at))
    if gone := sorted(known.keys() - wanted.keys()):
        connection.execute(delete(digest_table).where(digest_table.c.route.in_(gone)))


def make(connection: Connection, seen: DigestRow, made: DigestRow, planned: PlannedAlert | None, now: datetime) -> bool:
    """Go from one digest to the next, and store what is told; whoever comes second changes nothing."""
    as_seen = (digest_table.c.route == seen.route) & (digest_table.c.next_at == seen.next_at)
    as_seen &= digest_table.c.last_transition == seen.last_transition
    values = {"last_at": made.last_at, "last_transition": made.last_transition, "next_at": made.next_at}
    if connection.execute(update(digest_table).where(as_seen).values(**values)).rowcount != 1:
        return False
    if planned is not None:
        outbox.plan_once(connection, planned, now)
    return True


# --- what has been recorded -----------------------------------------------------------------------


def last_transition(connection: Connection) -> int:
    """Return the id of the transition recorded last, 0 for none; starts are none. As judgements are stored one at a
    time, none that is stored later has a smaller one."""
    return connection.execute(select(func.max(transition.c.id)).where(transition.c.seq > 0)).scalar() or 0


def changes(connection: Connection, after: int, since: datetime | None) -> list[Change]:
    """Return the transitions recorded after one, by its id, and at `since` or later, in that order; starts are none."""
    query = select(transition).where(transition.c.id > after, transition.c.seq > 0).order_by(transition.c.id)
    if since is not None:
        query = query.where(transition.c.recorded_at >= since)
    found = connection.execute(query).all()
    facts: dict[int, list[Evidence]] = defaultdict(list)
    known: set[int] = set()  # those that were there already
    for some in sliced([row.id for row in found]):
        linked = (
            select(transition_evidence.c.transition.label("of"), transition_evidence.c.position, evidence, _OLD)
            .join(evidence, evidence.c.id == transition_evidence.c.evidence)
            .join(entry, entry.c.id == evidence.c.entry)
            .join(item, item.c.id == evidence.c.item)
            .where(transition_evidence.c.transition.in_(some))
            .order_by(transition_evidence.c.transition, transition_evidence.c.position)
        )
        for fact in connection.execute(linked):
            facts[fact.of].append(evidence_of(fact))
            if fact.old and not fact.position:
                known.add(fact.of)
    return [_change_of(row, tuple(facts[row.id]), news=row.id not in known) for row in found]


def _change_of(row: Row[Any], facts: tuple[Evidence, ...], *, news: bool) -> Change:
    return Change(row.id, row.seq, transition_of(row, facts), facts, news)


def evidence_since(connection: Connection, since: datetime) -> list[Evidence]:
    """Return the evidence recorded since a moment that is news and was not withdrawn, ordered by (at, id)."""
    stands = ~exists().where(withdrawal.c.evidence == evidence.c.id)
    query = (
        select(evidence)
        .join(entry, entry.c.id == evidence.c.entry)
        .join(item, item.c.id == evidence.c.item)
        .where(evidence.c.recorded_at >= since, stands, ~_IS_OLD)
        .order_by(evidence.c.at, evidence.c.id)
    )
    return [evidence_of(row) for row in connection.execute(query)]
