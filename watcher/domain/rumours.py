"""Tell what is only reported in order to be called untrue, and what is only told of to be deplored.

    "reports that Norland lifted its ban are untrue"      a rumour, and a word for untrue told of it
    "Norland dismisses talk that the ban was lifted"      a rumour that somebody dismisses
    "rumours of a lifted ban denied by Norland"           the same as a passive

What a report says of its own ("central bank report says …") is none of these.
"""

from __future__ import annotations

from collections.abc import Iterator

from watcher.domain.cues import Found
from watcher.domain.sentences import Clause, Sentence

_LEADS_ON = frozenset("that of about on suggesting saying claiming it they he she its his alleging".split())
_BREAKS = (";", ":", "；", "：", "。", "|")
_REACH = 5  # words between a verb that dismisses and the rumour it takes: "dismisses as false latest media reports"
_CJK = "\u3400"
_QUOTES = " '\"‘’“”"


def disowned(s: Sentence, cue: Found) -> bool:
    """Whether what a cue tells is the content of a report that somebody calls untrue or dismisses."""
    if s.words[cue.first].raw >= _CJK:
        return _disowned_behind(s, cue)
    return any(_called_untrue(s, rumour, cue) or _dismissed(s, rumour, cue) for rumour in _rumours(s, cue))


def deplored(s: Sentence, cue: Found, clause: Clause) -> bool:
    """Whether a cue tells an act that the clause only condemns or protests against."""
    return any(m.last <= cue.first for m in s.marked("deplores", clause.start, cue.first))


def _rumours(s: Sentence, cue: Found) -> Iterator[Found]:
    """The nouns for a report whose content may be what the cue tells."""
    for m in s.marks:
        if m.kind != "rumour" or m.last > cue.first or s.words[m.first].low == "talks":
            continue
        nxt = s.words[m.last]
        content = nxt.low in _LEADS_ON or any(n.place[0] == m.last for n in s.names) or nxt.capital
        parted = any("," in s.words[k].before for k in range(m.last, cue.first + 1))
        goes_on = not parted or s.clause_at(m.first) is s.clause_at(cue.first)
        if content and goes_on and not _broken(s, m.last, cue.first + 1):
            yield m


def _broken(s: Sentence, start: int, end: int) -> bool:
    return any(mark in s.words[k].before for k in range(start, end) for mark in _BREAKS)


def _called_untrue(s: Sentence, rumour: Found, cue: Found) -> bool:
    """Whether a word for untrue is told of the rumour behind the cue, with "are" or without, or right before it."""
    for m in s.marks:
        if m.kind != "untrue":
            continue
        if m.last == rumour.first and any(d.last <= m.first for d in _dismissals(s, rumour)):
            return True  # "rejects 'groundless' claim that …"
        if m.first < cue.last or _broken(s, cue.last, m.first + 1):
            continue
        before = m.first - 1
        while before > cue.first and (s.is_("adverb", before) or s.is_("determiner", before)):
            before -= 1
        told = s.is_("be", before) or s.words[before].low == "as"
        if told or m.last == len(s.words) or s.words[m.last].before.strip(_QUOTES):
            return True
    return False


def _dismissals(s: Sentence, rumour: Found) -> list[Found]:
    """The verbs before a rumour that dismiss it: no other word for an act stands between."""
    near = [m for m in s.marked("dismisses", max(rumour.first - _REACH, 0), rumour.first) if m.last <= rumour.first]
    return [
        m
        for m in near
        if set(m.tags) & set("SDBGN")
        and not _broken(s, m.last, rumour.first + 1)
        and not any("S" in s.tags[k] for k in range(m.last, rumour.first))
        and not s.is_("denied", m.first - 1)
    ]


def _dismissed(s: Sentence, rumour: Found, cue: Found) -> bool:
    """Whether somebody dismisses the rumour: "denies reports that …", "reports that … dismissed as talk"."""
    if _dismissals(s, rumour):
        return True
    return any(
        set(m.tags) & set("DN") and not _broken(s, cue.last, m.first + 1) and _closes(s, m)
        for m in s.marked("dismisses", cue.last, len(s.words))
    )


def _closes(s: Sentence, m: Found) -> bool:
    """Whether nothing follows a word but who or what is told of it: "denied", "dismissed as …", "rejected by …"."""
    if m.last >= len(s.words):
        return True
    nxt = s.words[m.last]
    return nxt.low in ("by", "as") or bool(nxt.before.strip(_QUOTES))


def _disowned_behind(s: Sentence, cue: Found) -> bool:
    """The same in a language whose nouns follow their content: "取消管制的传闻不实"."""
    for m in s.marks:
        if m.kind == "rumour" and m.first >= cue.last and not _broken(s, cue.last, m.first + 1):
            untrue = any(u.kind == "untrue" and u.first >= m.last for u in s.marks)
            return untrue or any(d.kind == "dismisses" and d.last <= cue.first for d in s.marks)
    return False
