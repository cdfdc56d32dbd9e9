"""A person says where an item stands: what is asked becomes a transition like any other, or is refused with the reason.

Nothing is learned from it: evidence stays what it is. As an item does not move on what is older than its state, what
was told before the correction does not undo it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from watcher.domain.model import Item, Lifecycle, Reason, Standing, Status, Transition
from watcher.domain.reading import CHAMBERS
from watcher.domain.times import require_utc
from watcher.domain.values import is_rate

LONGEST_VALUE, LONGEST_TEXT, LONGEST_NAME = 80, 500, 80  # characters
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?= |\Z)")


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person asks for. `at` is since when the item stands there."""

    to: str
    value: str | None
    by: str
    text: str  # why
    at: datetime

    def __post_init__(self) -> None:
        require_utc(at=self.at)


@dataclass(frozen=True, slots=True)
class Corrected:
    """A correction that can be made; `remark` says what is unusual about it."""

    transition: Transition
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A correction that cannot be made, and what could."""

    why: str
    allowed: str = ""

    def __str__(self) -> str:
        return f"{self.why} (allowed: {self.allowed})" if self.allowed else self.why


def correct(
    item: Item, lifecycle: Lifecycle, standing: Standing, asked: Correction, now: datetime
) -> Corrected | Refused:
    """Return the transition to where a person says that `item` stands, or why there is none.

    Every state of the lifecycle may be said, also one that no step leads to.
    """
    by, text, value = (_folded(told) for told in (asked.by, asked.text, asked.value or ""))
    if refused := _refuse(lifecycle, standing, asked, value, now):
        return refused
    if not by or not text:
        return Refused(f"a correction needs {'a reason' if by else 'to say by whom it is'}")
    if len(by) > LONGEST_NAME or len(text) > LONGEST_TEXT:
        return Refused("too long", f"{LONGEST_NAME} characters of a name, {LONGEST_TEXT} of a reason")
    here = lifecycle.states.get(standing.state)
    steps = here.to if here else ()
    usual = asked.to == standing.state or asked.to in steps
    transition = Transition(
        item=item.id,
        from_state=standing.state,
        to_state=asked.to,
        at=asked.at,
        status=Status.DONE,
        reason=Reason.PERSON,
        evidence=(),
        entries=(),
        from_value=standing.value,
        to_value=value or None,
        from_since=standing.since,
        sources=0,
        detail=f"corrected by {by}: {text}",
        actor=by,
    )
    return Corrected(transition, "" if usual else f"no step leads from {standing.state} to {asked.to}")


def _refuse(lifecycle: Lifecycle, standing: Standing, asked: Correction, value: str, now: datetime) -> Refused | None:
    state = lifecycle.states.get(asked.to)
    if state is None:
        return Refused(f"{asked.to!r} is no state of the lifecycle {lifecycle.id}", ", ".join(lifecycle.states))
    if value and state.value is None:
        return Refused(f"the state {state.id!r} carries no value")
    if value and (allowed := wanted(state.value or "", value)):
        return Refused(f"{value!r} is no value of the state {state.id!r}", allowed)
    if asked.to == standing.state and value in ("", standing.value or ""):
        worth = f" ({standing.value})" if standing.value else ""
        again = "another value" if state.value else ""
        return Refused(f"it is {state.label}{worth} already", again)
    if asked.at > now:
        return Refused(f"a correction is of what is, not of what will be: {asked.at:%Y-%m-%d %H:%M} UTC is to come")
    if asked.at <= standing.since:
        return Refused(
            f"{asked.at:%Y-%m-%d %H:%M} UTC is not later than the present state, "
            f"which is from {standing.since:%Y-%m-%d %H:%M} UTC"
        )
    return None


def wanted(kind: str, value: str) -> str:
    """Say what values of this kind look like, where `value` is none; empty where it is one."""
    if kind == "date":
        return "" if len(value) == 10 and _is_day(value) else "a day, as in 2025-11-10"
    if kind == "rate":
        return "" if is_rate(value) else "a rate, as in 30% or $50"
    if kind == "chamber":
        return "" if value in CHAMBERS.values() else ", ".join(CHAMBERS.values())
    if len(value) > LONGEST_VALUE:
        return f"at most {LONGEST_VALUE} characters"
    if kind == "date/place" and value[0].isdecimal() and not _is_day(value):
        return "a day, a place or both, as in 2025-11-10 Madrid"
    return ""


def _is_day(value: str) -> bool:
    found = _DAY.match(value)
    try:
        return found is not None and bool(date.fromisoformat(found[0]))
    except ValueError:
        return False


def _folded(text: str) -> str:
    return " ".join(text.split())
