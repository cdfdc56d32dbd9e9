"""What a message says of a watch item: headline and lines for each kind of policy alert, and of a test."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from watcher.delivery.lines import GAP, NOTE_LINES, Line, Room, small_print, state_of
from watcher.delivery.plain import fold, safe_link, unlinked
from watcher.delivery.times import tell_date, tell_day, tell_moment, tell_span
from watcher.domain.alerting import TIER_WORDS
from watcher.domain.alerts import CHANGES, Alert, AlertKind, Quote
from watcher.domain.model import Reason, Status

_SIGNS = {
    Status.DONE: "one source",
    Status.ANNOUNCED: "announced",
    Status.CLAIMED: "claimed",
    Status.POSSIBLE: "possible",
    Status.URGED: "urged",
}
_UNMOVED = {
    AlertKind.EARLY_SIGNAL: "An early signal.",
    AlertKind.DISPUTED: "Disputed: as good a source denies it.",
    AlertKind.DEADLINE: "About the day it waits for.",
    AlertKind.SILENT: "Nothing was told of it for its expected period, and its sources answered.",
}
"""What is said of an alert that tells of no change, before it is said that there was none."""


def policy_headline(alert: Alert, zone: ZoneInfo) -> str:
    """Return the line that says what happened, state first; not cut."""
    mark = "" if alert.kind in (AlertKind.EARLY_SIGNAL, AlertKind.DISPUTED) else ":"  # after a question there is none
    told = f"{_told(alert, zone)}{mark} {fold(alert.title, 200) or fold(alert.item, 60)}"
    if alert.escalated:
        return f"Escalated: {told}"
    return f"Reminder {alert.reminder}: {told}" if alert.reminder else told


def _told(alert: Alert, zone: ZoneInfo) -> str:
    """What happened in as few words as can be; a question where nothing did."""
    if alert.kind is AlertKind.EARLY_SIGNAL:
        return f"{_SIGNS.get(alert.status, alert.status.value)}: {fold(alert.to_label, 40)}?"
    if alert.kind is AlertKind.DISPUTED:
        return f"disputed: {fold(alert.to_label, 40)}?"
    if alert.kind is AlertKind.DEADLINE:
        return f"{state_of(alert.to_label, alert.to_value)}, {_near(alert, zone)}"
    more = {AlertKind.SILENT: ", nothing new", AlertKind.REVERSAL: ", a reversal"}.get(alert.kind, "")
    return f"{state_of(alert.to_label, alert.to_value)}{more}"


def _near(alert: Alert, zone: ZoneInfo) -> str:
    """Tell how near the day of a deadline was when it was told."""
    if alert.day is None:
        return "near"
    left = (alert.day - alert.at.astimezone(zone).date()).days
    return "passed" if left < 0 else {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")


def policy_lines(alert: Alert, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    """Yield what a message of one alert says between its headline and its links."""
    if question := fold(alert.question, room.text):
        yield Line("text", question)
    yield GAP
    yield from asked_again(alert, zone)
    yield from what(alert, room, zone)
    yield from why(alert, room)
    for quote in alert.quotes[: room.quotes]:
        yield GAP
        yield from quoted(quote, room, zone)
    yield GAP
    if upcoming := fold(alert.next, room.text):
        yield Line("fact", upcoming, "Next")
    yield from _note(alert.note, room)


def asked_again(alert: Alert, zone: ZoneInfo) -> Iterator[Line]:
    """Say of a reminder or an escalation why it comes."""
    since = f"not acknowledged since {tell_moment(alert.at, zone)}"
    if alert.escalated:
        yield Line("text", f"It was told to others before, and {since}.")
    elif alert.reminder:
        yield Line("text", f"Told before, and {since}.")


def what(alert: Alert, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    """Say what happened, or that nothing did."""
    if alert.kind is AlertKind.TEST:
        yield Line("fact", tell_moment(alert.at, zone), "Sent")
    elif alert.kind in CHANGES:
        yield from _change(alert, room, zone)
    else:
        yield Line("text", f"{_UNMOVED[alert.kind]} The item has not changed its state.")
        yield from _stands(alert, room, zone)


def _change(alert: Alert, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    if alert.kind is AlertKind.REVERSAL:
        yield Line("text", f"A reversal: it goes back on “{state_of(alert.from_label, alert.from_value)}”.")
    if alert.reason is Reason.PERSON:
        yield Line("text", "A person's correction: no source told it.")
    was_value = None if alert.from_value == alert.to_value else alert.from_value
    was, now = state_of(alert.from_label, was_value), state_of(alert.to_label, alert.to_value)
    yield Line("fact", f"{was} → {now}", "Change")
    yield Line("fact", tell_moment(alert.at, zone), "Since")
    if meaning := fold(alert.meaning, room.text):
        yield Line("fact", meaning, "Means")
    if alert.from_since is not None:
        yield Line("fact", _before(alert, zone), "Before")


def _before(alert: Alert, zone: ZoneInfo) -> str:
    since = alert.from_since or alert.at
    told = f"{fold(alert.from_label, 40)} for {tell_span(alert.at - since)}, since {tell_day(since, zone)}"
    source = unlinked(alert.from_source, 120)
    return f"{told}, as reported by {source}" if source else told


def _stands(alert: Alert, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    """Say what was told of an item that has not moved, and where it stands."""
    if alert.kind in (AlertKind.EARLY_SIGNAL, AlertKind.DISPUTED):
        yield Line("fact", f"{state_of(alert.to_label, alert.to_value)}, {alert.status.value}", "Told")
    if alert.day is not None:
        yield Line("fact", f"{tell_date(alert.day)}, {_near(alert, zone)}", "Day")
    yield Line("fact", tell_moment(alert.at, zone), "At")
    stands = state_of(alert.from_label, alert.from_value)
    yield Line("fact", f"{stands}, since {tell_day(alert.from_since or alert.at, zone)}", "Stands at")
    if meaning := fold(alert.meaning, room.text):
        yield Line("fact", meaning, "Means")


def why(alert: Alert, room: Room) -> Iterator[Line]:
    """Say why, and how many sources that rests on."""
    if detail := unlinked(alert.detail, room.text):
        yield Line("fact", detail, "Why not yet" if alert.kind is AlertKind.EARLY_SIGNAL else "Why")
    if not alert.sources:
        return
    if alert.kind is AlertKind.SILENT:
        yield Line("fact", "1 source" if alert.sources == 1 else f"{alert.sources} sources", "Answered")
    else:
        count = "1 source" if alert.sources == 1 else f"{alert.sources} independent sources"
        yield Line("fact", count, "Evidence")


def quoted(quote: Quote, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    """Yield a piece of evidence: the words, who said them, and where."""
    yield Line("quote", f"“{unlinked(quote.text, room.text)}”")
    outlet = unlinked(quote.outlet, 80) or "an unnamed outlet"
    yield Line("by", f"— {outlet} ({TIER_WORDS[quote.tier]}), {tell_moment(quote.at, zone)}")
    if quote.link and (link := safe_link(quote.link)):
        yield Line("link", link.url, link=link)


def _note(note: str, room: Room) -> Iterator[Line]:
    folded = [fold(line, room.text) for line in note.splitlines()[:NOTE_LINES]]
    for number, text in enumerate(filter(None, folded)):
        yield Line("text", text) if number else Line("fact", text, "Your note")


def policy_small(alert: Alert) -> Line:
    """The small print of a policy alert: its kind and reason code, and what it is about."""
    about = (("watchlist", alert.watchlist), ("item", alert.item), ("severity", alert.severity))
    return small_print(alert.kind, alert.reason.value, *about)
