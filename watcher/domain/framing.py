"""Tell in which frame a cue stands (condition, question, explainer, background), and who says so."""

from __future__ import annotations

from watcher.domain.agents import agents
from watcher.domain.cues import Found
from watcher.domain.forms import Form
from watcher.domain.frame import Frame
from watcher.domain.model import Status
from watcher.domain.sentences import Clause, Sentence

FIRM = (Status.DONE, Status.ANNOUNCED)
_YEARS = frozenset(("year", "month", "decade"))
_WEEKS = frozenset(("week", "fortnight"))
_HOPES = frozenset("hope fear talk speculation bet prospect expectation rumour rumor sign optimism worry".split())
_OPENING = 4  # words in which "a year and a half on" stands
_NEAR_HEARSAY = 1  # words behind a cue that a hearsay word may still be about it


def framed(f: Frame, clause: Clause, form: Form, status: Status, why: list[str]) -> Status:
    s = f.s
    if clause.kind == "background" and form is Form.NOUN and _looked_for(s, clause):
        why.append("hoped for or feared")
        return Status.POSSIBLE
    if clause.kind in ("background", "after") and form is Form.NOUN:
        why.append("told as background")
        return Status.MENTION
    if _long_since(s, clause):
        why.append("an anniversary")
        return Status.MENTION
    if form in (Form.PAST, Form.PASSIVE) and s.marked("bygone", clause.start, clause.end):
        why.append("long ago")
        return Status.MENTION
    if form is Form.GERUND and _is_topic(s, clause):
        why.append("talked about, not done")
        return Status.MENTION
    if status in FIRM and _conditional(s, clause):
        why.append("inside a condition")
        status = Status.POSSIBLE
    if s.question and s.words[0].low == "why" and form in (Form.FINITE, Form.PAST, Form.PASSIVE, Form.BASE):
        why.append("asked why, not whether")
        return Status.MENTION
    told_before = clause.start < s.asked_from and form in (Form.FINITE, Form.PAST, Form.PASSIVE)
    if told_before:
        return status
    if s.question and status in (*FIRM, Status.CLAIMED):
        why.append("asked, not told")
        return Status.POSSIBLE
    if s.explainer and status in FIRM and not _before_explaining(s, clause, form):
        why.append("an explainer, not a report")
        return Status.MENTION
    return status


def _before_explaining(s: Sentence, clause: Clause, form: Form) -> bool:
    """Whether a clause tells what another behind a colon then explains: "Tariffs cut: what it means"."""
    at = s.clauses.index(clause) + 1
    told = form in (Form.FINITE, Form.PAST, Form.PASSIVE, Form.PLAIN) and not s.is_("explainer", s.clauses[0].start)
    return told and at < len(s.clauses) and ":" in s.clauses[at].sep


def _looked_for(s: Sentence, clause: Clause) -> bool:
    """Whether a clause tells what is hoped for or feared: "amid hopes of tariff relief"."""
    return any(w.stem in _HOPES for w in s.words[clause.start : clause.start + _OPENING])


def _long_since(s: Sentence, clause: Clause) -> bool:
    """Whether a clause only tells since when: "a year after …", "six months on from …", "ten years since …"."""
    at, words = clause.start, s.words
    if at and clause.kind == "after" and (words[at - 1].stem in _YEARS or _weeks_on(s, at)):
        return True
    opening = range(at, min(at + _OPENING, clause.end - 1))
    return any(
        words[k].stem in _YEARS
        and words[k + 1].low in ("on", "since", "later", "after")
        and "," not in words[k + 1].before
        for k in opening
    )


def _weeks_on(s: Sentence, at: int) -> bool:
    """Whether a clause behind "weeks after" is only the time of another act, told before it: "reopens talks in Doha,
    two weeks after the truce lapsed"."""
    return s.words[at - 1].stem in _WEEKS and any(set(s.tags[k]) & set("SDB") for k in range(at - 1))


def _is_topic(s: Sentence, clause: Clause) -> bool:
    """Whether a gerund opens the sentence, or a speech, as another verb's subject: "Lifting the ban would help"."""
    at = clause.start
    return (
        (at == 0 or ":" in clause.sep)
        and "G" in s.tags[at]
        and any(s.is_("modal", k) or s.is_("be", k) or s.tags[k] == "S" for k in range(at + 1, clause.end))
    )


def _conditional(s: Sentence, clause: Clause) -> bool:
    """Whether a clause is a condition, or joined by "and" to one."""
    at = s.clauses.index(clause)
    while s.clauses[at].linked and at and s.words[s.clauses[at].start].low == "and":
        at -= 1
    return s.clauses[at].kind == "condition"


def voiced(f: Frame, cue: Found, form: Form, status: Status, why: list[str]) -> Status:
    """The one who decides says what is so, anybody else claims it."""
    s = f.s
    if status not in FIRM:
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
        speaks_for_it = own or saying.official or (saying.parties and f.told.mutual)
        if saying.hearsay or saying.hedged or not speaks_for_it:
            why.append(f"said by {', '.join(sorted(saying.who)) or 'others'}")
            return Status.CLAIMED
    if s.marked("hearsay", 0, cue.last + _NEAR_HEARSAY):  # not "indicted for allegedly …"
        why.append("told as hearsay")
        return Status.CLAIMED
    return status
