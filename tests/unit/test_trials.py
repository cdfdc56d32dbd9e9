"""The cases beside items, tried: what passes, what fails, and what is told of a failure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from watcher.config import load_rules
from watcher.config.lexicons import load_lexicons
from watcher.config.lifecycles import shipped_lifecycles
from watcher.domain.model import About, Actor, Expectation, Item, Outlet, Rules, Status, Tier
from watcher.trials import Trial, try_cases

CONFIG = Path(__file__).parents[2] / "config"
START = datetime(2026, 3, 1, tzinfo=UTC)
BAN = Item(
    "timber-ban", "Norland's timber export ban", "restriction", "in_force", since=START, decided_by=("norland",),
    about=About(all=(("timber",), ("ban",))),
)  # fmt: skip
DAY = Item(
    "truce", "The timber truce", "deadline", "set", since=START, decided_by=("norland",),
    about=About(all=(("timber truce",),)),
)  # fmt: skip
OUTLETS = (Outlet("Norland Gazette", Tier.OFFICIAL, of="norland"),)


def tried(*cases: Expectation, item: Item = BAN) -> list[Trial]:
    rules = Rules(
        (replace(item, expect=cases),), {"norland": Actor("norland", ("Norland",))}, shipped_lifecycles(), OUTLETS,
        load_lexicons(),
    )  # fmt: skip
    return list(try_cases(rules))


PASSING = [
    Expectation("Norland lifts timber ban", Status.DONE, "lifted"),
    Expectation("Norland may lift timber ban", Status.POSSIBLE, "easing"),
    Expectation("Norland's timber ban at a glance", Status.MENTION),
    Expectation("Wool prices rise", None),
    Expectation("A quiet week", Status.DONE, "lifted", summary="Norland lifts its timber ban."),
    Expectation("Norland lifts timber ban - The Star", Status.DONE, "lifted", outlet="The Star"),
    Expectation("Norland lifts timber ban", None, at=datetime(2026, 2, 1, tzinfo=UTC)),
]


@pytest.mark.parametrize("case", PASSING, ids=lambda case: case.text)
def test_what_is_expected_and_read_passes(case: Expectation) -> None:
    (trial,) = tried(case)
    assert trial.passed, trial


FAILING = [
    (Expectation("Norland lifts timber ban", Status.DONE, "eased"), "cue “lift”"),
    (Expectation("Norland lifts timber ban", Status.POSSIBLE, "lifted"), "cue “lift”"),
    (Expectation("Norland lifts timber ban", None), "cue “lift”"),
    (Expectation("Norland's timber ban at a glance", Status.DONE, "lifted"), "no word of the lifecycle"),
    (Expectation("Wool prices rise", Status.MENTION), "needs timber"),
    (Expectation("Norland lifts timber ban", Status.DONE, "lifted", at=datetime(2026, 2, 1, tzinfo=UTC)),
     "not watched before"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "why"), FAILING, ids=[f"{why}-{n}" for n, (_, why) in enumerate(FAILING)])
def test_what_is_not_fails_and_says_why(case: Expectation, why: str) -> None:
    (trial,) = tried(case)
    assert not trial.passed
    assert why in "; ".join(trial.why)


def test_a_value_counts_where_one_is_expected() -> None:
    text = "Norland extends timber truce until 5 June"
    right = Expectation(text, Status.DONE, "extended", value="2026-06-05")
    any_value = Expectation(text, Status.DONE, "extended")
    wrong = Expectation(text, Status.DONE, "extended", value="2027-06-05")
    assert [trial.passed for trial in tried(right, any_value, wrong, item=DAY)] == [True, True, False]


def test_years_are_reckoned_from_the_case_then_from_the_watch() -> None:
    case = Expectation("Norland extends timber truce until 5 June", Status.DONE, "extended")
    told = tried(case, replace(case, at=datetime(2027, 1, 1, tzinfo=UTC)), item=DAY)
    assert [trial.reading and trial.reading.value for trial in told] == ["2026-06-05", "2027-06-05"]
    (without,) = tried(case, item=replace(DAY, since=None))
    assert without.passed


def test_cases_come_in_order_and_items_without_any_are_left_out() -> None:
    first, second = PASSING[:2]
    assert [trial.expected for trial in tried(first, second)] == [first, second]
    assert tried() == []


@pytest.mark.parametrize("path", sorted((CONFIG / "watchlists").glob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_cases_hold(path: Path) -> None:
    rules, _ = load_rules([path], CONFIG / "outlets.yaml", {})
    trials = list(try_cases(rules))
    assert [trial for trial in trials if not trial.passed] == []
    assert len({trial.item for trial in trials}) >= 3
