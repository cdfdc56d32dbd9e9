"""When two entries of one feed are the same entry, and when the same entry says something else. Pure; SQL is elsewhere.

An entry is known when its feed has given
    the same key before, under a title that is not quite another one, or
    the same link (without tracking) with the same title, under whatever key, or
    the same title and text of the same outlet on the same day, under whatever key and link.
So a changed key or address is no news, and a key or link that is used again for another story is. A known entry with
another title or text is a revision of it. Only hashes are compared across time, therefore an entry whose text was
pruned is still known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from rapidfuzz import fuzz

from watcher.domain.feeds import NewEntry
from watcher.storage.types import storable

# query parameters that say how a reader came, not what is read
_TRACKING = frozenset(
    {"fbclid", "gclid", "dclid", "msclkid", "yclid", "igshid", "mc_cid", "mc_eid", "cmpid", "ocid", "ncid"}
    | {"at_medium", "at_campaign", "smid", "smtyp", "partner", "xtor", "wt.mc_id", "ref_src", "traffic_source"}
    | {"__twitter_impression", "_ga", "_gl", "guccounter", "spm"}
)
# token-set similarity, 0..100: corrected headlines score above it, headlines of different stories below
_SAME_TITLE = 55
_ENOUGH = 30  # characters of title and text that two entries of one day do not share by chance


def digest(*parts: str) -> str:
    """Return 32 hexadecimal digits for these parts."""
    return hashlib.sha256(storable("\x1f".join(parts)).encode()).hexdigest()[:32]


def link_key(link: str) -> str:
    """Return a link without scheme, `www.`, tracking and fragment; "" for none, or one to a front page."""
    try:
        parts = urlsplit(link.strip())
    except ValueError:
        return link.strip()
    query = parts.query
    if query:
        query = urlencode([(name, value) for name, value in parse_qsl(query, True) if not _tracks(name)])
    # an address like /#!/story/7 keeps the story behind the hash
    fragment = parts.fragment if parts.fragment.startswith("!") else ""
    path = parts.path.rstrip("/")
    if not (path or query or fragment):
        return ""
    host = parts.netloc.lower().removeprefix("www.")
    return f"{host}{path}?{query}#{fragment}"


def story_hash(link: str, title: str) -> str | None:
    """Return the identity by link and title, None where there is no link that says something."""
    return _story(link, _plain(title))


def _story(link: str, title: str) -> str | None:
    place = link_key(link)
    return digest(place, title) if place else None


def key_hash(key: str) -> str:
    """Return the identity by key."""
    return digest(key)


def reused_key_hash(key: str, title: str) -> str:
    """Return the identity of an entry that came under the key of another story."""
    return digest(key, _plain(title))


def content_hash(source: str, title: str, summary: str, published: datetime | None) -> str | None:
    """Return the identity by title, text and day; None without a date, or where so little is said that two may agree
    by chance."""
    return _content(source, _plain(title), _plain(summary), published)


def _content(source: str, title: str, summary: str, published: datetime | None) -> str | None:
    if published is None or len(title) + len(summary) < _ENOUGH:
        return None
    return digest(_plain(source), title, summary, published.date().isoformat())


def text_hash(title: str, summary: str) -> str:
    """Return what tells one text of an entry from another; white space and case do not."""
    return digest(_plain(title), _plain(summary))


def same_story(one: str, other: str) -> bool:
    """Tell whether two titles under one key are of one story, at most reworded. Without a title, they are."""
    one, other = _plain(one), _plain(other)
    return not one or not other or fuzz.token_set_ratio(one, other) >= _SAME_TITLE


def _plain(title: str) -> str:
    return " ".join(storable(title).casefold().split())


def _tracks(name: str) -> bool:
    name = name.lower()
    return name.startswith("utm_") or name in _TRACKING


# --- the entries of one feed ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identified:
    """An entry as a feed gave it, with everything it may be known by. `other` is the hash of a key that another
    story has: `key` is then a hash of the title, too."""

    entry: NewEntry
    key: str
    story: str | None
    content: str | None
    text: str
    other: str | None = None


@dataclass(slots=True)
class Known:
    """An entry that is known; `id` None while it came with the same poll. `text` None where nothing is known of it.
    `other` is a second key it goes by: its former one, or that of another story it came under."""

    id: int | None
    key: str
    other: str | None
    story: str | None
    content: str | None
    title: str
    summary: str
    text: str | None
    revision: int = 0
    past: frozenset[str] = frozenset()  # hashes of what it said before


def identify(new: NewEntry) -> Identified:
    """Work out the hashes of an entry."""
    title, summary = _plain(new.title), _plain(new.summary)
    return Identified(
        new,
        key_hash(new.key or new.link or new.title),
        None if new.by_key else _story(new.link, title),
        None if new.by_key else _content(new.source, title, summary, new.published),
        digest(title, summary),
    )


class Register:
    """The known entries of one feed, found by any of their identities."""

    def __init__(self, known: Iterable[Known] = ()) -> None:
        self._by_key: dict[str, list[Known]] = {}
        self._by_story: dict[str, Known] = {}
        self._by_content: dict[str, Known] = {}
        for one in known:
            self.add(one)

    def add(self, known: Known) -> None:
        """Enter an entry; of two with one identity the first keeps it."""
        for key in filter(None, (known.key, known.other)):
            self._by_key.setdefault(key, []).append(known)
        if known.story:
            self._by_story.setdefault(known.story, known)
        if known.content:
            self._by_content.setdefault(known.content, known)

    def find(self, new: Identified) -> Known | None:
        """Return the known entry that this is; the same title under the same key counts first, then the same link
        and title, then a similar title under the same key, then the same text of the same day."""
        same_key = self._by_key.get(new.key, [])
        title = _plain(new.entry.title) if same_key else ""
        exact = next((one for one in same_key if _plain(one.title) == title), None)
        story = self._by_story.get(new.story) if new.story else None
        if exact or story:
            return exact or story
        similar = next((one for one in same_key if same_story(one.title, new.entry.title)), None)
        return similar or (self._by_content.get(new.content) if new.content else None)

    def admit(self, new: Identified) -> Identified | None:
        """Enter an entry that was not found and return it as it is to be stored: under a key of its own where another
        story has its key. None when that key is taken as well."""
        if new.key in self._by_key:
            entry = new.entry
            own = reused_key_hash(entry.key or entry.link or entry.title, entry.title)
            new = replace(new, key=own, other=new.key)
        if new.key in self._by_key:
            return None
        if new.story in self._by_story:
            new = replace(new, story=None)
        self.add(Known(None, new.key, new.other, new.story, new.content, new.entry.title, new.entry.summary, new.text))
        return new

    def follow(self, known: Known, new: Identified, document: frozenset[str]) -> bool:
        """Let a known entry go by the key, link and title it has now, as far as no other entry goes by them; True
        when that changed anything. Not while `document`, the keys of the poll, still has it under a former one."""
        key, story = known.key, known.story
        if new.key not in self._by_key and known.key not in document and known.other not in document:
            known.key, known.other = new.key, known.key
            self._by_key[new.key] = [known]
        if new.story and new.story not in self._by_story:
            known.story = new.story
            self._by_story[new.story] = known
        return (known.key, known.story) != (key, story)


MAX_REVISIONS = 20  # of one entry; some feeds write the time of day into every text


def revises(known: Known, new: Identified) -> bool:
    """Tell whether a known entry says something it has not said before: another title or text, not merely less."""
    if known.id is None or known.text is None or known.revision >= MAX_REVISIONS:
        return False
    if new.text == known.text or new.text in known.past:
        return False
    return bool(new.entry.summary) or _plain(new.entry.title) != _plain(known.title)
