"""The templates of messages: those that are shipped, and those of a folder that take their place.

Jinja2's sandbox runs them. A template of the folder that does not compile, or fails with a sample, is a mistake of the
configuration; one that fails with a real message is told, and the shipped one is used: no message is lost to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from traceback import extract_tb
from typing import Any, Literal

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from markupsafe import escape

from watcher.delivery.mrkdwn import Mrkdwn, anchor, literal
from watcher.delivery.view import MessageView, escaped
from watcher.errors import Problem

Form = Literal["subject", "text", "html", "slack"]
FORMS: tuple[Form, ...] = ("subject", "text", "html", "slack")
LONGEST: Mapping[Form, int] = {"subject": 2_000, "text": 100_000, "html": 400_000, "slack": 40_000}
"""Characters that a template may make at most: more is no message, but a loop gone wrong."""

_ESCAPES: Mapping[Form, Callable[[str], str]] = {"html": escape, "slack": literal}
_SHIPPED = PackageLoader("watcher.delivery", "templates")


_NAMES = ("message", "alert", "alerts", "lines", "subject", "colour", "version")
"""What a template may name."""


class _Unknown(StrictUndefined):
    """What a template names and there is not: an error that says what there is."""

    @property
    def _undefined_message(self) -> str:
        said = super()._undefined_message
        there: Sequence[str] = ()
        if self._undefined_obj is missing:
            there = _NAMES
        elif is_dataclass(self._undefined_obj):
            there = [one.name for one in fields(self._undefined_obj)]
        if not there or self._undefined_hint:
            return said
        near = get_close_matches(str(self._undefined_name), there, n=1)
        meant = f'; did you mean "{near[0]}"?' if near else ""
        return f"{said}{meant} (there is: {', '.join(there)})"


def _environment(form: Form, loader: BaseLoader) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        autoescape=form == "html",
        undefined=_Unknown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        # what was made by a filter or put together in a template is text like any other
        finalize=_literally if form == "slack" else None,
    )
    environment.filters.update(literal=literal, anchor=anchor)
    return environment


def _literally(thing: Any) -> Any:
    return literal(thing) if isinstance(thing, str) and not isinstance(thing, Mrkdwn) else thing


@dataclass(frozen=True, slots=True)
class Made:
    """What a template made; `fault` says why it is not the folder's own that made it."""

    text: str
    fault: str = ""


class Templates:
    """The templates in use. They are read once: a change of a file counts from the next reload on."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read the templates of `folder`; what cannot be used of it is in `problems`, and the shipped one is used."""
        self.problems: tuple[Problem, ...] = ()
        self._shipped = {form: _environment(form, _SHIPPED) for form in FORMS}
        self._own: dict[Form, ImmutableSandboxedEnvironment] = {}
        if folder is not None:
            self.problems = tuple(self._read(folder))

    def _read(self, folder: Path) -> list[Problem]:
        if not folder.is_dir():
            return [Problem(str(folder), 0, 1, "there is no such folder of templates")]
        problems = []
        for file in sorted(folder.glob("*.j2")):
            form = next((form for form in FORMS if file.name == f"{form}.j2"), None)
            if form is None and not file.name.startswith("_"):
                allowed = ", ".join(f"{form}.j2" for form in FORMS) + ", and _NAME.j2 for parts of them"
                problems.append(Problem(str(file), 0, 1, "no template has this name", allowed))
            elif form is not None:
                loader = ChoiceLoader([FileSystemLoader(folder), PrefixLoader({"shipped": _SHIPPED})])
                environment = _environment(form, loader)
                try:
                    environment.get_template(file.name)
                except (TemplateError, UnicodeDecodeError, OSError) as error:
                    problems.append(_problem(file, error))
                else:
                    self._own[form] = environment
        return problems

    @property
    def own(self) -> tuple[Form, ...]:
        """The forms that have a template of the folder."""
        return tuple(form for form in FORMS if form in self._own)

    def shipped(self, form: Form, view: MessageView) -> str:
        """Make one form of a message by the shipped template."""
        return _make(self._shipped[form], form, view)

    def make(self, form: Form, view: MessageView) -> Made:
        """Make one form of a message, by the folder's own template where there is one and it can."""
        if form in self._own:
            try:
                return Made(self.attempt(form, view))
            except Exception as error:  # whatever an operator's template may raise
                return Made(self.shipped(form, view), f"{form}.j2: {type(error).__name__}: {error}")
        return Made(self.shipped(form, view))

    def attempt(self, form: Form, view: MessageView) -> str:
        """Make one form by the folder's own template; raises what that raises, ValueError for far too much text."""
        text = _make(self._own[form], form, view)
        if len(text) > LONGEST[form]:
            raise ValueError(f"it made {len(text)} characters, and {LONGEST[form]} are the most")
        return text


SHIPPED = Templates()


def _make(environment: ImmutableSandboxedEnvironment, form: Form, view: MessageView) -> str:
    shown: MessageView = escaped(view, _ESCAPES[form]) if form in _ESCAPES else view
    template = environment.get_template(f"{form}.j2")
    things = (shown, next(iter(shown.alerts), None), shown.alerts, shown.lines)
    return template.render(zip(_NAMES, (*things, shown.subject, shown.colour, shown.version), strict=True))


# --- what is wrong with one ---------------------------------------------------------------------------------------


def fault_of(folder: Path, form: Form, error: Exception, sample: str) -> Problem:
    """Say where a template of `folder` failed with a sample of a kind of alert."""
    frames = [frame for frame in extract_tb(error.__traceback__) if Path(frame.filename).parent == folder]
    file, line = (frames[-1].filename, frames[-1].lineno or 0) if frames else (str(folder / f"{form}.j2"), 0)
    said = re.sub(r"'[\w.]*\.(\w+) object'", r"'\1'", str(error))
    return Problem(file, line, 1, f"it fails with a sample of {sample}: {said}")


def _problem(file: Path, error: Exception) -> Problem:
    if isinstance(error, TemplateSyntaxError):
        return Problem(error.filename or str(file), error.lineno, 1, error.message or "not a template")
    return Problem(str(file), 0, 1, f"it cannot be read: {error}")
