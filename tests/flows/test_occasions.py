"""What is told besides plain changes, from feed to mailbox: reversals, disputes, days that come near, silence, items
that nobody sees, refused configurations and troubles. Both databases, real servers, a clock moved by hand, restarts in
between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from newsroom import MORNING, Clock
from sqlalchemy import create_engine, text

from watcher.app import App
from watcher.config import load
from watcher.demo.mailserver import MailServer
from watcher.demo.newsstand import Masthead, Newsstand, Piece
from watcher.domain.alerts import Alert, AlertKind, DeliveryState, SystemAlert
from watcher.domain.troubles import JobFailure
from watcher.engine.jobs import Jobs
from watcher.storage import Store

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TRUCE = """\
  - id: truce
    title: The truce
    lifecycle: deadline
    state: set
    value: 2025-10-10
    decided_by: norland
    about: {all: [truce]}
"""
BAN = """\
  - id: ban
    title: Norland's timber export ban
    lifecycle: restriction
    state: in_force
    decided_by: norland
    about: {all: [timber], any: [ban, export]}
"""
WATCHLIST = """\
title: A few things
actors:
  norland: [Norland, Norlandic government]
feeds:
  - {id: wire, url: "%s", outlet: Wire One, every: 1h}
  - {id: gazette, url: "%s", outlet: Norland Gazette, every: 1h}
items:
"""
SERVICE = """\
database: %s
watchlists: [few.yaml]
outlets: outlets.yaml
zone: Europe/Berlin
polling: {allow_private: true, contact: "mailto:desk@example.org"}
notify:
  silent_after: 5d
  receivers:
    desk: {urls: ["%s"]}
    ops: {urls: ["%s"]}
  routes:
    - {to: [desk]}
  system: [ops]
web: {enabled: false}
"""
OUTLETS = """\
outlets:
  - {name: Wire One, tier: wire}
  - {name: Norland Gazette, tier: official, of: norland}
"""


@dataclass
class Desk:
    """One installation; `app` is the daemon that runs on it, and may be started again."""

    folder: Path
    database: str
    stand: Newsstand
    mail: MailServer
    clock: Clock = field(default_factory=Clock)
    items: str = TRUCE + BAN
    pieces: dict[str, list[Piece]] = field(default_factory=lambda: {"wire": [], "gazette": []})

    def write(self) -> None:
        urls = (self.stand.url("wire"), self.stand.url("gazette"))
        (self.folder / "few.yaml").write_text(WATCHLIST % urls + self.items)
        (self.folder / "outlets.yaml").write_text(OUTLETS)
        letters = (self.mail.url("desk@example.org"), self.mail.url("ops@example.org"))
        (self.folder / "watcher.yaml").write_text(SERVICE % (self.database, *letters))

    def app(self) -> App:
        return App.open(load(self.folder / "watcher.yaml", {}), env={}, clock=self.clock)

    def publish(self, feed: str, title: str, at: datetime | None = None) -> None:
        number = len(self.pieces[feed])
        link = f"https://{feed}.example/{number}"
        self.pieces[feed].insert(0, Piece(key=f"{feed}-{number}", title=title, at=at or self.clock.at, link=link))
        self.stand.show(feed, self.pieces[feed])

    def go_on(self, app: App, until: datetime | timedelta, step: timedelta = HOUR) -> None:
        """Let time go by, with every job done at each step."""
        end = until if isinstance(until, datetime) else self.clock.at + until
        while self.clock.at < end:
            self.clock.at = min(self.clock.at + step, end)
            app.once()

    def told(self) -> list[str]:
        """What was sent, the first first: receiver, kind, reason and what it is about."""
        store = Store.open(self.database)
        rows = sorted(store.deliveries(limit=500), key=lambda row: (row.alert_id, row.receiver))
        store.close()
        assert all(row.state is DeliveryState.SENT for row in rows)
        return [f"{row.receiver} {row.alert.kind.value} {row.alert.reason} {row.item}" for row in rows]

    def alerts(self, kind: AlertKind) -> list[Alert | SystemAlert]:
        store = Store.open(self.database)
        rows = sorted(store.deliveries(limit=500), key=lambda row: row.alert_id)
        store.close()
        found = [row.alert for row in rows if row.alert.kind is kind]
        return [alert for alert in found if isinstance(alert, Alert | SystemAlert)]


@pytest.fixture
def desk(tmp_path: Path, db_url: str) -> Iterator[Desk]:
    stand = Newsstand([Masthead("wire", "Wire One"), Masthead("gazette", "Norland Gazette")])
    with stand, MailServer() as mail:
        opened = Desk(tmp_path, db_url, stand, mail)
        opened.publish("wire", "Ten recipes for autumn", MORNING - DAY)
        opened.publish("gazette", "Opening hours of the archive", MORNING - DAY)
        opened.write()
        yield opened


# --- changes that go back, and what is denied -----------------------------------------------------


def test_a_change_that_goes_back_is_told_as_one(desk: Desk) -> None:
    with desk.app() as app:
        app.once()
        desk.publish("wire", "Norland lifts timber export ban", MORNING + HOUR)
        desk.go_on(app, MORNING + 2 * HOUR)
    with desk.app() as app:
        desk.publish("wire", "Norland reimposes timber export ban", MORNING + 9 * HOUR)
        desk.go_on(app, MORNING + 10 * HOUR)
    assert desk.told() == ["desk state_change alone ban", "desk reversal alone ban"]
    (back,) = desk.alerts(AlertKind.REVERSAL)
    assert isinstance(back, Alert)
    assert (back.from_state, back.to_state) == ("lifted", "tightened")
    assert back.detail.endswith("; it goes back on “lifted”, where it stood since 2025-09-25")
    assert [quote.text for quote in back.quotes] == ["Norland reimposes timber export ban"]


def test_what_an_official_denies_is_disputed_and_told_once(desk: Desk) -> None:
    with desk.app() as app:
        app.once()
        desk.publish("gazette", "Norland denies it lifted timber export ban", MORNING + HOUR)
        desk.go_on(app, MORNING + 2 * HOUR)
        desk.publish("wire", "Norland lifts timber export ban", MORNING + 3 * HOUR)
        desk.go_on(app, MORNING + 4 * HOUR)
    with desk.app() as app:
        desk.publish("wire", "Timber exports: Norland has lifted its ban", MORNING + 5 * HOUR)
        desk.go_on(app, MORNING + 6 * HOUR)
        assert app.store.standings()["ban"].disputed
        desk.publish("gazette", "Norland lifts timber export ban", MORNING + 7 * HOUR)
        desk.go_on(app, MORNING + 8 * HOUR)
    assert desk.told() == ["desk disputed disputed ban", "desk state_change official ban"]
    (disputed,) = desk.alerts(AlertKind.DISPUTED)
    assert isinstance(disputed, Alert)
    assert (disputed.from_state, disputed.to_state) == ("in_force", "lifted")
    assert disputed.detail == "told by Wire One; denied by Norland Gazette"
    assert [quote.outlet for quote in disputed.quotes] == ["Wire One", "Norland Gazette"]
    (change,) = desk.alerts(AlertKind.STATE_CHANGE)
    assert isinstance(change, Alert)
    assert change.detail.endswith("; what it was told before was disputed")


def test_a_denial_after_the_change_disputes_where_it_stands(desk: Desk) -> None:
    with desk.app() as app:
        app.once()
        desk.publish("wire", "Norland lifts timber export ban", MORNING + HOUR)
        desk.go_on(app, MORNING + 2 * HOUR)
        desk.publish("gazette", "Norland denies it lifted timber export ban", MORNING + 3 * HOUR)
        desk.go_on(app, MORNING + 4 * HOUR)
        standing = app.store.standings()["ban"]
        assert (standing.state, standing.disputed) == ("lifted", True)
    assert desk.told() == ["desk state_change alone ban", "desk disputed disputed ban"]
    (disputed,) = desk.alerts(AlertKind.DISPUTED)
    assert isinstance(disputed, Alert)
    assert (disputed.from_state, disputed.to_state, disputed.status.value) == ("lifted", "lifted", "denied")
    assert disputed.detail == "told by Wire One; denied by Norland Gazette"


# --- days that come near --------------------------------------------------------------------------


def test_a_deadline_is_told_at_each_threshold_whoever_looks(desk: Desk) -> None:
    desk.items = TRUCE
    desk.write()
    step = 8 * HOUR
    with desk.app() as app, desk.app() as other:
        while desk.clock.at < MORNING + 9 * DAY:
            desk.go_on(app, step, step)
            other.once()
    with desk.app() as app:
        desk.go_on(app, datetime(2025, 10, 9, 12, tzinfo=MORNING.tzinfo), step)
        desk.publish("gazette", "Norland extends truce to 24 October 2025")
        desk.go_on(app, datetime(2025, 10, 25, 12, tzinfo=MORNING.tzinfo), step)
    told = [one for one in desk.told() if "silent" not in one]
    assert told == [
        "desk deadline in_7_days truce",
        "desk deadline in_1_day truce",
        "desk state_change official truce",
        "desk deadline in_7_days truce",
        "desk deadline in_1_day truce",
        "desk deadline passed truce",
    ]
    days = [str(one.day) for one in desk.alerts(AlertKind.DEADLINE) if isinstance(one, Alert)]
    assert days == ["2025-10-10"] * 2 + ["2025-10-24"] * 3


def test_after_a_long_absence_only_the_last_threshold_is_told(desk: Desk) -> None:
    desk.items = TRUCE
    desk.write()
    with desk.app() as app:
        app.once()
    desk.clock.at = datetime(2025, 10, 12, tzinfo=MORNING.tzinfo)
    for _ in range(2):
        with desk.app() as app:
            app.once()
    assert desk.told() == ["desk deadline passed truce"]


def test_a_day_that_was_near_when_the_watch_began_is_not_told(desk: Desk) -> None:
    desk.items = TRUCE.replace("2025-10-10", "2025-09-24") + TRUCE.replace("id: truce", "id: near").replace(
        "2025-10-10", "2025-09-26"
    )
    desk.write()
    with desk.app() as app:
        app.once()
        desk.go_on(app, DAY, 6 * HOUR)
    assert desk.told() == []


# --- silence --------------------------------------------------------------------------------------


def test_silence_is_told_once_and_any_mention_begins_it_anew(desk: Desk) -> None:
    desk.items = BAN
    desk.write()
    with desk.app() as app:
        app.once()
        desk.go_on(app, 4 * DAY)
        desk.publish("wire", "How the timber export ban works")
        desk.go_on(app, 4 * DAY)
        assert desk.told() == []
    with desk.app() as app, desk.app() as other:
        for one in (app, other):
            desk.go_on(one, 2 * DAY)
    assert desk.told() == ["desk item_silent nothing_happened ban"]
    (silent,) = desk.alerts(AlertKind.SILENT)
    assert isinstance(silent, Alert)
    assert "all of its 2 sources answered the whole time; the last was told by Wire One on 2025-09-29" in silent.detail


@pytest.mark.parametrize("away", ["source", "daemon"])
def test_nothing_happened_is_not_said_when_nobody_could_look(desk: Desk, away: str) -> None:
    desk.items = BAN
    desk.write()
    with desk.app() as app:
        app.once()
        desk.go_on(app, 3 * DAY)
        if away == "source":
            page = desk.stand._pages.pop("gazette")
            desk.go_on(app, 9 * HOUR)
            desk.stand._pages["gazette"] = page
        else:
            desk.clock.forward(hours=9)
        back = desk.clock.at
        desk.go_on(app, 4 * DAY)
        assert not desk.alerts(AlertKind.SILENT)
        desk.go_on(app, 2 * DAY)
    (silent,) = desk.alerts(AlertKind.SILENT)
    assert isinstance(silent, Alert)
    assert silent.at >= back + 5 * DAY
    assert f"since {back:%Y-%m-%d}" in silent.detail


# --- items that nobody sees -----------------------------------------------------------------------


def test_items_that_nobody_sees_are_one_message_and_one_when_they_are_seen_again(desk: Desk) -> None:
    with desk.app() as app:
        app.once()
        pages = dict(desk.stand._pages)
        desk.stand._pages.clear()
        desk.go_on(app, 12 * HOUR)
    with desk.app() as app, desk.app() as other:
        desk.go_on(app, 6 * HOUR)
        desk.stand._pages["wire"] = pages["wire"]
        desk.go_on(other, 30 * HOUR)
        desk.go_on(app, 2 * HOUR)
    told = [one for one in desk.told() if "ops source_" not in one]
    assert told == ["ops item_unseen no_source_answers ban", "ops trouble_over seen_again ban"]
    for kind in (AlertKind.ITEM_UNSEEN, AlertKind.TROUBLE_OVER):
        (alert,) = desk.alerts(kind)
        assert isinstance(alert, SystemAlert)
        assert alert.items == ("ban", "truce")


# --- the service itself ---------------------------------------------------------------------------


def test_a_refused_reload_is_told_once_for_what_is_wrong_and_shows_no_secret(desk: Desk) -> None:
    settings = desk.folder / "watcher.yaml"
    with desk.app() as app:
        app.once()
        good = settings.read_text()
        settings.write_text(good.replace("zone: Europe/Berlin", "zone: Nowhere/Land"))
        assert [app.reload(), app.reload()] == [False, False]
        desk.go_on(app, HOUR)
        settings.write_text(good.replace("5d", "for ever"))
        assert app.reload() is False
        settings.write_text(good)
        assert app.reload() is True
        desk.go_on(app, HOUR)
    assert desk.told() == ["ops config_rejected reload_refused watcher.yaml"] * 2
    first, second = desk.alerts(AlertKind.CONFIG_REJECTED)
    assert isinstance(first, SystemAlert)
    assert isinstance(second, SystemAlert)
    assert first.points[0].name.endswith("watcher.yaml:4")
    assert first.points[0].text.startswith("not an IANA time zone (allowed: ")
    assert len(first.points) == len(second.points) == 1
    assert all("mailto" not in letter.part("plain") for letter in desk.mail.mails.all())


def test_messages_that_are_given_up_are_told_once_and_that_none_is_left(desk: Desk) -> None:
    with desk.app() as app:
        app.once()
        desk.mail.refusals["RCPT"] = "550 5.1.1 no such user"
        desk.publish("wire", "Norland lifts timber export ban")
        desk.go_on(app, HOUR)
        desk.mail.refusals.clear()
        (dead,) = app.store.deliveries((DeliveryState.DEAD,))
    with desk.app() as app:
        desk.go_on(app, 2 * HOUR)
        app.store.retry_delivery(dead.id, desk.clock())
        app.jobs.deliver()
        desk.go_on(app, 2 * HOUR)
    assert desk.told()[1:] == [
        "ops trouble deliveries_given_up deliveries",
        "ops trouble_over deliveries_given_up deliveries",
    ]
    (trouble,) = desk.alerts(AlertKind.TROUBLE)
    assert isinstance(trouble, SystemAlert)
    assert trouble.points[0].name == "desk"
    assert "550" in trouble.points[0].text


def test_messages_that_are_given_up_later_are_told_as_well_and_once(desk: Desk) -> None:
    with desk.app() as app:
        app.once()
        for title in ("Norland lifts timber export ban", "Norland reimposes timber export ban"):
            desk.publish("wire", title)
            desk.mail.refusals["RCPT"] = "550 5.1.1 no such user"
            desk.go_on(app, HOUR)
            desk.mail.refusals.clear()
            desk.go_on(app, HOUR)
        desk.go_on(app, 3 * HOUR)
        newest, oldest = app.store.given_up()
    assert newest.settled_at is not None
    assert oldest.settled_at is not None
    assert newest.settled_at - oldest.settled_at == 2 * HOUR
    first, second = sorted(desk.alerts(AlertKind.TROUBLE), key=lambda one: one.at)
    assert isinstance(first, SystemAlert)
    assert isinstance(second, SystemAlert)
    assert (first.title, second.title) == ("a message was given up", "2 messages were given up")
    assert [point.since for point in second.points] == [newest.settled_at, oldest.settled_at]


def failing(app: App, monkeypatch: pytest.MonkeyPatch, *failures: JobFailure) -> None:
    """Have the engine say that jobs fail."""
    monkeypatch.setattr(type(app._engine), "failing", property(lambda _: failures))


def test_a_job_that_fails_is_told_and_that_it_works_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with desk.app() as app:
        app.once()
        failing(app, monkeypatch, JobFailure("sweep", 3, MINUTE, "ZeroDivisionError: a bug"))
        desk.go_on(app, 5 * MINUTE, MINUTE)
    with desk.app() as app:
        desk.go_on(app, 5 * MINUTE, MINUTE)
        failing(app, monkeypatch)
        desk.go_on(app, 5 * MINUTE, MINUTE)
    assert desk.told() == ["ops trouble job_failed job sweep", "ops trouble_over job_failed job sweep"]


def test_a_cycle_that_gets_nothing_done_is_told(desk: Desk) -> None:
    with desk.app() as app:
        app.once()
        for _ in range(8):
            desk.clock.forward(minutes=1)
            app.keep_vigil()
            app.jobs.deliver()
        desk.go_on(app, 5 * MINUTE, MINUTE)
    assert desk.told() == ["ops trouble nothing_done cycle", "ops trouble_over nothing_done cycle"]


def test_a_database_that_refused_is_told_when_it_works_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(old: str, new: str) -> None:
        url = desk.database.replace("postgresql://", "postgresql+psycopg://")
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
        engine.dispose()

    with desk.app() as app:
        app.once()
        rename("alert", "alert_away")
        failing(app, monkeypatch, JobFailure("cycle", 40, 2 * MINUTE, "disk is full", database=True))
        for _ in range(4):
            desk.clock.forward(minutes=1)
            with pytest.raises(Exception, match="has not this version's tables"):
                app.keep_vigil()
        rename("alert_away", "alert")
        failing(app, monkeypatch)
        desk.go_on(app, 5 * MINUTE, MINUTE)
    assert desk.told() == ["ops trouble_over database_refuses database"]
    (over,) = desk.alerts(AlertKind.TROUBLE_OVER)
    assert isinstance(over, SystemAlert)
    assert over.points[0].since == MORNING + MINUTE
    assert "disk is full" in over.points[1].text


# --- what was there before ------------------------------------------------------------------------


def test_nothing_is_told_of_what_was_there_when_an_item_came(desk: Desk) -> None:
    desk.items = TRUCE
    desk.write()
    with desk.app() as app:
        app.once()
        desk.publish("wire", "Norland lifts timber export ban")
        desk.go_on(app, 2 * HOUR)
        assert desk.told() == []
        desk.publish("gazette", "Norland lifts timber export ban, ministry says")
        desk.clock.forward(minutes=1)
        desk.items = TRUCE + BAN.replace("    decided_by", "    since: 2025-09-01\n    decided_by", 1)
        desk.write()
        assert app.reload()
        old = desk.pieces["wire"][0]
        desk.pieces["wire"][0] = replace(old, title="Norland lifts timber export ban, minister says")
        desk.stand.show("wire", desk.pieces["wire"])
        desk.go_on(app, 2 * HOUR)
    # the gazette's was published before, too, but nobody here had seen it
    assert desk.told() == ["desk state_change official ban"]


def test_an_entry_that_waited_when_an_item_came_moves_it_and_is_not_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.items = TRUCE
    desk.write()
    with desk.app() as app:
        app.once()
        desk.publish("wire", "Norland lifts timber export ban")
        desk.clock.forward(hours=2)
        with monkeypatch.context() as patch:
            patch.setattr(Jobs, "_judge_all", lambda _: [])
            app.jobs.cycle()
        assert len(app.store.unjudged(9)) == 1
        desk.clock.forward(minutes=1)
        desk.items = TRUCE + BAN.replace("    decided_by", "    since: 2025-09-01\n    decided_by", 1)
        desk.write()
        assert app.reload()
        app.once()
        assert app.store.standings()["ban"].state == "lifted"
    assert desk.told() == []
