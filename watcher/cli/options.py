"""The options that several commands share, and the configuration they lead to."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.config import Settings
    from watcher.storage.store import Store

LONGEST_NAME = 80  # characters of a person's
DEFAULT_CONFIG = Path("config/watcher.yaml")

Config = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="WATCHER_CONFIG", help="The service's configuration file.", metavar="FILE"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text.")]
By = Annotated[
    str | None,
    typer.Option("--by", envvar="WATCHER_USER", help="Who you are; your login name if not told.", metavar="NAME"),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


def settings_from(config: Path, *, addresses: bool = False) -> Settings:
    """Load the configuration; ConfigError lists every mistake. With `addresses`, the receivers' are tried out too,
    which commands that send nothing are spared."""
    from watcher.config import load
    from watcher.errors import UsageError

    if not config.is_file():
        raise UsageError(f"there is no configuration file {config}: name one with --config or WATCHER_CONFIG")
    if not addresses:
        return load(config, os.environ)
    from watcher.app import read_settings

    return read_settings(config, os.environ)


def who(by: str | None) -> str:
    """Return the name of the person who types: the one given, else that of the login."""
    import getpass

    from watcher.errors import UsageError

    try:
        name = getpass.getuser() if by is None else by
    except (KeyError, OSError):
        name = ""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise UsageError(f"say who you are with --by or WATCHER_USER (allowed: 1 to {LONGEST_NAME} characters)")
    return name


def no_database(settings: Settings) -> str:
    """Say that there is no database yet; empty when there is one, or when only asking its server could tell.

    SQLite makes the file it is asked to open, and a look must not leave an empty one behind.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(settings.database)
    except (ArgumentError, ValueError):
        return ""  # the store says what is wrong with it
    file = url.database if url.drivername == "sqlite" else None
    if not file or file.startswith((":", "file:")) or Path(file).exists():
        return ""
    return f"there is no database yet: {file} comes with the first `watcher run` or `watcher once`"


def store_from(settings: Settings, *, as_json: bool = False) -> Store:
    """Open the database for reading or tending it; it must have the tables of this version (SchemaError).

    Raises UsageError when there is none yet, and with `as_json` says so on stdout too, for machines.
    """
    from watcher.cli.output import emit_json
    from watcher.errors import UsageError
    from watcher.storage.store import Store

    if missing := no_database(settings):
        if as_json:
            emit_json({"error": missing})
        raise UsageError(missing)
    store = Store.open(settings.database)
    try:
        store.check_schema()
    except BaseException:
        store.close()
        raise
    return store


@contextmanager
def opened_store(settings: Settings, *, as_json: bool = False) -> Iterator[Store]:
    """Give what `store_from` opens, and close it."""
    store = store_from(settings, as_json=as_json)
    try:
        yield store
    finally:
        store.close()


def confirm(yes: bool, question: str) -> None:
    """Ask on a terminal; without one, `--yes` must have been given. Ends the command when the answer is no."""
    import sys

    from watcher.errors import UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Say --yes to do it.")
    typer.confirm(question, abort=True, err=True)
