"""The schema's revision: read it, check it, bring it up to date with Alembic, without an ini file.

The migrations lie in `migrations/` inside the package; released ones are never edited. Alembic, which is as large as
the rest of the program's start, is loaded only where there is something to migrate.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, inspect, select, table

from watcher.errors import SchemaError
from watcher.storage.database import UPGRADE_HINT, Database, Lock, exclusive

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = table("alembic_version", column("version_num"))  # Alembic's own


def upgrade(database: Database) -> None:
    """Run every missing migration in one transaction.

    1. Take the lock (SQLite: the write lock; PostgreSQL: an advisory one): a second process waits here.
    2. Read the revision, run what is missing, write the new revision. The one who waited finds nothing to do.
    A crash leaves the schema as it was: both databases roll table definitions back.
    """
    with database.rebuild() as connection:
        exclusive(connection, Lock.UPGRADE)
        current = _revision(connection)
        if current is not None and current not in known():
            raise _too_new(current)
        if current != known()[0]:
            from alembic import command

            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def revision(database: Database) -> str | None:
    """Return the revision the database is at, None where there is none."""
    with database.read() as connection:
        return _revision(connection)


def check(database: Database) -> None:
    """Raise SchemaError unless the database is at this version's revision."""
    current = revision(database)
    if current is None:
        raise SchemaError(f"the database has no tables yet: {UPGRADE_HINT}")
    if current not in known():
        raise _too_new(current)
    if current != known()[0]:
        raise SchemaError(f"the database is at revision {current}, this version needs {known()[0]}: {UPGRADE_HINT}")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar()


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    # a percent sign in a path would be read as the beginning of a substitution
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


@cache
def known() -> tuple[str, ...]:
    """Return every revision of this version, latest first, by the names of the files: r, its number, what it does."""
    names = (path.stem for path in (_MIGRATIONS / "versions").glob("r*_*.py"))
    return tuple(sorted((name[1:].partition("_")[0] for name in names), reverse=True))


def _too_new(current: str) -> SchemaError:
    return SchemaError(
        f"the database is at revision {current}, which a later version of watcher made: install that version, "
        f"or restore the backup from before its `watcher db upgrade`"
    )
