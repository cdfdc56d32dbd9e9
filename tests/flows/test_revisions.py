"""News that is edited after it was read: from the feed to the item and the mailbox, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from newsroom import APPROVED, Newsroom, newsroom

from watcher.app import App
from watcher.domain.model import Reason
from watcher.domain.times import EPOCH
from watcher.pipeline import deliver, judge, poll


@pytest.fixture
def room(tmp_path: Path, db_url: str) -> Iterator[Newsroom]:
    with newsroom(tmp_path, db_url) as opened:
        yield opened


@pytest.fixture
def app(room: Newsroom) -> Iterator[App]:
    with room.app() as opened:
        yield opened


def go_round(app: App, room: Newsroom) -> tuple[int, list[tuple[str, str]], int]:
    """Poll, judge and deliver: (revised entries, changes of state, messages sent)."""
    works, settings = app.jobs.works, app.settings
    room.clock.forward(minutes=20)
    polled = poll(app.store, works.fetcher, settings.polling, owner=app.owner, clock=room.clock)
    judged = judge(app.store, works.judge, settings.rules, settings.routes, now=room.clock())
    sent = deliver(app.store, works.sender, owner=app.owner, clock=room.clock)
    moved = [(t.item, t.to_state) for t in judged.transitions]
    return sum(feed.revised for feed in polled.feeds), moved, len(sent.tried)


def edit(room: Newsroom, feed: str, title: str) -> None:
    """Change the headline of the newest piece."""
    room.pieces[feed][0] = replace(room.pieces[feed][0], title=title)
    room.stand.show(feed, room.pieces[feed])


def test_an_edit_that_says_something_new_is_read(app: App, room: Newsroom) -> None:
    go_round(app, room)
    room.publish("wire", "Trump to decide on TikTok deal")
    assert go_round(app, room) == (0, [], 0)
    edit(room, "wire", "Trump decides on TikTok deal: approved")
    edit(room, "wire", APPROVED)
    revised, moved, sent = go_round(app, room)
    assert moved == [("us-approval", "approved")]
    assert sent == 2
    assert revised <= 1


def test_an_edit_that_says_the_same_is_not_told_again_and_is_no_second_source(app: App, room: Newsroom) -> None:
    go_round(app, room)
    room.publish("daily", "Trump approves TikTok deal in Washington ceremony")
    go_round(app, room)
    assert app.store.standings()["us-approval"].state == "pending"  # one source of the press is not enough
    for title in ("Trump approves TikTok deal in Washington", "Trump approves TikTok deal at ceremony in Washington"):
        edit(room, "daily", title)
        assert go_round(app, room) == (1, [], 0)
    told = [(e.state, e.status) for e in app.store.evidence("us-approval", EPOCH)]
    assert len(told) == len(set(told))
    room.publish("agg", "White House: TikTok sale has been approved by Trump", source="Gazette Three")
    assert go_round(app, room)[1] == [("us-approval", "approved")]
    assert app.store.history("us-approval")[0].transition.reason is Reason.CORROBORATED
    edit(room, "daily", "Trump approves TikTok deal in Washington, ending months of talks")
    assert go_round(app, room) == (1, [], 0)
    assert len(app.store.history("us-approval")) == 2


def test_what_was_taken_back_does_not_corroborate_others(app: App, room: Newsroom) -> None:
    go_round(app, room)
    room.publish("daily", "Trump approves TikTok deal in Washington ceremony")
    go_round(app, room)
    edit(room, "daily", "Trump may approve TikTok deal in Washington ceremony")
    assert go_round(app, room) == (1, [], 0)
    room.publish("agg", "White House: TikTok sale has been approved by Trump", source="Gazette Three")
    assert go_round(app, room)[1] == []
    assert app.store.standings()["us-approval"].state == "pending"


def test_an_edit_of_what_the_first_poll_held_is_told(app: App, room: Newsroom) -> None:
    room.publish("wire", "Trump to decide on TikTok deal")
    go_round(app, room)
    edit(room, "wire", "Trump decides on TikTok deal: it is approved")
    assert go_round(app, room)[0] == 1
    edit(room, "wire", "Trump approves TikTok deal: a decision on TikTok")
    assert go_round(app, room)[2] == len(room.letters())
    assert app.store.standings()["us-approval"].state == "approved"
    assert room.letters()
