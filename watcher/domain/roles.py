"""Tell who does what to whom: whether a cue is told of the item's subject, who acts, and at whom it is aimed.

How certain the act is, is telling.py's part.
"""

from __future__ import annotations

from collections.abc import Sequence

from watcher.domain.clauses import Clause, Name, Sentence
from watcher.domain.cues import Found
from watcher.domain.forms import ACTIVE, Form
from watcher.domain.frame import Frame
from watcher.domain.matching import Place
from watcher.domain.model import Item

_NOT_SUBJECT = frozenset("on with to from against of for in over at into by".split())  # a name behind one does not act
_ADJECTIVES = ("ese", "ian", "ean", "ish", "can", "rman", "ench", "utch", "aeli", "aqi", "ani")
_NO_NOUN = frozenset("adverb determiner preposition be have modal auxiliary reason condition after background".split())
_OF_FLOW = frozenset("in of to on for".split())
_SOON = 3  # words that name who acts
_NEAR = 3  # words between a noun behind us and the subject


# --- whose measure it is --------------------------------------------------------------------------


def may_be_the_items(s: Sentence, subject: Place, item: Item) -> bool:
    """Whether a measure named in the text can be the item's: not another's ("China's tariffs", "Chinese tariffs"),
    and not aimed at another ("tariffs on Canada")."""
    if not item.decided_by or not item.against:
        return True
    first, last = subject
    owner = next((n for n in s.names if n.place[1] == first), None)
    if owner is not None and not set(owner.who) & set(item.decided_by):
        word = s.words[first - 1]
        if word.possessive or word.low.endswith(_ADJECTIVES):
            return False
    if last < len(s.words) and s.words[last].low in ("on", "against"):
        target = next((n for n in s.names if n.place[0] in (last + 1, last + 2)), None)
        return target is None or bool(set(target.who) & set(item.against))
    return True


# --- what the cue is told of ----------------------------------------------------------------------


def concerns(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether the cue is told of the subject: in its clause, on the side its form asks for."""
    inside = [p for p in f.subject if clause.start <= p[0] < clause.end]
    if form is not Form.AFTER and any(first < cue.first and cue.last <= last for first, last in f.subject):
        return False  # a word inside a phrase of the subject: "plan to end war"
    if not f.told.scattered and any(_only_behind(f, group, clause) for group in f.groups):
        return False
    if form is Form.AFTER:
        return f.heads(cue.last, clause) and any(p[0] < cue.last and cue.first < p[1] + _NEAR for p in inside)
    if not inside:
        return _leans(f, cue, clause, form)
    if form is Form.NOUN or (form is Form.PLAIN and not f.s.words[cue.first].raw.isascii()):
        return True
    left = any(p[1] <= cue.first and _leads(f, p, clause) and _ends(f, p, cue, clause) for p in inside)
    overlap = any(p[0] < cue.last and cue.first < p[1] for p in inside)
    if cue.kind == "does" and cue.pattern.label[1] in f.told.on_party and not any(p[1] <= cue.first for p in inside):
        return True  # "Madrid fines two firms in blackout probe"
    if form is Form.PLAIN:
        beside = f.before(cue.first, clause.start)
        near = any(p[1] == beside + 1 for p in inside)
        near = near or (cue.kind == "happens" and any(_led_to(f, p, cue) for p in inside if _leads(f, p, clause)))
        soon = cue.first - clause.start <= _SOON  # "Norco to acquire X", not "winning the race to acquire X"
        return near or overlap or (cue.kind == "does" and soon and any(p[0] >= cue.last for p in inside))
    if cue.kind == "happens":
        if f.told.measures and not any(_holds_measure(f, p) for p in ((clause.start, cue.first), *inside)):
            return False  # exports rise, and that is no measure
        either = cue.pattern.head in f.told.either and cue.last - cue.first == 1
        transitive = either and f.has_object(cue, clause)
        return cue.gap is not None or (left and form is not Form.GERUND and not transitive)
    if form is Form.PASSIVE:
        return (
            left
            or overlap
            or (f.s.words[cue.last - 1].low in ("with", "by", "from") and any(p[0] >= cue.last for p in inside))
        )
    ordered = cue.gap is not None and f.s.words[cue.last - 2].low == "to"
    end = clause.end if ordered else f.object_end(cue, clause)  # "orders X to pay for …": all of it is ordered
    whole = bool(f.told.mutual) and cue.kind == "does" and cue.pattern.label[1] not in f.told.mutual
    return overlap or any(cue.first < p[0] < end and (whole or _is_measure(f, p, clause)) for p in inside)


def _leans(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether a cue in a clause that does not name the subject takes it from the one before, or from a label."""
    if _labelled(f, clause) or cue.pattern.label[-1] in f.told.on_party:
        return cue.kind == "does" or _labelled(f, clause)
    return clause.linked and (
        _takes_pronoun(f, cue)
        or (form is Form.PASSIVE and _named_before(f, clause))
        or (cue.kind == "happens" and cue.first == clause.start and _opens_before(f, clause))
    )


def _led_to(f: Frame, place: Place, cue: Found) -> bool:
    """Whether only names and small words stand between a noun and the cue: "summit between X and Y under way"."""
    s = f.s
    named = {k for n in s.names for k in range(*n.place)}
    return place[1] < cue.first and all(
        k in named or f.small(k) or f.own(k) or s.is_("determiner", k) for k in range(place[1], cue.first)
    )


def _holds_measure(f: Frame, place: Place) -> bool:
    return any(f.s.words[k].stem in f.told.measures for k in range(*place))


def _is_measure(f: Frame, place: Place, clause: Clause) -> bool:
    """Whether a measure named is the thing itself and not a part of another's name: "tariffs", not "tariff truce"."""
    at, told = place[1], f.told
    if at < clause.end and f.s.is_("head", at) and not f.own(at) and f.s.words[at].stem not in told.proposals:
        return False
    if not told.measures or not _holds_measure(f, place) or f.heads(at, clause):
        return True
    return f.s.words[at].stem in (*told.measures, *told.flows)


def _named_before(f: Frame, clause: Clause) -> bool:
    """Whether the clause before has the subject and no verb: "X, its former head, indicted"."""
    back = f.s.clauses[f.s.clauses.index(clause) - 1]
    verbs = any(set(f.s.tags[k]) & set("SD") and not f.own(k) for k in range(back.start, back.end))
    return not verbs and any(back.start <= first < back.end for first, _ in f.subject)


def _opens_before(f: Frame, clause: Clause) -> bool:
    """Whether the subject leads the clause before, whose subject a verb shares: "summit starts late, ends early"."""
    back = f.s.clauses[f.s.clauses.index(clause) - 1]
    verb = next((k for k in range(back.start + 1, back.end) if f.s.tags[k] == "S" and not f.own(k)), back.end)
    return any(back.start <= first < verb and _leads(f, (first, last), back) for first, last in f.subject)


def _labelled(f: Frame, clause: Clause) -> bool:
    """Whether the subject is the label of the clause: "Student cap: ministry exempts …"."""
    at = f.s.clauses.index(clause)
    if not at or ":" not in clause.sep:
        return False
    label = f.s.clauses[at - 1]
    verbs = any(set(f.s.tags[k]) & set("SD") and not f.own(k) for k in range(label.start, label.end))
    return not verbs and any(label.start <= first < label.end for first, _ in f.subject)


def _ends(f: Frame, place: Place, cue: Found, clause: Clause) -> bool:
    """Whether a noun heads its phrase up to the verb: "curbs on X lifted", and not "inquiry witness fined"."""
    at = place[1]
    while at < cue.first and f.own(at):
        at += 1
    if f.heads(at, clause) or f.s.words[at].stem in (*f.told.measures, *f.told.flows):
        return True
    if set(f.s.tags[at]) & set("DN") and f.small(at + 1):
        return True  # "summit planned for Paris is off"
    return all(f.own(k) or f.s.is_("be", k) or f.s.is_("have", k) or f.s.is_("modal", k) or f.s.is_("auxiliary", k) or
               any(m.first <= k < m.last for m in f.s.marks) for k in range(at, cue.first))  # fmt: skip


def _leads(f: Frame, place: Place, clause: Clause) -> bool:
    """Whether a noun is the subject of its clause: nothing before it takes it as an object ("deal to end X passes")."""
    words = f.s.words
    opener = clause.start + 1 if clause.kind != "main" else clause.start
    for k in range(opener, place[0]):
        # "talks on the sale of X", "curbs on X": what stands before is told of with it
        of = words[k].low in ("of", "for") or f.s.is_("head", k - 1) or words[k - 1].stem in f.told.measures
        if words[k].low in _NOT_SUBJECT and not of:
            return False
    return True


def _only_behind(f: Frame, group: Sequence[Place], clause: Clause) -> bool:
    """Whether part of the subject is named only in an adjunct behind: "signs aid bill as wage bill stalls"."""
    behind = [f.s.clause_at(first) for first, _ in group if first >= clause.end]
    adjuncts = all(
        c.kind in ("reason", "background") or (c.linked and f.s.words[c.start].low.endswith("ing")) for c in behind
    )
    return len(behind) == len(group) > 0 and adjuncts


def _takes_pronoun(f: Frame, cue: Found) -> bool:
    """Whether the cue takes "it" or "them": the subject of the clause before."""
    span = range(*cue.gap) if cue.gap else range(cue.last, min(cue.last + 1, len(f.s.words)))
    return any(f.s.words[k].low in ("it", "them") for k in span)


def takes_flow(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether the cue takes what a measure holds up ("exports") and not the measure ("export curbs")."""
    flows, measures = f.told.flows, f.told.measures
    if form is Form.NOUN:
        return _noun_of_flow(f, cue, clause)
    if form is Form.PASSIVE:
        span = _head_phrase(f, clause.start, cue.first)
    else:
        start = cue.first + 1 if cue.gap else cue.last
        end = f.object_end(cue, clause)
        span = range(start, next((k for k in range(start + 1, end) if "," in f.s.words[k].before or f.parts(k)), end))
    heads = [h for k in span if (h := f.s.words[k].stem) in flows or h in measures]
    if heads and heads[-1] in f.told.limits and cue.pattern.head not in f.told.degrees:
        return False  # a quota that is scrapped or imposed is a measure, one that is cut or raised a flow
    return bool(heads) and heads[-1] in flows


def _noun_of_flow(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether an act told as a noun is done to a flow: "flight cuts", "a cut in flights", "cuts to air traffic"."""
    words, flows, measures = f.s.words, f.told.flows, f.told.measures
    before = cue.first - 1
    if before >= clause.start and words[before].stem in (*flows, *measures):
        return words[before].stem in flows
    if cue.last >= clause.end or words[cue.last].low not in _OF_FLOW:
        return False
    known = (*flows, *measures)
    verb = (k for k in range(cue.last + 1, clause.end) if f.s.tags[k] == "S" and words[k].stem not in known)
    end = min(next(verb, clause.end), next((k for k in range(cue.last + 1, clause.end) if f.parts(k)), clause.end))
    heads = [h for k in range(cue.last + 1, end) if (h := words[k].stem) in flows or h in measures]
    return bool(heads) and heads[-1] in flows


def _head_phrase(f: Frame, start: int, end: int) -> range:
    """The words up to the preposition behind the first noun for a measure or a flow: "tariffs on imports"."""
    known = (*f.told.flows, *f.told.measures)
    first = next((k for k in range(start, end) if f.s.words[k].stem in known), end)
    return range(start, next((k for k in range(first, end) if f.parts(k) or f.s.words[k].low == "of"), end))


def parties_named(f: Frame, clause: Clause) -> bool:
    """Whether all who must take part are named in this clause or the ones it leans on.

    Asked only where they are what tells the item from another ("Trump-Xi summit"); a subject with words of its own
    ("Nile dam talks") needs no names.
    """
    s, wanted = f.s, f.deciders if f.item.with_ else frozenset()
    if not f.told.needs_parties or not wanted <= _named(f, 0, len(s.words)):
        return True
    others = [
        n
        for n in f.names(clause.start, clause.end)
        if n.place[0] > clause.start and s.words[n.place[0] - 1].low == "with"
    ]
    if others and not any({*n.who, *n.within} & wanted for n in others):
        return False  # with somebody else
    at = s.clauses.index(clause)
    start = clause.start
    while at and (
        s.clauses[at].linked or s.clauses[at].kind == "after" or s.marked("pronoun", start, s.clauses[at].end)
    ):
        at -= 1
        start = s.clauses[at].start
    if at and not wanted & _named(f, start, clause.end):
        start = s.clauses[at - 1].start
    return wanted <= _named(f, start, clause.end)


def both_sides(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether an act that takes both sides of `with` names them both, or none as acting."""
    wanted = frozenset(f.item.with_)
    acting = agents(f, cue, clause, form) & f.deciders
    return len(wanted) < 2 or not acting or wanted <= _named(f, clause.start, clause.end)


def _named(f: Frame, start: int, end: int) -> set[str]:
    return {w for n in f.names(start, end) for w in (*n.who, *n.within)}


# --- who acts -------------------------------------------------------------------------------------


def foreign(f: Frame, cue: Found, clause: Clause, form: Form, why: list[str]) -> bool:
    """Whether the one who acts is not who decides, or the act is aimed at somebody else.

    Another actor's act is about another measure (`f.others`); a stranger's may still be about this one.
    """
    if not f.item.decided_by or (cue.pattern.label[-1] in f.told.anyone and not _own_affair(f, cue, clause)):
        return False
    if f.item.against and form in ACTIVE:
        aimed = _named(f, cue.last, f.object_end(cue, clause)) - f.deciders
        if aimed and not aimed & set(f.item.against):
            why.append(f"aimed at {_list(aimed)}")
            f.others = True
            return True
    if any(n.place[0] > clause.start and f.s.words[n.place[0] - 1].low == "with" and {*n.who} & f.deciders
           for n in f.names(clause.start, clause.end)):  # fmt: skip
        return False  # done together with who decides
    acting = agents(f, cue, clause, form)
    if not acting:
        told = form in (Form.FINITE, Form.PAST) and cue.kind != "happens" and not f.s.is_("receive", cue.first)
        stranger = _stranger(f, cue, clause) if told else ""
        if stranger:
            why.append(f"done by “{stranger}”, who is nobody that decides")
        elif form in ACTIVE and _others_body(f, cue, clause):
            why.append("done by a body of others, who alone are named")
            f.others = True
            return True
        return bool(stranger)
    if acting & f.deciders:
        parties = f.deciders if f.item.with_ or f.told.needs_parties else frozenset()
        wrong = bool(parties) and not acting <= f.deciders and not parties <= acting
        f.others = f.others or wrong
        return wrong
    f.others = True
    why.append(f"done by {_list(acting)}, not by {_list(f.item.decided_by)}")
    return True


def _own_affair(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether what is told of is said to be the own of the one who acts: "misses its own deadline"."""
    return any(f.s.words[k].low == "own" for k in range(cue.first, f.object_end(cue, clause)))


def _list(names: frozenset[str] | set[str] | tuple[str, ...]) -> str:
    return ", ".join(sorted(n.removeprefix("place:") for n in names))


def agents(f: Frame, cue: Found, clause: Clause, form: Form) -> frozenset[str]:
    """Those named as doing what the cue tells; empty where nobody is."""
    s = f.s
    receives = s.is_("receive", cue.first)
    if receives or form in (Form.PASSIVE, Form.NOUN):
        by = [n for n in f.names(cue.first, clause.end) if _behind_by(f, cue, n.place, receives)]
        if by:
            return frozenset(by[0].who)
    if receives:
        return frozenset(w for n in f.names(cue.first + 1, cue.last)[:1] for w in n.who)
    if form is Form.NOUN:
        owners = [n for n in f.names(clause.start, cue.first) if s.words[n.place[1] - 1].possessive]
        return frozenset(w for n in owners for w in n.who)
    if form is Form.PASSIVE or cue.kind == "happens":
        return frozenset()
    start = max(
        [clause.start]
        + [saying.start for saying in s.sayings if saying.start <= cue.first < saying.end]
        + [m.last for m in s.marked("urged", clause.start, cue.first)]
    )  # who says it, or asks for it, does not do it
    acting = _subjects(f, start, cue.first)
    for saying in s.sayings:
        if saying.start <= cue.first < saying.end and any(s.is_("pronoun", k) for k in range(saying.start, cue.first)):
            acting |= saying.who  # "says it agrees", "says he and Y will meet"
    at = s.clauses.index(clause)
    while not acting and at and s.clauses[at].linked:
        at -= 1
        acting = _subjects(f, s.clauses[at].start, s.clauses[at].end)
    return acting


def _subjects(f: Frame, start: int, end: int) -> frozenset[str]:
    out: list[str] = []
    for n in f.names(start, end):
        first, last = n.place
        if first > start and f.s.words[first - 1].low in _NOT_SUBJECT:
            continue
        if f.s.words[last - 1].possessive and not _acts_through(f, last):
            continue
        before = next((o for o in f.s.names if o.place[1] == first), None)
        if before is not None and _of_elsewhere(f, before, n):
            out.extend(before.who)
            continue
        within = set(n.within) & f.deciders if f.told.needs_parties else set()
        out.extend(set(n.who) & f.deciders or within or n.who)
    return frozenset(out)


def _of_elsewhere(f: Frame, owner: Name, n: Name) -> bool:
    """Whether the name before makes this one another country's: "Pakistan's Supreme Court"."""
    if not owner.who[0].startswith("place:") or set(n.who) & set(owner.who):
        return False
    return owner.adjective or f.s.words[n.place[0] - 1].possessive


def _stranger(f: Frame, cue: Found, clause: Clause) -> str:
    """The subject of a verb where it is neither a name, nor a body, nor a pronoun, nor the item's own subject."""
    s = f.s
    start = max([clause.start, *(saying.start for saying in s.sayings if saying.start <= cue.first < saying.end)])
    kinds = {k: {m.kind for m in s.marks if m.first <= k < m.last} for k in range(start, cue.first)}
    said = [k for k, marks in kinds.items() if not marks & _NO_NOUN]
    if not said or clause.linked or f.own(said[-1]) or any(kinds[k] & {"body", "group", "pronoun"} for k in said):
        return ""
    return " ".join(s.words[k].raw for k in said)


def _others_body(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether an unnamed president or ministry acts where others are named in the sentence and the decider is not."""
    present = _named(f, 0, len(f.s.words))
    return bool(f.s.marked("body", clause.start, cue.first)) and bool(present) and not present & f.deciders


def _acts_through(f: Frame, at: int) -> bool:
    """Whether a possessor acts through what follows: a body of theirs, or a name in apposition."""
    return bool(f.s.marked("body", at, at + 4)) or any(n.place[0] == at for n in f.s.names)


def _behind_by(f: Frame, cue: Found, place: Place, receives: bool) -> bool:
    """Whether a name stands behind "by", or behind "from" where something is received or granted."""
    s, at = f.s, place[0] - 1
    while at >= cue.first and (s.is_("determiner", at) or (s.words[at].capital and not s.is_("preposition", at))):
        at -= 1
    if at < cue.first or (s.words[at].low == "from" and f.told.measures and not receives):
        return False  # "exemption from Norlandic duties": from whose measure, not by whom
    return s.words[at].low == "by" or (s.words[at].low == "from" and (receives or not cue.tags))
