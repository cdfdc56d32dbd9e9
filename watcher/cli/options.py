"""The options that several commands share, and the configuration they lead to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.storage.store import Store

DEFAULT_CONFIG = Path("config/watcher.yaml")

Config = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="WATCHER_CONFIG", help="The service's configuration file.", metavar="FILE"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text.")]
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


def store_from(settings: Settings) -> Store:
    """Open the database for reading or tending it; it must have the tables of this version (SchemaError)."""
    from watcher.storage.store import Store

    store = Store.open(settings.database)
    try:
        store.check_schema()
    except BaseException:
        store.close()
        raise
    return store


def confirm(yes: bool, question: str) -> None:
    """Ask on a terminal; without one, `--yes` must have been given. Ends the command when the answer is no."""
    import sys

    from watcher.errors import UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Say --yes to do it.")
    typer.confirm(question, abort=True, err=True)
