"""Opening a database: addresses, what is refused and in which words, sharing between threads and processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path

import pytest
from sqlalchemy import Connection, literal, select, text
from sqlalchemy.exc import StatementError
from store_cases import HOUR, LIFECYCLES, a_feed, a_poll, an_entry

from watcher.domain.model import Status, Tier
from watcher.errors import SchemaError, StoreError, UsageError
from watcher.storage import Store
from watcher.storage.database import Database
from watcher.storage.types import Duration, PlainText, UtcDateTime, Word


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:hunter2@host/db",
        "postgresql+psycopg2://me:hunter2@host/db",
        "hunter2",
        "sqlite:///:memory:",
        "sqlite://",
        "",
    ],
)
def test_other_addresses_are_refused_without_repeating_a_password(url: str) -> None:
    with pytest.raises(UsageError, match=r"sqlite:///path/to/file\.db") as caught:
        Store.open(url)
    assert "hunter2" not in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'nowhere' / 'w.db'}")
    with pytest.raises(StoreError, match="does its folder exist") as caught:
        store.upgrade()
    assert not caught.value.retryable
    store.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    path.write_text("this is a letter, not a database, and long enough to be looked at\n" * 20)
    store = Store.open(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="not a database"):
        store.revision()
    store.close()


def test_a_server_that_is_away_is_worth_waiting_for(tmp_path: Path) -> None:
    store = Store.open(f"postgresql://me:hunter2@/db?host={tmp_path}")
    with pytest.raises(StoreError, match="busy or away") as caught:
        store.standings()
    assert caught.value.retryable
    assert "hunter2" not in str(caught.value)
    store.close()


def test_a_server_that_restarts_is_noticed(store: Store, db_url: str, now: datetime) -> None:
    """Each pooled connection is asked before it is used: PostgreSQL may have gone away in between."""
    store.sync([a_feed()], [], LIFECYCLES, now)
    killer = Database(db_url)
    if not killer.is_sqlite:
        with killer.write() as connection:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            connection.execute(text(f"{others} AND pid <> pg_backend_pid()"))
    killer.close()
    assert len(store.feed_statuses()) == 1


@pytest.mark.parametrize("prefix", ["postgresql://", "postgres://", "postgresql+psycopg://"])
def test_every_usual_spelling_of_postgresql(prefix: str) -> None:
    Store.open(f"{prefix}me@host/db").close()


def test_a_schema_without_tables_says_what_to_do(empty_db_url: str, now: datetime) -> None:
    store = Store.open(empty_db_url)
    with pytest.raises(SchemaError, match="watcher db upgrade"):
        store.claim_feeds(now, 1, HOUR, "me")
    store.close()


def test_sqlite_is_opened_as_promised(store: Store, db_url: str) -> None:
    database = Database(db_url)
    if database.is_sqlite:
        with database.read() as connection:
            settings = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
            }
        assert settings == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 30_000}
    database.close()


def test_a_locked_sqlite_file_is_worth_waiting_for(
    store: Store, db_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.storage.database._BUSY_TIMEOUT_MS", 50)
    database, other = Database(db_url), Store.open(db_url)
    if database.is_sqlite:
        with database.write(), pytest.raises(StoreError, match="locked") as caught:
            other.release_feeds("me")
        assert caught.value.retryable
    database.close()
    other.close()


def test_readers_do_not_wait_for_a_writer(store: Store, db_url: str, now: datetime) -> None:
    store.sync([a_feed()], [], LIFECYCLES, now)
    database = Database(db_url)
    with database.write() as connection:
        connection.execute(text("UPDATE feed SET outlet = 'changed'"))
        assert store.feed_statuses()[0].outlet == ""
    assert store.feed_statuses()[0].outlet == "changed"
    database.close()


def test_many_threads_share_one_store(store: Store, now: datetime) -> None:
    names = [f"feed-{n}" for n in range(8)]
    store.sync([a_feed(name) for name in names], [], LIFECYCLES, now)
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for n in range(5):
                store.save_polls([a_poll(name, now, [an_entry(n)])], now)
                store.unjudged(3)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.unjudged(99)) == 40


WORKER = """
import sys
from datetime import UTC, datetime, timedelta
from watcher.storage import Store
store = Store.open(sys.argv[1])
sys.stdin.readline()
store.upgrade()
now = datetime(2025, 11, 3, 9, tzinfo=UTC)
for due in iter(lambda: store.claim_feeds(now, 2, timedelta(hours=1), sys.argv[2]), []):
    print(*(one.feed.id for one in due), sep="\\n")
store.close()
"""


def test_two_processes_share_one_database(store: Store, db_url: str, now: datetime) -> None:
    names = [f"feed-{n}" for n in range(30)]
    store.sync([a_feed(name) for name in names], [], LIFECYCLES, now)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, db_url, f"worker-{n}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(2)
    ]
    taken = [worker.communicate("go\n", timeout=60)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sorted([*taken[0], *taken[1]]) == sorted(names)


def stored(connection: Connection, value: object, kind: object) -> object:
    return connection.execute(select(literal(value, kind))).scalar_one()  # type: ignore[call-overload]


def test_times_come_back_in_utc_and_naive_ones_are_refused(store: Store, db_url: str) -> None:
    database = Database(db_url)
    beijing = datetime(2025, 11, 3, 17, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    with database.read() as connection:
        back = stored(connection, beijing, UtcDateTime())
        assert back == beijing
        assert back.tzinfo is UTC  # type: ignore[attr-defined]
        assert stored(connection, None, UtcDateTime()) is None
        with pytest.raises(StatementError, match="naive"):
            stored(connection, datetime(2025, 11, 3), UtcDateTime())  # noqa: DTZ001
    database.close()


def test_other_types_come_back_as_they_were(store: Store, db_url: str) -> None:
    class Other(StrEnum):
        RUMOURED = "rumoured"

    database = Database(db_url)
    with database.read() as connection:
        assert stored(connection, timedelta(minutes=15, microseconds=7), Duration()) == timedelta(
            minutes=15, microseconds=7
        )
        assert stored(connection, Tier.WIRE, Word(Tier)) is Tier.WIRE
        assert stored(connection, "a\x00b\udfffc — 中", PlainText()) == "abc — 中"
        for kind in (Duration(), Word(Status), PlainText()):
            assert stored(connection, None, kind) is None
        with pytest.raises(StatementError, match="rumoured"):
            stored(connection, Other.RUMOURED, Word(Status))
    database.close()
