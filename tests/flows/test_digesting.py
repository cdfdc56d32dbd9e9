"""Digests from a feed to mailboxes, and the command that shows them: real servers, both databases, a moved clock."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from commands import Shell
from newsroom import APPROVED, CLEARED, MORNING, REJECTED, SMALL_TALK, Newsroom, newsroom

from watcher.app import App
from watcher.app import now as read_clock
from watcher.domain.alerts import AlertKind, Digest

DAILY = '    - {name: daily, to: [desk], digest: {at: "0 9 * * *"}}\n'
CLAIMED = "Trump could approve TikTok deal this week"


def routed(room: Newsroom, routes: str) -> Newsroom:
    """Give the newsroom these routes."""
    room.routes = routes
    room.write()
    return room


@pytest.fixture
def room(tmp_path: Path, db_url: str) -> Iterator[Newsroom]:
    with newsroom(tmp_path, db_url) as opened:
        yield routed(opened, DAILY)


@pytest.fixture
def app(room: Newsroom) -> Iterator[App]:
    with room.app() as opened:
        yield opened


def start(app: App) -> None:
    """Have the silent first round, at eight in the morning."""
    app.jobs.cycle()
    app.jobs.sweep()


def publish(app: App, room: Newsroom, title: str, *, minutes: float = 20) -> None:
    """Have one piece of news judged some time later."""
    room.clock.forward(minutes=minutes)
    room.publish("wire", title)
    app.jobs.cycle()
    app.jobs.deliver()


def at(app: App, room: Newsroom, moment: datetime) -> None:
    """Come to a moment, and have one round there."""
    room.clock.at = moment
    app.jobs.sweep()
    app.jobs.deliver()


def at_nine(days: int = 0) -> datetime:
    return MORNING.replace(hour=9) + timedelta(days=days)


def digests(app: App) -> list[Digest]:
    rows = app.store.alerts(kinds=[AlertKind.DIGEST])
    return [row.alert for row in reversed(rows) if isinstance(row.alert, Digest)]


def test_a_day_is_told_in_one_message_and_nothing_one_by_one(app: App, room: Newsroom) -> None:
    start(app)
    publish(app, room, APPROVED)
    publish(app, room, SMALL_TALK)
    assert room.letters() == []
    at(app, room, at_nine() - timedelta(minutes=1))
    assert room.letters() == []
    at(app, room, at_nine())
    (mail,) = room.mail.mails.all()
    assert mail.recipients == ("desk@example.org",)
    assert "U.S. approval of the TikTok arrangement" in mail.part("plain")
    (digest,) = digests(app)
    assert (digest.route, digest.since, digest.at) == ("daily", MORNING, at_nine())
    assert [(one.item, one.to_label, one.reversal) for one in digest.moved] == [("us-approval", "approved", False)]
    assert digest.unchanged == 1
    at(app, room, at_nine() + timedelta(minutes=1))
    assert len(room.letters()) == 1
    assert "watcher_digests_total 1.0" in app.metrics.text().decode()


def test_what_was_before_the_start_is_not_told(app: App, room: Newsroom) -> None:
    room.publish("wire", APPROVED, at=MORNING - timedelta(hours=2))
    start(app)
    assert app.store.standings()["us-approval"].state == "approved"
    at(app, room, at_nine())
    (digest,) = digests(app)
    assert (digest.moved, digest.moving, digest.unchanged) == ((), (), 2)


def test_the_next_goes_on_where_the_last_ended(app: App, room: Newsroom) -> None:
    start(app)
    publish(app, room, CLAIMED)
    at(app, room, at_nine())
    publish(app, room, APPROVED)
    publish(app, room, REJECTED)
    at(app, room, at_nine(1))
    at(app, room, at_nine(2))
    first, second, third = digests(app)
    assert [(one.item, one.to_label, one.status.value) for one in first.moving] == [
        ("us-approval", "approved", "possible")
    ]
    assert first.moved == ()
    assert [(one.to_label, one.reversal) for one in second.moved] == [("approved", False), ("rejected", True)]
    assert second.moving == ()
    assert (third.since, third.moved, third.moving) == (second.at, (), ())
    assert len(room.letters()) == 3


def test_one_that_was_missed_comes_late_and_once(room: Newsroom) -> None:
    with room.app() as app:
        start(app)
        publish(app, room, APPROVED)
    with room.app() as app:
        at(app, room, at_nine(4) - timedelta(hours=3))
        at(app, room, at_nine(4) - timedelta(hours=2))
        (digest,) = digests(app)
        assert [one.item for one in digest.moved] == ["us-approval"]
        assert digest.since == MORNING
        at(app, room, at_nine(4))
        assert len(room.letters()) == 2
        assert digests(app)[1].since == digest.at


def test_a_restart_between_plan_and_send_loses_and_repeats_nothing(room: Newsroom) -> None:
    with room.app() as app:
        start(app)
        publish(app, room, APPROVED)
        room.clock.at = at_nine()
        app.jobs.sweep()
    assert room.letters() == []
    with room.app() as app:
        app.jobs.sweep()
        app.jobs.deliver()
        app.jobs.deliver()
        assert len(room.letters()) == len(digests(app)) == 1


def test_two_daemons_make_one(app: App, room: Newsroom) -> None:
    start(app)
    publish(app, room, APPROVED)
    with room.app() as other, ThreadPoolExecutor(2) as pool:
        for day in range(3):
            room.clock.at = at_nine(day)
            list(pool.map(lambda one: one.jobs.sweep(), (app, other)))
            list(pool.map(lambda one: one.jobs.deliver(), (app, other)))
    assert len(room.letters()) == len(digests(app)) == 3


def test_where_there_is_nothing_to_say_it_is_sent_unless_the_route_says_not(app: App, room: Newsroom) -> None:
    start(app)
    at(app, room, at_nine())
    assert len(room.letters()) == 1
    routed(room, DAILY.replace('"0 9 * * *"', '"0 9 * * *", empty: false'))
    assert app.reload()
    at(app, room, at_nine(1))
    assert len(room.letters()) == 1
    publish(app, room, APPROVED)
    at(app, room, at_nine(2))
    assert [digest.since for digest in digests(app)] == [MORNING, at_nine(1)]


def test_another_timetable_counts_from_now(app: App, room: Newsroom) -> None:
    start(app)
    publish(app, room, APPROVED)
    routed(room, DAILY.replace("0 9 *", "30 7 *"))
    assert app.reload()
    at(app, room, at_nine())
    assert digests(app) == []
    at(app, room, MORNING.replace(hour=7, minute=30) + timedelta(days=1))
    (digest,) = digests(app)
    assert (digest.since, [one.item for one in digest.moved]) == (MORNING, ["us-approval"])


def test_a_route_that_comes_later_begins_then(app: App, room: Newsroom) -> None:
    start(app)
    publish(app, room, APPROVED)
    routed(room, DAILY + '    - {name: late, to: [boss], digest: {at: "0 9 * * *"}}\n')
    assert app.reload()
    began = room.clock.forward(minutes=10)
    app.jobs.sweep()
    publish(app, room, CLEARED, minutes=10)
    at(app, room, at_nine())
    told = {digest.route: (digest.since, [one.item for one in digest.moved]) for digest in digests(app)}
    assert told == {"daily": (MORNING, ["us-approval", "china-approval"]), "late": (began, ["china-approval"])}


def test_a_digest_is_about_its_route_s_items(tmp_path: Path, db_url: str) -> None:
    china = DAILY.replace("to: [desk],", "to: [desk], items: [china-approval],")
    with newsroom(tmp_path, db_url) as room, routed(room, china).app() as app:
        start(app)
        publish(app, room, APPROVED)
        at(app, room, at_nine())
        (digest,) = digests(app)
        assert (digest.moved, digest.unchanged) == ((), 1)


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[Newsroom]:
    """Give a newsroom whose clock is the machine's, after its silent first round and some news."""
    with newsroom(tmp_path, f"sqlite:///{tmp_path / 'watcher.db'}") as room:
        routed(room, DAILY + "    - {name: other, to: [boss]}\n")
        room.clock.at = read_clock() - timedelta(hours=1)
        with room.app() as app:
            start(app)
            publish(app, room, APPROVED)
        yield room


def test_the_command_prints_what_the_next_digest_would_say(typed: Newsroom, shell: Shell) -> None:
    said = shell("digest", "-c", typed.config)
    assert said.code == 0
    assert "U.S. approval of the TikTok arrangement" in said.out
    assert "Delivery" not in said.out
    assert shell("digest", "daily", "-c", typed.config).out.splitlines()[1:] == said.out.splitlines()[1:]
    (data,) = shell("digest", "--json", "-c", typed.config).data
    assert (data["route"], [one["item"] for one in data["moved"]]) == ("daily", ["us-approval"])
    assert typed.letters() == []


def test_since_sets_where_it_begins(typed: Newsroom, shell: Shell) -> None:
    begin = (typed.clock.at + timedelta(minutes=1)).isoformat()
    (data,) = shell("digest", "--json", "--since", begin, "-c", typed.config).data
    assert (data["moved"], data["unchanged"]) == ([], 2)
    (data,) = shell("digest", "other", "--json", "--since", "2025-09-01", "-c", typed.config).data
    assert len(data["moved"]) == 1
    assert shell("digest", "--since", "lately", "-c", typed.config).code == 2


def test_send_sends_it_now_and_the_next_one_comes_all_the_same(typed: Newsroom, shell: Shell) -> None:
    before = shell("digest", "--next", "--json", "-c", typed.config).data
    sent = shell("digest", "daily", "--send", "-c", typed.config)
    assert (sent.code, "desk: sent" in sent.err) == (0, True)
    assert [to for to, _ in typed.letters()] == ["desk@example.org"]
    assert shell("digest", "--next", "--json", "-c", typed.config).data == before
    typed.mail.refusals["RCPT"] = "550 no such user"
    failed = shell("digest", "daily", "--send", "-c", typed.config)
    assert (failed.code, "desk: FAILED" in failed.err) == (1, True)


def test_next_lists_when_each_was_and_will_be(typed: Newsroom, shell: Shell) -> None:
    (row,) = shell("digest", "--next", "--json", "-c", typed.config).data
    assert (row["route"], row["to"]) == ("daily", ["desk"])
    assert row["last_at"] is None, "none was made"
    following = datetime.fromisoformat(row["next_at"])
    assert (following.hour, following.minute) == (9, 0)
    assert "daily  0 9 * * *  UTC   -     " in shell("digest", "--next", "-c", typed.config).out
    with typed.app() as app:
        at(app, typed, typed.clock.at + timedelta(days=1))
    (row,) = shell("digest", "--next", "--json", "-c", typed.config).data
    assert datetime.fromisoformat(row["last_at"]) == typed.clock.at


def test_a_route_that_is_not_there_is_named_with_those_that_are(typed: Newsroom, shell: Shell) -> None:
    said = shell("digest", "weekly", "-c", typed.config)
    assert (said.code, said.err.strip()) == (2, "watcher: there is no route 'weekly'; routes: daily, other")
    routed(typed, "    - {name: other, to: [boss]}\n")
    assert "no route has a digest" in shell("digest", "-c", typed.config).err
