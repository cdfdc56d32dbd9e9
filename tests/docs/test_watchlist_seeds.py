"""The seeds, the shipped watchlist and the sixteen watch items of 14 September 2025 hold together."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from watcher.config import load_rules, load_seeds
from watcher.config.problems import Problems
from watcher.config.seeds import read_seed
from watcher.domain.model import Rules
from watcher.errors import ConfigError

ROOT = Path(__file__).parents[2]
SEEDS = sorted((ROOT / "seeds").glob("*.yaml"))
BEGIN = date(2025, 9, 14)
TABLE = """
outcome-documents     document       awaited    -           us,china
us-approval           approval       pending    -           us
china-approval        approval       pending    -           china
us-restrictions       restriction    in_force   -           us
us-tariffs            restriction    in_force   30%         us
tariff-truce          deadline       set        2025-11-10  us,china
tiktok-deadline       deadline       set        2025-09-17  us
tiktok-deal           deal           talks      -           bytedance,tiktok,tiktok-buyers,us,china
rare-earth-controls   restriction    in_force   -           china
china-chip-probes     investigation  open       -           china
nvidia-probe          investigation  open       -           china
tariff-ruling         ruling         pending    -           supreme-court
leaders-meeting       meeting        proposed   -           us,china
next-talks            meeting        proposed   -           us,china
russian-oil-tariffs   approval       pending    -           eu,g7,nato,uk,japan,canada
investment-barriers   restriction    in_force   -           us,china
"""
ROWS = {row.split()[0]: row.split()[1:] for row in TABLE.strip().splitlines()}


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules([ROOT / "config/watchlists/us-china-madrid.yaml"], ROOT / "config/outlets.yaml", {})[0]


def test_the_watchlist_is_the_table(rules: Rules) -> None:
    found = {
        item.id: [item.lifecycle, item.state, item.value or "-", ",".join(item.decided_by)] for item in rules.items
    }
    assert found == ROWS
    assert {item.since for item in rules.items} == {datetime(2025, 9, 14, tzinfo=UTC)}
    assert {item.watchlist for item in rules.items} == {"us-china-madrid"}


def test_who_the_measures_are_aimed_at_and_who_takes_part(rules: Rules) -> None:
    against = {item.id: item.against for item in rules.items if item.against}
    assert against == {
        "us-tariffs": ("china",),
        "us-restrictions": ("china",),
        "russian-oil-tariffs": ("china", "india"),
        "china-chip-probes": ("us",),
        "nvidia-probe": ("nvidia",),
    }
    together = {item.id: item.with_ for item in rules.items if item.with_}
    assert together == {
        "outcome-documents": ("us", "china"),
        "leaders-meeting": ("trump", "xi"),
        "next-talks": ("us", "china"),
    }


@pytest.mark.parametrize(
    ("actor", "names"),
    [
        ("us", "U.S. US Trump 特朗普 Bessent Beisent 贝森特 Greer Gelier 格里尔 Washington USTR BIS CFIUS"),
        ("china", "Beijing MOFCOM 商务部 SAMR 市场监管总局 Xi 习近平 何立峰"),
        ("eu", "EU Brussels"),
        ("bytedance", "ByteDance"),
        ("supreme-court", "SCOTUS"),
        ("tiktok-buyers", "Oracle"),
    ],
)
def test_actors_have_the_names_that_articles_use(rules: Rules, actor: str, names: str) -> None:
    assert set(names.split()) <= set(rules.actors[actor].names)


def test_every_item_has_a_question_and_can_be_found(rules: Rules) -> None:
    for item in rules.items:
        assert item.question.endswith("?"), item.id
        assert item.about.all, item.id
        assert item.tags, item.id
        assert all(_reads_chinese(group) for group in item.about.all), item.id


def _reads_chinese(group: tuple[str, ...]) -> bool:
    """Whether Chinese text can meet a group, too: by a phrase, an actor, or a mark it leaves in Latin letters."""
    return any(phrase.startswith("@") or phrase == "TikTok" or not phrase.isascii() for phrase in group)


def test_there_are_five_seed_files() -> None:
    assert len(SEEDS) == 5
    for path in SEEDS:
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}-[a-z0-9-]+\.yaml", path.name), path.name


@pytest.mark.parametrize("path", SEEDS, ids=lambda p: p.stem)
def test_a_seed_file_agrees_with_the_watchlist(rules: Rules, path: Path) -> None:
    problems = Problems()
    checked = read_seed(path, rules, problems)
    assert not list(problems), list(problems)
    assert checked is not None
    seed = checked.model
    assert path.name.startswith(seed.published.isoformat())
    assert all(fact.on <= seed.published for fact in seed.facts)
    assert [fact.on for fact in seed.facts] == sorted(fact.on for fact in seed.facts)
    for item in seed.items:
        lifecycle, state, value, _ = ROWS[item.id]
        assert (item.state, item.value or "-", item.as_of) == (state, value, BEGIN), (item.id, lifecycle)


def test_the_seeds_cover_every_item(rules: Rules) -> None:
    seeds = load_seeds(ROOT / "seeds", rules)
    assert sorted(seed.item for seed in seeds) == sorted(ROWS)
    for seed in seeds:
        assert [seed.state, seed.value or "-"] == ROWS[seed.item][1:3]
        assert seed.as_of == BEGIN
        assert seed.settled_by.endswith(".")
        assert seed.publisher
        assert seed.title


GOOD = """\
publisher: A Paper
title: A title
published: 2025-09-15
facts:
  - {on: 2025-09-14, fact: Something happened.}
actors: [us]
items:
  - {id: us-approval, state: pending, as_of: 2025-09-14, settled_by: An order.}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "message"),
    [
        ("us-approval", "us-aproval", 8, 10, 'unknown item "us-aproval"; did you mean "us-approval"?'),
        ("pending", "pendin", 8, 30, 'a watch of "us-approval" cannot begin in "pendin"; did you mean "pending"?'),
        ("actors: [us]", "actors: [chna]", 6, 10, 'unknown actor "chna"; did you mean "china"?'),
        ("on: 2025-09-14", "on: Sunday", 5, 10, "not a date"),
        ("publisher: A Paper\n", "", 1, 1, 'missing key "publisher"'),
        ("title:", "titel:", 2, 1, 'unknown key "titel"; did you mean "title"?'),
    ],
)
def test_mistakes_in_a_seed_file(
    rules: Rules, tmp_path: Path, old: str, new: str, line: int, column: int, message: str
) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_seeds(tmp_path, rules)
    assert (line, column, message) in [(p.line, p.column, p.message) for p in caught.value.problems]


def test_two_articles_must_agree(rules: Rules, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD.replace("pending", "approved"))
    with pytest.raises(ConfigError) as caught:
        load_seeds(tmp_path, rules)
    (only,) = caught.value.problems
    assert (Path(only.file).name, only.line, only.column) == ("b.yaml", 8, 30)
