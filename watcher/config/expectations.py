"""Cases that an item's author writes beside it: a text, and what must be read of the item in it.

Checked here is that a case can be meant as it stands; whether it holds is found out elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection

from pydantic import Field

from watcher.config.checking import Checked, M
from watcher.config.fields import STATUSES, Flag, Id, Loose, Section, Since, StatusName, Text
from watcher.config.problems import Problems, hint, listed
from watcher.config.yaml import Path_
from watcher.domain.model import Expectation, Lifecycle, Status


class ExpectSection(Section):
    """A text, and what must be read of the item in it."""

    text: Text = Field(description="A headline in your own words.")
    summary: Loose = Field(default="", description="The text under it.")
    outlet: Loose = Field(default="", description="Who says it, as feeds name them.")
    date: Since | None = Field(default=None, description="When it was published; the item's `since` when left out.")
    state: Id | None = Field(default=None, description="The state it tells; null or left out for none.")
    status: StatusName | None = Field(default=None, description="How it tells it.")
    value: Loose = Field(default="", description="The value it tells; any when left out.")
    none: Flag = Field(default=False, description="True where nothing at all is to be read of the item.")


def check_expectations(
    checked: Checked[M],
    path: Path_,
    sections: tuple[ExpectSection, ...],
    lifecycle: Lifecycle | None,
    outlets: Collection[str],
    problems: Problems,
) -> None:
    """Note the mistakes in the cases at `path`; `lifecycle` None when the item's is not known."""
    for index, section in enumerate(sections):
        at = (*path, index)
        file = checked.document.file
        if not checked.has_lost(at):
            _check_told(checked, at, section, problems)
        if section.state and lifecycle is not None and section.state not in lifecycle.states:
            near = hint(section.state, lifecycle.states)
            message = f'"{section.state}" is not a state of the lifecycle "{lifecycle.id}"{near}'
            problems.add(file, checked.place((*at, "state")), message, listed(lifecycle.states))
        if section.outlet and section.outlet.casefold() not in {name.casefold() for name in outlets}:
            near = hint(section.outlet, outlets)  # an outlet nobody lists is fine, a slip of the pen is not
            if near:
                problems.add(file, checked.place((*at, "outlet")), f'unknown outlet "{section.outlet}"{near}')


def _check_told(checked: Checked[M], at: Path_, section: ExpectSection, problems: Problems) -> None:
    """Note a case that says too much or too little: a mention tells no state, every other status tells one."""
    file = checked.document.file
    if section.none:
        told = [name for name in ("state", "status", "value") if getattr(section, name)]
        if told:
            message = f"`none` says that nothing is read of the item, and `{told[0]}` that something is"
            problems.add(file, checked.place((*at, told[0])), message)
    elif section.status is None:
        problems.add(file, checked.place(at), 'missing key "status", or `none: true`', listed(STATUSES))
    elif section.status is Status.MENTION and section.state:
        problems.add(file, checked.place((*at, "state")), "a mention tells no state", "null")
    elif section.status is not Status.MENTION and not section.state:
        message = f'missing key "state": what is {section.status.value}? Only a mention tells no state'
        problems.add(file, checked.place(at), message)


def expectations(checked: Checked[M], path: Path_, sections: tuple[ExpectSection, ...]) -> tuple[Expectation, ...]:
    """Return the cases at `path` with their places."""
    made = []
    for index, section in enumerate(sections):
        line, column = checked.place((*path, index))
        made.append(
            Expectation(
                text=section.text,
                status=None if section.none else section.status,
                state=section.state,
                value=section.value or None,
                summary=section.summary,
                outlet=section.outlet,
                at=section.date,
                file=checked.document.file,
                line=line,
                column=column,
            )
        )
    return tuple(made)
