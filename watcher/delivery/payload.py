"""What a webhook gets: a message as JSON, version 1. Fields are added within a version, never taken away or changed.

Texts are one line without control or direction characters; links are http or https. Nothing in it tells how often it
was tried: a repeat is the same to the byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from importlib.resources import files
from typing import Any

from watcher.delivery.plain import fold, safe_link
from watcher.domain.alerts import AnyAlert, Delivery, Digest, Message, Moved, Moving, Point, Quote, SystemAlert

VERSION = 1
_LONGEST = 2_000

Urls = Callable[[Delivery], tuple[str, str]]


def schema() -> Any:
    """Return the JSON Schema of a webhook's body."""
    return json.loads(files("watcher.delivery").joinpath("webhook.schema.json").read_text(encoding="utf-8"))


def body_of(message: Message, subject: str, text: str, board: str, urls: Urls) -> bytes:
    """Return the body of a message, with what it says as `text`."""
    link = safe_link(board)
    told = {
        "version": VERSION,
        "id": message.id,
        "receiver": message.receiver,
        "merge": message.merge.value if message.merge else None,
        "subject": subject,
        "text": text,
        "board": link.url if link else None,
        "deliveries": [_delivery(one, urls) for one in message.deliveries],
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _delivery(delivery: Delivery, urls: Urls) -> dict[str, Any]:
    ack, mute = urls(delivery)
    return {
        "id": delivery.id,
        "alert_id": delivery.alert_id or None,
        "route": delivery.route or None,
        "created_at": _time(delivery.created_at),
        "held": delivery.hold.value if delivery.hold else None,
        "links": {"ack": ack or None, "mute": mute or None},
        "alert": _alert(delivery.alert),
    }


def _alert(alert: AnyAlert) -> dict[str, Any]:
    if isinstance(alert, Digest):
        return _digest(alert)
    head = {
        "kind": alert.kind.value,
        "reason": fold(alert.reason, 60),
        "severity": fold(alert.severity, 60),
        "title": _text(alert.title),
        "at": _time(alert.at),
    }
    if isinstance(alert, SystemAlert):
        points = [_point(point) for point in alert.points]
        return {**head, "about": alert.subject, "points": points, "more": alert.more, "advice": _text(alert.advice)}
    return {
        **head,
        "item": alert.item,
        "watchlist": alert.watchlist,
        "lifecycle": alert.lifecycle,
        "tags": list(alert.tags),
        "question": _text(alert.question),
        "from": _state(alert.from_state, alert.from_label, alert.from_value, _time(alert.from_since)),
        "to": _state(alert.to_state, alert.to_label, alert.to_value, None),
        "status": alert.status.value,
        "detail": _text(alert.detail),
        "meaning": _text(alert.meaning),
        "next": _text(alert.next),
        "note": "\n".join(map(_text, alert.note.splitlines())),
        "sources": alert.sources,
        "tier": alert.tier.value if alert.tier else None,
        "quotes": [_quote(quote) for quote in alert.quotes],
        "day": alert.day.isoformat() if alert.day else None,
        "reminder": alert.reminder,
        "escalated": alert.escalated,
    }


def _state(state: str, label: str, value: str | None, since: str | None) -> dict[str, Any]:
    return {"state": state, "label": _text(label), "value": _text(value) if value else None, "since": since}


def _quote(quote: Quote) -> dict[str, Any]:
    text, outlet = _text(quote.text), _text(quote.outlet)
    return {"text": text, "outlet": outlet, "tier": quote.tier.value, "at": _time(quote.at), "link": _link(quote.link)}


def _digest(digest: Digest) -> dict[str, Any]:
    return {
        "kind": digest.kind.value,
        "reason": digest.reason,
        "severity": digest.severity,
        "title": _text(digest.route),
        "at": _time(digest.at),
        "since": _time(digest.since),
        "moved": [_moved(one) for one in digest.moved],
        "moving": [_moving(one) for one in digest.moving],
        "upcoming": [
            {"item": one.item, "title": _text(one.title), "label": _text(one.label), "day": one.day.isoformat()}
            for one in digest.upcoming
        ],
        "silent": [_point(point) for point in digest.silent],
        "sources": [_point(point) for point in digest.sources],
        "unchanged": digest.unchanged,
    }


def _moved(moved: Moved) -> dict[str, Any]:
    return {
        "item": moved.item,
        "title": _text(moved.title),
        "from": {"label": _text(moved.from_label), "value": _text(moved.from_value) if moved.from_value else None},
        "to": {"label": _text(moved.to_label), "value": _text(moved.to_value) if moved.to_value else None},
        "at": _time(moved.at),
        "detail": _text(moved.detail),
        "reversal": moved.reversal,
        "link": _link(moved.link),
    }


def _moving(moving: Moving) -> dict[str, Any]:
    return {
        "item": moving.item,
        "title": _text(moving.title),
        "label": _text(moving.label),
        "to_label": _text(moving.to_label),
        "status": moving.status.value,
        "sources": moving.sources,
        "at": _time(moving.at),
        "detail": _text(moving.detail),
        "disputed": moving.disputed,
        "link": _link(moving.link),
    }


def _point(point: Point) -> dict[str, Any]:
    return {"name": _text(point.name), "text": _text(point.text), "since": _time(point.since)}


def _text(text: str) -> str:
    return fold(text, _LONGEST)


def _link(url: str) -> str | None:
    link = safe_link(url)
    return link.url if link else None


def _time(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
