"""What an author of watchlists types: `check --tests`, `preview` and the "why not" of `explain`, on real files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import Shell

WATCHLIST = """\
since: 2026-03-01
actors:
  norland: [Norland, Premier Aske]
  estmark: [Estmark]
items:
  - id: timber-ban
    title: Norland's timber export ban
    lifecycle: restriction
    state: in_force
    decided_by: norland
    about: {all: [timber, [ban, export]], none: [playground]}
    expect:
      - {text: Norland lifts timber ban, state: lifted, status: done}
      - {text: Norland may lift timber ban, state: easing, status: possible}
      - {text: Norland's timber ban at a glance, status: mention}
      - text: Estmark lifts its timber ban
        none: true
  - id: fish-tariffs
    title: Norland's fish tariffs
    lifecycle: restriction
    state: in_force
    decided_by: norland
    about: {all: [fish, tariff]}
"""
WRONG = """\
      - {text: Norland lifts timber ban, state: eased, status: possible}
      - {text: Wool prices rise, outlet: Wire, status: mention}
      - {text: Norland lifts timber ban, none: true}
"""
OUTLETS = "outlets: [{name: Wire, tier: wire}, {name: Daily, tier: press}]\n"
SETTINGS = """\
database: sqlite:///%(folder)s/watcher.db
watchlists: [list.yaml]
outlets: outlets.yaml
"""
NEWS = [
    ("2026-02-20T10:00:00Z", "Wire", "Norland lifts timber ban"),
    ("2026-03-01T00:00:00Z", "Daily", "Ten recipes for spring"),
    ("2026-03-02T10:00:00Z", "Daily", "Norland may lift timber ban"),
    ("2026-03-03T10:00:00Z", "Daily", "Norland could lift timber ban"),
    ("2026-03-05T10:00:00Z", "Wire", "Norland lifts timber ban"),
    ("2026-03-06T10:00:00Z", "Wire", "Estmark lifts its timber ban"),
    ("2026-03-15T00:00:00Z", "Wire", "Norland reimposes timber ban \x1b[2J"),
]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a watchlist, outlets, the service's configuration and an archive; the working directory."""
    (tmp_path / "list.yaml").write_text(WATCHLIST)
    (tmp_path / "outlets.yaml").write_text(OUTLETS)
    (tmp_path / "watcher.yaml").write_text(SETTINGS % {"folder": tmp_path})
    lines = [
        {"id": f"a{n}", "seen_at": at, "source": source, "title": title, "link": f"https://news.example/{n}"}
        for n, (at, source, title) in enumerate(NEWS)
    ]
    (tmp_path / "archive.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WATCHER_CONFIG", "watcher.yaml")
    return tmp_path


def with_wrong_cases(folder: Path) -> None:
    text = WATCHLIST.replace("  - id: fish-tariffs", f"{WRONG}  - id: fish-tariffs")
    (folder / "list.yaml").write_text(text)


# --- check --tests --------------------------------------------------------------------------------


def test_cases_that_hold(shell: Shell, desk: Path) -> None:
    ended = shell("check", "--tests")
    assert ended.code == 0
    assert ended.out.splitlines()[-1] == "tests: 4, all as expected"
    assert shell("check", "--tests", "--json").data["tests"] == {"run": 4, "failed": 0, "failures": []}


def test_a_case_that_does_not_hold_is_shown_where_it_stands(shell: Shell, desk: Path) -> None:
    with_wrong_cases(desk)
    ended = shell("check", "--tests")
    assert ended.code == 2
    lines = ended.out.splitlines()
    assert lines[1:5] == [
        'list.yaml:18:9: timber-ban: "Norland lifts timber ban"',
        "    expected   eased (possible)",
        "    got        lifted (done)",
        "    because    cue “lift” (lifted), present",
    ]
    at = lines.index('list.yaml:19:9: timber-ban: "Wool prices rise"')
    assert lines[at + 1 : at + 4] == [
        "    expected   no state (mention)",
        "    got        nothing",
        "    because    needs timber; and 1 more group of words",
    ]
    assert 'list.yaml:20:9: timber-ban: "Norland lifts timber ban"' in lines
    assert lines[-1] == "tests: 3 of 7 FAILED"


def test_failures_in_json(shell: Shell, desk: Path) -> None:
    with_wrong_cases(desk)
    ended = shell("check", "--tests", "--json")
    assert ended.code == 2
    assert ended.data["ok"] is False
    tests = ended.data["tests"]
    assert (tests["run"], tests["failed"]) == (7, 3)
    first, second, third = tests["failures"]
    assert (first["file"], first["line"], first["column"], first["item"]) == ("list.yaml", 18, 9, "timber-ban")
    assert first["expected"] == {"state": "eased", "status": "possible", "value": None}
    assert first["got"] == {"state": "lifted", "status": "done", "value": None}
    assert first["why"]
    assert second["got"] is None
    assert third["expected"] is None


def test_without_tests_no_case_is_tried(shell: Shell, desk: Path) -> None:
    with_wrong_cases(desk)
    ended = shell("check")
    assert (ended.code, "tests" in ended.out) == (0, False)
    assert "tests" not in shell("check", "--json").data


def test_a_mistake_in_a_case_is_found_by_any_check(shell: Shell, desk: Path) -> None:
    (desk / "list.yaml").write_text(WATCHLIST.replace("state: lifted", "state: liftd"))
    ended = shell("check")
    assert ended.code == 2
    assert 'list.yaml:13:49: "liftd" is not a state of the lifecycle "restriction"; did you mean "lifted"?' in ended.err


def test_a_watchlist_alone(shell: Shell, desk: Path) -> None:
    (desk / "watcher.yaml").unlink()
    ended = shell("check", "--tests", "-w", "list.yaml")
    assert ended.code == 0
    assert ended.out.splitlines() == ["list.yaml: fine; 2 items, 0 feeds, 2 outlets", "tests: 4, all as expected"]
    assert shell("check", "-w", "list.yaml", "--json").data["items"] == 2
    online = shell("check", "-w", "list.yaml", "--online")
    assert (online.code, "leave --watchlist out" in online.err) == (2, True)


def test_a_watchlist_without_cases_says_so(shell: Shell, desk: Path) -> None:
    (desk / "list.yaml").write_text("items: []\n")
    assert "no item has `expect` cases" in shell("check", "--tests", "-w", "list.yaml").out


# --- preview --------------------------------------------------------------------------------------


def test_preview_shows_what_an_item_would_have_done(shell: Shell, desk: Path) -> None:
    ended = shell("preview", "timber-ban", "--archive", "archive.jsonl")
    assert ended.code == 0
    assert ended.out.splitlines()[:12] == [
        "timber-ban: Norland's timber export ban",
        "  archive    7 entries, 2026-03-01 to 2026-03-15; 1 older than the watch",
        "  matched    5; not read: somebody else's 1",
        "  readings   4: possible 2, done 2",
        "  changes    2 in 2.0 weeks",
        "  alerts     1.0 a week (lifted 0.5, tightened 0.5)",
        "",
        "changes of state",
        "  2026-03-05 10:00  in_force -> lifted, alone",
        "    Norland lifts timber ban (Wire, 2026-03-05 10:00)",
        "  2026-03-15 00:00  lifted -> tightened, alone",
        "    Norland reimposes timber ban  [2J (Wire, 2026-03-15 00:00)",
    ]
    assert "possible, 2 of 2" in ended.out
    assert "\x1b" not in ended.out
    assert not (desk / "watcher.db").exists()


def test_preview_needs_no_configuration(shell: Shell, desk: Path) -> None:
    (desk / "watcher.yaml").unlink()
    words = ("preview", "timber-ban", "--archive", "archive.jsonl", "-w", "list.yaml")
    data = shell(*words, "--examples", "1", "--json").data
    assert data["archive"] == {
        "entries": 7,
        "older_than_the_watch": 1,
        "from": "2026-03-01T00:00:00+00:00",
        "to": "2026-03-15T00:00:00+00:00",
        "weeks": 2.0,
    }
    assert data["matched"] == 5
    assert data["not_read"] == {"others": 1}
    assert {status: n for status, n in data["readings"].items() if n} == {"possible": 2, "done": 2}
    assert data["alerts_a_week"] == 1
    assert data["alerts_a_week_by_state"] == {"lifted": 0.5, "tightened": 0.5}
    changes = [(c["from"], c["to"], [h["id"] for h in c["headlines"]]) for c in data["transitions"]]
    assert changes == [("in_force", "lifted", ["a4"]), ("lifted", "tightened", ["a6"])]
    (example,) = data["examples"]["possible"]
    assert (example["id"], example["state"], example["source"]) == ("a2", "easing", "Daily")
    none = shell(*words, "--examples", "0")
    assert "possible, " not in none.out


def test_preview_of_an_item_that_nothing_is_about(shell: Shell, desk: Path) -> None:
    ended = shell("preview", "fish-tariffs", "--archive", "archive.jsonl")
    assert ended.code == 0
    assert ended.out.splitlines()[2:] == [
        "  matched    0",
        "  readings   0",
        "  changes    0 in 2.0 weeks",
        "  alerts     0 a week",
    ]


def test_preview_with_nothing_to_tell_from(shell: Shell, desk: Path) -> None:
    (desk / "archive.jsonl").write_text("")
    ended = shell("preview", "timber-ban", "--archive", "archive.jsonl")
    assert ended.code == 0
    assert "0 entries, none in its time" in ended.out
    assert "nothing to tell from" in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("timber-bann", "--archive", "archive.jsonl"), "there is no item 'timber-bann'; known are: fish-tariffs"),
        (("timber-ban", "--archive", "none.jsonl"), "there is no archive none.jsonl"),
        (("timber-ban", "--archive", "list.yaml"), "list.yaml:1:1: not JSON"),
        (("timber-ban", "--archive", "archive.jsonl", "-c", "none.yaml"), "there is no configuration file none.yaml"),
    ],
)  # fmt: skip
def test_preview_says_what_is_wrong(shell: Shell, desk: Path, words: tuple[str, ...], said: str) -> None:
    ended = shell("preview", *words)
    assert ended.code == 2
    assert said in ended.err


# --- explain: why not -----------------------------------------------------------------------------


def explained(shell: Shell, text: str, *more: str) -> Any:
    return shell("explain", text, "--date", "2026-03-05", "--json", *more).data


def test_explain_names_the_gate_of_what_is_near(shell: Shell, desk: Path) -> None:
    out = shell("explain", "Estmark lifts its timber ban", "--date", "2026-03-05").out
    assert out.splitlines()[3:] == [
        "It is about no item.",
        "",
        "not timber-ban: Norland's timber export ban",
        "  found      timber, ban",
        "  why not    “lifts” (lifted) is done by estmark, not by norland",
    ]
    assert explained(shell, "Ten recipes for spring")["nearest"] == []


@pytest.mark.parametrize(
    ("text", "gate", "detail"),
    [
        ("Timber prices rise", "subject", "needs one of ban, export"),
        ("Norland lifts ban on timber playgrounds", "shut_out", "shut out by “playgrounds”, a word of its `none`"),
    ],
)
def test_explain_in_json(shell: Shell, desk: Path, text: str, gate: str, detail: str) -> None:
    (miss,) = explained(shell, text)["nearest"]
    assert (miss["item"], miss["gate"], miss["detail"]) == ("timber-ban", gate, detail)
    assert miss["sentence"] == text


def test_explain_says_that_the_watch_had_not_begun(shell: Shell, desk: Path) -> None:
    out = shell("explain", "Norland lifts timber ban", "--date", "2026-02-01").out
    assert "why not    not watched before 2026-03-01 00:00 UTC" in out


def test_explain_says_why_a_mention_tells_no_state(shell: Shell, desk: Path) -> None:
    out = shell("explain", "The timber ban in numbers", "--date", "2026-03-05").out
    assert "says       no state (mention)" in out
    assert "why not    no word of the lifecycle “restriction” stands beside the subject" in out
    assert "such as" in out
    (reading,) = explained(shell, "The timber ban in numbers")["readings"]
    assert reading["why_not"]["gate"] == "no_cue"
    (reading,) = explained(shell, "Norland lifts timber ban")["readings"]
    assert reading["why_not"] is None


def test_explain_shows_the_sentence_where_there_are_more(shell: Shell, desk: Path) -> None:
    words = ("--summary", "Wool is dear. Estmark lifts its timber ban.", "--date", "2026-03-05")
    out = shell("explain", "A quiet week", *words).out
    assert '  sentence   "Estmark lifts its timber ban."' in out


def test_explain_of_one_item(shell: Shell, desk: Path) -> None:
    far = explained(shell, "Norland lifts timber ban", "--item", "fish-tariffs")
    assert far["readings"] == []
    assert far["transitions"] == []
    (miss,) = far["nearest"]
    assert (miss["item"], miss["gate"]) == ("fish-tariffs", "subject")
    assert miss["detail"] == "needs fish; and 1 more group of words"
    own = explained(shell, "Norland lifts timber ban", "--item", "timber-ban", "--outlet", "Wire")
    assert [reading["item"] for reading in own["readings"]] == ["timber-ban"]
    assert [change["to"] for change in own["transitions"]] == ["lifted"]
    assert own["nearest"] == []
    assert "Nothing is read of fish-tariffs in it." in shell("explain", "Wool", "--item", "fish-tariffs").out
    unknown = shell("explain", "Wool", "--item", "wool")
    assert (unknown.code, "there is no item 'wool'" in unknown.err) == (2, True)


def test_explain_shows_three_at_most(shell: Shell, desk: Path) -> None:
    item = "  - {id: t%d, title: T, lifecycle: deal, state: talks, about: {all: [timber, firm %d]}}\n"
    more = "".join(item % (n, n) for n in range(5))
    (desk / "list.yaml").write_text(WATCHLIST + more)
    assert len(explained(shell, "Timber prices rise")["nearest"]) == 3
