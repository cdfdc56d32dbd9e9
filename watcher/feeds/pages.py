"""One page, whose changes are the news: an entry holds the sentences that were added, and those that are gone.

The first reading is what later ones are compared with, and makes no entry.
"""

from __future__ import annotations

import hashlib
from collections import Counter

from watcher.domain.feeds import Selectors, Snapshot
from watcher.domain.text import sentences
from watcher.feeds.documents import FeedBroken
from watcher.feeds.entries import MAX_SUMMARY_CHARS, MAX_TITLE_CHARS, Parsed, ParsedEntry, read_language
from watcher.feeds.markup import Element, drop_unread, language_of, read_page, selector, texts_of, title_of
from watcher.feeds.plaintext import tidy

MAX_PAGE_CHARS = 100_000  # of text that are compared and kept


def parse_page(body: bytes, select: Selectors, former: Snapshot | None, *, url: str, content_type: str) -> Parsed:
    """Read a page and compare its text with the former reading, None for the first.

    `select.text` says which elements hold the text; else it is <main>, else <article>, else all of the page but its
    menus. Sentences that only changed places are no change. Raises FeedBroken when there is no text.
    """
    root = read_page(body, content_type)
    title, language = title_of(root, max_chars=MAX_TITLE_CHARS), language_of(root)
    text = _read_text(root, select.text)
    present = _split(text)
    notes = f"read to {MAX_PAGE_CHARS} characters only" if len(text) >= MAX_PAGE_CHARS else ""
    if former is None:
        return Parsed((), title=title, degraded=notes, snapshot=Snapshot("\n".join(present)))
    past = former.text.split("\n")
    added, removed = _missing(present, past), _missing(past, present)
    if not added and not removed:
        return Parsed((), title=title, degraded=notes, unchanged=True)
    snapshot = Snapshot("\n".join(present), former.changes + 1)
    entry = ParsedEntry(
        key=_key(snapshot),
        title=title or url,
        summary=tidy("\n".join(added), max_chars=MAX_SUMMARY_CHARS),
        link=url,
        published=None,
        language=read_language(language),
        removed=tidy("\n".join(removed), max_chars=MAX_SUMMARY_CHARS),
        by_key=True,
    )
    return Parsed((entry,), title=title, degraded=notes, snapshot=snapshot)


def _read_text(root: Element, css: str) -> str:
    drop_unread(root)
    if css:
        elements = selector(css)(root)
        if not elements:
            raise FeedBroken(f"no element of the page is its text (select.text: {css})")
        text = texts_of(elements, max_chars=MAX_PAGE_CHARS)
    else:
        parts = root.xpath("//main") or root.xpath("//article[not(ancestor::article)]")
        if not parts:
            drop_unread(root, furniture=True)
            parts = [root]
        text = texts_of(parts, max_chars=MAX_PAGE_CHARS)
    if not text:
        raise FeedBroken("a page without text")
    return text


def _split(text: str) -> list[str]:
    """Part a text at its lines and sentences."""
    return [line[start:end].strip() for line in text.split("\n") for start, end in sentences(line)]


def _missing(these: list[str], those: list[str]) -> list[str]:
    """Return what is in these and not in those, in order, as often as it is in excess."""
    left = Counter(those)
    excess = []
    for each in these:
        if left[each] > 0:
            left[each] -= 1
        else:
            excess.append(each)
    return excess


def _key(snapshot: Snapshot) -> str:
    """The number of the change is part of it: a page may go back to what it said, and that is news again."""
    return f"change-{snapshot.changes}:{hashlib.sha256(snapshot.text.encode()).hexdigest()[:32]}"
