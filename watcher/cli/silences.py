"""`mute`, `unmute` and `silence`: what somebody does not want to be told of for a time."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.options import DEFAULT_CONFIG, By, Config, Json, opened_store, settings_from, who
from watcher.cli.output import Cell, cut, emit_done, emit_json, emit_table, moment, remark
from watcher.cli.people import PANEL, require_known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watcher.config import Settings
    from watcher.domain.alerts import Conditions, Silence
    from watcher.domain.model import Item

For = Annotated[str | None, typer.Option("--for", help="How long: 90m, 2h, 3d, 1w.", metavar="TIME")]
Until = Annotated[
    str | None,
    typer.Option("--until", help="Until when: 2025-11-03T09:00+01:00, UTC if it names no zone.", metavar="MOMENT"),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept and shown.", metavar="TEXT")]
Words = list[str] | None

silence = typer.Typer(no_args_is_help=True, help="What is not told for a time.")


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel=PANEL)(mute)
    program.command(rich_help_panel=PANEL)(unmute)
    program.add_typer(silence, name="silence", rich_help_panel=PANEL)


def mute(
    item: Annotated[str, typer.Argument(help="The item's id.", metavar="ITEM")],
    reason: Reason,
    length: For = None,
    until: Until = None,
    by: By = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Tell nobody of an item for a time; it is watched as before, and its history goes on."""
    from watcher.domain.alerts import Conditions

    person, settings = who(by), settings_from(config)
    kept = _keep(settings, Conditions(items=(item,)), person, reason, length, until, item=item, as_json=as_json)
    if not as_json:
        remark(f"{item} is muted until {moment(kept.ends_at, settings.zone)} by {person}")


def unmute(
    item: Annotated[str, typer.Argument(help="The item's id.", metavar="ITEM")],
    by: By = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """End what mutes an item; silences that are about more than it stay."""
    from watcher.app import now
    from watcher.domain.alerts import Conditions
    from watcher.errors import UsageError
    from watcher.web.board import silence as shown

    person, settings = who(by), settings_from(config)
    with opened_store(settings, as_json=as_json) as store:
        require_known(store, settings, item)
        there = store.silences(now())
        meant = [one for one in there if one.when == Conditions(items=(item,))]
        wider = _wider(settings, item, [one for one in there if one not in meant])
        if not meant:
            raise UsageError(f"{item} is not muted by itself; {wider or 'other silences: `watcher silence list`'}")
        ended = [store.end_silence(one.id, person, now()) for one in meant]
    emit_done(
        [shown(one) for one in ended],
        f"{item} is no longer muted{' by itself; ' if wider else ''}{wider}",
        as_json=as_json,
    )


def _wider(settings: Settings, item: str, silences: Sequence[Silence]) -> str:
    """Say which silences that are about more than an item are about it, too, and how to end them; empty for none."""
    watched = next((one for one in settings.rules.items if one.id == item), None)
    found = [one for one in silences if watched and _about(one.when, watched)]
    return "; ".join(
        f"silence {one.id} of {told(one.when)} is about it until {moment(one.ends_at, settings.zone)}: "
        f"`watcher silence end {one.id}` ends that for all that it is about"
        for one in found
    )


@silence.command()
def add(
    reason: Reason,
    item: Annotated[Words, typer.Option("--item", help="Of these items.", metavar="ID")] = None,
    tag: Annotated[Words, typer.Option("--tag", help="Of items with one of these tags.", metavar="TAG")] = None,
    watchlist: Annotated[
        Words, typer.Option("--watchlist", help="Of items of these watchlists.", metavar="NAME")
    ] = None,
    lifecycle: Annotated[Words, typer.Option("--lifecycle", help="Of items of these lifecycles.", metavar="ID")] = None,
    kind: Annotated[Words, typer.Option("--kind", help="Alerts of these kinds.", metavar="KIND")] = None,
    state: Annotated[Words, typer.Option("--state", help="That tell one of these states.", metavar="STATE")] = None,
    severity: Annotated[Words, typer.Option("--severity", help="Of these severities.", metavar="SEVERITY")] = None,
    tier: Annotated[Words, typer.Option("--tier", help="Whose best source is of these tiers.", metavar="TIER")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="All alerts about items.")] = False,
    length: For = None,
    until: Until = None,
    by: By = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Send nothing that meets all conditions, for a time. Each option may be repeated: one of its words is enough.

    What is silenced is kept and shown by `watcher alerts`. Alerts about the service itself are not silenced.
    """
    from watcher.domain.alerts import AlertKind, Conditions
    from watcher.domain.model import Tier

    person, settings = who(by), settings_from(config)
    asked: dict[str, Words] = {
        "items": item, "tags": tag, "watchlists": watchlist, "lifecycles": lifecycle, "kinds": kind, "states": state,
        "severities": severity, "tiers": tier,
    }  # fmt: skip
    _check(settings, asked, everything=everything)
    words = {name: tuple(given or ()) for name, given in asked.items()}
    when = Conditions(
        words["watchlists"], words["items"], words["tags"], words["lifecycles"], words["states"], words["severities"],
        tiers=tuple(Tier(one) for one in words["tiers"]), kinds=tuple(AlertKind(one) for one in words["kinds"]),
    )  # fmt: skip
    kept = _keep(settings, when, person, reason, length, until, as_json=as_json)
    if not as_json:
        remark(f"silence {kept.id} of {told(kept.when)} until {moment(kept.ends_at, settings.zone)}, by {person}")


def _check(settings: Settings, asked: Mapping[str, Words], *, everything: bool) -> None:
    """Raise UsageError for words that nothing has, which would silence nothing, and for no words at all."""
    from watcher.config.fields import SEVERITIES, TIERS
    from watcher.config.problems import hint, listed
    from watcher.domain.alerts import POLICY_KINDS
    from watcher.errors import UsageError

    rules = settings.rules
    there: dict[str, set[str]] = {
        "items": {one.id for one in rules.items},
        "tags": {tag for one in rules.items for tag in one.tags},
        "watchlists": {one.watchlist for one in rules.items},
        "lifecycles": set(rules.lifecycles),
        "kinds": {kind.value for kind in POLICY_KINDS},
        "states": {state for cycle in rules.lifecycles.values() for state in cycle.states},
        "severities": set(SEVERITIES),
        "tiers": set(TIERS),
    }
    given = [(name, word) for name, words in asked.items() for word in words or ()]
    if bool(given) == everything:
        raise UsageError("say what is to be silenced: --item, --tag, --watchlist, …, or --everything for all of it")
    for name, word in given:
        if word not in there[name]:
            allowed = listed(sorted(there[name])) or "none"
            raise UsageError(f'{name}: there is no "{word}"{hint(word, there[name])} (allowed: {allowed})')


def _keep(
    settings: Settings,
    when: Conditions,
    person: str,
    reason: str,
    length: str | None,
    until: str | None,
    *,
    item: str = "",
    as_json: bool,
) -> Silence:
    from watcher.app import now
    from watcher.domain.alerts import Silence
    from watcher.errors import UsageError
    from watcher.web.board import silence as shown

    at = now()
    ends = _end(length, until, at)
    if not reason.strip():
        raise UsageError("a silence has a reason")
    with opened_store(settings, as_json=as_json) as store:
        if item:
            require_known(store, settings, item)
        kept = store.silence(Silence(when, person, reason.strip(), at, ends), at)
    if as_json:
        emit_json(shown(kept))
    return kept


def _end(length: str | None, until: str | None, now: datetime) -> datetime:
    from watcher.cli.explain import parse_date
    from watcher.config.fields import parse_duration
    from watcher.errors import UsageError

    if length is not None and until is not None:
        raise UsageError("say how long, --for TIME or --until MOMENT: not both")
    if length is None and until is None:
        raise UsageError("say how long: --for TIME or --until MOMENT")
    if until is not None:
        ends = parse_date(until)
    else:
        span = parse_duration(length or "")
        if span is None or not timedelta(minutes=1) <= span <= timedelta(days=366):
            raise UsageError(f'"{length}" is no length of time (allowed: 1m to 366d, as in 90m, 2h, 3d or 1w)')
        ends = now + span
    if ends <= now:
        raise UsageError(f"{until} is over already")
    return ends


@silence.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Also those that are over, latest first.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The most of --all.", metavar="N")] = 100,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """List the silences in force, the first to end first."""
    from watcher.app import now
    from watcher.web.board import silence as shown

    settings = settings_from(config)
    with opened_store(settings, as_json=as_json) as store:
        rows = store.all_silences(limit) if every else store.silences(now())
    if as_json:
        emit_json([shown(one) for one in rows])
    else:
        _show(rows, settings.zone)


def _show(rows: Sequence[Silence], zone: tzinfo) -> None:
    table: list[list[Cell]] = [
        [
            str(one.id), cut(told(one.when)), one.by, moment(one.starts_at, zone),
            moment(one.ends_at, zone) + (f", ended by {one.ended_by}" if one.ended_by else ""), cut(one.reason),
        ]
        for one in rows
    ]  # fmt: skip
    emit_table(("ID", "WHAT", "BY", "FROM", "UNTIL", "REASON"), table)


def told(when: Conditions) -> str:
    """Say conditions in words: "items us-approval; states approved, rejected"."""
    given = ((name, getattr(when, name)) for name in when.__dataclass_fields__)
    return "; ".join(f"{name} {', '.join(words)}" for name, words in given if words) or "everything"


@silence.command()
def end(
    number: Annotated[int, typer.Argument(help="The silence's id, as `silence list` shows it.", metavar="ID")],
    by: By = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """End a silence before its time; it is kept, with who ended it."""
    from watcher.app import now
    from watcher.web.board import silence as shown

    person, settings = who(by), settings_from(config)
    with opened_store(settings, as_json=as_json) as store:
        ended = store.end_silence(number, person, now())
    emit_done(shown(ended), f"silence {number} of {told(ended.when)} is ended by {person}", as_json=as_json)


def muted(silences: Sequence[Silence], item: Item) -> tuple[Silence | None, bool]:
    """Return the silence under which an item's alerts fall, all or some of them, that ends last, and whether it is all
    of them; those of all before those of some. None where there is none."""
    meant = [one for one in silences if _about(one.when, item)]
    whole = [one for one in meant if not (one.when.kinds or one.when.states or one.when.tiers)]
    last = max(whole or meant, key=lambda one: one.ends_at, default=None)
    return last, bool(whole)


def _about(when: Conditions, item: Item) -> bool:
    return (
        (not when.items or item.id in when.items)
        and (not when.watchlists or item.watchlist in when.watchlists)
        and (not when.lifecycles or item.lifecycle in when.lifecycles)
        and (not when.severities or item.severity in when.severities)
        and (not when.tags or not set(when.tags).isdisjoint(item.tags))
    )
