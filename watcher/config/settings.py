"""The service's own file (watcher.yaml) and what becomes of it: `Settings`, with everything the daemon needs.

Addresses of receivers are secrets: they are kept out of every repr and every message. Nothing is sent or opened here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from watcher.config.checking import Checked, check
from watcher.config.fields import (
    Age,
    Board,
    Database,
    Flag,
    Loose,
    Port,
    Section,
    Text,
    Texts,
    Window,
    Zone,
    choice,
    wrong,
)
from watcher.config.notify import Notify, NotifySection
from watcher.config.polling import (
    Polling,
    PollingSection,
    check_polling,
    intervals_of,
    note_contact,
    polling_of,
)
from watcher.config.problems import Problems
from watcher.config.receivers import CheckAddress, addresses_of, receivers_of, switched_off
from watcher.config.routes import check_notify, note_doubts, routes_of
from watcher.config.rules import Assembly
from watcher.config.yaml import read
from watcher.domain.alerts import Receiver, Route
from watcher.domain.feeds import Access, Feed
from watcher.domain.model import Rules
from watcher.errors import Problem

_format = choice(str, ("auto", "console", "json"))
_level = choice(str, ("debug", "info", "warning", "error"))
LogFormat = Annotated[str, _format[0], _format[1]]
LogLevel = Annotated[str, _level[0], _level[1]]
KEY_LENGTH = 16  # characters of a key that signs, at least


def _signing_key(key: str) -> str:
    if 0 < len(key) < KEY_LENGTH:
        raise wrong("too short to sign with", f"at least {KEY_LENGTH} characters")
    return key


SigningKey = Annotated[Loose, AfterValidator(_signing_key)]


# --- the file -------------------------------------------------------------------------------------


class LogSection(Section):
    """What the daemon writes to stderr."""

    format: LogFormat = Field(default="auto", description="auto is console on a terminal and json elsewhere.")
    level: LogLevel = Field(default="info", description="The least important that is written.")


class WebSection(Section):
    """Where health and metrics are served."""

    enabled: Flag = Field(default=True, description="False to serve nothing.")
    host: Text = Field(default="127.0.0.1", description="The address to listen on.")
    port: Port = Field(default=9464, description="0 takes a free one.")
    secret: SigningKey = Field(default="", description="What links in messages are signed with; none, no such links.")
    links_valid: Window = Field(default=timedelta(days=7), description="How long links in messages do what they say.")


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
    receivers: Mapping[str, Receiver]  # by address name
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
    silent_after: timedelta | None = None  # what items have that say nothing; None is never
    templates: Path | None = None  # folder of the operator's own
    link_secret: str = field(default="", repr=False)  # signs the links in messages; empty: there are none
    links_valid: timedelta = timedelta(days=7)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must appear in no log."""
        feeds = (secret for access in self.access.values() for secret in access.secrets)
        receivers = (secret for one in self.receivers.values() for secret in (one.url, one.secret) if secret)
        return (*receivers, *feeds, *filter(None, (self.polling.proxy, self.link_secret)))


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
    notify = Notify(service.document, service.place, service.has_lost, file.notify, file.zone)
    paths, outlets, polling = _watchlists(service, problems), _outlets(service, problems), file.polling
    templates = _templates(service, problems)
    check_polling(service, polling, problems)
    assembly = Assembly(
        paths, outlets, env, problems, intervals_of(polling),
        silent_after=file.notify.silent_after, allow_private=polling.allow_private,
    )  # fmt: skip
    assembly.note_doubts(notes)
    note_contact(service, polling, notes, feeds=len(assembly.feeds))
    _note_links(service, notes)
    receivers = receivers_of(notify, check_address, problems, notes)
    check_notify(notify, assembly, problems)
    problems.stop()
    note_doubts(notify, assembly, receivers, notes)
    return Settings(
        path=path,
        database=file.database,
        polling=polling_of(file.polling),
        receivers=receivers,
        routes=routes_of(notify, receivers),
        log=Log(file.log.format, file.log.level),
        web=Web(file.web.host, file.web.port, file.web.enabled),
        board=file.board,
        zone=file.zone,
        retention=Retention(file.retention.unmatched, file.retention.health),
        rules=assembly.rules(),
        feeds=assembly.feeds,
        sources=assembly.sources,
        access=assembly.access,
        system=addresses_of(file.notify.system, receivers),
        notes=tuple(notes),
        switched_off=switched_off(file.notify),
        silent_after=file.notify.silent_after or None,
        templates=templates,
        link_secret=file.web.secret,
        links_valid=file.web.links_valid,
    )


def _note_links(service: Checked[ServiceFile], notes: Problems) -> None:
    """Note that messages carry no links to acknowledge and mute, where one half of what they need is told; or that they
    do, and this service will not answer them."""
    file = service.model
    if file.web.secret and file.board:
        if not file.web.enabled:
            message = "the links in messages lead nowhere, unless another watcher serves them"
            notes.add(service.document.file, service.place(("web", "enabled")), message, "web.enabled: true")
        return
    if not (file.web.secret or file.board):
        return
    path, other = (("web", "secret"), "board") if file.web.secret else (("board",), "web.secret")
    message = f"messages carry no links to acknowledge and mute: these also need `{other}`"
    notes.add(service.document.file, service.place(path), message)


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


def _templates(service: Checked[ServiceFile], problems: Problems) -> Path | None:
    if not service.model.notify.templates:
        return None
    folder = service.document.path.parent / service.model.notify.templates
    if not folder.is_dir():
        problems.add(service.document.file, service.place(("notify", "templates")), "no folder is there")
    return folder


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
