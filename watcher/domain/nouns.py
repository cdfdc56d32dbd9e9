"""Tell where a word that may be a verb is a noun: "rare earth curbs", "launches strikes", "talks over water"."""

from __future__ import annotations

from watcher.domain.cues import Found
from watcher.domain.frame import Frame
from watcher.domain.sentences import Clause

_PLURAL_ACTS = frozenset(
    "take enter come go begin start kick remain loom continue bite hurt hit weigh work drag crimp cripple stay stand "
    "hold mount squeeze batter dent pinch sting cost threaten".split()
)  # verbs of plural nouns
_PEOPLE = frozenset("body group source lower_house upper_house".split())
_AFTER_NOUN = frozenset("of on in for from to by and or".split())


def named_by_who_decides(f: Frame, at: int) -> bool:
    """Whether the item's own noun that ends at word `at` is the name of who decides: "Norland Bank"."""
    spans = [p for p in f.subject if p[1] == at + 1]
    return f.s.words[at].capital and any(
        first <= n.place[0] < last and not n.adjective and set(n.who) & f.deciders
        for first, last in spans
        for n in f.s.names
    )


def follows_verb(f: Frame, before: int, clause: Clause) -> bool:
    """Whether the word before is a verb in -s, behind which another in -s is its object."""
    s = f.s
    if (
        before <= clause.start
        or "S" not in s.tags[before]
        or f.own(before)
        or s.words[before].capital != s.words[before + 1].capital
    ):
        return False
    noun = s.words[before].stem in (*f.told.measures, *f.told.flows, *f.told.events, *f.told.proposals)
    return not noun and not any(m.first <= before < m.last and m.kind in _PEOPLE for m in s.marks)


def ends_a_noun(f: Frame, cue: Found, clause: Clause, before: int) -> bool:
    """Whether "cut" and the like behind a singular make a noun with it and no passive: where the two stand behind a
    verb or in an adjunct, or before a verb that they are the subject of; "tariff cut to 5%" is a passive."""
    s = f.s
    if (
        before < clause.start
        or s.is_("be", before)
        or s.is_("have", before)
        or s.words[before].stem != s.words[before].low
    ):
        return False
    if not f.own(before) and s.words[before].stem not in (*f.told.measures, *f.told.flows):
        return False
    following = cue.last + 1 < clause.end and s.words[cue.last].low in ("to", "by", "from")
    if following and s.words[cue.last + 1].raw[0] in "$€£¥0123456789":
        return False
    leads = any(s.tags[k] == "S" and not f.own(k) for k in range(clause.start, before))
    leads = leads or any(s.is_("preposition", k) or s.is_("determiner", k) for k in range(clause.start, before))
    acts = any(s.tags[k] == "S" and not f.own(k) for k in range(cue.last, clause.end))
    acts = acts or (cue.last < clause.end and s.words[cue.last].low == "to")
    return clause.kind != "main" or leads or acts


def own_noun(f: Frame, cue: Found, before: int) -> bool:
    """Whether the head is one of the item's own nouns ("rare earth curbs") and not a verb behind a name."""
    if not f.own(cue.first):
        return False
    acts = any(f.s.is_(kind, before) for kind in ("body", "group", "pronoun"))
    if acts and f.s.words[before].stem != f.s.words[before].low:
        return False  # "leaders meet"
    first = next((n.place[0] for n in f.s.names if n.place[1] == before + 1), 0)
    words = f.s.words
    behind_verb = first > 0 and "B" in f.s.tags[first - 1]  # "Europeans launch UN sanctions process"
    owned = any(words[k].possessive for k in range(max(before - 2, 0), before))  # "Pope's Lebanon visit"
    behind_verb = behind_verb or (
        first > 0 and (f.parts(first - 1) or f.s.is_("determiner", first - 1) or words[first - 1].low == "of")
    )
    return not f.name_before(before + 1) or behind_verb or owned or any(w.low == "to" for w in words[:before])


def plural_noun(f: Frame, cue: Found, clause: Clause, before: int) -> bool:
    """Whether "cuts", "bans" is a noun: nothing follows that a verb could take."""
    s, nxt = f.s, cue.last
    if cue.last - cue.first > 1:
        return False
    if cue.kind == "happens" and before >= clause.start and f.own(before):
        return False  # "the deal collapses in Geneva"
    if _verb_follows(f, cue, clause) and not _decider_right_before(f, cue):
        return True
    if nxt >= clause.end or s.words[nxt].before.strip(" '\"‘’“”"):
        return before >= clause.start and cue.kind != "happens"
    if any(s.is_(kind, nxt) for kind in ("modal", "be", "have")) or any(
        m.first == nxt and m.kind == "possible" and s.words[m.last - 1].low == "to" for m in s.marks
    ):
        return True  # "sanctions set to be reimposed"
    if s.words[nxt].low in _PLURAL_ACTS:
        return True  # "sanctions bite"
    if s.words[nxt].low in _AFTER_NOUN and any(
        s.words[k].low in _PLURAL_ACTS and s.words[k - 1].low != "to" for k in range(nxt + 1, clause.end)
    ):
        return True  # "cuts to air traffic take effect"
    if s.words[nxt].low in ("on", "against") and any(
        s.words[k].low == "to"
        or s.tags[k] in ("D", "S")
        or s.is_("be", k)
        or s.is_("modal", k)
        or (s.words[k].low.endswith("s") and "S" in s.tags[k])
        for k in range(nxt + 1, clause.end)
    ):
        return True  # "sanctions on X to take effect"
    if s.words[nxt].low not in _AFTER_NOUN:
        return False
    named = any(not n.adjective for n in f.names(clause.start, cue.first))
    subject = before >= clause.start and s.words[before].capital and named
    return not subject or s.words[nxt].low in ("of", "for")


def _decider_right_before(f: Frame, cue: Found) -> bool:
    """Whether the one who decides stands right before, as the subject of a verb: "Norland shelves cull plans"."""
    names = [n for n in f.s.names if n.place[1] == cue.first and not n.adjective]
    return f.name_before(cue.first) and any({*n.who} & f.deciders for n in names)


def _verb_follows(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether another verb in -s follows before any preposition: "Epstein files bill passes", "strikes kill"."""
    for at in range(cue.last + 1, clause.end):
        if f.small(at) or f.s.words[at].low == "to":
            return False
        measure = f.s.words[at].stem in (*f.told.measures, *f.told.flows)
        if "S" in f.s.tags[at] and not f.own(at) and not measure:
            return True
    return False


def takes_nouns(f: Frame, m: Found) -> bool:
    """Whether a verb that asks or tells takes a noun and no bare infinitive."""
    if f.s.is_("auxiliary", m.first) or not m.tags:
        return False
    return m.kind == "urged" or m.pattern.text in (
        "announce",
        "declare",
        "unveil",
        "oppose",
        "reject",
        "avoid",
        "avert",
    )


def subject_of_next(f: Frame, cue: Found, clause: Clause, before: int) -> bool:
    """Whether a word that may be a verb is a noun with its own verb behind it: "shares fall as FAA probe weighs on"."""
    s, nxt = f.s, cue.last
    if nxt >= clause.end or not f.name_before(before + 1) or s.words[before].low.endswith("s"):
        return False  # plural names take a bare verb
    noun = f.own(nxt) or s.words[nxt].stem in (*f.told.measures, *f.told.flows)
    return bool(set(s.tags[nxt]) & set("SD")) and not noun and (nxt + 1 >= clause.end or f.small(nxt + 1))
