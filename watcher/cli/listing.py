"""`status` and `history`: what the database knows, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta, tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.options import DEFAULT_CONFIG, Config, Json, settings_from, store_from
from watcher.cli.output import Cell, cut, emit_json, emit_lines, emit_table, moment, remark
from watcher.cli.silences import muted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.domain.alerts import Act, Silence
    from watcher.domain.feeds import Coverage
    from watcher.domain.model import Evidence, HistoryRow, Item, Lifecycle, Standing

MARKED_FOR = timedelta(days=7)  # how long `status` marks an alert that nobody acknowledges


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Look")(status)
    program.command(rich_help_panel="Look")(history)


def status(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """List the items: the state of each, since when, the last evidence about it, and how many of its sources answer.

    Marks what is disputed, what is muted, and what was told within a week and nobody has acknowledged.
    """
    from watcher.app import now
    from watcher.domain.health import cover

    settings, at = settings_from(config), now()
    store = store_from(settings, as_json=as_json)
    try:
        standings, last, feeds = store.standings(), store.last_evidence(), store.feed_statuses()
        silences, waiting = store.silences(at), store.unacknowledged(at - MARKED_FOR)
    finally:
        store.close()
    rules = settings.rules
    covered = {one.item: one for one in cover(settings.sources, feeds, at)}
    known = [
        Known(item, standings[item.id], last.get(item.id), covered[item.id], *muted(silences, item),
              waiting.get(item.id, 0))
        for item in rules.items if item.id in standings
    ]  # fmt: skip
    if as_json:
        emit_json([_status_json(one) for one in known])
    else:
        heads = ("ITEM", "STATE", "SINCE", "SOURCES", "LAST EVIDENCE", "OUTLET", "TITLE")
        emit_table(heads, [_status_row(one, rules.lifecycles[one.item.lifecycle], settings.zone) for one in known])
    if missing := [item.id for item in rules.items if item.id not in standings]:
        remark(f"not in the database yet (the next run takes them in): {', '.join(missing)}")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an item."""

    item: Item
    standing: Standing
    last: Evidence | None
    coverage: Coverage
    silence: Silence | None
    muted: bool  # the silence is of all that is told of it
    waiting: int  # alerts that nobody has acknowledged


def _status_row(known: Known, lifecycle: Lifecycle, zone: tzinfo) -> list[Cell]:
    item, standing, last = known.item, known.standing, known.last
    state = lifecycle.states.get(standing.state)
    label = state.label if state else standing.state
    shown = f"{label} ({standing.value})" if standing.value else label
    shown = ", ".join([shown, *_marks(known, zone)])
    style = "dim" if state and state.final else "yellow" if standing.disputed else "bold"
    about = (moment(last.at, zone), last.outlet, cut(last.title)) if last else ("-", "-", "-")
    coverage = known.coverage
    sources = (f"{coverage.answered} of {coverage.sources}", "yellow" if coverage.missing else "")
    return [item.id, (shown, style), moment(standing.since, zone), sources, *about]


def _marks(known: Known, zone: tzinfo) -> list[str]:
    marks = ["disputed"] if known.standing.disputed else []
    if known.silence:
        marks.append(f"{'' if known.muted else 'partly '}muted until {moment(known.silence.ends_at, zone)}")
    if known.waiting:
        marks.append(f"{known.waiting} to acknowledge")
    return marks


def _status_json(known: Known) -> dict[str, Any]:
    from watcher.web.board import silence

    item, standing, coverage = known.item, known.standing, known.coverage
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
        "actor": standing.actor or None,
        "muted": known.muted,
        "silence": silence(known.silence) if known.silence else None,
        "unacknowledged": known.waiting,
        "sources": {
            "chosen": coverage.sources,
            "answered": coverage.answered,
            "missing": list(coverage.missing),
        },
        "last_evidence": _evidence_json(known.last) if known.last else None,
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
    """Show how an item came to its state: every change, newest first, with the evidence it rests on, and between them
    what people noted and acknowledged."""
    from watcher.errors import UsageError

    settings = settings_from(config)
    store = store_from(settings, as_json=as_json)
    try:
        rows, acts = store.history(item), store.acts(item)
    finally:
        store.close()
    if not rows:
        known = ", ".join(sorted(each.id for each in settings.rules.items))
        raise UsageError(f"there is no item {item!r} in the database; configured are: {known}")
    placed = _placed(rows, acts)
    if as_json:
        emit_json([_history_json(row, since) for row, since in placed])
        return
    for row, since in placed:
        emit_lines([*(_act_line(act, settings.zone) for act in since), *_history_lines(row, settings.zone)])


def _placed(rows: Sequence[HistoryRow], acts: Sequence[Act]) -> list[tuple[HistoryRow, list[Act]]]:
    """Give each change what people did between it and the next one, latest first."""
    rest, placed = list(acts), []
    for row in rows:
        since = [act for act in rest if act.at >= row.recorded_at or row.seq == 0]
        rest = [act for act in rest if act not in since]
        placed.append((row, since[::-1]))
    return placed


def _act_line(act: Act, zone: tzinfo) -> Cell:
    did = f"acknowledged alert {act.alert}" if act.alert else "noted"
    return f"{moment(act.at, zone)}  {act.by} {did}{f': {act.text}' if act.text else ''}"


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


def _history_json(row: HistoryRow, acts: Sequence[Act]) -> dict[str, Any]:
    from watcher.web.board import act

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
        "actor": transition.actor or None,
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
        "acts": [act(one) for one in acts],  # since then, until the next change
    }  # fmt: skip
