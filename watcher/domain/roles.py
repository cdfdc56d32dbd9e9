"""Tell what a cue is told of: whether it is the item's subject, the measure itself, or what a measure holds up.

Who acts is acting.py's part, how certain the act is telling.py's, what kind of thing it takes objects.py's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set

from watcher.domain.agents import agents
from watcher.domain.cues import Found
from watcher.domain.forms import ACTIVE, Form
from watcher.domain.frame import NOT_SUBJECT, NOUNS, Frame
from watcher.domain.matching import Place
from watcher.domain.model import Item
from watcher.domain.objects import takes_quantity
from watcher.domain.sentences import Clause, Sentence
from watcher.domain.text import words

_ADJECTIVES = ("ese", "ian", "ean", "ish", "can", "rman", "ench", "utch", "aeli", "aqi", "ani")
_SETTLED_ON = frozenset("on over about".split())
_SOON = 3  # words that name who acts
_TIMES = frozenset("time extension reprieve week month year day hour grace respite breather extra longer".split())
_NEAR = 3  # words between a noun behind us and the subject


# --- whose measure it is --------------------------------------------------------------------------


def may_be_the_items(s: Sentence, subject: Place, item: Item, measures: Collection[str] = ()) -> bool:
    """Whether a measure named in the text can be the item's: not another's ("China's tariffs", "Chinese tariffs"),
    and not aimed at another ("tariffs on Canada"). Goods of those it is aimed at are what it is about ("Norlandic
    timber"), and so are those who sell and buy them."""
    first, last = subject
    if not item.decided_by or not item.against:
        return True
    owner = next((n for n in s.names if n.place[1] == first), None)
    if owner is not None and not set(owner.who) & set(item.decided_by):
        word = s.words[first - 1]
        goods = bool(set(owner.who) & set(item.against)) and not any(
            s.words[k].stem in measures for k in range(first, last)
        )
        if (word.possessive or word.low.endswith(_ADJECTIVES)) and not (goods and measures):
            return False
    if last < len(s.words) and s.words[last].low in ("on", "against"):
        target = next((n for n in s.names if n.place[0] in (last + 1, last + 2)), None)
        return target is None or bool(set(target.who) & set(item.against))
    return True


# --- what the cue is told of ----------------------------------------------------------------------


def concerns(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether the cue is told of the subject: in its clause, on the side its form asks for."""
    inside = [p for p in f.subject if clause.start <= p[0] < clause.end]
    verb = cue.kind == "happens" and form in (Form.FINITE, Form.PAST) and any(p[1] == cue.last for p in f.subject)
    if form is not Form.AFTER and not verb and any(first < cue.first and cue.last <= last for first, last in f.subject):
        return False  # a word inside a phrase of the subject: "plan to end war"
    if not f.told.scattered and any(_only_behind(f, group, clause) for group in f.groups):
        return False
    if form is Form.AFTER:
        return _after(f, cue, clause, inside)
    if not inside:
        return _leans(f, cue, clause, form)
    if form is Form.NOUN or (form is Form.PLAIN and not f.s.words[cue.first].raw.isascii()):
        return True
    left = any(p[1] <= cue.first and _leads(f, p, clause) and _ends(f, p, cue, clause) for p in inside)
    overlap = any(p[0] < cue.last and cue.first < p[1] for p in inside)
    if cue.kind == "does" and cue.pattern.label[1] in f.told.on_party:
        if form in ACTIVE and _done_to_another(f, cue, clause):
            return False
        if not any(p[1] <= cue.first for p in inside):
            return True  # "Madrid fines two firms in blackout probe"
    if f.told.on_party and form in ACTIVE and cue.kind == "does" and _takes_case(f, cue, clause, form):
        return True
    if form is Form.PLAIN:
        return overlap or _beside(f, cue, clause, inside)
    if cue.kind == "happens":
        return _happens_to_it(f, cue, clause, form, inside, left)
    if form is Form.PASSIVE:
        return left or overlap or _done_with_it(f, cue, clause, inside) or _settled_on(f, cue, inside)
    if f.told.measures and takes_quantity(f, cue, clause):
        return False
    people = any(p[1] <= cue.first and f.s.is_("body", p[1] - 1) for p in inside)
    acts = form in (Form.FINITE, Form.BASE, Form.INFINITIVE) and not f.has_object(cue, clause)
    if f.told.needs_parties and left and people and acts:
        return True  # "the negotiators meet"
    return overlap or _taken_by(f, cue, clause, inside)


def _beside(f: Frame, cue: Found, clause: Clause, inside: Sequence[Place]) -> bool:
    """Whether a cue without endings stands where it is told of the subject: right behind it, or soon before."""
    beside = f.before(cue.first, clause.start)
    near = any(p[1] == beside + 1 for p in inside)
    if cue.kind == "happens":
        on_it = cue.last < clause.end and f.s.words[cue.last].low in _SETTLED_ON
        if on_it and any(p[0] > cue.last for p in inside):
            return True  # "talks under way on X"
        return near or any(_led_to(f, p, cue) for p in inside if _leads(f, p, clause))
    soon = cue.first - clause.start <= _SOON  # "Norco to acquire X", not "winning the race to acquire X"
    return near or (cue.kind == "does" and soon and any(p[0] >= cue.last for p in inside))


def _happens_to_it(f: Frame, cue: Found, clause: Clause, form: Form, inside: Sequence[Place], left: bool) -> bool:
    """Whether the subject of a verb is the item's: it stands before, or the cue names what it happens to itself."""
    if f.told.measures:
        of_measure = any(
            _holds_measure(f, p) for p in ((clause.start, cue.first), *(p for p in inside if p[0] < cue.last))
        )
        of_flow = cue.pattern.text in f.told.cues[cue.pattern.label[1]].get("flow", ())
        if of_measure == of_flow:
            return False  # exports rise, and that is no measure; but they resume only when they may
    if cue.gap is not None:
        # "man held over X loses appeal" is not told of X
        proposed = any(f.s.words[k].stem in f.told.proposals for k in range(clause.start, cue.first))
        if proposed or any(p[1] > cue.first or _leads(f, p, clause) for p in inside):
            return True
    transitive = cue.pattern.head in f.told.either and cue.last - cue.first == 1 and f.has_object(cue, clause)
    weighed = f.s.marked("possible", clause.start, cue.first)
    risked = form is not Form.GERUND or any(m.last == cue.first and m.tags for m in weighed)
    return left and risked and not transitive


def _done_with_it(f: Frame, cue: Found, clause: Clause, inside: Sequence[Place]) -> bool:
    """Whether a passive takes the subject behind its preposition: "charged with X", "hit by X"."""
    if f.s.words[cue.last - 1].low not in ("with", "by", "from"):
        return False
    return any(cue.last <= p[0] < f.object_end(cue, clause) for p in inside)


def _taken_by(f: Frame, cue: Found, clause: Clause, inside: Sequence[Place]) -> bool:
    """Whether an active verb takes the subject as its object."""
    ordered = cue.gap is not None and f.s.words[cue.last - 2].low == "to"
    end = clause.end if ordered else f.object_end(cue, clause)  # "orders X to pay for …": all of it is ordered
    whole = bool(f.told.mutual) and cue.kind == "does" and cue.pattern.label[1] not in f.told.mutual
    return any(
        cue.first < p[0] < end and (whole or _is_measure(f, p, clause)) and not _only_owns(f, p, clause) for p in inside
    )


def _takes_case(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether who decides acts on the case, called no more than that: "Norco shares rise as agency drops inquiry"."""
    s, span = f.s, range(cue.gap[0] if cue.gap else cue.last, f.object_end(cue, clause))
    theirs = {k for n in f.names(span.start, span.stop) if set(n.who) & set(f.item.against) for k in range(*n.place)}
    others = any(s.words[k].capital and not f.own(k) and k not in theirs for k in span)
    if others or not any(s.is_("inquiry", k) for k in span):
        return False
    return bool(agents(f, cue, clause, form) & f.deciders)


def _done_to_another(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether an act on the one looked into is done to somebody who is not the item's, by a name of their own: "fines
    Sudco over flaws in Norco pumps"; and not "fines Sudco in Norco probe", which is the case itself."""
    s = f.s
    if not _has_party(f.item) or sum(w.capital for w in s.words) * 2 > len(s.words):
        return False  # a title all in capitals does not tell names
    begin, end = cue.gap if cue.gap else (cue.last, f.object_end(cue, clause))
    stop = next((k for k in range(begin, end) if f.parts(k) or s.words[k].low == "as"), end)
    span = range(begin, stop)
    named = [k for k in span if s.words[k].capital]
    if not named or any(f.own(k) or s.words[k].stem in _title(f) for k in span):
        return False
    known = {k for n in s.names for k in range(*n.place)}
    if all(k in known and not s.words[k].possessive for k in named) and len(named) == len(span):
        return False
    case = range(stop, clause.end)
    return not any(s.is_("inquiry", k) for k in case)


def _has_party(item: Item) -> bool:
    """Whether the item asks for somebody by name: then an act done to anybody else is not its own."""
    named = ([t for t in group if t.isascii()] for group in item.about.all)
    return any(group and all(t[0].isupper() for t in group) for group in named)


def _title(f: Frame) -> Set[str]:
    """The words of the item's title, as far as they are names."""
    return frozenset(w.stem for w in words(f.item.title) if w.capital)


def _after(f: Frame, cue: Found, clause: Clause, inside: Sequence[Place]) -> bool:
    """Whether an act behind "after" is of the subject: beside it, behind "for", or named in the clause before with
    the decider here: "Norco soars after agency's nod"."""
    s, nxt = f.s, cue.last
    if not f.heads(nxt, clause):
        return False
    behind = nxt < clause.end and s.words[nxt].low in ("for", "of", "to", "on")
    if inside:
        near = any(p[0] < cue.last and cue.first < p[1] + _NEAR for p in inside)
        return near or (behind and any(0 <= p[0] - nxt <= _NEAR for p in inside))
    at = s.clauses.index(clause)
    back = s.clauses[at - 1] if at else clause
    decided = any({*n.who} & f.deciders for n in f.names(clause.start, cue.last))
    return decided and not behind and any(back.start <= p[0] < back.end for p in f.subject)


def _only_owns(f: Frame, place: Place, clause: Clause) -> bool:
    """Whether one of the parties is only named as whose something else is: "closes Norco branches", "sells Norco's
    unit"; an item that names nothing but its parties is about what they do together."""
    parties = {n.place for n in f.s.names if set(n.who) & f.deciders}
    following = f.s.words[place[1]].stem if place[1] < len(f.s.words) else ""
    if following in f.told.proposals:
        return False  # "clinches Norco stake"
    if not f.told.mutual or place not in parties or not all(p in parties or _is_event(f, p) for p in f.subject):
        return False
    return f.s.words[place[1] - 1].possessive or not f.heads(place[1], clause)


def _is_event(f: Frame, place: Place) -> bool:
    return place[1] - place[0] == 1 and f.s.words[place[0]].stem in f.told.events


def _leans(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether a cue in a clause that does not name the subject takes it from the one before, or from a label."""
    if clause.kind in ("reason", "after") and f.told.proposals and form in (Form.FINITE, Form.PAST):
        return _decides_of_it(f, cue, clause, form)
    if _labelled(f, clause) or cue.pattern.label[-1] in f.told.on_party:
        return cue.kind == "does" or _labelled(f, clause)
    if f.told.anyone and _time_before(f, cue, clause):
        return True
    if clause.kind in ("reason", "after") and _bare_measure(f, cue, clause, form):
        return True
    return clause.linked and (
        _takes_pronoun(f, cue)
        or (form is Form.PASSIVE and _named_before(f, clause))
        or (cue.kind == "happens" and cue.first == clause.start and _opens_before(f, clause))
    )


def _time_before(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether a cue that tells of more time stands before a day: "another week before deadline"."""
    at = f.s.clauses.index(clause) + 1
    if f.s.words[cue.last - 1].stem not in _TIMES or at >= len(f.s.clauses):
        return False
    behind = f.s.clauses[at]
    led = f.s.words[behind.start].low in ("before", "ahead")
    verbs = any(set(f.s.tags[k]) & set("SD") and not f.own(k) for k in range(behind.start, behind.end))
    return led and not verbs and any(behind.start <= first < behind.end for first, _ in f.subject)


def _bare_measure(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether a cue in a later clause takes a measure of which nothing is said but whose it is: "timber flows again as
    Norland's ban ends". It is then the one on the subject, named before."""
    s = f.s
    if form is Form.PASSIVE or cue.kind == "happens":
        span = range(clause.start, cue.first)
    else:
        span = range(cue.last, f.object_end(cue, clause))
    for k in span:
        if s.words[k].stem in f.told.measures and k != cue.first:
            whose = k - 1
            named = any(n.place[0] <= whose < n.place[1] and set(n.who) & f.deciders for n in f.s.names)
            bare = named or s.is_("determiner", whose) or whose < clause.start or whose == cue.last - 1
            ends = f.heads(k + 1, clause) or k + 1 == cue.first
            on_other = k + 1 < clause.end and s.words[k + 1].low in ("on", "against", "of", "for")
            return bare and ends and not on_other
    return False


def _decides_of_it(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether the one who decides acts in a clause with "as" on nothing but what the sentence is about: "X shares jump
    as regulator signs off", "… as Norland clears takeover"."""
    s = f.s
    at = s.clauses.index(clause)
    back = s.clauses[at - 1] if at else clause
    if back is clause or back.kind != "main" or not any(back.start <= p[0] < back.end for p in f.subject):
        return False
    if not agents(f, cue, clause, form) & f.deciders:
        return False
    known = {w.stem for w in words(f.item.title)}
    begin = cue.gap[0] if cue.gap else cue.last
    end = max(f.object_end(cue, clause), cue.last)
    inside = range(cue.gap[1], cue.last) if cue.gap else range(0)  # words of the cue itself
    object_ = [k for k in range(begin, end) if k not in inside and not f.small(k) and not s.is_("determiner", k)]
    named = [k for k in object_ if s.words[k].stem not in (*f.told.proposals, *known)]
    return not named


def only_described(f: Frame) -> bool:
    """Whether a part of the subject only stands as the adjective of some other thing: "Swedish tents" is not Sweden's
    accession, "ex-Norco manager" is not Norco."""
    return bool(f.told.proposals) and any(group and all(_describes_other(f, p) for p in group) for group in f.groups)


def _describes_other(f: Frame, place: Place) -> bool:
    s, (first, last) = f.s, place
    word = s.words[first]
    if first and ((s.words[first - 1].low == "ex" and "-" in word.before) or s.words[first - 1].low == "former"):
        return not f.told.on_party
    if not any(n.place == place and n.adjective for n in s.names) or last >= len(s.words):
        return False
    nxt = s.words[last]
    known = {w.stem for w in words(f.item.title)}
    thing = nxt.stem in f.told.proposals or nxt.stem in known or f.own(last)
    return not (thing or nxt.capital or s.tags[last] or f.small(last) or any(m.first == last for m in s.marks))


def _settled_on(f: Frame, cue: Found, inside: Sequence[Place]) -> bool:
    """Whether what is told as reached is a settlement of the subject: "consensus reached on the seabed treaty"."""
    s = f.s
    on = next((k for k in range(cue.first + 1, cue.last + 1) if k < len(s.words) and s.words[k].low in _SETTLED_ON), -1)
    before = f.before(cue.first, 0)
    while (before >= 0 and s.is_("be", before)) or s.is_("have", before):
        before -= 1
    return on >= 0 and before >= 0 and s.is_("settled", before) and any(p[1] > on for p in inside)


def _led_to(f: Frame, place: Place, cue: Found) -> bool:
    """Whether only names and small words stand between a noun and the cue: "summit between X and Y under way"."""
    s = f.s
    named = {k for n in s.names for k in range(*n.place)}
    between = range(place[1], cue.first)
    small = all(k in named or f.small(k) or f.own(k) or f.goes_on(k) or s.is_("determiner", k) for k in between)
    return small and place[1] < cue.first


def _holds_measure(f: Frame, place: Place) -> bool:
    return any(f.s.words[k].stem in f.told.measures for k in range(*place))


def _is_measure(f: Frame, place: Place, clause: Clause) -> bool:
    """Whether a measure named is the thing itself and not a part of another's name: "tariffs", not "tariff truce"."""
    at, told = place[1], f.told
    other = at < clause.end and (f.s.is_("head", at) or f.s.is_("hanger_on", at))
    if other and not f.own(at) and f.s.words[at].stem not in told.proposals:
        return False
    if not told.measures or not _holds_measure(f, place) or f.heads(at, clause):
        return True
    return f.s.words[at].stem in (*told.measures, *told.flows, *told.permissions)


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
    while at < cue.first and (f.own(at) or f.goes_on(at)):
        at += 1  # "Norco takeover blocked", "treaty text made public"
    if f.heads(at, clause) or f.s.words[at].stem in (*f.told.measures, *f.told.flows):
        return True
    if f.told.mutual and f.s.words[at].stem in f.told.events and f.heads(at + 1, clause):
        return True  # "fishing pact talks with Norland break down"
    if set(f.s.tags[at]) & set("DN") and f.small(at + 1):
        return True  # "summit planned for Paris is off"
    helps = ("be", "have", "modal", "auxiliary")
    return all(
        f.own(k)
        or any(f.s.is_(kind, k) for kind in helps)
        or any(m.first <= k < m.last and m.kind not in NOUNS for m in f.s.marks)
        for k in range(at, cue.first)
    )


def _leads(f: Frame, place: Place, clause: Clause) -> bool:
    """Whether a noun is the subject of its clause: nothing before it takes it as an object ("deal to end X passes")."""
    told = f.s.words
    opener = clause.start + 1 if clause.kind != "main" else clause.start
    said = [k + 1 for k in range(opener, place[0]) if told[k].low == "that"]  # "no truth to reports that X is lifted"
    for k in range(max([opener, *said]), place[0]):
        # "talks on the sale of X", "curbs on X": what stands before is told of with it
        of = told[k].low in ("of", "for") or f.s.is_("head", k - 1) or told[k - 1].stem in f.told.measures
        of = of or (f.s.is_("settled", k - 1) and bool(f.told.mutual))  # "deal on the seabed treaty has been reached"
        if told[k].low in NOT_SUBJECT and not of:
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
