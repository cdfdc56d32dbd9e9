"""Why nothing is read of an item: every gate, which items are near, and that gates and readings never disagree."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_reading_table import NOW, Case, files
from test_reading_table import load as load_table

from watcher.config.lexicons import load_lexicons
from watcher.config.lifecycles import shipped_lifecycles
from watcher.domain.gates import Gate, Miss
from watcher.domain.model import About, Actor, Entry, Item, Near, Outlet, Rules, Tier
from watcher.judging import Judge

START = datetime(2026, 3, 1, tzinfo=UTC)
ACTORS = {
    "norland": Actor("norland", ("Norland", "Premier Aske")),
    "sudra": Actor("sudra", ("Sudra", "Sudran")),
    "estmark": Actor("estmark", ("Estmark",)),
}
ITEMS = (
    Item(
        "timber-ban", "Norland's timber export ban", "restriction", "in_force", since=START, decided_by=("norland",),
        about=About(all=(("timber", "lumber"), ("ban", "export")), none=("playground",)),
    ),
    Item(
        "fish-tariffs", "Norland's tariffs on Sudran fish", "restriction", "in_force", since=START,
        decided_by=("norland",), against=("sudra",), about=About(all=(("fish",), ("tariff", "duty"))),
    ),
    Item(
        "lake-treaty", "Approval of the lake treaty", "approval", "pending", since=START, decided_by=("norland",),
        about=About(all=(("@norland",), ("@sudra",)), near=(Near((("lake",), ("treaty", "pact")), 4),)),
    ),
    Item(
        "visit", "Visit of the premier", "meeting", "proposed", since=START, decided_by=("norland", "sudra"),
        with_=("norland", "sudra"), about=About(all=(("@norland",), ("@sudra",))),
    ),
)  # fmt: skip
OUTLETS = (Outlet("Norland Gazette", Tier.OFFICIAL, of="norland"),)


@cache
def judge() -> Judge:
    return Judge(Rules(ITEMS, ACTORS, shipped_lifecycles(), OUTLETS, load_lexicons()))


def entry(text: str, summary: str = "", *, source: str = "Daily", at: datetime = START) -> Entry:
    return Entry("e", "f", text, at, at, summary=summary, source=source)


def why_not(item: str, text: str, summary: str = "", *, source: str = "Daily", at: datetime = START) -> Miss | None:
    one = entry(text, summary, source=source, at=at)
    return judge().gates(item).why_not(one, item, official=judge().official(one))


def nearest(text: str, summary: str = "", **more: int) -> list[str]:
    return [miss.item for miss in judge().gates().nearest(entry(text, summary), official=False, **more)]


GATES = [
    ("timber-ban", "Timber prices rise", Gate.SUBJECT, "needs one of ban, export"),
    ("timber-ban", "Wool prices rise", Gate.SUBJECT, "needs one of timber, lumber; and 1 more group of words"),
    ("lake-treaty", "Norland and Sudra sign off a pact with words on trade, cod, herring and one lake", Gate.APART,
     "its words stand there, but further apart than `near` allows"),
    ("timber-ban", "Norland lifts ban on timber playgrounds", Gate.SHUT_OUT,
     "shut out by “playgrounds”, a word of its `none`"),
    ("timber-ban", "How old is the timber ban", Gate.NO_CUE,
     "no word of the lifecycle “restriction” stands beside the subject"),
    ("timber-ban", "Norland lifts the mood at its timber ban museum", Gate.NOT_TOLD,
     "“lifts” (lifted) is not told of the subject: timber, ban"),
    ("timber-ban", "Estmark lifts its timber ban", Gate.OTHERS,
     "“lifts” (lifted) is done by estmark, not by norland"),
    ("fish-tariffs", "Norland raises fish tariffs on Estmark", Gate.OTHERS, "“raises” (tightened) is aimed at estmark"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("item", "text", "gate", "detail"), GATES, ids=[f"{g[2].value}-{n}" for n, g in enumerate(GATES)]
)
def test_the_first_gate_that_failed(item: str, text: str, gate: Gate, detail: str) -> None:
    miss = why_not(item, text)
    assert miss is not None
    assert (miss.item, miss.gate, miss.detail, miss.sentence) == (item, gate, detail, text)


@pytest.mark.parametrize("text", ["Norland lifts Estmark's tariffs", "Norland lifts tariffs on Estmark"])
def test_a_measure_of_somebody_else(text: str) -> None:
    item = replace(ITEMS[1], id="tariffs", about=About(all=(("tariff",),)))
    miss = Judge(replace(judge().rules, items=(item,))).gates().why_not(entry(text), "tariffs", official=False)
    assert miss is not None
    assert (miss.gate, miss.detail) == (Gate.OTHERS, "“tariffs” is told of somebody else, Estmark")


def test_what_was_found_and_what_would_do() -> None:
    miss = why_not("timber-ban", "Lumber prices rise")
    assert miss is not None
    assert (miss.found, miss.wanted, miss.share) == (("Lumber",), ("ban", "export"), 0.5)
    cues = why_not("timber-ban", "How old is the timber ban")
    assert cues is not None
    assert cues.found == ("timber", "ban")
    assert cues.wanted
    assert not re.search(r"[~|=]", "".join(cues.wanted)), "patterns are for the program"


def test_long_groups_are_cut() -> None:
    item = Item("long", "L", "deal", "talks", about=About(all=(("quota",), tuple("abcdefg"))))
    rules = Rules((item,), {}, shipped_lifecycles(), (), load_lexicons())
    (miss,) = Judge(rules).gates().nearest(entry("Quota talks"), official=False)
    assert miss.detail == "needs one of a, b, c, d, e, …"
    assert miss.wanted == tuple("abcde")


def test_an_entry_older_than_the_watch() -> None:
    miss = why_not("timber-ban", "Norland lifts timber ban", at=START - timedelta(days=1))
    assert miss is not None
    assert (miss.gate, miss.detail) == (Gate.TIME, "not watched before 2026-03-01 00:00 UTC")
    assert why_not("timber-ban", "Norland lifts timber ban") is None


def test_a_lifecycle_without_words_for_the_language() -> None:
    item = Item("lottery", "L", "lottery", "drawn", about=About(all=(("lottery",),)))
    rules = Rules((item,), {}, shipped_lifecycles(), (), load_lexicons())
    miss = Judge(rules).gates().why_not(entry("Lottery drawn"), "lottery", official=False)
    assert miss is not None
    assert miss.gate is Gate.LANGUAGE


def test_the_sentence_that_came_furthest_is_told() -> None:
    miss = why_not("timber-ban", "A quiet week", "Timber is cheap. Estmark lifts its timber ban. Rain is near.")
    assert miss is not None
    assert (miss.gate, miss.sentence) == (Gate.OTHERS, "Estmark lifts its timber ban.")
    assert why_not("timber-ban", "A quiet week", "Rain. Norland lifts its timber ban.") is None


def test_words_in_different_sentences_are_told_so() -> None:
    miss = why_not("timber-ban", "Timber is cheap", "A ban on wool goes on.")
    assert miss is not None
    assert miss.detail == "needs one of ban, export in the same sentence; “ban” stands in another"


def test_without_a_text() -> None:
    miss = why_not("timber-ban", "", "")
    assert miss is not None
    assert miss.gate is Gate.SUBJECT


def test_an_official_publication_opens_its_own() -> None:
    assert why_not("timber-ban", "Fact sheet", source="Norland Gazette") is not None


def test_near_is_what_has_more_than_an_actor() -> None:
    assert nearest("Norland celebrates") == ["visit"], "an item about nothing but actors is near by an actor"
    assert nearest("Ten recipes for autumn") == []
    assert nearest("Timber prices rise in Norland") == ["timber-ban", "visit"]


def test_the_nearest_come_first_and_are_few() -> None:
    text = "Estmark lifts its timber ban; Norland eats fish by the lake"
    assert nearest(text, limit=9) == ["timber-ban", "fish-tariffs", "lake-treaty", "visit"]
    assert nearest(text) == ["timber-ban", "fish-tariffs", "lake-treaty"]
    read = {"timber-ban", "fish-tariffs"}
    misses = judge().gates().nearest(entry(text), official=False, without=read)
    assert read.isdisjoint(miss.item for miss in misses)


# --- gates and readings agree ---------------------------------------------------------------------

TABLE = [(path, case) for path in files() for case in load_table(path)[1]]


def test_where_the_table_tells_a_state_no_gate_is_shut() -> None:
    gates = {path: load_table(path)[0].gates() for path in files()}
    for path, case in TABLE:
        judged = load_table(path)[0]
        one = _table_entry(case)
        reading = next((r for r in judged.read(one) if r.item == case.item), None)
        miss = gates[path].why_not(one, case.item, official=judged.official(one))
        if reading is None:
            assert miss is not None, case.text
        elif reading.state is not None:
            assert miss is None, (case.text, miss)


def _table_entry(case: Case) -> Entry:
    return Entry(case.id, "table", case.text, NOW, NOW, summary=case.summary, source=case.source or "The Daily Gazette")


WORDS = st.sampled_from(
    "Norland Sudra Estmark lifts may lift its the timber fish ban tariffs on export lake treaty meets not says raises "
    ", . : ? “ ” 's 取消 禁令 playground to approve".split(" ")
)


@given(st.lists(WORDS, max_size=14).map(" ".join), st.lists(WORDS, max_size=14).map(" ".join))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_has_a_gate(title: str, summary: str) -> None:
    one = entry(title, summary)
    read = {r.item: r for r in judge().read(one)}
    gates = judge().gates()
    for item in ITEMS:
        miss = gates.why_not(one, item.id, official=False)
        if item.id not in read:
            assert miss is not None
        elif read[item.id].state is not None:
            assert miss is None
        if miss is not None:
            assert miss.sentence in title or miss.sentence in summary
            assert all(word in miss.sentence for word in miss.found)
    near = gates.nearest(one, official=False, limit=9)
    assert [m.gate.rank for m in near] == sorted((m.gate.rank for m in near), reverse=True)


def test_the_document_names_every_gate() -> None:
    doc = (Path(__file__).parents[2] / "docs" / "reading.md").read_text(encoding="utf-8")
    rows = doc[doc.index("| gate |") :].split("\n\n", 1)[0]
    assert re.findall(r"^\| `(\w+)`", rows, re.MULTILINE) == [gate.value for gate in Gate]
