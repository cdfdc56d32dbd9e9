"""docs/reading.md lists every kind of cue and every key of a lexicon, and its examples are read as it says."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from watcher.config.lexicons import load_lexicons
from watcher.domain.model import LifecycleWords

PAGE = (Path(__file__).parents[2] / "docs" / "reading.md").read_text("utf-8")


def first_cells(header: str) -> set[str]:
    """The code words in the first column of the table with that header."""
    rows = PAGE.split(header, 1)[1].split("\n\n", 1)[0]
    return {name for row in rows.splitlines()[1:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_every_kind_of_cue_is_explained() -> None:
    used = {
        kind
        for lexicon in load_lexicons().values()
        for told in lexicon.lifecycles.values()
        for kinds in told.cues.values()
        for kind in kinds
    }
    assert first_cells("| kind | what it is | example |") == used


def test_every_key_of_a_lexicon_is_explained() -> None:
    derived = {"cues", "either"}  # the states themselves; what follows from them
    fields = {field.name for field in dataclasses.fields(LifecycleWords)} - derived
    assert first_cells("| key | meaning |") == fields


@pytest.mark.parametrize("code", sorted(load_lexicons()))
def test_a_lexicon_names_only_states_that_exist(code: str) -> None:
    from watcher.config.lifecycles import shipped_lifecycles

    for name, told in load_lexicons()[code].lifecycles.items():
        states = shipped_lifecycles()[name].states
        named = {*told.cues, *told.past, *told.past.values(), *told.partial, *told.mutual, *told.on_party}
        assert named | ({told.bare} if told.bare else set()) <= set(states), name
