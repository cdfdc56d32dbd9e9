"""What people do, as typed: acknowledge, note, mute, silence, correct, back-fill, and what the other commands show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from commands import Ended, Shell
from newsroom import APPROVED, CLEARED, Newsroom, newsroom
from test_cli import sqlite_do, watched

from watcher.app import now as read_clock
from watcher.domain.alerts import Alert, Conditions, PlannedAlert
from watcher.storage import Store

ITEM = "us-approval"
HOSTILE = "seen\x1b[2J\u202e [red]it[/red]\nand more"


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Newsroom]:
    """Give an installation of which Ana is the user."""
    monkeypatch.setenv("WATCHER_USER", "ana")
    with newsroom(tmp_path, f"sqlite:///{tmp_path / 'watcher.db'}") as opened:
        opened.every = "1s"
        opened.write()
        yield opened


@pytest.fixture
def do(shell: Shell, room: Newsroom) -> Shell:
    """Type a command of this installation."""

    def run(*words: object) -> Ended:
        return shell(*words, "-c", room.config)

    return run


@pytest.fixture
def told(shell: Shell, room: Newsroom) -> int:
    """Have one change of state told to the desk; give the alert's id."""
    watched(shell, room, APPROVED)
    (alert,) = sqlite_do(room, "SELECT id FROM alert")
    assert isinstance(alert, int)
    return alert


@pytest.fixture
def quiet(shell: Shell, room: Newsroom) -> None:
    """Have a database in which nothing has happened."""
    assert shell("once", "-c", room.config).code == 0


# --- acknowledge ----------------------------------------------------------------------------------


def test_an_item_is_acknowledged_once(do: Shell, told: int) -> None:
    first = do("ack", ITEM, "--note", "on it")
    assert (first.code, first.out) == (0, "")
    assert first.err == f"acknowledged by ana: 1 alert ({told})\n"
    again = do("ack", ITEM, "--by", "ben")
    assert (again.code, again.err) == (0, "nothing to acknowledge: it is already, or nobody was told\n")
    assert do("ack", told, "--json").data == {"acknowledged": [], "by": "ana"}


def test_an_alert_is_acknowledged_by_its_id(do: Shell, told: int) -> None:
    assert do("ack", told, "--by", "ben", "--json").data == {"acknowledged": [told], "by": "ben"}


@pytest.mark.usefixtures("told")
def test_what_is_not_there_is_not_acknowledged(do: Shell) -> None:
    ghost = do("ack", "ghost")
    assert (ghost.code, ghost.out) == (2, "")
    assert "there is no item 'ghost'; configured are: china-approval, us-approval" in ghost.err
    assert do("ack", "99").err == "watcher: no such alert: 99\n"
    assert do("note", "ghost", "hello").code == 2
    assert do("note", ITEM, "  ").err == "watcher: a note says something\n"


def test_alerts_say_what_was_told_to_whom_and_who_acknowledged(do: Shell, told: int) -> None:
    head, row = do("alerts").out.splitlines()
    assert head.split()[0] == "ID"
    to = r"boss \(route 2\): sent, desk \(route 1\): sent"
    assert re.search(rf"^{told} .* {ITEM} +state_change +pending -> approved +{to} +-$", row)
    assert do("alerts", ITEM, "--open", "--json").data[0]["id"] == told
    do("ack", ITEM, "--note", "on it")
    (shown,) = do("alerts", "--json").data
    assert (shown["about"], shown["from"], shown["to"], shown["kind"]) == (ITEM, "pending", "approved", "state_change")
    assert [(one["receiver"], one["route"], one["state"]) for one in shown["deliveries"]] == [
        ("boss", "route 2", "sent"), ("desk", "route 1", "sent")
    ]  # fmt: skip
    assert [(one["by"], one["text"]) for one in shown["acks"]] == [("ana", "on it")]
    assert do("alerts", "--open", "--json").data == do("alerts", "china-approval", "--json").data == []
    assert "ana: on it" in do("alerts").out


def test_alerts_say_which_are_reminders_and_of_what(do: Shell, room: Newsroom, told: int) -> None:
    store = Store.open(room.database)
    (row,) = store.alerts(ids=[told])
    assert isinstance(row.alert, Alert)
    for again in ({"reminder": 1}, {"reminder": 2}, {"escalated": True}):
        alert = replace(row.alert, **again)  # type: ignore[arg-type]
        planned = PlannedAlert(alert, ("again", str(again)), (), reminds_of=told)
        store.record([], [], [], [], [planned], read_clock())
    store.close()
    kinds = [re.search(r"state_change( \(.*?\))?", line) for line in do("alerts").out.splitlines()[1:]]
    assert [kind and kind[1] for kind in kinds] == [
        f" (escalated, of alert {told})", f" (reminder 2, of alert {told})", f" (reminder 1, of alert {told})", None
    ]  # fmt: skip


def test_status_marks_what_waits_for_an_acknowledgement(do: Shell, told: int) -> None:
    assert "approved, 1 to acknowledge" in do("status").out
    assert {one["item"]: one["unacknowledged"] for one in do("status", "--json").data} == {
        ITEM: 1, "china-approval": 0
    }  # fmt: skip
    do("ack", told)
    assert "to acknowledge" not in do("status").out


def test_who_does_it_is_told_or_the_login(do: Shell, told: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHER_USER")
    monkeypatch.setenv("LOGNAME", "cem")
    assert do("ack", told, "--json").data["by"] == "cem"
    for wrong in ("", " ", "x" * 81):
        refused = do("ack", told, "--by", wrong)
        assert refused.code == 2
        assert "say who you are with --by or WATCHER_USER" in refused.err


# --- notes and history ----------------------------------------------------------------------------


@pytest.mark.usefixtures("told")
def test_history_shows_notes_acknowledgements_and_corrections_in_place(do: Shell) -> None:
    do("note", ITEM, "asked the ministry")
    do("ack", ITEM, "--note", "on it", "--by", "ben")
    do("correct", ITEM, "--to", "pending", "--reason", "it was a draft")
    do("note", ITEM, HOSTILE)
    lines = [re.sub(r"^\S+ \S+  ", "", line) for line in do("history", ITEM).out.splitlines() if line[0] == "2"]
    assert lines == [
        "ana noted: seen [2J  [red]it[/red] and more",
        "approved -> pending",
        "ben acknowledged alert 1: on it",
        "ana noted: asked the ministry",
        "pending -> approved",
        "pending",
    ]
    assert "    person: corrected by ana: it was a draft" in do("history", ITEM).out
    latest, moved, start = do("history", ITEM, "--json").data
    assert [(one["by"], one["kind"]) for one in moved["acts"]] == [("ben", "ack"), ("ana", "note")]
    assert [one["text"] for one in latest["acts"]] == [HOSTILE]
    assert (latest["actor"], moved["actor"], start["acts"]) == ("ana", None, [])


# --- mute and silence -----------------------------------------------------------------------------


@pytest.mark.usefixtures("quiet")
def test_a_muted_item_goes_on_and_nobody_is_told(do: Shell, room: Newsroom) -> None:
    muted = do("mute", ITEM, "--for", "3d", "--reason", "known")
    assert (muted.code, muted.out) == (0, "")
    assert re.fullmatch(rf"{ITEM} is muted until \S+ \S+ by ana\n", muted.err)
    assert re.search(rf"{ITEM} +pending, muted until \S+ \S+ ", do("status").out)
    room.publish("wire", APPROVED, at=read_clock() - timedelta(seconds=1))
    sqlite_do(room, "UPDATE feed SET next_poll_at = '2025-01-01 00:00:00.000000'")
    assert do("once").code == 3
    assert room.letters() == []
    assert "silenced" in do("alerts", ITEM).out
    (shown,) = [one for one in do("status", "--json").data if one["item"] == ITEM]
    assert (shown["state"], shown["muted"], shown["silence"]["by"]) == ("approved", True, "ana")
    assert do("unmute", ITEM, "--by", "ben").err == f"{ITEM} is no longer muted\n"
    assert do("unmute", ITEM).code == 2
    assert do("silence", "list").out.splitlines()[1:] == []
    assert "ended by ben" in do("silence", "list", "--all").out


@pytest.mark.usefixtures("quiet")
def test_a_silence_is_added_listed_and_ended(do: Shell) -> None:
    until = (read_clock() + timedelta(hours=5)).isoformat(timespec="seconds")
    added = do(
        "silence", "add", "--watchlist", "watchlist", "--lifecycle", "approval", "--kind", "reversal", "--state",
        "approved", "--state", "rejected", "--tier", "wire", "--until", until, "--reason", "a week of talks", "--json",
    )  # fmt: skip
    assert added.code == 0
    assert added.data["when"] == {
        "watchlists": ["watchlist"], "lifecycles": ["approval"], "states": ["approved", "rejected"],
        "tiers": ["wire"], "kinds": ["reversal"],
    }  # fmt: skip
    assert datetime.fromisoformat(added.data["ends_at"]) == datetime.fromisoformat(until)
    assert do("silence", "list", "--json").data == [added.data]
    row = do("silence", "list").out.splitlines()[1]
    assert "watchlists watchlist; lifecycles approval; states approved, rejected; tiers wire; kinds reversal" in row
    assert "partly muted until" in do("status").out
    number = added.data["id"]
    refused = do("unmute", ITEM)
    assert refused.code == 2
    assert refused.err.startswith(f"watcher: {ITEM} is not muted by itself; silence {number} of watchlists watchlist; ")
    assert f"`watcher silence end {number}` ends that for all that it is about" in refused.err
    assert do("mute", ITEM, "--for", "1h", "--reason", "known").code == 0
    assert f"no longer muted by itself; silence {number} of " in do("unmute", ITEM).err
    assert do("silence", "end", number).err.startswith(f"silence {number} of watchlists watchlist;")
    assert do("silence", "end", number).code == do("silence", "end", 99).code == 2


def test_whatever_a_silence_may_be_about_has_an_option(shell: Shell) -> None:
    told = shell("silence", "add", "--help").out
    singular = {"severities": "severity"}
    for condition in Conditions.__dataclass_fields__:
        assert f"--{singular.get(condition, condition.removesuffix('s'))} " in told


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--item", "us-aproval", "--for", "2h"], 'items: there is no "us-aproval"; did you mean "us-approval"?'),
        (["--kind", "source_broken", "--for", "2h"], "kinds: there is no"),
        (["--severity", "grave", "--for", "2h"], "(allowed: critical, high, low, normal)"),
        (["--tag", "eu", "--for", "2h"], "(allowed: none)"),
        (["--for", "2h"], "say what is to be silenced"),
        (["--everything", "--item", "us-approval", "--for", "2h"], "say what is to be silenced"),
        (["--everything"], "say how long"),
        (["--everything", "--for", "2h", "--until", "2099-01-01"], "not both"),
        (["--tier", "rumour", "--for", "2h"], "(allowed: official, other, press, wire)"),
        (["--everything", "--for", "soon"], "(allowed: 1m to 366d"),
        (["--everything", "--for", "500d"], "(allowed: 1m to 366d"),
        (["--everything", "--until", "2025-01-01"], "is over already"),
        (["--everything", "--until", "tomorrow"], "is no date"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(do: Shell, words: list[str], said: str) -> None:
    refused = do("silence", "add", *words, "--reason", "x")
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
    assert do("silence", "list", "--all", "--json").data == []


@pytest.mark.usefixtures("quiet")
def test_everything_may_be_silenced_and_a_reason_is_wanted(do: Shell) -> None:
    assert do("silence", "add", "--everything", "--for", "2h", "--reason", " ").code == 2
    assert do("mute", "ghost", "--for", "2h", "--reason", "x").code == 2
    assert do("silence", "add", "--everything", "--for", "2h", "--reason", "moving house").code == 0
    assert do("silence", "list").out.splitlines()[1].split()[1] == "everything"
    assert do("status").out.count("muted until") == 2


# --- correct and back-fill ------------------------------------------------------------------------


@pytest.mark.usefixtures("told")
def test_a_correction_is_shown_and_told(do: Shell, room: Newsroom) -> None:
    made = do("correct", ITEM, "--to", "pending", "--reason", "it was a draft")
    assert made.code == 0
    assert re.fullmatch(rf"{ITEM}: approved -> pending  \S+ \S+  corrected by ana: it was a draft\n", made.out)
    assert made.err == "deliveries planned: 2\nnote: no step leads from approved to pending\n"
    do("once")
    assert sorted(to for to, _ in room.letters()) == ["boss@example.org"] * 2 + ["desk@example.org"] * 2
    quietly = do("correct", ITEM, "--to", "rejected", "--reason", "r", "--quietly", "--by", "ben", "--json")
    assert (quietly.data["to"], quietly.data["by"], quietly.data["deliveries"]) == ("rejected", "ben", 0)
    assert do("status", "--json").data[0]["actor"] == "ben"


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "pending"], "it is pending already"),
        (["--to", "gone"], "(allowed: pending, approved, rejected)"),
        (["--to", "approved", "--value", "30%"], "carries no value"),
        (["--to", "approved", "--at", "2999-01-01"], "is to come"),
        (["--to", "approved", "--at", "2020-01-01"], "not later than the present state"),
        (["--to", "approved", "--at", "noon"], "is no date"),
    ],
)
def test_a_correction_that_cannot_be_is_refused(do: Shell, words: list[str], said: str) -> None:
    refused = do("correct", ITEM, *words, "--reason", "x")
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
    assert len(do("history", ITEM, "--json").data) == 1


def test_an_item_added_later_is_back_filled_when_asked(do: Shell, room: Newsroom) -> None:
    watchlist = room.folder / "watchlist.yaml"
    whole = watchlist.read_text().replace("since: 2025-09-01\n", "")
    before, _, rest = whole.partition("  - id: china-approval")
    watchlist.write_text(f"{before}feeds:\n{rest.partition('feeds:')[2]}")
    assert do("once").code == 0
    room.publish("wire", CLEARED, at=read_clock() - timedelta(seconds=1))
    sqlite_do(room, "UPDATE feed SET next_poll_at = '2025-01-01 00:00:00.000000'")
    assert do("once").code == 0
    watchlist.write_text(whole)
    assert do("once").code == 0
    assert do("status", "--json").data[1]["state"] == "pending"
    done = do("backfill", "china-approval")
    assert done.code == 0
    assert re.match(r"china-approval: pending -> approved  ", done.out)
    assert re.fullmatch(r"entries read: \d+; new evidence: 1; 1 change of state; nobody is told\n", done.err)
    again = do("backfill", "china-approval", "--days", "300", "--tell", "--json")
    assert (again.data["evidence"], again.data["transitions"], again.data["deliveries"]) == (0, [], 0)
    assert "have no text any more" in again.err
    assert room.letters() == []


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ghost"], "there is no item 'ghost'"),
        ([ITEM, "--days", "3", "--since", "2025-01-01"], "not both"),
        ([ITEM, "--since", "2999-01-01"], "is not over yet"),
        ([ITEM, "--since", "x"], "is no date"),
        ([ITEM, "--days", "9999999"], "before all time"),
    ],
)
def test_a_back_fill_that_cannot_be_is_refused(do: Shell, words: list[str], said: str) -> None:
    refused = do("backfill", *words)
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
