"""Judge what one sentence tells of one item: which state, and done, announced, claimed, possible, urged or denied.

1 form      tense and mood of the cue itself                           forms.py
2 roles     told of the subject? done by who decides?                  roles.py, acting.py
3 governed  the words it depends on: "may", "refuses to", "urges"         governing.py
4 framed    condition, question, explainer, background
5 voiced    who says so: the one who decides, or somebody else
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from watcher.domain.acting import agents, both_sides, foreign, parties_named
from watcher.domain.clauses import Clause, Sentence
from watcher.domain.cues import Found
from watcher.domain.forms import Form, form_of
from watcher.domain.frame import Frame
from watcher.domain.governing import STATUSES, describes, governed, governors, status_of
from watcher.domain.matching import Place
from watcher.domain.model import Status
from watcher.domain.roles import concerns, only_described, takes_flow
from watcher.domain.text import words

STRENGTH = (
    Status.DONE, Status.ANNOUNCED, Status.CLAIMED, Status.DENIED, Status.URGED, Status.POSSIBLE, Status.MENTION,
)  # fmt: skip
_FIRM = (Status.DONE, Status.ANNOUNCED)
_OF_FLOW = ("flow", "flow_noun")
_BY_OBJECT = ("does", "noun", *_OF_FLOW)  # kinds whose state depends on what the act is done to
_LEANING = frozenset("inclined ready poised open minded".split())
_PART = frozenset("some most many several part parts partially partly dozens hundreds certain".split())
_LACKING = frozenset(("no", "without", "no plan for", "no plans for", "no sign of"))
_YEARS = frozenset(("year", "month", "decade"))
_NEAR_HEARSAY = 1  # words behind a cue that a hearsay word may still be about it
_BARE_REACH = 8  # words from a status verb to the subject it takes


@dataclass(frozen=True, slots=True)
class Told:
    """What one cue tells: a state and how, where it stands, and the steps of the judgement."""

    state: str | None
    status: Status
    place: Place
    why: tuple[str, ...]
    bare: bool = False  # told by a status word that takes the subject itself


def tell(f: Frame, cues: Sequence[Found], *, official_title: bool) -> Told | None:
    """Return the strongest thing told of the item, None where nothing but the subject is named.

    `official_title` says that the sentence opens the title of an official outlet's own publication. Afterwards
    `f.others` says whether somebody else was found to act.
    """
    verbs = {c.first for c in cues if c.tags and form_of(f, c, f.s.clause_at(c.first)) is not None}
    turned = {c.first for c in cues if c.kind == "turn" and not _is_own_order(f, c)}
    used = [
        c
        for c in cues
        if (c.tags or c.first not in verbs)  # a word that is a verb here is no noun here
        and (c.kind == "turn") == (c.first in turned)  # an act on a ruling against the subject is no act on the subject
    ]
    candidates = [t for cue in used if (t := _of_cue(f, cue, official_title)) is not None]
    candidates += _of_status_words(f)
    return min(
        candidates,
        key=lambda t: (
            _beside_the_verb(f, t, candidates),
            STRENGTH.index(t.status),
            _overtaken(f, t, candidates),
            t.bare,
            t.place[0] - t.place[1],
        ),
        default=None,
    )


def _beside_the_verb(f: Frame, told: Told, candidates: Sequence[Told]) -> bool:
    """Whether what is denied is only an adjunct to another act in its clause: "may end the inquiry without a fine"."""
    before = told.place[0] - 1
    while before >= 0 and (f.s.is_("determiner", before) or f.s.words[before].low in ("any", "further")):
        before -= 1
    if told.status is not Status.DENIED or before < 0 or f.s.words[before].low != "without":
        return False
    clause = f.s.clause_at(told.place[0])
    return any(o.state and o is not told and clause.start <= o.place[0] < before for o in candidates)


def _overtaken(f: Frame, told: Told, candidates: Sequence[Told]) -> bool:
    """Whether a later clause tells, as surely, a state that only comes after this one: "begins …, ends in …"."""
    later = [o for o in candidates if o.status is told.status and o.place[0] >= told.place[1]]
    here = f.s.clause_at(told.place[0])
    clauses = [f.s.clause_at(o.place[0]) for o in later if o.state in f.after.get(told.state or "", ())]
    return any(clause is not here and clause.kind == here.kind == "main" for clause in clauses)


def _is_own_order(f: Frame, cue: Found) -> bool:
    """Whether the order acted on is what the item is about ("climate order"), and not a ruling on it."""
    named = any(first <= cue.last - 2 < last for n in f.s.names for first, last in [n.place])
    called = f.s.words[cue.last - 1].stem == "order" and any(w.stem == "order" for w in words(f.item.title))
    return (f.own(cue.last - 1) or called) and f.own(cue.last - 2) and not named


def _of_cue(f: Frame, cue: Found, official_title: bool) -> Told | None:
    place = (cue.first, cue.last)
    state: str | None = cue.pattern.label[1]
    if cue.kind == "opens":
        opens = cue.first == 0 and official_title
        return Told(state, Status.DONE, place, ("opens an official publication",)) if opens else None
    clause = f.s.clause_at(cue.first)
    form = None if _is_no_cue(f, cue) else form_of(f, cue, clause)
    if form is None or not concerns(f, cue, clause, form) or not parties_named(f, clause):
        return None
    if f.told.flows and cue.kind in _BY_OBJECT and (cue.kind in _OF_FLOW) != takes_flow(f, cue, clause, form):
        return None
    why = [f"cue “{cue.pattern.text}” ({state}), {form}"]
    if any(first <= cue.first < last for first, last in f.taken) or foreign(f, cue, clause, form, why):
        f.taken.append(place)  # nor do words inside another's act tell anything
        return None
    if only_described(f):
        return None
    told = _framed(f, clause, form, governed(f, cue, clause, form, why), why)
    status = _voiced(f, cue, form, told, why)
    if status in _FIRM and state in f.told.mutual and not both_sides(f, cue, clause, form):
        why.append("one side only")
        status = Status.CLAIMED
    if status is Status.MENTION:
        return Told(None, status, place, tuple(why))
    if any(w.low in _PART for w in f.s.words[max(cue.last - 1, cue.first) : f.object_end(cue, clause)]):
        state = f.told.partial.get(state or "", state)
    if form is Form.PAST or (form is Form.GERUND and clause.kind == "after"):
        state = f.told.past.get(state or "", state)
    if told is not Status.DONE or (
        status is not Status.DONE and (status is not Status.CLAIMED or f.told.claimed_stages)
    ):
        state = f.stages.get(state or "", state)
    return Told(state, status, place, tuple(why))


def _is_infinitive(s: Sentence, at: int) -> bool:
    """Whether "to" and a verb stand at word `at`."""
    return s.words[at].low == "to" and at + 1 < len(s.words) and "B" in s.tags[at + 1]


def _is_no_cue(f: Frame, cue: Found) -> bool:
    """Whether the words only look like a cue: an auxiliary, a part of a longer status word, or a verb that
    governs the real cue ("agrees to lift", "fails to pass")."""
    s, size, nxt = f.s, cue.last - cue.first, cue.last
    if s.is_("idiom", cue.first) or s.is_("leaves", cue.first):
        return True
    if cue.pattern.head == "have" and cue.gap and any("N" in s.tags[k] for k in range(*cue.gap)):
        return True
    if cue.gap and cue.tags and "to" not in cue.pattern.text and _is_infinitive(s, cue.gap[0]):
        return True  # "refuses to ratify Norland's membership" does not refuse membership
    opens = cue.first == s.clause_at(cue.first).start and "G" in cue.tags
    if cue.gap and opens and any(set(s.tags[k]) & set("SB") and not f.own(k) for k in range(*cue.gap)):
        return True  # "Striking workers approve deal"
    if cue.gap and any(
        s.is_("pronoun", k) and set(s.tags[k + 1]) & set("SD") for k in range(cue.gap[0], cue.gap[1] - 1)
    ):
        return True  # "denies it rejected the bid"
    if any(
        m.first <= cue.first and cue.last <= m.last and m.last - m.first > size and m.kind in STATUSES for m in s.marks
    ):
        return True
    if nxt >= len(s.words):
        return False
    clausal = ("modal", "auxiliary", "be", "have", "announced")
    if size == 1 and cue.tags and s.is_("pronoun", nxt) and any(s.is_(kind, nxt + 1) for kind in clausal):
        return True  # "confirms it will approve"
    if s.words[nxt].low == "to" and cue.pattern.text.split()[-1] in _LEANING:
        return True  # "seems inclined to uphold": the verb that follows is the cue
    bare = cue.gap is None or cue.gap[0] == cue.gap[1]
    other = size > 1 and bare and s.words[nxt - 1].low in ("to", "on") and not f.own(nxt)
    if other and ("B" in s.tags[nxt] or s.is_("infinitive", nxt)):
        return True  # "agrees to change the plan"
    return size == 1 and s.words[nxt].low == "to" and s.is_("denied", cue.first)


# --- the frame it stands in -----------------------------------------------------------------------


def _framed(f: Frame, clause: Clause, form: Form, status: Status, why: list[str]) -> Status:
    s = f.s
    if clause.kind in ("background", "after") and form is Form.NOUN:
        why.append("told as background")
        return Status.MENTION
    if clause.start and clause.kind == "after" and s.words[clause.start - 1].stem in _YEARS:
        why.append("an anniversary")
        return Status.MENTION
    if form in (Form.PAST, Form.PASSIVE) and s.marked("bygone", clause.start, clause.end):
        why.append("long ago")
        return Status.MENTION
    if form is Form.GERUND and _is_topic(s, clause):
        why.append("talked about, not done")
        return Status.MENTION
    if status in _FIRM and _conditional(s, clause):
        why.append("inside a condition")
        status = Status.POSSIBLE
    told_before = clause.start < s.asked_from and form in (Form.FINITE, Form.PAST, Form.PASSIVE)
    if told_before:
        return status
    if s.question and status in (*_FIRM, Status.CLAIMED):
        why.append("asked, not told")
        return Status.POSSIBLE
    if s.explainer and status in _FIRM:
        why.append("an explainer, not a report")
        return Status.MENTION
    return status


def _is_topic(s: Sentence, clause: Clause) -> bool:
    """Whether a gerund opens the sentence as the subject of another verb: "Lifting the ban would help"."""
    return (
        "G" in s.tags[0]
        and clause.start == 0
        and any(s.is_("modal", k) or s.is_("be", k) or s.tags[k] == "S" for k in range(1, clause.end))
    )


def _conditional(s: Sentence, clause: Clause) -> bool:
    """Whether a clause is a condition, or joined by "and" to one."""
    at = s.clauses.index(clause)
    while s.clauses[at].linked and at and s.words[s.clauses[at].start].low == "and":
        at -= 1
    return s.clauses[at].kind == "condition"


# --- who says so ----------------------------------------------------------------------------------


def _voiced(f: Frame, cue: Found, form: Form, status: Status, why: list[str]) -> Status:
    """The one who decides says what is so, anybody else claims it."""
    s = f.s
    if status not in _FIRM:
        return status
    for saying in s.sayings:
        if not saying.start <= cue.first < saying.end:
            continue
        head = s.clause_at(max(saying.start - 1, 0))
        if any(m.kind in ("modal", "possible", "urged") and head.start <= m.first < saying.start - 1 for m in s.marks):
            why.append("it may be said, it is not")
            return Status.POSSIBLE
        own = saying.who & f.deciders if f.deciders else saying.who
        acting = agents(f, cue, s.clause_at(cue.first), form) if f.deciders and cue.tags else frozenset()
        if acting & f.deciders and not own & acting:
            own = frozenset()  # one side speaks of what the other did
        if saying.foreseen:
            why.append("foreseen, not told")
            return Status.POSSIBLE
        if saying.hearsay or saying.hedged or not (own or saying.official):
            why.append(f"said by {', '.join(sorted(saying.who)) or 'others'}")
            return Status.CLAIMED
    if s.marked("hearsay", 0, cue.last + _NEAR_HEARSAY):  # not "indicted for allegedly …"
        why.append("told as hearsay")
        return Status.CLAIMED
    return status


# --- a status word that takes the subject itself --------------------------------------------------


def _of_status_words(f: Frame) -> list[Told]:
    """Read "threatens tariffs", "announces a deal": the lifecycle says which state is meant."""
    if not f.told.bare:
        return []
    return [t for m in f.s.marks if (t := _of_status_word(f, m)) is not None]


def _of_status_word(f: Frame, m: Found) -> Told | None:
    s = f.s
    clause = s.clause_at(m.first)
    lacking = m.kind == "denied" and m.pattern.text in _LACKING  # "ends without deal", "no summit planned"
    verb = m.kind in STATUSES and set(m.tags) & set("SDBG") and not s.is_("auxiliary", m.first)
    noun = m.tags == "B" and any(
        f.parts(k) for k in range(max(m.first - 2, clause.start), m.first)
    )  # "in a bold move to"
    if not (lacking or verb) or noun or describes(s, m, clause):
        return None
    place = _taken(f, m, clause)
    if place is None or f.verbs_between(m.last, place[0]) or not parties_named(f, clause):
        return None
    why = [f"“{m.pattern.text}” takes the subject itself"]
    others = f.others
    if foreign(f, m, clause, Form.FINITE, why):
        if m.kind in ("denied", "urged") and agents(f, m, clause, Form.FINITE) <= {*f.item.against}:
            f.others = others  # those whom it hits want, avoid or oppose it: it is the item's all the same
        return None
    status = f.told.bare_status.get(m.pattern.text, status_of(f, m))
    outer = governors(f, m, clause)
    if outer and status in _FIRM:
        status = status_of(f, outer[0])
    status = _voiced(f, m, Form.FINITE, _framed(f, clause, Form.FINITE, status, why), why)
    return Told(None if status is Status.MENTION else f.told.bare, status, (m.first, m.last), tuple(why), bare=True)


def _taken(f: Frame, m: Found, clause: Clause) -> Place | None:
    """The place of the subject that a status verb takes as its object, where it heads its noun phrase: "tariffs
    on …", not "tariff threat"; and only the measure itself, where the lifecycle names its measures."""
    s, measures = f.s, f.told.measures
    reach = min(m.last + _BARE_REACH + 1, f.object_end(m, clause))
    for first, last in f.subject:
        if not m.last <= first < reach or last > clause.end:
            continue
        if measures and not any(s.words[k].stem in measures for k in range(first, last)):
            continue
        if f.heads(last, clause):
            return first, last
    return None
