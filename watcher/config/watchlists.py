"""The shape of a watchlist file: actors, lifecycles, items and feeds.

What its words refer to is checked in rules.py; what news about an item means is not known here.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from watcher.config.cadence import OwnCadence
from watcher.config.expectations import ExpectSection
from watcher.config.fields import (
    Every,
    Flag,
    HeaderName,
    Id,
    Ids,
    LaterUrl,
    Loose,
    Patience,
    Phrase,
    Phrases,
    Secret,
    Section,
    Severity,
    Since,
    Sources,
    Text,
    Texts,
    TierName,
    Window,
    Words,
)
from watcher.config.lifecycles import LifecycleSection
from watcher.config.sources import KindName, SearchSection, SelectSection
from watcher.domain.feeds import FeedKind


def _wrap(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_GROUP = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_GROUPS = {"anyOf": [{"type": "string"}, {"type": "array", "items": _GROUP}]}
Groups = Annotated[tuple[Phrases, ...], BeforeValidator(_wrap), WithJsonSchema(_GROUPS)]
Alternatives = Annotated[tuple[Phrase, ...], BeforeValidator(_wrap), WithJsonSchema(_GROUP)]


class NearSection(Section):
    """Phrases that must stand close together in one clause."""

    groups: Groups = Field(description="Two groups or more: one phrase of each, in any order.")
    within: Words = Field(default=8, description="At most this many words apart.")


class AboutSection(Section):
    """The subject of an item. A phrase is one word or several in a row; "@us" is any name of the actor `us`."""

    all: Groups = Field(default=(), description="Every one of these; a list within the list is a choice.")
    any: Alternatives = Field(default=(), description="At least one of these.")
    none: Alternatives = Field(default=(), description="Not one of these.")
    near: tuple[NearSection, ...] = Field(default=(), description="Phrases that must stand close together.")


class EvidenceSection(Section):
    """What is enough to change an item's state."""

    alone: TierName | None = Field(default=None, description="One source of this tier or a better one is enough.")
    sources: Sources | None = Field(default=None, description="Or this many independent sources,")
    within: Window | None = Field(default=None, description="within this time.")


class DefaultsSection(Section):
    """What items of the watchlist have unless they say otherwise."""

    decided_by: Ids = Field(default=(), description="The actors who decide.")
    against: Ids = Field(default=(), description="The actors the measures are aimed at.")
    with_: Ids = Field(default=(), alias="with", description="The actors who must take part.")
    evidence: EvidenceSection = Field(default=EvidenceSection(), description="What is enough to change a state.")
    severity: Severity = Field(default="normal", description="How much a change matters.")
    tags: Ids = Field(default=(), description="Words for routes.")
    silent_after: Patience | None = Field(
        default=None, description="How long nothing may be told of an item before that is told; never for never."
    )


class ItemSection(Section):
    """One thing to watch."""

    id: Id = Field(description="Its name for ever; its history hangs on it.")
    title: Text = Field(description="What people read.")
    lifecycle: Id = Field(description="Which states it can have.")
    state: Id = Field(description="Where it stands when the watch begins.")
    value: Loose = Field(default="", description="The value of that state: a deadline's day, a tariff's rate.")
    decided_by: Ids | None = Field(
        default=None, description="The actors who decide; nobody in particular when left out."
    )
    against: Ids | None = Field(default=None, description="The actors the measure is aimed at.")
    with_: Ids | None = Field(default=None, alias="with", description="The actors who must take part besides.")
    about: AboutSection = Field(description="How news about it is recognised.")
    question: Loose = Field(default="", description="The question people ask; the lifecycle's when left out.")
    since: Since | None = Field(default=None, description="When the watch begins; older news does not move it.")
    evidence: EvidenceSection = Field(default=EvidenceSection(), description="What is enough to change its state.")
    severity: Severity | None = Field(default=None, description="How much a change matters.")
    tags: Ids | None = Field(default=None, description="Words for routes.")
    note: Loose = Field(default="", description="Your own remark; every alert repeats it.")
    silent_after: Patience | None = Field(
        default=None, description="How long nothing may be told of it before that is told; never for never."
    )
    expect: tuple[ExpectSection, ...] = Field(
        default=(), description="Texts and what must be read in them; `watcher check --tests` tries them."
    )


class AuthSection(Section):
    """How a feed wants to be asked: user and password, or a bearer token."""

    user: Loose = Field(default="", description="The user's name (basic authentication).")
    password: Loose = Field(default="", description="The user's password.")
    bearer: Loose = Field(default="", description="A token, instead of both.")


class FeedSection(Section):
    """A feed to poll."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["url"]},
                {"required": ["kind"], "properties": {"kind": {"const": FeedKind.FEDERAL_REGISTER.value}}},
            ]
        }
    )

    id: Id = Field(description="Its name for ever; what has been read hangs on it.")
    url: LaterUrl = Field(
        default="", description="Where it is polled; left out only for the Federal Register, whose API it then is."
    )
    kind: KindName = Field(default=FeedKind.FEED, description="How what is there is read.")
    select: SelectSection | None = Field(default=None, description="Where a page says what.")
    full_text: Flag = Field(default=False, description="True to read the articles of entries that are about an item.")
    search: SearchSection | None = Field(default=None, description="What to look for in the Federal Register.")
    outlet: Loose = Field(
        default="", description="Its outlet's name; left out for an aggregator, whose entries name theirs."
    )
    every: OwnCadence | None = Field(
        default=None, description="How often to poll it, or auto; less than a minute only with allow_private."
    )
    fastest: Every | None = Field(
        default=None, description="The shortest interval that is learned; polling.fastest when left out."
    )
    slowest: Every | None = Field(
        default=None, description="The longest interval that is learned; polling.slowest when left out."
    )
    quiet_after: Window | None = Field(
        default=None, description="How long it may publish nothing before it is called quiet; learned when left out."
    )
    language: Loose = Field(default="", description="Its language, where it does not say so itself.")
    allow_private: Flag = Field(default=False, description="True to let it stand on a private address.")
    auth: AuthSection = Field(default=AuthSection(), description="User and password, or a bearer token.")
    headers: dict[HeaderName, Secret] = Field(default_factory=dict, description="Header lines of your own.")
    cookies: dict[HeaderName, Secret] = Field(default_factory=dict, description="Cookies to send, by name.")
    proxy: Loose = Field(default="", description="The http proxy to ask it through, instead of that of the service.")


class WatchlistFile(Section):
    """A watchlist. Actors and lifecycles of one file are known in all that are loaded with it."""

    title: Loose = Field(default="", description="What people read.")
    since: Since | None = Field(default=None, description="When the watch begins, for every item.")
    actors: dict[Id, Texts] = Field(default_factory=dict, description="Every actor's id and its names.")
    lifecycles: dict[Id, LifecycleSection] = Field(default_factory=dict, description="Lifecycles of your own.")
    defaults: DefaultsSection = Field(
        default=DefaultsSection(), description="What items have unless they say otherwise."
    )
    items: tuple[ItemSection, ...] = Field(default=(), description="The things to watch.")
    feeds: tuple[FeedSection, ...] = Field(default=(), description="The feeds to poll.")
