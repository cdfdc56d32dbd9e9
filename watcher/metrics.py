"""Counters and gauges in a registry of their own; the engine calls one method per kind of result.

Nothing is decided here, and no label takes its value from a feed's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from watcher.domain.alerts import Merge, ReceiverRow
from watcher.domain.feeds import ArticleResult, Coverage, Health, PollResult
from watcher.domain.model import Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
DELIVERY_RESULTS = ("sent", "retry", "dead", "held", "lost")
MERGES = ("single", *(merge.value for merge in Merge))
JOBS = ("cycle", "articles", "deliver", "sweep")


class Metrics:
    """What `/metrics` shows. Every labelled series exists from the start, at zero, so that a rate is never missing."""

    def __init__(self, version: str) -> None:
        registry = self.registry = CollectorRegistry()
        self._polls = Counter("watcher_polls", "Feeds polled, by result", ["result"], registry=registry)
        self._entries = Counter("watcher_entries", "New entries saved", registry=registry)
        self._judged = Counter("watcher_judged", "Entries judged", registry=registry)
        self._readings = Counter("watcher_readings", "Readings of entries, by status", ["status"], registry=registry)
        self._unreadable = Counter(
            "watcher_entries_unreadable", "Entries that could not be read for a mistake of ours", registry=registry
        )
        self._transitions = Counter(
            "watcher_transitions", "Items that changed state", ["lifecycle", "to"], registry=registry
        )
        self._deliveries = Counter(
            "watcher_deliveries", "Attempts to deliver, by result", ["result"], registry=registry
        )
        self._races = Counter("watcher_races", "Rounds given up because another worker was first", registry=registry)
        self._failures = Counter("watcher_job_failures", "Jobs ended by an error", ["job"], registry=registry)
        self._seconds = Histogram(
            "watcher_job_seconds", "How long a job took", ["job"], registry=registry,
            buckets=(0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
        )  # fmt: skip
        self._last_poll = Gauge("watcher_last_poll_timestamp_seconds", "When a feed last answered", registry=registry)
        self._last_cycle = Gauge(
            "watcher_last_cycle_timestamp_seconds", "When the cycle job last got through", registry=registry
        )
        self._unjudged = Gauge("watcher_backlog_entries", "Entries saved and not judged yet", registry=registry)
        self._pending = Gauge("watcher_backlog_deliveries", "Deliveries not sent yet", registry=registry)
        self._dead = Gauge("watcher_dead_deliveries", "Deliveries given up, waiting for a person", registry=registry)
        self._oldest = Gauge(
            "watcher_oldest_delivery_seconds", "How long the oldest delivery not sent has been due", registry=registry
        )
        self._failing = Gauge("watcher_failing_feeds", "Active feeds whose last poll failed", registry=registry)
        self._config_ok = Gauge(
            "watcher_config_ok", "1 when the files on disk are the configuration in use", registry=registry
        )
        self._reloads_failed = Counter(
            "watcher_config_reload_failed", "Reloads refused because the files were wrong", registry=registry
        )
        Info("watcher_build", "The version that runs", registry=registry).info({"version": version})
        self._add_sources(registry)
        self._add_tellings(registry)
        self._add_receivers(registry)
        self._start_at_zero()

    def _add_sources(self, registry: CollectorRegistry) -> None:
        self._revised = Counter("watcher_revisions", "Known entries whose text was edited", registry=registry)
        self._articles = Counter("watcher_articles", "Articles asked for, by result", ["result"], registry=registry)
        self._feeds = Gauge("watcher_feeds", "Configured feeds, by health", ["health"], registry=registry)
        self._sources = Gauge("watcher_item_sources", "Feeds chosen for an item", ["item"], registry=registry)
        self._answered = Gauge(
            "watcher_item_sources_answered", "Those of them that answered in their time", ["item"], registry=registry
        )

    def _add_tellings(self, registry: CollectorRegistry) -> None:
        self._reminders = Counter("watcher_reminders", "Reminders planned", registry=registry)
        self._escalations = Counter("watcher_escalations", "Escalations planned", registry=registry)
        self._digests = Counter("watcher_digests", "Digests planned", registry=registry)

    def _add_receivers(self, registry: CollectorRegistry) -> None:
        self._held = Gauge(
            "watcher_held_deliveries", "Of those not sent: held back, for quiet hours or a budget", registry=registry
        )
        self._messages = Counter("watcher_messages", "Messages sent, by what merged them", ["merge"], registry=registry)
        self._open = Gauge("watcher_receiver_down", "1 while a receiver takes nothing", ["receiver"], registry=registry)
        self._waiting = Gauge(
            "watcher_receiver_waiting", "Deliveries that wait for a receiver", ["receiver"], registry=registry
        )
        self._given_up = Gauge("watcher_receiver_dead", "Deliveries given up", ["receiver"], registry=registry)

    def _start_at_zero(self) -> None:
        for result in PollResult:
            self._polls.labels(result.value)
        for fetched in ArticleResult:
            self._articles.labels(fetched.value)
        for status in Status:
            self._readings.labels(status.value)
        for outcome in DELIVERY_RESULTS:
            self._deliveries.labels(outcome)
        for job in JOBS:
            self._failures.labels(job)
            self._seconds.labels(job)
        for health in Health:
            self._feeds.labels(health.value)
        for merge in MERGES:
            self._messages.labels(merge)
        self._config_ok.set(1)

    def poll(self, result: PollResult, new: int, now: datetime, *, revised: int = 0) -> None:
        """Count one feed's poll, the `new` entries it brought and the known ones it `revised`."""
        self._polls.labels(result.value).inc()
        self._entries.inc(new)
        self._revised.inc(revised)
        if result.ok:
            self._last_poll.set(now.timestamp())

    def article(self, result: ArticleResult) -> None:
        """Count one article that was asked for."""
        self._articles.labels(result.value).inc()

    def judge(self, entries: int, races: int) -> None:
        """Count a batch of judged entries and the attempts lost to another worker."""
        self._judged.inc(entries)
        self._races.inc(races)

    def reading(self, status: Status, count: int = 1) -> None:
        """Count readings."""
        self._readings.labels(status.value).inc(count)

    def unreadable(self) -> None:
        """Count one entry that could not be read."""
        self._unreadable.inc()

    def transition(self, lifecycle: str, to: str) -> None:
        """Count one item's change of state."""
        self._transitions.labels(lifecycle, to).inc()

    def delivery(self, result: str) -> None:
        """Count one attempt; `result` is one of DELIVERY_RESULTS."""
        self._deliveries.labels(result).inc()

    def messages(self, sent: Mapping[str, int]) -> None:
        """Count messages that were sent, by MERGES."""
        for merge, count in sent.items():
            self._messages.labels(merge).inc(count)

    def receivers(self, rows: Iterable[ReceiverRow]) -> None:
        """Set how each receiver is."""
        for gauge in (self._open, self._waiting, self._given_up):
            gauge.clear()  # a receiver may have left the configuration
        for row in rows:
            name = row.circuit.receiver
            self._open.labels(name).set(row.circuit.opened_at is not None)
            self._waiting.labels(name).set(row.waiting)
            self._given_up.labels(name).set(row.dead)

    def backlog(
        self, *, unjudged: int, pending: int, dead: int, oldest: timedelta | None, failing: int, held: int = 0
    ) -> None:
        """Set what waits; `pending` includes what is `held`."""
        self._held.set(held)
        self._unjudged.set(unjudged)
        self._pending.set(pending)
        self._dead.set(dead)
        self._oldest.set(oldest.total_seconds() if oldest else 0)
        self._failing.set(failing)

    def told_again(self, reminders: int, escalations: int, digests: int) -> None:
        """Count what was planned because of the time that has passed."""
        self._reminders.inc(reminders)
        self._escalations.inc(escalations)
        self._digests.inc(digests)

    def sources(self, health: Mapping[Health, int], coverage: Iterable[Coverage]) -> None:
        """Set how many feeds are in which health, and how well each item is watched."""
        for state, count in health.items():
            self._feeds.labels(state.value).set(count)
        for gauge in (self._sources, self._answered):
            gauge.clear()  # an item may have left the configuration
        for one in coverage:
            self._sources.labels(one.item).set(one.sources)
            self._answered.labels(one.item).set(one.answered)

    def cycle(self, now: datetime) -> None:
        """Remember that the cycle job got through."""
        self._last_cycle.set(now.timestamp())

    def job(self, name: str, seconds: float, *, failed: bool) -> None:
        """Count one run of a job."""
        self._seconds.labels(name).observe(seconds)
        if failed:
            self._failures.labels(name).inc()

    def reload(self, *, accepted: bool) -> None:
        """Remember whether the configuration in use is the one on disk."""
        self._config_ok.set(1 if accepted else 0)
        if not accepted:
            self._reloads_failed.inc()

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format (CONTENT_TYPE)."""
        return generate_latest(self.registry)
