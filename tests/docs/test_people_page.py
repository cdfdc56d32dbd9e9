"""docs/people.md: every command is typed in the order in which it stands there, and the history is what it shows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from commands import Shell
from newsroom import APPROVED, Newsroom, newsroom

import watcher.app
from watcher.cli.listing import MARKED_FOR
from watcher.config import Settings, load
from watcher.delivery.links import MUTED_FOR, PATH

PAGE = (Path(__file__).parents[2] / "docs" / "people.md").read_text("utf-8")
DAY = datetime(2025, 10, 1, tzinfo=UTC)
# when the commands of a section are typed; the last moment holds for the rest of them
TYPED = {
    "Acknowledge": ["06:20"], "Note": ["06:20"], "Mute and silence": ["06:30"], "Correct": ["06:40", "07:20"],
    "Back-fill": ["07:30"],
}  # fmt: skip


def at(clock: str) -> datetime:
    return datetime.combine(DAY, time.fromisoformat(clock), UTC)


def commands() -> Iterator[tuple[datetime, list[str]]]:
    """Every command of the page with the moment at which it is typed."""
    for heading, body in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL):
        lines = [line for block in re.findall(r"```sh\n(.*?)```", body, re.DOTALL) for line in block.splitlines()]
        times = TYPED.get(heading, [])
        assert bool(times) == bool(lines), heading
        for n, line in enumerate(lines):
            words = shlex.split(line)
            assert words[0] == "watcher"
            yield at(times[min(n, len(times) - 1)]), words[1:]


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Newsroom]:
    """Give Ana an installation in which one alert was told at six."""
    monkeypatch.setenv("WATCHER_USER", "ana")
    with newsroom(tmp_path, f"sqlite:///{tmp_path / 'watcher.db'}") as opened:
        opened.clock.at = at("05:40")
        with opened.app() as app:
            app.once()
            opened.clock.at = at("06:00")
            opened.publish("wire", APPROVED)
            app.once()
        monkeypatch.setattr(watcher.app, "now", opened.clock)
        yield opened


def test_every_command_does_what_is_said(shell: Shell, room: Newsroom) -> None:
    said = []
    for moment, words in commands():
        room.clock.at = moment
        ended = shell(*words, "-c", room.config)
        assert ended.code == 0, words
        said.append((words, ended))
    acks = [ended.err for words, ended in said if words[0] == "ack"]
    assert acks == ["acknowledged by ana: 1 alert (1)\n", "nothing to acknowledge: it is already, or nobody was told\n"]
    corrections = [ended.err for words, ended in said if words[0] == "correct"]
    assert ["no step leads from approved to pending" in err for err in corrections] == [True, False]
    assert ["nobody is told" in err for err in corrections] == [False, True]
    (shown,) = re.findall(r"```console\n\$ watcher history us-approval\n(.*?)```", PAGE, re.DOTALL)
    assert shell("history", "us-approval", "-c", room.config).out == shown


def test_every_command_for_people_is_on_the_page() -> None:
    typed = {" ".join(words[:2]) if words[0] == "silence" else words[0] for _, words in commands()}
    assert typed == {
        "alerts", "ack", "note", "mute", "unmute", "silence add", "silence list", "silence end", "correct", "backfill"
    }  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Load the page's settings."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "list.yaml").write_text(
        "items: [{id: a, title: A, lifecycle: ruling, state: pending, about: {all: a}}]\n"
    )
    (tmp_path / "watcher.yaml").write_text(f"watchlists: [list.yaml]\n{text}")
    return load(tmp_path / "watcher.yaml", {"WATCHER_LINK_SECRET": "sixteen or more of them"})


def test_what_is_said_of_links_is_so(settings: Settings) -> None:
    assert (settings.board, settings.link_secret) == ("https://watch.example.org", "sixteen or more of them")
    assert settings.links_valid == timedelta(days=7)
    assert MUTED_FOR == MARKED_FOR == timedelta(days=7)
    assert settings.retention.unmatched == timedelta(days=90)
    assert f"location {PATH} {{" in PAGE
    assert f"proxy_pass http://127.0.0.1:{settings.web.port};" in PAGE
