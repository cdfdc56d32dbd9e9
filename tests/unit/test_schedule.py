"""When a feed is due again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alert_cases import a_message
from hypothesis import given
from hypothesis import strategies as st

from watcher.domain import alerting
from watcher.domain.alerts import Failed, Message
from watcher.domain.feeds import Feed, Pace
from watcher.domain.schedule import (
    FIRST_RETRY,
    HURRY,
    JITTER,
    LONGEST_BACK_OFF,
    LONGEST_RETRY,
    LONGEST_WAIT,
    LONGEST_WISH,
    MAX_ATTEMPTS,
    SILENCE_SHARE,
    back_off,
    interval,
    learn,
    next_attempt,
    next_poll,
)

NOW = datetime(2025, 11, 22, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)

waits = st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=7))


@given(every=waits, feed=st.text())
def test_success_waits_the_feeds_own_interval_or_up_to_a_tenth_less(every: timedelta, feed: str) -> None:
    """Never longer: the interval that somebody wrote down is a promise."""
    wait = next_poll(every, NOW, 0, None, feed) - NOW
    assert every * (1 - JITTER) - timedelta(microseconds=1) <= wait <= every


def test_a_failing_feed_is_spread_to_either_side() -> None:
    waits = [(next_poll(QUARTER, NOW, 2, None, f"feed-{n}") - NOW) / QUARTER / 4 for n in range(1000)]
    assert 1 - JITTER <= min(waits) < 1 - 0.9 * JITTER
    assert 1 + 0.9 * JITTER < max(waits) <= 1 + JITTER


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        (0, QUARTER),
        (1, 2 * QUARTER),
        (2, 4 * QUARTER),
        (4, 16 * QUARTER),
        (5, LONGEST_BACK_OFF),
        (10**6, LONGEST_BACK_OFF),
    ],
)
def test_failures_double_the_wait_up_to_the_cap(failures: int, expected: timedelta) -> None:
    assert back_off(QUARTER, failures) == expected


def test_a_feed_polled_once_a_day_is_not_polled_more_often_for_failing() -> None:
    assert back_off(timedelta(days=1), 3) == timedelta(days=1)


def test_what_the_server_asks_for_is_never_undercut() -> None:
    for feed in map(str, range(200)):
        assert next_poll(QUARTER, NOW, 1, timedelta(hours=8), feed) >= NOW + timedelta(hours=8)


def test_a_server_that_asks_for_a_year_is_looked_at_once_a_day() -> None:
    wait = next_poll(QUARTER, NOW, 1, timedelta(days=365), "fed") - NOW
    assert LONGEST_WAIT <= wait <= LONGEST_WAIT * (1 + JITTER)


def test_a_short_retry_after_does_not_shorten_the_back_off() -> None:
    assert next_poll(QUARTER, NOW, 3, timedelta(seconds=5), "fed") == next_poll(QUARTER, NOW, 3, None, "fed")


def test_feeds_started_together_are_spread_evenly() -> None:
    waits = [(next_poll(QUARTER, NOW, 0, None, f"feed-{n}") - NOW) / QUARTER for n in range(1000)]
    assert max(waits) - min(waits) > 0.9 * JITTER
    assert 0.94 < sum(waits) / len(waits) < 0.96


def test_same_arguments_same_answer_and_other_failures_another() -> None:
    assert next_poll(QUARTER, NOW, 2, None, "fed") == next_poll(QUARTER, NOW, 2, None, "fed")
    assert (next_poll(QUARTER, NOW, 6, None, "fed") - NOW) != (next_poll(QUARTER, NOW, 7, None, "fed") - NOW)


def test_a_time_that_is_not_utc_is_refused() -> None:
    with pytest.raises(ValueError, match="aware UTC"):
        next_poll(QUARTER, NOW.replace(tzinfo=None), 0, None, "fed")
    with pytest.raises(ValueError, match="aware UTC"):
        next_poll(QUARTER, NOW.astimezone(timezone(timedelta(hours=8))), 0, None, "fed")


@given(
    every=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=7)),
    failures=st.integers(min_value=0, max_value=10**9),
    retry_after=st.none() | st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=10**6)),
    feed=st.text(),
)
def test_always_in_the_future_and_never_for_ever(
    every: timedelta, failures: int, retry_after: timedelta | None, feed: str
) -> None:
    minimum = timedelta(seconds=30)
    wait = next_poll(every, NOW, failures, retry_after, feed, minimum=minimum) - NOW
    assert minimum <= wait <= max(every, LONGEST_WAIT) * (1 + JITTER) + minimum


@given(every=waits, failures=st.integers(min_value=0, max_value=100))
def test_one_more_failure_never_shortens_the_wait(every: timedelta, failures: int) -> None:
    assert back_off(every, failures + 1) >= back_off(every, failures)


@given(every=waits, feed=st.text(), low=waits, high=waits)
def test_jitter_stays_within_the_bounds_of_a_learned_interval(
    every: timedelta, feed: str, low: timedelta, high: timedelta
) -> None:
    low, high = min(low, high), max(low, high)
    every = min(max(every, low), high)
    wait = next_poll(every, NOW, 0, None, feed, minimum=low, maximum=high) - NOW
    assert low <= wait <= high
    assert abs(wait - every) <= every * JITTER


@given(asked=st.timedeltas(min_value=timedelta(0), max_value=LONGEST_WAIT), failures=st.integers(0, 9), feed=st.text())
def test_what_a_server_asks_for_is_kept_to_beyond_the_bounds(asked: timedelta, failures: int, feed: str) -> None:
    wait = next_poll(QUARTER, NOW, failures, asked, feed, minimum=QUARTER, maximum=QUARTER) - NOW
    assert wait >= asked


# --- how often ------------------------------------------------------------------------------------

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIVE = 5 * MINUTE
FEED = Feed("fed", "https://news.example/", every=QUARTER, fastest=FIVE, slowest=HOUR)
paces = st.builds(
    Pace,
    gap=st.none() | st.timedeltas(MINUTE, timedelta(days=400)),
    longest=st.none() | st.timedeltas(MINUTE, timedelta(days=400)),
    newest_at=st.none() | st.timedeltas(timedelta(0), timedelta(days=4000)).map(lambda ago: NOW - ago),
    told=st.none() | st.timedeltas(timedelta(0), timedelta(days=400)),
)
deadlines = st.none() | st.timedeltas(timedelta(days=-10), timedelta(days=400)).map(lambda off: NOW + off)
spans = st.none() | st.timedeltas(timedelta(0), timedelta(days=400))


@given(pace=paces, deadline=deadlines, fresh_for=spans)
def test_an_interval_is_never_outside_its_bounds(
    pace: Pace, deadline: datetime | None, fresh_for: timedelta | None
) -> None:
    assert FIVE <= interval(FEED, pace, NOW, deadline=deadline, fresh_for=fresh_for) <= HOUR


@given(pace=paces, deadline=deadlines, fresh_for=spans)
def test_a_fixed_interval_is_kept_to_whatever_was_learned(
    pace: Pace, deadline: datetime | None, fresh_for: timedelta | None
) -> None:
    fixed = replace(FEED, fastest=None, slowest=None)
    assert interval(fixed, pace, NOW, deadline=deadline, fresh_for=fresh_for) == QUARTER


@given(pace=paces, longer=st.timedeltas(timedelta(0), timedelta(days=90)), deadline=deadlines, fresh_for=spans)
def test_a_slower_feed_is_never_polled_more_often(
    pace: Pace, longer: timedelta, deadline: datetime | None, fresh_for: timedelta | None
) -> None:
    """More time between its entries, a longer silence, a longer wish of its own or of its server's: a longer wait."""
    wait = interval(FEED, pace, NOW, deadline=deadline, fresh_for=fresh_for)
    changed = [replace(pace, told=(pace.told or timedelta(0)) + longer)]
    if pace.gap is not None:
        changed.append(replace(pace, gap=pace.gap + longer))
        if pace.newest_at is not None:
            changed.append(replace(pace, newest_at=pace.newest_at - longer))
    assert all(interval(FEED, one, NOW, deadline=deadline, fresh_for=fresh_for) >= wait for one in changed)
    later = (fresh_for or timedelta(0)) + longer
    assert interval(FEED, pace, NOW, deadline=deadline, fresh_for=later) >= wait


@given(pace=paces, off=st.timedeltas(timedelta(0), timedelta(days=90)), nearer=st.floats(0, 1))
def test_the_nearer_the_day_the_shorter_the_wait(pace: Pace, off: timedelta, nearer: float) -> None:
    wait = interval(FEED, pace, NOW, deadline=NOW + off)
    assert interval(FEED, pace, NOW, deadline=NOW + off * nearer) <= wait <= interval(FEED, pace, NOW)


@given(pace=paces, off=st.timedeltas(-(DAY + HURRY) + timedelta(seconds=1), HURRY), fresh_for=spans)
def test_within_a_day_of_the_deadline_it_is_polled_as_often_as_may_be(
    pace: Pace, off: timedelta, fresh_for: timedelta | None
) -> None:
    assert interval(FEED, pace, NOW, deadline=NOW + off, fresh_for=fresh_for) == FIVE


@given(pace=paces, ago=st.timedeltas(DAY + HURRY, timedelta(days=400)))
def test_a_day_long_past_hurries_nobody(pace: Pace, ago: timedelta) -> None:
    assert interval(FEED, pace, NOW, deadline=NOW - ago) == interval(FEED, pace, NOW)


@pytest.mark.parametrize(
    ("pace", "fresh_for", "expected"),
    [
        (Pace(), None, QUARTER),  # nothing known
        (Pace(gap=20 * MINUTE, newest_at=NOW), None, 10 * MINUTE),  # half the usual gap
        (Pace(gap=MINUTE, newest_at=NOW), None, FIVE),
        (Pace(gap=30 * DAY, newest_at=NOW), None, HOUR),
        (Pace(gap=20 * MINUTE, newest_at=NOW - 5 * HOUR), None, 30 * MINUTE),  # silent for long: a tenth of it
        (Pace(gap=20 * MINUTE, newest_at=NOW, told=30 * MINUTE), None, 30 * MINUTE),  # its <ttl>
        (Pace(gap=20 * MINUTE, newest_at=NOW), 40 * MINUTE, 40 * MINUTE),  # its server's max-age
        (Pace(told=DAY), None, HOUR),
    ],
)
def test_what_an_interval_follows_from(pace: Pace, fresh_for: timedelta | None, expected: timedelta) -> None:
    assert interval(FEED, pace, NOW, fresh_for=fresh_for) == expected


def test_a_feed_learned_from_its_first_document() -> None:
    times = [NOW - n * 20 * MINUTE for n in range(30)] + [NOW - 900 * DAY]  # and one ancient entry
    pace = learn(Pace(), times, NOW)
    assert (pace.gap, pace.longest, pace.newest_at) == (20 * MINUTE, 20 * MINUTE, NOW)


def test_entries_given_again_or_dated_ahead_teach_nothing() -> None:
    pace = learn(Pace(), [NOW - HOUR, NOW - 2 * HOUR], NOW)
    assert learn(pace, [NOW - HOUR, NOW - 2 * HOUR, NOW + DAY], NOW) == pace


def test_entries_published_at_once_are_one_event() -> None:
    pace = learn(Pace(), [NOW - n * HOUR + k * timedelta(seconds=5) for n in (1, 2, 3) for k in range(4)], NOW)
    assert pace.gap == HOUR


def test_one_outlier_moves_the_pace_little_and_a_new_habit_moves_it_all_the_way() -> None:
    pace = learn(Pace(), [NOW - n * HOUR for n in range(20)], NOW)
    once = learn(pace, [NOW + 60 * DAY], NOW + 60 * DAY)
    assert once.gap is not None
    assert HOUR < once.gap < 1.4 * HOUR
    assert once.longest == 60 * DAY
    for n in range(1, 60):
        pace = learn(pace, [NOW + n * DAY], NOW + n * DAY)
    assert pace.gap is not None
    assert 0.8 * DAY < pace.gap <= DAY


def test_a_long_silence_is_forgotten_with_time_not_with_entries() -> None:
    pace = Pace(gap=MINUTE, longest=16 * DAY, newest_at=NOW)
    for n in range(1, 1001):
        pace = learn(pace, [NOW + n * MINUTE], NOW + n * MINUTE)
    assert pace.longest is not None
    assert pace.longest > 15 * DAY
    for n in range(2, 92):
        pace = learn(pace, [NOW + n * DAY], NOW + n * DAY)
    assert pace.longest < 3 * DAY


@given(st.lists(st.lists(st.timedeltas(timedelta(days=-1500), timedelta(days=13_000)), max_size=40), max_size=8))
def test_any_times_leave_a_pace_that_can_be_kept_to(polls: list[list[timedelta]]) -> None:
    pace = Pace()
    for ages in polls:
        before, pace = pace, learn(pace, [NOW - age for age in ages], NOW)
        assert pace.newest_at is None or pace.newest_at <= NOW
        assert before.newest_at is None or (pace.newest_at is not None and pace.newest_at >= before.newest_at)
        assert (pace.gap is None) == (pace.longest is None)
        assert pace.gap is None or MINUTE <= pace.gap <= timedelta(days=40 * 366)
        assert FIVE <= interval(FEED, pace, NOW) <= HOUR


def test_silence_counts_only_where_a_pace_is_known() -> None:
    assert interval(FEED, Pace(newest_at=NOW - 300 * DAY), NOW) == QUARTER
    assert interval(FEED, Pace(gap=MINUTE, newest_at=NOW - SILENCE_SHARE * 10 * MINUTE), NOW) == 10 * MINUTE


def test_a_feed_has_both_bounds_or_none() -> None:
    with pytest.raises(ValueError, match="two bounds"):
        Feed("fed", "https://news.example/", fastest=FIVE)


# --- deliveries -----------------------------------------------------------------------------------


def failed_delivery(attempts: int, delivery: str = "7") -> Message:
    return a_message(alerting.test_alert(NOW), delivery, attempts=attempts)


def test_a_delivery_is_tried_again_later_and_later_until_it_is_given_up() -> None:
    waits = []
    for attempts in range(1, MAX_ATTEMPTS):
        again = next_attempt(failed_delivery(attempts), Failed(True, "busy"), NOW)
        assert again is not None
        waits.append(again - NOW)
    assert FIRST_RETRY <= waits[0] <= FIRST_RETRY * (1 + JITTER)
    assert LONGEST_RETRY <= waits[-1] <= LONGEST_RETRY * (1 + JITTER)
    assert waits[:5] == sorted(set(waits[:5]))
    assert next_attempt(failed_delivery(MAX_ATTEMPTS), Failed(True, "busy"), NOW) is None


def test_a_delivery_that_cannot_succeed_is_given_up_at_once() -> None:
    assert next_attempt(failed_delivery(1), Failed(False, "no such mailbox"), NOW) is None


@pytest.mark.parametrize(
    ("asked", "waits"), [(timedelta(hours=3), timedelta(hours=3)), (timedelta(days=9), LONGEST_WISH)]
)
def test_what_a_receiver_asks_for_is_kept_to(asked: timedelta, waits: timedelta) -> None:
    assert next_attempt(failed_delivery(1), Failed(True, "slow down", asked), NOW) == NOW + waits


def test_deliveries_that_failed_together_do_not_come_back_together() -> None:
    again = {next_attempt(failed_delivery(1, str(n)), Failed(True, "busy"), NOW) for n in range(50)}
    assert len(again) > 45
