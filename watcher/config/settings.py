"""The service's own file (watcher.yaml) and what becomes of it: `Settings`, with everything the daemon needs.

Addresses of receivers are secrets: they are kept out of every repr and every message. Nothing is sent or opened here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from watcher.config.checking import Checked, check
from watcher.config.fields import (
    SEVERITIES,
    Age,
    Board,
    Database,
    Flag,
    Id,
    Ids,
    Loose,
    Looses,
    Port,
    Section,
    Text,
    Texts,
    Zone,
    choice,
)
from watcher.config.polling import (
    Polling,
    PollingSection,
    check_polling,
    intervals_of,
    note_contact,
    polling_of,
)
from watcher.config.problems import Problems, hint, listed
from watcher.config.rules import Assembly
from watcher.config.yaml import Path_, read
from watcher.domain.model import Access, AlertKind, Feed, Route, Rules
from watcher.errors import Problem

CheckAddress = Callable[[str], str | None]
"""Says why a notification address cannot be used, without repeating it; None when it can."""

_format = choice(str, ("auto", "console", "json"))
_level = choice(str, ("debug", "info", "warning", "error"))
_route_kind = choice(AlertKind, (AlertKind.STATE_CHANGE.value, AlertKind.EARLY_SIGNAL.value))
RouteKind = Annotated[AlertKind, _route_kind[0], _route_kind[1]]
LogFormat = Annotated[str, _format[0], _format[1]]
LogLevel = Annotated[str, _level[0], _level[1]]


# --- the file -------------------------------------------------------------------------------------


class ReceiverSection(Section):
    """Somebody to tell."""

    urls: Looses = Field(description="Apprise addresses, one delivery each; an empty one is switched off.")


class RouteSection(Section):
    """Which alerts go to whom: all conditions must hold, one word of each is enough, none means any."""

    to: Ids = Field(description="The receivers.")
    watchlists: Ids = Field(default=(), description="File names of watchlists without .yaml.")
    items: Ids = Field(default=(), description="Ids of items.")
    tags: Ids = Field(default=(), description="Tags of items.")
    states: Ids = Field(default=(), description="States the item goes to.")
    severities: Ids = Field(default=(), description="Severities of items.")
    kinds: tuple[RouteKind, ...] = Field(
        default=(AlertKind.STATE_CHANGE,), description="What is told: changes of state if not said."
    )


class NotifySection(Section):
    """Who is told what."""

    receivers: dict[Id, ReceiverSection] = Field(default_factory=dict, description="By name.")
    routes: tuple[RouteSection, ...] = Field(default=(), description="Every one that matches counts.")
    system: Ids = Field(
        default=(), description="The receivers of alerts about the service itself: a source that broke or came back."
    )


class LogSection(Section):
    """What the daemon writes to stderr."""

    format: LogFormat = Field(default="auto", description="auto is console on a terminal and json elsewhere.")
    level: LogLevel = Field(default="info", description="The least important that is written.")


class WebSection(Section):
    """Where health and metrics are served."""

    enabled: Flag = Field(default=True, description="False to serve nothing.")
    host: Text = Field(default="127.0.0.1", description="The address to listen on.")
    port: Port = Field(default=9464, description="0 takes a free one.")


class RetentionSection(Section):
    """What is kept how long. Evidence, transitions and alerts are kept for ever."""

    unmatched: Age = Field(default=timedelta(days=90), description="The text of entries that were about nothing.")
    health: Age = Field(default=timedelta(days=365), description="What became of feeds, but for the last of each.")


class ServiceFile(Section):
    """watcher.yaml: the service."""

    database: Database = Field(default="sqlite:///watcher.db", description="Where everything is kept.")
    watchlists: Texts = Field(description="Files or patterns, relative to this file.")
    outlets: Loose = Field(default="", description="The file of outlets, relative to this file.")
    zone: Zone = Field(default=ZoneInfo("UTC"), description="The time zone of messages.")
    board: Board = Field(default="", description="The address of a board that messages point to.")
    polling: PollingSection = Field(default=PollingSection(), description="How feeds are read.")
    notify: NotifySection = Field(default=NotifySection(), description="Who is told what.")
    log: LogSection = Field(default=LogSection(), description="What is logged.")
    web: WebSection = Field(default=WebSection(), description="Health and metrics.")
    retention: RetentionSection = Field(default=RetentionSection(), description="What is kept how long.")


# --- what becomes of it ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Log:
    """What is logged: `format` is auto, console or json."""

    format: str
    level: str


@dataclass(frozen=True, slots=True)
class Web:
    """Where health and metrics are served."""

    host: str
    port: int
    enabled: bool


@dataclass(frozen=True, slots=True)
class Retention:
    """How long is kept: the text of entries that were about nothing, and changes of feeds' health."""

    unmatched: timedelta
    health: timedelta = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Settings:
    """One loaded configuration. `notes` are remarks that keep nothing from working, as a receiver switched off."""

    path: Path
    database: str = field(repr=False)  # may hold a password
    polling: Polling
    receivers: Mapping[str, str] = field(repr=False)  # address name -> Apprise address, a secret
    routes: tuple[Route, ...]  # to address names; those switched off are left out
    log: Log
    web: Web
    board: str
    zone: ZoneInfo
    retention: Retention
    rules: Rules
    feeds: tuple[Feed, ...]
    notes: tuple[Problem, ...] = ()
    switched_off: tuple[str, ...] = ()  # names of addresses that were left empty
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # item -> ids of the feeds chosen for it
    system: tuple[str, ...] = ()  # address names that get system alerts
    access: Mapping[str, Access] = field(default_factory=dict, repr=False)  # feed -> what it wants to see

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must appear in no log."""
        feeds = (secret for access in self.access.values() for secret in access.secrets)
        return (*self.receivers.values(), *feeds, *filter(None, (self.polling.proxy,)))


def load(path: Path, env: Mapping[str, str], check_address: CheckAddress | None = None) -> Settings:
    """Read watcher.yaml and every file it names; raise ConfigError with every mistake in any of them.

    `check_address` judges the addresses of receivers; without it only their presence matters.
    """
    problems = Problems()
    notes = Problems(problems.hidden)
    document = read(path, env, problems)
    service = check(ServiceFile, document, problems) if document else None
    if service is None:
        problems.stop()
        raise AssertionError("a file that cannot be used has a reason")
    file = service.model
    paths, outlets, polling = _watchlists(service, problems), _outlets(service, problems), file.polling
    check_polling(service, polling, problems)
    assembly = Assembly(paths, outlets, env, problems, intervals_of(polling), allow_private=polling.allow_private)
    assembly.note_doubts(notes)
    note_contact(service, polling, notes, feeds=len(assembly.feeds))
    receivers = _receivers(service, check_address, problems, notes)
    _check_routes(service, assembly, problems)
    problems.stop()
    return Settings(
        path=path,
        database=file.database,
        polling=polling_of(file.polling),
        receivers=receivers,
        routes=_routes(service, receivers, notes),
        log=Log(file.log.format, file.log.level),
        web=Web(file.web.host, file.web.port, file.web.enabled),
        board=file.board,
        zone=file.zone,
        retention=Retention(file.retention.unmatched, file.retention.health),
        rules=assembly.rules(),
        feeds=assembly.feeds,
        sources=assembly.sources,
        access=assembly.access,
        system=_addresses(file.notify.system, receivers),
        notes=tuple(notes),
        switched_off=tuple(name for name, url in _named(service.model.notify) if not url),
    )


def _watchlists(service: Checked[ServiceFile], problems: Problems) -> list[Path]:
    """Return the files that the patterns find, each once, sorted within a pattern."""
    found: dict[Path, None] = {}
    for index, pattern in enumerate(service.model.watchlists):
        paths = _find(service.document.path.parent, pattern)
        if not paths:
            problems.add(service.document.file, service.place(("watchlists", index)), "no file is there")
        found |= dict.fromkeys(paths)
    return list(found)


def _outlets(service: Checked[ServiceFile], problems: Problems) -> Path | None:
    if not service.model.outlets:
        return None
    found = _find(service.document.path.parent, service.model.outlets)
    if not found:
        problems.add(service.document.file, service.place(("outlets",)), "no file is there")
    return found[0] if found else None


def _find(folder: Path, pattern: str) -> list[Path]:
    """Expand a pattern relative to `folder`; a plain name is itself, even with characters that patterns use."""
    try:
        plain = folder / pattern
        if plain.is_file():
            return [plain]
        if Path(pattern).is_absolute():
            folder, pattern = Path(plain.anchor), str(plain.relative_to(plain.anchor))
        return sorted(path for path in folder.glob(pattern) if path.is_file())
    except (ValueError, OSError, IndexError, NotImplementedError):  # a pattern that pathlib refuses
        return []


# --- receivers and routes -------------------------------------------------------------------------


def _receivers(
    service: Checked[ServiceFile], check_address: CheckAddress | None, problems: Problems, notes: Problems
) -> dict[str, str]:
    """Return the addresses in use by name; NAME/1, NAME/2 where a receiver lists more than one."""
    addresses: dict[str, str] = {}
    file = service.document.file
    for name, receiver in service.model.notify.receivers.items():
        for index, url in enumerate(receiver.urls):
            place = service.place(("notify", "receivers", name, "urls", index))
            address = name if len(receiver.urls) == 1 else f"{name}/{index + 1}"
            if not url:
                notes.add(file, place, f'the receiver "{address}" has no address and is switched off')
                continue
            reason = check_address(url) if check_address else None
            if reason:
                problems.add(file, place, f'the address of "{address}" cannot be used: {reason}')
            addresses[address] = url
    return addresses


def _named(section: NotifySection) -> Iterator[tuple[str, str]]:
    """Yield every address with its name: that of its receiver, and NAME/1, NAME/2 where that lists more than one."""
    for name, receiver in section.receivers.items():
        for index, url in enumerate(receiver.urls):
            yield (name if len(receiver.urls) == 1 else f"{name}/{index + 1}"), url


def _routes(service: Checked[ServiceFile], receivers: Mapping[str, str], notes: Problems) -> tuple[Route, ...]:
    """Expand receivers to address names, in order; a route with nobody left to tell stays, for its number counts."""
    routes = []
    for index, section in enumerate(service.model.notify.routes):
        names = _addresses(section.to, receivers)
        if not names:
            place = service.place(("notify", "routes", index, "to"))
            notes.add(service.document.file, place, "all receivers of this route are switched off; it tells nobody")
        conditions = (section.watchlists, section.items, section.tags, section.states, section.severities)
        routes.append(Route(names, *conditions, kinds=section.kinds))
    return tuple(routes)


def _addresses(to: Iterable[str], receivers: Mapping[str, str]) -> tuple[str, ...]:
    """Expand receivers to the names of their addresses that are in use, each once."""
    return tuple(dict.fromkeys(n for one in to for n in receivers if n == one or n.rpartition("/")[0] == one))


def _check_system(service: Checked[ServiceFile], known: set[str], problems: Problems) -> None:
    for index, given in enumerate(service.model.notify.system):
        if given not in known:
            place = service.place(("notify", "system", index))
            problems.add(
                service.document.file, place, f'unknown receiver "{given}"{hint(given, known)}', listed(sorted(known))
            )


def _check_routes(service: Checked[ServiceFile], assembly: Assembly, problems: Problems) -> None:
    raw = service.document.data.get("notify")
    named = raw.get("receivers") if isinstance(raw, dict) else None
    known = {
        "to": ("receiver", set(named) if isinstance(named, dict) else set()),
        "watchlists": ("watchlist", assembly.known_watchlists),
        "items": ("item", assembly.known_items),
        "tags": ("tag", assembly.known_tags),
        "states": ("state", {name for cycle in assembly.lifecycles.values() for name in cycle.states}),
        "severities": ("severity", set(SEVERITIES)),
    }
    _check_system(service, known["to"][1], problems)
    for index, route in enumerate(service.model.notify.routes):
        before = len(problems)
        for key, (word, names) in known.items():
            for k, given in enumerate(getattr(route, key)):
                if given not in names:
                    path: Path_ = ("notify", "routes", index, key, k)
                    message = f'unknown {word} "{given}"{hint(given, names)}'
                    problems.add(service.document.file, service.place(path), message, listed(sorted(names)))
        if len(problems) == before and assembly.clean and not _reachable(route, assembly):
            place = service.place(("notify", "routes", index))
            problems.add(service.document.file, place, "no item can ever meet all conditions of this route")


def _reachable(route: RouteSection, assembly: Assembly) -> bool:
    for item in assembly.items:
        lifecycle = assembly.lifecycles.get(item.lifecycle)
        if (
            (not route.watchlists or item.watchlist in route.watchlists)
            and (not route.items or item.id in route.items)
            and (not route.tags or set(item.tags) & set(route.tags))
            and (not route.severities or item.severity in route.severities)
            and (not route.states or lifecycle is None or set(lifecycle.states) & set(route.states))
        ):
            return True
    return not assembly.items
