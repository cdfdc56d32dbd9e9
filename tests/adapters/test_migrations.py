"""The migrations build exactly `tables.metadata` on both databases, once, however many start at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import alert_cases
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import TypeAdapter
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from watcher.domain.alerts import Alert
from watcher.domain.feeds import FeedKind, Health
from watcher.domain.times import EPOCH
from watcher.errors import SchemaError
from watcher.storage import Store, migrations, schema
from watcher.storage.tables import metadata


def engine(url: str) -> Any:
    driver = make_url(url)
    return create_engine(driver.set(drivername="postgresql+psycopg") if "postgres" in url else driver)


def clauses(statement: str) -> list[str]:
    """Part a CREATE TABLE at the commas of its outermost list, each clause with the table's name; others are whole."""
    head, _, body = statement.partition("(")
    if "INDEX" in head:
        return [" ".join(statement.split())]
    found, depth = [""], 0
    for character in body.rpartition(")")[0]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            found.append("")
        else:
            found[-1] += character
    return [f"{' '.join(head.split())}: {' '.join(one.split())}" for one in found]


def definitions(connection: Connection) -> set[str]:
    """Return what the database itself says of every column, constraint and index."""
    if connection.dialect.name == "sqlite":
        found = connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND type <> 'trigger'"))
        # the two ways order the parts of a table differently, and a table made anew has its name in quotes
        parts = [part for row in found.scalars() for part in clauses(row.replace('"', ""))]
        return {part for part in parts if "alembic_version" not in part and "version_num" not in part}
    constraints = connection.execute(
        text(
            "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid <> 0"
        )
    )
    indexes = connection.execute(text("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"))
    columns = connection.execute(
        text(
            "SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || "
            "coalesce(column_default, '') || ' ' || coalesce(character_maximum_length, 0) "
            "FROM information_schema.columns WHERE table_schema = 'public'"
        )
    )
    found_all = [*constraints.scalars(), *indexes.scalars(), *columns.scalars()]
    return {one for one in found_all if "alembic_version" not in one and "_not_null" not in one and "pg_" not in one}


@pytest.fixture
def migrated(empty_db_url: str) -> Any:
    store = Store.open(empty_db_url)
    store.upgrade()
    store.close()
    made = engine(empty_db_url)
    yield made
    made.dispose()


def test_from_empty_equals_metadata(migrated: Any) -> None:
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_from_empty_equals_metadata_to_the_last_constraint(migrated: Any) -> None:
    with migrated.begin() as connection:
        by_migration = definitions(connection)
        for table in reversed(metadata.sorted_tables):
            connection.execute(text(f"DROP TABLE {table.name}"))
        metadata.create_all(connection)
        by_metadata = definitions(connection)
    assert by_migration == by_metadata
    assert any("ck_delivery_sending_is_leased" in one for one in by_migration)


def test_the_files_names_say_what_alembic_reads_in_them() -> None:
    scripts = ScriptDirectory.from_config(schema._config()).walk_revisions()
    assert schema.known() == tuple(script.revision for script in scripts)


def test_upgrade_twice_is_nothing(store: Store) -> None:
    before = store.revision()
    store.upgrade()
    assert store.revision() == before == schema.known()[0]
    store.check_schema()


def test_two_starting_at_once(empty_db_url: str) -> None:
    stores = [Store.open(empty_db_url) for _ in range(4)]
    barrier = threading.Barrier(len(stores))
    failures: list[BaseException] = []

    def start(store: Store) -> None:
        try:
            barrier.wait()
            store.upgrade()
            store.check_schema()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert failures == []


def test_an_interrupted_upgrade_leaves_nothing(empty_db_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = command.upgrade

    def interrupted(*args: Any) -> None:
        real(*args)
        raise KeyboardInterrupt

    store = Store.open(empty_db_url)
    monkeypatch.setattr(command, "upgrade", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.upgrade()
    monkeypatch.undo()
    assert store.revision() is None
    made = engine(empty_db_url)
    assert inspect(made).get_table_names() == []
    made.dispose()
    store.upgrade()
    store.check_schema()
    store.close()


@pytest.fixture
def first_schema(empty_db_url: str) -> Any:
    """A database of the first version, with a feed, an entry and its evidence in it."""
    made = engine(empty_db_url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with made.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for table, row in OLD.items():
            names = ", ".join(row)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{n}' for n in row)})"), row)
    yield empty_db_url
    made.dispose()


OLD_AT = "2025-11-03 09:00:00+00:00"
OLD: dict[str, dict[str, Any]] = {
    "feed": {
        "id": "wire", "url": "https://wire.example/rss", "outlet": "", "every": 900.0, "language": "",
        "allow_private": False, "active": True, "next_poll_at": OLD_AT, "failures": 0, "last_detail": "",
        "entries": 1, "moved_count": 0,
    },
    "item": {
        "id": "deal", "lifecycle": "approval", "active": True, "state": "pending", "since": OLD_AT, "version": 0,
        "disputed": False, "source": "", "created_at": OLD_AT,
    },
    "entry": {
        "id": 1, "feed": "wire", "key_hash": "0" * 32, "key": "k", "title": "Deal approved", "summary": "", "link": "",
        "source": "", "language": "", "at": OLD_AT, "seen_at": OLD_AT, "baseline": False, "judged_at": OLD_AT,
        "matched": True,
    },
    "evidence": {
        "id": "e", "item": "deal", "entry": 1, "status": "done", "cue": "approved", "quote": "Deal approved",
        "at": OLD_AT, "outlet": "", "tier": "press", "owner": "", "title": "", "link": "", "span_field": "title",
        "span_start": 0, "span_end": 4, "baseline": False, "recorded_at": OLD_AT,
    },
}  # fmt: skip


def test_what_the_first_version_knew_is_kept(first_schema: str) -> None:
    store = Store.open(first_schema)
    with pytest.raises(SchemaError, match="watcher db upgrade"):
        store.check_schema()
    store.upgrade()
    store.check_schema()
    (feed,) = store.feed_statuses()
    assert (feed.id, feed.entries) == ("wire", 1)
    (due,) = store.claim_feeds(datetime.now(UTC), 9, timedelta(minutes=1), "me")
    assert due.feed.kind is FeedKind.FEED
    (fact,) = store.evidence("deal", EPOCH)
    assert fact.quote == "Deal approved"
    store.close()
    made = engine(first_schema)
    with made.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text("UPDATE evidence SET quote = 'x'"))
    made.dispose()


def test_a_database_that_has_the_column_of_0007_already_gets_the_rest(empty_db_url: str) -> None:
    made = engine(empty_db_url)
    with made.begin() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        connection.execute(text("ALTER TABLE evidence ADD COLUMN takes_back BOOLEAN DEFAULT false NOT NULL"))
    store = Store.open(empty_db_url)
    store.upgrade()
    store.check_schema()
    store.close()
    with made.connect() as connection:
        assert any("'retracted'" in one for one in definitions(connection))
    made.dispose()


def test_check_names_the_command(empty_db_url: str) -> None:
    store = Store.open(empty_db_url)
    assert store.revision() is None
    with pytest.raises(SchemaError, match="watcher db upgrade"):
        store.check_schema()
    with pytest.raises(SchemaError, match="watcher db upgrade"):
        store.standings()
    store.close()


@pytest.mark.parametrize("act", ["check_schema", "upgrade"])
def test_a_later_schema_is_refused(store: Store, db_url: str, act: str) -> None:
    made = engine(db_url)
    with made.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    made.dispose()
    with pytest.raises(SchemaError, match="later version"):
        getattr(store, act)()
    assert store.revision() == "9999"


def test_an_older_database_keeps_what_it_holds(empty_db_url: str, now: datetime) -> None:
    """A database of the first schema, with a feed that fails and an alert that waits, is brought up to date."""
    made = engine(empty_db_url)
    with made.begin() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in OLD_ROWS:
            connection.execute(text(statement), {"now": now.replace(tzinfo=None) if made.name == "sqlite" else now})
    made.dispose()
    store = Store.open(empty_db_url)
    with pytest.raises(SchemaError, match="watcher db upgrade"):
        store.check_schema()
    store.upgrade()
    store.check_schema()
    (feed,) = store.feed_statuses()
    assert (feed.failures, feed.failing_since, feed.health, feed.news_at) == (3, now, Health.NEW, now)
    (row,) = store.deliveries()
    assert (row.item, row.seq, row.alert.title, row.alert.reason) == ("deal", 1, "The deal", "alone")
    (message,) = store.claim_messages(now, 5, timedelta(minutes=1), "me")
    assert message.id == row.id
    store.close()
    made = engine(empty_db_url)
    with made.begin() as connection:
        told = connection.execute(text("SELECT kind, reason, subject, key FROM alert")).one()
        assert tuple(told) == ("state_change", "alone", "deal", "deal/1")
        assert connection.execute(text("SELECT id, reason FROM transition")).all() == [(5, "alone")]
        if connection.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    for change in ("UPDATE transition SET detail = 'x'", "DELETE FROM transition"):
        with made.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
            connection.execute(text(change))
    made.dispose()


_PAYLOAD = (
    TypeAdapter(Alert)
    .dump_json(alert_cases.an_alert(item="deal", title="The deal"))
    .decode()
    .replace('"reason":"alone"', '"reason":"wire"')  # as the first version called it
    .replace(":", "\\:")
)
OLD_ROWS = [
    "INSERT INTO feed (id, url, outlet, every, language, allow_private, active, next_poll_at, failures, begun_at, "
    "last_at, last_ok_at, last_result, last_detail, entries, moved_count) "
    "VALUES ('wire', 'https\\://wire.example/', '', 900, '', false, true, :now, 3, :now, "
    ":now, :now, 'failed', 'dns', 1, 0)",
    "INSERT INTO entry (id, feed, key_hash, key, title, summary, link, source, language, at, seen_at, baseline, "
    "matched) VALUES (1, 'wire', 'k', 'k', 'A title', '', '', '', '', :now, :now, false, false)",
    "INSERT INTO item (id, lifecycle, active, state, since, version, disputed, source, created_at) "
    "VALUES ('deal', 'approval', true, 'approved', :now, 1, false, '', :now)",
    "INSERT INTO transition (id, item, seq, from_state, to_state, at, status, reason, sources, detail, recorded_at) "
    "VALUES (5, 'deal', 1, 'pending', 'approved', :now, 'done', 'wire', 1, '', :now)",
    f"INSERT INTO alert (id, transition, payload, created_at) VALUES (7, 5, '{_PAYLOAD}', :now)",
    "INSERT INTO delivery (id, alert, receiver, state, attempts, tries, not_before, created_at, detail) "
    "VALUES ('d1', 7, 'desk', 'pending', 0, 0, :now, :now, '')",
]
