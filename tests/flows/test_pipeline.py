"""The straight line from feed to mailbox, verb by verb, on both databases with real servers and a hand-moved clock."""

from __future__ import annotations

import gc
import re
import socket
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alert_cases import a_message
from newsroom import APPROVED, CLEARED, MORNING, REJECTED, SMALL_TALK, Newsroom, newsroom

from watcher.app import App
from watcher.cli.ledger import told
from watcher.delivery.sender import Sender
from watcher.domain.alerting import test_alert as an_alert
from watcher.domain.alerts import (
    Alert,
    Backlog,
    Conditions,
    DeliveryState,
    Failed,
    Hold,
    Merge,
    Message,
    SendOutcome,
    Silence,
)
from watcher.domain.feeds import PollResult
from watcher.domain.model import Reason
from watcher.domain.schedule import LONGEST_RETRY, MAX_ATTEMPTS, next_attempt
from watcher.engine import jobs
from watcher.errors import StoreError
from watcher.feeds import rounds
from watcher.pipeline import RACES, FeedPolled, SendResult, deliver, judge, poll
from watcher.storage import Store
from watcher.upkeep import sweep


@pytest.fixture
def room(tmp_path: Path, db_url: str) -> Iterator[Newsroom]:
    with newsroom(tmp_path, db_url) as opened:
        yield opened


@pytest.fixture
def app(room: Newsroom) -> Iterator[App]:
    with room.app() as opened:
        yield opened


def polled(app: App, room: Newsroom) -> dict[str, tuple[PollResult, int]]:
    works = app.jobs.works
    done = poll(app.store, works.fetcher, works.settings.polling, owner=app.owner, clock=room.clock)
    return {feed.feed: (feed.result, feed.new) for feed in done.feeds}


def judged(app: App, room: Newsroom) -> list[tuple[str, str, str]]:
    settings = app.settings
    done = judge(app.store, app.jobs.works.judge, settings.rules, settings.routes, now=room.clock())
    return [(t.item, t.to_state, t.reason.value) for t in done.transitions]


def delivered(app: App, room: Newsroom) -> list[tuple[str, SendResult]]:
    tried: list[tuple[str, SendResult]] = []
    while True:
        done = deliver(app.store, app.jobs.works.sender, owner=app.owner, clock=room.clock)
        tried += [(one.receiver, one.result) for one in done.tried]
        if not done.more:
            return tried


def news(app: App, room: Newsroom, title: str = APPROVED, feed: str = "wire") -> None:
    """Have one piece of news judged, after the silent first polls."""
    polled(app, room)
    judged(app, room)
    room.clock.forward(minutes=20)
    room.publish(feed, title)
    polled(app, room)
    judged(app, room)


# --- poll and judge -------------------------------------------------------------------------------


def test_news_moves_an_item_and_is_told_to_every_receiver_once(app: App, room: Newsroom) -> None:
    assert polled(app, room) == {
        "wire": (PollResult.ENTRIES, 1), "daily": (PollResult.ENTRIES, 1), "agg": (PollResult.EMPTY, 0)
    }  # fmt: skip
    assert judged(app, room) == []
    room.clock.forward(minutes=20)
    room.publish("wire", APPROVED)
    assert polled(app, room) == {
        "wire": (PollResult.ENTRIES, 1), "daily": (PollResult.NOT_MODIFIED, 0), "agg": (PollResult.NOT_MODIFIED, 0)
    }  # fmt: skip
    assert judged(app, room) == [("us-approval", "approved", "alone")]
    assert sorted(delivered(app, room)) == [("boss", SendResult.SENT), ("desk", SendResult.SENT)]
    for _ in range(2):
        room.clock.forward(hours=1)
        polled(app, room)
        assert judged(app, room) == []
        assert delivered(app, room) == []
    assert sorted(to for to, _ in room.letters()) == ["boss@example.org", "desk@example.org"]
    assert app.store.standings()["us-approval"].state == "approved"


def test_of_a_changed_document_only_what_is_new_is_parsed(
    app: App, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    import feedparser

    for number in range(8):
        room.publish("wire", f"{SMALL_TALK}, part {number}")
    polled(app, room)
    judged(app, room)
    given: list[bytes] = []
    real = feedparser.parse
    monkeypatch.setattr(feedparser, "parse", lambda data, **rest: given.append(data.getvalue()) or real(data, **rest))
    room.clock.forward(minutes=20)
    room.publish("wire", APPROVED)
    assert polled(app, room)["wire"] == (PollResult.ENTRIES, 1)
    assert [data.count(b"<item>") for data in given] == [1]
    assert judged(app, room) == [("us-approval", "approved", "alone")]
    page = room.stand.page("wire")
    assert page is not None
    page.body, page.etag = page.body.replace(b"</channel>", b"<ttl>5</ttl></channel>"), '"the same news"'
    room.clock.forward(minutes=20)
    assert polled(app, room)["wire"] == (PollResult.ENTRIES, 0)
    assert [data.count(b"<item>") for data in given] == [1, 0]


@pytest.fixture
def hanging(room: Newsroom) -> Iterator[None]:
    """Have the aggregator take connections and never answer."""
    room.timeout, room.tick = "3s", "50ms"
    room.write()
    watchlist = room.folder / "watchlist.yaml"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        watchlist.write_text(re.sub(r"http://[\d.:]+/agg.xml", address, watchlist.read_text()))
        yield


@pytest.mark.usefixtures("hanging")
def test_a_feed_that_hangs_delays_nobody_and_feeds_that_come_due_meanwhile_are_polled(room: Newsroom) -> None:
    order: list[str] = []

    def saved(feeds: Sequence[FeedPolled]) -> bool:
        order.extend(feed.feed for feed in feeds)
        if sorted(order) == ["daily", "wire"]:
            room.clock.forward(minutes=20)
        return True

    with room.app() as app:
        works = app.jobs.works
        poll(app.store, works.fetcher, works.settings.polling, owner=app.owner, clock=room.clock, saved=saved)
    assert (sorted(order[:2]), sorted(order[2:4]), order[4:]) == (["daily", "wire"], ["daily", "wire"], ["agg"])


@pytest.mark.usefixtures("hanging")
def test_what_is_under_way_is_finished_when_no_more_is_wanted(room: Newsroom) -> None:
    order: list[str] = []

    def saved(feeds: Sequence[FeedPolled]) -> bool:
        order.extend(feed.feed for feed in feeds)
        room.clock.forward(minutes=20)
        return False

    with room.app() as app:
        works = app.jobs.works
        poll(app.store, works.fetcher, works.settings.polling, owner=app.owner, clock=room.clock, saved=saved)
    assert sorted(order[:2]) == ["daily", "wire"]
    assert order[2:] == ["agg"]


def test_one_round_polls_each_feed_once_however_short_its_interval(room: Newsroom) -> None:
    room.every = "50ms"
    room.write()
    with App.open(room.settings(), env={}) as app:
        assert sorted(feed.feed for feed in app.jobs.cycle().feeds) == ["agg", "daily", "wire"]


def test_nothing_is_due_before_its_time(app: App, room: Newsroom) -> None:
    polled(app, room)
    room.clock.forward(minutes=5)
    assert polled(app, room) == {}


def test_what_a_feed_holds_at_its_first_poll_is_not_told(app: App, room: Newsroom) -> None:
    room.publish("wire", APPROVED, at=MORNING - timedelta(hours=3))
    polled(app, room)
    assert judged(app, room) == [("us-approval", "approved", "alone")]
    assert delivered(app, room) == []
    assert app.store.history("us-approval")[0].evidence[0].baseline


def test_two_independent_outlets_are_wanted_where_no_wire_reports(app: App, room: Newsroom) -> None:
    news(app, room, "Trump approves TikTok deal in Washington ceremony", feed="daily")
    assert app.store.standings()["us-approval"].state == "pending"
    room.clock.forward(minutes=20)
    room.publish("agg", "White House: TikTok sale has been approved by Trump", source="Gazette Three")
    polled(app, room)
    assert judged(app, room) == [("us-approval", "approved", "corroborated")]
    delivered(app, room)
    assert len(room.letters()) == 2
    row = app.store.history("us-approval")[0]
    assert {evidence.outlet for evidence in row.evidence} == {"Daily Two", "Gazette Three"}
    assert row.transition.reason is Reason.CORROBORATED


def test_routes_decide_who_is_told(app: App, room: Newsroom) -> None:
    news(app, room, CLEARED)
    delivered(app, room)
    assert [to for to, _ in room.letters()] == ["desk@example.org"]


def test_a_broken_feed_keeps_what_is_known_and_waits_longer(app: App, room: Newsroom) -> None:
    polled(app, room)
    due = room.clock.forward(minutes=20)
    page = room.stand.page("wire")
    assert page is not None
    page.body, page.etag = b"<html><title>Down for maintenance</title></html>", '"down"'
    assert polled(app, room)["wire"] == (PollResult.BROKEN, 0)
    status = next(each for each in app.store.feed_statuses() if each.id == "wire")
    assert status.failures == 1
    assert status.last_detail
    assert status.next_poll_at > due + timedelta(minutes=15)
    # as broken pages are not vouched for, the very same bytes are parsed again
    room.clock.forward(hours=1)
    assert polled(app, room)["wire"] == (PollResult.BROKEN, 0)
    room.publish("wire", APPROVED)
    room.clock.forward(hours=3)
    assert polled(app, room)["wire"] == (PollResult.ENTRIES, 1)


def test_a_feed_that_does_not_answer_is_a_result(app: App, room: Newsroom) -> None:
    polled(app, room)
    room.clock.forward(minutes=20)
    del room.stand._pages["daily"]
    results = polled(app, room)
    assert results["daily"] == (PollResult.FAILED, 0)
    assert results["wire"] == (PollResult.NOT_MODIFIED, 0)
    assert sweep(app.store, app.settings, now=room.clock(), watching_since=room.clock()).failing == ("daily",)


# --- another worker is first ----------------------------------------------------------------------


class Overtaken(Store):
    """A store on which another worker records the same entries first, a number of times."""

    room: Newsroom
    times: int

    def record(self, *parts: object, **more: object) -> None:  # type: ignore[override]
        if self.times > 0:
            self.times -= 1
            self.others_work()
        super().record(*parts, **more)  # type: ignore[arg-type]

    def others_work(self) -> None:
        with self.room.app() as other:
            judged(other, self.room)
            self.room.clock.forward(minutes=20)
            self.room.publish("daily", f"{SMALL_TALK}, part {self.times}")
            polled(other, self.room)


@pytest.mark.parametrize(("times", "lost"), [(1, 1), (RACES - 1, RACES - 1), (RACES, RACES)])
def test_a_batch_another_worker_judged_is_judged_again(app: App, room: Newsroom, times: int, lost: int) -> None:
    polled(app, room)
    store = Overtaken.open(room.database)
    assert isinstance(store, Overtaken)
    store.room, store.times = room, times
    try:
        settings = app.settings
        done = judge(store, app.jobs.works.judge, settings.rules, settings.routes, now=room.clock())
    finally:
        store.close()
    assert done.races == lost
    assert len(done.judgements) == (0 if lost == RACES else 1)
    assert app.store.backlog(room.clock()).unjudged == (1 if lost == RACES else 0)


def test_a_database_used_with_another_configuration_is_named(app: App, room: Newsroom) -> None:
    polled(app, room)
    app.store.sync(app.settings.feeds, app.settings.rules.items[1:], app.settings.rules.lifecycles, room.clock())
    with pytest.raises(StoreError, match="does not watch us-approval: is it used with another configuration"):
        judged(app, room)


def test_two_workers_move_an_item_once(app: App, room: Newsroom) -> None:
    polled(app, room)
    judged(app, room)
    room.clock.forward(minutes=20)
    room.publish("wire", APPROVED)
    polled(app, room)
    store = Overtaken.open(room.database)
    assert isinstance(store, Overtaken)
    store.room, store.times = room, 1
    settings = app.settings
    done = judge(store, app.jobs.works.judge, settings.rules, settings.routes, now=room.clock())
    store.close()
    assert done.transitions == ()
    assert len(app.store.history("us-approval")) == 2
    delivered(app, room)
    assert len(room.letters()) == 2


# --- deliver --------------------------------------------------------------------------------------


def test_a_failure_that_may_pass_is_tried_again_later(app: App, room: Newsroom) -> None:
    news(app, room, CLEARED)
    room.mail.refusals["RCPT"] = "451 4.3.0 try again later"
    assert delivered(app, room) == [("desk", SendResult.RETRY)]
    assert delivered(app, room) == []
    room.clock.forward(seconds=34)
    room.mail.refusals.clear()
    assert delivered(app, room) == [("desk", SendResult.SENT)]
    (row,) = app.store.deliveries()
    assert [line.outcome.value for line in row.ledger] == ["failed", "sent"]


def test_later_news_waits_behind_what_an_address_has_not_taken(app: App, room: Newsroom) -> None:
    news(app, room, APPROVED)
    room.clock.forward(minutes=20)
    room.publish("wire", CLEARED)
    polled(app, room)
    judged(app, room)
    room.mail.refusals["RCPT"] = "451 4.3.0 try again later"
    assert sorted(delivered(app, room)) == [
        ("boss", SendResult.RETRY), ("desk", SendResult.HELD), ("desk", SendResult.RETRY)
    ]  # fmt: skip
    room.mail.refusals.clear()
    room.clock.forward(seconds=34)
    delivered(app, room)
    desk = [subject for to, subject in room.letters() if to == "desk@example.org"]
    assert len(desk) == 2
    assert "TikTok" in desk[0]
    assert "ByteDance" in desk[1]


def tell(app: App, room: Newsroom, title: str) -> None:
    """Have one more piece of news judged."""
    room.publish("wire", title)
    polled(app, room)
    assert judged(app, room)


def told_to(room: Newsroom, receiver: str) -> list[str]:
    return [subject for to, subject in room.letters() if to == f"{receiver}@example.org"]


def test_news_that_comes_while_an_address_is_away_does_not_overtake(app: App, room: Newsroom) -> None:
    news(app, room, APPROVED)
    room.mail.refusals["RCPT"] = "451 4.3.0 try again later"
    for _ in range(8):  # from then on it is tried every hour
        delivered(app, room)
        room.clock.forward(hours=2)
    assert sorted(delivered(app, room)) == [("boss", SendResult.RETRY), ("desk", SendResult.RETRY)]
    room.mail.refusals.clear()
    room.clock.forward(minutes=20)
    tell(app, room, CLEARED)
    assert delivered(app, room) == [], "the newer one is due, and waits for the older"
    room.clock.forward(minutes=50)
    delivered(app, room)
    first, second = told_to(room, "desk")
    assert "TikTok" in first
    assert "ByteDance" in second


def test_after_a_long_outage_everything_arrives_in_order(app: App, room: Newsroom) -> None:
    news(app, room, APPROVED)
    room.mail.refusals["CONNECT"] = "421 4.3.2 closed for the night"
    queued = {0: "", 3: CLEARED, 20: REJECTED}
    for hour in range(40):
        if title := queued.get(hour):
            tell(app, room, title)
        for _ in range(4):
            assert SendResult.DEAD not in {result for _, result in delivered(app, room)}
            room.clock.forward(minutes=15)
    room.mail.refusals.clear()
    room.clock.forward(hours=1)
    delivered(app, room)
    assert app.store.backlog(room.clock()) == Backlog(unjudged=0, pending=0, dead=0, oldest_pending=None)
    approved, _late = told_to(room, "desk")
    assert [approved] == told_to(room, "boss")[:1]
    assert len(told_to(room, "boss")) == 2
    rows = [row for row in reversed(app.store.deliveries()) if row.receiver == "desk"]
    assert [row.attempts for row in rows[1:]] == [1, 1], "waiting uses up no attempts"
    assert {line.outcome.value for line in rows[0].ledger[:-1]} == {"failed"}
    assert [[line.outcome.value for line in row.ledger] for row in rows[1:]] == [["sent"], ["sent"]]
    assert [row.message for row in rows] == [rows[0].id, rows[1].id, rows[1].id]
    assert app.store.messages([rows[1].id])[rows[1].id].merge is Merge.LATE


def test_a_permanent_failure_is_kept_as_dead_and_can_be_queued_again(app: App, room: Newsroom) -> None:
    news(app, room, CLEARED)
    room.mail.refusals["RCPT"] = "550 5.1.1 no such user"
    assert delivered(app, room) == [("desk", SendResult.DEAD)]
    room.clock.forward(hours=30)
    assert delivered(app, room) == []
    (row,) = app.store.deliveries((DeliveryState.DEAD,))
    room.mail.refusals.clear()
    app.store.retry_delivery(row.id, room.clock())
    assert delivered(app, room) == [("desk", SendResult.SENT)]


def test_a_delivery_is_given_up_after_its_last_attempt(app: App, room: Newsroom) -> None:
    news(app, room, CLEARED)
    room.mail.refusals["RCPT"] = "451 4.3.0 try again later"
    results = []
    while not results or results[-1] is SendResult.RETRY:
        ((_, result),) = delivered(app, room)
        results.append(result)
        room.clock.forward(minutes=67)
    assert results == [SendResult.RETRY] * (MAX_ATTEMPTS - 1) + [SendResult.DEAD]
    assert app.store.backlog(room.clock()).dead == 1


def test_a_daemon_that_is_stopping_puts_back_what_it_has_claimed(app: App, room: Newsroom) -> None:
    import threading

    news(app, room, APPROVED)
    stop = threading.Event()
    stop.set()
    done = deliver(app.store, app.jobs.works.sender, owner=app.owner, clock=room.clock, stop=stop)
    assert {one.result for one in done.tried} == {SendResult.HELD}
    assert {(row.attempts, row.ledger) for row in app.store.deliveries()} == {(0, ())}
    assert {result for _, result in delivered(app, room)} == {SendResult.SENT}


def test_a_send_that_outlived_its_lease_is_seen_as_lost(app: App, room: Newsroom) -> None:
    news(app, room, CLEARED)

    class Slow(Sender):
        def send(self, message: Message, now: datetime) -> SendOutcome:
            outcome = super().send(message, now)
            room.clock.forward(minutes=5)
            assert delivered(app, room) == [("desk", SendResult.SENT)]  # another worker, after the lease
            return outcome

    slow = Slow(app.settings.receivers, app.settings.zone)
    done = deliver(app.store, slow, owner="slow", clock=room.clock)
    assert [one.result for one in done.tried] == [SendResult.LOST]
    assert len(room.letters()) == 2


# --- sweep ----------------------------------------------------------------------------------------


def test_old_talk_is_forgotten_and_evidence_is_kept(app: App, room: Newsroom) -> None:
    news(app, room, APPROVED)
    swept = sweep(app.store, app.settings, now=room.clock(), watching_since=room.clock())
    assert (swept.pruned, swept.backlog.pending, swept.backlog.unjudged) == (0, 2, 0)
    later = room.clock.forward(days=400)
    assert sweep(app.store, app.settings, now=later, watching_since=later).pruned >= 1
    assert app.store.history("us-approval")[0].evidence[0].title == APPROVED
    # what was forgotten is still known, and does not come back as new
    assert polled(app, room)["wire"][1] == 0


# --- when to try again ----------------------------------------------------------------------------


def at(attempts: int, failed: Failed) -> timedelta | None:
    alert: Alert = an_alert(MORNING)
    again = next_attempt(a_message(alert, "d1", attempts=attempts), failed, MORNING)
    return None if again is None else again - MORNING


def test_waits_double_up_to_an_hour_with_a_little_spread() -> None:
    passing = Failed(retryable=True, detail="")
    waits = [at(n, passing) for n in range(1, MAX_ATTEMPTS)]
    bases = [min(timedelta(seconds=30 * 2 ** min(n, 20)), LONGEST_RETRY) for n in range(MAX_ATTEMPTS - 1)]
    for wait, base in zip(waits, bases, strict=True):
        assert wait is not None
        assert base <= wait <= base * 1.1
    assert waits == [at(n, passing) for n in range(1, MAX_ATTEMPTS)], "the spread is the same each time"


def test_patience_lasts_two_days_and_the_manual_says_so() -> None:
    waits = [at(n, Failed(retryable=True, detail="")) or timedelta(0) for n in range(1, MAX_ATTEMPTS)]
    assert timedelta(hours=48) <= sum(waits, timedelta(0)) <= timedelta(hours=53)
    manual = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert f"After {MAX_ATTEMPTS} attempts, which take two days" in manual


def test_what_a_receiver_asks_for_is_honoured_within_reason() -> None:
    assert at(1, Failed(True, "", timedelta(hours=2))) == timedelta(hours=2)
    assert at(1, Failed(True, "", timedelta(days=9))) == timedelta(days=1)
    short = at(1, Failed(True, "", timedelta(seconds=1)))
    assert short is not None
    assert short >= timedelta(seconds=30)


def test_what_cannot_succeed_is_given_up_at_once() -> None:
    assert at(1, Failed(retryable=False, detail="")) is None
    assert at(MAX_ATTEMPTS, Failed(retryable=True, detail="")) is None


def test_a_changed_mind_is_told_as_well(app: App, room: Newsroom) -> None:
    news(app, room, APPROVED)
    room.clock.forward(hours=2)
    room.publish("wire", REJECTED)
    polled(app, room)
    assert judged(app, room) == [("us-approval", "rejected", "alone")]
    delivered(app, room)
    assert len([to for to, _ in room.letters() if to == "boss@example.org"]) == 2


def test_an_entry_that_cannot_be_read_holds_up_no_other(room: Newsroom, app: App) -> None:
    """A mistake of ours in reading one text is told, and the news beside it still counts."""
    polled(app, room)
    judged(app, room)
    room.clock.forward(minutes=20)
    room.publish("wire", APPROVED)
    room.publish("wire", REJECTED[::-1])
    polled(app, room)
    works = app.jobs.works

    class Stumbling(type(works.judge)):  # type: ignore[misc]
        def read(self, entry):  # type: ignore[no-untyped-def]
            if entry.title == REJECTED[::-1]:
                raise ZeroDivisionError("a mistake")
            return super().read(entry)

    settings = app.settings
    done = judge(app.store, Stumbling(settings.rules), settings.rules, settings.routes, now=room.clock())
    assert [j.fault for j in done.judgements if j.fault] == ["ZeroDivisionError: a mistake"]
    assert [t.to_state for t in done.transitions] == ["approved"]
    assert app.store.unjudged(10) == []


POSSIBLE = "Trump may approve TikTok deal this week"


def rerouted(room: Newsroom, routes: str) -> App:
    """Open the product with other routes."""
    text = room.config.read_text()
    head, _, tail = text.partition("  routes:\n")
    room.config.write_text(f"{head}  routes:\n{routes}web:{tail.partition('web:')[2]}")
    return room.app()


def test_what_a_person_has_silenced_is_kept_and_told_to_nobody(app: App, room: Newsroom) -> None:
    begins = room.clock()
    silence = Silence(Conditions(items=("us-approval",)), "ada", "on leave", begins, begins + timedelta(days=1))
    app.store.silence(silence, begins)
    news(app, room, APPROVED)
    assert delivered(app, room) == []
    rows = app.store.deliveries([DeliveryState.SILENCED], 10)
    assert sorted((row.receiver, row.detail) for row in rows) == [("boss", "ada: on leave"), ("desk", "ada: on leave")]
    assert app.store.standings()["us-approval"].state == "approved"
    news(app, room, CLEARED)
    assert [to for to, _ in delivered(app, room)] == ["desk"]


def test_quiet_hours_hold_what_comes_until_they_are_over(room: Newsroom) -> None:
    room.clock.at = MORNING.replace(hour=22)
    quiet = 'quiet: {from: "21:00", to: "06:30", zone: Europe/Lisbon}'
    with rerouted(room, f"    - {{to: [desk], continue: true, {quiet}}}\n    - {{to: [boss]}}\n") as app:
        news(app, room, APPROVED)
        assert delivered(app, room) == [("boss", SendResult.SENT)]
        (held,) = app.store.deliveries([DeliveryState.PENDING], 10)
        assert (held.receiver, held.hold) == ("desk", Hold.QUIET)
        assert held.not_before == MORNING.replace(day=26, hour=5, minute=30)
        room.clock.at = held.not_before - timedelta(seconds=1)
        assert delivered(app, room) == []
        room.clock.forward(seconds=1)
        assert delivered(app, room) == [("desk", SendResult.SENT)]


def test_early_signals_go_to_the_routes_that_ask_for_them_and_once(room: Newsroom) -> None:
    routes = "    - {to: [desk], continue: true}\n    - {to: [boss], kinds: [early_signal, state_change]}\n"
    with rerouted(room, routes) as app:
        news(app, room, POSSIBLE)
        assert delivered(app, room) == [("boss", SendResult.SENT)]
        news(app, room, "White House could still clear TikTok sale, aides say", "daily")
        assert delivered(app, room) == []
        news(app, room, "Shareholders urge Washington to approve TikTok sale", "daily")
        news(app, room, APPROVED)
        assert sorted(delivered(app, room)) == [
            ("boss", SendResult.SENT),
            ("boss", SendResult.SENT),
            ("desk", SendResult.SENT),
        ]
    subjects = [subject for to, subject in room.letters() if to == "boss@example.org"]
    assert subjects == [
        "possible: approved? U.S. approval of the TikTok arrangement",
        "urged: approved? U.S. approval of the TikTok arrangement",
        "approved: U.S. approval of the TikTok arrangement",
    ]


def test_what_one_source_reports_where_two_are_wanted_is_an_early_signal(room: Newsroom) -> None:
    with rerouted(room, "    - {to: [boss], kinds: [early_signal]}\n") as app:
        news(app, room, APPROVED, "daily")
        assert delivered(app, room) == [("boss", SendResult.SENT)]
        (row,) = app.store.deliveries()
        assert told(row) == "pending, approved? (done)"
    (letter,) = room.letters()
    assert letter[1] == "one source: approved? U.S. approval of the TikTok arrangement"


def test_what_a_feed_holds_at_its_first_poll_is_no_early_signal(room: Newsroom) -> None:
    room.publish("wire", POSSIBLE)
    with rerouted(room, "    - {to: [desk], kinds: [early_signal]}\n") as app:
        polled(app, room)
        judged(app, room)
        assert delivered(app, room) == []


# --- what stays from one round to the next --------------------------------------------------------


def test_processes_that_parse_stay_for_the_next_round_and_end_without_work(
    app: App, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "NEW_FEEDS_FROM", 1)
    app.jobs.cycle()
    assert app.jobs._parsers.started
    monkeypatch.setattr(rounds, "read_task", lambda _: pytest.fail("parsed in this process"))
    room.clock.forward(minutes=20)
    room.publish("wire", APPROVED)
    assert sum(feed.new for feed in app.jobs.cycle().feeds) == 1
    monkeypatch.setattr(jobs, "IDLE_S", 0.0)
    app.jobs.cycle()
    assert not app.jobs._parsers.started


def test_what_a_configuration_holds_is_spared_the_garbage_collector_until_it_goes(room: Newsroom) -> None:
    with room.app() as app:
        held = gc.get_freeze_count()
        assert held > 10_000
        app.jobs.switch(app.jobs.works, gc.collect)
        assert gc.get_freeze_count() > 10_000
    assert gc.get_freeze_count() == 0
