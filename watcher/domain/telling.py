"""Judge what one sentence tells of one item: which state, and done, announced, claimed, possible, urged or denied.

1 form      tense and mood of the cue itself                           forms.py
2 roles     told of the subject? done by who decides?                  roles.py
3 governed  the words it depends on: "may", "refuses to", "urges"
4 framed    condition, question, explainer, background
5 voiced    who says so: the one who decides, or somebody else
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from watcher.domain.clauses import Clause, Sentence
from watcher.domain.cues import Found
from watcher.domain.forms import Form, form_of
from watcher.domain.frame import Frame
from watcher.domain.matching import Place
from watcher.domain.model import Status
from watcher.domain.roles import agents, both_sides, concerns, foreign, parties_named, takes_flow

STRENGTH = (
    Status.DONE, Status.ANNOUNCED, Status.CLAIMED, Status.DENIED, Status.URGED, Status.POSSIBLE, Status.MENTION,
)  # fmt: skip
_STATUS = {
    "possible": Status.POSSIBLE,
    "modal": Status.POSSIBLE,
    "announced": Status.ANNOUNCED,
    "urged": Status.URGED,
    "denied": Status.DENIED,
}
_FIRM = (Status.DONE, Status.ANNOUNCED)
_OF_FLOW = ("flow", "flow_noun")
_BY_OBJECT = ("does", "noun", *_OF_FLOW)  # kinds whose state depends on what the act is done to
_EMPTY_LEADS = frozenset("without before against for of about on over".split())  # a gerund behind one asserts nothing
_LEANING = frozenset("inclined ready poised open minded".split())
_ORDERS = frozenset(("order", "direct", "instruct"))
_PART = frozenset("some most many several part parts partially partly dozens hundreds certain".split())
_LACKING = frozenset(("no", "without", "no plan for", "no plans for", "no sign of"))
_YEARS = frozenset(("year", "month", "decade"))
_REPORTED = frozenset(("tell",))  # asks for something only before an infinitive: "tells leaders he intends to"
_OPENING = 2  # words before the noun that a headline without a verb is about
_SHORT = 2  # words before "to": so short a run is the one who acts
_NEAR_HEARSAY = 1  # words behind a cue that a hearsay word may still be about it
_BARE_REACH = 8  # words from a status verb to the subject it takes


@dataclass(frozen=True, slots=True)
class Told:
    """What one cue tells: a state and how, where it stands, and the steps of the judgement."""

    state: str | None
    status: Status
    place: Place
    why: tuple[str, ...]


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
        key=lambda t: (STRENGTH.index(t.status), _overtaken(f, t, candidates), t.place[0] - t.place[1]),
        default=None,
    )


def _overtaken(f: Frame, told: Told, candidates: Sequence[Told]) -> bool:
    """Whether a later clause tells, as surely, a state that only comes after this one: "begins …, ends in …"."""
    later = [o for o in candidates if o.status is told.status and o.place[0] >= told.place[1]]
    here = f.s.clause_at(told.place[0])
    clauses = [f.s.clause_at(o.place[0]) for o in later if o.state in f.after.get(told.state or "", ())]
    return any(clause is not here and clause.kind == here.kind == "main" for clause in clauses)


def _is_own_order(f: Frame, cue: Found) -> bool:
    """Whether the order acted on is what the item is about ("climate order"), and not a ruling on it."""
    named = any(first <= cue.last - 2 < last for n in f.s.names for first, last in [n.place])
    return f.own(cue.last - 1) and f.own(cue.last - 2) and not named


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
    told = _framed(f, clause, form, _governed(f, cue, clause, form, why), why)
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


def _is_no_cue(f: Frame, cue: Found) -> bool:
    """Whether the words only look like a cue: an auxiliary, a part of a longer status word, or a verb that
    governs the real cue ("agrees to lift", "fails to pass")."""
    s, size, nxt = f.s, cue.last - cue.first, cue.last
    if s.is_("idiom", cue.first) or s.is_("leaves", cue.first):
        return True
    if cue.pattern.head == "have" and cue.gap and any("N" in s.tags[k] for k in range(*cue.gap)):
        return True
    if cue.gap and any(
        s.is_("pronoun", k) and set(s.tags[k + 1]) & set("SD") for k in range(cue.gap[0], cue.gap[1] - 1)
    ):
        return True  # "denies it rejected the bid"
    if any(
        m.first <= cue.first and cue.last <= m.last and m.last - m.first > size and m.kind in _STATUS for m in s.marks
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


# --- the words it depends on ----------------------------------------------------------------------


def _status_of(f: Frame, mark: Found) -> Status:
    own = next((name for name, phrases in f.told.words.items() if mark.pattern.text in phrases), mark.kind)
    if mark.pattern.text == "would" and any(s.start <= mark.first < s.end and s.who & f.deciders for s in f.s.sayings):
        return Status.ANNOUNCED  # "the ministry said it would": a promise, told in the past
    return _STATUS[own]


def _governors(f: Frame, cue: Found, clause: Clause) -> list[Found]:
    """The status words before the cue in its clause, the outermost first; "not" also inside it."""
    s = f.s
    return [
        m for m in s.marks
        if m.kind in _STATUS and not _describes(s, m, clause) and not f.own(m.first) and not _reports(f, m, cue)
        and (
            (clause.start <= m.first < cue.first and m.last <= cue.first + 1)
            or (cue.first < m.first < cue.last and s.words[m.first].low == "not")
        )
    ]  # fmt: skip


def _reports(f: Frame, m: Found, cue: Found) -> bool:
    """Whether a word that asks or lacks does so of something else: "tells leaders he intends to meet", "no deadline for
    the parties to reach a deal"."""
    led = f.s.words[cue.first - 1].low == "to"
    if m.pattern.text == "no":
        return led and any(f.s.words[k].low == "for" for k in range(m.last, cue.first))
    return m.pattern.text == "tell" and any(f.s.is_("pronoun", k) for k in range(m.last + 1, cue.first))


def _describes(s: Sentence, m: Found, clause: Clause) -> bool:
    """Whether a status word only describes a noun: "long-sought deal", "as promised deal looms", "plans for"."""
    word, before = s.words[m.first], m.first - 1
    follows = s.words[m.last].low if m.last < len(s.words) else ""
    if "-" in word.before and word.glued and m.pattern.text != word.low:
        return True
    leads = before < clause.start
    if leads and m.kind == "possible" and m.tags == "B" and any(n.place[0] == m.last for n in s.names):
        return True  # "Confident X to meet Y"
    if follows in ("for", "of") and m.last - m.first == 1:
        return leads or s.is_("say", before) or s.is_("determiner", before) or s.words[before].possessive
    if set(m.tags) & set("DN") and not set(m.tags) & set("BS") and follows not in ("to", "that"):
        return leads or s.is_("determiner", before) or (before == clause.start and clause.kind != "main")
    return False


def _governed(f: Frame, cue: Found, clause: Clause, form: Form, why: list[str]) -> Status:
    if form is Form.AFTER:
        return Status.DONE
    marks = _governors(f, cue, clause)
    if form is Form.NOUN:
        return _nominal(f, cue, clause, marks, why)
    if form in (Form.FINITE, Form.PAST):
        mark = next((m for m in marks if _reaches(f, m, cue)), None)
        if mark is None and (shared := _shared(f, cue, clause, why)) is not None:
            return shared
        if mark is None:
            return _dated(f, cue, clause, form, why)
    else:
        mark = next(iter(marks), None)
    if mark is not None:
        why.append(f"governed by “{mark.pattern.text}”")
        if mark.pattern.text in _ORDERS and f.names(mark.last, cue.first) and not _decides(f, clause.start, mark.first):
            return Status.URGED  # "judge orders the decider to lift"
        status = _status_of(f, mark)
        denied = status is Status.ANNOUNCED and any(_status_of(f, m) is Status.DENIED for m in marks)
        return Status.DENIED if denied else status
    if form is Form.INFINITIVE and not _commits(f, cue, clause):
        why.append("a purpose, not a commitment")
        return Status.POSSIBLE
    if form is Form.PASSIVE and _to_be(f, cue, clause):
        why.append("still to come")
        return Status.ANNOUNCED
    if form is Form.IMPERATIVE:
        why.append("asked of somebody")
        return Status.URGED
    if form in (Form.INFINITIVE, Form.BASE):
        why.append("still to come")
        return Status.ANNOUNCED
    if form is Form.GERUND and cue.first > clause.start and f.s.words[cue.first - 1].low in _EMPTY_LEADS:
        why.append("a gerund that asserts nothing")
        return Status.MENTION
    return Status.DONE


def _dated(f: Frame, cue: Found, clause: Clause, form: Form, why: list[str]) -> Status:
    """The present tense tells what is done, unless the day it is told for is still to come: "begins on Thursday"."""
    words = f.s.words
    begins = cue.kind in ("happens", "noun") or cue.pattern.label[-1] in f.told.past
    if begins and form is Form.FINITE and any(
        words[cue.last - 1].end < at <= words[clause.end - 1].end for at in f.s.ahead
    ):  # fmt: skip
        why.append("on a day to come")
        return Status.ANNOUNCED
    return Status.DONE


def _to_be(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether a passive is still to come: "curbs to be lifted"."""
    be = f.before(cue.first, clause.start)
    before = f.before(be, clause.start)
    return before >= clause.start and f.s.words[be].low == "be" and f.s.words[before].low == "to"


def _commits(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether an infinitive commits somebody: "China to lift", "an order to lift", "travels to meet"; and not
    "sues to block"."""
    s = f.s
    to = f.before(cue.first, clause.start)
    before = to - 1
    if (
        before > clause.start
        and s.words[before].low.endswith("s")
        and not f.own(before)
        and not s.words[before].possessive
    ):
        known = {"body", "group", "source", "commitment"}
        if not any(m.kind in known and m.last == to for m in s.marks) and not any(n.place[1] == to for n in s.names):
            return False  # most likely a verb: "sues to block"
    if before < clause.start or before - clause.start < _SHORT or f.own(before) or f.small(before):
        return True
    if s.marked("commitment", clause.start, to):
        return True
    named = any(n.place[1] == to for n in s.names)
    return named or any(m.kind in ("body", "group", "source") and m.last == to for m in s.marks)


def _decides(f: Frame, start: int, end: int) -> bool:
    return any({*n.who} & f.deciders for n in f.names(start, end))


def _reaches(f: Frame, m: Found, cue: Found) -> bool:
    """Whether a status word governs a finite verb: "has not lifted", or "denies it rejected" with a subject between."""
    plain = f.s.is_("auxiliary", m.first)
    if m.kind in ("denied", "modal") and (plain or not m.tags) and cue.first - m.last <= 2:
        return True
    if plain or m.kind == "announced" or not set(m.tags) & set("SDB"):
        return False
    if m.kind == "denied" and any(f.own(k) for k in range(m.last, cue.first)):
        return True  # "denies the deal is dead"
    return bool(f.names(m.last, cue.first)) or bool(f.s.marked("pronoun", m.last, cue.first))


def _shared(f: Frame, cue: Found, clause: Clause, why: list[str]) -> Status | None:
    """A second verb without a subject of its own shares what governs the first: "will cut X and lift Y"."""
    s = f.s
    if not clause.linked or "B" not in cue.tags or f.names(clause.start, cue.first):
        return None
    back = s.clauses[s.clauses.index(clause) - 1]
    marks = [
        m for m in s.marks if back.start <= m.first < back.end and m.kind in _STATUS and not _describes(s, m, back)
    ]
    if marks:
        why.append(f"shares “{marks[0].pattern.text}” with the verb before")
        return _status_of(f, marks[0])
    if any(w.low == "to" for w in s.words[back.start : back.end]):
        why.append("shares the infinitive before")
        return Status.ANNOUNCED
    return None


def _nominal(f: Frame, cue: Found, clause: Clause, marks: list[Found], why: list[str]) -> Status:
    """A noun is an act only with a verb that makes it one: "wins approval", "seeks approval"."""
    light = [m for m in f.s.marked("light", clause.start, cue.first) if m.tags and cue.first - m.last <= 3]
    made = light and light[-1].first > marks[-1].first if marks else False
    if marks and not (made and set(light[-1].tags) - set("GB") and not f.s.is_("auxiliary", marks[-1].first)):
        why.append(f"governed by “{marks[-1].pattern.text}”")
        return _status_of(f, marks[-1])
    if light:
        why.append(f"made an act by “{light[-1].pattern.text}”")
        return Status.DONE
    if (verb := _passive_behind(f, cue, clause)) is not None:
        why.append(f"“{verb.pattern.text}” is told of it")
        return Status.DONE if verb.kind in ("light", "granted") else _status_of(f, verb)
    if _holds(f, cue, clause):
        why.append("a noun that is told to hold")
        return _dated(f, cue, clause, Form.FINITE, why)
    if cue.kind == "deed" and cue.first - clause.start <= _OPENING and not _has_verb(f, clause):
        why.append("a headline without a verb")
        return Status.DONE
    why.append("a noun that nobody is said to bring about")
    return Status.MENTION


def _passive_behind(f: Frame, cue: Found, clause: Clause) -> Found | None:
    """The participle told of a noun before it: "extension approved by the board", "waiver sought"."""
    for m in f.s.marks:
        if not cue.last <= m.first < clause.end or (m.kind not in ("light", "granted") and m.kind not in _STATUS):
            continue
        if not set(m.tags) & set("DN") or f.s.is_("auxiliary", m.first):
            continue
        bare = m.last >= clause.end or f.small(m.last) or f.s.is_("agent", m.last)
        between = any(set(f.s.tags[k]) & set("SG") and not f.own(k) for k in range(cue.last, m.first))
        return m if bare and not between else None
    return None


def _holds(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether the act named is the subject of a verb that says it holds: "the pause takes effect"."""
    marks = [m for m in f.s.marked("holds", cue.last, clause.end) if set(m.tags) & set("SBD")]
    return bool(marks) and not any(f.s.tags[k] == "S" and not f.own(k) for k in range(cue.last, marks[0].first))


def _has_verb(f: Frame, clause: Clause) -> bool:
    """Whether a clause has a finite verb: one in -s or -ed, an auxiliary or a modal."""
    s = f.s
    return any(
        (set(s.tags[k]) & set("SD") and not f.own(k) and not s.is_("preposition", k))
        or s.is_("be", k)
        or s.is_("have", k)
        or s.is_("modal", k)
        for k in range(clause.start, clause.end)
    )


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
    verb = m.kind in _STATUS and set(m.tags) & set("SDBG") and not s.is_("auxiliary", m.first)
    noun = m.tags == "B" and any(
        f.parts(k) for k in range(max(m.first - 2, clause.start), m.first)
    )  # "in a bold move to"
    if not (lacking or verb) or noun or _describes(s, m, clause):
        return None
    place = _taken(f, m, clause)
    if place is None or f.verbs_between(m.last, place[0]) or not parties_named(f, clause):
        return None
    why = [f"“{m.pattern.text}” takes the subject itself"]
    if foreign(f, m, clause, Form.FINITE, why):
        return None
    status = f.told.bare_status.get(m.pattern.text, _status_of(f, m))
    outer = _governors(f, m, clause)
    if outer and status in _FIRM:
        status = _status_of(f, outer[0])
    status = _voiced(f, m, Form.FINITE, _framed(f, clause, Form.FINITE, status, why), why)
    return Told(None if status is Status.MENTION else f.told.bare, status, (m.first, m.last), tuple(why))


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
