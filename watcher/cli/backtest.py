"""`backtest`: what watchlists would have made of an archive of entries. Needs no configuration and no database."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.output import progress, remark

if TYPE_CHECKING:
    from watcher.domain.model import Rules, Transition
    from watcher.judging import Judgement

Watchlists = Annotated[
    list[Path], typer.Option("--watchlist", "-w", help="A watchlist to judge by; may be repeated.", metavar="FILE")
]
Outlets = Annotated[
    Path | None,
    typer.Option(
        "--outlets", help="The outlets and their tiers; default: outlets.yaml beside the watchlist or one folder up.",
        metavar="FILE",
    ),
]  # fmt: skip


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Learn")(backtest)


def backtest(
    watchlist: Watchlists,
    archive: Annotated[Path, typer.Option("--archive", help="Entries to replay, JSON lines.", metavar="FILE")],
    out: Annotated[Path, typer.Option("--out", help="Where the changes of state go, JSON lines.", metavar="FILE")],
    more: Annotated[list[Path] | None, typer.Argument(help="Further watchlists.", metavar="FILE")] = None,
    readings: Annotated[
        Path | None, typer.Option("--readings", help="Where every reading goes, JSON lines.", metavar="FILE")
    ] = None,
    outlets: Outlets = None,
) -> None:
    """Replay archived entries through the rules with the archive's clock, and write the changes of state they make.

    Archive lines: {"id", "seen_at", "source", "title", "link"} and, where known, "summary" and "published".
    Lines of --out: {"item", "from", "to", "at", "status", "entries", "reason"}; of --readings: {"id", "item", "state",
    "status", "cue"}.
    """
    from watcher.backtest import backtest as replay
    from watcher.backtest import read_archive, reading_line, transition_line
    from watcher.errors import UsageError, WatcherError

    if not archive.is_file():
        raise UsageError(f"there is no archive {archive}")
    _require_apart(archive, out, *([readings] if readings else []))
    rules = rules_from([*watchlist, *(more or ())], outlets)
    started, tally = time.perf_counter(), Tally()
    entries = read_archive(archive)  # before anything is written: a run that fails leaves the last one's files alone
    try:
        with ExitStack() as files:
            changes = files.enter_context(_writing(out))
            told = files.enter_context(_writing(readings)) if readings else None
            for judgement in progress(replay(rules, entries), "replaying", len(entries)):
                tally.add(judgement)
                for transition in judgement.transitions:
                    _write(changes, transition_line(transition))
                for reading in judgement.readings:
                    _write(told, reading_line(judgement.entry, reading))
    except OSError as error:  # a disk that is full
        raise WatcherError(f"cannot write: {error.strerror}") from error
    remark(tally.summary(time.perf_counter() - started))


def outlets_beside(watchlists: Sequence[Path]) -> Path | None:
    """Find outlets.yaml in a watchlist's folder or the one above it; None when there is none."""
    for path in watchlists:
        for folder in (path.absolute().parent, path.absolute().parent.parent):
            if (candidate := folder / "outlets.yaml").is_file():
                return candidate
    return None


def rules_from(watchlists: Sequence[Path], outlets: Path | None) -> Rules:
    """Load watchlists without a configuration; ConfigError lists every mistake."""
    from watcher.config import load_rules

    rules, _ = load_rules(watchlists, outlets or outlets_beside(watchlists), os.environ)
    return rules


def _require_apart(*paths: Path) -> None:
    """Raise UsageError where two of the files are one, which writing would destroy."""
    from watcher.errors import UsageError

    seen: set[str] = set()
    for path in paths:
        real = os.path.realpath(path)
        if real in seen and (path.is_file() or not path.exists()):
            raise UsageError(f"{path} is named twice: the archive, --out and --readings are files of their own")
        seen.add(real)


def _writing(path: Path) -> IO[str]:
    from watcher.errors import UsageError

    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _write(file: IO[str] | None, line: dict[str, Any]) -> None:
    if file is not None:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


@dataclass
class Tally:
    """What a backtest came to."""

    entries: int = 0
    matched: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    changes: list[Transition] = field(default_factory=list)

    def add(self, judgement: Judgement) -> None:
        """Count one entry."""
        self.entries += 1
        self.matched += bool(judgement.readings)
        self.statuses.update(reading.status.value for reading in judgement.readings)
        self.changes.extend(judgement.transitions)

    def summary(self, seconds: float) -> str:
        """Say it in a few lines."""
        statuses = ", ".join(f"{name} {count}" for name, count in self.statuses.most_common()) or "none"
        per_item = Counter(change.item for change in self.changes)
        items = ", ".join(f"{item} {count}" for item, count in per_item.most_common()) or "none"
        return (
            f"entries {self.entries}, about an item {self.matched}, in {seconds:.1f} s\n"
            f"readings: {statuses}\n"
            f"changes of state {len(self.changes)}: {items}"
        )
