"""What is told of an item because time has gone by: days that are near or past, and silence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from watcher.config.lifecycles import shipped_lifecycles
from watcher.domain.alerts import AlertKind
from watcher.domain.feeds import FeedStatus, Health, PollResult
from watcher.domain.model import Evidence, Item, Reason, Standing, Status, Tier
from watcher.domain.occasions import deadline, silence, waited_day

LIFECYCLES = shipped_lifecycles()
LEARNED = datetime(2025, 9, 1, 12, 0, tzinfo=UTC)
UTC_ZONE, TOKYO, NEW_YORK = ZoneInfo("UTC"), ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONTH = timedelta(days=30)


def item(lifecycle: str = "deadline", **told: Any) -> Item:
    return Item("truce", "The truce", lifecycle, "set", watchlist="trade", silent_after=MONTH, **told)


def stands(state: str = "set", value: str | None = "2025-11-10", **told: Any) -> Standing:
    given: dict[str, Any] = {"since": LEARNED - 90 * DAY, "watched_since": LEARNED, "known_since": LEARNED}
    return Standing("truce", state, value=value, **(given | told))


def reason(standing: Standing, now: datetime, zone: ZoneInfo = UTC_ZONE, lifecycle: str = "deadline") -> str:
    found = deadline(item(lifecycle), LIFECYCLES[lifecycle], standing, now, zone)
    return found[0].reason.value if found else ""


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (datetime(2025, 11, 2, 23, 59, tzinfo=UTC), ""),
        (datetime(2025, 11, 3, 0, 0, tzinfo=UTC), "in_7_days"),
        (datetime(2025, 11, 8, 23, 59, tzinfo=UTC), "in_7_days"),
        (datetime(2025, 11, 9, 0, 0, tzinfo=UTC), "in_1_day"),
        (datetime(2025, 11, 10, 23, 59, tzinfo=UTC), "in_1_day"),
        (datetime(2025, 11, 11, 0, 0, tzinfo=UTC), "passed"),
        (datetime(2026, 3, 1, 0, 0, tzinfo=UTC), "passed"),
    ],
)
def test_the_last_threshold_that_has_come_is_told(now: datetime, told: str) -> None:
    assert reason(stands(), now) == told


@pytest.mark.parametrize(
    ("zone", "ends"),
    [(TOKYO, datetime(2025, 11, 10, 15, tzinfo=UTC)), (NEW_YORK, datetime(2025, 11, 11, 5, tzinfo=UTC))],
)
def test_a_day_ends_in_the_zone_of_the_service(zone: ZoneInfo, ends: datetime) -> None:
    assert reason(stands(), ends - timedelta(seconds=1), zone) == "in_1_day"
    assert reason(stands(), ends, zone) == "passed"


@pytest.mark.parametrize(
    ("learned", "now", "told"),
    [
        (datetime(2025, 11, 5, tzinfo=UTC), datetime(2025, 11, 5, 1, tzinfo=UTC), ""),  # nearer than a week already
        (datetime(2025, 11, 5, tzinfo=UTC), datetime(2025, 11, 9, 1, tzinfo=UTC), "in_1_day"),
        (datetime(2025, 11, 9, 12, tzinfo=UTC), datetime(2025, 11, 10, 12, tzinfo=UTC), ""),
        (datetime(2025, 11, 20, tzinfo=UTC), datetime(2025, 11, 21, tzinfo=UTC), ""),  # passed before anybody watched
        (datetime(2025, 11, 3, tzinfo=UTC), datetime(2025, 11, 3, tzinfo=UTC), ""),
    ],
)
def test_only_what_comes_while_it_is_watched_is_told(learned: datetime, now: datetime, told: str) -> None:
    assert reason(stands(known_since=learned), now) == told


@pytest.mark.parametrize(
    ("lifecycle", "state", "value"),
    [
        ("deadline", "met", None),
        ("deadline", "set", None),
        ("deadline", "set", "soon"),
        ("deadline", "missed", "2025-11-10"),  # carries no day
        ("restriction", "in_force", "2025-11-10"),  # a rate, whatever it looks like
        ("meeting", "scheduled", "Madrid"),
    ],
)
def test_what_waits_for_no_day_has_no_deadline(lifecycle: str, state: str, value: str | None) -> None:
    assert waited_day(LIFECYCLES[lifecycle], stands(state, value)) is None
    assert reason(stands(state, value), datetime(2025, 11, 9, 1, tzinfo=UTC), lifecycle=lifecycle) == ""


def test_a_last_state_waits_for_nothing() -> None:
    final = replace(LIFECYCLES["deadline"].states["set"], final=True)
    ended = replace(LIFECYCLES["deadline"], states={"set": final})
    assert waited_day(ended, stands()) is None
    assert waited_day(LIFECYCLES["meeting"], stands("scheduled", "2025-11-10 Madrid")) == date(2025, 11, 10)
    assert waited_day(LIFECYCLES["deadline"], stands("gone")) is None


def test_a_deadline_says_which_day_and_is_told_once_for_it() -> None:
    now = datetime(2025, 11, 4, 6, 0, tzinfo=UTC)
    alert, key = deadline(item(), LIFECYCLES["deadline"], stands(), now, UTC_ZONE) or pytest.fail("nothing to tell")
    assert (alert.kind, alert.day, alert.at) == (AlertKind.DEADLINE, date(2025, 11, 10), now)
    assert (alert.from_state, alert.to_state, alert.to_value) == ("set", "set", "2025-11-10")
    assert (alert.item, alert.watchlist, alert.sources, alert.quotes) == ("truce", "trade", 0, ())
    assert alert.detail == "the day it waits for, 2025-11-10, is in 6 days"
    assert key == ("deadline", "truce", "2025-11-10", "in_7_days")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (datetime(2025, 11, 9, 6, tzinfo=UTC), "the day it waits for, 2025-11-10, is tomorrow"),
        (datetime(2025, 11, 10, 6, tzinfo=UTC), "the day it waits for, 2025-11-10, is today"),
        (datetime(2025, 11, 12, tzinfo=UTC), "the day it waited for, 2025-11-10, has passed, and no change was told"),
    ],
)
def test_a_deadline_tells_how_far_the_day_is(now: datetime, said: str) -> None:
    alert, _ = deadline(item(), LIFECYCLES["deadline"], stands(), now, UTC_ZONE) or pytest.fail("nothing to tell")
    assert alert.detail == said


def test_an_extension_starts_anew() -> None:
    extended = stands("extended", "2026-11-10", known_since=datetime(2025, 11, 9, 12, tzinfo=UTC))
    assert reason(extended, datetime(2025, 11, 12, tzinfo=UTC)) == ""
    found = deadline(item(), LIFECYCLES["deadline"], extended, datetime(2026, 11, 3, tzinfo=UTC), UTC_ZONE)
    assert found is not None
    assert found[1] == ("deadline", "truce", "2026-11-10", "in_7_days")


def test_the_end_of_the_calendar_is_no_mistake() -> None:
    assert reason(stands(value="9999-12-31"), datetime(2025, 11, 12, tzinfo=UTC)) == ""
    assert reason(stands(value="0001-01-01"), datetime(2025, 11, 12, tzinfo=UTC)) == ""


# --- silence --------------------------------------------------------------------------------------

NOW = LEARNED + MONTH


def feed(name: str = "wire", **told: Any) -> FeedStatus:
    given: dict[str, Any] = {
        "url": f"https://{name}.example/rss",
        "outlet": "",
        "last_result": PollResult.NOT_MODIFIED,
        "last_detail": "",
        "last_at": NOW,
        "last_ok_at": NOW,
        "failures": 0,
        "next_poll_at": NOW,
        "entries": 9,
        "moved_to": None,
        "active": True,
        "unbroken_since": LEARNED - DAY,
        "health": Health.HEALTHY,
    }
    return FeedStatus(id=name, **(given | told))


def told(at: datetime) -> Evidence:
    return Evidence("e7", "truce", "7", None, Status.MENTION, "", "The truce.", at, "Wire", Tier.WIRE, "Wire", "Truce")


def silent(*feeds: FeedStatus, last: Evidence | None = None, standing: Standing | None = None, **of_item: Any) -> str:
    watched = replace(item(), **of_item)
    found = silence(watched, LIFECYCLES["deadline"], standing or stands(), last, feeds, NOW)
    return found[0].detail if found else ""


def test_nothing_happened_for_as_long_as_it_may() -> None:
    assert silent(feed(), feed("daily")) == (
        "nothing was told of it since 2025-09-01, and all of its 2 sources answered the whole time"
    )
    assert silent(feed()).endswith("and its one source answered the whole time")
    assert silent(feed(), silent_after=MONTH + HOUR) == ""
    assert silent(feed(), silent_after=None) == ""
    assert silent() == ""  # nobody looks


def test_any_mention_begins_it_anew() -> None:
    old, new = told(LEARNED - 9 * DAY), told(LEARNED + HOUR)
    assert silent(feed(), last=old).endswith("; the last was told by Wire on 2025-08-23")
    assert silent(feed(), last=new) == ""


@pytest.mark.parametrize(
    "away",
    [
        {"health": Health.BROKEN},
        {"health": Health.BLOCKED},
        {"retired_at": LEARNED},
        {"last_ok_at": NOW - 9 * HOUR},  # it does not answer now
        {"last_ok_at": None},
        {"unbroken_since": LEARNED + HOUR},  # it was down since
        {"unbroken_since": None},
        {"active": False},
    ],
)
def test_it_is_not_said_when_nobody_could_look(away: dict[str, Any]) -> None:
    assert silent(feed(), feed("daily")) != ""
    assert silent(feed(), feed("daily", **away)) == ""


@pytest.mark.parametrize("fine", [{"health": Health.QUIET}, {"health": Health.LATE}, {"health": Health.RECOVERED}])
def test_a_source_that_answers_counts_however_little_it_publishes(fine: dict[str, Any]) -> None:
    assert silent(feed(**fine)) != ""


def test_an_item_is_not_silent_before_its_watch_began() -> None:
    assert silent(feed(), standing=stands(known_since=LEARNED + HOUR)) == ""


def test_a_last_state_is_never_silent() -> None:
    deal = Item("deal", "A deal", "deal", "closed", silent_after=DAY)
    closed = Standing("deal", "closed", LEARNED, known_since=LEARNED)
    assert silence(deal, LIFECYCLES["deal"], closed, None, [feed()], NOW) is None
    assert silence(deal, LIFECYCLES["deal"], replace(closed, state="signed"), None, [feed()], NOW) is not None


def test_one_silence_is_told_once() -> None:
    found = silence(item(), LIFECYCLES["deadline"], stands(), told(LEARNED - DAY), [feed()], NOW)
    later = silence(
        item(), LIFECYCLES["deadline"], stands(), told(LEARNED - DAY), [feed(last_ok_at=NOW + DAY)], NOW + DAY
    )
    never = silence(item(), LIFECYCLES["deadline"], stands(), None, [feed()], NOW)
    assert found is not None
    assert later is not None
    assert never is not None
    assert found[0].kind is AlertKind.SILENT
    assert found[0].reason is Reason.NOTHING_HAPPENED
    assert found[1] == later[1] == ("item_silent", "truce", "e7")
    assert never[1] == ("item_silent", "truce", "start")
