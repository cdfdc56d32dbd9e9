"""What a sentence taken apart consists of: clauses, names, words that tell how certain a thing is, and who speaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from watcher.domain.cues import Found
from watcher.domain.matching import Place
from watcher.domain.text import Word

ADJECTIVE = re.compile(
    r"(?:ese|[ei]an|ish|[ck]an|man|ench|Dutch|[aeq]li|[aq]i|Swiss|Greek|Thai|Czech|Saudi|Basque|Catalan|Walloon|Welsh|"
    r"Argentine|Philippine|Afghan|Azerbaijani|Bahraini|Bangladeshi|Croat|Cypriot|Emirati|Icelandic|Kazakh|Kuwaiti|Kyrgyz|"
    r"Nepali|Omani|Pakistani|Qatari|Serb|Slovak|Tajik|Turkmen|Uzbek|Yemeni)$"
)
PLACE, REGION = "place:", "place:region:"  # before the name of a country, and of a part of one, in `Name.who`


@dataclass(frozen=True, slots=True)
class Clause:
    """Words start..end-1; `kind` is main, reason, condition, background or after; `linked` to the one before by
    a comma or "and", whose subject it may share."""

    start: int
    end: int
    kind: str = "main"
    linked: bool = False
    sep: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """An actor or a country named at some words."""

    who: tuple[str, ...]  # actor ids, or ("place:Japan",)
    place: Place
    adjective: bool = False  # "Israeli", "Chinese": it describes, and does not act by itself
    country: bool = False  # of a country or union, be it one of the actors or not
    within: tuple[str, ...] = ()  # those whose names stand inside this one: China in "Chinese vice premier"


@dataclass(frozen=True, slots=True)
class Saying:
    """Words start..end-1 are told as somebody's: `who` (actor ids), or unnamed sources; `hedged` if only hinted."""

    start: int
    end: int
    who: frozenset[str]
    hearsay: bool
    hedged: bool
    official: bool = False  # an unnamed minister, spokesman, court: taken for the decider's own
    foreseen: bool = False  # predicted, expected, hoped
    parties: bool = False  # "the companies": those who make a deal


@dataclass(slots=True)
class Sentence:
    """A sentence taken apart."""

    words: Sequence[Word]
    tags: Sequence[str]  # the forms of known verbs each word may be: see cues.inflect
    clauses: list[Clause] = field(default_factory=list)
    names: list[Name] = field(default_factory=list)
    marks: list[Found] = field(default_factory=list)
    sayings: list[Saying] = field(default_factory=list)
    kinds: dict[int, set[str]] = field(default_factory=dict)  # the classes of the marks by their first word
    adverbs: dict[int, int] = field(default_factory=dict)  # for each word of an adverb, where that begins
    question: bool = False
    explainer: bool = False
    asked_from: int = 0  # the word at which the explaining or the question begins: "Ban lifted: what changes"
    # the characters where days are told that are still to come when the text is published; few sentences are asked
    ahead: Callable[[], Sequence[int]] = tuple

    def clause_at(self, at: int) -> Clause:
        """The clause that holds word `at`."""
        return next((c for c in self.clauses if c.start <= at < c.end), self.clauses[-1])

    def marked(self, kind: str, start: int, end: int) -> list[Found]:
        """The words of one class within start..end-1."""
        return [m for m in self.marks if m.kind == kind and start <= m.first < end]

    def is_(self, kind: str, at: int) -> bool:
        """Whether word `at` begins a word of that class."""
        return at in self.kinds and kind in self.kinds[at]

    def index(self) -> None:
        """Note where the marks begin: this is asked of every word many times."""
        for m in self.marks:
            self.kinds.setdefault(m.first, set()).add(m.kind)
            if m.kind == "adverb":
                self.adverbs.update(dict.fromkeys(range(m.first, m.last), m.first))
