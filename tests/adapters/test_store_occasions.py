"""What is told beside judging: once by its key, and what was told of the service so far."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import pytest
from alert_cases import an_alert
from store_cases import DAY, HOUR, LIFECYCLES, MINUTE, a_feed, a_poll, approve, filled

from watcher.domain.alerts import AlertKind, PlannedAlert, PlannedDelivery, SystemAlert
from watcher.domain.feeds import Health, HealthChange, PollResult
from watcher.domain.model import Seed
from watcher.domain.routing import to_system
from watcher.storage import Store


def trouble(now: datetime, subject: str = "job cycle", kind: AlertKind = AlertKind.TROUBLE) -> SystemAlert:
    return SystemAlert(kind, "job_failed", subject, f"{subject} fails", now)


def test_what_is_told_is_told_once_by_its_key(store: Store, now: datetime) -> None:
    filled(store, now)
    deadline = an_alert(kind=AlertKind.DEADLINE, item="deal", at=now)
    planned = PlannedAlert(deadline, ("deadline", "deal"), (PlannedDelivery("desk", "", now),))

    assert store.tell([planned, replace(planned, key=("deadline", "visit"))], now) == 2
    assert store.tell([planned, replace(planned, key=("other",), deliveries=())], now + MINUTE) == 0
    assert [row.alert.kind for row in store.deliveries()] == [AlertKind.DEADLINE] * 2
    assert store.tell([], now) == 0


def test_what_goes_to_nobody_may_be_told_later(store: Store, now: datetime) -> None:
    filled(store, now)
    key = ("trouble", "1")
    assert store.tell([to_system(trouble(now), key, (), now)], now) == 0
    assert store.tell([to_system(trouble(now), key, ("ops",), now)], now) == 1


def test_the_latest_of_a_kind_come_first(store: Store, now: datetime) -> None:
    filled(store, now)
    told = [
        trouble(now),
        trouble(now + MINUTE, kind=AlertKind.TROUBLE_OVER),
        trouble(now + MINUTE, "backlog"),
        trouble(now, "a.yaml", AlertKind.CONFIG_REJECTED),
    ]
    for number, one in enumerate(told):
        store.tell([to_system(one, ("told", str(number)), ("ops",), now)], now + number * MINUTE)

    found = store.told_of_service([AlertKind.TROUBLE, AlertKind.TROUBLE_OVER], ["job_failed"])
    assert [one.alert for one in found] == [told[2], told[1], told[0]]
    assert [one.created_at for one in found] == [now + 2 * MINUTE, now + MINUTE, now]
    assert found[0].id > found[1].id
    assert store.told_of_service([AlertKind.TROUBLE], ["job_failed"], limit=1) == found[:1]
    assert store.told_of_service([AlertKind.TROUBLE], ["backlog_late"]) == []


@pytest.mark.slow
def test_many_that_tell_the_same_at_once_tell_it_once(store: Store, now: datetime) -> None:
    filled(store, now)
    planned = [to_system(trouble(now, f"job {n}"), ("trouble", str(n)), ("ops",), now) for n in range(5)]
    new: list[int] = []
    tellers = [threading.Thread(target=lambda: new.append(store.tell(planned, now))) for _ in range(6)]
    for teller in tellers:
        teller.start()
    for teller in tellers:
        teller.join()
    assert sorted(new) == [0, 0, 0, 0, 0, 5]


def unbroken(store: Store) -> datetime | None:
    (feed,) = store.feed_statuses()
    return feed.unbroken_since


def test_a_feed_is_looked_at_from_its_first_answer_until_too_long_without_one(store: Store, now: datetime) -> None:
    store.sync([a_feed(every=15 * MINUTE)], [], LIFECYCLES, now)
    failed = {"result": PollResult.FAILED, "detail": "timeout", "failure": "timeout"}
    assert unbroken(store) is None
    store.save_polls([a_poll("wire", now, **failed)], now)
    assert unbroken(store) is None
    for at, told, since in (
        (now + MINUTE, {}, now + MINUTE),
        (now + 30 * MINUTE, failed, now + MINUTE),  # one failure is made up for
        (now + 61 * MINUTE, {}, now + MINUTE),
        (now + 122 * MINUTE, {}, now + 122 * MINUTE),  # nobody answered, or nobody asked
    ):
        store.save_polls([a_poll("wire", at, **told)], at)
        assert unbroken(store) == since
    store.sync([a_feed(every=15 * MINUTE, url="https://other.example/rss")], [], LIFECYCLES, now)
    assert unbroken(store) is None  # another address is another source


@pytest.mark.parametrize(("was", "anew"), [(Health.BROKEN, True), (Health.BLOCKED, True), (Health.QUIET, False)])
def test_a_feed_that_was_down_is_looked_at_anew(store: Store, now: datetime, was: Health, anew: bool) -> None:
    store.sync([a_feed()], [], LIFECYCLES, now)
    store.save_polls([a_poll("wire", now)], now)
    path = (Health.NEW, was, Health.RECOVERED)
    for n, (old, new) in enumerate(pairwise(path), 1):
        store.record_health([HealthChange("wire", n, old, new, "", "", now + n * MINUTE)])
    assert unbroken(store) == (now + 2 * MINUTE if anew else now)


def test_a_standing_says_since_when_it_is_watched_and_known(store: Store, now: datetime) -> None:
    (entry,) = filled(store, now, entries=1, items=["deal"])
    assert known(store) == (now, now)
    seed = Seed("deal", "refused", (now - 9 * DAY).date(), "Wire", "Refused", (now - 9 * DAY).date())
    store.seed([seed], now + HOUR)
    assert known(store) == (now, now + HOUR)
    store.seed([replace(seed, state="pending")], now + 2 * HOUR)
    assert known(store) == (now, now + 2 * HOUR)
    approve(store, entry, now + 3 * HOUR)
    assert known(store) == (now, now + 3 * HOUR)


def known(store: Store) -> tuple[datetime | None, datetime | None]:
    standing = store.standings()["deal"]
    return standing.watched_since, standing.known_since
