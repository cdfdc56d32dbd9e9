"""What goes wrong with the service itself, and what those who keep it running are told of it: once when it begins, and
once when it is over.

    found ──certain, or seen CHECKS times in a row──▸ told (TROUBLE) ──gone for CHECKS in a row──▸ told (TROUBLE_OVER)
                                                        └─ more of it, APART later ──▸ told (TROUBLE)

Pure. What was told last is asked of the database, so that it is told once by however many processes, and after a
restart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from watcher.domain.alerting import MOST_POINTS
from watcher.domain.alerts import AlertKind, Backlog, DeliveryRow, Point, SystemAlert, ToldOfService
from watcher.domain.feeds import FeedStatus
from watcher.domain.model import Item
from watcher.errors import Problem

Telling = tuple[SystemAlert, tuple[str, ...]]  # with the key that it is told once under

CHECKS = 3  # in a row
FAILING_TRIES, FAILING_TIME = 3, timedelta(minutes=1)  # a job's failures in a row, and for how long
FAILING_LONG = timedelta(minutes=10)  # however few tries
APART = timedelta(hours=1)  # a trouble that grows is told again so long after it was told last
BACKLOG_LATE, BACKLOG_FINE = timedelta(hours=1), timedelta(minutes=30)

JOB, CYCLE, DATABASE = "job_failed", "nothing_done", "database_refuses"
DEAD, BACKLOG = "deliveries_given_up", "backlog_late"
REASONS = (JOB, CYCLE, DATABASE, DEAD, BACKLOG)
SHARED = (DEAD, BACKLOG)  # what every process finds in the database; the others are a process's own
REFUSED, UNSEEN, SEEN = "reload_refused", "no_source_answers", "seen_again"


@dataclass(frozen=True, slots=True)
class JobFailure:
    """A job whose last runs all failed. `database` says that it was the database which refused."""

    job: str
    times: int
    lasting: timedelta  # since the first of them
    detail: str
    database: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that goes wrong now. What is not `certain` is believed when it is found again."""

    reason: str
    subject: str
    title: str
    over: str  # the title when it is over
    points: tuple[Point, ...] = ()
    more: int = 0
    advice: str = ""
    certain: bool = True
    newest: datetime | None = None  # when the latest of what it is made of came, where more of it is told again


@dataclass(frozen=True, slots=True)
class Watched:
    """How a trouble was found by this process: from when on and so many checks in a row, or missed by so many since."""

    trouble: Trouble
    since: datetime
    last: datetime  # when it was last found
    found: int = 1
    missed: int = 0

    @property
    def believed(self) -> bool:
        """Whether it is there, and is to be told."""
        return not self.missed and (self.trouble.certain or self.found >= CHECKS)

    @property
    def gone(self) -> bool:
        """Whether it is over."""
        return self.missed >= (1 if self.trouble.reason in SHARED else CHECKS)


# --- what is wrong --------------------------------------------------------------------------------


def of_jobs(failures: Sequence[JobFailure], now: datetime) -> list[Trouble]:
    """Return the troubles of jobs that fail again and again; where the database refuses, that is the one cause."""
    found = []
    if refused := [failure for failure in failures if failure.database]:
        found.append(
            Trouble(
                DATABASE,
                "database",
                "the database refuses to work",
                "the database works again",
                tuple(_failed(failure, now) for failure in refused),
                advice="Look at its disk, its server and its permissions. Nothing is lost meanwhile: feeds are read "
                "again when it works.",
                certain=any(_certain(failure) for failure in refused),
            )
        )
    for failure in failures:
        if not failure.database:
            title = f"the job {failure.job} fails"
            over = f"the job {failure.job} works again"
            advice = "The log has the whole error (job.failed)."
            point = _failed(failure, now)
            subject = f"job {failure.job}"
            found.append(Trouble(JOB, subject, title, over, (point,), advice=advice, certain=_certain(failure)))
    return found


def _certain(failure: JobFailure) -> bool:
    often = failure.times >= FAILING_TRIES and failure.lasting >= FAILING_TIME
    return often or failure.lasting >= FAILING_LONG


def _failed(failure: JobFailure, now: datetime) -> Point:
    return Point(failure.job, f"failed {failure.times} times in a row: {failure.detail}", now - failure.lasting)


def of_cycle(idle: timedelta, patience: timedelta, now: datetime) -> Trouble | None:
    """Return the trouble that polling and judging have got nothing done for longer than they may."""
    if idle <= patience:
        return None
    point = Point("cycle", "polling and judging got nothing done", now - idle)
    advice = "It hangs: the log tells what it did last. A restart loses nothing."
    return Trouble(CYCLE, "cycle", "nothing gets done", "things get done again", (point,), 0, advice, certain=False)


def of_deliveries(dead: Sequence[DeliveryRow], count: int) -> Trouble | None:
    """Return the trouble that messages were given up; `dead` are the latest of `count`, the latest first.

    That nobody could be told of it is no more of it: that would be told for ever.
    """
    if not count:
        return None
    others = (row for row in dead if not (isinstance(row.alert, SystemAlert) and row.alert.reason == DEAD))
    points = tuple(Point(row.receiver, f"{row.item}: {row.detail}", row.settled_at) for row in dead[:MOST_POINTS])
    return Trouble(
        DEAD,
        "deliveries",
        "a message was given up" if count == 1 else f"{count} messages were given up",
        "no message is given up any more",
        points,
        count - len(points),
        "`watcher outbox list --state dead` shows them all; `watcher outbox retry ID` sends one again, and "
        "`watcher outbox drop ID` lets it go.",
        newest=max((row.settled_at for row in others if row.settled_at), default=None),
    )


def of_backlog(waiting: Backlog, *, known: bool, now: datetime) -> Trouble | None:
    """Return the trouble that a message has been due for too long; one that is `known` lasts until it is well below."""
    oldest = waiting.oldest_pending
    if oldest is None or oldest <= (BACKLOG_FINE if known else BACKLOG_LATE):
        return None
    point = Point("outbox", f"{waiting.pending} messages wait, the oldest", now - oldest)
    advice = "`watcher outbox list` shows what waits and why."
    return Trouble(BACKLOG, "backlog", "messages wait for long", "messages are in time again", (point,), 0, advice)


# --- what is told ---------------------------------------------------------------------------------


def follow(watched: Mapping[str, Watched], found: Iterable[Trouble], now: datetime) -> dict[str, Watched]:
    """Return how troubles stand, by subject, after one more check that found these."""
    after = {subject: replace(before, missed=before.missed + 1) for subject, before in watched.items()}
    for trouble in found:
        before = watched.get(trouble.subject)
        if before is None or before.missed:
            after[trouble.subject] = Watched(trouble, now, now)
        else:
            after[trouble.subject] = Watched(trouble, before.since, now, before.found + 1)
    return after


def latest(told: Sequence[ToldOfService]) -> dict[str, ToldOfService]:
    """Return what was told last of each subject, of alerts with the newest first."""
    found: dict[str, ToldOfService] = {}
    for one in told:
        found.setdefault(one.alert.subject, one)
    return found


def begun(watched: Mapping[str, Watched], last: Mapping[str, ToldOfService], now: datetime) -> list[Telling]:
    """Return what is to be told of troubles that are believed, and not told yet or more than they were."""
    tellings: list[Telling] = []
    for subject, one in sorted(watched.items()):
        before = last.get(subject)
        trouble = one.trouble
        known = before is not None and before.alert.kind is AlertKind.TROUBLE
        if not one.believed or (known and not _grown(trouble, before, now)):
            continue
        alert = SystemAlert(
            AlertKind.TROUBLE, trouble.reason, subject, trouble.title, now,
            points=trouble.points, more=trouble.more, advice=trouble.advice, severity="high",
        )  # fmt: skip
        tellings.append((alert, _after(alert, before)))
    return tellings


def _grown(trouble: Trouble, told: ToldOfService | None, now: datetime) -> bool:
    """Whether something has come to a trouble since it was told, and that is long enough ago."""
    if trouble.newest is None or told is None or now - told.created_at < APART:
        return False
    then = max((point.since for point in told.alert.points if point.since), default=None)
    return then is None or trouble.newest > then


def ended(
    watched: Mapping[str, Watched], last: Mapping[str, ToldOfService], now: datetime, *, started: datetime, checks: int
) -> list[Telling]:
    """Return what is to be told of troubles that were told and are over.

    What concerns one process is over when the process says so that had it, or one that began since (`started`) and has
    not found it in some `checks`: another may be well all the time.
    """
    tellings: list[Telling] = []
    for subject, told in sorted(last.items()):
        if told.alert.kind is not AlertKind.TROUBLE:
            continue
        one = watched.get(subject)
        if one is not None and not one.missed:
            continue
        if told.alert.reason in SHARED:
            over = True
        elif one is not None and one.last >= told.created_at:
            over = one.gone
        else:
            over = told.created_at < started and checks >= CHECKS
        if over:
            title = one.trouble.over if one else f"over: {told.alert.title}"
            alert = _over(told.alert.reason, subject, title, Point("Was", told.alert.title, told.alert.at), now)
            tellings.append((alert, _after(alert, told)))
    return tellings


def missed_telling(unsaid: Mapping[str, Watched], now: datetime) -> list[Telling]:
    """Return what is to be told of troubles that are over and could not be told while they lasted."""
    tellings: list[Telling] = []
    for subject, one in sorted(unsaid.items()):
        trouble = one.trouble
        points = (Point("Was", trouble.title, one.since), *trouble.points)
        alert = replace(_over(trouble.reason, subject, trouble.over, points[0], now), points=points)
        tellings.append((alert, (alert.kind.value, trouble.reason, subject, f"{one.since:%Y%m%dT%H%M%S}")))
    return tellings


def _over(reason: str, subject: str, title: str, was: Point, now: datetime) -> SystemAlert:
    return SystemAlert(AlertKind.TROUBLE_OVER, reason, subject, title, now, points=(was,))


def _after(alert: SystemAlert, before: ToldOfService | None) -> tuple[str, ...]:
    """Name an alert by what was told of its subject before it: of those who want to tell the same, one does."""
    return (alert.kind.value, alert.reason, alert.subject, str(before.id if before else 0))


def refusal(file: str, problems: Sequence[Problem | str], now: datetime, secrets: Iterable[str] = ()) -> Telling:
    """Return that a changed configuration was refused, with its problems; once for those problems on the day (UTC) that
    `now` is on, so that the same mistake made again another day is told again. No secret is shown."""
    hidden = sorted((secret for secret in secrets if secret), key=len, reverse=True)
    points = []
    for problem in problems[:MOST_POINTS]:
        name, text = file, str(problem)
        if isinstance(problem, Problem):
            name = f"{problem.file}:{problem.line}" if problem.line else problem.file
            text = problem.message + (f" (allowed: {problem.allowed})" if problem.allowed else "")
        for secret in hidden:
            text = text.replace(secret, "•••")
        points.append(Point(name, text))
    alert = SystemAlert(
        AlertKind.CONFIG_REJECTED, REFUSED, file, "the changed configuration was refused", now,
        points=tuple(points), more=len(problems) - len(points), severity="high",
        advice="The one in use goes on. `watcher check` shows every mistake; reload again when it is content.",
    )  # fmt: skip
    said = hashlib.sha256("\n".join(map(str, problems)).encode("utf-8", "surrogatepass")).hexdigest()
    return alert, (AlertKind.CONFIG_REJECTED.value, f"{now:%Y-%m-%d}", said[:32])


# --- items that nobody could see news of ----------------------------------------------------------


def unseen(
    sources: Mapping[str, Sequence[str]],
    feeds: Mapping[str, FeedStatus],
    items: Mapping[str, Item],
    told: Sequence[ToldOfService],
    now: datetime,
) -> list[Telling]:
    """Return which items nobody can see news of, as all of their sources are down, and which are seen again, as one of
    them answers; each where that was not the last that was `told` of it (newest first). Several items are one
    message."""
    last: dict[str, AlertKind] = {}
    for one in told:
        for item in one.alert.items:
            last.setdefault(item, one.alert.kind)
    down, up = [], []
    for item, names in sorted(sources.items()):
        found = [feeds[name] for name in names if name in feeds]
        known = last.get(item) is AlertKind.ITEM_UNSEEN
        if found and all(feed.health.down for feed in found):
            down += [] if known else [item]
        elif known and any(feed.last_ok_at is not None and not feed.health.down for feed in found):
            up.append(item)
    before = str(told[0].id if told else 0)
    tellings: list[Telling] = []
    for kind, names in ((AlertKind.ITEM_UNSEEN, down), (AlertKind.TROUBLE_OVER, up)):
        if names:
            tellings.append((_seen(kind, names, sources, feeds, items, now), (kind.value, UNSEEN, before)))
    return tellings


def _seen(
    kind: AlertKind,
    names: Sequence[str],
    sources: Mapping[str, Sequence[str]],
    feeds: Mapping[str, FeedStatus],
    items: Mapping[str, Item],
    now: datetime,
) -> SystemAlert:
    lost = kind is AlertKind.ITEM_UNSEEN
    which = names[0] if len(names) == 1 else f"{len(names)} items"
    verb = "is" if len(names) == 1 else "are"
    points = []
    for name in names[:MOST_POINTS]:
        of_item = [feeds[feed] for feed in sources[name] if feed in feeds]
        told = ", ".join(f"{feed.id} ({feed.health.value})" for feed in of_item if feed.health.down is lost)
        title = f"{name}: {items[name].title}" if name in items else name
        answered = sum(not feed.health.down for feed in of_item)
        points.append(Point(title, f"{answered} of {len(of_item)} sources can be read: {told}"))
    return SystemAlert(
        kind, UNSEEN if lost else SEEN, names[0],
        f"{which} {verb} unseen: no source can be read" if lost else f"{which} {verb} seen again",
        now, points=tuple(points), more=len(names) - len(points), items=tuple(names),
        advice="Nobody can see news of it. `watcher feeds` shows every source and why." if lost else "",
        severity="high" if lost else "normal",
    )  # fmt: skip
