"""The wiring: from settings to the objects that do the work, and the daemon's life from start to stop.

The clock is read here and handed down. Nothing here knows what a policy, a state or an alert is.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import structlog

from watcher import __version__, logs
from watcher.config import Settings, load
from watcher.delivery.addresses import check_address
from watcher.delivery.links import Links
from watcher.delivery.picture import require_pictures
from watcher.delivery.render import Look
from watcher.delivery.sender import Sender
from watcher.delivery.timeline import Timelines, timeline
from watcher.delivery.trying import open_templates
from watcher.domain.health import cover
from watcher.domain.model import Seed, SeedResult
from watcher.engine.jobs import Cycled, Jobs, Works
from watcher.engine.local import Job, LocalEngine
from watcher.errors import ConfigError, Problem, StoreError, WatcherError
from watcher.feeds.articles import require_articles
from watcher.feeds.http import Fetcher
from watcher.judging import Judge
from watcher.metrics import Metrics
from watcher.pipeline import Clock, Delivered
from watcher.storage.store import Store
from watcher.upkeep import Swept
from watcher.vigil import Vigil
from watcher.web import board
from watcher.web.deeds import Deeds
from watcher.web.health import HealthServer

log = structlog.get_logger("watcher")

GRACE = timedelta(seconds=10)  # for what is in flight when the daemon is told to stop
RELEASE_WITHIN = timedelta(seconds=2)  # where something holds the database even then
LISTEN_EVERY_S = 0.5  # how often a daemon that waits for orders looks whether a signal has come
DELIVER_EVERY = timedelta(seconds=5)
ARTICLES_EVERY = timedelta(seconds=15)  # which is also how far apart requests to one host are
SWEEP_EVERY = timedelta(minutes=1)


def now() -> datetime:
    """Read the clock: aware UTC."""
    return datetime.now(UTC)


class Order(StrEnum):
    """What a running daemon can be told."""

    STOP = "stop"
    RELOAD = "reload"


@dataclass(frozen=True, slots=True)
class Round:
    """One run of every job."""

    cycled: Cycled
    delivered: Delivered
    swept: Swept


def read_settings(path: Path, env: Mapping[str, str]) -> Settings:
    """Load the configuration with the receivers' addresses and the templates tried out; ConfigError lists every
    mistake."""
    settings = load(path, env, check_address)
    open_templates(settings.templates)
    if any(receiver.picture for receiver in settings.receivers.values()):
        require_pictures()
    return settings


def open_store(settings: Settings) -> Store:
    """Open the database; an empty one gets its tables, one of another version is refused with SchemaError."""
    store = Store.open(settings.database)
    try:
        if store.revision() is None:
            store.upgrade()
        else:
            store.check_schema()
    except WatcherError:
        store.close()
        raise
    return store


def build(settings: Settings, store: Store | None = None) -> Works:
    """Build what the jobs use. Pictures of items are drawn of what `store` knows of them; without it there are none."""
    polling = settings.polling
    if any(feed.full_text for feed in settings.feeds):
        require_articles()
    fetcher = Fetcher(
        user_agent=polling.user_agent,
        timeout=polling.timeout,
        max_bytes=polling.max_bytes,
        concurrency=polling.concurrency,
        per_host=polling.per_host,
        allow_private=polling.allow_private,
        proxy=polling.proxy or None,
        access=settings.access,
        spacing=polling.spacing,
    )
    return Works(settings, fetcher, sender_of(settings, store), Judge(settings.rules))


def look_of(settings: Settings) -> Look:
    """Build what decides how messages look; ConfigError for templates that cannot be used."""
    links = Links.of(settings.board, settings.link_secret, settings.links_valid)
    return Look(settings.zone, settings.board, links, open_templates(settings.templates))


def sender_of(settings: Settings, store: Store | None = None) -> Sender:
    """Build what sends messages; `store` as for `build`."""
    look = look_of(settings)
    return Sender(
        settings.receivers,
        look.zone,
        look.board,
        links=look.links,
        templates=look.templates,
        timelines=_timelines(settings, store) if store is not None else None,
    )


def _timelines(settings: Settings, store: Store) -> Timelines:
    rules = settings.rules
    states = {item.id: rules.lifecycles[item.lifecycle].states for item in rules.items}
    return lambda item: timeline(store.history(item), states.get(item, {}))


class App:
    """One process's watcher, opened on a configuration. Close it, or use it as a context manager."""

    def __init__(self, store: Store, works: Works, *, env: Mapping[str, str], clock: Clock) -> None:
        self.metrics = Metrics(__version__)
        self.owner = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        self.store = store
        self._env = env
        self._clock = clock
        self._stop = threading.Event()
        self.jobs = Jobs(store, works, owner=self.owner, clock=clock, metrics=self.metrics, stop=self._stop)
        self._engine = LocalEngine(
            (
                Job("cycle", works.settings.polling.tick, partial(self.jobs.cycle, keep=False)),
                Job("articles", max(works.settings.polling.tick, ARTICLES_EVERY), self.jobs.articles),
                Job("deliver", min(works.settings.polling.tick, DELIVER_EVERY), self.jobs.deliver),
                Job("sweep", SWEEP_EVERY, self.jobs.sweep),
                Job("vigil", SWEEP_EVERY, self.keep_vigil),
            ),
            self.metrics,
        )
        self._started = clock()
        self._loaded = self._started
        self._refused: tuple[Problem | str, ...] = ()  # problems of the configuration that was last refused
        self._refused_at = self._started
        self._vigil = Vigil(store, self._started)
        self.web: HealthServer | None = None

    @classmethod
    def open(cls, settings: Settings, *, env: Mapping[str, str] | None = None, clock: Clock = now) -> App:
        """Open the database, make its feeds and items those of the configuration, and build everything else.

        Raises SchemaError, StoreError or UsageError (an item stands in a state its lifecycle no longer has).
        """
        store = open_store(settings)
        try:
            works = build(settings, store)
            store.sync(settings.feeds, settings.rules.items, settings.rules.lifecycles, clock())
        except BaseException:
            store.close()
            raise
        return cls(store, works, env=os.environ if env is None else env, clock=clock)

    def __enter__(self) -> App:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open; idempotent."""
        if self.web is not None:
            self.web.close()
            self.web = None
        self.jobs.close()
        self.store.close()

    @property
    def settings(self) -> Settings:
        """The configuration in use."""
        return self.jobs.works.settings

    def once(self) -> Round:
        """Run every job once, in this thread, and send last: what the others plan goes out too. Errors are raised."""
        try:
            cycled = self.jobs.cycle() + self.jobs.articles()
            swept = self.jobs.sweep(patient=False)
            self.keep_vigil()
            delivered = self.jobs.deliver()
            return Round(cycled, delivered, replace(swept, backlog=self.store.backlog(self._clock())))
        finally:
            self.store.release_feeds(self.owner)

    def seed(self, seeds: Sequence[Seed]) -> SeedResult:
        """Put starting states with their provenance onto items that have not moved (`Store.seed`)."""
        return self.store.seed(seeds, self._clock())

    def run(self, orders: SimpleQueue[Order]) -> bool:
        """Be the daemon until told to STOP.

        1. Answer probes. 2. Start the jobs. 3. Wait for orders: RELOAD, STOP. 4. Claim nothing more, and let what is
        in flight end within GRACE. 5. Give back the feeds that were claimed and not polled.
        Returns False when something was still in flight after GRACE: a delivery that may have arrived is then sent
        again when its lease ends. A crash at any step needs no repair.
        """
        settings = self.settings
        if settings.web.enabled:
            data = {"/api/sources": self.sources, "/api/acts": self.acts, "/api/receivers": self.receivers}
            deeds = Deeds(self.store, lambda: self.settings, self._clock)
            self.web = HealthServer(settings.web.host, settings.web.port, self.health, self.metrics.text, data, deeds)
            self.web.start()
        _log_notes(settings)
        log.info(
            "daemon.started",
            version=__version__,
            config=str(settings.path),
            feeds=len(settings.feeds),
            items=len(settings.rules.items),
            web=self.web.address if self.web else None,
        )
        self._engine.start(self._clock())
        while _next(orders) is not Order.STOP:
            self.reload()
        return self._wind_down()

    def _wind_down(self) -> bool:
        log.info("daemon.stopping")
        self._stop.set()
        finished = self._engine.stop(GRACE)
        # what has not ended, or another process, may hold the database; the leases end by themselves, too
        release = threading.Thread(target=self._release, name="release", daemon=True)
        release.start()
        release.join(RELEASE_WITHIN.total_seconds())
        say = log.info if finished else log.warning
        say("daemon.stopped", finished=finished)
        return finished

    def _release(self) -> None:
        try:
            self.store.release_feeds(self.owner)
        except StoreError as error:
            log.warning("daemon.leases_kept", error=str(error))

    def reload(self) -> bool:
        """Read the configuration again and work with it from the next run of each job on.

        When it is wrong, the one in use is kept, and `/healthz`, a metric and the log say so. The database, the tick
        and the web address are those of the start; the log says when they were changed.
        """
        former = self.settings
        try:
            settings = read_settings(former.path, self._env)
            works = build(settings, self.store)
            works.fetcher.remember(self.jobs.works.fetcher)
            self.jobs.switch(works, partial(self._sync, settings))
        except WatcherError as error:
            self._refused = error.problems if isinstance(error, ConfigError) else (str(error),)
            self._refused_at = self._clock()
            self.metrics.reload(accepted=False)
            log.error("config.reload_failed", problems=[str(problem) for problem in self._refused])
            self._tell_refusal()
            return False
        self._refused = ()
        self._loaded = self._clock()
        self.metrics.reload(accepted=True)
        log_as(settings)
        _log_notes(settings)
        log.info("config.reloaded", feeds=len(settings.feeds), items=len(settings.rules.items))
        fixed = {
            "database": settings.database != former.database,
            "polling.tick": settings.polling.tick != former.polling.tick,
            "web": settings.web != former.web,
        }
        if any(fixed.values()):
            log.warning("config.restart_needed", settings=[name for name, changed in fixed.items() if changed])
        return True

    def _tell_refusal(self) -> None:
        try:
            self._vigil.tell_refusal(self.settings, self._refused, self._refused_at, self._clock())
        except StoreError as error:
            log.warning("config.refusal_untold", error=str(error))  # the next vigil tells it

    def keep_vigil(self) -> int:
        """Tell those who keep the service running what is wrong with it; return how many alerts are new."""
        moment = self._clock()
        self._vigil.tell_refusal(self.settings, self._refused, self._refused_at, moment)
        idle = moment - (self.jobs.progress or self._started)
        return self._vigil.check(self.settings, self._engine.failing, idle, self._patience(), moment)

    def _sync(self, settings: Settings) -> None:
        self.store.sync(settings.feeds, settings.rules.items, settings.rules.lifecycles, self._clock())

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        """Whether it works, and what a person wants to know first when it does not.

        "failing": the database cannot be read, or the cycle job got nothing done for too long. "degraded": it works,
        but somebody should look. No secret is shown.
        """
        moment = self._clock()
        troubles, backlog = self._backlog(moment)
        last = self.jobs.progress
        idle = moment - (last or self._started)
        if idle > self._patience():
            troubles.append(f"cycle: got nothing done for {round(idle.total_seconds())} s")
        failing = bool(troubles)
        troubles += [f"job {failure.job}: {failure.detail}" for failure in self._engine.failing]
        troubles += [f"configuration refused: {problem}" for problem in self._refused]
        if backlog.get("dead"):
            troubles.append(f"deliveries given up: {backlog['dead']} (watcher outbox list)")
        active = len(self.settings.feeds)
        silent = self.jobs.swept.failing if self.jobs.swept else ()
        if silent and len(silent) == active:
            troubles.append("no feed answers")
        down = self._down(moment)
        troubles += [f"receiver {name}: does not take messages (watcher receivers)" for name in down]
        return not failing, {
            "status": "failing" if failing else "degraded" if troubles else "ok",
            "troubles": troubles,
            "version": __version__,
            "started_at": self._started.isoformat(),
            "config": {"ok": not self._refused, "loaded_at": self._loaded.isoformat()},
            "last_cycle_at": last.isoformat() if last else None,
            "backlog": backlog,
            "feeds": {"active": active, "failing": list(silent)},
            "receivers": {"active": len(self.settings.receivers), "down": down},
        }

    def sources(self) -> Mapping[str, Any]:
        """How every source is and how well every item is watched, for a board; raises StoreError."""
        statuses = self.store.feed_statuses()
        return board.sources(statuses, cover(self.settings.sources, statuses, self._clock()))

    def acts(self) -> Mapping[str, Any]:
        """What people did of late, what is silenced, and what nobody acknowledged in a week, for a board; raises
        StoreError."""
        moment = self._clock()
        waiting = self.store.unacknowledged(moment - timedelta(days=7))
        return board.acts(self.store.latest_acts(), self.store.silences(moment), waiting)

    def receivers(self) -> Mapping[str, Any]:
        """How every receiver is and what waits for it, for a board; raises StoreError."""
        return board.receivers(self.store.receivers(self._clock()), self.settings.receivers)

    def _backlog(self, moment: datetime) -> tuple[list[str], dict[str, int | None]]:
        """What waits; or the trouble that kept it from being counted."""
        try:
            waiting = self.store.backlog(moment)
        except StoreError as error:
            return [f"database: {error}"], {}
        oldest = waiting.oldest_pending
        return [], {
            "unjudged": waiting.unjudged,
            "pending": waiting.pending,
            "held": waiting.held,
            "dead": waiting.dead,
            "oldest_pending_s": round(oldest.total_seconds()) if oldest else None,
        }

    def _down(self, moment: datetime) -> list[str]:
        """The receivers whose circuit is open; none while the database does not say."""
        try:
            return [row.circuit.receiver for row in self.store.receivers(moment) if row.circuit.opened_at]
        except StoreError:
            return []

    def _patience(self) -> timedelta:
        """How long the cycle job may get nothing done: three wake-ups, and a last feed that times out."""
        polling = self.settings.polling
        return timedelta(minutes=1) + 3 * polling.tick + polling.timeout


def _next(orders: SimpleQueue[Order]) -> Order:
    """Wait for an order.

    Not without an end: the system may give a signal to a thread that is just starting another or a process. Python's
    handler runs in the main thread all the same, but only when that next does anything.
    """
    while True:
        with suppress(Empty):
            return orders.get(timeout=LISTEN_EVERY_S)


def log_as(settings: Settings) -> None:
    """Log as the settings say, with the receivers' addresses masked."""
    logs.configure(settings.log.format, settings.log.level, secrets=settings.secrets)


def _log_notes(settings: Settings) -> None:
    for note in settings.notes:
        log.warning("config.note", note=str(note))
