"""Tell what an act takes: the measure itself, what it holds up, or something that only bears their name."""

from __future__ import annotations

from watcher.domain.cues import Found
from watcher.domain.forms import Form
from watcher.domain.frame import Frame
from watcher.domain.sentences import Clause

_OF_FLOW = frozenset("in of to on for".split())
_TAKES = frozenset("on for of".split())  # at the end of a cue these take what follows
_MASS = frozenset(
    "fraud crime smuggling aid help policy strategy office campaign festival".split()
)  # nouns without a plural's -s
_LONGEST_PLAIN = 2  # words of a cue that has no object of its own in it


def takes_quantity(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether the verb takes a quantity that no measure sets: "cuts demand forecast", not "cuts minimum price"."""
    s, start = f.s, cue.first + 1 if cue.gap else cue.last
    for k in range(start, f.object_end(cue, clause)):
        if f.parts(k) and any(s.words[j].stem in f.told.measures for j in range(start, k)):
            return False  # "waives the rules for stakes in …"
        ends = [m.last for m in s.marks if m.kind == "quantity" and m.first == k]
        if ends and not any(f.own(j) for j in range(k, ends[0])) and f.heads(ends[0], clause):
            return not any(s.is_("set_price", j) for j in range(max(cue.last, k - 3), k))
    return False


def takes_goods(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether the cue takes the goods themselves that a measure is on ("allows Norlandic timber"): a flow, too, where
    the verb is not told of measures as well."""
    if form is Form.NOUN or any(cue.pattern.text in kinds.get("does", ()) for kinds in f.told.cues.values()):
        return False
    if form is Form.PASSIVE:
        span = range(clause.start, cue.first)
    elif cue.gap and cue.gap[1] > cue.gap[0]:
        span = range(*cue.gap)
    else:
        span = range(cue.last, f.object_end(cue, clause))
        span = range(cue.last, next((k for k in span if f.parts(k)), span.stop))
    if any(f.s.words[k].stem in f.told.measures for k in span):
        return False
    named = {k for n in f.s.names for k in range(*n.place)}
    goods = [k for k in span if f.own(k) and k not in named]
    return bool(goods) and (goods[-1] + 1 in (cue.first, span.stop) or f.heads(goods[-1] + 1, clause))


def takes_flow(f: Frame, cue: Found, clause: Clause, form: Form) -> bool:
    """Whether the cue takes what a measure holds up ("exports") and not the measure ("export curbs")."""
    flows, measures = f.told.flows, f.told.measures
    if form is Form.NOUN:
        return _noun_of_flow(f, cue, clause)
    if form is Form.PASSIVE:
        span = _head_phrase(f, clause.start, cue.first)
    else:
        onward = cue.kind == "flow" and f.s.words[cue.last - 1].low in _TAKES  # "puts the brakes on exports"
        start = cue.first + 1 if cue.gap and not onward else cue.last
        end = f.object_end(cue, clause)
        span = range(start, next((k for k in range(start + 1, end) if "," in f.s.words[k].before or f.parts(k)), end))
    heads = [h for k in span if (h := f.s.words[k].stem) in flows or h in measures]
    if heads and heads[-1] in f.told.limits and cue.pattern.head not in f.told.degrees:
        return False  # a quota that is scrapped or imposed is a measure, one that is cut or raised a flow
    return bool(heads) and heads[-1] in flows


def takes_other(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether what a verb takes only begins with what a measure holds up: "steps up fishing patrols", where the noun
    describes another that follows; not "halts exports Friday"."""
    flows, measures = f.told.flows, f.told.measures
    if cue.gap is not None:
        return False
    span = range(cue.last, f.object_end(cue, clause))
    span = range(cue.last, next((k for k in span if f.parts(k) or "," in f.s.words[k].before), span.stop))
    known = [k for k in span if f.s.words[k].stem in flows or f.s.words[k].stem in measures]
    at = known[-1] + 1 if known else span.stop
    if at >= span.stop or f.s.words[known[-1]].stem not in flows or f.heads(at, clause) or f.own(at):
        return False
    word = f.s.words[at]
    plural = word.stem != word.low or word.low in _MASS
    return (
        word.raw.isalpha()
        and not f.s.tags[at]
        and (plural or (at + 1 < span.stop and f.s.words[at + 1].stem != f.s.words[at + 1].low))
    )


def turned(f: Frame, cue: Found, clause: Clause, form: Form, state: str) -> str:
    """The state that an act on a permission tells: to end a licence or a waiver tightens, to renew one eases."""
    told = f.told
    if not told.permissions or cue.kind not in ("does", "happens") or cue.last - cue.first > _LONGEST_PLAIN:
        return state
    if form is Form.PASSIVE or cue.kind == "happens":
        span = _head_phrase(f, clause.start, cue.first)
    else:
        span = range(cue.last, f.object_end(cue, clause))
    known = (*told.permissions, *told.measures, *told.flows)
    heads = [f.s.words[k].stem for k in span if f.s.words[k].stem in known]
    if not heads or heads[-1] not in told.permissions:
        return state
    if cue.pattern.text in told.renewals:
        return "eased"
    if cue.pattern.head == "waive":
        return state  # nobody needs it any longer: "waives visas for"
    return "tightened" if state in ("lifted", "eased") else state


def _noun_of_flow(f: Frame, cue: Found, clause: Clause) -> bool:
    """Whether an act told as a noun is done to a flow: "flight cuts", "a cut in flights", "cuts to air traffic"."""
    run, flows, measures = f.s.words, f.told.flows, f.told.measures
    before = cue.first - 1
    if before >= clause.start and run[before].stem in (*flows, *measures):
        return run[before].stem in flows
    if cue.last >= clause.end or run[cue.last].low not in _OF_FLOW:
        return False
    known = (*flows, *measures)
    verb = (k for k in range(cue.last + 1, clause.end) if f.s.tags[k] == "S" and run[k].stem not in known)
    end = min(next(verb, clause.end), next((k for k in range(cue.last + 1, clause.end) if f.parts(k)), clause.end))
    heads = [h for k in range(cue.last + 1, end) if (h := run[k].stem) in flows or h in measures]
    return bool(heads) and heads[-1] in flows


def _head_phrase(f: Frame, start: int, end: int) -> range:
    """The words up to the preposition behind the first noun for a measure or a flow: "tariffs on imports"."""
    known = (*f.told.flows, *f.told.measures)
    first = next((k for k in range(start, end) if f.s.words[k].stem in known), end)
    return range(start, next((k for k in range(first, end) if f.parts(k) or f.s.words[k].low == "of"), end))
