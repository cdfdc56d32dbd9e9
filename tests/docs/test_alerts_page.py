"""docs/alerts.md shows messages as they are, and says of every kind what its subject is."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from test_commands_doc import commands
from typer.main import get_command

from watcher.cli import program
from watcher.config.notify import RouteSection
from watcher.delivery import Look, render
from watcher.delivery.samples import SAMPLES, sample
from watcher.domain.alerts import AlertKind

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
LOOK = Look(ZoneInfo("Europe/Berlin"), "https://board.example/")


@pytest.mark.parametrize("name", ["state_change", "deadline", "event", "early_signal", "source_broken"])
def test_a_message_on_the_page_is_the_one_that_is_sent(name: str) -> None:
    assert f"```text\n{render(sample(name), LOOK).text}```" in PAGE


def test_the_table_has_the_subject_of_every_kind() -> None:
    says = PAGE.partition("## What a message says")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", says, re.MULTILINE))

    assert {name: rows[name] for name in SAMPLES if name in rows} == {
        name: render(sample(name), LOOK).subject for name in SAMPLES if name in rows
    }
    assert [name for name in SAMPLES if f"`{name}`" not in PAGE] == []
    assert [kind for kind in AlertKind if f"`{kind.value}`" not in PAGE] == []


def test_there_is_a_sample_of_every_kind() -> None:
    assert {kind.value for kind in AlertKind} <= set(SAMPLES)
    assert {one.alert.kind for name in SAMPLES for one in sample(name).deliveries} == set(AlertKind)


def test_every_complaint_is_answered_by_commands_and_settings_that_exist() -> None:
    answers = PAGE.partition("## What people ask of such a tool")[2]
    rows = re.findall(r"^\| (\d+)\. .+ \| (.+) \|$", answers, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 26))
    known = {" ".join(words) for words, _ in commands(get_command(program))}
    named = re.findall(r"`(watcher [a-z ]+)[^`]*`", answers)
    assert [words for words in named if words.strip() not in known] == []
    settings = {field.alias or name for name, field in RouteSection.model_fields.items()}
    assert {"digest", "budget", "quiet", "active", "repeat", "escalate"} <= settings
    assert [word for word in re.findall(r"`([a-z_]+)`", answers) if word not in settings] == []
