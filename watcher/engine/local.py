"""The engine of one process: APScheduler's threads call the jobs, each at most once at a time.

What is due is in the database, so the scheduler keeps nothing on disk: a missed wake-up is made up by the next one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from watcher.domain.troubles import JobFailure
from watcher.errors import RacedError, StoreError, WatcherError
from watcher.metrics import Metrics

log = structlog.get_logger("watcher")


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do again and again; it must do no harm when done twice."""

    name: str
    every: timedelta
    work: Callable[[], object]


class LocalEngine:
    """Wake each job when its time has come, until stopped. A job still running is not started a second time."""

    def __init__(self, jobs: Sequence[Job], metrics: Metrics) -> None:
        self._jobs = jobs
        self._metrics = metrics
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(max(1, len(jobs)))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        self._idle = threading.Condition()
        self._running = 0
        self._stopping = False
        self._failing: dict[str, tuple[JobFailure, float]] = {}  # with when the first of them was, by time.monotonic()

    @property
    def failing(self) -> tuple[JobFailure, ...]:
        """The jobs whose last run ended in an error."""
        now = time.monotonic()
        with self._idle:
            found = [
                replace(failure, lasting=timedelta(seconds=now - since)) for failure, since in self._failing.values()
            ]
        return tuple(sorted(found, key=lambda failure: failure.job))

    def start(self, now: datetime) -> None:
        """Begin; every job runs at once for the first time."""
        for job in self._jobs:
            self._scheduler.add_job(
                self._run,
                IntervalTrigger(seconds=job.every.total_seconds(), start_date=now, timezone=UTC),
                args=(job,),
                id=job.name,
                next_run_time=now,
            )
        self._scheduler.start()

    def stop(self, within: timedelta) -> bool:
        """Start nothing more, and wait for what runs; False when something still runs after `within`."""
        with self._idle:
            self._stopping = True
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with self._idle:
            return self._idle.wait_for(lambda: self._running == 0, within.total_seconds())

    def _run(self, job: Job) -> None:
        """Do the job once. This is the job boundary, the one place that catches everything: whatever went wrong with
        one run is logged and counted, and the next run begins from the database again."""
        with self._idle:
            if self._stopping:
                return
            self._running += 1
        started = time.perf_counter()
        failed = True
        try:
            with structlog.contextvars.bound_contextvars(job=job.name):
                job.work()
            failed = False
            with self._idle:
                self._failing.pop(job.name, None)
        except WatcherError as error:
            refused = isinstance(error, StoreError) and not isinstance(error, RacedError)
            self._failed(job, str(error), refused=refused)
        except Exception as error:
            self._failed(job, f"{type(error).__name__}: {error}", trace=True)
        finally:
            self._metrics.job(job.name, time.perf_counter() - started, failed=failed)
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def _failed(self, job: Job, message: str, *, refused: bool = False, trace: bool = False) -> None:
        with self._idle:
            before, since = self._failing.get(job.name, (None, time.monotonic()))
            times = before.times + 1 if before else 1
            self._failing[job.name] = JobFailure(job.name, times, timedelta(0), message, refused), since
        log.error("job.failed", job=job.name, error=message, exc_info=trace)
