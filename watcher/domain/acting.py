"""Tell who acts: whether it is the one who decides, whether all parties are named, and at whom an act is aimed.

Whether the act is told of the item's subject is roles.py's part.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from watcher.domain.agents import agents, named
from watcher.domain.cues import Found
from watcher.domain.forms import ACTIVE, Form
from watcher.domain.frame import Frame
from watcher.domain.sentences import PLACE, REGION, Clause
from watcher.domain.suits import sued

_ACCOUNT = frozenset("over for that which who aiding helping".split())
_OUTSIDE = frozenset("opposition former ex dissident exiled shadow rival lobby".split())
_LEAD = 2  # words in which a clause begins
_BELOW = frozenset(
    "federal district appeals appeal appellate circuit lower trial local trade commercial administrative tax labor "
    "labour bankruptcy family military magistrates crown sessions civil criminal".split()
)  # not the highest
_NO_NOUN = frozenset("adverb determiner preposition be have modal auxiliary reason condition after background".split())


def parties_named(f: Frame, clause: Clause) -> bool:
    """Whether all who must take part are named in this clause or the ones it leans on.

    Asked only where they are what tells the item from another ("Trump-Xi summit"); a subject with words of its own
    ("Nile dam talks") needs no names.
    """
    s, wanted = f.s, f.deciders if f.item.with_ else frozenset()
    if not f.told.needs_parties or not wanted or not wanted <= named(f, 0, len(s.words)):
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
    if at and not wanted & named(f, start, clause.end):
        start = s.clauses[at - 1].start
    speaking = {w for saying in s.sayings if saying.start <= clause.start < saying.end for w in saying.who}
    return wanted <= named(f, start, clause.end) | speaking  # "no talks with Y, X says"


def both_sides(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether an act that takes both sides of `with` names them both, or none as acting."""
    wanted = frozenset(f.item.with_)
    acting = agents(f, cue, clause, form) & f.deciders
    return len(wanted) < 2 or not acting or wanted <= named(f, clause.start, clause.end)


# --- who acts -------------------------------------------------------------------------------------


def foreign(f: Frame, cue: Found, clause: Clause, form: Form, why: list[str]) -> bool:
    """Whether the one who acts is not who decides, or the act is aimed at somebody else.

    Another actor's act is about another measure (`f.others`); a stranger's may still be about this one.
    """
    if not f.item.decided_by:
        return False
    if cue.pattern.label[-1] in f.told.anyone and not _own_affair(f, cue, clause):
        return _strangers_own(f, cue, clause, form, why)
    if cue.pattern.head in ("win", "lose") and sued(f):
        return False  # who wins or loses a suit tells the verdict, and does not give it
    if reason := _others_affair(f, cue, clause, form):
        why.append(reason)
        f.others = True
        return True
    if any(n.place[0] > clause.start and f.s.words[n.place[0] - 1].low == "with" and {*n.who} & f.deciders
           for n in f.names(clause.start, clause.end)):  # fmt: skip
        return False  # done together with who decides
    if _outsider(f, cue, clause):
        why.append("done by somebody who does not decide")
        return True
    acting = agents(f, cue, clause, form)
    if acting:
        return _done_by_others(f, cue, clause, acting, why)
    return _done_by_strangers(f, cue, clause, form, why)


def _others_affair(f: Frame, cue: Found, clause: Clause, form: Form) -> str:
    """Why an act is another one than the item's, whoever does it; "" where it is not."""
    if f.item.against and form in ACTIVE:
        end = f.object_end(cue, clause)
        aimed = named(f, cue.last, end) - _beside(f, cue, clause) - f.deciders - _callers(f, cue.last, clause)
        hit = named(f, cue.gap[0], end) if cue.gap else aimed  # "hits Norland with tariffs over Sudlandic oil"
        if aimed and not hit & set(f.item.against) and not _on_account(f, cue):
            return f"aimed at {_list(aimed)}"
    if f.told.mutual and _with_others(f, cue, clause):
        return "made with others"
    if cue.kind == "happens" and (doers := _doers_before(f, cue, clause)):
        return f"done by {_list(doers)}"
    if form in (Form.PASSIVE, Form.NOUN) or cue.kind == "happens":
        owner = _owner_elsewhere(f, cue, clause)
        return f"of {owner}'s own" if owner else ""
    return ""


def _done_by_strangers(f: Frame, cue: Found, clause: Clause, form: Form, why: list[str]) -> bool:
    """Whether somebody who is not named, and nobody that decides, does it."""
    if _other_court(f, cue, clause, form):
        why.append("done by a court, which is not who decides")
        return True
    told = form in (Form.FINITE, Form.PAST) or _adjunct(f, cue, clause)
    told = told and cue.kind != "happens" and not f.s.is_("receive", cue.first)
    stranger = _stranger(f, cue, clause) if told else ""
    if stranger:
        why.append(f"done by “{stranger}”, who is nobody that decides")
    elif form in ACTIVE and _others_body(f, cue, clause):
        why.append("done by a body of others, who alone are named")
        f.others = True
        return True
    return bool(stranger)


def _done_by_others(f: Frame, cue: Found, clause: Clause, acting: Set[str], why: list[str]) -> bool:
    """Whether those named as acting are not who decides, or only bear their name."""
    decide = acting & f.deciders
    if f.told.needs_parties and f.s.is_("hosts", cue.first) and f.item.with_ and not decide:
        return not f.deciders <= named(f, clause.start, clause.end)
    if (f.told.proposals or f.told.on_party) and decide and _underlings(f, cue, clause):
        why.append("done by those who only advise")
        return True
    if f.told.no_courts and decide and _court_acts(f, cue, clause):
        why.append("done by a court, which is not who decides")
        return True
    if acting <= f.home and not f.item.with_:
        return False  # the country acts for those of it who decide: "Norland passes heating law"
    if decide:
        parties = f.deciders if f.item.with_ or f.told.needs_parties else frozenset()
        wrong = bool(parties) and not acting <= f.deciders and not parties <= acting
        made = cue.pattern.label[-1] in f.told.mutual or (bool(f.told.mutual) and cue.kind == "announced")
        wrong = wrong or (made and _other_pair(f, acting))
        f.others = f.others or wrong
        return wrong
    f.others = True
    why.append(f"done by {_list(acting)}, not by {_list(f.item.decided_by)}")
    return True


def _doers_before(f: Frame, cue: Found, clause: Clause) -> Set[str]:
    """Those who act in the clause that an adjunct leans on, and do not decide: what happens in it is by their act,
    "Sudland backs merger, clearing last hurdle"."""
    if not f.told.no_courts or not clause.linked or "G" not in cue.tags or clause.start != cue.first:
        return frozenset()
    back = f.s.clauses[f.s.clauses.index(clause) - 1]
    first = next((n for n in f.names(back.start, back.end) if n.place[0] == back.start), None)
    theirs = any(back.start <= begin < back.end for begin, _ in f.taken)  # an act found there not to be the decider's
    if first is None or f.s.words[first.place[1] - 1].possessive or (f.own(back.start) and not theirs):
        return frozenset()
    doers = frozenset(first.who)
    return frozenset() if doers & (f.deciders | f.home) else doers


def _other_pair(f: Frame, acting: Set[str]) -> bool:
    """Whether one of the two countries that decide comes to it with a third that the item does not know: "Norland and
    Westland agree fishing pact"."""
    others = {w for w in acting if w.startswith(PLACE)}
    countries = {w for n in f.s.names if n.country for w in n.who}
    return bool(others) and len(acting & f.deciders) == 1 < len(f.deciders) and acting & f.deciders <= countries


def _owner_elsewhere(f: Frame, cue: Found, clause: Clause) -> str:
    """The country, unknown to the item, whose measure it is by name where nobody else is: "Norland's ban is lifted"."""
    if not f.told.measures or named(f, 0, len(f.s.words)) & {*f.deciders, *f.item.against}:
        return ""
    words = f.s.words
    for n in f.names(clause.start, cue.first):
        behind = range(n.place[1], min(n.place[1] + _LEAD, cue.first))
        theirs = words[n.place[1] - 1].possessive and any(words[k].stem in f.told.measures for k in behind)
        if theirs and n.who[0].startswith(PLACE):
            return _list(n.who)
    return ""


def _outsider(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether the opposition, a former minister or the like acts, and nobody who decides is named before."""
    s = f.s
    opening = range(clause.start, min(clause.start + _LEAD, cue.first))
    outside = any(m.kind == "outsider" and m.pattern.text in _OUTSIDE and m.first in opening for m in s.marks)
    if s.marked("urged", clause.start, cue.first) or s.marked("denied", clause.start, cue.first):
        return False  # they only ask, or do not bring it about
    gone = {m.last for m in s.marks if m.kind == "outsider" and m.pattern.text in ("former", "ex")}
    deciding = (n for n in f.names(clause.start, cue.first) if {*n.who, *n.within} & f.deciders)
    return outside and all(n.place[0] in gone for n in deciding)  # "former judge" is no judge


def _strangers_own(f: Frame, cue: Found, clause: Clause, form: Form, why: list[str]) -> bool:
    """Whether those who meet or miss a day are a country or region that neither the watchlist nor the item knows: the
    day is then another one, of their own."""
    acting = agents(f, cue, clause, form)
    known = {w for n in f.s.names if n.place in f.about or f.own(n.place[0]) for w in n.who}
    if not acting or not all(w.startswith(PLACE) for w in acting) or acting & known:
        return False
    regional = any(w.startswith(REGION) for w in acting)
    if named(f, cue.last, len(f.s.words)) & f.deciders:
        return False  # before the one who decides, or against whose day: it is the item's
    if not regional and (f.item.against or named(f, 0, len(f.s.words)) & f.deciders - known):
        return False
    f.others = True
    why.append(f"done by {_list(acting)}, of whom the item says nothing")
    return True


def elsewhere(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether a word of the lifecycle is told of a country that acts where none of those the item knows is named."""
    if not f.item.decided_by or form not in ACTIVE or not any(clause.start <= p[0] < clause.end for p in f.subject):
        return False
    known = {*f.deciders, *f.item.against}
    acting = agents(f, cue, clause, form)
    return bool(acting) and all(w.startswith(PLACE) for w in acting) and not named(f, 0, len(f.s.words)) & known


def _on_account(f: Frame, cue: Found) -> bool:
    """Whether an act aimed at others is done on account of those of `against`: "sanctions Norco over Sudlandic oil"."""
    return any(
        set(n.who) & set(f.item.against) and any(f.s.words[k].low in _ACCOUNT for k in range(cue.last, n.place[0]))
        for n in f.names(cue.last, len(f.s.words))
        if f.s.clause_at(n.place[0]).kind in ("main", "background")
    )


def _with_others(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether what two sides make is told to be made with a country or actor that the item does not know."""
    s = f.s
    partners = [
        n
        for n in f.names(cue.first, clause.end)
        if s.words[n.place[0] - 1].low == "with"
        and (f.own(n.place[0] - 2) or s.words[n.place[0] - 2].stem in f.told.proposals)
    ]
    known = {*f.deciders, *f.item.against}
    return bool(partners) and not any(
        {*n.who, *n.within} & known or n.place in f.about or f.own(n.place[0]) for n in partners
    )


def _underlings(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether those who act only advise or serve the ones who decide: "agency panel backs", "court's adviser sides"."""
    s = f.s
    known = [n for n in f.names(clause.start, cue.first) if {*n.who} & f.deciders]
    for n in known:
        at = n.place[1]
        while at < cue.first and (s.is_("advisory", at) or s.is_("body", at)) and not s.is_("underling", at):
            at += 1  # "Norland's competition regulator's adviser"
        if not s.is_("underling", at) or at >= cue.first:
            return False
    return bool(known)


def _other_court(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether an unnamed court acts where a court does not decide, or a court below the one that does: "federal judge
    blocks …", "… blocked by appeals court"."""
    s, span = f.s, range(clause.start, cue.first)
    if form is Form.PASSIVE:
        by = next((k for k in range(cue.last, clause.end) if s.words[k].low == "by"), clause.end)
        span = range(by + 1, min(by + 6, clause.end))
    elif form not in (Form.FINITE, Form.PAST):
        return False
    said = {k for saying in s.sayings if saying.end <= cue.first for k in range(saying.start, saying.end)}
    courts = [k for k in span if s.is_("court", k) and k not in said and not s.words[k].possessive]
    return bool(courts) and (f.told.no_courts or _is_below(f, courts[0]))


def _is_below(f: Frame, at: int) -> bool:
    """Whether the court named at a word is said to be one below the highest."""
    return any(f.s.words[k].low in _BELOW or f.s.is_("region", k) for k in range(max(at - 1, 0), at + 1))


def _court_acts(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether it is a court of the decider's that acts, and no court is among the deciders: "EU court rejects …"."""
    s = f.s
    known = [n for n in f.names(clause.start, cue.first) if {*n.who} & f.deciders]
    if not known or any(s.is_("court", n.place[1] - 1) for n in known):
        return False
    return any(s.is_("court", k) for n in known for k in range(n.place[1], min(n.place[1] + 2, cue.first)))


def _beside(f: Frame, cue: Found, clause: Clause) -> set[str]:
    """Those named beside the measure and not behind it: "talks on tariffs and Norco"."""
    return {
        who
        for n in f.names(cue.last, clause.end)
        if f.s.words[n.place[0] - 1].low == "and" and f.own(n.place[0] - 2)
        for who in n.who
    }


def _callers(f: Frame, start: int, clause: Clause) -> set[str]:
    """Those whose call or demand the verb takes, which is not aimed at them: "rebuffs Norland's call for tariffs"."""
    return {
        who
        for n in f.names(start, clause.end)
        if n.place[1] < clause.end and f.s.words[n.place[1]].stem in f.told.proposals
        for who in n.who
    }


def _own_affair(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether what is told of is said to be the own of the one who acts: "misses its own deadline"."""
    return any(f.s.words[k].low == "own" for k in range(cue.first, f.object_end(cue, clause)))


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(n.removeprefix(REGION).removeprefix(PLACE) for n in names))


def _stranger(f: Frame, cue: Found, clause: Clause) -> str:
    """The subject of a verb where it is neither a name, nor a body, nor a pronoun, nor the item's own subject."""
    s = f.s
    start = max([clause.start, *(saying.start for saying in s.sayings if saying.start <= cue.first < saying.end)])
    kinds = {k: {m.kind for m in s.marks if m.first <= k < m.last} for k in range(start, cue.first)}
    said = [k for k, marks in kinds.items() if not marks & _NO_NOUN]
    if clause.linked and "G" in cue.tags and clause.start == cue.first:
        return _stranger_before(f, clause)
    if not said or clause.linked or f.own(said[-1]) or any(kinds[k] & {"body", "group", "pronoun"} for k in said):
        return ""
    return " ".join(s.words[k].raw for k in said)


def _adjunct(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether a gerund opens an adjunct, which shares the subject of the clause before: "X cuts forecast, blaming …".

    Only where the act is told of the one looked into: there anybody may be blamed by anybody."""
    return bool(f.told.on_party) and clause.linked and "G" in cue.tags and clause.start == cue.first


def _stranger_before(f: Frame, clause: Clause) -> str:
    """The first words of the clause that an adjunct leans on, where they name neither a body nor one who is known."""
    back = f.s.clauses[f.s.clauses.index(clause) - 1]
    known = {k for n in f.s.names for k in range(*n.place)}
    kinds = {m.kind for m in f.s.marks if m.first == back.start}
    first = f.s.words[back.start]
    if back.start in known or f.own(back.start) or kinds & {"body", "group", "pronoun", "determiner"}:
        return ""
    return first.raw if first.capital and not f.s.tags[back.start] else ""


def _others_body(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether an unnamed president or ministry acts where others are named in the sentence and the decider is not."""
    present = named(f, 0, len(f.s.words))
    known = f.deciders | f.home
    return bool(f.s.marked("body", clause.start, cue.first)) and bool(present) and not present & known
