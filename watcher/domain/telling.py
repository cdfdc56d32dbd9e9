"""Judge what one sentence tells of one item: which state, and done, announced, claimed, possible, urged or denied.

1 form      tense and mood of the cue itself                           forms.py
2 roles     told of the subject? done by who decides?                  roles.py, acting.py, objects.py
3 governed  the words it depends on: "may", "refuses to", "urges"         governing.py
4 framed    condition, question, explainer, background                 framing.py
5 voiced    who says so: the one who decides, or somebody else         framing.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from watcher.domain.acting import both_sides, elsewhere, foreign, parties_named
from watcher.domain.agents import agents
from watcher.domain.cues import Found
from watcher.domain.forms import ACTIVE, Form, form_of
from watcher.domain.frame import Frame
from watcher.domain.framing import FIRM, framed, voiced
from watcher.domain.governing import governed
from watcher.domain.matching import Place
from watcher.domain.model import Status
from watcher.domain.objects import takes_flow, takes_goods, takes_other, turned
from watcher.domain.roles import concerns, only_described
from watcher.domain.rumours import deplored, disowned
from watcher.domain.sentences import Clause, Sentence
from watcher.domain.statuses import STATUSES, describes, governors, status_of
from watcher.domain.suits import CASES, in_a_suit
from watcher.domain.text import words

STRENGTH = (
    Status.DONE, Status.ANNOUNCED, Status.CLAIMED, Status.DENIED, Status.URGED, Status.POSSIBLE, Status.MENTION,
)  # fmt: skip
_OF_FLOW = ("flow", "flow_noun")
_BY_OBJECT = ("does", "noun", *_OF_FLOW)  # kinds whose state depends on what the act is done to
_LEANING = frozenset("inclined ready poised open minded".split())
_PART = frozenset("some most many several part parts partial partially partly half dozens hundreds certain".split())
_LACKING = frozenset(("no", "without", "no plan for", "no plans for", "no sign of"))
_THREATS = frozenset(
    ("threaten", "threat", "warn of", "sue", "file suit", "file lawsuit", "go to court", "go to ~ court")
)
_VERDICTS = {"upheld": "struck_down", "struck_down": "upheld"}
_PARTICLES = ("off", "over", "out")
_TWO = 2  # sides: without one of them there is no meeting
_ON = ("on", "against", "of", "for", "to", "in")  # a measure's preposition
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
    candidates = [
        t for cue in used if not _holds_an_act(f, cue, used) and (t := _of_cue(f, cue, official_title)) is not None
    ]
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


def _holds_an_act(f: Frame, cue: Found, cues: Sequence[Found]) -> bool:
    """Whether a verb only says that the act named before it holds: "lifting of ban takes effect" lifts."""
    if cue.kind != "happens" or not f.s.is_("holds", cue.first):
        return False
    clause = f.s.clause_at(cue.first)
    before = [o for o in cues if clause.start <= o.first and o.last <= cue.first and o.label_state != cue.label_state]
    return any(form_of(f, o, clause) is Form.NOUN and _takes_its_kind(f, o, clause, Form.NOUN) for o in before)


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
    state = cue.pattern.label[1]
    if cue.kind == "opens":
        opens = cue.first == 0 and official_title
        return Told(state, Status.DONE, place, ("opens an official publication",)) if opens else None
    clause = f.s.clause_at(cue.first)
    form = None if is_no_cue(f, cue) else form_of(f, cue, clause)
    if form is None:
        return None
    if not concerns(f, cue, clause, form):
        f.others = f.others or elsewhere(f, cue, clause, form)
        return None
    if not parties_named(f, clause):
        return None
    if not _takes_its_kind(f, cue, clause, form):
        f.others = f.others or elsewhere(f, cue, clause, form)
        return None
    state = _for_the_state(f, cue, clause, turned(f, cue, clause, form, state))
    if f.told.needs_parties and f.s.is_("absent", cue.first) and len(f.deciders) < _TWO:
        return None  # one of many stays away, and they meet all the same
    why = [f"cue “{cue.pattern.text}” ({state}), {form}"]
    if any(first <= cue.first < last for first, last in f.taken) or foreign(f, cue, clause, form, why):
        f.taken.append(place)  # nor do words inside another's act tell anything
        return None
    if only_described(f):
        return None
    told = _reported(f, cue, clause, framed(f, clause, form, governed(f, cue, clause, form, why), why), why)
    status = voiced(f, cue, form, told, why)
    if status in FIRM and state in f.told.mutual and not both_sides(f, cue, clause, form):
        why.append("one side only")
        status = Status.CLAIMED
    if status is Status.MENTION:
        return Told(None, status, place, tuple(why))
    if _is_partial(f, cue, clause):
        state = f.told.partial.get(state, state)
    if form is Form.PAST or (form is Form.GERUND and clause.kind == "after"):
        state = f.told.past.get(state, state)
    if told is not Status.DONE or (
        status is not Status.DONE and (status is not Status.CLAIMED or f.told.claimed_stages)
    ):
        state = f.stages.get(state, state)
    return Told(state, status, place, tuple(why))


def _is_partial(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether an act is told of a part only: "partially lifts", "lifts some tariffs"."""
    words = f.s.words
    before = f.before(cue.first, clause.start) + 1
    led = words[min(before, cue.first - 1) : cue.first] if cue.first > clause.start else ()
    return any(w.low in _PART for w in (*led, *words[max(cue.last - 1, cue.first) : f.object_end(cue, clause)]))


def _for_the_state(f: Frame, cue: Found, clause: Clause, state: str) -> str:
    """The state told where a case is won or lost by the government of the court's own country, whose measure it is, and
    not by those who challenge it: "Norland's premier loses toll case"."""
    state = in_a_suit(f, cue, clause, state)
    if cue.pattern.head not in ("win", "lose") or state not in _VERDICTS:
        return state
    theirs = any(set(n.who) & f.homes for n in f.names(clause.start, cue.first))
    return _VERDICTS[state] if theirs else state


def _reported(f: Frame, cue: Found, clause: Clause, status: Status, why: list[str]) -> Status:
    """The status of what may be no more than the content of a report that is called untrue, or a thing deplored."""
    if status in (*FIRM, Status.POSSIBLE) and disowned(f.s, cue):
        why.append("a report that is called untrue")
        return Status.DENIED
    if status in FIRM and deplored(f.s, cue, clause):
        why.append("deplored, not told")
        return Status.MENTION
    return status


def _takes_its_kind(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether a cue takes what its kind asks for: the measure itself, or what it holds up."""
    if f.told.flows and cue.kind in ("does", "flow") and form in ACTIVE and takes_other(f, cue, clause):
        return False
    if not f.told.flows or cue.kind not in _BY_OBJECT or (cue.kind in _OF_FLOW) == takes_flow(f, cue, clause, form):
        return True
    return cue.kind == "flow" and takes_goods(f, cue, clause, form)


def _is_infinitive(s: Sentence, at: int) -> bool:
    """Whether "to" and a verb stand at word `at`."""
    return s.words[at].low == "to" and at + 1 < len(s.words) and "B" in s.tags[at + 1]


def is_no_cue(f: Frame, cue: Found) -> bool:
    """Whether the words only look like a cue: an auxiliary, a part of a longer status word, or a verb that
    governs the real cue ("agrees to lift", "fails to pass")."""
    s, size, nxt = f.s, cue.last - cue.first, cue.last
    if s.is_("leaves", cue.first) or any(
        m.kind == "idiom" and m.first == cue.first and (size == 1 or cue.last < m.last or cue.gap) for m in s.marks
    ):
        return True
    if _says_the_rest(s, cue) or _ends_in_idiom(s, cue) or _denies_doing(f, cue) or _is_anothers(f, cue):
        return True
    if (
        cue.pattern.head == "have"
        and cue.gap
        and any("N" in s.tags[k] or s.words[k].low == "to" for k in range(*cue.gap))
    ):
        return True  # "has signed the deal", "has to undo the deal"
    if cue.gap and cue.tags and "to" not in cue.pattern.text and _is_infinitive(s, cue.gap[0]):
        return True  # "refuses to ratify Norland's membership" does not refuse membership
    opens = cue.first == s.clause_at(cue.first).start and "G" in cue.tags
    if (
        cue.gap
        and opens
        and any(set(s.tags[k]) & set("SB") and not f.own(k) and not f.small(k) for k in range(*cue.gap))
    ):
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
    if _cut_short(f, cue):
        return True
    if size == 1 and cue.tags and s.is_("pronoun", nxt) and any(s.is_(kind, nxt + 1) for kind in clausal):
        return True  # "confirms it will approve"
    if s.words[nxt].low == "to" and cue.pattern.text.split()[-1] in _LEANING:
        return True  # "seems inclined to uphold": the verb that follows is the cue
    bare = cue.gap is None or cue.gap[0] == cue.gap[1]
    other = size > 1 and bare and s.words[nxt - 1].low in ("to", "on") and not f.own(nxt)
    if other and ("B" in s.tags[nxt] or s.is_("infinitive", nxt)):
        return True  # "agrees to change the plan"
    return size == 1 and s.words[nxt].low == "to" and s.is_("denied", cue.first)


def _says_the_rest(s: Sentence, cue: Found) -> bool:
    """Whether a verb at the end is one of saying, and ends nothing: "…, inquiry concludes"."""
    clause = s.clause_at(cue.first)
    closes = cue.last == len(s.words) == clause.end and s.is_("relate", cue.first)
    return closes and any(w.start == 0 and w.end == clause.start for w in s.sayings)


def _ends_in_idiom(s: Sentence, cue: Found) -> bool:
    """Whether a cue ends inside a longer idiom: "is a dead man walking"."""
    return any(m.kind == "idiom" and not m.gap and cue.first <= m.first < cue.last < m.last for m in s.marks)


def _denies_doing(f: Frame, cue: Found) -> bool:
    """Whether what is denied or refused is to have done it, and not a permission: "denies tightening visa rules", but
    "denies planning permission"."""
    s = f.s
    if not cue.gap or cue.gap[0] == cue.gap[1] or not s.is_("denied", cue.first) or "G" not in s.tags[cue.gap[0]]:
        return False
    last = s.words[cue.last - 1]
    return cue.gap[1] - cue.gap[0] > 1 or last.stem != last.low or not f.heads(cue.last, s.clause_at(cue.first))


def _is_anothers(f: Frame, cue: Found) -> bool:
    """Whether a word of a cue belongs to another phrase: the particle of a verb ("signs off on"), or a noun that a
    preposition parts from the verb ("throws out tariffs in second case")."""
    s, last = f.s, cue.last - 1
    if cue.pattern.text in _PARTICLES and cue.first:
        verb = cue.first - 1
        return bool(set(s.tags[verb]) & set("SBDG")) and not f.own(verb) and not s.is_("be", verb)
    return cue.gap is not None and s.words[last].stem in CASES and any(f.parts(k) for k in range(*cue.gap))


def _cut_short(f: Frame, cue: Found) -> bool:
    """Whether a cue ends with a measure that only describes another: "revokes licence requirement"."""
    last = f.s.words[cue.last - 1].stem
    inside = cue.gap is not None and cue.last < len(f.s.words) and last in f.told.measures
    return inside and not f.heads(cue.last, f.s.clause_at(cue.first))


# --- a status word that takes the subject itself --------------------------------------------------


def _of_status_words(f: Frame) -> list[Told]:
    """Read "threatens tariffs", "announces a deal": the lifecycle says which state is meant."""
    if not f.told.bare:
        return []
    return [t for m in f.s.marks if (t := _of_status_word(f, m)) is not None]


def _of_status_word(f: Frame, m: Found) -> Told | None:
    s = f.s
    clause = s.clause_at(m.first)
    if m.kind in ("possible", "denied") and (place := _predicated(f, m, clause)) is not None:
        why = [f"“{m.pattern.text}” is told of the subject"]
        if not parties_named(f, clause):
            return None
        status = framed(f, clause, Form.FINITE, STATUSES[m.kind], why)
        outer = [o for o in s.marks if o.kind == "denied" and clause.start <= o.first < place[0]]
        if outer and not describes(s, outer[0], clause):
            status = Status.DENIED
        return Told(None if status is Status.MENTION else f.told.bare, status, (m.first, m.last), tuple(why), bare=True)
    if s.is_("fears", m.first):
        return None  # what is feared may have been there long
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
    asks = m.kind == "urged" and not f.told.measures and m.pattern.text not in _THREATS
    if foreign(f, m, clause, Form.FINITE, why) and not asks:
        if m.kind == "urged" and m.pattern.text not in _THREATS:
            f.others = others  # whoever asks for it, it is the item's
        if m.kind in ("denied", "urged") and agents(f, m, clause, Form.FINITE) <= {*f.item.against}:
            f.others = others  # those whom it hits want, avoid or oppose it: it is the item's all the same
        return None
    status = f.told.bare_status.get(m.pattern.text, status_of(f, m))
    outer = governors(f, m, clause)
    if outer and status in FIRM:
        status = status_of(f, outer[0])
    status = voiced(f, m, Form.FINITE, framed(f, clause, Form.FINITE, status, why), why)
    state = f.told.bare
    if s.words[place[1] - 1].stem in f.told.permissions:
        state = f.stages.get("eased", state)  # "weighs licence": what a measure lets through
    return Told(None if status is Status.MENTION else state, status, (m.first, m.last), tuple(why), bare=True)


def _predicated(f: Frame, m: Found, clause: Clause) -> Place | None:
    """The place of the subject before a phrase that is told of it: "deal within reach", "talks in doubt"."""
    if not f.s.is_("prospect" if m.kind == "possible" else "no_prospect", m.first):
        return None
    before = f.before(m.first, clause.start)
    while before >= clause.start and (f.s.is_("be", before) or f.s.is_("adverb", before)):
        before -= 1
    for first, last in f.subject:
        if clause.start <= first and last == before + 1 and not f.s.is_("carrier", before + 1):
            measure = any(f.s.words[k].stem in f.told.measures for k in range(first, last))
            return (first, last) if measure or not f.told.measures else None
    return None


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
        if f.told.events and (first, last) in f.about:
            continue  # "asks Norco for time": one of the two, and not what they do together
        if f.heads(last, clause) or (set(s.tags[last]) & set("DN") and not set(s.tags[last]) & set("BS")):
            return first, last  # "no talks planned"
    return _measure_taken(f, m, clause, reach) if measures else None


def _measure_taken(f: Frame, m: Found, clause: Clause, reach: int) -> Place | None:
    """The place of a noun for a measure on the subject that a status verb takes: "mulls export curbs on nickel"."""
    s = f.s
    for k in range(m.last, min(reach, clause.end)):
        if s.words[k].stem not in f.told.measures or not f.heads(k + 1, clause):
            continue
        within = any(m.last <= first and last <= k for first, last in f.subject)
        on_it = (
            k + 1 < clause.end
            and s.words[k + 1].low in _ON
            and any(k + 1 < first < clause.end for first, _ in f.subject)
        )
        return (k, k + 1) if within or on_it else None
    return None
