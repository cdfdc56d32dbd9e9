"""A feed's bytes in, entries in plain text out, whatever the format and however broken.

feedparser and its dictionaries stay behind this door. Nothing is fetched, and no clock is read.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import feedparser

import watcher.feeds.sparing  # noqa: F401  (see there)
from watcher.feeds.documents import Document, FeedBroken, read_document
from watcher.feeds.entries import MAX_NAME_CHARS, Parsed, ParsedEntry, RawEntry, arrange, assemble
from watcher.feeds.identity import derive_key
from watcher.feeds.jsonfeed import parse_json
from watcher.feeds.plaintext import flatten
from watcher.feeds.slices import Slice, apart, cut, find_slices, pack_marks, read_marks
from watcher.feeds.walls import FeedBlocked, name_wall

__all__ = ["FeedBlocked", "FeedBroken", "Parsed", "ParsedEntry", "parse"]

_UTF8 = {"content-type": "application/xml; charset=utf-8"}
_DATES = ("published", "updated", "created")
_OUTLETS = ("news_source", "dc_source", "publisher")  # beside RSS's and Atom's <source>
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}


def parse(body: bytes, *, url: str, content_type: str = "", max_entries: int = 500, known: bytes = b"") -> Parsed:
    """Read RSS (0.9x, 1.0, 2.0), Atom, RDF or JSON Feed; `url` is what relative links are resolved against.

    Damage is mended and named in `degraded`; an unfinished last entry of a cut document is left out. Raises FeedBroken,
    saying what came instead, for anything that is no feed, an empty body included; FeedBlocked when that is a wall. An
    empty feed is no error.

    `known` are the `marks` of an earlier document of the feed: entries it held are left out and counted. Where it is
    certain that the others do not depend on them, they are not even parsed. Everything else is the same without it.
    """
    try:
        document = read_document(body, content_type=content_type, max_entries=max_entries)
    except FeedBroken as broken:
        if "HTML" in str(broken) and (wall := name_wall(body, url=url)):
            raise FeedBlocked(f"{wall} instead of a feed") from broken
        raise
    if document.kind == "json":
        title, raws = parse_json(document.text)
        entries, notes = assemble(raws, url=url, max_entries=max_entries)
        return _tell(document, _Channel(title), entries, notes)
    data = document.text.encode("utf-8")
    slices = find_slices(data, url) if document.sound else None
    if slices is not None and len(slices) <= max_entries:
        return _parse_slices(document, data, slices, url, known)
    channel, raws, _ = _read_xml(data)
    entries, notes = assemble(raws, url=url, max_entries=max_entries)
    return _tell(document, channel, entries, notes)


def _parse_slices(document: Document, data: bytes, slices: Sequence[Slice], url: str, known: bytes) -> Parsed:
    """Parse those entries that are not known, in their document; all of them where most are new, or one's meaning may
    depend on another."""
    seen = {digest: dated for digest, dated in read_marks(known).items() if known}
    fresh = {number for number, one in enumerate(slices) if one.hash not in seen}
    every = range(len(slices))
    chosen = sorted(fresh) if not fresh or (apart(slices) and 2 * len(fresh) <= len(slices)) else list(every)
    channel, raws, sure = _read_some(data, slices, chosen)
    if not sure:
        chosen = list(every)
        channel, raws, sure = _read_xml(data)
    parsed_now = frozenset(chosen)
    rest = [one for number, one in enumerate(slices) if number not in parsed_now]
    dated = all(seen[one.hash] for one in rest)
    arranged, notes = arrange(raws, url=url, max_entries=len(raws), others_dated=dated)
    if not sure or len(raws) != len(chosen):  # an element was taken for an entry and is none, or the other way round
        return _tell(document, channel, tuple(arranged.values()), notes)
    entries = {chosen[number]: entry for number, entry in arranged.items()}
    marks = [(one.hash, seen[one.hash]) for one in rest]
    for at, number in enumerate(chosen):
        one = slices[number]
        if number in entries and (not one.key or one.key == derive_key(raws[at].id, "", "", None)):
            marks.append((one.hash, entries[number].published is not None))
    unseen = tuple(entry for number, entry in entries.items() if number in fresh)
    parsed = _tell(document, channel, unseen, notes)
    return replace(parsed, known=len(slices) - len(fresh), marks=pack_marks(sorted(marks)))


def _tell(document: Document, channel: _Channel, entries: tuple[ParsedEntry, ...], notes: Sequence[str]) -> Parsed:
    if not entries and not document.well_formed:
        raise FeedBroken(f"no readable entry: {document.notes[-1]}")  # whether it is empty or ruined, nobody can say
    return Parsed(
        entries=entries,
        title=flatten(channel.title, max_chars=MAX_NAME_CHARS, one_line=True),
        degraded="; ".join((*document.notes, *notes)),
        every=channel.every,
    )


@dataclass(frozen=True, slots=True)
class _Channel:
    """What a document says of the feed itself."""

    title: str = ""
    every: timedelta | None = None


_Read = tuple[_Channel, list[RawEntry], bool]  # the last: read as it is, no guessing


def _read_some(data: bytes, slices: Sequence[Slice], chosen: Sequence[int]) -> _Read:
    """Read the chosen slices; not sure of it when feedparser finds another number of entries."""
    if len(chosen) == len(slices):
        return _read_xml(data)
    try:
        channel, raws, sure = _read_xml(cut(data, slices, frozenset(chosen)))
    except FeedBroken:
        return _Channel(), [], False
    return channel, raws, sure and len(raws) == len(chosen)


def _read_xml(data: bytes) -> _Read:
    stream = io.BytesIO(data)  # a plain string would be taken for a file name or a URL
    try:
        result = feedparser.parse(stream, response_headers=_UTF8, sanitize_html=False, resolve_relative_uris=False)
    except Exception as exc:
        # The tolerant parser promises nothing about what hostile markup trips in it; none of it is ours.
        raise FeedBroken(f"XML too broken to read ({type(exc).__name__})") from exc
    if not result.get("version") and not result.entries:
        raise FeedBroken("XML that only looks like a feed")
    channel: Mapping[str, Any] = result.feed
    language = _text(channel, "language")
    raws = [_read_entry(entry, language) for entry in result.entries]
    return _Channel(_text(channel, "title"), _read_period(channel)), raws, not result.bozo


def _read_entry(entry: Mapping[str, Any], language: str) -> RawEntry:
    detail = dict.get(entry, "title_detail")  # type: ignore[call-overload]
    own = _text(detail, "language") if isinstance(detail, dict) else ""
    dates = tuple((text, _tuple(entry, f"{name}_parsed")) for name in _DATES if (text := _text(entry, name)))
    return RawEntry(
        id=_text(entry, "id"),
        title=_text(entry, "title"),
        summary=_text(entry, "summary") or _read_content(entry),
        link=_text(entry, "feedburner_origlink") or _read_link(entry),
        base=_text(detail, "base") if isinstance(detail, dict) else "",
        dates=dates,
        source=_read_source(entry),
        language=own or language,
    )


def _read_content(entry: Mapping[str, Any]) -> str:
    contents = entry.get("content")
    return next((text for content in contents if (text := _text(content, "value"))), "") if contents else ""


def _read_link(entry: Mapping[str, Any]) -> str:
    """Prefer the page; a feed that only links its entries' own address or an attachment names no page."""
    link = _text(entry, "link")
    if link and (not entry.get("guidislink") or "://" in link):  # a <guid> is a link only by default
        return link
    links = [link for link in entry.get("links") or () if _text(link, "rel") in ("alternate", "via", "related", "")]
    return next((href for link in links if (href := _text(link, "href"))), "")


def _read_source(entry: Mapping[str, Any]) -> str:
    """Return the outlet an aggregator names; a bare address names nobody."""
    source = entry.get("source")
    names = [_text(source, "title")] if isinstance(source, dict) else []
    names += [_text(entry, key) for key in _OUTLETS]
    return next((name for name in names if name and "://" not in name), "")


def _read_period(channel: Mapping[str, Any]) -> timedelta | None:
    """Read how often the feed says it changes: <ttl> in minutes, or the syndication module's period and frequency."""
    ttl = _text(channel, "ttl").strip()
    if ttl.isdecimal() and 0 < len(ttl) <= 6 and int(ttl) > 0:
        return timedelta(minutes=int(ttl))
    period = _PERIODS.get(_text(channel, "sy_updateperiod").strip().lower())
    if period is None:
        return None
    times = _text(channel, "sy_updatefrequency").strip()
    return period / int(times) if times.isdecimal() and 0 < len(times) <= 4 and int(times) > 0 else period


def _text(holder: Mapping[str, Any], key: str) -> str:
    """Return a text field; "" when it is missing or something else.

    `dict.get`, because feedparser's own `get` answers for one key with the value of another, with a warning.
    """
    value = dict.get(holder, key) if isinstance(holder, dict) else None
    return value if isinstance(value, str) else ""


def _tuple(holder: Mapping[str, Any], key: str) -> tuple[int, ...] | None:
    value = dict.get(holder, key) if isinstance(holder, dict) else None
    return tuple(value) if value else None
