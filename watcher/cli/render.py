"""`render`: what a message looks like, without sending it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.options import DEFAULT_CONFIG, Config, settings_from, store_from
from watcher.cli.output import emit_json, remark

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.delivery.render import Look
    from watcher.domain.alerts import Message

FORMS = ("text", "html", "slack", "subject", "json")


def register(program: typer.Typer) -> None:
    """Add this module's command."""
    program.command(rich_help_panel="Tend")(render)


def render(
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="A kind of alert, or reminder, escalation, correction, event, held or late.",
            metavar="KIND",
        ),
    ] = "state_change",
    form: Annotated[
        str, typer.Option("--form", help="text, html, slack, subject or json (what a webhook gets).", metavar="FORM")
    ] = "text",
    delivery: Annotated[
        str,
        typer.Option("--delivery", help="Instead of a sample: a delivery, as `outbox list` shows it.", metavar="ID"),
    ] = "",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Show what a message looks like with the templates, zone, board and links of the configuration; send nothing.

    A sample is invented. Of a stored delivery is shown what it would look like now, as a message of its own.
    """
    from watcher.app import look_of
    from watcher.errors import UsageError

    if form not in FORMS:
        raise UsageError(f"there is no form {form!r} of a message; allowed: {', '.join(FORMS)}")
    settings = settings_from(config, addresses=True)
    message = _stored(settings, delivery) if delivery else _sample(kind)
    _show(message, look_of(settings), form)


def _sample(kind: str) -> Message:
    from watcher.delivery.samples import SAMPLES, sample
    from watcher.errors import UsageError

    if kind not in SAMPLES:
        raise UsageError(f"there is no sample of {kind!r}; allowed: {', '.join(SAMPLES)}")
    return sample(kind)


def _stored(settings: Settings, id: str) -> Message:
    from watcher.domain.alerts import Delivery, Message
    from watcher.errors import UsageError

    store = store_from(settings)
    try:
        rows = store.carried(id)
        made = store.messages([id]).get(id)
    finally:
        store.close()
    if not rows:
        raise UsageError(f"there is no delivery or message {id!r}: `watcher outbox list` shows them")
    carried = tuple(
        Delivery(
            row.id, row.receiver, row.alert, row.attempts, row.state, row.alert_id, row.route, row.hold, row.created_at
        )
        for row in rows
    )
    return Message(id, rows[0].receiver, carried, made.merge if made and len(rows) > 1 else None)


def _show(message: Message, look: Look, form: str) -> None:
    from watcher.delivery.payload import body_of
    from watcher.delivery.render import render, urls_of
    from watcher.delivery.slack import attachment_of

    made = render(message, look)
    if form == "json":
        _show_json(body_of(message, made.subject, made.text, look.board, lambda one: urls_of(one, look.links)))
    elif form == "slack":
        emit_json({"attachments": [attachment_of(made)]})
    else:
        print({"text": made.text, "html": made.html, "subject": made.subject}[form].rstrip("\n"))
    for fault in made.faults:
        remark(f"watcher: a template failed, and the shipped one was used: {fault}")


def _show_json(body: bytes) -> None:
    import json

    told: Any = json.loads(body)
    emit_json(told)
