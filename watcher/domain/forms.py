"""Tell in which grammatical form a cue stands, from its ending and the words around it.

Headline grammar: articles and auxiliaries are left out, so "curbs lifted" is a passive and "China lifting curbs" a
present; many words are noun and verb alike, and only their neighbours tell.
"""

from __future__ import annotations

from enum import StrEnum

from watcher.domain.cues import Found
from watcher.domain.frame import NOUNS, Frame
from watcher.domain.nouns import (
    _PEOPLE,
    ends_a_noun,
    follows_verb,
    named_by_who_decides,
    own_noun,
    plural_noun,
    subject_of_next,
    takes_nouns,
)
from watcher.domain.sentences import Clause

_NOUNISH = frozenset("of for by on in with".split())
_RELATIVE = frozenset("who which whose whom".split())
_NOT_LEADING = NOUNS | _PEOPLE | {"absent"}  # classes of words behind which no participle is led
_LETS = frozenset("let lets letting make makes making made help helps watch watches see sees".split())
_HARMS = frozenset("hurt hurts cost costs hit hits bite weigh cripple crimp batter dent squeeze drag".split())
_PLACE = 5  # characters in which a place is named
_SPEAKER = 4  # words before a colon that name who speaks


class Form(StrEnum):
    """How a cue stands in its clause."""

    FINITE = "present"
    PAST = "past"
    PASSIVE = "passive"
    INFINITIVE = "infinitive"
    BASE = "bare form"
    IMPERATIVE = "imperative"
    PROGRESSIVE = "progressive"
    GERUND = "gerund"
    NOUN = "noun"
    AFTER = "noun behind us"
    PLAIN = "uninflected"  # a language without endings, or words that are no verb


ACTIVE = frozenset({Form.FINITE, Form.PAST, Form.INFINITIVE, Form.BASE, Form.GERUND})


def form_of(f: Frame, cue: Found, clause: Clause) -> Form | None:
    """Return the form of a cue, None where the word is not used as its kind asks."""
    kind = cue.kind
    if clause.kind == "background" and f.s.words[clause.start].low in _RELATIVE:
        return None  # who somebody is, not what happens
    if clause.kind == "background" and kind in ("does", "flow", "happens") and not set(cue.tags) & set("GN"):
        return None  # nouns follow "ahead of" and "amid"
    if kind == "after":
        return Form.AFTER if _behind(f, cue, clause) else None
    if kind in ("noun", "flow_noun", "deed"):
        return Form.NOUN
    if cue.gap is not None and any(f.s.is_(kind, cue.first) for kind in ("body", "group", "pronoun")):
        return Form.FINITE  # the cue begins with the one who acts: "panel backs"
    if not cue.tags:
        return Form.PLAIN if _plain(f, cue, clause) else None
    return _verb(f, cue, clause)


def _plain(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether words without endings are an act: one of the item's own nouns needs a name or a status word before it."""
    s = f.s
    if s.is_("trail", cue.last):
        return False
    if cue.kind == "happens" and s.words[cue.first].raw.isascii() and not _ends_there(f, cue.last, clause):
        return False  # it describes what follows: "Constitutional Court"
    if not any(first <= cue.first and cue.last <= last for first, last in f.subject):
        return True
    led = not s.words[cue.first].raw.isascii() and _led_in_chinese(f, cue, clause)
    return (
        led
        or f.name_before(cue.first)
        or any(
            m.kind in ("possible", "modal", "announced", "urged", "denied") and clause.start <= m.first < cue.first
            for m in s.marks
        )
    )


def _led_in_chinese(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether an adverb behind a name, or a place, makes a word a verb: "特朗普再次延长", "在釜山会晤"."""
    before = f.before(cue.first, clause.start)
    placed = any(w.low in ("在", "于") for w in f.s.words[max(clause.start, before - _PLACE) : before])
    return f.name_before(before + 1) or (placed and (cue.last >= clause.end or f.small(cue.last)))


def _ends_there(f: Frame, at: int, clause: Clause) -> bool:
    """Whether no noun follows that a word before `at` could describe."""
    s = f.s
    if at >= clause.end or s.words[at].before.strip() or f.small(at) or s.is_("determiner", at):
        return True
    if s.is_("preposition", at - 1):
        return "S" in s.tags[at] or s.is_("say", at)  # not "talks over water"
    return not s.words[at].capital and (bool(s.tags[at]) or any(m.first == at for m in s.marks))


def _behind(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether "after" takes this noun itself and no verb comes between."""
    lead = range(clause.start + 1, cue.first)
    if clause.kind != "after" or any(f.s.tags[k] and not f.s.words[k].capital for k in lead):
        return False
    back = f.s.clauses[max(f.s.clauses.index(clause) - 1, 0)]
    if back is clause or cue.pattern.label[-1] in f.told.past.values() or f.told.past:
        return True
    told = [m for m in f.s.marks if back.start <= m.first < back.end]
    ahead = any(m.kind in ("possible", "modal", "announced", "urged") for m in told)
    return not ahead and not any(w.low == "to" for w in f.s.words[back.start : back.end])  # "to launch after approval"


def _verb(f: Frame, cue: Found, clause: Clause) -> Form | None:
    s, tags = f.s, set(cue.tags)
    before = f.before(cue.first, clause.start)
    prev = s.words[before] if before >= clause.start else None
    if _let_happen(f, cue, clause):
        return Form.IMPERATIVE
    if prev is not None:
        if prev.low == "to":
            return Form.INFINITIVE if "B" in tags else Form.GERUND if "G" in tags else None
        if s.is_("be", before):
            if "G" in tags:
                return Form.PROGRESSIVE
            if tags & set("DN"):
                return Form.PASSIVE
        if s.is_("have", before) and tags & set("DN"):
            return Form.PAST
    single = cue.last - cue.first == 1
    if _in_compound(f, cue, clause) or (tags & set("DN") and _in_apposition(f, cue, clause, before)):
        return None
    if "G" in tags and cue.last < clause.end and s.words[cue.last].low == "of" and single:
        return Form.NOUN  # "the lifting of curbs"
    if "G" in tags:
        return Form.GERUND if _is_gerund(f, cue, clause, before) else None
    nounish = prev is not None and (s.is_("determiner", before) or prev.possessive or prev.low in _NOUNISH)
    if nounish:
        return None
    if tags & set("DN"):
        return _participle(f, cue, clause, before)
    meets = (
        cue.pattern.label[-1] in f.told.anyone and "B" in tags and f.has_object(cue, clause)
    )  # "drivers miss deadline"
    acts = before >= clause.start and (
        meets or not f.own(before) or f.name_before(before + 1) or named_by_who_decides(f, before)
    )
    acts = acts or (bool(f.told.on_party) and f.s.is_("inquiry", before))  # an audit finds and faults
    if not acts and f.s.is_("body", before):  # "the regulator suspends", "ministers meet"
        acts = bool(tags & set("S")) != (s.words[before].stem != s.words[before].low)
    if cue.kind in ("does", "flow") and before >= clause.start and not acts and single:
        return None  # "Epstein files": the item's own noun does not do this to itself
    if "S" in tags and follows_verb(f, before, clause):
        return None  # "launches strikes", "plans cuts"
    if "S" in tags:
        return None if plural_noun(f, cue, clause, before) or own_noun(f, cue, before) else Form.FINITE
    return _base(f, cue, clause, before)


def _in_compound(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether a word is only a part of one with a hyphen: "stop-gap", "cut-off", "state-backed", "year-end"."""
    words, single = f.s.words, cue.last - cue.first == 1
    if single and cue.last < clause.end and "-" in words[cue.last].before and words[cue.last].glued:
        return True
    here = words[cue.first]
    return "-" in here.before and here.glued and (single or bool(set(cue.tags) & set("DN")))


def _in_apposition(f: Frame, cue: Found, clause: Clause, before: int) -> bool:
    """Whether a participle only describes what stands before it: "the treaty, signed in May, was torn up"."""
    if before < clause.start and clause.linked and clause is not f.s.clauses[-1]:
        return True
    closed = any("," in w.before for w in f.s.words[cue.last : clause.end])
    return "," in f.s.words[cue.first].before and closed


def _is_gerund(f: Frame, cue: Found, clause: Clause, before: int) -> bool:
    s = f.s
    led = (
        before < clause.start
        or s.is_("preposition", before)
        or any(m.first <= before < m.last and m.kind not in _NOT_LEADING for m in s.marks)
    ) and not s.is_("have", before)  # fmt: skip
    if not led and (f.own(cue.first) or not f.has_object(cue, clause)):
        return False
    return before < clause.start or not s.words[before].possessive


def _participle(f: Frame, cue: Found, clause: Clause, before: int) -> Form | None:
    """A form in -ed: past with an object, passive without; cut, hit and put are their own base form too."""
    takes = f.has_object(cue, clause) and not _done_by(f, cue, clause)
    if takes and set(cue.tags) == {"N"} and before >= clause.start and f.own(before):
        return Form.PASSIVE  # "drivers given another year": the past would be "gave"
    if "B" in cue.tags and before >= clause.start and f.s.words[before].raw[-1] in "%0123456789":
        return None  # a noun: "orders a 10% cut in flights"
    if not takes and cue.last - cue.first == 1 and "B" in cue.tags and ends_a_noun(f, cue, clause, before):
        return None  # "traders digest tariff cut"
    if not takes and _passive_follows(f, cue, clause):
        return None  # it describes the subject: "letter signed by X is released"
    if "B" in cue.tags and (takes or cue.kind == "happens") and (form := _base(f, cue, clause, before)):
        return form
    if takes and before >= clause.start:
        prev = f.s.words[before]
        if f.s.tags[before] and not prev.low.endswith("s") and not f.s.is_("be", before):
            return None  # it describes what follows: "allow limited exports"
    return Form.PAST if takes else Form.PASSIVE


def _passive_follows(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether "is" or "are" and another participle, or what the thing does to somebody, follow in the clause: "tariffs
    imposed on timber cost firms billions"."""
    s = f.s
    return any(
        (s.words[k].low in ("is", "are", "was", "were") and set(s.tags[k + 1]) & set("DN"))
        or (s.words[k].low in _HARMS and k > cue.last + 1 and s.words[k - 1].low != "to")
        for k in range(cue.last, clause.end - 1)
    )


def _done_by(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether a passive tells who did it, with an amount or the like between: "fined a record sum by Brussels"."""
    return any(first < cue.first for first, _ in f.subject) and any(
        n.place[0] - 1 > cue.last and f.s.words[n.place[0] - 1].low == "by" for n in f.names(cue.last, clause.end)
    )


def _asks(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether a sentence or a speech begins with a bare verb that somebody is asked: "Lift ban, traders tell …"."""
    s = f.s
    if not f.has_object(cue, clause):
        return False
    speech = clause
    while speech.linked and speech.start:
        speech = s.clauses[s.clauses.index(speech) - 1]  # "X to Y: stop stalling and let Z in"
    if ":" in speech.sep:
        back = s.clauses[s.clauses.index(speech) - 1]
        told = any(f.own(k) or "S" in s.tags[k] for k in range(back.start, back.end))
        if cue.first == clause.start and speech is clause and not told and back.end - back.start <= _SPEAKER:
            return True  # "Norland's premier: lift the ban", "Opinion: lift the ban"
        return any(w.low in ("to", "tell", "tells") for w in s.words[back.start : back.end])
    if clause.linked:
        return False
    later = (clause.end, len(s.words))
    return clause.start == 0 and bool(s.marked("urged", *later) or s.marked("say", *later) or s.words[0].low == "let")


def _let_happen(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether a speech or a sentence that begins with "Let" asks for what the cue tells: "Let the truce run out"."""
    led = f.s.words[clause.start].low == "let" and clause.start < cue.first
    return led and "B" in cue.tags and (clause.start == 0 or ":" in clause.sep)


def _let(f: Frame, before: int, clause: Clause) -> bool:
    """Whether a name stands before the word at `before` + 1 that "let" or "make" takes."""
    name = next((n for n in f.s.names if n.place[1] == before + 1), None)
    at = name.place[0] - 1 if name else -1
    return at >= clause.start and f.s.words[at].low in _LETS


def _base(f: Frame, cue: Found, clause: Clause, before: int) -> Form | None:
    """A base form: governed by a modal, the verb of a plural subject, or no verb at all."""
    s = f.s
    if subject_of_next(f, cue, clause, before):
        return None
    if before < clause.start or (s.words[before].low == "and" and before == clause.start):
        return Form.IMPERATIVE if _asks(f, cue, clause) else Form.FINITE if clause.linked else None
    prev = s.words[before]
    taken = [m for m in s.marks if m.first <= before < m.last and m.kind in ("modal", "announced", "denied", "urged")]
    if any(m.last == before + 1 and takes_nouns(f, m) for m in taken) and cue.last - cue.first == 1:
        return None  # "farmers demand end to …"
    if any("S" in m.tags and not s.is_("auxiliary", m.first) and not m.pattern.text.endswith(" to") for m in taken):
        return None  # what is ruled out, demanded or announced is a noun
    governed = bool(taken) or any(
        m.kind == "modal" or m.pattern.text == "will" for m in s.marks if clause.start <= m.first <= before
    )
    not_done = prev.low in ("did", "does", "do") and s.words[before + 1].low == "not"  # "did not meet"
    if governed or not_done or prev.low in ("or", "would") or prev.low.endswith("n't"):
        return Form.BASE
    if prev.low == "and":
        led = any(w.low == "to" for w in s.words[clause.start : before])
        return Form.BASE if led else Form.FINITE
    behind_verb = "S" in s.tags[before] and f.name_before(before)
    weighed = any(m.kind == "possible" and "S" in m.tags and m.last == before + 1 for m in s.marks)
    if _let(f, before, clause):
        return Form.BASE  # "lets Norland break the truce"
    if own_noun(f, cue, before) or behind_verb or weighed:
        return None  # what is weighed, neared or sought is a noun
    if any(m.kind == "urged" and m.tags and clause.start <= m.first < before for m in s.marks):
        return Form.BASE  # "demands Canada scrap …"
    if cue.kind == "happens" and any(
        f.own(k) and s.words[k].stem != s.words[k].low for k in range(clause.start, before)
    ):
        return Form.FINITE  # "tariffs on China take effect"
    lead = s.words[clause.start + 1 : before + 1]
    than = (k for k in range(clause.start + 1, before) if f.parts(k) and s.words[k].low != "than")
    head = next(than, before + 1) - 1
    prev = s.words[head] if head < before else prev  # "workers in Ohio approve"
    plural = prev.stem != prev.low or any(w.low == "and" or "," in w.before or "&" in w.before for w in lead)
    return Form.FINITE if plural or (f.name_before(before + 1) and f.has_object(cue, clause)) else None
