"""`check`, `schema` and `seed`: the operator's files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.backtest import Outlets, outlets_beside
from watcher.cli.options import DEFAULT_CONFIG, Config, Json, no_database, settings_from
from watcher.cli.output import Cell, emit_json, emit_lines, emit_table, plural, remark

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.domain.model import Expectation, Reading, Rules
    from watcher.errors import Problem
    from watcher.trials import Trial

Online = Annotated[bool, typer.Option("--online", help="Also fetch every feed once and look at the database.")]
Tests = Annotated[bool, typer.Option("--tests", help="Also try the `expect` cases of the items.")]
Watchlists = Annotated[
    list[Path] | None,
    typer.Option(
        "--watchlist",
        "-w",
        help="Check this watchlist alone, without a configuration; may be repeated.",
        metavar="FILE",
    ),
]


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Set up")(check)
    program.command(rich_help_panel="Set up")(schema)
    program.command(rich_help_panel="Set up")(seed)


def check(
    watchlist: Watchlists = None,
    outlets: Outlets = None,
    tests: Tests = False,
    online: Online = False,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Check the configuration and every file it names; report all mistakes at once, with file, line and column.

    Changes nothing. Exit code 2 when a file is wrong or a case of --tests does not come out as its author expects, 1
    when --online found a feed or the database wanting.
    """
    from watcher.errors import ConfigError, UsageError
    from watcher.trials import try_cases

    if watchlist and online:
        raise UsageError("--online needs the service's configuration: leave --watchlist out")
    try:
        checked = _check_watchlists(watchlist, outlets) if watchlist else _check_service(config)
    except ConfigError as error:
        if as_json:
            emit_json({"ok": False, "problems": [_problem_json(problem) for problem in error.problems]})
        raise
    if checked.settings and online:
        checked.feeds, checked.database = _try_feeds(checked.settings), _try_database(checked.settings)
    checked.trials = list(try_cases(checked.rules)) if tests else None
    if as_json:
        emit_json(_checked_json(checked))
    else:
        _show(checked)
    if checked.database:
        remark(f"watcher: database: {checked.database}")
    if not (checked.passed and checked.fine):
        raise typer.Exit(1 if checked.passed else 2)


@dataclass
class _Checked:
    """Files without a mistake, and what was tried besides; `settings` None where only watchlists were asked about."""

    name: str
    rules: Rules
    counts: dict[str, int]
    notes: tuple[Problem, ...] = ()
    settings: Settings | None = None
    feeds: list[dict[str, Any]] | None = None
    database: str = ""
    trials: list[Trial] | None = None

    @property
    def fine(self) -> bool:
        """Whether all feeds and the database answered, where they were asked."""
        return not self.database and all(feed["ok"] for feed in self.feeds or ())

    @property
    def passed(self) -> bool:
        """Whether all cases came out as expected, where they were tried."""
        return all(trial.passed for trial in self.trials or ())


def _check_service(config: Path) -> _Checked:
    settings = settings_from(config, addresses=True)
    return _Checked(str(settings.path), settings.rules, _counts(settings), settings.notes, settings)


def _check_watchlists(watchlists: Sequence[Path], outlets: Path | None) -> _Checked:
    from watcher.config import load_rules

    rules, feeds = load_rules(watchlists, outlets or outlets_beside(watchlists), os.environ)
    counts = {"items": len(rules.items), "feeds": len(feeds), "outlets": len(rules.outlets)}
    return _Checked(", ".join(str(path) for path in watchlists), rules, counts)


def _checked_json(checked: _Checked) -> dict[str, Any]:
    notes = [_problem_json(note) for note in checked.notes]
    found: dict[str, Any] = {"ok": checked.fine and checked.passed, "problems": [], "notes": notes, **checked.counts}
    if checked.feeds is not None:
        found |= {"feeds_tried": checked.feeds, "database": checked.database}
    if checked.trials is not None:
        found["tests"] = _trials_json(checked.trials)
    return found


def _show(checked: _Checked) -> None:
    emit_lines(
        [f"{checked.name}: fine; " + ", ".join(plural(n, name.removesuffix("s")) for name, n in checked.counts.items())]
    )
    if checked.feeds:
        emit_table(
            ("FEED", "RESULT", "ENTRIES", "DETAIL"),
            [
                (f["feed"], ("fine", "") if f["ok"] else ("FAILED", "red"), str(f["entries"]), f["detail"])
                for f in checked.feeds
            ],
        )
    if checked.trials is not None:
        emit_lines(_trial_lines(checked.trials))
    for note in checked.notes:
        remark(f"note: {note}")


# --- the authors' cases ---------------------------------------------------------------------------


def _trial_lines(trials: Sequence[Trial]) -> list[Cell]:
    lines: list[Cell] = []
    for trial in trials:
        if not trial.passed:
            case = trial.expected
            lines.append((f'{case.file}:{case.line}:{case.column}: {trial.item}: "{case.text}"', "red"))
            lines += [f"    expected   {_wanted(case)}", f"    got        {_got(trial.reading)}"]
            lines += [f"    {'because' if n == 0 else '':9}  {step}" for n, step in enumerate(trial.why)]
    failed = sum(not trial.passed for trial in trials)
    told = f"{failed} of {len(trials)} FAILED" if failed else f"{len(trials)}, all as expected"
    return [*lines, (f"tests: {told if trials else 'no item has `expect` cases'}", "red" if failed else "")]


def _wanted(case: Expectation) -> str:
    value = f", value {case.value}" if case.value else ""
    return "nothing" if case.status is None else f"{case.state or 'no state'} ({case.status.value}{value})"


def _got(reading: Reading | None) -> str:
    if reading is None:
        return "nothing"
    value = f", value {reading.value}" if reading.value else ""
    return f"{reading.state or 'no state'} ({reading.status.value}{value})"


def _trials_json(trials: Sequence[Trial]) -> dict[str, Any]:
    failures = [trial for trial in trials if not trial.passed]
    return {"run": len(trials), "failed": len(failures), "failures": [_trial_json(trial) for trial in failures]}


def _trial_json(trial: Trial) -> dict[str, Any]:
    case = trial.expected
    return {
        "file": case.file,
        "line": case.line,
        "column": case.column,
        "item": trial.item,
        "text": case.text,
        "expected": _told_json(case),
        "got": _told_json(trial.reading),
        "why": list(trial.why),
    }


def _told_json(told: Expectation | Reading | None) -> dict[str, Any] | None:
    if told is None or told.status is None:
        return None
    return {"state": told.state, "status": told.status, "value": told.value}


# --- what is outside ------------------------------------------------------------------------------


def _problem_json(problem: Any) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("file", "line", "column", "message", "allowed")}


def _counts(settings: Settings) -> dict[str, int]:
    return {
        "items": len(settings.rules.items),
        "feeds": len(settings.feeds),
        "outlets": len(settings.rules.outlets),
        "receivers": len({name.rpartition("/")[0] or name for name in settings.receivers}),
        "routes": len(settings.routes),
    }


def _try_feeds(settings: Settings) -> list[dict[str, Any]]:
    from watcher.app import build, now
    from watcher.errors import FeedError
    from watcher.feeds.http import Fetched, FetchFailed
    from watcher.feeds.kinds import ask_for, read_answer

    feeds = {feed.id: feed for feed in settings.feeds}
    requests = [ask_for(feed) for feed in settings.feeds]
    most = settings.polling.max_entries
    tried: list[dict[str, Any]] = []
    for outcome in build(settings).fetcher.fetch(requests, now()):
        entries, ok, detail = 0, True, ""
        if isinstance(outcome, FetchFailed):
            ok, detail = False, f"{outcome.failure}: {outcome.detail}"
        elif isinstance(outcome, Fetched):
            try:
                parsed = read_answer(feeds[outcome.feed], outcome, max_entries=most)
                entries, detail = len(parsed.entries), parsed.degraded
            except FeedError as error:
                ok, detail = False, str(error)
        tried.append({"feed": outcome.feed, "ok": ok, "entries": entries, "detail": detail})
    return tried


def _try_database(settings: Settings) -> str:
    """Say what is wrong with the database; empty when it is fine or still empty."""
    from watcher.errors import WatcherError
    from watcher.storage.store import Store

    if no_database(settings):
        return ""
    store = Store.open(settings.database)
    try:
        if store.revision() is not None:
            store.check_schema()
    except WatcherError as error:
        return str(error)
    finally:
        store.close()
    return ""


def schema(
    of: Annotated[str, typer.Argument(help="config or webhook.", metavar="[OF]")] = "config",
) -> None:
    """Print the JSON Schema of the configuration files, for editors; or of what a webhook gets."""
    from watcher.config import json_schema
    from watcher.delivery.payload import schema as webhook_schema
    from watcher.errors import UsageError

    if of not in ("config", "webhook"):
        raise UsageError(f"there is no schema of {of!r}; allowed: config, webhook")
    emit_json(json_schema() if of == "config" else webhook_schema())


def seed(
    folder: Annotated[Path, typer.Argument(help="The folder of seed files.", metavar="[FOLDER]")] = Path("seeds"),
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Take the items' starting states and where they were reported from seed files into the database.

    May be repeated: what is there already is left alone. Refused for an item that has moved since.
    """
    from watcher.app import App, log_as
    from watcher.config import load_seeds
    from watcher.errors import UsageError

    settings = settings_from(config)
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}")
    seeds = load_seeds(folder, settings.rules)
    log_as(settings)
    with App.open(settings, env=os.environ) as app:
        result = app.seed(seeds)
    if as_json:
        emit_json({"applied": list(result.applied), "unchanged": list(result.unchanged)})
    else:
        emit_lines(
            [*(f"{item}: seeded" for item in result.applied), *(f"{item}: as before" for item in result.unchanged)]
        )
