"""How commands print: data on stdout as tables or JSON, remarks on stderr.

Text from feeds is hostile in a terminal too: control and direction characters are removed, and nothing of it is ever
read as markup.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Any, TypeVar
from urllib.parse import urlsplit

# C0 and C1 controls (escape sequences begin there), line separators, and what turns the direction of writing
_HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
LONGEST = 100  # columns of a title in a table
MASK = "***"
_WIDE = 10_000  # columns when stdout is no terminal: a line of a table is a line of the output

_T = TypeVar("_T")
Cell = str | tuple[str, str]  # text, or text with a Rich style


def clean(text: str) -> str:
    """Return the text on one line, without the characters that make a terminal do something."""
    return _HOSTILE.sub(" ", text)


def cut(text: str, columns: int = LONGEST) -> str:
    """Return the text on one line, cut with an ellipsis where it is wider; for people, never for machines."""
    from rich.text import Text

    line = Text(clean(text))
    line.truncate(columns, overflow="ellipsis")
    return line.plain


def masked_url(url: str) -> str:
    """Return a web address without what may be secret in it: no user, password or fragment, a query only hinted at."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "an address that cannot be read"
    host = f"[{host}]" if ":" in host else host
    query = f"?{MASK}" if parts.query else ""
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}{query}"


def plural(count: int, word: str, many: str = "") -> str:
    """A number of things in words: "1 outlet", "2 outlets"; `many` where an "s" is not enough."""
    return f"{count} {word if count == 1 else many or f'{word}s'}"


def emit_json(data: Any) -> None:
    """Print one JSON document."""
    text = json.dumps(data, ensure_ascii=False, indent=2, default=_plain)
    # JSON escapes C0 itself; the other hostile characters are escaped here, so that the document stays the same
    print(_HOSTILE.sub(lambda found: _escaped(found[0]), text))


def _escaped(run: str) -> str:
    return "".join(c if c == "\n" else f"\\u{ord(c):04x}" for c in run)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON form for {type(value).__name__}")


def emit_done(data: Any, said: str, *, as_json: bool) -> None:
    """Say what was done: for machines its data, for people a remark."""
    if as_json:
        emit_json(data)
    else:
        remark(said)


def emit_table(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Print rows under their heads; plain text where stdout is no terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(Text(*_styled(cell)) for cell in row))
    console = Console(markup=False, highlight=False, emoji=False, width=None if sys.stdout.isatty() else _WIDE)
    with console.capture() as capture:
        console.print(table)
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))


def emit_lines(lines: Iterable[Cell]) -> None:
    """Print lines, styled on a terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
    for line in lines:
        console.print(Text(*_styled(line)))


def _styled(cell: Cell) -> tuple[str, str]:
    text, style = (cell, "") if isinstance(cell, str) else cell
    return clean(text), style


def progress(things: Iterable[_T], doing: str, total: int) -> Iterable[_T]:
    """Go through things with a bar on stderr where that is a terminal, and without a word elsewhere."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if not console.is_terminal:
        return things
    return track(things, description=doing, total=total, console=console, transient=True)


def remark(text: str) -> None:
    """Say something to the person on stderr; may have several lines."""
    print("\n".join(clean(line) for line in text.splitlines()), file=sys.stderr)


def moment(at: datetime | None, zone: tzinfo) -> str:
    """A time for people, in their zone; "-" for none."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M") if at else "-"
