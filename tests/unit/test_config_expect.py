"""The cases beside an item: what is kept of them, and every mistake in them with its exact place."""

# ruff: noqa: E501  # a table reads best with a row on a line

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from watcher.config import load_rules
from watcher.domain.model import Expectation, Rules, Status
from watcher.errors import ConfigError, Problem

WATCHLIST = """\
since: 2026-03-01
actors: {norland: Norland}
items:
  - id: ban
    title: The timber ban
    lifecycle: restriction
    state: in_force
    decided_by: norland
    about: {all: [timber]}
    expect:
      - text: Norland lifts its timber ban
        outlet: Daily
        date: 2026-03-05T08:00:00+02:00
        summary: It ends today.
        state: lifted
        status: done
      - {text: Timber prices rise, state: null, status: mention}
      - {text: Wool prices rise, none: true}
"""
OUTLETS = "outlets: [{name: Daily, names: [The Daily], domains: [daily.example]}]\n"


def loaded(folder: Path, text: str = WATCHLIST) -> Rules:
    (folder / "list.yaml").write_text(text, encoding="utf-8")
    (folder / "outlets.yaml").write_text(OUTLETS, encoding="utf-8")
    return load_rules([folder / "list.yaml"], folder / "outlets.yaml", {})[0]


def faults(folder: Path, *changes: tuple[str, str]) -> list[Problem]:
    text = WATCHLIST
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    return list(caught.value.problems)


def test_cases_are_kept_with_their_places(tmp_path: Path) -> None:
    (item,) = loaded(tmp_path).items
    assert item.expect == (
        Expectation(
            "Norland lifts its timber ban",
            Status.DONE,
            "lifted",
            summary="It ends today.",
            outlet="Daily",
            at=datetime(2026, 3, 5, 6, tzinfo=UTC),
        ),
        Expectation("Timber prices rise", Status.MENTION),
        Expectation("Wool prices rise", None),
    )
    assert [(case.line, case.column) for case in item.expect] == [(11, 9), (17, 9), (18, 9)]
    assert {case.file for case in item.expect} == {str(tmp_path / "list.yaml")}


def test_a_case_changes_nothing_of_how_news_is_judged(tmp_path: Path) -> None:
    with_cases = loaded(tmp_path)
    without = loaded(tmp_path, WATCHLIST[: WATCHLIST.index("    expect:")])
    assert with_cases.revision == without.revision


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware UTC"):
        Expectation("a", None, at=datetime(2026, 3, 5))  # noqa: DTZ001


CASES = [
    ("state: lifted", "state: liftd", 15, 16, '"liftd" is not a state of the lifecycle "restriction"; did you mean "lifted"?'),
    ("status: done", "status: don", 16, 17, '"don" is not one of the words allowed here; did you mean "done"?'),
    ("        status: done\n", "", 11, 9, 'missing key "status", or `none: true`'),
    ("        state: lifted\n", "", 11, 9, 'missing key "state": what is done? Only a mention tells no state'),
    ("state: null", "state: eased", 17, 43, "a mention tells no state"),
    ("none: true", "none: true, status: done", 18, 54, "`none` says that nothing is read of the item, and `status` that something is"),
    ("none: true", "none: perhaps", 18, 40, "expected true or false"),
    ("outlet: Daily", "outlet: Dayly", 12, 17, 'unknown outlet "Dayly"; did you mean "Daily"?'),
    ("2026-03-05T08:00:00+02:00", "yesterday", 13, 15, "not a date, or a time with its offset from UTC"),
    ("text: Norland lifts its timber ban", "txt: Norland", 11, 9, 'unknown key "txt"; did you mean "text"?'),
    ("{text: Wool prices rise, none", "{none", 18, 9, 'missing key "text"'),
    ("text: Timber prices rise", "text: 7", 17, 16, "expected text; put it in quotes"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "column", "message"), CASES)
def test_a_mistake_is_told_with_its_place(
    tmp_path: Path, old: str, new: str, line: int, column: int, message: str
) -> None:
    found = [(p.line, p.column, p.message) for p in faults(tmp_path, (old, new))]
    assert (line, column, message) in found
    assert len(found) == (2 if "txt" in new else 1), found


def test_the_words_allowed_are_named(tmp_path: Path) -> None:
    (state,) = faults(tmp_path, ("state: lifted", "state: gone"))
    assert state.allowed == "in_force, easing, eased, lifted, tightening, tightened"
    (status,) = faults(tmp_path, ("status: done", "status: sure"))
    assert status.allowed == "done, announced, claimed, possible, urged, denied, mention"


def test_an_outlet_nobody_lists_is_no_mistake(tmp_path: Path) -> None:
    text = WATCHLIST.replace("outlet: Daily", "outlet: A blog somewhere")
    assert loaded(tmp_path, text).items[0].expect[0].outlet == "A blog somewhere"
    for spelling in ("the daily", "daily.example"):
        loaded(tmp_path, WATCHLIST.replace("outlet: Daily", f"outlet: {spelling}"))
