"""What people do from a terminal: acknowledge, note, and see what was told to whom."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.options import DEFAULT_CONFIG, By, Config, Json, opened_store, settings_from, who
from watcher.cli.output import Cell, cut, emit_done, emit_json, emit_table, moment, plural, remark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.config import Settings
    from watcher.domain.alerts import AlertRow, DeliveryRow
    from watcher.storage.store import Store

PANEL = "Act"


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Look")(alerts)
    program.command(rich_help_panel=PANEL)(ack)
    program.command(rich_help_panel=PANEL)(note)


def ack(
    what: Annotated[
        str, typer.Argument(help="An item's id, or an alert's as `watcher alerts` shows it.", metavar="ITEM|ALERT")
    ],
    text: Annotated[str, typer.Option("--note", help="What you have to say to it.", metavar="TEXT")] = "",
    by: By = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Acknowledge an alert, or all of an item that somebody was told of: reminders and escalations of it end.

    Doing it twice is no error, and changes nothing.
    """
    from watcher.app import now

    person, settings = who(by), settings_from(config)
    with opened_store(settings, as_json=as_json) as store:
        of: str | int = int(what) if what.isdecimal() and not known(store, settings, what) else what
        if isinstance(of, str):
            require_known(store, settings, of)
        done = store.acknowledge(of, person, text.strip(), now())
    if as_json:
        emit_json({"acknowledged": done, "by": person})
    elif done:
        remark(f"acknowledged by {person}: {plural(len(done), 'alert')} ({', '.join(map(str, done))})")
    else:
        remark("nothing to acknowledge: it is already, or nobody was told")


def note(
    item: Annotated[str, typer.Argument(help="The item's id.", metavar="ITEM")],
    text: Annotated[str, typer.Argument(help="What is to be kept with its history.", metavar="TEXT")],
    by: By = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Keep a note with an item's history; nobody is told, and nothing else changes."""
    from watcher.app import now
    from watcher.domain.alerts import Act, ActKind
    from watcher.errors import UsageError
    from watcher.web.board import act

    person, settings = who(by), settings_from(config)
    if not text.strip():
        raise UsageError("a note says something")
    with opened_store(settings, as_json=as_json) as store:
        require_known(store, settings, item)
        kept = store.act(Act(ActKind.NOTE, item, person, now(), text.strip()))
    emit_done(act(kept), f"noted by {person}: {item}", as_json=as_json)


def known(store: Store, settings: Settings, item: str) -> bool:
    """Tell whether an item is configured, or was and has a history."""
    return any(one.id == item for one in settings.rules.items) or bool(store.history(item))


def require_known(store: Store, settings: Settings, item: str) -> None:
    """Raise UsageError for an item that is not in the database."""
    from watcher.errors import UsageError

    if store.history(item):
        return
    there = sorted(one.id for one in settings.rules.items)
    if item in there:
        raise UsageError(f"the item {item!r} is not in the database yet: the next run takes it in")
    raise UsageError(f"there is no item {item!r}; configured are: {', '.join(there)}")


# --- what was told --------------------------------------------------------------------------------


def alerts(
    item: Annotated[str | None, typer.Argument(help="Only those about this item.", metavar="ITEM")] = None,
    waiting: Annotated[
        bool, typer.Option("--open", help="Only those that somebody was told of and nobody has acknowledged.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The most to show, latest first.", metavar="N")] = 50,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """List what was told, to whom and by which route, and who acknowledged it; latest first."""
    from watcher.web.board import alert

    settings = settings_from(config)
    with opened_store(settings, as_json=as_json) as store:
        if item:
            require_known(store, settings, item)
        rows = store.alerts(item=item or "", unacknowledged=waiting, limit=limit)
    if as_json:
        emit_json([alert(row) for row in rows])
    else:
        _show(rows, settings.zone)


def _show(rows: Sequence[AlertRow], zone: tzinfo) -> None:
    table: list[list[Cell]] = [
        [
            str(row.id),
            moment(row.created_at, zone),
            row.alert.subject,
            _kind(row),
            cut(_told(row)),
            cut(", ".join(_to(one) for one in row.deliveries) or "nobody"),
            cut(", ".join(f"{one.by}{f': {one.text}' if one.text else ''}" for one in row.acks)) or "-",
        ]
        for row in rows
    ]
    emit_table(("ID", "PLANNED", "ABOUT", "KIND", "SAYS", "TO", "ACKNOWLEDGED BY"), table)


def _kind(row: AlertRow) -> str:
    """Say the kind; of what is told again also the how-manieth time, and of which alert."""
    if row.reminds_of is None:
        return row.alert.kind.value
    how = "escalated" if getattr(row.alert, "escalated", False) else f"reminder {getattr(row.alert, 'reminder', 0)}"
    return f"{row.alert.kind.value} ({how}, of alert {row.reminds_of})"


def _told(row: AlertRow) -> str:
    from watcher.domain.alerts import Alert, SystemAlert

    if isinstance(row.alert, Alert):
        return f"{row.alert.from_label} -> {_state(row.alert)}"
    return row.alert.title if isinstance(row.alert, SystemAlert) else str(row.alert.reason)


def _state(alert: Any) -> str:
    return f"{alert.to_label} ({alert.to_value})" if alert.to_value else str(alert.to_label)


def _to(delivery: DeliveryRow) -> str:
    route = f" ({delivery.route})" if delivery.route else ""
    return f"{delivery.receiver}{route}: {delivery.state.value}"
