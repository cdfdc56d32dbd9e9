"""When a route tells: windows of the week in their time zones, and the first moment that is open.

A window is one stretch of time. Where clocks are put back it holds both passes of the hour that comes twice; where they
are put forward, one that begins or ends in the hour that is left out does so when that hour would have begun. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from watcher.domain.alerts import Hours, Window

DAY = timedelta(days=1)
LONGEST = timedelta(weeks=4)  # nothing is held for longer
_REACHES = (timedelta(days=2), timedelta(days=9), LONGEST)  # looked at one after the other: most open soon
_BACK = 2  # days before a moment on which a window that holds it may have begun
_YEAR = 366
_SECOND = timedelta(seconds=1)


def is_open(hours: Hours, at: datetime) -> bool:
    """Whether a route with these hours tells at this moment."""
    if any(_holds(window, at) for window in hours.quiet):
        return False
    return not hours.active or any(_holds(window, at) for window in hours.active)


def release(hours: Hours, now: datetime) -> datetime | None:
    """Return the first moment (UTC) after `now` at which it is open; None when it is open now.

    Hours that are shut for LONGEST, which the configuration refuses, hold nothing beyond that.
    """
    if is_open(hours, now):
        return None
    for reach in _REACHES:
        for moment in sorted(set(_turns(hours, now, now + reach))):
            if is_open(hours, moment):
                return moment
    return now + LONGEST


def opens(hours: Hours, first: date) -> bool:
    """Whether it is open at some time of every four weeks in the year that begins at `first`."""
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    weeks = (begin + timedelta(days=days) for days in range(0, _YEAR, 7))
    return all((until := release(hours, week)) is None or until < week + LONGEST for week in weeks)


def _turns(hours: Hours, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the moments at which it may begin to be open: ends of quiet windows, beginnings of active ones."""
    for windows, which in ((hours.quiet, 1), (hours.active, 0)):
        for window in windows:
            for stretch in _stretches(window, after, until):
                if after < stretch[which] <= until:
                    yield stretch[which]


def _holds(window: Window, at: datetime) -> bool:
    return any(begin <= at < end for begin, end in _stretches(window, at, at))


def _stretches(window: Window, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the beginning and the end (UTC) of every stretch that may touch the time between two moments."""
    for day in _days(first.astimezone(window.zone).date() - _BACK * DAY, last.astimezone(window.zone).date()):
        if day.weekday() not in window.days:
            continue
        closing = day if window.end > window.start else day + DAY
        begin = _moment(datetime.combine(day, window.start), window.zone, fold=0)
        end = _moment(datetime.combine(closing, window.end), window.zone, fold=1)
        if begin < end:
            yield begin, end


def _days(first: date, last: date) -> Iterable[date]:
    return (first + DAY * n for n in range((last - first).days + 1))


def _moment(local: datetime, zone: ZoneInfo, *, fold: int) -> datetime:
    """Return the moment (UTC) of a local time; of one that comes twice the first (`fold` 0) or the second, of one that
    is left out the moment at which the clocks were put forward."""
    moment = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local:
        return moment
    # read with the offset from before, a time that is left out comes after the change, and the other way round
    shut = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    changed = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    offset = changed.astimezone(zone).utcoffset()
    while changed - shut > _SECOND:
        middle = shut + (changed - shut) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            changed = middle
        else:
            shut = middle
    return changed.replace(microsecond=0)
