"""Turn text into words that remember where they stand; offsets always point into the text as stored.

No grammar and no knowledge of items in here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r"(?P<cjk>[\u3400-\u9fff\uf900-\ufaff])"
    r"|(?P<abbr>(?:[A-Za-z]\.){2,})"
    r"|(?P<num>[$€£¥]?\d+(?:[.,]\d+)*%?)"
    r"|(?P<word>[^\W\d_\u3400-\u9fff\uf900-\ufaff]+(?:['’ʼ][^\W\d_]+)*)"
    r"|(?P<sep>\S)"
)
_TERM = re.compile(  # the same words, the most frequent kind first, and what stands between them passed over
    r"[A-Za-z]{2,}[^\W\d_\u3400-\u9fff\uf900-\ufaff]*(?:['’ʼ][^\W\d_]+)*"
    r"|(?:[A-Za-z]\.){2,}"
    r"|[^\W\d_\u3400-\u9fff\uf900-\ufaff]+(?:['’ʼ][^\W\d_]+)*"
    r"|[$€£¥]?\d+(?:[.,]\d+)*%?"
    r"|[\u3400-\u9fff\uf900-\ufaff]"
)
_END = re.compile(  # one class of characters in front, so that the search can run from one to the next
    r"[.!?…。！？\n](?:(?<=[.!?…])[.!?…]*[\"'”’)\]]*\s+|(?<=[。！？])[。！？]*[”’」』]*\s*|(?<=\n)\n*)"
)
_APOSTROPHES = str.maketrans("’ʼ‘", "'''")
_QUOTES = frozenset("'\"“”‘’«»`*")
_JOINS = frozenset("-‐‑–/&")
_SHORT = frozenset(
    "jan feb mar apr jun jul aug sep sept oct nov dec sen rep gov gen pres mr mrs ms dr st jr sr no vs inc corp co ltd "
    "hon prof rev col lt sgt capt cmdr art dept fig etc".split()
)
_PRONOUNS = frozenset("it he she that there what who here let where how when".split())
_INITIALS = 2  # letters: so many at least are an abbreviation
_SPELLED = 4  # letters: shorter abbreviations are not written as a word
_KEPT_S = ("ss", "us", "is", "ous")


class Word(NamedTuple):  # a tuple is made three times as fast as a frozen dataclass, and texts have many words
    """One word (or one Chinese character) and what stands between it and the word before."""

    raw: str  # as written, curly apostrophes made straight, dots of abbreviations taken out
    low: str
    stem: str  # singular, lower case
    start: int
    end: int
    before: str  # all that stands between the previous word and this one
    possessive: bool = False

    @property
    def capital(self) -> bool:
        """Whether it begins with a capital letter."""
        return self.raw[:1].isupper()

    @property
    def glued(self) -> bool:
        """Whether only a blank, quotation marks, or a hyphen with no blank beside it part it from the word before."""
        if self.before.strip() == "&":
            return True
        if any(c in _JOINS for c in self.before):
            return not any(c.isspace() for c in self.before) and all(c in _QUOTES or c in _JOINS for c in self.before)
        return all(c in _QUOTES or c.isspace() for c in self.before)


@lru_cache(maxsize=65536)
def stem(low: str) -> str:
    """Take the plural off an English noun (or the -s off a verb): duties → duty, taxes → tax, curbs → curb."""
    if low.endswith("ie") and len(low) > 4:
        return low[:-2] + "y"  # so that movie and movies meet
    if len(low) < 4 or not low.endswith("s") or low.endswith(_KEPT_S):
        return low
    if low.endswith("ies"):
        return low[:-3] + "y" if len(low) > 4 else low[:-1]
    if low.endswith("uses") and len(low) > 4 and low[-5] not in "aeiou":
        return low[:-2]  # buses, viruses
    if low.endswith(("xes", "ches", "shes", "sses", "zes")):
        return low[:-2]
    return low[:-1]


def _stem(raw: str, low: str) -> str:
    """The stem of a word as written: that of EVs is that of EV."""
    return low[:-1] if raw[-1] == "s" and len(raw) > _INITIALS and raw[:-1].isupper() else stem(low)


def words(text: str) -> tuple[Word, ...]:
    """Split text into words; possessive endings become a mark on the word, contractions stay whole."""
    found: list[Word] = []
    reached = 0
    for m in _TOKEN.finditer(text):
        kind = m.lastgroup
        raw = m.group()
        start, end = m.span()
        if kind == "sep":
            if raw in "'’" and found and found[-1].end == start and found[-1].low.endswith("s"):
                found[-1] = found[-1]._replace(possessive=True)
                reached = end
            continue
        after, possessive = end, False
        raw = raw.translate(_APOSTROPHES)
        if kind == "abbr":
            raw = raw.replace(".", "")
        elif kind == "word" and raw[-2:] in ("'s", "'S"):
            raw, end = raw[:-2], end - 2
            possessive = raw.lower() not in _PRONOUNS
        low = raw.lower()
        found.append(Word(raw, low, _stem(raw, low), start, end, text[reached:start], possessive))
        reached = after
    return tuple(found)


def terms(text: str) -> list[str]:
    """Return the words of `words(text)` as written, many times faster."""
    return _TERM.findall(text)


def _bare(raw: str) -> str:
    """A word of `terms` as `words` has it in `raw`."""
    if raw.endswith("."):
        raw = raw.replace(".", "")
    raw = raw.translate(_APOSTROPHES)
    return raw[:-2] if raw[-2:] in ("'s", "'S") else raw


def low_of(raw: str) -> str:
    """Return the lower case that `words` gives a word of `terms`."""
    return _bare(raw).lower()


def stem_of(raw: str) -> str:
    """Return the stem that `words` gives a word of `terms`."""
    bare = _bare(raw)
    return _stem(bare, bare.lower())


def sentences(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of each sentence; abbreviations, initials and decimals do not end one."""
    spans: list[tuple[int, int]] = []
    start = 0
    for m in _END.finditer(text):
        if text[m.start()] == ".":
            token = _last(text[start : m.start()]).strip("\"'“”‘’(")
            following = text[m.end() : m.end() + 1]
            if token.lower().rstrip(".") in _SHORT or len(token) <= 1 or "." in token or following.islower():
                continue
        end = m.start() + len(m.group().rstrip())
        if text[start:end].strip():
            spans.append((start, end))
        start = m.end()
    if text[start:].strip():
        spans.append((start, len(text.rstrip())))
    return spans


def _last(head: str) -> str:
    """The run of characters at the end, "" after a blank."""
    head = head.removesuffix("\n")
    return head.rsplit(None, 1)[-1] if head and not head[-1].isspace() else ""


# --- phrases --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase ready to be searched for: stems in order, and the words that must be written as they are."""

    text: str
    stems: tuple[str, ...]
    exact: tuple[str | None, ...]


@lru_cache(maxsize=65536)
def phrase(text: str) -> Phrase:
    """Compile a phrase. A word all in capitals (US, EU) or a capitalised one of at most three letters (Xi) is
    matched only as written, so that "us" and "xi" stay what they are (and NATO as Nato, too, which many papers write,
    and EV as EVs);
    all others in any case and number."""
    parts = words(text)
    exact = tuple(
        w.raw if (w.raw.isupper() and 2 <= len(w.raw) <= 6) or (w.capital and len(w.raw) <= 3) else None for w in parts
    )
    return Phrase(text, tuple(w.stem for w in parts), exact)


def _initial(word: Word, following: Word) -> bool:
    """Whether a full stop between two words only shortens the first: "S. Korea"."""
    return len(word.raw) == 1 and following.before == ". "


def stands_at(p: Phrase, text_words: Sequence[Word], at: int) -> bool:
    """Whether phrase `p` stands at word `at`."""
    if at + len(p.stems) > len(text_words):
        return False
    for k, wanted in enumerate(p.stems):
        w = text_words[at + k]
        if w.stem != wanted or (k and not w.glued and not _initial(text_words[at + k - 1], w)):
            return False
        form = p.exact[k]
        spelled = form is not None and len(form) >= _SPELLED and w.raw == form.capitalize()
        plural = form is not None and form.isupper() and w.raw == f"{form}s"  # "EVs"
        if form is not None and w.raw not in (form, form.upper()) and not spelled and not plural:
            return False
    return True
