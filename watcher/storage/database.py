"""One database, SQLite or PostgreSQL: how it is opened, how transactions begin, and what its errors mean to us.

Nothing here knows a table. Foreign errors become ours at this door; broken constraints stay what they are, because
they are bugs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import IntEnum
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Table, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from watcher.errors import SchemaError, StoreError, UsageError

_Value = TypeVar("_Value", int, str)

UPGRADE_HINT = "run `watcher db upgrade`"

_BUSY_TIMEOUT_MS = 30_000  # how long a SQLite writer waits for another
_PARAMETERS = 500  # SQLite takes 32,766 in one statement, PostgreSQL 65,535
_ALLOWED = "sqlite:///path/to/file.db or postgresql://user@host/name"
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_UNDEFINED = {"42P01", "42703"}  # table, column
_PASSING = {"40001", "40P01", "53300", "55P03", "57P01", "57P02", "57P03"}  # lost a race, full, locked, restarting


class Lock(IntEnum):
    """Names of the PostgreSQL advisory locks of this product; SQLite has one writer anyway."""

    UPGRADE = 0x77617463_01
    SYNC = 0x77617463_02
    RECORD = 0x77617463_03
    ACKNOWLEDGE = 0x77617463_04
    SILENCE = 0x77617463_05


class Database:
    """An engine whose write transactions never deadlock and never lose an update. Safe between threads.

    SQLite: a write transaction takes the write lock at its beginning (BEGIN IMMEDIATE), so it waits its turn instead
    of failing halfway; readers see the last commit and never wait (WAL). PostgreSQL: READ COMMITTED with row locks,
    taken in one order, and `exclusive` for what must not run twice at once.
    """

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._engine = _open_sqlite(parsed) if self.is_sqlite else _open_postgresql(parsed)
        self._writer = self._engine.execution_options(watcher_writes=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection in a transaction that only reads."""
        with _our_errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a transaction that commits at the end, or rolls back whole on any exception."""
        with _our_errors(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def rebuild(self) -> Iterator[Connection]:
        """As `write`, for a change of the tables: on SQLite, references between rows are checked at the end only.

        SQLite changes most of a table by making it anew, and a table that is away for a moment would take everything
        with it that refers to it (https://www.sqlite.org/lang_altertable.html, section 7).
        """
        with _our_errors(), self._writer.connect() as connection:
            if not self.is_sqlite:
                with connection.begin():
                    yield connection
                return
            driver = connection.connection.driver_connection  # before BEGIN: within a transaction it changes nothing
            driver.execute("PRAGMA foreign_keys = OFF")  # type: ignore[union-attr]
            try:
                with connection.begin():
                    yield connection
                    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                        raise StoreError("the new tables would leave references to rows that are not there")
            finally:
                driver.execute("PRAGMA foreign_keys = ON")  # type: ignore[union-attr]

    def compact(self) -> tuple[int, int]:
        """Make a SQLite file anew, without the gaps that removed text has left; return its bytes before and after.

        Nobody else may be at work; it takes as much room again, and where it breaks off the file is as it was. A
        PostgreSQL server fills its gaps by itself: nothing is done, and the sizes are the same.
        """
        with _our_errors(), self._engine.connect() as connection:
            if not self.is_sqlite:
                size = connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one()
                return size, size
            driver = connection.connection.driver_connection  # no transaction is begun: VACUUM runs in none
            cursor = driver.cursor()  # type: ignore[union-attr]
            try:
                before = _file_bytes(cursor)
                cursor.execute("VACUUM")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                return before, _file_bytes(cursor)
            except sqlite3.OperationalError as error:
                raise _retryable(f"the database is busy: {error}") from error
            finally:
                cursor.close()

    def close(self) -> None:
        """Close the pool."""
        self._engine.dispose()


def exclusive(connection: Connection, lock: Lock) -> None:
    """Wait until no other transaction holds this lock, and hold it to the end of this one."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(int(lock))))


def insert_missing(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that leaves out rows that some unique constraint knows already."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def sliced(values: Collection[_Value]) -> Iterator[list[_Value]]:
    """Give the values in order, in lists short enough to be the parameters of one statement."""
    rest = iter(sorted(values))
    while some := list(islice(rest, _PARAMETERS)):
        yield some


def new_id(inserted: CursorResult[Any]) -> int:
    """Return the id that the database gave to the one row inserted."""
    key = inserted.inserted_primary_key
    if key is None:
        raise ValueError("that statement inserted no single row")
    return int(key[0])


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        # the text may hold a password, so it is not repeated
        raise UsageError(f"the database address cannot be read (allowed: {_ALLOWED})") from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise UsageError(f"no such kind of database: {url.drivername} (allowed: {_ALLOWED})")
    if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
        raise UsageError(f"a SQLite database in memory would be lost at every step (allowed: {_ALLOWED})")
    return url


def _open_sqlite(url: URL) -> Engine:
    engine = create_engine(url, pool_size=5, max_overflow=20)

    @event.listens_for(engine, "connect")
    def prepare(dbapi: Any, _record: Any) -> None:
        try:
            _prepare_sqlite(dbapi)
        except BaseException:
            dbapi.close()  # nobody else knows it yet
            raise

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("watcher_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _prepare_sqlite(dbapi: Any) -> None:
    # the driver's own habit is a BEGIN before some statements only; ours are begun by `begin` above
    dbapi.isolation_level = None
    cursor = dbapi.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    # WAL's usual NORMAL may forget the last commits in a power cut, and a settled delivery would be sent again
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _file_bytes(cursor: Any) -> int:
    pages, size = (cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages * size)


def _open_postgresql(url: URL) -> Engine:
    try:
        # a server may have restarted since the connection was last used: ask before relying on it
        return create_engine(url, pool_pre_ping=True, pool_size=5, max_overflow=20)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise StoreError("PostgreSQL needs its driver: pip install 'policy-watcher[postgres]'") from None


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise _translate(error) from error
    except PoolTimeoutError as error:
        raise _retryable("every database connection is in use") from error


def _translate(error: DBAPIError) -> StoreError:
    said = str(error.orig).strip().partition("\n")[0]
    code = getattr(error.orig, "sqlstate", None)
    if code in _UNDEFINED or said.startswith(("no such table", "no such column")):
        return SchemaError(f"the database has not this version's tables: {UPGRADE_HINT}")
    if "unable to open database file" in said:
        return StoreError("the SQLite file cannot be opened: does its folder exist, and may this user write there?")
    # no code at all is how the driver says that it could not connect, or lost the connection
    connecting = type(error.orig).__module__.startswith("psycopg") and code is None
    passing = code in _PASSING or (code or "").startswith("08")
    if connecting or passing or error.connection_invalidated or "database is locked" in said:
        return _retryable(f"the database is busy or away: {said}")
    return StoreError(f"the database refused: {said}")


def _retryable(message: str) -> StoreError:
    error = StoreError(message)
    error.retryable = True
    return error
