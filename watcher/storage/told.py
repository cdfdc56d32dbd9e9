"""Alerts as stored, with what became of them: for reminders, for people and for a board. Functions over a connection in
a transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, or_, select, update

from watcher.domain.alerts import (
    ActKind,
    AlertKind,
    AlertRow,
    AnyAlert,
    DeliveryRow,
    DeliveryState,
    PlannedAlert,
)
from watcher.storage import acts, circuits, outbox
from watcher.storage.database import Lock, exclusive, sliced
from watcher.storage.tables import OPEN_DELIVERY, act, delivery, item, transition
from watcher.storage.tables import alert as alert_table

_ALERT: TypeAdapter[AnyAlert] = TypeAdapter(AnyAlert)

# --- reading --------------------------------------------------------------------------------------


def alerts(
    connection: Connection,
    *,
    kinds: Collection[AlertKind] = (),
    since: datetime | None = None,
    item: str = "",
    ids: Collection[int] = (),
    unacknowledged: bool = False,
    limit: int | None = None,
) -> list[AlertRow]:
    """Return alerts, latest first; conditions that are empty hold."""
    query = _asked().order_by(alert_table.c.id.desc())
    if ids:
        query = query.where(alert_table.c.id.in_(sorted(ids)))
    if item:
        query = query.where(alert_table.c.subject == item)
    if kinds:
        query = query.where(alert_table.c.kind.in_(sorted(kind.value for kind in kinds)))
    if since is not None:
        query = query.where(alert_table.c.created_at >= since)
    if unacknowledged:
        query = query.where(alert_table.c.id.in_(acts.waiting()))
    return _completed(connection, connection.execute(query.limit(limit)).all())


def reminders(connection: Connection, of: Collection[int]) -> list[AlertRow]:
    """Return the reminders and escalations of these alerts, in the order planned."""
    found: list[Row[Any]] = []
    for some in sliced(of):
        found += connection.execute(_asked().where(alert_table.c.reminds_of.in_(some))).all()
    return _completed(connection, sorted(found, key=lambda row: row.id))


def first_told(
    connection: Connection,
    kinds: Collection[AlertKind],
    routes: Collection[str],
    since: datetime,
    after: int,
    limit: int,
) -> list[AlertRow]:
    """Return the first alerts after an id, in the order planned, of those of these kinds that one of these routes told
    somebody, where they or a reminder of them were planned since a moment; reminders themselves are left out.

    Of what is acknowledged, or whose item has moved since or is watched no more, only that of which a reminder waits to
    be sent.
    """
    told = exists().where(
        delivery.c.alert == alert_table.c.id,
        delivery.c.route.in_(sorted(routes)),
        delivery.c.state == DeliveryState.SENT,
    )
    later = alert_table.alias()
    reminded = exists().where(later.c.reminds_of == alert_table.c.id, later.c.created_at >= since)
    query = _asked().where(
        alert_table.c.id > after,
        alert_table.c.kind.in_(sorted(kind.value for kind in kinds)),
        alert_table.c.reminds_of.is_(None),
        or_(alert_table.c.created_at >= since, reminded),
        or_(_open(), alert_table.c.id.in_(_waited_for())),
        told,
    )
    return _completed(connection, connection.execute(query.order_by(alert_table.c.id).limit(limit)).all())


def _open() -> ColumnElement[bool]:
    """Ask whether nobody has acknowledged an alert, and its item stands where it stood; of two changes recorded at once
    the domain says which is the last."""
    moved = transition.alias()
    acked = exists().where(act.c.alert == alert_table.c.id, act.c.kind == ActKind.ACK)
    watched = exists().where(item.c.id == alert_table.c.subject, item.c.active)
    moved_on = exists().where(moved.c.item == alert_table.c.subject, moved.c.recorded_at > alert_table.c.created_at)
    return ~acked & watched & ~moved_on


def _waited_for() -> Select[Any]:
    """Ask for the ids of the alerts of which a reminder waits to be sent and was never tried."""
    reminder = alert_table.alias()
    waits = and_(OPEN_DELIVERY, delivery.c.state == DeliveryState.PENDING, delivery.c.message.is_(None))
    joined = delivery.join(reminder, reminder.c.id == delivery.c.alert)
    return select(reminder.c.reminds_of).select_from(joined).where(waits, reminder.c.reminds_of.is_not(None))


def _asked() -> Select[Any]:
    return select(alert_table, transition.c.seq).outerjoin(transition, transition.c.id == alert_table.c.transition)


def _completed(connection: Connection, rows: Sequence[Row[Any]]) -> list[AlertRow]:
    """Add deliveries and acknowledgements."""
    told = {row.id: _ALERT.validate_json(row.payload) for row in rows}
    seqs = {row.id: row.seq for row in rows}
    deliveries: dict[int, list[DeliveryRow]] = defaultdict(list)
    for some in sliced(told.keys()):
        query = select(delivery).where(delivery.c.alert.in_(some)).order_by(delivery.c.alert, delivery.c.receiver)
        for one in connection.execute(query):
            deliveries[one.alert].append(_delivery_of(one, told[one.alert], seqs[one.alert]))
    acked = acts.acks(connection, {row.reminds_of or row.id for row in rows})
    return [
        AlertRow(
            id=row.id,
            alert=told[row.id],
            created_at=row.created_at,
            reminds_of=row.reminds_of,
            deliveries=tuple(deliveries[row.id]),
            acks=tuple(acked.get(row.reminds_of or row.id, ())),
            key=row.key,
        )
        for row in rows
    ]


def _delivery_of(row: Row[Any], alert: AnyAlert, seq: int | None) -> DeliveryRow:
    return DeliveryRow(
        id=row.id,
        item=alert.subject,
        seq=seq,
        receiver=row.receiver,
        state=row.state,
        attempts=row.attempts,
        created_at=row.created_at,
        not_before=row.not_before,
        settled_at=row.settled_at,
        detail=row.detail,
        alert=alert,
        alert_id=row.alert,
        route=row.route,
        hold=row.hold,
        message=row.message or "",
    )


# --- telling again --------------------------------------------------------------------------------


def again(
    connection: Connection, planned: Sequence[PlannedAlert], versions: Mapping[str, int], now: datetime
) -> list[PlannedAlert]:
    """Store reminders, and return those that were stored.

    1. Nobody acknowledges and nothing is judged until the end: on PostgreSQL by locks, on SQLite this transaction is
       the only writer.
    2. Leave out what somebody has acknowledged, and what is of an item that is no longer at the version the plan was
       made with; the next round plans anew. Leave out what another worker has stored.
    A crash before the commit leaves nothing; the next round plans the same.
    """
    exclusive(connection, Lock.RECORD)
    exclusive(connection, Lock.ACKNOWLEDGE)
    acked = acts.acks(connection, {one.reminds_of for one in planned if one.reminds_of is not None})
    at = {row.id: row.version for row in connection.execute(select(item.c.id, item.c.version).where(item.c.active))}
    stored = []
    for one in planned:
        subject = one.alert.subject
        holds = one.reminds_of not in acked and subject in at and at[subject] == versions.get(subject)
        if holds and outbox.plan_once(connection, one, now):
            stored.append(one)
    return stored


def call_off(connection: Connection, deliveries: Collection[str], why: str, now: datetime) -> int:
    """Give up deliveries that wait and that nobody has tried to send; return how many they were.

    Their receivers are locked first, as by all who change what waits: a claim locks what it carries after that, too.
    """
    count = 0
    receivers: set[str] = set()
    for some in sliced(deliveries):
        receivers |= set(connection.execute(select(delivery.c.receiver).where(delivery.c.id.in_(some))).scalars())
    circuits.lock(connection, receivers)
    for some in sliced(deliveries):
        untried = delivery.c.id.in_(some) & (delivery.c.state == DeliveryState.PENDING) & delivery.c.message.is_(None)
        dropped = {"state": DeliveryState.DROPPED, "hold": None, "settled_at": now, "detail": why}
        count += connection.execute(update(delivery).where(untried).values(**dropped)).rowcount
    return count
