"""Feeds in the store: configuration, claims by lease, saved polls, permanent redirects."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import event
from store_cases import DAY, HOUR, LIFECYCLES, MINUTE, a_feed, a_poll, an_entry

from watcher.domain.feeds import Hints, NewEntry, PollResult
from watcher.errors import UsageError
from watcher.storage import Store
from watcher.storage.store import Marks

OK, BROKEN, FAILED, SAME = PollResult.EMPTY, PollResult.BROKEN, PollResult.FAILED, PollResult.NOT_MODIFIED


def sync(store: Store, now: datetime, *feeds: object) -> None:
    store.sync(list(feeds), [], LIFECYCLES, now)  # type: ignore[arg-type]


def test_a_new_feed_is_due_at_once_and_first(store: Store, now: datetime) -> None:
    feed = a_feed(outlet="Wire", every=HOUR, language="de", allow_private=True)
    sync(store, now, feed)
    (due,) = store.claim_feeds(now, 10, MINUTE, "me")
    assert due.feed == feed
    assert due.hints == Hints()
    assert due.first
    assert due.failures == 0


def test_a_claimed_feed_is_nobody_elses_until_the_lease_ends(store: Store, now: datetime) -> None:
    sync(store, now, a_feed())
    assert store.claim_feeds(now, 10, MINUTE, "me")
    assert store.claim_feeds(now, 10, MINUTE, "you") == []
    assert store.claim_feeds(now + MINUTE / 2, 10, MINUTE, "me") == []
    assert store.claim_feeds(now + MINUTE, 10, MINUTE, "you")


def test_claims_take_the_longest_overdue_first_up_to_the_limit(store: Store, now: datetime) -> None:
    names = ["c", "a", "b"]
    for n in range(3):
        sync(store, now - HOUR + n * MINUTE, *(a_feed(name) for name in names[: n + 1]))
    assert [due.feed.id for due in store.claim_feeds(now, 2, MINUTE, "me")] == ["c", "a"]
    assert [due.feed.id for due in store.claim_feeds(now, 2, MINUTE, "me")] == ["b"]


def test_saving_a_poll_ends_the_lease_and_sets_the_next(store: Store, now: datetime) -> None:
    sync(store, now, a_feed())
    store.claim_feeds(now, 1, HOUR, "me")
    store.save_polls([a_poll("wire", now, next_poll_at=now + MINUTE)], now)
    assert store.claim_feeds(now, 1, HOUR, "you") == []
    (due,) = store.claim_feeds(now + MINUTE, 1, HOUR, "you")
    assert due.hints == Hints(etag='"1"')
    assert not due.first


def test_released_feeds_are_free_at_once(store: Store, now: datetime) -> None:
    sync(store, now, a_feed("a"), a_feed("b"))
    store.claim_feeds(now, 1, HOUR, "me")
    store.claim_feeds(now, 1, HOUR, "you")
    store.release_feeds("me")
    assert [due.feed.id for due in store.claim_feeds(now, 9, HOUR, "third")] == ["a"]


def test_two_claimers_at_once_get_disjoint_feeds(store: Store, db_url: str, now: datetime) -> None:
    names = {f"feed-{n}" for n in range(40)}
    sync(store, now, *(a_feed(name) for name in names))
    stores = [Store.open(db_url) for _ in range(4)]
    barrier = threading.Barrier(len(stores))
    taken: list[str] = []

    def work(number: int, own: Store) -> None:
        barrier.wait()
        while got := own.claim_feeds(now, 3, HOUR, f"worker-{number}"):
            taken.extend(due.feed.id for due in got)

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in stores:
        own.close()
    assert sorted(taken) == sorted(names)


def test_a_feed_no_longer_configured_rests_and_comes_back_with_its_hints(store: Store, now: datetime) -> None:
    sync(store, now, a_feed("a"), a_feed("b"))
    store.save_polls([a_poll("b", now, [an_entry(1)])], now)
    sync(store, now, a_feed("a"))
    assert [due.feed.id for due in store.claim_feeds(now + DAY, 9, HOUR, "me")] == ["a"]
    assert [(row.id, row.active) for row in store.feed_statuses()] == [("a", True), ("b", False)]
    sync(store, now, a_feed("a"), a_feed("b"))
    (due,) = store.claim_feeds(now + DAY, 9, HOUR, "me")
    assert (due.feed.id, due.hints.etag, due.first) == ("b", '"1"', False)


def test_a_changed_address_is_polled_afresh(store: Store, now: datetime) -> None:
    sync(store, now, a_feed())
    store.save_polls([a_poll("wire", now, result=SAME)], now)
    store.save_polls([a_poll("wire", now, result=FAILED)], now)
    sync(store, now, a_feed(url="https://other.example/feed"))
    (due,) = store.claim_feeds(now, 1, HOUR, "me")
    assert due.feed.url == "https://other.example/feed"
    assert (due.hints, due.failures, due.first) == (Hints(), 0, True)


def test_a_shorter_interval_counts_from_now(store: Store, now: datetime) -> None:
    sync(store, now, a_feed(every=DAY))
    store.save_polls([a_poll("wire", now, next_poll_at=now + DAY)], now)
    sync(store, now, a_feed(every=HOUR))
    assert store.feed_statuses()[0].next_poll_at == now + HOUR
    sync(store, now, a_feed(every=DAY))
    assert store.feed_statuses()[0].next_poll_at == now + HOUR


def test_failures_add_up_keep_the_hints_and_a_success_resets_them(store: Store, now: datetime) -> None:
    sync(store, now, a_feed())
    store.save_polls([a_poll("wire", now, hints=Hints(etag="old"))], now)
    for n, result in enumerate([FAILED, BROKEN, FAILED], start=1):
        later = now + n * HOUR
        store.save_polls([a_poll("wire", later, result=result, detail="no route", hints=Hints(etag="bad"))], later)
        status = store.feed_statuses()[0]
        assert (status.failures, status.last_result, status.last_detail) == (n, result, "no route")
        assert (status.last_at, status.last_ok_at) == (later, now)
    (due,) = store.claim_feeds(now + DAY, 1, HOUR, "me")
    assert (due.failures, due.hints) == (3, Hints(etag="old"))
    store.save_polls([a_poll("wire", now + DAY, result=SAME, hints=None)], now + DAY)
    (due,) = store.claim_feeds(now + 2 * DAY, 1, HOUR, "me")
    assert (due.failures, due.hints) == (0, Hints(etag="old"))


def test_the_first_success_is_the_baseline(store: Store, now: datetime) -> None:
    sync(store, now, a_feed())
    assert [one.baseline for one in store.save_polls([a_poll("wire", now, result=FAILED)], now)] == [False]
    (saved,) = store.save_polls([a_poll("wire", now, [an_entry(1), an_entry(2)])], now)
    assert (saved.feed, saved.new, saved.baseline) == ("wire", 2, True)
    (saved,) = store.save_polls([a_poll("wire", now, [an_entry(2), an_entry(3)])], now)
    assert (saved.new, saved.baseline) == (1, False)
    assert [(entry.key, entry.baseline) for entry in store.unjudged(9)] == [("k1", True), ("k2", True), ("k3", False)]
    assert store.feed_statuses()[0].entries == 3


def test_after_an_empty_first_poll_entries_are_news(store: Store, now: datetime) -> None:
    sync(store, now, a_feed())
    (empty,) = store.save_polls([a_poll("wire", now)], now)
    (saved,) = store.save_polls([a_poll("wire", now, [an_entry(1)])], now)
    assert (empty.baseline, saved.baseline) == (True, False)


@pytest.mark.parametrize(("entries", "baseline"), [((1, 2), False), ((7, 8), True)])
def test_a_new_address_is_a_new_feed_only_when_it_gives_nothing_known(
    store: Store, now: datetime, entries: tuple[int, ...], baseline: bool
) -> None:
    sync(store, now, a_feed(url="http://wire.example/rss"))
    store.save_polls([a_poll("wire", now, [an_entry(1)])], now)
    sync(store, now, a_feed(url="https://wire.example/rss"))
    (saved,) = store.save_polls([a_poll("wire", now, [an_entry(n) for n in entries])], now)
    assert saved.baseline is baseline


def test_entries_come_back_as_they_were_told(store: Store, now: datetime) -> None:
    sync(store, now, a_feed())
    given = an_entry(
        1, summary="中国 <批准> & “quoted”", source="Rüssel Post", published=now - HOUR, language="zh", link="x:y"
    )
    store.save_polls([a_poll("wire", now, [given])], now)
    (entry,) = store.unjudged(9)
    assert entry.id == str(int(entry.id))
    assert (entry.feed, entry.key, entry.title, entry.summary) == ("wire", given.key, given.title, given.summary)
    assert (entry.link, entry.source, entry.language) == ("x:y", "Rüssel Post", "zh")
    assert (entry.published, entry.at, entry.seen_at) == (now - HOUR, now - HOUR, now)


def test_an_entry_from_the_future_is_judged_at_the_time_it_was_seen(store: Store, now: datetime) -> None:
    sync(store, now, a_feed())
    store.save_polls([a_poll("wire", now, [an_entry(1, published=now + DAY), an_entry(2)])], now)
    assert [entry.at for entry in store.unjudged(9)] == [now, now]
    assert store.unjudged(9)[0].published == now + DAY


def test_entries_wait_in_the_order_of_their_time_then_as_given(store: Store, now: datetime) -> None:
    sync(store, now, a_feed("a"), a_feed("b"))
    polls = [
        a_poll("a", now, [an_entry(1, published=now - HOUR), an_entry(2), an_entry(3)]),
        a_poll("b", now, [an_entry(4, published=now - DAY)]),
    ]
    assert [saved.feed for saved in store.save_polls(polls, now)] == ["a", "b"]
    assert [entry.key for entry in store.unjudged(9)] == ["k4", "k1", "k2", "k3"]
    assert [entry.key for entry in store.unjudged(2)] == ["k4", "k1"]


def test_unstorable_characters_are_left_out(store: Store, now: datetime) -> None:
    sync(store, now, a_feed())
    given = an_entry(1, key="a\x00b", title="No\x00thing \ud800lost", summary="\x00", link="https://x.example/\x00a")
    assert store.save_polls([a_poll("wire", now, [given])], now)[0].new == 1
    assert store.save_polls([a_poll("wire", now, [given])], now)[0].new == 0
    assert store.unjudged(9)[0].title == "Nothing lost"


def test_a_poll_of_an_unknown_feed_writes_nothing(store: Store, now: datetime) -> None:
    sync(store, now, a_feed())
    with pytest.raises(UsageError, match="nobody"):
        store.save_polls([a_poll("wire", now, [an_entry(1)]), a_poll("nobody", now)], now)
    assert store.unjudged(9) == []
    assert store.feed_statuses()[0].last_at is None


def test_nothing_to_save_is_nothing(store: Store, now: datetime) -> None:
    assert store.save_polls([], now) == []
    assert store.claim_feeds(now, 9, HOUR, "me") == []


def url(store: Store, now: datetime) -> str:
    (due,) = store.claim_feeds(now + 9 * DAY, 1, HOUR, "me")
    store.release_feeds("me")
    return due.feed.url


def test_a_permanent_redirect_is_followed_for_good_after_three_in_a_row(store: Store, now: datetime) -> None:
    sync(store, now, a_feed(url="https://old.example/"))
    for _ in range(2):
        store.save_polls([a_poll("wire", now, moved_to="https://new.example/")], now)
        assert url(store, now) == "https://old.example/"
    assert store.feed_statuses()[0].moved_to == "https://new.example/"
    store.save_polls([a_poll("wire", now, moved_to="https://new.example/")], now)
    assert url(store, now) == "https://new.example/"
    store.save_polls([a_poll("wire", now)], now)
    assert url(store, now) == "https://new.example/"
    status = store.feed_statuses()[0]
    assert (status.url, status.moved_to) == ("https://old.example/", "https://new.example/")
    sync(store, now, a_feed(url="https://third.example/"))
    assert url(store, now) == "https://third.example/"


@pytest.mark.parametrize(
    "third", [{"moved_to": "https://else.example/"}, {}, {"result": BROKEN, "moved_to": "https://new.example/"}]
)
def test_redirects_must_be_in_a_row_to_one_place_that_is_a_feed(
    store: Store, now: datetime, third: dict[str, object]
) -> None:
    sync(store, now, a_feed(url="https://old.example/"))
    moves = {"moved_to": "https://new.example/"}
    for told in (moves, moves, third, moves, moves):
        store.save_polls([a_poll("wire", now, **told)], now)
    assert url(store, now) == "https://old.example/"


def test_a_failure_in_between_does_not_break_the_row(store: Store, now: datetime) -> None:
    sync(store, now, a_feed(url="https://old.example/"))
    moves = {"moved_to": "https://new.example/"}
    for told in (moves, moves, {"result": FAILED}, moves):
        store.save_polls([a_poll("wire", now, **told)], now)
    assert url(store, now) == "https://new.example/"


def test_a_place_that_fails_for_long_is_given_up(store: Store, now: datetime) -> None:
    sync(store, now, a_feed(url="https://old.example/"))
    for _ in range(3):
        store.save_polls([a_poll("wire", now, moved_to="https://new.example/")], now)
    for _ in range(4):
        store.save_polls([a_poll("wire", now, result=FAILED)], now)
    assert url(store, now) == "https://new.example/"
    store.save_polls([a_poll("wire", now, result=FAILED)], now)
    assert url(store, now) == "https://old.example/"


# --- marks ----------------------------------------------------------------------------------------


def test_marks_are_kept_until_a_document_brings_others(store: Store, now: datetime) -> None:
    sync(store, now, a_feed("a"), a_feed("b"))
    assert store.marks(["a", "b"]) == {}
    polls = [a_poll("a", now, [an_entry(1)]), a_poll("b", now, result=FAILED)]
    store.save_polls(polls, now, {"a": Marks(b"\x00one")})
    assert store.marks(["a", "b", "nobody"]) == {"a": b"\x00one"}
    store.save_polls([a_poll("a", now, result=result) for result in (SAME,)], now)
    store.save_polls([a_poll("a", now, result=BROKEN)], now)
    assert store.marks(["a"]) == {"a": b"\x00one"}
    store.save_polls([a_poll("a", now)], now, {"a": Marks(b"two", known=1)})
    assert store.marks(["a"]) == {"a": b"two"}
    store.save_polls([a_poll("a", now)], now, {"a": Marks(b"")})
    assert store.marks(["a"]) == {"a": b""}


def test_a_new_address_has_no_marks(store: Store, now: datetime) -> None:
    sync(store, now, a_feed())
    store.save_polls([a_poll("wire", now)], now, {"wire": Marks(b"one")})
    sync(store, now, a_feed(outlet="Wire"))
    assert store.marks(["wire"]) == {"wire": b"one"}
    sync(store, now, a_feed(url="https://other.example/feed"))
    assert store.marks(["wire"]) == {}


def test_marks_are_written_with_the_entries_they_vouch_for_or_not_at_all(store: Store, now: datetime) -> None:
    sync(store, now, a_feed())
    with pytest.raises(UsageError):
        store.save_polls([a_poll("wire", now, [an_entry(1)]), a_poll("nobody", now)], now, {"wire": Marks(b"one")})
    assert store.marks(["wire"]) == {}


def test_a_document_whose_entries_are_known_is_no_baseline(store: Store, now: datetime) -> None:
    """The address was changed while the feed was being asked at the old one."""
    sync(store, now, a_feed(url="http://wire.example/rss"))
    store.save_polls([a_poll("wire", now, [an_entry(1)])], now)
    sync(store, now, a_feed(url="https://wire.example/rss"))
    (saved,) = store.save_polls([a_poll("wire", now, [an_entry(2)])], now, {"wire": Marks(b"x", known=1)})
    assert (saved.new, saved.baseline) == (1, False)


# --- many feeds at once ---------------------------------------------------------------------------


def random_entries(chance: random.Random, feed: int) -> list[NewEntry]:
    """Entries that share keys, links and titles with each other and with those of other calls."""
    return [
        an_entry(
            chance.randrange(9),
            key=chance.choice(["", f"k{chance.randrange(6)}"]),
            title=chance.choice(["Ban lifted", "Ban lifted at last", "Quite another story", ""]),
            link=chance.choice(["", f"https://news.example/{feed}/{chance.randrange(6)}"]),
        )
        for _ in range(chance.randrange(12))
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_of_polls_comes_to_the_same_as_its_polls_one_by_one(
    new_database: Callable[[str, Path], AbstractContextManager[str]],
    db_url: str,
    tmp_path: Path,
    now: datetime,
    seed: int,
) -> None:
    chance = random.Random(seed)
    rounds = [[a_poll(f"f{n:02}", now, random_entries(chance, n)) for n in range(60)] for _ in range(3)]
    kind = "postgres" if db_url.startswith("postgres") else "sqlite"
    (tmp_path / "other").mkdir()
    with new_database(kind, tmp_path / "other") as other:
        stores = [Store.open(db_url), Store.open(other)]
        for store in stores:
            sync(store, now, *(a_feed(f"f{n:02}") for n in range(60)))
        for polls in rounds:
            together = stores[0].save_polls(polls, now)
            assert together == [saved for poll in polls for saved in stores[1].save_polls([poll], now)]
        kept = [[(e.feed, e.key, e.title, e.link, e.baseline) for e in store.unjudged(9999)] for store in stores]
        assert kept[0] == kept[1] != []
        assert [s.entries for s in stores[0].feed_statuses()] == [s.entries for s in stores[1].feed_statuses()]
        for store in stores:
            store.close()


def test_the_statements_of_a_batch_do_not_grow_with_its_feeds(store: Store, now: datetime) -> None:
    sync(store, now, *(a_feed(f"f{n}") for n in range(40)))
    store.save_polls([a_poll(f"f{n}", now, [an_entry(n)]) for n in range(40)], now)
    statements: list[str] = []
    event.listen(store._db._engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    counts = []
    for feeds in (4, 40):
        statements.clear()
        polls = [a_poll(f"f{n}", now, [an_entry(n), an_entry(100 + feeds + n)]) for n in range(feeds)]
        assert [saved.new for saved in store.save_polls(polls, now)] == [1] * feeds
        counts.append(len(statements))
    assert counts[0] == counts[1]
