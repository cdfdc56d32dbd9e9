"""The methods of `Store` for what is told again and in digests; one transaction each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from watcher.domain.alerts import AlertKind, AlertRow, PlannedAlert
from watcher.domain.digests import Change, DigestRow
from watcher.domain.model import Evidence
from watcher.storage import digests as digest_rows
from watcher.storage import told
from watcher.storage.database import Database


class Tellings:
    """A part of `Store`."""

    _db: Database

    def alerts(
        self,
        *,
        kinds: Collection[AlertKind] = (),
        since: datetime | None = None,
        item: str = "",
        ids: Collection[int] = (),
        unacknowledged: bool = False,
        limit: int | None = None,
    ) -> list[AlertRow]:
        """Return stored alerts, latest first, each with its deliveries (without their ledgers) and who acknowledged it.

        `item` is what they are about, `since` when they were planned at the earliest; a condition that is left out
        holds. `unacknowledged` are those about items that somebody was told of and nobody has acknowledged; a reminder
        stands for what it reminds of, and is none itself.
        """
        with self._db.read() as connection:
            return told.alerts(
                connection, kinds=kinds, since=since, item=item, ids=ids, unacknowledged=unacknowledged, limit=limit
            )

    # --- told again -------------------------------------------------------------------------------

    def told_by(
        self,
        routes: Collection[str],
        kinds: Collection[AlertKind],
        since: datetime,
        *,
        after: int = 0,
        limit: int = 500,
    ) -> list[AlertRow]:
        """Return alerts of these kinds that one of these routes has told somebody, then all reminders and escalations
        of them, each in the order planned, where the alert or one of these was planned since a moment: the first
        `limit` whose id is above `after`.

        Left out is what was acknowledged and what is about an item that has moved since or is watched no more, unless
        a reminder of it waits.
        """
        with self._db.read() as connection:
            first = told.first_told(connection, kinds, routes, since, after, limit)
            return first + told.reminders(connection, [row.id for row in first])

    def tell_again(
        self, planned: Sequence[PlannedAlert], versions: Mapping[str, int], called_off: Collection[str], now: datetime
    ) -> tuple[list[PlannedAlert], int]:
        """Store reminders and escalations, and give up those of these deliveries that wait and were never tried, in one
        transaction; return what was stored, and how many were given up.

        Left out is what was told before, what somebody has acknowledged meanwhile, and what is about an item that is
        not at the version (by item) that the plan was made with.
        """
        with self._db.write() as connection:
            stored = told.again(connection, planned, versions, now)  # its locks come before those of receivers
            return stored, told.call_off(connection, called_off, "no longer wanted", now)

    # --- digests ----------------------------------------------------------------------------------

    def digests(self) -> dict[str, DigestRow]:
        """Return when every route's digest was last made and is next, by route."""
        with self._db.read() as connection:
            return digest_rows.rows(connection)

    def expect_digests(self, wanted: Mapping[str, tuple[str, datetime]], now: datetime) -> None:
        """Make the routes with a digest those that are wanted: route -> (timetable, next time), in one transaction.

        A new one covers what is recorded from now on; one whose timetable has changed still covers all since its last;
        one that is not named is forgotten.
        """
        with self._db.write() as connection:
            digest_rows.expect(connection, wanted, now)

    def make_digest(self, seen: DigestRow, made: DigestRow, planned: PlannedAlert | None, now: datetime) -> bool:
        """Go from a digest as it was `seen` to the next, and store what is told of it, if anything, in one transaction.

        Returns False, and writes nothing, when another worker was first.
        """
        with self._db.write() as connection:
            return digest_rows.make(connection, seen, made, planned, now)

    def changes(self, after: int = 0, since: datetime | None = None) -> list[Change]:
        """Return the transitions of all items recorded after one, by its id, and at `since` or later, in that order;
        starts are none."""
        with self._db.read() as connection:
            return digest_rows.changes(connection, after, since)

    def evidence_since(self, since: datetime) -> list[Evidence]:
        """Return the evidence of all items recorded since a moment that is news and was not withdrawn, by (at, id)."""
        with self._db.read() as connection:
            return digest_rows.evidence_since(connection, since)
