"""Tell how certain an act is that is told as a noun: with which verb, or in a headline without one."""

from __future__ import annotations

from watcher.domain.cues import Found
from watcher.domain.forms import Form
from watcher.domain.frame import Frame
from watcher.domain.model import Status
from watcher.domain.sentences import Clause
from watcher.domain.statuses import STATUSES, dated, only_likely, status_of

_CONTESTS = frozenset("appeal sue".split())  # who does so has got what he goes against
_UNDER_WAY = frozenset(
    ("pending", "argued")
)  # states that are over when what names them is completed: "completes review"
_OPENING = 2  # words before the noun that a headline without a verb is about


def nominal(f: Frame, cue: Found, clause: Clause, marks: list[Found], why: list[str]) -> Status:
    """A noun is an act only with a verb that makes it one: "wins approval", "seeks approval"."""
    light = [m for m in f.s.marked("light", clause.start, cue.first) if m.tags and cue.first - m.last <= 3]
    made = light and light[-1].first > marks[-1].first if marks else False
    if marks and light and _disowned(f, marks[-1], light[-1]):
        why.append(f"governed by “{marks[-1].pattern.text}”")
        return status_of(f, marks[-1])
    if marks and not (made and set(light[-1].tags) - set("GB") and not f.s.is_("auxiliary", marks[-1].first)):
        why.append(f"governed by “{marks[-1].pattern.text}”")
        if marks[-1].pattern.text in _CONTESTS and any(f.parts(k) for k in range(marks[-1].last, cue.first)):
            return Status.MENTION  # "appeals against the fine"
        return _refused(f, marks)
    if light and light[-1].pattern.text == "complete" and cue.label_state in _UNDER_WAY:
        why.append("over, and what came of it not told")
        return Status.MENTION
    if light:
        why.append(f"made an act by “{light[-1].pattern.text}”")
        return Status.DONE
    if (mark := _told_of(f, cue)) is not None:
        why.append(f"“{mark.pattern.text}” is told of it")
        return Status.DENIED if mark.kind == "no_prospect" else Status.POSSIBLE
    if (verb := _passive_behind(f, cue, clause)) is not None:
        why.append(f"“{verb.pattern.text}” is told of it")
        return Status.DONE if verb.kind in ("light", "granted") else status_of(f, verb)
    if _holds(f, cue, clause):
        why.append("a noun that is told to hold")
        return dated(f, cue, clause, Form.FINITE, why)
    if _moved_on(f, cue, clause):
        why.append("what markets moved on")
        return Status.DONE
    if (verb := _effect(f, cue, clause)) is not None:
        why.append(f"“{verb.pattern.text}” tells what it brought about")
        return Status.DONE
    if cue.kind == "deed" and cue.first - clause.start <= _OPENING and not _has_verb(f, clause, cue):
        why.append("a headline without a verb")
        return Status.DONE
    why.append("a noun that nobody is said to bring about")
    return Status.MENTION


def _refused(f: Frame, marks: list[Found]) -> Status:
    """The status that the innermost word gives, unless one before it denies that: "fails to agree"."""
    mark = marks[-1]
    status = status_of(f, mark)
    weak = status in (Status.ANNOUNCED, Status.POSSIBLE)
    denied = any(
        status_of(f, m) is Status.DENIED and (weak or m.last == mark.first) for m in marks if m.first < mark.first
    )
    return Status.DENIED if denied else Status.POSSIBLE if only_likely(f, mark, marks, status) else status


def _told_of(f: Frame, cue: Found) -> Found | None:
    """The phrase behind a noun that tells how likely it is: "relief in sight", "extension unlikely"."""
    at = cue.last
    while at < len(f.s.words) and (f.s.is_("be", at) or f.s.is_("adverb", at)) and not f.s.is_("prospect", at):
        at += 1
    return next((m for m in f.s.marks if m.first == at and m.kind in ("prospect", "no_prospect")), None)


def _disowned(f: Frame, mark: Found, light: Found) -> bool:
    """Whether somebody is told to deny, or to hope, that they made it an act: "denies it offered relief"."""
    between = range(mark.last, light.first)
    named = {k for n in f.s.names for k in range(*n.place)}
    return (
        mark.kind in ("denied", "possible")
        and bool(set(mark.tags) & set("SD"))
        and not f.s.is_("auxiliary", mark.first)
        and len(between) > 0
        and all(k in named or f.s.is_("pronoun", k) or f.s.is_("have", k) or f.s.is_("adverb", k) for k in between)
    )


def _passive_behind(f: Frame, cue: Found, clause: Clause) -> Found | None:
    """The participle told of a noun before it: "extension approved by the board", "waiver sought"."""
    for m in f.s.marks:
        if not cue.last <= m.first < clause.end or (m.kind not in ("light", "granted") and m.kind not in STATUSES):
            continue
        if not set(m.tags) & set("DN") or f.s.is_("auxiliary", m.first):
            continue
        if f.s.words[m.first - 1].low in ("than", "as"):
            continue  # "by more than expected"
        bare = m.last >= clause.end or f.small(m.last) or f.s.is_("agent", m.last)
        between = any(set(f.s.tags[k]) & set("SG") and not f.own(k) for k in range(cue.last, m.first))
        return m if bare and not between else None
    return None


def _holds(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether the act named is the subject of a verb that says it holds: "the pause takes effect"."""
    marks = [m for m in f.s.marked("holds", cue.last, clause.end) if set(m.tags) & set("SBD")]
    return bool(marks) and not any(f.s.tags[k] == "S" and not f.own(k) for k in range(cue.last, marks[0].first))


def _moved_on(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether prices are told to move on an act: "shares tumble on regulator's rejection of …"; not "on hopes of"."""
    s = f.s
    on = next((k for k in range(cue.first - 1, clause.start, -1) if f.small(k)), -1)
    return on > 0 and s.words[on].low == "on" and s.is_("market", on - 1) and f.heads(cue.last, clause)


def _effect(f: Frame, cue: Found, clause: Clause) -> Found | None:
    """The verb in the present or past that tells what an act named before it brought about, where the decider is named
    with it: "Norlandic approval of the jab opens the market", and not "approval process", "hopes of approval"."""
    s = f.s
    hopes = (m for m in s.marked("possible", clause.start, clause.end) if not s.is_("effect", m.first))
    if clause.kind != "main" or any(hopes):
        return None
    if not f.heads(cue.last, clause) and not s.is_("effect", cue.last):
        return None
    if any(f.parts(k) or s.words[k].low == "of" for k in range(clause.start, cue.first)):
        return None
    named = any({*n.who} & f.deciders for n in f.names(clause.start, clause.end))
    office = s.marked("body", clause.start, cue.first) or s.marked("group", clause.start, cue.first)
    if f.deciders and not named and not office and f.names(clause.start, clause.end):
        return None  # somebody else's, as far as is told
    for m in s.marked("effect", cue.last, clause.end):
        if m.tags and set(m.tags) & set("SD") and not f.own(m.first):
            before = f.before(m.first, clause.start)
            modal = s.is_("modal", before) or s.words[before].low == "to" or s.is_("auxiliary", before)
            return None if modal or (m.first == cue.last and "S" not in m.tags) else m
    return None


def _has_verb(f: Frame, clause: Clause, cue: Found) -> bool:
    """Whether a clause has a finite verb beside the noun asked about: one in -s or -ed, an auxiliary or a modal."""
    s = f.s
    return any(
        (set(s.tags[k]) & set("SD") and not f.own(k) and not s.is_("preposition", k))
        or s.is_("be", k)
        or s.is_("have", k)
        or s.is_("modal", k)
        for k in range(clause.start, clause.end)
        if not cue.first <= k < cue.last
    )
