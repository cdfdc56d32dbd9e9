"""Judgements in the store: T2 and its guards, evidence windows, pruning."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime

import pytest
from store_cases import (
    DAY,
    HOUR,
    MINUTE,
    a_change,
    a_fact,
    a_poll,
    an_entry,
    approve,
    filled,
    moved,
    told,
)

from watcher.domain.alerts import Backlog, DeliveryState
from watcher.domain.model import Reason, Status, Transition
from watcher.errors import RacedError, StoreError
from watcher.storage import Store


def test_entries_that_say_nothing_are_judged_too(store: Store, now: datetime) -> None:
    entries = filled(store, now)
    store.record(entries[:2], [], [], [], [], now)
    assert [entry.id for entry in store.unjudged(9)] == entries[2:]
    store.record([], [], [], [], [], now)


def test_a_judgement_is_stored_whole(store: Store, now: datetime) -> None:
    entries = filled(store, now)
    approve(store, entries[0], now, receivers=("desk", "desk/2"))
    assert store.standings()["deal"].state == "approved"
    assert store.standings()["deal"].version == 1
    assert [row.seq for row in store.history("deal")] == [1, 0]
    assert {row.receiver for row in store.deliveries()} == {"desk", "desk/2"}
    assert store.backlog(now + HOUR) == Backlog(unjudged=2, pending=2, dead=0, oldest_pending=HOUR)


def test_evidence_comes_back_as_it_was_told(store: Store, now: datetime) -> None:
    first, second, _ = filled(store, now)
    full = a_fact("deal", first, now, value="2025-12-16", speaks_for="us", link="https://x.example/", baseline=True)
    bare = a_fact("deal", second, now - HOUR, state=None)
    store.record([first, second], [full, bare], [], [], [], now)
    assert store.evidence("deal", now - DAY) == [bare, full]
    assert store.evidence("deal", now) == [full]
    assert store.evidence("visit", now - DAY) == []
    assert store.last_evidence() == {"deal": full}


def test_a_standing_may_change_without_a_transition(store: Store, now: datetime) -> None:
    entries = filled(store, now)
    disputed = replace(store.standings()["deal"], disputed=True, version=1)
    store.record(entries[:1], [], [], [disputed], [], now)
    assert store.standings()["deal"] == disputed
    assert len(store.history("deal")) == 1


def test_an_item_may_move_twice_in_one_judgement(store: Store, now: datetime) -> None:
    first, second, _ = filled(store, now)
    one, two = a_fact("deal", first, now), a_fact("deal", second, now + HOUR, state="refused")
    there = a_change(one)
    on = a_change(two, from_state="approved", to_state="refused", from_since=now)
    standing = moved(store.standings()["deal"], on)
    alerts = [told(there, 0), told(on, 1)]
    store.record([first, second], [one, two], [there, on], [standing], alerts, now)
    assert [row.transition.to_state for row in store.history("deal")] == ["refused", "approved", "pending"]
    assert sorted((row.seq, row.alert.to_state) for row in store.deliveries()) == [(1, "approved"), (2, "refused")]


def test_a_step_that_was_taken_back_and_where_it_came_from_are_known(store: Store, now: datetime) -> None:
    first, second = filled(store, now, entries=2)
    told = a_fact("deal", first, now)
    change = a_change(told, from_value="10%")
    store.record([first], [told], [change], [moved(store.standings()["deal"], change)], [], now)
    stands = store.standings()["deal"]
    assert (stands.came_from, stands.came_from_value) == ("pending", "10%")
    back = a_fact("deal", second, now + MINUTE, id="back", status=Status.DENIED, takes_back=True)
    undone = replace(a_change(back, from_state="approved", to_state="pending"), reason=Reason.RETRACTED)
    store.record([second], [back], [undone], [moved(stands, undone)], [], now)
    assert store.standings()["deal"].came_from == "approved"
    assert [fact.takes_back for fact in store.evidence("deal", now)] == [False, True]


def test_a_person_may_correct_without_evidence(store: Store, now: datetime) -> None:
    filled(store, now)
    change = Transition(
        "deal", "pending", "refused", now, a_fact("deal", "1", now).status, Reason.PERSON, (), (), detail="by hand"
    )
    store.record([], [], [change], [moved(store.standings()["deal"], change)], [], now)
    assert store.history("deal")[0].transition == change


def test_an_entry_judged_meanwhile_turns_the_whole_judgement_away(store: Store, now: datetime) -> None:
    entries = filled(store, now)
    store.record(entries[:1], [], [], [], [], now)
    with pytest.raises(RacedError) as caught:
        approve_both(store, entries[:2], now)
    assert caught.value.retryable
    assert [entry.id for entry in store.unjudged(9)] == entries[1:]
    assert store.standings()["deal"].state == "pending"
    assert store.evidence("deal", now - DAY) == []


def approve_both(store: Store, entries: list[str], now: datetime) -> None:
    fact = a_fact("deal", entries[-1], now)
    change = a_change(fact)
    standing = moved(store.standings()["deal"], change)
    store.record(entries, [fact], [change], [standing], [told(change, 0)], now)


def test_an_item_that_moved_on_turns_the_whole_judgement_away(store: Store, now: datetime) -> None:
    first, second, _ = filled(store, now)
    stale = store.standings()["deal"]
    approve(store, first, now)
    fact = a_fact("deal", second, now)
    change = a_change(fact, to_state="refused")
    with pytest.raises(RacedError, match="deal is no longer at version 0"):
        store.record([second], [fact], [change], [moved(stale, change)], [told(change, 0)], now)
    assert store.standings()["deal"].state == "approved"
    assert second in [entry.id for entry in store.unjudged(9)]
    assert len(store.deliveries()) == 1


def test_a_seed_given_meanwhile_turns_a_judgement_away(store: Store, now: datetime) -> None:
    from test_store_items import SEED

    entries = filled(store, now)
    fact = a_fact("deal", entries[0], now)
    change = a_change(fact)
    standing = moved(store.standings()["deal"], change)
    store.seed([SEED], now)
    with pytest.raises(RacedError):
        store.record(entries[:1], [fact], [change], [standing], [], now)


def test_of_two_recorders_one_loses(store: Store, db_url: str, now: datetime) -> None:
    entries = filled(store, now, entries=40)
    stores = [Store.open(db_url) for _ in range(4)]
    facts = [a_fact("deal", entries[0], now), a_fact("visit", entries[1], now)]
    changes = [a_change(fact) for fact in facts]
    standings = [moved(store.standings()[change.item], change) for change in changes]
    barrier = threading.Barrier(len(stores))
    results: list[str] = []

    def work(number: int, own: Store) -> None:
        # each in another order, so that locks taken in the order given would deadlock
        turn = slice(None, None, -1 if number % 2 else 1)
        barrier.wait()
        try:
            own.record(entries[turn], facts[turn], changes[turn], standings[turn], [], now)
            results.append("recorded")
        except StoreError as error:
            results.append(type(error).__name__)

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in stores:
        own.close()
    assert sorted(results) == ["RacedError"] * 3 + ["recorded"]
    assert [len(store.history(item)) for item in ("deal", "visit")] == [2, 2]
    assert store.unjudged(9) == []


def test_parts_that_contradict_each_other_are_refused(store: Store, now: datetime) -> None:
    entries = filled(store, now)
    fact = a_fact("deal", entries[0], now)
    change = a_change(fact)
    standing = moved(store.standings()["deal"], change)
    for standings in ([], [replace(standing, state="refused")], [replace(standing, value="x")], [standing, standing]):
        with pytest.raises(ValueError, match=r"item deal goes to|two standings"):
            store.record(entries[:1], [fact], [change], standings, [], now)
    assert len(store.unjudged(9)) == 3


def test_the_same_evidence_again_is_nothing(store: Store, now: datetime) -> None:
    entries = filled(store, now)
    fact = a_fact("deal", entries[0], now)
    store.record(entries[:1], [fact], [], [], [], now)
    store.record([], [replace(fact, quote="changed")], [], [], [], now)
    assert store.evidence("deal", now) == [fact]


def test_pruning_takes_the_text_of_what_said_nothing_and_keeps_its_identity(store: Store, now: datetime) -> None:
    useful, useless, _ = filled(store, now)
    store.record([useful, useless], [a_fact("deal", useful, now)], [], [], [], now)
    again = [an_entry(n) for n in range(3)]
    later = now + DAY
    assert store.prune(later, unmatched_before=now) == 0
    assert store.prune(later, unmatched_before=later) == 1
    assert store.prune(later, unmatched_before=later) == 0
    assert [entry.title for entry in store.unjudged(9)] == [again[2].title]
    assert store.save_polls([a_poll("wire", later, again)], later)[0].new == 0
    under_new_keys = [replace(entry, key=f"new-{entry.key}") for entry in again]
    assert store.save_polls([a_poll("wire", later, under_new_keys)], later)[0].new == 0
    renamed = replace(under_new_keys[1], title="Quite another story under the old key")
    (saved,) = store.save_polls([a_poll("wire", later, [renamed])], later)
    assert (saved.new, saved.revised) == (0, 1)  # nobody knows what it said: it is read, but is nothing new
    assert store.evidence("deal", now - DAY)[0].quote


def test_pruning_goes_slice_by_slice(store: Store, now: datetime) -> None:
    entries = filled(store, now, entries=1203)
    entries = [entry.id for entry in store.unjudged(5000)]
    store.record(entries, [], [], [], [], now)
    assert store.prune(now + DAY, now + MINUTE) == 1203


def test_backlog_of_an_idle_store(store: Store, now: datetime) -> None:
    assert store.backlog(now) == Backlog(0, 0, 0, None)
    assert store.deliveries([DeliveryState.DEAD]) == []


def test_compacting_gives_the_room_of_removed_text_back_and_keeps_the_rest(store: Store, now: datetime) -> None:
    filled(store, now, entries=0)
    entries = [an_entry(n, summary="words " * 500) for n in range(400)]
    store.save_polls([a_poll("wire", now, entries)], now)
    ids = [entry.id for entry in store.unjudged(1000)]
    store.record(ids, [], [], [], [], now)
    store.prune(now + DAY, now + DAY)
    before, after = store.compact()
    if "sqlite" in str(store._db._engine.url):
        assert after < before / 3
    else:
        assert after == before
    assert store.save_polls([a_poll("wire", now, entries)], now)[0].new == 0
    assert store.compact()[1] == after
