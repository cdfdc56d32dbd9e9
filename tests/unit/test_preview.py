"""What a preview counts: entries of the watch, matches, readings, changes, examples and alerts a week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from watcher.backtest import backtest
from watcher.config.lexicons import load_lexicons
from watcher.config.lifecycles import shipped_lifecycles
from watcher.domain.gates import Gate
from watcher.domain.model import About, Actor, Entry, Item, Outlet, Rules, Status, Tier
from watcher.judging import Judge
from watcher.preview import Preview

START = datetime(2026, 3, 1, tzinfo=UTC)
ACTORS = {"norland": Actor("norland", ("Norland",)), "estmark": Actor("estmark", ("Estmark",))}
BAN = Item(
    "ban", "Norland's timber export ban", "restriction", "in_force", since=START, decided_by=("norland",),
    about=About(all=(("timber",), ("ban",))),
)  # fmt: skip
WOOL = Item("wool", "Wool", "restriction", "in_force", since=START, about=About(all=(("wool",),)))
RULES = Rules((BAN, WOOL), ACTORS, shipped_lifecycles(), (Outlet("Wire", Tier.WIRE),), load_lexicons())
NEWS = [
    (-3, "Norland lifts timber ban"),  # before the watch
    (0, "Ten recipes for spring"),
    (1, "Norland may lift timber ban"),
    (2, "Norland could lift timber ban"),
    (2, "Norland could lift timber ban"),
    (3, "Norland lifts timber ban"),
    (4, "Estmark lifts its timber ban"),
    (5, "Norland reimposes timber ban"),
    (6, "Norland lifts wool ban"),
    (14, "Timber ban museum opens"),
]


def previewed(news: Sequence[tuple[int, str]], item: Item = BAN, keep: int = 3) -> Preview:
    seen = Preview(item, Judge(RULES), keep)
    entries = [
        Entry(f"e{n}", "archive", text, at := START + timedelta(days=day), at, source="Wire")
        for n, (day, text) in enumerate(news)
    ]
    for judgement in backtest(RULES, entries):
        seen.add(judgement)
    return seen


def test_what_it_counts() -> None:
    seen = previewed(NEWS)
    assert (seen.entries, seen.early) == (10, 1)
    assert (seen.first, seen.last) == (START, START + timedelta(days=14))
    assert seen.weeks == 2
    assert seen.missed == {Gate.OTHERS: 1}
    assert (seen.matched, seen.read) == (7, 6)
    assert (seen.statuses[Status.POSSIBLE], seen.statuses[Status.DONE]) == (3, 2)
    assert seen.statuses.total() == 6


def test_changes_come_with_their_entries() -> None:
    seen = previewed(NEWS)
    assert [(c.transition.to_state, [e.title for e in c.entries]) for c in seen.changes] == [
        ("lifted", ["Norland lifts timber ban"]),
        ("tightened", ["Norland reimposes timber ban"]),
    ]
    assert seen.alerts_a_week() == 1
    assert seen.alerts_a_week_by_state() == {"lifted": 0.5, "tightened": 0.5}


def test_another_items_changes_are_its_own() -> None:
    assert [c.transition.item for c in previewed(NEWS, WOOL).changes] == ["wool"]


@pytest.mark.parametrize("keep", [0, 1, 3])
def test_examples_are_few_and_none_twice(keep: int) -> None:
    seen = previewed(NEWS, keep=keep)
    titles = [example.entry.title for example in seen.examples.get(Status.POSSIBLE, [])]
    assert titles == ["Norland may lift timber ban", "Norland could lift timber ban"][:keep]


def test_a_short_archive_counts_as_a_day() -> None:
    assert previewed([(1, "Norland lifts timber ban")]).alerts_a_week() == pytest.approx(7)


def test_an_archive_older_than_the_watch_tells_nothing() -> None:
    seen = previewed(NEWS[:1])
    assert (seen.weeks, seen.alerts_a_week(), seen.matched) == (0.0, None, 0)
    assert seen.alerts_a_week_by_state() == {}
    assert previewed([]).alerts_a_week() is None
