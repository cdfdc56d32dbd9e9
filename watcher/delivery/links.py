"""Links in messages by which a reader acknowledges an alert or mutes an item, without logging in: signed, so that
nobody else can make one, and good for a time only. What such a link does is done elsewhere.

A link is a bearer's: whoever it is forwarded to may use it, in the name of the receiver it was written to.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

from itsdangerous import BadData, URLSafeSerializer

from watcher.domain.times import require_utc

PATH = "/a/"  # below the board's address; the token follows
MUTED_FOR = timedelta(days=7)  # by a link
_LONGEST = 1000  # characters of a token: one that is longer is none of ours


class Deed(StrEnum):
    """What a link does."""

    ACK = "ack"
    MUTE = "mute"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a link that is ours and still good asks for."""

    deed: Deed
    subject: str  # of an ack the id of the stored alert, of a mute the item's
    receiver: str  # address name it was written to
    issued: datetime


class Refusal(StrEnum):
    """Why a link does nothing."""

    EXPIRED = "expired"
    WRONG = "wrong"  # not made by this service, or not with its present key


class Links:
    """Makes links below a board's address, and reads their tokens. Its repr shows no secret."""

    def __init__(self, board: str, secret: str, valid: timedelta) -> None:
        """`board` is an http(s) address, `valid` how long a link is good from its making on."""
        parts = urlsplit(board)
        self._base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self._valid = valid
        self._signer = URLSafeSerializer(
            secret,
            salt="watcher.delivery.links",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    @classmethod
    def of(cls, board: str, secret: str, valid: timedelta) -> Links | None:
        """Return what makes links; None where there is no board to lead to or no key to sign with."""
        return cls(board, secret, valid) if board and secret else None

    def ack(self, alert_id: int, receiver: str, now: datetime) -> str:
        """Return the link by which `receiver` acknowledges a stored alert; good from `now` on."""
        return self._link(Claim(Deed.ACK, str(alert_id), receiver, now))

    def mute(self, item: str, receiver: str, now: datetime) -> str:
        """Return the link by which `receiver` mutes an item for seven days; good from `now` on."""
        return self._link(Claim(Deed.MUTE, item, receiver, now))

    def read(self, token: str, now: datetime) -> Claim | Refusal:
        """Return what a token asks for, or why it does nothing."""
        if len(token) > _LONGEST:
            return Refusal.WRONG
        try:
            deed, subject, receiver, issued = self._signer.loads(token)
            claim = Claim(Deed(deed), subject, receiver, datetime.fromtimestamp(issued, UTC))
        except (BadData, ValueError, TypeError):
            return Refusal.WRONG
        return Refusal.EXPIRED if now >= claim.issued + self._valid else claim

    def _link(self, claim: Claim) -> str:
        require_utc(issued=claim.issued)
        told = [claim.deed.value, claim.subject, claim.receiver, int(claim.issued.timestamp())]
        return f"{self._base}{PATH}{self._signer.dumps(told)}"
