"""A week in an afternoon: real feeds over HTTP, a real mail server, both databases, and a clock moved by hand.

Every source has its own fate, and those who keep the service running are told of each once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from newsroom import MORNING, Clock
from servers_http import FeedServer, Received, Reply

from watcher.app import App
from watcher.config import load
from watcher.demo.mailserver import MailServer
from watcher.domain.feeds import FeedStatus, Health

STEP = timedelta(minutes=20)
DAY = timedelta(days=1)
ITEM = """\
title: A week
items:
  - id: truce
    title: The truce
    lifecycle: deadline
    state: set
    value: 2025-10-01
    about: {all: [truce]}
feeds:
"""
SERVICE = """\
database: %s
watchlists: [week.yaml]
polling: {allow_private: true, contact: "mailto:desk@example.org", fastest: 10m, slowest: 2h}
notify:
  receivers:
    desk: {urls: ["%s"]}
    ops: {urls: ["%s"]}
  routes:
    - {to: [desk]}
  system: [ops]
web: {enabled: false}
"""


class Publisher:
    """Feeds that publish a piece every three hours by the clock, each with a fate."""

    def __init__(self, server: FeedServer, clock: Clock) -> None:
        self._clock = clock
        self.silent = False
        self.polls: Counter[str] = Counter()
        self.hours: dict[str, list[float]] = {}
        for name in ("steady", "second", "broken", "quiet", "retired", "blocked", "flaky"):
            server.add(f"/{name}.xml", self._script(name))

    def _script(self, name: str) -> Callable[[Received], Reply]:
        def answer(_: Received) -> Reply:
            if self.silent:
                return Reply(hang_up=True)
            self.polls[name] += 1
            day = (self._clock() - MORNING) / DAY
            self.hours.setdefault(name, []).append(day * 24)
            if name == "broken" and 1 <= day < 3:
                return Reply(status=500)
            if name == "retired" and day >= 2:
                return Reply(status=410)
            if name == "blocked" and day >= 1.5:
                return Reply(status=403, body=b"<title>Just a moment...</title>", content_type="text/html")
            if name == "flaky" and self.polls[name] % 2:
                return Reply(status=502)
            return Reply(body=self._document(name, day))

        return answer

    def _document(self, name: str, day: float) -> bytes:
        last = int((min(day, 0.5) if name == "quiet" else day) * 8)
        items = ""
        for n in range(last, max(last - 20, -20), -1):
            at = f"{MORNING + n * timedelta(hours=3):%a, %d %b %Y %H:%M:%S GMT}"
            items += f"<item><guid>{name}-{n}</guid><title>Piece {n} of {name}</title><pubDate>{at}</pubDate></item>"
        return f"<rss version='2.0'><channel><title>{name}</title>{items}</channel></rss>".encode()


@pytest.fixture
def week(tmp_path: Path, db_url: str) -> Iterator[tuple[App, Clock, Publisher, MailServer]]:
    clock = Clock()
    with FeedServer() as server, MailServer() as mail:
        publisher = Publisher(server, clock)
        names = ("steady", "second", "broken", "quiet", "retired", "blocked", "flaky")
        feeds = "".join(f'  - {{id: {name}, url: "{server.url(f"/{name}.xml")}"}}\n' for name in names)
        (tmp_path / "week.yaml").write_text(ITEM + feeds)
        urls = (mail.url("desk@example.org"), mail.url("ops@example.org"))
        (tmp_path / "watcher.yaml").write_text(SERVICE % (db_url, *urls))
        with App.open(load(tmp_path / "watcher.yaml", {}), env={}, clock=clock) as app:
            yield app, clock, publisher, mail


def sources(app: App) -> dict[str, FeedStatus]:
    return {status.id: status for status in app.store.feed_statuses()}


def path(app: App, feed: str) -> list[str]:
    """How a source fared, first to last."""
    return [change.to_state.value for change in reversed(app.store.health_history(feed))]


@pytest.mark.slow
def test_a_week_is_told_once(week: tuple[App, Clock, Publisher, MailServer]) -> None:
    app, clock, publisher, mail = week
    while clock() < MORNING + 7 * DAY:
        app.jobs.cycle()
        app.jobs.sweep()
        app.jobs.deliver()
        clock.forward(minutes=STEP / timedelta(minutes=1))

    now = sources(app)
    assert {name: status.health for name, status in now.items()} == {
        "steady": Health.HEALTHY,
        "second": Health.HEALTHY,
        "broken": Health.HEALTHY,
        "quiet": Health.QUIET,
        "retired": Health.RETIRED,
        "blocked": Health.BLOCKED,
        "flaky": Health.HEALTHY,
    }
    assert path(app, "steady") == path(app, "second") == ["healthy"]
    assert path(app, "broken") in (
        ["healthy", "broken", "recovered", "healthy"],
        ["healthy", "late", "broken", "recovered", "healthy"],
    )
    assert path(app, "quiet") == ["healthy", "quiet"]
    assert path(app, "retired")[-1] == "retired"
    assert path(app, "blocked")[-1] == "blocked"
    assert not {"broken", "recovered"} & set(path(app, "flaky"))

    told = sorted((letter.recipients[0], letter.subject) for letter in mail.mails.all())
    assert told == [
        ("desk@example.org", "set (2025-10-01), passed: The truce"),
        ("desk@example.org", "set (2025-10-01), tomorrow: The truce"),
        ("ops@example.org", "[watcher] blocked cannot be read"),
        ("ops@example.org", "[watcher] broken cannot be read"),
        ("ops@example.org", "[watcher] broken is back"),
        ("ops@example.org", "[watcher] quiet has gone quiet"),
        ("ops@example.org", "[watcher] retired cannot be read"),
    ]

    gone = [hour for hour in publisher.hours["retired"] if hour >= 48]
    assert len(gone) == 2
    assert publisher.polls["broken"] < publisher.polls["steady"]
    days = Counter(int(hour // 24) for hour in publisher.hours["steady"])
    assert days[1] < 26  # a piece every three hours, asked for half as long apart
    assert days[5] == 24 * 3  # on the eve of the truce's end as often as this clock ticks

    swept = app.jobs.swept
    assert swept is not None
    (truce,) = swept.coverage
    assert (truce.sources, set(truce.missing) >= {"retired", "blocked"}) == (7, True)
    text = app.metrics.text().decode()
    assert 'watcher_feeds{health="retired"} 1.0' in text
    assert f'watcher_item_sources_answered{{item="truce"}} {float(truce.answered)}' in text
    board = app.sources()
    assert {feed["id"]: feed["health"] for feed in board["feeds"]}["blocked"] == "blocked"


@pytest.mark.slow
def test_a_machine_without_a_network_is_no_flood(week: tuple[App, Clock, Publisher, MailServer]) -> None:
    app, clock, publisher, mail = week
    app.jobs.cycle()
    app.jobs.sweep()
    for silent, hours in ((True, 12), (False, 8)):
        publisher.silent = silent
        for _ in range(hours * 12):
            clock.forward(minutes=5)
            app.jobs.cycle()
            app.jobs.sweep()
            app.jobs.deliver()
    letters = [letter.part("plain") for letter in mail.mails.all()]
    unseen = [body for body in letters if "reason no_source_answers" in body or "reason seen_again" in body]
    assert ["truce is unseen" in body for body in unseen] == [True, False]  # and then seen again
    broken, back = [body for body in letters if body not in unseen]
    # what had not been asked yet when it was found, and breaks hours later, belongs to it
    named = {name for name in publisher.polls if f"{name}: broken" in broken}
    assert 4 <= len(named) < len(publisher.polls)
    assert "sources are back" in back
    assert {name for name in publisher.polls if f"{name}: recovered" in back} == named - {"flaky"}
    assert all(path(app, name)[-2:] == ["broken", "recovered"] for name in publisher.polls if name != "flaky")
    assert app.store.untold_health()[0] == []
    again = [min(hour for hour in hours if hour > 12) for hours in publisher.hours.values()]
    assert max(again) - min(again) < 0.2  # the first that answered brought all the others back


@pytest.mark.slow
def test_two_daemons_tell_it_once(week: tuple[App, Clock, Publisher, MailServer]) -> None:
    app, clock, _, mail = week
    with App.open(app.settings, env={}, clock=clock) as other:
        for hour in range(60):
            for one in (app, other) if hour % 2 else (other, app):
                one.jobs.cycle()
                one.jobs.sweep()
                one.jobs.deliver()
            clock.forward(hours=1)
    told = [letter.subject for letter in mail.mails.all()]
    assert sorted(told) == [f"[watcher] {name} cannot be read" for name in ("blocked", "broken", "retired")]
