"""When a route tells: across midnight, on given days, in zones, and on the days when clocks are changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from watcher.domain.alerts import Hours, Window
from watcher.domain.hours import LONGEST, is_open, opens, release

BERLIN, NEW_YORK, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")
LORD_HOWE, APIA = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia")
EVERY_DAY = frozenset(range(7))
WEEKDAYS = frozenset(range(5))
MINUTE = timedelta(minutes=1)
CHANGES = {  # days on which clocks are changed
    BERLIN: (date(2025, 3, 30), date(2025, 10, 26)),
    NEW_YORK: (date(2025, 3, 9), date(2025, 11, 2)),
    LORD_HOWE: (date(2025, 4, 6), date(2025, 10, 5)),  # by half an hour
    KOLKATA: (),
    APIA: (date(2011, 12, 30),),  # the whole day was left out
}


def window(start: str, end: str, zone: ZoneInfo = BERLIN, days: frozenset[int] = EVERY_DAY) -> Window:
    return Window(time.fromisoformat(start), time.fromisoformat(end), days, zone)


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


NIGHT = Hours(quiet=(window("22:00", "07:00"),))
OFFICE = Hours(active=(window("09:00", "18:00", days=WEEKDAYS),))


@pytest.mark.parametrize(
    ("hours", "now", "opening"),
    [
        (Hours(), "2025-09-25T03:00", None),
        (NIGHT, "2025-09-25T21:59", None),
        (NIGHT, "2025-09-25T22:00", "2025-09-26T07:00"),
        (NIGHT, "2025-09-26T06:59:59.999", "2025-09-26T07:00"),
        (NIGHT, "2025-09-26T07:00", None),
        (OFFICE, "2025-09-25T17:59", None),
        (OFFICE, "2025-09-25T18:00", "2025-09-26T09:00"),
        (OFFICE, "2025-09-26T18:00", "2025-09-29T09:00"),  # Friday
        # a window's days are those it begins on: Friday night is quiet until Saturday morning, Saturday night is not
        (Hours(quiet=(window("22:00", "07:00", days=frozenset({4})),)), "2025-09-27T01:00", "2025-09-27T07:00"),
        (Hours(quiet=(window("22:00", "07:00", days=frozenset({4})),)), "2025-09-28T01:00", None),
        # several in a row, and one in another zone
        (Hours((window("22:00", "07:00"), window("06:00", "08:30"))), "2025-09-25T23:00", "2025-09-26T08:30"),
        (Hours((window("01:30", "04:00", KOLKATA),)), "2025-09-25T22:30", "2025-09-26T00:30"),
        # quiet counts within active
        (Hours((window("12:00", "13:00"),), OFFICE.active), "2025-09-26T12:30", "2025-09-26T13:00"),
        (Hours((window("08:00", "09:30"),), OFFICE.active), "2025-09-26T08:10", "2025-09-26T09:30"),
        # one that ends when it begins lasts a day
        (Hours((window("09:00", "09:00", days=frozenset({5})),)), "2025-09-27T09:00", "2025-09-28T09:00"),
        (Hours((window("00:00", "00:00", days=frozenset({5, 6})),)), "2025-09-27T00:00", "2025-09-29T00:00"),
        # the hour that is left out (02:00 to 03:00) and the one that comes twice
        (Hours((window("22:00", "02:30"),)), "2025-03-30T01:59", "2025-03-30T03:00"),
        (Hours((), (window("02:30", "04:00"),)), "2025-03-30T01:59", "2025-03-30T03:00"),
        (Hours((), (window("02:10", "02:40"),)), "2025-03-30T01:59", "2025-03-31T02:10"),
        (Hours((window("22:00", "07:00"),)), "2025-03-29T22:00", "2025-03-30T07:00"),
        (Hours((), (window("01:30", "02:30", APIA),)), "2011-12-29T22:00", "2011-12-30T12:30"),
    ],
)  # fmt: skip
def test_the_first_moment_that_is_open(hours: Hours, now: str, opening: str | None) -> None:
    assert release(hours, at(now)) == (at(opening) if opening else None)


def test_an_hour_that_comes_twice_is_held_whole() -> None:
    until = Hours((window("22:00", "02:30"),))
    for fold in (0, 1):
        assert release(until, at("2025-10-26T02:29", fold=fold)) == at("2025-10-26T02:30", fold=1)
    assert release(until, at("2025-10-26T02:30", fold=1)) is None
    since = Hours((), (window("02:30", "03:00"),))
    assert release(since, at("2025-10-26T01:00")) == at("2025-10-26T02:30", fold=0)


def test_what_never_opens_holds_nothing_for_ever() -> None:
    never = Hours((window("08:00", "19:00"),), OFFICE.active)
    assert not opens(never, date(2025, 1, 1))
    now = at("2025-09-25T03:00")
    assert release(never, now) == now + LONGEST


@pytest.mark.parametrize("hours", [Hours(), NIGHT, OFFICE])
def test_what_opens(hours: Hours) -> None:
    assert opens(hours, date(2025, 1, 1))


@pytest.mark.parametrize(
    "quiet",
    [
        (window("00:00", "00:00"),),
        (window("07:00", "19:00"), window("19:00", "07:00")),
        (window("00:00", "00:00", days=WEEKDAYS), window("00:00", "12:00", KOLKATA), window("08:00", "23:59", KOLKATA),
         window("20:00", "21:00")),
    ],
)  # fmt: skip
def test_what_is_always_quiet_does_not_open(quiet: tuple[Window, ...]) -> None:
    assert not opens(Hours(quiet), date(2025, 1, 1))


# --- whatever the windows -------------------------------------------------------------------------

CLOCKS = st.builds(time, st.integers(0, 23), st.sampled_from((0, 10, 15, 30, 45, 59)))
# the hours that are left out or come twice, where all the difficulties are
SMALL = st.builds(time, st.integers(0, 4), st.sampled_from((0, 15, 30, 45)))
ZONES = tuple(CHANGES)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Hours, datetime]:
    zone = draw(st.sampled_from(ZONES))
    clocks = st.one_of(CLOCKS, SMALL)
    days = st.one_of(st.just(EVERY_DAY), st.frozensets(st.integers(0, 6), min_size=1))
    windows = st.lists(st.builds(Window, clocks, clocks, days, st.sampled_from((zone, zone, *ZONES))), max_size=3)
    hours = Hours(tuple(draw(windows)), tuple(draw(windows)))
    day = draw(st.sampled_from(CHANGES[zone] or (date(2025, 9, 25),)))
    minute = draw(st.integers(-1440, 2880))
    return hours, datetime(day.year, day.month, day.day, tzinfo=UTC) + minute * MINUTE


@given(cases())
@settings(max_examples=300, deadline=None)
@example((Hours((window("22:00", "02:30"),)), at("2025-10-26T02:10", fold=1)))
def test_it_is_open_then_and_at_no_minute_before(case: tuple[Hours, datetime]) -> None:
    hours, now = case
    opening = release(hours, now)
    if opening is None:
        assert is_open(hours, now)
        return
    assume(opening < now + LONGEST)
    assert is_open(hours, opening)
    assert not is_open(hours, opening - timedelta(microseconds=1))
    moment = now
    while moment < opening:
        assert not is_open(hours, moment), moment
        moment += MINUTE * (1 if opening - now < timedelta(days=2) else 15)


def says_the_clock(window: Window, moment: datetime) -> bool:
    """Whether somebody who looks at a clock and a calendar in the zone would say that the window is on."""
    local = moment.astimezone(window.zone)
    now, today = local.time(), local.weekday()
    if window.start < window.end:
        return window.start <= now < window.end and today in window.days
    return (now >= window.start and today in window.days) or (now < window.end and (today - 1) % 7 in window.days)


@given(cases())
@settings(max_examples=500, deadline=None)
def test_it_is_what_a_clock_on_the_wall_says(case: tuple[Hours, datetime]) -> None:
    """They agree on days when no clock is changed; on others it is on whenever the clock says so."""
    hours, now = case
    for one in (*hours.quiet, *hours.active):
        if one.zone is APIA:
            continue  # the calendar left a day out: what began on it is nobody's
        on = not is_open(Hours(quiet=(one,)), now)
        if says_the_clock(one, now):
            assert on
        offsets = {(now + timedelta(hours=n)).astimezone(one.zone).utcoffset() for n in range(-48, 49)}
        if len(offsets) == 1:
            assert on == says_the_clock(one, now)
