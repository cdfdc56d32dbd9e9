"""Which bytes of a well-formed feed are which entry, and which of them its last document held already.

What an entry says is not read here: a slice is either handed to feedparser, inside its document, or known by its hash.

    <rss><channel> head | slice | slice | slice | tail </channel></rss>
                          known   new     known            ─► head + new + tail goes to feedparser
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from xml.parsers import expat

from watcher.feeds.identity import derive_key

MARK_BYTES = 8  # two entries of one feed share a hash once in 10**13 documents of 500

_UNDATED = 0x80  # in the first byte of a mark; the hash has the other bits
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
# elements in these, and in none, are the feed's own; in any other an <item> may be anything
_OWN = {
    "",
    "http://www.w3.org/2005/Atom",
    "http://purl.org/atom/ns#",
    "http://purl.org/rss/1.0/",
    "http://my.netscape.com/rdf/simple/0.9/",
    "http://backend.userland.com/rss2",
}
_ROOTS = ("rss", "rdf", "feed")
_BASES = ("http://www.w3.org/XML/1998/namespace base", "base")


@dataclass(frozen=True, slots=True)
class Slice:
    """One entry's bytes in its document."""

    start: int
    end: int
    key: str  # of the id it gives itself, "" where it gives none or several
    hash: bytes  # of its bytes and all outside of them that its meaning depends on


class _Kind(IntEnum):
    OTHER = 0
    ITEM = 1
    STRANGE = 2  # might be an item to feedparser, or not
    ID = 3
    LANGUAGE = 4


class _Channel(IntEnum):
    NONE = 0
    OPEN = 1
    CLOSED = 2


class _Uncertain(Exception):
    """The document may mean something else than its slices do."""


class _Scan:
    """One pass over a document.

    Refused are items that are nested, empty or not all children of one element, and whatever makes feedparser read an
    item by what stood in another: one namespace prefix with two meanings, or an xml:base inside where the root has
    none (feedparser then goes on with it).
    """

    def __init__(self, data: bytes) -> None:
        self.items: list[tuple[int, int, list[str]]] = []  # start, end, ids
        self.frame: list[str] = []  # what is outside of the items and matters to them
        self._data = data
        self._parser = parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.StartNamespaceDeclHandler = self._declare
        self._kinds: dict[str, _Kind] = {}
        self._prefixes: dict[str, str] = {}
        self._uris: dict[str, str] = {}
        self._depth = 0
        self._channel = _Channel.NONE
        self._at = 0  # depth of items, once there was one
        self._inside = -1  # where the open item begins
        self._ids: list[str] = []
        self._text: list[str] = []
        self._based = False  # the root or the channel has an absolute base

    def run(self) -> None:
        """Find the items; raise _Uncertain, or ExpatError where the document is not well-formed after all."""
        self._parser.Parse(self._data, True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = _kind(name)
        if attributes and self._depth > 1 and not self._based and any(base in attributes for base in _BASES):
            raise _Uncertain
        if self._inside >= 0:
            if kind is _Kind.ID and self._depth == self._at + 1:
                self._listen()
            elif kind in (_Kind.ITEM, _Kind.STRANGE):
                raise _Uncertain
        elif kind is _Kind.ITEM:
            self._open_item(attributes)
        elif kind is _Kind.STRANGE:
            raise _Uncertain
        else:
            self._outside(name, kind, attributes)

    def _open_item(self, attributes: dict[str, str]) -> None:
        of_channel = self._depth == 3 and self._channel is _Channel.OPEN
        if self._at not in (0, self._depth) or not (self._depth == 2 or of_channel):
            raise _Uncertain
        self._at, self._inside = self._depth, self._parser.CurrentByteIndex
        about = attributes.get(f"{_RDF} about")
        self._ids = [about] if about else []

    def _outside(self, name: str, kind: _Kind, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2].lower()
        channel = self._depth == 2 and local == "channel"
        if (self._depth == 1 and local not in _ROOTS) or (channel and self._channel is not _Channel.NONE):
            raise _Uncertain
        if self._depth == 1 or channel:
            self.frame.append(f"{name} {sorted(attributes.items())}")
            self._based = self._based or any(attributes.get(base, "").startswith("http") for base in _BASES)
        if channel:
            self._channel = _Channel.OPEN
        elif kind is _Kind.LANGUAGE:
            self._listen()

    def _listen(self) -> None:
        self._text = []
        self._parser.CharacterDataHandler = self._text.append

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if self._parser.CharacterDataHandler is not None:
            self._parser.CharacterDataHandler = None
            (self.frame if self._inside < 0 else self._ids).append("".join(self._text))
        if self._inside >= 0:
            if self._depth == self._at - 1:
                self._close_item()
        elif self._depth == 1 and self._channel is _Channel.OPEN:
            self._channel = _Channel.CLOSED

    def _close_item(self) -> None:
        at = self._parser.CurrentByteIndex
        if not self._data.startswith(b"</", at):  # an empty element has no end tag
            raise _Uncertain
        self.items.append((self._inside, self._data.index(b">", at) + 1, self._ids))
        self._inside = -1

    def _declare(self, prefix: str | None, uri: str) -> None:
        if prefix and (self._prefixes.setdefault(prefix, uri) != uri or self._uris.setdefault(uri, prefix) != prefix):
            raise _Uncertain


def _kind(name: str) -> _Kind:
    uri, _, local = name.rpartition(" ")
    local = local.lower()
    if local in ("item", "entry"):
        return _Kind.ITEM if uri in _OWN else _Kind.STRANGE
    if local in ("guid", "id"):
        return _Kind.ID
    return _Kind.LANGUAGE if local == "language" else _Kind.OTHER


def find_slices(data: bytes, url: str) -> tuple[Slice, ...] | None:
    """Return the slices of a well-formed document in UTF-8, in its order, or None where that is not certain.

    `url` is where the document came from: relative links depend on it.
    """
    scan = _Scan(data)
    try:
        scan.run()
    except (_Uncertain, expat.ExpatError):
        return None
    frame = hashlib.blake2b("\n".join((url, *scan.frame)).encode(), digest_size=MARK_BYTES)
    slices = []
    for start, end, ids in scan.items:
        digest = frame.copy()
        digest.update(data[start:end])
        plain = digest.digest()
        key = derive_key(ids[0], "", "", None) if len(ids) == 1 and ids[0].strip() else ""
        slices.append(Slice(start, end, key, _bare(plain)))
    hashes = {one.hash for one in slices}
    return tuple(slices) if len(hashes) == len(slices) else None


def apart(slices: Sequence[Slice]) -> bool:
    """Tell whether each slice can be read without the others: all have ids, no two the same.

    Otherwise an entry's identity may depend on its neighbours (see entries.py).
    """
    return all(one.key for one in slices) and len({one.key for one in slices}) == len(slices)


def cut(data: bytes, slices: Sequence[Slice], keep: Collection[int]) -> bytes:
    """Return the document with only the slices of these indices in it."""
    pieces, at = [], 0
    for number, one in enumerate(slices):
        if number not in keep:
            pieces.append(data[at : one.start])
            at = one.end
    return b"".join((*pieces, data[at:]))


def pack_marks(marks: Iterable[tuple[bytes, bool]]) -> bytes:
    """Write (hash, whether the entry has a date) of each slice, to be kept with the feed."""
    return b"".join(plain if dated else bytes((plain[0] | _UNDATED,)) + plain[1:] for plain, dated in marks)


def read_marks(packed: bytes) -> dict[bytes, bool]:
    """Undo `pack_marks`; what it cannot have written is left out."""
    marks = (packed[at : at + MARK_BYTES] for at in range(0, len(packed) - MARK_BYTES + 1, MARK_BYTES))
    return {_bare(mark): not mark[0] & _UNDATED for mark in marks}


def _bare(mark: bytes) -> bytes:
    return bytes((mark[0] & ~_UNDATED,)) + mark[1:]
