"""How a source is doing, from what its polls came to: healthy, quiet, late, broken, blocked, retired or recovered.

    no answer ──▸ late ──▸ broken or blocked ──▸ recovered ──▸ healthy
    answers, and nothing new for long ──▸ quiet ──▸ recovered
    410 ──▸ retired

Each step takes several polls and some time, so that one lost packet and one lucky answer say nothing. Pure: who stores
the changes, and who is told, is decided elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.domain.feeds import Coverage, FeedStatus, Health, HealthChange, Pace
from watcher.domain.times import require_utc

BREAKING_TRIES = 3  # failures in a row
BREAKING_TIME = timedelta(hours=1)  # between the first of them and now
RECOVERY_TRIES = 2  # successes in a row
RECOVERY_TIME = timedelta(minutes=30)
RECOVERED_FOR = timedelta(days=1)  # how long a source is called recovered before it is simply healthy
QUIET_TRIES = 3  # answers in a row without anything new
PERIODS_LATE = 4  # intervals without an answer; a poll that fails once is made up for after three
SHORTEST_LATE = timedelta(minutes=30)
OVERDUE = timedelta(minutes=30)  # past the time of a poll that nobody made: ours, not the source's fault

SHORTEST_QUIET, LONGEST_QUIET = timedelta(days=3), timedelta(days=90)
UNKNOWN_QUIET = timedelta(days=30)  # where a source's pace is not known yet
LONGEST_TIMES, GAP_TIMES = 2, 10  # a source is quiet after so many times its longest, and its usual gap

COMMON_SHARE, COMMON_LEAST = 0.5, 3  # of all sources, so many at once have one cause
UNREACHED = frozenset({"connect", "dns", "timeout", "tls", "protocol"})  # failures that a machine's own network makes

BLOCKED = frozenset({"blocked", "robots"})  # failures that mean: this client is not welcome
GONE = "gone"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a source's health is, and why: `reason` is a code, `detail` the same for people."""

    health: Health
    reason: str = ""
    detail: str = ""


def expected_period(pace: Pace, own: timedelta | None = None) -> timedelta:
    """Return how long a source may publish nothing before it is called quiet; `own` is the configuration's word."""
    if own is not None:
        return own
    if pace.gap is None:
        return UNKNOWN_QUIET
    longest = max(LONGEST_TIMES * (pace.longest or pace.gap), GAP_TIMES * pace.gap)
    return min(max(longest, SHORTEST_QUIET), LONGEST_QUIET)


def answer_period(feed: FeedStatus) -> timedelta:
    """Return within what time a source has to answer once: some of its intervals."""
    return max(PERIODS_LATE * (feed.interval or feed.every), SHORTEST_LATE)


def answers(feed: FeedStatus, now: datetime) -> bool:
    """Whether a source that is polled has answered in its time."""
    polled = feed.active and feed.retired_at is None
    return polled and feed.last_ok_at is not None and now - feed.last_ok_at <= answer_period(feed)


def looking_period(every: timedelta, interval: timedelta | None) -> timedelta:
    """Return how far apart two answers may be for a source to count as looked at all the time, whoever was away: it, or
    the daemon."""
    return max(PERIODS_LATE * (interval or every), BREAKING_TIME)


def assess(feed: FeedStatus, now: datetime, *, watching_since: datetime) -> Verdict:
    """Return the health of a source; where nothing is certain yet, the one it has.

    `watching_since` is when this process began to poll: what lay due before that is not the source's delay.
    """
    require_utc(now=now, watching_since=watching_since)
    if feed.retired_at is not None:
        return Verdict(Health.RETIRED, GONE, "its server says that it is gone for good; it is polled no more")
    if feed.last_at is None:
        return _kept(feed, Health.NEW)
    found = _failing(feed, now) if feed.failures else _answering(feed, now, watching_since)
    # a quiet source that is late is quiet all the same, and is not told as that once more
    return _kept(feed, Health.NEW) if found.health is Health.LATE and feed.health is Health.QUIET else found


def _kept(feed: FeedStatus, otherwise: Health) -> Verdict:
    """Leave everything as it is; `otherwise` where it is what only a former address can have been."""
    if feed.health is Health.RETIRED:
        return Verdict(otherwise, "address", "it has another address now")
    return Verdict(feed.health, feed.health_reason, feed.health_detail)


def _failing(feed: FeedStatus, now: datetime) -> Verdict:
    since = feed.failing_since or now
    if feed.failures >= BREAKING_TRIES and now - since >= BREAKING_TIME:
        health = Health.BLOCKED if feed.failure in BLOCKED else Health.BROKEN
        return Verdict(health, feed.failure or "failed", feed.last_detail)
    if not feed.health.down and now - (feed.last_ok_at or since) > answer_period(feed):
        return Verdict(Health.LATE, "no_answer", feed.last_detail)
    return _kept(feed, Health.NEW)


def _answering(feed: FeedStatus, now: datetime, watching_since: datetime) -> Verdict:
    if feed.health.down:
        since = feed.answering_since or now
        if feed.successes >= RECOVERY_TRIES and now - since >= RECOVERY_TIME:
            return Verdict(Health.RECOVERED, "answers", "it answers again")
        return _kept(feed, Health.NEW)
    if now - max(feed.next_poll_at, watching_since) > OVERDUE:
        return Verdict(Health.LATE, "overdue", "it was not polled in its time: the service does not keep up")
    period = expected_period(feed.pace, feed.quiet_after)
    if feed.news_at and feed.last_ok_at and feed.last_ok_at - feed.news_at > period:
        if feed.successes >= QUIET_TRIES or feed.health is Health.QUIET:
            return Verdict(Health.QUIET, "silent", f"it answers, and has published nothing new for {_days(period)}")
        return _kept(feed, Health.NEW)
    if feed.health is Health.QUIET:
        return Verdict(Health.RECOVERED, "publishes", "it publishes again")
    if feed.health is Health.RECOVERED and now - (feed.health_since or now) < RECOVERED_FOR:
        return _kept(feed, Health.HEALTHY)
    return Verdict(Health.HEALTHY, "answers", "")


def _days(period: timedelta) -> str:
    days = period / timedelta(days=1)
    return f"more than {days:.0f} days" if days >= 2 else f"more than {days * 24:.0f} hours"


def changes(feeds: Iterable[FeedStatus], now: datetime, *, watching_since: datetime) -> list[HealthChange]:
    """Return what has changed, by feed id; feeds that are no longer configured are left as they were.

    When most sources fail together, the cause is one, and probably ours: the first that breaks takes along all that
    fail, and the first that is back all that answer, so that it is one event and not a hundred.
    """
    active = sorted((feed for feed in feeds if feed.active), key=lambda feed: feed.id)
    verdicts = {feed.id: assess(feed, now, watching_since=watching_since) for feed in active}
    if common_outage(active):
        new = {verdicts[feed.id].health for feed in active if verdicts[feed.id].health is not feed.health}
        for feed in active:
            if Health.BROKEN in new and feed.failures and not feed.health.down and not verdicts[feed.id].health.down:
                verdicts[feed.id] = Verdict(Health.BROKEN, feed.failure or "failed", feed.last_detail)
            elif Health.RECOVERED in new and feed.health in _DOWN and feed.successes:
                verdicts[feed.id] = Verdict(Health.RECOVERED, "answers", "it answers again")
    return [
        HealthChange(feed.id, feed.health_n + 1, feed.health, verdict.health, verdict.reason, verdict.detail, now)
        for feed in active
        if (verdict := verdicts[feed.id]).health is not feed.health
    ]


_DOWN = (Health.BROKEN, Health.BLOCKED)


def common_outage(feeds: Sequence[FeedStatus]) -> bool:
    """Whether most sources are down or fail right now: COMMON_SHARE of them, and COMMON_LEAST at least."""
    bad = sum(bool(feed.failures) or feed.health in _DOWN for feed in feeds)
    return bad >= _least_common(feeds)


def _least_common(feeds: Sequence[FeedStatus]) -> int:
    return max(COMMON_LEAST, math.ceil(COMMON_SHARE * len(feeds)))


def joining(feeds: Sequence[FeedStatus]) -> frozenset[str]:
    """Name the sources that fail for a common outage which was found before: they cannot be reached, and have not
    answered since so many were down that it was common.

    Sources are asked at different times, some only hours later; their trouble is the same.
    """
    down = sorted((feed.health_since for feed in feeds if feed.health in _DOWN and feed.health_since), reverse=True)
    least = _least_common(feeds)
    if len(down) < least:
        return frozenset()
    since = down[least - 1]
    return frozenset(
        feed.id
        for feed in feeds
        if feed.failure in UNREACHED and feed.last_ok_at is not None and feed.last_ok_at <= since
    )


def ask_again(feeds: Sequence[FeedStatus]) -> list[str]:
    """Name the sources to ask at once, because a common outage has just ended.

    These are the ones that could not be reached, and were last asked before the first that was down answered again:
    their back-off was for a trouble that was not theirs. A source that asked to be left alone is.
    """
    if not common_outage(feeds):
        return []
    back = [feed.answering_since for feed in feeds if feed.health in _DOWN and feed.answering_since is not None]
    return [
        feed.id
        for feed in feeds
        if back and feed.failure in UNREACHED and feed.last_at is not None and feed.last_at < min(back)
    ]


def cover(sources: Mapping[str, Sequence[str]], feeds: Iterable[FeedStatus], now: datetime) -> list[Coverage]:
    """Return, per item, how many of the feeds it is watched through answered in their time (`answer_period`).

    `sources` names every item's feeds. A feed that was never polled has not answered.
    """
    answered = {feed.id for feed in feeds if answers(feed, now)}
    found = []
    for item, names in sources.items():
        missing = tuple(name for name in names if name not in answered)
        found.append(Coverage(item, len(names) - len(missing), len(names), missing))
    return found
