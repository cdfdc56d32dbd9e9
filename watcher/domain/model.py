"""The dictionary of the product: one frozen dataclass per word, shared by every floor.

Nothing here reads a clock, a file or the network. Times are aware UTC datetimes and are refused otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum


def require_utc(**times: datetime | None) -> None:
    """Raise ValueError for a time that is not aware UTC (None passes)."""
    for name, value in times.items():
        if value is not None and value.utcoffset() != timedelta(0):
            raise ValueError(f"{name} must be an aware UTC datetime, got {value!r}")


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
    value: str | None = None  # kind of value it may carry: "date", "rate", "place"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The states an item can have and which follows which; `start` are those a watch may begin in."""

    id: str
    title: str
    question: str  # "Will {title} …?"
    states: Mapping[str, State]
    start: tuple[str, ...]


# --- what was published ---------------------------------------------------------------------------


class FeedKind(StrEnum):
    """How what a feed answers is read."""

    FEED = "feed"  # RSS, Atom, RDF, CDF, JSON Feed
    LIST = "list"  # a page that lists documents
    PAGE = "page"  # one page, whose changes are entries
    SITEMAP = "sitemap"  # a news sitemap, or an index of them
    FEDERAL_REGISTER = "federal-register"  # a search of the U.S. Federal Register


@dataclass(frozen=True, slots=True)
class Selectors:
    """Where a page says what, in CSS; empty where it is left to the reader. `date_format` as for strptime."""

    entry: str = ""
    link: str = ""
    title: str = ""
    date: str = ""
    summary: str = ""
    text: str = ""
    date_format: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Feed:
    """A polled source as configured."""

    id: str
    url: str
    outlet: str = ""  # outlet name; empty for an aggregator, whose entries name theirs
    every: timedelta = timedelta(minutes=15)
    language: str = ""
    allow_private: bool = False
    kind: FeedKind = FeedKind.FEED
    selectors: Selectors = Selectors()
    full_text: bool = False  # read the articles behind its entries that are about an item


@dataclass(frozen=True, slots=True)
class Hints:
    """What makes the next request conditional."""

    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a page said when it was last read, and how often it had changed by then."""

    text: str  # a sentence or a line of the page on each line
    changes: int = 0


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


class ArticleResult(StrEnum):
    """What came of fetching an article."""

    READ = "read"
    EMPTY = "empty"  # a page without an article in it
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Article:
    """An article that was asked for; `retry` says whether waiting may help."""

    link: str
    result: ArticleResult
    text: str = ""
    detail: str = ""
    tries: int = 1
    retry: bool = False


@dataclass(frozen=True, slots=True)
class WantedArticle:
    """An entry that wants its article; `text` where that is known already."""

    entry: str
    revision: int
    link: str
    feed_url: str
    allow_private: bool
    tries: int = 0  # so far
    text: str = ""


class PollResult(StrEnum):
    """How one poll of a feed ended. The first three are successes."""

    ENTRIES = "entries"
    NOT_MODIFIED = "not_modified"
    EMPTY = "empty"  # a valid feed with nothing in it
    BROKEN = "broken"  # something came that is no feed
    FAILED = "failed"  # nothing came

    @property
    def ok(self) -> bool:
        """True when the feed answered as a feed should."""
        return self not in (PollResult.BROKEN, PollResult.FAILED)


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry as a feed just gave it, before the store knows whether it is new."""

    key: str
    title: str
    summary: str = ""
    link: str = ""
    source: str = ""
    published: datetime | None = None
    language: str = ""
    removed: str = ""  # what is no longer said there: shown to people, never read
    by_key: bool = False  # only the key tells it apart: its link and title come again with other news

    def __post_init__(self) -> None:
        require_utc(published=self.published)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """What one poll of a feed brought, and when the next one is due. `hints` None keeps those that are known."""

    feed: str
    at: datetime
    result: PollResult
    next_poll_at: datetime
    detail: str = ""
    hints: Hints | None = None
    entries: tuple[NewEntry, ...] = ()  # oldest first
    moved_to: str | None = None  # target of a permanent redirect
    elapsed: timedelta = timedelta(0)
    snapshot: Snapshot | None = None  # of a page that was read

    def __post_init__(self) -> None:
        require_utc(at=self.at, next_poll_at=self.next_poll_at)


@dataclass(frozen=True, slots=True)
class DueFeed:
    """A feed claimed for polling; `feed.url` is the address it has moved to, where that is remembered."""

    feed: Feed
    hints: Hints
    failures: int = 0  # polls in a row that failed or were broken
    first: bool = False  # never polled successfully at this address
    snapshot: Snapshot | None = None  # of a page that was read before


@dataclass(frozen=True, slots=True)
class SavedPoll:
    """A poll as it was stored: how many of its entries were new, whether they are its feed's first, and how many known
    ones said something else than before."""

    feed: str
    new: int
    baseline: bool
    revised: int = 0


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """How a feed is doing; times are None until the first poll."""

    id: str
    url: str  # as configured
    outlet: str
    last_result: PollResult | None
    last_detail: str
    last_at: datetime | None
    last_ok_at: datetime | None
    failures: int  # in a row
    next_poll_at: datetime
    entries: int  # ever stored
    moved_to: str | None  # where a permanent redirect points
    active: bool  # still configured


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

    def __post_init__(self) -> None:
        require_utc(since=self.since)


class Reason(StrEnum):
    """Why a decision came out as it did; the first group moves the item, the second leaves it."""

    OFFICIAL = "official"  # one official source
    ALONE = "alone"  # one source of the tier that is enough alone
    CORROBORATED = "corroborated"  # enough independent sources inside the window
    START = "start"  # the state the watch began in
    PERSON = "person"  # a person corrected it

    NO_STATE = "no_state"  # nothing told but that it is talked about
    SOFT = "soft"  # claimed, possible, urged, denied, or announced where that does not flip
    SAME = "same"  # it stands there already
    UNREACHABLE = "unreachable"  # the lifecycle has no such step from here
    STALE = "stale"  # older than the present state
    WAITING = "waiting"  # not enough independent sources yet
    DISPUTED = "disputed"  # as good a source denies it inside the window


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

    def __post_init__(self) -> None:
        require_utc(at=self.at, from_since=self.from_since)


@dataclass(frozen=True, slots=True)
class Stay:
    """The decision not to change, with its reason."""

    item: str
    reason: Reason
    detail: str = ""


Decision = Transition | Stay


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One transition of an item as stored, with the evidence it rests on in the transition's order."""

    seq: int  # 0 for the start, then without gaps
    transition: Transition
    evidence: tuple[Evidence, ...]
    recorded_at: datetime
    seed: Seed | None = None  # of the start, where a seed told


@dataclass(frozen=True, slots=True)
class SeedResult:
    """Item ids whose starting state was seeded, and those that had the same seed already."""

    applied: tuple[str, ...]
    unchanged: tuple[str, ...]


# --- what is told ---------------------------------------------------------------------------------


class AlertKind(StrEnum):
    """What an alert is about."""

    STATE_CHANGE = "state_change"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Quote:
    """One piece of evidence as an alert shows it."""

    text: str
    outlet: str
    tier: Tier
    at: datetime
    link: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """Everything a message says, complete in itself, so that it can be sent after any restart or reload."""

    kind: AlertKind
    item: str
    watchlist: str
    title: str
    question: str
    from_state: str
    from_label: str
    to_state: str
    to_label: str
    at: datetime
    reason: Reason
    detail: str
    sources: int
    quotes: tuple[Quote, ...]
    next: str  # what would change it next
    from_value: str | None = None
    to_value: str | None = None
    from_since: datetime | None = None
    from_source: str = ""  # who reported the state it was in, where a seed told
    meaning: str = ""
    severity: str = "normal"
    note: str = ""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"  # given up; kept and shown
    DROPPED = "dropped"  # a person gave it up


@dataclass(frozen=True, slots=True)
class Delivery:
    """One sending of one alert to one address. `receiver` names the address in the configuration; the address
    itself is a secret and stays there."""

    id: str
    receiver: str
    alert: Alert
    attempts: int = 0
    state: DeliveryState = DeliveryState.PENDING


@dataclass(frozen=True, slots=True)
class Sent:
    """The receiver's service took the message."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The message was not taken; `retryable` says whether waiting may help. `detail` holds no secret."""

    retryable: bool
    detail: str
    retry_after: timedelta | None = None  # what the service asked for


SendOutcome = Sent | Failed


class AttemptOutcome(StrEnum):
    """How one attempt to send ended."""

    SENT = "sent"
    FAILED = "failed"
    LOST = "lost"  # its worker never came back; whether it was sent is not known


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of the ledger of a delivery; `n` counts from 1 over its whole life."""

    n: int
    at: datetime
    outcome: AttemptOutcome
    detail: str


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery with its whereabouts and its ledger, for people."""

    id: str
    item: str
    seq: int  # of the transition it tells
    receiver: str
    state: DeliveryState
    attempts: int  # since it was last queued
    created_at: datetime
    not_before: datetime
    settled_at: datetime | None  # sent, given up or dropped
    detail: str  # of the last attempt
    alert: Alert
    ledger: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Backlog:
    """Work that waits. `pending` includes deliveries being sent; `oldest_pending` is how long ago it was planned."""

    unjudged: int
    pending: int
    dead: int
    oldest_pending: timedelta | None


@dataclass(frozen=True, slots=True)
class Route:
    """Which alerts go to which receivers. An empty condition matches everything."""

    to: tuple[str, ...]
    watchlists: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()


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
    needs_cue: bool = False  # a text without a word of this lifecycle is about the subject, not about the item
    claimed_stages: bool = False  # what is only claimed is told as no more than announced
    mutual: tuple[str, ...] = ()  # states that take both sides: one side's yes alone is no more than claimed
    needs_parties: bool = False  # those of `with` must all be named in the cue's clause or the one it leans on


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one language that decide status and state, as loaded from data."""

    language: str
    words: Mapping[str, tuple[str, ...]]  # class of word -> phrases
    lifecycles: Mapping[str, LifecycleWords]
    irregular: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # verb -> its past forms
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # country -> its names, adjectives, capital


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
