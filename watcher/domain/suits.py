"""Tell what a verdict does to an item that is itself a suit: "the regulator's antitrust suit against Norco".

Such an item stands or falls with the one who sues. To throw the suit out strikes it down, while to throw out a
challenge to a rule upholds the rule; whoever is sued wins by its fall. Only an item whose title says who is sued is
read so.
"""

from __future__ import annotations

from collections.abc import Set

from watcher.domain.cues import Found
from watcher.domain.frame import Frame
from watcher.domain.sentences import Clause
from watcher.domain.text import words

_SUITS = frozenset("suit lawsuit complaint prosecution".split())
_SIDES = frozenset("against v vs versus".split())
CASES = frozenset("suit lawsuit case complaint claim petition prosecution action".split())
_ABOUT = frozenset("over about in on for at by".split())
_TURNED = {"upheld": "struck_down", "struck_down": "upheld"}
_BACKS = frozenset("side rule find back hand declare deem hold clear vindicate".split())  # these take one of the two
_GUILTY = frozenset("illegal illegally unlawful unlawfully broke violated violates breached breaches infringed".split())


def in_a_suit(f: Frame, cue: Found, clause: Clause, state: str) -> str:
    """The state of a suit that a cue tells, by whose suit it is."""
    if state not in _TURNED or not (theirs := sued(f)):
        return state
    s, end = f.s, f.object_end(cue, clause)
    if cue.pattern.head in ("win", "lose"):
        is_sued = any(s.words[k].stem in theirs for k in range(clause.start, cue.first))
        return "upheld" if (cue.pattern.head == "win") != is_sued else "struck_down"
    told = {s.words[k].low for k in range(cue.first, cue.last)}
    if told & _GUILTY:
        return "upheld"
    if state == "upheld" and s.words[cue.last - 1].stem in CASES:
        return _TURNED[state]
    if cue.pattern.head in _BACKS and cue.last < len(s.words) and _is_sued(f, cue.last, end, theirs):
        return _TURNED[state]
    return state


def sued(f: Frame) -> Set[str]:
    """The names of those the item's title tells to be sued: what stands in it behind "suit against"."""
    title = words(f.item.title)
    at = next((k for k, w in enumerate(title) if w.low in _SIDES), len(title))
    suit = at and (title[at - 1].stem in _SUITS or (at < len(title) and title[at].low != "against"))
    behind = title[at + 1 :]
    theirs = behind[: next((k for k, w in enumerate(behind) if w.low in _ABOUT), len(behind))]
    if not suit or not theirs or not theirs[-1].capital:
        return frozenset()  # "suits against Norland's toll": a measure is sued over
    return frozenset(w.stem for w in theirs if w.capital)


def _is_sued(f: Frame, start: int, end: int, theirs: Set[str]) -> bool:
    """Whether what a verb takes begins with who is sued: "sides with Norco"."""
    first = next((k for k in range(start, end) if not f.s.is_("determiner", k)), end)
    return first < end and f.s.words[first].stem in theirs
