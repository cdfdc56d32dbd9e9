"""The kinds of value that say when something is told: times of day, days of the week, windows of both, timetables."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any

from apscheduler.triggers.cron import CronTrigger
from pydantic import BeforeValidator, Field, WithJsonSchema

from watcher.config.fields import REFERENCE, Section, Zone, duration_between, wrong
from watcher.config.several import Several

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAILY, WEEKLY = "0 8 * * *", "0 8 * * mon"
_TIMETABLE = 'daily, weekly, or minute, hour, day, month and day of the week, that by name: "0 8 * * mon-fri"'
_DAY_WORDS = f'{", ".join(DAYS)}, as in "mon-fri", "sat, sun", [mon, wed]'
_MIDNIGHT = time(0)
_ANY_DAY = datetime(2025, 1, 1, tzinfo=UTC)

# --- times of day ---------------------------------------------------------------------------------


def _clock(value: Any) -> time:
    match = re.fullmatch(r"(\d{1,2}):(\d{2})", value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise wrong("not a time of day", '"00:00" to "23:59"')
    return time(int(match[1]), int(match[2]))


def _closing(value: Any) -> time:
    if value == "24:00":
        return _MIDNIGHT
    try:
        return _clock(value)
    except ValueError:
        raise wrong("not a time of day", '"00:00" to "24:00"') from None


def _clock_schema(last: str) -> WithJsonSchema:
    hours = rf"([01]?\d|2[0-3]):[0-5]\d{last}"
    return WithJsonSchema({"type": "string", "pattern": f"^({hours})$|{REFERENCE}"})


Clock = Annotated[time, BeforeValidator(_clock), _clock_schema("")]
Closing = Annotated[time, BeforeValidator(_closing), _clock_schema("|24:00")]

# --- days -----------------------------------------------------------------------------------------


def _days(value: Any) -> frozenset[int]:
    """Read "mon-fri", "sat,sun" or a list of such; a span may go past Sunday."""
    given = value if isinstance(value, list | tuple) else [value]
    found: set[int] = set()
    for part in (piece.strip() for one in given for piece in str(one).lower().split(",")):
        match = re.fullmatch(r"([a-z]+)(?:\s*-\s*([a-z]+))?", part)
        if match is None or match[1] not in DAYS or (match[2] or match[1]) not in DAYS:
            raise wrong("not days of the week", _DAY_WORDS)
        begin, end = DAYS.index(match[1]), DAYS.index(match[2] or match[1])
        found |= {day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)}
    if not found:
        raise wrong("must not be empty", _DAY_WORDS)
    return frozenset(found)


_DAYS_TEXT = {"type": "string", "minLength": 3}
Days = Annotated[
    frozenset[int],
    BeforeValidator(_days),
    WithJsonSchema({"anyOf": [_DAYS_TEXT, {"type": "array", "items": _DAYS_TEXT, "minItems": 1}]}),
]

# --- windows --------------------------------------------------------------------------------------


class WindowSection(Section):
    """Some hours of some days."""

    from_: Clock = Field(alias="from", description="When it begins.")
    to: Closing = Field(description="When it ends; on the next day where that is not later than it begins.")
    days: Days = Field(default=frozenset(range(7)), description="The days it begins on; every day if not told.")
    zone: Zone | None = Field(default=None, description="An IANA time zone; the service's if not told.")


Windows = Annotated[tuple[WindowSection, ...], Several()]
Wait = Annotated[
    timedelta,
    BeforeValidator(duration_between(timedelta(seconds=1), timedelta(hours=1), "1s to 1h")),
    WithJsonSchema({"type": "string"}),
]

# --- timetables -----------------------------------------------------------------------------------


def _cron(value: Any) -> str:
    text = {"daily": DAILY, "weekly": WEEKLY}.get(value, value) if isinstance(value, str) else ""
    parts = text.split()
    # where numbers of days begin differs: with Sunday in crontab(5), with Monday in the library
    if len(parts) != 5 or re.search(r"\d", parts[4]):
        raise wrong("not a timetable", _TIMETABLE)
    # crontab(5) wants one of them to hold, the library both
    if parts[2] != "*" and parts[4] != "*":
        raise wrong("a day of the month, or days of the week: not both", _TIMETABLE)
    try:
        trigger = CronTrigger.from_crontab(text, timezone=UTC)
    except ValueError:
        raise wrong("not a timetable", _TIMETABLE) from None
    if trigger.get_next_fire_time(None, _ANY_DAY) is None:
        raise wrong("a timetable of a day that never comes", _TIMETABLE)
    return " ".join(parts)


Cron = Annotated[str, BeforeValidator(_cron), WithJsonSchema({"type": "string"})]
