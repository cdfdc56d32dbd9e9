"""The health of feeds as stored: where each stands, every change of it, and the day its items wait for. Functions over
a connection in a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, select, update

from watcher.domain.alerts import AlertKind, PlannedAlert
from watcher.domain.feeds import HealthChange, Untold
from watcher.errors import RacedError
from watcher.storage import outbox
from watcher.storage.database import sliced
from watcher.storage.tables import alert, feed, health, untold

SOURCE_KINDS = (AlertKind.SOURCE_BROKEN, AlertKind.SOURCE_QUIET, AlertKind.SOURCE_RECOVERED)
_SLICE = 500  # rows of one transaction of `forget`


def record(
    connection: Connection,
    changes: Sequence[HealthChange],
    to_tell: Sequence[Untold],
) -> None:
    """Store changes of health, and which of them are still to be told.

    1. Move the feeds, guarded by the number of their last change, in one order. Whoever comes second writes nothing.
    2. Append the changes, and those to tell to what waits.
    A crash before the commit leaves everything as it was: the next round comes to the same.
    """
    for change in sorted(changes, key=lambda change: change.feed):
        stands: dict[str, Any] = {
            "health": change.to_state,
            "health_n": change.n,
            "health_since": change.at,
            "health_reason": change.reason,
            "health_detail": change.detail,
        }
        if change.from_state.down:
            stands["unbroken_since"] = change.at
        guarded = update(feed).where(feed.c.id == change.feed, feed.c.health_n == change.n - 1)
        moved = connection.execute(guarded.values(**stands))
        if moved.rowcount != 1:
            raise RacedError(f"the health of feed {change.feed} has changed meanwhile")
    if changes:
        rows = [{name: getattr(change, name) for name in change.__dataclass_fields__} for change in changes]
        connection.execute(health.insert(), rows)
    if to_tell:
        waiting = [{"feed": one.change.feed, "n": one.change.n, "held": one.held} for one in to_tell]
        connection.execute(untold.insert(), waiting)


def waiting(connection: Connection) -> list[Untold]:
    """Return the changes that are still to be told, by feed and number."""
    query = (
        select(health, untold.c.held)
        .join(untold, (untold.c.feed == health.c.feed) & (untold.c.n == health.c.n))
        .order_by(health.c.feed, health.c.n)
    )
    found = [dict(row._mapping) for row in connection.execute(query)]
    return [Untold(held=row.pop("held"), change=HealthChange(**row)) for row in found]


def told_last(connection: Connection) -> dict[AlertKind, datetime]:
    """Return when each kind of alert about sources was planned last."""
    query = select(alert.c.kind, func.max(alert.c.created_at).label("at")).where(alert.c.kind.in_(SOURCE_KINDS))
    return {AlertKind(row.kind): row.at for row in connection.execute(query.group_by(alert.c.kind))}


def tell(
    connection: Connection,
    done: Sequence[HealthChange],
    alerts: Sequence[PlannedAlert],
    now: datetime,
) -> None:
    """Take changes from what waits, and plan the alerts that tell them. Whoever comes second writes nothing."""
    for change in done:
        waits = (untold.c.feed == change.feed) & (untold.c.n == change.n)
        if connection.execute(delete(untold).where(waits)).rowcount != 1:
            raise RacedError(f"the change {change.n} of feed {change.feed} was told meanwhile")
    for planned in alerts:
        if planned.deliveries:
            outbox.plan(connection, planned, now)


def expect(connection: Connection, due: Mapping[str, tuple[datetime | None, datetime]]) -> None:
    """Remember the day that a feed's items wait for, and poll it by a moment at the latest: feed -> (day, moment).

    A feed that fails keeps its back-off.
    """
    if not due:
        return
    rows = [{"b_id": name, "b_day": day, "b_by": by} for name, (day, by) in sorted(due.items())]
    connection.execute(update(feed).where(feed.c.id == bindparam("b_id")).values(deadline=bindparam("b_day")), rows)
    sooner = and_(feed.c.id == bindparam("b_id"), feed.c.failures == 0, feed.c.next_poll_at > bindparam("b_by"))
    connection.execute(update(feed).where(sooner).values(next_poll_at=bindparam("b_by")), rows)


def hurry(connection: Connection, feeds: Sequence[str], now: datetime) -> None:
    """Make feeds due at once."""
    for some in sliced(set(feeds)):
        later = and_(feed.c.id.in_(some), feed.c.next_poll_at > now)
        connection.execute(update(feed).where(later).values(next_poll_at=now))


def history(connection: Connection, feed_id: str, limit: int) -> list[HealthChange]:
    """Return a feed's changes of health, latest first."""
    query = select(health).where(health.c.feed == feed_id).order_by(health.c.n.desc()).limit(limit)
    return [HealthChange(**row._mapping) for row in connection.execute(query)]


def forget(connection: Connection, before: datetime) -> int:
    """Remove one slice of changes older than a moment, but never a feed's last; return how many."""
    old = (
        select(health.c.feed, health.c.n)
        .join(feed, feed.c.id == health.c.feed)
        .where(health.c.at < before, health.c.n < feed.c.health_n)
        .order_by(health.c.at)
        .limit(_SLICE)
    )
    rows = [{"b_feed": row.feed, "b_n": row.n} for row in connection.execute(old)]
    if rows:
        gone = delete(health).where(health.c.feed == bindparam("b_feed"), health.c.n == bindparam("b_n"))
        connection.execute(gone, rows)
    return len(rows)
