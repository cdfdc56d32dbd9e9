"""The documents of the U.S. Federal Register, as its API gives them (federalregister.gov/developers/documentation).

A search is an address; what it answers becomes entries that say in words from when a document is effective and until
when it may be commented on.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from watcher.feeds.dates import parse_date
from watcher.feeds.documents import FeedBroken
from watcher.feeds.entries import Parsed, RawEntry, assemble
from watcher.feeds.lists import END_OF_DAY
from watcher.feeds.plaintext import flatten

_MAX_PART = 4_000  # characters of an abstract
SOURCE = "Federal Register"


def parse_documents(body: bytes, *, url: str, max_entries: int) -> Parsed:
    """Read an answer of the documents search; raise FeedBroken for anything else. No results is a valid answer."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise FeedBroken("no answer of the Federal Register: not JSON") from None
    if not isinstance(answer, dict):
        raise FeedBroken("no answer of the Federal Register: JSON without results")
    if "errors" in answer:
        raise FeedBroken(f"the Federal Register refuses the search: {_shown(answer['errors'])}")
    results = answer.get("results", [] if answer.get("count") == 0 else None)
    if not isinstance(results, list):
        raise FeedBroken("no answer of the Federal Register: JSON without results")
    raws = [_read_document(each) for each in results if isinstance(each, dict)]
    entries, notes = assemble(raws, url=url, max_entries=max_entries)
    return Parsed(entries, title="Federal Register", degraded="; ".join(notes))


def _read_document(document: dict[str, Any]) -> RawEntry:
    kind, agencies = _text(document, "type"), _agencies(document)
    about = ", ".join(part for part in (kind, agencies) if part)
    effective, closes = _day(document, "effective_on"), _day(document, "comments_close_on")
    parts = (
        _plain(document, "abstract"),
        _plain(document, "action"),
        _plain(document, "dates"),
        f"It is effective on {_written(effective)}." if effective else "",
        f"Comments close on {_written(closes)}." if closes else "",
        about,
    )
    published = _day(document, "publication_date")
    return RawEntry(
        id=_text(document, "document_number"),
        title=_text(document, "title"),
        summary="\n\n".join(part for part in parts if part),
        link=_text(document, "html_url"),
        published=datetime.combine(published, END_OF_DAY) if published else None,
        source=SOURCE,
        language="en",
    )


def _agencies(document: dict[str, Any]) -> str:
    agencies = document.get("agencies")
    named = [each for each in agencies if isinstance(each, dict)] if isinstance(agencies, list) else []
    return ", ".join(dict.fromkeys(name for each in named if (name := _text(each, "name") or _text(each, "raw_name"))))


def _text(holder: dict[str, Any], key: str) -> str:
    value = holder.get(key)
    return value.strip() if isinstance(value, str) else ""


def _plain(document: dict[str, Any], key: str) -> str:
    text = flatten(_text(document, key), max_chars=_MAX_PART, one_line=True)
    return text if not text or text.endswith((".", "…", "!", "?")) else f"{text}."


def _day(document: dict[str, Any], key: str) -> date | None:
    when = parse_date(_text(document, key))
    return when.date() if when else None


def _written(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _shown(errors: Any) -> str:
    return flatten(json.dumps(errors, ensure_ascii=False), max_chars=200, one_line=True)
