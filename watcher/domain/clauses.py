"""Cut a sentence into clauses and find who is named, who speaks, and which words tell how certain a thing is.

Made once per sentence, whatever the items; knows the words of a language, but no states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from watcher.domain.cues import Found, PatternIndex
from watcher.domain.matching import PhraseIndex
from watcher.domain.model import Lexicon
from watcher.domain.sayings import _MAX_SPEAKER, find_sayings, finite
from watcher.domain.sentences import ADJECTIVE, PLACE, REGION, Clause, Name, Sentence
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
_BREAKS = frozenset(":;—–|…()[]，。；：！？")
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
        s.sayings = find_sayings(s)
        return s

    def places(self, text_words: Sequence[Word]) -> set[str]:
        """Who the countries named in a text are: actors, or ("place:Japan",)."""
        return {who for text in self._index.find(text_words) for who in self._places.get(text, ())}

    def _names(self, text_words: Sequence[Word]) -> list[Name]:
        found = [
            Name(self._who[text], place, ADJECTIVE.search(text) is not None, text in self._places)
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
    says = [m for m in s.marks if m.kind == "say" and m.first >= at and finite(s, m)]
    return any(m.first == at or m.last == len(s.words) for m in says)


def _only_a_time(s: Sentence, opener: Found) -> bool:
    """Whether "until" only takes a time and opens no clause: "to stay open until June"."""
    if s.words[opener.first].low not in ("until", "till") or any(
        m.first == opener.last and m.kind in _OPENERS for m in s.marks
    ):
        return False
    end = min(opener.last + _TIME, len(s.words))
    closes = any(
        "S" in s.tags[k] or (s.tags[k] and s.words[k - 1].stem != s.words[k - 1].low)
        for k in range(opener.last + 1, end)
    )  # "until inflation falls", "until prices fall"
    return not closes and not any(_is_verb(s, k) for k in range(opener.last, end))


def _opens(s: Sentence, at: int, opener: Found) -> bool:
    """Whether a joining word at `at` opens a clause, and is no part of a phrase."""
    if any(m.first < at < m.last for m in s.marks) or _led_before(s, at) or _only_a_time(s, opener):
        return False
    if opener.pattern.text == "in case" and s.words[at + 1].low != "case":
        return False  # "lawyers in the case"
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
    if start == 0 and "B" in s.tags[0] and end > 1 and not s.is_("preposition", 1) and s.words[1].capital:
        return True  # what somebody is asked to do: "Fine Norco, victims tell Norland"
    inflected = any("S" in s.tags[k] for k in range(start + 1, end))  # also right before the comma: "deal closes, …"
    return end - start >= _SURELY_A_CLAUSE or inflected or any(_is_verb(s, k) for k in range(start, end))


def _goes_on(s: Sentence, at: int) -> bool:
    """Whether what follows a comma has a verb of its own; otherwise it goes on with a list."""
    end = next((k for k in range(at + 1, len(s.words)) if "," in s.words[k].before or _breaks(s.words[k].before)), None)
    last = end or len(s.words)
    told = any(m.kind in ("say", "relate") and at < m.first < last and finite(s, m) for m in s.marks)
    return told or any(_is_verb(s, k) for k in range(at, last))


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
    starts = [c.start for c in s.clauses if ":" in c.sep or "，" in c.sep]
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
