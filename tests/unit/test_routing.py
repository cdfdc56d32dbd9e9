"""Which routes an alert takes, whom they tell, when, and why: by what is configured and by what a person silenced."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.alert_cases import an_alert
from watcher.domain.alerts import (
    POLICY_KINDS,
    USUAL_KINDS,
    Alert,
    AlertKind,
    Conditions,
    Hold,
    Hours,
    PlannedDelivery,
    Route,
    Silence,
    Timetable,
    Window,
)
from watcher.domain.model import Tier
from watcher.domain.routing import Routed, Step, Unmet, Verdict, deliveries, matches, planned, unmet

MADRID = ZoneInfo("Europe/Madrid")
EVERY_DAY = frozenset(range(7))
NIGHT = Hours(quiet=(Window(time(22), time(7), EVERY_DAY, MADRID),))
DAY = datetime(2025, 9, 25, 14, 0, tzinfo=UTC)
EVENING = datetime(2025, 9, 25, 19, 55, tzinfo=UTC)  # five minutes before the night begins
LATE = datetime(2025, 9, 25, 23, 0, tzinfo=UTC)
MORNING = datetime(2025, 9, 26, 5, 0, tzinfo=UTC)
WAIT = timedelta(minutes=10)
ALERT = an_alert(
    item="us-approval",
    watchlist="us-china",
    tags=("tiktok", "us"),
    lifecycle="approval",
    to_state="approved",
    severity="high",
    tier=Tier.WIRE,
)


def silence(
    when: Conditions, hours: float = 1, by: str = "ada", reason: str = "known", begins: datetime = DAY
) -> Silence:
    return Silence(when, by, reason, begins, begins + timedelta(hours=hours))


def told(routed: Routed) -> list[tuple[str, str]]:
    return [(one.receiver, one.route) for one in routed.deliveries]


# --- conditions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "failed"),
    [
        (Conditions(), None),
        (Conditions(kinds=USUAL_KINDS), None),
        (Conditions(kinds=(AlertKind.EARLY_SIGNAL,)), Unmet("kinds", ("early_signal",), ("state_change",))),
        (Conditions(watchlists=("other", "us-china")), None),
        (Conditions(watchlists=("other",)), Unmet("watchlists", ("other",), ("us-china",))),
        (Conditions(items=("us-approval",)), None),
        (Conditions(items=("truce",)), Unmet("items", ("truce",), ("us-approval",))),
        (Conditions(tags=("us", "eu")), None),
        (Conditions(tags=("eu",)), Unmet("tags", ("eu",), ("tiktok", "us"))),
        (Conditions(lifecycles=("approval",)), None),
        (Conditions(lifecycles=("deal",)), Unmet("lifecycles", ("deal",), ("approval",))),
        (Conditions(states=("approved",)), None),
        (Conditions(states=("pending",)), Unmet("states", ("pending",), ("approved",))),
        (Conditions(severities=("high", "critical")), None),
        (Conditions(severities=("low",)), Unmet("severities", ("low",), ("high",))),
        (Conditions(tiers=(Tier.OFFICIAL, Tier.WIRE)), None),
        (Conditions(tiers=(Tier.OFFICIAL,)), Unmet("tiers", ("official",), ("wire",))),
        (Conditions(tags=("us",), states=("pending",)), Unmet("states", ("pending",), ("approved",))),
    ],
)
def test_every_condition_must_hold_and_the_first_that_does_not_is_named(when: Conditions, failed: Unmet | None) -> None:
    assert unmet(when, ALERT) == failed
    assert matches(when, ALERT) is (failed is None)


def test_what_no_source_told_has_no_tier() -> None:
    assert unmet(Conditions(tiers=(Tier.OTHER,)), an_alert(tier=None)) == Unmet("tiers", ("other",), ())


# --- in order -------------------------------------------------------------------------------------


def test_the_first_route_that_matches_decides_and_every_route_says_what_it_made_of_it() -> None:
    routes = [
        Route(("boss",), "low", Conditions(severities=("low",))),
        Route(("desk",), "desk"),
        Route(("late",), "rest"),
    ]

    routed = deliveries(routes, ALERT, (), DAY)

    assert routed == Routed(
        (PlannedDelivery("desk", "desk", DAY),),
        (
            Step("low", Verdict.UNMET, Unmet("severities", ("low",), ("high",))),
            Step("desk", Verdict.TAKEN, receivers=("desk",), decides=True),
            Step("rest", Verdict.UNASKED),
        ),
    )


def test_one_that_proceeds_lets_the_next_be_asked_and_nobody_is_told_twice() -> None:
    routes = [
        Route(("desk", "boss"), "both", proceeds=True),
        Route(("other",), "no", Conditions(states=("pending",)), proceeds=True),
        Route(("slack", "desk"), "chat", proceeds=True),
        Route(("boss",), "again", proceeds=True),
    ]

    routed = deliveries(routes, ALERT, (), DAY)

    assert told(routed) == [("desk", "both"), ("boss", "both"), ("slack", "chat")]
    assert [step.told_before for step in routed.steps] == [(), (), ("desk",), ("boss",)]
    assert not any(step.decides for step in routed.steps)


def test_no_route_tells_nobody() -> None:
    assert deliveries([], ALERT, (), DAY) == Routed()


def test_a_route_whose_receivers_are_switched_off_is_passed_over() -> None:
    routed = deliveries([Route((), "pager"), Route(("desk",), "desk")], ALERT, (), DAY)

    assert told(routed) == [("desk", "desk")]
    assert routed.steps[0] == Step("pager", Verdict.NOBODY)


def test_a_route_with_a_digest_decides_and_sends_nothing_at_once() -> None:
    daily = Timetable("0 8 * * *", MADRID)
    routed = deliveries([Route(("desk",), "daily", digest=daily), Route(("desk",), "rest")], ALERT, (), DAY)

    assert routed.deliveries == ()
    assert routed.steps[0] == Step("daily", Verdict.TAKEN, receivers=("desk",), digest=True, decides=True)

    on = Route(("desk",), "daily", digest=daily, proceeds=True)
    assert told(deliveries([on, Route(("desk",), "rest")], ALERT, (), DAY)) == [("desk", "rest")]


# --- when -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "now", "not_before", "hold"),
    [
        (Route(("desk",)), LATE, LATE, None),
        (Route(("desk",), hours=NIGHT), DAY, DAY, None),
        (Route(("desk",), hours=NIGHT), LATE, MORNING, Hold.QUIET),
        (Route(("desk",), wait=WAIT), LATE, LATE + WAIT, Hold.GROUP),
        (Route(("desk",), wait=WAIT, hours=NIGHT), DAY, DAY + WAIT, Hold.GROUP),
        (Route(("desk",), wait=WAIT, hours=NIGHT), LATE, MORNING, Hold.QUIET),
        # it would be over in the night: who is awake is told
        (Route(("desk",), wait=WAIT, hours=NIGHT), EVENING, EVENING, None),
    ],
)
def test_when_it_may_be_sent_and_why_not_now(
    route: Route, now: datetime, not_before: datetime, hold: Hold | None
) -> None:
    (one,) = deliveries([route], ALERT, (), now).deliveries
    assert (one.not_before, one.hold) == (not_before, hold)


@pytest.mark.parametrize("now", [DAY, LATE])
def test_what_is_critical_waits_for_nothing(now: datetime) -> None:
    route = Route(("desk",), wait=WAIT, hours=NIGHT)
    (one,) = deliveries([route], an_alert(severity="critical"), (), now).deliveries
    assert (one.not_before, one.hold) == (now, None)


def test_every_receiver_is_told_at_the_hours_of_the_route_that_names_it() -> None:
    routes = [Route(("night",), "night", hours=NIGHT, proceeds=True), Route(("desk",), "desk")]
    assert [(one.receiver, one.hold) for one in deliveries(routes, ALERT, (), LATE).deliveries] == [
        ("night", Hold.QUIET),
        ("desk", None),
    ]


# --- silences -------------------------------------------------------------------------------------


def test_what_is_silenced_is_kept_and_says_by_whom_and_why() -> None:
    route = Route(("desk",), "desk", wait=WAIT, hours=NIGHT)
    (one,) = deliveries([route], ALERT, [silence(Conditions(items=("us-approval",)), begins=LATE)], LATE).deliveries
    assert one == PlannedDelivery("desk", "desk", LATE, None, "ada: known")


@pytest.mark.parametrize(
    ("one", "now", "silenced"),
    [
        (silence(Conditions()), DAY, True),
        (silence(Conditions(items=("truce",))), DAY, False),
        (silence(Conditions(tags=("us",), severities=("low",))), DAY, False),
        (silence(Conditions(), begins=DAY + timedelta(seconds=1)), DAY, False),
        (silence(Conditions()), DAY + timedelta(hours=1), False),  # it is over
        (silence(Conditions()), DAY + timedelta(minutes=59), True),
    ],
)
def test_a_silence_counts_while_it_lasts_and_for_what_it_means(one: Silence, now: datetime, silenced: bool) -> None:
    (found,) = deliveries([Route(("desk",))], ALERT, [one], now).deliveries
    assert bool(found.silenced) is silenced


def test_even_what_is_critical_is_silenced_for_a_person_has_asked_for_it() -> None:
    (one,) = deliveries([Route(("desk",))], an_alert(severity="critical"), [silence(Conditions())], DAY).deliveries
    assert one.silenced


def test_of_several_silences_the_one_that_ends_last_is_named() -> None:
    several = [
        silence(Conditions(), 1, "ada"),
        silence(Conditions(), 9, "bo", "moving house"),
        silence(Conditions(), 3),
    ]
    (one,) = deliveries([Route(("desk",))], ALERT, several, DAY).deliveries
    assert one.silenced == "bo: moving house"


# --- reminders and escalations --------------------------------------------------------------------


def test_others_can_be_told_at_a_routes_hours_and_are_not_kept_waiting_for_an_event() -> None:
    route = Route(("desk",), "desk", Conditions(kinds=()), wait=WAIT, hours=NIGHT)

    assert planned(route, ("boss", "ops"), ALERT, (), DAY) == (
        PlannedDelivery("boss", "desk", DAY),
        PlannedDelivery("ops", "desk", DAY),
    )
    assert planned(route, ("boss",), ALERT, (), LATE) == (PlannedDelivery("boss", "desk", MORNING, Hold.QUIET),)
    (one,) = planned(route, ("boss",), ALERT, [silence(Conditions())], DAY)
    assert one.silenced == "ada: known"


# --- whatever the routes --------------------------------------------------------------------------

NAMES = st.sampled_from(("a", "b", "c"))
ALERTS = st.builds(
    an_alert,
    kind=st.sampled_from(POLICY_KINDS),
    item=NAMES,
    severity=st.sampled_from(("normal", "critical")),
    tier=st.sampled_from((None, *Tier)),
)
CONDITIONS = st.builds(
    Conditions,
    items=st.lists(NAMES, max_size=2).map(tuple),
    severities=st.lists(st.sampled_from(("normal", "critical")), max_size=1).map(tuple),
    kinds=st.sampled_from((USUAL_KINDS, (AlertKind.EARLY_SIGNAL,), ())),
)
ROUTES = st.lists(
    st.builds(
        Route,
        st.lists(st.sampled_from(("x", "y", "z")), max_size=3, unique=True).map(tuple),
        st.uuids().map(str),
        CONDITIONS,
        st.booleans(),
        st.sampled_from((timedelta(0), WAIT)),
        st.sampled_from((Hours(), NIGHT)),
        digest=st.sampled_from((None, None, Timetable("0 8 * * *", MADRID))),
    ),
    max_size=6,
)


@given(ROUTES, ALERTS, st.sampled_from((DAY, LATE)))
def test_whatever_the_routes_each_receiver_gets_one_and_the_steps_account_for_it(
    routes: list[Route], alert: Alert, now: datetime
) -> None:
    routed = deliveries(routes, alert, (), now)

    receivers = [one.receiver for one in routed.deliveries]
    assert len(receivers) == len(set(receivers))
    assert len(routed.steps) == len(routes)
    taken = [route for route, step in zip(routes, routed.steps, strict=True) if step.verdict is Verdict.TAKEN]
    assert all(route.to and matches(route.when, alert) for route in taken)
    assert all(route.proceeds for route in taken[:-1])
    assert set(receivers) == {one for route in taken if not route.digest for one in route.to}
    if all(route.proceeds for route in taken):
        assert not any(step.verdict is Verdict.UNASKED for step in routed.steps)
    assert [one for step in routed.steps if not step.digest for one in step.receivers] == receivers
    assert all(one.not_before >= now and (one.hold is None) == (one.not_before == now) for one in routed.deliveries)
    if alert.severity == "critical":
        assert all(one.hold is None for one in routed.deliveries)
