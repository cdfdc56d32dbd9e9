"""The daemon as its operator knows it: a process with signals, a log, health and metrics."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from newsroom import APPROVED, CLEARED, REJECTED, Newsroom, newsroom
from sqlalchemy import text

from watcher.app import App, Order
from watcher.app import now as read_clock
from watcher.demo.daemon import Daemon
from watcher.engine.local import Job, LocalEngine
from watcher.metrics import Metrics
from watcher.storage import Store

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture
def room(tmp_path: Path, db_url: str) -> Iterator[Newsroom]:
    with newsroom(tmp_path, db_url) as opened:
        opened.every = "1s"
        opened.timeout = "2s"
        opened.write()
        yield opened


class Running(Daemon):
    """A daemon whose log is read by the test."""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def events(self) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def wait(self, event: str, count: int = 1, timeout_s: float = 30.0) -> dict[str, Any]:
        """Wait for the `count`-th event of this name."""
        found: list[dict[str, Any]] = []

        def come() -> bool:
            found[:] = [line for line in self.events() if line["event"] == event]
            return len(found) >= count

        wait_until(come, self, timeout_s)
        return found[count - 1]


def wait_until(done: Callable[[], object], daemon: Daemon, timeout_s: float = 30.0) -> None:
    until = time.monotonic() + timeout_s
    while not done():
        daemon.check()
        assert time.monotonic() < until, daemon.tail()
        time.sleep(0.05)


@contextmanager
def running(room: Newsroom, name: str = "daemon") -> Iterator[Running]:
    with Running(room.config, room.folder / f"{name}.log") as daemon:
        daemon.wait("daemon.started")
        yield daemon


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def baseline_is_in(room: Newsroom) -> bool:
    store = Store.open(room.database)
    try:
        return not store.unjudged(1) and all(status.last_ok_at for status in store.feed_statuses())
    finally:
        store.close()


# --- signals --------------------------------------------------------------------------------------


STRUCK = """\
import signal, sys, threading
from watcher.cli import main

def strike():
    sys.stdin.readline()
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

threading.Thread(target=strike, daemon=True).start()
main(["run", "--config", sys.argv[1]])
"""


@pytest.mark.slow
def test_a_signal_that_another_thread_is_given_ends_it_too(room: Newsroom) -> None:
    """The system may choose one that is just starting a thread or a process; the main thread is then not woken."""
    with (room.folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", STRUCK, str(room.config)], stdin=subprocess.PIPE, stdout=log, stderr=log
        )
    try:
        for _ in range(600):
            if "daemon.started" in (room.folder / "daemon.log").read_text():
                break
            time.sleep(0.1)
        process.communicate(b"now\n", timeout=60)
        assert process.returncode == 0, (room.folder / "daemon.log").read_text()
    finally:
        process.kill()
        process.wait()


def test_it_ends_though_somebody_holds_the_database(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.app.GRACE", timedelta(seconds=0.5))
    orders: SimpleQueue[Order] = SimpleQueue()
    ended: list[bool] = []
    with App.open(room.settings(), env={}, clock=read_clock) as app:
        holder = app.store._db._writer.connect()
        with holder.begin():
            if not app.store._db.is_sqlite:
                holder.execute(text("LOCK TABLE feed IN ACCESS EXCLUSIVE MODE"))
            thread = threading.Thread(target=lambda: ended.append(app.run(orders)))
            thread.start()
            wait_for(lambda: app._engine._running > 0)  # it waits for its turn to claim
            orders.put(Order.STOP)
            thread.join(25)  # a writer waits for another for thirty seconds
            assert ended, "with False where it waited for the database already, with True where it had not asked yet"
        holder.close()
        wait_for(lambda: app._engine._running == 0)


def wait_for(done: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not done():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.slow
def test_it_watches_answers_probes_and_ends_in_order(room: Newsroom) -> None:
    room.web = True
    room.write()
    with running(room) as daemon:
        host, port = daemon.wait("daemon.started")["web"]
        wait_until(lambda: baseline_is_in(room), daemon)
        room.publish("wire", APPROVED, at=read_clock())
        room.mail.mails.wait(2, 30)
        status, body = get(f"http://{host}:{port}/healthz")
        assert (status, json.loads(body)["status"]) == (200, "ok")
        daemon.wait("deliver.done")
        _, metrics = get(f"http://{host}:{port}/metrics")
        assert 'watcher_transitions_total{lifecycle="approval",to="approved"} 1.0' in metrics
        assert 'watcher_deliveries_total{result="sent"} 2.0' in metrics
        assert 'watcher_feeds{health="healthy"}' in metrics
        board = json.loads(get(f"http://{host}:{port}/api/sources")[1])
        assert {feed["id"] for feed in board["feeds"]} == {"wire", "daily", "agg"}
        assert {item["sources"] for item in board["items"]} == {3}
        assert get(f"http://{host}:{port}/elsewhere")[0] == 404
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 10
        assert daemon.events()[-1]["event"] == "daemon.stopped"
    assert sorted(to for to, _ in room.letters()) == ["boss@example.org", "desk@example.org"]
    for secret in (room.mail.url("desk@example.org"), room.mail.url("boss@example.org")):
        assert secret not in (room.folder / "daemon.log").read_text()


@pytest.mark.slow
def test_a_stop_does_not_wait_for_a_feed_that_hangs(room: Newsroom) -> None:
    room.timeout = "60s"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        room.write()
        watchlist = room.folder / "watchlist.yaml"
        port = silent.getsockname()[1]
        watchlist.write_text(re.sub(r"http://[\d.:]+/agg.xml", f"http://127.0.0.1:{port}/", watchlist.read_text()))
        with running(room) as daemon:
            connection, _ = silent.accept()
            began = time.monotonic()
            assert daemon.stop() == 0
            assert time.monotonic() - began < 9
            connection.close()
    store = Store.open(room.database)
    try:
        due = store.claim_feeds(read_clock() + timedelta(seconds=5), 10, timedelta(seconds=1), "test")
    finally:
        store.close()
    assert {each.feed.id for each in due} == {"wire", "daily", "agg"}, "its leases were given back"


@pytest.mark.slow
def test_a_reload_takes_what_is_right_and_refuses_what_is_wrong(room: Newsroom) -> None:
    room.web = True
    room.write()
    watchlist = room.folder / "watchlist.yaml"
    good = watchlist.read_text()
    with running(room) as daemon:
        host, port = daemon.wait("daemon.started")["web"]
        wait_until(lambda: baseline_is_in(room), daemon)

        watchlist.write_text(good.replace("state: pending", "state: pendign", 1))
        os.kill(daemon.pid, signal.SIGHUP)
        refused = daemon.wait("config.reload_failed")
        assert "watchlist.yaml:10:" in refused["problems"][0]
        status, body = get(f"http://{host}:{port}/healthz")
        health = json.loads(body)
        assert (status, health["status"], health["config"]["ok"]) == (200, "degraded", False)
        assert "pendign" in health["troubles"][0]
        metrics = get(f"http://{host}:{port}/metrics")[1]
        assert "watcher_config_ok 0.0" in metrics
        assert "watcher_config_reload_failed_total 1.0" in metrics

        room.publish("wire", APPROVED, at=read_clock())
        room.mail.mails.wait(2, 30)  # the last good one goes on

        item = "  - {id: extra, title: A thing, lifecycle: approval, state: pending, about: {all: [thing]}}\nfeeds:"
        watchlist.write_text(good.replace("feeds:", item))
        os.kill(daemon.pid, signal.SIGHUP)
        daemon.wait("config.reloaded")
        health = json.loads(get(f"http://{host}:{port}/healthz")[1])
        assert (health["status"], health["config"]["ok"]) == ("ok", True)
        store = Store.open(room.database)
        try:
            assert set(store.standings()) == {"us-approval", "china-approval", "extra"}
            assert store.standings()["us-approval"].state == "approved"
        finally:
            store.close()
        assert daemon.stop() == 0


@pytest.mark.slow
def test_two_daemons_on_one_database_do_no_harm(room: Newsroom) -> None:
    with ExitStack() as stack:
        pair = [stack.enter_context(running(room, name)) for name in ("one", "two")]
        wait_until(lambda: baseline_is_in(room), pair[0])
        for feed, title in (("wire", APPROVED), ("daily", "Small talk"), ("wire", CLEARED), ("wire", REJECTED)):
            room.publish(feed, title, at=read_clock())
            time.sleep(0.7)
        # approved and rejected go to both receivers, the licence to one
        wait_until(lambda: len(room.letters()) >= 5, pair[1])
        time.sleep(1.5)
        assert [daemon.stop() for daemon in pair] == [0, 0]
        failed = [event for daemon in pair for event in daemon.events() if event["event"] == "job.failed"]
    assert failed == []
    told = Counter(to for to, _ in room.letters())
    assert told == {"desk@example.org": 3, "boss@example.org": 2}
    store = Store.open(room.database)
    try:
        assert [row.transition.to_state for row in store.history("us-approval")] == ["rejected", "approved", "pending"]
        assert all(len(row.ledger) == 1 for row in store.deliveries())
    finally:
        store.close()


# --- in this process ------------------------------------------------------------------------------


@pytest.fixture
def app(room: Newsroom) -> Iterator[App]:
    with room.app() as opened:
        yield opened


def test_health_says_when_nothing_gets_done(app: App, room: Newsroom) -> None:
    app.once()
    assert app.health()[0]
    room.clock.forward(hours=2)
    healthy, shown = app.health()
    assert (healthy, shown["status"]) == (False, "failing")
    assert shown["troubles"][0].startswith("cycle: got nothing done for 7200 s")
    app.once()
    assert app.health()[0]


def test_health_says_when_the_database_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    with newsroom(tmp_path, f"sqlite:///{path}") as room, room.app() as app:
        app.once()
        app.store.close()
        for file in tmp_path.glob("watcher.db*"):
            file.unlink()
        path.mkdir()
        healthy, shown = app.health()
        assert (healthy, shown["status"]) == (False, "failing")
        assert shown["troubles"][0].startswith("database: ")


def test_health_points_at_what_somebody_should_look_at(app: App, room: Newsroom) -> None:
    app.once()
    room.mail.refusals["RCPT"] = "550 5.1.1 no such user"
    room.clock.forward(minutes=20)
    room.publish("wire", APPROVED)
    app.once()
    healthy, shown = app.health()
    assert (healthy, shown["status"], shown["backlog"]["dead"]) == (True, "degraded", 2)
    room.stand._pages.clear()
    room.clock.forward(minutes=20)
    app.once()
    assert "no feed answers" in app.health()[1]["troubles"]


def test_an_order_to_stop_is_obeyed_before_any_feed_was_polled(room: Newsroom) -> None:
    from queue import SimpleQueue

    orders: SimpleQueue[Order] = SimpleQueue()
    orders.put(Order.STOP)
    room.write()
    with App.open(room.settings(), env={}) as app:
        assert app.run(orders) is True


def test_a_job_that_fails_is_logged_counted_and_done_again() -> None:
    metrics = Metrics("0")
    runs: list[int] = []
    enough = threading.Event()

    def work() -> None:
        runs.append(len(runs))
        if len(runs) == 1:
            raise ZeroDivisionError("a bug")
        if len(runs) > 2:
            enough.set()

    engine = LocalEngine([Job("cycle", timedelta(seconds=0.05), work)], metrics)
    engine.start(read_clock())
    assert enough.wait(10)
    assert engine.stop(timedelta(seconds=5))
    assert engine.failing == ()
    assert b'watcher_job_failures_total{job="cycle"} 1.0' in metrics.text()


def test_a_job_that_does_not_end_is_reported_in_time() -> None:
    begun, end = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        end.wait(20)

    engine = LocalEngine([Job("deliver", timedelta(seconds=60), work)], Metrics("0"))
    engine.start(read_clock())
    assert begun.wait(10)
    assert engine.stop(timedelta(seconds=0.1)) is False
    end.set()
    assert engine.stop(timedelta(seconds=5)) is True


# --- what the documentation says ------------------------------------------------------------------


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    known = {name for family in Metrics("0").registry.collect() for name in [family.name]}
    named = set(re.findall(r"^\| `(watcher_[a-z_]+?)(?:_total|_info)?`", DOCS.read_text(), re.MULTILINE))
    assert named == known


def test_every_log_event_is_documented() -> None:
    source = "".join(path.read_text() for path in (DOCS.parents[1] / "watcher").rglob("*.py"))
    written = set(re.findall(r'(?:log\.\w+|say)\(\s*"([a-z]+\.[a-z_]+)"', source))
    written |= {f"delivery.{result}" for result in ("sent", "retry", "dead", "held", "lost")}
    named = set(re.findall(r"^\| `([a-z]+\.[a-z_]+)`", DOCS.read_text(), re.MULTILINE))
    assert written <= named
    assert named <= written, "the documentation names events that are never written"
