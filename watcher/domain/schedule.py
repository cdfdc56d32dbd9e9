"""When to poll a feed next, and when to try a delivery again: arithmetic only; the caller brings the clock and stores
the answer."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from watcher.domain.model import Delivery, Failed, require_utc

LONGEST_BACK_OFF = timedelta(hours=6)
LONGEST_WAIT = timedelta(hours=24)  # a server may ask for more; a feed is still looked at once a day
JITTER = 0.1  # part of the wait by which feeds are spread, to either side
MINIMUM = timedelta(milliseconds=50)

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
MAX_ATTEMPTS = 55  # with the waits above two days or a little more, so that no night's outage is too long
LONGEST_WISH = timedelta(days=1)  # a receiver's own "retry after" is honoured up to this


def next_poll(
    every: timedelta,
    now: datetime,
    failures: int,
    retry_after: timedelta | None,
    feed_id: str,
    *,
    minimum: timedelta = MINIMUM,
) -> datetime:
    """Return when a feed is due again.

    `every` after a success (`failures` 0); doubled for each failure in a row, up to LONGEST_BACK_OFF, or `every` where
    that is longer. What the server asks for (`retry_after`) is kept to, up to LONGEST_WAIT. The wait is spread by up
    to ±JITTER, by a hash of the feed's id and its failures: the same for the same arguments, different between feeds,
    and never to less than the server asked for. Never earlier than `now` + `minimum`.
    """
    require_utc(now=now)
    wait = back_off(every, failures) * (1 + JITTER * _spread(feed_id, failures))
    if retry_after is not None:
        asked = min(retry_after, LONGEST_WAIT)
        wait = max(wait, asked * (1 + JITTER * abs(_spread(feed_id, failures))))
    return now + max(wait, minimum)


def back_off(every: timedelta, failures: int) -> timedelta:
    """Return the wait after so many failures in a row, before jitter."""
    if failures <= 0:
        return every
    ceiling = max(every, LONGEST_BACK_OFF)
    doubled = every * 2 ** min(failures, 30) if every < ceiling else ceiling
    return min(doubled, ceiling)


def _spread(feed_id: str, failures: int) -> float:
    """Map a feed and its failures onto -1..1, evenly."""
    digest = hashlib.sha256(f"{feed_id}\n{failures}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / (2**64 - 1) * 2 - 1


def next_attempt(delivery: Delivery, failed: Failed, now: datetime) -> datetime | None:
    """Return when to try a delivery again: FIRST_RETRY, doubled with each attempt up to LONGEST_RETRY.

    Up to a tenth is added, by a hash of the delivery's id and its attempts, so that many do not come at once. Not
    before what the receiver asked for, up to LONGEST_WISH. None when it is given up: it cannot succeed, or was tried
    MAX_ATTEMPTS times.
    """
    require_utc(now=now)
    if not failed.retryable or delivery.attempts >= MAX_ATTEMPTS:
        return None
    wait: timedelta = min(FIRST_RETRY * 2 ** min(max(0, delivery.attempts - 1), 30), LONGEST_RETRY)
    wait *= 1 + JITTER * abs(_spread(delivery.id, delivery.attempts))
    if failed.retry_after is not None:
        wait = max(wait, min(failed.retry_after, LONGEST_WISH))
    return now + wait
