"""How messages tell days, moments and lengths of time. Local time is made here and nowhere else in a message."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def tell_moment(at: datetime, zone: ZoneInfo) -> str:
    """Tell a time with its zone: "14 Sep 2025, 16:05 Europe/Berlin"."""
    return f"{tell_day(at, zone)}, {tell_clock(at, zone)} {zone.key}"


def tell_clock(at: datetime, zone: ZoneInfo) -> str:
    """Tell a time of day: "16:05"."""
    return f"{at.astimezone(zone):%H:%M}"


def tell_day(at: datetime, zone: ZoneInfo) -> str:
    """Tell the day a moment falls on: "14 Sep 2025"."""
    return tell_date(at.astimezone(zone).date())


def tell_date(day: date) -> str:
    """Tell a day: "14 Sep 2025"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def tell_since(since: datetime, until: datetime, zone: ZoneInfo) -> str:
    """Tell since when: "22:00" of the same day and the night before, "14 Sep, 22:00" of an earlier one."""
    local = since.astimezone(zone)
    clock = tell_clock(since, zone)
    return clock if until - since < timedelta(hours=24) else f"{local.day} {_MONTHS[local.month - 1]}, {clock}"


def tell_span(span: timedelta) -> str:
    """Tell how long in the largest unit that counts at least one."""
    seconds = max(int(span.total_seconds()), 0)
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if count := seconds // length:
            return f"{count} {unit}" + ("" if count == 1 else "s")
    return "less than a minute"
