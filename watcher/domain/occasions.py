"""What there is to tell of an item though nothing was told of it: the day it waits for is near or has passed, or
nothing happened for longer than it ever does.

Pure: each function returns the alert with the key that it is told once under.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from watcher.domain.alerting import stands
from watcher.domain.alerts import Alert, AlertKind
from watcher.domain.feeds import FeedStatus
from watcher.domain.health import answers
from watcher.domain.model import Evidence, Item, Lifecycle, Reason, Standing

Occasion = tuple[Alert, tuple[str, ...]]

DAY = timedelta(days=1)
BEFORE = ((Reason.IN_7_DAYS, 7), (Reason.IN_1_DAY, 1), (Reason.PASSED, -1))  # days before the day begins


def waited_day(lifecycle: Lifecycle, standing: Standing) -> date | None:
    """Return the day that an item's state carries, where it is not a last state; None where there is none."""
    state = lifecycle.states.get(standing.state)
    if state is None or state.final or not (state.value or "").startswith("date"):
        return None
    try:
        return date.fromisoformat((standing.value or "")[:10])  # "2025-11-10", "2025-11-10 Madrid"
    except ValueError:
        return None


def deadline(item: Item, lifecycle: Lifecycle, standing: Standing, now: datetime, zone: ZoneInfo) -> Occasion | None:
    """Return what is to be told of the day that `item` waits for: the last of its thresholds that has come since it is
    known here that the item waits for it. None where none has.

    Days begin and end in `zone`. A threshold that was past when the day became known is never told; of several that
    came while nobody looked, only the last is.
    """
    day = waited_day(lifecycle, standing)
    if day is None:
        return None
    known = standing.known_since or standing.since
    come = [reason for reason, days in BEFORE if known < _begins(day, -days, zone) <= now]
    if not come:
        return None
    reason = come[-1]
    alert = stands(AlertKind.DEADLINE, item, lifecycle, standing, now, reason, _told(day, now, zone))
    return replace(alert, day=day), (AlertKind.DEADLINE.value, item.id, day.isoformat(), reason.value)


def _begins(day: date, later: int, zone: ZoneInfo) -> datetime:
    """The first moment of the day so many days later."""
    try:
        return datetime.combine(day + later * DAY, time(), zone).astimezone(UTC)
    except OverflowError:  # a day at the end of the calendar
        return datetime.max.replace(tzinfo=UTC)


def _told(day: date, now: datetime, zone: ZoneInfo) -> str:
    left = (day - now.astimezone(zone).date()).days
    if left < 0:
        return f"the day it waited for, {day}, has passed, and no change was told"
    when = {0: "is today", 1: "is tomorrow"}.get(left, f"is in {left} days")
    return f"the day it waits for, {day}, {when}"


def silence(
    item: Item,
    lifecycle: Lifecycle,
    standing: Standing,
    last: Evidence | None,
    sources: Sequence[FeedStatus],
    now: datetime,
) -> Occasion | None:
    """Return that nothing was told of `item` for its expected period, though all of `sources`, those chosen for it,
    answered the whole time; None where that cannot be said.

    `last` is the latest that was told of it, in whatever way. Whenever a source was down, or nobody asked it, the
    silence begins anew: nobody could have seen what happened. An item in a last state is never silent.
    """
    state = lifecycle.states.get(standing.state)
    if item.silent_after is None or state is None or state.final or not sources:
        return None
    looked = [feed.unbroken_since for feed in sources if answers(feed, now) and not feed.health.down]
    known = [at for at in looked if at is not None]
    if len(known) < len(sources):
        return None
    began = max(*known, standing.known_since or standing.since, last.at if last else standing.since)
    if now - began < item.silent_after:
        return None
    answered = f"all of its {len(sources)} sources" if len(sources) > 1 else "its one source"
    detail = f"nothing was told of it since {began:%Y-%m-%d}, and {answered} answered the whole time"
    if last is not None:
        detail += f"; the last was told by {last.outlet or 'an unnamed outlet'} on {last.at:%Y-%m-%d}"
    alert = stands(AlertKind.SILENT, item, lifecycle, standing, now, Reason.NOTHING_HAPPENED, detail)
    return alert, (AlertKind.SILENT.value, item.id, last.id if last else "start")
