"""Find the words that tell how certain an act is, and which status each gives."""

from __future__ import annotations

from watcher.domain.cues import Found
from watcher.domain.forms import Form
from watcher.domain.frame import Frame
from watcher.domain.model import Status
from watcher.domain.sentences import Clause, Sentence

STATUSES = {
    "possible": Status.POSSIBLE,
    "modal": Status.POSSIBLE,
    "announced": Status.ANNOUNCED,
    "urged": Status.URGED,
    "denied": Status.DENIED,
}


def status_of(f: Frame, mark: Found) -> Status:
    """The status that a word gives to what it governs, where the lifecycle does not tell it otherwise."""
    own = next((name for name, phrases in f.told.words.items() if mark.pattern.text in phrases), mark.kind)
    if mark.pattern.text == "would" and any(s.start <= mark.first < s.end and s.who & f.deciders for s in f.s.sayings):
        return Status.ANNOUNCED  # "the ministry said it would": a promise, told in the past
    return STATUSES[own]


def governors(f: Frame, cue: Found, clause: Clause) -> list[Found]:
    """The status words before the cue in its clause, the outermost first; "not" also inside it."""
    s = f.s
    return [
        m for m in s.marks
        if m.kind in STATUSES and not describes(s, m, clause) and not f.own(m.first) and not _reports(f, m, cue)
        and (
            (clause.start <= m.first < cue.first and m.last <= cue.first + 1)
            or (cue.first < m.first < cue.last and (s.words[m.first].low == "not" or _inside(f, m, cue)))
        )
    ]  # fmt: skip


def _inside(f: Frame, m: Found, cue: Found) -> bool:
    """Whether a status word stands before the verb of a cue that begins with the one who acts: "panel may back"."""
    if cue.gap is None or not cue.gap[0] <= m.first < cue.gap[1]:
        return False
    leads = m.last < cue.last and f.s.words[m.last].low == "to"  # "president declines to sign"
    return m.kind == "modal" or f.s.is_("auxiliary", m.first) or m.pattern.text.endswith(" to") or leads


def _reports(f: Frame, m: Found, cue: Found) -> bool:
    """Whether a word that asks or lacks does so of something else: "tells leaders he intends to meet", "no deadline for
    the parties to reach a deal"."""
    led = f.s.words[cue.first - 1].low == "to"
    if m.pattern.text == "no":
        return led and any(f.s.words[k].low == "for" for k in range(m.last, cue.first))
    return m.pattern.text == "tell" and any(f.s.is_("pronoun", k) for k in range(m.last + 1, cue.first))


def describes(s: Sentence, m: Found, clause: Clause) -> bool:
    """Whether a status word only describes a noun: "long-sought deal", "as promised deal looms", "plans for"."""
    word, before = s.words[m.first], m.first - 1
    follows = s.words[m.last].low if m.last < len(s.words) else ""
    if "-" in word.before and word.glued and m.pattern.text != word.low:
        return True
    leads = before < clause.start
    if leads and m.kind == "possible" and m.tags == "B" and any(n.place[0] == m.last for n in s.names):
        return True  # "Confident X to meet Y"
    if "S" in m.tags and m.last - m.first == 1 and s.is_("receive", m.last):
        return True  # a noun with its verb: "membership hopes get a lift"
    if follows in ("for", "of") and m.last - m.first == 1:
        return leads or s.is_("say", before) or s.is_("determiner", before) or s.words[before].possessive
    if set(m.tags) & set("DN") and not set(m.tags) & set("BS") and follows not in ("to", "that"):
        return leads or s.is_("determiner", before) or (before == clause.start and clause.kind != "main")
    return False


def only_likely(f: Frame, mark: Found, marks: list[Found], status: Status) -> bool:
    """Whether "probably" and the like stand beside a commitment: "probably will", "will likely"."""
    return status is Status.ANNOUNCED and any(
        m.kind == "possible" and f.s.is_("adverb", m.first) and (m.last == mark.first or m.first == mark.last)
        for m in marks
    )


def dated(f: Frame, cue: Found, clause: Clause, form: Form, why: list[str]) -> Status:
    """The present tense tells what is done, unless the day it is told for is still to come: "begins on Thursday"."""
    words = f.s.words
    begins = cue.kind in ("happens", "noun") or cue.pattern.label[-1] in f.told.past
    if begins and form is Form.FINITE and any(
        words[cue.last - 1].end < at <= words[clause.end - 1].end for at in f.s.ahead()
    ):  # fmt: skip
        why.append("on a day to come")
        return Status.ANNOUNCED
    return Status.DONE
