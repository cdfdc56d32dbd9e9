"""`Store`: one method per thing the product does with its database, and one transaction per method.

The SQL lives in the modules beside this one, as functions over a connection; only here, and in `outgoing.py` for what
is sent, do transactions begin and end.

    poll      T1  save_polls          entries, caching hints and the next poll's time
    judge     T2  record              entries judged, evidence, standings, history and outbox
    deliver   T3  claim_messages      a lease, committed before anything is sent
              T4  settle_all          the outcomes and their lines in the ledger
    articles  T5  save_articles       articles, and the entries that are revised by them
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from watcher.domain.alerts import AlertKind, PlannedAlert, ToldOfService
from watcher.domain.feeds import (
    Article,
    DueFeed,
    Feed,
    FeedStatus,
    HealthChange,
    Poll,
    SavedPoll,
    Untold,
    WantedArticle,
)
from watcher.domain.model import (
    Entry,
    Evidence,
    HistoryRow,
    Item,
    Lifecycle,
    Seed,
    SeedResult,
    Standing,
    Transition,
)
from watcher.storage import articles as article_rows
from watcher.storage import entries as entry_rows
from watcher.storage import feeds as feed_rows
from watcher.storage import items as item_rows
from watcher.storage import judgements, occasions, schema, vitals
from watcher.storage.database import Database
from watcher.storage.feeds import Marks
from watcher.storage.outgoing import Outgoing
from watcher.storage.people import People
from watcher.storage.tellings import Tellings

__all__ = ["Marks", "Store"]

_NO_MARKS: Mapping[str, Marks] = MappingProxyType({})


class Store(Outgoing, People, Tellings):
    """The database of one installation. Safe to share between threads, and between processes on one machine
    (SQLite) or many (PostgreSQL).

    Every method raises StoreError when the database refuses, with `retryable` set when it was only busy or away,
    and SchemaError when its tables are missing.
    """

    @classmethod
    def open(cls, url: str) -> Store:
        """Open `sqlite:///path` or `postgresql://…`; nothing is created or read before the first use.

        Raises UsageError for any other address, and StoreError where the driver is not installed.
        """
        return cls(Database(url))

    def close(self) -> None:
        """Close every connection; the next use would open new ones."""
        self._db.close()

    # --- schema -----------------------------------------------------------------------------------

    def upgrade(self) -> None:
        """Bring the tables to this version's schema, in one transaction. Two processes may do it at once."""
        schema.upgrade(self._db)

    def revision(self) -> str | None:
        """Return the schema's revision, None for a database without our tables."""
        return schema.revision(self._db)

    def check_schema(self) -> None:
        """Raise SchemaError unless the tables are exactly at this version's schema."""
        schema.check(self._db)

    # --- configuration ----------------------------------------------------------------------------

    def sync(
        self, feeds: Sequence[Feed], items: Sequence[Item], lifecycles: Mapping[str, Lifecycle], now: datetime
    ) -> None:
        """Make the rows of feeds and items those of the configuration, in one transaction.

        Feeds: new ones are due at once; a changed address forgets hints, failures and remembered moves. Items: new
        ones get their starting state and a START transition (seq 0) at `since` or `now`; others keep their state.
        What the configuration no longer names becomes inactive and is kept.
        Raises UsageError, and changes nothing, where an item stands in a state its lifecycle no longer has.
        """
        with self._db.write() as connection:
            feed_rows.sync(connection, feeds, now)
            item_rows.sync(connection, items, lifecycles, now)

    def seed(self, seeds: Sequence[Seed], now: datetime) -> SeedResult:
        """Put starting states with their provenance onto items that have not moved yet, in one transaction.

        An item that has this very seed is left as it is, moved or not. Raises UsageError, and changes nothing, for
        an unknown item or one that has moved.
        """
        with self._db.write() as connection:
            return item_rows.seed(connection, seeds, now)

    # --- poll -------------------------------------------------------------------------------------

    def claim_feeds(self, now: datetime, limit: int, lease: timedelta, owner: str) -> list[DueFeed]:
        """Lease up to `limit` active feeds that are due, longest overdue first, and commit.

        No feed is leased to two owners at once; a lease ends with `save_polls`, `release_feeds` or its time.
        """
        with self._db.write() as connection:
            return feed_rows.claim(connection, now, limit, lease, owner)

    def marks(self, feeds: Collection[str]) -> dict[str, bytes]:
        """Return what tells the entries of each feed's last document from others, where that is known."""
        with self._db.read() as connection:
            return feed_rows.marks(connection, feeds)

    def save_polls(
        self, polls: Sequence[Poll], now: datetime, marks: Mapping[str, Marks] = _NO_MARKS
    ) -> list[SavedPoll]:
        """Store what polls brought (T1): entries, hints, next poll and the end of the lease, in one transaction.

        `marks` are those of the documents that came, by feed; other feeds keep theirs.

        Results are in the order of `polls`. Entries the feed gave before are not stored again, under whatever key or
        link they come (see identity.py); those whose title or text was edited are revised, and wait to be judged
        again. The entries of a feed's first successful poll are marked baseline. Raises UsageError for a feed that was
        never synced.
        """
        with self._db.write() as connection:
            return feed_rows.save(connection, polls, now, marks)

    def release_feeds(self, owner: str) -> None:
        """End every feed lease of `owner`, so that others need not wait for it to expire."""
        with self._db.write() as connection:
            feed_rows.release(connection, owner)

    def feed_statuses(self) -> list[FeedStatus]:
        """Return every feed, active ones first, then by id."""
        with self._db.read() as connection:
            return feed_rows.statuses(connection)

    # --- health -----------------------------------------------------------------------------------

    def record_health(self, changes: Sequence[HealthChange], to_tell: Sequence[Untold] = ()) -> None:
        """Store changes of feeds' health, and which of them are to be told, in one transaction.

        Raises RacedError, and writes nothing, when the health of one of the feeds has changed since it was read.
        """
        with self._db.write() as connection:
            vitals.record(connection, changes, to_tell)

    def untold_health(self) -> tuple[list[Untold], dict[AlertKind, datetime]]:
        """Return the changes of health that are still to be told, by feed and number; and, where there are any, when
        each kind of alert about sources was planned last."""
        with self._db.read() as connection:
            found = vitals.waiting(connection)
            return found, vitals.told_last(connection) if found else {}

    def tell_health(
        self,
        done: Sequence[HealthChange],
        alerts: Sequence[PlannedAlert],
        now: datetime,
    ) -> None:
        """Take changes from those that are to be told, and store the alerts that tell them, in one transaction.

        An alert that goes to nobody is not kept. Raises RacedError, and writes nothing, when one of the changes was
        told meanwhile.
        """
        with self._db.write() as connection:
            vitals.tell(connection, done, alerts, now)

    def expect_days(self, due: Mapping[str, tuple[datetime | None, datetime]]) -> None:
        """Set, for each feed, the nearest day its items wait for, and by when it is polled at the latest.

        A feed that fails keeps the time of its next poll; nobody's is put off.
        """
        if due:
            with self._db.write() as connection:
                vitals.expect(connection, due)

    def ask_again(self, feeds: Sequence[str], now: datetime) -> None:
        """Make feeds due at once, in one transaction; their failures are kept."""
        if feeds:
            with self._db.write() as connection:
                vitals.hurry(connection, feeds, now)

    def health_history(self, feed: str, limit: int = 100) -> list[HealthChange]:
        """Return a feed's changes of health, latest first; empty for an unknown feed."""
        with self._db.read() as connection:
            return vitals.history(connection, feed, limit)

    def forget_health(self, before: datetime) -> int:
        """Remove changes of health older than a moment, but never a feed's last; return how many.

        Done in slices, each its own short transaction.
        """
        removed = 0
        while True:
            with self._db.write() as connection:
                some = vitals.forget(connection, before)
            removed += some
            if not some:
                return removed

    # --- judge ------------------------------------------------------------------------------------

    def unjudged(self, limit: int) -> list[Entry]:
        """Return entries that wait to be judged, ordered by (at, id)."""
        with self._db.read() as connection:
            return judgements.unjudged(connection, limit)

    def newest_entries(self, feed: str, limit: int) -> list[Entry]:
        """Return a feed's entries in the order they were stored in, the latest first; one whose text was forgotten has
        none. Empty for an unknown feed."""
        with self._db.read() as connection:
            return judgements.newest(connection, feed, limit)

    def standings(self) -> dict[str, Standing]:
        """Return where every active item stands, by item id."""
        with self._db.read() as connection:
            return item_rows.standings(connection)

    def evidence(self, item: str, since: datetime) -> list[Evidence]:
        """Return an item's evidence of `since` and later that was not withdrawn, ordered by (at, id)."""
        return self.evidence_by_item([item], since)[item]

    def evidence_by_item(self, items: Collection[str], since: datetime) -> dict[str, list[Evidence]]:
        """As `evidence`, of several items; one without any has an empty list."""
        with self._db.read() as connection:
            return judgements.evidence(connection, items, since)

    def told(self, entry: str) -> list[Evidence]:
        """Return what earlier texts of an entry gave as evidence and was not withdrawn, by id."""
        with self._db.read() as connection:
            return judgements.told(connection, entry)

    def texts(self, entry: str) -> list[tuple[str, str]]:
        """Return every (title, summary) an entry has had, the first one first and the present one last; evidence
        quotes the one its `revision` numbers. Empty for an unknown entry."""
        with self._db.read() as connection:
            return entry_rows.texts(connection, entry)

    def last_evidence(self) -> dict[str, Evidence]:
        """Return the latest evidence of every active item that has any, by item id."""
        with self._db.read() as connection:
            return judgements.last_evidence(connection)

    def record(
        self,
        judged: Sequence[str],
        evidence: Sequence[Evidence],
        transitions: Sequence[Transition],
        standings: Sequence[Standing],
        alerts: Sequence[PlannedAlert],
        now: datetime,
        *,
        revisions: Mapping[str, int] = MappingProxyType({}),
        withdrawn: Sequence[str] = (),
    ) -> None:
        """Store a judgement (T2): entries, evidence, standings, history and outbox, in one transaction.

        `standings` carry the version they were loaded with plus one; every transition's item must have one, standing
        where its last transition leads. An alert of a transition names it by index, and its key gets the transition's
        number; another is stored unless its key has been told. `revisions` says by which text an entry that was ever
        edited was judged, and `withdrawn` names evidence that such an entry no longer bears out.
        Raises RacedError, and writes nothing, when one of the entries was judged or edited meanwhile or one of the
        items has moved on: load again and repeat. Raises ValueError when the parts contradict each other.
        """
        with self._db.write() as connection:
            judgements.record(connection, judged, evidence, transitions, standings, alerts, now, revisions, withdrawn)

    def history(self, item: str) -> list[HistoryRow]:
        """Return an item's transitions, newest first, each with its evidence; empty for an unknown item."""
        with self._db.read() as connection:
            return item_rows.history(connection, item)

    # --- what is told beside judging --------------------------------------------------------------

    def tell(self, planned: Sequence[PlannedAlert], now: datetime) -> int:
        """Store alerts with their deliveries in one transaction, each once for ever by its key; return how many are
        new. One that goes to nobody is not kept, and may be told later. Where all are known nothing is written."""
        with self._db.read() as connection:
            new = occasions.untold(connection, planned)
        if not new:
            return 0
        with self._db.write() as connection:
            return occasions.tell(connection, new, now)

    def told_of_service(
        self, kinds: Collection[AlertKind], reasons: Collection[str], limit: int = 200
    ) -> list[ToldOfService]:
        """Return the latest alerts about the service of these kinds and reasons, newest first."""
        with self._db.read() as connection:
            return occasions.told_of_service(connection, kinds, reasons, limit)

    # --- articles ---------------------------------------------------------------------------------

    def wanted_articles(self, since: datetime, cached: datetime, now: datetime) -> list[WantedArticle]:
        """Return entries, seen after `since` and the newest first, that want their article: their feed wants full text,
        they are about an item, and their article is neither known, fetched after `cached`, nor given up."""
        with self._db.read() as connection:
            return article_rows.wanted(connection, since, cached, now)

    def save_articles(
        self,
        articles: Sequence[Article],
        retries: Mapping[str, datetime],
        given: Sequence[tuple[WantedArticle, str]],
        now: datetime,
    ) -> int:
        """Store articles and when to try again, by link, and give texts to entries, which are revised and wait to be
        judged again (T5); return how many. One that was edited meanwhile is left as it is."""
        with self._db.write() as connection:
            return article_rows.save(connection, articles, retries, given, now)

    # --- sweep ------------------------------------------------------------------------------------

    def compact(self) -> tuple[int, int]:
        """Give the room of removed text back to the disk (SQLite); return the bytes of the file before and after.

        Nobody else may be at work. On PostgreSQL nothing is done: the server uses such room again by itself.
        """
        return self._db.compact()

    def prune(self, now: datetime, unmatched_before: datetime) -> int:
        """Remove the text of entries seen before `unmatched_before` that gave no evidence; return how many.

        Done in slices, each its own short transaction, so that others can write in between. Identities are kept, so
        that nothing comes back as new; entries that gave evidence are kept whole.
        """
        removed = 0
        with self._db.write() as connection:
            article_rows.prune(connection, unmatched_before)
        while True:
            with self._db.write() as connection:
                some = judgements.prune(connection, now, unmatched_before)
            removed += some
            if not some:
                return removed
