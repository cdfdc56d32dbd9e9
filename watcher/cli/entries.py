"""`feeds entries`: what was read of one feed, as it is stored."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher.cli.health import require_feed
from watcher.cli.options import DEFAULT_CONFIG, Config, Json, settings_from, store_from
from watcher.cli.output import Cell, cut, emit_json, emit_lines, moment

if TYPE_CHECKING:
    from watcher.domain.model import Entry


def entries(
    feed: Annotated[str, typer.Argument(help="The feed's id.", metavar="FEED")],
    limit: Annotated[int, typer.Option("--limit", help="The most to show.", metavar="N", min=1)] = 20,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show what was read of a feed, the latest first: its entries as stored; of a page, what is new there and what it
    no longer says.

    The text of old entries that were about no item is forgotten (`retention.unmatched`).
    """
    settings = settings_from(config)
    store = store_from(settings, as_json=as_json)
    try:
        require_feed(store, feed)
        found = store.newest_entries(feed, limit)
    finally:
        store.close()
    if as_json:
        emit_json([_json(each) for each in found])
        return
    for each in found:
        emit_lines(_lines(each, settings.zone))


def _lines(entry: Entry, zone: tzinfo) -> list[Cell]:
    head = f"{moment(entry.seen_at, zone)}  {cut(entry.title) or '(its text is forgotten)'}"
    lines: list[Cell] = [(head, "bold")]
    notes = [f"published {moment(entry.published, zone)}" if entry.published else "", entry.source]
    notes += ["first poll" if entry.baseline else "", f"edited {entry.revision} times" if entry.revision else ""]
    if said := ", ".join(note for note in notes if note):
        lines.append((f"    {said}", "dim"))
    if entry.summary:
        lines.append(f"    {cut(entry.summary, 300)}")
    if entry.removed:
        lines.append(f"    no longer there: {cut(entry.removed, 300)}")
    if entry.link:
        lines.append((f"    {entry.link}", "dim"))
    return lines


def _json(entry: Entry) -> dict[str, Any]:
    names = ("id", "key", "title", "summary", "removed", "link", "source", "language", "published", "at", "seen_at")
    return {name: getattr(entry, name) for name in (*names, "baseline", "revision")}
