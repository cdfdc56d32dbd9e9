"""What became of deliveries, messages and receivers, for people and for metrics. Functions over a connection in a
transaction that reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, func, select, type_coerce

from watcher.domain.alerts import Attempt, Backlog, Circuit, DeliveryRow, DeliveryState, MessageRow, ReceiverRow
from watcher.storage import circuits, payloads
from watcher.storage.database import sliced
from watcher.storage.tables import OPEN_DELIVERY, attempt, delivery, entry, message, transition
from watcher.storage.tables import alert as alert_table


def deliveries(
    connection: Connection,
    states: Collection[DeliveryState],
    limit: int,
    receivers: Collection[str] = (),
    about: Collection[str] = (),
) -> list[DeliveryRow]:
    """Return deliveries, latest first, with their ledgers; of these receivers and about these only, where told."""
    query = _told().order_by(delivery.c.created_at.desc(), delivery.c.id).limit(limit)
    if states:
        query = query.where(delivery.c.state.in_(sorted(states)))
    if receivers:
        query = query.where(delivery.c.receiver.in_(sorted(receivers)))
    if about:
        query = query.where(alert_table.c.subject.in_(sorted(about)))
    return _with_ledgers(connection, connection.execute(query).all())


def given_up(connection: Connection, limit: int) -> list[DeliveryRow]:
    """Return deliveries that were given up, the latest given up first, with their ledgers."""
    query = _told().where(delivery.c.state == DeliveryState.DEAD)
    query = query.order_by(delivery.c.settled_at.desc(), delivery.c.id).limit(limit)
    return _with_ledgers(connection, connection.execute(query).all())


def carried(connection: Connection, some_id: str) -> list[DeliveryRow]:
    """Return a delivery by its id; or, by a message's, what it carries, in order. Empty for neither."""
    one = _told().where(delivery.c.id == some_id)
    rows = connection.execute(one).all()
    if not rows:
        rows = connection.execute(_told().where(delivery.c.message == some_id).order_by(delivery.c.alert)).all()
    return _with_ledgers(connection, rows)


def messages(connection: Connection, ids: Collection[str]) -> dict[str, MessageRow]:
    """Return messages by their ids, with the ids of what each carries, in order."""
    parts: dict[str, list[str]] = defaultdict(list)
    found: dict[str, MessageRow] = {}
    for some in sliced(ids):
        query = select(delivery.c.id, delivery.c.message).where(delivery.c.message.in_(some))
        for row in connection.execute(query.order_by(delivery.c.alert)):
            parts[row.message].append(row.id)
        for row in connection.execute(select(message).where(message.c.id.in_(some))):
            told = {name: value for name, value in row._mapping.items() if name != "digest"}
            found[row.id] = MessageRow(**told, digest=row.digest or "", deliveries=tuple(parts[row.id]))
    return found


def _told() -> Select[Any]:
    return (
        select(delivery, alert_table.c.payload, alert_table.c.subject, transition.c.seq)
        .join(alert_table, alert_table.c.id == delivery.c.alert)
        .outerjoin(transition, transition.c.id == alert_table.c.transition)
    )


def _with_ledgers(connection: Connection, rows: Sequence[Row[Any]]) -> list[DeliveryRow]:
    ledgers: dict[str, list[Attempt]] = defaultdict(list)
    for some in sliced([row.id for row in rows]):
        lines = select(attempt).where(attempt.c.delivery.in_(some)).order_by(attempt.c.n)
        for line in connection.execute(lines):
            told = Attempt(line.n, line.at, line.outcome, line.detail, line.message, line.address)
            ledgers[line.delivery].append(told)
    return [_delivery_row(row, tuple(ledgers[row.id])) for row in rows]


def _delivery_row(row: Row[Any], ledger: tuple[Attempt, ...]) -> DeliveryRow:
    return DeliveryRow(
        id=row.id,
        item=row.subject,
        seq=row.seq,
        receiver=row.receiver,
        state=row.state,
        attempts=row.attempts,
        created_at=row.created_at,
        not_before=row.not_before,
        settled_at=row.settled_at,
        detail=row.detail,
        alert=payloads.load(row.payload),
        ledger=ledger,
        alert_id=row.alert,
        route=row.route,
        hold=row.hold,
        message=row.message or "",
    )


# --- what waits -----------------------------------------------------------------------------------

_HELD = and_(delivery.c.hold.is_not(None), delivery.c.message.is_(None))


def backlog(connection: Connection, now: datetime) -> Backlog:
    """Count entries and deliveries that wait."""
    unjudged = select(func.count()).select_from(entry).where(entry.c.judged_at.is_(None))
    dead = select(func.count()).select_from(delivery).where(delivery.c.state == DeliveryState.DEAD)
    held, since = _waiting(now)
    pending, kept, oldest = connection.execute(
        select(func.count(), func.count(held), func.min(since)).where(OPEN_DELIVERY)
    ).one()
    return Backlog(
        unjudged=connection.execute(unjudged).scalar_one(),
        pending=pending,
        dead=connection.execute(dead).scalar_one(),
        oldest_pending=None if oldest is None else now - oldest,
        held=kept,
    )


def _waiting(now: datetime) -> tuple[Any, Any]:
    """Ask whether an open delivery is held, and since when it has been due otherwise.

    One that was not tried since it was queued is due since its hold ended, or a person queued it again; one that failed
    since it was planned.
    """
    held = and_(_HELD, delivery.c.not_before > now)
    since = case((held, None), (delivery.c.attempts == 0, delivery.c.not_before), else_=delivery.c.created_at)
    return case((held, 1)), type_coerce(since, delivery.c.created_at.type)


def receivers(connection: Connection, now: datetime) -> list[ReceiverRow]:
    """Return every address that was ever told something, by name."""
    held, since = _waiting(now)
    open_ = (
        select(
            delivery.c.receiver,
            func.count().label("open"),
            func.count(held).label("held"),
            func.min(since).label("oldest"),
        )
        .where(OPEN_DELIVERY)
        .group_by(delivery.c.receiver)
    )
    waiting = {row.receiver: row for row in connection.execute(open_)}
    dead_of = (
        select(delivery.c.receiver, func.count().label("dead"))
        .where(delivery.c.state == DeliveryState.DEAD)
        .group_by(delivery.c.receiver)
    )
    dead = {row.receiver: row.dead for row in connection.execute(dead_of)}
    known = circuits.every(connection)
    found = []
    for name in sorted(known.keys() | waiting.keys() | dead.keys()):
        row = waiting.get(name)
        found.append(
            ReceiverRow(
                known.get(name, Circuit(name)),
                waiting=row.open - row.held if row else 0,
                held=row.held if row else 0,
                dead=dead.get(name, 0),
                oldest=now - row.oldest if row and row.oldest else None,
            )
        )
    return found
