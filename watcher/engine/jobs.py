"""The jobs: each calls the pipeline's verbs until nothing is left to do, counts and logs what came of it.

No schedule here and no rule; every job may run twice, late, or again after a crash.
"""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from watcher.articles import gather
from watcher.config.settings import Settings
from watcher.delivery.sender import Sender
from watcher.digesting import make_digests
from watcher.domain.feeds import Health, HealthChange
from watcher.domain.model import Stay, Transition
from watcher.feeds.http import Fetcher
from watcher.feeds.parsers import Parsers
from watcher.feeds.rounds import IDLE_S
from watcher.judging import Judge, Judgement
from watcher.metrics import Metrics
from watcher.pipeline import (
    Clock,
    Delivered,
    Desk,
    FeedPolled,
    Judged,
    SendResult,
    Tried,
    deliver,
    judge,
    limits_of,
    poll,
)
from watcher.reminding import remind
from watcher.storage.store import Store
from watcher.upkeep import Swept, sweep

log = structlog.get_logger("watcher")

REPORT_EVERY = timedelta(minutes=1)  # of polling that goes on and on
# objects made before the garbage collector looks: a batch of entries makes tens of thousands, all of them in use until
# it is recorded, and to look every few hundred took a tenth of a round
YOUNG = 20_000
LONGEST_PACE = timedelta(seconds=5)  # between two messages to an address that is waited for


@dataclass(frozen=True, slots=True)
class Works:
    """What the jobs use of one configuration; a reload replaces it as a whole."""

    settings: Settings
    fetcher: Fetcher
    sender: Sender
    judge: Judge


@dataclass(frozen=True, slots=True)
class Cycled:
    """What one run of the cycle job came to."""

    feeds: tuple[FeedPolled, ...] = ()
    entries: int = 0  # judged
    transitions: tuple[Transition, ...] = ()
    deliveries: int = 0  # planned

    def __add__(self, other: Cycled) -> Cycled:
        """Both together."""
        return Cycled(
            self.feeds + other.feeds,
            self.entries + other.entries,
            self.transitions + other.transitions,
            self.deliveries + other.deliveries,
        )


class _Tally:
    """What the cycle job has done since it was last asked."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._began = time.monotonic()
        self.feeds: list[FeedPolled] = []
        self._judged = self._deliveries = 0
        self._transitions: list[Transition] = []

    @property
    def age(self) -> timedelta:
        """How long it has been counting."""
        return timedelta(seconds=time.monotonic() - self._began)

    def judged(self, batches: Sequence[Judged]) -> None:
        """Add batches of judged entries."""
        for batch in batches:
            self._judged += len(batch.judgements)
            self._deliveries += batch.deliveries
            self._transitions.extend(batch.transitions)

    def total(self) -> Cycled:
        """What it comes to."""
        return Cycled(tuple(self.feeds), self._judged, tuple(self._transitions), self._deliveries)

    def report(self) -> None:
        """Log it."""
        failed = sum(not feed.result.ok for feed in self.feeds)
        new = sum(feed.new for feed in self.feeds)
        say = log.info if new or failed or self._judged else log.debug  # most rounds bring nothing
        say(
            "cycle.done",
            feeds=len(self.feeds),
            failed=failed,
            new=new,
            judged=self._judged,
            transitions=len(self._transitions),
            deliveries=self._deliveries,
        )


class Jobs:
    """The jobs over one store. Each batch works with one configuration throughout.

    `progress` is when the cycle job last got something done, for those who ask whether it still lives.
    """

    def __init__(
        self, store: Store, works: Works, *, owner: str, clock: Clock, metrics: Metrics, stop: threading.Event
    ) -> None:
        self.works = works
        self.progress: datetime | None = None
        self.swept: Swept | None = None
        self._store = store
        self._owner = owner
        self._clock = clock
        self._metrics = metrics
        self._stop = stop
        self._judging = threading.Lock()
        self._since = clock()
        self._desk = Desk()
        self._parsers = Parsers()
        self._thresholds = gc.get_threshold()
        gc.set_threshold(YOUNG, *self._thresholds[1:])
        gc.freeze()  # see _set_aside

    def close(self) -> None:
        """Let go of the threads that send and of the processes that parse; idempotent."""
        self._desk.close()
        self._parsers.close()
        gc.unfreeze()
        gc.set_threshold(*self._thresholds)

    def switch(self, works: Works, prepare: Callable[[], None]) -> None:
        """Do `prepare` and work with `works` from then on, with no batch being judged meanwhile: a batch must find the
        items of its own configuration in the database. What `prepare` raises leaves everything as it was."""
        with self._judging:
            prepare()
            self.works = works
            _set_aside()

    def cycle(self, *, keep: bool = True) -> Cycled:
        """Poll what is due and judge what is waiting, and return what that came to.

        Not to `keep` it is to go on with what comes due meanwhile, on and on where there are many feeds, and to log
        what was done every REPORT_EVERY and forget it. A reload ends that when what is under way is finished.
        """
        works = self.works
        self._parsers.rest(IDLE_S)
        tally = _Tally()
        tally.judged(self._judge_all())

        def saved(feeds: Sequence[FeedPolled]) -> bool:
            self._note_polled(feeds)
            tally.feeds.extend(feeds)
            if any(feed.new or feed.revised for feed in feeds):
                tally.judged(self._judge_all())
            self._note_progress()
            if not keep and tally.age > REPORT_EVERY:
                tally.report()
                tally.clear()
            return self.works is works

        if not self._stop.is_set():
            poll(
                self._store,
                works.fetcher,
                works.settings.polling,
                owner=self._owner,
                clock=self._clock,
                stop=self._stop,
                due_by=self._clock() if keep else None,
                saved=saved,
                parsers=self._parsers,
            )
        self._note_progress()
        tally.report()
        return tally.total()

    def _note_progress(self) -> None:
        self.progress = self._clock()
        self._metrics.cycle(self.progress)

    def articles(self) -> Cycled:
        """Fetch articles of entries that are about an item, where a feed wants that, and judge what came of it."""
        works = self.works
        if self._stop.is_set() or not any(feed.full_text for feed in works.settings.feeds):
            return Cycled()
        gathered = gather(self._store, works.fetcher, clock=self._clock, stop=self._stop)
        for article in gathered.articles:
            self._metrics.article(article.result)
            log.debug("article.fetched", result=article.result.value, detail=article.detail)
        judged = self._judge_all() if gathered.revised else []
        return Cycled(
            (),
            sum(len(batch.judgements) for batch in judged),
            tuple(transition for batch in judged for transition in batch.transitions),
            sum(batch.deliveries for batch in judged),
        )

    def _judge_all(self) -> list[Judged]:
        batches: list[Judged] = []
        while not self._stop.is_set():
            with self._judging:
                works = self.works
                settings = works.settings
                batch = judge(self._store, works.judge, settings.rules, settings.routes, now=self._clock())
            self._note_judged(batch, works)
            batches.append(batch)
            # An empty batch with more to come was lost to another worker: left to the next round.
            if not batch.more or not batch.judgements:
                break
        return batches

    def deliver(self) -> Delivered:
        """Send what is due, and what comes due meanwhile at addresses with a rate of a few seconds."""
        tried: list[Tried] = []
        pace: timedelta | None = None
        while not self._stop.is_set():
            works = self.works
            batch = deliver(
                self._store,
                works.sender,
                owner=self._owner,
                clock=self._clock,
                stop=self._stop,
                limits=limits_of(works.settings),
                system=works.settings.system,
                desk=self._desk,
            )
            self._note_delivered(batch)
            tried.extend(batch.tried)
            pace = batch.pace or pace
            if batch.more:
                continue
            if pace is None or pace > LONGEST_PACE or self._stop.wait(pace.total_seconds()):
                break
            pace = None
        if tried:
            results = Counter(one.result.value for one in tried)
            log.info("deliver.done", **dict(sorted(results.items())))
        return Delivered(tuple(tried))

    def sweep(self, *, patient: bool = True) -> Swept:
        """Tidy, measure what waits, tell again what nobody has acknowledged, and make the digests that are due. Not
        `patient`: the next sweep may be far off."""
        settings = self.works.settings
        swept = self.swept = sweep(
            self._store, settings, now=self._clock(), watching_since=self._since, patient=patient
        )
        self._tell_again(settings)
        waiting = swept.backlog
        self._metrics.backlog(
            unjudged=waiting.unjudged,
            pending=waiting.pending,
            dead=waiting.dead,
            oldest=waiting.oldest_pending,
            failing=len(swept.failing),
            held=waiting.held,
        )
        self._metrics.receivers(self._store.receivers(self._clock()))
        self._metrics.sources(swept.health or {}, swept.coverage)
        for change in swept.changes:
            say = log.warning if change.to_state.down or change.to_state is Health.QUIET else log.info
            say("feed.health", **_change(change))
        say = log.info if swept.pruned else log.debug
        say(
            "sweep.done",
            pruned=swept.pruned,
            unjudged=waiting.unjudged,
            pending=waiting.pending,
            held=waiting.held,
            dead=waiting.dead,
            failing_feeds=list(swept.failing),
        )
        return swept

    def _tell_again(self, settings: Settings) -> None:
        now = self._clock()
        again = remind(self._store, settings.routes, now=now)
        made = make_digests(self._store, settings, now=now)
        self._metrics.told_again(again.reminders, again.escalations, made)
        if again.reminders or again.escalations or again.called_off:
            log.info(
                "remind.done",
                reminders=again.reminders,
                escalations=again.escalations,
                called_off=again.called_off,
            )
        if made:
            log.info("digest.done", digests=made)

    # --- what is counted and logged ---------------------------------------------------------------

    def _note_polled(self, feeds: Sequence[FeedPolled]) -> None:
        now = self._clock()
        for feed in feeds:
            self._metrics.poll(feed.result, feed.new, now, revised=feed.revised)
            fields = {"feed": feed.feed, "result": feed.result.value, "new": feed.new, "detail": feed.detail}
            if feed.baseline:
                fields["baseline"] = True
            if feed.revised:
                fields["revised"] = feed.revised
            if feed.result.ok:
                log.debug("feed.polled", **fields)
            else:
                log.warning("feed.failed", **fields)

    def _note_judged(self, judged: Judged, works: Works) -> None:
        self._metrics.judge(len(judged.judgements), judged.races)
        if judged.races:
            log.info("judge.raced", times=judged.races)
        lifecycles = {item.id: item.lifecycle for item in works.settings.rules.items}
        for judgement in judged.judgements:
            self._note_judgement(judgement)
        for transition in judged.transitions:
            self._metrics.transition(lifecycles[transition.item], transition.to_state)
            log.info("item.moved", **_shown(transition))

    def _note_judgement(self, judgement: Judgement) -> None:
        if judgement.fault:
            self._metrics.unreadable()
            log.error("entry.unreadable", entry=judgement.entry.id, error=judgement.fault)
        for reading in judgement.readings:
            self._metrics.reading(reading.status)
        for evidence in judgement.withdrawn:
            log.info("evidence.withdrawn", evidence=evidence.id, item=evidence.item, entry=judgement.entry.id)
        for decision in judgement.decisions:
            if isinstance(decision, Stay):
                log.debug(
                    "item.stays",
                    item=decision.item,
                    entry=judgement.entry.id,
                    reason=decision.reason.value,
                    detail=decision.detail,
                )

    def _note_delivered(self, delivered: Delivered) -> None:
        self._metrics.messages(delivered.sent)
        for switched in delivered.switched:
            if switched.down:
                log.error("receiver.down", receiver=switched.receiver, detail=switched.detail)
            else:
                log.info("receiver.back", receiver=switched.receiver)
        for one in delivered.tried:
            self._metrics.delivery(one.result.value)
            fields = {"delivery": one.delivery, "receiver": one.receiver, "item": one.item, "detail": one.detail}
            if one.message != one.delivery:
                fields["message"] = one.message
            if one.retry_at is not None:
                fields["retry_at"] = one.retry_at.isoformat()
            if one.result is SendResult.SENT:
                log.info("delivery.sent", **fields)
            elif one.result is SendResult.DEAD:
                log.error("delivery.dead", **fields)
            elif one.result is SendResult.HELD:
                log.debug("delivery.held", **fields)
            else:
                log.warning(f"delivery.{one.result.value}", **fields)


def _set_aside() -> None:
    """Spare the garbage collector what lives as long as the configuration does: rules, lexicons and the program itself
    are more than a hundred thousand objects, and looking through them again and again took a quarter of a round."""
    gc.unfreeze()
    gc.collect()  # the former configuration
    gc.freeze()


def _change(change: HealthChange) -> dict[str, str]:
    return {
        "feed": change.feed,
        "from": change.from_state.value,
        "to": change.to_state.value,
        "reason": change.reason,
        "detail": change.detail,
    }


def _shown(transition: Transition) -> dict[str, str | int | Sequence[str]]:
    """A transition's fields as the log has them."""
    return {
        "item": transition.item,
        "from": transition.from_state,
        "to": transition.to_state,
        "moved_at": transition.at.isoformat(),
        "value": transition.to_value or "",
        "reason": transition.reason.value,
        "sources": transition.sources,
        "entries": list(transition.entries),
    }
