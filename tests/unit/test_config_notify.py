"""Receivers and routes: what becomes of them, and every mistake in them with its exact place."""

# ruff: noqa: E501  # a table reads best with a row on a line

from __future__ import annotations

import re
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from watcher.config import Settings, load
from watcher.domain.alerts import (
    POLICY_KINDS,
    USUAL_KINDS,
    AlertKind,
    Conditions,
    Escalation,
    Hours,
    Rate,
    Receiver,
    Repeat,
    Route,
    Timetable,
    Window,
)
from watcher.domain.model import Tier
from watcher.errors import ConfigError, Problem

WATCHLIST = """\
defaults: {tags: [trade]}
items:
  - {id: ban, title: Ban, lifecycle: restriction, state: in_force, severity: high, about: {all: ban}}
  - {id: deal, title: Deal, lifecycle: deal, state: talks, about: {all: deal}}
"""
HEAD = """\
watchlists: list.yaml
zone: Europe/Madrid
notify:
  receivers:
    desk: {urls: json://localhost/desk}
    boss: {urls: json://localhost/boss}
    hook: {webhook: "http://localhost/hook", secret: 0123456789abcdef}
    off: {urls: ""}
  routes:
"""  # the first route stands in line 10, its first key in column 7
EVERY_DAY = frozenset(range(7))
MADRID = ZoneInfo("Europe/Madrid")


def write(folder: Path, routes: str, head: str = HEAD) -> Path:
    (folder / "list.yaml").write_text(WATCHLIST)
    (folder / "watcher.yaml").write_text(head + "".join(f"    - {line}\n" for line in routes.splitlines()))
    return folder / "watcher.yaml"


def loaded(folder: Path, routes: str, head: str = HEAD) -> Settings:
    return load(write(folder, routes, head), {})


def faults(folder: Path, routes: str, head: str = HEAD) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, routes, head)
    return list(caught.value.problems)


def notes(settings: Settings) -> list[tuple[int, int, str]]:
    return [(n.line, n.column, n.message) for n in settings.notes if '"off"' not in n.message]


# --- what becomes of them -------------------------------------------------------------------------


def test_the_shortest_route_tells_the_usual_kinds_at_once(tmp_path: Path) -> None:
    (route,) = loaded(tmp_path, "{to: desk}").routes
    assert route == Route(("desk",), "route 1")
    assert route.when.kinds == USUAL_KINDS
    assert set(POLICY_KINDS) - set(USUAL_KINDS) == {AlertKind.EARLY_SIGNAL}


def test_a_route_with_everything(tmp_path: Path) -> None:
    first, second = loaded(
        tmp_path,
        "{name: night, to: [desk, hook], watchlists: list, items: [ban], tags: trade, lifecycles: restriction,"
        " states: lifted, severities: [high], tiers: [official, wire], kinds: [state_change, early_signal],"
        ' continue: true, wait: 90s, quiet: {from: "22:00", to: "07:30"}, budget: 6,'
        " active: [{from: 06:00, to: 24:00, days: mon-fri}, {from: 9:00, to: 12:00, days: [sat, sun], zone: Asia/Tokyo}],"
        " repeat: {every: 2h, most: 2}, escalate: {after: 4h, to: [boss, desk]}}\n"
        "{name: daily, to: desk, digest: {at: '30 7 * * mon-fri', zone: Asia/Tokyo}}",
    ).routes
    tokyo = ZoneInfo("Asia/Tokyo")
    assert first == Route(
        ("desk", "hook"),
        "night",
        Conditions(
            ("list",), ("ban",), ("trade",), ("restriction",), ("lifted",), ("high",), (Tier.OFFICIAL, Tier.WIRE),
            (AlertKind.STATE_CHANGE, AlertKind.EARLY_SIGNAL),
        ),
        proceeds=True,
        wait=timedelta(seconds=90),
        hours=Hours(
            (Window(time(22), time(7, 30), EVERY_DAY, MADRID),),
            (
                Window(time(6), time(0), frozenset(range(5)), MADRID),
                Window(time(9), time(12), frozenset({5, 6}), tokyo),
            ),
        ),
        budget=6,
        repeat=Repeat(timedelta(hours=2), 2),
        escalate=Escalation(timedelta(hours=4), ("boss", "desk")),
    )  # fmt: skip
    assert second.digest == Timetable("30 7 * * mon-fri", tokyo)


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("mon", {0}),
        ("Mon-Fri", {0, 1, 2, 3, 4}),
        ('"sat, sun"', {5, 6}),
        ("fri-mon", {4, 5, 6, 0}),
        ("[tue, thu-fri]", {1, 3, 4}),
        ("mon-sun", set(range(7))),
    ],
)
def test_days(tmp_path: Path, written: str, days: set[int]) -> None:
    (route,) = loaded(tmp_path, f"{{to: desk, quiet: {{from: 1:00, to: 2:00, days: {written}}}}}").routes
    assert route.hours.quiet[0].days == days


@pytest.mark.parametrize(
    ("written", "cron"),
    [
        ("daily", "0 8 * * *"),
        ("weekly", "0 8 * * mon"),
        ("'*/30  9-17 * *  mon,wed'", "*/30 9-17 * * mon,wed"),
        ("0 8 1 * *", "0 8 1 * *"),
    ],
)
def test_timetables(tmp_path: Path, written: str, cron: str) -> None:
    (route,) = loaded(tmp_path, f"{{name: digest, to: desk, digest: {{at: {written}}}}}").routes
    assert route.digest == Timetable(cron, MADRID)


def test_receivers(tmp_path: Path) -> None:
    head = HEAD.replace(
        "desk: {urls: json://localhost/desk}",
        "desk: {urls: json://localhost/desk, rate: 30/m, picture: true, unsubscribe: 'mailto:out@desk.example'}",
    )
    settings = loaded(tmp_path, "{to: desk}", head)
    assert settings.receivers["desk"] == Receiver(
        "json://localhost/desk",
        rate=Rate(30, timedelta(minutes=1)),
        picture=True,
        unsubscribe="mailto:out@desk.example",
    )
    assert settings.receivers["hook"] == Receiver("http://localhost/hook", webhook=True, secret="0123456789abcdef")
    assert {"0123456789abcdef", "http://localhost/hook"} <= set(settings.secrets)
    assert settings.switched_off == ("off",)


@pytest.mark.parametrize(
    ("rate", "spacing"),
    [("1/s", timedelta(seconds=1)), ("30/m", timedelta(seconds=2)), ("4 / 2h", timedelta(minutes=30)), ("24/d", timedelta(hours=1))],
)  # fmt: skip
def test_rates(tmp_path: Path, rate: str, spacing: timedelta) -> None:
    head = HEAD.replace("desk: {urls: json://localhost/desk}", f"desk: {{urls: json://localhost/desk, rate: {rate}}}")
    told = loaded(tmp_path, "{to: desk}", head).receivers["desk"].rate
    assert told is not None
    assert told.spacing == spacing


# --- what is wrong --------------------------------------------------------------------------------

ROUTE_CASES: list[tuple[str, int, str]] = [  # what follows "to: desk, " in line 10 (column 18 on), column, message
    ("item: ban", 18, 'unknown key "item"; did you mean "items"?'),
    ("items: []", 25, "must not be empty"),
    ("items: bann", 25, 'unknown item "bann"; did you mean "ban"?'),
    ("tags: [tread]", 25, 'unknown tag "tread"; did you mean "trade"?'),
    ("watchlists: lst", 30, 'unknown watchlist "lst"; did you mean "list"?'),
    ("lifecycles: [deal, restricton]", 37, 'unknown lifecycle "restricton"; did you mean "restriction"?'),
    ("states: lifed", 26, 'unknown state "lifed"; did you mean "lifted"?'),
    ("severities: [hgh]", 31, 'unknown severity "hgh"; did you mean "high"?'),
    ("severities: low", 7, "no item can ever meet all conditions of this route"),
    ("lifecycles: approval", 7, "no item can ever meet all conditions of this route"),
    ("items: deal, states: lifted", 7, "no item can ever meet all conditions of this route"),
    ("tiers: [offical]", 26, '"offical" is not one of the words allowed here; did you mean "official"?'),
    ("kinds: [state_chang]", 26, '"state_chang" is not one of the words allowed here; did you mean "state_change"?'),
    ("kinds: early", 25, '"early" is not one of the words allowed here'),
    ("kinds: source_broken", 25, "nothing that happens to an item; see the receivers of `notify.system`"),
    ("kinds: [digest]", 26, "nothing that happens to an item; see a route's own `digest`"),
    ("kinds: [test]", 26, "nothing that happens to an item; see `watcher notify --test`"),
    ("continue: perhaps", 28, "expected true or false"),
    ("wait: 2h", 24, "out of range"),
    ("wait: soon", 24, "not a length of time"),
    ("budget: 0", 26, "out of range"),
    ("quiet: late", 25, "expected keys and values"),
    ("quiet: []", 25, "must not be empty"),
    ("quiet: {from: 22:00}", 25, 'missing key "to"'),
    ("quiet: {from: 22:00, to: 7:00, day: mon}", 49, 'unknown key "day"; did you mean "days"?'),
    ("quiet: [{from: 22:00, to: 7:00, day: mon}]", 50, 'unknown key "day"; did you mean "days"?'),
    ("quiet: {from: 24:00, to: 7:00}", 32, "not a time of day"),
    ("quiet: {from: 22, to: 7:00}", 32, "not a time of day"),
    ("quiet: {from: 22:00, to: 24:01}", 43, "not a time of day"),
    ("quiet: {from: 22:60, to: 7:00}", 32, "not a time of day"),
    ("quiet: {from: 22:00, to: 7:00, days: monday}", 55, "not days of the week"),
    ("quiet: {from: 22:00, to: 7:00, days: mon-}", 55, "not days of the week"),
    ("quiet: {from: 22:00, to: 7:00, days: []}", 55, "must not be empty"),
    ("quiet: {from: 22:00, to: 7:00, zone: Madrid}", 55, "not an IANA time zone"),
    ("quiet: {from: 0:00, to: 24:00}", 25, "never open: `quiet` leaves nothing of the week"),
    ("quiet: {from: 0:00, to: 24:00, days: mon-fry}", 55, "not days of the week"),
    ("quiet: [{from: 0:00, to: 24:00, days: mon-fry}]", 56, "not days of the week"),
    ("active: [{from: 9:00, to: 18:00}, {from: 19:00, to: 25:00}], quiet: {from: 8:00, to: 20:00}", 70, "not a time of day"),
    ("active: {from: 9:00, to: 18:00}, quiet: {from: 8:00, to: 20:00}", 58, "never open: `quiet` leaves nothing of `active`"),
    ("repeat: {most: 2}", 26, 'missing key "every"'),
    ("repeat: {every: 1s}", 34, "out of range"),
    ("name: n, repeat: {every: 1h, most: 0}", 53, "out of range"),
    ("escalate: {after: 1h}", 28, 'missing key "to"'),
    ("name: n, escalate: {after: 1h, to: bos}", 53, 'unknown receiver "bos"; did you mean "boss"?'),
    ("name: n, escalate: {after: 1h, to: [boss, dsk]}", 60, 'unknown receiver "dsk"; did you mean "desk"?'),
    ("name: n, escalate: {after: 1h, to: desk}", 53, "the route tells all of these itself; an escalation is to others"),
    ("name: n, digest: {at: sometimes}", 40, "not a timetable"),
    ("name: n, digest: {at: 0 8 * *}", 40, "not a timetable"),
    ("name: n, digest: {at: 0 8 * * 1}", 40, "not a timetable"),
    ("name: n, digest: {at: 0 25 * * mon}", 40, "not a timetable"),
    ("name: n, digest: {at: 0 8 1 * mon}", 40, "a day of the month, or days of the week: not both"),
    ("name: n, digest: {at: 0 8 31 2 *}", 40, "a timetable of a day that never comes"),
    ("name: n, digest: {zone: Nowhere}", 42, "not an IANA time zone"),
    ("name: n, digest: {at: daily}, wait: 5m", 54, "a route with a digest tells nothing one by one: `wait` means nothing there"),
    ("name: n, digest: {}, quiet: {from: 22:00, to: 7:00}", 46, "a route with a digest tells nothing one by one: `quiet` means nothing there"),
    ("name: n, digest: {}, budget: 3", 47, "a route with a digest tells nothing one by one: `budget` means nothing there"),
    ("name: two words", 24, "not usable as a name"),
    ("name: two words, repeat: {every: 1h}", 24, "not usable as a name"),
    ("tags: trade, repeat: {every: 1h}", 39, "a route with `repeat` needs a name: what it told is kept under it"),
    ("escalate: {after: 1h, to: boss}", 28, "a route with `escalate` needs a name: what it told is kept under it"),
    ("budget: 3, escalate: {after: 1h, to: boss}", 39, "a route with `escalate` needs a name: what it told is kept under it"),
    ("digest: {}", 26, "a route with `digest` needs a name: what it told is kept under it"),
    ("budget: 3", 26, "a route with `budget` needs a name: what it told is kept under it"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "column", "message"), ROUTE_CASES, ids=[case[0][:40] for case in ROUTE_CASES])
def test_a_mistake_in_a_route_is_told_once_with_its_place(tmp_path: Path, more: str, column: int, message: str) -> None:
    found = faults(tmp_path, f"{{to: desk, {more}}}")
    assert [(p.line, p.column, p.message) for p in found] == [(10, column, message)]


def test_mistakes_name_the_words_that_are_allowed(tmp_path: Path) -> None:
    def allowed(more: str) -> str:
        return faults(tmp_path, f"{{to: desk, {more}}}")[0].allowed

    assert allowed("kinds: x") == allowed("kinds: trouble") == ", ".join(POLICY_KINDS)
    assert allowed("name: n, escalate: {after: 1h, to: x}") == "boss, desk, hook, off"
    assert allowed("lifecycles: x").startswith("approval, deadline, deal, ")
    assert allowed("budget: 3") == "`name: WORD`, as no other route has"
    assert allowed("quiet: {from: 1:00, to: 2:00, x: 1}") == "from, to, days, zone"
    assert allowed("quiet: {from: 1:00, to: x}") == '"00:00" to "24:00"'
    assert '"mon-fri"' in allowed("quiet: {from: 1:00, to: 2:00, days: x}")
    assert '"0 8 * * mon-fri"' in allowed("name: n, digest: {at: x}")


def test_all_that_means_nothing_beside_a_digest_is_told(tmp_path: Path) -> None:
    more = "wait: 1m, repeat: {every: 1h}, escalate: {after: 1h, to: boss}"
    found = faults(tmp_path, f"{{name: n, to: desk, digest: {{}}, {more}}}")
    assert [re.findall("`(.*)`", p.message) for p in found] == [["wait"], ["repeat"], ["escalate"]]


def test_an_empty_list_of_receivers_is_a_mistake(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, "{to: []}")
    assert (found.line, found.column, found.message) == (10, 12, "must not be empty")


def test_two_routes_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, "{name: a, to: desk, continue: true}\n{to: boss, name: a}")
    assert (found.line, found.column) == (11, 24)
    assert found.message == 'duplicate name "a"; the route of line 10 has it already'


RECEIVER_CASES: list[tuple[str, int, str]] = [  # the receiver `desk` in line 5, the column, message
    ("{}", 11, "a receiver needs an address"),
    ("{url: json://localhost}", 12, 'unknown key "url"; did you mean "urls"?'),
    ("{urls: [json://localhost, 5]}", 37, "expected text; put it in quotes"),
    ("{urls: json://localhost, webhook: http://localhost}", 45, "`urls` or a `webhook`: not both"),
    ("{urls: json://localhost, secret: abc}", 44, "only a webhook's messages are signed"),
    ("{webhook: json://localhost}", 21, "not a web address"),
    ("{webhook: http://localhost, picture: true}", 48, "this is for mails, and no webhook's"),
    ("{webhook: http://localhost, unsubscribe: 'mailto:a@b.example'}", 52, "this is for mails, and no webhook's"),
    ("{urls: json://localhost, unsubscribe: 'http://b.example'}", 49, "not an address for List-Unsubscribe"),
    ("{urls: json://localhost, rate: fast}", 42, "not a rate"),
    ("{urls: json://localhost, rate: 0/s}", 42, "not a rate"),
    ("{urls: json://localhost, rate: 5}", 42, "not a rate"),
]


@pytest.mark.parametrize(("desk", "column", "message"), RECEIVER_CASES, ids=[case[0] for case in RECEIVER_CASES])
def test_a_mistake_in_a_receiver_is_told_once_with_its_place(
    tmp_path: Path, desk: str, column: int, message: str
) -> None:
    found = faults(tmp_path, "{to: desk}", HEAD.replace("{urls: json://localhost/desk}", desk))
    assert [(p.line, p.column, p.message) for p in found] == [(5, column, message)]


# --- what is doubtful -----------------------------------------------------------------------------

ECLIPSED = [
    ("{to: desk}", "{to: boss, items: ban}"),
    ("{to: desk, watchlists: list}", "{to: boss}"),
    ("{to: desk, tags: trade, severities: [high, normal]}", "{to: boss, states: lifted}"),
    ("{to: desk, items: ban}", "{to: boss, severities: high}"),  # ban is the one of that severity
    ("{to: desk, lifecycles: restriction, states: [lifted, eased]}", "{to: boss, states: lifted}"),
    ("{to: desk, tiers: [official, wire]}", "{to: boss, tiers: wire}"),
    ("{to: desk, kinds: [state_change, early_signal]}", "{to: boss, kinds: early_signal}"),
]
NOT_ECLIPSED = [
    ("{to: desk, continue: true}", "{to: boss}"),
    ("{to: desk}", "{to: boss, kinds: early_signal}"),
    ("{to: desk, items: ban}", "{to: boss}"),
    ("{to: desk, states: lifted}", "{to: boss, items: ban}"),
    ("{to: desk, tiers: [official, wire, press, other]}", "{to: boss}"),  # a deadline that passes is told by none
    ("{to: desk, severities: high}", "{to: boss, tags: trade}"),
    ("{to: off}", "{to: boss}"),  # passed over
]


def test_a_digest_leaves_a_later_route_nothing(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "{name: daily, to: desk, digest: {}}\n{to: boss}")
    message = '"daily" (line 10) takes all that this route could take, and has no `continue: true`'
    assert notes(settings) == [(11, 7, message)]


@pytest.mark.parametrize(("earlier", "later"), ECLIPSED)
def test_a_route_for_which_an_earlier_one_leaves_nothing_is_noted(tmp_path: Path, earlier: str, later: str) -> None:
    settings = loaded(tmp_path, f"{{to: hook, items: deal, continue: true}}\n{earlier}\n{later}")
    message = '"route 2" (line 11) takes all that this route could take, and has no `continue: true`'
    assert notes(settings) == [(12, 7, message)]


@pytest.mark.parametrize(("earlier", "later"), NOT_ECLIPSED)
def test_a_route_that_something_is_left_for_is_not(tmp_path: Path, earlier: str, later: str) -> None:
    assert not [note for note in notes(loaded(tmp_path, f"{earlier}\n{later}")) if "takes all" in note[2]]


def test_what_is_switched_off_is_noted(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "{to: off}\n{name: n, to: desk, escalate: {after: 1h, to: off}}")
    assert notes(settings) == [
        (10, 12, "all receivers of this route are switched off; it is passed over"),
        (11, 53, "all receivers of this escalation are switched off; it tells nobody"),
    ]
    assert settings.routes[1].escalate is None
