"""Whether receivers take messages: one row for each that was ever sent something. Functions over a connection in a
transaction.

A row is also the lock of its receiver's queue: whoever claims, settles or changes what waits for it locks it first, and
deliveries after it. Several are locked in the order of their names, or passed over where another has them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, or_, select, update

from watcher.domain.alerts import Circuit
from watcher.storage.database import insert_missing, sliced
from watcher.storage.tables import circuit


def add_missing(connection: Connection, receivers: Collection[str]) -> None:
    """Make rows for those that have none."""
    if receivers:
        rows = [{"receiver": name, "failures": 0, "detail": ""} for name in sorted(receivers)]
        connection.execute(insert_missing(connection, circuit), rows)


def lock(connection: Connection, receivers: Collection[str]) -> dict[str, Circuit]:
    """Lock receivers, waiting for whoever has them, and return their circuits; they have rows from then on."""
    known: set[str] = set()
    for some in sliced(receivers):
        known |= set(connection.execute(select(circuit.c.receiver).where(circuit.c.receiver.in_(some))).scalars())
    add_missing(connection, set(receivers) - known)  # before any is locked, so that all are in one order
    found: dict[str, Circuit] = {}
    for some in sliced(receivers):
        query = select(circuit).where(circuit.c.receiver.in_(some)).order_by(circuit.c.receiver).with_for_update()
        found.update((row.receiver, _circuit(row)) for row in connection.execute(query))
    return found


def lock_free(connection: Connection, receivers: Collection[str], now: datetime) -> list[Circuit]:
    """Lock those that may be sent something now and that nobody else has locked."""
    query = (
        select(circuit)
        .where(
            circuit.c.receiver.in_(receivers),
            or_(circuit.c.next_at.is_(None), circuit.c.next_at <= now),
            or_(circuit.c.free_at.is_(None), circuit.c.free_at <= now),
        )
        .order_by(circuit.c.receiver)
        .with_for_update(skip_locked=True)
    )
    return [_circuit(row) for row in connection.execute(query)]


def save(connection: Connection, circuits: Iterable[Circuit]) -> None:
    """Store what changed of circuits, all but `free_at`."""
    names = ("failures", "opened_at", "next_at", "last_ok_at", "detail", "recovered_at")
    rows = [{"named": one.receiver} | {name: getattr(one, name) for name in names} for one in circuits]
    if rows:
        values: dict[str, Any] = {name: bindparam(name) for name in names}
        connection.execute(update(circuit).where(circuit.c.receiver == bindparam("named")).values(values), rows)


def space(connection: Connection, free_at: Iterable[tuple[str, datetime]]) -> None:
    """Store until when rates allow nothing more."""
    rows = [{"named": name, "until": until} for name, until in free_at]
    if rows:
        changed = update(circuit).where(circuit.c.receiver == bindparam("named")).values(free_at=bindparam("until"))
        connection.execute(changed, rows)


def ask_again(connection: Connection, receivers: Collection[str], now: datetime) -> None:
    """Let receivers that fail be asked at once; their failures are kept."""
    failing = (circuit.c.receiver.in_(sorted(receivers)), circuit.c.next_at > now)
    connection.execute(update(circuit).where(*failing).values(next_at=now))


def every(connection: Connection) -> dict[str, Circuit]:
    """Return all circuits by receiver."""
    return {row.receiver: _circuit(row) for row in connection.execute(select(circuit))}


def _circuit(row: Row[Any]) -> Circuit:
    return Circuit(**row._mapping)
