"""What people did about items and alerts: acknowledgements and notes. Functions over a connection in a transaction.

Append-only. An acknowledgement is of the alert that was told first; whoever acknowledges a reminder acknowledges that.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, func, select

from watcher.domain.alerts import POLICY_KINDS, Act, ActKind, DeliveryState
from watcher.domain.followups import FOLLOWED
from watcher.errors import UsageError
from watcher.storage.database import Lock, exclusive, new_id, sliced
from watcher.storage.tables import act as act_table
from watcher.storage.tables import alert, delivery
from watcher.storage.tables import item as item_table

_OF_ITEMS = sorted(kind.value for kind in POLICY_KINDS)
_ASKED = sorted(kind.value for kind in FOLLOWED)
_TOLD = (DeliveryState.SENDING, DeliveryState.SENT)
_ACKED = exists().where(act_table.c.alert == alert.c.id, act_table.c.kind == ActKind.ACK)


def add(connection: Connection, act: Act) -> Act:
    """Store an act; return it with its id."""
    if connection.execute(select(item_table.c.id).where(item_table.c.id == act.item)).first() is None:
        raise UsageError(f"no such item: {act.item}")
    row = {name: getattr(act, name) for name in ("kind", "item", "by", "text", "at", "alert")}
    return replace(act, id=new_id(connection.execute(act_table.insert().values(**row))))


def of_item(connection: Connection, item_id: str) -> list[Act]:
    """Return what was done about an item and its alerts, in order."""
    query = select(act_table).where(act_table.c.item == item_id).order_by(act_table.c.id)
    return [_act_of(row) for row in connection.execute(query)]


def latest(connection: Connection, limit: int) -> list[Act]:
    """Return what was done, latest first."""
    query = select(act_table).order_by(act_table.c.id.desc()).limit(limit)
    return [_act_of(row) for row in connection.execute(query)]


def acks(connection: Connection, alerts: Collection[int]) -> dict[int, list[Act]]:
    """Return who acknowledged each of these alerts, in order; those that nobody did are left out."""
    found: dict[int, list[Act]] = {}
    for some in sliced(set(alerts)):
        query = select(act_table).where(act_table.c.alert.in_(some), act_table.c.kind == ActKind.ACK)
        for row in sorted(connection.execute(query), key=lambda row: row.id):
            found.setdefault(row.alert, []).append(_act_of(row))
    return found


def acknowledge(connection: Connection, of: str | int, by: str, text: str, now: datetime) -> list[int]:
    """Acknowledge one alert by its id, or all of an item that somebody was told of and nobody acknowledged.

    One at a time, so that no alert is acknowledged twice. Returns the ids of those that it is new for.
    """
    exclusive(connection, Lock.ACKNOWLEDGE)
    item_id, chosen = (of, _open_of(connection, of)) if isinstance(of, str) else _alone(connection, of)
    for one in chosen:
        add(connection, Act(ActKind.ACK, item_id, by, now, text, alert=one))
    return chosen


def _open_of(connection: Connection, item_id: str) -> list[int]:
    """The alerts of an item that wait for it."""
    if connection.execute(select(item_table.c.id).where(item_table.c.id == item_id)).first() is None:
        raise UsageError(f"no such item: {item_id}")
    return sorted({row[0] for row in connection.execute(waiting().where(alert.c.subject == item_id))})


def _alone(connection: Connection, alert_id: int) -> tuple[str, list[int]]:
    """The item of an alert, and the alert unless it is acknowledged; of a reminder, what it reminds of."""
    query = select(alert.c.id, alert.c.reminds_of, item_table.c.id.label("item"), _ACKED.label("acked"))
    about = (item_table.c.id == alert.c.subject) & alert.c.kind.in_(_OF_ITEMS)
    query = query.outerjoin(item_table, about)
    row = connection.execute(query.where(alert.c.id == alert_id)).first()
    if row is not None and row.reminds_of is not None:
        row = connection.execute(query.where(alert.c.id == row.reminds_of)).first()
    if row is None:
        raise UsageError(f"no such alert: {alert_id}")
    if row.item is None:
        raise UsageError(f"alert {alert_id} is about no watch item: only those of items are acknowledged")
    return row.item, [] if row.acked else [row.id]


def waiting() -> Select[Any]:
    """Ask for the ids of the alerts about items that somebody was told of, by themselves or by a reminder, and that
    nobody acknowledged. Early signals wait for nobody."""
    first = func.coalesce(alert.c.reminds_of, alert.c.id)
    told = exists().where(delivery.c.alert == alert.c.id, delivery.c.state.in_(_TOLD))
    acked = exists().where(act_table.c.alert == first, act_table.c.kind == ActKind.ACK)
    return select(first).where(alert.c.kind.in_(_ASKED), told, ~acked)


def unacknowledged(connection: Connection, since: datetime) -> dict[str, int]:
    """Count the alerts of each item that wait for an acknowledgement and were planned since a moment."""
    query = (
        select(alert.c.subject, func.count().label("alerts"))
        .where(alert.c.id.in_(waiting()), alert.c.created_at >= since)
        .group_by(alert.c.subject)
    )
    return {row.subject: row.alerts for row in connection.execute(query)}


def _act_of(row: Row[Any]) -> Act:
    return Act(row.kind, row.item, row.by, row.at, row.text, row.alert, row.id)
