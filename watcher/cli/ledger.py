"""`outbox show` and `receivers`: what became of one delivery or message, and how every address is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.options import DEFAULT_CONFIG, Config, Json, opened_store, settings_from
from watcher.cli.output import cut, emit_json, emit_lines, emit_table, moment, plural

if TYPE_CHECKING:
    from watcher.domain.alerts import DeliveryRow, MessageRow, Receiver, ReceiverRow

WAITED = {
    "group": "for others of its event",
    "quiet": "for the end of quiet hours",
    "budget": "for the next hour: its route's messages were used up",
}
MERGED = {
    "event": "one event moved them",
    "held": "they waited for their time together",
    "late": "they piled up while the receiver took nothing",
}


def register(program: typer.Typer, outbox: typer.Typer) -> None:
    """Add this module's commands."""
    outbox.command()(show)
    program.command(rich_help_panel="Look")(receivers)


def show(
    id_: Annotated[str, typer.Argument(help="The id of a delivery or of a message.", metavar="ID")],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show a delivery whole: what it tells, why it went there and waited, what carried it, and every attempt."""
    from watcher.errors import UsageError

    settings = settings_from(config)
    with opened_store(settings, as_json=as_json) as store:
        rows = store.carried(id_)
        messages = store.messages({row.message for row in rows if row.message})
    if not rows:
        raise UsageError(f"there is no delivery or message {id_!r}; `watcher outbox list` shows their ids")
    if as_json:
        emit_json([row_json(row, messages.get(row.message)) for row in rows])
        return
    for number, row in enumerate(rows):
        emit_lines([*([""] if number else []), *_lines(row, messages.get(row.message), settings.zone)])


def _lines(row: DeliveryRow, message: MessageRow | None, zone: tzinfo) -> Iterator[str]:
    yield f"delivery  {row.id}"
    yield f"state     {row.state.value}{f', {moment(row.settled_at, zone)}' if row.settled_at else ''}"
    yield f"tells     {told(row)}: {title_of(row)} ({row.item})"
    yield f"to        {row.receiver}, by {f'the route {row.route!r}' if row.route else 'no route: about the service'}"
    yield f"planned   {moment(row.created_at, zone)}"
    if row.hold:
        yield f"waited    {WAITED[row.hold.value]}"
    if row.state.value == "pending":
        yield f"next      {moment(row.not_before, zone)}, or later where the receiver takes nothing"
    if message:
        yield from _message_lines(message, row.id, zone)
    if row.detail and not row.ledger:
        yield f"detail    {cut(row.detail, 200)}"
    for line in row.ledger:
        where = f" at {line.address}" if line.address else ""
        yield f"attempt {line.n} {moment(line.at, zone)} {line.outcome.value}{where}: {cut(line.detail, 200) or '-'}"


def _message_lines(message: MessageRow, delivery: str, zone: tzinfo) -> Iterator[str]:
    sent = f", sent {moment(message.sent_at, zone)}" if message.sent_at else ""
    yield f"message   {message.id}, composed {moment(message.composed_at, zone)}{sent}"
    if message.merge:
        yield f"merged    {plural(len(message.deliveries), 'delivery', 'deliveries')}: {MERGED[message.merge.value]}"
        yield f"with      {', '.join(one for one in message.deliveries if one != delivery)}"
    if message.subject:
        yield f"subject   {message.subject}"
    if message.digest:
        yield f"sha-256   {message.digest}"


def told(row: DeliveryRow) -> str:
    """What a delivery tells, in a few words."""
    from watcher.domain.alerts import Alert, AlertKind

    if row.alert.kind is AlertKind.EARLY_SIGNAL and isinstance(row.alert, Alert):
        return f"{row.alert.from_state}, {row.alert.to_state}? ({row.alert.status.value})"  # it has not moved
    if isinstance(row.alert, Alert):
        return f"{row.alert.from_state} -> {row.alert.to_state}"
    return f"{row.alert.kind.value}: {row.alert.reason}"


def title_of(row: DeliveryRow) -> str:
    """What its alert calls what it is about."""
    return getattr(row.alert, "title", "") or row.item


def row_json(row: DeliveryRow, message: MessageRow | None) -> dict[str, Any]:
    """All that is known of a delivery, for machines."""
    return {
        "id": row.id,
        "state": row.state,
        "receiver": row.receiver,
        "route": row.route,
        "alert": row.alert_id,
        "item": row.item,
        "title": title_of(row),
        "kind": row.alert.kind,
        "from": getattr(row.alert, "from_state", None),
        "to": getattr(row.alert, "to_state", None),
        "reason": row.alert.reason,
        "severity": row.alert.severity,
        "attempts": row.attempts,
        "planned_at": row.created_at,
        "not_before": row.not_before,
        "hold": row.hold,
        "settled_at": row.settled_at,
        "detail": row.detail,
        "message": _message_json(message) if message else None,
        "ledger": [
            {"n": a.n, "at": a.at, "outcome": a.outcome, "detail": a.detail, "message": a.message, "address": a.address}
            for a in row.ledger
        ],
    }


def _message_json(message: MessageRow) -> dict[str, Any]:
    known = {name: getattr(message, name) for name in message.__dataclass_fields__}
    return known | {"deliveries": list(message.deliveries)}


# --- receivers ------------------------------------------------------------------------------------


def receivers(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """List every address: whether it takes messages, when it last did, what waits for it and what was given up."""
    from watcher.app import now
    from watcher.web import board

    settings = settings_from(config)
    with opened_store(settings, as_json=as_json) as store:
        rows = board.every_receiver(store.receivers(now()), settings.receivers)
    addresses = {name: masked(receiver) for name, receiver in settings.receivers.items()}
    if as_json:
        shown: Iterable[Mapping[str, Any]] = board.receivers(rows, settings.receivers)["receivers"]
        emit_json([{**one, "address": addresses.get(one["receiver"])} for one in shown])
        return
    _show(rows, addresses, settings.zone)


def masked(receiver: Receiver) -> str:
    """An address fit to be shown: where it leads, without what is secret in it."""
    from watcher.delivery.addresses import masked as shown
    from watcher.delivery.webhook import masked_webhook

    return masked_webhook(receiver.url) if receiver.webhook else shown(receiver.url)


def _show(rows: Sequence[ReceiverRow], addresses: Mapping[str, str], zone: tzinfo) -> None:
    emit_table(
        ("RECEIVER", "ADDRESS", "CIRCUIT", "FAILURES", "LAST SUCCESS", "WAITING", "OLDEST", "HELD", "DEAD", "DETAIL"),
        [
            (
                row.circuit.receiver,
                addresses.get(row.circuit.receiver, "not in the configuration"),
                _circuit(row, zone),
                str(row.circuit.failures),
                moment(row.circuit.last_ok_at, zone),
                str(row.waiting),
                age(row.oldest),
                str(row.held),
                (str(row.dead), "red" if row.dead else ""),
                cut(row.circuit.detail) if row.circuit.failures else "",
            )
            for row in rows
        ],
    )


def _circuit(row: ReceiverRow, zone: tzinfo) -> tuple[str, str]:
    if row.circuit.opened_at is None:
        return ("closed", "")
    return (f"open since {moment(row.circuit.opened_at, zone)}, asked {_time(row.circuit.next_at, zone)}", "red")


def _time(at: datetime | None, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%H:%M") if at else "now"


def age(length: timedelta | None) -> str:
    """A length of time in its largest unit: "3 d", "5 h", "12 min"; "-" for none."""
    if length is None:
        return "-"
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
