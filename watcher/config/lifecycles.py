"""Lifecycles from YAML: those that ship with the product and those a watchlist defines or extends.

The states and what leads to them are data; the checks of their graph live here. What news says is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from watcher.config.checking import Checked, check
from watcher.config.fields import Flag, Id, Ids, Section, Text, choice, wrong
from watcher.config.problems import Problems, hint, listed
from watcher.config.yaml import Path_, read
from watcher.domain.cues import check_pattern
from watcher.domain.model import Lexicon, Lifecycle, LifecycleWords, State, Status

VALUE_KINDS = ("date", "place", "date/place", "rate", "chamber")
_status = choice(Status, (Status.DONE.value, Status.ANNOUNCED.value))
_kind = choice(str, VALUE_KINDS)
FlipStatus = Annotated[Status, _status[0], _status[1]]
ValueKind = Annotated[str, _kind[0], _kind[1]]


def _pattern(value: str) -> str:
    try:
        check_pattern(value)
    except ValueError as error:
        raise wrong(
            str(error), "words; a|b between words for a choice, ~ for up to five other words between two"
        ) from None
    return value


Words = Annotated[
    tuple[Annotated[Text, AfterValidator(_pattern)], ...],
    WithJsonSchema({"type": "array", "items": {"type": "string", "minLength": 1}}),
]


class StateSection(Section):
    """One state."""

    label: Text = Field(description="What people read.")
    meaning: Text = Field(description="One sentence: what it means to be in this state.")
    next: Text = Field(description="In words: what would change it from here.")
    to: Ids = Field(description="The states that can follow; the state itself where a new value is news.")
    flips_on: tuple[FlipStatus, ...] = Field(default=(Status.DONE,), description="The statuses of news that lead here.")
    announces: Ids = Field(default=(), description="The states of which this one is the announcement.")
    final: Flag = Field(default=False, description="True for a state that nothing follows.")
    value: ValueKind | None = Field(default=None, description="The kind of value the state may carry.")
    again: Id | None = Field(default=None, description="The state it is once it is told with another value, too.")


class CuesSection(Section):
    """The words of one language that tell a state."""

    does: Words = Field(default=(), description="Verbs of the one who acts: suspend, call ~ off.")
    happens: Words = Field(default=(), description="Verbs of the thing itself: expire, take effect.")
    noun: Words = Field(default=(), description="Nouns: suspension, waiver.")
    after: Words = Field(default=(), description='Nouns that tell it behind "after": talks, summit.')


class StateChange(Section):
    """A state of an extended lifecycle: a new one, or what differs from the base's."""

    label: Text | None = Field(default=None, description="What people read.")
    meaning: Text | None = Field(default=None, description="One sentence: what it means to be in this state.")
    next: Text | None = Field(default=None, description="In words: what would change it from here.")
    to: Ids | None = Field(default=None, description="The states that can follow.")
    flips_on: tuple[FlipStatus, ...] | None = Field(default=None, description="The statuses of news that lead here.")
    announces: Ids | None = Field(default=None, description="The states of which this one is the announcement.")
    final: Flag | None = Field(default=None, description="True for a state that nothing follows.")
    value: ValueKind | None = Field(default=None, description="The kind of value the state may carry.")
    again: Id | None = Field(default=None, description="The state it is once it is told with another value, too.")
    cues: dict[Id, CuesSection] = Field(default_factory=dict, description="By language: the words that tell it.")


class LifecycleFile(Section):
    """A lifecycle in a file of its own, as those that ship with the product."""

    id: Id = Field(description="The name that items use.")
    title: Text = Field(description="What people read.")
    question: Text = Field(description='The question an item of it asks; "{title}" stands for the item\'s title.')
    start: Ids = Field(description="The states a watch may begin in.")
    states: dict[Id, StateSection] = Field(description="Every state by its id.")


class LifecycleSection(Section):
    """A lifecycle of a watchlist: one of its own, or a known one with differences (`extends`)."""

    extends: Id | None = Field(default=None, description="The lifecycle it starts from.")
    title: Text | None = Field(default=None, description="What people read.")
    question: Text | None = Field(default=None, description="The question an item of it asks.")
    start: Ids | None = Field(default=None, description="The states a watch may begin in.")
    states: dict[Id, StateChange] = Field(default_factory=dict, description="Its states, or what differs.")


class _Site:
    """Where a lifecycle stands in a file, for the messages about it."""

    def __init__(self, checked: Checked[Any], path: Path_, problems: Problems) -> None:
        self._checked = checked
        self._path = path
        self._problems = problems

    def has_lost(self, *path: str) -> bool:
        return self._checked.has_lost((*self._path, *path))

    def note(self, path: Path_, message: str, allowed: str = "", *, key: bool = False) -> None:
        at = (*self._path, *path)
        place = self._checked.key_place(at) if key else self._checked.place(at)
        self._problems.add(self._checked.document.file, place, message, allowed)


@cache
def shipped_lifecycles() -> Mapping[str, Lifecycle]:
    """Return the lifecycles that come with the product, by id."""
    problems = Problems()
    folder = Path(str(files("watcher").joinpath("data", "lifecycles")))
    found = [read_lifecycle(path, problems) for path in sorted(folder.glob("*.yaml"))]
    problems.stop()
    return {lifecycle.id: lifecycle for lifecycle in found if lifecycle}


def read_lifecycle(path: Path, problems: Problems) -> Lifecycle | None:
    """Read a lifecycle that has a file of its own; None, with the reasons noted, when it cannot be used."""
    document = read(path, {}, problems)
    checked = check(LifecycleFile, document, problems) if document else None
    if checked is None:
        return None
    file = checked.model
    states = {name: State(id=name, **state.model_dump()) for name, state in file.states.items()}
    lifecycle = Lifecycle(file.id, file.title, file.question, states, file.start)
    check_graph(lifecycle, _Site(checked, (), problems))
    return lifecycle


def compile_lifecycles(
    sections: Mapping[str, LifecycleSection],
    known: Mapping[str, Lifecycle],
    checked: Checked[Any],
    problems: Problems,
) -> dict[str, Lifecycle]:
    """Turn a watchlist's `lifecycles` into lifecycles; each may extend a known one or one written above it."""
    made: dict[str, Lifecycle] = {}
    for name, section in sections.items():
        site = _Site(checked, ("lifecycles", name), problems)
        if name in known:
            site.note(
                (), f'the lifecycle "{name}" exists already; give yours another id and let it extend that', key=True
            )
            continue
        lifecycle = _complete(name, section, {**known, **made}, site)
        if lifecycle:
            made[name] = lifecycle
    return made


def _complete(name: str, section: LifecycleSection, known: Mapping[str, Lifecycle], site: _Site) -> Lifecycle | None:
    """Lay a section over the lifecycle it extends, and check it; None when something needed is in neither."""
    base = None
    if section.extends is not None:
        base = known.get(section.extends)
        if base is None:
            near = hint(section.extends, known)
            site.note(("extends",), f'unknown lifecycle "{section.extends}"{near}', listed(known))
            return None
    whole: dict[str, Any] = {}
    for key in ("title", "question", "start"):
        whole[key] = getattr(section, key) or (getattr(base, key) if base else None)
    states = dict(base.states) if base else {}
    missing = [key for key, value in whole.items() if value is None]
    broken = False  # a state of which more is missing than words
    for id_, change in section.states.items():
        state, lacks = _state(id_, change, states.get(id_), site)
        missing += [f"states.{id_}.{key}" for key in lacks]
        broken = broken or "to" in lacks
        states[id_] = state
    if not states:
        missing.append("states")
    for key in ("title", "question", "start", "states"):
        if key in missing:
            site.note((), f'missing key "{key}"', key=True)
    if states and whole["start"] is not None and not broken:
        lifecycle = Lifecycle(name, whole["title"] or "", whole["question"] or "", states, whole["start"])
        check_graph(lifecycle, site)  # also of one that lacks words: a mistake must not hide others
        return None if missing else lifecycle
    return None


def _state(name: str, change: StateChange, base: State | None, site: _Site) -> tuple[State, list[str]]:
    """Return a state and the keys it lacks, whose mistake is noted."""
    given = {key: getattr(change, key) for key in change.model_fields_set - {"cues"}}
    if base is not None:
        return replace(base, **{key: value for key, value in given.items() if value is not None}), []
    missing = [key for key in ("label", "meaning", "next", "to") if given.get(key) is None]
    for key in missing:
        site.note(("states", name), f'missing key "{key}"', key=True)
    defaults: dict[str, Any] = {"flips_on": (Status.DONE,), **{key: () if key == "to" else "" for key in missing}}
    return State(id=name, **(defaults | {key: value for key, value in given.items() if value is not None})), missing


def check_graph(lifecycle: Lifecycle, site: _Site) -> None:
    """Note everything that is wrong with the states as a graph."""
    states = lifecycle.states
    for index, name in enumerate(lifecycle.start):
        if name not in states:
            site.note(
                ("start", index), f'"{name}" is not a state of this lifecycle{hint(name, states)}', listed(states)
            )
        elif states[name].final:
            site.note(("start", index), f'a watch cannot begin in the final state "{name}"')
    if not lifecycle.start and not site.has_lost("start"):
        site.note(("start",), "a watch must be able to begin somewhere", listed(states))
    if "{" in lifecycle.question.replace("{title}", ""):
        site.note(("question",), "the only thing in braces may be {title}")
    for name, state in states.items():
        _check_exits(name, state, states, site)
    reached = _reached(lifecycle)
    for name in states:
        if lifecycle.start and name not in reached:
            site.note(("states", name), f'no way leads from the start to the state "{name}"', key=True)


def _check_exits(name: str, state: State, states: Mapping[str, State], site: _Site) -> None:
    path = ("states", name)
    for index, target in enumerate(state.to):
        if target not in states:
            near = hint(target, states)
            site.note((*path, "to", index), f'"{target}" is not a state of this lifecycle{near}', listed(states))
        elif target == name and state.value is None:
            site.note((*path, "to", index), f'"{name}" can follow itself only if it carries a `value`')
    for index, target in enumerate(state.announces):
        if target not in states:
            near = hint(target, states)
            site.note((*path, "announces", index), f'"{target}" is not a state of this lifecycle{near}', listed(states))
    if state.again and state.again not in state.to:
        site.note((*path, "again"), f'"{state.again}" must be one of the states in `to`', listed(state.to))
    if state.again and state.value is None:
        site.note((*path, "again"), "only a state that carries a `value` can be told again with another")
    if state.final and state.to:
        site.note((*path, "to"), f'the final state "{name}" has ways out')
    if not state.final and not state.to and not site.has_lost(*path, "to"):
        site.note(path, f'nothing follows the state "{name}"; give it `to`, or `final: true`', key=True)
    if not state.flips_on and not site.has_lost(*path, "flips_on"):
        site.note((*path, "flips_on"), "must not be empty", "done, announced")


def _reached(lifecycle: Lifecycle) -> set[str]:
    reached: set[str] = set()
    todo = [name for name in lifecycle.start if name in lifecycle.states]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += [target for target in lifecycle.states[name].to if target in lifecycle.states]
    return reached


@dataclass(frozen=True, slots=True)
class Cues:
    """The words a watchlist gives for the states of a lifecycle, and the lifecycle whose words it takes over."""

    extends: str | None
    by_language: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]  # language -> state -> kind -> phrases

    @classmethod
    def of(cls, section: LifecycleSection) -> Cues:
        """Collect them from a section of a watchlist."""
        found: dict[str, dict[str, Mapping[str, tuple[str, ...]]]] = {}
        for name, state in section.states.items():
            for language, words in state.cues.items():
                kinds = {kind: tuple(phrases) for kind, phrases in words.model_dump().items() if phrases}
                found.setdefault(language, {})[name] = kinds
        return cls(section.extends, found)


def extend_lexicons(lexicons: Mapping[str, Lexicon], own: Mapping[str, Cues]) -> dict[str, Lexicon]:
    """Add the words of a watchlist's lifecycles; an extended one keeps its base's words for states it leaves alone."""
    extended = dict(lexicons)
    for language, lexicon in extended.items():
        lifecycles = dict(lexicon.lifecycles)
        for name, cues in own.items():
            base = lifecycles.get(cues.extends or "", LifecycleWords(cues={}))
            lifecycles[name] = replace(base, cues={**base.cues, **cues.by_language.get(language, {})})
        extended[language] = replace(lexicon, lifecycles=lifecycles)
    return extended
