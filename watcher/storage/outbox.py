"""The outbox: deliveries planned beside their transition, claimed by lease (T3), settled with a ledger (T4). Functions
over a connection in a transaction.

    pending ── claim ──▸ sending ── Sent ──▸ sent
       ▲                  │    └─── Failed ─▸ pending (retry) or dead
       └── retry ── dead, dropped       lease expired ▸ may be claimed again, the attempt is lost
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, and_, func, or_, select, update

from watcher.domain.model import (
    Alert,
    Attempt,
    AttemptOutcome,
    Backlog,
    Delivery,
    DeliveryRow,
    DeliveryState,
    SendOutcome,
    Sent,
)
from watcher.errors import UsageError
from watcher.storage.database import new_id
from watcher.storage.identity import digest
from watcher.storage.tables import OPEN_DELIVERY, attempt, delivery, entry, transition
from watcher.storage.tables import alert as alert_table

_ALERT = TypeAdapter(Alert)
_LOST = "its sender did not come back before the lease ended; it may have been sent"


def plan(
    connection: Connection,
    transition_id: int,
    item: str,
    seq: int,
    alert: Alert,
    receivers: Sequence[str],
    now: datetime,
) -> None:
    """Store an alert with one delivery per receiver, due at once.

    A delivery's id follows from item, number of the transition and receiver, so that a message sent twice is known.
    """
    payload = _ALERT.dump_json(alert).decode()
    inserted = connection.execute(
        alert_table.insert().values(transition=transition_id, payload=payload, created_at=now)
    )
    rows = [
        {
            "id": digest(item, str(seq), receiver),
            "alert": new_id(inserted),
            "receiver": receiver,
            "state": DeliveryState.PENDING,
            "attempts": 0,
            "tries": 0,
            "not_before": now,
            "created_at": now,
            "detail": "",
        }
        for receiver in receivers
    ]
    if rows:
        connection.execute(delivery.insert(), rows)


def claim(connection: Connection, now: datetime, limit: int, lease: timedelta, owner: str) -> list[Delivery]:
    """Lease due deliveries (T3).

    1. Choose: pending and due, or sending under a lease that has expired. PostgreSQL locks them and skips those that
       another claim has locked; on SQLite this transaction is the only writer.
    2. Enter the attempts that expired in the ledger, as lost.
    3. Write the lease, under the same condition, and count the attempt.
    A crash after the commit leaves leases that expire: that message is sent again, under the same id.
    """
    due = or_(
        and_(delivery.c.state == DeliveryState.PENDING, delivery.c.not_before <= now),
        and_(delivery.c.state == DeliveryState.SENDING, delivery.c.lease_until <= now),
    )
    chosen = (
        select(delivery, alert_table.c.payload)
        .join(alert_table, alert_table.c.id == delivery.c.alert)
        .where(OPEN_DELIVERY, due)
        .order_by(delivery.c.not_before, delivery.c.created_at, delivery.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=delivery)
    )
    rows = connection.execute(chosen).all()
    for row in rows:
        if row.state is DeliveryState.SENDING:
            _enter(connection, row.id, row.tries, now, AttemptOutcome.LOST, _LOST)
    connection.execute(
        update(delivery)
        .where(delivery.c.id.in_([row.id for row in rows]), due)
        .values(
            state=DeliveryState.SENDING,
            attempts=delivery.c.attempts + 1,
            tries=delivery.c.tries + 1,
            lease_owner=owner,
            lease_until=now + lease,
        )
    )
    return [
        Delivery(row.id, row.receiver, _ALERT.validate_json(row.payload), row.attempts + 1, DeliveryState.SENDING)
        for row in rows
    ]


def settle(
    connection: Connection, delivery_id: str, owner: str, outcome: SendOutcome, now: datetime, retry_at: datetime | None
) -> bool:
    """Store how a send ended (T4), if the delivery is still this owner's.

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
    ours = and_(
        delivery.c.id == delivery_id, delivery.c.state == DeliveryState.SENDING, delivery.c.lease_owner == owner
    )
    tries = connection.execute(update(delivery).where(ours).values(**changes).returning(delivery.c.tries)).scalar()
    if tries is None:
        return False
    _enter(connection, delivery_id, tries, now, ended, outcome.detail)
    return True


def _enter(
    connection: Connection, delivery_id: str, n: int, at: datetime, outcome: AttemptOutcome, detail: str
) -> None:
    connection.execute(attempt.insert().values(delivery=delivery_id, n=n, at=at, outcome=outcome, detail=detail))


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
        select(delivery, alert_table.c.payload, transition.c.item, transition.c.seq)
        .join(alert_table, alert_table.c.id == delivery.c.alert)
        .join(transition, transition.c.id == alert_table.c.transition)
        .order_by(delivery.c.created_at.desc(), delivery.c.id)
        .limit(limit)
    )
    if states:
        query = query.where(delivery.c.state.in_(sorted(states)))
    rows = connection.execute(query).all()
    ledgers: dict[str, list[Attempt]] = defaultdict(list)
    lines = select(attempt).where(attempt.c.delivery.in_([row.id for row in rows])).order_by(attempt.c.n)
    for line in connection.execute(lines):
        ledgers[line.delivery].append(Attempt(line.n, line.at, line.outcome, line.detail))
    return [_delivery_row(row, tuple(ledgers[row.id])) for row in rows]


def _delivery_row(row: Row[Any], ledger: tuple[Attempt, ...]) -> DeliveryRow:
    return DeliveryRow(
        id=row.id,
        item=row.item,
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
