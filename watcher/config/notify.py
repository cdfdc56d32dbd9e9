"""The shape of the `notify` section of the service's file: receivers, and the routes to them.

What becomes of them is in receivers.py and routes.py. Addresses of receivers are secrets: no message repeats them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from watcher.config.fields import (
    Count,
    Flag,
    Id,
    Ids,
    Loose,
    Looses,
    Patience,
    Section,
    TierName,
    Zone,
    choice,
    parse_duration,
    web_address,
    wrong,
)
from watcher.config.fields import (
    Window as Length,
)
from watcher.config.problems import Place
from watcher.config.rules import SILENT_AFTER
from watcher.config.several import Several
from watcher.config.timetables import DAILY, Cron, Wait, Windows
from watcher.config.yaml import Document, Path_
from watcher.domain.alerts import POLICY_KINDS, USUAL_KINDS, AlertKind, Rate

# --- values ---------------------------------------------------------------------------------------

_kind = choice(AlertKind, tuple(kind.value for kind in POLICY_KINDS))
_ELSEWHERE = {AlertKind.DIGEST: "a route's own `digest`", AlertKind.TEST: "`watcher notify --test`"}


def elsewhere(kind: AlertKind) -> str:
    """Say where it is settled who is told of a kind that routes are not for."""
    return _ELSEWHERE.get(kind, "the receivers of `notify.system`")


def _not_of_the_service(value: Any) -> Any:
    if isinstance(value, str) and value in set(AlertKind) - set(POLICY_KINDS):
        raise wrong(f"nothing that happens to an item; see {elsewhere(AlertKind(value))}", ", ".join(POLICY_KINDS))
    return value


Kind = Annotated[AlertKind, _kind[0], BeforeValidator(_not_of_the_service), _kind[1]]


def _rate(value: Any) -> Rate:
    match = re.fullmatch(r"(\d{1,5})\s*/\s*(\d*)([smhd])", value) if isinstance(value, str) else None
    per = parse_duration(f"{match[2] or 1}{match[3]}") if match else None
    if match is None or per is None or not int(match[1]):
        raise wrong("not a rate", '"1/s", "30/m", "100/h"')
    return Rate(int(match[1]), per)


def _unsubscribe(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, str) and re.fullmatch(r"mailto:[^\s<>@]+@[^\s<>@]+", value):
        return value
    if not isinstance(value, str) or not value.startswith("https://"):
        raise wrong("not an address for List-Unsubscribe", "mailto:NAME@HOST or https://…")
    return web_address(value)


RateText = Annotated[Rate, BeforeValidator(_rate), WithJsonSchema({"type": "string"})]
Unsubscribe = Annotated[str, BeforeValidator(_unsubscribe), WithJsonSchema({"type": ["string", "null"]})]

Names = Annotated[tuple[Id, ...], Several()]
TierNames = Annotated[tuple[TierName, ...], Several()]
Kinds = Annotated[tuple[Kind, ...], Several()]

# --- sections -------------------------------------------------------------------------------------


class ReceiverSection(Section):
    """Somebody to tell."""

    urls: Looses = Field(default=(), description="Apprise addresses, one delivery each; an empty one is switched off.")
    webhook: Loose = Field(default="", description="Instead: an http(s) address of your own that takes JSON.")
    secret: Loose = Field(default="", description="What a webhook's messages are signed with.")
    rate: RateText | None = Field(default=None, description="At most so many messages in a time: 1/s, 30/m, 100/h.")
    picture: Flag = Field(default=False, description="Mails carry the item's timeline as a picture.")
    unsubscribe: Unsubscribe = Field(default="", validate_default=False, description="A mail's List-Unsubscribe.")


class RepeatSection(Section):
    """Reminders until somebody acknowledges."""

    every: Length = Field(description="How long to wait for it.")
    most: Count = Field(default=3, description="How often to remind.")


class EscalationSection(Section):
    """Others, when nobody acknowledges."""

    after: Length = Field(description="How long to wait for it.")
    to: Names = Field(description="The receivers to tell then.")


class DigestSection(Section):
    """One message now and then instead of one for each alert."""

    at: Cron = Field(default=DAILY, description="daily, weekly, or five fields as in crontab(5).")
    zone: Zone | None = Field(default=None, description="An IANA time zone; the service's if not told.")
    empty: Flag = Field(default=True, description="False: none is sent when there is nothing to say.")


REMEMBERED = ("repeat", "escalate", "digest", "budget")
"""What a route does by what it did before, which is kept under its name."""


class RouteSection(Section):
    """Which alerts go to whom: all conditions must hold, one word of each is enough, none means any."""

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {key: ["name"] for key in REMEMBERED}})

    name: Id = Field(default="", validate_default=False, description="What it is called; route N if not told.")
    to: Names = Field(description="The receivers.")
    watchlists: Names = Field(default=(), description="File names of watchlists without .yaml.")
    items: Names = Field(default=(), description="Ids of items.")
    tags: Names = Field(default=(), description="Tags of items.")
    lifecycles: Names = Field(default=(), description="Lifecycles of items.")
    states: Names = Field(default=(), description="States the item goes to.")
    severities: Names = Field(default=(), description="Severities of items.")
    tiers: TierNames = Field(default=(), description="How close the best source is to the decision.")
    kinds: Kinds = Field(default=USUAL_KINDS, description="What is told: all but early signals if not said.")
    continue_: Flag = Field(default=False, alias="continue", description="True: the routes after it are asked, too.")
    wait: Wait | None = Field(default=None, description="How long others of the same event are waited for.")
    quiet: Windows = Field(default=(), description="When it tells nothing but what is critical.")
    active: Windows = Field(default=(), description="When alone it tells, but for what is critical.")
    budget: Count | None = Field(default=None, description="Messages an hour; what is over is one summary.")
    repeat: RepeatSection | None = Field(default=None, description="Reminders until somebody acknowledges.")
    escalate: EscalationSection | None = Field(default=None, description="Others, when nobody acknowledges.")
    digest: DigestSection | None = Field(default=None, description="One message now and then instead.")


class NotifySection(Section):
    """Who is told what."""

    receivers: dict[Id, ReceiverSection] = Field(default_factory=dict, description="By name.")
    routes: tuple[RouteSection, ...] = Field(default=(), description="The first that matches decides.")
    system: Ids = Field(
        default=(), description="The receivers of alerts about the service itself: a source that broke or came back."
    )
    silent_after: Patience = Field(
        default=SILENT_AFTER,
        description="How long nothing may be told of an item before that is told; never for never.",
    )
    templates: Loose = Field(default="", description="A folder of templates of your own, relative to this file.")


# --- what becomes of them -------------------------------------------------------------------------


class Notify(NamedTuple):
    """The section, with the document it stands in, where its parts stand there, which of them lost something to
    mistakes, and the zone of the service."""

    document: Document
    place: Callable[[Path_], Place]
    has_lost: Callable[[Path_], bool]
    section: NotifySection
    zone: ZoneInfo
