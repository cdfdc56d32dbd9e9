"""A person's correction: what is made of it, and what is refused with what is allowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from watcher.config.lifecycles import shipped_lifecycles
from watcher.domain.correcting import Corrected, Correction, Refused, correct
from watcher.domain.decision import after, decide
from watcher.domain.model import Evidence, Item, Reason, Span, Standing, Status, Stay, Tier, Transition

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LIFECYCLES = shipped_lifecycles()
WORDS = ("timber ", "export ", "ship ", "premier ")  # of titles that nobody takes for copies
BAN = Item("timber-ban", "Timber ban", "restriction", "in_force")
STANDS = Standing("timber-ban", "in_force", NOW - 9 * HOUR, version=4, source="Gazette", came_from="eased")


def asked(to: str = "lifted", value: str | None = None, **told: object) -> Correction:
    given: dict[str, object] = {"by": "ana", "text": "the ministry told us", "at": NOW}
    return Correction(to, value, **(given | told))  # type: ignore[arg-type]


def made(request: Correction, item: Item = BAN, standing: Standing = STANDS) -> Corrected:
    answer = correct(item, LIFECYCLES[item.lifecycle], standing, request, NOW)
    assert isinstance(answer, Corrected)
    return answer


def refused(request: Correction, item: Item = BAN, standing: Standing = STANDS) -> str:
    answer = correct(item, LIFECYCLES[item.lifecycle], standing, request, NOW)
    assert isinstance(answer, Refused)
    return str(answer)


def fact(hours: float, state: str = "eased", tier: Tier = Tier.WIRE, **told: object) -> Evidence:
    """Evidence from `hours` after the correction."""
    given: dict[str, object] = {
        "id": f"{hours}-{state}-{tier}", "item": "timber-ban", "entry": str(hours), "state": state,
        "status": Status.DONE, "cue": "eases", "quote": "Norland eases it.", "at": NOW + hours * HOUR,
        "outlet": f"Outlet {hours}", "tier": tier, "owner": f"Owner {hours}", "title": WORDS[int(hours)] * 4,
        "span": Span("title", 0, 1),
    }  # fmt: skip
    return Evidence(**(given | told))  # type: ignore[arg-type]


def test_it_is_a_transition_with_its_actor() -> None:
    answer = made(asked(text="  the ministry\n told us "))
    assert answer == Corrected(
        Transition(
            "timber-ban", "in_force", "lifted", NOW, Status.DONE, Reason.PERSON, (), (), None, None, STANDS.since, 0,
            "corrected by ana: the ministry told us", "ana",
        )
    )  # fmt: skip
    stands = after(STANDS, answer.transition)
    assert (stands.state, stands.since, stands.version, stands.actor) == ("lifted", NOW, 5, "ana")


def test_any_state_may_be_said_and_one_that_no_step_leads_to_is_remarked() -> None:
    lifted = replace(STANDS, state="lifted")
    assert made(asked("eased"), standing=lifted).remark == "no step leads from lifted to eased"
    assert made(asked("tightened"), standing=lifted).remark == ""
    gone = replace(STANDS, state="a_state_of_old")
    assert made(asked("eased"), standing=gone).remark == "no step leads from a_state_of_old to eased"


def test_what_does_not_exist_is_refused_with_what_does() -> None:
    assert refused(asked("gone")) == (
        "'gone' is no state of the lifecycle restriction "
        "(allowed: in_force, easing, eased, lifted, tightening, tightened)"
    )


def test_the_same_is_refused() -> None:
    assert refused(asked("in_force")) == "it is in force already (allowed: another value)"
    rated = replace(STANDS, value="30%")
    assert refused(asked("in_force", "30%"), standing=rated) == "it is in force (30%) already (allowed: another value)"
    assert refused(asked("in_force"), standing=rated).startswith("it is in force (30%) already")
    assert refused(asked("lifted"), standing=replace(STANDS, state="lifted")) == "it is lifted already"
    assert made(asked("in_force", "25%"), standing=rated).transition.to_value == "25%"
    assert made(asked("lifted"), standing=rated).transition.to_value is None


@pytest.mark.parametrize(
    ("lifecycle", "state", "good", "bad"),
    [
        ("deadline", "extended", ["2025-11-10", "2028-02-29"], ["soon", "2025-02-29", "2025-11-10 Bonn", "10.11.2025"]),
        ("meeting", "scheduled", ["2025-11-10", "Madrid", "2025-11-10 Madrid"], ["2025-13-10", "10 May", "x" * 81]),
        ("restriction", "tightened", ["30%", "2.5%", "$50", "US$1.5bn"], ["30", "thirty", "30 %", "50 dollars", "%"]),
        ("legislation", "passed_one", ["lower house", "upper house"], ["senate", "Lower House"]),
    ],
)  # fmt: skip
def test_a_value_is_one_of_its_kind(lifecycle: str, state: str, good: list[str], bad: list[str]) -> None:
    states = LIFECYCLES[lifecycle].states
    assert states[state].value
    other = next(name for name in states if name != state)
    item, standing = Item("one", "One", lifecycle, other), Standing("one", other, NOW - HOUR)
    for value in good:
        assert made(asked(state, value), item, standing).transition.to_value == value
    for value in bad:
        assert "is no value of the state" in refused(asked(state, value), item, standing)
    plain = next(name for name, found in states.items() if found.value is None)
    assert refused(asked(plain, "30%"), item, standing) == f"the state {plain!r} carries no value"


def test_it_tells_since_when_and_that_is_neither_to_come_nor_before_the_present_state() -> None:
    assert made(asked(at=NOW - HOUR)).transition.at == NOW - HOUR
    assert "what will be: 2026-03-10 12:01 UTC" in refused(asked(at=NOW + timedelta(minutes=1)))
    assert "not later than the present state" in refused(asked(at=STANDS.since))


def test_somebody_says_so_for_a_reason() -> None:
    assert refused(asked(text=" \n")) == "a correction needs a reason"
    assert refused(asked(by=" ")) == "a correction needs to say by whom it is"
    assert refused(asked(text="x" * 501)).startswith("too long")
    assert refused(asked(by="x" * 81)).startswith("too long")


# --- what comes after it --------------------------------------------------------------------------


def corrected() -> Standing:
    return after(STANDS, made(asked()).transition)


def test_what_was_told_before_does_not_undo_it() -> None:
    """The wire's report that the person corrected comes again by another feed, dated before the correction."""
    before = fact(-1, "tightened")
    stay = decide(BAN, LIFECYCLES["restriction"], corrected(), [before], fact(-0.5, "tightened"))
    assert isinstance(stay, Stay)
    assert stay.reason is Reason.STALE


def test_what_was_told_before_is_no_half_of_a_corroboration_after_it() -> None:
    before, later = fact(-1, "tightened", Tier.PRESS), fact(1, "tightened", Tier.PRESS)
    stay = decide(BAN, LIFECYCLES["restriction"], corrected(), [before], later)
    assert isinstance(stay, Stay)
    assert stay.reason is Reason.WAITING
    again = decide(BAN, LIFECYCLES["restriction"], corrected(), [before, later], fact(2, "tightened", Tier.PRESS))
    assert isinstance(again, Transition)  # two after it are enough, as ever


def test_a_report_that_is_taken_back_does_not_take_back_a_person_s_word() -> None:
    report = fact(-1, "lifted")
    denial = fact(1, "lifted", status=Status.DENIED, takes_back=True, owner=report.owner, title=report.title)
    by_report = replace(corrected(), actor="")
    assert isinstance(decide(BAN, LIFECYCLES["restriction"], by_report, [report], denial), Transition)
    assert isinstance(decide(BAN, LIFECYCLES["restriction"], corrected(), [report], denial), Stay)
