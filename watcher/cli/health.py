"""`feeds` alone: how every source is doing, since when and why, and when it is asked next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta, tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.options import DEFAULT_CONFIG, Config, Json, settings_from, store_from
from watcher.cli.output import Cell, cut, emit_json, emit_table, masked_url, moment

if TYPE_CHECKING:
    from watcher.domain.feeds import FeedStatus, HealthChange
    from watcher.storage.store import Store

_STYLES = {"healthy": "", "new": "dim", "recovered": "green", "quiet": "yellow", "late": "yellow"}


def feeds(
    context: typer.Context,
    failing: Annotated[bool, typer.Option("--failing", help="Only those whose last poll failed.")] = False,
    health: Annotated[
        list[str] | None,
        typer.Option(
            "--health",
            help="Only those in this health: new, healthy, quiet, late, broken, blocked, retired or recovered; may be "
            "repeated.",
            metavar="HEALTH",
        ),
    ] = None,
    history: Annotated[
        str | None,
        typer.Option("--history", help="What became of one feed: its changes of health, latest first.", metavar="FEED"),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """List the feeds: the health of each, since when and why, how often it is polled and when next."""
    if context.invoked_subcommand is not None:
        return
    _check_words(health or ())
    settings = settings_from(config)
    store = store_from(settings, as_json=as_json)
    try:
        if history is not None:
            _show_history(store, history, settings.zone, as_json=as_json)
            return
        statuses = store.feed_statuses()
    finally:
        store.close()
    _show_list(_chosen(statuses, health or (), failing=failing), settings.zone, as_json=as_json)


def _chosen(statuses: Iterable[FeedStatus], health: Sequence[str], *, failing: bool) -> list[FeedStatus]:
    return [
        each
        for each in statuses
        if (not failing or (each.active and each.failures)) and (not health or each.health.value in health)
    ]


def _show_list(shown: Sequence[FeedStatus], zone: tzinfo, *, as_json: bool) -> None:
    if as_json:
        emit_json([_json(each) for each in shown])
        return
    emit_table(
        ("FEED", "HEALTH", "SINCE", "WHY", "RESULT", "LAST GOOD", "NEXT", "EVERY", "QUIET AFTER", "ENTRIES", "DETAIL"),
        [_row(each, zone) for each in shown],
    )


def _check_words(health: Iterable[str]) -> None:
    from watcher.domain.feeds import Health
    from watcher.errors import UsageError

    if unknown := [each for each in health if each not in list(Health)]:
        raise UsageError(f"there is no health {unknown[0]!r}; allowed: {', '.join(Health)}")


def _row(each: FeedStatus, zone: tzinfo) -> list[Cell]:
    from watcher.domain.health import expected_period

    polled = each.active and each.retired_at is None
    return [
        each.id if each.active else f"{each.id} (not configured)",
        (each.health.value, _STYLES.get(each.health.value, "red")),
        moment(each.health_since, zone),
        each.health_reason or "-",
        (each.last_result.value if each.last_result else "-", "red" if each.failures else ""),
        moment(each.last_ok_at, zone),
        moment(each.next_poll_at, zone) if polled else "-",
        _every(each),
        span(expected_period(each.pace, each.quiet_after)),
        str(each.entries),
        _detail(each.failures, each.moved_to, each.last_detail),
    ]


def _every(each: FeedStatus) -> str:
    """Tell how often it is polled: "10m", or "12m of 5m-1h" where that is learned between two bounds."""
    now = span(each.interval or each.every)
    return f"{now} of {span(each.fastest)}-{span(each.slowest)}" if each.fastest and each.slowest else now


def span(length: timedelta) -> str:
    """Tell a length of time in its largest unit: "5m", "3.5h", "12d"."""
    seconds = length.total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f}".removesuffix(".0") + unit
    return f"{seconds:g}s"


def _json(each: FeedStatus) -> dict[str, Any]:
    from watcher.web.board import source

    moved_to = masked_url(each.moved_to) if each.moved_to else None
    return source(each) | {"url": masked_url(each.url), "moved_to": moved_to}


def _detail(failures: int, moved_to: str | None, detail: str) -> str:
    moved = f"moved to {masked_url(moved_to)}" if moved_to else ""
    parts = [f"{failures} times in a row" if failures > 1 else "", moved, detail]
    return cut("; ".join(part for part in parts if part))


def _show_history(store: Store, feed: str, zone: tzinfo, *, as_json: bool) -> None:
    require_feed(store, feed)
    changes = store.health_history(feed)
    if as_json:
        emit_json([_change_json(each) for each in changes])
        return
    emit_table(
        ("AT", "FROM", "TO", "WHY", "DETAIL"),
        [
            [
                moment(each.at, zone),
                each.from_state.value,
                (each.to_state.value, _STYLES.get(each.to_state.value, "red")),
                each.reason,
                cut(each.detail),
            ]
            for each in changes
        ],
    )


def require_feed(store: Store, feed: str) -> None:
    """Raise UsageError for a feed that the database does not have."""
    from watcher.errors import UsageError

    if feed not in {each.id for each in store.feed_statuses()}:
        raise UsageError(f"there is no feed {feed!r} in the database; `watcher feeds` lists them")


def _change_json(change: HealthChange) -> dict[str, Any]:
    return {name: getattr(change, name) for name in change.__dataclass_fields__}
