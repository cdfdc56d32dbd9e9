"""When a feed is due again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.domain import alerting
from watcher.domain.model import Delivery, Failed
from watcher.domain.schedule import (
    FIRST_RETRY,
    JITTER,
    LONGEST_BACK_OFF,
    LONGEST_RETRY,
    LONGEST_WAIT,
    LONGEST_WISH,
    MAX_ATTEMPTS,
    back_off,
    next_attempt,
    next_poll,
)

NOW = datetime(2025, 11, 22, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)

waits = st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=7))


def test_success_waits_the_feeds_own_interval_give_or_take_a_tenth() -> None:
    wait = next_poll(QUARTER, NOW, 0, None, "fed") - NOW
    assert QUARTER * (1 - JITTER) <= wait <= QUARTER * (1 + JITTER)


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
    assert max(waits) - min(waits) > 1.8 * JITTER
    assert 0.98 < sum(waits) / len(waits) < 1.02


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


# --- deliveries -----------------------------------------------------------------------------------


def failed_delivery(attempts: int, delivery: str = "7") -> Delivery:
    return Delivery(delivery, "desk", alerting.test_alert(NOW), attempts=attempts)


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
