"""Patterns of words with inflected heads and gaps, and an index that finds them in a sentence.

A pattern is words with a blank between; `a|b` is a choice, `~` a gap of up to five words. The first word is a verb
where the kind says so, and is found in all its forms, unless `=` stands before it. Knows no states and no items.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from watcher.domain.text import Word, low_of, stem, terms

_ARTICLES = frozenset(("the", "a", "an"))
GAP = 5  # words that a `~` may stand for
_CHARACTERS = 12  # the same where words are single characters
_BE = {
    "be": "B", "is": "S", "are": "S", "am": "S", "was": "D", "were": "D", "been": "N", "being": "G",
}  # fmt: skip
_HAVE = {"have": "B", "has": "S", "had": "DN", "having": "G"}
_VOWELS = frozenset("aeiou")


@lru_cache(maxsize=4096)
def inflect(verb: str, irregular: tuple[str, ...] = ()) -> Mapping[str, str]:
    """Return the forms of an English verb with their tags: B base, S -s, G -ing, D past, N participle.

    Both spellings are given where usage doubles the last consonant or not; a form that is never written does no harm.
    """
    if verb == "be":
        return _BE
    if verb == "have":
        return _HAVE
    forms: dict[str, str] = defaultdict(str)

    def add(form: str, tags: str) -> None:
        forms[form] += "".join(t for t in tags if t not in forms[form])

    add(verb, "B")
    doubled = verb + verb[-1]
    closed = len(verb) > 2 and verb[-1] not in "aeiouwxy" and verb[-2] in _VOWELS and verb[-3] not in _VOWELS
    if verb.endswith("y") and verb[-2:-1] not in _VOWELS:
        add(verb[:-1] + "ies", "S")
        pasts = [verb[:-1] + "ied"]
    else:
        add(verb + ("es" if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else "s"), "S")
        pasts = [verb + "d"] if verb.endswith("e") else [verb + "ed", *([doubled + "ed"] if closed else [])]
    if verb.endswith("ie"):
        add(verb[:-2] + "ying", "G")
    elif verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        add(verb[:-1] + "ing", "G")
    else:
        add(verb + "ing", "G")
        if closed:
            add(doubled + "ing", "G")
    if irregular:
        add(irregular[0], "D")
        add(irregular[-1], "N")
    else:
        for past in pasts:
            add(past, "DN")
    return dict(forms)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern; `label` is what it stands for (a class, or state and kind)."""

    text: str
    head: str
    slots: tuple[frozenset[str] | None, ...]  # after the head; None is a gap
    label: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A pattern at words first..last-1; `tags` are the forms the head may have there."""

    pattern: Pattern
    first: int
    last: int
    tags: str
    gap: tuple[int, int] | None  # words the gap stands for
    kind: str  # the first part of what the pattern stands for: a class of words, or a kind of cue

    @property
    def label_state(self) -> str:
        """The last part of it: the state of a cue."""
        return self.pattern.label[-1]


class PatternIndex:
    """Patterns by the written forms of their heads."""

    def __init__(self, irregular: Mapping[str, tuple[str, ...]]) -> None:
        self._irregular = irregular
        self._by_form: dict[str, list[tuple[Pattern, str]]] = defaultdict(list)
        self._plain: dict[str, list[Pattern]] = defaultdict(list)
        self._tags: dict[str, str] = {}  # of the forms asked for

    def add(self, text: str, label: tuple[str, ...], *, verb: bool) -> None:
        """Take one pattern in; `verb` says that its first word is to be inflected."""
        verb = verb and not text.startswith("=")
        text = text.removeprefix("=")
        flat = _slots(text)
        self._tags.clear()
        heads = flat[0] or frozenset()
        for head in sorted(heads):
            pattern = Pattern(text, head, flat[1:], label)
            if verb and head.isascii():
                for form, tags in inflect(head, self._irregular.get(head, ())).items():
                    self._by_form[form].append((pattern, tags))
            else:
                self._plain[head].append(pattern)

    def tags(self, low: str) -> str:
        """The forms of known verbs that a word may be, "" for none."""
        if low not in self._by_form:
            return ""
        if low not in self._tags:
            self._tags[low] = "".join(sorted({t for _, tags in self._by_form[low] for t in tags}))
        return self._tags[low]

    def find(self, text_words: Sequence[Word], start: int, end: int) -> list[Found]:
        """Return every pattern within words start..end-1, by place, the longest first."""
        out: list[Found] = []
        for at in range(start, end):
            word = text_words[at]
            for pattern, tags in self._by_form.get(word.low, ()):
                if (found := _fits(pattern, tags, text_words, at, end)) is not None:
                    out.append(found)
            for key in (word.low,) if word.low == word.stem else (word.low, word.stem):
                for pattern in self._plain.get(key, ()):
                    if (found := _fits(pattern, "", text_words, at, end)) is not None:
                        out.append(found)
        out.sort(key=lambda f: (f.first, -(f.last - f.first), f.pattern.text))
        return out


def check_pattern(text: str) -> None:
    """Raise ValueError, saying what is wrong, for a pattern that could not be looked for."""
    slots = _slots(text.removeprefix("="))
    if not slots or slots[0] is None:
        raise ValueError("a pattern begins with a word")
    if slots[-1] is None:
        raise ValueError("a pattern does not end with a gap")


@lru_cache(maxsize=16384)
def _slots(text: str) -> tuple[frozenset[str] | None, ...]:
    return tuple(slot for piece in text.split() for slot in _slot(piece))


def _slot(piece: str) -> list[frozenset[str] | None]:
    if piece == "~":
        return [None]
    choices = [[low_of(raw) for raw in terms(choice)] for choice in piece.split("|")]
    if len(choices) > 1:
        if any(len(choice) != 1 for choice in choices):
            raise ValueError(f"a choice is between single words, not {piece!r}")
        return [frozenset(form for c in choices if c for form in (c[0], stem(c[0])))]
    return [frozenset((low, stem(low))) if i else frozenset((low,)) for i, low in enumerate(choices[0])]


def _fits(pattern: Pattern, tags: str, text_words: Sequence[Word], at: int, end: int) -> Found | None:
    here, gap, opened = at + 1, None, -1
    for slot in pattern.slots:
        if slot is None:
            opened = here
            continue
        if opened >= 0:
            wide = opened < end and not text_words[opened].raw.isascii() and text_words[opened].raw >= "\u3400"
            reach = min(end, opened + (_CHARACTERS if wide else GAP) + 1)
            here = next((k for k in range(opened, reach) if _is(text_words[k], slot)), -1)
            if here < 0:
                return None
            gap, opened = (opened, here), -1
        else:
            while here < end and pattern.head == "vote" and text_words[here].raw[0].isdigit():
                here += 1  # the count of a vote: "votes 388-241 for"
            if here < end and pattern.head == "be" and text_words[here].low == "not":
                here += 1  # "is not dead" is the cue too; the status word inside it is found as such
            if here < end - 1 and text_words[here].low in _ARTICLES and not _is(text_words[here], slot):
                here += 1  # patterns are written as headlines are, without articles
            if here >= end or not _is(text_words[here], slot):
                return None
        here += 1
    return Found(pattern, at, here, tags, gap, pattern.label[0])


def _is(word: Word, slot: frozenset[str]) -> bool:
    return word.low in slot or word.stem in slot
