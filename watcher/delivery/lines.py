"""The lines of a message as plain text: what every form of it is made from, so that none says more than another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from watcher.delivery.plain import Link, fold, safe_link, unlinked
from watcher.domain.alerts import AlertKind

LineKind = Literal["title", "head", "text", "fact", "quote", "by", "link", "small", "gap"]
NOTE_LINES = 12


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a message, as plain text. A line of kind "link" is the link."""

    kind: LineKind
    text: str = ""
    label: str = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """How much is shown: characters of one text that others wrote, how many quotes, how many alerts of a merged
    message, and of those whether more than a headline each."""

    text: int = 600
    quotes: int = 4
    alerts: int = 50
    brief: bool = False


GAP = Line("gap")


def tidy(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Leave one gap where several meet, and none at the ends."""
    kept: list[Line] = []
    for line in lines:
        if line.kind != "gap" or (kept and kept[-1].kind != "gap"):
            kept.append(line)
    return tuple(kept[:-1] if kept and kept[-1].kind == "gap" else kept)


def link_line(label: str, url: str) -> Iterator[Line]:
    """Yield a link of ours with its label, where `url` can be shown."""
    if link := safe_link(url):
        yield Line("link", link.url, label, link)


def state_of(label: str, value: str | None) -> str:
    """Tell a state with what it carries: "extended (2026-11-10)"."""
    return f"{fold(label, 40)} ({unlinked(value, 30)})" if value else fold(label, 40)


def small_print(kind: AlertKind, reason: str, *about: tuple[str, str]) -> Line:
    """Say what kind of alert it is, why it came, and what else tells it from others: names with their values."""
    told = (("", kind.value), ("reason", reason), *about)
    return Line("small", ", ".join(f"{name} {fold(value, 60)}".strip() for name, value in told if value))
