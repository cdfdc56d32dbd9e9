"""The states an item went through, as a message tells them: in a line of text, and in a picture (`picture.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from watcher.delivery.lines import state_of
from watcher.delivery.times import tell_day
from watcher.domain.model import HistoryRow, State
from watcher.domain.times import require_utc

MOST_STEPS = 8  # the latest; more is no picture


@dataclass(frozen=True, slots=True)
class Step:
    """An item came to a state, as people call it."""

    at: datetime
    label: str
    value: str | None = None

    def __post_init__(self) -> None:
        require_utc(at=self.at)


Timelines = Callable[[str], Sequence[Step]]
"""Returns the steps of an item, oldest first; empty for one that is not known."""


def timeline(history: Sequence[HistoryRow], states: Mapping[str, State]) -> tuple[Step, ...]:
    """Return the latest steps of an item, oldest first; `history` is newest first, as the store has it."""
    rows = [row.transition for row in reversed(history[:MOST_STEPS])]
    return tuple(Step(t.at, states[t.to_state].label if t.to_state in states else t.to_state, t.to_value) for t in rows)


def tell_timeline(steps: Sequence[Step], zone: ZoneInfo) -> str:
    """Tell the steps in one line: "14 Sep 2025 awaited; 25 Sep 2025 published"."""
    return "; ".join(f"{tell_day(step.at, zone)} {state_of(step.label, step.value)}" for step in steps)
