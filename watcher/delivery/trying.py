"""Try an operator's templates with a sample of everything that a message can be, before any is sent."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from watcher.delivery.render import Look, view_of
from watcher.delivery.samples import SAMPLES, sample
from watcher.delivery.templates import Templates, fault_of
from watcher.errors import ConfigError, Problem


def open_templates(folder: Path | None) -> Templates:
    """Read the templates of `folder` and try each with every sample; ConfigError lists what does not compile, and the
    first sample that each fails with, with file and line."""
    templates = Templates(folder)
    problems = [*templates.problems, *_failures(folder, templates)] if folder is not None else []
    if problems:
        raise ConfigError(problems)
    return templates


def _failures(folder: Path, templates: Templates) -> list[Problem]:
    look = Look(ZoneInfo("UTC"), "https://board.example/", None, templates)
    found = []
    for form in templates.own:
        for name in SAMPLES:
            try:
                templates.attempt(form, view_of(sample(name), look))
            except Exception as error:  # whatever an operator's template may raise
                found.append(fault_of(folder, form, error, name))
                break
    return found
