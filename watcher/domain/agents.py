"""Find who is named as doing what a cue tells."""

from __future__ import annotations

from watcher.domain.cues import Found
from watcher.domain.forms import Form
from watcher.domain.frame import NOT_SUBJECT, Frame
from watcher.domain.matching import Place
from watcher.domain.sentences import PLACE, REGION, Clause, Name

_GIVES = frozenset(
    "give grant issue make offer hand deliver provide order impose place slap extend enact adopt award".split()
)
_BETWEEN = 3  # words between such a verb and its noun
_JUDGES = frozenset(
    "judge court jury federal prosecutor district appeals circuit".split()
)  # a nation's own, told by where they sit


def named(f: Frame, start: int, end: int) -> set[str]:
    """All who are named within words start..end-1, also inside other names."""
    return {w for n in f.names(start, end) for w in (*n.who, *n.within)}


def agents(f: Frame, cue: Found, clause: Clause, form: Form) -> frozenset[str]:
    """Those named as doing what the cue tells; empty where nobody is."""
    s = f.s
    receives = s.is_("receive", cue.first)
    if receives or form in (Form.PASSIVE, Form.NOUN):
        by = [n for n in f.names(cue.first, clause.end) if _behind_by(f, cue, n.place, receives)]
        if by:
            return _phrase(f, by[0])
    if receives:
        return frozenset(w for n in f.names(cue.first + 1, cue.last)[:1] for w in n.who)
    if form is Form.NOUN:
        owners = frozenset(
            w for n in f.names(clause.start, cue.first) if s.words[n.place[1] - 1].possessive for w in n.who
        )
        if not owners:
            return _givers(f, cue, clause)
        acting = _subjects(f, clause.start, cue.first) if not owners & f.deciders else frozenset()
        return acting if acting & f.deciders else owners  # "X ends Y's waiver": Y only has it
    if form is Form.PASSIVE or cue.kind == "happens":
        return frozenset()
    start = max(
        [clause.start]
        + [saying.start for saying in s.sayings if saying.start <= cue.first < saying.end]
        + [m.last for m in s.marked("urged", clause.start, cue.first)]
    )  # who says it, or asks for it, does not do it
    acting = _subjects(f, start, cue.first)
    for saying in s.sayings:
        if saying.start <= cue.first < saying.end and any(s.is_("pronoun", k) for k in range(saying.start, cue.first)):
            acting |= saying.who  # "says it agrees", "says he and Y will meet"
    at = s.clauses.index(clause)
    while not acting and at and s.clauses[at].linked:
        at -= 1
        acting = _subjects(f, s.clauses[at].start, s.clauses[at].end)
    return acting


def _phrase(f: Frame, first: Name) -> frozenset[str]:
    """Who is named by a run of names, the last of which acts: "by US judge", "by Swiss competition authority"."""
    run = [first]
    while nxt := next((n for n in f.s.names if n.place[0] == run[-1].place[1]), None):
        run.append(nxt)
    if len(run) > 1 and not _of_elsewhere(f, run[-2], run[-1]) and set(run[-1].who) & f.deciders:
        return frozenset(run[-1].who)
    return frozenset(first.who)


def _givers(f: Frame, cue: Found, clause: Clause) -> frozenset[str]:
    """Those who do an act told as a noun with a verb of giving: "Norland extends closure", "grants waiver"."""
    lights = [m for m in f.s.marked("light", clause.start, cue.first) if m.tags and cue.first - m.last <= _BETWEEN]
    if lights and not set(lights[-1].tags) & set("SB"):
        return frozenset()  # "granted a waiver" may be told of those who get it
    if not lights or lights[-1].pattern.text not in _GIVES:
        return frozenset()
    return _subjects(f, clause.start, lights[-1].first)


def _subjects(f: Frame, start: int, end: int) -> frozenset[str]:
    out: list[str] = []
    led = -1  # where a name ends that stands behind a preposition
    for n in f.names(start, end):
        first, last = n.place
        if first > start and (f.s.words[first - 1].low in NOT_SUBJECT or _joined(f, led, first)):
            led = last
            continue
        if f.s.words[last - 1].possessive and not _acts_through(f, last):
            continue
        if n.adjective and first > start and f.s.is_("determiner", first - 1) and "," in f.s.words[first - 1].before:
            continue  # who somebody is: "Norco, a Sudlandic brewer, signs"
        if last < end and f.s.is_("private", last) and not f.s.words[last - 1].possessive:
            continue  # "Norland traders": not who decides there
        if _regional(f, first):
            out.append(REGION + "another")
            continue
        before = next((o for o in f.s.names if o.place[1] == first), None)
        if before is not None and _of_elsewhere(f, before, n):
            out.extend(before.who)
            continue
        within = set(n.within) & f.deciders if f.told.needs_parties else set()
        out.extend(set(n.who) & f.deciders or within or n.who)
    return frozenset(out)


def _joined(f: Frame, led: int, first: int) -> bool:
    """Whether a name is joined to one that ends at word `led`: "on Norland and Sudland"."""
    words = f.s.words
    return led > 0 and (
        (first == led + 1 and words[led].low in ("and", "和")) or (first == led and "、" in words[first].before)
    )


def _regional(f: Frame, at: int) -> bool:
    """Whether the body named at word `at` is one of a part of a country: "state Senate", and no judge there."""
    here = f.s.words[at]
    return here.glued and here.low not in _JUDGES and any(m.kind == "region" and m.last == at for m in f.s.marks)


def _of_elsewhere(f: Frame, owner: Name, n: Name) -> bool:
    """Whether the name before makes this one another country's: "Pakistan's Supreme Court"."""
    unknown = owner.who[0].startswith(PLACE)
    if not (unknown or owner.country) or set(n.who) & set(owner.who):
        return False
    if f.home & set(owner.who):
        return False
    known = f.homes or owner.who[0].startswith(REGION)
    if known and not f.homes & set(owner.who) and f.s.is_("seat", n.place[0]):
        return True  # "UK Supreme Court", "Ohio Senate": not the court or the chamber of the item's own country
    return unknown and (owner.adjective or f.s.words[n.place[0] - 1].possessive)


def _acts_through(f: Frame, at: int) -> bool:
    """Whether a possessor acts through what follows: a body of theirs, or a name in apposition."""
    return bool(f.s.marked("body", at, at + 4)) or any(n.place[0] == at for n in f.s.names)


def _behind_by(f: Frame, cue: Found, place: Place, receives: bool) -> bool:
    """Whether a name stands behind "by", or behind "from" where something is received or granted."""
    s, at = f.s, place[0] - 1
    while at >= cue.first and (s.is_("determiner", at) or (s.words[at].capital and not s.is_("preposition", at))):
        at -= 1
    paid = bool(f.told.measures) or cue.pattern.label[-1] in f.told.on_party
    if at < cue.first or (s.words[at].low == "from" and paid and not receives):
        return False  # "exemption from Norlandic duties", "a fine from Norco": from whose measure or money, not by whom
    return s.words[at].low == "by" or (s.words[at].low == "from" and (receives or not cue.tags))
