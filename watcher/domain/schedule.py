"""When to poll a feed next, and when to try a delivery again: arithmetic only; the caller brings the clock and stores
the answer.

    learn     the times of a feed's entries -> how often it publishes
    interval  that, what it says of itself, and the day its items wait for -> how long to wait, between two bounds
    next_poll the same with failures, jitter and what the server asks for -> when
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from watcher.domain.alerts import Failed, Message
from watcher.domain.feeds import Feed, Pace
from watcher.domain.times import require_utc

LONGEST_BACK_OFF = timedelta(hours=6)
LONGEST_WAIT = timedelta(hours=24)  # a server may ask for more; a feed is still looked at once a day
JITTER = 0.1  # part of the wait by which feeds are spread: a learned one to either side, a fixed one to the shorter
MINIMUM = timedelta(milliseconds=50)

POLLS_PER_GAP = 2  # a feed is asked so often in the time that usually lies between two of its entries
SILENCE_SHARE = 10  # and, when it has been silent for longer, once in this part of its silence
BURST = timedelta(minutes=1)  # entries closer together were published at once: one event, not a pace
TURN = 0.2  # the weight of one new gap in the learned one
OUTLIER = 4  # times longer or shorter than the learned gap is as far as one gap counts
MOST_GAPS = 60  # of one document
HALF_LIFE = timedelta(days=30)  # in which a long silence is half forgotten
HURRY = timedelta(days=1)  # before a day that an item waits for, and after its end
LOOKS_AHEAD = 48  # a day further off is looked at so often before the hurry begins

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
MAX_ATTEMPTS = 55  # with the waits above two days or a little more, so that no night's outage is too long
LONGEST_WISH = timedelta(days=1)  # a receiver's own "retry after" is honoured up to this


def learn(pace: Pace, times: Iterable[datetime], now: datetime) -> Pace:
    """Fold the times of entries into what is known of their feed's pace.

    Only times later than the latest known count, and none in the future: entries seen before, given again, teach
    nothing. The first gaps of all are taken by their median (and the longest but one, as many feeds hold one ancient
    entry); each later one moves the learned gap by a part, and as an outlier by no more than OUTLIER times.
    """
    require_utc(now=now)
    known = pace.newest_at
    fresh = sorted({at for at in times if at <= now and (known is None or at > known)})
    if not fresh:
        return pace
    marks = [known] if known else []
    for at in fresh:
        if not marks or at - marks[-1] >= BURST:
            marks.append(at)
    gaps = [later - earlier for earlier, later in pairwise(marks)][-MOST_GAPS:]
    gap, longest = pace.gap, pace.longest
    if gaps and gap is None:
        gap, longest = sorted(gaps)[(len(gaps) - 1) // 2], sorted(gaps)[-2 if len(gaps) > 4 else -1]
    else:
        for one in gaps:
            gap, longest = _fold(gap or one, one), _remember(longest or one, one)
    return replace(pace, gap=gap, longest=longest, newest_at=fresh[-1])


def _fold(gap: timedelta, one: timedelta) -> timedelta:
    ratio = min(max(one / gap, 1 / OUTLIER), OUTLIER)
    return max(gap * float(ratio**TURN), BURST)


def _remember(longest: timedelta, one: timedelta) -> timedelta:
    """Keep the longer one; the old one fades with the time that has passed."""
    faded = longest * float(0.5 ** min(one / HALF_LIFE, 64.0))
    return max(one, faded)


def interval(
    feed: Feed, pace: Pace, now: datetime, *, deadline: datetime | None = None, fresh_for: timedelta | None = None
) -> timedelta:
    """Return how long to wait between two polls that succeed; always between the feed's bounds, where it has any.

    Half of the usual gap between its entries, longer when it has been silent for long, and not more often than it asks
    for: by itself (`pace.told`) or by its server (`fresh_for`: Cache-Control, Expires). A day that its items wait for
    overrules that: the nearer it is, the shorter the wait, down to the shortest one within HURRY of that day.
    """
    require_utc(now=now, deadline=deadline)
    if feed.fastest is None or feed.slowest is None:
        return feed.every
    wish = feed.every if pace.gap is None else pace.gap / POLLS_PER_GAP
    if pace.gap is not None and pace.newest_at is not None:
        wish = max(wish, (now - pace.newest_at) / SILENCE_SHARE)
    wish = max(wish, pace.told or wish, fresh_for or wish)
    if deadline is not None and deadline + timedelta(days=1) + HURRY > now:
        wish = min(wish, max(deadline - HURRY - now, timedelta(0)) / LOOKS_AHEAD)
    return min(max(wish, feed.fastest), feed.slowest)


def next_poll(
    every: timedelta,
    now: datetime,
    failures: int,
    retry_after: timedelta | None,
    feed_id: str,
    *,
    minimum: timedelta = MINIMUM,
    maximum: timedelta | None = None,
) -> datetime:
    """Return when a feed is due again.

    `every` after a success (`failures` 0); doubled for each failure in a row, up to LONGEST_BACK_OFF, or `every` where
    that is longer. What the server asks for (`retry_after`) is kept to, up to LONGEST_WAIT. The wait is spread by up
    to ±JITTER, by a hash of the feed's id and its failures: the same for the same arguments, different between feeds,
    and never to less than the server asked for. Never earlier than `now` + `minimum`; after a success not later than
    `now` + `maximum` either, unless the server asks for it. Without a `maximum`, `every` is fixed: a promise of how old
    news may get, so after a success the wait is only ever shortened, by up to JITTER.
    """
    require_utc(now=now)
    spread = _spread(feed_id, failures)
    if maximum is None and not failures:
        spread = (spread - 1) / 2
    wait = back_off(every, failures) * (1 + JITTER * spread)
    if maximum is not None and not failures:
        wait = min(wait, maximum)
    if retry_after is not None:
        asked = min(retry_after, LONGEST_WAIT)
        wait = max(wait, asked * (1 + JITTER * abs(_spread(feed_id, failures))))
    return now + max(wait, minimum)


def rested(until: datetime, now: datetime, feed_id: str) -> datetime:
    """Return when a feed is polled whose host is to be left alone until then: up to a tenth of that time later, so that
    its feeds do not come all at once."""
    require_utc(until=until, now=now)
    return until + (until - now) * JITTER * abs(_spread(feed_id, 0))


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


def next_attempt(message: Message, failed: Failed, now: datetime) -> datetime | None:
    """Return when to try a message again: FIRST_RETRY, doubled with each attempt up to LONGEST_RETRY.

    Up to a tenth is added, by a hash of its id and its attempts, so that many do not come at once. Not
    before what the receiver asked for, up to LONGEST_WISH. None when it is given up: it cannot succeed, or was tried
    MAX_ATTEMPTS times.
    """
    require_utc(now=now)
    if not failed.retryable or message.attempts >= MAX_ATTEMPTS:
        return None
    wait: timedelta = min(FIRST_RETRY * 2 ** min(max(0, message.attempts - 1), 30), LONGEST_RETRY)
    wait *= 1 + JITTER * abs(_spread(message.id, message.attempts))
    if failed.retry_after is not None:
        wait = max(wait, min(failed.retry_after, LONGEST_WISH))
    return now + wait
