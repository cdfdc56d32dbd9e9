"""Items: the configuration's, their seeds, where they stand and how they came there. Functions over a connection in
a transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time

from sqlalchemy import Connection, func, select, update

from watcher.domain.model import (
    Evidence,
    HistoryRow,
    Item,
    Lifecycle,
    Reason,
    Seed,
    SeedResult,
    Standing,
    Status,
    Transition,
)
from watcher.errors import UsageError
from watcher.storage.database import Lock, exclusive
from watcher.storage.rows import evidence_of, seed_of, standing_of, transition_of, transition_row
from watcher.storage.tables import evidence, item, transition, transition_evidence
from watcher.storage.tables import seed as seed_table


def sync(connection: Connection, items: Sequence[Item], lifecycles: Mapping[str, Lifecycle], now: datetime) -> None:
    """Insert new items with their START; activate, deactivate, but never move the others."""
    exclusive(connection, Lock.SYNC)
    rows = {row.id: row for row in connection.execute(select(item))}
    for new in items:
        old = rows.get(new.id)
        if old is None:
            _start(connection, new, now)
            continue
        lifecycle = lifecycles.get(new.lifecycle)
        if lifecycle is not None and old.state not in lifecycle.states:
            raise UsageError(
                f"item {new.id} stands in {old.state!r}, which the lifecycle {new.lifecycle} does not have: "
                f"give that state back, or the item a new id"
            )
        connection.execute(update(item).where(item.c.id == new.id).values(lifecycle=new.lifecycle, active=True))
    gone = rows.keys() - {new.id for new in items}
    connection.execute(update(item).where(item.c.id.in_(sorted(gone))).values(active=False))


def _start(connection: Connection, new: Item, now: datetime) -> None:
    since = new.since or now
    connection.execute(
        item.insert().values(
            id=new.id,
            lifecycle=new.lifecycle,
            active=True,
            state=new.state,
            value=new.value,
            since=since,
            version=0,
            disputed=False,
            source="",
            created_at=now,
        )
    )
    start = Transition(
        item=new.id,
        from_state="",
        to_state=new.state,
        at=since,
        status=Status.DONE,
        reason=Reason.START,
        evidence=(),
        entries=(),
        to_value=new.value,
        sources=0,
    )
    connection.execute(transition.insert().values(**transition_row(start, 0, now)))


def seed(connection: Connection, seeds: Sequence[Seed], now: datetime) -> SeedResult:
    """Put seeds beside the START of their items, and make the items stand there.

    The version rises, so that a judgement begun before is turned away.
    """
    exclusive(connection, Lock.RECORD)  # no item may move in between
    last = select(transition.c.item, func.max(transition.c.seq).label("seq")).group_by(transition.c.item)
    steps: dict[str, int] = {row.item: row.seq for row in connection.execute(last)}
    had = {row.item: seed_of(row) for row in connection.execute(select(seed_table))}
    applied, unchanged = [], []
    for told in seeds:
        if told.item not in steps:
            raise UsageError(f"no such item to seed: {told.item}")
        if had.get(told.item) == told:
            unchanged.append(told.item)
            continue
        if steps[told.item] > 0:
            raise UsageError(
                f"item {told.item} has moved since its start, its starting state cannot be seeded any more"
            )
        _apply(connection, told, now)
        had[told.item] = told
        applied.append(told.item)
    return SeedResult(tuple(applied), tuple(unchanged))


def _apply(connection: Connection, told: Seed, now: datetime) -> None:
    connection.execute(seed_table.delete().where(seed_table.c.item == told.item))
    connection.execute(
        seed_table.insert().values(
            item=told.item,
            state=told.state,
            value=told.value,
            as_of=told.as_of,
            publisher=told.publisher,
            title=told.title,
            published=told.published,
            settled_by=told.settled_by,
            link=told.link,
            applied_at=now,
        )
    )
    start = select(transition.c.to_state, transition.c.to_value).where(transition.c.item == told.item)
    connection.execute(
        update(item)
        .where(item.c.id == told.item)
        .values(
            state=told.state,
            value=_value(told, *connection.execute(start).one()),
            since=_midnight(told),
            source=told.publisher,
            version=item.c.version + 1,
        )
    )


def _value(told: Seed, state: str, value: str | None) -> str | None:
    """Return the value of the starting state: the seed's, or the configured one where the state is the same."""
    return value if told.value is None and told.state == state else told.value


def _midnight(told: Seed) -> datetime:
    return datetime.combine(told.as_of, time(), UTC)


def standings(connection: Connection) -> dict[str, Standing]:
    """Return where every active item stands."""
    other = transition.alias()
    last = select(func.max(other.c.seq)).where(other.c.item == item.c.id).scalar_subquery()
    came = (transition.c.from_state, transition.c.from_value, transition.c.seq, transition.c.recorded_at)
    query = (
        select(item, *came, transition.c.actor, seed_table.c.applied_at)
        .join_from(item, transition, (transition.c.item == item.c.id) & (transition.c.seq == last))
        .outerjoin(seed_table, seed_table.c.item == item.c.id)
        .where(item.c.active)
        .order_by(item.c.id)
    )
    rows = connection.execute(query)
    return {row.id: standing_of(row) for row in rows}


def history(connection: Connection, item_id: str) -> list[HistoryRow]:
    """Return transitions newest first. The START of a seeded item tells what the seed says."""
    of_item = transition.c.item == item_id
    facts: dict[int, list[Evidence]] = defaultdict(list)
    linked = (
        select(transition_evidence.c.transition.label("of"), evidence)
        .join(evidence, evidence.c.id == transition_evidence.c.evidence)
        .join(transition, transition.c.id == transition_evidence.c.transition)
        .where(of_item)
        .order_by(transition_evidence.c.transition, transition_evidence.c.position)
    )
    for row in connection.execute(linked):
        facts[row.of].append(evidence_of(row))
    told = connection.execute(select(seed_table).where(seed_table.c.item == item_id)).first()
    history = []
    for row in connection.execute(select(transition).where(of_item).order_by(transition.c.seq.desc())):
        known = tuple(facts[row.id])
        provenance = seed_of(told) if told is not None and row.seq == 0 else None
        change = transition_of(row, known)
        if provenance:
            value = _value(provenance, change.to_state, change.to_value)
            change = replace(change, to_state=provenance.state, to_value=value, at=_midnight(provenance))
        history.append(HistoryRow(row.seq, change, known, row.recorded_at, provenance))
    return history
