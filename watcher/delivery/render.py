"""What a message says: an alert as lines of plain text, and the same lines as text, HTML and Slack's mrkdwn.

All three forms are made from one list of lines, so none says more than another. Sending is `apprise.py`'s work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from watcher.delivery.mrkdwn import anchor, literal
from watcher.delivery.plain import Link, cut, fold, safe_link, unlinked
from watcher.domain.alerting import TIER_WORDS
from watcher.domain.alerts import Alert, AlertKind, AnyAlert, Digest, Message, Quote, SystemAlert
from watcher.domain.model import Status

LONGEST_SUBJECT = 69
LONGEST_SLACK = 2900  # Slack refuses a text block of more than 3,000 characters

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOTE_LINES = 12

Kind = Literal["title", "text", "fact", "quote", "by", "link", "small", "gap"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message as the channels show it. `subject` is one line under 70 characters; no field holds a secret."""

    subject: str
    text: str
    html: str
    slack: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a message, as plain text. A line of kind "link" is the link."""

    kind: Kind
    text: str = ""
    label: str = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """How much of what others wrote is shown: characters of one text, and how many quotes."""

    text: int = 600
    quotes: int = 4


# Slack's text block is small: give it less, step by step, until it fits.
_SLACK_ROOMS = (Room(), Room(300), Room(200, 3), Room(160, 2), Room(120, 1), Room(60, 0))


def render(message: Message, *, zone: ZoneInfo, board: str = "") -> Rendered:
    """Return what `message` says, its times told in `zone`.

    `board` is the board's URL, shown when it is an http(s) URL. The message's id lets a reader recognise a repeat.
    """
    alert, delivery_id = message.deliveries[0].alert, message.id
    lines = _tidy(_lines(alert, Room(), zone, board, delivery_id))
    subject = cut(_headline(alert), LONGEST_SUBJECT)
    return Rendered(
        subject=subject,
        text=_TEMPLATES.get_template("text.j2").render(lines=lines).strip() + "\n",
        html=_TEMPLATES.get_template("html.j2").render(lines=lines, subject=subject),
        slack=_slack(alert, subject, zone, board, delivery_id),
    )


def _slack(alert: AnyAlert, subject: str, zone: ZoneInfo, board: str, delivery_id: str) -> str:
    """Return the body under a heading that says `subject` already."""
    template = _TEMPLATES.get_template("slack.j2")
    for room in _SLACK_ROOMS:
        lines = _tidy(_lines(alert, room, zone, board, delivery_id))
        text = template.render(lines=lines, subject=subject).strip()
        if len(text) <= LONGEST_SLACK:
            return text
    return literal(subject)  # the rest does not fit however little is quoted


# --- the lines --------------------------------------------------------------------------------------------------------


def _tidy(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Leave one gap where several meet, and none at the ends."""
    kept: list[Line] = []
    for line in lines:
        if line.kind != "gap" or (kept and kept[-1].kind != "gap"):
            kept.append(line)
    return tuple(kept[:-1] if kept and kept[-1].kind == "gap" else kept)


def _lines(alert: AnyAlert, room: Room, zone: ZoneInfo, board: str, delivery_id: str) -> Iterator[Line]:
    yield Line("title", _headline(alert))
    if not isinstance(alert, Alert):
        yield from _system(alert, room, zone) if isinstance(alert, SystemAlert) else _digest(alert, room, zone)
        yield from _foot(alert, board, delivery_id)
        return
    if question := fold(alert.question, room.text):
        yield Line("text", question)
    yield Line("gap")
    yield from _what(alert, room, zone)
    yield from _why(alert, room, zone)
    yield Line("gap")
    if upcoming := fold(alert.next, room.text):
        yield Line("fact", upcoming, "Next")
    yield from _note(alert.note, room)
    yield Line("gap")
    yield from _foot(alert, board, delivery_id)


_SIGNS = {
    Status.DONE: "one source",
    Status.ANNOUNCED: "announced",
    Status.CLAIMED: "claimed",
    Status.POSSIBLE: "possible",
    Status.URGED: "urged",
}


def _headline(alert: AnyAlert) -> str:
    if isinstance(alert, SystemAlert):
        return f"[watcher] {fold(alert.title, 200)}"
    if isinstance(alert, Digest):
        return f"{len(alert.moved)} changed, {len(alert.moving)} moving: {fold(alert.route, 60)}"
    if alert.kind is AlertKind.EARLY_SIGNAL:
        return f"{_SIGNS[alert.status]}: {fold(alert.to_label, 40)}? {fold(alert.title, 200) or fold(alert.item, 60)}"
    return f"{_state(alert.to_label, alert.to_value)}: {fold(alert.title, 200) or fold(alert.item, 60)}"


def _state(label: str, value: str | None) -> str:
    return f"{fold(label, 40)} ({unlinked(value, 30)})" if value else fold(label, 40)


def _what(alert: Alert, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    if alert.kind is AlertKind.TEST:
        yield Line("fact", _moment(alert.at, zone), "Sent")
        return
    if alert.kind is AlertKind.EARLY_SIGNAL:
        yield Line("text", "An early signal. The item has not changed its state.")
        yield Line("fact", f"{_state(alert.to_label, alert.to_value)}, {alert.status.value}", "Told")
        yield Line("fact", _moment(alert.at, zone), "At")
        stands = _state(alert.from_label, alert.from_value)
        yield Line("fact", f"{stands}, since {_day(alert.from_since or alert.at, zone)}", "Stands at")
        if meaning := fold(alert.meaning, room.text):
            yield Line("fact", meaning, "Means")
        return
    was_value = None if alert.from_value == alert.to_value else alert.from_value
    was, now = _state(alert.from_label, was_value), _state(alert.to_label, alert.to_value)
    yield Line("fact", f"{was} → {now}", "Change")
    yield Line("fact", _moment(alert.at, zone), "Since")
    if meaning := fold(alert.meaning, room.text):
        yield Line("fact", meaning, "Means")
    if before := _before(alert, zone):
        yield Line("fact", before, "Before")


def _before(alert: Alert, zone: ZoneInfo) -> str:
    if alert.from_since is None:
        return ""
    told = (
        f"{fold(alert.from_label, 40)} for {_span(alert.at - alert.from_since)}, since {_day(alert.from_since, zone)}"
    )
    source = unlinked(alert.from_source, 120)
    return f"{told}, as reported by {source}" if source else told


def _why(alert: Alert, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    if detail := unlinked(alert.detail, room.text):
        yield Line("fact", detail, "Why not yet" if alert.kind is AlertKind.EARLY_SIGNAL else "Why")
    if alert.sources:
        count = "1 source" if alert.sources == 1 else f"{alert.sources} independent sources"
        yield Line("fact", f"{count} (reason: {alert.reason.value})", "Evidence")
    for quote in alert.quotes[: room.quotes]:
        yield from _quoted(quote, room, zone)


def _quoted(quote: Quote, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    yield Line("gap")
    yield Line("quote", f"“{unlinked(quote.text, room.text)}”")
    outlet = unlinked(quote.outlet, 80) or "an unnamed outlet"
    yield Line("by", f"— {outlet} ({TIER_WORDS[quote.tier]}), {_moment(quote.at, zone)}")
    if quote.link and (link := safe_link(quote.link)):
        yield Line("link", link.url, link=link)


def _note(note: str, room: Room) -> Iterator[Line]:
    folded = [fold(line, room.text) for line in note.splitlines()[:_NOTE_LINES]]
    for number, text in enumerate(filter(None, folded)):
        yield Line("text", text) if number else Line("fact", text, "Your note")


def _system(alert: SystemAlert, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    """What the service says of itself: nothing in it is news about an item."""
    yield Line("text", "About the service itself. No watch item has changed.")
    yield Line("gap")
    yield Line("fact", _moment(alert.at, zone), "Noticed")
    for point in alert.points:
        since = f", since {_moment(point.since, zone)}" if point.since else ""
        yield Line("fact", f"{unlinked(point.text, min(room.text, 200))}{since}", unlinked(point.name, 80))
    if alert.more:
        yield Line("text", f"and {alert.more} more: see `watcher feeds`")
    yield Line("gap")
    if advice := fold(alert.advice, room.text):
        yield Line("fact", advice, "Next")
    yield Line("gap")


def _digest(digest: Digest, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    """What became of a route's items: changes first, then what is not enough, days to come, and what was not seen."""
    yield Line("fact", f"{_moment(digest.since, zone)} to {_moment(digest.at, zone)}", "From")
    yield Line("gap")
    for moved in digest.moved:
        change = f"{_state(moved.from_label, moved.from_value)} → {_state(moved.to_label, moved.to_value)}"
        yield Line("fact", f"{change}, {_moment(moved.at, zone)}", fold(moved.title, room.text))
    for moving in digest.moving:
        told = f"{fold(moving.label, 40)}; told: {fold(moving.to_label, 40)}, {moving.status.value}"
        yield Line("fact", told, fold(moving.title, room.text))
    for day in digest.upcoming:
        yield Line("fact", f"{fold(day.label, 40)}: {day.day}", fold(day.title, room.text))
    for point in (*digest.silent, *digest.sources):
        yield Line("fact", unlinked(point.text, room.text), unlinked(point.name, 80))
    yield Line("text", f"{digest.unchanged} unchanged.")
    yield Line("gap")


def _foot(alert: AnyAlert, board: str, delivery_id: str) -> Iterator[Line]:
    if link := safe_link(board):
        yield Line("link", link.url, "Board", link)
    if isinstance(alert, SystemAlert):
        yield Line("small", f"system alert {alert.kind.value}, reason {fold(alert.reason, 60)}")
    elif isinstance(alert, Digest):
        yield Line("small", f"digest of {fold(alert.route, 60)}")
    elif alert.kind is not AlertKind.TEST:
        about = (("watchlist", alert.watchlist), ("item", alert.item), ("severity", alert.severity))
        yield Line("small", ", ".join(f"{name} {fold(value, 60)}" for name, value in about if value))
    if delivery_id:
        yield Line("small", f"Delivery {fold(delivery_id, 60)}. A repeat of this message carries the same id.")


# --- times ------------------------------------------------------------------------------------------------------------


def _moment(at: datetime, zone: ZoneInfo) -> str:
    """Tell a time with its zone: "14 Sep 2025, 16:05 Europe/Berlin"."""
    return f"{_day(at, zone)}, {at.astimezone(zone):%H:%M} {zone.key}"


def _day(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def _span(span: timedelta) -> str:
    """Tell how long in the largest unit that counts at least one."""
    seconds = max(int(span.total_seconds()), 0)
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if count := seconds // length:
            return f"{count} {unit}" + ("" if count == 1 else "s")
    return "less than a minute"


_TEMPLATES = ImmutableSandboxedEnvironment(
    loader=PackageLoader("watcher.delivery", "templates"),
    autoescape=lambda name: name == "html.j2",
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(literal=literal, anchor=anchor)
