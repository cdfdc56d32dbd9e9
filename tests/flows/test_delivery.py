"""Messages on their way to real mail servers: a day of refusals, limits, killed processes, and what is shown."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import alert_cases
import pytest
from hooks import hooked
from newsroom import APPROVED, CLEARED, REJECTED, Newsroom, newsroom

from watcher.app import App
from watcher.delivering import deliver
from watcher.delivery.sender import Sender
from watcher.demo.mailserver import Mail, MailServer
from watcher.domain.alerts import AlertKind, DeliveryState, Merge, PlannedAlert, PlannedDelivery, Receiver
from watcher.storage import Store


@pytest.fixture
def room(tmp_path: Path, db_url: str) -> Iterator[Newsroom]:
    with newsroom(tmp_path, db_url) as opened:
        yield opened


@pytest.fixture
def ops() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


def configure(room: Newsroom, old: str, new: str) -> None:
    """Change the configuration file."""
    text = room.config.read_text()
    assert old in text
    room.config.write_text(text.replace(old, new))


def with_ops(room: Newsroom, ops: MailServer) -> None:
    """Have alerts about the service go to `ops`, at a server of its own."""
    line = f'    ops: {{urls: ["{ops.url("ops@example.org")}"]}}\n  routes:\n'
    configure(room, "  routes:\n", line)
    configure(room, "web:", "  system: [ops]\nweb:")


def tell(app: App, room: Newsroom, title: str) -> None:
    """Have one piece of news polled and judged."""
    room.publish("wire", title)
    room.clock.forward(minutes=20)
    app.jobs.cycle()


def first_round(app: App) -> None:
    app.jobs.cycle()
    app.jobs.deliver()


def to_desk(room: Newsroom) -> list[Mail]:
    return [mail for mail in room.mail.mails.all() if mail.recipients[0] == "desk@example.org"]


# --- a day away -----------------------------------------------------------------------------------


def test_a_receiver_down_for_a_day_gets_everything_afterwards_in_order_and_merged(
    room: Newsroom, ops: MailServer
) -> None:
    with_ops(room, ops)
    with room.app() as app:
        first_round(app)
        room.mail.refusals["CONNECT"] = "421 4.3.2 closed for the day"
        news = {0: APPROVED, 2: CLEARED, 9: REJECTED, 17: "Trump signs second order approving TikTok deal"}
        for hour in range(24):
            if title := news.get(hour):
                tell(app, room, title)
            for _ in range(4):
                app.jobs.deliver()
                room.clock.forward(minutes=15)
        waiting = [row for row in reversed(app.store.deliveries()) if row.receiver == "desk"]
        assert [row.state for row in waiting] == [DeliveryState.PENDING] * 4
        assert [bool(row.ledger) for row in waiting] == [True, False, False, False], "one asks for all"
        assert len(ops.mails.all()) == 2, "that desk and boss take nothing is told once each"

        room.mail.refusals.clear()
        room.clock.forward(hours=1)
        app.jobs.deliver()
        rows = [row for row in reversed(app.store.deliveries()) if row.receiver == "desk"]
        assert [row.id for row in rows] == [row.id for row in waiting]
        assert {row.state for row in rows} == {DeliveryState.SENT}
        assert [row.message for row in rows] == [rows[0].id] + [rows[1].id] * 3
        late = app.store.messages([rows[1].id])[rows[1].id]
        assert (late.merge, late.deliveries) == (Merge.LATE, tuple(row.id for row in rows[1:]))
        assert len(to_desk(room)) == 2
        assert len(ops.mails.all()) == 4, "and that they are back"
        statuses = {row.circuit.receiver: row for row in app.store.receivers(room.clock())}
        assert statuses["desk"].circuit.opened_at is None
        assert (statuses["desk"].waiting, statuses["desk"].dead) == (0, 0)
        text = app.metrics.text().decode()
    assert 'watcher_messages_total{merge="late"} 2.0' in text, "of desk, and of boss"


# --- limits ---------------------------------------------------------------------------------------


def test_a_routes_budget_and_an_addresss_rate_are_those_of_the_configuration(room: Newsroom) -> None:
    configure(room, "{to: [desk], continue: true}", "{name: desk, to: [desk], continue: true, budget: 1}")
    configure(room, f'boss: {{urls: ["{room.mail.url("boss@example.org")}"]}}',
              f'boss: {{urls: ["{room.mail.url("boss@example.org")}"], rate: 1/h}}')  # fmt: skip
    with room.app() as app:
        first_round(app)
        for title in (APPROVED, CLEARED, REJECTED):
            tell(app, room, title)
        app.jobs.deliver()
        assert sorted(to for to, _ in room.letters()) == ["boss@example.org", "desk@example.org"]
        room.clock.forward(minutes=59)
        app.jobs.deliver()
        assert len(room.letters()) == 2
        room.clock.forward(minutes=1)
        app.jobs.deliver()
        assert len(to_desk(room)) == 2
        assert len(room.letters()) == 4
        held = app.store.messages([row.message for row in app.store.deliveries() if row.receiver == "desk"])
        assert sorted(len(one.deliveries) for one in held.values()) == [1, 2]
        assert Merge.HELD in {one.merge for one in held.values()}


# --- killed processes -----------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from datetime import datetime
from zoneinfo import ZoneInfo
from watcher.delivering import deliver
from watcher.delivery.sender import Sender
from watcher.domain.alerts import Receiver
from watcher.storage import Store
url, mail, point, at = sys.argv[1:]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if point == "claim":
    Sender.send = die
else:
    Store.settle_all = die
sender = Sender({"desk": Receiver(mail)}, ZoneInfo("UTC"))
deliver(Store.open(url), sender, owner="killed", clock=lambda: datetime.fromisoformat(at))
"""


def plan_event(store: Store, at: datetime, to: tuple[str, ...] = ("desk",)) -> list[str]:
    """Plan two alerts that one entry caused; return the ids of their deliveries, in order."""
    planned = [
        PlannedAlert(
            alert_cases.an_alert(kind=AlertKind.DEADLINE, item=item, title=f"Item {item}", entries=("7",), quotes=()),
            ("deadline", item),
            tuple(PlannedDelivery(one, "all", at) for one in to),
        )
        for item in ("a", "b")
    ]
    store.record([], [], [], [], planned, at)
    return [row.id for row in sorted(store.deliveries(), key=lambda row: row.alert_id)]


@pytest.mark.parametrize(("point", "mails"), [("claim", 1), ("send", 2)])
def test_a_process_killed_with_a_merged_message_repeats_just_that(room: Newsroom, point: str, mails: int) -> None:
    with room.app() as app:
        ids = plan_event(app.store, room.clock())
        arguments = [room.database, room.mail.url("desk@example.org"), point, room.clock().isoformat()]
        path = {"PYTHONPATH": ":".join(sys.path)}
        killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], env=path, check=False, timeout=60)
        assert killed.returncode == -signal.SIGKILL
        third = alert_cases.an_alert(kind=AlertKind.DEADLINE, item="c", entries=("7",), quotes=())
        later = (PlannedDelivery("desk", "all", room.clock()),)
        app.store.record([], [], [], [], [PlannedAlert(third, ("deadline", "c"), later)], room.clock())
        app.jobs.deliver()
        assert len(room.letters()) == mails - 1, "what may be on its way holds back what comes after it"
        room.clock.forward(minutes=1)
        app.jobs.deliver()
        assert len(room.letters()) == mails + 1
        *same, _ = (mail.part("plain") for mail in to_desk(room))
        assert len(set(same)) == 1
        assert ids[0] in same[0]
        rows = [app.store.carried(one)[0] for one in ids]
        assert {row.message for row in rows} == {ids[0]}
        assert [[line.outcome.value for line in row.ledger] for row in rows] == [["lost", "sent"]] * 2
        assert app.store.messages([ids[0]])[ids[0]].deliveries == tuple(ids)


def test_threads_that_send_are_kept_from_round_to_round(room: Newsroom) -> None:
    def senders() -> set[int]:
        return {one.ident or 0 for one in threading.enumerate() if one.name.startswith("send")}

    with room.app() as app:
        first_round(app)
        tell(app, room, CLEARED)
        app.jobs.deliver()
        before = senders()
        tell(app, room, REJECTED)
        app.jobs.deliver()
        assert before
        assert before <= senders()
        assert len(room.letters()) == 3


def test_a_mistake_of_ours_in_one_send_is_a_failure_and_leaves_the_others_settled(room: Newsroom) -> None:
    class Stumbling(Sender):
        def send(self, message, now):  # type: ignore[no-untyped-def]
            if message.receiver == "boss":
                raise ZeroDivisionError("a mistake with mailto://user:s3cr3t@example.org")
            return super().send(message, now)

    with room.app() as app:
        first_round(app)
        tell(app, room, APPROVED)
        settings = app.settings
        works = app.jobs.works
        object.__setattr__(works, "sender", Stumbling(settings.receivers, settings.zone))
        app.jobs.deliver()
        rows = {row.receiver: row for row in app.store.deliveries()}
        assert rows["desk"].state is DeliveryState.SENT
        assert rows["boss"].state is DeliveryState.PENDING
        assert [line.detail for line in rows["boss"].ledger] == ["a mistake in watcher: ZeroDivisionError"]
        assert rows["boss"].not_before > room.clock()


def test_what_was_sent_when_a_thread_is_ended_is_settled(room: Newsroom) -> None:
    ended = threading.Event()

    class Ended(Sender):
        def send(self, message, now):  # type: ignore[no-untyped-def]
            if message.receiver == "boss":
                ended.set()
                raise SystemExit
            ended.wait(30)
            return super().send(message, now)

    with room.app() as app:
        first_round(app)
        tell(app, room, APPROVED)
        sender = Ended(app.settings.receivers, app.settings.zone)
        with pytest.raises(SystemExit):
            deliver(app.store, sender, owner="me", clock=room.clock)
        states = {row.receiver: row.state for row in app.store.deliveries()}
    assert states == {"desk": DeliveryState.SENT, "boss": DeliveryState.SENDING}


def test_a_web_hook_that_answers_nonsense_sends_nobody_else_a_message_twice(store: Store, now: datetime) -> None:
    with hooked() as mad, hooked() as good:
        mad.answer = (503, {"Retry-After": "Mon, 01 Jan 99999999999 00:00:00 GMT"}, b"")
        plan_event(store, now, ("good", "mad"))
        sender = Sender({"good": Receiver(good.url, True), "mad": Receiver(mad.url, True)}, ZoneInfo("UTC"))
        for minutes in range(0, 30, 5):
            deliver(store, sender, owner="me", clock=lambda at=now + timedelta(minutes=minutes): at)  # type: ignore[misc]
    assert len({headers["webhook-id"] for _, headers, _ in good.got}) == len(good.got) == 1
    rows = {row.receiver: row for row in store.deliveries()}
    assert (rows["good"].state, rows["mad"].state) == (DeliveryState.SENT, DeliveryState.PENDING)
    (circuit,) = (row.circuit for row in store.receivers(now) if row.circuit.receiver == "mad")
    assert circuit.failures == len(mad.got) >= 3
    assert circuit.opened_at is not None


# --- what is shown --------------------------------------------------------------------------------


def test_health_names_a_receiver_that_takes_nothing(room: Newsroom) -> None:
    with room.app() as app:
        first_round(app)
        assert app.health()[1]["receivers"]["down"] == []
        room.mail.refusals["RCPT"] = "450 4.2.1 busy"
        tell(app, room, APPROVED)
        for _ in range(10):
            app.jobs.deliver()
            room.clock.forward(hours=1)
        app.jobs.cycle()
        healthy, shown = app.health()
        assert (healthy, shown["status"]) == (True, "degraded")
        assert "desk" in shown["receivers"]["down"]
        assert "receiver desk: does not take messages (watcher receivers)" in shown["troubles"]
        room.mail.refusals.clear()
        room.clock.forward(hours=6)
        app.jobs.deliver()
        assert app.health()[1]["receivers"]["down"] == []


def test_a_board_is_told_how_receivers_are_and_no_address(room: Newsroom) -> None:
    with room.app() as app:
        first_round(app)
        room.mail.refusals["RCPT"] = "550 5.1.1 no such user"
        tell(app, room, APPROVED)
        app.jobs.deliver()
        app.jobs.sweep()
        shown = {row["receiver"]: row for row in app.receivers()["receivers"]}
        assert (shown["desk"]["circuit"], shown["desk"]["failures"], shown["desk"]["dead"]) == ("closed", 1, 1)
        assert shown["desk"]["configured"]
        assert str(room.mail.port) not in str(shown)
        text = app.metrics.text().decode()
    assert 'watcher_receiver_dead{receiver="desk"} 1.0' in text
    assert 'watcher_receiver_down{receiver="desk"} 0.0' in text


def test_a_busy_database_is_waited_for_when_what_was_sent_is_settled(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    from watcher.errors import StoreError

    settle_all: Callable[..., object] = Store.settle_all
    refusals = iter([True, False])

    def busy(self: Store, *args: object) -> object:
        if next(refusals, False):
            error = StoreError("the database is busy or away")
            error.retryable = True
            raise error
        return settle_all(self, *args)

    with room.app() as app:
        first_round(app)
        tell(app, room, CLEARED)
        monkeypatch.setattr(Store, "settle_all", busy)
        app.jobs.deliver()
        room.clock.forward(hours=1)
        app.jobs.deliver()
        assert len(room.letters()) == 1
        (row,) = app.store.deliveries()
        assert row.settled_at == room.clock() - timedelta(hours=1)


def test_so_it_is_while_the_daemon_stops(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    from watcher.errors import StoreError

    settle_all: Callable[..., object] = Store.settle_all
    stop, free = threading.Event(), threading.Event()

    def busy(self: Store, *args: object) -> object:
        if not stop.is_set():
            stop.set()
            threading.Timer(0.1, free.set).start()
        if not free.is_set():
            error = StoreError("the database is busy or away")
            error.retryable = True
            raise error
        return settle_all(self, *args)

    with room.app() as app:
        first_round(app)
        tell(app, room, CLEARED)
        monkeypatch.setattr(Store, "settle_all", busy)
        sender = Sender(app.settings.receivers, app.settings.zone)
        deliver(app.store, sender, owner="me", clock=room.clock, stop=stop)
        assert {row.state for row in app.store.deliveries()} == {DeliveryState.SENT}
