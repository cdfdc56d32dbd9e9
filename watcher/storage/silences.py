"""Silences: what somebody does not want to be told of for a time. Functions over a connection in a transaction.

A silence is never removed; whoever ends one before its time is kept with it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, select, update

from watcher.domain.alerts import Conditions, Silence
from watcher.errors import UsageError
from watcher.storage.database import Lock, exclusive, new_id
from watcher.storage.tables import silence as silence_table

_CONDITIONS: TypeAdapter[Conditions] = TypeAdapter(Conditions)


def active(connection: Connection, now: datetime) -> list[Silence]:
    """Return those in force, the first to end first."""
    running = (silence_table.c.ends_at > now) & (silence_table.c.starts_at <= now)
    query = select(silence_table).where(running).order_by(silence_table.c.ends_at, silence_table.c.id)
    return [_silence_of(row) for row in connection.execute(query)]


def every(connection: Connection, limit: int) -> list[Silence]:
    """Return all there ever were, latest first."""
    query = select(silence_table).order_by(silence_table.c.id.desc()).limit(limit)
    return [_silence_of(row) for row in connection.execute(query)]


def add(connection: Connection, silence: Silence, now: datetime) -> Silence:
    """Store a silence; return it with its id."""
    if silence.ends_at <= max(now, silence.starts_at):
        raise UsageError(f"a silence must end later than it begins, and not in the past: {silence.ends_at:%F %R} UTC")
    row = {
        "conditions": _CONDITIONS.dump_json(silence.when).decode(),
        "by": silence.by,
        "reason": silence.reason,
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "ended_by": "",
        "created_at": now,
    }
    return replace(silence, id=new_id(connection.execute(silence_table.insert().values(**row))))


def same_since(connection: Connection, silence: Silence, since: datetime) -> Silence | None:
    """Return a silence of the same conditions by the same person that began at a moment or later."""
    asked = (silence_table.c.by == silence.by) & (silence_table.c.starts_at >= since)
    same = silence_table.c.conditions == _CONDITIONS.dump_json(silence.when).decode()
    found = connection.execute(select(silence_table).where(asked, same).order_by(silence_table.c.id)).first()
    return None if found is None else _silence_of(found)


def add_once(connection: Connection, silence: Silence, since: datetime, now: datetime) -> Silence | None:
    """Store a silence unless its like has begun since a moment, and then return None; one at a time."""
    exclusive(connection, Lock.SILENCE)
    return None if same_since(connection, silence, since) else add(connection, silence, now)


def end(connection: Connection, silence_id: int, by: str, now: datetime) -> Silence:
    """End a silence before its time; one that has not begun never will."""
    this = silence_table.c.id == silence_id
    found = connection.execute(select(silence_table).where(this).with_for_update()).first()
    if found is None:
        raise UsageError(f"no such silence: {silence_id}")
    known = _silence_of(found)
    if known.ended_by or known.ends_at <= now:
        by_whom = f", ended by {known.ended_by}" if known.ended_by else ""
        raise UsageError(f"silence {silence_id} is over since {known.ends_at:%Y-%m-%d %H:%M} UTC{by_whom}")
    ended = replace(known, ends_at=max(now, known.starts_at), ended_by=by)
    connection.execute(update(silence_table).where(this).values(ends_at=ended.ends_at, ended_by=by))
    return ended


def _silence_of(row: Row[Any]) -> Silence:
    return Silence(
        when=_CONDITIONS.validate_json(row.conditions),
        by=row.by,
        reason=row.reason,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        id=row.id,
        ended_by=row.ended_by,
    )
