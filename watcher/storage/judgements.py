"""The judge's side: entries that wait, evidence that is known, T2, and what may be forgotten. Functions over a
connection in a transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, exists, func, select, update

from watcher.domain.alerts import PlannedAlert
from watcher.domain.model import Entry, Evidence, Standing, Transition
from watcher.errors import RacedError
from watcher.storage import outbox
from watcher.storage.database import Lock, exclusive, insert_missing, new_id, sliced
from watcher.storage.rows import ENTRY_COLUMNS, entry_of, evidence_of, evidence_row, transition_row
from watcher.storage.tables import entry, item, revision, transition, transition_evidence, withdrawal
from watcher.storage.tables import evidence as evidence_table

_SLICE = 500  # entries of one transaction of `prune`
_STANDS = ~exists().where(withdrawal.c.evidence == evidence_table.c.id)


def unjudged(connection: Connection, limit: int) -> list[Entry]:
    """Return the head of the judge's queue."""
    query = select(*ENTRY_COLUMNS).where(entry.c.judged_at.is_(None)).order_by(entry.c.at, entry.c.id).limit(limit)
    return [entry_of(row) for row in connection.execute(query).all()]  # a thousand at once, not one by one


def judged(connection: Connection, since: datetime) -> list[str]:
    """Return the ids of entries that were judged and have their text, oldest first."""
    there = entry.c.judged_at.is_not(None) & entry.c.pruned_at.is_(None) & (entry.c.at >= since)
    query = select(entry.c.id).where(there).order_by(entry.c.at, entry.c.id)
    return [str(one) for one in connection.execute(query).scalars()]


def entries(connection: Connection, ids: Sequence[str]) -> list[Entry]:
    """Return those of these entries that are judged and have their text still, ordered by (at, id)."""
    found: list[Entry] = []
    for some in sliced([int(one) for one in ids]):
        there = entry.c.id.in_(some) & entry.c.judged_at.is_not(None) & entry.c.pruned_at.is_(None)
        found += [entry_of(row) for row in connection.execute(select(*ENTRY_COLUMNS).where(there))]
    return sorted(found, key=lambda one: (one.at, int(one.id)))


def newest(connection: Connection, feed_id: str, limit: int) -> list[Entry]:
    """Return a feed's entries as they were stored, the latest first."""
    query = select(*ENTRY_COLUMNS).where(entry.c.feed == feed_id).order_by(entry.c.id.desc()).limit(limit)
    return [entry_of(row) for row in connection.execute(query)]


def evidence(connection: Connection, item_ids: Collection[str], since: datetime) -> dict[str, list[Evidence]]:
    """Return each item's evidence from a moment on, but what its entries no longer bear out."""
    found: dict[str, list[Evidence]] = {item_id: [] for item_id in item_ids}
    for some in sliced(item_ids):
        query = (
            select(evidence_table)
            .where(evidence_table.c.item.in_(some), evidence_table.c.at >= since, _STANDS)
            .order_by(evidence_table.c.at, evidence_table.c.id)
        )
        for row in connection.execute(query):
            found[row.item].append(evidence_of(row))
    return found


def told(connection: Connection, entry_id: str) -> list[Evidence]:
    """Return the evidence that earlier texts of an entry gave, but what has been withdrawn."""
    query = select(evidence_table).where(evidence_table.c.entry == int(entry_id), _STANDS)
    return [evidence_of(row) for row in connection.execute(query.order_by(evidence_table.c.id))]


def last_evidence(connection: Connection) -> dict[str, Evidence]:
    """Return the latest evidence of each active item."""
    other = evidence_table.alias()
    latest = (
        select(other.c.id)
        .where(other.c.item == item.c.id, ~exists().where(withdrawal.c.evidence == other.c.id))
        .order_by(other.c.at.desc(), other.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(evidence_table).join_from(item, evidence_table, evidence_table.c.id == latest).where(item.c.active)
    return {row.item: evidence_of(row) for row in connection.execute(query)}


def record(
    connection: Connection,
    judged: Sequence[str],
    evidence: Sequence[Evidence],
    transitions: Sequence[Transition],
    standings: Sequence[Standing],
    alerts: Sequence[PlannedAlert],
    now: datetime,
    revisions: Mapping[str, int],
    withdrawn: Sequence[str],
) -> None:
    """Store a judgement (T2).

    1. One judgement at a time: on PostgreSQL by a lock, so that two of them cannot deadlock.
    2. Mark the entries, move the items; both guarded. Whoever comes second finds a row missing and writes nothing.
    3. Add evidence, transitions numbered on from the last, alerts and their deliveries.
    A crash before the commit leaves the entries unjudged: they are judged again, with the same result.
    """
    _agree(transitions, standings)
    exclusive(connection, Lock.RECORD)
    _mark(connection, judged, evidence, revisions, now)
    for standing in sorted(standings, key=lambda standing: standing.item):
        _move(connection, standing)
    if evidence:
        # judged again after an operator's replay, the same evidence has the same id
        insert = insert_missing(connection, evidence_table)
        connection.execute(insert, [evidence_row(fact, now) for fact in evidence])
    if withdrawn:
        _withdraw(connection, withdrawn, revisions, now)
    stored = [_add(connection, change, now) for change in transitions]
    for planned in alerts:
        if planned.transition is None:
            outbox.plan_once(connection, planned, now)
            continue
        row_id, seq = stored[planned.transition]
        numbered = replace(planned, key=(*planned.key, str(seq)))
        outbox.plan(connection, numbered, now, transition_id=row_id)


def _agree(transitions: Sequence[Transition], standings: Sequence[Standing]) -> None:
    ends = {change.item: (change.to_state, change.to_value) for change in transitions}
    stand = {standing.item: (standing.state, standing.value) for standing in standings}
    if len(stand) != len(standings):
        raise ValueError("an item has two standings")
    for name, end in ends.items():
        if stand.get(name) != end:
            raise ValueError(f"item {name} goes to {end}, but is said to stand in {stand.get(name)}")


def _mark(
    connection: Connection,
    judged: Sequence[str],
    evidence: Sequence[Evidence],
    revisions: Mapping[str, int],
    now: datetime,
) -> None:
    """Mark entries as judged, each as the text it was judged by; one that was edited since is left to be read again."""
    by_revision: dict[int, set[int]] = {}
    for one in judged:
        by_revision.setdefault(revisions.get(one, 0), set()).add(int(one))
    for number, ids in by_revision.items():
        for some in sliced(ids):
            waiting = entry.c.id.in_(some) & entry.c.judged_at.is_(None) & (entry.c.revision == number)
            marked = connection.execute(update(entry).where(waiting).values(judged_at=now))
            if marked.rowcount != len(some):
                raise RacedError(
                    f"{len(some) - marked.rowcount} of {len(some)} entries were judged or edited meanwhile"
                )
            if number:  # its earlier texts may have given evidence
                gave = exists().where(evidence_table.c.entry == entry.c.id)
                connection.execute(update(entry).where(entry.c.id.in_(some), gave).values(matched=True))
    for some in sliced({int(fact.entry) for fact in evidence}):
        connection.execute(update(entry).where(entry.c.id.in_(some)).values(matched=True))


def _withdraw(connection: Connection, withdrawn: Sequence[str], revisions: Mapping[str, int], now: datetime) -> None:
    for some in sliced(set(withdrawn)):
        query = select(evidence_table.c.id, evidence_table.c.entry).where(evidence_table.c.id.in_(some))
        rows = [
            {"evidence": row.id, "revision": revisions[str(row.entry)], "at": now} for row in connection.execute(query)
        ]
        connection.execute(insert_missing(connection, withdrawal), rows)


def _move(connection: Connection, standing: Standing) -> None:
    moved = connection.execute(
        update(item)
        .where(item.c.id == standing.item, item.c.version == standing.version - 1)
        .values(
            state=standing.state,
            value=standing.value,
            since=standing.since,
            version=standing.version,
            disputed=standing.disputed,
            source=standing.source,
        )
    )
    if moved.rowcount != 1:
        raise RacedError(f"item {standing.item} is no longer at version {standing.version - 1}")


def _add(connection: Connection, change: Transition, now: datetime) -> tuple[int, int]:
    """Append a transition; return its row's id and its number."""
    last = select(func.max(transition.c.seq)).where(transition.c.item == change.item)
    seq = connection.execute(last).scalar_one() + 1
    inserted = connection.execute(transition.insert().values(**transition_row(change, seq, now)))
    row_id = new_id(inserted)
    links = [{"transition": row_id, "position": n, "evidence": one} for n, one in enumerate(change.evidence)]
    if links:
        connection.execute(transition_evidence.insert(), links)
    return row_id, seq


def prune(connection: Connection, now: datetime, unmatched_before: datetime) -> int:
    """Remove the text of one slice of entries, oldest first; return how many."""
    useless = (
        select(entry.c.id)
        .where(
            entry.c.judged_at.is_not(None),
            entry.c.pruned_at.is_(None),
            ~entry.c.matched,
            entry.c.seen_at < unmatched_before,
        )
        .order_by(entry.c.seen_at)
        .limit(_SLICE)
        .with_for_update(skip_locked=True)
    )
    ids = connection.execute(useless).scalars().all()
    nothing = {"key": "", "title": "", "summary": "", "link": "", "source": "", "removed": ""}
    if ids:
        connection.execute(update(entry).where(entry.c.id.in_(ids)).values(pruned_at=now, **nothing))
        connection.execute(update(revision).where(revision.c.entry.in_(ids)).values(title="", summary=""))
    return len(ids)
