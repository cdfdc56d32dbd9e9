"""docs/routing.md is true: its YAML loads, its tables name every word, and its commands print what stands there.

`python tests/docs/test_routing_doc.py` writes the commands' output anew.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import tempfile
from dataclasses import fields
from pathlib import Path

import pytest

from watcher.cli.program import main
from watcher.config import load
from watcher.domain.alerts import POLICY_KINDS, Conditions
from watcher.domain.hours import LONGEST

DOC = Path(__file__).parents[2] / "docs" / "routing.md"
PAGE = DOC.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml (\w+)( example)?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLE = {kind: text for kind, example, text in BLOCKS if example}
CONSOLE = re.compile(r"^```console\n\$ (watcher route[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def set_up(folder: Path, service: str) -> Path:
    (folder / "watchlists").mkdir(exist_ok=True)
    for path in (folder / "watchlists" / "list.yaml", folder / "trade.yaml"):
        path.write_text(EXAMPLE["watchlist"], encoding="utf-8")
    (folder / "watcher.yaml").write_text(service, encoding="utf-8")
    return folder / "watcher.yaml"


def printed(command: str, folder: Path) -> str:
    """What a command prints in a folder, where there is no database."""
    config = set_up(folder, EXAMPLE["watcher"] + f"database: sqlite:///{folder}/watcher.db\n")
    words = shlex.split(command)[1:]
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):
        main([*words, "--config", str(config)])
    return out.getvalue()


@pytest.mark.parametrize("text", [text for kind, _, text in BLOCKS if kind == "watcher"])
def test_service_blocks_load_and_every_route_is_of_use(tmp_path: Path, text: str) -> None:
    urls = dict.fromkeys(re.findall(r"\$\{(\w+)", text), "json://localhost")
    settings = load(set_up(tmp_path, text), urls)
    assert not [note.message for note in settings.notes if "route" in note.message]


def test_without_continue_the_first_route_would_take_everything(tmp_path: Path) -> None:
    first = next(text for kind, _, text in BLOCKS if kind == "watcher").replace(", continue: true", "")
    settings = load(set_up(tmp_path, first), {"MAIL_URL": "json://localhost/1", "SLACK_URL": "json://localhost/2"})
    assert [note.message for note in settings.notes if "takes all" in note.message]


@pytest.mark.parametrize(("command", "output"), CONSOLE.findall(PAGE), ids=[c for c, _ in CONSOLE.findall(PAGE)])
def test_a_command_prints_what_stands_there(tmp_path: Path, command: str, output: str) -> None:
    assert printed(command, tmp_path) == output, f"run: python {Path(__file__).name}"


def test_the_tables_name_every_condition_and_kind() -> None:
    conditions = PAGE.partition("| condition |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", conditions, re.MULTILINE) == [field.name for field in fields(Conditions)]
    kinds = PAGE.partition("| kind |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", kinds, re.MULTILINE) == list(POLICY_KINDS)


def test_the_figure_is_that_of_the_code() -> None:
    assert LONGEST.days == 4 * 7
    assert "Nothing is held for more than four weeks" in " ".join(PAGE.split())


if __name__ == "__main__":
    os.chdir(tempfile.mkdtemp())
    DOC.write_text(
        CONSOLE.sub(lambda found: f"```console\n$ {found[1]}\n{printed(found[1], Path.cwd())}```", PAGE),
        encoding="utf-8",
    )
