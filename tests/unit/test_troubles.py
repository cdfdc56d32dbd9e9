"""What is wrong with the service: when it is believed, when it is told, and when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from told_cases import a_delivery

from watcher.domain import troubles
from watcher.domain.alerts import AlertKind, Backlog, DeliveryState, SystemAlert, ToldOfService
from watcher.domain.feeds import FeedStatus, Health
from watcher.domain.model import Item
from watcher.domain.troubles import CHECKS, JobFailure, Telling, Trouble, Watched
from watcher.errors import Problem

NOW = datetime(2025, 9, 25, 8, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Ops:
    """One process that checks every minute, and what is stored of what it tells; several may share the latter."""

    def __init__(self, stored: list[ToldOfService] | None = None, started: datetime = NOW) -> None:
        self.stored = [] if stored is None else stored
        self.started = self.now = started
        self.watched: dict[str, Watched] = {}
        self.checks = 0

    def check(self, *found: Trouble) -> list[str]:
        self.now += MINUTE
        self.checks += 1
        self.watched = troubles.follow(self.watched, found, self.now)
        last = troubles.latest(self.stored)
        tellings = troubles.begun(self.watched, last, self.now)
        tellings += troubles.ended(self.watched, last, self.now, started=self.started, checks=self.checks)
        for alert, _ in tellings:
            self.stored.insert(0, ToldOfService(len(self.stored) + 1, alert, self.now))
        return [f"{alert.kind.value} {alert.reason} {alert.subject}" for alert, _ in tellings]


def trouble(reason: str = troubles.JOB, subject: str = "job cycle", *, certain: bool = True) -> Trouble:
    return Trouble(reason, subject, f"{subject} is bad", f"{subject} is well", certain=certain)


def test_what_is_certain_is_told_at_once_and_once_when_it_is_over() -> None:
    ops = Ops()
    assert ops.check(trouble()) == ["trouble job_failed job cycle"]
    assert [ops.check(trouble()) for _ in range(5)] == [[]] * 5
    assert [ops.check() for _ in range(CHECKS)] == [[], [], ["trouble_over job_failed job cycle"]]
    assert ops.stored[0].alert.title == "job cycle is well"
    assert [ops.check() for _ in range(5)] == [[]] * 5
    assert ops.check(trouble()) == ["trouble job_failed job cycle"]


def test_what_is_not_certain_must_be_found_again() -> None:
    ops = Ops()
    doubtful = trouble(certain=False)
    assert [ops.check(doubtful), ops.check(doubtful), ops.check(), ops.check(doubtful)] == [[]] * 4
    assert [ops.check(doubtful), ops.check(doubtful)] == [[], ["trouble job_failed job cycle"]]


def test_one_lucky_check_says_nothing() -> None:
    ops = Ops()
    ops.check(trouble())
    assert [ops.check(), ops.check(), ops.check(trouble()), ops.check(), ops.check()] == [[]] * 5


@pytest.mark.parametrize("reason", troubles.SHARED)
def test_what_stands_in_the_database_is_over_for_all_when_it_is_gone(reason: str) -> None:
    ops = Ops()
    ops.check(trouble(reason, "shared"))
    other = Ops(ops.stored)
    assert other.check() == [f"trouble_over {reason} shared"]


def test_another_process_that_is_well_does_not_call_it_over() -> None:
    ops = Ops()
    other = Ops(ops.stored)
    for _ in range(9):
        other.check()
    ops.now = other.now
    assert ops.check(trouble()) == ["trouble job_failed job cycle"]
    assert [other.check() for _ in range(9)] == [[]] * 9
    assert [ops.check() for _ in range(CHECKS)][-1] == ["trouble_over job_failed job cycle"]


def test_after_a_restart_it_is_told_neither_twice_nor_left_open() -> None:
    ops = Ops()
    ops.check(trouble())
    still = Ops(ops.stored, ops.now + MINUTE)
    assert [still.check(trouble()) for _ in range(4)] == [[]] * 4
    well = Ops(ops.stored, still.now + MINUTE)
    assert [well.check() for _ in range(CHECKS)] == [[], [], ["trouble_over job_failed job cycle"]]
    assert ops.stored[0].alert.title == "over: job cycle is bad"


def test_two_that_tell_the_same_use_one_key() -> None:
    watched = troubles.follow({}, [trouble()], NOW)
    before = ToldOfService(7, SystemAlert(AlertKind.TROUBLE_OVER, troubles.JOB, "job cycle", "", NOW), NOW)
    ((_, first),) = troubles.begun(watched, {}, NOW)
    ((_, second),) = troubles.begun(watched, {"job cycle": before}, NOW + MINUTE)
    assert first == ("trouble", "job_failed", "job cycle", "0")
    assert second == ("trouble", "job_failed", "job cycle", "7")


def test_what_could_not_be_told_is_told_when_it_is_over() -> None:
    ops = Ops()
    ops.check(trouble(troubles.DATABASE, "database"))
    ((alert, key),) = troubles.missed_telling(ops.watched, NOW + HOUR)
    assert (alert.kind, alert.reason, alert.title) == (AlertKind.TROUBLE_OVER, "database_refuses", "database is well")
    assert (alert.points[0].text, alert.points[0].since) == ("database is bad", NOW + MINUTE)
    assert key == ("trouble_over", "database_refuses", "database", "20250925T080100")


def given_up(*minutes: int, reason: str = "") -> Trouble:
    """Messages given up so many minutes after NOW, those of `reason` about the service itself."""
    alert = SystemAlert(AlertKind.TROUBLE, reason, "deliveries", "", NOW) if reason else None
    rows = [a_delivery(sent=NOW + n * MINUTE, state=DeliveryState.DEAD, alert=alert) for n in sorted(minutes)[::-1]]
    found = troubles.of_deliveries(rows, len(rows))
    assert found is not None
    return found


def test_messages_given_up_later_are_told_too_and_at_most_once_an_hour() -> None:
    ops = Ops()
    said = ["trouble deliveries_given_up deliveries"]
    assert ops.check(given_up(0)) == said
    assert [ops.check(given_up(0, 5)) for _ in range(59)] == [[]] * 59
    assert ops.check(given_up(0, 5, 30)) == said
    assert ops.stored[0].alert.title == "3 messages were given up"
    assert [ops.check(given_up(0, 5, 30)) for _ in range(120)] == [[]] * 120, "no more of them"
    assert ops.check(given_up(0, 5)) == [], "one was dropped"
    assert Ops(ops.stored, ops.now).check(given_up(0, 5, 100)) == said, "after a restart"
    assert ops.check() == ["trouble_over deliveries_given_up deliveries"]


def test_that_nobody_could_be_told_of_messages_given_up_is_not_told_for_ever() -> None:
    ops = Ops()
    ops.check(given_up(0))
    assert [ops.check(given_up(5, 70, reason=troubles.DEAD)) for _ in range(90)] == [[]] * 90
    assert ops.check(given_up(5, 70, reason=troubles.JOB)) == ["trouble deliveries_given_up deliveries"]


# --- what is wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "lasting", "certain"),
    [(3, MINUTE, True), (2, 9 * MINUTE, False), (99, MINUTE / 2, False), (1, 10 * MINUTE, True)],
)
def test_a_job_that_fails_often_or_for_long_is_trouble(times: int, lasting: timedelta, certain: bool) -> None:
    (found,) = troubles.of_jobs([JobFailure("sweep", times, lasting, "a bug")], NOW)
    assert (found.reason, found.subject, found.certain) == ("job_failed", "job sweep", certain)
    assert found.points[0].since == NOW - lasting
    assert found.points[0].text == f"failed {times} times in a row: a bug"


def test_where_the_database_refuses_that_is_the_one_cause() -> None:
    refused = [JobFailure(job, 3, MINUTE, "disk full", database=True) for job in ("cycle", "deliver")]
    found = troubles.of_jobs([*refused, JobFailure("sweep", 3, MINUTE, "a bug")], NOW)
    assert [one.subject for one in found] == ["database", "job sweep"]
    assert [point.name for point in found[0].points] == ["cycle", "deliver"]
    assert troubles.of_jobs([], NOW) == []


def test_a_cycle_may_be_idle_for_as_long_as_it_may() -> None:
    assert troubles.of_cycle(MINUTE, MINUTE, NOW) is None
    found = troubles.of_cycle(2 * MINUTE, MINUTE, NOW)
    assert found is not None
    assert (found.reason, found.certain) == ("nothing_done", False)


@pytest.mark.parametrize(
    ("oldest", "known", "told"),
    [
        (None, True, False),
        (HOUR, False, False),
        (HOUR + MINUTE, False, True),
        (HOUR / 2, True, False),
        (HOUR, True, True),
    ],
)
def test_a_backlog_is_late_after_an_hour_and_fine_well_below(oldest: timedelta | None, known: bool, told: bool) -> None:
    assert (troubles.of_backlog(Backlog(0, 5, 0, oldest), known=known, now=NOW) is not None) is told


# --- a configuration that is refused --------------------------------------------------------------


def test_a_refusal_names_every_problem_and_no_secret() -> None:
    problems = [
        Problem("a.yaml", 3, 1, 'no such state "hunter22"', "open, shut"),
        Problem("b.yaml", 0, 0, "unreadable"),
    ]
    alert, key = troubles.refusal("watcher.yaml", problems, NOW, ["hunter22", ""])
    assert (alert.kind, alert.reason, alert.subject) == (AlertKind.CONFIG_REJECTED, "reload_refused", "watcher.yaml")
    assert [(point.name, point.text) for point in alert.points] == [
        ("a.yaml:3", 'no such state "•••" (allowed: open, shut)'),
        ("b.yaml", "unreadable"),
    ]
    assert troubles.refusal("watcher.yaml", problems, NOW + HOUR)[1] == key
    assert troubles.refusal("watcher.yaml", problems[:1], NOW)[1] != key
    assert troubles.refusal("watcher.yaml", problems, NOW + timedelta(days=1))[1] != key
    many = [Problem("a.yaml", line, 1, "wrong") for line in range(1, 31)]
    alert, _ = troubles.refusal("watcher.yaml", many, NOW)
    assert (len(alert.points), alert.more) == (20, 10)
    assert troubles.refusal("watcher.yaml", ["an item stands nowhere"], NOW)[0].points[0].name == "watcher.yaml"


# --- items that nobody sees -----------------------------------------------------------------------


def feed(name: str, health: Health = Health.HEALTHY, **told: Any) -> FeedStatus:
    given: dict[str, Any] = {"last_ok_at": NOW, "health": health}
    return FeedStatus(
        name,
        "",
        "",
        None,
        "",
        NOW,
        failures=0,
        next_poll_at=NOW,
        entries=0,
        moved_to=None,
        active=True,
        **(given | told),
    )


ITEMS = {name: Item(name, f"The {name}", "deadline", "set") for name in ("truce", "visit")}
SOURCES = {"truce": ("wire", "daily"), "visit": ("daily",), "orphan": ()}


def seen(*feeds: FeedStatus, told: Sequence[ToldOfService] = ()) -> list[Telling]:
    return troubles.unseen(SOURCES, {one.id: one for one in feeds}, ITEMS, told, NOW)


def test_an_item_is_unseen_when_all_of_its_sources_are_down() -> None:
    assert seen(feed("wire"), feed("daily")) == []
    ((alert, key),) = seen(feed("wire"), feed("daily", Health.BROKEN))
    assert (alert.kind, alert.reason, alert.items) == (AlertKind.ITEM_UNSEEN, "no_source_answers", ("visit",))
    assert alert.title == "visit is unseen: no source can be read"
    assert alert.points[0].text == "0 of 1 sources can be read: daily (broken)"
    assert key == ("item_unseen", "no_source_answers", "0")
    assert seen(feed("wire", Health.LATE), feed("daily", Health.QUIET)) == []


def test_several_by_one_cause_are_one_message_and_each_is_told_once() -> None:
    down = (feed("wire", Health.BLOCKED), feed("daily", Health.RETIRED))
    ((alert, _),) = seen(*down)
    assert (alert.items, alert.title) == (("truce", "visit"), "2 items are unseen: no source can be read")
    told = [ToldOfService(4, alert, NOW)]
    assert seen(*down, told=told) == []
    assert seen(*down[1:], feed("wire", Health.NEW, last_ok_at=None), told=told) == []  # nothing of it has come yet
    ((back, key),) = seen(feed("wire", Health.RECOVERED), down[1], told=told)
    assert (back.kind, back.reason, back.items) == (AlertKind.TROUBLE_OVER, "seen_again", ("truce",))
    assert key == ("trouble_over", "no_source_answers", "4")
    told.insert(0, ToldOfService(5, back, NOW))
    assert seen(feed("wire", Health.RECOVERED), down[1], told=told) == []
    ((again, _),) = seen(*down, told=told)
    assert again.items == ("truce",)
