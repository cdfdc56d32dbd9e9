"""The methods of `Store` for what people do: silences, acknowledgements and notes, and what a back-fill reads; one
transaction each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from watcher.domain.alerts import Act, Silence
from watcher.domain.model import Entry
from watcher.storage import acts as act_rows
from watcher.storage import judgements
from watcher.storage import silences as silence_rows
from watcher.storage.database import Database


class People:
    """A part of `Store`."""

    _db: Database

    def silences(self, now: datetime) -> list[Silence]:
        """Return the silences in force, the first to end first."""
        with self._db.read() as connection:
            return silence_rows.active(connection, now)

    def all_silences(self, limit: int = 100) -> list[Silence]:
        """Return silences whether in force or not, latest first."""
        with self._db.read() as connection:
            return silence_rows.every(connection, limit)

    def silence(self, silence: Silence, now: datetime) -> Silence:
        """Store a silence and return it with its id.

        Raises UsageError where it would be over before it begins, or is already.
        """
        with self._db.write() as connection:
            return silence_rows.add(connection, silence, now)

    def silence_since(self, silence: Silence, since: datetime) -> Silence | None:
        """Return a stored silence of the same conditions by the same person that began at `since` or later."""
        with self._db.read() as connection:
            return silence_rows.same_since(connection, silence, since)

    def silence_once(self, silence: Silence, since: datetime, now: datetime) -> Silence | None:
        """Store a silence as `silence` does, unless there is its like by `silence_since`; then return None."""
        with self._db.write() as connection:
            return silence_rows.add_once(connection, silence, since, now)

    def end_silence(self, silence_id: int, by: str, now: datetime) -> Silence:
        """End a silence before its time; raises UsageError when there is none of that id or it is over."""
        with self._db.write() as connection:
            return silence_rows.end(connection, silence_id, by, now)

    def act(self, act: Act) -> Act:
        """Store what a person did and return it with its id; raises UsageError for an unknown item."""
        with self._db.write() as connection:
            return act_rows.add(connection, act)

    def acts(self, item: str) -> list[Act]:
        """Return what people did about an item and its alerts, in order; empty for an unknown item."""
        with self._db.read() as connection:
            return act_rows.of_item(connection, item)

    def latest_acts(self, limit: int = 100) -> list[Act]:
        """Return what people did about all items, latest first."""
        with self._db.read() as connection:
            return act_rows.latest(connection, limit)

    def acknowledge(self, of: str | int, by: str, text: str, now: datetime) -> list[int]:
        """Acknowledge an alert (by its id), or every alert of an item (by the item's id) that somebody was told of and
        nobody has acknowledged; return the ids of the alerts it is new for, in order.

        A reminder stands for the alert that it reminds of: that one's id is stored and returned. An alert is
        acknowledged once: again is no error, and changes nothing. Raises UsageError for an unknown item or alert, and
        for an alert that is about no item.
        """
        with self._db.write() as connection:
            return act_rows.acknowledge(connection, of, by, text, now)

    def unacknowledged(self, since: datetime) -> dict[str, int]:
        """Count, by item, the alerts planned since a moment that somebody was told of and nobody acknowledged; items
        without any are left out."""
        with self._db.read() as connection:
            return act_rows.unacknowledged(connection, since)

    # --- back-fill --------------------------------------------------------------------------------

    def judged(self, since: datetime) -> list[str]:
        """Return the ids of entries of `since` and later that were judged and have their text still, by (at, id)."""
        with self._db.read() as connection:
            return judgements.judged(connection, since)

    def entries(self, ids: Sequence[str]) -> list[Entry]:
        """Return those of these entries that were judged and have their text still, ordered by (at, id)."""
        with self._db.read() as connection:
            return judgements.entries(connection, ids)
