"""The lifecycles that ship with the product, and what is refused in one that somebody writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from watcher.config.lifecycles import read_lifecycle, shipped_lifecycles
from watcher.config.problems import Problems
from watcher.config.rules import load_rules
from watcher.domain.model import Status
from watcher.errors import ConfigError

STATES = {
    "document": "awaited agreed published signed in_force collapsed",
    "approval": "pending approved rejected",
    "restriction": "in_force easing eased lifted tightening tightened",
    "deadline": "set extended met missed",
    "meeting": "proposed scheduled postponed cancelled under_way held",
    "deal": "talks framework signed closed collapsed",
    "investigation": "open finding penalty suspended closed",
    "ruling": "pending argued upheld struck_down settled",
    "legislation": "introduced committee passed_one passed_both enacted vetoed failed",
}
CAN = """
document awaited published | document awaited signed | document collapsed agreed | document in_force collapsed
approval pending rejected | approval rejected approved | approval approved rejected
restriction lifted tightened | restriction in_force lifted | restriction tightening eased | restriction eased in_force
restriction tightened tightened | restriction eased eased
deadline set extended | deadline extended extended | deadline missed extended | deadline set missed
meeting postponed scheduled | meeting held proposed | meeting held scheduled | meeting cancelled under_way
meeting scheduled scheduled | meeting proposed held
deal talks signed | deal talks closed | deal collapsed talks | deal signed collapsed
investigation open penalty | investigation suspended open | investigation finding closed
ruling pending struck_down | ruling struck_down upheld | ruling argued settled
legislation introduced enacted | legislation vetoed enacted | legislation failed introduced
"""
CANNOT = """
document published agreed | document signed published | document in_force awaited
approval approved pending | approval rejected pending
deadline extended set | deadline met extended
meeting held postponed | meeting held cancelled | meeting under_way proposed | meeting scheduled proposed
deal closed framework | deal signed talks | deal framework talks
investigation penalty finding | investigation finding open
ruling upheld argued | ruling struck_down pending | ruling settled pending
legislation enacted committee | legislation passed_both committee | legislation passed_one introduced
"""


def steps(text: str) -> list[tuple[str, str, str]]:
    return [tuple(step.split()) for line in text.split("\n") for step in line.split("|") if step.strip()]  # type: ignore[misc]


def test_the_nine_lifecycles_have_their_states() -> None:
    assert {name: " ".join(cycle.states) for name, cycle in shipped_lifecycles().items()} == dict(
        sorted(STATES.items())
    )


@pytest.mark.parametrize(("name", "before", "after"), steps(CAN))
def test_what_really_happens_can_be_told(name: str, before: str, after: str) -> None:
    assert after in shipped_lifecycles()[name].states[before].to


@pytest.mark.parametrize(("name", "before", "after"), steps(CANNOT))
def test_stale_news_cannot_lead_back(name: str, before: str, after: str) -> None:
    assert after not in shipped_lifecycles()[name].states[before].to


def test_a_restriction_can_go_from_anywhere_to_anywhere_else() -> None:
    """But what is announced in the direction that is effective already is no step of its own, nor can what is lifted
    altogether be eased."""
    states = shipped_lifecycles()["restriction"].states
    missing = {(name, other) for name, state in states.items() for other in set(states) - {name} - set(state.to)}
    assert missing == {("eased", "easing"), ("tightened", "tightening"), ("lifted", "easing"), ("lifted", "eased")}


def test_only_announcements_flip_on_an_announcement() -> None:
    announced = {
        state.id
        for cycle in shipped_lifecycles().values()
        for state in cycle.states.values()
        if Status.ANNOUNCED in state.flips_on
    }
    assert announced == {"easing", "tightening", "scheduled", "proposed"}
    assert all(Status.DONE in s.flips_on for c in shipped_lifecycles().values() for s in c.states.values())


def test_values() -> None:
    kinds = {
        (cycle.id, state.id): state.value
        for cycle in shipped_lifecycles().values()
        for state in cycle.states.values()
        if state.value
    }
    assert kinds == {
        ("deadline", "set"): "date",
        ("deadline", "extended"): "date",
        ("meeting", "scheduled"): "date/place",
        ("restriction", "in_force"): "rate",
        ("restriction", "easing"): "rate",
        ("restriction", "tightening"): "rate",
        ("restriction", "eased"): "rate",
        ("restriction", "tightened"): "rate",
        ("legislation", "passed_one"): "chamber",
    }


def test_every_state_reads_as_a_sentence() -> None:
    for cycle in shipped_lifecycles().values():
        assert "{title}" in cycle.question
        assert cycle.title
        for state in cycle.states.values():
            assert state.meaning.endswith("."), state
            assert state.next.endswith("."), state
            assert state.label == state.label.lower(), state


# --- what is refused ------------------------------------------------------------------------------

GOOD = """\
id: lease
title: Lease
question: Will it be renewed? ({title})
start: [running]
states:
  running:
    label: running
    meaning: It runs.
    next: It ends.
    to: [ended]
  ended:
    label: ended
    meaning: It has ended.
    next: Nothing.
    to: []
    final: true
"""
FAULTS = [
    ("start: [running]", "start: [runing]", 4, 9, '"runing" is not a state of this lifecycle; did you mean "running"?'),
    ("start: [running]", "start: [ended, running]", 4, 9, 'a watch cannot begin in the final state "ended"'),
    ("start: [running]", "start: []", 4, 8, "a watch must be able to begin somewhere"),
    ("to: [ended]", "to: [endet, ended]", 10, 10, '"endet" is not a state of this lifecycle; did you mean "ended"?'),
    ("to: [ended]", "to: [running, ended]", 10, 10, '"running" can follow itself only if it carries a `value`'),
    ("    final: true\n", "", 11, 3, 'nothing follows the state "ended"; give it `to`, or `final: true`'),
    ("to: []", "to: [running]", 15, 9, 'the final state "ended" has ways out'),
    ("({title})", "{item}", 3, 11, "the only thing in braces may be {title}"),
    ("final: true", "final: true\n    flips_on: []", 17, 15, "must not be empty"),
    ("final: true", "final: true\n    value: colour", 17, 12, '"colour" is not one of the words allowed here'),
    ("final: true", "final: true\n    flips_on: [denied]", 17, 16, '"denied" is not one of the words allowed here'),
    ("final: true", "final: yes", 16, 12, "expected true or false"),
    ("    label: ended\n", "", 12, 5, 'missing key "label"'),
    ("label: ended", "lable: ended", 12, 5, 'unknown key "lable"; did you mean "label"?'),
    ("title: Lease", "title: ''", 2, 8, "must not be empty"),
]


@pytest.mark.parametrize(("old", "new", "line", "column", "message"), FAULTS, ids=[f[4][:40] for f in FAULTS])
def test_faults_of_a_lifecycle(tmp_path: Path, old: str, new: str, line: int, column: int, message: str) -> None:
    assert old in GOOD
    path = tmp_path / "lease.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    problems = Problems()
    read_lifecycle(path, problems)
    assert (line, column, message) in [(p.line, p.column, p.message) for p in problems]


def test_an_unreachable_state_is_found(tmp_path: Path) -> None:
    path = tmp_path / "lease.yaml"
    extra = "  lost:\n    label: lost\n    meaning: Lost.\n    next: Found.\n    to: [ended]\n"
    path.write_text(GOOD + extra)
    problems = Problems()
    read_lifecycle(path, problems)
    (only,) = problems
    assert (only.line, only.column) == (17, 3)
    assert only.message == 'no way leads from the start to the state "lost"'


def test_a_good_lifecycle_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "lease.yaml"
    path.write_text(GOOD)
    problems = Problems()
    cycle = read_lifecycle(path, problems)
    assert not list(problems)
    assert cycle is not None
    assert cycle.states["running"].flips_on == (Status.DONE,)


# --- in a watchlist -------------------------------------------------------------------------------

ITEM = """
items:
  - {id: strike, title: Strike, lifecycle: walkout, state: STATE, about: {all: strike}}
"""


def watch(tmp_path: Path, lifecycles: str, state: str) -> Path:
    path = tmp_path / "list.yaml"
    path.write_text(lifecycles + ITEM.replace("STATE", state))
    return path


def test_a_watchlist_extends_a_shipped_lifecycle(tmp_path: Path) -> None:
    path = watch(
        tmp_path,
        """
lifecycles:
  walkout:
    extends: restriction
    title: Walkout
    states:
      in_force: {label: on strike}
      lifted: {cues: {en: {happens: [call it a day]}}}
      threatened:
        label: threatened
        meaning: The union has given notice.
        next: It begins.
        to: [in_force]
        cues: {en: {does: [give notice], noun: [strike notice]}}
      easing: {to: [eased, lifted, threatened]}
""",
        "in_force",
    )
    rules, _ = load_rules([path], None, {})
    cycle = rules.lifecycles["walkout"]
    assert cycle.states["in_force"].label == "on strike"
    assert cycle.states["in_force"].to == rules.lifecycles["restriction"].states["in_force"].to
    assert cycle.states["threatened"].flips_on == (Status.DONE,)
    assert cycle.question == rules.lifecycles["restriction"].question
    words = rules.lexicons["en"].lifecycles
    assert words["walkout"].cues["threatened"] == {"does": ("give notice",), "noun": ("strike notice",)}
    assert words["walkout"].cues["lifted"] == {"happens": ("call it a day",)}
    assert words["walkout"].cues["eased"] == words["restriction"].cues["eased"]
    assert words["walkout"].measures == words["restriction"].measures
    assert rules.lexicons["zh"].lifecycles["walkout"].cues == rules.lexicons["zh"].lifecycles["restriction"].cues


def test_a_watchlist_defines_its_own(tmp_path: Path) -> None:
    path = watch(
        tmp_path,
        """
lifecycles:
  walkout:
    title: Walkout
    question: Will they walk out?
    start: [quiet]
    states:
      quiet: {label: quiet, meaning: Nothing., next: A strike., to: [strike]}
      strike: {label: strike, meaning: Strike., next: Its end., to: [quiet], flips_on: [done, announced]}
""",
        "quiet",
    )
    rules, _ = load_rules([path], None, {})
    assert list(rules.lifecycles["walkout"].states) == ["quiet", "strike"]
    assert rules.items[0].question == "Will they walk out?"


@pytest.mark.parametrize(
    ("lifecycles", "line", "column", "message"),
    [
        (
            "lifecycles:\n  walkout:\n    extends: restricton\n",
            3,
            14,
            'unknown lifecycle "restricton"; did you mean "restriction"?',
        ),
        ("lifecycles:\n  walkout: {title: Walkout}\n", 2, 3, 'missing key "states"'),
        ("lifecycles:\n  walkout: {title: Walkout}\n", 2, 3, 'missing key "question"'),
        (
            "lifecycles:\n  walkout: {extends: deal}\n  deal: {extends: approval}\n",
            3,
            3,
            'the lifecycle "deal" exists already; give yours another id and let it extend that',
        ),
        (
            "lifecycles:\n  walkout:\n    extends: deal\n    states:\n      lost: {label: lost}\n",
            5,
            7,
            'missing key "meaning"',
        ),
        (
            "lifecycles:\n  walkout:\n    title: Walkout\n    start: [talks]\n    states:\n"
            "      talks: {label: t, meaning: m, next: n, to: [signet]}\n",
            6,
            51,
            '"signet" is not a state of this lifecycle',
        ),
        (
            "lifecycles:\n  walkout:\n    extends: deal\n    states:\n      signed: {cues: {xx: {does: [sign]}}}\n",
            5,
            23,
            'texts in the language "xx" are not read',
        ),
        (
            "lifecycles:\n  walkout:\n    extends: deal\n    states:\n      talks: {to: [signet]}\n",
            5,
            20,
            '"signet" is not a state of this lifecycle; did you mean "signed"?',
        ),
    ],
)
def test_faults_of_a_watchlists_lifecycle(
    tmp_path: Path, lifecycles: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_rules([watch(tmp_path, lifecycles, "talks")], None, {})
    assert (line, column, message) in [(p.line, p.column, p.message) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("cue", "message"),
    [
        ("give on-line|up", "a choice is between single words, not 'on-line|up'"),
        ("give| up", "a choice is between single words, not 'give|'"),
        ("~ out", "a pattern begins with a word"),
        ("=", "a pattern begins with a word"),
        ("run ~", "a pattern does not end with a gap"),
    ],
)
def test_a_cue_that_cannot_be_looked_for_is_a_mistake_of_its_place(tmp_path: Path, cue: str, message: str) -> None:
    own = "lifecycles:\n  walkout:\n    extends: deal\n    states:\n"
    own += f'      signed:\n        cues: {{en: {{does: [sign, "{cue}"]}}}}\n'
    with pytest.raises(ConfigError) as caught:
        load_rules([watch(tmp_path, own, "talks")], None, {})
    assert [(p.line, p.message) for p in caught.value.problems] == [(6, message)]
