"""The replay: an archive in accelerated time through the real daemon, killed twice, against `watcher backtest`."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARCHIVE = ROOT / "tests" / "data" / "replay-archive.jsonl"
WATCHLIST = ROOT / "watcher" / "demo" / "lithium" / "watchlist.yaml"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """bench/replay.py, which is no package."""
    spec = importlib.util.spec_from_file_location("replay", ROOT / "bench" / "replay.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["replay"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_daemon_killed_twice_does_what_the_backtest_says(bench: ModuleType, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = [str(ARCHIVE), "--watchlist", str(WATCHLIST), "--from", "2025-03-01", "--kills", "2"]
    code = bench.main([*arguments, "--out", str(report)])
    figures = json.loads(report.read_text(encoding="utf-8"))
    assert code == 0, figures["faults"]
    assert figures["kills"] == 2
    assert figures["transitions"] == figures["expected"] >= 6
    assert 2 * figures["transitions"] <= figures["messages"] <= 2 * figures["transitions"] + 2


def test_window_shows_every_line_once_as_new_and_only_recent_ones(bench: ModuleType) -> None:
    lines = bench.read_archive(ARCHIVE)
    start, until = bench._moment("2025-03-01"), bench._moment("2025-04-02")
    hour, window = bench.timedelta(hours=1), bench.timedelta(hours=6)
    shown: list[str] = []
    for number, body in enumerate(bench._hours(lines, start, until, hour, window)):
        assert number == 0 or body[-1].seen_at - body[0].seen_at <= window  # the first one holds what was there before
        shown += [line.id for line in body if line.id not in shown]
    assert shown == [line.id for line in lines if line.id in shown]
    assert {line.id for line in lines if line.seen_at >= start} <= set(shown)


def test_comparison_notices_lost_invented_and_swapped_changes(bench: ModuleType) -> None:
    first = bench.Change("item", "pending", "approved", "a")
    second = bench.Change("item", "approved", "rejected", "b")
    assert bench.differences([first, second], [first, second]) == []
    for made in ([first], [second, first], [first, bench.Change("item", "approved", "rejected", "c")]):
        assert len(bench.differences([first, second], made)) == 1
