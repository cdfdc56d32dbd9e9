"""When an address is left alone, for how long, and what is told of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from watcher.domain.alerts import AlertKind, Circuit, Failed, Sent, SystemAlert
from watcher.domain.circuits import DOWN, LONGEST_WAIT, OPENS_AT, Turn, tell, turn, wait
from watcher.domain.schedule import MAX_ATTEMPTS

NOW = datetime(2025, 11, 3, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BUSY, REFUSED = Failed(True, "busy"), Failed(False, "no such user")


def failed(times: int, outcome: Failed = REFUSED, attempts: int = 1) -> Turn:
    """Return what the last of so many failures in a row, a minute apart, does."""
    done = Turn(Circuit("desk"), None)
    for n in range(times):
        done = turn(done.circuit, outcome, NOW + n * MINUTE, attempts=attempts)
    return done


def test_it_opens_at_the_third_failure_and_asks_ever_more_rarely() -> None:
    assert OPENS_AT == 3
    assert [failed(n).opened for n in (1, 2, 3, 4)] == [False, False, True, False]
    assert failed(4).circuit.opened_at == NOW + 2 * MINUTE
    assert [wait(n) / MINUTE for n in range(3, 12)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert timedelta(hours=1) == LONGEST_WAIT


def test_a_refusal_is_final_only_while_others_are_taken() -> None:
    assert [failed(n).retry_at for n in (1, 2)] == [None, None]
    assert failed(3).retry_at == failed(3).circuit.next_at == NOW + 3 * MINUTE
    assert failed(3, attempts=MAX_ATTEMPTS).retry_at is None


def test_what_may_pass_keeps_its_own_time_and_dies_of_too_many_attempts() -> None:
    open_ = failed(3).circuit
    later = turn(open_, BUSY, NOW, attempts=4, retry_at=NOW + 30 * MINUTE)
    assert (later.retry_at, later.circuit.next_at) == (NOW + 30 * MINUTE, NOW + 30 * MINUTE)
    sooner = turn(open_, BUSY, NOW, attempts=4, retry_at=NOW + MINUTE)
    assert (sooner.retry_at, sooner.circuit.next_at) == (NOW + MINUTE, NOW + 2 * MINUTE), "the address is asked later"
    assert turn(open_, BUSY, NOW, attempts=MAX_ATTEMPTS).retry_at is None


def test_a_success_closes_it_and_marks_what_was_planned_before_as_late() -> None:
    back = turn(failed(5).circuit, Sent(), NOW + 9 * MINUTE, attempts=1)
    assert back.closed
    assert back.circuit == Circuit(
        "desk", last_ok_at=NOW + 9 * MINUTE, recovered_at=NOW + 9 * MINUTE, detail="no such user"
    )
    again = turn(back.circuit, Sent(), NOW + 10 * MINUTE, attempts=1)
    assert (again.closed, again.circuit.recovered_at) == (False, NOW + 9 * MINUTE)


def test_a_message_refused_for_good_makes_nothing_late() -> None:
    assert turn(failed(1).circuit, Sent(), NOW, attempts=1).circuit.recovered_at is None
    busy = turn(Circuit("desk"), BUSY, NOW, attempts=1, retry_at=NOW + MINUTE)
    assert turn(busy.circuit, Sent(), NOW + MINUTE, attempts=2).circuit.recovered_at == NOW + MINUTE


def test_opening_and_closing_are_told_once_each() -> None:
    before, after = failed(2).circuit, failed(3).circuit
    alert, key = tell(before, after, NOW)
    assert isinstance(alert, SystemAlert)
    assert (alert.kind, alert.reason, alert.subject) == (AlertKind.TROUBLE, DOWN, "desk")
    assert "no such user" in alert.points[0].text
    back = NOW + 9 * MINUTE
    over, other_key = tell(after, turn(after, Sent(), back, attempts=1).circuit, back)
    assert (over.kind, over.subject) == (AlertKind.TROUBLE_OVER, "desk")
    assert [(one.text, one.since) for one in over.points] == [
        ("it takes messages again", back),
        ("it took none", NOW + 2 * MINUTE),
    ], "since when it is back, and since when it was down"
    assert key != other_key
    assert key[:-1] == other_key[:-1], "both name the same opening"


@given(st.lists(st.sampled_from([BUSY, REFUSED, Sent()])))
def test_openings_and_closings_alternate_and_failures_are_counted(outcomes: list[Failed | Sent]) -> None:
    circuit, told = Circuit("desk"), []
    for n, outcome in enumerate(outcomes):
        done = turn(circuit, outcome, NOW + n * MINUTE, attempts=1, retry_at=None)
        assert not (done.opened and done.closed)
        told += ["open"] * done.opened + ["over"] * done.closed
        circuit = done.circuit
        assert (circuit.opened_at is not None) == (circuit.failures >= OPENS_AT)
        assert circuit.opened_at is None or (circuit.next_at is not None and circuit.next_at > NOW + n * MINUTE)
    assert told == (["open", "over"] * len(told))[: len(told)]
