"""`preview`: what one item would have matched, read and told over an archive, before anybody is alerted by it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.backtest import Outlets, rules_from
from watcher.cli.explain import Watchlists, require_item
from watcher.cli.options import DEFAULT_CONFIG, Config, Json, settings_from
from watcher.cli.output import Cell, emit_json, emit_lines, plural, progress

if TYPE_CHECKING:
    from watcher.domain.model import Entry, Rules
    from watcher.preview import Change, Preview

_NOT_READ = {  # by gate; the subject was found
    "language": "no words for its language",
    "no_cue": "no word of the lifecycle",
    "not_told": "told of something else",
    "others": "somebody else's",
}


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Learn")(preview)


def preview(
    item: Annotated[str, typer.Argument(help="The item's id.", metavar="ITEM")],
    archive: Annotated[Path, typer.Option("--archive", help="Entries to replay, JSON lines.", metavar="FILE")],
    watchlist: Watchlists = None,
    outlets: Outlets = None,
    examples: Annotated[
        int, typer.Option("--examples", help="The most examples shown of each status.", metavar="N", min=0)
    ] = 3,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show what one item would have done over an archive of entries: what it would have matched, what would have been
    read of it, the changes of state with their headlines, and how many alerts a week to expect.

    Begins from the item's starting state; needs no database, and with --watchlist no configuration. The archive is
    that of `watcher backtest`.
    """
    from watcher.errors import UsageError

    if not archive.is_file():
        raise UsageError(f"there is no archive {archive}")
    rules = rules_from(watchlist, outlets) if watchlist else settings_from(config).rules
    require_item(item, rules)
    seen = _replayed(rules, item, archive, examples)
    if as_json:
        emit_json(_json(seen))
    else:
        emit_lines([*_summary(seen), *_changes(seen), *_examples(seen)])


def _replayed(rules: Rules, item: str, archive: Path, examples: int) -> Preview:
    from watcher.backtest import backtest, read_archive
    from watcher.judging import Judge
    from watcher.preview import Preview

    judge = Judge(rules)
    seen = Preview(judge.items[item], judge, examples)
    entries = read_archive(archive)
    for judgement in progress(backtest(rules, entries), "replaying", len(entries)):
        seen.add(judgement)
    return seen


# --- in words -------------------------------------------------------------------------------------


def _summary(seen: Preview) -> list[Cell]:
    span = f"{seen.first:%Y-%m-%d} to {seen.last:%Y-%m-%d}" if seen.first and seen.last else "none in its time"
    early = f"; {seen.early} older than the watch" if seen.early else ""
    missed = ", ".join(f"{_NOT_READ[gate.value]} {count}" for gate, count in seen.missed.most_common())
    statuses = ", ".join(f"{status.value} {count}" for status, count in seen.statuses.most_common())
    rate = seen.alerts_a_week()
    states = ", ".join(f"{state} {_rounded(each)}" for state, each in seen.alerts_a_week_by_state().items())
    alerts = "nothing to tell from" if rate is None else f"{_rounded(rate)} a week" + (f" ({states})" if states else "")
    return [
        (f"{seen.item.id}: {seen.item.title}", "bold"),
        f"  archive    {plural(seen.entries, 'entry', 'entries')}, {span}{early}",
        f"  matched    {seen.matched}" + (f"; not read: {missed}" if missed else ""),
        f"  readings   {seen.read}" + (f": {statuses}" if statuses else ""),
        f"  changes    {len(seen.changes)} in {seen.weeks:.1f} weeks",
        (f"  alerts     {alerts}", "green" if rate else "yellow"),
    ]


def _rounded(rate: float) -> str:
    """A rate for people: 0.04 is not nothing."""
    return f"{rate:.2g}" if rate < 1 else f"{rate:.1f}"


def _changes(seen: Preview) -> list[Cell]:
    lines: list[Cell] = ["", ("changes of state", "bold")] if seen.changes else []
    for change in seen.changes:
        made = change.transition
        value = f" ({made.to_value})" if made.to_value else ""
        step = f"{made.from_state} -> {made.to_state}{value}, {made.reason.value}"
        lines.append((f"  {made.at:%Y-%m-%d %H:%M}  {step}", "green"))
        lines += [f"    {_headline(entry)}" for entry in change.entries]
    return lines


def _examples(seen: Preview) -> list[Cell]:
    from watcher.domain.model import Status

    lines: list[Cell] = []
    for status in Status:
        shown = seen.examples.get(status, [])
        if shown:
            lines += ["", (f"{status.value}, {len(shown)} of {seen.statuses[status]}", "bold")]
        for example in shown:
            state = f"{example.reading.state}: " if example.reading.state else ""
            lines.append(f"  {state}{_headline(example.entry)}")
    return lines


def _headline(entry: Entry) -> str:
    return f"{entry.title} ({entry.source or 'no outlet named'}, {entry.at:%Y-%m-%d %H:%M})"


# --- for machines ---------------------------------------------------------------------------------


def _json(seen: Preview) -> dict[str, Any]:
    from watcher.domain.model import Status

    return {
        "item": seen.item.id,
        "title": seen.item.title,
        "archive": {
            "entries": seen.entries,
            "older_than_the_watch": seen.early,
            "from": seen.first,
            "to": seen.last,
            "weeks": round(seen.weeks, 3),
        },
        "matched": seen.matched,
        "not_read": {gate.value: count for gate, count in seen.missed.most_common()},
        "readings": {status.value: seen.statuses[status] for status in Status},
        "alerts_a_week": seen.alerts_a_week(),
        "alerts_a_week_by_state": dict(seen.alerts_a_week_by_state()),
        "transitions": [_change_json(change) for change in seen.changes],
        "examples": {
            status.value: [
                {**_entry_json(e.entry), "state": e.reading.state, "cue": e.reading.cue}
                for e in seen.examples.get(status, [])
            ]
            for status in Status
        },
    }


def _change_json(change: Change) -> dict[str, Any]:
    from watcher.backtest import transition_line

    return {**transition_line(change.transition), "headlines": [_entry_json(entry) for entry in change.entries]}


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {"id": entry.id, "title": entry.title, "source": entry.source, "at": entry.at, "link": entry.link}
