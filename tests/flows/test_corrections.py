"""A person corrects an item: history, message, and what later news makes of it, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from newsroom import APPROVED, MORNING, REJECTED, Newsroom, newsroom

from watcher.app import App
from watcher.corrections import RACES, Made, correct
from watcher.domain.alerts import Alert, AlertKind, DeliveryState
from watcher.domain.correcting import Correction
from watcher.domain.model import Evidence, Reason, Span, Status, Tier
from watcher.errors import RacedError, UsageError
from watcher.storage import Store

ITEM = "us-approval"


@pytest.fixture
def room(tmp_path: Path, db_url: str) -> Iterator[Newsroom]:
    with newsroom(tmp_path, db_url) as opened:
        yield opened


@pytest.fixture
def app(room: Newsroom) -> Iterator[App]:
    with room.app() as opened:
        opened.once()
        room.clock.forward(minutes=20)
        yield opened


def said(app: App, room: Newsroom, to: str, *, quietly: bool = False, item: str = ITEM, **told: object) -> Made:
    given: dict[str, object] = {"value": None, "by": "ana", "text": "the ministry told us", "at": room.clock()}
    asked = Correction(to, **(given | told))  # type: ignore[arg-type]
    settings = app.settings
    return correct(app.store, settings.rules, settings.routes, item, asked, quietly=quietly, now=room.clock())


def news(app: App, room: Newsroom, title: str, feed: str = "wire", hours: float = 0) -> None:
    """Publish something, dated some hours from now, and do a round twenty minutes later."""
    room.publish(feed, title, at=room.clock() + timedelta(hours=hours))
    room.clock.forward(minutes=20)
    app.once()


def state(app: App) -> str:
    return app.store.standings()[ITEM].state


def test_it_is_in_the_history_with_its_actor_and_is_told(app: App, room: Newsroom) -> None:
    made = said(app, room, "approved")
    assert made.deliveries >= 1
    row = app.store.history(ITEM)[0]
    assert (row.seq, row.transition.reason, row.transition.actor) == (1, Reason.PERSON, "ana")
    assert row.transition == made.transition
    assert row.evidence == ()
    standing = app.store.standings()[ITEM]
    assert (standing.state, standing.since, standing.actor) == ("approved", room.clock(), "ana")
    app.once()
    letters = room.mail.mails.all()
    assert "desk@example.org" in {letter.recipients[0] for letter in letters}
    assert all("corrected by ana: the ministry told us" in " ".join(one.part("plain").split()) for one in letters)


def test_quietly_nobody_is_told(app: App, room: Newsroom) -> None:
    assert said(app, room, "approved", quietly=True).deliveries == 0
    assert app.store.deliveries() == []
    assert state(app) == "approved"


def test_it_is_one_alert_like_any_other(app: App, room: Newsroom) -> None:
    said(app, room, "approved")
    said_again = {row.alert_id: row.alert for row in app.store.deliveries()}
    (alert,) = said_again.values()
    assert isinstance(alert, Alert)
    assert (alert.from_state, alert.to_state, alert.reason, alert.sources) == ("pending", "approved", Reason.PERSON, 0)
    assert {row.state for row in app.store.deliveries()} == {DeliveryState.PENDING}


def test_one_that_goes_back_is_told_as_a_reversal_and_what_it_corrects_was_never_so(app: App, room: Newsroom) -> None:
    news(app, room, APPROVED)
    said(app, room, "pending")
    room.clock.forward(minutes=5)
    news(app, room, APPROVED + ", at last")
    kinds = [row.alert.kind for row in app.store.alerts(item=ITEM)]
    assert kinds == [AlertKind.STATE_CHANGE, AlertKind.REVERSAL, AlertKind.STATE_CHANGE]
    back = app.store.alerts(item=ITEM)[1].alert
    assert isinstance(back, Alert)
    assert back.detail.startswith("corrected by ana: the ministry told us; it goes back on")


def test_the_news_that_was_corrected_does_not_come_back(app: App, room: Newsroom) -> None:
    news(app, room, APPROVED)
    assert state(app) == "approved"
    said(app, room, "pending")
    news(app, room, APPROVED + " in Washington", hours=-1, feed="daily")  # older than the correction, seen after it
    app.once()
    assert state(app) == "pending"
    assert app.store.history(ITEM)[0].transition.actor == "ana"


def test_later_news_moves_it_as_ever(app: App, room: Newsroom) -> None:
    said(app, room, "approved")
    room.clock.forward(minutes=5)
    news(app, room, REJECTED)
    assert state(app) == "rejected"
    assert app.store.standings()[ITEM].actor == ""


def test_a_day_may_be_named_that_is_later_than_the_present_state(app: App, room: Newsroom) -> None:
    began = app.store.standings()[ITEM].since
    said(app, room, "approved", at=MORNING - timedelta(days=1))
    assert app.store.standings()[ITEM].since == MORNING - timedelta(days=1)
    with pytest.raises(UsageError, match="not later than the present state"):
        said(app, room, "pending", at=began)
    assert state(app) == "approved"


def test_what_cannot_be_corrected_is_refused(app: App, room: Newsroom) -> None:
    with pytest.raises(UsageError, match=r"no item 'ghost'; configured are: china-approval, us-approval"):
        said(app, room, "approved", item="ghost")
    with pytest.raises(UsageError, match="us-approval: 'gone' is no state"):
        said(app, room, "gone")
    with pytest.raises(UsageError, match="us-approval: it is pending already"):
        said(app, room, "pending")
    assert len(app.store.history(ITEM)) == 1
    assert app.store.deliveries() == []


def test_an_item_that_is_not_in_the_database_yet_is_said_to_be_new(room: Newsroom) -> None:
    settings = room.settings()
    store = Store.open(settings.database)
    asked = Correction("approved", None, "ana", "so it is", room.clock())
    with pytest.raises(UsageError, match="not in the database yet"):
        correct(store, settings.rules, settings.routes, ITEM, asked, quietly=False, now=room.clock())
    store.close()


def test_a_board_gets_what_people_did(app: App, room: Newsroom) -> None:
    said(app, room, "approved")
    app.once()
    (row,) = app.store.alerts(item=ITEM)
    assert app.acts() == {"acts": [], "silences": [], "unacknowledged": {ITEM: 1}}
    app.store.acknowledge(row.id, "ben", "", room.clock())
    assert [one["by"] for one in app.acts()["acts"]] == ["ben"]
    assert app.acts()["unacknowledged"] == {}


# --- others at the same time ----------------------------------------------------------------------


def a_mention(store: Store, n: int) -> Evidence:
    (entry, *_) = store.judged(MORNING - timedelta(days=30))
    return Evidence(
        f"mention-{n}", ITEM, entry, None, Status.MENTION, "TikTok", "TikTok deal", MORNING, "Wire One", Tier.WIRE,
        "Wire One", "TikTok deal", span=Span("title", 0, 6),
    )  # fmt: skip


class Interrupted(Store):
    """A store in which somebody else is first, some times."""

    def __init__(self, store: Store, first: list[object]) -> None:
        super().__init__(store._db)
        self._first = first

    def record(self, *args: object, **options: object) -> None:
        if self._first:
            self._first.pop(0)()  # type: ignore[operator]
        super().record(*args, **options)  # type: ignore[arg-type]


def interrupt(app: App, *first: object) -> None:
    app.store = Interrupted(app.store, list(first))


def test_evidence_that_comes_in_meanwhile_does_not_lose_it(app: App, room: Newsroom) -> None:
    real = Store(app.store._db)
    begun = real.standings()[ITEM].version

    def mention(n: int) -> object:
        def come_in() -> None:
            standing = real.standings()[ITEM]
            moved = replace(standing, version=standing.version + 1)
            real.record([], [a_mention(real, n)], [], [moved], [], room.clock())

        return come_in

    interrupt(app, *(mention(n) for n in range(RACES - 1)))
    said(app, room, "approved")
    assert real.standings()[ITEM].version == begun + RACES
    interrupt(app, *(mention(n + 50) for n in range(RACES)))
    with pytest.raises(RacedError, match="say it again"):
        said(app, room, "pending", at=room.clock.forward(minutes=1))
    assert real.standings()[ITEM].state == "approved"


def test_an_item_that_moves_meanwhile_is_not_corrected_unseen(app: App, room: Newsroom) -> None:
    second = Store(app.store._db)

    def other() -> None:
        settings = app.settings
        asked = Correction("rejected", None, "ben", "no", room.clock())
        correct(second, settings.rules, settings.routes, ITEM, asked, quietly=True, now=room.clock())

    interrupt(app, other)
    with pytest.raises(UsageError, match="has just moved to rejected"):
        said(app, room, "approved")
    assert [row.transition.actor for row in second.history(ITEM)] == ["ben", ""]


def test_of_two_people_at_once_one_is_told_of_the_other(app: App, room: Newsroom) -> None:
    outcomes: list[str] = []

    def one(by: str) -> None:
        try:
            said(app, room, "approved", by=by)
            outcomes.append("made")
        except UsageError:
            outcomes.append("refused")

    threads = [threading.Thread(target=one, args=(by,)) for by in ("ana", "ben", "cem")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "refused", "refused"]
    assert len(app.store.history(ITEM)) == 2
