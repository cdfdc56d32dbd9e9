"""Cut a sentence into clauses and find who is named, who speaks, and which words tell how certain a thing is.

Made once per sentence, whatever the items; knows the words of a language, but no states.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from watcher.domain.cues import Found, PatternIndex
from watcher.domain.matching import PhraseIndex, Place
from watcher.domain.model import Lexicon
from watcher.domain.text import Word

_VERBAL = (
    "idiom",
    "leaves",
    "possible",
    "announced",
    "urged",
    "denied",
    "say",
    "hedge",
    "foresee",
    "relate",
    "light",
    "be",
    "have",
)
_INFLECTED = (*_VERBAL, "granted", "holds", "receive", "effect", "plea", "hosts", "dismisses")
_BREAKS = frozenset(":;—–|…()[]，。；：、！？")
_ADJECTIVE = re.compile(
    r"(?:ese|[ei]an|ish|[ck]an|man|ench|Dutch|[aeq]li|[aq]i|Swiss|Greek|Thai|Czech|Saudi|Basque|Catalan|Walloon|Welsh)$"
)
_CJK = "\u3400"  # words from here on are Chinese characters
_OPENERS = ("condition", "reason", "background", "after")
_SURELY_A_CLAUSE = 5  # words: so long a run has a verb, known or not
_SHORT_ING = 5  # letters: "bring", "king", "thing" are no participles
_BEFORE_MONTH = frozenset("in by until till since from last next this early late mid of on before after to".split())
_PAIRS = frozenset((a, "and", b) for a, b in (("come", "go"), ("comes", "goes"), ("came", "went"), ("done", "dusted")))
_TIME = 4  # words that a time takes
_BROUGHT = frozenset(
    "go goe went gone come came appear appeared bring brought lay laid put place placed stand stood".split()
)
_IDIOM_GAP = 2  # words
_STATUS = frozenset(("possible", "announced", "urged", "denied"))
_FUNCTION = frozenset(("determiner", "preposition"))
_ITS = frozenset("its his her their".split())
_TRADES = frozenset("chiefs leaders presidents heads".split())  # "industry leaders" are not those who decide
_STAFF = frozenset("executive official officials lawyer aide aides".split())  # with "its" they speak for it
_TELLS = frozenset(("tell", "remind", "inform"))  # these take whom it is told to
_GOES_ON = frozenset("to that how why what it they he she".split())  # behind a verb of saying these open what is said
PLACE, REGION = "place:", "place:region:"  # before the name of a country, and of a part of one, in `Name.who`
_UNNAMED = frozenset(("source", "sources", "people familiar", "insider", "insiders", "aide", "aides"))
_INSISTS = frozenset(("insist", "maintain", "contend"))
_NEAR_TO = frozenset("close near familiar briefed inside within at with".split())
_OPENING = 3  # words before the noun that a long speaker opens with: "two former senior officials"
_LONGEST_SPEAKER = 14  # words of a speaker with all that describes it
_MAX_SPEAKER = 7  # words: longer than this, what stands before a colon is a clause and not a speaker


@dataclass(frozen=True, slots=True)
class Clause:
    """Words start..end-1; `kind` is main, reason, condition, background or after; `linked` to the one before by
    a comma or "and", whose subject it may share."""

    start: int
    end: int
    kind: str = "main"
    linked: bool = False
    sep: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """An actor or a country named at some words."""

    who: tuple[str, ...]  # actor ids, or ("place:Japan",)
    place: Place
    adjective: bool = False  # "Israeli", "Chinese": it describes, and does not act by itself
    country: bool = False  # of a country or union, be it one of the actors or not
    within: tuple[str, ...] = ()  # those whose names stand inside this one: China in "Chinese vice premier"


@dataclass(frozen=True, slots=True)
class Saying:
    """Words start..end-1 are told as somebody's: `who` (actor ids), or unnamed sources; `hedged` if only hinted."""

    start: int
    end: int
    who: frozenset[str]
    hearsay: bool
    hedged: bool
    official: bool = False  # an unnamed minister, spokesman, court: taken for the decider's own
    foreseen: bool = False  # predicted, expected, hoped
    parties: bool = False  # "the companies": those who make a deal


@dataclass(slots=True)
class Sentence:
    """A sentence taken apart."""

    words: Sequence[Word]
    tags: Sequence[str]  # the forms of known verbs each word may be: see cues.inflect
    clauses: list[Clause] = field(default_factory=list)
    names: list[Name] = field(default_factory=list)
    marks: list[Found] = field(default_factory=list)
    sayings: list[Saying] = field(default_factory=list)
    kinds: dict[int, set[str]] = field(default_factory=dict)  # the classes of the marks by their first word
    adverbs: dict[int, int] = field(default_factory=dict)  # for each word of an adverb, where that begins
    question: bool = False
    explainer: bool = False
    asked_from: int = 0  # the word at which the explaining or the question begins: "Ban lifted: what changes"
    # the characters where days are told that are still to come when the text is published; few sentences are asked
    ahead: Callable[[], Sequence[int]] = tuple

    def clause_at(self, at: int) -> Clause:
        """The clause that holds word `at`."""
        return next((c for c in self.clauses if c.start <= at < c.end), self.clauses[-1])

    def marked(self, kind: str, start: int, end: int) -> list[Found]:
        """The words of one class within start..end-1."""
        return [m for m in self.marks if m.kind == kind and start <= m.first < end]

    def is_(self, kind: str, at: int) -> bool:
        """Whether word `at` begins a word of that class."""
        return at in self.kinds and kind in self.kinds[at]

    def index(self) -> None:
        """Note where the marks begin: this is asked of every word many times."""
        for m in self.marks:
            self.kinds.setdefault(m.first, set()).add(m.kind)
            if m.kind == "adverb":
                self.adverbs.update(dict.fromkeys(range(m.first, m.last), m.first))


class Parser:
    """Takes sentences apart with the words of one language and the names of all actors and countries.

    `verbs` are the verbs of all cues: they too count as verbs when clauses are cut.
    """

    def __init__(self, lexicon: Lexicon, names: Mapping[str, tuple[str, ...]], verbs: PatternIndex) -> None:
        self._marks = PatternIndex(lexicon.irregular)
        self._verbs = verbs
        for kind, phrases in lexicon.words.items():
            for text in phrases:
                self._marks.add(text, (kind,), verb=kind in _INFLECTED)
        self._who: dict[str, tuple[str, ...]] = {}
        for country, forms in lexicon.places.items():
            kind = REGION if country in lexicon.regions else PLACE
            who = next((names[f] for f in (country, *forms) if f in names), (f"{kind}{country}",))
            for f in (country, *forms):
                self._who.setdefault(f, who)
        self._who.update(names)
        self._index = PhraseIndex(self._who)
        self._places = {f: self._who[f] for country, forms in lexicon.places.items() for f in (country, *forms)}

    def parse(self, text_words: Sequence[Word], *, title: bool, ends: str = "") -> Sentence:
        """Take one sentence apart; `ends` is the punctuation it closes with."""
        s = Sentence(text_words, [self._marks.tags(w.low) or self._verbs.tags(w.low) for w in text_words])
        shouted = all(w.raw.isupper() for w in text_words)
        found = self._marks.find(text_words, 0, len(text_words))
        s.marks = _longest(
            [
                m
                for m in found
                if (shouted or not _is_acronym(text_words[m.first], m))
                and not _is_loose(text_words, m)
                and not _is_month(text_words, m.first)
                and not (m.kind in _FUNCTION and m.pattern.head != text_words[m.first].low)  # "News" is not "new"
            ]
        )
        s.index()
        s.names = self._names(text_words)
        s.marks = [m for m in s.marks if m.kind not in _STATUS or not _in_name(s, m)]
        s.question = "?" in ends or "？" in ends
        s.clauses = _cut(s)
        s.explainer = title and not s.question and _explains(s)
        s.asked_from = _asked_from(s)
        s.sayings = _sayings(s)
        return s

    def places(self, text_words: Sequence[Word]) -> set[str]:
        """Who the countries named in a text are: actors, or ("place:Japan",)."""
        return {who for text in self._index.find(text_words) for who in self._places.get(text, ())}

    def _names(self, text_words: Sequence[Word]) -> list[Name]:
        found = [
            Name(self._who[text], place, _ADJECTIVE.search(text) is not None, text in self._places)
            for text, places in self._index.find(text_words).items()
            for place in places
        ]
        found.sort(key=lambda n: (n.place[0], -n.place[1]))
        out: list[Name] = []
        for n in found:
            if not out or n.place[0] >= out[-1].place[1]:
                out.append(n)
            else:
                out[-1] = replace(out[-1], within=(*out[-1].within, *n.who))
        return out


def _cut(s: Sentence) -> list[Clause]:
    """Cut at 1 strong punctuation, 2 joining words, 3 a comma or "and" between two verbs."""
    openers = {m.first: m for m in s.marks if m.kind in _OPENERS}
    turned = not s.question and s.words[0].low in ("were", "had", "should")  # "were the court to …"
    cuts: list[tuple[int, str, bool, str]] = [(0, "condition" if turned else _opened(openers.get(0)), False, "")]
    for at in range(1, len(s.words)):
        before, low = s.words[at].before, s.words[at].low
        opener = openers.get(at)
        blank = before.isspace() and s.words[at].raw >= _CJK and s.words[at - 1].raw >= _CJK
        if _breaks(before) or blank:  # a blank parts the clauses of a Chinese headline
            cuts.append((at, _opened(opener), False, before.strip().replace("：", ":")))
        elif opener is not None and _opens(s, at, opener):
            cuts.append((at, _opened(opener), False, ""))
        elif "," in before and low.endswith("ing") and len(low) > _SHORT_ING:
            cuts.append((at, "main", True, before.strip()))  # ", citing …": an adjunct
        elif (s.words[at - 1].low, low, s.words[min(at + 1, len(s.words) - 1)].low) in _PAIRS:
            continue  # "comes and goes" is one verb
        elif "," in before and _attributed(s, at):
            cuts.append((at, "main", True, before.strip()))  # "pact dead, says minister"
        elif "," in before and _names_on(s, at):
            continue  # "urges Norland, Sudland to …"
        elif ("," in before or low in ("and", "&", "then")) and _has_verb(s, cuts[-1][0], at):
            comma = "," in before
            if (comma and (cuts[-1][1] != "main" or _goes_on(s, at))) or _is_verb(s, at if comma else at + 1):
                cuts.append((at, cuts[-1][1] if low == "and" else "main", True, before.strip()))
    ends = [*(c[0] for c in cuts[1:]), len(s.words)]
    return [
        Clause(start, end, kind, linked, sep)
        for (start, kind, linked, sep), end in zip(cuts, ends, strict=True)
        if end > start
    ]


def _names_on(s: Sentence, at: int) -> bool:
    """Whether a list of names goes on at word `at`, and what they are to do follows it."""
    name = next((n for n in s.names if n.place[0] == at), None)
    after = name.place[1] if name else len(s.words)
    return after < len(s.words) and s.words[after].low == "to" and any(n.place[1] == at for n in s.names)


def _attributed(s: Sentence, at: int) -> bool:
    """Whether what follows a comma at word `at` only tells who says so, in a headline that may have no other verb."""
    if len(s.words) - at > _MAX_SPEAKER:
        return False
    says = [m for m in s.marks if m.kind == "say" and m.first >= at and _finite(s, m)]
    return any(m.first == at or m.last == len(s.words) for m in says)


def _only_a_time(s: Sentence, opener: Found) -> bool:
    """Whether "until" only takes a time and opens no clause: "to stay open until June"."""
    if s.words[opener.first].low not in ("until", "till") or any(
        m.first == opener.last and m.kind in _OPENERS for m in s.marks
    ):
        return False
    return not any(_is_verb(s, k) for k in range(opener.last, min(opener.last + _TIME, len(s.words))))


def _opens(s: Sentence, at: int, opener: Found) -> bool:
    """Whether a joining word at `at` opens a clause, and is no part of a phrase."""
    if any(m.first < at < m.last for m in s.marks) or _led_before(s, at) or _only_a_time(s, opener):
        return False
    return not (s.words[at].low == "yet" and any(s.is_(kind, at - 1) for kind in ("modal", "have", "be")))


def _led_before(s: Sentence, at: int) -> bool:
    """Whether "before" is a place and no time: "goes before the court", "laid before parliament"."""
    return s.words[at].low == "before" and s.words[at - 1].stem in _BROUGHT


def _opened(opener: Found | None) -> str:
    return "main" if opener is None else opener.kind


def _breaks(before: str) -> bool:
    """Whether what stands between two words parts two clauses."""
    if before == "–":
        return False  # it joins: "Paris–Berlin talks"
    mark = before.strip()
    return any(c in _BREAKS for c in before) or (before != mark and mark in ("-", "--", ".", "?", "!"))


def _has_verb(s: Sentence, start: int, end: int) -> bool:
    inflected = any("S" in s.tags[k] for k in range(start + 1, end))  # also right before the comma: "deal closes, …"
    return end - start >= _SURELY_A_CLAUSE or inflected or any(_is_verb(s, k) for k in range(start, end))


def _goes_on(s: Sentence, at: int) -> bool:
    """Whether what follows a comma has a verb of its own; otherwise it goes on with a list."""
    end = next((k for k in range(at + 1, len(s.words)) if "," in s.words[k].before or _breaks(s.words[k].before)), None)
    last = end or len(s.words)
    told = any(m.kind in ("say", "relate") and at < m.first < last and _finite(s, m) for m in s.marks)
    return told or any(_is_verb(s, k) for k in range(at, last))


def _finite(s: Sentence, m: Found) -> bool:
    """Whether a verb of saying is finite: in -s or -ed, or bare behind a plural."""
    before = s.words[m.first - 1]
    return bool(set(m.tags) & set("SD")) or ("B" in m.tags and before.stem != before.low)


def _is_verb(s: Sentence, at: int) -> bool:
    """Whether word `at` may be a verb here: a status word, or a form in -s, -ed, -ing that is no plural noun."""
    if at >= len(s.words):
        return False
    if any(m.first == at and (m.kind in _VERBAL or m.kind == "modal") for m in s.marks):
        return True
    tags = set(s.tags[at])
    if tags & set("DG"):
        return True
    last = at + 1 >= len(s.words) or bool(s.words[at + 1].before.strip())
    return "S" in tags and not last and not s.is_("preposition", at + 1)


def _explains(s: Sentence) -> bool:
    """Whether a title opens as an explainer: "How …", "Here's what …"; "WHO" in capitals is no question."""
    starts = {c.start for i, c in enumerate(s.clauses) if i == 0 or ":" in c.sep or "|" in c.sep}
    return any(
        m.kind == "explainer" and m.first in starts
        for m in s.marks
    )  # fmt: skip


def _in_name(s: Sentence, m: Found) -> bool:
    """Whether a status word is part of a longer name: "Appeals Court"."""
    size = m.last - m.first
    return any(
        last - first > size and first <= m.first and m.last <= last for n in s.names for first, last in [n.place]
    )


def _asked_from(s: Sentence) -> int:
    """Where a question or an explanation begins that follows a colon; 0 where the whole is one."""
    starts = [c.start for c in s.clauses if ":" in c.sep]
    return next((k for k in starts if s.is_("question", k) or s.is_("explainer", k)), 0)


def _is_month(text_words: Sequence[Word], at: int) -> bool:
    """Whether "May" is the month: behind a preposition or a number, or before a number."""
    if text_words[at].raw != "May":
        return False
    before = text_words[at - 1].low if at else ""
    after = text_words[at + 1].low if at + 1 < len(text_words) else ""
    return before in _BEFORE_MONTH or before.isdigit() or after.isdigit()


def _is_loose(text_words: Sequence[Word], m: Found) -> bool:
    """Whether the words of an idiom stand too far apart to be one."""
    if m.kind != "idiom" or m.gap is None:
        return False
    return m.gap[1] - m.gap[0] > _IDIOM_GAP or any(w.low == "with" for w in text_words[m.gap[0] : m.gap[1]])


def _is_acronym(word: Word, m: Found) -> bool:
    """Whether a word in capitals is a name and not the status word it spells: WHO, IT."""
    return word.raw.isupper() and len(word.raw) > 1 and m.pattern.text.islower() and m.kind != "denied"


def _longest(found: list[Found]) -> list[Found]:
    """Drop a mark that lies inside a longer one of another start; classes of the same words all stay."""
    out: list[Found] = []
    reach, longest = -1, 0
    for f in found:
        size = f.last - f.first
        if f.first < reach and not (out and f.first == out[-1].first and size == longest):
            continue
        out.append(f)
        reach, longest = max(reach, f.last), size
    return out


def _sayings(s: Sentence) -> list[Saying]:
    """Find what is told as somebody's words: "X says …", "…, X says", "…, says X", "X: …", "… — X"."""
    out: list[Saying] = []
    size = len(s.words)
    for i, c in enumerate(s.clauses):
        before = len(out)
        kinds = ("say", "hedge", "foresee", "relate") if i and c.kind == "main" else ("say", "hedge", "foresee")
        verbs = [m for m in s.marks if m.kind in kinds and c.start <= m.first < c.end]
        for m in verbs:
            if m.tags and not set(m.tags) & set("SDB") and m.pattern.text != "according to":
                continue
            if m.kind == "relate" and not _finite(s, m):
                continue  # a noun: "…, a new show"
            if s.is_("rumour", m.first) and _is_rumour(s, m):
                continue
            hedged = m.kind == "hedge" or _contested(s, m)
            if m.kind == "foresee":
                if i and m.last >= c.end and c.end - c.start <= _MAX_SPEAKER and c.kind == "main":
                    out.append(replace(_saying(s, 0, c.start, c.start, c.end, hedged), foreseen=True))
                continue
            if m.pattern.text == "according to":
                out.append(_saying(s, 0, c.start, m.last, c.end, hedged))
            elif i and _closes(s, c, m):
                out.append(_saying(s, 0, c.start, c.start, m.first, hedged))
            elif i and m.kind == "say" and _long_speaker(s, c, m):
                out.append(_saying(s, 0, c.start, c.start, c.end, hedged))
            elif m.kind == "relate":
                continue
            elif i and m.first <= c.start + 1 and c.end - c.start <= _MAX_SPEAKER:
                out.append(_saying(s, 0, c.start, c.start, c.end, hedged))
            elif m.first > c.start:
                out.append(_saying(s, m.last, _said_until(s, i), c.start, m.first, hedged))
        if len(out) == before and len(s.clauses) > 1 and c.end - c.start <= _MAX_SPEAKER:
            nxt = s.clauses[i + 1].sep if i + 1 < len(s.clauses) else ""
            speaks = _names_only(s, c) or _source_speaks(s, c)
            if i == 0 and ":" in nxt and speaks:
                out.append(_saying(s, c.end, size, c.start, c.end, False))
            elif (
                i == len(s.clauses) - 1
                and speaks
                and (c.sep in ("-", "—", "–", "--", ":") or (not c.sep and s.words[c.start].raw >= _CJK))
            ):
                out.append(_saying(s, 0, c.start, c.start, c.end, False))
    return out


def _closes(s: Sentence, c: Clause, m: Found) -> bool:
    """Whether a short clause only tells who reports what stands before it, and to whom: "…, two aides tell Reuters"."""
    short = c.end - c.start <= _MAX_SPEAKER and c.kind == "main" and s.words[c.start].low != "and"
    if m.first == c.start or not short:
        return False
    to = m.last
    heard = m.pattern.text in _TELLS or to >= c.end or s.words[to].capital
    heard = heard or s.is_("preposition", to) or s.is_("source", to)
    return heard and not any(
        s.words[k].low in _GOES_ON or s.tags[k] in ("S", "D") or s.is_("modal", k) or s.is_("be", k)
        for k in range(m.last, c.end)
    )


def _contested(s: Sentence, m: Found) -> bool:
    """Whether somebody insists that a thing is so, which is then in dispute; what they insist to do is their own."""
    ahead = any(w.low in ("will", "to", "would", "won't") for w in s.words[m.last :])
    return m.pattern.text in _INSISTS and not ahead


def _is_rumour(s: Sentence, m: Found) -> bool:
    """Whether "report" and "claim" are nouns and tell nobody's words: "after reports of", "rejects claim that"."""
    dismissed = any(d.kind == "dismisses" and d.last == m.first and d.tags for d in s.marks)
    return dismissed or (m.last < len(s.words) and s.words[m.last].low == "of")


def _long_speaker(s: Sentence, c: Clause, m: Found) -> bool:
    """Whether a clause, however long, only tells which unnamed people say it: "…, two people with direct knowledge of
    the matter said"."""
    at_an_end = m.first == c.start or m.last == c.end
    opening = c.start + (1 if m.first == c.start else 0)
    named = any(k.first - opening <= _OPENING for k in s.marked("source", opening, c.end))
    return at_an_end and named and c.kind == "main" and c.end - c.start <= _LONGEST_SPEAKER


def _near_a_body(s: Sentence, source: Found) -> bool:
    """Whether a source is told of by whom it is near: "people close to the delegation", "insiders at the ministry"."""
    near = source.last < len(s.words) and s.words[source.last].low in _NEAR_TO
    return not s.is_("body", source.first) and (near or s.words[source.last - 1].low in _NEAR_TO)


def _source_speaks(s: Sentence, c: Clause) -> bool:
    """Whether what stands before a colon is a noun for unnamed people, with what describes it: "Industry sources:"."""
    sources = [m for m in s.marked("source", c.start, c.end) if not s.is_("body", m.first)]
    heads = any(m.last == c.end or _near_a_body(s, m) for m in sources)
    said = {k for m in sources for k in range(m.first, m.last)}
    return heads and not any(set(s.tags[k]) & set("SD") and k not in said for k in range(c.start, c.end))


def _said_until(s: Sentence, at: int) -> int:
    """Where the words of a speaker end: a clause of time or reason, or another headline, is the reporter's own."""
    own = (c.start for c in s.clauses[at + 1 :] if c.kind in ("reason", "background", "after") or ";" in c.sep)
    return next(own, len(s.words))


def _of_a_people(word: Word) -> bool:
    """Whether a word before an office is the adjective of a people nobody knows: "Ruritanian envoy"."""
    return word.capital and not word.raw.isupper() and _ADJECTIVE.search(word.raw) is not None


def _of_a_trade(s: Sentence, at: int) -> bool:
    """Whether those at the head are of some trade: "industry leaders", "racing chiefs"."""
    trade = s.words[at - 1]
    return s.words[at].low in _TRADES and not trade.capital and not s.is_("determiner", at - 1)


def _names_only(s: Sentence, c: Clause) -> bool:
    inside = [n for n in s.names if c.start <= n.place[0] < c.end]
    spans = [n.place for n in inside] + [
        (m.first, m.last) for m in s.marks if m.kind in ("source", "body", "determiner") and c.start <= m.first < c.end
    ]
    named = {k for first, last in spans for k in range(first, last)}
    others = [k for k in range(c.start, c.end) if k not in named and s.words[k].low not in ("to", "and")]
    speaks = bool(inside) or bool(s.marked("source", c.start, c.end)) or bool(s.marked("body", c.start, c.end))
    return speaks and not others


def _saying(s: Sentence, start: int, end: int, by: int, until: int, hedged: bool) -> Saying:
    sources = s.marked("source", by, until)
    who = frozenset(
        w
        for n in s.names
        if by <= n.place[0] < until and not _of_the_press(s, n, sources, until) and not _of_a_trader(s, n, by, until)
        for w in n.who
    )
    plural = any(m.pattern.text in _UNNAMED for m in sources)
    speaks = [k for k in range(by, until) if not any(s.is_(verb, k) for verb in ("say", "hedge", "relate"))]
    pronoun = bool(speaks) and all(s.is_("pronoun", k) for k in speaks)
    bodies = [m.first for m in s.marked("body", by, until)]
    own = (bool(bodies) and not _elsewhere(s, bodies, by, sources)) or _own_voice(s, speaks)
    theirs = until > by and s.words[by].low in _ITS and not any(m.pattern.text not in _STAFF for m in sources)
    official = not who and (pronoun or theirs or (own and not s.marked("outsider", by, until)))
    parties = not who and bool(s.marked("parties", by, until))
    near = next((m for m in sources if _near_a_body(s, m)), None)
    if near is not None:
        who, plural, official = frozenset(), True, False  # whoever they are near does not speak
    return Saying(
        start, end, who, plural or (bool(sources) and not who and not official), hedged, official, parties=parties
    )


def _elsewhere(s: Sentence, bodies: Sequence[int], by: int, sources: Sequence[Found]) -> bool:
    """Whether who speaks only bears the name of an office: of a people nobody knows ("Ruritanian envoy"), of a trade
    ("industry leaders"), or as one inside it ("agency insiders")."""
    led = any(k > by and (_of_a_people(s.words[k - 1]) or _of_a_trade(s, k)) for k in bodies)
    return led or any(m.first > max(bodies) for m in sources)


def _of_the_press(s: Sentence, n: Name, sources: Sequence[Found], until: int) -> bool:
    """Whether a country is named only to tell where a paper or an expert is at home: "Turkish daily reports"."""
    after = [m for m in sources if n.place[1] <= m.first < until and not s.is_("body", m.first)]
    return n.adjective and bool(after) and not any(m.kind == "body" and n.place[1] <= m.first < until for m in s.marks)


def _of_a_trader(s: Sentence, n: Name, by: int, until: int) -> bool:
    """Whether a people is named only to tell of which those are who speak and hold no office: "Norlandic exporters"."""
    if not n.adjective or n.place[1] >= until:
        return False
    offices = any(s.marked(kind, by, until) for kind in ("body", "group", "seat", "own_voice"))
    named = any(n.place[1] <= o.place[0] < until for o in s.names)
    plural = s.words[n.place[1]].stem != s.words[n.place[1]].low and not s.is_("say", n.place[1])
    return plural and not offices and not named


def _own_voice(s: Sentence, speaks: Sequence[int]) -> bool:
    """Whether all that is told of the speaker is a noun that refers back to those who act: "…, companies say"."""
    nouns = [k for k in speaks if not s.is_("determiner", k) and not s.is_("pronoun", k)]
    if nouns and s.is_("record", nouns[-1]):
        return True  # "…, court ruling shows"
    return bool(nouns) and all(_covered(s, "own_voice", k) for k in nouns)


def _covered(s: Sentence, kind: str, at: int) -> bool:
    return any(m.kind == kind and m.first <= at < m.last for m in s.marks)
