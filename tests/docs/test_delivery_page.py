"""docs/delivery.md says what is: retries, merges, holds, circuits, leases."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from watcher.cli.ledger import MERGED, WAITED
from watcher.delivering import SEND_LEASE, SEND_ROOM, SENDING_THREADS
from watcher.delivery.addresses import SEND_LIMIT_S
from watcher.domain.alerts import AttemptOutcome, Hold, Merge, Rate
from watcher.domain.circuits import FIRST_WAIT, LONGEST_WAIT, OPENS_AT
from watcher.domain.composing import HOUR, MOST
from watcher.domain.schedule import FIRST_RETRY, LONGEST_RETRY, MAX_ATTEMPTS

PAGE = (Path(__file__).parents[2] / "docs" / "delivery.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())


def first_cells(heading: str) -> list[str]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def test_the_retries_are_those_of_the_code() -> None:
    assert f"first after {FIRST_RETRY.total_seconds():g} seconds" in TEXT
    assert timedelta(hours=1) == LONGEST_RETRY
    assert "twice as long each time, up to an hour" in TEXT
    assert f"After {MAX_ATTEMPTS} attempts a message is dead" in TEXT
    assert SEND_LIMIT_S == 8
    assert "One attempt waits eight seconds at most" in TEXT


def test_every_merge_and_every_hold_is_told_here_and_by_the_command() -> None:
    assert first_cells("What goes together") == [merge.value for merge in Merge]
    assert first_cells("What waits") == [hold.value for hold in Hold]
    assert MERGED.keys() == {merge.value for merge in Merge}
    assert WAITED.keys() == {hold.value for hold in Hold}
    assert all(f"`{outcome.value}`" in TEXT for outcome in AttemptOutcome)


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"At most {MOST} deliveries are one message" in TEXT
    assert timedelta(hours=1) == HOUR
    assert Rate(30, timedelta(minutes=1)).spacing == timedelta(seconds=2)
    assert f"From {OPENS_AT} on its circuit is open" in TEXT
    waits = (FIRST_WAIT, LONGEST_WAIT)
    first, longest = (round(one / timedelta(minutes=1)) for one in waits)
    assert f"after {first} minute, then 2, 4 and so on up to {longest}" in TEXT
    assert f"{MAX_ATTEMPTS} attempts are still the end" in TEXT
    assert f"A lease lasts {SEND_LEASE.seconds} seconds" in TEXT
    assert SEND_ROOM * 2 == SEND_LEASE
    assert f"one message for each of up to {SENDING_THREADS} addresses" in TEXT
