"""The dictionary of the product: one frozen dataclass per word, shared by every floor.

Nothing here reads a clock, a file or the network. Times are aware UTC datetimes and are refused otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from watcher.domain.times import require_utc

# --- who speaks -----------------------------------------------------------------------------------


class Tier(StrEnum):
    """How close an outlet is to the decision, best first."""

    OFFICIAL = "official"
    WIRE = "wire"
    PRESS = "press"
    OTHER = "other"

    @property
    def rank(self) -> int:
        """0 for official, rising as the outlet gets further from the decision."""
        return list(Tier).index(self)


@dataclass(frozen=True, slots=True)
class Outlet:
    """A publisher; outlets of one `owner` count as one source. `of` is the actor an official outlet speaks for."""

    name: str
    tier: Tier = Tier.PRESS
    owner: str = ""  # the outlet's own name when empty
    names: tuple[str, ...] = ()  # other spellings, as aggregators write them
    domains: tuple[str, ...] = ()
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts or decides, with every name that stands for them."""

    id: str
    names: tuple[str, ...]


# --- what is watched ------------------------------------------------------------------------------

Group = tuple[str, ...]  # alternative phrases; one of them is enough. "@us" stands for an actor's names


@dataclass(frozen=True, slots=True)
class Near:
    """One phrase of each group within `within` words of each other, in one clause."""

    groups: tuple[Group, ...]
    within: int = 8


@dataclass(frozen=True, slots=True)
class About:
    """The subject of an item: every group of `all`, one phrase of `any`, none of `none`, every `near`."""

    all: tuple[Group, ...] = ()
    any: Group = ()
    none: Group = ()
    near: tuple[Near, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceRule:
    """What is enough to change an item's state.

    One source of tier `alone` or better, or `sources` independent ones within `within`.
    """

    alone: Tier = Tier.WIRE
    sources: int = 2
    within: timedelta = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Expectation:
    """A text of which the item's author knows what must be read in it; the daemon never looks at it.

    `status` None: nothing at all is to be read of the item. `value` None: any will do.
    """

    text: str
    status: Status | None
    state: str | None = None  # None: no state is told
    value: str | None = None
    summary: str = ""
    outlet: str = ""
    at: datetime | None = None  # when it was published; the beginning of the watch if not told
    file: str = field(default="", compare=False)  # where the case stands, for messages
    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        require_utc(at=self.at)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to watch."""

    id: str
    title: str
    lifecycle: str
    state: str  # where it stands when the watch begins
    watchlist: str = ""
    question: str = ""
    value: str | None = None  # of the starting state: a deadline's day, a tariff's rate
    since: datetime | None = None  # when the watch begins; older entries do not move it
    decided_by: tuple[str, ...] = ()  # actor ids; empty when nobody in particular decides
    against: tuple[str, ...] = ()  # actor ids the measure is aimed at
    with_: tuple[str, ...] = ()  # actor ids that must take part besides (a meeting, a deal)
    about: About = About()
    evidence: EvidenceRule = EvidenceRule()
    severity: str = "normal"
    tags: tuple[str, ...] = ()
    note: str = ""
    silent_after: timedelta | None = field(default=None, repr=False)  # of it nothing is told for longer; None: never
    expect: tuple[Expectation, ...] = field(default=(), repr=False)  # cases of the author's; judging does without


@dataclass(frozen=True, slots=True)
class State:
    """One state of a lifecycle. `flips_on` are the statuses that can bring an item here."""

    id: str
    label: str
    meaning: str
    next: str  # in words: what would change it from here
    to: tuple[str, ...]  # states reachable from here
    flips_on: tuple[Status, ...]
    announces: tuple[str, ...] = ()  # the states of which this one is the announcement: easing, of eased and lifted
    final: bool = False
    value: str | None = None  # kind of value it may carry: "date", "rate", "place", "chamber"
    again: str | None = None  # the state it is once it is told with another value, too: both chambers have passed it


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The states an item can have and which follows which; `start` are those a watch may begin in."""

    id: str
    title: str
    question: str  # "Will {title} …?"
    states: Mapping[str, State]
    start: tuple[str, ...]

    def after(self, state: str) -> frozenset[str]:
        """The states to which this one leads and that never lead back."""
        return frozenset(s for s in self.states[state].to if state not in self.states[s].to)


# --- what was published ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing a feed published, as plain text. `at` is the time it is judged at: `published` when that is
    plausible, otherwise `seen_at`."""

    id: str
    feed: str
    title: str
    at: datetime
    seen_at: datetime
    summary: str = ""
    link: str = ""
    source: str = ""  # the outlet's name as the feed writes it
    published: datetime | None = None
    key: str = ""  # identity within the feed
    language: str = ""
    baseline: bool = False  # came with the first poll of its feed: moves nothing aloud
    removed: str = ""  # what is no longer said there: shown to people, never read
    revision: int = 0  # how often its text was edited

    def __post_init__(self) -> None:
        require_utc(at=self.at, seen_at=self.seen_at, published=self.published)


# --- what it says ---------------------------------------------------------------------------------


class Status(StrEnum):
    """How an entry tells a state."""

    DONE = "done"
    ANNOUNCED = "announced"
    CLAIMED = "claimed"
    POSSIBLE = "possible"
    URGED = "urged"
    DENIED = "denied"
    MENTION = "mention"


@dataclass(frozen=True, slots=True)
class Span:
    """Characters start..end of one field ("title" or "summary") of an entry."""

    field: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What an entry says of an item, with the words that decided and the steps of the judgement in `why`."""

    item: str
    state: str | None
    status: Status
    cue: str
    span: Span  # of the cue, or of the subject where no cue was found
    quote: str  # the sentence it stands in, sliced from the stored text
    value: str | None = None
    why: tuple[str, ...] = ()
    takes_back: bool = False  # the outlet corrects or withdraws what it told before


@dataclass(frozen=True, slots=True)
class Evidence:
    """A reading weighed: who says it, how close they are, and which story it is part of."""

    id: str  # stable: derived from item, entry, span and state
    item: str
    entry: str
    state: str | None
    status: Status
    cue: str
    quote: str
    at: datetime
    outlet: str
    tier: Tier
    owner: str
    title: str
    link: str = ""
    value: str | None = None
    speaks_for: str | None = None  # actor id, where the outlet is an actor's own
    span: Span = Span("title", 0, 0)
    baseline: bool = False
    takes_back: bool = False  # the outlet corrects or withdraws what it told before
    revision: int = 0  # of the entry: which of its texts the span and the quote are of

    def __post_init__(self) -> None:
        require_utc(at=self.at)


# --- what follows ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an item stands now: its last transition, plus the version that guards its update."""

    item: str
    state: str
    since: datetime
    value: str | None = None
    version: int = 0
    disputed: bool = False
    source: str = ""  # who reported the starting state, where a seed told
    came_from: str = ""  # the state before; none for a start
    came_from_value: str | None = None
    actor: str = ""  # the person who put it there, where one did
    watched_since: datetime | None = field(default=None, compare=False)  # when its watch was set up here
    known_since: datetime | None = field(default=None, compare=False)  # when it was stored that it stands so

    def __post_init__(self) -> None:
        require_utc(since=self.since, watched_since=self.watched_since, known_since=self.known_since)


class Reason(StrEnum):
    """Why a decision came out as it did: the first group moves the item, the second leaves it. The third tells why an
    alert came though nothing was decided."""

    OFFICIAL = "official"  # one official source
    ALONE = "alone"  # one source of the tier that is enough alone
    CORROBORATED = "corroborated"  # enough independent sources inside the window
    START = "start"  # the state the watch began in
    PERSON = "person"  # a person corrected it
    RETRACTED = "retracted"  # the source that moved it took its report back

    NO_STATE = "no_state"  # nothing told but that it is talked about
    SOFT = "soft"  # claimed, possible, urged, denied, or announced where that does not flip
    SAME = "same"  # it stands there already
    UNREACHABLE = "unreachable"  # the lifecycle has no such step from here
    STALE = "stale"  # older than the present state
    WAITING = "waiting"  # not enough independent sources yet
    DISPUTED = "disputed"  # as good a source denies it inside the window

    IN_7_DAYS = "in_7_days"  # the day it waits for
    IN_1_DAY = "in_1_day"
    PASSED = "passed"
    NOTHING_HAPPENED = "nothing_happened"  # its sources answered, and told nothing of it


@dataclass(frozen=True, slots=True)
class Transition:
    """An item went from one state to another, because of this evidence (first the one that tipped it)."""

    item: str
    from_state: str
    to_state: str
    at: datetime
    status: Status
    reason: Reason
    evidence: tuple[str, ...]  # Evidence ids
    entries: tuple[str, ...]  # Entry ids, same order
    from_value: str | None = None
    to_value: str | None = None
    from_since: datetime | None = None
    sources: int = 1  # independent ones
    detail: str = ""  # the reason in words
    actor: str = ""  # the person, where a person decided

    def __post_init__(self) -> None:
        require_utc(at=self.at, from_since=self.from_since)


@dataclass(frozen=True, slots=True)
class Stay:
    """The decision not to change, with its reason."""

    item: str
    reason: Reason
    detail: str = ""
    telling: tuple[str, ...] = ()  # where it is disputed: Evidence ids of the independent sources that tell it
    denying: tuple[str, ...] = ()  # likewise of those that deny it; the best first


Decision = Transition | Stay


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One transition of an item as stored, with the evidence it rests on in the transition's order."""

    seq: int  # 0 for the start, then without gaps
    transition: Transition
    evidence: tuple[Evidence, ...]
    recorded_at: datetime
    seed: Seed | None = None  # of the start, where a seed told
    removed: Mapping[str, str] = field(default_factory=dict)  # evidence of a page's change -> what is gone from there


@dataclass(frozen=True, slots=True)
class SeedResult:
    """Item ids whose starting state was seeded, and those that had the same seed already."""

    applied: tuple[str, ...]
    unchanged: tuple[str, ...]


# --- all of it together -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seed:
    """A starting state with its provenance, from a seed file."""

    item: str
    state: str
    as_of: date
    publisher: str
    title: str
    published: date
    settled_by: str = ""
    value: str | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """All that judging needs, compiled from the watchlists; `revision` changes when any of it does."""

    items: tuple[Item, ...]
    actors: Mapping[str, Actor]
    lifecycles: Mapping[str, Lifecycle]
    outlets: tuple[Outlet, ...] = ()
    lexicons: Mapping[str, Lexicon] = field(default_factory=dict)  # by language
    languages: Mapping[str, frozenset[str]] = field(default_factory=dict)  # function words that tell a language
    revision: str = ""


@dataclass(frozen=True, slots=True)
class LifecycleWords:
    """How one language tells the states of one lifecycle; see domain/reading.py for what each kind means."""

    cues: Mapping[str, Mapping[str, tuple[str, ...]]]  # state -> kind ("does", "happens", "noun", "after") -> phrases
    past: Mapping[str, str] = field(default_factory=dict)  # state -> the state told by a past tense: "met" is held
    bare: str = ""  # state meant when a status verb takes the subject itself: "threatens tariffs"
    bare_status: Mapping[str, Status] = field(default_factory=dict)  # status word -> status, where it differs here
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # status words that differ here
    either: tuple[str, ...] = ()  # verbs that are told both ways: "X ends", and somebody "ends X"
    scattered: bool = False  # the parts of a subject may stand in several clauses: "fined … as probe ends"
    on_party: tuple[str, ...] = ()  # states told of the one looked into, whose name may not be in the subject
    partial: Mapping[str, str] = field(default_factory=dict)  # state -> what it is where only a part is meant
    events: tuple[str, ...] = ()  # nouns for the thing itself, taken for the subject where an item names only actors
    measures: tuple[str, ...] = ()  # nouns for the measure itself: only these can be threatened or announced bare
    flows: tuple[str, ...] = ()  # nouns for what a measure holds up ("exports"): cues of kind "flow" are told of them
    limits: tuple[str, ...] = ()  # flows that are measures too, and are lifted or imposed: a quota, a cap
    permissions: tuple[str, ...] = ()  # nouns for what a measure lets through: to end one tightens, to renew one eases
    renewals: tuple[str, ...] = ()  # verbs that renew or widen a permission
    degrees: tuple[str, ...] = ()  # verbs by which a limit goes up or down, as a flow does
    needs_cue: bool = False  # a text without a word of this lifecycle is about the subject, not about the item
    claimed_stages: bool = False  # what is only claimed is told as no more than announced
    mutual: tuple[str, ...] = ()  # states that take both sides: one side's yes alone is no more than claimed
    needs_parties: bool = False  # those of `with` must all be named in the cue's clause or the one it leans on
    proposals: tuple[str, ...] = ()  # nouns whose infinitive is what is decided on: "rejects request to unseal …"
    no_courts: bool = False  # what a court of the decider's country does is not the decider's act
    anyone: tuple[str, ...] = ()  # states that others than who decides bring about: a deadline is met by those bound


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one language that decide status and state, as loaded from data."""

    language: str
    words: Mapping[str, tuple[str, ...]]  # class of word -> phrases
    lifecycles: Mapping[str, LifecycleWords]
    irregular: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # verb -> its past forms
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # country -> its names, adjectives, capital
    regions: frozenset[str] = frozenset()  # those of the places that are only parts of a country
