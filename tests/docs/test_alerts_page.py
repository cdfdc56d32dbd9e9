"""docs/alerts.md shows messages as they are, and says of every kind what its subject is."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from watcher.delivery import Look, render
from watcher.delivery.samples import SAMPLES, sample
from watcher.domain.alerts import AlertKind

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
LOOK = Look(ZoneInfo("Europe/Berlin"), "https://board.example/")


@pytest.mark.parametrize("name", ["state_change", "deadline", "event", "early_signal", "source_broken"])
def test_a_message_on_the_page_is_the_one_that_is_sent(name: str) -> None:
    assert f"```text\n{render(sample(name), LOOK).text}```" in PAGE


def test_the_table_has_the_subject_of_every_kind() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", PAGE, re.MULTILINE))

    assert {name: rows[name] for name in SAMPLES if name in rows} == {
        name: render(sample(name), LOOK).subject for name in SAMPLES if name in rows
    }
    assert [name for name in SAMPLES if f"`{name}`" not in PAGE] == []
    assert [kind for kind in AlertKind if f"`{kind.value}`" not in PAGE] == []


def test_there_is_a_sample_of_every_kind() -> None:
    assert {kind.value for kind in AlertKind} <= set(SAMPLES)
    assert {one.alert.kind for name in SAMPLES for one in sample(name).deliveries} == set(AlertKind)
