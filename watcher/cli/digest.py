"""`digest`: what a route's digest would say now, when the next ones come, and one sent by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.options import DEFAULT_CONFIG, Config, Json, settings_from, store_from
from watcher.cli.output import emit_json, emit_lines, emit_table, moment, remark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.config import Settings
    from watcher.domain.alerts import Digest, Message, Route
    from watcher.domain.digests import DigestRow
    from watcher.storage.store import Store

_FIRST = timedelta(days=1)  # what is shown of a route that has had no digest yet


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Look")(digest)


def digest(
    route: Annotated[
        str | None, typer.Argument(help="A route's name; all that have a digest if not told.", metavar="ROUTE")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            help="Of the time since this moment (2025-11-03T09:00+01:00, UTC if it names no zone) instead of the last "
            "digest.",
            metavar="MOMENT",
        ),
    ] = None,
    upcoming: Annotated[
        bool, typer.Option("--next", help="Only list the routes with a digest, when the last came and the next comes.")
    ] = False,
    send: Annotated[
        bool, typer.Option("--send", help="Also send it now to the route's receivers; the next one comes all the same.")
    ] = False,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Print what the digest of a route would say now; nothing is sent unless --send is said."""
    from watcher.app import now
    from watcher.cli.explain import parse_date

    settings = settings_from(config, addresses=send)
    routes = _routes(settings, route)
    begin = parse_date(since) if since else None
    store = store_from(settings, as_json=as_json)
    try:
        rows = store.digests()
        if upcoming:
            _show_next(routes, rows, _made_last(store, routes), now(), as_json=as_json)
            return
        made = [_composed(store, settings, one, rows.get(one.name), begin, now()) for one in routes]
    finally:
        store.close()
    _show(made, settings, as_json=as_json)
    if send:
        _send(made, routes, settings)


def _routes(settings: Settings, name: str | None) -> list[Route]:
    from watcher.errors import UsageError

    if name is None:
        if not (found := [route for route in settings.routes if route.digest]):
            raise UsageError("no route has a digest: give one `digest: {at: daily}`, or name a route")
        return found
    if not (found := [route for route in settings.routes if route.name == name]):
        there = ", ".join(route.name for route in settings.routes) or "none"
        raise UsageError(f"there is no route {name!r}; routes: {there}")
    return found


def _composed(
    store: Store, settings: Settings, route: Route, row: DigestRow | None, since: datetime | None, now: datetime
) -> Digest:
    from watcher.digesting import compose

    if since is None and row is not None:
        return compose(store, settings, route, row.last_at, now=now, after=row.last_transition)[0]
    return compose(store, settings, route, since or now - _FIRST, now=now)[0]


def _message(made: Digest, receiver: str = "") -> Message:
    """Return it as it would be sent; what is only shown has no id."""
    from watcher.domain.alerts import Delivery, Message

    name = f"digest-{made.at:%Y%m%dT%H%M%S}-{receiver}" if receiver else ""
    return Message(name, receiver, (Delivery(name, receiver, made),))


def _show(made: Sequence[Digest], settings: Settings, *, as_json: bool) -> None:
    from watcher.app import look_of
    from watcher.delivery.render import render

    if as_json:
        emit_json([_json(one) for one in made])
        return
    look = look_of(settings)
    for number, one in enumerate(made):
        text = render(_message(one), look).text
        emit_lines([*([""] if number else []), *text.rstrip().splitlines()])


def _json(made: Digest) -> dict[str, Any]:
    from pydantic import TypeAdapter

    from watcher.domain.alerts import Digest

    told: dict[str, Any] = TypeAdapter(Digest).dump_python(made, mode="json")
    return told


def _made_last(store: Store, routes: Sequence[Route]) -> dict[str, datetime]:
    """Return when the last digest of each route was made; routes that had none are left out."""
    from watcher.domain.alerts import AlertKind

    found = {route.name: store.alerts(kinds=[AlertKind.DIGEST], item=route.name, limit=1) for route in routes}
    return {name: made[0].created_at for name, made in found.items() if made}


def _show_next(
    routes: Sequence[Route], rows: dict[str, DigestRow], made: dict[str, datetime], now: datetime, *, as_json: bool
) -> None:
    from watcher.digesting import named, next_time

    found = []
    for route in routes:
        if route.digest is None:
            continue
        row = rows.get(route.name)
        kept = row is not None and row.timetable == named(route.digest)
        found.append((route, made.get(route.name), row.next_at if row and kept else next_time(route.digest, now)))
    if as_json:
        emit_json([{"route": r.name, "last_at": last, "next_at": at, "to": list(r.to)} for r, last, at in found])
        return
    emit_table(
        ("ROUTE", "AT", "ZONE", "LAST", "NEXT", "TO"),
        [
            (r.name, r.digest.cron, r.digest.zone.key, moment(last, r.digest.zone), moment(at, r.digest.zone),
             ", ".join(r.to) or "nobody")
            for r, last, at in found if r.digest
        ],
    )  # fmt: skip


def _send(made: Sequence[Digest], routes: Sequence[Route], settings: Settings) -> None:
    from watcher.app import now, sender_of
    from watcher.domain.alerts import Sent

    sender = sender_of(settings)
    failed = False
    for one, route in zip(made, routes, strict=True):
        for receiver in route.to:
            outcome = sender.send(_message(one, receiver), now())
            sent = isinstance(outcome, Sent)
            failed = failed or not sent
            remark(f"{receiver}: {'sent' if sent else 'FAILED'}{f': {outcome.detail}' if outcome.detail else ''}")
    if failed:
        raise typer.Exit(1)
