"""Load the lexicons that ship with the package: one folder a language, one file a lifecycle, `words.yaml` besides.

Nothing in here decides; domain/reading.py says what each kind of word does.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from ruamel.yaml import YAML

from watcher.domain.model import Lexicon, LifecycleWords, Status


@cache
def load_lexicons() -> dict[str, Lexicon]:
    """Return the shipped lexicons by language code ("en", "zh")."""
    root = files("watcher.data") / "lexicons"
    return {folder.name: _load(folder) for folder in sorted(root.iterdir(), key=lambda f: f.name) if folder.is_dir()}


@cache
def load_languages() -> dict[str, frozenset[str]]:
    """Return the function words by which languages are told apart, also those that are not read."""
    table = _read(files("watcher.data") / "languages.yaml")
    return {str(code): frozenset(str(word) for word in words) for code, words in table.items()}


def _load(folder: Traversable) -> Lexicon:
    data = {f.name.removesuffix(".yaml"): _read(f) for f in folder.iterdir() if f.name.endswith(".yaml")}
    words = data.pop("words")
    places = data.pop("places", {"places": {}})
    regions = places.get("regions", {})
    return Lexicon(
        language=words["language"],
        words=_phrases(words["words"]),
        irregular=_phrases(words.get("irregular", {})),
        places=_phrases({**places["places"], **regions}),
        regions=frozenset(regions),
        lifecycles={d["lifecycle"]: _lifecycle(d) for d in data.values()},
    )


def _read(file: Traversable) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(file.read_text("utf-8"))
    return loaded


def _phrases(table: dict[str, list[Any]]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(str(p) for p in phrases) for key, phrases in table.items()}


def _lifecycle(data: dict[str, Any]) -> LifecycleWords:
    cues = {state: _phrases(kinds) for state, kinds in data["cues"].items()}
    told = {kind: {p for kinds in cues.values() for p in kinds.get(kind, ())} for kind in ("does", "happens")}
    return LifecycleWords(
        cues=cues,
        either=tuple(sorted(told["does"] & told["happens"])),
        past=dict(data.get("past", {})),
        bare=data.get("bare", ""),
        bare_status={word: Status(status) for word, status in data.get("bare_status", {}).items()},
        words=_phrases(data.get("words", {})),
        scattered=bool(data.get("scattered", False)),
        on_party=tuple(data.get("on_party", ())),
        partial=dict(data.get("partial", {})),
        events=tuple(data.get("events", ())),
        measures=tuple(data.get("measures", ())),
        flows=tuple(data.get("flows", ())),
        limits=tuple(data.get("limits", ())),
        degrees=tuple(data.get("degrees", ())),
        permissions=tuple(data.get("permissions", ())),
        renewals=tuple(data.get("renewals", ())),
        needs_cue=bool(data.get("needs_cue", False)),
        claimed_stages=bool(data.get("claimed_stages", False)),
        mutual=tuple(data.get("mutual", ())),
        needs_parties=bool(data.get("needs_parties", False)),
        proposals=tuple(data.get("proposals", ())),
        no_courts=bool(data.get("no_courts", False)),
        anyone=tuple(data.get("anyone", ())),
    )
