"""What a message of several alerts says: one event that moved several items, or alerts that waited."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from watcher.delivery.digest import digest_headline, digest_lines, digest_small
from watcher.delivery.lines import GAP, Line, Room, small_print
from watcher.delivery.plain import cut, fold
from watcher.delivery.policy import asked_again, policy_headline, policy_lines, policy_small, quoted, what, why
from watcher.delivery.system import points, system_headline, system_lines, system_small
from watcher.delivery.times import tell_moment, tell_since
from watcher.domain.alerts import Alert, AlertKind, AnyAlert, Delivery, Hold, Merge, Message, Quote, SystemAlert

ActLines = Callable[[Delivery], Iterator[Line]]
"""What somebody can do about the alert of a delivery, as lines."""

_HELD = {
    Hold.GROUP: "They waited for others of the same event.",
    Hold.QUIET: "They waited for the end of quiet hours.",
    Hold.BUDGET: "They waited because this hour's messages were used up.",
}
_LATE = "They waited because this receiver did not take messages. They are in the order in which they came up."


# --- one alert ----------------------------------------------------------------------------------------------------


def headline(alert: AnyAlert, zone: ZoneInfo) -> str:
    """Return the line that says what an alert is about; not cut."""
    if isinstance(alert, SystemAlert):
        return system_headline(alert)
    return policy_headline(alert, zone) if isinstance(alert, Alert) else digest_headline(alert)


def small(alert: AnyAlert) -> Line:
    """Return the small print of an alert: kind, reason code, what it is about."""
    if isinstance(alert, SystemAlert):
        return system_small(alert)
    if not isinstance(alert, Alert):
        return digest_small(alert)
    return small_print(alert.kind, alert.reason.value) if alert.kind is AlertKind.TEST else policy_small(alert)


def body(alert: AnyAlert, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    """Yield what a message of one alert says between its headline and its links."""
    if isinstance(alert, SystemAlert):
        return system_lines(alert, room, zone)
    return policy_lines(alert, room, zone) if isinstance(alert, Alert) else digest_lines(alert, room, zone)


# --- several ------------------------------------------------------------------------------------------------------


def merged_headline(message: Message, zone: ZoneInfo) -> str:
    """Return the line that says how many alerts a message holds, and why it holds several; not cut."""
    count = len(message.deliveries)
    if message.merge is Merge.EVENT:
        return f"{count} items moved by one event"
    word = "late" if message.merge is Merge.LATE else "held"
    return f"{count} alerts {word} since {tell_since(_begin(message), _end(message), zone)}"


def merged_subject(message: Message, zone: ZoneInfo, longest: int) -> str:
    """Return the subject: of one event its first state and how many more, else what the headline says and the state
    that is newest."""
    if message.merge is Merge.EVENT:
        rest = f", and {len(message.deliveries) - 1} more"
        return cut(headline(message.deliveries[0].alert, zone), longest - len(rest)) + rest
    return cut(f"{merged_headline(message, zone)}: {headline(message.deliveries[-1].alert, zone)}", longest)


def _begin(message: Message) -> datetime:
    return min(one.created_at or one.alert.at for one in message.deliveries)


def _end(message: Message) -> datetime:
    """The latest moment that the message knows of: it reads no clock."""
    latest = max(one.created_at or one.alert.at for one in message.deliveries)
    # what waited for a night or an hour was planned over that time; what waited for longer says so by itself
    return max(latest, _begin(message) + timedelta(hours=12))


def merged_lines(message: Message, room: Room, zone: ZoneInfo, acts: ActLines) -> Iterator[Line]:
    """Yield what a message of several alerts says between its headline and its foot.

    They stand in the order planned: of an item that moved twice the newest state is told last. What one event moved is
    quoted once, after all of them.
    """
    yield Line("text", _reason(message))
    shown = message.deliveries[: room.alerts]
    for number, delivery in enumerate(shown, start=1):
        yield GAP
        yield Line("head", f"{number}. {cut(headline(delivery.alert, zone), min(room.text, 200))}")
        if not room.brief:
            yield from _entry(delivery.alert, room, zone, quotes=message.merge is not Merge.EVENT)
            yield from acts(delivery)
        yield small(delivery.alert)
    if left := len(message.deliveries) - len(shown):
        yield GAP
        yield Line("text", f"and {left} more, for which there is no room here: see `watcher outbox list --state sent`")
    if message.merge is Merge.EVENT and not room.brief:
        for quote in _quotes(shown)[: room.quotes]:
            yield GAP
            yield from quoted(quote, room, zone)


def _reason(message: Message) -> str:
    if message.merge is Merge.EVENT:
        return "One event moved them, so they come as one message."
    if message.merge is Merge.LATE:
        return _LATE
    holds = {one.hold for one in message.deliveries if one.hold is not None}
    return _HELD[holds.pop()] if len(holds) == 1 else "They waited, and come as one message."


def _entry(alert: AnyAlert, room: Room, zone: ZoneInfo, *, quotes: bool) -> Iterator[Line]:
    """Yield one alert among others: what and why, without what a reader can look up."""
    short = Room(min(room.text, 300), 1 if room.quotes else 0, 10, brief=True)
    if isinstance(alert, SystemAlert):
        yield Line("fact", tell_moment(alert.at, zone), "Noticed")
        yield from points(alert, short, zone)
    elif not isinstance(alert, Alert):
        yield from (line for line in digest_lines(alert, short, zone) if line.kind != "gap")
    else:
        yield from asked_again(alert, zone)
        yield from what(alert, short, zone)
        yield from why(alert, short)
        if note := fold(alert.note, short.text):
            yield Line("fact", note, "Your note")
        for quote in alert.quotes[: short.quotes] if quotes else ():
            yield from quoted(quote, short, zone)


def _quotes(deliveries: Sequence[Delivery]) -> list[Quote]:
    """What is quoted in all of them, each piece once, in order."""
    every = (quote for one in deliveries if isinstance(one.alert, Alert) for quote in one.alert.quotes)
    return list({(quote.link or quote.text, quote.outlet): quote for quote in every}.values())
