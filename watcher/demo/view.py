"""What the demo shows: a live table on a terminal, one line per event elsewhere, a summary table at the end.

It draws a `Board` and decides nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from watcher.demo.story import Published

HEADLINES = 9
GLOW_FRAMES = 8  # how long a change of state stays highlighted


@dataclass(slots=True)
class Row:
    """One item as the board shows it."""

    title: str
    state: str  # label, with the value where it has one
    was: str = ""
    glow: int = 0
    emails: int = 0
    slacks: int = 0


@dataclass(slots=True)
class Board:
    """Everything on the screen."""

    rows: dict[str, Row]
    outlets: dict[str, str]  # feed -> name of the outlet behind it
    headlines: deque[Published] = field(default_factory=lambda: deque(maxlen=HEADLINES))
    published: int = 0
    polls: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the summary: a change of state, whether it was expected, and the messages that told it."""

    item: str  # title
    change: str
    because: str  # headline of the best evidence
    emails: int
    slacks: int
    expected: bool

    @property
    def right(self) -> bool:
        """Told exactly once by each way, and rightly so."""
        return self.expected and self.emails == 1 and self.slacks == 1


class View:
    """Shows the board on `console`: as a live picture on a terminal, else as lines."""

    def __init__(self, console: Console, board: Board) -> None:
        self._console = console
        self._board = board
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> View:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """Print one line above the picture."""
        self._console.print(text, style="dim", highlight=False)

    def published(self, piece: Published) -> None:
        """An outlet published something."""
        self._board.headlines.append(piece)
        self._board.published += 1
        if self._live is None:
            self._console.print(_headline(piece, self._board), soft_wrap=True, highlight=False)

    def moved(self, item: str, state: str) -> None:
        """An item came to a state."""
        row = self._board.rows[item]
        row.was, row.state, row.glow = row.state, state, GLOW_FRAMES
        if self._live is None:
            line = f"    => {row.title}: {row.was} -> {row.state}"
            self._console.print(line, soft_wrap=True, highlight=False, markup=False)

    def refresh(self) -> None:
        """Draw the next frame."""
        if self._live:
            self._live.update(picture(self._board), refresh=True)
        for row in self._board.rows.values():
            row.glow = max(0, row.glow - 1)


def picture(board: Board) -> RenderableType:
    """One frame: the items above, the latest headlines below."""
    items = Table(box=box.SIMPLE_HEAD, expand=True, title="watcher demo", title_justify="left", title_style="bold")
    items.add_column("Watch item", ratio=7)
    items.add_column("Stands at", ratio=4)
    items.add_column("Before", ratio=4, style="dim")
    items.add_column("Email", justify="right")
    items.add_column("Slack", justify="right")
    for row in board.rows.values():
        style = "bold green" if row.glow else ""
        items.add_row(escape(row.title), Text(row.state, style), escape(row.was), str(row.emails), str(row.slacks))
    news = Table(box=None, expand=True, show_header=False, padding=(0, 1))
    news.add_column(no_wrap=True, overflow="ellipsis")
    for piece in board.headlines:
        news.add_row(_headline(piece, board))
    foot = Text(f" {board.published} headlines published, feeds polled {board.polls} times", style="dim")
    return Group(items, news, Text(), foot)


def _headline(piece: Published, board: Board) -> Text:
    outlet = piece.piece.source or board.outlets[piece.feed]
    line = Text.assemble((f"{piece.piece.at:%d %b} ", "dim"), (f"{outlet}: ", "cyan"), piece.piece.title)
    if piece.trap:
        line.append(f"  [trap: {piece.trap}]", "dim yellow")
    return line


def summary(results: Sequence[Result], traps: int) -> RenderableType:
    """The table at the end: every change told or expected, in order."""
    table = Table(box=box.SIMPLE_HEAD, title="What the receivers got", title_justify="left", title_style="bold")
    for column in ("", "Watch item", "Change of state", "Because of"):
        table.add_column(column)
    table.add_column("Email", justify="right")
    table.add_column("Slack", justify="right")
    for result in results:
        mark = Text("ok", "green") if result.right else Text(_wrong(result), "bold red")
        table.add_row(
            mark,
            escape(result.item),
            escape(result.change),
            escape(result.because),
            str(result.emails),
            str(result.slacks),
        )
    right = sum(result.right for result in results)
    expected = sum(result.expected for result in results)
    return Group(
        table, Text(f"{right} of {expected} changes told once by email and once by Slack; {traps} traps laid.")
    )


def _wrong(result: Result) -> str:
    if not result.expected:
        return "unexpected"
    return "missing" if not (result.emails and result.slacks) else "repeated"
