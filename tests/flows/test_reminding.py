"""Reminders and escalations from a feed to mailboxes: real servers, both databases, and a clock moved by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from newsroom import APPROVED, MORNING, REJECTED, Newsroom, newsroom

from watcher.app import App
from watcher.domain.alerts import AlertKind, AlertRow, Conditions, DeliveryState, Silence

URGENT = "    - {name: urgent, to: [desk], repeat: {every: 1h, most: 2}, escalate: {after: 90m, to: [boss]}}\n"


def routed(room: Newsroom, routes: str) -> Newsroom:
    """Give the newsroom these routes."""
    room.routes = routes
    room.write()
    return room


@pytest.fixture
def room(tmp_path: Path, db_url: str) -> Iterator[Newsroom]:
    with newsroom(tmp_path, db_url) as opened:
        yield routed(opened, URGENT)


@pytest.fixture
def app(room: Newsroom) -> Iterator[App]:
    with room.app() as opened:
        yield opened


def news(app: App, room: Newsroom, title: str = APPROVED) -> None:
    """Have one piece of news told, after the silent first polls."""
    app.jobs.cycle()
    room.clock.forward(minutes=20)
    room.publish("wire", title)
    app.jobs.cycle()
    app.jobs.deliver()


def hours(app: App, room: Newsroom, count: float, step: int = 10) -> None:
    """Let time pass: a round every ten minutes."""
    for _ in range(round(count * 60 / step)):
        room.clock.forward(minutes=step)
        app.jobs.sweep()
        app.jobs.deliver()


def who(room: Newsroom) -> list[str]:
    """Who got a mail, in order."""
    return [to.partition("@")[0] for to, _ in room.letters()]


def again(app: App) -> list[AlertRow]:
    return [row for row in reversed(app.store.alerts()) if row.reminds_of is not None]


def test_it_is_told_again_until_it_was_often_enough_and_once_to_others(app: App, room: Newsroom) -> None:
    news(app, room)
    assert who(room) == ["desk"]
    hours(app, room, 0.9)
    assert who(room) == ["desk"]
    hours(app, room, 1.5)
    hours(app, room, 12, step=30)
    assert who(room) == ["desk", "desk", "boss", "desk"]
    (first,) = [row for row in app.store.alerts() if row.reminds_of is None]
    minutes = [(row.created_at - first.created_at) / timedelta(minutes=1) for row in again(app)]
    assert minutes == [60, 90, 120]
    assert [row.alert.subject for row in again(app)] == ["us-approval"] * 3
    metrics = app.metrics.text().decode()
    assert "watcher_reminders_total 2.0" in metrics
    assert "watcher_escalations_total 1.0" in metrics


def test_an_acknowledgement_ends_it(app: App, room: Newsroom) -> None:
    news(app, room)
    hours(app, room, 1)
    reminder = again(app)[0]
    app.store.acknowledge(reminder.id, "ana", "", room.clock())
    hours(app, room, 12, step=30)
    assert who(room) == ["desk", "desk"]


def test_news_that_move_the_item_end_it_and_begin_anew(app: App, room: Newsroom) -> None:
    news(app, room)
    hours(app, room, 0.5)
    room.publish("wire", REJECTED)
    app.jobs.cycle()
    app.jobs.deliver()
    hours(app, room, 12, step=30)
    assert who(room) == ["desk", "desk", "desk", "boss", "desk"]
    told = Counter(row.alert.to_state for row in again(app))  # type: ignore[union-attr]
    assert told == {"rejected": 3}


def test_of_a_message_that_waits_nobody_is_reminded(app: App, room: Newsroom) -> None:
    room.mail.refusals["RCPT"] = "451 4.3.0 try again later"
    news(app, room)
    hours(app, room, 5)
    assert (who(room), again(app)) == ([], [])
    room.mail.refusals.clear()
    hours(app, room, 0.5)
    assert who(room) == ["desk"]
    hours(app, room, 12, step=30)
    assert who(room) == ["desk", "desk", "boss", "desk"]


def test_what_waits_is_called_off_by_an_acknowledgement(app: App, room: Newsroom) -> None:
    news(app, room)
    room.clock.forward(hours=1)
    app.jobs.sweep()  # planned, and not sent
    app.store.acknowledge("us-approval", "ana", "", room.clock())
    app.jobs.sweep()
    hours(app, room, 12, step=30)
    assert who(room) == ["desk"]
    assert [row.detail for row in app.store.deliveries([DeliveryState.DROPPED])] == ["no longer wanted"]


def test_a_silence_puts_it_off(app: App, room: Newsroom) -> None:
    news(app, room)
    until = room.clock() + timedelta(hours=3)
    app.store.silence(Silence(Conditions(items=("us-approval",)), "ana", "", room.clock(), until), room.clock())
    hours(app, room, 2.9)
    assert who(room) == ["desk"]
    hours(app, room, 0.5)
    assert sorted(who(room)) == ["boss", "desk", "desk"]


def test_quiet_hours_put_it_off_to_their_end(tmp_path: Path, db_url: str) -> None:
    quiet = URGENT.replace("to: [desk],", 'to: [desk], quiet: {from: "09:00", to: "18:00"},')
    with newsroom(tmp_path, db_url) as room, routed(room, quiet).app() as app:
        news(app, room)
        hours(app, room, 9)
        assert who(room) == ["desk"]
        hours(app, room, 2)
        assert sorted(who(room)) == ["boss", "desk", "desk", "desk"]
        assert min(row.created_at for row in again(app)) >= MORNING.replace(hour=18)


def test_a_restart_between_plan_and_send_loses_and_repeats_nothing(room: Newsroom) -> None:
    with room.app() as app:
        news(app, room)
        room.clock.forward(hours=1)
        app.jobs.sweep()
        assert who(room) == ["desk"]
    with room.app() as app:
        app.jobs.sweep()
        app.jobs.deliver()
        app.jobs.deliver()
        assert who(room) == ["desk", "desk"]
        hours(app, room, 0.9)
        assert who(room) == ["desk", "desk", "boss"]


def test_two_daemons_tell_it_once(app: App, room: Newsroom) -> None:
    with room.app() as other, ThreadPoolExecutor(2) as pool:
        news(app, room)
        for _ in range(30):
            room.clock.forward(minutes=10)
            list(pool.map(lambda one: one.jobs.sweep(), (app, other)))
            list(pool.map(lambda one: one.jobs.deliver(), (app, other)))
    assert who(room) == ["desk", "desk", "boss", "desk"]


def test_a_route_that_is_gone_reminds_of_nothing(room: Newsroom) -> None:
    with room.app() as app:
        news(app, room)
    routed(room, URGENT.replace("urgent", "another"))
    with room.app() as app:
        hours(app, room, 12, step=30)
        assert who(room) == ["desk"]


def test_after_a_long_stop_one_reminder_comes_and_the_next_in_its_time(room: Newsroom) -> None:
    with room.app() as app:
        news(app, room)
    room.clock.forward(days=3)
    with room.app() as app:
        hours(app, room, 0.5)
        assert sorted(who(room)) == ["boss", "desk", "desk"]
        hours(app, room, 12, step=30)
        assert len(who(room)) == 4


def test_an_early_signal_is_not_repeated(tmp_path: Path, db_url: str) -> None:
    signals = URGENT.replace("to: [desk],", "to: [desk], kinds: [early_signal],")
    with newsroom(tmp_path, db_url) as room, routed(room, signals).app() as app:
        news(app, room, "Trump could approve TikTok deal this week")
        assert [row.alert.kind for row in app.store.alerts()] == [AlertKind.EARLY_SIGNAL]
        hours(app, room, 12, step=30)
        assert who(room) == ["desk"]
