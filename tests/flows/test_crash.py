"""Crash anywhere, start again: nothing is lost, and nothing is told twice beyond what was in flight."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from newsroom import APPROVED, CLEARED, Newsroom, newsroom
from store_cases import a_poll

from watcher.app import App, build
from watcher.demo.daemon import Daemon
from watcher.domain.feeds import PollResult
from watcher.storage import Store
from watcher.upkeep import watch_sources

COMMITS = ("claim_feeds", "save_polls", "record", "claim_messages", "settle_all")


class Crash(BaseException):
    """The process ends here."""


class Fragile(Store):
    """A store whose process dies right before or right after one of its commits; nothing is committed after that."""

    point: tuple[str, str] | None = None
    dead = False

    def _commit(self, name: str, commit: Callable[[], Any]) -> Any:
        if self.dead or self.point == ("before", name):
            self.dead = True
            raise Crash(name)
        result = commit()
        if self.point == ("after", name):
            self.dead = True
            raise Crash(name)
        return result

    def claim_feeds(self, *args: Any) -> Any:
        return self._commit("claim_feeds", partial(super().claim_feeds, *args))

    def save_polls(self, *args: Any) -> Any:
        return self._commit("save_polls", partial(super().save_polls, *args))

    def record(self, *args: Any, **more: Any) -> Any:
        return self._commit("record", partial(super().record, *args, **more))

    def claim_messages(self, *args: Any) -> Any:
        return self._commit("claim_messages", partial(super().claim_messages, *args))

    def settle_all(self, *args: Any) -> Any:
        return self._commit("settle_all", partial(super().settle_all, *args))

    def put_back(self, *args: Any) -> Any:
        return self._commit("put_back", partial(super().put_back, *args))


@pytest.fixture
def room(tmp_path: Path, db_url: str) -> Iterator[Newsroom]:
    with newsroom(tmp_path, db_url) as opened:
        yield opened


def life(room: Newsroom, point: tuple[str, str] | None) -> bool:
    """Live one round of every job, or as far as the crash; True when it came."""
    store = Fragile.open(room.database)
    assert isinstance(store, Fragile)
    settings = room.settings()
    store.sync(settings.feeds, settings.rules.items, settings.rules.lifecycles, room.clock())
    store.point = point
    with App(store, build(settings), env={}, clock=room.clock) as app:
        try:
            app.jobs.cycle()
            app.jobs.deliver()
        except Crash:
            return True
    return False


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", COMMITS)
def test_a_crash_at_any_commit_loses_nothing(room: Newsroom, commit: str, when: str) -> None:
    life(room, None)
    room.clock.forward(minutes=20)
    room.publish("wire", APPROVED)
    assert life(room, (when, commit)), "it did crash"
    room.clock.forward(minutes=30)
    life(room, (when, commit))  # and again, where there is still something to commit
    room.clock.forward(minutes=30)
    life(room, None)

    store = Store.open(room.database)
    try:
        assert [row.transition.to_state for row in store.history("us-approval")] == ["approved", "pending"]
        waiting = store.backlog(room.clock())
        assert (waiting.unjudged, waiting.pending, waiting.dead) == (0, 0, 0)
        ids = {row.id for row in store.deliveries()}
    finally:
        store.close()
    assert len(ids) == 2
    told = Counter(to for to, _ in room.letters())
    assert set(told) == {"desk@example.org", "boss@example.org"}
    if commit == "settle_all":
        assert max(told.values()) <= 3, "sent again once after each of two crashes, not more"
    else:
        assert max(told.values()) == 1


def test_a_message_sent_again_is_recognisable(room: Newsroom) -> None:
    life(room, None)
    room.clock.forward(minutes=20)
    room.publish("wire", CLEARED)
    life(room, ("before", "settle_all"))
    room.clock.forward(minutes=30)
    life(room, None)
    first, second = room.mail.mails.all()
    store = Store.open(room.database)
    try:
        (row,) = store.deliveries()
    finally:
        store.close()
    assert row.id in first.part("plain")
    assert row.id in second.part("plain")
    assert [line.outcome.value for line in row.ledger] == ["lost", "sent"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_among_messages_that_wait_keeps_their_order(room: Newsroom, when: str) -> None:
    life(room, None)
    room.clock.forward(minutes=20)
    room.publish("wire", APPROVED)
    room.publish("wire", CLEARED)
    room.mail.refusals["RCPT"] = "451 4.3.0 try again later"
    assert life(room, (when, "put_back")), "it did crash"
    room.mail.refusals.clear()
    room.clock.forward(hours=2)
    life(room, None)
    first, second = [subject for to, subject in room.letters() if to == "desk@example.org"]
    assert "TikTok" in first
    assert "ByteDance" in second
    store = Store.open(room.database)
    try:
        waiting = store.backlog(room.clock())
    finally:
        store.close()
    assert (waiting.pending, waiting.dead) == (0, 0)


@pytest.mark.slow
def test_a_daemon_killed_at_any_time_goes_on_where_it_was(tmp_path: Path) -> None:
    with newsroom(tmp_path, f"sqlite:///{tmp_path / 'watcher.db'}") as room:
        room.every = room.tick = room.timeout = "1s"
        room.write()
        with Daemon(room.config, tmp_path / "daemon.log") as daemon:
            room.stand.wait_read(20)
            wait_until(lambda: judged_everything(room), daemon)
            for number, title in enumerate((APPROVED, CLEARED)):
                room.publish("wire", title, at=now())
                assert room.stand.wait_read(20), daemon.tail()
                time.sleep(0.02 * number)
                daemon.kill()
                daemon.start()
            wait_until(lambda: len(set(room.letters())) == 3, daemon)
            assert daemon.stop() == 0
    told = Counter(room.letters())
    assert max(told.values()) <= 3, "once for the news, and once more at most for each kill"


def now() -> Any:
    from watcher.app import now as read

    return read()


def judged_everything(room: Newsroom) -> bool:
    store = Store.open(room.database)
    try:
        return store.revision() is not None and any(
            status.entries and not store.unjudged(1) for status in store.feed_statuses()
        )
    finally:
        store.close()


def wait_until(done: Callable[[], bool], daemon: Daemon, timeout_s: float = 45.0) -> None:
    until = time.monotonic() + timeout_s
    while not done():
        daemon.check()
        assert time.monotonic() < until, daemon.tail()
        time.sleep(0.1)


class Frail(Store):
    """A store whose process dies right before or right after it stores or tells a change of health."""

    point = ("", "")

    def _commit(self, name: str, commit: Callable[[], None]) -> None:
        if self.point == ("before", name):
            raise Crash(name)
        commit()
        if self.point == ("after", name):
            raise Crash(name)

    def record_health(self, *args: Any) -> None:
        self._commit("record_health", partial(super().record_health, *args))

    def tell_health(self, *args: Any) -> None:
        self._commit("tell_health", partial(super().tell_health, *args))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", ["record_health", "tell_health"])
def test_a_source_that_breaks_is_told_once_whenever_the_process_dies(room: Newsroom, commit: str, when: str) -> None:
    clock = room.clock

    def sweep(point: tuple[str, str] = ("", "")) -> None:
        store = Frail.open(room.database)
        assert isinstance(store, Frail)
        store.point = point
        try:
            active = [status for status in store.feed_statuses() if status.active]
            watch_sources(store, active, ["ops"], now=clock(), watching_since=clock())
        except Crash:
            pass
        finally:
            store.close()

    with room.app() as app:
        for _ in range(3):
            clock.forward(minutes=40)
            poll = a_poll("wire", clock(), result=PollResult.FAILED, failure="dns")
            app.store.save_polls([poll], clock())
        sweep((when, commit) if commit == "record_health" else ("", ""))
        sweep()
        clock.forward(minutes=10)
        sweep((when, commit) if commit == "tell_health" else ("", ""))
        for _ in range(3):
            sweep()
            clock.forward(minutes=10)
        (told,) = app.store.deliveries()
        assert (told.receiver, told.alert.title) == ("ops", "wire cannot be read")
        assert [change.to_state.value for change in app.store.health_history("wire")] == ["broken"]
