"""How sends ended (T4): deliveries, ledger, the message as it was sent, and the receiver's circuit. Functions over a
connection in a transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from watcher.domain.alerts import AttemptOutcome, Circuit, DeliveryState, Ending, Failed, SendOutcome, Sent, Settled
from watcher.domain.circuits import Turn, tell, turn
from watcher.domain.routing import to_system
from watcher.storage import circuits
from watcher.storage.database import sliced
from watcher.storage.outbox import plan_once
from watcher.storage.tables import LEASED_DELIVERY, attempt, delivery, message


@dataclass(frozen=True, slots=True)
class _End:
    """One message, what it carries, and what became of it."""

    ending: Ending
    carried: Sequence[Any]
    turn: Turn

    @property
    def settled(self) -> Settled:
        sent = isinstance(self.ending.outcome, Sent)
        again = self.turn.retry_at
        state = DeliveryState.SENT if sent else DeliveryState.PENDING if again else DeliveryState.DEAD
        return Settled(state, again, self.turn.opened, self.turn.closed)


def settle(
    connection: Connection, endings: Sequence[Ending], owner: str, now: datetime, system: Sequence[str] = ()
) -> dict[str, Settled]:
    """Store how sends ended, each if what the message carries is still this owner's; return what became of these.

    1. Lock the receivers' circuits, then what the messages carry.
    2. Count each send in its receiver's circuit: that decides whether one that was refused is given up.
    3. Write deliveries, ledger, messages and circuits; plan what is told of a circuit that opened or closed to the
       `system` receivers but the one it is about.
    A crash before the commit leaves the leases to expire: these messages are sent again, under the same ids.
    """
    carried = _leased(connection, [one.message for one in endings], owner)
    known = circuits.lock(connection, {rows[0].receiver for rows in carried.values()})
    if connection.dialect.name != "sqlite":  # they may have been taken over while others held the locks
        carried = _leased(connection, list(carried), owner, lock=True)
    ends: list[_End] = []
    for ending in endings:
        rows = carried.pop(ending.message, None)
        if rows is None:
            continue
        before = known[rows[0].receiver]
        attempts = max(row.attempts for row in rows)
        now_it = turn(before, ending.outcome, now, attempts=attempts, retry_at=ending.retry_at)
        known[before.receiver] = now_it.circuit
        ends.append(_End(ending, rows, now_it))
        if now_it.opened or now_it.closed:
            _tell(connection, before, now_it.circuit, now, system)
    _write_deliveries(connection, ends, now)
    _write_ledger(connection, ends, now)
    _write_messages(connection, ends, now)
    changed = {one.turn.circuit.receiver for one in ends}
    circuits.save(connection, [known[name] for name in sorted(changed)])
    return {one.ending.message: one.settled for one in ends}


def _leased(
    connection: Connection, message_ids: Sequence[str], owner: str, *, lock: bool = False
) -> dict[str, list[Any]]:
    """Return what these messages carry and this owner still has."""
    found: dict[str, list[Any]] = defaultdict(list)
    columns = (delivery.c.id, delivery.c.message, delivery.c.receiver, delivery.c.attempts, delivery.c.tries)
    for some in sliced(message_ids):
        ours = (delivery.c.message.in_(some), LEASED_DELIVERY, delivery.c.lease_owner == owner)
        query = select(*columns).where(*ours).order_by(delivery.c.alert)
        for row in connection.execute(query.with_for_update() if lock else query):
            found[row.message].append(row)
    return found


def _tell(connection: Connection, before: Circuit, after: Circuit, now: datetime, system: Sequence[str]) -> None:
    if others := [name for name in system if name != after.receiver]:
        alert, key = tell(before, after, now)
        plan_once(connection, to_system(alert, key, others, now), now)


def _write_deliveries(connection: Connection, ends: Sequence[_End], now: datetime) -> None:
    """Write what became of deliveries, those that ended alike in one statement."""
    alike: dict[tuple[Settled, str], list[str]] = defaultdict(list)
    for one in ends:
        came = Settled(one.settled.state, one.settled.retry_at)
        alike[came, one.ending.outcome.detail] += [row.id for row in one.carried]
    for (came, detail), ids in alike.items():
        values: dict[str, Any] = {"state": came.state, "lease_owner": None, "lease_until": None, "detail": detail}
        values |= {"settled_at": now} if came.retry_at is None else {"not_before": came.retry_at}
        for some in sliced(ids):
            connection.execute(update(delivery).where(delivery.c.id.in_(some)).values(values))


def _write_ledger(connection: Connection, ends: Sequence[_End], now: datetime) -> None:
    lines = [
        {"delivery": row.id, "n": row.tries, "at": now, "message": one.ending.message} | _said(one.ending.outcome)
        for one in ends
        for row in one.carried
    ]
    if lines:
        connection.execute(attempt.insert(), lines)


def _said(outcome: SendOutcome) -> dict[str, Any]:
    word = AttemptOutcome.FAILED if isinstance(outcome, Failed) else AttemptOutcome.SENT
    return {"outcome": word, "detail": outcome.detail, "address": outcome.address}


def _write_messages(connection: Connection, ends: Sequence[_End], now: datetime) -> None:
    rows = [
        {"named": one.ending.message, "said": outcome.subject, "sum": outcome.digest or None}
        for one in ends
        if isinstance(outcome := one.ending.outcome, Sent)
    ]
    if rows:
        values = {"sent_at": now, "subject": bindparam("said"), "digest": bindparam("sum")}
        connection.execute(update(message).where(message.c.id == bindparam("named")).values(values), rows)


# --- not tried after all --------------------------------------------------------------------------


def put_back(connection: Connection, message_ids: Collection[str], owner: str, why: str) -> set[str]:
    """Return what messages carry to the queue as it was before this owner claimed them: nothing was sent, so no attempt
    counts. A message that was never tried is taken apart, for more may go with it next time.

    Returns the messages that were still this owner's. A crash before the commit leaves the lease to expire; then it
    does count, as lost.
    """
    as_before = {"attempts": delivery.c.attempts - 1, "tries": delivery.c.tries - 1}
    queued = {"state": DeliveryState.PENDING, "lease_owner": None, "lease_until": None, "detail": why}
    ours = (delivery.c.message.in_(sorted(message_ids)), LEASED_DELIVERY, delivery.c.lease_owner == owner)
    to = select(delivery.c.receiver).where(delivery.c.message.in_(sorted(message_ids)))
    receivers = set(connection.execute(to).scalars())
    circuits.lock(connection, receivers)
    changed = update(delivery).where(*ours).values(queued | as_before)
    tries: dict[str, int] = defaultdict(int)
    for row in connection.execute(changed.returning(delivery.c.message, delivery.c.tries)):
        tries[row.message] = max(row.tries, tries[row.message])
    untried = [id_ for id_, count in tries.items() if not count]
    connection.execute(update(delivery).where(delivery.c.message.in_(untried)).values(message=None))
    connection.execute(delete(message).where(message.c.id.in_(untried)))
    return set(tries)
