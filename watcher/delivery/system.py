"""What a message says of the service itself: nothing in it is news about an item, and it looks like none."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from watcher.delivery.lines import GAP, Line, Room, small_print
from watcher.delivery.plain import fold, unlinked
from watcher.delivery.times import tell_moment
from watcher.domain.alerts import AlertKind, SystemAlert

_SEE = {AlertKind.CONFIG_REJECTED: "`watcher check`", AlertKind.TROUBLE: "the log", AlertKind.TROUBLE_OVER: "the log"}


def system_headline(alert: SystemAlert) -> str:
    """Return the line that says what happened, marked as one about the service; not cut."""
    return f"[watcher] {fold(alert.title, 200)}"


def system_lines(alert: SystemAlert, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    """Yield what a message of one alert says between its headline and its links."""
    yield Line("text", "About the service itself. No watch item has changed.")
    yield GAP
    yield Line("fact", tell_moment(alert.at, zone), "Noticed")
    yield from points(alert, room, zone)
    yield GAP
    if advice := fold(alert.advice, room.text):
        yield Line("fact", advice, "Next")


def points(alert: SystemAlert, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    """Yield what the alert names, and how much more there is."""
    ours = alert.kind is AlertKind.CONFIG_REJECTED  # its points are named by files of the operator's
    for point in alert.points:
        since = f", since {tell_moment(point.since, zone)}" if point.since else ""
        yield Line(
            "fact", f"{unlinked(point.text, min(room.text, 200))}{since}", (fold if ours else unlinked)(point.name, 80)
        )
    if alert.more:
        yield Line("text", f"and {alert.more} more: see {_SEE.get(alert.kind, '`watcher feeds`')}")


def system_small(alert: SystemAlert) -> Line:
    """The small print of a system alert: its kind and reason code, and what it is about."""
    about = (("system alert about", alert.subject), ("severity", alert.severity))
    return small_print(alert.kind, alert.reason, *about)
