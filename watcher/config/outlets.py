"""Outlets from YAML: who publishes, how close they are to the decision, and who owns them.

How an outlet's name is found in an entry is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from watcher.config.checking import Checked, check
from watcher.config.fields import Id, Loose, Section, Text, Texts, TierName, wrong
from watcher.config.problems import Problems
from watcher.config.yaml import Path_, read
from watcher.domain.model import Outlet, Tier

_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


def _domain(value: Any) -> str:
    if not isinstance(value, str) or not _DOMAIN.fullmatch(value.strip().lower()):
        raise wrong("not a domain", "a host name without http:// and path, as in example.com")
    return value.strip().lower()


def _wrap(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Domain = Annotated[str, BeforeValidator(_domain), WithJsonSchema({"type": "string"})]
_DOMAINS = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
Domains = Annotated[tuple[Domain, ...], BeforeValidator(_wrap), _DOMAINS]


class OutletSection(Section):
    """One publisher."""

    name: Text = Field(description="What people read.")
    tier: TierName = Field(default=Tier.PRESS, description="How close it is to the decision.")
    owner: Loose = Field(
        default="", description="Whose it is; outlets of one owner count as one source. Default: its own."
    )
    names: Texts = Field(default=(), description="Other spellings, as feeds and aggregators write them.")
    domains: Domains = Field(default=(), description="Its host names; those below them are meant too.")
    of: Id | None = Field(default=None, description="The actor that an official outlet speaks for.")


class OutletsFile(Section):
    """All publishers that are known; any other counts as `other`. Without such a file, every one counts as press."""

    outlets: tuple[OutletSection, ...] = Field(description="One entry for each publisher.")


def load_outlets(path: Path, env: Mapping[str, str], problems: Problems) -> Checked[OutletsFile] | None:
    """Read and check the file; None, with the reasons noted, when nothing of it can be used."""
    document = read(path, env, problems)
    checked = check(OutletsFile, document, problems) if document else None
    if checked:
        _check_names(checked, problems)
    return checked


def compile_outlets(file: OutletsFile) -> tuple[Outlet, ...]:
    """Turn the sections into outlets, in file order."""
    return tuple(Outlet(o.name, o.tier, o.owner, tuple(o.names), tuple(o.domains), o.of) for o in file.outlets)


def _check_names(checked: Checked[OutletsFile], problems: Problems) -> None:
    """Note every spelling or domain that stands for two outlets, and `of` where it means nothing."""
    file = checked.document.file
    seen: dict[str, int] = {}
    outlets = checked.model.outlets
    for index, outlet in enumerate(outlets):
        at: Path_ = ("outlets", index)
        spelled: list[tuple[str, Path_]] = [(outlet.name, (*at, "name"))]
        spelled += [(name, (*at, "names", k)) for k, name in enumerate(outlet.names)]
        spelled += [(domain, (*at, "domains", k)) for k, domain in enumerate(outlet.domains)]
        for word, path in spelled:
            first = seen.setdefault(word.casefold(), index)
            if first != index:
                problems.add(
                    file, checked.place(path), f'"{word}" stands for the outlet "{outlets[first].name}" already'
                )
        if outlet.of and outlet.tier is not Tier.OFFICIAL and not checked.has_lost(at):
            problems.add(file, checked.place((*at, "of")), "only an official outlet speaks for an actor")
