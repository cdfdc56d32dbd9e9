"""When two entries of one feed are the same entry. Pure text work; the unique constraints of `entry` do the rest.

An entry is known when its feed has given
    the same key before, under a title that is not quite another one, or
    the same link (without tracking) with the same title, under whatever key.
So a changed key is no news, and a key or link that is used again for another story is. Only hashes are compared
across time, therefore an entry whose text was pruned is still known.
"""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qsl, urlencode, urlsplit

from rapidfuzz import fuzz

from watcher.storage.types import storable

# query parameters that say how a reader came, not what is read
_TRACKING = frozenset(
    {"fbclid", "gclid", "dclid", "msclkid", "yclid", "igshid", "mc_cid", "mc_eid", "cmpid", "ocid", "ncid"}
    | {"at_medium", "at_campaign", "smid", "smtyp", "partner", "xtor", "wt.mc_id", "ref_src", "traffic_source"}
    | {"__twitter_impression", "_ga", "_gl", "guccounter", "spm"}
)
# token-set similarity, 0..100: corrected headlines score above it, headlines of different stories below
_SAME_TITLE = 55


def digest(*parts: str) -> str:
    """Return 32 hexadecimal digits for these parts."""
    text = "\x1f".join(storable(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def link_key(link: str) -> str:
    """Return a link without scheme, `www.`, tracking and fragment; "" for none, or one to a front page."""
    try:
        parts = urlsplit(link.strip())
    except ValueError:
        return link.strip()
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query, True) if not _tracks(name)])
    # an address like /#!/story/7 keeps the story behind the hash
    fragment = parts.fragment if parts.fragment.startswith("!") else ""
    path = parts.path.rstrip("/")
    if not (path or query or fragment):
        return ""
    host = parts.netloc.lower().removeprefix("www.")
    return f"{host}{path}?{query}#{fragment}"


def story_hash(link: str, title: str) -> str | None:
    """Return the identity by link and title, None where there is no link that says something."""
    place = link_key(link)
    return digest(place, _plain(title)) if place else None


def key_hash(key: str) -> str:
    """Return the identity by key."""
    return digest(key)


def reused_key_hash(key: str, title: str) -> str:
    """Return the identity of an entry that came under the key of another story."""
    return digest(key, _plain(title))


def same_story(one: str, other: str) -> bool:
    """Tell whether two titles under one key are of one story, at most reworded. Without a title, they are."""
    one, other = _plain(one), _plain(other)
    return not one or not other or fuzz.token_set_ratio(one, other) >= _SAME_TITLE


def _plain(title: str) -> str:
    return " ".join(storable(title).casefold().split())


def _tracks(name: str) -> bool:
    name = name.lower()
    return name.startswith("utm_") or name in _TRACKING
