"""Fixtures of every ring: real databases of both kinds, and one fixed moment.

A missing PostgreSQL fails the tests that want it; nothing is skipped.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from watcher.storage import Store

if TYPE_CHECKING:
    from postgres import Server

# how long an example takes says more of the machine than of the program
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

BOTH = ("sqlite", "postgres")


@pytest.fixture
def now() -> datetime:
    """Return the moment at which tests begin."""
    return datetime(2025, 11, 3, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """Run one PostgreSQL server for the session; started by the first test that wants it."""
    import postgres

    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with our tables, to copy from."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    store = Store.open(f"sqlite:///{path}")
    store.upgrade()
    store.close()
    return path


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest) -> Callable[[str, Path], AbstractContextManager[str]]:
    """Return what gives the address of a new database with our tables, of either kind; a SQLite file in the folder."""

    @contextmanager
    def made(kind: str, folder: Path) -> Iterator[str]:
        if kind == "sqlite":
            path = folder / "watcher.db"
            shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
            yield f"sqlite:///{path}"
        else:
            with request.getfixturevalue("postgres_server").database() as url:
                yield url

    return made


@pytest.fixture(params=BOTH)
def db_url(
    request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[str, Path], AbstractContextManager[str]]
) -> Iterator[str]:
    """Give the address of a new database with our tables, once on each kind."""
    with new_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture(params=BOTH)
def empty_db_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of a new database without tables, once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        with request.getfixturevalue("postgres_server").database(migrated=False) as url:
            yield url


@pytest.fixture
def store(db_url: str) -> Iterator[Store]:
    """Give an open store on a new database, once on each kind."""
    store = Store.open(db_url)
    yield store
    store.close()
