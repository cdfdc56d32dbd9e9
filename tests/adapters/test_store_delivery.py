"""What the outbox puts together, holds back and tells of receivers that take nothing; on both databases."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

import alert_cases
import pytest
from store_cases import DAY, HOUR, LIFECYCLES, MINUTE, a_feed, an_item

from watcher.domain.alerts import (
    AlertKind,
    AttemptOutcome,
    DeliveryState,
    Ending,
    Failed,
    Hold,
    Merge,
    Message,
    PlannedAlert,
    PlannedDelivery,
    Rate,
    Sent,
    Settled,
)
from watcher.domain.composing import Limits
from watcher.domain.schedule import MAX_ATTEMPTS
from watcher.errors import UsageError
from watcher.storage import Store

BUSY, REFUSED = Failed(True, "busy"), Failed(False, "no such user", address="mailto://***")
Shown = tuple[str, list[str], Merge | None]


@pytest.fixture
def outbox(store: Store, now: datetime) -> Store:
    """Return a store in which alerts about three items can be planned."""
    store.sync([a_feed()], [an_item(name) for name in "abc"], LIFECYCLES, now)
    return store


def plan(
    store: Store,
    at: datetime,
    item: str,
    *,
    to: Collection[str] = ("desk",),
    entry: str = "",
    hold: Hold | None = None,
    until: datetime | None = None,
    severity: str = "normal",
    route: str = "all",
) -> str:
    """Plan an alert about an item and return the id of its delivery to the first receiver."""
    count = len(store.deliveries(limit=1000))
    alert = alert_cases.an_alert(
        kind=AlertKind.DEADLINE, item=item, quotes=(), entries=(entry,) if entry else (), severity=severity
    )
    told = tuple(PlannedDelivery(one, route, until or at, hold) for one in to)
    store.record([], [], [], [], [PlannedAlert(alert, ("deadline", item, str(count)), told)], at)
    first, *_ = to
    found = [row for row in store.deliveries(limit=1000) if row.receiver == first]
    return max(found, key=lambda row: row.alert_id).id


def shown(messages: Collection[Message]) -> list[Shown]:
    return [(one.receiver, [part.alert.subject for part in one.deliveries], one.merge) for one in messages]


def claim(store: Store, at: datetime, limits: Limits | None = None, owner: str = "me") -> list[Message]:
    return store.claim_messages(at, 99, MINUTE, owner, limits or Limits())


def send(store: Store, at: datetime, limits: Limits | None = None) -> list[Shown]:
    """Claim and send everything at a moment; return the messages in order."""
    sent: list[Shown] = []
    while messages := claim(store, at, limits):
        sent += shown(messages)
        assert len(store.settle_all([Ending(one.id, Sent()) for one in messages], "me", at)) == len(messages)
    return sent


# --- what goes together ---------------------------------------------------------------------------


def test_one_event_is_one_message_and_is_settled_as_one(outbox: Store, now: datetime) -> None:
    first, second = plan(outbox, now, "a", entry="7"), plan(outbox, now, "b", entry="7")
    plan(outbox, now, "c", entry="8")
    messages = claim(outbox, now)
    assert shown(messages) == [("desk", ["a", "b"], Merge.EVENT), ("desk", ["c"], None)]
    assert messages[0].id == first
    assert outbox.settle(first, "me", Sent("taken", "mailto://***", "Two changes", "0" * 64), now)
    rows = {row.id: row for row in outbox.deliveries([DeliveryState.SENT])}
    assert rows.keys() == {first, second}
    assert {(row.message, row.ledger[0].message, row.ledger[0].address) for row in rows.values()} == {
        (first, first, "mailto://***")
    }
    stored = outbox.messages([first])[first]
    assert (stored.subject, stored.digest, stored.sent_at) == ("Two changes", "0" * 64, now)
    assert stored.deliveries == (first, second)
    assert [row.id for row in outbox.carried(second)] == [second]
    assert [row.id for row in outbox.carried(messages[1].id)] == [messages[1].id]
    assert outbox.carried("nothing") == []


def test_a_retry_carries_the_same_whatever_came_meanwhile(outbox: Store, now: datetime) -> None:
    first = plan(outbox, now, "a", entry="7")
    plan(outbox, now, "b", entry="7")
    before = claim(outbox, now)
    assert outbox.settle(first, "me", BUSY, now, now + MINUTE)
    plan(outbox, now, "c", entry="7")
    again = claim(outbox, now + MINUTE)
    assert [(one.id, [part.id for part in one.deliveries], one.merge) for one in again] == [
        (one.id, [part.id for part in one.deliveries], one.merge) for one in before
    ]
    assert again[0].attempts == 2


def test_so_does_a_repeat_after_a_crash(outbox: Store, now: datetime) -> None:
    plan(outbox, now, "a", entry="7")
    plan(outbox, now, "b", entry="7")
    (before,) = claim(outbox, now)
    plan(outbox, now, "c", entry="7")
    again, *_ = claim(outbox, now + HOUR, owner="you")
    assert (again.id, shown([again])) == (before.id, shown([before]))
    rows = [row for row in outbox.deliveries() if row.message == before.id]
    assert [[line.outcome for line in row.ledger] for row in rows] == [[AttemptOutcome.LOST]] * 2


def test_what_was_put_back_untried_may_go_with_more(outbox: Store, now: datetime) -> None:
    night = {"hold": Hold.QUIET, "until": now + HOUR}
    first = plan(outbox, now, "a", **night)  # type: ignore[arg-type]
    assert claim(outbox, now) == []
    (one,) = claim(outbox, now + HOUR)
    assert outbox.put_back([one.id], "me", "stopping") == {first}
    assert outbox.messages([first]) == {}
    plan(outbox, now, "b", **night)  # type: ignore[arg-type]
    assert shown(claim(outbox, now + HOUR)) == [("desk", ["a", "b"], Merge.HELD)]


def test_what_is_held_keeps_nothing_back_and_comes_as_one(outbox: Store, now: datetime) -> None:
    for item in "ab":
        plan(outbox, now, item, hold=Hold.QUIET, until=now + HOUR)
    plan(outbox, now, "c", severity="critical")
    backlog = outbox.backlog(now + MINUTE)
    assert (backlog.pending, backlog.held, backlog.oldest_pending) == (3, 2, MINUTE)
    assert send(outbox, now) == [("desk", ["c"], None)]
    assert outbox.backlog(now + MINUTE).oldest_pending is None, "what is held is not late"
    assert outbox.backlog(now + HOUR + MINUTE).oldest_pending == MINUTE
    assert send(outbox, now + HOUR) == [("desk", ["a", "b"], Merge.HELD)]
    assert {row.hold for row in outbox.deliveries() if row.item in "ab"} == {Hold.QUIET}, "why it waited is kept"


def test_hundreds_of_held_ones_do_not_hide_what_is_due(outbox: Store, now: datetime) -> None:
    for _ in range(3):
        night = tuple(
            PlannedAlert(
                alert_cases.an_alert(kind=AlertKind.DEADLINE, item="a", quotes=()),
                ("many", str(n), str(len(outbox.deliveries(limit=1000)))),
                (PlannedDelivery("desk", "all", now + DAY, Hold.QUIET),),
            )
            for n in range(100)
        )
        outbox.record([], [], [], [], night, now)
    plan(outbox, now, "c", severity="critical")
    assert send(outbox, now) == [("desk", ["c"], None)]
    held = send(outbox, now + DAY)
    assert [len(items) for _, items, _ in held] == [50] * 6
    assert {merge for _, _, merge in held} == {Merge.HELD}


@pytest.mark.parametrize("rates", [{}, {"desk": Rate(1, MINUTE)}])
@pytest.mark.parametrize(("hold", "until"), [(Hold.GROUP, HOUR), (Hold.QUIET, MINUTE), (Hold.BUDGET, MINUTE)])
def test_what_is_critical_passes_hundreds_that_are_held(
    outbox: Store, now: datetime, hold: Hold, until: timedelta, rates: dict[str, Rate]
) -> None:
    held = [
        PlannedAlert(
            alert_cases.an_alert(kind=AlertKind.DEADLINE, item="a", quotes=()),
            ("deadline", "a", str(n)),
            (PlannedDelivery("desk", "all", now + until, hold),),
        )
        for n in range(310)
    ]
    outbox.tell(held, now)
    first = plan_critical(outbox, now + MINUTE, "b")
    messages = outbox.claim_messages(now + MINUTE, 256, MINUTE, "me", Limits(rates=rates))
    assert shown(messages[:1]) == [("desk", ["b"], None)]
    assert messages[0].id == first


def plan_critical(store: Store, at: datetime, item: str) -> str:
    alert = alert_cases.an_alert(kind=AlertKind.DEADLINE, item=item, quotes=(), severity="critical")
    store.tell([PlannedAlert(alert, ("critical", item), (PlannedDelivery("desk", "all", at),))], at)
    return store.deliveries(about=[item])[0].id


@pytest.mark.parametrize("failed", [False, True])
def test_what_is_critical_passes_nothing_that_is_not_held_however_long_the_queue(
    outbox: Store, now: datetime, failed: bool
) -> None:
    told = [
        PlannedAlert(
            alert_cases.an_alert(kind=AlertKind.DEADLINE, item="a", quotes=()),
            ("deadline", "a", str(n)),
            (PlannedDelivery("desk", "all", now, None if n == 70 else Hold.QUIET),),
        )
        for n in range(80)
    ]
    if failed:
        outbox.tell([told[70]], now)
        (one,) = claim(outbox, now)
        assert outbox.settle(one.id, "me", BUSY, now, now + HOUR)
        outbox.tell([*told[:70], *told[71:]], now)
        plan_critical(outbox, now, "b")
        assert claim(outbox, now) == []
        return
    outbox.tell(told, now)
    plan_critical(outbox, now, "b")
    seen: list[tuple[str, int]] = []
    while messages := outbox.claim_messages(now, 5, MINUTE, "me"):
        seen += [(part.alert.subject, len(one.deliveries)) for one in messages for part in one.deliveries]
        outbox.settle_all([Ending(one.id, Sent()) for one in messages], "me", now)
    assert seen.index(("b", 1)) > seen.index(("a", 1)), "what is not held and came before it goes before it"
    assert len(seen) == 81


def test_a_window_that_is_cut_breaks_no_summary(outbox: Store, now: datetime) -> None:
    night = [
        PlannedAlert(
            alert_cases.an_alert(kind=AlertKind.DEADLINE, item="a", quotes=()),
            ("many", str(n)),
            (PlannedDelivery("desk", "all", now + DAY, Hold.QUIET),),
        )
        for n in range(70)
    ]
    outbox.record([], [], [], [], night, now)
    sizes = []
    while got := outbox.claim_messages(now + DAY, 2, MINUTE, "me"):
        sizes += [len(one.deliveries) for one in got]
        outbox.settle_all([Ending(one.id, Sent()) for one in got], "me", now + DAY)
    assert sizes == [50, 20]


# --- the hand of a person -------------------------------------------------------------------------


def test_what_was_given_up_together_goes_again_as_the_same_message(outbox: Store, now: datetime) -> None:
    first, second = plan(outbox, now, "a", entry="7"), plan(outbox, now, "b", entry="7")
    claim(outbox, now)
    assert outbox.settle(first, "me", REFUSED, now) == Settled(DeliveryState.DEAD)
    assert outbox.retry_delivery(second, now) == 2
    (again,) = claim(outbox, now)
    assert (again.id, [one.id for one in again.deliveries], again.merge) == (first, [first, second], Merge.EVENT)


def test_what_is_left_of_a_message_is_another_message(outbox: Store, now: datetime) -> None:
    first, second = plan(outbox, now, "a", entry="7"), plan(outbox, now, "b", entry="7")
    third = plan(outbox, now, "c", entry="7")
    claim(outbox, now)
    outbox.settle(first, "me", BUSY, now, now + HOUR)
    assert outbox.drop_delivery(third, now) == 1
    (rest,) = claim(outbox, now + HOUR)
    assert [one.id for one in rest.deliveries] == [first, second]
    assert rest.id not in (first, second), "that id is of the three"
    outbox.settle(rest.id, "me", REFUSED, now + HOUR)
    with pytest.raises(UsageError, match="no such delivery"):
        outbox.drop_delivery("nothing", now)
    assert outbox.drop_delivery(rest.id, now + HOUR) == 2


def test_all_that_was_given_up_at_one_receiver_is_queued_again(outbox: Store, now: datetime) -> None:
    plan(outbox, now, "a", to=("boss", "desk"))
    for one in claim(outbox, now):
        outbox.settle(one.id, "me", REFUSED, now)
    assert outbox.retry_dead(["boss"], now) == 1
    assert shown(claim(outbox, now)) == [("boss", ["a"], None)]
    assert outbox.retry_dead([], now) == 1


def test_what_ends_its_sender_every_time_is_given_up_at_last(outbox: Store, now: datetime) -> None:
    for item in "ab":
        plan(outbox, now, item, entry="7")
    plan(outbox, now, "c")
    at = now
    for _ in range(MAX_ATTEMPTS):
        (first, *_) = claim(outbox, at)
        assert len(first.deliveries) == 2
        at += MINUTE
    assert claim(outbox, at) == []
    assert shown(claim(outbox, at)) == [("desk", ["c"], None)], "what comes after it goes on"
    dead = outbox.deliveries([DeliveryState.DEAD])
    assert {row.item for row in dead} == {"a", "b"}
    assert {(row.attempts, len(row.ledger), row.settled_at) for row in dead} == {(MAX_ATTEMPTS, MAX_ATTEMPTS, at)}
    assert {line.outcome for row in dead for line in row.ledger} == {AttemptOutcome.LOST}
    (other,) = outbox.deliveries([DeliveryState.SENDING])
    assert (other.item, other.attempts) == ("c", 4), "and was not worn out with it"


# --- budgets and rates ----------------------------------------------------------------------------


def test_a_budget_leaves_the_rest_to_one_summary_when_the_hour_frees(outbox: Store, now: datetime) -> None:
    limits = Limits({"all": 2})
    for item in "abc":
        plan(outbox, now, item)
    plan(outbox, now, "a", to=("boss",))
    assert send(outbox, now, limits) == [("desk", ["a"], None), ("boss", ["a"], None), ("desk", ["b"], None)]
    (held,) = outbox.deliveries([DeliveryState.PENDING])
    assert (held.item, held.hold, held.not_before) == ("c", Hold.BUDGET, now + HOUR)
    later = now + 30 * MINUTE
    plan(outbox, later, "a")
    plan(outbox, later, "b", severity="critical")
    plan(outbox, later, "b", route="other")
    assert send(outbox, later, limits) == [("desk", ["b"], None), ("desk", ["b"], None)]
    assert send(outbox, now + HOUR, limits) == [("desk", ["c", "a"], Merge.HELD)]


def test_no_budget_is_used_up_by_what_was_not_sent(outbox: Store, now: datetime) -> None:
    limits = Limits({"all": 2})
    for item in "abca":
        plan(outbox, now, item)
    first, second = claim(outbox, now, limits)
    assert outbox.settle(first.id, "me", BUSY, now, now + MINUTE)
    assert outbox.put_back([second.id], "me", "not tried")
    assert {row.hold for row in outbox.deliveries()} == {None}
    (again,) = claim(outbox, now + MINUTE, limits)
    assert outbox.settle(again.id, "me", BUSY, now + MINUTE, now + 2 * MINUTE)
    assert {row.hold for row in outbox.deliveries()} == {None}
    later = now + 2 * MINUTE
    assert send(outbox, later, limits) == [("desk", ["a"], None), ("desk", ["b", "c", "a"], Merge.LATE)]


def test_another_routes_alerts_are_not_put_off_with_what_is_over_a_budget(outbox: Store, now: datetime) -> None:
    limits = Limits({"busy": 1})
    morning = now + HOUR
    plan(outbox, now, "a", route="busy", hold=Hold.QUIET, until=morning)
    plan(outbox, now, "b", route="free", hold=Hold.QUIET, until=morning)
    sent = []
    for hours in range(1, 4):
        at = now + hours * HOUR
        plan(outbox, at - MINUTE, "c", route="busy", severity="critical")
        send(outbox, at - MINUTE, limits)
        sent.append(send(outbox, at, limits))
    assert sent[0] == [("desk", ["b"], None)]
    rows = {row.item: row for row in outbox.deliveries()}
    assert rows["a"].state is DeliveryState.SENT, "what has waited an hour goes, whatever critical ones have used"
    assert rows["a"].settled_at == now + 2 * HOUR - MINUTE


def test_a_rate_spaces_messages_whoever_sends_them(outbox: Store, now: datetime) -> None:
    limits = Limits(rates={"desk": Rate(2, MINUTE)})
    for item in "abc":
        plan(outbox, now, item, to=("boss", "desk"))
    first = claim(outbox, now, limits)
    assert Counter(one.receiver for one in first) == {"boss": 3, "desk": 1}
    outbox.settle_all([Ending(one.id, Sent()) for one in first], "me", now)
    assert claim(outbox, now + timedelta(seconds=29), limits, owner="you") == []
    assert shown(claim(outbox, now + timedelta(seconds=30), limits, owner="you")) == [("desk", ["b"], None)]


# --- receivers that take nothing ------------------------------------------------------------------


def fail(store: Store, at: datetime, times: int, system: tuple[str, ...] = ()) -> datetime:
    """Have everything to `desk` refused so many times, each as soon as it is tried again; return when that was."""
    for _ in range(times):
        (row,) = [one for one in store.receivers(at) if one.circuit.receiver == "desk"]
        at = max(at, row.circuit.next_at or at)
        one, *rest = [one for one in claim(store, at) if one.receiver == "desk"]
        store.put_back([other.id for other in rest], "me", "not tried")
        assert store.settle_all([Ending(one.id, REFUSED)], "me", at, system)
    return at


def test_an_address_that_refuses_everything_is_asked_with_one_message_and_nothing_dies(
    outbox: Store, now: datetime
) -> None:
    for n in range(5):
        plan(outbox, now + n * MINUTE, "abc"[n % 3])
    first, second, *rest = claim(outbox, now + HOUR)
    outbox.put_back([one.id for one in rest], "me", "not tried")
    for one in (first, second):
        assert outbox.settle(one.id, "me", REFUSED, now + HOUR) == Settled(DeliveryState.DEAD)
    at = fail(outbox, now + HOUR, 6)
    assert Counter(row.state for row in outbox.deliveries()) == {DeliveryState.DEAD: 2, DeliveryState.PENDING: 3}
    (row,) = outbox.receivers(at)
    assert (row.circuit.failures, row.circuit.opened_at, row.dead, row.waiting) == (8, now + HOUR, 2, 3)
    assert row.circuit.next_at == at + 32 * MINUTE
    assert claim(outbox, at + 31 * MINUTE) == []
    (probe,) = claim(outbox, at + 32 * MINUTE)
    settled = outbox.settle(probe.id, "me", Sent(), at + 32 * MINUTE)
    assert settled == Settled(DeliveryState.SENT, closed=True)
    assert shown(claim(outbox, at + 32 * MINUTE)) == [("desk", ["a", "b"], Merge.LATE)]
    assert outbox.retry_dead((), at) == 2


def test_the_others_are_told_that_it_takes_nothing_and_when_it_does_again(outbox: Store, now: datetime) -> None:
    system = ("desk", "boss", "ops")
    for n in range(4):
        plan(outbox, now + n * MINUTE, "abc"[n % 3])
    at = fail(outbox, now + HOUR, 5, system)
    told = [row for row in outbox.deliveries() if row.alert.kind is AlertKind.TROUBLE]
    assert sorted(row.receiver for row in told) == ["boss", "ops"]
    assert {(row.item, row.alert.reason) for row in told} == {("desk", "receiver_down")}
    assert "no such user" in str(told[0].alert)
    (row,) = [one for one in outbox.receivers(at) if one.circuit.receiver == "desk"]
    assert row.circuit.next_at is not None
    probes = {one.receiver: one for one in claim(outbox, row.circuit.next_at)}
    outbox.settle_all([Ending(probes["desk"].id, Sent())], "me", row.circuit.next_at, system)
    over = [one for one in outbox.deliveries() if one.alert.kind is AlertKind.TROUBLE_OVER]
    assert sorted(one.receiver for one in over) == ["boss", "ops"]


def test_a_person_who_queues_again_is_not_made_to_wait_for_the_circuit(outbox: Store, now: datetime) -> None:
    for n in range(4):
        plan(outbox, now + n * MINUTE, "abc"[n % 3])
    at = fail(outbox, now + HOUR, 9)
    assert claim(outbox, at) == []
    outbox.retry_dead(("desk",), at)
    assert len(claim(outbox, at)) == 1


def test_every_circuit_is_kept_however_many_settle_at_once(outbox: Store, db_url: str, now: datetime) -> None:
    names = [f"desk/{n}" for n in range(8)]
    plan(outbox, now, "a", to=names)
    messages = claim(outbox, now)
    stores = [Store.open(db_url) for _ in range(4)]
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        barrier.wait()
        for one in messages[number::4]:
            stores[number].settle_all([Ending(one.id, Sent())], "me", now)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in stores:
        own.close()
    assert [(row.circuit.receiver, row.circuit.last_ok_at) for row in outbox.receivers(now)] == [
        (name, now) for name in names
    ]
    assert all(replace(row.circuit, last_ok_at=None).failures == 0 for row in outbox.receivers(now))


def test_deliveries_are_found_by_receiver_and_by_what_they_are_about(outbox: Store, now: datetime) -> None:
    plan(outbox, now, "a", to=("boss", "desk"))
    plan(outbox, now, "b")
    assert [row.item for row in outbox.deliveries(receivers=["desk"], about=["a"])] == ["a"]
    assert {row.receiver for row in outbox.deliveries(about=["a"])} == {"boss", "desk"}
    assert outbox.deliveries(receivers=["nobody"]) == []
