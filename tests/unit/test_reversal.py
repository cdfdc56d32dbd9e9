"""Which changes go back, for the lifecycles that ship and for histories of every kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.config.lifecycles import shipped_lifecycles
from watcher.domain.model import Lifecycle, Reason, State, Status, Transition
from watcher.domain.reversal import reverses

START = datetime(2025, 9, 1, tzinfo=UTC)
LIFECYCLES = shipped_lifecycles()


def walk(*steps: str) -> list[Transition]:
    """Make the transitions of a path: "state", "state=value", or "!state" where the report before is taken back."""
    made: list[Transition] = []
    state, value = "", None
    for number, step in enumerate(steps):
        name, _, told = step.lstrip("!").partition("=")
        reason = Reason.START if not number else Reason.RETRACTED if step.startswith("!") else Reason.ALONE
        at = START + timedelta(days=number)
        made.append(
            Transition("item", state, name, at, Status.DONE, reason, (), (), from_value=value, to_value=told or None)
        )
        state, value = name, told or None
    return made


def goes_back(lifecycle: str, *steps: str) -> bool:
    *history, change = walk(*steps)
    return reverses(LIFECYCLES[lifecycle], history, change)


@pytest.mark.parametrize(
    ("lifecycle", "path"),
    [
        ("restriction", "in_force lifted in_force"),
        ("restriction", "in_force=10% lifted in_force=5%"),
        ("restriction", "easing lifted in_force"),
        ("restriction", "in_force easing eased tightened"),
        ("restriction", "in_force tightening easing"),
        ("restriction", "in_force tightened eased"),
        ("restriction", "in_force easing in_force"),
        ("approval", "pending approved rejected"),
        ("approval", "pending rejected approved"),
        ("approval", "rejected approved rejected"),
        ("ruling", "argued upheld struck_down"),
        ("deal", "talks signed collapsed"),
        ("deal", "talks collapsed talks"),
        ("document", "awaited collapsed agreed"),
        ("document", "awaited in_force collapsed"),
        ("investigation", "open penalty suspended"),
        ("investigation", "open closed open"),
        ("legislation", "committee failed committee"),
        ("meeting", "proposed cancelled under_way"),
        ("meeting", "scheduled=2025-10-01 cancelled scheduled=2025-10-01"),
        ("meeting", "scheduled postponed scheduled"),
        ("deadline", "set=2025-10-01 missed set=2025-10-01"),
    ],
)
def test_it_goes_back(lifecycle: str, path: str) -> None:
    assert goes_back(lifecycle, *path.split())


@pytest.mark.parametrize(
    ("lifecycle", "path"),
    [
        ("restriction", "in_force lifted"),
        ("restriction", "lifted in_force"),  # nothing that happened in this watch is undone
        ("restriction", "in_force=10% in_force=20% in_force=10%"),
        ("restriction", "in_force easing eased lifted"),
        ("restriction", "in_force tightening tightened"),
        ("approval", "pending approved"),
        ("approval", "approved rejected"),
        ("deadline", "set=2025-10-01 extended=2025-11-01"),
        ("deadline", "set=2025-10-01 extended=2025-11-01 extended=2025-12-01"),
        ("deadline", "set=2025-10-01 missed extended=2025-11-01"),
        ("deadline", "set=2025-10-01 extended=2025-11-01 missed"),
        ("deadline", "extended=2025-10-01 missed extended=2025-11-01"),
        ("deadline", "set=2025-10-01 met set=2026-10-01"),
        ("meeting", "proposed scheduled=2025-10-01 under_way held"),
        ("meeting", "proposed scheduled=2025-10-01 held scheduled=2025-12-01"),
        ("meeting", "proposed scheduled held proposed"),
        ("meeting", "scheduled under_way held under_way"),
        ("meeting", "scheduled under_way scheduled"),
        ("meeting", "proposed scheduled=2025-10-01 postponed scheduled=2025-11-01"),
        ("meeting", "proposed scheduled cancelled"),
        ("legislation", "introduced passed_one passed_both vetoed"),
        ("investigation", "open finding penalty"),
        ("document", "awaited agreed published signed in_force"),
        ("ruling", "pending argued settled"),
    ],
)
def test_it_goes_on(lifecycle: str, path: str) -> None:
    assert not goes_back(lifecycle, *path.split())


def test_a_report_that_is_taken_back_is_gone_back_on_and_never_was() -> None:
    assert goes_back("approval", "pending", "approved", "!pending")
    assert not goes_back("approval", "pending", "approved", "!pending", "approved")
    assert goes_back("restriction", "in_force", "lifted", "!in_force")
    assert not goes_back("restriction", "in_force", "lifted", "!in_force", "lifted")
    assert goes_back("restriction", "in_force", "lifted", "!in_force", "lifted", "in_force")


def test_a_state_the_lifecycle_no_longer_has_is_no_way_back() -> None:
    state = State("open", "open", "", "", (), (Status.DONE,))
    *history, change = walk("shut", "open", "shut")
    assert not reverses(Lifecycle("gate", "Gate", "", {"open": state}, ("open",)), history, change)


@given(st.data())
def test_a_first_step_never_goes_back_and_a_second_look_never_differs(data: st.DataObject) -> None:
    lifecycle = LIFECYCLES[data.draw(st.sampled_from(sorted(LIFECYCLES)))]
    path = [data.draw(st.sampled_from(sorted(lifecycle.states)))]
    for _ in range(data.draw(st.integers(1, 6))):
        onward = [state for state in lifecycle.states[path[-1]].to if state != path[-1]]
        if not onward:
            break
        path.append(data.draw(st.sampled_from(onward)))
    if len(path) < 2:
        return
    assert not goes_back(lifecycle.id, *path[:2])
    if path[-1] not in path[:-1] and path[-2] not in lifecycle.states[path[-1]].to:
        assert not goes_back(lifecycle.id, *path)  # a step that leads nowhere it has been, and not back
