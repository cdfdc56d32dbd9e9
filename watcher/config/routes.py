"""From the routes of the `notify` section to `Route`s, and what is wrong or doubtful with them: words that nothing has,
routes that nothing can take, ways of telling that exclude each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from watcher.config.fields import SEVERITIES
from watcher.config.notify import REMEMBERED, Notify, RouteSection
from watcher.config.problems import Problems, hint, listed
from watcher.config.receivers import addresses_of
from watcher.config.rules import Assembly
from watcher.config.timetables import WindowSection
from watcher.config.yaml import Path_
from watcher.domain.alerts import Conditions, Escalation, Hours, Receiver, Repeat, Route, Timetable, Window
from watcher.domain.hours import opens
from watcher.domain.model import Item, Lifecycle

_ANY_YEAR = date(2025, 1, 1)
_AT_ONCE = ("wait", "quiet", "active", "budget", "repeat", "escalate")
"""What only a route means that tells its alerts one by one."""


def routes_of(notify: Notify, receivers: Mapping[str, Receiver]) -> tuple[Route, ...]:
    """Expand receivers to address names, in order; a route with nobody left to tell stays, for its number counts."""
    return tuple(_route(section, index, receivers, notify.zone) for index, section in enumerate(notify.section.routes))


def _route(section: RouteSection, index: int, receivers: Mapping[str, Receiver], zone: ZoneInfo) -> Route:
    repeat, later, digest = section.repeat, section.escalate, section.digest
    others = addresses_of(later.to, receivers) if later else ()
    return Route(
        addresses_of(section.to, receivers),
        name_of(section, index),
        when=Conditions(
            section.watchlists, section.items, section.tags, section.lifecycles, section.states, section.severities,
            section.tiers, section.kinds,
        ),
        proceeds=section.continue_,
        wait=section.wait or timedelta(0),
        hours=_hours(section, zone),
        budget=section.budget,
        repeat=Repeat(repeat.every, repeat.most) if repeat else None,
        escalate=Escalation(later.after, others) if later and others else None,
        digest=Timetable(digest.at, digest.zone or zone, digest.empty) if digest else None,
    )  # fmt: skip


def name_of(section: RouteSection, index: int) -> str:
    """What a route is called: its name, or "route 2"."""
    return section.name or f"route {index + 1}"


def _hours(section: RouteSection, zone: ZoneInfo) -> Hours:
    return Hours(_windows(section.quiet, zone), _windows(section.active, zone))


def _windows(sections: Iterable[WindowSection], zone: ZoneInfo) -> tuple[Window, ...]:
    return tuple(Window(one.from_, one.to, one.days, one.zone or zone) for one in sections)


# --- what is wrong --------------------------------------------------------------------------------


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
            line = notify.place(("notify", "routes", first))[0]
            message = f'duplicate name "{route.name}"; the route of line {line} has it already'
            problems.add(file, notify.place((*path, "name")), message)
        before = len(problems)
        _check_words(notify, path, route, _known(assembly, receivers), problems)
        _check_ways(notify, path, route, problems)
        _check_name(notify, path, route, problems)
        if len(problems) == before and assembly.clean and assembly.items and not _taken(route, assembly):
            problems.add(file, notify.place(path), "no item can ever meet all conditions of this route")


def _known(assembly: Assembly, receivers: set[str]) -> dict[str, tuple[str, set[str]]]:
    return {
        "to": ("receiver", receivers),
        "watchlists": ("watchlist", assembly.known_watchlists),
        "items": ("item", assembly.known_items),
        "tags": ("tag", assembly.known_tags),
        "lifecycles": ("lifecycle", assembly.known_lifecycles),
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
    """Note ways of telling that exclude each other, hours that never come, and others who are none."""

    def note(key: Path_, message: str) -> None:
        problems.add(notify.document.file, notify.place((*path, *key)), message)

    for key in _AT_ONCE:
        if route.digest and getattr(route, key):
            note((key,), f"a route with a digest tells nothing one by one: `{key}` means nothing there")
    whole = not any(_lost(notify, (*path, key), getattr(route, key)) for key in ("quiet", "active"))
    if whole and not opens(_hours(route, notify.zone), _ANY_YEAR):
        note(("quiet",), f"never open: `quiet` leaves nothing of {'`active`' if route.active else 'the week'}")
    if route.escalate and set(route.escalate.to) <= set(route.to):
        note(("escalate", "to"), "the route tells all of these itself; an escalation is to others")


def _check_name(notify: Notify, path: Path_, route: RouteSection, problems: Problems) -> None:
    """Note a route that has to be known again and could not be: "route 2" is another one where a route is put before
    it. A section that lost keys to mistakes may have lost its name."""
    keys = [key for key in REMEMBERED if getattr(route, key) is not None]
    if keys and not route.name and not notify.has_lost(path):
        message = f"a route with `{keys[0]}` needs a name: what it told is kept under it"
        problems.add(
            notify.document.file, notify.place((*path, keys[0])), message, "`name: WORD`, as no other route has"
        )


def _lost(notify: Notify, path: Path_, windows: Iterable[WindowSection]) -> bool:
    """Whether mistakes were cut out of windows: what is left of them is not what was meant."""
    return notify.has_lost(path) or any(notify.has_lost((*path, index)) for index, _ in enumerate(windows))


# --- what can be taken ----------------------------------------------------------------------------


def _taken(route: RouteSection, assembly: Assembly) -> list[Item]:
    """Return the items of which a route can ever take an alert."""
    return [item for item in assembly.items if _may_take(route, item, assembly.lifecycles[item.lifecycle])]


def _may_take(route: RouteSection, item: Item, lifecycle: Lifecycle) -> bool:
    return (
        (not route.watchlists or item.watchlist in route.watchlists)
        and (not route.items or item.id in route.items)
        and (not route.tags or bool(set(item.tags) & set(route.tags)))
        and (not route.lifecycles or item.lifecycle in route.lifecycles)
        and (not route.severities or item.severity in route.severities)
        and (not route.states or bool(set(lifecycle.states) & set(route.states)))
    )


def _takes_all(earlier: RouteSection, later: RouteSection, item: Item, lifecycle: Lifecycle) -> bool:
    """Whether whatever `later` could take of an item is taken by `earlier`."""
    states = set(later.states or lifecycle.states) & set(lifecycle.states)
    return (
        _may_take(earlier, item, lifecycle)
        and (not earlier.states or states <= set(earlier.states))
        and (not earlier.tiers or (bool(later.tiers) and set(later.tiers) <= set(earlier.tiers)))
        and set(later.kinds) <= set(earlier.kinds)
    )


# --- what is doubtful -----------------------------------------------------------------------------


def note_doubts(notify: Notify, assembly: Assembly, receivers: Mapping[str, Receiver], notes: Problems) -> None:
    """Note routes and escalations that tell nobody, and routes for which an earlier one leaves nothing; call it when
    no problem was found."""

    def note(path: Path_, message: str) -> None:
        notes.add(notify.document.file, notify.place(("notify", "routes", *path)), message)

    for index, route in enumerate(notify.section.routes):
        if not addresses_of(route.to, receivers):
            note((index, "to"), "all receivers of this route are switched off; it is passed over")
        if route.escalate and not addresses_of(route.escalate.to, receivers):
            note((index, "escalate", "to"), "all receivers of this escalation are switched off; it tells nobody")
        if (earlier := _eclipsed_by(index, notify, assembly, receivers)) is not None:
            line = notify.place(("notify", "routes", earlier))[0]
            name = name_of(notify.section.routes[earlier], earlier)
            note((index,), f'"{name}" (line {line}) takes all that this route could take, and has no `continue: true`')


def _eclipsed_by(index: int, notify: Notify, assembly: Assembly, receivers: Mapping[str, Receiver]) -> int | None:
    """Return the first route before this one that takes all of it and lets none pass."""
    later = notify.section.routes[index]
    items = [(item, assembly.lifecycles[item.lifecycle]) for item in _taken(later, assembly)]
    for number, earlier in enumerate(notify.section.routes[:index]):
        if not (items and addresses_of(earlier.to, receivers)) or earlier.continue_:
            continue
        if all(_takes_all(earlier, later, *one) for one in items):
            return number
    return None
