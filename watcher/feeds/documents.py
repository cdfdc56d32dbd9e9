"""A feed's bytes made ready for a parser: what it is, freed of its prolog, cut to size, and mended where it is broken.

Nothing in front of the root element reaches a parser, so no document type does either: no entity is ever declared,
expanded or fetched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.entities import html5
from typing import Literal
from xml.parsers import expat
from xml.sax.saxutils import escape

from watcher.errors import FeedError
from watcher.feeds.charsets import decode_body
from watcher.feeds.dates import parse_date


class FeedBroken(FeedError):
    """What came is not a feed; the message says what it is instead."""


@dataclass(frozen=True, slots=True)
class Document:
    """Text a parser can be given, and what was done to it."""

    kind: Literal["xml", "json"]
    text: str  # XML: from the root's start tag on
    notes: tuple[str, ...]
    well_formed: bool = True
    sound: bool = False  # well-formed as it came


_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_NAME = re.compile(r"<([A-Za-z_][\w.-]*(?::[\w.-]+)?)")
_FEED_START = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?(?:rss|feed|rdf)(?=[\s>/])", re.IGNORECASE)
_ITEM_START = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?(?:item|entry)(?=[\s>/])")
_ITEM_END = re.compile(r"</(?:[A-Za-z_][\w.-]*:)?(?:item|entry)\s*>")
_DATE = re.compile(r"<(?:pubDate|updated|published|dc:date)>([^<]{4,60})</")
_REFERENCE = re.compile(r"<!\[CDATA\[|<!--|&(?:#(\d{1,8});|#[xX]([0-9a-fA-F]{1,6});|([A-Za-z][A-Za-z0-9]{0,31});)?")
_PREFIX = re.compile(r"[<\s]/?([A-Za-z_][\w.-]{0,40}):[A-Za-z_]")
_ROOTS = {"rss", "feed", "rdf", "channel"}
_HTML_TAGS = {"html", "head", "body", "meta", "title", "link", "script", "style", "div", "p", "h1", "center", "table",
              "br", "b", "a", "span", "font", "pre", "section", "main", "iframe", "noscript", "form"}  # fmt: skip
_XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}
_LARGEST_MALFORMED = 2_000_000  # characters; the tolerant parser may take ten seconds for a million hostile ones
_PREFIX_SEARCH = 65_536  # characters in which a feed may hide behind a warning its server printed
_NAMESPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "media": "http://search.yahoo.com/mrss/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
}


def read_document(body: bytes, *, content_type: str, max_entries: int) -> Document:
    """Decode, recognise and mend a document; FeedBroken says what it is when it is no feed."""
    if not body.strip(b"\0\t\n\r \xef\xbb\xbf\xfe\xff"):
        raise FeedBroken("the body is empty")
    text, note = decode_body(body, content_type)
    notes = [note] if note else []
    if _ILLEGAL.search(text):
        text = _ILLEGAL.sub("", text)
        notes.append("control characters dropped")
    stripped = text.lstrip("\ufeff \t\r\n")
    if stripped[:1] in ("{", "["):
        return Document("json", stripped, tuple(notes))
    root, first = _find_root(text, binary=b"\0" in body[:400])
    if not first or not stripped.startswith("<"):
        notes.append("text before the document skipped")
    elif text[:1].isspace() and "<?xml" in text[:root]:
        notes.append("blank lines before the XML declaration")
    return _mend(_limit_items(text[root:], max_entries, notes), notes)


# --- what is it -----------------------------------------------------------------------------------


def _find_root(text: str, *, binary: bool) -> tuple[int, bool]:
    """Return where the feed's root element begins, and whether it is the first element; FeedBroken if there is none."""
    at = _skip_prolog(text)
    m = _NAME.match(text, at) if at >= 0 else None
    if m is None:
        raise FeedBroken(f"not a feed: {_describe_text(text[:400], binary)}")
    name = m[1].rpartition(":")[2].lower()
    if name in _ROOTS:
        return at, True
    later = None if name == "html" else _FEED_START.search(text, at, at + _PREFIX_SEARCH)
    if later is not None:
        return later.start(), False
    if name in _HTML_TAGS or re.match(r"\s*<!doctype\s+html", text[:200], re.IGNORECASE):
        raise FeedBroken("an HTML page instead of a feed")
    raise FeedBroken(f"XML that is no feed: its root is <{m[1][:40]}>")


def _skip_prolog(text: str) -> int:
    """Return the position of the first start tag, past comments, instructions and declarations; -1 if there is none."""
    at = text.find("<")
    while at >= 0:
        if text.startswith("<!--", at):
            end = text.find("-->", at + 4)
        elif text.startswith("<?", at):
            end = text.find("?>", at + 2)
        elif text.startswith("<!", at):
            # a document type; should its entities hold tags, one of them is taken for the root and fails as that
            closed, subset = text.find(">", at), text.find("[", at)
            end = text.find("]", subset) if 0 <= subset < closed else closed
        elif _NAME.match(text, at):
            return at
        else:
            end = at
        at = text.find("<", end + 1) if end >= 0 else -1
    return -1


def _describe_text(start: str, binary: bool) -> str:
    if start.startswith("%PDF"):
        return "a PDF file"
    odd = sum(not (c.isprintable() or c.isspace()) or c == "\ufffd" for c in start)
    return "binary data" if binary or odd > len(start) // 20 else "plain text"


# --- how much of it -------------------------------------------------------------------------------


def _limit_items(text: str, max_entries: int, notes: list[str]) -> str:
    """Cut items beyond `max_entries` before anything parses them: a feed of 400,000 costs half a minute otherwise.

    The newest are kept: the last ones, when the first and the last item are dated and the last is newer.
    """
    starts = [m.start() for m in _ITEM_START.finditer(text)]
    if len(starts) <= max_entries:
        return text
    end = max((m.end() for m in _ITEM_END.finditer(text, starts[-1])), default=len(text))
    first, last = _date_of(text[starts[0] : starts[1]]), _date_of(text[starts[-1] : end])
    notes.append(f"{max_entries} of {len(starts)} entries read")
    if first is not None and last is not None and last > first:
        return text[: starts[0]] + text[starts[-max_entries] :]
    return text[: starts[max_entries]] + text[end:]


def _date_of(item: str) -> float | None:
    m = _DATE.search(item)
    when = parse_date(m[1]) if m else None
    return when.timestamp() if when is not None else None


# --- mending --------------------------------------------------------------------------------------


def _mend(text: str, notes: list[str]) -> Document:
    """Make the XML well-formed where that is safe; what is still broken then is left to the tolerant parser."""
    for mend in (None, _mend_end, _mend_references, _mend_prefixes):
        if mend is not None:
            text = mend(text, notes)
        error = _find_error(text)
        if not error:
            return Document("xml", text, tuple(notes), sound=mend is None)
    if len(text) > _LARGEST_MALFORMED:
        raise FeedBroken(f"malformed XML ({error}) in {len(text) / 1e6:.1f} million characters, too many to mend")
    notes.append(f"malformed XML ({error})")
    return Document("xml", text, tuple(notes), well_formed=False)


def _find_error(text: str) -> str:
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    try:
        parser.Parse(text.encode("utf-8"), True)
    except expat.ExpatError as exc:
        return expat.ErrorString(exc.code)
    return ""


def _mend_end(text: str, notes: list[str]) -> str:
    """Drop what follows the root's end tag; where that is missing, drop the cut last entry and close what is open."""
    root = _NAME.match(text)
    name = root[1] if root else ""
    end = re.search(rf"</{re.escape(name)}\s*>", text[(at := max(text.rfind(f"</{name}"), 0)) :])
    if end is not None:
        rest = text[at + end.end() :]
        if rest.strip():
            notes.append("text after the document skipped")
        return text[: at + end.end()]
    last = max((m.end() for m in _ITEM_END.finditer(text)), default=0)
    if not last:
        raise FeedBroken("the document is cut off before its first entry ends")
    notes.append("cut off: its unfinished end left out")
    between = "</channel>" if "<channel" in text and "</channel>" not in text[:last] else ""
    return f"{text[:last]}{between}</{name}>"


def _mend_references(text: str, notes: list[str]) -> str:
    """Escape bare ampersands and write HTML's entities as characters, outside CDATA and comments."""
    pieces: list[str] = []
    at, mended = 0, False
    while m := _REFERENCE.search(text, at):
        pieces.append(text[at : m.start()])
        if m.group().startswith("<"):
            close = "]]>" if m.group() == "<![CDATA[" else "-->"
            end = text.find(close, m.end())
            at = len(text) if end < 0 else end + 3
            pieces.append(text[m.start() : at])
            continue
        reference = _mend_reference(m)
        mended = mended or reference != m.group()
        pieces.append(reference)
        at = m.end()
    if mended:
        notes.append("bare ampersands or unknown entities mended")
    return "".join(pieces) + text[at:]


def _mend_reference(m: re.Match[str]) -> str:
    decimal, hexadecimal, name = m.groups()
    if decimal or hexadecimal:
        number = int(decimal) if decimal else int(hexadecimal, 16)
        legal = number < 0x110000 and not _ILLEGAL.match(chr(number))
        return m.group() if legal else ""
    if name in _XML_ENTITIES:
        return m.group()
    if name and f"{name};" in html5:
        return escape(html5[f"{name};"])
    return "&amp;" + m.group()[1:]


def _mend_prefixes(text: str, notes: list[str]) -> str:
    """Declare, on the root, every prefix that is used and not declared there."""
    root_end = text.find(">")
    root = text[:root_end]
    used = dict.fromkeys(_PREFIX.findall(text))
    missing = [p for p in used if f"xmlns:{p}" not in root and not p.lower().startswith("xml")][:50]
    name = _NAME.match(text)
    if not missing or name is None:
        return text
    notes.append("undeclared namespace prefixes declared")
    declared = "".join(f' xmlns:{p}="{_NAMESPACES.get(p, f"urn:x-undeclared:{p}")}"' for p in missing)
    return text[: name.end()] + declared + text[name.end() :]
