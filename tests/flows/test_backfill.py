"""An item is added to a running service: silent about the past, until a person asks for it; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from newsroom import CLEARED, SMALL_TALK, Newsroom, newsroom
from test_corrections import Interrupted

from watcher import backfill as module
from watcher.app import App
from watcher.backfill import Backfilled, backfill
from watcher.domain.model import Reason
from watcher.domain.times import EPOCH
from watcher.errors import RacedError, StoreError, UsageError

NEW = """\
  - id: %s
    title: The new one
    lifecycle: approval
    state: pending
    decided_by: china
    about: {all: [ByteDance], any: [licence, license]}
"""
AGAIN = "Beijing: ByteDance licence has been approved"


@pytest.fixture
def room(tmp_path: Path, db_url: str) -> Iterator[Newsroom]:
    with newsroom(tmp_path, db_url) as opened:
        yield opened


@pytest.fixture
def app(room: Newsroom) -> Iterator[App]:
    """Give a service with a week of stored news, of which no item is told."""
    room.write()
    watchlist = room.folder / "watchlist.yaml"
    text = watchlist.read_text().replace("since: 2025-09-01\n", "")
    before, _, rest = text.partition("  - id: china-approval")
    watchlist.write_text(f"{before}feeds:\n{rest.partition('feeds:')[2]}")
    with room.app() as opened:
        opened.once()
        for title, feed in ((CLEARED, "daily"), (AGAIN, "agg"), (SMALL_TALK + " again", "wire")):
            room.clock.forward(days=1)
            room.publish(feed, title, source="Gazette Three" if feed == "agg" else "")
            room.clock.forward(minutes=20)
            opened.once()
        room.clock.forward(days=1)
        yield opened


def add(app: App, room: Newsroom, name: str = "china-new", since: str = "") -> None:
    """Write an item into the watchlist of the running service, and have it read again."""
    watchlist = room.folder / "watchlist.yaml"
    more = NEW % name + (f"    since: {since}\n" if since else "")
    watchlist.write_text(watchlist.read_text().replace("feeds:\n", f"{more}feeds:\n", 1))
    assert app.reload()


def filled(app: App, room: Newsroom, item: str = "china-new", *, days: float = 30, tell: bool = False) -> Backfilled:
    judge, routes = app.jobs.works.judge, app.settings.routes
    since = room.clock() - timedelta(days=days)
    slices = backfill(app.store, judge, routes, item, since=since, tell=tell, now=room.clock())
    return sum(slices, Backfilled())


def counted(app: App, room: Newsroom, item: str = "china-new") -> tuple[str, int, int, int]:
    """Return where the item stands, and how many transitions, pieces of evidence and deliveries there are."""
    standing, store = app.store.standings()[item], app.store
    return standing.state, len(store.history(item)), len(store.evidence(item, EPOCH)), len(store.deliveries())


def test_an_item_added_later_is_silent_about_the_past(app: App, room: Newsroom) -> None:
    add(app, room)
    for _ in range(3):
        app.once()
        room.clock.forward(minutes=20)
    assert counted(app, room) == ("pending", 1, 0, 0)
    assert room.letters() == []
    room.publish("wire", "China revokes nothing, approves ByteDance licence")
    room.clock.forward(minutes=20)
    app.once()
    assert counted(app, room)[0] == "approved"  # and is watched from now on
    assert [subject for _, subject in room.letters()] != []


def test_asked_for_it_moves_and_nobody_is_told(app: App, room: Newsroom) -> None:
    add(app, room)
    done = filled(app, room)
    assert (done.evidence, len(done.transitions), done.deliveries) == (2, 1, 0)
    assert done.entries == len(app.store.judged(EPOCH))
    (change,) = done.transitions
    assert (change.to_state, change.reason, change.sources) == ("approved", Reason.CORROBORATED, 2)
    assert change.at < room.clock() - timedelta(days=1)
    assert counted(app, room) == ("approved", 2, 2, 0)
    assert all(fact.baseline for fact in app.store.evidence("china-new", EPOCH))
    app.once()
    assert room.letters() == []


def test_asked_to_tell_it_is_told_once(app: App, room: Newsroom) -> None:
    add(app, room)
    assert filled(app, room, tell=True).deliveries == 1
    assert filled(app, room, tell=True) == Backfilled(len(app.store.judged(EPOCH)))
    app.once()
    assert [to for to, _ in room.letters()] == ["desk@example.org"]


def test_again_it_does_nothing(app: App, room: Newsroom) -> None:
    add(app, room)
    filled(app, room)
    before = counted(app, room), app.store.standings()
    assert filled(app, room).evidence == 0
    assert (counted(app, room), app.store.standings()) == before


def test_of_other_items_nothing_changes(app: App, room: Newsroom) -> None:
    add(app, room)
    others = {name: standing for name, standing in app.store.standings().items() if name != "china-new"}
    filled(app, room)
    after = app.store.standings()
    assert {name: after[name] for name in others} == others


def test_only_what_is_young_enough_counts(app: App, room: Newsroom) -> None:
    add(app, room)
    done = filled(app, room, days=2.5)
    assert (done.evidence, done.transitions) == (1, ())
    standing = app.store.standings()["china-new"]
    assert (standing.state, standing.since) == ("pending", room.clock())  # since it was added, as before


def test_what_was_told_before_the_watch_begins_does_not_count(app: App, room: Newsroom) -> None:
    add(app, room, since=f"{room.clock() - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")
    assert filled(app, room).evidence == 0
    assert counted(app, room)[0] == "pending"


def test_an_item_that_has_moved_is_moved_by_nothing_older(app: App, room: Newsroom) -> None:
    add(app, room)
    room.publish("wire", "China rejects ByteDance licence")
    room.clock.forward(minutes=20)
    app.once()
    assert counted(app, room)[0] == "rejected"
    filled(app, room)
    assert counted(app, room)[:3] == ("rejected", 2, 3)


def test_a_crash_between_two_slices_leaves_what_can_be_gone_on_with(
    app: App, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLICE", 1)
    add(app, room, "once-through")
    add(app, room, "broken-off")
    filled(app, room, "once-through")
    whole, store = app.store.history("once-through")[0].transition, app.store

    def crash() -> None:
        raise StoreError("the power went")

    for slices in range(2):  # as many are recorded before it
        app.store = Interrupted(store, [*([lambda: None] * slices), crash])
        with pytest.raises(StoreError, match="the power went"):
            filled(app, room, "broken-off")
        assert counted(app, room, "broken-off")[:3] == ("pending", 1, slices)
    app.store = store
    filled(app, room, "broken-off")
    assert counted(app, room, "broken-off") == counted(app, room, "once-through") == ("approved", 2, 2, 0)
    pieces = store.history("broken-off")[0].transition
    assert (pieces.at, pieces.entries, pieces.detail) == (whole.at, whole.entries, whole.detail)


def test_news_that_comes_in_meanwhile_is_not_overruled(app: App, room: Newsroom) -> None:
    add(app, room)
    real = app.store

    def news() -> None:
        standing = real.standings()["china-new"]
        real.record([], [], [], [replace(standing, version=standing.version + 1)], [], room.clock())

    app.store = Interrupted(real, [news] * module.RACES)
    with pytest.raises(RacedError, match="ask again"):
        filled(app, room)
    assert counted(app, room)[:3] == ("pending", 1, 0)
    app.store = Interrupted(real, [news])
    assert len(filled(app, room).transitions) == 1


def test_unknown_items_are_refused(app: App, room: Newsroom) -> None:
    with pytest.raises(UsageError, match="there is no item 'ghost'"):
        filled(app, room, "ghost")
