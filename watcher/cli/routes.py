"""`route`: the routes as they are understood, and where an alert would go and why. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.options import DEFAULT_CONFIG, Config, Json, no_database, settings_from
from watcher.cli.output import Cell, emit_json, emit_lines, emit_table, moment, remark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from watcher.config import Settings
    from watcher.domain.alerts import Alert, AlertKind, Conditions, Hours, PlannedDelivery, Route, Silence, Window
    from watcher.domain.model import Item, Standing, Tier
    from watcher.domain.routing import Routed, Step

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOLDS = {"group": "others of the same event are waited for", "quiet": "these are not its hours"}


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Learn")(route)


def route(
    test: Annotated[
        str | None, typer.Option("--test", help="Say where an alert of this item would go, and why.", metavar="ITEM")
    ] = None,
    state: Annotated[
        str | None,
        typer.Option("--state", help="The state it tells; else the first that may come next.", metavar="STATE"),
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="What it tells; a state_change if not told.", metavar="KIND")
    ] = None,
    severity: Annotated[
        str | None, typer.Option("--severity", help="How much it matters; the item's if not told.", metavar="WORD")
    ] = None,
    tier: Annotated[
        str | None,
        typer.Option(
            "--tier", help="That of its best source; the one that is enough alone if not told.", metavar="TIER"
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", help="When: 2025-11-03T23:30+01:00, UTC if it names no zone; else now.", metavar="MOMENT"),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """List the routes as they are understood; with --test, say where an alert would go and why.

    For every route, in order, it says whether it takes the alert, and which condition keeps it out if not; for every
    receiver, whether it is told at once, later or not at all. Exit code 1 when nobody would be told. How much of
    an hour's budget is used up is not looked at.
    """
    from watcher.app import now
    from watcher.cli.explain import parse_date
    from watcher.errors import UsageError

    settings = settings_from(config)
    if test is None:
        if any(one is not None for one in (state, kind, severity, tier, at)):
            raise UsageError("what alert? name its item with --test ITEM")
        _list(settings, as_json=as_json)
        return
    moment_ = parse_date(at) if at else now()
    known = _known(settings, moment_)
    alert = _alert(settings, known.standings, test, state, kind, severity, tier, moment_)
    from watcher.domain.routing import deliveries

    routed = deliveries(settings.routes, alert, known.silences, moment_)
    if as_json:
        emit_json(_trial_json(settings, alert, routed, known))
    else:
        emit_lines(_trial_lines(settings, alert, routed))
        if known.missing:
            remark(f"silences are not known: {known.missing}")
    if not _is_told(routed):
        raise typer.Exit(1)


# --- one alert ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database says, or why it says nothing."""

    silences: Sequence[Silence]
    standings: Mapping[str, Standing]
    missing: str = ""


def _known(settings: Settings, at: datetime) -> _Known:
    from watcher.errors import StoreError
    from watcher.storage.store import Store

    if missing := no_database(settings):
        return _Known((), {}, missing)
    try:
        store = Store.open(settings.database)
        try:
            store.check_schema()
            return _Known(store.silences(at), store.standings())
        finally:
            store.close()
    except StoreError as error:
        return _Known((), {}, str(error))


def _alert(
    settings: Settings,
    standings: Mapping[str, Standing],
    name: str,
    state: str | None,
    kind: str | None,
    severity: str | None,
    tier: str | None,
    at: datetime,
) -> Alert:  # fmt: skip
    """Make up the alert that is asked about; raises UsageError for a word that nothing has."""
    from watcher.cli.explain import require_item
    from watcher.config.fields import SEVERITIES, TIERS
    from watcher.domain.alerts import Alert, AlertKind
    from watcher.domain.model import Reason, Tier

    require_item(name, settings.rules)
    item = next(each for each in settings.rules.items if each.id == name)
    told = _kind(kind or AlertKind.STATE_CHANGE.value)
    source = Tier(_word("tier", tier, TIERS)) if tier else _usual_tier(item, told)
    present = standings[name].state if name in standings else item.state
    return Alert(
        kind=told,
        item=name,
        watchlist=item.watchlist,
        title=item.title,
        question=item.question,
        from_state=present,
        from_label=present,
        to_state=_state(settings, item, told, present, state),
        to_label="",
        at=at,
        reason=Reason.PERSON,
        detail="",
        sources=0,
        quotes=(),
        next="",
        severity=_word("severity", severity or item.severity, SEVERITIES),
        lifecycle=item.lifecycle,
        tags=item.tags,
        tier=source,
    )


def _kind(given: str) -> AlertKind:
    from watcher.config.notify import elsewhere
    from watcher.domain.alerts import POLICY_KINDS, AlertKind
    from watcher.errors import UsageError

    if given in set(AlertKind) - set(POLICY_KINDS):
        raise UsageError(f"{given} is nothing that happens to an item; see {elsewhere(AlertKind(given))}")
    return AlertKind(_word("kind", given, [one.value for one in POLICY_KINDS]))


def _word(what: str, given: str, allowed: Iterable[str]) -> str:
    from watcher.config.problems import hint
    from watcher.errors import UsageError

    allowed = list(allowed)
    if given not in allowed:
        raise UsageError(f"there is no {what} {given!r}{hint(given, allowed)}; known are: {', '.join(allowed)}")
    return given


def _usual_tier(item: Item, kind: str) -> Tier | None:
    """Return the tier of an alert that names none: what the calendar tells has no source."""
    from watcher.domain.alerts import AlertKind

    return None if kind in (AlertKind.DEADLINE, AlertKind.SILENT) else item.evidence.alone


def _state(settings: Settings, item: Item, kind: str, present: str, given: str | None) -> str:
    from watcher.domain.alerts import AlertKind

    states = settings.rules.lifecycles[item.lifecycle].states
    if given is not None:
        return _word(f"state of {item.lifecycle}", given, states)
    stays = kind in (AlertKind.DEADLINE, AlertKind.SILENT) or present not in states or not states[present].to
    return present if stays else states[present].to[0]


def _is_told(routed: Routed) -> bool:
    return any(not one.silenced for one in routed.deliveries) or any(step.digest for step in routed.steps)


# --- what became of it ----------------------------------------------------------------------------


def _trial_lines(settings: Settings, alert: Alert, routed: Routed) -> list[Cell]:
    zone = settings.zone
    has = [f"watchlist {alert.watchlist}", f"lifecycle {alert.lifecycle}", f"severity {alert.severity}"]
    has += [f"tier {alert.tier}"] if alert.tier else []
    has += [f"tags {', '.join(alert.tags)}"] if alert.tags else []
    step = alert.from_state if alert.to_state == alert.from_state else f"{alert.from_state} -> {alert.to_state}"
    lines: list[Cell] = [
        (f"{alert.kind} of {alert.item}: {step}, {moment(alert.at, zone)} ({zone})", "bold"),
        ", ".join(has),
        "",
    ]
    width = max((len(one.route) for one in routed.steps), default=0)
    for made, by in zip(routed.steps, settings.routes, strict=True):
        lines.append(f"{made.route:{width}}  {_step(made, by, alert.at)}")
    lines += [] if routed.steps else ["there are no routes"]
    lines.append("")
    width = max((len(one.receiver) for one in routed.deliveries), default=0)
    lines += [_delivery(one, width, zone) for one in routed.deliveries]
    if not _is_told(routed):
        lines.append(("nobody is told", "red"))
    elif not routed.deliveries:
        lines.append("nobody is told before the digest")
    return lines


def _step(step: Step, route: Route, at: datetime) -> str:
    from watcher.domain.routing import Verdict

    if step.unmet:
        has = ", ".join(step.unmet.has) or "none"
        return f"does not take it: {_asked(step.unmet.condition, step.unmet.wants)}; it has {has}"
    if step.verdict is Verdict.NOBODY:
        return "is passed over: its receivers are switched off"
    if step.verdict is Verdict.UNASKED:
        return "is not asked"
    told = f"tells {', '.join(step.receivers)}" if step.receivers else "tells nobody else"
    if step.digest:
        told += f" in its digest of {_digest_time(route, at)}"
    if step.told_before:
        told += f"; told already: {', '.join(step.told_before)}"
    more = "" if step.digest else "".join(f"; {one}" for one in (*_limits(route), *_later(route)))
    return f"takes it and {told}{more}; {'decides' if step.decides else 'the next one is asked, too'}"


def _digest_time(route: Route, at: datetime) -> str:
    from watcher.digesting import next_time

    assert route.digest is not None
    return f"{moment(next_time(route.digest, at), route.digest.zone)} ({route.digest.zone})"


def _delivery(one: PlannedDelivery, width: int, zone: tzinfo) -> Cell:
    name = f"{one.receiver:{width}}"
    if one.silenced:
        return (f"{name}  is not told: silenced by {one.silenced}", "yellow")
    if one.hold:
        return f"{name}  is told at {moment(one.not_before, zone)} (route {one.route}): {_HOLDS[one.hold]}"
    return f"{name}  is told now (route {one.route})"


def _trial_json(settings: Settings, alert: Alert, routed: Routed, known: _Known) -> dict[str, Any]:
    from dataclasses import asdict

    from watcher.digesting import next_time

    keys = "kind item watchlist lifecycle from_state to_state severity tier tags at".split()
    return {
        "alert": {key: getattr(alert, key) for key in keys},
        "routes": [asdict(step) for step in routed.steps],
        "deliveries": [asdict(one) for one in routed.deliveries],
        "digests": [
            {"route": step.route, "receivers": step.receivers, "at": next_time(by.digest, alert.at)}
            for step, by in zip(routed.steps, settings.routes, strict=True)
            if step.digest and by.digest
        ],
        "silences_known": not known.missing,
        "told": _is_told(routed),
    }


# --- all of them ----------------------------------------------------------------------------------


def _list(settings: Settings, *, as_json: bool) -> None:
    if as_json:
        emit_json({"routes": [_route_json(one) for one in settings.routes], "system": list(settings.system)})
        return
    rows = [
        (one.name, _conditions(one.when), ", ".join(one.to) or "nobody", _how(one), "yes" if one.proceeds else "no")
        for one in settings.routes
    ]
    if settings.system:
        rows.append(("-", "about the service itself", ", ".join(settings.system), "at once", "-"))
    if rows:
        emit_table(("ROUTE", "TAKES", "TELLS", "HOW", "CONTINUES"), rows)
    else:
        remark("there are no routes: nobody is told of anything")


def _conditions(when: Conditions) -> str:
    from dataclasses import asdict

    return "; ".join(_asked(condition, wants) for condition, wants in asdict(when).items() if wants) or "everything"


def _asked(condition: str, wants: tuple[str, ...]) -> str:
    from watcher.domain.alerts import USUAL_KINDS, AlertKind

    words = ", ".join(wants)
    if condition == "kinds" and set(wants) == set(USUAL_KINDS):
        words = f"all but {AlertKind.EARLY_SIGNAL}"
    return f"{condition} {words}"


def _how(route: Route) -> str:
    from watcher.config.fields import format_duration

    if route.digest:
        return f"in a digest: {route.digest.cron} ({route.digest.zone})"
    waits = [f"waits {format_duration(route.wait)} for others of an event"] if route.wait else []
    return "; ".join((*_hours(route.hours), *waits, *_limits(route), *_later(route))) or "at once"


def _hours(hours: Hours) -> list[str]:
    return [
        f"{word} {' and '.join(map(_window, windows))}"
        for word, windows in (("quiet", hours.quiet), ("only", hours.active))
        if windows
    ]


def _window(window: Window) -> str:
    end = "24:00" if window.end.isoformat() == "00:00:00" else f"{window.end:%H:%M}"
    days = "" if len(window.days) == len(_DAYS) else f" {_day_words(window.days)}"
    return f"{window.start:%H:%M}-{end}{days} ({window.zone})"


def _day_words(days: frozenset[int]) -> str:
    """Write days as a span where they are one."""
    first, last = min(days), max(days)
    if len(days) > 2 and len(days) == last - first + 1:
        return f"{_DAYS[first]}-{_DAYS[last]}"
    return ", ".join(_DAYS[day] for day in sorted(days))


def _limits(route: Route) -> list[str]:
    return [f"at most {route.budget} an hour"] if route.budget else []


def _later(route: Route) -> list[str]:
    from watcher.config.fields import format_duration

    repeat, escalate = route.repeat, route.escalate
    again = [f"again every {format_duration(repeat.every)}, {repeat.most} times"] if repeat else []
    others = [f"after {format_duration(escalate.after)} {', '.join(escalate.to)}"] if escalate else []
    return [f"unless acknowledged: {' and '.join([*again, *others])}"] if again or others else []


def _route_json(route: Route) -> dict[str, Any]:
    from dataclasses import asdict

    from watcher.config.fields import format_duration

    repeat, escalate, digest = route.repeat, route.escalate, route.digest
    return {
        "route": route.name,
        "to": list(route.to),
        "when": {condition: list(wants) for condition, wants in asdict(route.when).items() if wants},
        "continue": route.proceeds,
        "wait": format_duration(route.wait) if route.wait else None,
        "quiet": [_window(one) for one in route.hours.quiet],
        "active": [_window(one) for one in route.hours.active],
        "budget": route.budget,
        "repeat": {"every": format_duration(repeat.every), "most": repeat.most} if repeat else None,
        "escalate": {"after": format_duration(escalate.after), "to": list(escalate.to)} if escalate else None,
        "digest": {"at": digest.cron, "zone": str(digest.zone), "empty": digest.empty} if digest else None,
    }
