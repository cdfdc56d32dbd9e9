"""docs/configuration.md is true: its YAML loads, its tables name every key, its defaults are the program's."""

from __future__ import annotations

import re
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from watcher.config import json_schema, load, load_rules, load_seeds
from watcher.config.fields import SEVERITIES, TIERS
from watcher.config.lifecycles import shipped_lifecycles
from watcher.config.problems import Problems
from watcher.config.schema import FILES
from watcher.config.sources import KINDS, TYPES
from watcher.config.yaml import parse
from watcher.domain.alerts import POLICY_KINDS, Conditions
from watcher.trials import try_cases

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml (\w+)\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
DEFS = json_schema()["$defs"]
WATCHLIST = next(text for kind, text in BLOCKS if kind == "watchlist")


def of(kind: str) -> list[str]:
    return [text for name, text in BLOCKS if name == kind]


def set_up(folder: Path, service: str) -> Path:
    """Put a service file from the document beside files that satisfy it."""
    (folder / "watchlists").mkdir()
    (folder / "watchlists" / "list.yaml").write_text(
        "items:\n"
        "  - {id: a, title: A, lifecycle: ruling, state: pending, severity: critical, about: {all: a}}\n"
        "  - {id: b, title: B, lifecycle: restriction, state: in_force, about: {all: b}}\n"
    )
    (folder / "outlets.yaml").write_text(of("outlets")[0])
    (folder / "desk-url").write_text("json://localhost\n")
    (folder / "watcher.yaml").write_text(service)
    return folder / "watcher.yaml"


def test_every_block_is_of_a_known_kind() -> None:
    assert {kind for kind, _ in BLOCKS} == set(FILES) - {"lifecycle"}
    assert DOC.count("```yaml") == len(BLOCKS)


@pytest.mark.parametrize("text", of("watcher"))
def test_service_blocks_load(tmp_path: Path, text: str) -> None:
    load(set_up(tmp_path, text), {})


@pytest.mark.parametrize("text", of("watchlist"))
def test_watchlist_blocks_load(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.yaml").write_text(text)
    load_rules([tmp_path / "list.yaml"], None, {})


@pytest.mark.parametrize("text", of("watchlist"))
def test_cases_in_watchlist_blocks_hold(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.yaml").write_text(text)
    rules, _ = load_rules([tmp_path / "list.yaml"], None, {})
    assert [trial for trial in try_cases(rules) if not trial.passed] == []


@pytest.mark.parametrize("text", of("outlets"))
def test_outlets_blocks_load(tmp_path: Path, text: str) -> None:
    (tmp_path / "outlets.yaml").write_text(text)
    rules, _ = load_rules([], tmp_path / "outlets.yaml", {})
    assert rules.outlets


@pytest.mark.parametrize("text", of("seed"))
def test_seed_blocks_load(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.yaml").write_text(WATCHLIST)
    rules, _ = load_rules([tmp_path / "list.yaml"], None, {})
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "a.yaml").write_text(text)
    assert load_seeds(tmp_path / "seeds", rules)


def test_the_defaults_are_the_programs(tmp_path: Path) -> None:
    """The block of all keys says the same as the block of one, but for what its remarks name."""
    (tmp_path / "one").mkdir()
    (tmp_path / "all").mkdir()
    shortest = load(set_up(tmp_path / "one", of("watcher")[1]), {})
    longest = load(set_up(tmp_path / "all", of("watcher")[2]), {})
    for key in ("polling", "log", "web", "retention"):
        assert asdict(getattr(shortest, key)) == asdict(getattr(longest, key)), key
    assert (shortest.database, shortest.zone) == (longest.database, longest.zone)


def test_the_block_of_all_keys_has_all_keys() -> None:
    document = parse(of("watcher")[2], Path("f.yaml"), {}, Problems())
    assert document is not None
    assert list(document.data) == list(DEFS["watcher"]["properties"])
    for key, section in (
        ("polling", "PollingSection"),
        ("notify", "NotifySection"),
        ("log", "LogSection"),
        ("web", "WebSection"),
        ("retention", "RetentionSection"),
    ):
        assert set(document.data[key]) == set(DEFS[section]["properties"]), key


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("### Receivers", "ReceiverSection"),
        ("### Routes", "RouteSection"),
        ("**quiet**, **active**", "WindowSection"),
        ("**repeat**", "RepeatSection"),
        ("**escalate**", "EscalationSection"),
        ("**digest**", "DigestSection"),
        ("## Watchlists", "watchlist"),
        ("**about**", "AboutSection"),
        ("**expect**", "ExpectSection"),
        ("### Feeds", "FeedSection"),
        ("**select**", "SelectSection"),
        ("**search**", "SearchSection"),
        ("A watchlist may extend", "StateChange"),
        ("## Outlets", "OutletSection"),
    ],
)
def test_tables_name_every_key(heading: str, section: str) -> None:
    rows = DOC[DOC.index(heading) :].split("| key", 1)[1].split("\n\n", 1)[0]
    assert set(re.findall(r"^\| `(\w+)`", rows, re.MULTILINE)) == set(DEFS[section]["properties"])


def test_the_table_of_routes_names_the_words_of_its_conditions() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (condition: .*) \|$", DOC, re.MULTILINE))
    assert re.findall(r"`(\w+)`", rows["kinds"].partition(";")[0]) == list(POLICY_KINDS)
    assert re.findall(r"`(\w+)`", rows["severities"]) == list(SEVERITIES)
    assert re.findall(r"`(\w+)`", rows["tiers"]) == list(TIERS)
    assert set(rows) == {field.name for field in fields(Conditions)}


def test_the_routes_of_the_document_are_all_of_use(tmp_path: Path) -> None:
    for n, text in enumerate(of("watcher")):
        folder = tmp_path / str(n)
        folder.mkdir()
        urls = dict.fromkeys(re.findall(r"\$\{(\w+_URL)", text), "http://localhost")
        notes = [note.message for note in load(set_up(folder, text), urls).notes]
        assert not [note for note in notes if "route" in note]


def test_every_key_of_an_item_is_shown() -> None:
    shown = set()
    for text in of("watchlist"):
        document = parse(text, Path("f.yaml"), {}, Problems())
        assert document is not None
        shown |= {key for item in document.data.get("items", []) for key in item}
    assert shown == set(DEFS["ItemSection"]["properties"])


def test_the_table_of_lifecycles() -> None:
    rows = DOC[DOC.index("| lifecycle | states |") :].split("\n\n", 1)[0]
    told = {name: states.split(", ") for name, states in re.findall(r"^\| `(\w+)` \| (.*) \|$", rows, re.MULTILINE)}
    assert told == {name: list(cycle.states) for name, cycle in shipped_lifecycles().items()}


def test_the_tables_of_kinds_and_types_name_all() -> None:
    rows = DOC[DOC.index("| kind | what is read |") :].split("\n\n", 1)[0]
    assert re.findall(r"^\| `([\w-]+)`", rows, re.MULTILINE) == list(KINDS)
    row = DOC[DOC.index("| `types` |") :].split("\n", 1)[0]
    assert re.findall(r"`([\w-]+)`", row)[1:] == list(TYPES)


def test_the_references_do_what_the_table_says(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("text\n\n")
    text = "a: ${NAME}\nb: ${NONE:-default}\nc: ${EMPTY:-default}\nd: $${\ne: !file ${FILE}\n"
    env = {"NAME": "n", "EMPTY": "", "FILE": "f"}
    problems = Problems()
    document = parse(text, tmp_path / "x.yaml", env, problems)
    assert document is not None
    assert document.data == {"a": "n", "b": "default", "c": "default", "d": "${", "e": "text"}
    assert not list(problems)
