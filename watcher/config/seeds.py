"""Seed files: what an article reported, in our own words, and which items' starting states it settles.

The article itself is never here. What becomes of the seeds is the store's affair.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from watcher.config.checking import Checked, check
from watcher.config.fields import Day, Id, Ids, Loose, Section, Text, Url
from watcher.config.problems import Problems, hint, listed
from watcher.config.yaml import Path_, read
from watcher.domain.model import Rules, Seed


class FactSection(Section):
    """One dated fact."""

    on: Day = Field(description="When it happened.")
    fact: Text = Field(description="What happened, in one sentence of our own.")


class SeedItemSection(Section):
    """A watch item that the article names."""

    id: Id = Field(description="The item of a watchlist.")
    state: Id = Field(description="Where it stood.")
    value: Loose = Field(default="", description="The value of that state.")
    as_of: Day = Field(description="The day it stood there.")
    settled_by: Text = Field(description="What would settle it.")


class SeedFile(Section):
    """One source article."""

    publisher: Text = Field(description="Who published it.")
    title: Text = Field(description="Our own title for it.")
    published: Day = Field(description="The day it appeared.")
    link: Url | None = Field(default=None, description="Where it can be read.")
    facts: tuple[FactSection, ...] = Field(description="What it reports.")
    actors: Ids = Field(description="The actors of the watchlist it names.")
    items: tuple[SeedItemSection, ...] = Field(description="The watch items it names.")


def load_seeds(folder: Path, rules: Rules) -> tuple[Seed, ...]:
    """Read every seed file of a folder, in order of name; raise ConfigError with every mistake in any of them.

    An item that several articles name comes once, from the first of them; they must agree on its state.
    """
    problems = Problems()
    seeds: dict[str, Seed] = {}
    for path in sorted(folder.glob("*.yaml")):
        checked = read_seed(path, rules, problems)
        for index, section in enumerate(checked.model.items if checked else ()):
            assert checked is not None
            seed = _seed(checked.model, index)
            first = seeds.setdefault(section.id, seed)
            if (first.state, first.value) != (seed.state, seed.value):
                message = f'"{first.title}" has "{section.id}" at "{first.state}"; articles must agree'
                problems.add(checked.document.file, checked.place(("items", index, "state")), message)
    problems.stop()
    return tuple(seeds.values())


def read_seed(path: Path, rules: Rules, problems: Problems) -> Checked[SeedFile] | None:
    """Read one seed file and check what it names; None, with the reasons noted, when it cannot be used."""
    document = read(path, {}, problems)
    checked = check(SeedFile, document, problems) if document else None
    if checked is None:
        return None
    for index, actor in enumerate(checked.model.actors):
        if actor not in rules.actors:
            _unknown(checked, ("actors", index), f'unknown actor "{actor}"', actor, list(rules.actors), problems)
    items = {item.id: item for item in rules.items}
    for index, section in enumerate(checked.model.items):
        item = items.get(section.id)
        if item is None:
            _unknown(checked, ("items", index, "id"), f'unknown item "{section.id}"', section.id, list(items), problems)
            continue
        states = rules.lifecycles[item.lifecycle].start
        if section.state not in states:
            message = f'a watch of "{item.id}" cannot begin in "{section.state}"'
            _unknown(checked, ("items", index, "state"), message, section.state, list(states), problems)
    return checked


def _unknown(
    checked: Checked[SeedFile], path: Path_, message: str, given: str, known: list[str], problems: Problems
) -> None:
    problems.add(checked.document.file, checked.place(path), message + hint(given, known), listed(known))


def _seed(file: SeedFile, index: int) -> Seed:
    section = file.items[index]
    return Seed(
        item=section.id,
        state=section.state,
        as_of=section.as_of,
        publisher=file.publisher,
        title=file.title,
        published=file.published,
        settled_by=section.settled_by,
        value=section.value or None,
        link=file.link or "",
    )
