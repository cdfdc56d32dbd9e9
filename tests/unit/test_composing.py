"""What goes together: every queue comes out whole, in order, and the same again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import alert_cases
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.domain.alerts import AlertKind, AnyAlert, Digest, Hold, Merge, SystemAlert
from watcher.domain.composing import HOUR, MOST, Parcel, Queued, Spent, compose, within

NOW = datetime(2025, 11, 3, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def about(item: str = "deal", entry: str = "", link: str = "", severity: str = "normal") -> AnyAlert:
    quotes = (alert_cases.a_quote(link=link),)
    return alert_cases.an_alert(item=item, entries=(entry,) if entry else (), quotes=quotes, severity=severity)


def queued(n: int, alert: AnyAlert | None = None, **told: object) -> Queued:
    given_: dict[str, object] = {
        "route": "desk", "created_at": NOW - (60 - n) * MINUTE, "not_before": NOW - (60 - n) * MINUTE, "due": True
    }  # fmt: skip
    return Queued(f"d{n:03}", alert or about(f"item{n}"), **(given_ | told))  # type: ignore[arg-type]


def shown(parcels: list[Parcel]) -> list[tuple[list[int], Merge | None]]:
    return [([int(part.id[1:]) for part in parcel.parts], parcel.merge) for parcel in parcels]


# --- by example -----------------------------------------------------------------------------------


def test_what_has_nothing_in_common_goes_one_by_one() -> None:
    assert shown(compose([queued(0), queued(1)])) == [([0], None), ([1], None)]


def test_what_one_judgement_planned_of_one_entry_is_one_message() -> None:
    same = {"created_at": NOW}
    queue = [queued(n, about(f"i{n}", entry), **same) for n, entry in enumerate(["7", "8", "7"])]
    assert shown(compose(queue)) == [([0, 2], Merge.EVENT), ([1], None)]


def test_what_quotes_the_same_link_is_one_event_and_what_quotes_none_is_not() -> None:
    queue = [queued(n, about(f"i{n}", "", link), created_at=NOW) for n, link in enumerate(["a", "", "a", ""])]
    assert shown(compose(queue)) == [([0, 2], Merge.EVENT), ([1], None), ([3], None)]


def test_another_judgement_is_another_message_unless_it_came_within_the_wait() -> None:
    first = queued(0, about("a", "7"))
    second = queued(10, about("b", "7"))
    assert shown(compose([first, second])) == [([0], None), ([10], None)]
    waits = {"hold": Hold.GROUP, "not_before": first.created_at + 10 * MINUTE}
    assert shown(compose([replace(first, **waits), second])) == [([0, 10], Merge.EVENT)]
    waits["not_before"] -= MINUTE
    assert shown(compose([replace(first, **waits), second])) == [([0], None), ([10], None)]


def test_what_waits_for_others_of_its_event_goes_along_with_them_and_else_stays() -> None:
    waits = {"hold": Hold.GROUP, "not_before": NOW + MINUTE, "due": False}
    early, other = queued(0, about("a", "7"), **waits), queued(1, about("b", "8"), **waits)
    assert shown(compose([early, other])) == []
    assert shown(compose([early, other, queued(2, about("c", "7"))])) == [([0, 2], Merge.EVENT)]


def test_an_items_changes_are_told_in_their_order_whatever_goes_together() -> None:
    queue = [queued(n, about(item, entry), created_at=NOW) for n, (item, entry) in enumerate(["x7", "y8", "y7"])]
    assert shown(compose(queue)) == [([0], None), ([1], None), ([2], None)]


def test_what_was_held_goes_as_one_when_its_time_has_come() -> None:
    night = {"hold": Hold.QUIET}
    queue = [
        queued(0, **night),
        queued(1),
        queued(2, **night),
        queued(3, **night, due=False),
        queued(4, hold=Hold.BUDGET),
    ]
    assert shown(compose(queue)) == [([0, 2, 4], Merge.HELD), ([1], None)]
    assert shown(compose(queue[:2])) == [([0], None), ([1], None)]


def test_a_summary_ends_where_its_next_would_overtake_another_of_its_subject() -> None:
    night = {"hold": Hold.QUIET}
    queue = [queued(0, about("x"), **night), queued(1, about("x")), queued(2, about("x"), **night)]
    assert shown(compose(queue)) == [([0], None), ([1], None), ([2], None)]


def test_what_piled_up_goes_as_one_in_pieces_of_fifty() -> None:
    queue = [queued(n) for n in range(60)]
    assert shown(compose(queue, late_before=NOW - MINUTE)) == [
        (list(range(MOST)), Merge.LATE), (list(range(MOST, 59)), Merge.LATE), ([59], None)
    ]  # fmt: skip


def test_a_digest_is_a_message_of_its_own() -> None:
    digest = Digest("desk", NOW - HOUR, NOW)
    queue = [queued(0), queued(1), queued(2, digest), queued(3), queued(4)]
    assert shown(compose(queue, late_before=NOW)) == [([0, 1], Merge.LATE), ([2], None), ([3, 4], Merge.LATE)]


def test_what_failed_holds_back_all_that_come_after_it_and_what_is_held_nobody() -> None:
    queue = [queued(0, hold=Hold.QUIET, due=False), queued(1), queued(2, message="d002", due=False), queued(3)]
    assert shown(compose(queue)) == [([1], None)]


def test_what_is_critical_passes_what_was_held_but_nothing_else() -> None:
    critical = about("deal", severity="critical")
    queue = [queued(0, hold=Hold.QUIET), queued(1), queued(2, critical), queued(3, hold=Hold.QUIET), queued(4)]
    assert shown(compose(queue)) == [([1], None), ([2], None), ([0, 3], Merge.HELD), ([4], None)]


def test_what_was_tried_goes_again_with_exactly_what_it_carried() -> None:
    queue = [queued(0, message="d000"), queued(1), queued(2, message="d000"), queued(3)]
    again, *rest = compose(queue, known={"d000": Merge.EVENT}, late_before=NOW)
    assert (again.id, again.merge, again.fresh) == ("d000", Merge.EVENT, False)
    assert shown([again, *rest]) == [([0, 2], Merge.EVENT), ([1, 3], Merge.LATE)]


# --- budgets --------------------------------------------------------------------------------------


def test_what_is_over_the_budget_waits_until_the_hour_frees() -> None:
    parcels = compose([queued(0), queued(1), queued(2, about(severity="critical")), queued(3)])
    spent = Spent({"desk": [NOW - 50 * MINUTE, NOW - 40 * MINUTE, NOW - 20 * MINUTE]})
    allowed = within(parcels, {"desk": 3}, spent, NOW)
    assert shown(list(allowed.parcels)) == [([2], None)], "what is critical goes"
    assert allowed.put_off == {f"d{n:03}": NOW + 10 * MINUTE for n in (0, 1, 3)}
    assert within(parcels, {"desk": 2}, spent, NOW).put_off["d000"] == NOW + 20 * MINUTE
    assert within(parcels, {"other": 1}, spent, NOW).parcels == tuple(parcels)


def test_what_is_over_only_because_of_what_goes_now_stays_as_it_is() -> None:
    critical = queued(2, about(severity="critical"))
    parcels = compose([queued(0), queued(1), critical, queued(3, route="other")], budgeted=["desk"])
    spent = Spent({"desk": [NOW - 50 * MINUTE]})
    allowed = within(parcels, {"desk": 2}, spent, NOW)
    assert (shown(list(allowed.parcels)), allowed.put_off) == ([([0], None)], {}), "it may fail"


def test_what_does_not_go_for_another_reason_is_not_put_off() -> None:
    parcels = compose([queued(0, route="other"), queued(1), queued(2)])
    allowed = within(parcels, {"desk": 1}, Spent({"desk": [NOW]}), NOW, most=1)
    assert (shown(list(allowed.parcels)), allowed.put_off) == ([([0], None)], {})
    allowed = within(parcels[1:], {"desk": 1}, Spent({"desk": [NOW]}), NOW, most=1)
    assert allowed.put_off.keys() == {"d001", "d002"}


def test_one_summary_an_hour_goes_whatever_critical_ones_have_used() -> None:
    waited = compose([queued(0, hold=Hold.BUDGET), queued(1, hold=Hold.BUDGET)])
    used = {"desk": [NOW - 5 * MINUTE, NOW - MINUTE]}
    assert within(waited, {"desk": 2}, Spent(used), NOW).parcels == tuple(waited)
    lately = Spent(used, {"desk": NOW - 20 * MINUTE})
    assert set(within(waited, {"desk": 2}, lately, NOW).put_off.values()) == {NOW + 40 * MINUTE}
    assert within(compose([queued(0)]), {"desk": 2}, Spent(used), NOW).put_off == {"d000": NOW + 55 * MINUTE}


def test_what_counts_in_a_budget_goes_with_nothing_of_another_route() -> None:
    night = {"hold": Hold.QUIET}
    queue = [queued(n, route=route, **night) for n, route in enumerate(["busy", "free", "busy", "else", "free"])]
    assert shown(compose(queue)) == [([0, 1, 2, 3, 4], Merge.HELD)]
    assert shown(compose(queue, budgeted=["busy"])) == [([0, 2], Merge.HELD), ([1, 3, 4], Merge.HELD)]
    same = [queued(n, about(f"i{n}", "7"), route=route, created_at=NOW) for n, route in enumerate(["busy", "free"])]
    assert shown(compose(same, budgeted=["busy"])) == [([0], None), ([1], None)]
    assert shown(compose(same)) == [([0, 1], Merge.EVENT)]


def test_a_summary_beside_another_overtakes_nothing_of_its_subject() -> None:
    night = {"hold": Hold.QUIET}
    told = [("x", "busy"), ("y", "free"), ("y", "busy"), ("x", "free")]
    queue = [queued(n, about(item), route=route, **night) for n, (item, route) in enumerate(told)]
    assert shown(compose(queue, budgeted=["busy"])) == [([0], None), ([1, 3], Merge.HELD), ([2], None)]


def test_what_was_tried_before_is_not_put_off() -> None:
    parcels = compose([queued(0, message="d000")])
    assert within(parcels, {"desk": 1}, Spent({"desk": [NOW]}), NOW).parcels == tuple(parcels)


# --- by property ----------------------------------------------------------------------------------


def system(subject: str) -> SystemAlert:
    return SystemAlert(AlertKind.TROUBLE, "receiver_down", subject, "It is down", NOW)


@st.composite
def queues(draw: st.DrawFn) -> list[Queued]:
    """Queues as claims find them: all kinds of alerts and holds, due or not, some composed already."""
    queue = []
    at = NOW - 200 * MINUTE
    for n in range(draw(st.integers(0, 70))):
        at += draw(st.sampled_from([0, 0, 1])) * MINUTE
        alert: AnyAlert = about(
            draw(st.sampled_from("abcdef")), draw(st.sampled_from(["", "1", "2"])), draw(st.sampled_from(["", "x"])),
            draw(st.sampled_from(["normal", "normal", "critical"])),
        )  # fmt: skip
        if draw(st.integers(0, 9)) == 0:
            alert = draw(st.sampled_from([Digest("desk", at, at), system("boss")]))
        hold = draw(st.sampled_from([None, None, None, *Hold])) if alert.severity != "critical" else None
        due = draw(st.integers(0, 19)) != 0 if hold is None else draw(st.booleans())
        wait = timedelta(0) if hold is None else 5 * MINUTE
        route = draw(st.sampled_from(["desk", "desk", "free", "other"]))
        queue.append(Queued(f"d{n:03}", alert, route, at, at + wait, due, hold))
    return queue


BUDGETED = st.sampled_from([(), ("desk",), ("desk", "other")])
LATE = st.sampled_from([None, NOW - 190 * MINUTE, NOW])


@given(queues(), LATE, BUDGETED)
def test_every_delivery_that_may_go_is_in_exactly_one_message(
    queue: list[Queued], late: datetime | None, budgeted: tuple[str, ...]
) -> None:
    parcels = compose(queue, late_before=late, budgeted=budgeted)
    carried = [part.id for parcel in parcels for part in parcel.parts]
    assert len(carried) == len(set(carried))
    end = next((n for n, part in enumerate(queue) if not part.due and not part.held), len(queue))
    assert {part.id for part in queue[:end] if part.due} <= set(carried) <= {part.id for part in queue[:end]}
    along = [part for parcel in parcels for part in parcel.parts if not part.due]
    assert all(part.hold is Hold.GROUP for part in along)
    for parcel in parcels:
        assert 1 <= len(parcel.parts) <= MOST
        assert parcel.id == parcel.parts[0].id
        assert (parcel.merge is None) == (len(parcel.parts) == 1)
        assert any(part.due for part in parcel.parts)


@given(queues(), LATE, BUDGETED)
def test_order_is_kept_within_messages_and_between_what_is_told_of_one_subject(
    queue: list[Queued], late: datetime | None, budgeted: tuple[str, ...]
) -> None:
    parcels = compose(queue, late_before=late, budgeted=budgeted)
    place = {part.id: n for n, part in enumerate(queue)}
    for parcel in parcels:
        places = [place[part.id] for part in parcel.parts]
        assert places == sorted(places)
    unheld = [part for parcel in parcels for part in parcel.parts if part.hold is None]
    for subject in {part.alert.subject for part in unheld}:
        places = [place[part.id] for part in unheld if part.alert.subject == subject]
        assert places == sorted(places)


@given(queues(), LATE, BUDGETED)
def test_what_is_critical_is_never_behind_what_was_held(
    queue: list[Queued], late: datetime | None, budgeted: tuple[str, ...]
) -> None:
    seen_held = False
    for parcel in compose(queue, late_before=late, budgeted=budgeted):
        summed = [part for part in parcel.parts if part.hold in (Hold.QUIET, Hold.BUDGET)]
        assert not (summed and parcel.critical)
        assert not (seen_held and parcel.critical)
        seen_held = seen_held or bool(summed)


@given(queues(), LATE, st.lists(queues(), max_size=1))
def test_a_retry_has_the_same_id_and_the_same_composition(
    queue: list[Queued], late: datetime | None, more: list[list[Queued]]
) -> None:
    parcels = compose(queue, late_before=late)
    message = {part.id: parcel.id for parcel in parcels for part in parcel.parts}
    merges = {parcel.id: parcel.merge for parcel in parcels}
    later = [replace(part, message=message.get(part.id, ""), due=part.due or part.id in message) for part in queue]
    for n, part in enumerate(more[0] if more else ()):
        later.append(replace(part, id=f"e{n:03}", created_at=NOW))
    again = compose(later, late_before=NOW, known=merges)
    tried = {parcel.id: [part.id for part in parcel.parts] for parcel in again if not parcel.fresh}
    assert tried == {parcel.id: [part.id for part in parcel.parts] for parcel in parcels}
    assert all(parcel.merge == merges[parcel.id] for parcel in again if not parcel.fresh)


@given(queues(), LATE, BUDGETED)
def test_a_message_counts_in_the_budget_of_all_that_it_carries(
    queue: list[Queued], late: datetime | None, budgeted: tuple[str, ...]
) -> None:
    for parcel in compose(queue, late_before=late, budgeted=budgeted):
        routes = {part.route for part in parcel.parts}
        assert len(routes) == 1 or routes.isdisjoint(budgeted)


AGO = st.lists(st.integers(0, 59), max_size=6)
MOST_AT_ONCE = st.sampled_from([None, 1, 3])


@given(queues(), st.dictionaries(st.sampled_from(["desk", "other"]), st.integers(1, 4)), AGO, AGO, MOST_AT_ONCE)
def test_what_is_put_off_is_over_its_own_routes_budget_by_what_was_sent(
    queue: list[Queued], budgets: dict[str, int], desk: list[int], other: list[int], most: int | None
) -> None:
    parcels = compose(queue, budgeted=budgets.keys())
    sent = {"desk": [NOW - n * MINUTE for n in desk], "other": [NOW - n * MINUTE for n in other]}
    allowed = within(parcels, budgets, Spent(sent), NOW, most)
    gone = {part.id for parcel in allowed.parcels for part in parcel.parts}
    assert gone.isdisjoint(allowed.put_off)
    assert gone | allowed.put_off.keys() <= {part.id for parcel in parcels for part in parcel.parts}
    assert list(allowed.parcels) == [parcel for parcel in parcels if parcel in allowed.parcels]
    assert most is None or len(allowed.parcels) <= most
    for part in queue:
        if part.id in allowed.put_off:
            assert len(sent[part.route]) >= budgets[part.route]
            assert not part.critical
            assert NOW < allowed.put_off[part.id] <= NOW + HOUR
    for route, budget in budgets.items():
        counted = [one for one in allowed.parcels if one.route == route and not one.critical]
        summaries = [one for one in counted if one.waited]
        assert len(counted) - bool(summaries) <= max(budget - len(sent[route]), 0)
    if parcels and not allowed.parcels:
        assert {part.id for parcel in parcels for part in parcel.parts} == allowed.put_off.keys()


MINUTES = 6 * 60


@given(st.integers(1, 3), st.lists(st.integers(0, 9), min_size=MINUTES, max_size=MINUTES), st.booleans())
@settings(max_examples=30)
def test_nothing_waits_for_ever_and_no_budget_is_exceeded_in_hours_with_critical_ones(
    budget: int, told: list[int], failing: bool
) -> None:
    """Minute by minute: alerts come by a route with a budget and one without, critical ones without end."""
    waiting: list[Queued] = []
    went: list[tuple[datetime, Parcel]] = []
    summed: dict[str, datetime] = {}
    for minute, what in enumerate(told):
        now = NOW + minute * MINUTE
        severity = "critical" if what < 3 else "normal"
        route = "free" if what == 9 else "busy"
        hold = Hold.QUIET if what == 8 else None
        until = now + 20 * MINUTE if hold else now
        if what < 5 or what > 7:
            alert = about(f"{severity}{minute % 7}", severity=severity)
            waiting.append(Queued(f"d{minute}", alert, route, now, until, False, hold))
        while True:
            queue = [replace(part, due=part.not_before <= now) for part in waiting]
            parcels = compose(queue, budgeted=["busy"])
            sent = {"busy": [at for at, one in went if one.route == "busy" and at > now - HOUR]}
            last = {route: at for route, at in summed.items() if at > now - HOUR}
            allowed = within(parcels, {"busy": budget}, Spent(sent, last), now, 1 if failing else None)
            put_off = allowed.put_off
            assert not [part for part in waiting if part.id in put_off and part.route == "free"]
            went += [(now, one) for one in allowed.parcels]
            summed |= {one.route: now for one in allowed.parcels if one.waited}
            gone = {part.id for one in allowed.parcels for part in one.parts}
            waiting = [
                replace(part, hold=Hold.BUDGET, not_before=put_off[part.id]) if part.id in put_off else part
                for part in waiting
                if part.id not in gone
            ]
            if not allowed.parcels:
                break
    end = NOW + MINUTES * MINUTE
    waits = [(at - part.not_before, at - part.created_at) for at, one in went for part in one.parts]
    waits += [(timedelta(0), end - part.created_at) for part in waiting]
    assert max((since for _, since in waits), default=timedelta(0)) <= 2 * HOUR + 20 * MINUTE
    for begin in [at for at, _ in went]:
        counted = [one for at, one in went if begin <= at < begin + HOUR and one.route == "busy" and not one.critical]
        assert len(counted) <= budget + 1
