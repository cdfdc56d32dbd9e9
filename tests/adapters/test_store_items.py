"""Items in the store: configuration, seeds, standings and history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from store_cases import DAY, HOUR, LIFECYCLES, a_change, a_fact, an_item, approve, filled, moved

from watcher.domain.model import Reason, Seed, Standing
from watcher.errors import UsageError
from watcher.storage import Store

SEED = Seed(
    item="deal",
    state="pending",
    as_of=date(2025, 10, 30),
    publisher="The Gazette",
    title="Regulator takes its time",
    published=date(2025, 10, 31),
    settled_by="the regulator's decision",
    link="https://gazette.example/1",
)


def test_a_new_item_stands_at_its_start(store: Store, now: datetime) -> None:
    items = [an_item("deal"), an_item("cap", value="10%", since=now - DAY)]
    store.sync([], items, LIFECYCLES, now)
    assert store.standings() == {
        "cap": Standing("cap", "pending", now - DAY, value="10%"),
        "deal": Standing("deal", "pending", now),
    }
    (start,) = store.history("cap")
    assert (start.seq, start.recorded_at, start.evidence, start.seed) == (0, now, (), None)
    change = start.transition
    assert (change.reason, change.from_state, change.to_state) == (Reason.START, "", "pending")
    assert (change.to_value, change.at) == ("10%", now - DAY)


def test_syncing_again_moves_nothing(store: Store, now: datetime) -> None:
    entries = filled(store, now)
    approve(store, entries[0], now)
    before = store.standings(), store.history("deal")
    store.sync([], [replace(an_item("deal"), state="refused", value="x"), an_item("visit")], LIFECYCLES, now + DAY)
    assert (store.standings(), store.history("deal")) == before


def test_an_item_no_longer_configured_rests_and_comes_back_where_it_stood(store: Store, now: datetime) -> None:
    entries = filled(store, now)
    approve(store, entries[0], now)
    store.sync([], [an_item("visit")], LIFECYCLES, now)
    assert set(store.standings()) == {"visit"}
    assert store.last_evidence() == {}
    assert len(store.history("deal")) == 2
    store.sync([], [an_item("deal"), an_item("visit")], LIFECYCLES, now)
    assert store.standings()["deal"].state == "approved"
    assert set(store.last_evidence()) == {"deal"}


def test_a_lifecycle_must_keep_the_state_an_item_stands_in(store: Store, now: datetime) -> None:
    entries = filled(store, now)
    approve(store, entries[0], now)
    states = {name: state for name, state in LIFECYCLES["approval"].states.items() if name != "approved"}
    with pytest.raises(UsageError, match="deal stands in 'approved'"):
        store.sync(
            [], [an_item("new"), an_item("deal")], {"approval": replace(LIFECYCLES["approval"], states=states)}, now
        )
    assert set(store.standings()) == {"deal", "visit"}


def test_a_seed_tells_where_the_start_is_from(store: Store, now: datetime) -> None:
    store.sync([], [an_item("deal"), an_item("visit")], LIFECYCLES, now)
    result = store.seed([SEED], now)
    assert (result.applied, result.unchanged) == (("deal",), ())
    as_of = datetime(2025, 10, 30, tzinfo=UTC)
    assert store.standings()["deal"] == Standing("deal", "pending", as_of, version=1, source="The Gazette")
    (start,) = store.history("deal")
    assert start.seed == SEED
    assert (start.transition.at, start.transition.to_state) == (as_of, "pending")
    assert store.history("visit")[0].seed is None


def test_the_same_seed_again_is_nothing_even_after_the_item_moved(store: Store, now: datetime) -> None:
    entries = filled(store, now)
    store.seed([SEED], now)
    approve(store, entries[0], now)
    before = store.standings()
    result = store.seed([SEED], now + DAY)
    assert (result.applied, result.unchanged) == ((), ("deal",))
    assert store.standings() == before
    assert before["deal"].source == ""


def test_a_better_seed_replaces_one_while_the_item_has_not_moved(store: Store, now: datetime) -> None:
    store.sync([], [an_item("deal", value="old")], LIFECYCLES, now)
    store.seed([SEED], now)
    assert store.standings()["deal"].value == "old"
    other = replace(SEED, state="refused", publisher="Another")
    assert store.seed([other], now).applied == ("deal",)
    standing = store.standings()["deal"]
    assert (standing.state, standing.value, standing.source) == ("refused", None, "Another")
    (start,) = store.history("deal")
    assert (start.transition.to_state, start.transition.to_value) == ("refused", None)
    store.seed([replace(SEED, value="new")], now)
    assert store.standings()["deal"].value == store.history("deal")[0].transition.to_value == "new"


def test_a_seed_for_an_item_that_moved_or_is_unknown_changes_nothing(store: Store, now: datetime) -> None:
    entries = filled(store, now)
    approve(store, entries[0], now)
    before = store.standings()
    with pytest.raises(UsageError, match="deal has moved"):
        store.seed([replace(SEED, item="visit"), SEED], now)
    with pytest.raises(UsageError, match="no such item to seed: ghost"):
        store.seed([replace(SEED, item="visit"), replace(SEED, item="ghost")], now)
    assert store.standings() == before


def test_history_is_newest_first_with_the_evidence_in_its_order(store: Store, now: datetime) -> None:
    first, second, third = filled(store, now)
    early, late = a_fact("deal", first, now), a_fact("deal", second, now + HOUR)
    change = replace(a_change(late), evidence=(late.id, early.id), entries=(second, first), sources=2, detail="two")
    standing = moved(store.standings()["deal"], change)
    store.record([first, second], [early, late], [change], [standing], [], now + HOUR)
    back = replace(
        a_change(a_fact("deal", third, now + DAY, id="x")),
        from_state="approved",
        to_state="refused",
        from_since=now + HOUR,
        to_value="2025-12-16",
    )
    fact = a_fact("deal", third, now + DAY, id="x", state="refused")
    store.record([third], [fact], [back], [moved(standing, back)], [], now + DAY)
    rows = store.history("deal")
    assert [(row.seq, row.transition.to_state) for row in rows] == [(2, "refused"), (1, "approved"), (0, "pending")]
    assert rows[0].transition == back
    assert rows[1].transition == change
    assert rows[1].evidence == (late, early)
    assert rows[1].recorded_at == now + HOUR
    assert store.standings()["deal"].state == rows[0].transition.to_state
    assert store.history("ghost") == []
