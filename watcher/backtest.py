"""Replay archived entries through the same judging as the daemon, with the archive's clock, and write what would
have happened. Reads and writes JSON Lines; needs no database and no service settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from watcher.domain.model import Entry, Reading, Rules, Transition
from watcher.errors import ConfigError, Problem
from watcher.judging import Docket, Judge, Judgement, opening

_ALLOWED = '{"id", "seen_at", "source", "title", "summary"?, "link", "published"?}'


def backtest(rules: Rules, entries: Iterable[Entry]) -> Iterator[Judgement]:
    """Judge entries in order of time (ties: as given), from the items' starting states."""
    docket = Docket(Judge(rules), opening(rules.items), lambda _item: ())
    for entry in sorted(entries, key=lambda e: e.at):
        yield docket.take(entry)


def read_archive(path: Path) -> Iterator[Entry]:
    """Yield the entries of a JSON Lines archive; raises ConfigError with file and line for one that is not an entry."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield _entry(json.loads(line))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    problem = Problem(str(path), number, 1, f"not an archived entry: {error!r}", _ALLOWED)
                    raise ConfigError([problem]) from error


def _entry(row: dict[str, Any]) -> Entry:
    seen = _utc(row["seen_at"])
    published = _utc(row["published"]) if row.get("published") else None
    return Entry(
        id=str(row["id"]),
        feed="archive",
        title=str(row["title"]),
        at=seen,
        seen_at=seen,
        summary=str(row.get("summary") or ""),
        link=str(row.get("link") or ""),
        source=str(row.get("source") or ""),
        published=published,
    )


def _utc(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def transition_line(t: Transition) -> dict[str, Any]:
    """The line of a transition, as `watcher backtest --out` writes it."""
    line: dict[str, Any] = {
        "item": t.item,
        "from": t.from_state,
        "to": t.to_state,
        "at": t.at.isoformat().replace("+00:00", "Z"),
        "status": t.status.value,
        "entries": list(t.entries),
        "reason": t.detail,
    }
    if t.to_value is not None:
        line |= {"from_value": t.from_value, "to_value": t.to_value}
    return line


def reading_line(entry: Entry, r: Reading) -> dict[str, Any]:
    """The line of a reading, as `watcher backtest --readings` writes it."""
    return {"id": entry.id, "item": r.item, "state": r.state, "status": r.status.value, "cue": r.cue}
