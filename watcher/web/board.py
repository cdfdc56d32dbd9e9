"""What a board shows, as plain values for JSON: the sources and how they are, the items and how well they are watched,
the receivers and what waits for them, what was told, and what people did about it.

Reads nothing and decides nothing. No address is shown but its host: paths, queries and passwords may be secrets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from watcher.domain.alerts import Act, Alert, AlertRow, Circuit, Conditions, ReceiverRow, Silence
from watcher.domain.feeds import Coverage, FeedStatus
from watcher.domain.health import expected_period

_LEFT_OUT = {"pace", "url", "moved_to"}


def sources(feeds: Iterable[FeedStatus], coverage: Iterable[Coverage]) -> dict[str, Any]:
    """Return `{"feeds": [...], "items": [...]}`; moments as ISO 8601, lengths of time in seconds."""
    items = [
        {"item": one.item, "sources": one.sources, "answered": one.answered, "missing": list(one.missing)}
        for one in coverage
    ]
    return {"feeds": [_plain(source(feed)) for feed in feeds], "items": items}


def source(feed: FeedStatus) -> dict[str, Any]:
    """Return what is known of a feed; `expected_period` is how long it may publish nothing."""
    known = {name: getattr(feed, name) for name in feed.__dataclass_fields__ if name not in _LEFT_OUT}
    learned = {"gap": feed.pace.gap, "told": feed.pace.told, "newest_at": feed.pace.newest_at}
    period = {"expected_period": expected_period(feed.pace, feed.quiet_after)}
    found = {"host": _host(feed.url)} | known | learned | period
    return {name: v.total_seconds() if isinstance(v, timedelta) else v for name, v in found.items()}


def receivers(rows: Iterable[ReceiverRow], configured: Collection[str]) -> dict[str, Any]:
    """Return `{"receivers": [...]}`, no address among it; moments as ISO 8601, lengths of time in seconds."""
    return {"receivers": [_plain(_receiver(row, configured)) for row in every_receiver(rows, configured)]}


def every_receiver(rows: Iterable[ReceiverRow], configured: Collection[str]) -> list[ReceiverRow]:
    """Return the configured addresses in their order, also those never sent to, and then the others that are known."""
    known = {row.circuit.receiver: row for row in rows}
    names = [*configured, *sorted(known.keys() - set(configured))]
    return [known.get(name) or ReceiverRow(Circuit(name)) for name in names]


def _receiver(row: ReceiverRow, configured: Collection[str]) -> dict[str, Any]:
    circuit = row.circuit
    return {
        "receiver": circuit.receiver,
        "configured": circuit.receiver in configured,
        "circuit": "open" if circuit.opened_at else "closed",
        "failures": circuit.failures,
        "opened_at": circuit.opened_at,
        "next_at": circuit.next_at,
        "last_ok_at": circuit.last_ok_at,
        "detail": circuit.detail if circuit.failures else "",
        "waiting": row.waiting,
        "held": row.held,
        "dead": row.dead,
        "oldest": row.oldest.total_seconds() if row.oldest is not None else None,
    }


def _plain(known: dict[str, Any]) -> dict[str, Any]:
    return {name: v.isoformat() if isinstance(v, datetime) else v for name, v in known.items()}


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


# --- people ---------------------------------------------------------------------------------------


def acts(done: Iterable[Act], silences: Iterable[Silence], waiting: Mapping[str, int]) -> dict[str, Any]:
    """Return `{"acts": [...], "silences": [...], "unacknowledged": {item: alerts}}`."""
    return {
        "acts": [act(one) for one in done],
        "silences": [silence(one) for one in silences],
        "unacknowledged": dict(waiting),
    }


def act(one: Act) -> dict[str, Any]:
    """Return what a person did."""
    return _plain({name: getattr(one, name) for name in ("id", "kind", "item", "by", "at", "text", "alert")})


def silence(one: Silence) -> dict[str, Any]:
    """Return a silence; of its conditions those that say something."""
    known = {name: getattr(one, name) for name in ("id", "by", "reason", "starts_at", "ends_at", "ended_by")}
    return _plain(known) | {"when": conditions(one.when)}


def conditions(when: Conditions) -> dict[str, list[str]]:
    """Return the conditions that say something, each with its words."""
    every = {name: getattr(when, name) for name in when.__dataclass_fields__}
    return {name: [str(word) for word in words] for name, words in every.items() if words}


def alert(row: AlertRow) -> dict[str, Any]:
    """Return what was told, to whom by which route, and who acknowledged it."""
    told = row.alert
    known = {
        "id": row.id,
        "kind": told.kind.value,
        "about": told.subject,
        "title": getattr(told, "title", ""),
        "planned_at": row.created_at,
        "reminds_of": row.reminds_of,
    }
    moved = {
        "from": told.from_state, "from_value": told.from_value, "to": told.to_state, "to_value": told.to_value,
        "at": told.at, "reason": told.reason.value, "detail": told.detail, "severity": told.severity,
    } if isinstance(told, Alert) else {}  # fmt: skip
    deliveries = [
        {name: getattr(one, name) for name in ("id", "receiver", "route", "state", "settled_at", "detail")}
        for one in row.deliveries
    ]
    return _plain(known | moved) | {
        "deliveries": [_plain(one) for one in deliveries],
        "acks": [_plain({"by": one.by, "at": one.at, "text": one.text}) for one in row.acks],
    }
