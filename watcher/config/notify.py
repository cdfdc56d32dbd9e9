"""The `notify` section of the service's file: receivers, the routes to them, and what becomes of both.

Addresses of receivers are secrets: no message repeats them. What they lead to is looked at by `watcher.delivery`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from pydantic import BeforeValidator, Field, WithJsonSchema

from watcher.config.fields import (
    SEVERITIES,
    Count,
    Flag,
    Id,
    Ids,
    Loose,
    Looses,
    Section,
    TierName,
    Zone,
    choice,
    duration_between,
    parse_duration,
    web_address,
    wrong,
)
from watcher.config.fields import (
    Window as Length,
)
from watcher.config.problems import Place, Problems, hint, listed
from watcher.config.rules import Assembly
from watcher.config.yaml import Document, Path_
from watcher.domain.alerts import (
    POLICY_KINDS,
    USUAL_KINDS,
    AlertKind,
    Conditions,
    Escalation,
    Hours,
    Rate,
    Receiver,
    Repeat,
    Route,
    Timetable,
    Window,
)

CheckAddress = Callable[[str], str | None]
"""Says why a notification address cannot be used, without repeating it; None when it can."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAILY, WEEKLY = "0 8 * * *", "0 8 * * mon"
_TIMETABLE = 'daily, weekly, or minute, hour, day, month and day of the week, that by name: "0 8 * * mon-fri"'

# --- values ---------------------------------------------------------------------------------------

_kind = choice(AlertKind, tuple(kind.value for kind in POLICY_KINDS))
Kind = Annotated[AlertKind, _kind[0], _kind[1]]
_TEXT = WithJsonSchema({"type": "string"})


def _rate(value: Any) -> Rate:
    match = re.fullmatch(r"(\d{1,5})\s*/\s*(\d*)([smhd])", value) if isinstance(value, str) else None
    per = parse_duration(f"{match[2] or 1}{match[3]}") if match else None
    if match is None or per is None or not int(match[1]):
        raise wrong("not a rate", '"1/s", "30/m", "100/h"')
    return Rate(int(match[1]), per)


def _clock(value: Any) -> time:
    match = re.fullmatch(r"(\d{1,2}):(\d{2})", value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 24 or int(match[2]) > 59 or (int(match[1]) == 24 and int(match[2])):
        raise wrong("not a time of day", '"22:00", "07:30"')
    return time(int(match[1]) % 24, int(match[2]))


def _days(value: Any) -> frozenset[int]:
    """Read "mon-fri", "sat,sun" or a list of such; a span may go past Sunday."""
    given = value if isinstance(value, list | tuple) else [value]
    found: set[int] = set()
    for part in (piece.strip() for one in given for piece in str(one).lower().split(",")):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise wrong("not days of the week", '"mon-fri", "sat, sun", [mon, wed]')
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)}
    return frozenset(found)


def _cron(value: Any) -> str:
    text = {"daily": DAILY, "weekly": WEEKLY}.get(value, value) if isinstance(value, str) else ""
    fields = text.split()
    # where numbers of days begin differs: with Sunday in crontab(5), with Monday in the library
    if len(fields) != 5 or re.search(r"\d", fields[4]):
        raise wrong("not a timetable", _TIMETABLE)
    try:
        CronTrigger.from_crontab(text)
    except ValueError:
        raise wrong("not a timetable", _TIMETABLE) from None
    return " ".join(fields)


def _unsubscribe(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"mailto:[^\s<>@]+@[^\s<>@]+", value):
        return value
    if not isinstance(value, str) or not value.startswith("https://"):
        raise wrong("not an address for List-Unsubscribe", "mailto:NAME@HOST or https://…")
    return web_address(value)


RateText = Annotated[Rate, BeforeValidator(_rate), _TEXT]
Clock = Annotated[time, BeforeValidator(_clock), _TEXT]
Days = Annotated[frozenset[int], BeforeValidator(_days), WithJsonSchema({"type": ["string", "array"]})]
Cron = Annotated[str, BeforeValidator(_cron), _TEXT]
Unsubscribe = Annotated[str, BeforeValidator(_unsubscribe), _TEXT]
Wait = Annotated[
    timedelta, BeforeValidator(duration_between(timedelta(seconds=1), timedelta(hours=1), "1s to 1h")), _TEXT
]


def _one_window(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


# --- sections -------------------------------------------------------------------------------------


class ReceiverSection(Section):
    """Somebody to tell."""

    urls: Looses = Field(default=(), description="Apprise addresses, one delivery each; an empty one is switched off.")
    webhook: Loose = Field(default="", description="Instead: an http(s) address of your own that takes JSON.")
    secret: Loose = Field(default="", description="What a webhook's messages are signed with.")
    rate: RateText | None = Field(default=None, description="At most so many messages in a time: 1/s, 30/m, 100/h.")
    picture: Flag = Field(default=False, description="Mails carry the item's timeline as a picture.")
    unsubscribe: Unsubscribe = Field(default="", validate_default=False, description="A mail's List-Unsubscribe.")


class WindowSection(Section):
    """Some hours of some days."""

    from_: Clock = Field(alias="from", description="When it begins.")
    to: Clock = Field(description="When it ends; earlier than it begins is the next day.")
    days: Days = Field(default=frozenset(range(7)), description="The days it begins on.")
    zone: Zone | None = Field(default=None, description="An IANA time zone; the service's if not told.")


Windows = Annotated[tuple[WindowSection, ...], BeforeValidator(_one_window)]


class RepeatSection(Section):
    """Reminders until somebody acknowledges."""

    every: Length = Field(description="How long to wait for it.")
    most: Count = Field(default=3, description="How often to remind.")


class EscalationSection(Section):
    """Others, when nobody acknowledges."""

    after: Length = Field(description="How long to wait for it.")
    to: Ids = Field(description="The receivers to tell then.")


class DigestSection(Section):
    """One message now and then instead of one for each alert."""

    at: Cron = Field(default=DAILY, description="daily, weekly, or five fields as in crontab(5).")
    zone: Zone | None = Field(default=None, description="An IANA time zone; the service's if not told.")


class RouteSection(Section):
    """Which alerts go to whom: all conditions must hold, one word of each is enough, none means any."""

    name: Id = Field(default="", validate_default=False, description="What it is called; route N if not told.")
    to: Ids = Field(description="The receivers.")
    watchlists: Ids = Field(default=(), description="File names of watchlists without .yaml.")
    items: Ids = Field(default=(), description="Ids of items.")
    tags: Ids = Field(default=(), description="Tags of items.")
    lifecycles: Ids = Field(default=(), description="Lifecycles of items.")
    states: Ids = Field(default=(), description="States the item goes to.")
    severities: Ids = Field(default=(), description="Severities of items.")
    tiers: tuple[TierName, ...] = Field(default=(), description="How close the best source is to the decision.")
    kinds: tuple[Kind, ...] = Field(default=USUAL_KINDS, description="What is told: all but early signals if not said.")
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


# --- what becomes of them -------------------------------------------------------------------------


class Notify(NamedTuple):
    """The section, with the document it stands in, where its parts stand there, and the zone of the service."""

    document: Document
    place: Callable[[Path_], Place]
    section: NotifySection
    zone: ZoneInfo


def receivers_of(
    notify: Notify, check_address: CheckAddress | None, problems: Problems, notes: Problems
) -> dict[str, Receiver]:
    """Return the addresses in use by name; NAME/1, NAME/2 where a receiver lists more than one."""
    found: dict[str, Receiver] = {}
    file = notify.document.file
    for name, section in notify.section.receivers.items():
        path: Path_ = ("notify", "receivers", name)
        if fault := _receiver_fault(section):
            problems.add(file, notify.place((*path, *fault.key)), fault.message, fault.allowed)
            continue
        for address, url, key in _addresses(name, section):
            place = notify.place((*path, *key))
            if not url:
                notes.add(file, place, f'the receiver "{address}" has no address and is switched off')
                continue
            reason = check_address(url) if check_address and not section.webhook else None
            if reason:
                problems.add(file, place, f'the address of "{address}" cannot be used: {reason}')
            webhook = bool(section.webhook)
            more = (section.rate, section.picture, section.unsubscribe)
            found[address] = Receiver(url, webhook, section.secret, *more)
    return found


@dataclass(frozen=True, slots=True)
class _Fault:
    key: Path_
    message: str
    allowed: str = ""


def _receiver_fault(section: ReceiverSection) -> _Fault | None:
    named = section.model_fields_set
    if ("urls" in named) == ("webhook" in named):
        return _Fault((), "a receiver has either `urls` or a `webhook`")
    if section.secret and "webhook" not in named:
        return _Fault(("secret",), "only a webhook's messages are signed")
    if "webhook" in named and (section.picture or section.unsubscribe):
        return _Fault((), "`picture` and `unsubscribe` are for mails")
    if section.webhook and not re.match(r"https?://[^/?#\s]+", section.webhook):
        return _Fault(("webhook",), "not a web address", "http:// or https:// with a host")
    return None


def _addresses(name: str, section: ReceiverSection) -> Iterator[tuple[str, str, Path_]]:
    """Yield every address with its name and where it stands."""
    if "webhook" in section.model_fields_set:
        yield name, section.webhook, ("webhook",)
        return
    for index, url in enumerate(section.urls):
        yield name if len(section.urls) == 1 else f"{name}/{index + 1}", url, ("urls", index)


def switched_off(section: NotifySection) -> tuple[str, ...]:
    """Return the names of the addresses that were left empty."""
    every = (one for name, receiver in section.receivers.items() for one in _addresses(name, receiver))
    return tuple(address for address, url, _ in every if not url)


def addresses_of(to: Iterable[str], receivers: Mapping[str, Receiver]) -> tuple[str, ...]:
    """Expand receivers to the names of their addresses that are in use, each once."""
    return tuple(dict.fromkeys(n for one in to for n in receivers if n == one or n.rpartition("/")[0] == one))


def routes_of(notify: Notify, receivers: Mapping[str, Receiver], notes: Problems) -> tuple[Route, ...]:
    """Expand receivers to address names, in order; a route with nobody left to tell stays, for its number counts."""
    routes = []
    for index, section in enumerate(notify.section.routes):
        names = addresses_of(section.to, receivers)
        if not names:
            place = notify.place(("notify", "routes", index, "to"))
            notes.add(notify.document.file, place, "all receivers of this route are switched off; it tells nobody")
        routes.append(_route(section, index, names, receivers, notify.zone))
    return tuple(routes)


def _route(
    section: RouteSection, index: int, names: tuple[str, ...], receivers: Mapping[str, Receiver], zone: ZoneInfo
) -> Route:
    repeat, later, digest = section.repeat, section.escalate, section.digest
    return Route(
        names,
        name_of(section, index),
        when=Conditions(
            section.watchlists, section.items, section.tags, section.lifecycles, section.states, section.severities,
            section.tiers, section.kinds,
        ),
        proceeds=section.continue_,
        wait=section.wait or timedelta(0),
        hours=Hours(_windows(section.quiet, zone), _windows(section.active, zone)),
        budget=section.budget,
        repeat=Repeat(repeat.every, repeat.most) if repeat else None,
        escalate=Escalation(later.after, addresses_of(later.to, receivers)) if later else None,
        digest=Timetable(digest.at, digest.zone or zone) if digest else None,
    )  # fmt: skip


def name_of(section: RouteSection, index: int) -> str:
    """What a route is called: its name, or "route 2"."""
    return section.name or f"route {index + 1}"


def _windows(sections: Iterable[WindowSection], zone: ZoneInfo) -> tuple[Window, ...]:
    return tuple(Window(one.from_, one.to, one.days, one.zone or zone) for one in sections)


# --- checks ---------------------------------------------------------------------------------------


def check_notify(notify: Notify, assembly: Assembly, problems: Problems) -> None:
    """Note every name that nothing has, every route that nothing can take, and what contradicts itself."""
    raw = notify.document.data.get("notify")
    named = raw.get("receivers") if isinstance(raw, dict) else None
    receivers = set(named) if isinstance(named, dict) else set()
    file = notify.document.file
    for index, given in enumerate(notify.section.system):
        if given not in receivers:
            place = notify.place(("notify", "system", index))
            problems.add(file, place, f'unknown receiver "{given}"{hint(given, receivers)}', listed(sorted(receivers)))
    names: dict[str, int] = {}
    for index, route in enumerate(notify.section.routes):
        path: Path_ = ("notify", "routes", index)
        first = names.setdefault(name_of(route, index), index)
        if first != index:
            problems.add(file, notify.place((*path, "name")), f"route {first + 1} has this name already")
        before = len(problems)
        _check_words(notify, path, route, _known(assembly, receivers), problems)
        _check_ways(notify, path, route, problems)
        if len(problems) == before and assembly.clean and not _reachable(route, assembly):
            problems.add(file, notify.place(path), "no item can ever meet all conditions of this route")


def _known(assembly: Assembly, receivers: set[str]) -> dict[str, tuple[str, set[str]]]:
    return {
        "to": ("receiver", receivers),
        "watchlists": ("watchlist", assembly.known_watchlists),
        "items": ("item", assembly.known_items),
        "tags": ("tag", assembly.known_tags),
        "lifecycles": ("lifecycle", set(assembly.lifecycles)),
        "states": ("state", {name for cycle in assembly.lifecycles.values() for name in cycle.states}),
        "severities": ("severity", set(SEVERITIES)),
    }


def _check_words(
    notify: Notify, path: Path_, route: RouteSection, known: Mapping[str, tuple[str, set[str]]], problems: Problems
) -> None:
    given = [(word, names, (*path, key, k), one) for key, (word, names) in known.items()
             for k, one in enumerate(getattr(route, key))]  # fmt: skip
    if route.escalate:
        word, names = known["to"]
        given += [(word, names, (*path, "escalate", "to", k), one) for k, one in enumerate(route.escalate.to)]
    for word, names, where, one in given:
        if one not in names:
            message = f'unknown {word} "{one}"{hint(one, names)}'
            problems.add(notify.document.file, notify.place(where), message, listed(sorted(names)))


def _check_ways(notify: Notify, path: Path_, route: RouteSection, problems: Problems) -> None:
    """Note ways of telling that exclude each other, and windows that hold no time."""
    at_once = [key for key in ("wait", "quiet", "active", "budget", "repeat", "escalate") if getattr(route, key)]
    if route.digest and at_once:
        message = f"a route with a digest tells nothing one by one: `{at_once[0]}` means nothing there"
        problems.add(notify.document.file, notify.place((*path, at_once[0])), message)
    for key in ("quiet", "active"):
        for n, window in enumerate(getattr(route, key)):
            if not window.days:
                problems.add(notify.document.file, notify.place((*path, key, n)), "a window needs days")


def _reachable(route: RouteSection, assembly: Assembly) -> bool:
    for item in assembly.items:
        lifecycle = assembly.lifecycles.get(item.lifecycle)
        if (
            (not route.watchlists or item.watchlist in route.watchlists)
            and (not route.items or item.id in route.items)
            and (not route.tags or set(item.tags) & set(route.tags))
            and (not route.lifecycles or item.lifecycle in route.lifecycles)
            and (not route.severities or item.severity in route.severities)
            and (not route.states or lifecycle is None or set(lifecycle.states) & set(route.states))
        ):
            return True
    return not assembly.items
