"""Find what a cue depends on in its clause: "may lift", "refuses to lift", "wins approval", "an order to lift".

In which frame that stands and who says it, is telling.py's part.
"""

from __future__ import annotations

from watcher.domain.clauses import Clause, Sentence
from watcher.domain.cues import Found
from watcher.domain.forms import Form
from watcher.domain.frame import Frame
from watcher.domain.model import Status

STATUSES = {
    "possible": Status.POSSIBLE,
    "modal": Status.POSSIBLE,
    "announced": Status.ANNOUNCED,
    "urged": Status.URGED,
    "denied": Status.DENIED,
}
_EMPTY_LEADS = frozenset("without before against for of about on over".split())  # a gerund behind one asserts nothing
_ACCUSES = frozenset("accuse accuses accused accusing suspected suspects".split())
_CAUSES = frozenset("forces forced prompts prompted compels compelled obliges obliged leads led".split())
_ORDERS = frozenset(("order", "direct", "instruct"))
_LIKELY = frozenset("chance odds likelihood probability prospect".split())
_CONTESTS = frozenset("appeal sue".split())  # who does so has got what he goes against
_OPENING = 2  # words before the noun that a headline without a verb is about
_SHORT = 2  # words before "to": so short a run is the one who acts


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


def governed(f: Frame, cue: Found, clause: Clause, form: Form, why: list[str]) -> Status:
    """The status of a cue by its form and by what governs it; the reason is added to `why`."""
    if form is Form.AFTER:
        return Status.DONE
    marks = governors(f, cue, clause)
    if form is Form.NOUN:
        return _nominal(f, cue, clause, marks, why)
    if form is Form.PASSIVE:
        marks = [m for m in marks if not _noun_with_participle(f, m, cue)]
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
        status = _decided(f, mark, clause) or status_of(f, mark)
        ordered = mark.pattern.text in _ORDERS and set(mark.tags) & set("SD") and form is Form.PASSIVE
        if ordered and f.told.measures and len(marks) == 1:
            return Status.DONE  # "orders ban lifted": ordered is done
        denied = status is Status.ANNOUNCED and any(status_of(f, m) is Status.DENIED for m in marks)
        return Status.DENIED if denied else Status.POSSIBLE if _only_likely(f, mark, marks, status) else status
    if form is Form.INFINITIVE and (tally := _tallied(f, cue, clause)):
        why.append("decided by a vote that is told with its count")
        return tally
    if form is Form.INFINITIVE and any(w.low in _CAUSES for w in f.s.words[clause.start : cue.first]):
        why.append("brought about")
        return Status.DONE  # "drought forces Norland to tighten …"
    if form is Form.INFINITIVE and not _commits(f, cue, clause):
        why.append("a purpose, not a commitment")
        return Status.POSSIBLE
    if form is Form.PLAIN and cue.gap and f.s.words[cue.gap[1] - 1].low == "to":
        why.append("still to come")
        return Status.ANNOUNCED  # "talks on X to resume"
    if form is Form.PASSIVE and _to_be(f, cue, clause):
        why.append("still to come")
        return Status.ANNOUNCED
    if form is Form.IMPERATIVE:
        why.append("asked of somebody")
        return Status.URGED
    if form in (Form.INFINITIVE, Form.BASE):
        why.append("still to come")
        return Status.ANNOUNCED
    if form is Form.GERUND and cue.first > clause.start and _accused(f, cue, clause):
        why.append("an accusation")
        return Status.CLAIMED
    if form is Form.GERUND and cue.first > clause.start and f.s.words[cue.first - 1].low in _EMPTY_LEADS:
        why.append("a gerund that asserts nothing")
        return Status.MENTION
    return Status.DONE


def _accused(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether somebody is accused of it: "accuses X of breaking the truce"."""
    words = f.s.words
    return words[cue.first - 1].low == "of" and any(words[k].low in _ACCUSES for k in range(clause.start, cue.first))


def _dated(f: Frame, cue: Found, clause: Clause, form: Form, why: list[str]) -> Status:
    """The present tense tells what is done, unless the day it is told for is still to come: "begins on Thursday"."""
    words = f.s.words
    begins = cue.kind in ("happens", "noun") or cue.pattern.label[-1] in f.told.past
    if begins and form is Form.FINITE and any(
        words[cue.last - 1].end < at <= words[clause.end - 1].end for at in f.s.ahead()
    ):  # fmt: skip
        why.append("on a day to come")
        return Status.ANNOUNCED
    return Status.DONE


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


# --- nouns ----------------------------------------------------------------------------------------


def _nominal(f: Frame, cue: Found, clause: Clause, marks: list[Found], why: list[str]) -> Status:
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
        return _dated(f, cue, clause, Form.FINITE, why)
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
    """The status that the innermost word gives, unless one before it denies that: "fails to agree", "refuses to ask"."""
    mark = marks[-1]
    status = status_of(f, mark)
    weak = status in (Status.ANNOUNCED, Status.POSSIBLE)
    denied = any(
        status_of(f, m) is Status.DENIED and (weak or m.last == mark.first) for m in marks if m.first < mark.first
    )
    return Status.DENIED if denied else Status.POSSIBLE if _only_likely(f, mark, marks, status) else status


def _only_likely(f: Frame, mark: Found, marks: list[Found], status: Status) -> bool:
    """Whether "probably" and the like stand beside a commitment: "probably will", "will likely"."""
    return status is Status.ANNOUNCED and any(
        m.kind == "possible" and f.s.is_("adverb", m.first) and (m.last == mark.first or m.first == mark.last)
        for m in marks
    )


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
