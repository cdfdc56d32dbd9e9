"""The first verb of the pipeline (see pipeline.py): feeds are claimed, asked, parsed and saved, all at the same time.

Which of it happens in threads and processes is the affair of `watcher.feeds`; here is one thread and one loop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from watcher.config.polling import Polling
from watcher.domain.feeds import DueFeed, Feed, NewEntry, Poll, PollResult
from watcher.domain.schedule import LONGEST_WAIT, interval, learn, next_poll
from watcher.feeds.entries import ParsedEntry
from watcher.feeds.http import Failure, Fetcher, FetchFailed, NotModified
from watcher.feeds.parsers import Parsers
from watcher.feeds.rounds import Answer, Round
from watcher.storage.store import Marks, Store

NOT_A_FEED = "not_a_feed"  # the failure of something that came and cannot be read
FEEDS_A_SAVE, SAVE_AFTER = 200, timedelta(seconds=0.25)  # saved together, and how long the first of them waits
# or feeds with so many entries: to save and judge them takes a tenth of a second, in which the next are parsed
ENTRIES_A_SAVE = 750

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class FeedPolled:
    """What one feed's poll came to."""

    feed: str
    result: PollResult
    detail: str = ""
    new: int = 0  # entries not seen before
    baseline: bool = False  # the feed's first poll: its entries move nothing aloud
    revised: int = 0  # known entries that were edited


@dataclass(frozen=True, slots=True)
class Polled:
    """What was polled, in the order in which it was saved."""

    feeds: tuple[FeedPolled, ...] = ()


def poll(
    store: Store,
    fetcher: Fetcher,
    polling: Polling,
    *,
    owner: str,
    clock: Clock,
    stop: threading.Event | None = None,
    due_by: datetime | None = None,
    saved: Callable[[Sequence[FeedPolled]], bool] | None = None,
    parsers: Parsers | None = None,
) -> Polled:
    """Poll the feeds that are due, and those that come due meanwhile, until nothing is due and nothing under way; with
    `due_by` only those that are due then, each once.

    All of this goes on at the same time for different feeds; no slow host, document or judgement holds up the others.

    1. Claim feeds by lease (committed at once), as soon as there is room. A crash after it: they are due again when
       the lease ends.
    2. Fetch, with no transaction open. A crash: as above; nothing was promised to the feed.
    3. Parse what was not seen before. A feed that cannot be parsed keeps its old caching hints, so it is parsed again
       next time.
    4. T1, as soon as FEEDS_A_SAVE are ready, or as many as bring ENTRIES_A_SAVE, or SAVE_AFTER is over: entries, hints,
       marks, next poll and the end of the lease in one transaction. A crash before: as above. After: the entries wait
       for `judge`.
    5. `saved` is told of each T1, in this thread, so that news is judged while others are waited for. When it returns
       False nothing more is claimed, and what is under way is finished.

    With many feeds that does not end by itself. With `stop` set it saves what is ready; the caller gives the rest back
    (`Store.release_feeds`). Returns what was polled, unless `saved` is told of it. `parsers` are processes to use that
    stay for the next time.
    """
    stop = stop or threading.Event()
    done: list[FeedPolled] = []
    with Round(fetcher, max_entries=polling.max_entries, stop=stop, parsers=parsers) as going:
        desk = _PollDesk(store, going, polling, owner, clock, due_by)
        while not stop.is_set() and desk.claim():
            feeds = desk.save()
            if saved is None:
                done.extend(feeds)
            elif feeds and not saved(feeds):
                desk.closed = True
    return Polled(tuple(done))


@dataclass(slots=True)
class _PollDesk:
    """The feeds in hand: claimed, and not saved yet."""

    store: Store
    going: Round
    polling: Polling
    owner: str
    clock: Clock
    due_by: datetime | None
    closed: bool = False  # nothing more is claimed
    due: dict[str, DueFeed] = field(default_factory=dict)
    look_at: float = 0.0  # when to look again, by a clock that only runs, if nothing was due the last time

    def claim(self) -> bool:
        """Claim as many as there is room for and ask for them; False when nothing is in hand then."""
        room = self.going.room
        if self.closed or not room or (self.due and time.monotonic() < self.look_at):
            return bool(self.due)
        now = self.clock()
        due_by = self.due_by or now
        # short on purpose: polling a feed twice is harmless, waiting long after a crash is not
        lease = now - due_by + self.polling.timeout * 2 + timedelta(seconds=5)
        claimed = self.store.claim_feeds(due_by, room, lease, self.owner)
        # those behind a slow host outlive their lease, and are then claimed once more
        fresh = [due for due in claimed if due.feed.id not in self.due]
        if len(claimed) < room or not fresh:
            self.look_at = time.monotonic() + self.polling.tick.total_seconds()
        if fresh:
            self.due |= {due.feed.id: due for due in fresh}
            self.going.ask(fresh, self.store.marks([due.feed.id for due in fresh]), now)
        return bool(self.due)

    def save(self) -> tuple[FeedPolled, ...]:
        """Take what is ready, and save it."""
        answers = self.going.take(FEEDS_A_SAVE, SAVE_AFTER.total_seconds(), entries=ENTRIES_A_SAVE)
        if not answers:
            return ()
        now = self.clock()
        polls = [_poll_from(self.due[answer.outcome.feed], answer, now) for answer in answers]
        marks = {
            answer.outcome.feed: Marks(answer.parsed.marks, answer.parsed.known)
            for answer in answers
            if answer.parsed is not None
        }
        pairs = zip(polls, self.store.save_polls(polls, now, marks), strict=True)
        for poll in polls:
            del self.due[poll.feed]
        return tuple(
            FeedPolled(p.feed, p.result, p.detail, saved.new, saved.baseline, saved.revised) for p, saved in pairs
        )


def _poll_from(due: DueFeed, answer: Answer, now: datetime) -> Poll:
    feed, outcome, parsed = due.feed, answer.outcome, answer.parsed
    result, detail, failure = _came_to(answer)
    entries: tuple[NewEntry, ...] = ()
    hints = outcome.hints if result.ok and not isinstance(outcome, FetchFailed) else None
    retry_after, fresh_for, moved_to, pace, rests = None, None, None, due.pace, None
    if parsed is not None:
        entries = tuple(_new_entry(entry, feed) for entry in parsed.entries)
        times = [entry.published for entry in entries if entry.published]
        pace = learn(replace(pace, told=parsed.every), times, now)
    if isinstance(outcome, FetchFailed):
        retry_after = outcome.retry_after
        if outcome.status == 429 and outcome.host and retry_after:
            rests = outcome.host, now + min(retry_after, LONGEST_WAIT)
    else:
        fresh_for, moved_to = outcome.fresh_for, outcome.moved_to
    failures = 0 if result.ok else due.failures + 1
    wait = interval(feed, pace, now, deadline=due.deadline, fresh_for=fresh_for)
    bounds = {"minimum": feed.fastest, "maximum": feed.slowest} if feed.fastest and feed.slowest else {}
    return Poll(
        feed=feed.id,
        at=now,
        result=result,
        detail=detail,
        hints=hints,
        entries=entries,
        next_poll_at=next_poll(wait, now, failures, retry_after, feed.id, **bounds),
        pace=pace,
        interval=wait,
        failure=failure,
        gone=failure == Failure.GONE,
        moved_to=moved_to,
        elapsed=outcome.elapsed,
        snapshot=parsed.snapshot if parsed else None,
        rests=rests,
    )


def _came_to(answer: Answer) -> tuple[PollResult, str, str]:
    """Return how a poll ended, in detail, and the kind of its failure in a word."""
    outcome, parsed = answer.outcome, answer.parsed
    if isinstance(outcome, FetchFailed):
        return PollResult.FAILED, f"{outcome.failure}: {outcome.detail}", outcome.failure
    if isinstance(outcome, NotModified):
        return PollResult.NOT_MODIFIED, "", ""
    if parsed is None:
        return PollResult.BROKEN, answer.broken, Failure.BLOCKED if answer.blocked else NOT_A_FEED
    if parsed.unchanged:
        return PollResult.NOT_MODIFIED, parsed.degraded, ""
    return PollResult.ENTRIES if parsed.entries or parsed.known else PollResult.EMPTY, parsed.degraded, ""


def _new_entry(entry: ParsedEntry, feed: Feed) -> NewEntry:
    """A feed of one outlet speaks for that outlet, whatever its entries say; an aggregator's entries name theirs."""
    return NewEntry(
        key=entry.key,
        title=entry.title,
        summary=entry.summary,
        link=entry.link,
        source=feed.outlet or entry.source,
        published=entry.published,
        language=entry.language or feed.language,
        removed=entry.removed,
        by_key=entry.by_key,
    )
