"""`watcher render`, the schema of webhooks, and templates and pictures in `watcher check`, as they are typed."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from commands import Shell
from jsonschema import Draft202012Validator
from newsroom import APPROVED, Newsroom, newsroom

from watcher.app import now as read_clock
from watcher.delivery.samples import SAMPLES


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path, f"sqlite:///{tmp_path / 'watcher.db'}") as opened:
        yield opened


def add(room: Newsroom, text: str) -> None:
    """Put more into the `notify` section, which is the file's last word on it."""
    file = room.config
    file.write_text(file.read_text(encoding="utf-8").replace("notify:\n", f"notify:\n{text}", 1), encoding="utf-8")


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_kind_can_be_previewed_and_nothing_is_written(shell: Shell, room: Newsroom, kind: str) -> None:
    text = shell("render", "--kind", kind, "-c", room.config)
    subject = shell("render", "--kind", kind, "--form", "subject", "-c", room.config)

    assert (text.code, subject.code) == (0, 0)
    assert 0 < len(subject.out.strip()) < 70
    assert "carries the same id." in text.out
    assert not (room.config.parent / "watcher.db").exists()


def test_each_form_is_what_its_receiver_gets(shell: Shell, room: Newsroom) -> None:
    slack = shell("render", "--form", "slack", "-c", room.config).data
    hook = shell("render", "--form", "json", "-c", room.config).data
    html = shell("render", "--form", "html", "-c", room.config).out

    assert [block["type"] for block in slack["attachments"][0]["blocks"]] == ["header", "section", "context"]
    assert html.startswith("<!DOCTYPE html>")
    Draft202012Validator(shell("schema", "webhook").data).validate(hook)


def test_a_stored_delivery_is_shown_as_it_would_look_now(shell: Shell, room: Newsroom) -> None:
    shell("once", "-c", room.config)
    room.publish("wire", APPROVED, at=read_clock() - timedelta(seconds=1))
    with sqlite3.connect(room.config.parent / "watcher.db") as database:
        database.execute("UPDATE feed SET next_poll_at = '2025-01-01 00:00:00.000000'")
    assert shell("once", "-c", room.config).code == 3
    (row, *_) = shell("outbox", "list", "--state", "sent", "--json", "-c", room.config).data

    shown = shell("render", "--delivery", row["id"], "-c", room.config)

    assert shown.code == 0
    assert f"Delivery {row['id']}. " in shown.out
    assert "approved: " in shown.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "gossip"), "there is no sample of 'gossip'; allowed: state_change, reversal"),
        (("--form", "pdf"), "there is no form 'pdf' of a message; allowed: text, html, slack, subject, json"),
        (("--delivery", "none"), "there is no database yet"),
    ],
)
def test_what_there_is_none_of_is_said_with_what_there_is(
    shell: Shell, room: Newsroom, words: tuple[str, ...], said: str
) -> None:
    ended = shell("render", *words, "-c", room.config)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_a_delivery_that_is_not_there_is_named(shell: Shell, room: Newsroom) -> None:
    shell("once", "-c", room.config)

    assert "there is no delivery or message 'none'" in shell("render", "--delivery", "none", "-c", room.config).err


def test_schemas_are_of_the_configuration_or_of_webhooks(shell: Shell) -> None:
    assert shell("schema").data == shell("schema", "config").data
    assert shell("schema", "webhook").data["properties"]["version"] == {"const": 1}
    assert (ended := shell("schema", "mail")).code == 2
    assert "allowed: config, webhook" in ended.err


# --- templates and pictures -------------------------------------------------------------------------------------------


def test_templates_of_ones_own_are_previewed_and_tried_by_check(shell: Shell, room: Newsroom) -> None:
    folder = room.config.parent / "own"
    folder.mkdir()
    add(room, "  templates: own\n")
    (folder / "subject.j2").write_text("[{{ alert.kind }}] {{ subject }}", encoding="utf-8")
    assert shell("check", "-c", room.config).code == 0
    assert shell("render", "--kind", "test", "--form", "subject", "-c", room.config).out == (
        "[test] test: this address is reached\n"
    )

    (folder / "text.j2").write_text("{{ subject }}\n{{ alert.colour }}", encoding="utf-8")
    ended = shell("check", "-c", room.config)
    assert ended.code == 2
    assert f"{folder / 'text.j2'}:2:1: it fails with a sample of state_change" in ended.err
    told = json.loads(shell("check", "--json", "-c", room.config).out)
    assert (told["ok"], told["problems"][0]["line"]) == (False, 2)


def test_a_picture_needs_its_extra_and_check_says_which(
    shell: Shell, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = room.config.read_text(encoding="utf-8")
    name = next(line for line in text.split("receivers:\n")[1].splitlines())
    indent = " " * (len(name) - len(name.lstrip()) + 2)
    if "{" in name:
        changed = text.replace(name, name.rstrip().rstrip("}").rstrip() + ", picture: true}", 1)
    else:
        changed = text.replace(name + "\n", f"{name}\n{indent}picture: true\n", 1)
    room.config.write_text(changed, encoding="utf-8")
    assert shell("check", "-c", room.config).code == 0

    find = importlib.util.find_spec
    monkeypatch.setattr("watcher.delivery.picture.find_spec", lambda name: None if name == "PIL" else find(name))
    ended = shell("check", "-c", room.config)
    assert ended.code == 2
    assert "pip install 'policy-watcher[pictures]'" in ended.err
