"""`db`: the database's schema and its old text."""

from __future__ import annotations

import typer

from watcher.cli.options import DEFAULT_CONFIG, Config, Json, Yes, confirm, no_database, settings_from, store_from
from watcher.cli.output import emit_json, emit_lines, plural, remark

db = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Tend the database.")


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.add_typer(db, name="db", rich_help_panel="Tend")


@db.command()
def upgrade(config: Config = DEFAULT_CONFIG) -> None:
    """Bring the database to this version's schema; does nothing when it is there already."""
    from watcher.storage.store import Store

    store = Store.open(settings_from(config).database)
    try:
        before = store.revision()
        store.upgrade()
        after = store.revision()
    finally:
        store.close()
    remark(f"schema {after}: nothing to do" if before == after else f"schema {before or 'none'} -> {after}")


@db.command()
def revision(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Print the schema's revision; exit code 1 when it is not the one this version needs."""
    from watcher.errors import SchemaError
    from watcher.storage.store import Store

    settings = settings_from(config)
    found, trouble = None, no_database(settings)
    if not trouble:
        store = Store.open(settings.database)
        try:
            found = store.revision()
            store.check_schema()
        except SchemaError as error:
            trouble = str(error)
        finally:
            store.close()
    if as_json:
        emit_json({"revision": found, "current": not trouble})
    else:
        emit_lines([found or "none"])
    if trouble:
        remark(f"watcher: {trouble}")
        raise typer.Exit(1)


@db.command()
def prune(config: Config = DEFAULT_CONFIG, yes: Yes = False) -> None:
    """Remove the text of old entries that were about nothing watched, as the daemon does by itself.

    Evidence and history are never removed.
    """
    from watcher.app import now
    from watcher.upkeep import prune as prune_old

    settings = settings_from(config)
    moment = now()
    before = moment - settings.retention.unmatched
    confirm(yes, f"Remove the text of unmatched entries seen before {before:%Y-%m-%d %H:%M} UTC?")
    store = store_from(settings)
    try:
        removed = prune_old(store, settings.retention, now=moment)
    finally:
        store.close()
    remark(f"text removed from {plural(removed, 'entry', 'entries')}")


@db.command()
def compact(config: Config = DEFAULT_CONFIG) -> None:
    """Give the room of removed text back to the disk. Stop the daemon first; it takes as much room again meanwhile.

    SQLite keeps the gaps that removed text leaves, and fills few of them; PostgreSQL needs none of this.
    """
    store = store_from(settings_from(config))
    try:
        before, after = store.compact()
    finally:
        store.close()
    remark(f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now")
