"""docs/storage.md says what is: tables, transactions, numbers, and a backup that works."""

from __future__ import annotations

import re
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from store_cases import LIFECYCLES, an_item

from watcher.storage import Store, database, feeds, tables

PAGE = (Path(__file__).parents[2] / "docs" / "storage.md").read_text(encoding="utf-8")


def first_cells(heading: str) -> list[str]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def test_every_table_is_listed() -> None:
    assert sorted(first_cells("Tables")) == sorted(tables.metadata.tables)


def test_the_five_transactions_are_methods_of_the_store() -> None:
    named = re.findall(r"^\| (T\d) \| `(\w+)`", PAGE, re.MULTILINE)
    assert [number for number, _ in named] == ["T1", "T2", "T3", "T4", "T5"]
    for number, method in named:
        assert f"({number})" in getattr(Store, method).__doc__


def test_the_numbers_are_those_of_the_code() -> None:
    words = {3: "three", 5: "five"}
    text = " ".join(PAGE.split())
    assert f"followed for good after {words[feeds.MOVES_TO_FOLLOW]} in a row" in text
    assert f"given up after {words[feeds.FAILURES_TO_RETURN]} failures in a row" in text
    assert f"others wait up to {database._BUSY_TIMEOUT_MS // 1000} s" in text


def test_the_backup_is_whole_while_the_store_is_open(
    migrated_sqlite: Path, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("watcher.db").write_bytes(migrated_sqlite.read_bytes())
    store = Store.open("sqlite:///watcher.db")
    store.sync([], [an_item("deal")], LIFECYCLES, now)
    (statement,) = re.findall(r"```sql\n(.*?)\n```", PAGE, re.DOTALL)
    connection = sqlite3.connect("watcher.db")
    connection.execute(statement)
    connection.close()
    copy = Store.open("sqlite:///watcher-backup.db")
    copy.check_schema()
    assert copy.standings() == store.standings() != {}
    store.close()
    copy.close()
