"""The outbox: deliveries planned beside their transition, and what people do to them. Functions over a connection in a
transaction.

    pending ── claim ──▸ sending ── Sent ──▸ sent
       ▲                  │ │  └─── Failed ─▸ pending (retry) or dead
       │                  │ └── put back ───▸ pending, as it was: it was not tried
       └── retry ── dead, dropped       lease expired ▸ may be claimed again, the attempt is lost

Claims (T3) are `claims.py`'s, how sends end (T4) is `settling.py`'s, and what is shown of it all `ledger.py`'s.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from watcher.domain.alerts import DeliveryState, PlannedAlert, PlannedDelivery
from watcher.errors import UsageError
from watcher.storage import circuits, payloads
from watcher.storage.database import new_id, sliced
from watcher.storage.identity import digest
from watcher.storage.tables import alert as alert_table
from watcher.storage.tables import delivery


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
        "payload": payloads.dump(planned.alert),
    }
    alert_id = new_id(connection.execute(alert_table.insert().values(**told, created_at=now)))
    rows = [_planned_row(planned, alert_id, one, now) for one in planned.deliveries]
    if rows:
        connection.execute(delivery.insert(), rows)


def _planned_row(planned: PlannedAlert, alert_id: int, one: PlannedDelivery, now: datetime) -> dict[str, Any]:
    return {
        "id": digest(*planned.key, one.receiver),
        "alert": alert_id,
        "receiver": one.receiver,
        "route": one.route,
        "critical": planned.alert.severity == "critical",
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


# --- the hand of a person -------------------------------------------------------------------------


def retry(connection: Connection, some_id: str, now: datetime) -> int:
    """Queue a delivery again, due at once, by its own id or its message's; return how many that made.

    What one message carried goes again together, as the same message.
    """
    rows = _locked(connection, some_id)
    chosen = {row.id for row in rows}
    for some in sliced({row.message for row in rows if row.message}):
        query = select(delivery.c.id).where(delivery.c.message.in_(some), delivery.c.state.in_(_IDLE))
        chosen |= set(connection.execute(query).scalars())
    return _queue(connection, chosen, {row.receiver for row in rows}, now)


def retry_dead(connection: Connection, receivers: Collection[str], now: datetime) -> int:
    """Queue again all that were given up, of these receivers where any are named; return how many."""
    query = select(delivery.c.id, delivery.c.receiver).where(delivery.c.state == DeliveryState.DEAD)
    if receivers:
        query = query.where(delivery.c.receiver.in_(sorted(receivers)))
    locked = {row.receiver for row in connection.execute(query)}
    circuits.lock(connection, locked)
    rows = [row for row in connection.execute(query) if row.receiver in locked]
    return _queue(connection, {row.id for row in rows}, {row.receiver for row in rows}, now)


def _queue(connection: Connection, ids: Collection[str], receivers: Collection[str], now: datetime) -> int:
    queued = {"state": DeliveryState.PENDING, "attempts": 0, "not_before": now, "settled_at": None, "hold": None}
    count = 0
    for some in sliced(ids):
        changed = update(delivery).where(delivery.c.id.in_(some), delivery.c.state.in_(_IDLE)).values(queued)
        count += connection.execute(changed).rowcount
    circuits.ask_again(connection, receivers, now)
    return count


def drop(connection: Connection, some_id: str, now: datetime) -> int:
    """Give a delivery up, by its own id; or, by its message's, all that it carries. Return how many were.

    What else its message carried is another message from then on.
    """
    rows = _locked(connection, some_id)
    ids = [row.id for row in rows]
    dropped = {"state": DeliveryState.DROPPED, "settled_at": now, "message": None}
    changed = update(delivery).where(delivery.c.id.in_(ids), delivery.c.state.in_(_IDLE)).values(dropped)
    count = connection.execute(changed).rowcount
    if tried := [row.message for row in rows if row.message]:
        rest = (delivery.c.message.in_(tried), delivery.c.state.in_(_IDLE))
        connection.execute(update(delivery).where(*rest).values(message=None, hold=None))
    return count


_IDLE = (DeliveryState.PENDING, DeliveryState.DEAD, DeliveryState.DROPPED)


def _locked(connection: Connection, some_id: str) -> list[Row[Any]]:
    """Return what `_found` returns once its receivers are locked: until then, a claim may change what goes together."""
    circuits.lock(connection, {row.receiver for row in _found(connection, some_id)})
    return _found(connection, some_id)


def _found(connection: Connection, some_id: str) -> list[Row[Any]]:
    """Return the delivery of this id, or what the message of this id carries; raise UsageError unless idle."""
    columns = (delivery.c.id, delivery.c.state, delivery.c.receiver, delivery.c.message)
    rows: list[Row[Any]] = [*connection.execute(select(*columns).where(delivery.c.id == some_id))]
    rows = rows or [*connection.execute(select(*columns).where(delivery.c.message == some_id))]
    if not rows:
        raise UsageError(f"no such delivery: {some_id}")
    for row in rows:
        if row.state not in _IDLE:
            raise UsageError(f"delivery {row.id} {_STANDS[row.state]}")
    return rows


_STANDS = {
    DeliveryState.SENDING: "is being sent right now",
    DeliveryState.SENT: "was sent already",
    DeliveryState.SILENCED: "is not to be sent: a person's silence was on it",
}
