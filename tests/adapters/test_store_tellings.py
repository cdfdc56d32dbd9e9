"""What was told and is told again, and digests, on both databases: asked for, stored once, never against the facts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from store_cases import (
    DAY,
    HOUR,
    LIFECYCLES,
    MINUTE,
    a_change,
    a_fact,
    a_feed,
    a_poll,
    an_entry,
    an_item,
    approve,
    filled,
    moved,
)

from watcher import reminding
from watcher.domain.alerts import (
    AlertKind,
    AlertRow,
    DeliveryState,
    Digest,
    Failed,
    PlannedAlert,
    PlannedDelivery,
    Repeat,
    Route,
    Sent,
    SystemAlert,
)
from watcher.domain.digests import Change, DigestRow
from watcher.domain.followups import FOLLOWED
from watcher.domain.model import Status
from watcher.storage import Store

DESK = ("desk",)


def send(store: Store, now: datetime, outcome: Sent | Failed | None = None) -> None:
    """Settle all that is due."""
    for message in store.claim_messages(now, 50, HOUR, "me"):
        store.settle(message.id, "me", outcome or Sent(), now)


@pytest.fixture
def told(store: Store, now: datetime) -> AlertRow:
    """Return the alert of the item "deal", sent to the desk by the route "desk"."""
    first, *_ = filled(store, now)
    approve(store, first, now)
    send(store, now)
    (row,) = store.alerts()
    return row


def reminder(of: AlertRow, now: datetime, n: int = 1) -> PlannedAlert:
    to = (PlannedDelivery("desk", "desk", now),)
    return PlannedAlert(of.alert, (of.key, "reminder", "desk", str(n)), to, reminds_of=of.id)


def versions(store: Store) -> dict[str, int]:
    return {name: standing.version for name, standing in store.standings().items()}


def again(store: Store, *planned: PlannedAlert, now: datetime) -> int:
    return len(store.tell_again(planned, versions(store), (), now)[0])


# --- asked for ------------------------------------------------------------------------------------


def test_an_alert_is_given_with_its_deliveries_and_acknowledgements(store: Store, now: datetime) -> None:
    first, *_ = filled(store, now)
    approve(store, first, now, receivers=("desk", "chief"))
    send(store, now + MINUTE, Failed(False, "gone"))
    (row,) = store.alerts()
    store.acknowledge(row.id, "ana", "seen", now + HOUR)
    (row,) = store.alerts()
    assert (row.alert.subject, row.created_at, row.reminds_of, row.key) == ("deal", now, None, "deal/1")
    assert [(one.receiver, one.route, one.seq, one.state, one.detail) for one in row.deliveries] == [
        ("chief", "desk", 1, DeliveryState.DEAD, "gone"),
        ("desk", "desk", 1, DeliveryState.DEAD, "gone"),
    ]
    assert [(one.by, one.text, one.at) for one in row.acks] == [("ana", "seen", now + HOUR)]
    assert {one.id: one for one in store.deliveries()}.keys() == {one.id for one in row.deliveries}


def test_they_are_asked_for_by_kind_time_item_and_whether_anybody_acknowledged(store: Store, now: datetime) -> None:
    first, second, _ = filled(store, now)
    approve(store, first, now)
    approve(store, second, now + HOUR, item="visit")
    broken = SystemAlert(AlertKind.SOURCE_BROKEN, "no_answer", "wire", "The wire is broken", now)
    store.tell([PlannedAlert(broken, ("wire", "1"), (PlannedDelivery("ops", "", now),))], now + DAY)

    def ids(**asked: Any) -> list[int]:
        return [row.id for row in store.alerts(**asked)]

    assert ids() == [3, 2, 1]
    assert ids(limit=2) == [3, 2]
    assert ids(kinds=[AlertKind.STATE_CHANGE]) == [2, 1]
    assert ids(kinds=[AlertKind.SOURCE_BROKEN, AlertKind.REVERSAL]) == [3]
    assert ids(since=now + HOUR) == [3, 2]
    assert ids(item="visit") == [2]
    assert ids(ids=[1, 3]) == [3, 1]
    assert ids(unacknowledged=True) == [], "nobody was told"
    send(store, now + DAY)
    assert ids(unacknowledged=True) == [2, 1]
    store.acknowledge(2, "ana", "", now)
    assert ids(unacknowledged=True) == [1]
    assert ids(unacknowledged=True, item="visit") == []


def test_a_reminder_counts_as_acknowledged_with_what_it_reminds_of(store: Store, told: AlertRow, now: datetime) -> None:
    again(store, reminder(told, now), now=now)
    store.acknowledge(told.id, "ana", "", now)
    assert store.alerts(unacknowledged=True) == []
    assert [len(row.acks) for row in store.alerts()] == [1, 1]


def test_what_a_route_told_comes_with_all_that_reminds_of_it(store: Store, told: AlertRow, now: datetime) -> None:
    again(store, reminder(told, now), now=now)
    rows = store.told_by(DESK, FOLLOWED, now)
    assert [(row.id, row.reminds_of) for row in rows] == [(told.id, None), (told.id + 1, told.id)]
    assert [row.key for row in rows] == ["deal/1", "deal/1/reminder/desk/1"]
    assert store.told_by(("other",), FOLLOWED, now) == []
    assert store.told_by(DESK, (AlertKind.DEADLINE,), now) == []
    assert store.told_by(DESK, FOLLOWED, now + MINUTE) == []
    again(store, reminder(told, now, 2), now=now + DAY)
    assert [row.id for row in store.told_by(DESK, FOLLOWED, now + MINUTE)] == [told.id, told.id + 1, told.id + 2]


def test_what_nobody_got_was_not_told(store: Store, now: datetime) -> None:
    approve(store, filled(store, now)[0], now)
    assert store.told_by(DESK, FOLLOWED, now) == []
    send(store, now, Failed(False, "gone"))
    assert store.told_by(DESK, FOLLOWED, now) == []


def test_what_is_acknowledged_or_has_moved_is_told_no_more_and_is_not_read(store: Store, now: datetime) -> None:
    first, second, third = filled(store, now)
    approve(store, first, now)
    approve(store, second, now, item="visit")
    send(store, now)

    def items() -> list[str]:
        return [row.alert.subject for row in store.told_by(DESK, FOLLOWED, now)]

    assert items() == ["deal", "visit"]
    fact = a_fact("deal", third, now + HOUR)
    back = replace(a_change(fact), from_state="approved", to_state="refused")
    store.record([third], [fact], [back], [moved(store.standings()["deal"], back)], [], now + HOUR)
    assert items() == ["visit"]
    store.acknowledge("visit", "ana", "", now + HOUR)
    assert items() == []


def test_what_is_acknowledged_is_read_while_a_reminder_of_it_waits(store: Store, told: AlertRow, now: datetime) -> None:
    again(store, reminder(told, now), now=now)
    store.acknowledge("deal", "ana", "", now)
    assert [row.id for row in store.told_by(DESK, FOLLOWED, now)] == [told.id, told.id + 1]
    send(store, now)
    assert store.told_by(DESK, FOLLOWED, now) == []


def test_an_item_that_is_watched_no_more_is_not_read(store: Store, told: AlertRow, now: datetime) -> None:
    store.sync([], [], LIFECYCLES, now + HOUR)
    assert store.told_by(DESK, FOLLOWED, now) == []


def test_they_are_read_so_many_at_a_time_each_with_its_reminders(store: Store, told: AlertRow, now: datetime) -> None:
    approve(store, store.unjudged(9)[0].id, now, item="visit")
    send(store, now)
    again(store, reminder(told, now), reminder(told, now, 2), now=now)
    deal, visit = (row.id for row in store.alerts()[::-1] if row.reminds_of is None)
    assert [row.reminds_of or row.id for row in store.told_by(DESK, FOLLOWED, now, limit=1)] == [deal] * 3
    assert [row.id for row in store.told_by(DESK, FOLLOWED, now, after=deal, limit=1)] == [visit]
    assert store.told_by(DESK, FOLLOWED, now, after=visit) == []


def test_however_many_they_are_each_is_told_again(store: Store, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("deal", "visit", "pact")
    for entry, name in zip(filled(store, now, items=names), names, strict=True):
        approve(store, entry, now, item=name)
    send(store, now)
    monkeypatch.setattr(reminding, "PAGE", 1)
    routes = [Route(DESK, "desk", repeat=Repeat(HOUR, 3))]
    assert reminding.remind(store, routes, now=now + HOUR) == reminding.Reminded(3)
    assert [row.reminds_of for row in store.alerts()[2::-1]] == [1, 2, 3]
    assert reminding.remind(store, routes, now=now + HOUR) == reminding.Reminded()


# --- told again -----------------------------------------------------------------------------------


def test_a_reminder_is_stored_once(store: Store, told: AlertRow, now: datetime) -> None:
    one = reminder(told, now)
    assert store.tell_again([one], versions(store), (), now) == ([one], 0)
    assert store.tell_again([one], versions(store), (), now) == ([], 0)
    assert again(store, reminder(told, now, 2), now=now) == 1
    assert len(store.alerts()) == 3


def test_of_several_at_once_one_stores_it(store: Store, told: AlertRow, now: datetime) -> None:
    seen = versions(store)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: store.tell_again([reminder(told, now)], seen, (), now)[0], range(4)))
    assert sorted(map(len, found)) == [0, 0, 0, 1]
    assert len(store.deliveries([DeliveryState.PENDING])) == 1


def test_none_is_stored_after_an_acknowledgement(store: Store, told: AlertRow, now: datetime) -> None:
    store.acknowledge("deal", "ana", "", now)
    assert again(store, reminder(told, now), now=now) == 0


def test_none_is_stored_of_an_item_that_was_judged_meanwhile(store: Store, told: AlertRow, now: datetime) -> None:
    seen = versions(store)
    assert store.tell_again([reminder(told, now)], seen | {"deal": seen["deal"] - 1}, (), now) == ([], 0)
    assert store.tell_again([reminder(told, now)], {}, (), now) == ([], 0)
    assert again(store, reminder(told, now), now=now) == 1


def test_what_waits_is_called_off_and_what_was_tried_is_not(store: Store, told: AlertRow, now: datetime) -> None:
    again(store, reminder(told, now), now=now)
    (waits,) = store.deliveries([DeliveryState.PENDING])
    (message,) = store.claim_messages(now, 9, MINUTE, "me")
    assert store.tell_again([], {}, [waits.id], now) == ([], 0), "it is being sent"
    store.settle(message.id, "me", Failed(True, "busy"), now, now + HOUR)
    assert store.tell_again([], {}, [waits.id], now) == ([], 0), "it may have arrived"
    send(store, now + HOUR)
    again(store, reminder(told, now, 2), now=now + HOUR)
    (waits,) = store.deliveries([DeliveryState.PENDING])
    assert store.tell_again([], {}, [waits.id, "ghost"], now + HOUR) == ([], 1)
    (row,) = store.deliveries([DeliveryState.DROPPED])
    assert (row.id, row.detail, row.settled_at) == (waits.id, "no longer wanted", now + HOUR)
    assert store.claim_messages(now + DAY, 9, MINUTE, "me") == []


# --- digests --------------------------------------------------------------------------------------

AT_EIGHT, AT_NINE = "0 8 * * * UTC", "0 9 * * * UTC"


def a_digest(row: DigestRow, now: datetime) -> PlannedAlert:
    key = ("digest", row.route, f"{row.next_at:%Y%m%dT%H%M%S}")
    return PlannedAlert(Digest(row.route, row.last_at, now), key, (PlannedDelivery("desk", row.route, now),))


def test_a_new_route_begins_now_and_with_what_comes(store: Store, now: datetime) -> None:
    first, *_ = filled(store, now)
    approve(store, first, now)
    store.expect_digests({"daily": (AT_EIGHT, now + DAY)}, now)
    assert store.digests() == {"daily": DigestRow("daily", AT_EIGHT, now, 2 + 1, now + DAY)}
    store.expect_digests({"daily": (AT_EIGHT, now + 2 * DAY), "other": (AT_NINE, now + DAY)}, now + HOUR)
    assert store.digests()["daily"].next_at == now + DAY, "what is known stays"
    assert store.digests()["other"].last_at == now + HOUR


def test_another_timetable_counts_from_now_and_covers_what_the_old_one_would_have(store: Store, now: datetime) -> None:
    store.expect_digests({"daily": (AT_EIGHT, now + DAY)}, now)
    store.expect_digests({"daily": (AT_NINE, now + HOUR)}, now + MINUTE)
    assert store.digests() == {"daily": DigestRow("daily", AT_NINE, now, 0, now + HOUR)}


def test_a_route_that_is_gone_is_forgotten(store: Store, now: datetime) -> None:
    store.expect_digests({"daily": (AT_EIGHT, now + DAY), "other": (AT_NINE, now + DAY)}, now)
    store.expect_digests({"other": (AT_NINE, now + DAY)}, now)
    assert list(store.digests()) == ["other"]


def test_a_digest_is_made_by_the_first_and_by_nobody_else(store: Store, now: datetime) -> None:
    store.expect_digests({"daily": (AT_EIGHT, now)}, now - DAY)
    seen = store.digests()["daily"]
    made = replace(seen, last_at=now, next_at=now + DAY)

    def make(_: int) -> bool:
        return store.make_digest(seen, made, a_digest(seen, now), now)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(make, range(4))) == [False, False, False, True]
    assert store.digests()["daily"] == made
    (row,) = store.alerts(kinds=[AlertKind.DIGEST])
    assert row.alert == Digest("daily", now - DAY, now)
    assert [one.receiver for one in row.deliveries] == ["desk"]


def test_one_with_nothing_to_say_moves_on_untold(store: Store, now: datetime) -> None:
    store.expect_digests({"daily": (AT_EIGHT, now)}, now - DAY)
    seen = store.digests()["daily"]
    assert store.make_digest(seen, replace(seen, last_at=now, next_at=now + DAY), None, now)
    assert store.alerts() == []
    assert store.digests()["daily"].next_at == now + DAY


def test_changes_are_given_in_order_with_their_evidence(store: Store, now: datetime) -> None:
    first, second, _ = filled(store, now)
    assert store.changes() == [], "a start is no change"
    approve(store, first, now)
    approve(store, second, now + HOUR, item="visit")
    one, two = store.changes()
    assert [(c.transition.item, c.transition.to_state) for c in (one, two)] == [
        ("deal", "approved"),
        ("visit", "approved"),
    ]
    assert one.evidence == (a_fact("deal", first, now),)
    assert (one.seq, one.news) == (1, True)
    assert store.changes(after=one.id) == [two]
    assert store.changes(after=two.id) == []
    assert store.changes(since=now + MINUTE) == [two]


def test_while_others_judge_every_change_is_seen_once(store: Store, now: datetime) -> None:
    names = tuple(f"item-{n:02}" for n in range(24))
    entries = filled(store, now, entries=len(names), items=names)

    def judge(part: int) -> None:
        for entry, name in [*zip(entries, names, strict=True)][part::2]:
            approve(store, entry, now, item=name)

    seen: list[Change] = []

    def look() -> None:
        seen.extend(store.changes(after=seen[-1].id if seen else 0))

    with ThreadPoolExecutor(2) as pool:
        judging = [pool.submit(judge, part) for part in (0, 1)]
        while not all(one.done() for one in judging):
            look()
        for one in judging:
            one.result()
    look()
    assert sorted(change.transition.item for change in seen) == sorted(names)


def test_what_was_there_when_the_watch_began_is_no_news(store: Store, now: datetime) -> None:
    first, second, _ = filled(store, now)
    store.sync([a_feed()], [an_item("deal"), an_item("visit"), an_item("late")], LIFECYCLES, now + MINUTE)
    approve(store, first, now + HOUR, item="late")
    approve(store, second, now + HOUR)
    assert [(change.transition.item, change.news) for change in store.changes()] == [("late", False), ("deal", True)]
    assert [evidence.item for evidence in store.evidence_since(now)] == ["deal"]


def test_evidence_is_given_from_when_it_was_recorded_unless_it_was_withdrawn(store: Store, now: datetime) -> None:
    first, second, _ = filled(store, now)
    old = a_fact("deal", first, now - 9 * DAY, status=Status.POSSIBLE)
    gone = a_fact("visit", second, now, status=Status.POSSIBLE)
    store.record([first], [old], [], [bumped(store, "deal")], [], now)
    store.record([second], [gone], [], [bumped(store, "visit")], [], now + HOUR)
    assert store.evidence_since(now) == [old, gone]
    assert store.evidence_since(now + MINUTE) == [gone]
    store.save_polls([a_poll("wire", now + HOUR, [an_entry(1, summary="It was edited.")])], now + HOUR)
    store.record([second], [], [], [], [], now + HOUR, revisions={second: 1}, withdrawn=[gone.id])
    assert store.evidence_since(now) == [old]


def bumped(store: Store, item: str) -> Any:
    standing = store.standings()[item]
    return replace(standing, version=standing.version + 1)
