"""What is told again, to whom and when, and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alert_cases import NOW, an_alert
from hypothesis import given
from hypothesis import strategies as st
from told_cases import ITEM, a_delivery, a_row, acked, stored, there

from watcher.domain.alerts import (
    POLICY_KINDS,
    Alert,
    AlertKind,
    AlertRow,
    Conditions,
    DeliveryState,
    Digest,
    Escalation,
    Hours,
    PlannedAlert,
    Repeat,
    Route,
    Silence,
    Window,
)
from watcher.domain.followups import Followups, Present, follow_up, followed, holds, reach
from watcher.domain.model import Standing

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
URGENT = Route(("desk", "slack"), "urgent", repeat=Repeat(HOUR, 3))
CHIEFS = replace(URGENT, repeat=None, escalate=Escalation(2 * HOUR, ("chief", "desk")))


def present(standings: dict[str, Standing] | None = None, **told: Any) -> Present:
    return Present(there() if standings is None else standings, told.pop("heard", {}), **told)


def due(
    rows: list[AlertRow], after: timedelta, route: Route = URGENT, now: Present | None = None
) -> tuple[PlannedAlert, ...]:
    return follow_up(rows, [route], now or present(), NOW + after).planned


def alert_of(planned: PlannedAlert) -> Alert:
    assert isinstance(planned.alert, Alert)
    return planned.alert


# --- reminders ------------------------------------------------------------------------------------


def test_a_reminder_says_the_same_to_the_same_and_which_it_is() -> None:
    row = a_row(a_delivery("desk"), a_delivery("slack"))
    (one,) = due([row], HOUR)
    assert one.alert == replace(an_alert(), reminder=1)
    assert one.key == (f"{ITEM}/1", "reminder", "urgent", "1")
    assert one.reminds_of == 1
    assert one.transition is None
    assert [(d.receiver, d.route, d.not_before, d.hold, d.silenced) for d in one.deliveries] == [
        ("desk", "urgent", NOW + HOUR, None, ""),
        ("slack", "urgent", NOW + HOUR, None, ""),
    ]


def test_it_is_counted_from_when_the_last_of_them_was_sent() -> None:
    row = a_row(a_delivery("desk"), a_delivery("slack", NOW + 30 * MINUTE))
    assert due([row], HOUR + 29 * MINUTE) == ()
    assert len(due([row], HOUR + 30 * MINUTE)) == 1


@pytest.mark.parametrize("state", [s for s in DeliveryState if s is not DeliveryState.SENT])
def test_nobody_is_reminded_of_what_has_not_arrived(state: DeliveryState) -> None:
    waiting = a_delivery("slack", None, state=state)
    assert due([a_row(waiting)], 9 * HOUR) == ()
    (one,) = due([a_row(a_delivery("desk"), waiting)], HOUR)
    assert [d.receiver for d in one.deliveries] == ["desk"]


def test_each_reminder_waits_for_the_one_before_and_there_are_no_more_than_asked_for() -> None:
    rows = [a_row()]
    for n in (1, 2, 3):
        (one,) = due(rows, n * HOUR)
        assert alert_of(one).reminder == n
        rows.append(stored(one, n + 1, [None]))
        assert due(rows, n * HOUR + DAY) == (), "the reminder itself still waits"
        rows[-1] = stored(one, n + 1, [NOW + n * HOUR])
        assert due(rows, n * HOUR + 59 * MINUTE) == ()
    assert due(rows, 9 * DAY) == ()


def test_one_that_was_late_is_in_the_next_reminder() -> None:
    rows = [a_row(a_delivery("desk"), a_delivery("slack", None))]
    (first,) = due(rows, HOUR)
    rows = [a_row(a_delivery("desk"), a_delivery("slack", NOW + HOUR)), stored(first, 2, [NOW + HOUR])]
    (second,) = due(rows, 2 * HOUR)
    assert [d.receiver for d in second.deliveries] == ["desk", "slack"]


def test_a_receiver_that_left_the_route_is_not_reminded() -> None:
    rows = [a_row(a_delivery("desk"), a_delivery("slack"))]
    (one,) = due(rows, HOUR, replace(URGENT, to=("slack", "new")))
    assert [d.receiver for d in one.deliveries] == ["slack"]


@pytest.mark.parametrize(
    "route",
    [
        replace(URGENT, name="other"),
        replace(URGENT, repeat=None),
        replace(URGENT, when=Conditions(items=("something-else",))),
        replace(CHIEFS, when=Conditions(severities=("low",))),
    ],
)
def test_a_route_that_is_gone_or_does_not_take_it_or_no_longer_repeats_tells_nothing(route: Route) -> None:
    assert follow_up([a_row()], [route], present(), NOW + DAY) == Followups()


def test_two_routes_remind_of_one_alert_each_by_itself() -> None:
    row = a_row(a_delivery("desk"), a_delivery("boss", route="slow"))
    slow = Route(("boss",), "slow", repeat=Repeat(2 * HOUR, 1))
    found = follow_up([row], [URGENT, slow], present(), NOW + HOUR).planned
    assert [one.key[2] for one in found] == ["urgent"]
    found = follow_up([row], [URGENT, slow], present(), NOW + 2 * HOUR).planned
    assert [one.key[2] for one in found] == ["urgent", "slow"]


# --- escalation -----------------------------------------------------------------------------------


def test_others_are_told_once_and_those_who_know_are_not() -> None:
    rows = [a_row(a_delivery("desk"), a_delivery("slack", NOW + HOUR))]
    assert due(rows, 2 * HOUR - MINUTE, CHIEFS) == ()
    (one,) = due(rows, 2 * HOUR, CHIEFS)
    assert one.alert == replace(an_alert(), escalated=True)
    assert (one.key, one.reminds_of) == ((f"{ITEM}/1", "escalation", "urgent"), 1)
    assert [(d.receiver, d.route) for d in one.deliveries] == [("chief", "urgent")]
    for sent in (None, NOW + 2 * HOUR):
        assert due([*rows, stored(one, 2, [sent])], 9 * DAY, CHIEFS) == ()


def test_what_nobody_was_told_is_not_escalated() -> None:
    assert due([a_row(a_delivery("desk", None))], 9 * HOUR, CHIEFS) == ()


def test_reminders_and_escalation_do_not_count_for_each_other() -> None:
    both = replace(CHIEFS, repeat=Repeat(2 * HOUR, 2))
    rows = [a_row()]
    reminder, escalation = due(rows, 2 * HOUR, both)
    rows += [stored(reminder, 2, [NOW + 2 * HOUR]), stored(escalation, 3, [NOW + 2 * HOUR])]
    (second,) = due(rows, 4 * HOUR, both)
    assert alert_of(second).reminder == 2
    assert [d.receiver for d in second.deliveries] == ["desk"]


# --- what ends it ---------------------------------------------------------------------------------


def test_an_acknowledgement_ends_it_and_calls_off_what_waits() -> None:
    row = a_row()
    (one,) = due([row], HOUR)
    assert due([acked(row)], HOUR) == ()
    waits = stored(one, 2, [None])
    assert follow_up([acked(row), waits], [URGENT], present(), NOW + HOUR) == Followups((), ("2-desk",))
    of_the_reminder = [row, acked(stored(one, 2, [NOW + HOUR]))]
    assert follow_up(of_the_reminder, [URGENT], present(), NOW + DAY) == Followups()


def test_a_reminder_that_may_have_arrived_is_not_called_off() -> None:
    (one,) = due([a_row()], HOUR)
    tried = stored(one, 2, [None])
    tried = replace(tried, deliveries=(replace(tried.deliveries[0], message="m"),))
    assert follow_up([acked(a_row()), tried], [URGENT], present(), NOW + HOUR) == Followups()


@pytest.mark.parametrize(
    "standings",
    [
        {},  # it is no longer watched
        there(state="awaited", since=NOW + HOUR),
        there(since=NOW + HOUR),  # it went away and came back
        there(value="2025-12-01", since=NOW + HOUR),
    ],
)
def test_what_has_moved_since_is_not_told_again(standings: dict[str, Standing]) -> None:
    assert due([a_row()], DAY, URGENT, present(standings)) == ()


def held(alert: Alert, **told: Any) -> bool:
    standing = {"state": "awaited", "since": NOW - DAY} | told
    heard = standing.pop("heard", {})
    return holds(alert, present(there(**standing), heard=heard))


def test_what_holds_of_an_item_that_did_not_move() -> None:
    stays = {"to_state": "awaited", "to_label": "awaited", "from_since": NOW - DAY}
    disputed = an_alert(kind=AlertKind.DISPUTED, from_since=NOW - DAY)
    assert held(disputed)
    assert not held(disputed, state="published", since=NOW)
    assert not held(disputed, since=NOW)
    deadline = an_alert(kind=AlertKind.DEADLINE, day=date(2025, 10, 2), **stays)
    assert held(deadline, value="2025-10-02")
    assert held(deadline, value="2025-10-02 Madrid")
    assert not held(deadline, value="2025-10-12")
    assert not held(deadline, value=None)
    silent = an_alert(kind=AlertKind.SILENT, **stays)
    assert held(silent)
    assert held(silent, heard={ITEM: NOW - HOUR})
    assert not held(silent, heard={ITEM: NOW + HOUR})


@pytest.mark.parametrize("kind", list(AlertKind))
def test_of_which_kinds_people_are_reminded(kind: AlertKind) -> None:
    alert = an_alert(kind=kind, day=date(2025, 10, 2), from_since=NOW)
    state = "published" if kind in (AlertKind.STATE_CHANGE, AlertKind.REVERSAL) else "awaited"
    value = "2025-10-02" if kind is AlertKind.DEADLINE else None
    found = due([a_row(alert=alert)], HOUR, URGENT, present(there(state=state, value=value)))
    assert bool(found) == (kind in POLICY_KINDS and kind is not AlertKind.EARLY_SIGNAL)


def test_nobody_is_reminded_of_a_digest() -> None:
    assert due([a_row(alert=Digest("urgent", NOW, NOW))], DAY) == ()


# --- when it may not be told ----------------------------------------------------------------------


def test_a_silence_puts_it_off() -> None:
    silence = Silence(Conditions(items=(ITEM,)), "ana", "", NOW, NOW + 5 * HOUR)
    now = present(silences=[silence])
    assert due([a_row()], HOUR, URGENT, now) == ()
    assert due([a_row()], 5 * HOUR - MINUTE, CHIEFS, now) == ()
    assert len(due([a_row()], 5 * HOUR, URGENT, now)) == 1
    other = Silence(Conditions(items=("another",)), "ana", "", NOW, NOW + 5 * HOUR)
    assert len(due([a_row()], HOUR, URGENT, present(silences=[other]))) == 1


def test_quiet_hours_put_it_off_and_critical_ones_are_told() -> None:
    evening = (NOW + HOUR).time(), (NOW + 3 * HOUR).time()
    quiet = Window(*evening, frozenset(range(7)), ZoneInfo("UTC"))
    route = replace(URGENT, hours=Hours(quiet=(quiet,)))
    assert due([a_row()], HOUR, route) == ()
    assert len(due([a_row()], 3 * HOUR, route)) == 1
    assert len(due([a_row(alert=an_alert(severity="critical"))], HOUR, route)) == 1


def test_a_wait_for_others_of_the_event_is_not_made_again() -> None:
    (one,) = due([a_row()], HOUR, replace(URGENT, wait=10 * MINUTE))
    assert one.deliveries[0].not_before == NOW + HOUR


def test_it_reaches_back_as_far_as_the_slowest_route() -> None:
    slow = replace(CHIEFS, escalate=Escalation(30 * DAY, ("chief",)))
    quiet = Route(("desk",))
    assert followed([URGENT, quiet, slow]) == [URGENT, slow]
    assert reach([URGENT, slow]) >= 30 * DAY
    assert reach([URGENT]) >= 14 * DAY + HOUR


# --- whatever happens -----------------------------------------------------------------------------

DELAYS = st.one_of(st.none(), st.integers(0, 200).map(lambda minutes: minutes * MINUTE))


@given(
    every=st.integers(5, 240).map(lambda minutes: minutes * MINUTE),
    most=st.integers(1, 4),
    delays=st.lists(DELAYS, min_size=12, max_size=12),
    step=st.integers(1, 90).map(lambda minutes: minutes * MINUTE),
    ack=st.one_of(st.none(), st.integers(0, 1500).map(lambda minutes: minutes * MINUTE)),
    down=st.tuples(st.integers(0, 900), st.integers(0, 900)),
)
def test_never_after_an_acknowledgement_never_more_than_most_never_sooner_than_every(
    every: timedelta,
    most: int,
    delays: list[timedelta | None],
    step: timedelta,
    ack: timedelta | None,
    down: tuple[int, int],
) -> None:
    """A day of rounds, with the daemon down for some of it, and messages that take their time or never arrive."""
    route = Route(("desk", "slack"), "urgent", repeat=Repeat(every, most))
    delay = iter(delays)

    def arrival(at: datetime) -> datetime | None:
        later = next(delay)
        return None if later is None else at + later

    arrivals: dict[int, list[datetime | None]] = {0: [arrival(NOW), arrival(NOW)]}
    plans: list[tuple[datetime, PlannedAlert]] = []
    now = NOW
    while (now := now + step) < NOW + DAY:
        if NOW + down[0] * MINUTE <= now < NOW + sum(down) * MINUTE:
            continue
        rows = [a_row(*(a_delivery(n, _arrived(at, now)) for n, at in zip(route.to, arrivals[0], strict=True)))]
        if ack is not None and NOW + ack <= now:
            rows = [acked(rows[0])]
        for n, (_, planned) in enumerate(plans, 1):
            rows.append(stored(planned, n + 1, [_arrived(at, now) for at in arrivals[n]]))
        for planned in follow_up(rows, [route], present(), now).planned:
            plans.append((now, planned))
            arrivals[len(plans)] = [arrival(now) for _ in planned.deliveries]
    assert [alert_of(one).reminder for _, one in plans] == list(range(1, len(plans) + 1))
    assert len(plans) <= most
    assert len({one.key for _, one in plans}) == len(plans)
    for n, (at, planned) in enumerate(plans):
        assert ack is None or at < NOW + ack
        for one in planned.deliveries:
            assert at - _last(one.receiver, plans[:n], arrivals) >= every


def _arrived(at: datetime | None, now: datetime) -> datetime | None:
    return at if at is not None and at <= now else None


def _last(
    receiver: str, plans: list[tuple[datetime, PlannedAlert]], arrivals: dict[int, list[datetime | None]]
) -> datetime:
    """When the last message before reached a receiver; that it did is part of what is tested."""
    for n in range(len(plans), 0, -1):
        to = [one.receiver for one in plans[n - 1][1].deliveries]
        if receiver in to:
            found = arrivals[n][to.index(receiver)]
            break
    else:
        found = arrivals[0][("desk", "slack").index(receiver)]
    assert found is not None
    return found
