"""What a document comes to, and how the pieces a parser found become entries. Knows no format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from watcher.domain.feeds import Snapshot
from watcher.domain.times import require_utc
from watcher.feeds.dates import parse_date
from watcher.feeds.identity import derive_key, resolve_link
from watcher.feeds.plaintext import flatten

MAX_TITLE_CHARS = 1_000
MAX_SUMMARY_CHARS = 6_000
MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    """One entry of a document, in plain text."""

    key: str  # identity within the feed; never empty
    title: str
    summary: str  # paragraphs parted by newlines
    link: str  # http(s) or ""
    published: datetime | None
    source: str = ""  # the outlet as an aggregator names it
    language: str = ""  # primary language tag, lower case: "en"
    removed: str = ""  # what a page no longer says
    by_key: bool = False  # as in NewEntry

    def __post_init__(self) -> None:
        require_utc(published=self.published)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document that is a feed. No entries is a valid answer: the feed is empty."""

    entries: tuple[ParsedEntry, ...]  # oldest first; no key twice
    title: str = ""
    degraded: str = ""  # what had to be mended, "" when nothing
    every: timedelta | None = None  # how often the feed says it changes
    known: int = 0  # further entries of the document, left out because they were seen before
    marks: bytes = b""  # what tells the document's entries from others at the next poll; empty when nothing does
    snapshot: Snapshot | None = None  # of a page: what its next reading is compared with
    unchanged: bool = False  # a page that says what it said before


@dataclass(frozen=True, slots=True)
class RawEntry:
    """The pieces of one entry as its format holds them: markup, relative links, dates as written."""

    id: str = ""
    title: str = ""
    summary: str = ""
    link: str = ""
    base: str = ""  # what the link is relative to, itself perhaps relative to the document
    dates: tuple[tuple[str, tuple[int, ...] | None], ...] = ()  # (as written, another parser's reading), best first
    published: datetime | None = None  # where the format's own reader knew it; counts before `dates`
    source: str = ""
    language: str = ""


def assemble(raws: Sequence[RawEntry], *, url: str, max_entries: int) -> tuple[tuple[ParsedEntry, ...], list[str]]:
    """Turn the first `max_entries` raw entries, in document order, into entries, oldest first, and notes on the rest.

    Feeds put the newest first, so the order is reversed; it is by date where every entry has one. Of two entries with
    one key the first in the document counts.
    """
    entries, notes = arrange(raws, url=url, max_entries=max_entries)
    return tuple(entries.values()), notes


def arrange(
    raws: Sequence[RawEntry], *, url: str, max_entries: int, others_dated: bool = True
) -> tuple[dict[int, ParsedEntry], list[str]]:
    """As `assemble`, with each entry's index in `raws`, in the order of the entries.

    `others_dated` tells of those entries of the document that are not among `raws`.
    """
    finished = ((number, _finish(raw, url)) for number, raw in enumerate(raws[:max_entries]))
    found = {number: entry for number, entry in finished if entry.title or entry.summary}
    kept: dict[str, tuple[int, ParsedEntry]] = {}
    for number, entry in zip(found, _part_shared_links(tuple(found.values())), strict=True):
        kept.setdefault(entry.key, (number, entry))
    entries = list(reversed(kept.values()))
    if others_dated and all(entry.published is not None for _, entry in entries):
        entries.sort(key=lambda pair: (pair[1].published is not None, pair[1].published))
    left_out = (
        (len(raws[:max_entries]) - len(found), "without any text"),
        (len(found) - len(kept), "repeated within the document"),
        (len(raws[max_entries:]), f"beyond the first {max_entries}"),
    )
    return dict(entries), [f"{count} {why} left out" for count, why in left_out if count]


def _part_shared_links(entries: Sequence[ParsedEntry]) -> Iterator[ParsedEntry]:
    """Key entries by title and day where several headlines without ids share one link: a live page, a front page."""
    headlines: dict[str, set[str]] = {}
    for entry in entries:
        headlines.setdefault(entry.key, set()).add(entry.title or entry.summary)
    for entry in entries:
        if len(headlines[entry.key]) > 1 and entry.key == derive_key("", entry.link, "", None):
            yield replace(entry, key=derive_key("", "", entry.title or entry.summary, entry.published))
        else:
            yield entry


def _finish(raw: RawEntry, url: str) -> ParsedEntry:
    title = flatten(raw.title, max_chars=MAX_TITLE_CHARS, one_line=True)
    summary = flatten(raw.summary, max_chars=MAX_SUMMARY_CHARS)
    link = resolve_link(raw.link, resolve_link(raw.base, url) or url)
    published = raw.published or next((when for text, other in raw.dates if (when := parse_date(text, other))), None)
    return ParsedEntry(
        key=derive_key(raw.id, link, title or summary, published),
        title=title,
        summary="" if summary == title else summary,
        link=link,
        published=published,
        source=flatten(raw.source, max_chars=MAX_NAME_CHARS, one_line=True),
        language=read_language(raw.language),
    )


def read_language(tag: str) -> str:
    """Return the primary part of a language tag ("en" of "en-US"), lower case; "" when it is none."""
    primary = tag.strip().replace("_", "-").partition("-")[0].lower()
    return primary if primary.isalpha() and primary.isascii() and len(primary) in (2, 3) else ""
