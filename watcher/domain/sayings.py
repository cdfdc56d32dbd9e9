"""Find what is told as somebody's words, and who that is: the one who decides, a side, or somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from watcher.domain.cues import Found
from watcher.domain.sentences import ADJECTIVE, Clause, Name, Saying, Sentence
from watcher.domain.text import Word

_ITS = frozenset("its his her their".split())
_TRADES = frozenset("chiefs leaders presidents heads".split())  # "industry leaders" are not those who decide
_STAFF = frozenset("executive official officials lawyer aide aides".split())  # with "its" they speak for it
_TELLS = frozenset(("tell", "remind", "inform"))  # these take whom it is told to
_GOES_ON = frozenset("to that how why what it they he she".split())  # behind a verb of saying these open what is said
_UNNAMED = frozenset(("source", "sources", "people familiar", "insider", "insiders", "aide", "aides"))
_INSISTS = frozenset(("insist", "maintain", "contend"))
_NEAR_TO = frozenset("close near familiar briefed inside within at with".split())
_OPENING = 3  # words before the noun that a long speaker opens with: "two former senior officials"
_LONGEST_SPEAKER = 14  # words of a speaker with all that describes it
_CJK = "\u3400"  # words from here on are Chinese characters
_MAX_SPEAKER = 7  # words: longer than this, what stands before a colon is a clause and not a speaker


def finite(s: Sentence, m: Found) -> bool:
    """Whether a verb of saying is finite: in -s or -ed, or bare behind a plural."""
    before = s.words[m.first - 1]
    return bool(set(m.tags) & set("SD")) or ("B" in m.tags and before.stem != before.low)


def find_sayings(s: Sentence) -> list[Saying]:
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
            if m.kind == "relate" and not finite(s, m):
                continue  # a noun: "…, a new show"
            if s.is_("rumour", m.first) and _is_rumour(s, m):
                continue
            hedged = m.kind == "hedge" or _contested(s, m)
            if m.kind == "foresee":
                speaks = i and not s.words[c.start].low.endswith("ing")  # not "…, easing fears"
                if speaks and m.last >= c.end and c.end - c.start <= _MAX_SPEAKER and c.kind == "main":
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
    """Whether a short clause only tells who reports what stands before it, and to whom or from whom: "…, two aides tell
    a paper", "…, agency quotes officials as saying"."""
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
    return word.capital and not word.raw.isupper() and ADJECTIVE.search(word.raw) is not None


def _only_describes(s: Sentence, n: Name, until: int) -> bool:
    """Whether somebody else speaks whom a name only describes: "Norlandic unions say", "Norland's opposition says",
    "Norlandic daily reports"; and not one of theirs who holds an office."""
    at = n.place[1]
    if any(s.is_(kind, k) for k in range(at, until) for kind in ("body", "pronoun")):
        return False
    if any(s.is_("source", k) for k in range(at, until)):
        return n.adjective
    if _of_its_press(s, n, until):
        return True  # "Norland's Channel 4 reports"
    follows = at < until and not s.words[at].capital and not s.words[at].before.strip(" '’")
    if not follows or not (n.adjective or s.words[at - 1].possessive) or s.is_("adverb", at):
        return False
    return not any(s.is_(kind, at) for kind in ("say", "hedge", "foresee", "relate", "have", "modal"))


def _of_its_press(s: Sentence, n: Name, until: int) -> bool:
    """Whether a paper or channel speaks that is only told to be of a country: "Norland's Evening Gazette says"."""
    return s.words[n.place[1] - 1].possessive and any(s.is_("press", k) for k in range(n.place[1], until))


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
    known = [n for n in s.names if by <= n.place[0] < until]
    named = [n for n in known if not _only_describes(s, n, until) and not _of_a_trader(s, n, by, until)]
    who = frozenset(w for n in named for w in n.who)
    sources = s.marked("source", by, until)
    plural = any(m.pattern.text in _UNNAMED for m in sources)
    speaks = [k for k in range(by, until) if not any(s.is_(verb, k) for verb in ("say", "hedge", "relate"))]
    pronoun = bool(speaks) and all(s.is_("pronoun", k) for k in speaks)
    bodies = [m.first for m in s.marked("body", by, until)]
    own = (bool(bodies) and not _elsewhere(s, bodies, by, sources)) or _own_voice(s, speaks)
    theirs = until > by and s.words[by].low in _ITS and not any(m.pattern.text not in _STAFF for m in sources)
    official = not who and (pronoun or theirs or (own and not s.marked("outsider", by, until)))
    parties = not who and bool(s.marked("parties", by, until))
    near = any(_near_a_body(s, m) for m in sources)
    if near or (not who and any(_of_its_press(s, n, until) for n in known)):
        who, plural, official = frozenset(), True, False  # whoever they are near does not speak
    return Saying(
        start, end, who, plural or (bool(sources) and not who and not official), hedged, official, parties=parties
    )


def _elsewhere(s: Sentence, bodies: Sequence[int], by: int, sources: Sequence[Found]) -> bool:
    """Whether who speaks only bears the name of an office: of a people nobody knows ("Ruritanian envoy"), of a trade
    ("industry leaders"), or as one inside it ("agency insiders")."""
    led = any(k > by and (_of_a_people(s.words[k - 1]) or _of_a_trade(s, k)) for k in bodies)
    return led or any(m.first > max(bodies) for m in sources)


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
