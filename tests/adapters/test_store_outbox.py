"""The outbox: claims by lease, settling with a ledger, retries and the hand of a person."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import pytest
from store_cases import DAY, HOUR, MINUTE, a_change, a_fact, an_alert, approve, filled

from watcher.domain.alerts import (
    Attempt,
    AttemptOutcome,
    Backlog,
    DeliveryRow,
    DeliveryState,
    Ending,
    Failed,
    Merge,
    Sent,
)
from watcher.errors import UsageError
from watcher.storage import Store, settling
from watcher.storage.database import Database

DEAD, DROPPED, PENDING = DeliveryState.DEAD, DeliveryState.DROPPED, DeliveryState.PENDING
SENDING, SENT = DeliveryState.SENDING, DeliveryState.SENT


@pytest.fixture
def full(store: Store, now: datetime) -> Store:
    """Return a store with one delivery due."""
    approve(store, filled(store, now)[0], now)
    return store


def only(store: Store) -> DeliveryRow:
    (row,) = store.deliveries()
    return row


def test_a_delivery_carries_the_whole_alert(full: Store, now: datetime) -> None:
    (message,) = full.claim_messages(now, 9, MINUTE, "me")
    (delivery,) = message.deliveries
    assert message.id == delivery.id
    assert (delivery.receiver, delivery.attempts, delivery.state) == ("desk", 1, SENDING)
    expected = an_alert(a_change(a_fact("deal", "1", now)))
    assert delivery.alert == expected == only(full).alert
    assert delivery.alert.quotes[0].tier is expected.quotes[0].tier


def test_its_id_follows_from_what_it_tells_and_to_whom(store: Store, now: datetime) -> None:
    first, second, _ = filled(store, now)
    approve(store, first, now, receivers=("desk", "desk/2"))
    approve(store, second, now, item="visit")
    ids = {(row.item, row.receiver): row.id for row in store.deliveries()}
    assert len(set(ids.values())) == 3
    assert all(len(one) == 32 for one in ids.values())
    assert ids["deal", "desk"] == "8f70f295594e4fe17cb9aa40ba42e4bf"


def test_claims_wait_for_their_time_and_go_oldest_first(store: Store, now: datetime) -> None:
    first, second, third = filled(store, now, items=("a", "b", "c"))
    for entry, item, at in [(first, "b", now), (second, "a", now + MINUTE), (third, "c", now + HOUR)]:
        approve(store, entry, at, item=item, receivers=(item,))
    assert store.claim_messages(now - MINUTE, 9, MINUTE, "me") == []
    assert [one.deliveries[0].alert.item for one in store.claim_messages(now + 2 * MINUTE, 1, DAY, "me")] == ["b"]
    assert [one.deliveries[0].alert.item for one in store.claim_messages(now + 2 * MINUTE, 9, DAY, "me")] == ["a"]


def test_a_claimed_delivery_is_nobody_elses_until_the_lease_ends(full: Store, now: datetime) -> None:
    (mine,) = full.claim_messages(now, 9, HOUR, "me")
    assert full.claim_messages(now + MINUTE, 9, HOUR, "you") == []
    (yours,) = full.claim_messages(now + HOUR, 9, HOUR, "you")
    assert yours.id == mine.id
    assert yours.attempts == 2
    assert not full.settle(mine.id, "me", Sent(), now + HOUR)
    assert full.settle(mine.id, "you", Sent("250 ok"), now + HOUR)
    row = only(full)
    assert (row.state, row.settled_at, row.detail) == (SENT, now + HOUR, "250 ok")
    assert [(line.n, line.outcome) for line in row.ledger] == [(1, AttemptOutcome.LOST), (2, AttemptOutcome.SENT)]


def test_two_claimers_at_once_get_disjoint_deliveries(store: Store, db_url: str, now: datetime) -> None:
    receivers = tuple(f"desk/{n}" for n in range(40))
    approve(store, filled(store, now)[0], now, receivers=receivers)
    stores = [Store.open(db_url) for _ in range(4)]
    barrier = threading.Barrier(len(stores))
    taken: list[str] = []

    def work(number: int, own: Store) -> None:
        barrier.wait()
        while got := own.claim_messages(now, 3, HOUR, f"worker-{number}"):
            for delivery in got:
                taken.append(delivery.receiver)
                assert own.settle(delivery.id, f"worker-{number}", Sent(), now)

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in stores:
        own.close()
    assert sorted(taken) == sorted(receivers)
    assert store.backlog(now).pending == 0


# --- one receiver's come in the order in which they were planned -------------------------------------


def planned(store: Store, now: datetime, count: int, receivers: tuple[str, ...] = ("desk",)) -> list[str]:
    """Plan a delivery to each receiver for each of so many items, one minute after the other; return the items."""
    items = [f"item-{n:02}" for n in range(count)]
    entries = filled(store, now, entries=count, items=items)
    for n, (entry, item) in enumerate(zip(entries, items, strict=True)):
        approve(store, entry, now + n * MINUTE, item=item, receivers=receivers)
    return items


def claimed(store: Store, at: datetime, limit: int = 99, owner: str = "me") -> list[tuple[str, str]]:
    return [(one.receiver, one.deliveries[0].alert.item) for one in store.claim_messages(at, limit, MINUTE, owner)]


def ids(store: Store, receiver: str = "desk") -> list[str]:
    """Return the ids of a receiver's deliveries in the order in which they were planned."""
    return [row.id for row in reversed(store.deliveries()) if row.receiver == receiver]


def test_what_waits_for_its_retry_holds_back_what_comes_after_it(store: Store, now: datetime) -> None:
    first, second, third = planned(store, now, 3, ("boss", "desk"))
    assert claimed(store, now) == [("boss", first), ("desk", first)]
    assert store.settle(ids(store)[0], "me", Failed(True, "busy"), now, retry_at=now + HOUR)
    assert store.settle(ids(store, "boss")[0], "me", Sent(), now)
    assert claimed(store, now + HOUR - MINUTE) == [("boss", second), ("boss", third)]
    assert claimed(store, now + HOUR) == [("desk", first), ("boss", second), ("boss", third)], "one, until it is taken"
    assert store.settle(ids(store)[0], "me", Sent(), now + HOUR)
    (late,) = store.claim_messages(now + HOUR, 9, MINUTE, "me")
    assert (late.merge, [one.alert.subject for one in late.deliveries]) == (Merge.LATE, [second, third])


def test_what_is_being_sent_holds_back_what_comes_after_it(store: Store, now: datetime) -> None:
    first, second, third = planned(store, now, 3)
    later = now + HOUR
    assert claimed(store, later, limit=1) == [("desk", first)]
    assert claimed(store, later, owner="you") == []
    assert store.settle(ids(store)[0], "me", Sent(), later)
    assert claimed(store, later, limit=1) == [("desk", second)]
    assert claimed(store, later + MINUTE, owner="you") == [("desk", second), ("desk", third)], "the lease has ended"


@pytest.mark.parametrize("state", [DEAD, DROPPED])
def test_what_was_given_up_holds_nothing_back(store: Store, now: datetime, state: DeliveryState) -> None:
    _, second = planned(store, now, 2)
    if state is DROPPED:
        store.drop_delivery(ids(store)[0], now)
    else:
        assert store.claim_messages(now, 1, MINUTE, "me")
        assert store.settle(ids(store)[0], "me", Failed(False, "gone"), now)
    assert claimed(store, now + HOUR) == [("desk", second)]


def test_the_order_is_that_of_planning_whatever_the_clocks_said(store: Store, now: datetime) -> None:
    entries = filled(store, now, items=("a", "b", "c"))
    for entry, item, at in zip(entries, "abc", [now + HOUR, now, now], strict=True):
        approve(store, entry, at, item=item)
    assert claimed(store, now) == []
    assert claimed(store, now + HOUR, limit=2) == [("desk", "a"), ("desk", "b")]


def test_a_long_queue_to_one_receiver_keeps_no_other_waiting(store: Store, now: datetime) -> None:
    entries = filled(store, now, entries=5, items=tuple("abcde"))
    for entry, item in zip(entries, "abcde", strict=True):
        approve(store, entry, now, item=item, receivers=("boss",) if item == "e" else ("desk",))
    assert claimed(store, now, limit=2) == [("desk", "a"), ("boss", "e")]


def test_what_was_not_tried_goes_back_as_it_was(store: Store, now: datetime) -> None:
    planned(store, now, 1)
    (one,) = store.claim_messages(now, 9, MINUTE, "me")
    assert not store.put_back([one.id], "you", "not tried")
    assert store.put_back([one.id], "me", "not tried: stopping") == {one.id}
    assert not store.put_back([one.id], "me", "not tried")
    row = only(store)
    assert (row.state, row.attempts, row.not_before, row.detail) == (PENDING, 0, now, "not tried: stopping")
    assert row.ledger == ()
    # and after an attempt that was lost, the ledger's numbers go on without a gap
    store.claim_messages(now, 9, MINUTE, "me")
    (again,) = store.claim_messages(now + HOUR, 9, MINUTE, "you")
    assert store.put_back([again.id], "you", "not tried")
    assert store.claim_messages(now + HOUR, 9, MINUTE, "you")[0].attempts == 2
    assert store.settle(one.id, "you", Sent(), now + HOUR)
    assert [(line.n, line.outcome) for line in only(store).ledger] == [
        (1, AttemptOutcome.LOST), (2, AttemptOutcome.SENT)
    ]  # fmt: skip


def test_claimers_at_once_share_receivers_and_keep_the_order(store: Store, db_url: str, now: datetime) -> None:
    receivers = ("boss", "desk/1", "desk/2")
    items = planned(store, now, 8, receivers)
    stores = [Store.open(db_url) for _ in range(4)]
    barrier, lock = threading.Barrier(len(stores)), threading.Lock()
    sent: dict[str, list[str]] = defaultdict(list)
    busy: dict[str, str] = {}
    overlaps: list[tuple[str, str]] = []

    def work(owner: str, own: Store) -> None:
        barrier.wait()
        until = time.monotonic() + 30
        while own.backlog(now).pending and time.monotonic() < until:
            batch = own.claim_messages(now + HOUR, 4, DAY, owner)
            with lock:
                overlaps.extend((one.receiver, owner) for one in batch if busy.get(one.receiver, owner) != owner)
                busy.update((one.receiver, owner) for one in batch)
            last = {one.receiver: one.id for one in batch}
            for one in batch:
                with lock:
                    sent[one.receiver].append(one.deliveries[0].alert.item)
                    if one.id == last[one.receiver]:
                        busy.pop(one.receiver, None)  # from its settling on, it is anybody's
                assert own.settle(one.id, owner, Sent(), now + HOUR)

    threads = [threading.Thread(target=work, args=(f"worker-{n}", own)) for n, own in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in stores:
        own.close()
    assert overlaps == []
    assert sent == dict.fromkeys(receivers, items)


def test_what_is_settled_during_a_claim_holds_back_what_comes_after_it(
    new_database: Callable[[str, Path], AbstractContextManager[str]], tmp_path: Path, now: datetime
) -> None:
    """Its lease has ended and it looks due, but its sender is just then writing that it failed."""
    with new_database("postgres", tmp_path) as url:
        store, other = Store.open(url), Database(url)
        first, second = planned(store, now, 2)
        assert claimed(store, now) == [("desk", first)]
        with other.write() as connection:
            ending = Ending(ids(store)[0], Failed(True, "busy"), now + 2 * HOUR)
            assert settling.settle(connection, [ending], "me", now + HOUR)
            assert claimed(store, now + HOUR, owner="you") == []
        assert claimed(store, now + HOUR, owner="you") == []
        assert claimed(store, now + 2 * HOUR, owner="you") == [("desk", first)]
        assert store.settle(ids(store)[0], "you", Sent(), now + 2 * HOUR)
        assert claimed(store, now + 2 * HOUR, owner="you") == [("desk", second)]
        store.close()
        other.close()


# --- retries, and the hand of a person --------------------------------------------------------------


def test_a_failure_is_tried_again_at_its_time_then_given_up(full: Store, now: datetime) -> None:
    (one,) = full.claim_messages(now, 9, HOUR, "me")
    assert full.settle(one.id, "me", Failed(True, "busy"), now, retry_at=now + HOUR)
    assert (only(full).state, only(full).not_before, only(full).settled_at) == (PENDING, now + HOUR, None)
    assert full.claim_messages(now + MINUTE, 9, HOUR, "me") == []
    (again,) = full.claim_messages(now + HOUR, 9, HOUR, "me")
    assert again.attempts == 2
    assert full.settle(one.id, "me", Failed(False, "no such channel"), now + DAY)
    row = only(full)
    assert (row.state, row.settled_at, row.detail) == (DEAD, now + DAY, "no such channel")
    assert row.ledger == (
        Attempt(1, now, AttemptOutcome.FAILED, "busy", one.id),
        Attempt(2, now + DAY, AttemptOutcome.FAILED, "no such channel", one.id),
    )
    assert full.claim_messages(now + 9 * DAY, 9, HOUR, "me") == []
    assert full.backlog(now + DAY) == Backlog(unjudged=2, pending=0, dead=1, oldest_pending=None)


def test_settling_twice_settles_once(full: Store, now: datetime) -> None:
    (one,) = full.claim_messages(now, 9, HOUR, "me")
    assert full.settle(one.id, "me", Sent(), now)
    assert not full.settle(one.id, "me", Failed(False, "late"), now)
    assert not full.settle("0" * 32, "me", Sent(), now)
    assert len(only(full).ledger) == 1


def test_a_person_may_retry_what_is_dead(full: Store, now: datetime) -> None:
    (one,) = full.claim_messages(now, 9, HOUR, "me")
    full.settle(one.id, "me", Failed(False, "gone"), now)
    full.retry_delivery(one.id, now + DAY)
    assert (only(full).state, only(full).attempts, only(full).settled_at) == (PENDING, 0, None)
    (again,) = full.claim_messages(now + DAY, 9, HOUR, "me")
    assert again.attempts == 1
    full.settle(one.id, "me", Sent(), now + DAY)
    assert [line.n for line in only(full).ledger] == [1, 2]


def test_a_person_may_drop_and_take_it_back(full: Store, now: datetime) -> None:
    delivery_id = only(full).id
    full.drop_delivery(delivery_id, now)
    full.drop_delivery(delivery_id, now)
    assert (only(full).state, only(full).settled_at) == (DROPPED, now)
    assert full.claim_messages(now + DAY, 9, HOUR, "me") == []
    full.retry_delivery(delivery_id, now)
    assert full.claim_messages(now, 9, HOUR, "me")


@pytest.mark.parametrize("act", [Store.retry_delivery, Store.drop_delivery])
def test_what_is_unknown_sent_or_being_sent_cannot_be_touched(
    full: Store, now: datetime, act: Callable[[Store, str, datetime], None]
) -> None:
    with pytest.raises(UsageError, match="no such delivery: nothing"):
        act(full, "nothing", now)
    (one,) = full.claim_messages(now, 9, HOUR, "me")
    with pytest.raises(UsageError, match="being sent"):
        act(full, one.id, now)
    full.settle(one.id, "me", Sent(), now)
    with pytest.raises(UsageError, match="sent already"):
        act(full, one.id, now)
    assert only(full).state is SENT


def test_deliveries_are_listed_latest_first_by_state(store: Store, now: datetime) -> None:
    first, second, third = filled(store, now, items=("a", "b", "c"))
    for entry, item, at in [(first, "a", now), (second, "b", now + HOUR), (third, "c", now + DAY)]:
        approve(store, entry, at, item=item)
    store.drop_delivery(store.deliveries()[1].id, now)
    assert [row.item for row in store.deliveries()] == ["c", "b", "a"]
    assert [row.item for row in store.deliveries(limit=1)] == ["c"]
    assert [row.item for row in store.deliveries([DROPPED])] == ["b"]
    assert [row.item for row in store.deliveries({PENDING, DEAD})] == ["c", "a"]
