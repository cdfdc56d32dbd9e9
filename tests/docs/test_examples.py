"""config/examples/: every example loads, its items are short, and every case it expects is read as it says."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from watcher.config import load_rules
from watcher.config.lifecycles import shipped_lifecycles
from watcher.domain.model import Entry, Expectation, Item, Rules
from watcher.judging import Judge

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "config" / "examples"
OUTLETS = ROOT / "config" / "outlets.yaml"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))
LONGEST = 10  # lines of an item, its `expect` block left out


def rules_of(*paths: Path) -> Rules:
    return load_rules(paths, OUTLETS, {})[0]


def cases() -> list[Any]:
    """Return every case of every example with its item's rules."""
    found = []
    for path in EXAMPLES:
        rules = rules_of(path)
        for item in rules.items:
            for case in item.expect:
                plain = case.text if case.text.isascii() else f"line {case.line}"
                found.append(pytest.param(rules, item, case, id=f"{path.stem}-{plain}"))
    return found


def item_blocks(text: str) -> list[list[str]]:
    """Return the lines of every item, without those of its `expect` block, blank ones and comments."""
    items = re.search(r"^items:\n((?:[ \n].*\n?)*)", text, re.MULTILINE)
    assert items
    blocks = re.split(r"^(?=  - )", items[1], flags=re.MULTILINE)[1:]
    kept = []
    for block in blocks:
        lines = [line for line in block.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        head = list(takewhile(lambda line: line != "    expect:", lines))
        rest = lines[len(head) + 1 :]
        kept.append(head + [line for line in rest if re.match(r"    \w", line)])
    return kept


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_loads_and_is_complete(path: Path) -> None:
    rules = rules_of(path)
    text = path.read_text(encoding="utf-8")
    assert 1 <= len(rules.items) <= 2
    assert all(re.search(rf"^{key}:", text, re.MULTILINE) for key in ("title", "since", "actors", "feeds"))
    for item in rules.items:
        assert item.since is not None
        assert item.decided_by
        assert len(item.expect) >= 3
    statuses = {case.status for item in rules.items for case in item.expect}
    assert None in statuses, "one case is about something else"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_its_items_are_short(path: Path) -> None:
    blocks = item_blocks(path.read_text(encoding="utf-8"))
    assert len(blocks) == len(rules_of(path).items)
    assert max(len(block) for block in blocks) <= LONGEST


@pytest.mark.parametrize(("rules", "item", "case"), cases())
def test_a_case_is_read_as_it_says(rules: Rules, item: Item, case: Expectation) -> None:
    at = case.at or item.since
    assert at is not None
    entry = Entry("case", "", case.text, at, at, summary=case.summary, source=case.outlet, published=at)
    read = next((reading for reading in Judge(rules).read(entry) if reading.item == item.id), None)
    told = (read.state, read.status, read.value if case.value else None) if read else (None, None, None)
    assert told == (case.state, case.status, case.value), read.why if read else "not about it"


def test_there_is_one_for_every_lifecycle_and_they_load_together() -> None:
    rules = rules_of(*EXAMPLES)
    assert {item.lifecycle for item in rules.items} == set(shipped_lifecycles())


def test_the_readme_lists_them_all() -> None:
    rows = re.findall(r"^\| \[(\S+)\]\(\1\) \| (\w+) \|", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == [(path.name, rules_of(path).items[0].lifecycle) for path in EXAMPLES]
