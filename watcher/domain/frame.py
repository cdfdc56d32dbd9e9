"""One sentence seen from one item: where the item's subject stands in it, and small questions about words.

Shared by forms, roles and telling, which decide; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from watcher.domain.cues import Found
from watcher.domain.matching import Place
from watcher.domain.model import Item, LifecycleWords
from watcher.domain.sentences import Clause, Name, Sentence

# a name behind one of these does not act
NOT_SUBJECT = frozenset("on with to from against of for in over at into by 对 向 与 给 同".split())
_GOVERNING = frozenset("to from with on".split())  # at the end of a cue they take what follows
NOUNS = frozenset(
    "source relate own_voice parties outsider quantity set_price region record private hanger_on inquiry court settled "
    "market seat underling advisory rumour untrue press".split()
)  # classes of mere nouns
_PARTS = frozenset(
    "legality lawfulness constitutionality validity "
    "all any batch both copy day days details dozens draft each export exports half hundreds import imports list "
    "lots many more most much none number package part parts percent phase round sale sales scores series session "
    "set shipment shipments some stage terms text thousands transfer use version wave week wording "
    "acquisition appointment construction deployment expansion merger minority majority nomination purchase stake "
    "takeover release handover delivery restart reopening restructuring privatisation privatization divestment "
    "divestiture repatriation disbursement resumption rollout demolition launch licensing return supply exchange swap "
    "tranche chunk slice stretch leg first second third final last one".split()
)  # "of" behind one of these goes on to the thing itself: "some of", "text of", "sale of"
_OF_WHAT = frozenset("of for in to by on with from into at against".split())  # not "near", "after": another thing
_SIDES = frozenset("with against for".split())
_SETTLES = frozenset("on over about".split())
_LETTING = frozenset("allow let permit enable license authorize authorise".split())
_TO_IT = frozenset("against on for of into over to".split())
_TIMES = frozenset("minute hour day week month year moment".split())
_FEW = frozenset("a an one two three four five six seven eight nine ten just only".split())
_APART = frozenset("before after ahead".split())
_WHEN = frozenset(
    "next last early late mid january february march april june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec".split()
)  # a time begins there, not a noun that the one before describes: "cut tariffs next month"
_WITH_OBJECT = 3  # words of a cue that holds a verb, its object and a preposition
_CARRIED = frozenset("of as and or per off up out down".split())  # these do not end the object of a verb


@dataclass(slots=True)
class Frame:
    """A sentence, an item, where its subject stands, and how its lifecycle is told in this language."""

    s: Sentence
    item: Item
    subject: Sequence[Place]
    told: LifecycleWords
    stages: Mapping[str, str]  # state -> the state that is its announcement
    groups: Sequence[
        Sequence[Place]
    ] = ()  # the same by group of phrases: each must be named before the cue's clause ends
    after: Mapping[str, Set[str]] = field(default_factory=dict)  # state -> those that only come after it
    about: Sequence[Place] = ()  # names of actors that the item asks for
    homes: Set[str] = frozenset()  # the countries that the item's title and the names of those who decide tell of
    home: Set[str] = frozenset()  # of these, the one that those who decide are of, where it can be told
    taken: list[Place] = field(default_factory=list)  # cues of acts that are not the decider's
    others: bool = False  # somebody else was found to do to the subject what the item waits for
    deciders: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.deciders = frozenset((*self.item.decided_by, *self.item.with_))

    def own(self, at: int) -> bool:
        """Whether word `at` belongs to the item's subject."""
        return any(first <= at < last for first, last in self.subject)

    def names(self, start: int, end: int) -> list[Name]:
        """Those named within words start..end-1."""
        return [n for n in self.s.names if start <= n.place[0] < end]

    def name_before(self, at: int) -> bool:
        """Whether a name, not a possessor, ends right before word `at`."""
        return (
            at > 0
            and not self.s.words[at - 1].possessive
            and any(n.place[1] == at and not n.adjective for n in self.s.names)
        )

    def before(self, at: int, start: int) -> int:
        """The word before `at` that is no adverb, start - 1 for none."""
        at -= 1
        while at >= start and at in self.s.adverbs:
            at = self.s.adverbs[at] - 1  # "not yet" and "no longer" are adverbs of two words
        return at

    def small(self, at: int) -> bool:
        """Whether word `at` is a preposition or an adverb: no noun begins there."""
        return self.s.is_("preposition", at) or self.s.is_("adverb", at)

    def parts(self, at: int) -> bool:
        """Whether word `at` is a preposition that ends what a verb takes."""
        return self.s.is_("preposition", at) and self.s.words[at].low not in _CARRIED and not self.compound(at)

    def compound(self, at: int) -> bool:
        """Whether a hyphen makes word `at` a part of another: "under-16 ban", "tax-raising bill"."""
        words = self.s.words
        return any(k < len(words) and "-" in words[k].before and not words[k].before.strip("-") for k in (at, at + 1))

    def has_object(self, cue: Found, clause: Clause) -> bool:
        """Whether a noun follows that the verb takes."""
        s, nxt = self.s, cue.last
        if cue.gap is not None and cue.gap[1] > cue.gap[0]:
            if self.parts(cue.gap[0]):
                return False  # "consensus reached on the seabed accord"
            return any(not self.small(k) for k in range(*cue.gap))
        if cue.gap is not None and cue.last - cue.first >= _WITH_OBJECT and not self.small(cue.first + 1):
            return True  # it is in the cue: "put signatures to", "give more time to"
        if cue.gap is not None and s.words[cue.last - 1].stem in self.told.events:
            return True  # it is in the cue: "held talks"
        if (
            nxt >= clause.end
            or "," in s.words[nxt].before
            or (cue.gap is not None and s.words[nxt - 1].low in _GOVERNING)
        ):
            return False
        if s.words[nxt].raw[0] in "$€£¥0123456789" and (
            nxt + 1 >= clause.end or any(s.is_("preposition", k) for k in (nxt + 1, nxt + 2))
        ):
            return False  # an amount: "fined $90m in …"
        counted = s.is_("determiner", nxt) or s.words[nxt].raw[0].isdigit()
        if counted and nxt + 1 < clause.end and s.words[nxt + 1].stem in _TIMES:
            return False  # "talks pushed back a week"
        return not self.small(nxt) and s.words[nxt].stem not in _TIMES  # "indicted days after"

    def object_end(self, cue: Found, clause: Clause) -> int:
        """Where the object of an active verb ends: at another verb, or at the first preposition unless only names
        stand before it ("hits Trump on tariffs")."""
        s = self.s
        single = cue.last - cue.first == 1
        if single and cue.tags and cue.last < clause.end and self.parts(cue.last):
            return cue.last  # "strikes in", "withdraw under": no object at all
        for at in range(cue.last, clause.end):
            if at > cue.last and (self.compound(at) or self._in_principle(at)):
                continue
            led = (at > cue.last and s.is_("preposition", at - 1)) or (
                self.own(at + 1) and not s.is_("carrier", at - 1)
            )  # "blocks X from doing Y"
            if s.tags[at] == "G" and not self.own(at) and not led and (at > cue.last or single):
                return at
            ordered = (
                at > cue.last and s.is_("commitment", at - 1) and not self.own(at - 1)
            )  # "signs order to transfer X"
            if s.words[at].low == "to" and at > cue.last and at + 1 < clause.end and ("B" in s.tags[at + 1] or ordered):
                if cue.pattern.head in _LETTING:
                    continue  # "lets Norland use the map": what is allowed goes on
                if s.words[at - 1].stem in self.told.proposals:
                    continue  # "rejects request to unseal X": the request is what is decided on
                return at
            if at > cue.last and s.is_("carrier", at - 1) and s.words[at].low in _TO_IT:
                continue  # "drops case against X", "imposes a fee on X"
            back = at - 2 if self._in_principle(at - 2) else at
            if self.told.mutual and back > cue.last and s.is_("settled", back - 1) and s.words[at].low in _SETTLES:
                continue  # "hails breakthrough on the fishing pact"
            if s.words[at].low == "of" and at > cue.last and not self.goes_on(at - 1):
                return at  # the object is what stands before: a draft is not yet the plan
            goes_on = s.words[at].low in _OF_WHAT and self._proposed(cue.last, at)
            if at > cue.last and self.parts(at) and not goes_on:
                sides = s.words[cue.last - 1].low in _SIDES  # "sides with Norland on the dam"
                if not all(self._named(k, sides) for k in range(cue.last, at)):
                    return at
        return clause.end

    def _in_principle(self, at: int) -> bool:
        """Whether "in principle" stands at word `at`, which ends nothing."""
        words = self.s.words
        return 0 <= at < len(words) - 1 and (words[at].low, words[at + 1].low) == ("in", "principle")

    def _named(self, at: int, written: bool) -> bool:
        """Whether word `at` is a name that is known, or `written` as one in a title that is not all in capitals."""
        if any(first <= at < last for n in self.s.names for first, last in [n.place]):
            return True
        capitals = sum(w.capital for w in self.s.words)
        return written and self.s.words[at].capital and not self.own(at) and capitals * 2 < len(self.s.words)

    def _proposed(self, start: int, end: int) -> bool:
        """Whether words start..end-1 name something proposed, which goes on behind a preposition: "stake in X"."""
        return any(self.s.words[k].stem in self.told.proposals for k in range(start, end))

    def goes_on(self, at: int) -> bool:
        """Whether "of" behind word `at` goes on to the thing itself: "some of", "closure of"."""
        word = self.s.words[at]
        return word.low in _PARTS or word.stem in self.told.measures or word.stem in self.told.proposals

    def heads(self, at: int, clause: Clause) -> bool:
        """Whether the noun that ends before word `at` heads its phrase: "talks on", not "talks plan"."""
        if at >= clause.end or self.s.words[at].before.strip(" '\"‘’“”") or self.s.is_("determiner", at):
            return True
        return (
            self.small(at)
            or self.s.is_("auxiliary", at)  # "no deal in sight"
            or self.s.words[at].low in _WHEN
            or self._a_time_apart(at)
            or any(first == at for first, _ in self.subject)
            or any(n.place[0] == at for n in self.s.names)
        )

    def _a_time_apart(self, at: int) -> bool:
        """Whether a time from another event begins at word `at`: "tightens curbs days before vote"."""
        words = self.s.words
        k = at + 1 if words[at].raw[0].isdigit() or words[at].low in _FEW else at
        return k + 1 < len(words) and words[k].stem in _TIMES and words[k + 1].low in _APART

    def verbs_between(self, start: int, end: int) -> bool:
        """Whether another verb, or "to", stands within words start..end-1."""
        s = self.s
        return any(
            s.words[k].low == "to" or (set(s.tags[k]) & set("SDG") and not s.words[k].low.endswith("ed"))
            for k in range(start, end)
        )
