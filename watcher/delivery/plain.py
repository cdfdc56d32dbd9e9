"""Text from outside made fit for one line of a message: no control, direction or invisible characters, bounded length.

What a message form needs escaped on top of that (HTML, Slack) is done where the form is made.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit, urlunsplit

LONGEST_LINK = 1500  # a longer one cannot be shown, and cutting it would break it
_READ = 20_000  # characters of a text looked at; no text of a message is as long
_SPACES = re.compile(r"\s+")
# RFC 3986: everything that may stand in a path or query as it is; "%" so that nothing is encoded twice.
_KEPT = "/:?#[]@!$&'()*+,;=-._~%"
# What a mail program reads as an address though no link is marked: a colon after a scheme, `www.`, a dot before what
# may be a top-level domain (two letters of any script, or a letter and its vowel sign), the dots of an IP address, a
# Windows share. Not only names known to exist are broken, for new top-level domains come every year.
_ADDRESS_MARK = re.compile(
    r"""
      :(?=//)
    | (?<=[A-Za-z]):(?=[\w/?+])
    | (?<=\bwww)\. | (?<=\bftp)\.
    | (?<=[^\s.])[.\uff0e\uff61](?=[^\W\d_](?:[^\W\d_]|[^\x00-\u02ff\u2000-\u206f\u3000-\u303f\uff00-\uffef]))
    | (?<=[A-Za-z0-9])\u3002(?=[A-Za-z]{2})
    | (?<=\d)\.(?=\d{1,3}\.\d)
    | \\(?=\\\w)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


def fold(text: str, longest: int) -> str:
    """Return `text` as one line of at most `longest` characters.

    Line breaks and runs of space become one space. Control characters, surrogates and all format characters (bidi
    controls, zero-width characters, soft hyphens) are taken out. What is too long is cut at a word, with an ellipsis.
    """
    return cut(_one_line(text[:_READ]), longest)


def unlinked(text: str, longest: int) -> str:
    """Fold `text` as `fold` does, with every web or mail address in it broken, so that no program makes a link of it.

    The break is seen: `https://evil.example` becomes `https[:]//evil[.]example`. For text that others wrote.
    """
    return cut(_broken(text[:_READ]), longest)


# A message is made again with less room until it fits, of the same texts each time; and a feed may send long ones.
@lru_cache(maxsize=256)
def _broken(text: str) -> str:
    return _ADDRESS_MARK.sub(r"[\g<0>]", _one_line(text))


@lru_cache(maxsize=256)
def _one_line(text: str) -> str:
    return _SPACES.sub(" ", "".join(map(_visible, text))).strip()


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category in ("Cf", "Cs") else character


def cut(text: str, longest: int) -> str:
    """Return `text` with at most `longest` characters; cut at a word where one ends in the last third, and marked."""
    if len(text) <= longest:
        return text
    kept = text[: longest - 1]
    if not text[longest - 1].isspace():
        space = kept.rfind(" ")
        if space >= longest * 2 // 3:
            kept = kept[:space]
    return kept.rstrip(" ,;:–—-") + "…"


@dataclass(frozen=True, slots=True)
class Link:
    """A link that may be shown: http or https, ASCII only, with the host it leads to."""

    url: str
    host: str


def safe_link(url: str) -> Link | None:
    """Return `url` as a link that may be shown, or None.

    None for another scheme than http and https, for user information (which hides the real host), for a host that is
    none, and for more than 1,500 characters. A host outside ASCII is given as IDNA and the rest percent-encoded, so
    that nothing in it can look like another address or leave the place it is put in.
    """
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").encode("idna").decode("ascii") if parts.hostname else ""
        port = parts.port
    except (ValueError, UnicodeError):
        return None
    if ":" in host:
        host = f"[{host}]"
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not _HOST.fullmatch(host):
        return None
    place = host if port is None else f"{host}:{port}"
    try:
        path, query, fragment = (quote(part, safe=_KEPT) for part in (parts.path, parts.query, parts.fragment))
    except UnicodeEncodeError:  # lone surrogates
        return None
    clean = urlunsplit((parts.scheme, place, path, query, fragment))
    return Link(clean, place) if len(clean) <= LONGEST_LINK else None
