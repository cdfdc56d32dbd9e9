"""`notify` and `outbox`: whether an address works, and what waits to be sent or was given up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.options import DEFAULT_CONFIG, Config, Json, Yes, confirm, settings_from, store_from
from watcher.cli.output import cut, emit_json, emit_lines, emit_table, moment, remark

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.domain.alerts import DeliveryRow

outbox = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Look at and tend what is to be sent.")

Ids = Annotated[list[str], typer.Argument(help="Delivery ids, as `outbox list` shows them.", metavar="ID")]


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Tend")(notify)
    program.add_typer(outbox, name="outbox", rich_help_panel="Tend")


def notify(
    test: Annotated[
        str,
        typer.Option(
            "--test", help="A receiver's name, one address of it (NAME/2), or a route's number.", metavar="NAME"
        ),
    ],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Send a test message to a receiver, or to all receivers of a route, and say whether it was taken."""
    from watcher.app import now
    from watcher.delivery.apprise import Sender
    from watcher.domain.alerting import test_alert
    from watcher.domain.alerts import Delivery, Message, Sent

    settings = settings_from(config, addresses=True)
    addresses = addresses_of(settings, test)
    sender = Sender(settings.receivers, settings.zone, settings.board)
    alert = test_alert(now())
    outcomes = [
        (address, sender.send(Message(f"test-{address}", address, (Delivery(f"test-{address}", address, alert),))))
        for address in addresses
    ]
    if as_json:
        emit_json([{"receiver": a, "sent": isinstance(o, Sent), "detail": o.detail} for a, o in outcomes])
    else:
        emit_lines(
            (f"{a}: {'sent' if isinstance(o, Sent) else 'FAILED'}{f': {o.detail}' if o.detail else ''}",
             "" if isinstance(o, Sent) else "red")
            for a, o in outcomes
        )  # fmt: skip
    if not all(isinstance(outcome, Sent) for _, outcome in outcomes):
        raise typer.Exit(1)


def addresses_of(settings: Settings, name: str) -> list[str]:
    """The address names meant by a receiver's name, an address name or a route's number (from 1).

    Raises UsageError, naming what there is, for anything else.
    """
    from watcher.errors import UsageError

    found = [address for address in settings.receivers if address == name or address.rpartition("/")[0] == name]
    if not found and any(off == name or off.rpartition("/")[0] == name for off in settings.switched_off):
        raise UsageError(f"the receiver {name!r} is switched off: it has no address")
    if not found and name.isdigit() and 1 <= int(name) <= len(settings.routes):
        found = [address for address in settings.routes[int(name) - 1].to if address in settings.receivers]
        if not found:
            raise UsageError(f"route {name} tells nobody: its receivers are switched off, for they have no address")
    if not found:
        off = [f"{each} (switched off)" for each in settings.switched_off]
        there = ", ".join(sorted([*settings.receivers, *off])) or "none"
        raise UsageError(f"there is no receiver or route {name!r}; receivers: {there}; routes: {len(settings.routes)}")
    return found


@outbox.command("list")
def list_(
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            help="pending, sending, sent, dead or dropped; may be repeated. What waits and dead if not told.",
            metavar="STATE",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The most to show, latest first.", metavar="N")] = 100,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """List deliveries with their attempts."""
    from watcher.domain.alerts import DeliveryState
    from watcher.errors import UsageError

    asked = state or ["pending", "sending", "dead"]
    if unknown := [each for each in asked if each not in list(DeliveryState)]:
        raise UsageError(f"there is no state {unknown[0]!r} of a delivery; allowed: {', '.join(DeliveryState)}")
    states = [DeliveryState(each) for each in asked]
    settings = settings_from(config)
    store = store_from(settings, as_json=as_json)
    try:
        rows = store.deliveries(states, limit)
    finally:
        store.close()
    if as_json:
        emit_json([_row_json(row) for row in rows])
        return
    _show(rows, settings.zone)


def _show(rows: Sequence[DeliveryRow], zone: tzinfo) -> None:
    from watcher.domain.alerts import DeliveryState

    emit_table(
        ("ID", "STATE", "RECEIVER", "ABOUT", "CHANGE", "TRIES", "PLANNED", "NEXT", "DETAIL"),
        [
            (
                row.id,
                (row.state.value, "red" if row.state is DeliveryState.DEAD else ""),
                row.receiver,
                row.item,
                _told(row),
                str(row.attempts),
                moment(row.created_at, zone),
                moment(row.not_before, zone) if row.state is DeliveryState.PENDING else "-",
                cut(row.detail),
            )
            for row in rows
        ],
    )


def _told(row: DeliveryRow) -> str:
    from watcher.domain.alerts import Alert, AlertKind

    if row.alert.kind is AlertKind.EARLY_SIGNAL and isinstance(row.alert, Alert):
        return f"{row.alert.from_state}, {row.alert.to_state}? ({row.alert.status.value})"  # it has not moved
    if isinstance(row.alert, Alert):
        return f"{row.alert.from_state} -> {row.alert.to_state}"
    return f"{row.alert.kind.value}: {row.alert.reason}"


def _row_json(row: DeliveryRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state,
        "receiver": row.receiver,
        "item": row.item,
        "kind": row.alert.kind,
        "from": getattr(row.alert, "from_state", None),
        "to": getattr(row.alert, "to_state", None),
        "reason": row.alert.reason,
        "attempts": row.attempts,
        "planned_at": row.created_at,
        "not_before": row.not_before,
        "settled_at": row.settled_at,
        "detail": row.detail,
        "ledger": [{"n": a.n, "at": a.at, "outcome": a.outcome, "detail": a.detail} for a in row.ledger],
    }


@outbox.command()
def retry(
    ids: Annotated[
        list[str] | None, typer.Argument(help="Delivery ids, as `outbox list` shows them.", metavar="ID")
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All that were given up.")] = False,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Queue deliveries again, due at once, with their attempts counted anew."""
    from watcher.app import now
    from watcher.domain.alerts import DeliveryState
    from watcher.errors import UsageError

    if bool(ids) == dead:
        raise UsageError("name delivery ids, or say --dead for all that were given up")
    store = store_from(settings_from(config))
    try:
        chosen = ids or [row.id for row in store.deliveries((DeliveryState.DEAD,), limit=1_000_000)]
        for id_ in chosen:
            store.retry_delivery(id_, now())
    finally:
        store.close()
    remark(f"queued again: {len(chosen)}")


@outbox.command()
def drop(ids: Ids, config: Config = DEFAULT_CONFIG, yes: Yes = False) -> None:
    """Give deliveries up: they will not be sent, but stay on record."""
    from watcher.app import now

    confirm(yes, f"Give up {len(ids)} deliver{'ies' if len(ids) > 1 else 'y'} ({', '.join(ids)})?")
    store = store_from(settings_from(config))
    try:
        for id_ in ids:
            store.drop_delivery(id_, now())
    finally:
        store.close()
    remark(f"dropped: {len(ids)}")
