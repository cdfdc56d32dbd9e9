"""`check`, `schema` and `seed`: the operator's files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.options import DEFAULT_CONFIG, Config, Json, settings_from
from watcher.cli.output import emit_json, emit_lines, emit_table, remark

if TYPE_CHECKING:
    from watcher.config import Settings

Online = Annotated[bool, typer.Option("--online", help="Also fetch every feed once and look at the database.")]


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Set up")(check)
    program.command(rich_help_panel="Set up")(schema)
    program.command(rich_help_panel="Set up")(seed)


def check(config: Config = DEFAULT_CONFIG, online: Online = False, as_json: Json = False) -> None:
    """Check the configuration and every file it names; report all mistakes at once, with file, line and column.

    Changes nothing. Exit code 2 when a file is wrong, 1 when --online found a feed or the database wanting.
    """
    from watcher.errors import ConfigError

    try:
        settings = settings_from(config, addresses=True)
    except ConfigError as error:
        if as_json:
            emit_json({"ok": False, "problems": [_problem_json(problem) for problem in error.problems]})
        raise
    feeds = _try_feeds(settings) if online else []
    database = _try_database(settings) if online else ""
    fine = not database and all(feed["ok"] for feed in feeds)
    if as_json:
        notes = [_problem_json(note) for note in settings.notes]
        tried = {"feeds_tried": feeds, "database": database} if online else {}
        emit_json({"ok": fine, "problems": [], "notes": notes, **_counts(settings), **tried})
    else:
        _show(settings, feeds)
    if database:
        remark(f"watcher: database: {database}")
    if not fine:
        raise typer.Exit(1)


def _show(settings: Settings, feeds: list[dict[str, Any]]) -> None:
    emit_lines([f"{settings.path}: fine; " + ", ".join(f"{n} {name}" for name, n in _counts(settings).items())])
    if feeds:
        emit_table(
            ("FEED", "RESULT", "ENTRIES", "DETAIL"),
            [
                (f["feed"], ("fine", "") if f["ok"] else ("FAILED", "red"), str(f["entries"]), f["detail"])
                for f in feeds
            ],
        )
    for note in settings.notes:
        remark(f"note: {note}")


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
    from watcher.domain.model import Hints
    from watcher.errors import FeedError
    from watcher.feeds.http import Fetched, FetchFailed, FetchRequest
    from watcher.feeds.parse import parse

    requests = [FetchRequest(feed.id, feed.url, Hints(), feed.allow_private) for feed in settings.feeds]
    tried: list[dict[str, Any]] = []
    for outcome in build(settings).fetcher.fetch(requests, now()):
        entries, ok, detail = 0, True, ""
        if isinstance(outcome, FetchFailed):
            ok, detail = False, f"{outcome.failure}: {outcome.detail}"
        elif isinstance(outcome, Fetched):
            try:
                parsed = parse(outcome.body, url=outcome.url, content_type=outcome.content_type)
                entries, detail = len(parsed.entries), parsed.degraded
            except FeedError as error:
                ok, detail = False, str(error)
        tried.append({"feed": outcome.feed, "ok": ok, "entries": entries, "detail": detail})
    return tried


def _try_database(settings: Settings) -> str:
    """Say what is wrong with the database; empty when it is fine or still empty."""
    from watcher.errors import WatcherError
    from watcher.storage.store import Store

    store = Store.open(settings.database)
    try:
        if store.revision() is not None:
            store.check_schema()
    except WatcherError as error:
        return str(error)
    finally:
        store.close()
    return ""


def schema() -> None:
    """Print the JSON Schema of the configuration files, for editors."""
    from watcher.config import json_schema

    emit_json(json_schema())


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
