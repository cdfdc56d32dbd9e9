"""`Outgoing`: the part of `Store` that claims, settles and shows what is sent; one transaction per method."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from watcher.domain.alerts import (
    Backlog,
    DeliveryRow,
    DeliveryState,
    Ending,
    Message,
    MessageRow,
    ReceiverRow,
    SendOutcome,
    Settled,
)
from watcher.domain.composing import Limits
from watcher.storage import claims, ledger, outbox, settling
from watcher.storage.database import Database

_NO_LIMITS = Limits()


class Outgoing:
    """What is sent, and to be sent, by the database of one installation."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def claim_messages(
        self, now: datetime, limit: int, lease: timedelta, owner: str, limits: Limits = _NO_LIMITS
    ) -> list[Message]:
        """Lease up to `limit` messages whose turn it is (T3), oldest first, and commit; counts the attempt.

        Due are deliveries whose time has come and those whose sender's lease has expired: its attempt is entered in
        the ledger as lost. Those to one receiver go in the order in which they were planned, and to one owner at a
        time: none while an earlier one waits for its time or is leased. What goes together is `domain.composing`'s
        rule; what a route's budget in `limits` does not allow now is held back, and a receiver with a rate, or one that
        failed, gets one message.
        """
        with self._db.write() as connection:
            return claims.claim(connection, now, limit, lease, owner, limits)

    def settle_all(
        self, endings: Sequence[Ending], owner: str, now: datetime, system: Sequence[str] = ()
    ) -> dict[str, Settled]:
        """Store how the sends of messages ended (T4), with a line in the ledger of each delivery they carry, in one
        transaction; return what became of them by id.

        Sent ends deliveries; Failed queues them again, or gives them up where the ending has no other time, unless the
        receiver takes nothing at all. When it begins or ceases to do so, the `system` receivers are told, but for
        itself. Nothing is written of a message that is no longer leased to `owner`, and it is left out of the result.
        """
        with self._db.write() as connection:
            return settling.settle(connection, endings, owner, now, system)

    def settle(
        self, message_id: str, owner: str, outcome: SendOutcome, now: datetime, retry_at: datetime | None = None
    ) -> Settled | None:
        """Store how the send of one message ended (`settle_all`); None when it was no longer leased to `owner`."""
        return self.settle_all([Ending(message_id, outcome, retry_at)], owner, now).get(message_id)

    def put_back(self, message_ids: Collection[str], owner: str, why: str) -> set[str]:
        """Return what claimed messages carry, and was not tried, to the queue, due as before; neither counted nor in
        the ledger.

        Returns the messages that were; those no longer leased to `owner` are left as they are.
        """
        with self._db.write() as connection:
            return settling.put_back(connection, message_ids, owner, why)

    def deliveries(
        self,
        states: Collection[DeliveryState] = (),
        limit: int = 100,
        *,
        receivers: Collection[str] = (),
        about: Collection[str] = (),
    ) -> list[DeliveryRow]:
        """Return deliveries in these states, to these receivers and about these items (any, where none are named),
        latest first, each with its ledger."""
        with self._db.read() as connection:
            return ledger.deliveries(connection, states, limit, receivers, about)

    def given_up(self, limit: int = 100) -> list[DeliveryRow]:
        """Return deliveries that were given up, the latest given up first, each with its ledger."""
        with self._db.read() as connection:
            return ledger.given_up(connection, limit)

    def carried(self, some_id: str) -> list[DeliveryRow]:
        """Return a delivery by its id, or what a message carries by its; each with its ledger. Empty for neither."""
        with self._db.read() as connection:
            return ledger.carried(connection, some_id)

    def messages(self, ids: Collection[str]) -> dict[str, MessageRow]:
        """Return messages by their ids."""
        with self._db.read() as connection:
            return ledger.messages(connection, ids)

    def receivers(self, now: datetime) -> list[ReceiverRow]:
        """Return every address that was ever sent something, or is to be, by name: whether it takes messages, and what
        waits for it."""
        with self._db.read() as connection:
            return ledger.receivers(connection, now)

    def retry_delivery(self, some_id: str, now: datetime) -> int:
        """Queue a delivery again, by its own id or its message's, due at once, its attempts counted anew; its receiver
        is asked again at once. What one message carried goes again as one. Returns how many deliveries were queued.

        Raises UsageError when there is none of that id, or it is sent or being sent.
        """
        with self._db.write() as connection:
            return outbox.retry(connection, some_id, now)

    def retry_dead(self, receivers: Collection[str], now: datetime) -> int:
        """Queue again all that were given up, of these receivers where any are named; return how many."""
        with self._db.write() as connection:
            return outbox.retry_dead(connection, receivers, now)

    def drop_delivery(self, some_id: str, now: datetime) -> int:
        """Give a delivery up on a person's word, or all that a message carries; they are kept and shown. Returns how
        many.

        Raises UsageError when there is none of that id, or it is sent or being sent.
        """
        with self._db.write() as connection:
            return outbox.drop(connection, some_id, now)

    def backlog(self, now: datetime) -> Backlog:
        """Count the work that waits."""
        with self._db.read() as connection:
            return ledger.backlog(connection, now)
