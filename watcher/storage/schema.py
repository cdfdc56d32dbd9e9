"""The schema's revision: read it, check it, bring it up to date with Alembic, without an ini file.

The migrations lie in `migrations/` inside the package; released ones are never edited.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from watcher.errors import SchemaError
from watcher.storage.database import UPGRADE_HINT, Database, Lock, exclusive

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Run every missing migration in one transaction.

    1. Take the lock (SQLite: the write lock; PostgreSQL: an advisory one): a second process waits here.
    2. Read the revision, run what is missing, write the new revision. The one who waited finds nothing to do.
    A crash leaves the schema as it was: both databases roll table definitions back.
    """
    config = _config()
    with database.rebuild() as connection:
        exclusive(connection, Lock.UPGRADE)
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in _known():
            raise _too_new(current)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def revision(database: Database) -> str | None:
    """Return the revision the database is at, None where there is none."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def check(database: Database) -> None:
    """Raise SchemaError unless the database is at this version's revision."""
    current = revision(database)
    if current is None:
        raise SchemaError(f"the database has no tables yet: {UPGRADE_HINT}")
    if current not in _known():
        raise _too_new(current)
    if current != _known()[0]:
        raise SchemaError(f"the database is at revision {current}, this version needs {_known()[0]}: {UPGRADE_HINT}")


def _config() -> Config:
    config = Config()
    # a percent sign in a path would be read as the beginning of a substitution
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


@cache
def _known() -> tuple[str, ...]:
    """Return every revision of this version, latest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _too_new(current: str) -> SchemaError:
    return SchemaError(
        f"the database is at revision {current}, which a later version of watcher made: install that version, "
        f"or restore the backup from before its `watcher db upgrade`"
    )
