"""Tell a change that goes back from one that goes on: by the graph of the lifecycle and by what the item has been
through, and by no words."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.domain.model import Lifecycle, Reason, State, Transition


def reverses(lifecycle: Lifecycle, history: Sequence[Transition], change: Transition) -> bool:
    """Whether `change` goes back on where the item stands; `history` is what it went through before, oldest first.

    It does when the report that had moved the item is taken back; when the item comes to a state that it has left
    before; and when it leaves a state that it had come to in this watch for one from which it may come there again:
    what was done can then be done once more, so it is undone. Another value of the same state is no reversal. Neither
    is a new round: another day in a state that waits for a day, or the announcement of what has just been; nor what
    such a day brings.
    """
    if change.reason is Reason.RETRACTED:
        return True
    if change.from_state == change.to_state:
        return False
    here, there = lifecycle.states.get(change.from_state), lifecycle.states.get(change.to_state)
    if here is None or there is None or _goes_on(lifecycle, here, there):
        return False
    left = _path(history)[:-1]
    values = [value for state, value in left if state == there.id]
    if values:
        return not _dated(there) or change.to_value in values or None in (change.to_value, *values)
    reached = any(state != here.id for state, _ in left)
    return reached and not _dated(here) and not _dated(there) and here.id in there.to


def _path(history: Sequence[Transition]) -> list[tuple[str, str | None]]:
    """The states and values the item has stood in, the present one last; what was taken back was never one of them, nor
    what a person corrected to what was before."""
    path: list[tuple[str, str | None]] = []
    for step in history:
        undone = step.reason is Reason.PERSON and path[-2:-1] == [(step.to_state, step.to_value)]
        if path and (undone or step.reason is Reason.RETRACTED):
            path.pop()
        if not path or path[-1] != (step.to_state, step.to_value):
            path.append((step.to_state, step.to_value))
    return path


def _goes_on(lifecycle: Lifecycle, here: State, there: State) -> bool:
    """Whether one state announces both, so that they are steps of one course, or the announcement of the one left, or
    what leads to it, begins a new round."""
    announcing = [state for state in lifecycle.states.values() if here.id in state.announces]
    begins = {there.id, *lifecycle.after(there.id)}
    return any(there.id in state.announces or state.id in begins for state in announcing)


def _dated(state: State) -> bool:
    """Whether it waits for a day."""
    return (state.value or "").startswith("date")
