"""What is told beside the judge's work, and what was told of the service so far. Functions over a connection in a
transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Connection, select

from watcher.domain.alerts import AlertKind, PlannedAlert, SystemAlert, ToldOfService
from watcher.storage import outbox
from watcher.storage.database import Lock, exclusive, sliced
from watcher.storage.tables import alert

_SYSTEM: TypeAdapter[SystemAlert] = TypeAdapter(SystemAlert)


def tell(connection: Connection, planned: Sequence[PlannedAlert], now: datetime) -> int:
    """Store alerts that no judgement comes with, each unless it goes to nobody or its key has been told; return how
    many are new.

    One teller at a time: on PostgreSQL by a lock, or two that tell the same would both find it untold. A crash before
    the commit leaves nothing told: the next round comes to the same.
    """
    exclusive(connection, Lock.RECORD)
    return sum(outbox.plan_once(connection, one, now) for one in planned if one.deliveries)


def untold(connection: Connection, planned: Sequence[PlannedAlert]) -> list[PlannedAlert]:
    """Return those that go to somebody and whose key has not been told."""
    keys = {"/".join(one.key): one for one in planned if one.deliveries}
    for some in sliced(keys.keys()):
        for known in connection.execute(select(alert.c.key).where(alert.c.key.in_(some))).scalars():
            del keys[known]
    return list(keys.values())


def told_of_service(
    connection: Connection, kinds: Collection[AlertKind], reasons: Collection[str], limit: int
) -> list[ToldOfService]:
    """Return the latest alerts about the service of these kinds and reasons, newest first."""
    query = (
        select(alert.c.id, alert.c.payload, alert.c.created_at)
        .where(alert.c.kind.in_(sorted(kind.value for kind in kinds)), alert.c.reason.in_(sorted(reasons)))
        .order_by(alert.c.id.desc())
        .limit(limit)
    )
    return [
        ToldOfService(row.id, _SYSTEM.validate_json(row.payload), row.created_at) for row in connection.execute(query)
    ]
