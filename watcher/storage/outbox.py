"""The outbox: deliveries planned beside their transition, claimed by lease (T3), settled with a ledger (T4). Functions
over a connection in a transaction.

    pending ── claim ──▸ sending ── Sent ──▸ sent
       ▲                  │ │  └─── Failed ─▸ pending (retry) or dead
       │                  │ └── put back ───▸ pending, as it was: it was not tried
       └── retry ── dead, dropped       lease expired ▸ may be claimed again, the attempt is lost

What one receiver is told is sent in the order in which it was planned. That is the order of the alerts' row ids, as
judgements are stored one at a time; moments may be equal, and the clocks of two machines may differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, not_, or_, select, update

from watcher.domain.alerts import (
    AnyAlert,
    Attempt,
    AttemptOutcome,
    Backlog,
    Delivery,
    DeliveryRow,
    DeliveryState,
    Message,
    PlannedAlert,
    PlannedDelivery,
    SendOutcome,
    Sent,
)
from watcher.errors import UsageError
from watcher.storage.database import new_id
from watcher.storage.identity import digest
from watcher.storage.tables import OPEN_DELIVERY, attempt, delivery, entry, message, transition
from watcher.storage.tables import alert as alert_table

_ALERT: TypeAdapter[AnyAlert] = TypeAdapter(AnyAlert)
_LOST = "its sender did not come back before the lease ended; it may have been sent"


def plan(connection: Connection, planned: PlannedAlert, now: datetime, *, transition_id: int | None = None) -> None:
    """Store an alert with its deliveries.

    Its key names what is told (an item and the number of its transition), once for ever: a second alert of the same key
    is refused. A delivery's id follows from it and the receiver, so that a message sent twice is known.
    """
    told = {
        "kind": planned.alert.kind.value,
        "reason": str(planned.alert.reason),
        "subject": planned.alert.subject,
        "key": "/".join(planned.key),
        "transition": transition_id,
        "reminds_of": planned.reminds_of,
        "payload": _ALERT.dump_json(planned.alert).decode(),
    }
    alert_id = new_id(connection.execute(alert_table.insert().values(**told, created_at=now)))
    rows = [_planned_row(planned.key, alert_id, one, now) for one in planned.deliveries]
    if rows:
        connection.execute(delivery.insert(), rows)


def _planned_row(key: tuple[str, ...], alert_id: int, one: PlannedDelivery, now: datetime) -> dict[str, Any]:
    return {
        "id": digest(*key, one.receiver),
        "alert": alert_id,
        "receiver": one.receiver,
        "route": one.route,
        "state": DeliveryState.SILENCED if one.silenced else DeliveryState.PENDING,
        "hold": None if one.silenced else one.hold,
        "attempts": 0,
        "tries": 0,
        "not_before": one.not_before,
        "created_at": now,
        "settled_at": now if one.silenced else None,
        "detail": one.silenced,
    }


def plan_once(connection: Connection, planned: PlannedAlert, now: datetime) -> bool:
    """Store an alert unless what its key names has been told before; return whether it is new."""
    known = select(alert_table.c.id).where(alert_table.c.key == "/".join(planned.key))
    if connection.execute(known).first() is not None:
        return False
    plan(connection, planned, now)
    return True


def claim(connection: Connection, now: datetime, limit: int, lease: timedelta, owner: str) -> list[Message]:
    """Lease deliveries whose turn it is (T3), each in the message that carries it; oldest first.

    1. Choose what is due, and has before it nothing open to the same receiver that is not chosen too.
    2. Lock it. PostgreSQL passes over what another transaction has locked, and what was changed since step 1 is no
       longer due; either ends what that receiver gets. On SQLite this transaction is the only writer.
    3. Enter the attempts that expired in the ledger, as lost.
    4. Write the lease and count the attempt.
    A crash after the commit leaves leases that expire: that message is sent again, under the same id.
    """
    due = or_(
        and_(delivery.c.state == DeliveryState.PENDING, delivery.c.not_before <= now),
        and_(delivery.c.state == DeliveryState.SENDING, delivery.c.lease_until <= now),
    )
    chosen = connection.execute(_next_in_line(due, limit)).all()
    locking = (
        select(delivery, alert_table.c.payload)
        .join(alert_table, alert_table.c.id == delivery.c.alert)
        .where(delivery.c.id.in_([row.id for row in chosen]), due)
        .order_by(delivery.c.alert, delivery.c.receiver)
        .with_for_update(skip_locked=True, of=delivery)
    )
    locked = connection.execute(locking).all()
    ours = _without_gaps(chosen, {row.id for row in locked})
    rows = [row for row in locked if row.id in ours]
    for row in rows:
        if row.state is DeliveryState.SENDING:
            _enter(connection, row.id, row.tries, now, AttemptOutcome.LOST, _LOST, row.message or row.id)
    composed = [
        {"id": row.id, "receiver": row.receiver, "route": row.route, "composed_at": now, "subject": ""}
        for row in rows
        if row.message is None
    ]
    if composed:
        connection.execute(message.insert(), composed)
    leased = {"state": DeliveryState.SENDING, "lease_owner": owner, "lease_until": now + lease}
    counted = {"attempts": delivery.c.attempts + 1, "tries": delivery.c.tries + 1}
    carried = {"message": func.coalesce(delivery.c.message, delivery.c.id), "hold": None}
    connection.execute(update(delivery).where(delivery.c.id.in_(ours)).values(leased | counted | carried))
    return [Message(row.message or row.id, row.receiver, (_claimed(row),)) for row in rows]


def _claimed(row: Row[Any]) -> Delivery:
    return Delivery(
        row.id,
        row.receiver,
        _ALERT.validate_json(row.payload),
        row.attempts + 1,
        DeliveryState.SENDING,
        alert_id=row.alert,
        route=row.route,
        hold=row.hold,
        created_at=row.created_at,
    )


def _next_in_line(due: ColumnElement[bool], limit: int) -> Select[tuple[str, str]]:
    """Ask for id and receiver of what may be sent, each receiver's in order; every receiver's first before any second,
    so that one with a long queue does not keep the others waiting."""
    held_from = (
        select(delivery.c.receiver, func.min(delivery.c.alert).label("alert"))
        .where(OPEN_DELIVERY, not_(due))
        .group_by(delivery.c.receiver)
        .subquery("held_from")
    )
    place = func.row_number().over(partition_by=delivery.c.receiver, order_by=delivery.c.alert)
    return (
        select(delivery.c.id, delivery.c.receiver)
        .outerjoin(held_from, held_from.c.receiver == delivery.c.receiver)
        .where(OPEN_DELIVERY, due, or_(held_from.c.alert.is_(None), delivery.c.alert < held_from.c.alert))
        .order_by(place, delivery.c.alert, delivery.c.receiver)
        .limit(limit)
    )


def _without_gaps(chosen: Iterable[Row[tuple[str, str]]], locked: Collection[str]) -> set[str]:
    """Of what was chosen, in order: each receiver's, up to the first that could not be locked."""
    ours: set[str] = set()
    ended: set[str] = set()
    for row in chosen:
        if row.id not in locked:
            ended.add(row.receiver)
        elif row.receiver not in ended:
            ours.add(row.id)
    return ours


def put_back(connection: Connection, message_id: str, owner: str, why: str) -> bool:
    """Return a message's deliveries to the queue as they were before this owner claimed them: nothing was sent, so no
    attempt counts.

    A crash before the commit leaves the lease to expire; then it does count, as lost.
    """
    as_before = {"attempts": delivery.c.attempts - 1, "tries": delivery.c.tries - 1}
    queued = {"state": DeliveryState.PENDING, "lease_owner": None, "lease_until": None, "detail": why}
    changed = connection.execute(update(delivery).where(_leased(message_id, owner)).values(queued | as_before))
    return changed.rowcount > 0


def settle(
    connection: Connection, message_id: str, owner: str, outcome: SendOutcome, now: datetime, retry_at: datetime | None
) -> bool:
    """Store how a send ended (T4), if what the message carries is still this owner's.

    A crash before the commit leaves the lease to expire: that message is sent again, under the same id.
    """
    changes: dict[str, Any] = {"lease_owner": None, "lease_until": None, "detail": outcome.detail}
    if isinstance(outcome, Sent):
        ended = AttemptOutcome.SENT
        changes |= {"state": DeliveryState.SENT, "settled_at": now}
    else:
        ended = AttemptOutcome.FAILED
        if retry_at is None:
            changes |= {"state": DeliveryState.DEAD, "settled_at": now}
        else:
            changes |= {"state": DeliveryState.PENDING, "not_before": retry_at}
    settled = update(delivery).where(_leased(message_id, owner)).values(**changes)
    carried = connection.execute(settled.returning(delivery.c.id, delivery.c.tries)).all()
    if isinstance(outcome, Sent) and carried:
        said = {"sent_at": now, "subject": outcome.subject, "digest": outcome.digest or None}
        connection.execute(update(message).where(message.c.id == message_id).values(**said))
    for row in carried:
        _enter(connection, row.id, row.tries, now, ended, outcome.detail, message_id, outcome.address)
    return bool(carried)


def _leased(message_id: str, owner: str) -> ColumnElement[bool]:
    return and_(
        delivery.c.message == message_id, delivery.c.state == DeliveryState.SENDING, delivery.c.lease_owner == owner
    )


def _enter(
    connection: Connection,
    delivery_id: str,
    n: int,
    at: datetime,
    outcome: AttemptOutcome,
    detail: str,
    message_id: str,
    address: str = "",
) -> None:
    line = {"delivery": delivery_id, "n": n, "at": at, "outcome": outcome, "detail": detail}
    connection.execute(attempt.insert().values(**line, message=message_id, address=address))


def retry(connection: Connection, delivery_id: str, now: datetime) -> None:
    """Queue a delivery again."""
    queued = {"state": DeliveryState.PENDING, "attempts": 0, "not_before": now, "settled_at": None}
    _by_hand(connection, delivery_id, queued)


def drop(connection: Connection, delivery_id: str, now: datetime) -> None:
    """Give a delivery up."""
    _by_hand(connection, delivery_id, {"state": DeliveryState.DROPPED, "settled_at": now})


def _by_hand(connection: Connection, delivery_id: str, changes: dict[str, Any]) -> None:
    idle = delivery.c.state.in_((DeliveryState.PENDING, DeliveryState.DEAD, DeliveryState.DROPPED))
    changed = connection.execute(update(delivery).where(delivery.c.id == delivery_id, idle).values(**changes))
    if changed.rowcount:
        return
    state = connection.execute(select(delivery.c.state).where(delivery.c.id == delivery_id)).scalar()
    if state is None:
        raise UsageError(f"no such delivery: {delivery_id}")
    said = "is being sent right now" if state is DeliveryState.SENDING else "was sent already"
    raise UsageError(f"delivery {delivery_id} {said}")


def deliveries(connection: Connection, states: Collection[DeliveryState], limit: int) -> list[DeliveryRow]:
    """Return deliveries, latest first, with their ledgers."""
    query = (
        select(delivery, alert_table.c.payload, alert_table.c.subject, transition.c.seq)
        .join(alert_table, alert_table.c.id == delivery.c.alert)
        .outerjoin(transition, transition.c.id == alert_table.c.transition)
        .order_by(delivery.c.created_at.desc(), delivery.c.id)
        .limit(limit)
    )
    if states:
        query = query.where(delivery.c.state.in_(sorted(states)))
    rows = connection.execute(query).all()
    ledgers: dict[str, list[Attempt]] = defaultdict(list)
    lines = select(attempt).where(attempt.c.delivery.in_([row.id for row in rows])).order_by(attempt.c.n)
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
        alert=_ALERT.validate_json(row.payload),
        ledger=ledger,
        alert_id=row.alert,
        route=row.route,
        hold=row.hold,
        message=row.message or "",
    )


def backlog(connection: Connection, now: datetime) -> Backlog:
    """Count entries and deliveries that wait."""
    unjudged = select(func.count()).select_from(entry).where(entry.c.judged_at.is_(None))
    dead = select(func.count()).select_from(delivery).where(delivery.c.state == DeliveryState.DEAD)
    pending, oldest = connection.execute(
        select(func.count(), func.min(delivery.c.created_at)).where(OPEN_DELIVERY)
    ).one()
    return Backlog(
        unjudged=connection.execute(unjudged).scalar_one(),
        pending=pending,
        dead=connection.execute(dead).scalar_one(),
        oldest_pending=None if oldest is None else now - oldest,
    )
