"""What the store learns of a feed from its polls, and how its health is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from alert_cases import planned
from store_cases import DAY, HOUR, LIFECYCLES, MINUTE, a_feed, a_poll, an_entry

from watcher.domain.alerts import AlertKind, DeliveryState, PlannedAlert, SystemAlert
from watcher.domain.feeds import (
    Feed,
    FeedStatus,
    Health,
    HealthChange,
    Pace,
    Poll,
    PollResult,
    Untold,
)
from watcher.errors import RacedError
from watcher.storage import Store

LEARNING = Feed(
    "wire", "https://wire.example/rss", every=15 * MINUTE, fastest=5 * MINUTE, slowest=HOUR, quiet_after=2 * DAY
)


def sync(store: Store, now: datetime, *feeds: Feed) -> None:
    store.sync(list(feeds), [], LIFECYCLES, now)


def one(store: Store) -> FeedStatus:
    (status,) = store.feed_statuses()
    return status


def failed(at: datetime, failure: str = "timeout", *, gone: bool = False) -> Poll:
    return a_poll("wire", at, result=PollResult.FAILED, failure=failure, gone=gone)


def change(n: int, was: Health, now_is: Health, at: datetime) -> HealthChange:
    return HealthChange("wire", n, was, now_is, "timeout", "no answer", at)


def test_bounds_and_pace_come_back_with_the_claim(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING)
    pace = Pace(gap=HOUR, longest=DAY, newest_at=now - MINUTE, told=30 * MINUTE)
    store.save_polls([a_poll("wire", now, [an_entry(1)], pace=pace, interval=20 * MINUTE)], now)
    (due,) = store.claim_feeds(now + HOUR, 1, MINUTE, "me")
    assert (due.feed, due.pace) == (LEARNING, pace)
    assert (one(store).interval, one(store).news_at) == (20 * MINUTE, now - MINUTE)


def test_what_is_known_stays_when_a_poll_says_nothing_of_it(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING)
    pace = Pace(gap=HOUR, longest=DAY, newest_at=now - MINUTE)
    store.save_polls([a_poll("wire", now, pace=pace, interval=HOUR)], now)
    store.save_polls([failed(now + HOUR)], now + HOUR)
    assert (one(store).pace, one(store).interval) == (pace, HOUR)


def test_entries_without_dates_teach_by_when_they_were_found(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING)
    for n in range(5):
        at = now + n * HOUR
        store.save_polls([a_poll("wire", at, [an_entry(n)])], at)
    assert one(store).pace.gap == HOUR


def test_successes_and_failures_are_counted_with_their_beginning(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING)
    for n in range(3):
        store.save_polls([failed(now + n * HOUR)], now + n * HOUR)
    bad = one(store)
    assert (bad.failures, bad.failing_since, bad.successes, bad.failure) == (3, now, 0, "timeout")
    for n in range(3, 5):
        store.save_polls([a_poll("wire", now + n * HOUR)], now + n * HOUR)
    good = one(store)
    assert (good.failures, good.failing_since, good.failure) == (0, None, "")
    assert (good.successes, good.answering_since) == (2, now + 3 * HOUR)


def test_news_is_dated_by_the_last_thing_new(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING)
    store.save_polls([a_poll("wire", now)], now)
    assert one(store).news_at == now
    store.save_polls([a_poll("wire", now + HOUR, [an_entry(1)])], now + HOUR)
    store.save_polls([a_poll("wire", now + DAY, [an_entry(1)])], now + DAY)
    assert one(store).news_at == now + HOUR


def test_a_feed_that_is_gone_twice_is_polled_no_more_until_its_address_changes(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING)
    store.save_polls([failed(now, "gone", gone=True)], now)
    assert one(store).retired_at is None
    store.save_polls([failed(now + HOUR, "gone", gone=True)], now + HOUR)
    assert one(store).retired_at == now + HOUR
    assert store.claim_feeds(now + 400 * DAY, 9, MINUTE, "me") == []
    sync(store, now + DAY, LEARNING)
    assert store.claim_feeds(now + 400 * DAY, 9, MINUTE, "me") == []
    sync(store, now + DAY, replace(LEARNING, url="https://wire.example/new"))
    (due,) = store.claim_feeds(now + DAY, 9, MINUTE, "me")
    assert due.first


def test_one_410_between_other_failures_retires_nobody(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING)
    for n, gone in enumerate((True, False, True, False)):
        store.save_polls([failed(now + n * HOUR, gone=gone)], now + n * HOUR)
    assert one(store).retired_at is None


def test_where_a_redirect_led_and_is_gone_the_configured_address_is_asked_again(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING)
    for n in range(3):
        store.save_polls([a_poll("wire", now + n * HOUR, moved_to="https://new.example/rss")], now + n * HOUR)
    (due,) = store.claim_feeds(now + 9 * HOUR, 1, MINUTE, "me")
    assert due.feed.url == "https://new.example/rss"
    for n in (10, 11):
        store.save_polls([failed(now + n * HOUR, "gone", gone=True)], now + n * HOUR)
    assert one(store).retired_at is None
    (due,) = store.claim_feeds(now + 20 * HOUR, 1, MINUTE, "me")
    assert due.feed.url == LEARNING.url


# --- the day that items wait for ------------------------------------------------------------------


def test_a_day_brings_the_next_poll_forward_and_never_puts_it_off(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING)
    store.save_polls([a_poll("wire", now, next_poll_at=now + HOUR)], now)
    day = now + DAY
    store.expect_days({"wire": (day, now + 5 * MINUTE)})
    assert (one(store).deadline, one(store).next_poll_at) == (day, now + 5 * MINUTE)
    store.expect_days({"wire": (day, now + 3 * HOUR)})
    assert one(store).next_poll_at == now + 5 * MINUTE
    (due,) = store.claim_feeds(now + HOUR, 1, MINUTE, "me")
    assert due.deadline == day
    store.expect_days({"wire": (None, now + HOUR)})
    assert one(store).deadline is None


def test_a_feed_that_fails_keeps_its_back_off(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING)
    store.save_polls([replace(failed(now), next_poll_at=now + 6 * HOUR)], now)
    store.expect_days({"wire": (now, now + MINUTE)})
    assert one(store).next_poll_at == now + 6 * HOUR


# --- health ---------------------------------------------------------------------------------------


def alert(at: datetime, *receivers: str) -> PlannedAlert:
    told = SystemAlert(AlertKind.SOURCE_BROKEN, "timeout", "wire", "wire cannot be read", at)
    return planned(told, ("source_broken", "wire", "1"), receivers, at)


def test_a_change_is_kept_with_what_is_told_of_it(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING)
    first = change(1, Health.NEW, Health.BROKEN, now)
    store.record_health([first], [Untold(first)])
    assert store.untold_health() == ([Untold(first)], {})
    store.tell_health([first], [alert(now, "ops", "night")], now)
    assert store.untold_health() == ([], {})
    status = one(store)
    assert (status.health, status.health_n, status.health_since) == (Health.BROKEN, 1, now)
    assert (status.health_reason, status.health_detail) == ("timeout", "no answer")
    assert store.health_history("wire") == [first]
    claimed = store.claim_messages(now, 9, MINUTE, "me")
    assert {message.receiver for message in claimed} == {"ops", "night"}
    assert all(message.deliveries[0].alert == alert(now).alert for message in claimed)
    row = store.deliveries([DeliveryState.SENDING])[0]
    assert (row.item, row.seq) == ("wire", None)


def test_without_receivers_the_change_is_kept_and_nobody_told(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING)
    first = change(1, Health.NEW, Health.BROKEN, now)
    store.record_health([first], [Untold(first)])
    store.tell_health([first], [alert(now)], now)
    assert store.deliveries() == []
    assert store.untold_health() == ([], {})
    assert one(store).health is Health.BROKEN


def test_of_two_that_find_the_same_change_one_writes_it(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING)
    first = change(1, Health.NEW, Health.BROKEN, now)
    store.record_health([first], [Untold(first)])
    with pytest.raises(RacedError):
        store.record_health([first], [Untold(first)])
    assert len(store.health_history("wire")) == 1
    assert store.untold_health()[0] == [Untold(first)]


def test_of_two_that_tell_the_same_change_one_does(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING, a_feed("other"))
    first = change(1, Health.NEW, Health.BROKEN, now)
    other = replace(first, feed="other")
    store.record_health([first, other], [Untold(first), Untold(other, held=True)])
    store.tell_health([first], [alert(now, "ops")], now)
    with pytest.raises(RacedError):
        store.tell_health([other, first], [alert(now, "ops")], now)
    assert len(store.deliveries()) == 1
    assert store.untold_health() == ([Untold(other, held=True)], {AlertKind.SOURCE_BROKEN: now})


def test_old_changes_go_and_the_last_of_each_feed_stays(store: Store, now: datetime) -> None:
    sync(store, now, LEARNING, a_feed("other"))
    states = [Health.NEW, Health.BROKEN, Health.RECOVERED, Health.HEALTHY]
    for n, (was, now_is) in enumerate(pairwise(states), 1):
        store.record_health([change(n, was, now_is, now + n * DAY)])
    assert store.forget_health(now + 2 * DAY) == 1
    assert [each.n for each in store.health_history("wire")] == [3, 2]
    assert store.forget_health(now + timedelta(days=4000)) == 1
    assert [each.n for each in store.health_history("wire")] == [3]
    assert store.health_history("other") == []
