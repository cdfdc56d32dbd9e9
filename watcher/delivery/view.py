"""What a template sees of a message: version 1 of it, which stays as it is while it is called so.

Every text is one line, of bounded length, without control or direction characters, and with the web addresses broken
that others wrote; every link may be shown. What a form needs escaped on top of that has been done already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from watcher.delivery.lines import NOTE_LINES, Line, Room
from watcher.delivery.merged import headline
from watcher.delivery.plain import Link, fold, safe_link, unlinked
from watcher.delivery.times import tell_moment
from watcher.domain.alerts import Alert, AnyAlert, Delivery, Message, Point, Quote, SystemAlert

VERSION = 1


@dataclass(frozen=True, slots=True)
class QuoteView:
    """One piece of evidence. `tier` is official, wire, press or other; `link` is empty where none may be shown."""

    text: str
    outlet: str
    tier: str
    at: str
    link: str


@dataclass(frozen=True, slots=True)
class PointView:
    """One thing that a system alert or a digest names."""

    name: str
    text: str
    since: str


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert of a message; what a kind does not have is empty. Times are told in the zone of the configuration."""

    kind: str
    headline: str
    reason: str  # a code
    severity: str
    title: str
    at: str
    item: str = ""
    watchlist: str = ""
    lifecycle: str = ""
    tags: tuple[str, ...] = ()
    question: str = ""
    from_state: str = ""
    from_label: str = ""
    from_value: str = ""
    from_since: str = ""
    to_state: str = ""
    to_label: str = ""
    to_value: str = ""
    status: str = ""
    detail: str = ""
    meaning: str = ""
    next: str = ""
    note: tuple[str, ...] = ()  # its lines
    sources: int = 0
    quotes: tuple[QuoteView, ...] = ()
    day: str = ""  # YYYY-MM-DD
    reminder: int = 0
    escalated: bool = False
    points: tuple[PointView, ...] = ()
    more: int = 0  # points left out
    advice: str = ""
    delivery: str = ""  # id
    ack: str = ""  # links, empty where there are none
    mute: str = ""


@dataclass(frozen=True, slots=True)
class MessageView:
    """A whole message. `alerts` has one alert, or several where `merge` is event, held or late."""

    version: int
    id: str
    receiver: str
    merge: str
    system: bool  # about the service itself
    subject: str
    colour: str  # "#1570EF"
    board: str
    alerts: tuple[AlertView, ...]
    lines: tuple[Line, ...]  # all that the message says, as the shipped templates show it


Urls = Callable[[Delivery], tuple[str, str]]
"""The acknowledge and the mute link of a delivery, empty where it has none."""


def alert_view(delivery: Delivery, room: Room, zone: ZoneInfo, urls: Urls) -> AlertView:
    """Return what a template sees of one delivery's alert."""
    alert = delivery.alert
    base = AlertView(
        kind=alert.kind.value,
        headline=fold(headline(alert, zone), 300),
        reason=fold(_reason(alert), 60),
        severity=fold(alert.severity, 60),
        title=fold(_title(alert), 200),
        at=tell_moment(alert.at, zone),
        delivery=fold(delivery.id, 60),
    )
    if isinstance(alert, SystemAlert):
        points = tuple(_point(point, zone) for point in alert.points)
        return replace(base, points=points, more=alert.more, advice=fold(alert.advice, room.text))
    if not isinstance(alert, Alert):
        return replace(base, points=tuple(_point(point, zone) for point in (*alert.silent, *alert.sources)))
    ack, mute = urls(delivery)
    return replace(_told(base, alert, room, zone), ack=ack, mute=mute)


def _told(base: AlertView, alert: Alert, room: Room, zone: ZoneInfo) -> AlertView:
    return replace(
        base,
        item=fold(alert.item, 80),
        watchlist=fold(alert.watchlist, 80),
        lifecycle=fold(alert.lifecycle, 80),
        tags=tuple(fold(tag, 60) for tag in alert.tags),
        question=fold(alert.question, room.text),
        from_state=fold(alert.from_state, 60),
        from_label=fold(alert.from_label, 60),
        from_value=unlinked(alert.from_value or "", 60),
        from_since=tell_moment(alert.from_since, zone) if alert.from_since else "",
        to_state=fold(alert.to_state, 60),
        to_label=fold(alert.to_label, 60),
        to_value=unlinked(alert.to_value or "", 60),
        status=alert.status.value,
        detail=unlinked(alert.detail, room.text),
        meaning=fold(alert.meaning, room.text),
        next=fold(alert.next, room.text),
        note=tuple(filter(None, (fold(line, room.text) for line in alert.note.splitlines()[:NOTE_LINES]))),
        sources=alert.sources,
        quotes=tuple(_quote(quote, room, zone) for quote in alert.quotes[: room.quotes]),
        day=alert.day.isoformat() if alert.day else "",
        reminder=alert.reminder,
        escalated=alert.escalated,
    )


def _reason(alert: AnyAlert) -> str:
    return alert.reason.value if isinstance(alert, Alert) else alert.reason


def _title(alert: AnyAlert) -> str:
    return alert.title if isinstance(alert, Alert | SystemAlert) else alert.route


def _quote(quote: Quote, room: Room, zone: ZoneInfo) -> QuoteView:
    link = safe_link(quote.link)
    text, outlet = unlinked(quote.text, room.text), unlinked(quote.outlet, 80)
    return QuoteView(text, outlet, quote.tier.value, tell_moment(quote.at, zone), link.url if link else "")


def _point(point: Point, zone: ZoneInfo) -> PointView:
    since = tell_moment(point.since, zone) if point.since else ""
    return PointView(unlinked(point.name, 80), unlinked(point.text, 200), since)


def message_view(
    message: Message, lines: tuple[Line, ...], subject: str, colour: str, board: str, alerts: tuple[AlertView, ...]
) -> MessageView:
    """Put together what a template sees of a message."""
    return MessageView(
        version=VERSION,
        id=fold(message.id, 60),
        receiver=fold(message.receiver, 80),
        merge=message.merge.value if message.merge else "",
        system=all(isinstance(one.alert, SystemAlert) for one in message.deliveries),
        subject=subject,
        colour=colour,
        board=board,
        alerts=alerts,
        lines=lines,
    )


def escaped(thing: Any, escape: Callable[[str], str]) -> Any:
    """Return `thing`, a view or a part of one, with `escape` done to each text in it; links stay what they are."""
    if isinstance(thing, str):
        return escape(thing)
    if isinstance(thing, tuple):
        return tuple(escaped(one, escape) for one in thing)
    if is_dataclass(thing) and not isinstance(thing, type | Link):
        return replace(thing, **{f.name: escaped(getattr(thing, f.name), escape) for f in fields(thing)})
    return thing
