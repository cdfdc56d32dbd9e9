"""`watcher route` typed at a small installation, beside a database and without one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from commands import Shell
from newsroom import MORNING, Newsroom, newsroom

from watcher.domain.alerts import Conditions, Silence

ROUTES = """\
  routes:
    - {name: night, to: boss, items: us-approval, continue: true, quiet: {from: "22:00", to: "07:00"}}
    - {name: desk, to: [boss, desk], wait: 5m}
    - {name: signs, to: desk, kinds: early_signal}
"""


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path, f"sqlite:///{tmp_path}/watcher.db") as room:
        head, _, rest = room.config.read_text().partition("  routes:\n")
        room.config.write_text(f"{head}{ROUTES}web:{rest.partition('web:')[2]}")
        yield room


def silenced(room: Newsroom, *whens: Conditions) -> None:
    with room.app() as app:
        for when in whens:
            silence = Silence(when, "ada", "moving house", MORNING, MORNING + timedelta(hours=2))
            app.store.silence(silence, MORNING)


def test_it_says_who_is_told_when_and_by_which_route(shell: Shell, room: Newsroom) -> None:
    ended = shell("route", "--test", "us-approval", "--at", "2025-09-25T23:00+00:00", "-c", room.config)
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "state_change of us-approval: pending -> approved, 2025-09-25 23:00 (UTC)",
        "watchlist watchlist, lifecycle approval, severity normal, tier wire",
        "",
        "night  takes it and tells boss; the next one is asked, too",
        "desk   takes it and tells desk; told already: boss; decides",
        "signs  is not asked",
        "",
        "boss  is told at 2025-09-26 07:00 (route night): these are not its hours",
        "desk  is told at 2025-09-25 23:05 (route desk): others of the same event are waited for",
    ]
    assert "silences are not known: there is no database yet" in ended.err
    assert not list(room.folder.glob("watcher.db*"))


def test_what_is_critical_is_told_now(shell: Shell, room: Newsroom) -> None:
    words = ("route", "--test", "us-approval", "--severity", "critical", "--at", "2025-09-25T23:00+00:00")
    told = shell(*words, "-c", room.config, "--json").data
    assert [(one["receiver"], one["hold"], one["not_before"]) for one in told["deliveries"]] == [
        ("boss", None, "2025-09-25T23:00:00+00:00"),
        ("desk", None, "2025-09-25T23:00:00+00:00"),
    ]


def test_silences_are_looked_up_at_the_moment_asked_about(shell: Shell, room: Newsroom) -> None:
    silenced(room, Conditions(items=("us-approval",)))
    words = ("route", "--test", "us-approval", "-c", room.config, "--at")
    during = shell(*words, "2025-09-25T09:00+00:00")
    assert (during.code, during.err) == (1, "")
    assert "boss  is not told: silenced by ada: moving house" in during.out
    assert during.out.endswith("nobody is told\n")
    assert shell(*words, "2025-09-25T10:00+00:00").code == 0
    other = shell("route", "--test", "china-approval", "--at", "2025-09-25T09:00+00:00", "-c", room.config, "--json")
    assert other.code == 0
    assert other.data["silences_known"] is True
    assert [one["silenced"] for one in other.data["deliveries"]] == ["", ""]


def test_nobody_is_told_where_no_route_takes_it(shell: Shell, room: Newsroom) -> None:
    room.config.write_text(
        room.config.read_text().replace("    - {name: desk,", "    - {name: desk, states: rejected,")
    )
    ended = shell("route", "--test", "china-approval", "--state", "approved", "-c", room.config, "--json")
    assert ended.code == 1
    assert ended.data["told"] is False
    assert [(one["route"], (one["unmet"] or {}).get("condition")) for one in ended.data["routes"]] == [
        ("night", "items"),
        ("desk", "states"),
        ("signs", "kinds"),
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--kind", "early_signal"), ["signs"]),
        (("--kind", "deadline"), ["desk"]),
        (("--kind", "item_silent"), ["desk"]),
        (("--kind", "reversal", "--state", "pending"), ["desk"]),
        (("--tier", "official"), ["desk"]),
    ],
)
def test_every_word_of_the_alert_can_be_told(
    shell: Shell, room: Newsroom, words: tuple[str, ...], told: list[str]
) -> None:
    data = shell("route", "--test", "china-approval", *words, "-c", room.config, "--json").data
    assert [one["route"] for one in data["routes"] if one["verdict"] == "taken"] == told
    for option, word in zip(words[::2], words[1::2], strict=True):
        assert data["alert"]["to_state" if option == "--state" else option.removeprefix("--")] == word


def test_a_digest_is_no_delivery_but_somebody_is_told(shell: Shell, room: Newsroom) -> None:
    room.config.write_text(room.config.read_text().replace("wait: 5m}", "digest: {at: daily, zone: Asia/Tokyo}}"))
    words = ("route", "--test", "china-approval", "--at", "2025-09-25T23:30+00:00", "-c", room.config)
    ended = shell(*words)
    assert ended.code == 0
    assert "desk   takes it and tells boss, desk in its digest of 2025-09-27 08:00 (Asia/Tokyo); decides" in ended.out
    assert ended.out.endswith("nobody is told before the digest\n")
    data = shell(*words, "--json").data
    assert data["digests"] == [{"route": "desk", "receivers": ["boss", "desk"], "at": "2025-09-26T23:00:00+00:00"}]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--test", "us-aproval"), "there is no item 'us-aproval'"),
        (("--test", "us-approval", "--state", "aproved"), """'aproved'; did you mean "approved"?"""),
        (("--test", "us-approval", "--kind", "source_brokn"), "known are: state_change, reversal, disputed"),
        (("--test", "us-approval", "--kind", "source_broken"), "see the receivers of `notify.system`"),
        (("--test", "us-approval", "--kind", "digest"), "see a route's own `digest`"),
        (("--test", "us-approval", "--severity", "hi"), "known are: low, normal, high, critical"),
        (("--test", "us-approval", "--tier", "rumour"), "known are: official, wire, press, other"),
        (("--test", "us-approval", "--at", "noon"), "'noon' is no date"),
        (("--state", "approved"), "name its item with --test ITEM"),
    ],
)
def test_a_word_that_nothing_has_is_named(shell: Shell, room: Newsroom, words: tuple[str, ...], message: str) -> None:
    ended = shell("route", *words, "-c", room.config)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_a_database_that_cannot_be_read_is_no_hindrance(shell: Shell, room: Newsroom) -> None:
    (room.folder / "watcher.db").write_text("no database")
    ended = shell("route", "--test", "us-approval", "-c", room.config)
    assert ended.code == 0
    assert ended.err.startswith("silences are not known: ")


def test_the_routes_are_listed_as_they_are_understood(shell: Shell, room: Newsroom) -> None:
    table = shell("route", "-c", room.config).out
    assert [line.split()[0] for line in table.splitlines()] == ["ROUTE", "night", "desk", "signs"]
    assert "items us-approval; kinds all but early_signal" in table
    assert "quiet 22:00-07:00 (UTC)" in table
    data = shell("route", "-c", room.config, "--json").data
    assert data["system"] == []
    assert [one["route"] for one in data["routes"]] == ["night", "desk", "signs"]
    assert data["routes"][2] == {
        "route": "signs",
        "to": ["desk"],
        "when": {"kinds": ["early_signal"]},
        "continue": False,
        "wait": None,
        "quiet": [],
        "active": [],
        "budget": None,
        "repeat": None,
        "escalate": None,
        "digest": None,
    }
    assert data["routes"][0]["quiet"] == ["22:00-07:00 (UTC)"]
    assert data["routes"][1]["wait"] == "5m"


def test_where_there_are_no_routes_it_says_so(shell: Shell, room: Newsroom) -> None:
    room.config.write_text(room.config.read_text().replace(ROUTES, ""))
    assert shell("route", "-c", room.config).err == "there are no routes: nobody is told of anything\n"
    ended = shell("route", "--test", "us-approval", "-c", room.config)
    assert ended.code == 1
    assert "there are no routes" in ended.out
