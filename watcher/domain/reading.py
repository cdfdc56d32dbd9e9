"""Read what an entry says of each item it is about: a state, and how it is told, with the words that decided.

    cue       words that tell a state of the item's lifecycle, in the item's own clause
      does      an act done to the subject: "lifts the curbs", "curbs are lifted", "lifting the curbs"
      flow      the same, done to what a measure holds up: "halts exports"
      happens   what the subject does: "the truce expires"
      noun      the act as a noun: an act only with a verb that makes it one ("wins approval")
      after     a noun that tells the state when the sentence puts it behind us: "after the talks"
      opens     words that open the title of an official's own publication

No weighing of sources and no change of state in here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from watcher.domain.clauses import Parser
from watcher.domain.cues import Found, PatternIndex
from watcher.domain.frame import Frame
from watcher.domain.languages import language
from watcher.domain.matching import Match, Matcher, Place
from watcher.domain.model import Entry, Item, Lexicon, Lifecycle, Reading, Rules, Span, Status
from watcher.domain.notices import Notice, Notices
from watcher.domain.roles import may_be_the_items
from watcher.domain.sentences import PLACE, Sentence
from watcher.domain.telling import STRENGTH, Told, is_no_cue, tell
from watcher.domain.text import Word, sentences, words
from watcher.domain.values import day, later_days, rate

_SEVERAL = 2
_LONGEST_SECTION = 4  # words of a section's or an outlet's name behind a bar
_NOT_ACTING = ("of", "in", "to", "from", "for", "with")  # a chamber behind one of these does not act
CHAMBERS = {"lower_house": "lower house", "upper_house": "upper house"}  # class of words -> value
_LEAD = 3  # sentences that open a text: what comes later is background, unless they name it
_DEEP = ("told deep in a text that is about something else",)
_STOP = re.compile(r"[.!?…。！？]\W*\s")  # without one a title is one sentence
_TAIL = re.compile(r"\s+(?P<dash>[-|–—])\s+(?P<tail>[^-|–—]{2,40})$")


class Reader:
    """Reads entries for a set of items; built once per revision of the rules."""

    def __init__(self, rules: Rules) -> None:
        self._matcher = Matcher(rules.items, rules.actors)
        names = self._matcher.names
        self._languages = {
            code: _Language(lexicon, names, rules.lifecycles) for code, lexicon in rules.lexicons.items()
        }
        self._function_words = rules.languages
        self._notices = Notices(rules.lexicons.values())
        self._kinds = {
            (lifecycle.id, state.id): state.value or ""
            for lifecycle in rules.lifecycles.values()
            for state in lifecycle.states.values()
        }

    def read(self, entry: Entry, *, official: bool) -> tuple[Reading, ...]:
        """Return one reading per item the entry is about: the strongest, the title's before the summary's.

        What a long text tells of an item that neither its title nor its lead names is background, and a summary never
        outvotes its own title's denial. `official` says that the outlet is a deciding body's own.
        """
        best: dict[str, Reading] = {}
        for name, text in (("title", strip_outlet(entry.title, entry.source)), ("summary", entry.summary)):
            for nth, start, end in self._spans(text):
                opens = official and name == "title" and start == 0
                for reading in self._sentence(text[start:end], Span(name, start, end), entry.at, opens, entry.language):
                    known = best.get(reading.item)
                    if known is None and nth >= _LEAD and reading.state is not None:
                        reading = replace(reading, state=None, status=Status.MENTION, value=None, why=_DEEP)
                    if known is None or _outweighs(reading, known):
                        best[reading.item] = reading
            if name == "title":
                self._across(text, entry, best)
        notice = self._notices.of(entry.title) if best else None
        return tuple(_noticed(reading, notice) if notice else reading for reading in best.values())

    def _across(self, title: str, entry: Entry, best: dict[str, Reading]) -> None:
        """Add what a title of several sentences tells of an item that no one of them names whole."""
        if not has_several(title) or not self._matcher.suspects(title):
            return
        for reading in self._sentence(title, Span("title", 0, len(title)), entry.at, False, entry.language):
            best.setdefault(reading.item, reading)

    def _spans(self, text: str) -> Iterator[tuple[int, int, int]]:
        """The sentences that may be about an item, each with its number in the text, found without taking any apart:
        few texts have one."""
        suspects = self._matcher.suspects(text)
        if not suspects:
            return
        spans = sentences(text)
        for nth, (start, end) in enumerate(spans):
            if len(spans) == 1 or suspects.stand_in(text[start:end]):
                yield nth, start, end

    def _sentence(self, text: str, whole: Span, at: datetime, opens: bool, told_language: str) -> list[Reading]:
        text_words = words(text)
        matches = self._matcher.match(text_words)
        if not matches:
            return []
        code = self._code(text, text_words, told_language)
        tongue = self._languages.get(code)
        if tongue is None:
            return [_unread(m, text, whole, text_words, code) for m in matches]
        sentence = tongue.parser.parse(text_words, title=whole.field == "title", ends=text[text_words[-1].end :])
        sentence.ahead = partial(later_days, text, at)
        out: list[Reading] = []
        for match in matches:
            told = tongue.tell(sentence, match, matches, opens)
            if told is not None:
                first, last = text_words[told.place[0]].start, text_words[told.place[1] - 1].end
                span = Span(whole.field, whole.start + first, whole.start + last)
                value = self._value(match.item, told, text, first, at, tongue, sentence)
                cue = text[first:last]
                out.append(Reading(match.item.id, told.state, told.status, cue, span, text, value, told.why))
        return out

    def look(self, text: str, match: Match, *, title: bool, told_language: str) -> tuple[Frame, list[Found]] | None:
        """The sentence as `read` sees it from the item it matches, with its cues, for those who ask why; the frame
        has no subject where that is somebody else's. None where the lifecycle has no words in its language."""
        text_words = words(text)
        tongue = self._languages.get(self._code(text, text_words, told_language))
        if tongue is None:
            return None
        sentence = tongue.parser.parse(text_words, title=title, ends=text[text_words[-1].end :])
        return tongue.view(sentence, match, tongue.subject(sentence, match), every=True)

    def _code(self, text: str, text_words: Sequence[Word], told: str = "") -> str:
        return language(text, text_words, self._function_words, told)

    def _value(
        self, item: Item, told: Told, text: str, since: int, at: datetime, tongue: _Language, sentence: Sentence
    ) -> str | None:
        """The value the state may carry, where the sentence tells it."""
        kind = self._kinds.get((item.lifecycle, told.state or ""), "")
        if kind == "chamber":
            return tongue.chamber(sentence, told.place)
        return day(text, at, since) if "date" in kind else rate(text) if "rate" in kind else None


def has_several(title: str) -> bool:
    """Whether a title has several sentences: then it is read as one, too, for what no one of them names whole."""
    return _STOP.search(title) is not None and len(sentences(title)) >= _SEVERAL


def _unread(match: Match, text: str, whole: Span, text_words: Sequence[Word], code: str) -> Reading:
    """What a text in a language that is not read tells: that the item is named."""
    first, last = match.subject[0]
    span = Span(whole.field, whole.start + text_words[first].start, whole.start + text_words[last - 1].end)
    cue = text[span.start - whole.start : span.end - whole.start]
    why = (f"written in another language ({code}), which is not read",)
    return Reading(match.item.id, None, Status.MENTION, cue, span, text, None, why)


def _noticed(reading: Reading, notice: Notice) -> Reading:
    """A reading of a report that corrects an earlier one, or of one that is withdrawn and holds no longer."""
    if notice is Notice.CORRECTED:
        return replace(reading, takes_back=True, why=(*reading.why, "corrects an earlier report"))
    return replace(reading, takes_back=True, status=Status.DENIED, why=(*reading.why, "the report is withdrawn"))


def _outweighs(new: Reading, old: Reading) -> bool:
    if old.status is Status.DENIED and old.span.field != new.span.field:
        return False
    return STRENGTH.index(new.status) < STRENGTH.index(old.status)


def strip_outlet(title: str, source: str) -> str:
    """Cut the outlet's name off the end of an aggregator's title; offsets in what is left stay true."""
    for _ in range(2):
        m = _TAIL.search(title)
        if m is None:
            break
        tail, known = m["tail"].strip(), source.lower()
        named = bool(known) and (tail.lower() in known or known in tail.lower())
        named = named or tail == "".join(word[0] for word in source.split() if word[0].isupper() and word != "The")
        short = m["dash"] == "-" and len(tail.split()) <= 2 and tail.istitle()
        if not (named or short or (m["dash"] == "|" and len(tail.split()) <= _LONGEST_SECTION)):
            break
        title = title[: m.start()]
    return title


class _Language:
    """The cues and words of one language, compiled."""

    def __init__(
        self, lexicon: Lexicon, names: Mapping[str, tuple[str, ...]], lifecycles: Mapping[str, Lifecycle]
    ) -> None:
        self._stages = {
            lifecycle.id: {done: state.id for state in lifecycle.states.values() for done in state.announces}
            for lifecycle in lifecycles.values()
        }
        self._after = {
            lifecycle.id: {s: lifecycle.after(s) for s in lifecycle.states} for lifecycle in lifecycles.values()
        }
        self._lifecycles = lexicon.lifecycles
        self._cues: dict[str, PatternIndex] = {}
        verbs = PatternIndex(lexicon.irregular)
        for lifecycle, told in lexicon.lifecycles.items():
            index = self._cues[lifecycle] = PatternIndex(lexicon.irregular)
            for state, kinds in told.cues.items():
                for kind, phrases in kinds.items():
                    verb = kind in ("does", "happens", "flow", "turn")
                    for text in phrases:
                        index.add(text, (kind, state), verb=verb)
                        if verb:
                            verbs.add(text, (kind, state), verb=True)
        self.parser = Parser(lexicon, names, verbs)
        self._names = names
        self._homes: dict[str, tuple[frozenset[str], frozenset[str]]] = {}

    def tell(self, s: Sentence, match: Match, matches: list[Match], opens: bool) -> Told | None:
        """What the sentence tells of the item; None where it turns out to be about somebody else's."""
        item = match.item
        subject = self.subject(s, match)
        if not subject:
            return None
        mention = Told(None, Status.MENTION, subject[0], ("the subject is named, and no state told",))
        view = self.view(s, match, subject)
        if view is None:
            return mention
        frame, cues = view
        lifecycle = frame.told
        told = tell(frame, cues, official_title=opens)
        if told is not None:
            return told
        shared = any(m.item.lifecycle != item.lifecycle and set(m.subject) & set(match.subject) for m in matches)
        if lifecycle.needs_cue and shared and (frame.others or not cues):
            return None
        return None if frame.others else mention

    @staticmethod
    def chamber(s: Sentence, place: Place) -> str | None:
        """The chamber of a parliament that acts: the last one named before the cue, or the first behind it."""
        named = [m for m in s.marks if m.kind in CHAMBERS]
        before = [m for m in named if m.last <= place[0] and s.words[m.first - 1].low not in _NOT_ACTING]
        behind = [m for m in named if m.first >= place[0]]
        acts = before[-1:] or behind[:1]
        return CHAMBERS[acts[0].kind] if acts else None

    def subject(self, s: Sentence, match: Match) -> list[Place]:
        """Where the item's subject stands, without what is somebody else's."""
        lifecycle = self._lifecycles.get(match.item.lifecycle)
        measures = lifecycle.measures if lifecycle else ()
        return [p for p in match.subject if may_be_the_items(s, p, match.item, measures)]

    def view(
        self, s: Sentence, match: Match, subject: list[Place], *, every: bool = False
    ) -> tuple[Frame, list[Found]] | None:
        """The sentence seen from the item, and the cues of its lifecycle in it, with `every` also words that only look
        like one; None without words for that."""
        item = match.item
        lifecycle = self._lifecycles.get(item.lifecycle)
        if lifecycle is None:
            return None
        if subject and all(any(n.place[0] <= first < n.place[1] for n in s.names) for first, _ in subject):
            subject = [*subject, *((k, k + 1) for k, w in enumerate(s.words) if w.stem in lifecycle.events)]
        stages, after = self._stages.get(item.lifecycle, {}), self._after.get(item.lifecycle, {})
        homes, home = self._homes_of(item)
        frame = Frame(s, item, subject, lifecycle, stages, match.groups, after, match.names, homes, home)
        index = self._cues[item.lifecycle]
        found = [cue for c in s.clauses for cue in index.find(s.words, c.start, c.end)]
        cues = _longest(_without_lookalikes(frame, found))
        return frame, [*cues, *(cue for cue in _longest(found) if cue not in cues)] if every else cues

    def _homes_of(self, item: Item) -> tuple[frozenset[str], frozenset[str]]:
        """The countries named by an item's title and by the names of those who decide ("US Supreme Court"), and of
        these that of the deciders: told by their names, or the only one of the title."""
        if item.id not in self._homes:
            title = self.parser.places(words(item.title))
            deciding = [words(name) for name, who in self._names.items() if {*who} & {*item.decided_by}]
            known = {who for name in deciding for who in self.parser.places(name)}
            theirs = {who for who in known if who in item.decided_by or who.startswith(PLACE)}
            home = theirs or (title if len(title) == 1 else set())
            self._homes[item.id] = frozenset(title | known), frozenset(home)
        return self._homes[item.id]


def _without_lookalikes(frame: Frame, found: list[Found]) -> list[Found]:
    """The cues without longer ones that only look like one and would hide a shorter one of their kind."""
    starts = Counter((f.first, f.kind) for f in found)
    return [f for f in found if starts[f.first, f.kind] == 1 or not is_no_cue(frame, f)]


def _longest(found: list[Found]) -> list[Found]:
    """Of cues of one kind that begin at the same word keep the longest."""
    out: list[Found] = []
    for f in found:
        if not any(o.first == f.first and o.kind == f.kind and o.last > f.last for o in out):
            out.append(f)
    return out
