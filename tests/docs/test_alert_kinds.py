"""docs/alerts.md says what the code does."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from watcher.delivery.samples import SAMPLES, sample
from watcher.domain import circuits, occasions, troubles
from watcher.domain.alerts import AlertKind
from watcher.domain.health import BREAKING_TIME, PERIODS_LATE
from watcher.domain.model import Reason

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
POLLING = (Path(__file__).parents[2] / "docs" / "polling.md").read_text(encoding="utf-8")
KINDS = PAGE.partition("## Kinds")[2].partition("\n## ")[0]
UNTOLD = {Reason.START, Reason.NO_STATE, Reason.SAME, Reason.UNREACHABLE, Reason.STALE}  # of decisions only


def table(section: str) -> dict[str, list[str]]:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    return {name: rest.split(" | ") for name, rest in rows}


def test_every_kind_is_in_the_table_and_no_other() -> None:
    assert list(table(KINDS.partition("The reasons in words")[0])) == [kind.value for kind in AlertKind]


def test_every_reason_is_in_words_and_each_of_them_has_a_kind() -> None:
    kinds, reasons = KINDS.split("The reasons in words")
    service = {*troubles.REASONS, troubles.REFUSED, troubles.UNSEEN, troubles.SEEN, circuits.DOWN}
    told = {reason.value for reason in Reason if reason not in UNTOLD}
    explained = set(table(reasons))
    assert explained == told | service
    named = {word for _, why, _ in table(kinds).values() for word in re.findall(r"`(\w+)`", why)}
    assert explained <= named
    assert named - explained == {"schedule", "silent", "answers", "publishes"}


def test_samples_give_the_reasons_that_their_kinds_have() -> None:
    rows = table(KINDS.partition("The reasons in words")[0])
    failures = set(re.findall(r"`(\w+)`", POLLING.partition("## Failures")[2].partition("\n## ")[0]))
    for name in SAMPLES:
        for delivery in sample(name).deliveries:
            kind, reason = delivery.alert.kind, str(delivery.alert.reason)
            known = set(re.findall(r"`(\w+)`", rows[kind][1]))
            if kind is AlertKind.REVERSAL:
                known |= set(re.findall(r"`(\w+)`", rows[AlertKind.STATE_CHANGE][1]))
            if kind is AlertKind.TROUBLE_OVER:
                known |= set(re.findall(r"`(\w+)`", rows[AlertKind.TROUBLE][1]))
            assert reason in (failures if kind is AlertKind.SOURCE_BROKEN else known), name


def test_the_figures_are_those_of_the_code() -> None:
    words = " ".join(KINDS.split())
    assert dict(occasions.BEFORE) == {Reason.IN_7_DAYS: 7, Reason.IN_1_DAY: 1, Reason.PASSED: -1}
    assert f"failed {troubles.FAILING_TRIES} times in a row over a minute or more, or for 10 minutes" in words
    assert timedelta(minutes=1) == troubles.FAILING_TIME
    assert timedelta(minutes=10) == troubles.FAILING_LONG
    assert words.count(f"at {troubles.CHECKS} looks in a row") == 2
    assert f"a receiver failed {circuits.OPENS_AT} times in a row" in words
    assert timedelta(hours=1) == troubles.BACKLOG_LATE
    assert f"for more than {troubles.BACKLOG_FINE // timedelta(minutes=1)} minutes" in words
    assert f"longer than an hour, and than {['', 'one', 'two', 'three', 'four'][PERIODS_LATE]} of its" in words
    assert timedelta(hours=1) == BREAKING_TIME
