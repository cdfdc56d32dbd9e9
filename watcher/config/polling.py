"""The section `polling` of the service's file, and what becomes of it: how feeds are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import Field

from watcher import __version__
from watcher.config.access import PROXY_FORM, proxy_fault
from watcher.config.cadence import AUTO, Cadence, Intervals, Spacing
from watcher.config.checking import Checked
from watcher.config.fields import Count, Every, Flag, Loose, Moment, Section, Size, Tick
from watcher.config.problems import Problems


class PollingSection(Section):
    """How feeds are read."""

    every: Cadence = Field(
        default=AUTO, description="How often, for a feed that does not say so itself; auto learns it from each."
    )
    fastest: Every = Field(default=timedelta(minutes=5), description="The shortest interval that is learned.")
    slowest: Every = Field(default=timedelta(hours=1), description="The longest interval that is learned.")
    timeout: Moment = Field(default=timedelta(seconds=20), description="For one request, from first to last byte.")
    max_bytes: Size = Field(default=10_000_000, description="The largest answer that is read.")
    max_entries: Count = Field(default=500, description="The most entries taken from one answer.")
    concurrency: Count = Field(default=50, description="Requests at the same time.")
    per_host: Count = Field(default=2, description="Requests at the same time to one host.")
    spacing: Spacing = Field(
        default=timedelta(milliseconds=250), description="Between the beginnings of two requests to one public host."
    )
    user_agent: Loose = Field(default="", description="What feeds are told; watcher's name and the contact if empty.")
    contact: Loose = Field(default="", description="A web or mail address that feeds' owners can turn to.")
    allow_private: Flag = Field(default=False, description="True to read feeds on private addresses.")
    proxy: Loose = Field(default="", description="The http proxy to ask feeds through.")
    tick: Tick = Field(default=timedelta(seconds=1), description="How often to look for feeds that are due.")


@dataclass(frozen=True, slots=True)
class Polling:
    """How feeds are read; `user_agent` is complete. `every` None learns each feed's interval."""

    every: timedelta | None
    fastest: timedelta
    slowest: timedelta
    timeout: timedelta
    max_bytes: int
    concurrency: int
    per_host: int
    spacing: timedelta
    user_agent: str
    contact: str
    allow_private: bool
    max_entries: int
    tick: timedelta
    proxy: str = field(default="", repr=False)  # may hold a password


def polling_of(section: PollingSection) -> Polling:
    """Complete the user agent with the contact."""
    contact = f" (+{section.contact})" if section.contact else ""
    agent = section.user_agent or f"watcher/{__version__}{contact}"
    return Polling(**{**section.model_dump(), "user_agent": agent, "every": intervals_of(section).every})


def intervals_of(section: PollingSection) -> Intervals:
    """Return how often feeds are polled that do not say so themselves."""
    fixed = section.every if isinstance(section.every, timedelta) else None
    return Intervals(fixed, section.fastest, section.slowest)


def _check_intervals(service: Checked[Any], polling: PollingSection, problems: Problems) -> None:
    """Note bounds that leave nothing between them."""
    if polling.fastest > polling.slowest:
        place = service.place(("polling", "slowest" if "slowest" in polling.model_fields_set else "fastest"))
        problems.add(service.document.file, place, "polling.fastest must not be longer than polling.slowest")


def _check_proxy(service: Checked[Any], polling: PollingSection, problems: Problems) -> None:
    """Note a proxy that cannot be one."""
    if fault := proxy_fault(polling.proxy):
        problems.add(service.document.file, service.place(("polling", "proxy")), fault, PROXY_FORM)


def check_polling(service: Checked[Any], polling: PollingSection, problems: Problems) -> None:
    """Note what no single key can tell."""
    _check_intervals(service, polling, problems)
    _check_proxy(service, polling, problems)


def note_contact(service: Checked[Any], polling: PollingSection, notes: Problems, *, feeds: int) -> None:
    """Note that no contact is told: a source that wants to complain can then only block us."""
    if feeds and not polling.contact and not polling.user_agent:
        message = "no contact: the owners of feeds cannot tell who asks, and some will refuse"
        notes.add(service.document.file, service.place(("polling",)), message, "polling.contact")
