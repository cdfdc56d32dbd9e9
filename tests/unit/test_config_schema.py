"""The JSON Schema holds what the loader takes: the same keys, and the shipped files satisfy it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from watcher.config import json_schema
from watcher.config.checking import check
from watcher.config.problems import Problems
from watcher.config.schema import FILES
from watcher.config.yaml import parse, read

ROOT = Path(__file__).parents[2]
SCHEMA = json_schema()
SECTIONS = {name: schema for name, schema in SCHEMA["$defs"].items() if schema.get("type") == "object"}
SHIPPED = [
    ("watcher", "config/watcher.yaml"),
    ("outlets", "config/outlets.yaml"),
    ("watchlist", "config/watchlists/us-china-madrid.yaml"),
    *(("lifecycle", str(p.relative_to(ROOT))) for p in sorted((ROOT / "watcher/data/lifecycles").glob("*.yaml"))),
    *(("seed", str(p.relative_to(ROOT))) for p in sorted((ROOT / "seeds").glob("*.yaml"))),
]


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


def test_it_is_a_schema_of_that_draft() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(SCHEMA)
    assert set(FILES) <= set(SCHEMA["$defs"])


@pytest.mark.parametrize(("kind", "file"), SHIPPED)
def test_the_shipped_files_satisfy_it(kind: str, file: str) -> None:
    problems = Problems()
    document = read(ROOT / file, {}, problems)
    assert document is not None
    assert not list(problems)
    errors = [e.message for e in validator(kind).iter_errors(document.data)]
    assert not errors
    assert Draft202012Validator(SCHEMA).is_valid(document.data)


@pytest.mark.parametrize("kind", FILES)
def test_its_keys_are_those_of_the_loader(kind: str) -> None:
    """The loader names the keys it would take when it meets one that it does not know."""
    problems = Problems()
    document = parse("no_such_key: 1\n", Path("f.yaml"), {}, problems)
    assert document is not None
    check(FILES[kind], document, problems)
    (unknown,) = [p for p in problems if "unknown key" in p.message]
    assert unknown.allowed.split(", ") == list(SECTIONS[kind]["properties"])


NESTED = {
    "PollingSection": ("watcher", "polling: {no_such_key: 1}"),
    "NotifySection": ("watcher", "notify: {no_such_key: 1}"),
    "ReceiverSection": ("watcher", "notify: {receivers: {a: {no_such_key: 1}}}"),
    "RouteSection": ("watcher", "notify: {routes: [{no_such_key: 1}]}"),
    "WindowSection": ("watcher", "notify: {routes: [{quiet: {no_such_key: 1}}]}"),
    "RepeatSection": ("watcher", "notify: {routes: [{repeat: {no_such_key: 1}}]}"),
    "EscalationSection": ("watcher", "notify: {routes: [{escalate: {no_such_key: 1}}]}"),
    "DigestSection": ("watcher", "notify: {routes: [{digest: {no_such_key: 1}}]}"),
    "LogSection": ("watcher", "log: {no_such_key: 1}"),
    "WebSection": ("watcher", "web: {no_such_key: 1}"),
    "RetentionSection": ("watcher", "retention: {no_such_key: 1}"),
    "DefaultsSection": ("watchlist", "defaults: {no_such_key: 1}"),
    "EvidenceSection": ("watchlist", "defaults: {evidence: {no_such_key: 1}}"),
    "ItemSection": ("watchlist", "items: [{no_such_key: 1}]"),
    "AboutSection": ("watchlist", "items: [{about: {no_such_key: 1}}]"),
    "ExpectSection": ("watchlist", "items: [{expect: [{no_such_key: 1}]}]"),
    "NearSection": ("watchlist", "items: [{about: {near: [{no_such_key: 1}]}}]"),
    "FeedSection": ("watchlist", "feeds: [{no_such_key: 1}]"),
    "AuthSection": ("watchlist", "feeds: [{auth: {no_such_key: 1}}]"),
    "SelectSection": ("watchlist", "feeds: [{select: {no_such_key: 1}}]"),
    "SearchSection": ("watchlist", "feeds: [{search: {no_such_key: 1}}]"),
    "LifecycleSection": ("watchlist", "lifecycles: {a: {no_such_key: 1}}"),
    "StateChange": ("watchlist", "lifecycles: {a: {states: {b: {no_such_key: 1}}}}"),
    "CuesSection": ("watchlist", "lifecycles: {a: {states: {b: {cues: {en: {no_such_key: 1}}}}}}"),
    "OutletSection": ("outlets", "outlets: [{no_such_key: 1}]"),
    "StateSection": ("lifecycle", "states: {a: {no_such_key: 1}}"),
    "FactSection": ("seed", "facts: [{no_such_key: 1}]"),
    "SeedItemSection": ("seed", "items: [{no_such_key: 1}]"),
}


def test_every_section_is_looked_at() -> None:
    assert set(NESTED) | set(FILES) == set(SECTIONS)


@pytest.mark.parametrize("section", NESTED)
def test_keys_of_sections_are_those_of_the_loader(section: str) -> None:
    kind, text = NESTED[section]
    problems = Problems()
    document = parse(text, Path("f.yaml"), {}, problems)
    assert document is not None
    check(FILES[kind], document, problems)
    (unknown,) = [p for p in problems if "unknown key" in p.message]
    assert unknown.allowed.split(", ") == list(SECTIONS[section]["properties"])
    assert SECTIONS[section]["additionalProperties"] is False


def test_every_key_is_described() -> None:
    for name, whole in SECTIONS.items():
        for key, schema in whole["properties"].items():
            section = SECTIONS.get(schema.get("$ref", "").rpartition("/")[2], {})
            description = schema.get("description") or section.get("description", "")
            assert description.endswith((".", ",")), (name, key)


NIGHT = {"from": "22:00", "to": "7:00"}
BAD_ROUTES: list[dict[str, Any]] = [
    {"to": []},
    {"items": []},
    {"kinds": "source_broken"},
    {"tiers": ["rumour"]},
    {"continue": "perhaps"},
    {"continue_": True},
    {"quiet": {"from_": "22:00", "to": "7:00"}},
    {"quiet": []},
    {"quiet": NIGHT | {"from": "24:00"}},
    {"quiet": NIGHT | {"to": "25:00"}},
    {"active": [NIGHT | {"days": []}]},
    {"name": "a", "repeat": {"most": 2}},
    {"name": "a", "escalate": {"after": "1h"}},
    {"name": "a", "budget": 0},
    {"repeat": {"every": "1h"}},
    {"escalate": {"after": "2h", "to": "b"}},
    {"budget": 10},
    {"digest": {}},
]
GOOD_ROUTES: list[dict[str, Any]] = [
    {"items": "a", "kinds": "early_signal", "tiers": ["official", "wire"], "continue": True},
    {"quiet": NIGHT, "active": [NIGHT | {"to": "24:00", "days": "mon-fri"}, NIGHT | {"days": ["sat", "sun"]}]},
    {"name": "desk", "wait": "5m", "budget": 10, "repeat": {"every": "1h"}, "escalate": {"after": "2h", "to": "b"}},
    {"name": "daily", "digest": {"at": "daily", "zone": "Europe/Madrid"}},
]


@pytest.mark.parametrize("route", GOOD_ROUTES)
def test_it_takes_every_way_of_writing_a_route(route: dict[str, Any]) -> None:
    data = {"watchlists": "a", "notify": {"routes": [{"to": "a"} | route]}}
    assert [error.message for error in validator("watcher").iter_errors(data)] == []


def test_it_refuses_what_the_loader_refuses() -> None:
    bad: list[tuple[str, Any]] = [
        ("watcher", {"watchlists": ["a"], "polling": {"every": "soon"}}),
        ("watcher", {"watchlists": ["a"], "web": {"port": 70_000}}),
        ("watcher", {"watchlists": ["a"], "log": {"format": "xml"}}),
        ("watcher", {}),
        *(("watcher", {"watchlists": ["a"], "notify": {"routes": [{"to": "a"} | route]}}) for route in BAD_ROUTES),
        ("watchlist", {"items": [{"id": "a b"}]}),
        ("watchlist", {"feeds": [{"id": "a", "url": "ftp://x"}]}),
        ("watchlist", {"feeds": [{"id": "a"}]}),
        ("watchlist", {"feeds": [{"id": "a", "kind": "list"}]}),
        ("watchlist", {"feeds": [{"id": "a", "kind": "page", "url": "https://x.example", "select": {"text": 1}}]}),
        ("watchlist", {"feeds": [{"id": "a", "kind": "federal-register", "search": {"types": ["law"]}}]}),
        ("outlets", {"outlets": [{"name": "A", "tier": "best"}]}),
    ]
    for kind, data in bad:
        assert not validator(kind).is_valid(data), data


def test_an_editor_may_see_references() -> None:
    data = {
        "watchlists": "${A}",
        "web": {"port": "${P:-1}", "enabled": "${E}"},
        "polling": {"every": "${T}"},
        "log": {"level": "${L}"},
    }
    assert validator("watcher").is_valid(data)


def test_defaults_are_written_as_people_write_them() -> None:
    polling = SECTIONS["PollingSection"]["properties"]
    assert polling["every"]["default"] == "auto"
    assert polling["slowest"]["default"] == "1h"
    assert polling["timeout"]["default"] == "20s"
    assert SECTIONS["RetentionSection"]["properties"]["unmatched"]["default"] == "90d"
    assert validator("PollingSection").is_valid({key: schema["default"] for key, schema in polling.items()})
