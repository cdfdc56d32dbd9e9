"""When changes of the sources' health are told: one cause is one message, and nothing is told twice or forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_health import DAY, HOUR, MINUTE, NOW, failing, source

from watcher.domain.alerting import kind_of
from watcher.domain.alerts import AlertKind
from watcher.domain.feeds import FeedStatus, Health, HealthChange, Untold
from watcher.domain.gathering import APART, GATHER, HELD_FOR, gather, to_tell
from watcher.domain.health import joining

BROKE, BACK = (Health.HEALTHY, Health.BROKEN), (Health.BROKEN, Health.RECOVERED)
FEEDS = [source(name) for name in "abcdefgh"]


def change(name: str, was: Health, now_is: Health, *, n: int = 3, ago: timedelta = timedelta(0)) -> HealthChange:
    return HealthChange(name, n, was, now_is, "timeout", "it did not answer", NOW - ago)


def told(*waiting: Untold | HealthChange, feeds: list[FeedStatus] | None = None, **given: object) -> list[str]:
    """Name the sources that are told of; what is left waits or is done."""
    untold = [one if isinstance(one, Untold) else Untold(one) for one in waiting]
    found = gather(untold, feeds or FEEDS, {}, NOW, **given)  # type: ignore[arg-type]
    assert {one.feed for one in found.changes} <= {one.feed for one in found.done}
    return [one.feed for one in found.changes]


def test_a_change_waits_for_others_of_its_kind() -> None:
    assert told(change("a", *BROKE, ago=GATHER - MINUTE)) == []
    assert told(change("a", *BROKE, ago=GATHER), change("b", *BROKE)) == ["a", "b"]
    assert told(change("a", *BROKE, ago=GATHER), change("b", *BACK)) == ["a"]
    assert told(change("a", *BROKE), change("b", *BACK), patient=False) == ["a", "b"]


def test_messages_of_a_kind_lie_apart() -> None:
    late, back = Untold(change("a", *BROKE, ago=HOUR / 2)), Untold(change("b", *BACK, ago=HOUR / 2))
    for since, names in ((APART - MINUTE, ["b"]), (APART, ["a", "b"])):
        found = gather([late, back], FEEDS, {AlertKind.SOURCE_BROKEN: NOW - since}, NOW)
        assert [one.feed for one in found.changes] == names


def test_of_what_became_of_one_source_meanwhile_only_the_end_counts() -> None:
    broke, back = change("a", *BROKE, ago=HOUR), change("a", *BACK, n=4)
    found = gather([Untold(broke), Untold(back)], FEEDS, {}, NOW)
    assert (found.changes, found.done) == ((), (broke, back))
    again = change("a", Health.RECOVERED, Health.BROKEN, n=5)
    found = gather([Untold(broke), Untold(back), Untold(again)], FEEDS, {}, NOW)
    assert [(one.from_state, one.to_state, one.n) for one in found.changes] == [(*BROKE, 5)]
    assert found.done == (broke, back, again)
    gone = change("a", Health.BROKEN, Health.RETIRED, n=6)
    assert told(back, replace(gone, from_state=Health.RECOVERED)) == []  # it waits as what it is now
    assert told(replace(back, at=NOW - HOUR), replace(gone, from_state=Health.RECOVERED)) == ["a"]


def test_a_source_that_is_no_longer_configured_is_told_of_no_more() -> None:
    change_ = change("gone", *BROKE, ago=HOUR)
    found = gather([Untold(change_)], FEEDS, {}, NOW)
    assert (found.changes, found.done) == ((), (change_,))


# --- a common outage ------------------------------------------------------------------------------


def outage(down: int = 4) -> list[FeedStatus]:
    """Eight sources of which some were found down an hour ago; the others have not answered since."""
    given = {"health": Health.BROKEN, "health_since": NOW - HOUR}
    names = "abcdefgh"
    return [
        replace(failing(4, 2 * HOUR, **given), id=name) if n < down else source(name, last_ok_at=NOW - 2 * HOUR)
        for n, name in enumerate(names)
    ]


def late(feed: FeedStatus, failure: str = "dns") -> FeedStatus:
    return replace(failing(3, HOUR, failure, last_ok_at=feed.last_ok_at), id=feed.id)


def test_a_source_that_breaks_later_in_an_outage_belongs_to_it() -> None:
    feeds = outage()
    feeds[6] = late(feeds[6])
    assert "g" in joining(feeds)
    (one,) = to_tell([change("g", *BROKE)], feeds)
    assert one.held
    old = replace(one, change=replace(one.change, at=NOW - HELD_FOR + MINUTE))
    assert told(old, feeds=feeds) == []
    assert told(old, feeds=FEEDS) == ["g"]  # it is over, and this one is still down
    assert told(old, change("g", *BACK, n=4), feeds=FEEDS) == []  # it is over for this one, too
    assert told(replace(one, change=replace(one.change, at=NOW - HELD_FOR)), feeds=feeds) == ["g"]


@pytest.mark.parametrize(
    "feed",
    [
        late(source("g", last_ok_at=NOW - HOUR / 2)),  # it has answered since
        late(source("g", last_ok_at=NOW - 2 * HOUR), "not_a_feed"),  # it was reached
        late(source("g", last_ok_at=None)),  # it never answered
    ],
)
def test_what_has_another_cause_does_not(feed: FeedStatus) -> None:
    feeds = outage()
    feeds[6] = replace(feed, id="g")
    assert "g" not in joining(feeds)
    assert not to_tell([change("g", *BROKE)], feeds)[0].held


def test_few_that_are_down_are_no_outage() -> None:
    feeds = outage(down=3)
    feeds[6] = late(feeds[6])
    assert joining(feeds) == frozenset()


def test_an_outage_of_long_ago_hides_nothing_new() -> None:
    feeds = [replace(feed, health_since=NOW - 30 * DAY) if feed.health.down else feed for feed in outage()]
    feeds[6] = late(feeds[6])
    assert "g" not in joining(feeds)


# --- in every order -------------------------------------------------------------------------------

STEPS = {
    Health.HEALTHY: (Health.BROKEN, Health.BLOCKED, Health.QUIET, Health.LATE),
    Health.LATE: (Health.BROKEN, Health.HEALTHY),
    Health.BROKEN: (Health.BLOCKED, Health.RECOVERED, Health.RETIRED),
    Health.BLOCKED: (Health.BROKEN, Health.RECOVERED),
    Health.QUIET: (Health.RECOVERED, Health.BROKEN),
    Health.RECOVERED: (Health.HEALTHY, Health.BROKEN, Health.QUIET),
    Health.RETIRED: (),
}


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(1, 180)), max_size=40))
def test_who_hears_it_all_knows_how_it_is_in_the_end(steps: list[tuple[int, bool, int]]) -> None:
    """One source goes any way; what was told last says whether it is down, and nothing is told twice."""
    now, state, waiting, last = NOW, Health.HEALTHY, [], {}
    heard: list[AlertKind] = []

    def sweep(patient: bool = True) -> None:
        found = gather(waiting, [source("a")], last, now, patient=patient)
        for one in found.changes:
            kind = kind_of(one)
            assert kind is not None
            heard.append(kind)
            last[kind] = now
        waiting[:] = [one for one in waiting if one.change not in found.done]

    for n, (choice, swept, minutes) in enumerate(steps, 1):
        now += minutes * MINUTE
        if ways := STEPS[state]:
            moved = HealthChange("a", n, state, ways[choice % len(ways)], "x", "", now)
            waiting += to_tell([moved], [source("a")])
            state = moved.to_state
        if swept:
            sweep()
    sweep(patient=False)
    assert waiting == []
    down = [kind is AlertKind.SOURCE_BROKEN for kind in heard if kind is not AlertKind.SOURCE_QUIET]
    if state.down or state is Health.RETIRED:
        assert down[-1]
    elif state is not Health.QUIET:
        assert not down or not down[-1]
    if state is not Health.RETIRED:
        assert all(earlier != later for earlier, later in pairwise(heard))
