"""The demo's story as data: what which outlet publishes when, and which changes of state a careful reader sees.

It only reads the files beside it in lithium/; showing and checking are elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from watcher.demo.newsstand import Masthead, Piece

FOLDER = Path(__file__).with_name("lithium")


@dataclass(frozen=True, slots=True)
class Published:
    """One piece on the feed that shows it; `trap` names the mistake it invites, empty where it invites none."""

    feed: str
    piece: Piece
    trap: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """An item came to a state because of what a piece says; `value` is the state's, empty where any
    will do."""

    item: str
    to: str
    because: Piece
    value: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """`before` is there when the watch begins; each of `moments` follows once everything so far has been read."""

    mastheads: tuple[Masthead, ...]
    before: tuple[Published, ...]
    moments: tuple[tuple[Published, ...], ...]
    expected: tuple[Change, ...]

    def title(self, feed: str) -> str:
        """The name of the outlet behind `feed`."""
        return next(masthead.title for masthead in self.mastheads if masthead.id == feed)


def load_story(path: Path = FOLDER / "story.yaml") -> Story:
    """Read the story; the file ships with the package, so a mistake in it raises what it raises."""
    data = YAML(typ="safe", pure=True).load(path)
    numbers = iter(range(1, 10_000))
    moments = tuple(tuple(_published(piece, next(numbers)) for piece in moment["pieces"]) for moment in data["moments"])
    pieces = {one.piece.title: one.piece for moment in moments for one in moment}
    return Story(
        mastheads=tuple(Masthead(**feed) for feed in data["feeds"]),
        before=tuple(_published(piece, number) for number, piece in enumerate(data["before"], 901)),
        moments=moments,
        expected=tuple(
            Change(change["item"], change["to"], pieces[change["because"]], change.get("value", ""))
            for change in data["expected"]
        ),
    )


def _published(data: dict[str, Any], number: int) -> Published:
    at: datetime = data["at"]
    piece = Piece(
        key=f"{data['feed']}-{number}",
        title=data["title"],
        at=(at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC),
        summary=data.get("summary", ""),
        link=f"https://{data['feed']}.example/{at:%Y/%m/%d}/{number}",
        source=data.get("source", ""),
    )
    return Published(data["feed"], piece, data.get("trap", ""))
