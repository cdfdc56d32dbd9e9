"""What a digest says: changes, what moves, days to come, silence, sources, and which items it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from watcher.domain.alerts import (
    POLICY_KINDS,
    AlertKind,
    Conditions,
    Digest,
    Moved,
    Moving,
    Point,
    Route,
    Upcoming,
)
from watcher.domain.digests import Change, News, Watched, build, is_empty
from watcher.domain.feeds import FeedStatus, Health, PollResult
from watcher.domain.model import (
    Evidence,
    HistoryRow,
    Item,
    Lifecycle,
    Reason,
    Standing,
    State,
    Status,
    Tier,
    Transition,
)

NOW = datetime(2025, 11, 3, 8, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SINCE, BEGAN = NOW - DAY, NOW - 40 * DAY
TODAY = date(2025, 11, 3)

FLIPS = (Status.DONE, Status.ANNOUNCED)
APPROVAL = Lifecycle(
    "approval",
    "Approval",
    "Will {title} be approved?",
    {
        "pending": State("pending", "still pending", "", "A decision.", ("approved", "refused"), FLIPS),
        "approved": State("approved", "approved", "", "", ("pending",), FLIPS),
        "refused": State("refused", "refused", "", "", (), FLIPS, final=True),
    },
    ("pending",),
)
DEADLINE = Lifecycle(
    "deadline",
    "Deadline",
    "Will {title} be extended?",
    {
        "set": State("set", "set", "", "", ("extended", "met"), FLIPS, value="date"),
        "extended": State("extended", "extended", "", "", ("met",), FLIPS, value="date"),
        "met": State("met", "met", "", "", (), FLIPS, final=True, value="date"),
    },
    ("set",),
)
CYCLES = {"approval": APPROVAL, "deadline": DEADLINE}
ROUTE = Route(("desk",), "daily")


def an_item(id: str = "permit", lifecycle: str = "approval", **told: Any) -> Item:
    return Item(id, f"The {id}", lifecycle, next(iter(CYCLES[lifecycle].states)), **told)


def stands(id: str = "permit", state: str = "pending", **told: Any) -> Standing:
    return Standing(id, state, **({"since": BEGAN} | told))


def evidence(id: str = "a", **told: Any) -> Evidence:
    given: dict[str, Any] = {
        "item": "permit",
        "entry": id,
        "state": "approved",
        "status": Status.DONE,
        "cue": "approves",
        "quote": "The office approved it.",
        "at": NOW - HOUR,
        "outlet": f"Outlet {id}",
        "tier": Tier.PRESS,
        "owner": f"Outlet {id}",
        "title": f"{id * 9} is told by {id}",
        "link": f"https://{id}.example/",
    }
    return Evidence(id, **(given | told))


def a_change(*facts: Evidence, id: int = 1, news: bool = True, **told: Any) -> Change:
    given: dict[str, Any] = {
        "item": "permit",
        "from_state": "pending",
        "to_state": "approved",
        "at": NOW - HOUR,
        "status": Status.DONE,
        "reason": Reason.ALONE,
        "evidence": tuple(fact.id for fact in facts),
        "entries": tuple(fact.entry for fact in facts),
        "from_since": BEGAN,
        "detail": "as the decision says",
    }
    return Change(id, id, Transition(**(given | told)), facts, news)


def history(*changes: Change) -> dict[str, list[HistoryRow]]:
    """Return the item's start and these changes, newest first as the store gives them."""
    start = a_change(id=0, from_state="", to_state=changes[0].transition.from_state, reason=Reason.START)
    rows = [HistoryRow(c.seq, c.transition, c.evidence, NOW) for c in (start, *changes)]
    return {changes[0].transition.item: rows[::-1]}


def digest(
    *items: Item,
    route: Route = ROUTE,
    standings: tuple[Standing, ...] = (),
    sources: dict[str, tuple[str, ...]] | None = None,
    **news: Any,
) -> Digest:
    watched = items or (an_item(),)
    where = {item.id: stands(item.id, item.state) for item in watched} | {one.item: one for one in standings}
    given: dict[str, Any] = {"changes": (), "histories": {}, "told": (), "known": {}, "last": {}}
    told = News(standings=where, **(given | news))
    return build(route, Watched(watched, CYCLES, sources or {}), told, since=SINCE, now=NOW, today=TODAY)


def moving(*facts: Evidence, route: Route = ROUTE, standing: Standing | None = None, **item: Any) -> tuple[Moving, ...]:
    known = {"permit": facts}
    where = (standing,) if standing else ()
    return digest(an_item(**item), route=route, told=facts, known=known, standings=where).moving


def test_where_nothing_happened_all_is_unchanged() -> None:
    found = digest(an_item(), an_item("visa"))
    assert found == Digest("daily", SINCE, NOW, unchanged=2)
    assert is_empty(found)


# --- changes --------------------------------------------------------------------------------------


def test_a_change_is_told_with_its_source() -> None:
    found = digest(changes=[a_change(evidence())], standings=(stands(state="approved", since=NOW - HOUR),))
    assert found.moved == (
        Moved(
            "permit", "The permit", "still pending", "approved", NOW - HOUR, "as the decision says",
            link="https://a.example/",
        ),
    )  # fmt: skip
    assert found.unchanged == 0
    assert not is_empty(found)


def test_every_change_is_told_in_order_and_the_way_back_is_marked() -> None:
    changes = [a_change(evidence()), a_change(evidence("b"), id=2, from_state="approved", to_state="pending")]
    found = digest(changes=changes, histories=history(*changes))
    assert [(one.to_label, one.reversal) for one in found.moved] == [("approved", False), ("still pending", True)]


def test_what_was_taken_back_is_a_reversal_and_another_value_is_none() -> None:
    retracted = a_change(evidence(), reason=Reason.RETRACTED)
    assert [one.reversal for one in digest(changes=[retracted]).moved] == [True]
    longer = a_change(item="quota", from_state="set", to_state="set", from_value="2025-12-01", to_value="2026-01-01")
    found = digest(an_item("quota", "deadline"), changes=[longer], histories=history(longer))
    assert [(one.from_value, one.to_value, one.reversal) for one in found.moved] == [
        ("2025-12-01", "2026-01-01", False)
    ]


def test_what_was_there_before_is_no_news() -> None:
    silent = a_change(evidence(), news=False)
    assert digest(changes=[silent]).moved == ()


def test_what_a_person_corrected_is_told() -> None:
    by_hand = a_change(reason=Reason.PERSON, detail="Ana says so")
    assert [one.detail for one in digest(changes=[by_hand]).moved] == ["Ana says so"]


# --- moving ---------------------------------------------------------------------------------------


def test_what_is_not_enough_is_told_with_why() -> None:
    assert moving(evidence()) == (
        Moving(
            "permit", "The permit", "still pending", "approved", Status.DONE, 1, NOW - HOUR,
            "1 independent source(s) so far; wanted: 2 independent sources, or one of tier wire or better",
            link="https://a.example/",
        ),
    )  # fmt: skip


def test_one_line_for_each_state_with_the_strongest_way_it_is_told() -> None:
    facts = (
        evidence("a", status=Status.POSSIBLE),
        evidence("b", status=Status.URGED, at=NOW - 3 * HOUR),
        evidence("c", status=Status.POSSIBLE, state="refused", at=NOW - 2 * HOUR),
    )
    found = moving(*facts)
    assert [(one.to_label, one.status, one.sources, one.at) for one in found] == [
        ("approved", Status.POSSIBLE, 2, NOW - HOUR),
        ("refused", Status.POSSIBLE, 1, NOW - 2 * HOUR),
    ]
    assert found[0].detail == "possible does not move it to approved"


def test_sources_are_counted_since_the_item_stands_there_and_once_for_each_owner() -> None:
    earlier = evidence("old", at=NOW - 3 * DAY, owner="X")
    facts = (evidence("a"), evidence("b", owner="Outlet a"), evidence("c", status=Status.URGED))
    found = digest(told=facts, known={"permit": (earlier, *facts)}).moving
    assert [one.sources for one in found] == [2]
    moved_since = stands(since=NOW - 2 * DAY)
    found = digest(told=facts, known={"permit": (earlier, *facts)}, standings=(moved_since,)).moving
    assert [one.sources for one in found] == [1]


def test_a_denial_disputes_it() -> None:
    denied = evidence("b", status=Status.DENIED, at=NOW - 2 * HOUR, tier=Tier.WIRE)
    (one,) = moving(evidence(tier=Tier.WIRE), denied)
    assert (one.disputed, one.detail) == (True, "told by Outlet a; denied by Outlet b")
    assert moving(denied) == ()


def test_a_denial_of_where_it_stands_is_told() -> None:
    told = evidence(tier=Tier.WIRE, at=NOW - 3 * HOUR)
    denied = evidence("b", status=Status.DENIED, at=NOW - 2 * HOUR, tier=Tier.WIRE)
    approved = stands(state="approved", since=NOW - 3 * HOUR, came_from="pending")
    assert moving(told, denied, standing=approved) == (
        Moving(
            "permit", "The permit", "approved", "approved", Status.DENIED, 1, NOW - 2 * HOUR,
            "told by Outlet a; denied by Outlet b", disputed=True, link="https://b.example/",
        ),
    )  # fmt: skip


def test_an_item_that_is_disputed_is_marked() -> None:
    assert [one.disputed for one in moving(evidence(), standing=stands(disputed=True))] == [True]


@pytest.mark.parametrize(
    "told",
    [
        {"state": None, "status": Status.MENTION},
        {"state": "pending"},
        {"state": "unheard-of"},
        {"item": "ghost"},
        {"at": BEGAN - DAY},
        {"status": Status.DENIED},
    ],
)
def test_what_says_nothing_of_what_comes_next_is_left_out(told: dict[str, Any]) -> None:
    assert moving(evidence(**told)) == ()


def moved_twice(*facts: Evidence) -> Digest:
    """An item that a wire's report moved and another moved on, both told at one time, with more that was told."""
    first, then = evidence("a", tier=Tier.WIRE), evidence("b", state="pending", tier=Tier.WIRE)
    changes = [a_change(first), a_change(then, id=2, from_state="approved", to_state="pending")]
    told = (first, then, *facts)
    stood = stands(since=NOW - HOUR, came_from="approved")
    return digest(changes=changes, histories=history(*changes), told=told, known={"permit": told}, standings=(stood,))


def test_what_moved_it_was_enough_though_it_was_moved_on_at_once() -> None:
    found = moved_twice()
    assert [one.to_label for one in found.moved] == ["approved", "still pending"]
    assert found.moving == ()


def test_what_moved_it_before_the_last_digest_was_enough_too() -> None:
    first, then = evidence("a", tier=Tier.WIRE), evidence("b", state="pending", tier=Tier.WIRE)
    changes = [a_change(first), a_change(then, id=2, from_state="approved", to_state="pending")]
    stood = stands(since=NOW - HOUR, came_from="approved")
    found = digest(histories=history(*changes), told=[first], known={"permit": [first, then]}, standings=(stood,))
    assert found.moving == ()


def test_what_told_where_it_stood_then_is_not_called_too_little() -> None:
    assert moved_twice(evidence("c", tier=Tier.WIRE, at=NOW - HOUR)).moving == ()


def test_what_is_too_little_is_told_beside_what_moved_it() -> None:
    (one,) = moved_twice(evidence("c", state="refused", status=Status.POSSIBLE)).moving
    assert (one.to_label, one.detail) == ("refused", "possible does not move it to refused")


# --- days, silence, sources -----------------------------------------------------------------------


def waits(days: int, id: str = "quota", state: str = "set") -> Standing:
    return stands(id, state, value=f"{TODAY + timedelta(days=days)} Madrid")


def test_days_within_a_fortnight_are_told_soonest_first() -> None:
    items = [an_item(name, "deadline") for name in "abcdefg"]
    standings = (
        waits(14, "a"), waits(0, "b"), waits(15, "c"), waits(-1, "d"), waits(3, "e", "met"),
        stands("f", "set", value="soon"), stands("g", "set"),
    )  # fmt: skip
    found = digest(*items, standings=standings)
    assert found.upcoming == (
        Upcoming("b", "The b", "set", TODAY),
        Upcoming("a", "The a", "set", date(2025, 11, 17)),
    )
    assert found.unchanged == 5


def a_feed(id: str, health: Health, **told: Any) -> FeedStatus:
    given: dict[str, Any] = {
        "outlet": "",
        "last_result": PollResult.FAILED,
        "last_detail": "",
        "last_at": NOW,
        "last_ok_at": NOW,
        "failures": 0,
        "next_poll_at": NOW,
        "entries": 1,
        "moved_to": None,
        "active": True,
        "health_since": SINCE,
        "health_detail": "no answer",
    }
    return FeedStatus(id, f"https://{id}.example/", health=health, **(given | told))


def test_an_item_is_silent_as_it_is_in_an_alert_of_its_own() -> None:
    patient = an_item(silent_after=30 * DAY)
    told: dict[str, Any] = {
        "feeds": [a_feed("wire", Health.HEALTHY, unbroken_since=BEGAN)],
        "sources": {"permit": ("wire",)},
    }
    (point,) = digest(patient, **told).silent
    assert point.name == "The permit"
    assert point.text == "nothing was told of it since 2025-09-24, and its one source answered the whole time"
    assert digest(patient, **told).unchanged == 0
    assert digest(patient, **told | {"sources": {"permit": ("wire", "new")}}).silent == ()
    assert digest(patient, **told, last={"permit": evidence()}).silent == ()
    assert digest(an_item(), **told).silent == ()
    assert digest(patient, **told, standings=(stands(state="refused"),)).silent == ()


def test_sources_of_its_items_that_are_quiet_or_down_are_told() -> None:
    feeds = [
        a_feed("wire", Health.BROKEN, outlet="Wire One"),
        a_feed("slow", Health.QUIET),
        a_feed("fine", Health.HEALTHY),
        a_feed("late", Health.LATE),
        a_feed("gone", Health.BROKEN, active=False),
        a_feed("other", Health.BROKEN),
    ]
    sources = {"permit": ("wire", "slow", "fine", "late", "gone"), "ghost": ("other",)}
    found = digest(feeds=feeds, sources=sources)
    assert found.sources == (
        Point("wire (Wire One)", "broken: no answer", SINCE),
        Point("slow", "quiet: no answer", SINCE),
    )


# --- which items, and what of them ----------------------------------------------------------------


@pytest.mark.parametrize(
    "when",
    [
        Conditions(watchlists=("trade",)),
        Conditions(items=("visa",)),
        Conditions(tags=("eu", "us")),
        Conditions(lifecycles=("deadline",)),
        Conditions(severities=("high",)),
    ],
)
def test_the_items_are_those_that_the_route_admits(when: Conditions) -> None:
    visa = an_item("visa", "deadline", watchlist="trade", tags=("us",), severity="high")
    route = replace(ROUTE, when=when)
    assert digest(an_item(), visa, route=route).unchanged == 1
    assert digest(an_item(), route=route, changes=[a_change(evidence())], told=[evidence()]) == Digest(
        "daily", SINCE, NOW
    )


def test_an_item_that_the_database_does_not_know_yet_is_left_out() -> None:
    watched = Watched((an_item(),), CYCLES)
    found = build(ROUTE, watched, News((), {}, (), {}, {}, {}), since=SINCE, now=NOW, today=TODAY)
    assert found.unchanged == 0


def listed(**when: Any) -> tuple[list[str], list[str]]:
    """What a route with these conditions lists of a change, a change back, a sign and a disputed one."""
    route = replace(ROUTE, when=Conditions(**when))
    change = a_change(evidence(tier=Tier.WIRE))
    back = a_change(evidence("b"), id=2, from_state="approved", to_state="pending")
    denied = evidence("n", state="refused", status=Status.DENIED, tier=Tier.OFFICIAL, at=NOW - 2 * HOUR)
    told = [evidence("c"), evidence("d", state="refused", tier=Tier.OFFICIAL), denied]
    found = digest(
        route=route, changes=[change, back], histories=history(change, back), told=told, known={"permit": told}
    )
    return [one.to_label for one in found.moved], [one.to_label for one in found.moving]


def test_kinds_states_and_tiers_choose_what_is_listed() -> None:
    everything = (["approved", "still pending"], ["approved", "refused"])
    assert listed(kinds=ROUTE.when.kinds) == everything
    assert listed() == listed(kinds=POLICY_KINDS) == everything
    assert listed(kinds=(AlertKind.STATE_CHANGE,)) == (["approved"], [])
    assert listed(kinds=(AlertKind.REVERSAL,)) == (["still pending"], [])
    assert listed(kinds=(AlertKind.EARLY_SIGNAL,)) == ([], ["approved"])
    assert listed(kinds=(AlertKind.DISPUTED,)) == ([], ["refused"])
    assert listed(states=("approved",)) == (["approved"], ["approved"])
    assert listed(tiers=(Tier.OFFICIAL,)) == ([], ["refused"])
    assert listed(tiers=(Tier.PRESS,)) == (["still pending"], ["approved"])
