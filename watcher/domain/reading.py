"""Read what an entry says of an item: which state, and how it is told (done, announced, claimed, possible, urged,
denied, or only mentioned), with the words that decided. No weighing of sources and no change of state in here.

    cue       words that tell a state of the item's lifecycle, in the item's own clause
      does      an act done to the subject: "lifts the curbs", "curbs are lifted", "lifting of the curbs"
      happens   what the subject does: "the truce expires"
      noun      the act as a noun: an act only with a verb that makes it one ("wins approval")
      after     a noun that tells the state when the sentence puts it behind us: "after the talks"
      opens     words that open the title of an official's own publication
    actor     the one who acts must be the item's; another's act is no more than a mention
    status    tense and form of the cue, then the words that govern it, then who says so
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from watcher.domain.clauses import Clause, Parser, Sentence
from watcher.domain.cues import Found, PatternIndex
from watcher.domain.matching import Match, Matcher, Place
from watcher.domain.model import Entry, Item, Lexicon, LifecycleWords, Reading, Rules, Span, Status
from watcher.domain.text import Word, sentences, words
from watcher.domain.values import day, rate

_STRENGTH = [
    Status.DONE, Status.ANNOUNCED, Status.CLAIMED, Status.DENIED, Status.URGED, Status.POSSIBLE, Status.MENTION,
]  # fmt: skip
_GOVERNORS = ("possible", "modal", "announced", "urged", "denied")
_STATUS_OF = {
    "possible": Status.POSSIBLE,
    "modal": Status.POSSIBLE,
    "announced": Status.ANNOUNCED,
    "urged": Status.URGED,
    "denied": Status.DENIED,
}
_BARE_REACH = 8  # words from a status verb to the subject it takes
_CJK = re.compile(r"[\u3400-\u9fff]")
_OUTLET_TAIL = re.compile(r"\s+[-|–—]\s+(?P<tail>[^-|–—]{2,40})$")


@dataclass(frozen=True, slots=True)
class _Told:
    """A candidate: what one cue tells of one item."""

    state: str | None
    status: Status
    place: Place
    why: tuple[str, ...]


class Reader:
    """Reads entries for a set of items; built once per revision of the rules."""

    def __init__(self, rules: Rules) -> None:
        self._matcher = Matcher(rules.items, rules.actors)
        self._languages = {
            code: _Language(lexicon, self._matcher.names) for code, lexicon in rules.lexicons.items()
        }
        self._kinds = {
            (lifecycle.id, state.id): state.value
            for lifecycle in rules.lifecycles.values()
            for state in lifecycle.states.values()
        }

    def read(self, entry: Entry, *, official: bool, speaks_for: str | None) -> tuple[Reading, ...]:
        """Return one reading per item the entry is about, the title's where it tells more than the summary.

        `official` says that the outlet is a deciding body's own; `speaks_for` is its actor.
        """
        best: dict[str, Reading] = {}
        title = strip_outlet(entry.title, entry.source)
        for name, text in (("title", title), ("summary", entry.summary)):
            for start, end in sentences(text):
                for told in self._read(text[start:end], name, start, official, speaks_for, entry.at):
                    known = best.get(told.item)
                    if known is None or (
                        _outweighs(told, known) and not (known.span.field == "title" and name == "summary" and
                                                         known.status is Status.DENIED)
                    ):
                        best[told.item] = told
        return tuple(best.values())

    def _value(self, item: Item, told: _Told, text: str, at: datetime) -> str | None:
        """The value the state told may carry, where the sentence writes it out."""
        kind = self._kinds.get((item.lifecycle, told.state or "")) or ""
        return day(text, at) if "date" in kind else rate(text) if "rate" in kind else None

    def _read(
        self, text: str, name: str, offset: int, official: bool, speaks_for: str | None, at: datetime
    ) -> list[Reading]:
        text_words = words(text)
        matches = self._matcher.match(text_words)
        if not matches:
            return []
        language = self._languages.get("zh" if _CJK.search(text) else "en")
        sentence = language.parse(text_words, text, name == "title") if language else Sentence(text_words)
        out: list[Reading] = []
        for match in matches:
            shared = any(m.item.lifecycle != match.item.lifecycle and set(m.subject) & set(match.subject) for m in matches)
            told = language.tell(sentence, match, official, speaks_for, offset == 0 and name == "title", shared) if language else None
            if told is None:
                continue
            first, last = told.place
            span = Span(name, offset + text_words[first].start, offset + text_words[last - 1].end)
            out.append(
                Reading(
                    item=match.item.id,
                    state=told.state,
                    status=told.status,
                    cue=text[span.start - offset : span.end - offset],
                    span=span,
                    quote=text,
                    value=self._value(match.item, told, text, at),
                    why=told.why,
                )
            )
        return out


def strip_outlet(title: str, source: str) -> str:
    """Cut the outlet's name off the end of an aggregator's title; offsets in what is left stay true."""
    for _ in range(2):
        m = _OUTLET_TAIL.search(title)
        if m is None:
            break
        tail = m["tail"].strip().lower()
        known = source.lower()
        if tail == known or (known and (tail in known or known in tail)) or "|" in m.group() or len(tail.split()) <= 2 and m["tail"].strip().istitle() and " - " in m.group():
            title = title[: m.start()]
        else:
            break
    return title


def _outweighs(new: Reading, old: Reading) -> bool:
    return _STRENGTH.index(new.status) < _STRENGTH.index(old.status)


class _Language:
    """The cues and words of one language, compiled."""

    def __init__(self, lexicon: Lexicon, names: Mapping[str, tuple[str, ...]]) -> None:
        self._lexicon = lexicon
        self._parser = Parser(lexicon, names)
        self._cues: dict[str, PatternIndex] = {}
        everything = PatternIndex(lexicon.irregular)
        for lifecycle, told in lexicon.lifecycles.items():
            index = self._cues[lifecycle] = PatternIndex(lexicon.irregular)
            for state, kinds in told.cues.items():
                for kind, phrases in kinds.items():
                    for text in phrases:
                        verb = kind in ("does", "happens", "flow")
                        index.add(text, (kind, state), verb=verb)
                        if verb:
                            everything.add(text, (kind, state), verb=True)
        self._parser.learn(everything)

    def parse(self, text_words: Sequence, text: str, title: bool) -> Sentence:  # type: ignore[type-arg]
        return self._parser.parse(text_words, title=title, ends=text[text_words[-1].end :])

    def tell(
        self, s: Sentence, match: Match, official: bool, speaks_for: str | None, leads: bool, shared: bool
    ) -> _Told | None:
        """What the sentence tells of the item; None when the subject turns out to be somebody else's."""
        item = match.item
        told = self._lexicon.lifecycles.get(item.lifecycle)
        subject = [p for p in match.subject if self._is_the_items(s, p, item)]
        if not subject:
            return None
        mention = _Told(None, Status.MENTION, subject[0], ("the subject is named",))
        if told is None:
            return mention
        judge = _Judge(s, item, subject, told, speaks_for, self._parser)
        found = _widest(self._cues[item.lifecycle].find(s.words, 0, len(s.words)))
        verbs = {c.first for c in found if c.tags and judge.is_verb(c)}
        found = [c for c in found if c.tags or c.first not in verbs]
        candidates = [t for cue in found if (t := judge.tell(cue, official and leads)) is not None]
        candidates += judge.bare(found)
        if not candidates and (judge.others or (told.needs_cue and not found and shared)):
            return None
        return min(candidates, key=lambda t: _STRENGTH.index(t.status), default=mention)

    def _is_the_items(self, s: Sentence, subject: Place, item: Item) -> bool:
        """Whether a measure named in the text can be the item's: not owned by another, not aimed at another."""
        if not item.decided_by or not item.against:
            return True
        first, last = subject
        owner = next((n for n in s.names if n.place[1] == first and (s.words[n.place[1] - 1].possessive or _adjectival(s, n.place))), None)
        if owner is not None and not set(owner.who) & set(item.decided_by):
            return False
        target = next(
            (n for n in s.names if n.place[0] in (last + 1, last + 2) and s.words[last].low in ("on", "against")), None
        )
        return target is None or bool(set(target.who) & set(item.against)) 


def _adjectival(s: Sentence, place: Place) -> bool:
    low = s.words[place[1] - 1].low
    return low.endswith(("ese", "ian", "ean", "ish", "can", "rman", "ench", "utch", "aeli", "aqi", "ani"))


def _widest(found: list[Found]) -> list[Found]:
    """Of cues that begin at the same word keep the longest; drop those that lie inside another's own words."""
    out: list[Found] = []
    for f in found:
        same = next((o for o in out if o.first == f.first), None)
        if same is not None and (same.last - same.first > f.last - f.first) and same.pattern.label[0] == f.pattern.label[0]:
            continue
        out.append(f)
    return out


class _Judge:
    """Judges the cues of one sentence for one item."""

    def __init__(
        self, s: Sentence, item: Item, subject: Sequence[Place], told: LifecycleWords, speaks_for: str | None,
        parser: Parser,
    ) -> None:
        self.s, self.item, self.subject, self.told = s, item, subject, told
        self.speaks_for = speaks_for
        self.parser = parser
        self.deciders = frozenset((*item.decided_by, *item.with_))
        self.named = set(item.with_) <= {w for n in s.names for w in (*n.who, *n.within)}  # the parties are part of the subject
        self.others = False  # somebody else was found to do to the subject what the item waits for

    # --- one cue ------------------------------------------------------------------------------

    def tell(self, cue: Found, official_title: bool) -> _Told | None:
        """Judge one cue; None when it is not told of the subject."""
        kind, state = cue.pattern.label
        clause = self.s.clause_at(cue.first)
        if kind == "opens":
            if cue.first == 0:
                status = Status.DONE if official_title else Status.MENTION
                return _Told(state if official_title else None, status, (cue.first, cue.last), ("opens an official title",))
            return None
        if cue.pattern.head == "have" and cue.gap and any(set(self.parser.verb_tags(self.s.words[k].low)) & set("N") for k in range(*cue.gap)):
            return None  # the auxiliary
        size = cue.last - cue.first
        if any(m.first <= cue.first and cue.last <= m.last and m.last - m.first > size and m.pattern.label[0] in _GOVERNORS for m in self.s.marks):
            return None
        nxt = cue.last
        if nxt < len(self.s.words) and (
            (self.s.words[nxt - 1].low in ("to", "on") and nxt - cue.first > 1 and "B" in self.parser.verb_tags(self.s.words[nxt].low) and not self._own(nxt))
            or (self.s.words[nxt].low == "to" and nxt - cue.first == 1 and self.s.is_("denied", cue.first))
        ):
            return None  # "agrees to lift", "fails to pass": the verb that follows is the cue
        form = self._form(cue, clause, kind)
        if form is None or not self._concerns(cue, clause, kind, form):
            return None
        if (kind == "flow") != self._flows(cue, clause, form) and (kind == "flow" or self.told.flows and kind == "does"):
            return None
        if self.told.needs_parties and self.named and not self._parties(clause):
            return None
        why = [f"cue “{cue.pattern.text}” ({state}), {form}"]
        if self._foreign(cue, clause, form, why):
            self.others = True
            return None
        status = self._status(cue, clause, kind, form, why)
        if status is None:
            return None
        if form == "past" or (form == "gerund" and clause.kind == "after"):
            state = self.told.past.get(state, state)
        status = self._voiced(cue, status, form, why)
        if status is not Status.DONE and (status is not Status.CLAIMED or self.told.claimed_stages):
            state = self.told.stages.get(state, state)
        if status is Status.MENTION:
            return _Told(None, status, (cue.first, cue.last), tuple(why))
        return _Told(state, status, (cue.first, cue.last), tuple(why))

    def is_verb(self, cue: Found) -> bool:
        """Whether the word is used as a verb here, whatever it is told of."""
        return self._form(cue, self.s.clause_at(cue.first), cue.pattern.label[0]) is not None

    def _form(self, cue: Found, clause: Clause, kind: str) -> str | None:
        """infinitive, base, finite, past, passive, gerund, noun or after; None where the word is no such form."""
        s, at = self.s, cue.first
        if clause.kind == "background" and kind in ("does", "flow", "happens") and not set(cue.tags) & set("GN"):
            return None  # "ahead of", "amid": nouns follow
        if kind == "after":
            lead = s.words[clause.start : at]
            return "after" if clause.kind == "after" and not any(self.parser.verb_tags(w.low) for w in lead[1:] if not w.capital) else None
        if kind == "noun":
            return "noun"
        tags = set(cue.tags)
        if not tags:
            inside = any(p[0] <= at and cue.last <= p[1] for p in self.subject)
            return None if inside and not any(n.place[1] == at for n in s.names) else "plain"
        before = at - 1
        while before >= clause.start and s.is_("adverb", before):
            before -= 1
        prev = s.words[before] if before >= clause.start else None
        if prev is not None and prev.low == "to":
            return "infinitive" if "B" in tags else None
        if prev is not None and s.is_("be", before):
            if "G" in tags:
                return "progressive"
            if tags & set("DN"):
                return "passive"
        if prev is not None and s.is_("have", before) and tags & set("DN") :
            return "past"
        if "G" in tags:
            leads = prev is None or s.is_("preposition", before) or s.is_("be", before) or any(
                m.first <= before < m.last for m in s.marks
            )
            if self._own_noun(cue, -1) and not leads:
                return None
            return "gerund" if (leads or self._has_object(cue, clause)) and not self._attributive(prev) else None
        nounish = prev is not None and (s.is_("determiner", before) or prev.possessive or prev.low in ("of", "for", "by", "on", "in", "with"))
        if tags & set("BS") and not tags & set("DN"):
            if nounish:
                return None
            if "S" in tags and (self._plural_noun(cue, clause, prev) or self._own_noun(cue, before)):
                return None
            if "B" in tags:
                return self._base(cue, before, clause, prev)
            return "finite"
        if tags & set("DN"):
            if "B" in tags and not nounish and (self._has_object(cue, clause) or kind == "happens"):
                # cut, hit, put: the same word in all forms
                form = self._base(cue, before, clause, prev)
                if form:
                    return form
            if nounish or (prev is not None and self._has_object(cue, clause) and set(self.parser.verb_tags(prev.low)) and not prev.low.endswith("s") and not s.is_("be", before)):
                return None
            return "past" if self._has_object(cue, clause) else "passive"
        return None

    def _own_noun(self, cue: Found, before: int) -> bool:
        """Whether the head is one of the item's own nouns ("rare earth curbs") and not a verb behind a name."""
        if not any(p[0] <= cue.first < p[1] for p in self.subject):
            return False
        return not any(n.place[1] == before + 1 and not self.s.words[before].possessive for n in self.s.names)

    @staticmethod
    def _attributive(prev: Word | None) -> bool:
        """Whether the word before makes what follows a noun: "Trump's meeting"."""
        return prev is not None and prev.possessive

    def _plural_noun(self, cue: Found, clause: Clause, prev) -> bool:  # type: ignore[no-untyped-def]
        """Whether "cuts", "bans" is a noun here: nothing follows that a verb could take."""
        s = self.s
        nxt = cue.last
        if cue.last - cue.first > 1:
            return False
        if nxt >= clause.end or (s.words[nxt].before.strip(" '\"‘’“”")):
            return prev is not None and not cue.pattern.label[0] == "happens"
        if cue.last - cue.first == 1 and any(s.is_(kind, nxt) for kind in ("modal", "be", "have")):
            return True
        if s.words[nxt].low in ("of", "on", "in", "for", "from", "to", "by", "and", "or") and cue.last - cue.first == 1:
            return not (prev is not None and prev.capital and self._named(clause.start, cue.first)) or s.words[nxt].low in ("of", "for")
        return False

    def _named(self, start: int, end: int) -> bool:
        return any(start <= n.place[0] < end for n in self.s.names)

    def _base(self, cue: Found, before: int, clause: Clause, prev: Word | None) -> str | None:
        """A base form: governed by a modal, the verb of a plural subject, or no verb at all."""
        s = self.s
        if prev is None or prev.low == "and" and clause.start == before:
            return "finite" if clause.linked else None
        if any(m.first <= before < m.last for m in s.marks if m.pattern.label[0] in ("modal", "announced", "denied", "urged")):
            return "base"
        if prev.low in ("will", "would", "and", "or") or prev.low.endswith("n't"):
            return "base" if prev.low != "and" else "finite"
        lead = s.words[clause.start : before + 1]
        plural = prev.stem != prev.low or any(w.low in ("and", "&") or "," in w.before or "&" in w.before for w in lead[1:])
        modal = any(m.pattern.label[0] == "modal" or m.pattern.text == "will" for m in s.marks if clause.start <= m.first <= before)
        if modal:
            return "base"
        if self._own_noun(cue, before) or self._verb_behind_name(before):
            return None
        if any(m.pattern.label[0] == "urged" and m.tags and clause.start <= m.first < before for m in s.marks):
            return "base"  # "demands Canada scrap …"
        named = any(n.place[1] == before + 1 for n in s.names) and not prev.possessive and self._has_object(cue, clause)
        return "finite" if plural or named else None

    def _verb_behind_name(self, at: int) -> bool:
        """Whether word `at` is a verb in -s right behind a name: what follows is its object then."""
        return "S" in self.parser.verb_tags(self.s.words[at].low) and any(n.place[1] == at for n in self.s.names)

    def _has_object(self, cue: Found, clause: Clause) -> bool:
        """Whether a noun follows that the verb takes: a past tense then, a passive otherwise."""
        nxt = cue.last
        if cue.gap is not None and cue.gap[1] > cue.gap[0]:
            return any(not self.s.is_("preposition", k) and not self.s.is_("adverb", k) for k in range(*cue.gap))
        if nxt >= clause.end:
            return False
        amount = self.s.words[nxt].raw[0] in "$€£¥" or self.s.words[nxt].raw[0].isdigit()
        if amount and (nxt + 1 >= clause.end or any(self.s.is_("preposition", k) for k in (nxt + 1, nxt + 2))):
            return False  # "fined $90m in …"
        return not self.s.is_("preposition", nxt) and not self.s.is_("adverb", nxt)

    def _concerns(self, cue: Found, clause: Clause, kind: str, form: str) -> bool:
        """Whether the cue is told of the item's subject: in its clause, on the side its form asks for."""
        inside = [p for p in self.subject if clause.start <= p[0] < clause.end]
        if kind == "after":
            return any(p[0] < cue.last and cue.first < p[1] + 3 for p in inside)
        if not inside and clause.linked and self._pronoun_object(cue):
            return True
        overlap = [p for p in inside if p[0] < cue.last and cue.first < p[1]]
        right = [p for p in inside if p[0] >= cue.first + 1]
        left = [p for p in inside if p[1] <= cue.first]
        if kind == "noun":
            return bool(inside)
        if kind == "happens":
            if cue.last - cue.first > 1 and cue.gap is not None:
                return bool(inside)
            return bool(left) and form not in ("gerund",)
        if form == "passive":
            return bool(left) or bool(overlap)
        return bool(overlap) or any(p[0] < self._object_end(cue, clause) for p in right)

    def _pronoun_object(self, cue: Found) -> bool:
        """Whether the cue takes "it" or "them": the subject of the clause before."""
        span = range(*cue.gap) if cue.gap else range(cue.last, min(cue.last + 1, len(self.s.words)))
        return any(self.s.words[k].low in ("it", "them") for k in span)

    def _object_end(self, cue: Found, clause: Clause) -> int:
        """Where the object of an active verb ends: at the first preposition but "of" and "to", unless only names
        stand before it ("hits Trump on tariffs")."""
        s = self.s
        for at in range(cue.last, clause.end):
            tags = self.parser.verb_tags(s.words[at].low)
            if tags == "G" and not self._own(at) and (at > cue.last or cue.last - cue.first == 1):
                return at
            if s.words[at].low == "to" and at > cue.last and at + 1 < clause.end and "B" in self.parser.verb_tags(s.words[at + 1].low):
                return at
            if "-" in s.words[at].before:
                continue
            if s.is_("preposition", at) and s.words[at].low not in ("of", "to", "as", "and", "or", "per", "off", "up", "out", "down"):
                named = sum(n.place[1] - n.place[0] for n in s.names if cue.last <= n.place[0] < at)
                if at > cue.last and named < at - cue.last:
                    return at
        return clause.end

    def _own(self, at: int) -> bool:
        return any(p[0] <= at < p[1] for p in self.subject)

    def _flows(self, cue: Found, clause: Clause, form: str) -> bool:
        """Whether the cue takes what a measure holds up ("exports") and not the measure ("export curbs")."""
        flows, measures = self.told.flows, self.told.measures
        if not flows:
            return False
        if form == "passive":
            span = range(clause.start, cue.first)
        else:
            start = cue.first + 1 if cue.gap else cue.last
            span = range(start, self._first_noun_phrase(start, min(clause.end, self._object_end(cue, clause))))
        heads = [h for k in span if (h := self.s.words[k].stem) in flows or h in measures]
        return bool(heads) and heads[-1] in flows

    def _first_noun_phrase(self, start: int, end: int) -> int:
        return next((k for k in range(start + 1, end) if "," in self.s.words[k].before), end)

    def _parties(self, clause: Clause) -> bool:
        """Whether all who must take part are named in this clause or the one it leans on."""
        s = self.s
        start = clause.start
        at = s.clauses.index(clause)
        while at and (s.clauses[at].linked or s.clauses[at].kind == "after" or s.marked("pronoun", start, s.clauses[at].end)):
            at -= 1
            start = s.clauses[at].start
        if at and not self._named(start, clause.end):
            start = s.clauses[at - 1].start
        named = {w for n in s.names if start <= n.place[0] < clause.end for w in (*n.who, *n.within)}
        return set(self.item.with_) <= named

    # --- who acts -----------------------------------------------------------------------------

    def _foreign(self, cue: Found, clause: Clause, form: str, why: list[str]) -> bool:
        """Whether somebody is named as the one who acts, and it is not who decides."""
        if not self.item.decided_by:
            return False
        agents = self._agents(cue, clause, form)
        if self.item.against and form in ("finite", "past", "infinitive", "base", "gerund"):
            end = self._object_end(cue, clause)
            aimed = {w for n in self.s.names if cue.last <= n.place[0] < end for w in (*n.who, *n.within)} - self.deciders
            if aimed and not aimed & set(self.item.against):
                why.append(f"aimed at {', '.join(sorted(aimed))}")
                return True
        if not agents:
            return False
        if agents & self.deciders:
            others = agents - self.deciders - {w for w in agents if not w.startswith("place:")}
            parties = set(self.item.with_ or (self.item.decided_by if self.told.needs_parties else ()))
            return bool(parties and others and not parties <= agents)
        why.append(f"acted by {', '.join(sorted(agents))}, not by {', '.join(self.item.decided_by)}")
        return True

    def _agents(self, cue: Found, clause: Clause, form: str) -> frozenset[str]:
        s = self.s
        receives = bool(s.marked("receive", cue.first, cue.first + 1))
        if receives or form in ("passive", "noun"):
            by = [n for n in s.names if n.place[0] >= cue.first and n.place[0] < clause.end and self._follows_by(cue, n.place)]
            if by:
                return frozenset(by[0].who)
        if receives:
            own = [n for n in s.names if cue.first < n.place[0] < cue.last]
            return frozenset(own[0].who) if own else frozenset()
        if form in ("passive", "noun") or cue.pattern.label[0] == "happens":
            owner = [n for n in s.names if clause.start <= n.place[0] < cue.first and s.words[n.place[1] - 1].possessive]
            return frozenset(w for n in owner for w in n.who) if form == "noun" else frozenset()
        start = clause.start
        for saying in s.sayings:
            if saying.start <= cue.first < saying.end and saying.start > start:
                start = saying.start
        for m in s.marked("urged", start, cue.first):
            start = max(start, m.last)
        agents = self._subjects(start, cue.first)
        back = clause
        while not agents and back.linked and back is not s.clauses[0]:
            back = s.clauses[s.clauses.index(back) - 1]
            agents = self._subjects(back.start, back.end)
        return agents

    def _subjects(self, start: int, end: int) -> frozenset[str]:
        """Those named as subject before a verb: not behind a preposition."""
        s = self.s
        out: list[str] = []
        for n in s.names:
            if not start <= n.place[0] < end:
                continue
            before = n.place[0] - 1
            if before >= start and s.words[before].low in ("on", "with", "to", "from", "against", "of", "for", "in", "over", "at", "into", "by"):
                continue
            if s.words[n.place[1] - 1].possessive and not self._through(n.place[1]):
                continue
            out.extend(n.who)
        return frozenset(out)

    def _through(self, at: int) -> bool:
        """Whether a possessor acts through what follows: a body of theirs, or a name in apposition."""
        return bool(self.s.marked("body", at, at + 4)) or any(n.place[0] == at for n in self.s.names)

    def _follows_by(self, cue: Found, place: Place) -> bool:
        s = self.s
        at = place[0] - 1
        while at >= cue.first and (s.is_("determiner", at) or (s.words[at].capital and not s.is_("preposition", at))):
            at -= 1
        if at < cue.first:
            return False
        return s.words[at].low == "by" or (s.words[at].low == "from" and not cue.tags or s.words[at].low == "from" and bool(s.marked("receive", cue.first, cue.first + 1)))

    # --- how it is told -----------------------------------------------------------------------

    def _status(self, cue: Found, clause: Clause, kind: str, form: str, why: list[str]) -> Status | None:
        s = self.s
        if form == "after":
            why.append("told as behind us")
            status: Status | None = Status.DONE
        else:
            status = self._by_form(cue, clause, form, self._governors(cue, clause), why)
        if status is None:
            return None
        if clause.kind in ("condition",) or self._conditional(clause):
            why.append(f"inside a condition (“{s.words[clause.start].raw}”)")
            status = Status.POSSIBLE if status in (Status.DONE, Status.ANNOUNCED) else status
        if clause.kind in ("background", "after") and form == "noun":
            why.append("told as background")
            return Status.MENTION
        if s.question:
            why.append("asked, not told")
            status = Status.POSSIBLE if status in (Status.DONE, Status.ANNOUNCED, Status.CLAIMED) else status
        elif s.explainer and status in (Status.DONE, Status.ANNOUNCED):
            why.append("an explainer or digest, not a report")
            status = Status.MENTION
        return status

    def _conditional(self, clause: Clause) -> bool:
        """A clause joined by comma or "and" to a condition shares it."""
        s = self.s
        at = s.clauses.index(clause)
        while s.clauses[at].linked and at:
            at -= 1
            if s.clauses[at].kind == "condition" and s.words[s.clauses[at + 1].start].low == "and":
                return True
        return False

    def _governors(self, cue: Found, clause: Clause) -> list[Found]:
        s = self.s
        return [
            m for m in s.marks
            if clause.start <= m.first < cue.first and m.last <= cue.first + 1
            and m.pattern.label[0] in _GOVERNORS and not self._describes(m, clause)
        ]

    def _describes(self, m: Found, clause: Clause) -> bool:
        """Whether a status word only describes a noun: "long-sought", "as promised", "plans for"."""
        s = self.s
        word = s.words[m.first]
        if m.pattern.text != s.words[m.first].low and "-" in word.before and word.glued:
            return True
        if m.last < len(s.words) and s.words[m.last].low in ("for", "of") and m.last - m.first == 1:
            before = m.first - 1
            return before < clause.start or s.is_("say", before) or s.is_("determiner", before) or s.words[before].possessive
        if set(m.tags) & set("DN") and not set(m.tags) & set("BS"):
            before = m.first - 1
            lone = before < clause.start or s.is_("determiner", before) or before == clause.start and clause.kind != "main"
            return lone and not (m.last < len(s.words) and s.words[m.last].low in ("to", "that"))
        return False

    def _class(self, m: Found) -> Status:
        for name, phrases in self.told.words.items():
            if m.pattern.text in phrases:
                return _STATUS_OF[name]
        return _STATUS_OF[m.pattern.label[0]]

    def _by_form(self, cue: Found, clause: Clause, form: str, marks: list[Found], why: list[str]) -> Status | None:
        s = self.s
        governing = [m for m in marks if m.pattern.label[0] in _GOVERNORS]
        if form in ("finite", "past"):
            near = [
                m for m in governing
                if (cue.first - m.last <= 2 and m.pattern.label[0] in ("denied", "modal") and (s.is_("auxiliary", m.first) or not m.tags))
                or self._complement(m, cue)
            ]
            if near:
                why.append(f"governed by “{near[0].pattern.text}”")
                return self._class(near[0])
            return self._coordinated(cue, clause, why) or Status.DONE
        if form == "noun":
            return self._nominal(cue, clause, governing, why)
        if governing:
            m = governing[0]
            status = self._class(m)
            if any(self._class(g) is Status.DENIED for g in governing) and status is Status.ANNOUNCED:
                status = Status.DENIED
            why.append(f"governed by “{m.pattern.text}”")
            return status
        if form == "infinitive":
            why.append("an infinitive: still to come")
            return Status.ANNOUNCED
        if form == "base":
            return Status.ANNOUNCED
        if form == "gerund":
            prev = s.words[cue.first - 1].low if cue.first > clause.start else ""
            if clause.kind == "background" or prev in ("without", "before", "against", "for", "of", "about"):
                why.append("a gerund that asserts nothing")
                return Status.MENTION
            return Status.DONE
        return Status.DONE

    def _complement(self, m: Found, cue: Found) -> bool:
        """Whether the cue is the verb of a clause the status verb takes: "denies it rejected", "expects China lifts"."""
        if not set(m.tags) & set("SDB") or self.s.is_("auxiliary", m.first) or m.pattern.label[0] == "announced":
            return False
        return self._named(m.last, cue.first) or bool(self.s.marked("pronoun", m.last, cue.first))

    def _coordinated(self, cue: Found, clause: Clause, why: list[str]) -> Status | None:
        """A second verb without a subject of its own shares what governs the first: "will cut X and lift Y"."""
        s = self.s
        if not clause.linked or "B" not in cue.tags or self._named(clause.start, cue.first):
            return None
        back = s.clauses[s.clauses.index(clause) - 1]
        marks = [m for m in s.marks if back.start <= m.first < back.end and m.pattern.label[0] in _GOVERNORS and not self._describes(m, back)]
        if marks:
            why.append(f"shares “{marks[0].pattern.text}” with the verb before")
            return self._class(marks[0])
        if any(w.low == "to" for w in s.words[back.start : back.end]):
            why.append("shares the infinitive before")
            return Status.ANNOUNCED
        return None

    def _nominal(self, cue: Found, clause: Clause, governing: list[Found], why: list[str]) -> Status | None:
        s = self.s
        light = [m for m in s.marked("light", clause.start, cue.first) if m.tags]
        if governing:
            m = governing[-1]
            why.append(f"governed by “{m.pattern.text}”")
            return self._class(m)
        if light and cue.first - light[-1].last <= 3:
            why.append(f"made an act by “{light[-1].pattern.text}”")
            return Status.DONE
        return Status.MENTION

    def _voiced(self, cue: Found, status: Status, form: str, why: list[str]) -> Status:
        """Take who says it into account: the one who decides says what is so, anybody else claims it."""
        s = self.s
        for saying in s.sayings:
            if not saying.start <= cue.first < saying.end or status not in (Status.DONE, Status.ANNOUNCED):
                continue
            head = s.clause_at(max(saying.start - 1, 0))
            if saying.start and any(m.pattern.label[0] in ("modal", "possible", "urged") and head.start <= m.first < saying.start - 1 for m in s.marks):
                why.append("it may be said, not is")
                return Status.POSSIBLE
            own = saying.who & self.deciders if self.deciders else saying.who
            agents = self._agents(cue, s.clause_at(cue.first), form) if self.deciders and cue.tags else frozenset()
            if own and agents & self.deciders and not own & agents:
                own = frozenset()  # one side speaks of what the other did
            if saying.hearsay or saying.hedged or not (own or saying.official):
                why.append(f"said by {', '.join(sorted(saying.who)) or 'unnamed sources'}")
                return Status.CLAIMED
        if status in (Status.DONE, Status.ANNOUNCED) and s.marked("hearsay", 0, len(s.words)):
            why.append("told as hearsay")
            return Status.CLAIMED
        return status

    # --- a status word that takes the subject itself -------------------------------------------

    def bare(self, cues: list[Found]) -> list[_Told]:
        """Read "threatens tariffs", "announces a deal": a status verb with the subject as its object."""
        s, out = self.s, []
        if not self.told.bare:
            return out
        for m in s.marks:
            if m.pattern.label[0] not in ("announced", "urged", "possible", "denied") or not set(m.tags) & set("SDBG"):
                continue
            clause = s.clause_at(m.first)
            if self._describes(m, clause) or s.is_("auxiliary", m.first):
                continue
            reach = min(m.last + _BARE_REACH + 1, self._object_end(m, clause))
            near = [p for p in self.subject if m.last <= p[0] < reach and p[1] <= clause.end]
            if not near:
                continue
            if self.told.measures:
                near = [p for p in near if any(s.words[k].stem in self.told.measures for k in range(*p))]
            if not near:
                continue
            place = next((p for p in near if self._heads(p, clause)), near[-1])
            if self.told.needs_parties and self.named and not self._parties(clause):
                continue
            between = range(m.last, place[0])
            if any(s.words[k].low == "to" or (set(self.parser.verb_tags(s.words[k].low)) & set("SDG") and not s.words[k].low.endswith("ed") ) for k in between):
                continue
            if not self._heads(place, clause):
                continue
            why = [f"“{m.pattern.text}” takes the subject itself"]
            if self._foreign(m, clause, "finite", why):
                self.others = True
                continue
            status = self.told.bare_status.get(m.pattern.text, self._class(m))
            if m.pattern.text in ("expect", "plan", "order") and "B" in m.tags and "S" not in m.tags and m.first == clause.start:
                continue
            earlier = [g for g in self._governors(m, clause) if g.pattern.label[0] in _GOVERNORS]
            if earlier and status in (Status.DONE, Status.ANNOUNCED):
                status = self._class(earlier[0])
            if clause.kind == "condition" or s.question:
                status = Status.POSSIBLE
            elif s.explainer and status in (Status.DONE, Status.ANNOUNCED):
                status = Status.MENTION
            status = self._voiced(m, status, "finite", why)
            state: str | None = self.told.bare
            if status is Status.MENTION:
                state = None
            out.append(_Told(state, status, (m.first, m.last), tuple(why)))
        return out

    def _heads(self, place: Place, clause: Clause) -> bool:
        """Whether the subject's last word heads its noun phrase: "tariffs on …", not "tariff threat"."""
        nxt = place[1]
        if nxt >= clause.end:
            return True
        word = self.s.words[nxt]
        return bool(word.before.strip()) or self.s.is_("preposition", nxt) or self.s.is_("adverb", nxt) or any(p[0] == nxt for p in self.subject)
