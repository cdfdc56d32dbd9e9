"""Replay archived entries through the same judging as the daemon, with the archive's clock, and write what would
have happened. Reads and writes JSON Lines; needs no database and no service settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from watcher.domain.model import Entry, Reading, Rules, Transition
from watcher.errors import ArchiveError, Problem
from watcher.judging import Docket, Judge, Judgement, opening

_ALLOWED = '{"id", "seen_at", "source", "title", "summary"?, "link", "published"?}'


def backtest(rules: Rules, entries: Iterable[Entry]) -> Iterator[Judgement]:
    """Judge entries in order of time (ties: as given), from the items' starting states."""
    docket = Docket(Judge(rules), opening(rules.items), lambda _item: ())
    for entry in sorted(entries, key=lambda e: e.at):
        yield docket.take(entry)


def read_archive(path: Path) -> list[Entry]:
    """Return the entries of a JSON Lines archive; raises ArchiveError with file and line for all that are none."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip(b" \t\r\n\xef\xbb\xbf"):
                    try:
                        entries.append(_entry(_row(line)))
                    except _NoEntry as error:
                        problems.append(Problem(str(path), number, 1, str(error), error.allowed))
    except OSError as error:
        reason = f"the archive cannot be read: {(error.strerror or 'unknown reason').lower()}"
        problems.append(Problem(str(path), 0, 1, reason))
    if problems:
        raise ArchiveError(str(path), problems)
    return entries


class _NoEntry(Exception):
    """Why a line is not an archived entry."""

    def __init__(self, message: str, allowed: str = "") -> None:
        super().__init__(message)
        self.allowed = allowed


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _NoEntry("not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise _NoEntry("not JSON", "one JSON object on a line") from None
    if not isinstance(row, dict):
        raise _NoEntry("not a JSON object", _ALLOWED)
    return row


def _entry(row: dict[str, Any]) -> Entry:
    missing = [f'"{key}"' for key in ("id", "seen_at", "title") if row.get(key) in (None, "")]
    if missing:
        raise _NoEntry(f"missing {', '.join(missing)}", _ALLOWED)
    seen = _moment(row, "seen_at")
    return Entry(
        id=str(row["id"]) if isinstance(row["id"], int) else _text(row, "id"),
        feed="archive",
        title=_text(row, "title"),
        at=seen,
        seen_at=seen,
        summary=_text(row, "summary"),
        link=_text(row, "link"),
        source=_text(row, "source"),
        published=_moment(row, "published") if row.get("published") else None,
    )


def _text(row: dict[str, Any], key: str) -> str:
    text = row.get(key) or ""
    if not isinstance(text, str):
        raise _NoEntry(f'"{key}" is not text')
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _NoEntry(f'"{key}" holds half a character, which no UTF-8 file can')
    return text


def _moment(row: dict[str, Any], key: str) -> datetime:
    try:
        at = datetime.fromisoformat(row[key])
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise _NoEntry(f'"{key}" is no time', "as in 2025-09-14T08:30:00Z") from None


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
