"""Find what a cue depends on in its clause: "may lift", "refuses to lift", "wins approval", "an order to lift".

In which frame that stands and who says it, is framing.py's part.
"""

from __future__ import annotations

from watcher.domain.cues import Found
from watcher.domain.forms import Form
from watcher.domain.frame import Frame
from watcher.domain.model import Status
from watcher.domain.nominal import nominal
from watcher.domain.sentences import Clause
from watcher.domain.statuses import STATUSES, dated, describes, governors, only_likely, status_of

_EMPTY_LEADS = frozenset("without before against for of about on over".split())  # a gerund behind one asserts nothing
_ACCUSES = frozenset("accuse accuses accused accusing suspected suspects".split())
_CAUSES = frozenset("forces forced prompts prompted compels compelled obliges obliged leads led".split())
_ORDERS = frozenset(("order", "direct", "instruct"))
_LIKELY = frozenset("chance odds likelihood probability prospect".split())
_SHORT = 2  # words before "to": so short a run is the one who acts


def governed(f: Frame, cue: Found, clause: Clause, form: Form, why: list[str]) -> Status:
    """The status of a cue by its form and by what governs it; the reason is added to `why`."""
    if form is Form.AFTER:
        return Status.DONE
    marks = governors(f, cue, clause)
    if _has_none(f, cue):
        why.append("told to be none")
        return Status.DENIED
    if form is Form.NOUN:
        return nominal(f, cue, clause, marks, why)
    if form is Form.PASSIVE:
        marks = [m for m in marks if not _noun_with_participle(f, m, cue)]
    if form in (Form.FINITE, Form.PAST):
        mark = next((m for m in marks if _reaches(f, m, cue)), None)
        if mark is None and (shared := _shared(f, cue, clause, why)) is not None:
            return shared
        if mark is None:
            return dated(f, cue, clause, form, why)
    else:
        mark = next(iter(marks), None)
    if mark is not None:
        return _by_mark(f, cue, clause, form, marks, mark, why)
    status, reason = _by_form(f, cue, clause, form)
    if reason:
        why.append(reason)
    return status


def _has_none(f: Frame, cue: Found) -> bool:
    """Whether what a verb gives or gets is none: "gets no more time", "wins no reprieve"."""
    at = cue.first + 1
    if not cue.gap or at >= cue.last - 1 or f.s.words[at].low != "no" or "no" in cue.pattern.text.split():
        return False
    after = f.s.words[at + 1]
    return "-" not in after.before and after.low not in ("longer", "later", "less", "fewer")


def _by_mark(
    f: Frame, cue: Found, clause: Clause, form: Form, marks: list[Found], mark: Found, why: list[str]
) -> Status:
    """The status that a status word gives to what it governs."""
    why.append(f"governed by “{mark.pattern.text}”")
    if mark.pattern.text in _ORDERS and f.names(mark.last, cue.first) and not _decides(f, clause.start, mark.first):
        return Status.URGED  # "judge orders the decider to lift"
    status = _decided(f, mark, clause) or status_of(f, mark)
    ordered = mark.pattern.text in _ORDERS and set(mark.tags) & set("SD") and form is Form.PASSIVE
    if ordered and f.told.measures and len(marks) == 1:
        return Status.DONE  # "orders ban lifted": ordered is done
    denied = status is Status.ANNOUNCED and any(status_of(f, m) is Status.DENIED for m in marks)
    return Status.DENIED if denied else Status.POSSIBLE if only_likely(f, mark, marks, status) else status


def _by_form(f: Frame, cue: Found, clause: Clause, form: Form) -> tuple[Status, str]:
    """The status of a cue that no status word governs, and why."""
    s = f.s
    if form is Form.INFINITIVE:
        if tally := _tallied(f, cue, clause):
            return tally, "decided by a vote that is told with its count"
        if _brought_about(f, cue, clause):
            ordered = f.s.marked("court", clause.start, cue.first)
            return (Status.URGED, "ordered") if ordered else (Status.DONE, "brought about")
        if not _commits(f, cue, clause):
            return Status.POSSIBLE, "a purpose, not a commitment"
    if form is Form.IMPERATIVE:
        return Status.URGED, "asked of somebody"
    led = form is Form.PLAIN and cue.gap and s.words[cue.gap[1] - 1].low == "to"  # "talks on X to resume"
    if led or form in (Form.INFINITIVE, Form.BASE) or (form is Form.PASSIVE and _to_be(f, cue, clause)):
        return Status.ANNOUNCED, "still to come"
    if form is Form.GERUND and cue.first > clause.start:
        if _accused(f, cue, clause):
            return Status.CLAIMED, "an accusation"
        if s.words[cue.first - 1].low in _EMPTY_LEADS:
            return Status.MENTION, "a gerund that asserts nothing"
    return Status.DONE, ""


def _brought_about(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether those who decide are made to do it: "drought forces Norland to act", and not "leads drive to lift"."""
    s, to = f.s, f.before(cue.first, clause.start)
    causes = [k for k in range(clause.start, to) if s.words[k].low in _CAUSES]
    return bool(causes) and (_decides(f, causes[-1], to) or any(m.last == to for m in s.marked("body", causes[-1], to)))


def _accused(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether somebody is accused of it: "accuses X of breaking the truce"."""
    words = f.s.words
    return words[cue.first - 1].low == "of" and any(words[k].low in _ACCUSES for k in range(clause.start, cue.first))


def _noun_with_participle(f: Frame, m: Found, cue: Found) -> bool:
    """Whether a word that may ask or weigh is the noun that a participle is told of: "embassy plan rejected"."""
    s, between = f.s, range(m.last, cue.first)
    bare = (
        "B" in m.tags and m.last - m.first == 1 and m.kind in ("possible", "urged") and not s.is_("auxiliary", m.first)
    )
    return bare and all(s.is_("be", k) or s.is_("have", k) or s.is_("adverb", k) for k in between)


def _decided(f: Frame, mark: Found, clause: Clause) -> Status | None:
    """What a vote that was held decides: done, or announced where the lifecycle has states for that; None where the
    vote is still to come ("to vote to", "may vote to") or the mark is none."""
    if mark.pattern.text != "vote to":
        return None
    before = f.before(mark.first, clause.start)
    led = before >= clause.start and (f.s.words[before].low == "to" or f.s.is_("modal", before))
    if "G" in mark.tags or led or any(f.s.words[k].low == "not" for k in range(clause.start, mark.first)):
        return None
    return Status.ANNOUNCED if f.stages else Status.DONE


def _tallied(f: Frame, cue: Found, clause: Clause) -> Status | None:
    """The same where the count stands between: "MPs vote 287-55 to let"."""
    words = f.s.words
    votes = [k for k in range(clause.start, cue.first) if words[k].low in ("vote", "votes", "voted")]
    if not votes or not any(words[k].raw[0].isdigit() for k in range(votes[-1] + 1, cue.first)):
        return None
    before = f.before(votes[-1], clause.start)
    if before < clause.start or words[before].low == "to" or f.s.is_("modal", before) or f.small(before):
        return None
    return Status.ANNOUNCED if f.stages else Status.DONE


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
    if m.pattern.text in _LIKELY and f.names(m.last, cue.first):
        return True  # "gives a 75% chance the court lifts"
    if m.first > cue.first:
        return True  # before the verb of a cue that begins with the one who acts
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
        m for m in s.marks if back.start <= m.first < back.end and m.kind in STATUSES and not describes(s, m, back)
    ]
    if marks:
        why.append(f"shares “{marks[0].pattern.text}” with the verb before")
        return status_of(f, marks[0])
    if any(w.low == "to" for w in s.words[back.start : back.end]):
        why.append("shares the infinitive before")
        return Status.ANNOUNCED
    return None
