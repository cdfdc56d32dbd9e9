"""How a source is called, and what it takes to call it something else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.domain.alerting import MOST_POINTS, tell_sources
from watcher.domain.alerts import AlertKind
from watcher.domain.feeds import FeedStatus, Health, HealthChange, Pace, PollResult
from watcher.domain.health import (
    BREAKING_TIME,
    BREAKING_TRIES,
    LONGEST_QUIET,
    OVERDUE,
    QUIET_TRIES,
    RECOVERED_FOR,
    RECOVERY_TIME,
    RECOVERY_TRIES,
    SHORTEST_QUIET,
    UNKNOWN_QUIET,
    answer_period,
    ask_again,
    assess,
    changes,
    cover,
    expected_period,
)

NOW = datetime(2025, 11, 22, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=400)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def source(name: str = "wire", **told: Any) -> FeedStatus:
    """A source that answered five minutes ago and published an hour ago."""
    given: dict[str, Any] = {
        "url": f"https://{name}.example/",
        "outlet": "Wire One",
        "last_result": PollResult.NOT_MODIFIED,
        "last_detail": "",
        "last_at": NOW - 5 * MINUTE,
        "last_ok_at": NOW - 5 * MINUTE,
        "failures": 0,
        "next_poll_at": NOW + 10 * MINUTE,
        "entries": 7,
        "moved_to": None,
        "active": True,
        "interval": 15 * MINUTE,
        "pace": Pace(gap=HOUR, longest=10 * HOUR, newest_at=NOW - HOUR),
        "news_at": NOW - HOUR,
        "answering_since": NOW - DAY,
        "successes": 90,
        "health": Health.HEALTHY,
        "health_n": 1,
        "health_since": NOW - DAY,
        "health_reason": "answers",
    }
    return FeedStatus(name, **(given | told))


def failing(tries: int, since: timedelta, failure: str = "timeout", **told: Any) -> FeedStatus:
    given: dict[str, Any] = {
        "last_result": PollResult.FAILED,
        "last_detail": f"{failure}: no complete answer within 20 s",
        "last_ok_at": NOW - since - 15 * MINUTE,
        "failures": tries,
        "failing_since": NOW - since,
        "answering_since": None,
        "successes": 0,
        "failure": failure,
    }
    return source(**(given | told))


def health(feed: FeedStatus, now: datetime = NOW, since: datetime = LONG_AGO) -> tuple[Health, str]:
    verdict = assess(feed, now, watching_since=since)
    return verdict.health, verdict.reason


def test_a_source_that_answers_and_publishes_is_healthy() -> None:
    assert health(source()) == (Health.HEALTHY, "answers")
    assert health(source(health=Health.NEW, successes=1)) == (Health.HEALTHY, "answers")


def test_nothing_is_said_of_a_source_that_was_never_polled() -> None:
    new = source(last_at=None, last_ok_at=None, successes=0, answering_since=None, news_at=None, health=Health.NEW)
    assert health(new)[0] is Health.NEW


# --- no answer ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tries", "since", "expected"),
    [
        (1, timedelta(0), Health.HEALTHY),
        (BREAKING_TRIES - 1, 5 * BREAKING_TIME, Health.LATE),  # time without tries
        (BREAKING_TRIES + 9, BREAKING_TIME - MINUTE, Health.LATE),  # tries without time
        (BREAKING_TRIES, BREAKING_TIME, Health.BROKEN),
    ],
)
def test_a_source_breaks_by_tries_and_time_and_is_late_before(tries: int, since: timedelta, expected: Health) -> None:
    assert health(failing(tries, since))[0] is expected


def test_why_it_is_broken_is_the_kind_of_its_failure() -> None:
    assert health(failing(9, DAY, "dns")) == (Health.BROKEN, "dns")
    assert health(failing(9, DAY, "not_a_feed")) == (Health.BROKEN, "not_a_feed")
    assert health(failing(9, DAY, "blocked")) == (Health.BLOCKED, "blocked")
    assert health(failing(9, DAY, "robots")) == (Health.BLOCKED, "robots")


def test_a_new_source_that_never_answered_breaks_too() -> None:
    assert health(failing(1, timedelta(0), health=Health.NEW, last_ok_at=None))[0] is Health.NEW
    assert health(failing(5, DAY, health=Health.NEW, last_ok_at=None))[0] is Health.BROKEN


def test_late_is_measured_in_the_sources_own_intervals() -> None:
    assert answer_period(source(interval=DAY)) == 4 * DAY
    assert answer_period(source(interval=MINUTE)) == 30 * MINUTE
    assert health(failing(2, 10 * HOUR, interval=DAY))[0] is Health.HEALTHY


def test_a_late_source_that_answers_is_healthy_without_ado() -> None:
    assert health(source(health=Health.LATE, successes=1, answering_since=NOW))[0] is Health.HEALTHY


def test_what_this_process_has_not_polled_is_late_only_by_its_own_time() -> None:
    overdue = source(next_poll_at=NOW - 10 * DAY)
    assert health(overdue, since=NOW - OVERDUE - MINUTE) == (Health.LATE, "overdue")
    assert health(overdue, since=NOW - OVERDUE + MINUTE)[0] is Health.HEALTHY
    assert health(source(next_poll_at=NOW - MINUTE))[0] is Health.HEALTHY


def test_a_source_that_is_gone_is_retired_until_it_has_another_address() -> None:
    retired = failing(2, MINUTE, "gone", retired_at=NOW)
    assert health(retired) == (Health.RETIRED, "gone")
    assert health(replace(retired, retired_at=None, health=Health.RETIRED, last_at=None, failures=0))[0] is Health.NEW


# --- back again -----------------------------------------------------------------------------------


@pytest.mark.parametrize("was", [Health.BROKEN, Health.BLOCKED])
@pytest.mark.parametrize(
    ("tries", "since", "back"),
    [
        (1, DAY, False),
        (RECOVERY_TRIES + 5, RECOVERY_TIME - MINUTE, False),
        (RECOVERY_TRIES, RECOVERY_TIME, True),
    ],
)
def test_a_source_recovers_by_tries_and_time(was: Health, tries: int, since: timedelta, back: bool) -> None:
    feed = source(health=was, successes=tries, answering_since=NOW - since)
    assert health(feed)[0] is (Health.RECOVERED if back else was)


@pytest.mark.parametrize("was", [Health.BROKEN, Health.BLOCKED, Health.RECOVERED, Health.QUIET])
def test_one_failure_changes_nothing(was: Health) -> None:
    assert health(failing(1, timedelta(0), health=was))[0] is was


def test_recovered_turns_into_healthy_after_a_day() -> None:
    recovered = source(health=Health.RECOVERED, health_since=NOW)
    assert health(recovered, NOW + RECOVERED_FOR - MINUTE, since=NOW + DAY)[0] is Health.RECOVERED
    assert health(recovered, NOW + RECOVERED_FOR, since=NOW + DAY)[0] is Health.HEALTHY


@given(st.lists(st.booleans(), max_size=60))
def test_a_flapping_source_never_breaks_without_three_failures_nor_recovers_without_two_answers(
    answers: list[bool],
) -> None:
    feed, now = source(answering_since=None, successes=0, health=Health.NEW), NOW
    row: list[bool] = []
    for ok in answers:
        now += 40 * MINUTE
        row.append(ok)
        if ok:
            since = feed.answering_since or now
            feed = replace(feed, failures=0, failing_since=None, failure="", answering_since=since)
            feed = replace(feed, successes=feed.successes + 1, last_ok_at=now, news_at=now)
        else:
            feed = replace(feed, failures=feed.failures + 1, failing_since=feed.failing_since or now, failure="dns")
            feed = replace(feed, successes=0, answering_since=None)
        feed = replace(feed, last_at=now, next_poll_at=now + 40 * MINUTE)
        new = assess(feed, now, watching_since=LONG_AGO).health
        if new is Health.BROKEN and feed.health is not Health.BROKEN:
            assert not any(row[-BREAKING_TRIES:])
        if new is Health.RECOVERED and feed.health is Health.BROKEN:
            assert all(row[-RECOVERY_TRIES:])
        feed = replace(feed, health=new)


# --- quiet ----------------------------------------------------------------------------------------


def test_a_source_that_answers_and_says_nothing_for_long_is_quiet() -> None:
    silent = source(news_at=NOW - 4 * DAY)
    assert health(silent) == (Health.QUIET, "silent")
    assert health(replace(silent, successes=QUIET_TRIES - 1))[0] is Health.HEALTHY


def test_what_nobody_looked_at_is_no_silence_of_the_sources() -> None:
    """The service was off for a month; the first poll after it has not been made."""
    away = source(news_at=NOW - 31 * DAY, last_ok_at=NOW - 30.5 * DAY, last_at=NOW - 30.5 * DAY)
    assert health(away, since=NOW)[0] is Health.HEALTHY


def test_a_quiet_source_that_is_late_is_told_as_quiet_no_second_time() -> None:
    quiet = failing(2, 10 * HOUR, health=Health.QUIET)
    assert health(replace(quiet, health=Health.HEALTHY))[0] is Health.LATE
    assert health(quiet)[0] is Health.QUIET
    assert health(failing(5, DAY, health=Health.QUIET))[0] is Health.BROKEN
    overdue = source(health=Health.QUIET, news_at=NOW - 9 * DAY, next_poll_at=NOW - DAY)
    assert health(overdue)[0] is Health.QUIET


def test_a_quiet_source_that_publishes_is_back_and_one_that_does_not_stays_quiet() -> None:
    assert health(source(health=Health.QUIET)) == (Health.RECOVERED, "publishes")
    assert health(source(health=Health.QUIET, news_at=NOW - 9 * DAY, successes=1))[0] is Health.QUIET


@pytest.mark.parametrize(
    ("pace", "own", "expected"),
    [
        (Pace(), None, UNKNOWN_QUIET),
        (Pace(gap=MINUTE, longest=HOUR), None, SHORTEST_QUIET),
        (Pace(gap=DAY, longest=2 * DAY), None, 10 * DAY),
        (Pace(gap=DAY, longest=14 * DAY), None, 28 * DAY),
        (Pace(gap=90 * DAY, longest=400 * DAY), None, LONGEST_QUIET),
        (Pace(gap=DAY, longest=14 * DAY), 6 * HOUR, 6 * HOUR),
    ],
)
def test_the_expected_period(pace: Pace, own: timedelta | None, expected: timedelta) -> None:
    assert expected_period(pace, own) == expected


# --- changes, coverage, and what is told ----------------------------------------------------------


def test_only_what_changed_is_a_change_numbered_on() -> None:
    feeds = [source("b"), replace(failing(9, DAY), id="a", health_n=4)]
    (change,) = changes(feeds, NOW, watching_since=LONG_AGO)
    assert (change.feed, change.n, change.from_state, change.to_state) == ("a", 5, Health.HEALTHY, Health.BROKEN)
    assert "no complete answer" in change.detail


def test_a_feed_that_is_not_configured_is_left_alone() -> None:
    assert changes([replace(failing(9, DAY), active=False)], NOW, watching_since=LONG_AGO) == []


def test_coverage_counts_the_sources_that_answered_in_their_time() -> None:
    feeds = [
        source("a"),
        source("b", last_ok_at=NOW - 61 * MINUTE),  # four intervals are an hour
        source("c", retired_at=NOW - HOUR),
        source("d", last_ok_at=None),
        source("e", active=False),
    ]
    one, two = cover({"x": ("a", "b", "c", "d", "e"), "y": ("a",)}, feeds, NOW)
    assert (one.item, one.answered, one.sources, one.missing) == ("x", 1, 5, ("b", "c", "d", "e"))
    assert (two.answered, two.sources, two.missing) == (1, 1, ())


def test_a_common_outage_is_one_event_and_its_end_too() -> None:
    first = [replace(failing(3, HOUR), id="a")]
    others = [replace(failing(1, 20 * MINUTE, "dns"), id=name) for name in ("b", "c")]
    found = changes([*first, *others, source("d")], NOW, watching_since=LONG_AGO)
    assert [(one.feed, one.to_state, one.reason) for one in found] == [
        ("a", Health.BROKEN, "timeout"),
        ("b", Health.BROKEN, "dns"),
        ("c", Health.BROKEN, "dns"),
    ]
    assert [one.feed for one in changes([*first, others[0], source("d")], NOW, watching_since=LONG_AGO)] == ["a"]
    back = source("a", health=Health.BROKEN, successes=2, answering_since=NOW - HOUR)
    nearly = source("b", health=Health.BROKEN, successes=1, answering_since=NOW - MINUTE)
    still = replace(failing(3, DAY, health=Health.BROKEN), id="c")
    found = changes([back, nearly, still], NOW, watching_since=LONG_AGO)
    assert [(one.feed, one.to_state) for one in found] == [("a", Health.RECOVERED), ("b", Health.RECOVERED)]


def test_after_a_common_outage_the_unreached_are_asked_at_once() -> None:
    answers = source("a", health=Health.BROKEN, successes=1, answering_since=NOW - MINUTE)
    unreached = replace(failing(4, DAY, "dns", health=Health.BROKEN, last_at=NOW - HOUR), id="b")
    asked_since = replace(unreached, id="c", last_at=NOW)
    left_alone = replace(unreached, id="d", failure="rate_limited")
    assert ask_again([answers, unreached, asked_since, left_alone]) == ["b"]
    assert ask_again([answers, unreached, *(source(f"s{n}") for n in range(9))]) == []
    assert ask_again([unreached, asked_since, left_alone]) == []


def change(name: str, was: Health, now_is: Health, reason: str = "timeout") -> HealthChange:
    return HealthChange(name, 3, was, now_is, reason, "it did not answer", NOW)


def told(*found: HealthChange) -> list[tuple[AlertKind, str, list[str]]]:
    feeds = {one.feed: source(one.feed) for one in found}
    alerts = tell_sources(found, feeds, NOW)
    return [(alert.kind, alert.reason, [point.name for point in alert.points]) for alert, _ in alerts]


def test_what_broke_together_is_one_message() -> None:
    two = [change("a", Health.HEALTHY, Health.BROKEN), change("b", Health.LATE, Health.BLOCKED, "blocked")]
    assert told(*two) == [(AlertKind.SOURCE_BROKEN, "several", ["a (Wire One)", "b (Wire One)"])]
    many = [change(f"f{n:03}", Health.LATE, Health.BROKEN) for n in range(500)]
    ((alert, key),) = tell_sources(many, {}, NOW)
    assert (len(alert.points), alert.more, alert.title) == (MOST_POINTS, 480, "500 sources cannot be read")
    assert key == ("source_broken", "f000", "3")


def test_breaking_quiet_and_coming_back_are_told_and_nothing_else() -> None:
    assert told(change("a", Health.HEALTHY, Health.QUIET, "silent")) == [
        (AlertKind.SOURCE_QUIET, "silent", ["a (Wire One)"])
    ]
    assert told(change("a", Health.BROKEN, Health.RECOVERED, "answers"))[0][0] is AlertKind.SOURCE_RECOVERED
    assert told(change("a", Health.HEALTHY, Health.LATE)) == []
    assert told(change("a", Health.RECOVERED, Health.HEALTHY)) == []
    assert told(change("a", Health.NEW, Health.HEALTHY)) == []


def test_an_outage_is_told_once_whatever_it_turns_into_but_for_its_end() -> None:
    assert told(change("a", Health.BROKEN, Health.BLOCKED, "blocked")) == []
    assert told(change("a", Health.BLOCKED, Health.BROKEN)) == []
    assert told(change("a", Health.BROKEN, Health.RETIRED, "gone"))[0][0] is AlertKind.SOURCE_BROKEN
