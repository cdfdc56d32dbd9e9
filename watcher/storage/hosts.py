"""Hosts that asked to be left alone: all their feeds are polled later, also by another process and after a restart.
Functions over a connection in a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection, bindparam, select, update

from watcher.domain.schedule import rested
from watcher.storage.tables import feed


def rest(connection: Connection, hosts: Mapping[str, datetime], now: datetime) -> int:
    """Put off the next poll of every feed of these hosts until then, a little apart from each other; return how many.

    Feeds that somebody else is saving or claiming are left as they are: their own poll is told the same. Addresses in
    the database say which host a feed has; a host is named as `feeds.addresses.name_host` does.
    """
    if not hosts:
        return 0
    query = (
        select(feed.c.id, feed.c.url, feed.c.moved_url)
        .where(feed.c.active, feed.c.next_poll_at < max(hosts.values()))
        .order_by(feed.c.id)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(query).all()
    found = [(row.id, hosts.get(host_of(row.moved_url or row.url))) for row in rows]
    later = [{"b_id": name, "b_at": rested(until, now, name)} for name, until in found if until is not None]
    if later:
        sooner = (feed.c.id == bindparam("b_id")) & (feed.c.next_poll_at < bindparam("b_at"))
        connection.execute(update(feed).where(sooner).values(next_poll_at=bindparam("b_at")), later)
    return len(later)


def host_of(url: str) -> str:
    """Name the host of an address; "" for what is none."""
    try:
        parts = urlsplit(url)
        name = (parts.hostname or "").rstrip(".")
        port = parts.port
        plain = name if name.isascii() else name.encode("idna").decode()
    except ValueError:  # of which UnicodeError is one
        return ""
    return plain if port in (None, 80, 443) else f"{plain}:{port}"
