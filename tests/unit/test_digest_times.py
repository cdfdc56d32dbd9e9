"""When digests come: by the clock on the wall, each of its times once, also where the clock jumps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.digesting import named, next_time
from watcher.domain.alerts import Timetable

BERLIN = ZoneInfo("Europe/Berlin")
# clocks that jump by an hour, by half an hour, at midnight, the other way round, twice within a month, and never
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "Africa/Casablanca",
         "America/Santiago", "Europe/Dublin", "Asia/Kolkata", "UTC")  # fmt: skip

MOMENTS = st.integers(0, 3 * 366 * 1440).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def walls(cron: str, after: datetime, count: int, zone: ZoneInfo = BERLIN) -> list[str]:
    """The next times as a clock there shows them."""
    found = []
    for _ in range(count):
        at = next_time(Timetable(cron, zone), after)
        assert at is not None
        assert at > after
        after = at
        found.append(f"{at.astimezone(zone):%a %d %b %H:%M}")
    return found


def test_days_have_names() -> None:
    friday = datetime(2025, 10, 24, 9, tzinfo=UTC)
    assert walls("0 8 * * mon-fri", friday, 2) == ["Mon 27 Oct 08:00", "Tue 28 Oct 08:00"]
    assert walls("30 17 1 * *", friday, 2) == ["Sat 01 Nov 17:30", "Mon 01 Dec 17:30"]


def test_the_time_itself_is_not_the_next() -> None:
    at = datetime(2025, 11, 3, 7, 0, tzinfo=UTC)
    assert walls("0 8 * * *", at, 1) == ["Tue 04 Nov 08:00"]
    assert walls("0 8 * * *", at - timedelta(seconds=1), 1) == ["Mon 03 Nov 08:00"]


def test_a_time_that_the_clock_jumps_over_comes_after_the_jump() -> None:
    begin = datetime(2025, 3, 29, 12, tzinfo=UTC)
    assert walls("30 2 * * *", begin, 2) == ["Sun 30 Mar 03:30", "Mon 31 Mar 02:30"]
    in_between = datetime(2025, 3, 30, 1, 10, tzinfo=UTC)  # 03:10, ten minutes after the jump
    assert walls("30 2 * * *", in_between, 1) == ["Sun 30 Mar 03:30"]


def test_a_time_that_comes_twice_counts_once() -> None:
    begin = datetime(2025, 10, 25, 12, tzinfo=UTC)
    assert walls("30 2 * * *", begin, 2) == ["Sun 26 Oct 02:30", "Mon 27 Oct 02:30"]
    first = next_time(Timetable("30 2 * * *", BERLIN), begin)
    assert first == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
    between_the_two = datetime(2025, 10, 26, 0, 45, tzinfo=UTC)
    assert walls("30 2 * * *", between_the_two, 1) == ["Mon 27 Oct 02:30"]


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    start=MOMENTS,
)
def test_every_local_day_has_one(zone: ZoneInfo, minute: int, hour: int, start: datetime) -> None:
    timetable = Timetable(f"{minute} {hour} * * *", zone)
    days: list[date] = []
    at = start
    for _ in range(45):
        found = next_time(timetable, at)
        assert found is not None
        at = found
        days.append(at.astimezone(zone).date())
    assert days == [days[0] + timedelta(days=n) for n in range(45)]
    assert days[0] - start.astimezone(zone).date() in (timedelta(0), timedelta(days=1))


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    cron=st.sampled_from(("*/20 * * * *", "0,45 1-3 * * *", "15 * * * sun", "30 0,2 * * mon,sun")),
    start=MOMENTS,
    parts=st.lists(st.integers(0, 3 * 86_400), max_size=20),
)
def test_it_does_not_matter_when_it_is_asked(zone: ZoneInfo, cron: str, start: datetime, parts: list[int]) -> None:
    """A time stays the next one until it has come."""
    timetable = Timetable(cron, zone)
    found = next_time(timetable, start)
    assert found is not None
    for seconds in parts:
        later = start + timedelta(seconds=seconds)
        if later < found:
            assert next_time(timetable, later) == found


def test_what_never_comes_has_no_time() -> None:
    assert next_time(Timetable("0 8 30 feb *", BERLIN), datetime(2025, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(("cron", "zone"), [("0 9 * * *", "Europe/Berlin"), ("0 8 * * *", "UTC")])
def test_another_time_or_zone_is_another_timetable(cron: str, zone: str) -> None:
    assert named(Timetable(cron, ZoneInfo(zone))) != named(Timetable("0 8 * * *", BERLIN))
