"""Whether an address takes messages: counted at every send, opened after some failures in a row, closed by a success.

Arithmetic and words only. While a circuit is open its address is asked again with one message at growing intervals, all
else to it waits, and nothing is given up for a refusal: what refuses everything says nothing about one message.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from watcher.domain.alerts import AlertKind, Circuit, Point, SendOutcome, Sent, SystemAlert
from watcher.domain.schedule import MAX_ATTEMPTS
from watcher.domain.times import require_utc

OPENS_AT = 3  # failures in a row
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
DOWN = "receiver_down"
_ADVICE = "`watcher receivers` shows every address. What it has missed waits, and is sent when it answers again."


@dataclass(frozen=True, slots=True)
class Turn:
    """What one send did to a circuit, and when its message is tried again; None: it is sent, or given up."""

    circuit: Circuit
    retry_at: datetime | None
    opened: bool = False
    closed: bool = False


def turn(
    circuit: Circuit, outcome: SendOutcome, now: datetime, *, attempts: int, retry_at: datetime | None = None
) -> Turn:
    """Return what a send does to its address's circuit.

    `attempts` is how often the message was tried, and `retry_at` when it is to be tried again, None for never. One
    that was refused for good is tried again, too, while the circuit is open, until it was tried MAX_ATTEMPTS times.
    """
    require_utc(now=now, retry_at=retry_at)
    if isinstance(outcome, Sent):
        well = replace(
            circuit,
            failures=0,
            opened_at=None,
            next_at=None,
            last_ok_at=now,
            # a refusal for good of one message kept nothing waiting
            recovered_at=now if circuit.failures and circuit.next_at else circuit.recovered_at,
        )
        return Turn(well, None, closed=circuit.opened_at is not None)
    failures = circuit.failures + 1
    opened_at = circuit.opened_at or (now if failures >= OPENS_AT else None)
    next_at = retry_at
    if opened_at is not None:
        next_at = max(now + wait(failures), retry_at or now)
        if not outcome.retryable and attempts < MAX_ATTEMPTS:
            retry_at = next_at
    ill = replace(circuit, failures=failures, opened_at=opened_at, next_at=next_at, detail=outcome.detail)
    return Turn(ill, retry_at, opened=opened_at is not None and circuit.opened_at is None)


def wait(failures: int) -> timedelta:
    """Return how long an address is left alone after so many failures in a row, OPENS_AT or more: doubled each time."""
    doubled: timedelta = FIRST_WAIT * 2 ** min(max(failures - OPENS_AT, 0), 30)
    return min(doubled, LONGEST_WAIT)


def tell(before: Circuit, after: Circuit, now: datetime) -> tuple[SystemAlert, tuple[str, ...]]:
    """Return what is told of a circuit that opened or closed, with the key it is told once under."""
    over = after.opened_at is None
    since = before.opened_at if over else after.opened_at
    name = after.receiver
    failed = f"{after.failures} failures in a row; the last: {after.detail or '-'}"
    back = (Point(name, "it takes messages again", now), Point("Was", "it took none", since))
    alert = SystemAlert(
        kind=AlertKind.TROUBLE_OVER if over else AlertKind.TROUBLE,
        reason=DOWN,
        subject=name,
        title=f"receiver {name} {'is back' if over else 'takes no messages'}",
        at=now,
        points=back if over else (Point(name, failed, since),),
        advice="" if over else _ADVICE,
    )
    return alert, (DOWN, name, since.isoformat() if since else "", "over" if over else "open")
