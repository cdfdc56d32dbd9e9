"""What pages said: kept with the entries of the same poll, compared in order, forgotten with the address."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from store_cases import DAY, LIFECYCLES, MINUTE, a_feed, a_poll, an_entry

from watcher.domain.feeds import DueFeed, Feed, FeedKind, Hints, Poll, Selectors, Snapshot
from watcher.storage import Store

PAGE = a_feed("page", kind=FeedKind.PAGE, selectors=Selectors(text="main"))


@pytest.fixture
def watched(store: Store, now: datetime) -> Store:
    store.sync([PAGE], [], LIFECYCLES, now)
    return store


def due(store: Store, now: datetime, owner: str = "me") -> DueFeed:
    (claimed,) = store.claim_feeds(now, 9, MINUTE, owner)
    return claimed


def change(n: int, at: datetime, text: str = "", etag: str = '"1"') -> Poll:
    """The n-th change of the page; the first reading is number 0."""
    told = an_entry(n, key=f"change-{n}", link="https://page.example/p", title="The page", by_key=True, removed="Gone.")
    entries = [told] if n else []
    return a_poll("page", at, entries, snapshot=Snapshot(text or f"text {n}", n), hints=Hints(etag=etag))


def test_a_feed_is_claimed_with_its_kind_its_selectors_and_what_it_said(watched: Store, now: datetime) -> None:
    first = due(watched, now)
    assert (first.feed.kind, first.feed.selectors, first.snapshot) == (FeedKind.PAGE, Selectors(text="main"), None)
    watched.save_polls([change(0, now)], now)
    assert due(watched, now + DAY).snapshot == Snapshot("text 0", 0)


def test_changes_follow_each_other_and_each_is_an_entry(watched: Store, now: datetime) -> None:
    assert [watched.save_polls([change(n, now)], now)[0].new for n in range(4)] == [0, 1, 1, 1]
    entries = watched.unjudged(9)
    assert [(entry.key, entry.removed) for entry in entries] == [(f"change-{n}", "Gone.") for n in (1, 2, 3)]
    assert not any(entry.baseline for entry in entries)


def test_of_two_polls_of_one_reading_the_first_counts(watched: Store, now: datetime) -> None:
    watched.save_polls([change(0, now)], now)
    assert watched.save_polls([change(1, now, "one", '"2"')], now)[0].new == 1
    late = replace(change(1, now, "other", '"3"'), entries=(an_entry(7),))
    assert watched.save_polls([late], now)[0].new == 0
    after = due(watched, now + DAY)
    assert after.snapshot == Snapshot("one", 1)
    assert after.hints.etag == '"2"'  # the hints of the late one would keep its difference from being seen


def test_a_page_that_says_the_same_keeps_what_it_said(watched: Store, now: datetime) -> None:
    watched.save_polls([change(0, now)], now)
    watched.save_polls([a_poll("page", now)], now)
    assert due(watched, now + DAY).snapshot == Snapshot("text 0", 0)


@pytest.mark.parametrize(
    "other",
    [
        replace(PAGE, url="https://page.example/other"),
        replace(PAGE, selectors=Selectors(text="article")),
        replace(PAGE, kind=FeedKind.FEED, selectors=Selectors()),
    ],
)
def test_a_feed_that_is_read_otherwise_begins_anew(watched: Store, now: datetime, other: Feed) -> None:
    watched.save_polls([change(0, now)], now)
    watched.sync([other], [], LIFECYCLES, now)
    claimed = due(watched, now)
    assert claimed.feed == other
    assert (claimed.snapshot, claimed.hints, claimed.first) == (None, Hints(), True)


def test_a_feed_that_stays_keeps_what_it_said(watched: Store, now: datetime) -> None:
    watched.save_polls([change(0, now)], now)
    watched.sync([replace(PAGE, outlet="Daily")], [], LIFECYCLES, now)
    assert due(watched, now + DAY).snapshot == Snapshot("text 0", 0)


def test_selectors_come_back_as_they_were(store: Store, now: datetime) -> None:
    select = Selectors("li", "a", "h3", "time", "p", "", ("%d.%m.%Y", "%Y"))
    store.sync([a_feed("list", kind=FeedKind.LIST, selectors=select)], [], LIFECYCLES, now)
    assert due(store, now).feed.selectors == select
