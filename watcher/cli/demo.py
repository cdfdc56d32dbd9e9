"""`demo`: the whole product at work on an invented story, on this machine alone."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Learn")(demo)


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running after the story has ended, until Ctrl-C.")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Print lines instead of a live table.")] = False,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Write the last frame of the table there, as SVG.", metavar="FILE")
    ] = None,
) -> None:
    """Tell an invented story to the real daemon, over real feeds, mail and Slack servers on the loopback.

    Takes half a minute. Exit code 1 when a message that should have come is missing, or one came that should not.
    Needs the extra `demo`: pip install "policy-watcher[demo]".
    """
    from watcher.errors import UsageError

    try:
        from watcher.demo.show import play
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("watcher"):
            raise
        raise UsageError(f'the demo needs {error.name}: pip install "policy-watcher[demo]"') from error
    # Ended from outside, it leaves as after Ctrl-C: with its daemon.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    raise typer.Exit(play(keep=keep, plain=plain, picture_to=picture))
