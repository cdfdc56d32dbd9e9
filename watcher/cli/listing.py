"""`status`, `history` and the list of `feeds`: what the database knows, for people and for machines."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.options import DEFAULT_CONFIG, Config, Json, settings_from, store_from
from watcher.cli.output import Cell, cut, emit_json, emit_lines, emit_table, masked_url, moment, remark

if TYPE_CHECKING:
    from watcher.domain.model import Evidence, FeedStatus, HistoryRow, Item, Lifecycle, Standing


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Look")(status)
    program.command(rich_help_panel="Look")(history)


def status(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """List the items: the state of each, since when, and the last evidence about it."""
    settings = settings_from(config)
    store = store_from(settings, as_json=as_json)
    try:
        standings, last = store.standings(), store.last_evidence()
    finally:
        store.close()
    rules = settings.rules
    known = [(item, standings[item.id]) for item in rules.items if item.id in standings]
    if as_json:
        emit_json([_status_json(item, standing, last.get(item.id)) for item, standing in known])
    else:
        emit_table(
            ("ITEM", "STATE", "SINCE", "LAST EVIDENCE", "OUTLET", "TITLE"),
            [
                _status_row(item, standing, rules.lifecycles[item.lifecycle], last.get(item.id), settings.zone)
                for item, standing in known
            ],
        )
    if missing := [item.id for item in rules.items if item.id not in standings]:
        remark(f"not in the database yet (the next run takes them in): {', '.join(missing)}")


def _status_row(
    item: Item, standing: Standing, lifecycle: Lifecycle, last: Evidence | None, zone: tzinfo
) -> list[Cell]:
    state = lifecycle.states.get(standing.state)
    label = state.label if state else standing.state
    shown = f"{label} ({standing.value})" if standing.value else label
    if standing.disputed:
        shown += ", disputed"
    style = "dim" if state and state.final else "yellow" if standing.disputed else "bold"
    about = (moment(last.at, zone), last.outlet, cut(last.title)) if last else ("-", "-", "-")
    return [item.id, (shown, style), moment(standing.since, zone), *about]


def _status_json(item: Item, standing: Standing, last: Evidence | None) -> dict[str, Any]:
    return {
        "item": item.id,
        "title": item.title,
        "watchlist": item.watchlist,
        "lifecycle": item.lifecycle,
        "state": standing.state,
        "value": standing.value,
        "since": standing.since,
        "disputed": standing.disputed,
        "source": standing.source or None,
        "last_evidence": _evidence_json(last) if last else None,
    }


def _evidence_json(evidence: Evidence) -> dict[str, Any]:
    return {
        "at": evidence.at,
        "outlet": evidence.outlet,
        "tier": evidence.tier,
        "state": evidence.state,
        "status": evidence.status,
        "quote": evidence.quote,
        "title": evidence.title,
        "link": evidence.link,
    }


def history(
    item: Annotated[str, typer.Argument(help="The item's id.")],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show how an item came to its state: every change, newest first, with the evidence it rests on."""
    from watcher.errors import UsageError

    settings = settings_from(config)
    store = store_from(settings, as_json=as_json)
    try:
        rows = store.history(item)
    finally:
        store.close()
    if not rows:
        known = ", ".join(sorted(each.id for each in settings.rules.items))
        raise UsageError(f"there is no item {item!r} in the database; configured are: {known}")
    if as_json:
        emit_json([_history_json(row) for row in rows])
    else:
        for row in rows:
            emit_lines(_history_lines(row, settings.zone))


def _history_lines(row: HistoryRow, zone: tzinfo) -> list[Cell]:
    transition = row.transition
    value = f" ({transition.to_value})" if transition.to_value else ""
    step = f"{transition.from_state} -> {transition.to_state}{value}" if row.seq else f"{transition.to_state}{value}"
    detail = f": {transition.detail}" if transition.detail else ""
    lines: list[Cell] = [
        (f"{moment(transition.at, zone)}  {step}", "bold"),
        f"    {transition.reason.value}{detail}",
    ]
    if row.seed:
        lines.append(f"    seed: {row.seed.publisher}, {row.seed.published}: {cut(row.seed.title)}")
    for evidence in row.evidence:
        said = cut(evidence.quote)
        lines.append(f"    {moment(evidence.at, zone)}  {evidence.outlet} ({evidence.tier.value}): {said}")
        if evidence.link:
            lines.append((f"        {evidence.link}", "dim"))
    return lines


def _history_json(row: HistoryRow) -> dict[str, Any]:
    transition = row.transition
    return {
        "seq": row.seq,
        "from": transition.from_state,
        "to": transition.to_state,
        "value": transition.to_value,
        "at": transition.at,
        "recorded_at": row.recorded_at,
        "status": transition.status,
        "reason": transition.reason,
        "detail": transition.detail,
        "sources": transition.sources,
        "entries": list(transition.entries),
        "evidence": [_evidence_json(evidence) for evidence in row.evidence],
        "seed": None if row.seed is None else {
            "publisher": row.seed.publisher,
            "title": row.seed.title,
            "published": row.seed.published.isoformat(),
            "link": row.seed.link,
        },
    }  # fmt: skip


def feeds(
    config: Config = DEFAULT_CONFIG,
    failing: Annotated[bool, typer.Option("--failing", help="Only those whose last poll failed.")] = False,
    as_json: Json = False,
) -> None:
    """List the feeds: when each was last polled, with what result, and when it is next due."""
    settings = settings_from(config)
    store = store_from(settings, as_json=as_json)
    try:
        statuses = [each for each in store.feed_statuses() if not failing or (each.active and each.failures)]
    finally:
        store.close()
    if as_json:
        emit_json([_feed_json(each) for each in statuses])
        return
    zone = settings.zone
    emit_table(
        ("FEED", "RESULT", "LAST POLL", "LAST GOOD", "NEXT", "ENTRIES", "DETAIL"),
        [
            (
                each.id if each.active else f"{each.id} (not configured)",
                (each.last_result.value if each.last_result else "-", "red" if each.failures else ""),
                moment(each.last_at, zone),
                moment(each.last_ok_at, zone),
                moment(each.next_poll_at, zone) if each.active else "-",
                str(each.entries),
                _feed_detail(each.failures, each.moved_to, each.last_detail),
            )
            for each in statuses
        ],
    )


def _feed_json(status: FeedStatus) -> dict[str, Any]:
    known = {name: getattr(status, name) for name in status.__dataclass_fields__}
    moved_to = masked_url(status.moved_to) if status.moved_to else None
    return known | {"url": masked_url(status.url), "moved_to": moved_to}


def _feed_detail(failures: int, moved_to: str | None, detail: str) -> str:
    moved = f"moved to {masked_url(moved_to)}" if moved_to else ""
    parts = [f"{failures} times in a row" if failures > 1 else "", moved, detail]
    return cut("; ".join(part for part in parts if part))
