"""`notify` and `outbox`: whether an address works, and what waits to be sent or was given up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli import ledger
from watcher.cli.ledger import row_json, told
from watcher.cli.options import DEFAULT_CONFIG, Config, Json, Yes, confirm, settings_from, store_from
from watcher.cli.output import cut, emit_json, emit_lines, emit_table, moment, remark

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.domain.alerts import DeliveryRow, DeliveryState, Route

outbox = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Look at and tend what is to be sent.")

Ids = Annotated[list[str], typer.Argument(help="Ids of deliveries or messages (`outbox list`).", metavar="ID")]


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Tend")(notify)
    ledger.register(program, outbox)
    program.add_typer(outbox, name="outbox", rich_help_panel="Tend")


def notify(
    test: Annotated[
        str,
        typer.Option(
            "--test", help="A receiver's name, one address of it (NAME/2), or a route's name or number.", metavar="NAME"
        ),
    ],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Send a test message to a receiver, or to all receivers of a route, and say whether it was taken."""
    from watcher.app import now, sender_of
    from watcher.domain.alerting import test_alert
    from watcher.domain.alerts import Delivery, Message, Sent

    settings = settings_from(config, addresses=True)
    addresses = addresses_of(settings, test)
    sender = sender_of(settings)
    moment_ = now()
    alert = test_alert(moment_)
    outcomes = []
    for address in addresses:
        id_ = f"test-{address}-{moment_:%Y%m%dT%H%M%S}"  # a mail server drops what has the id of an earlier one
        message = Message(id_, address, (Delivery(id_, address, alert),))
        outcomes.append((address, sender.send(message, moment_)))
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
    """The address names meant by a receiver's name, an address name, or a route's name or number (from 1); what is both
    a receiver's and a route's name is the receiver.

    Raises UsageError, naming what there is, for anything else.
    """
    from watcher.errors import UsageError

    found = [address for address in settings.receivers if address == name or address.rpartition("/")[0] == name]
    if not found and any(off == name or off.rpartition("/")[0] == name for off in settings.switched_off):
        raise UsageError(f"the receiver {name!r} is switched off: it has no address")
    if not found and (route := _route(settings, name)):
        found = [address for address in route.to if address in settings.receivers]
        if not found:
            raise UsageError(
                f"the route {route.name!r} tells nobody: its receivers are switched off, for they have no address"
            )
    if not found:
        off = [f"{each} (switched off)" for each in settings.switched_off]
        there = ", ".join(sorted([*settings.receivers, *off])) or "none"
        routes = ", ".join(route.name for route in settings.routes) or "none"
        raise UsageError(f"there is no receiver or route {name!r}; receivers: {there}; routes: {routes}")
    return found


def _route(settings: Settings, name: str) -> Route | None:
    """The route of that name, or else of that number."""
    named = next((route for route in settings.routes if route.name == name), None)
    numbered = name.isdecimal() and 1 <= int(name) <= len(settings.routes)
    return settings.routes[int(name) - 1] if named is None and numbered else named


@outbox.command("list")
def list_(
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            help="pending, sending, sent, dead, dropped or silenced; may be repeated. What waits and dead if not told.",
            metavar="STATE",
        ),
    ] = None,
    receiver: Annotated[
        list[str] | None,
        typer.Option("--receiver", help="Only to this address or receiver; may be repeated.", metavar="NAME"),
    ] = None,
    item: Annotated[
        list[str] | None,
        typer.Option("--item", help="Only about this item or feed; may be repeated.", metavar="ID"),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The most to show, latest first.", metavar="N")] = 100,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """List deliveries: what waits and why, and what was given up."""
    from watcher.app import now

    states = _states(state or ["pending", "sending", "dead"])
    settings = settings_from(config)
    store = store_from(settings, as_json=as_json)
    try:
        known = {row.circuit.receiver for row in store.receivers(now())} | set(settings.receivers)
        receivers = [name for each in receiver or () for name in _named(each, known)]
        rows = store.deliveries(states, limit, receivers=receivers, about=item or ())
        messages = store.messages({row.message for row in rows if row.message}) if as_json else {}
    finally:
        store.close()
    if as_json:
        emit_json([row_json(row, messages.get(row.message)) for row in rows])
        return
    _show(rows, settings.zone)


def _states(words: Sequence[str]) -> list[DeliveryState]:
    """The states of these names; UsageError, naming those there are, for any other."""
    from watcher.domain.alerts import DeliveryState
    from watcher.errors import UsageError

    if unknown := [each for each in words if each not in list(DeliveryState)]:
        raise UsageError(f"there is no state {unknown[0]!r} of a delivery; allowed: {', '.join(DeliveryState)}")
    return [DeliveryState(each) for each in words]


def _named(name: str, known: Collection[str]) -> list[str]:
    """The addresses meant by an address's or a receiver's name; UsageError, naming what there is, for anything else."""
    from watcher.errors import UsageError

    found = [one for one in known if one == name or one.rpartition("/")[0] == name]
    if not found:
        raise UsageError(f"there is no receiver {name!r}; allowed: {', '.join(sorted(known)) or 'none'}")
    return found


def _show(rows: Sequence[DeliveryRow], zone: tzinfo) -> None:
    from watcher.domain.alerts import DeliveryState

    emit_table(
        ("ID", "STATE", "RECEIVER", "ROUTE", "ABOUT", "CHANGE", "TRIES", "PLANNED", "NEXT", "HOLD", "WHY"),
        [
            (
                row.id,
                (row.state.value, "red" if row.state is DeliveryState.DEAD else ""),
                row.receiver,
                row.route or "-",
                row.item,
                told(row),
                str(row.attempts),
                moment(row.created_at, zone),
                moment(row.not_before, zone) if row.state is DeliveryState.PENDING else "-",
                row.hold.value if row.hold and row.state is DeliveryState.PENDING and not row.message else "-",
                cut(row.detail),
            )
            for row in rows
        ],
    )


@outbox.command()
def retry(
    ids: Annotated[
        list[str] | None,
        typer.Argument(help="Ids of deliveries or messages (`outbox list`).", metavar="ID"),
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All that were given up.")] = False,
    receiver: Annotated[
        list[str] | None,
        typer.Option("--receiver", help="With --dead: only to this address or receiver.", metavar="NAME"),
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Queue deliveries again, due at once, with their attempts counted anew. What one message carried goes as one."""
    from watcher.app import now
    from watcher.errors import UsageError

    if bool(ids) == dead:
        raise UsageError("name delivery ids, or say --dead for all that were given up")
    if receiver and not dead:
        raise UsageError("--receiver goes with --dead")
    settings = settings_from(config)
    store = store_from(settings)
    try:
        if dead:
            known = {row.circuit.receiver for row in store.receivers(now())} | set(settings.receivers)
            names = [name for each in receiver or () for name in _named(each, known)]
            count = store.retry_dead(names, now())
        else:
            count = sum(store.retry_delivery(id_, now()) for id_ in dict.fromkeys(ids or ()))
    finally:
        store.close()
    remark(f"queued again: {count}")


@outbox.command()
def drop(ids: Ids, config: Config = DEFAULT_CONFIG, yes: Yes = False) -> None:
    """Give deliveries up: they will not be sent, but stay on record."""
    from watcher.app import now

    confirm(yes, f"Give up {len(ids)} deliver{'ies' if len(ids) > 1 else 'y'} ({', '.join(ids)})?")
    store = store_from(settings_from(config))
    try:
        count = sum(store.drop_delivery(id_, now()) for id_ in dict.fromkeys(ids))
    finally:
        store.close()
    remark(f"dropped: {count}")
