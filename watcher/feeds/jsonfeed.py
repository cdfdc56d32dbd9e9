"""JSON Feed, versions 1.0 and 1.1 (jsonfeed.org), read leniently: a field of the wrong type is a missing field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from watcher.feeds.documents import FeedBroken
from watcher.feeds.entries import RawEntry


def parse_json(text: str) -> tuple[str, list[RawEntry]]:
    """Return the feed's title and its entries in document order; FeedBroken when the text is no JSON Feed."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise FeedBroken("JSON that is broken off or malformed") from None
    version = _text(document, "version")
    if "jsonfeed.org/version/" not in version:
        raise FeedBroken("JSON that is no feed: no JSON Feed version in it")
    items = document.get("items")
    if not isinstance(items, list):
        raise FeedBroken("a JSON Feed without a list of items")
    return _text(document, "title"), list(_read_items(items, _text(document, "language")))


def _read_items(items: list[Any], language: str) -> Iterator[RawEntry]:
    for item in items:
        dates = tuple((text, None) for key in ("date_published", "date_modified") if (text := _text(item, key)))
        yield RawEntry(
            id=_text(item, "id"),
            title=_text(item, "title"),
            summary=_text(item, "summary") or _text(item, "content_html") or _text(item, "content_text"),
            link=_text(item, "url") or _text(item, "external_url"),
            dates=dates,
            language=_text(item, "language") or language,
        )


def _text(holder: Any, key: str) -> str:
    """Return a text or number field as text; "" for anything else (ids are numbers in some feeds)."""
    value = holder.get(key) if isinstance(holder, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)
