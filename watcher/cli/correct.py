"""`correct` and `backfill`: a person says where an item stands, or has it judged by what is stored already."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.options import DEFAULT_CONFIG, By, Config, Json, settings_from, store_from, who
from watcher.cli.output import emit_json, emit_lines, moment, plural, remark
from watcher.cli.people import PANEL

if TYPE_CHECKING:
    from watcher.backfill import Backfilled
    from watcher.config import Settings
    from watcher.corrections import Made
    from watcher.domain.model import Transition


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel=PANEL)(correct)
    program.command(rich_help_panel=PANEL)(backfill)


def correct(
    item: Annotated[str, typer.Argument(help="The item's id.", metavar="ITEM")],
    to: Annotated[str, typer.Option("--to", help="The state it is in: any of its lifecycle.", metavar="STATE")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept and told.", metavar="TEXT")],
    value: Annotated[
        str | None, typer.Option("--value", help="Of that state: a day, a rate, a place.", metavar="VALUE")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            help="Since when: 2025-11-03T09:00+01:00, UTC if it names no zone; now if not told.",
            metavar="MOMENT",
        ),
    ] = None,
    quietly: Annotated[bool, typer.Option("--quietly", help="Tell nobody.")] = False,
    by: By = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Say where an item stands when the product is wrong: a change of state with your name on it, told like any other.

    No rule and no evidence changes. What was told before does not move the item back; later news moves it as ever.
    """
    from watcher.app import now
    from watcher.cli.explain import parse_date
    from watcher.corrections import correct as make
    from watcher.domain.correcting import Correction

    person, settings, moment_now = who(by), settings_from(config), now()
    asked = Correction(to, value, person, reason, parse_date(at) if at else moment_now)
    store = store_from(settings, as_json=as_json)
    try:
        made = make(store, settings.rules, settings.routes, item, asked, quietly=quietly, now=moment_now)
    finally:
        store.close()
    _show(made, settings, as_json=as_json)


def _show(made: Made, settings: Settings, *, as_json: bool) -> None:
    from watcher.backtest import transition_line

    if as_json:
        emit_json(transition_line(made.transition) | {"by": made.transition.actor, "deliveries": made.deliveries})
    else:
        emit_lines([_step(made.transition, settings)])
        remark(f"deliveries planned: {made.deliveries}" if made.deliveries else "nobody is told")
    if made.remark:
        remark(f"note: {made.remark}")


def _step(change: Transition, settings: Settings) -> str:
    value = f" ({change.to_value})" if change.to_value else ""
    at = moment(change.at, settings.zone)
    return f"{change.item}: {change.from_state} -> {change.to_state}{value}  {at}  {change.detail}"


def backfill(
    item: Annotated[str, typer.Argument(help="The item's id.", metavar="ITEM")],
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="Of so many days; 30 if not told.", metavar="N")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Of the time since: 2025-11-03, UTC if it names no zone.", metavar="MOMENT"),
    ] = None,
    tell: Annotated[bool, typer.Option("--tell", help="Also tell of what it moves.")] = False,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Judge the entries that are stored already for an item that was added later; nobody is told.

    May be broken off and repeated: nothing counts twice. Entries that were about nothing watched have lost their text
    after `retention.unmatched`, and say nothing any more.
    """
    from watcher.app import now
    from watcher.cli.explain import require_item

    settings, at = settings_from(config), now()
    begin = _since(days, since, at)
    require_item(item, settings.rules)
    if begin < at - settings.retention.unmatched:
        gone = moment(at - settings.retention.unmatched, settings.zone)
        remark(f"note: entries before {gone} that were about nothing watched have no text any more")
    done = _fill(settings, item, begin, at, tell=tell, as_json=as_json)
    if as_json:
        emit_json(_json(done))
        return
    emit_lines(_step(change, settings) for change in done.transitions)
    told = f"deliveries planned: {done.deliveries}" if tell else "nobody is told"
    remark(
        f"entries read: {done.entries}; new evidence: {done.evidence}; "
        f"{plural(len(done.transitions), 'change')} of state; {told}"
    )


def _since(days: int | None, since: str | None, now: datetime) -> datetime:
    from watcher.cli.explain import parse_date
    from watcher.errors import UsageError

    if days is not None and since is not None:
        raise UsageError("say --days or --since, not both")
    try:
        begin = parse_date(since) if since is not None else now - timedelta(days=30 if days is None else days)
    except OverflowError:
        raise UsageError(f"--days {days} is before all time") from None
    if begin >= now:
        raise UsageError(f"{since} is not over yet: there are no entries since then")
    return begin


def _fill(settings: Settings, item: str, since: datetime, now: datetime, *, tell: bool, as_json: bool) -> Backfilled:
    from watcher.backfill import Backfilled
    from watcher.backfill import backfill as fill
    from watcher.judging import Judge

    judge = Judge(settings.rules)
    store = store_from(settings, as_json=as_json)
    try:
        slices = fill(store, judge, settings.routes, item, since=since, tell=tell, now=now)
        return sum(slices, Backfilled())
    finally:
        store.close()


def _json(done: Backfilled) -> dict[str, Any]:
    from watcher.backtest import transition_line

    return {
        "entries": done.entries,
        "evidence": done.evidence,
        "transitions": [transition_line(change) for change in done.transitions],
        "deliveries": done.deliveries,
    }
