"""The command `watcher`: its sub-commands put together, and how every error becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from watcher import __version__
from watcher.cli import (
    backtest,
    correct,
    daemon,
    database,
    demo,
    digest,
    explain,
    feeds,
    files,
    listing,
    outbox,
    people,
    preview,
    render,
    routes,
    silences,
)
from watcher.cli.output import plural, remark
from watcher.errors import ArchiveError, ConfigError, WatcherError

program = typer.Typer(
    name="watcher",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Watch policy news and tell people when a watch item changes state.",
    epilog="Exit codes: 0 fine, 1 something failed, 2 wrong usage or configuration, 3 an item changed state (once).",
)
for module in (
    daemon, files, listing, digest, people, silences, correct, feeds, explain, preview, routes, backtest, outbox,
    render, database, demo,
):  # fmt: skip
    module.register(program)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"watcher {__version__}")
        raise typer.Exit


@program.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Watch policy news and tell people when a watch item changes state."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave the process with its exit code; an error of ours is a message, never a traceback."""
    try:
        program(args=list(arguments) if arguments is not None else None, prog_name="watcher")
    except ConfigError as error:
        remark(f"{error}\nwatcher: the configuration is wrong ({plural(len(error.problems), 'problem')})")
        sys.exit(error.exit_code)
    except ArchiveError as error:
        count = plural(len(error.problems), "problem")
        remark(f"{error}\nwatcher: the archive {error.archive} cannot be replayed ({count})")
        sys.exit(error.exit_code)
    except WatcherError as error:
        remark(f"watcher: {error}")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output left; the interpreter must not fail again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
