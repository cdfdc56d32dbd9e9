"""What is sent now (T3): the queues of receivers, composed into messages and leased. Functions over a connection in a
transaction.

What one receiver is told is sent in the order in which it was planned. That is the order of the alerts' row ids, as
judgements are stored one at a time; moments may be equal, and the clocks of two machines may differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, not_, or_, select, update

from watcher.domain.alerts import (
    AttemptOutcome,
    Circuit,
    Delivery,
    DeliveryState,
    Hold,
    Merge,
    Message,
)
from watcher.domain.circuits import OPENS_AT
from watcher.domain.composing import HOUR, MOST, Limits, Parcel, Queued, Spent, compose, within, without_last
from watcher.domain.schedule import MAX_ATTEMPTS
from watcher.storage import circuits, payloads
from watcher.storage.database import sliced
from watcher.storage.identity import digest
from watcher.storage.tables import (
    CRITICAL_DELIVERY,
    LEASED_DELIVERY,
    OPEN_DELIVERY,
    attempt,
    circuit,
    delivery,
    message,
)
from watcher.storage.tables import alert as alert_table

_MOST_WAITING = 10 * MOST  # that are looked at for what goes along with others of its event
_LOST = "its sender did not come back before the lease ended; it may have been sent"


@dataclass(frozen=True, slots=True)
class _Ready:
    """One message that may go, with the rows of what it carries."""

    parcel: Parcel
    rows: tuple[Row[Any], ...]

    @property
    def receiver(self) -> str:
        return str(self.rows[0].receiver)

    @property
    def ids(self) -> list[str]:
        return [row.id for row in self.rows]

    @property
    def lost(self) -> int:
        """How often it was tried, if the last time by a sender that never came back; else 0."""
        return max((row.attempts for row in self.rows if row.state is DeliveryState.SENDING), default=0)


def claim(
    connection: Connection, now: datetime, limit: int, lease: timedelta, owner: str, limits: Limits
) -> list[Message]:
    """Lease up to `limit` messages whose turn it is; every receiver's first before any second, oldest first.

    1. Choose receivers for which something is due that nothing keeps back, and lock them: nobody else claims or
       settles what goes to them. PostgreSQL passes over those that another transaction has; on SQLite this
       transaction is the only writer.
    2. Compose each queue's messages, and put off what its route's budget does not allow after what was sent.
    3. Lock what they carry. A delivery that was changed meanwhile by a person's hand ends what its receiver gets.
    4. Enter the attempts that expired in the ledger, as lost, and give up what was tried MAX_ATTEMPTS times: what ends
       its sender each time must not do so for ever. Write the messages, the leases and the attempts.
    A crash after the commit leaves leases that expire: that message is sent again, under the same id.
    """
    ours = _lock_some(connection, now, limit)
    if not ours:
        return []
    share = -(-limit // len(ours))
    ready: list[tuple[int, _Ready]] = []
    put_off: dict[str, datetime] = {}
    for one in ours:
        found, waits = _ready(connection, one, now, share, limits)
        put_off |= waits
        ready += enumerate(found)
    ready.sort(key=lambda pair: (pair[0], pair[1].rows[0].alert, pair[1].receiver))
    sending = _unchanged(connection, [one for _, one in ready[:limit]])
    _put_off(connection, put_off)
    _enter_lost(connection, sending, now)
    sending = _give_up(connection, sending, now)
    named = _write_messages(connection, sending, now)
    _lease(connection, named, now + lease, owner)
    spaced = {one.receiver: now + rate.spacing for one in sending if (rate := limits.rates.get(one.receiver))}
    circuits.space(connection, spaced.items())
    return [_message(name, one) for name, one in named]


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(delivery.c.state == DeliveryState.PENDING, delivery.c.not_before <= now),
        and_(delivery.c.state == DeliveryState.SENDING, delivery.c.lease_until <= now),
    )


_HELD = and_(delivery.c.hold.is_not(None), delivery.c.message.is_(None))

# --- whose turn it is -----------------------------------------------------------------------------


def _lock_some(connection: Connection, now: datetime, limit: int) -> list[Circuit]:
    """Lock up to `limit` receivers for which something may go, those first whose is the oldest."""
    rows = connection.execute(_waiting(now)).all()
    circuits.add_missing(connection, [row.receiver for row in rows if row.known is None])
    names = [row.receiver for row in rows]
    locked: dict[str, Circuit] = {}
    for begin in range(0, len(names), limit):
        some = names[begin : begin + limit]
        free = {one.receiver: one for one in circuits.lock_free(connection, some, now)}
        # until it was locked, another may have claimed what goes to it
        taken = busy(connection, now) if free else set()
        locked |= {name: free[name] for name in some if name in free and name not in taken}
        if len(locked) >= limit:
            break
    return list(locked.values())[:limit]


def _waiting(now: datetime) -> Select[Any]:
    """Ask for receivers for which something is due and not kept back, with its alert, and whether each has a circuit.

    They are found by jumping from name to name in the index, however many deliveries wait for one.
    """
    lowest = select(func.min(delivery.c.receiver).label("receiver")).where(OPEN_DELIVERY)
    queue = lowest.cte("queue", recursive=True)
    following = select(func.min(delivery.c.receiver)).where(OPEN_DELIVERY, delivery.c.receiver > queue.c.receiver)
    queue = queue.union_all(select(following.scalar_subquery()).where(queue.c.receiver.is_not(None)))
    theirs = (OPEN_DELIVERY, delivery.c.receiver == queue.c.receiver)
    oldest = select(delivery.c.alert).where(*theirs, _due(now)).order_by(delivery.c.alert).limit(1)
    first = select(queue.c.receiver, oldest.scalar_subquery().label("alert")).subquery("first")
    mine = delivery.c.receiver == first.c.receiver
    leased = exists().where(LEASED_DELIVERY, mine, delivery.c.lease_until > now)
    before = exists().where(OPEN_DELIVERY, mine, delivery.c.alert < first.c.alert, not_(_HELD), not_(_due(now)))
    free = [or_(moment.is_(None), moment <= now) for moment in (circuit.c.next_at, circuit.c.free_at)]
    return (
        select(first.c.receiver, circuit.c.receiver.label("known"))
        .outerjoin(circuit, circuit.c.receiver == first.c.receiver)
        .where(first.c.alert.is_not(None), *free, not_(leased), not_(before))
        .order_by(first.c.alert, first.c.receiver)
    )


def busy(connection: Connection, now: datetime) -> set[str]:
    """Return the receivers to which something is being sent."""
    leased = select(delivery.c.receiver).where(LEASED_DELIVERY, delivery.c.lease_until > now)
    return set(connection.execute(leased).scalars())


# --- what goes ------------------------------------------------------------------------------------


def _ready(
    connection: Connection, to: Circuit, now: datetime, share: int, limits: Limits
) -> tuple[list[_Ready], Mapping[str, datetime]]:
    """Return a receiver's next messages, about `share` of them, and until when others are put off.

    One that failed, or has a rate, gets one message at a time; and so does one whose sender has been lost again and
    again, so that what may have ended it wears out nothing else.
    """
    window = share + MOST
    beginning = _queue(connection, to.receiver, now, window)
    last = beginning[-1].alert if len(beginning) == window else None  # what comes after it is not read
    queued = [*beginning, *_waiting_for_others(connection, to.receiver, now, beginning, last)]
    if last is not None:
        queued += _critical_beyond(connection, to.receiver, now, last, window)
    rows = {row.id: row for row in sorted(queued, key=lambda row: row.alert)}
    known: dict[str, Merge | None] = {}
    if tried := {row.message for row in rows.values() if row.message}:
        rows = _with_siblings(connection, rows, tried)
        merges = select(message.c.id, message.c.merge).where(message.c.id.in_(sorted(tried)))
        known = {row.id: row.merge for row in connection.execute(merges)}
    queue = [_queued(row, now) for row in rows.values()]
    parcels = compose(queue, late_before=to.recovered_at, known=known, budgeted=limits.budgets.keys())
    if last is not None:
        parcels = without_last(parcels, beginning[-1].id)  # it may go on beyond the window
    routes = {parcel.route for parcel in parcels} & limits.budgets.keys()
    gone = spent(connection, to.receiver, routes, now - HOUR) if routes else Spent()
    singly = to.failures or to.receiver in limits.rates
    allowed = within(parcels, limits.budgets, gone, now, 1 if singly else None)
    found = [_Ready(one, tuple(rows[part.id] for part in one.parts)) for one in allowed.parcels]
    return found[: 1 if found and found[0].lost >= OPENS_AT else None], allowed.put_off


def _rows() -> Select[Any]:
    return select(delivery, alert_table.c.payload).join(alert_table, alert_table.c.id == delivery.c.alert)


def _queue(connection: Connection, receiver: str, now: datetime, most: int) -> Sequence[Row[Any]]:
    """Return the beginning of a queue, without what is held and not due."""
    of_use = or_(not_(_HELD), delivery.c.not_before <= now)
    theirs = (OPEN_DELIVERY, delivery.c.receiver == receiver, of_use)
    return connection.execute(_rows().where(*theirs).order_by(delivery.c.alert).limit(most)).all()


def _waiting_for_others(
    connection: Connection, receiver: str, now: datetime, beginning: Sequence[Row[Any]], last: int | None
) -> Sequence[Row[Any]]:
    """Return what waits for others of its event, if anything may go now that it could go along with: the latest ones,
    and none from beyond the row that was read last."""
    if not any(_due_at(row, now) and not row.message for row in beginning):
        return []
    waits = (_HELD, delivery.c.hold == Hold.GROUP, delivery.c.not_before > now)
    query = _rows().where(OPEN_DELIVERY, delivery.c.receiver == receiver, *waits)
    if last is not None:
        query = query.where(delivery.c.alert < last)
    return connection.execute(query.order_by(delivery.c.alert.desc()).limit(_MOST_WAITING)).all()


def _critical_beyond(connection: Connection, receiver: str, now: datetime, last: int, most: int) -> Sequence[Row[Any]]:
    """Return what is critical and due behind the row that was read last, as far as all between them is held."""
    beyond = (delivery.c.receiver == receiver, delivery.c.alert > last)
    due = (CRITICAL_DELIVERY, *beyond, _due(now))
    found = connection.execute(_rows().where(*due).order_by(delivery.c.alert).limit(most)).all()
    if not found:
        return []
    passing = and_(delivery.c.critical, _due(now))
    keeps = (OPEN_DELIVERY, *beyond, delivery.c.alert < found[-1].alert, not_(_HELD), not_(passing))
    first = connection.execute(select(func.min(delivery.c.alert)).where(*keeps)).scalar_one()
    return [row for row in found if first is None or row.alert < first]


def _with_siblings(connection: Connection, rows: dict[str, Row[Any]], tried: Collection[str]) -> dict[str, Row[Any]]:
    """Add what else those messages carry, in order."""
    found = dict(rows)
    for some in sliced(tried):
        carried = _rows().where(OPEN_DELIVERY, delivery.c.message.in_(some))
        found |= {row.id: row for row in connection.execute(carried)}
    return dict(sorted(found.items(), key=lambda pair: pair[1].alert))


def _queued(row: Row[Any], now: datetime) -> Queued:
    return Queued(
        id=row.id,
        alert=payloads.load(row.payload),
        route=row.route,
        created_at=row.created_at,
        not_before=row.not_before,
        due=_due_at(row, now),
        hold=row.hold,
        message=row.message or "",
    )


def _due_at(row: Row[Any], now: datetime) -> bool:
    at: datetime = row.not_before if row.state is DeliveryState.PENDING else row.lease_until
    return at <= now


def spent(connection: Connection, receiver: str, routes: Collection[str], since: datetime) -> Spent:
    """Return what went to a receiver by each of these routes after a moment."""
    waited = exists().where(delivery.c.message == message.c.id, delivery.c.hold == Hold.BUDGET)
    query = select(message.c.route, message.c.sent_at, waited.label("waited")).where(
        message.c.receiver == receiver, message.c.sent_at > since, message.c.route.in_(sorted(routes))
    )
    sent: dict[str, list[datetime]] = defaultdict(list)
    summed: dict[str, datetime] = {}
    for row in connection.execute(query.order_by(message.c.sent_at)):
        sent[row.route].append(row.sent_at)
        summed |= {row.route: row.sent_at} if row.waited else {}
    return Spent(sent, summed)


def _unchanged(connection: Connection, ready: Sequence[_Ready]) -> list[_Ready]:
    """Lock what the messages carry; leave out a message of which something was changed meanwhile or cannot be locked,
    and those after it to the same receiver."""
    if connection.dialect.name == "sqlite":
        return list(ready)
    seen = {row.id: _standing(row) for one in ready for row in one.rows}
    locked: dict[str, Any] = {}
    for some in sliced(seen):
        query = select(delivery).where(delivery.c.id.in_(some)).order_by(delivery.c.id)
        for row in connection.execute(query.with_for_update(skip_locked=True)):
            locked[row.id] = _standing(row)
    kept: list[_Ready] = []
    ended: set[str] = set()
    for one in ready:
        if one.receiver in ended or any(locked.get(id_) != seen[id_] for id_ in one.ids):
            ended.add(one.receiver)
        else:
            kept.append(one)
    return kept


def _standing(row: Row[Any]) -> tuple[Any, ...]:
    return row.state, row.hold, row.not_before, row.message, row.lease_until


# --- what is written ------------------------------------------------------------------------------


def _put_off(connection: Connection, until: Mapping[str, datetime]) -> None:
    """Hold back what is over a budget."""
    by_moment: dict[datetime, list[str]] = defaultdict(list)
    for id_, moment in until.items():
        by_moment[moment].append(id_)
    for moment, ids in by_moment.items():
        waiting = (delivery.c.id.in_(ids), delivery.c.state == DeliveryState.PENDING, delivery.c.message.is_(None))
        connection.execute(update(delivery).where(*waiting).values(hold=Hold.BUDGET, not_before=moment))


def _enter_lost(connection: Connection, sending: Iterable[_Ready], now: datetime) -> None:
    lost = {"at": now, "outcome": AttemptOutcome.LOST, "detail": _LOST, "address": ""}
    lines = [
        lost | {"delivery": row.id, "n": row.tries, "message": row.message}
        for one in sending
        for row in one.rows
        if row.state is DeliveryState.SENDING
    ]
    if lines:
        connection.execute(attempt.insert(), lines)


def _give_up(connection: Connection, sending: Sequence[_Ready], now: datetime) -> list[_Ready]:
    """Return what is left when those are dead whose last attempt was lost."""
    dead = [one for one in sending if one.lost >= MAX_ATTEMPTS]
    values = {"state": DeliveryState.DEAD, "lease_owner": None, "lease_until": None, "settled_at": now, "detail": _LOST}
    for some in sliced([id_ for one in dead for id_ in one.ids]):
        connection.execute(update(delivery).where(delivery.c.id.in_(some)).values(values))
    return [one for one in sending if one.lost < MAX_ATTEMPTS]


def _write_messages(connection: Connection, sending: Sequence[_Ready], now: datetime) -> list[tuple[str, _Ready]]:
    """Write the rows of messages composed just now, and return every message's id.

    It is that of its first delivery; but where a person took something out of a message of this id, what is left is
    another message.
    """
    fresh = [one for one in sending if one.parcel.fresh]
    tried = [one.parcel.id for one in fresh if any(row.tries for row in one.rows)]
    query = select(message.c.id).where(message.c.id.in_(tried))
    used = set(connection.execute(query).scalars()) if tried else set()
    named = [(digest("message", *one.ids) if one.parcel.id in used else one.parcel.id, one) for one in sending]
    rows = [
        {
            "id": name,
            "receiver": one.receiver,
            "route": one.parcel.route,
            "merge": one.parcel.merge,
            "composed_at": now,
            "subject": "",
        }
        for name, one in named
        if one.parcel.fresh
    ]
    if rows:
        connection.execute(message.insert(), rows)
    return named


def _lease(connection: Connection, named: Sequence[tuple[str, _Ready]], until: datetime, owner: str) -> None:
    leased = {"state": DeliveryState.SENDING, "lease_owner": owner, "lease_until": until}
    counted = {"attempts": delivery.c.attempts + 1, "tries": delivery.c.tries + 1}
    alone = []
    for name, one in named:
        if not one.parcel.fresh or one.ids == [name]:
            alone += one.ids
            continue
        values = leased | counted | {"message": name}
        connection.execute(update(delivery).where(delivery.c.id.in_(one.ids)).values(values))
    for some in sliced(alone):
        values = leased | counted | {"message": func.coalesce(delivery.c.message, delivery.c.id)}
        connection.execute(update(delivery).where(delivery.c.id.in_(some)).values(values))


def _message(name: str, one: _Ready) -> Message:
    parts = zip(one.parcel.parts, one.rows, strict=True)
    return Message(name, one.receiver, tuple(_claimed(part, row) for part, row in parts), one.parcel.merge)


def _claimed(part: Queued, row: Row[Any]) -> Delivery:
    return Delivery(
        row.id,
        row.receiver,
        part.alert,
        row.attempts + 1,
        DeliveryState.SENDING,
        alert_id=row.alert,
        route=row.route,
        hold=row.hold,
        created_at=row.created_at,
    )
