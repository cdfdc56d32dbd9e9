"""`status` and `history`: what the database knows, for people and for machines."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.options import DEFAULT_CONFIG, Config, Json, settings_from, store_from
from watcher.cli.output import Cell, cut, emit_json, emit_lines, emit_table, moment, remark

if TYPE_CHECKING:
    from watcher.domain.model import Coverage, Evidence, HistoryRow, Item, Lifecycle, Standing


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Look")(status)
    program.command(rich_help_panel="Look")(history)


def status(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """List the items: the state of each, since when, the last evidence about it, and how many of its sources answer."""
    from watcher.app import now
    from watcher.domain.health import cover

    settings = settings_from(config)
    store = store_from(settings, as_json=as_json)
    try:
        standings, last, feeds = store.standings(), store.last_evidence(), store.feed_statuses()
    finally:
        store.close()
    rules = settings.rules
    known = [(item, standings[item.id]) for item in rules.items if item.id in standings]
    covered = {one.item: one for one in cover(settings.sources, feeds, now())}
    if as_json:
        emit_json([_status_json(item, standing, last.get(item.id), covered[item.id]) for item, standing in known])
    else:
        emit_table(
            ("ITEM", "STATE", "SINCE", "SOURCES", "LAST EVIDENCE", "OUTLET", "TITLE"),
            [
                _status_row(
                    item, standing, rules.lifecycles[item.lifecycle], last.get(item.id), covered[item.id], settings.zone
                )
                for item, standing in known
            ],
        )
    if missing := [item.id for item in rules.items if item.id not in standings]:
        remark(f"not in the database yet (the next run takes them in): {', '.join(missing)}")


def _status_row(
    item: Item, standing: Standing, lifecycle: Lifecycle, last: Evidence | None, coverage: Coverage, zone: tzinfo
) -> list[Cell]:
    state = lifecycle.states.get(standing.state)
    label = state.label if state else standing.state
    shown = f"{label} ({standing.value})" if standing.value else label
    if standing.disputed:
        shown += ", disputed"
    style = "dim" if state and state.final else "yellow" if standing.disputed else "bold"
    about = (moment(last.at, zone), last.outlet, cut(last.title)) if last else ("-", "-", "-")
    sources = (f"{coverage.answered} of {coverage.sources}", "yellow" if coverage.missing else "")
    return [item.id, (shown, style), moment(standing.since, zone), sources, *about]


def _status_json(item: Item, standing: Standing, last: Evidence | None, coverage: Coverage) -> dict[str, Any]:
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
        "sources": {
            "chosen": coverage.sources,
            "answered": coverage.answered,
            "missing": list(coverage.missing),
        },
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
        if gone := row.removed.get(evidence.id):
            lines.append(f"        no longer there: {cut(gone)}")
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
        "evidence": [
            _evidence_json(evidence) | {"removed": row.removed.get(evidence.id)} for evidence in row.evidence
        ],
        "seed": None if row.seed is None else {
            "publisher": row.seed.publisher,
            "title": row.seed.title,
            "published": row.seed.published.isoformat(),
            "link": row.seed.link,
        },
    }  # fmt: skip
