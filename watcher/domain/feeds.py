"""The words of polling: feeds, what their polls bring and come to, and how healthy they are.

As in `model`: frozen dataclasses, aware UTC times, no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from watcher.domain.times import require_utc


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
    """A polled source as configured.

    With `fastest` and `slowest` its interval is learned between the two, beginning with `every`; without them `every`
    is kept to.
    """

    id: str
    url: str
    outlet: str = ""  # outlet name; empty for an aggregator, whose entries name theirs
    every: timedelta = timedelta(minutes=15)
    language: str = ""
    allow_private: bool = False
    fastest: timedelta | None = None
    slowest: timedelta | None = None
    quiet_after: timedelta | None = None  # how long it may publish nothing; learned when None
    kind: FeedKind = FeedKind.FEED
    selectors: Selectors = Selectors()
    full_text: bool = False  # read the articles behind its entries that are about an item

    def __post_init__(self) -> None:
        if (self.fastest is None) != (self.slowest is None):
            raise ValueError("an interval that is learned has two bounds")


@dataclass(frozen=True, slots=True)
class Access:
    """How to get at a source that wants to know who asks. All of it is secret: no repr shows it, nothing stores it."""

    url: str = field(repr=False)  # as configured: the headers go to its scheme, host and port, and nowhere else
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # Authorization and Cookie among them
    proxy: str | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text of it that must appear nowhere."""
        return tuple(filter(None, (*self.headers.values(), self.proxy)))


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a feed publishes, as learned from its entries' times, and how often it says it does."""

    gap: timedelta | None = None  # usual time between two entries
    longest: timedelta | None = None  # the longest of late
    newest_at: datetime | None = None  # latest time of an entry
    told: timedelta | None = None  # its <ttl>, or the like

    def __post_init__(self) -> None:
        require_utc(newest_at=self.newest_at)


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
    pace: Pace | None = None  # None keeps what is known
    interval: timedelta | None = None  # the wait meant to be, before jitter and back-off
    failure: str = ""  # the kind of a failure in one word; empty for a success
    gone: bool = False  # the server says that the feed has ended for good
    snapshot: Snapshot | None = None  # of a page that was read
    rests: tuple[str, datetime] | None = None  # a host that asked not to be asked before then, this feed's or another

    def __post_init__(self) -> None:
        require_utc(at=self.at, next_poll_at=self.next_poll_at)


@dataclass(frozen=True, slots=True)
class DueFeed:
    """A feed claimed for polling; `feed.url` is the address it has moved to, where that is remembered."""

    feed: Feed
    hints: Hints
    failures: int = 0  # polls in a row that failed or were broken
    first: bool = False  # never polled successfully at this address
    pace: Pace = Pace()
    deadline: datetime | None = None  # the nearest day that an item it serves is waiting for: its first moment
    snapshot: Snapshot | None = None  # of a page that was read before

    def __post_init__(self) -> None:
        require_utc(deadline=self.deadline)


@dataclass(frozen=True, slots=True)
class SavedPoll:
    """A poll as it was stored: how many of its entries were new, whether they are its feed's first, and how many known
    ones said something else than before."""

    feed: str
    new: int
    baseline: bool
    revised: int = 0


class Health(StrEnum):
    """How a source is doing; see domain/health.py for what makes it so."""

    NEW = "new"  # nothing can be said yet
    HEALTHY = "healthy"
    QUIET = "quiet"  # answers, and has published nothing for longer than it ever does
    LATE = "late"  # has not answered in its time, and is not given up yet
    BROKEN = "broken"  # fails again and again
    BLOCKED = "blocked"  # answers, and does not let this client read
    RETIRED = "retired"  # gone for good; no longer polled
    RECOVERED = "recovered"  # was broken, blocked or quiet until a short time ago

    @property
    def down(self) -> bool:
        """True while nothing can be read from it."""
        return self in (Health.BROKEN, Health.BLOCKED, Health.RETIRED)


@dataclass(frozen=True, slots=True)
class HealthChange:
    """A source went from one state of health to another. `n` counts a feed's changes from 1."""

    feed: str
    n: int
    from_state: Health
    to_state: Health
    reason: str  # a code: silent, no_answer, overdue, gone, answers, or the kind of the failure
    detail: str  # the same for people
    at: datetime

    def __post_init__(self) -> None:
        require_utc(at=self.at)


@dataclass(frozen=True, slots=True)
class Untold:
    """A change of health that is still to be told; `held` until the common outage is over that it belongs to."""

    change: HealthChange
    held: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what an item is watched through answered in its time."""

    item: str
    answered: int
    sources: int
    missing: tuple[str, ...] = ()  # ids of the feeds that did not


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
    every: timedelta = timedelta(minutes=15)  # as configured; where the interval is learned, what it began with
    fastest: timedelta | None = None  # bounds of an interval that is learned, as configured
    slowest: timedelta | None = None
    interval: timedelta | None = None  # the wait last meant to be, before jitter and back-off
    quiet_after: timedelta | None = None  # as configured
    pace: Pace = Pace()
    deadline: datetime | None = None  # the nearest day that an item it serves is waiting for
    news_at: datetime | None = None  # when it last gave something new
    failing_since: datetime | None = None  # first of the failures in a row
    answering_since: datetime | None = None  # first of the successes in a row
    unbroken_since: datetime | None = None  # it was read in its time, and was never down, from then on
    successes: int = 0  # in a row
    failure: str = ""  # the last one, in a word
    retired_at: datetime | None = None
    health: Health = Health.NEW
    health_n: int = 0  # changes of health so far
    health_since: datetime | None = None
    health_reason: str = ""
    health_detail: str = ""
