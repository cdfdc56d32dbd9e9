"""Every invariant of the schema is broken on purpose; each statement must be refused by name, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Connection, String, UniqueConstraint, event, text
from sqlalchemy.exc import IntegrityError
from store_cases import DAY, HOUR, a_poll, an_entry, approve, filled
from test_store_items import SEED

from watcher.domain.alerts import AlertKind, Conditions, Failed, Silence
from watcher.domain.composing import Limits
from watcher.domain.feeds import Article, ArticleResult, Health, HealthChange, Snapshot, Untold
from watcher.storage import (
    Store,
    acts,
    articles,
    claims,
    entries,
    feeds,
    judgements,
    occasions,
    settling,
    silences,
    told,
    vitals,
)
from watcher.storage.database import Database
from watcher.storage.tables import entry, metadata
from watcher.storage.types import PlainText

NOW_TEXT = "2025-11-03 09:00:00"
# per constraint: a table and the values that break it, in a row that was good before
BROKEN: dict[str, tuple[str, str]] = {
    "ck_feed_last_result": ("feed", "last_result = 'fine'"),
    "ck_feed_counts": ("feed", "failures = -1"),
    "ck_feed_lease": ("feed", "lease_owner = 'me', lease_until = NULL"),
    "ck_feed_moved": ("feed", "moved_to = 'https://x.example/', moved_count = 0"),
    "ck_feed_health": ("feed", "health = 'ill'"),
    "ck_feed_health_n": ("feed", "gone_count = -1"),
    "ck_feed_kind": ("feed", "kind = 'podcast'"),
    "ck_snapshot_changes": ("snapshot", "changes = -1"),
    "ck_article_result": ("article", "result = 'lost'"),
    "ck_article_tries": ("article", "tries = 0"),
    "ck_article_retry": ("article", f"result = 'read', next_at = '{NOW_TEXT}'"),
    "ck_entry_revision": ("entry", "revision = -1"),
    "ck_revision_n": ("revision", "n = -1"),
    "ck_untold_n": ("untold", "n = 0"),
    "ck_withdrawal_revision": ("withdrawal", "revision = 0"),
    "ck_entry_matched_is_judged": ("entry", "matched = true, judged_at = NULL"),
    "ck_entry_pruned_is_useless": ("entry", f"matched = true, judged_at = '{NOW_TEXT}', pruned_at = '{NOW_TEXT}'"),
    "ck_item_version": ("item", "version = -1"),
    "ck_delivery_state": ("delivery", "state = 'maybe', settled_at = NULL"),
    "ck_delivery_hold": ("delivery", "hold = 'lunch'"),
    "ck_delivery_sending_is_in_a_message": (
        "delivery",
        f"state = 'sending', settled_at = NULL, lease_owner = 'me', lease_until = '{NOW_TEXT}', message = NULL",
    ),
    "ck_message_merge": ("message", "merge = 'odd'"),
    "ck_circuit_failures": ("circuit", "failures = -1"),
    "ck_delivery_attempts": ("delivery", "attempts = 5, tries = 4"),
    "ck_delivery_lease": ("delivery", "lease_owner = 'me', lease_until = NULL"),
    "ck_delivery_sending_is_leased": ("delivery", "state = 'sending', settled_at = NULL"),
    "ck_delivery_ended_is_settled": ("delivery", "state = 'sent', settled_at = NULL"),
    "ck_silence_span": ("silence", f"ends_at = '{NOW_TEXT}', starts_at = '2025-11-03 09:00:01'"),
}
# for tables whose rows cannot be changed: values of a new row
BROKEN_NEW: dict[str, tuple[str, dict[str, Any]]] = {
    "ck_evidence_status": ("evidence", {"id": "new", "status": "rumoured"}),
    "ck_evidence_tier": ("evidence", {"id": "new", "tier": "blog"}),
    "ck_evidence_span_field": ("evidence", {"id": "new", "span_field": "link"}),
    "ck_evidence_revision": ("evidence", {"id": "new", "revision": -1}),
    "ck_evidence_span": ("evidence", {"id": "new", "span_start": 7, "span_end": 6}),
    "ck_transition_status": ("transition", {"seq": 2, "status": "rumoured"}),
    "ck_transition_reason": ("transition", {"seq": 2, "reason": "same"}),
    "ck_transition_counts": ("transition", {"seq": 2, "sources": -1}),
    "ck_transition_start_is_first": ("transition", {"seq": 2, "reason": "start"}),
    "ck_transition_moves": ("transition", {"seq": 2, "to_state": "pending"}),
    "ck_transition_evidence_position": ("transition_evidence", {"position": -1}),
    "ck_attempt_outcome": ("attempt", {"n": 2, "outcome": "maybe"}),
    "ck_attempt_n": ("attempt", {"n": 0}),
    "uq_entry_key": ("entry", {"story_hash": "other"}),
    "uq_entry_story": ("entry", {"key_hash": "other"}),
    "uq_transition_seq": ("transition", {}),
    "uq_transition_evidence_once": ("transition_evidence", {"position": 1}),
    "ck_health_from_state": ("health", {"n": 2, "from_state": "ill"}),
    "ck_health_to_state": ("health", {"n": 2, "to_state": "ill"}),
    "ck_health_n": ("health", {"n": 0}),
    "ck_health_changes": ("health", {"n": 2, "from_state": "healthy", "to_state": "healthy"}),
    "uq_alert_transition": ("alert", {"key": "other"}),
    "uq_alert_key": ("alert", {"transition": None, "kind": "source_broken"}),
    "ck_alert_tells_a_transition": ("alert", {"transition": None, "key": "other"}),
    "uq_delivery_receiver": ("delivery", {"id": "new"}),
    "ck_act_kind": ("act", {"kind": "wish"}),
    "ck_act_ack_is_of_an_alert": ("act", {"alert": None}),
}
NAMED = {
    constraint.name: constraint
    for table in metadata.tables.values()
    for constraint in (*table.constraints, *(one for column in table.columns for one in column.constraints))
    if isinstance(constraint, CheckConstraint | UniqueConstraint)
}


NOW = datetime(2025, 11, 3, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def databases(
    new_database: Callable[[str, Path], AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Database]]:
    """Return what gives the database of a kind: one for all tests here, because what is refused changes nothing."""
    with ExitStack() as stack:

        @cache
        def give(kind: str) -> Database:
            url = stack.enter_context(new_database(kind, tmp_path_factory.mktemp("invariants")))
            store = Store.open(url)
            fill(store)
            store.close()
            database = Database(url)
            stack.callback(database.close)
            return database

        yield give


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, databases: Callable[[str], Database]) -> Database:
    """Give a database with a row in every table, once on each kind."""
    return databases(request.param)


def fill(store: Store) -> None:
    """Put a row in every table, the delivery dead."""
    (entry,) = filled(store, NOW, entries=1, items=("deal",))
    store.save_polls([a_poll("wire", NOW, snapshot=Snapshot("text"))], NOW)
    store.seed([SEED], NOW)
    approve(store, entry, NOW)
    store.save_polls([a_poll("wire", NOW, [an_entry(0, summary="It was edited.")])], NOW)
    store.record([entry], [], [], [], [], NOW, revisions={entry: 1}, withdrawn=[f"deal-{entry}-approved"])
    store.save_articles([Article("https://a.example/1", ArticleResult.FAILED)], {}, [], NOW)
    (one,) = store.claim_messages(NOW, 1, HOUR, "me")
    store.settle(one.id, "me", Failed(False, "gone"), NOW)
    store.silence(Silence(Conditions(), "ana", "", NOW, NOW + HOUR), NOW)
    store.acknowledge(one.deliveries[0].alert_id, "ana", "", NOW)
    store.expect_digests({"desk": ("0 8 * * * UTC", NOW + DAY)}, NOW)
    change = HealthChange("wire", 1, Health.NEW, Health.HEALTHY, "answers", "", NOW)
    store.record_health([change], [Untold(change)])


def refused(database: Database, statement: str, values: dict[str, Any] | None = None) -> str:
    """Return how the database refused a statement that breaks a constraint."""
    with pytest.raises(IntegrityError) as caught, database.write() as connection:
        connection.execute(text(statement), values)
    return str(caught.value.orig)


def refused_copy(database: Database, table: str, changed: dict[str, Any]) -> str:
    """Return how the database refused a copy of a table's last row with these changes."""
    with database.read() as connection:
        row = connection.execute(text(f"SELECT * FROM {table} ORDER BY 1 DESC")).first()
    assert row is not None
    values = dict(row._mapping)
    if "id" in values:
        values["id"] = "new" if isinstance(values["id"], str) else 999
    values |= changed
    names = ", ".join(values)
    return refused(database, f"INSERT INTO {table} ({names}) VALUES (:{', :'.join(values)})", values)


def names_it(said: str, name: str) -> bool:
    """Tell whether the refusal names this constraint; of a unique one SQLite names the columns."""
    constraint = NAMED[name]
    if not isinstance(constraint, UniqueConstraint):
        return name in said
    columns = [f"{constraint.table.name}.{column.name}" for column in constraint.columns]
    return name in said or said == f"UNIQUE constraint failed: {', '.join(columns)}"


def test_every_constraint_is_broken_below() -> None:
    assert NAMED.keys() == BROKEN.keys() | BROKEN_NEW.keys()


@pytest.mark.parametrize("name", BROKEN)
def test_a_change_that_breaks_it_is_refused(database: Database, name: str) -> None:
    table, values = BROKEN[name]
    assert names_it(refused(database, f"UPDATE {table} SET {values}"), name)


@pytest.mark.parametrize("name", BROKEN_NEW)
def test_a_row_that_breaks_it_is_refused(database: Database, name: str) -> None:
    assert names_it(refused_copy(database, *BROKEN_NEW[name]), name)


@pytest.mark.parametrize("table", ["evidence", "transition", "transition_evidence", "attempt", "act"])
def test_history_cannot_be_changed_or_removed(database: Database, table: str) -> None:
    column = list(metadata.tables[table].columns)[-1].name
    assert refused(database, f"UPDATE {table} SET {column} = {column}").startswith(f"{table} is append-only")
    assert refused(database, f"DELETE FROM {table}").startswith(f"{table} is append-only")


OTHERWISE_UNIQUE: dict[str, dict[str, Any]] = {
    "transition_evidence": {"position": 1},
    "alert": {"key": "other", "transition": None},
    "delivery": {"receiver": "other"},
}


@pytest.mark.parametrize(
    ("table", "column"),
    [(table.name, key.parent.name) for table in metadata.sorted_tables for key in table.foreign_keys],
)
def test_nothing_refers_to_what_is_not_there(database: Database, table: str, column: str) -> None:
    ghost = "ghost" if isinstance(metadata.tables[table].c[column].type, PlainText | String) else 7777
    changed: dict[str, Any] = OTHERWISE_UNIQUE.get(table, {}) | {column: ghost}
    said = refused_copy(database, table, changed)
    assert f"fk_{table}_{column}" in said or said == "FOREIGN KEY constraint failed"


def rows(connection: Connection, column: Any) -> None:
    """Look entries up as a poll does."""
    entries._load(connection, {}, column, [("wire", "0" * 32)])


QUEUES: dict[str, Callable[[Connection, datetime], object]] = {
    "ix_feed_due": lambda connection, now: feeds.claim(connection, now, 5, HOUR, "me"),
    "ix_entry_unjudged": lambda connection, now: judgements.unjudged(connection, 5),
    "ix_entry_prunable": lambda connection, now: judgements.prune(connection, now, now),
    "ix_entry_matched": lambda connection, now: articles.wanted(connection, now, now, now),
    "ix_entry_content": lambda connection, now: rows(connection, entry.c.content_hash),
    "ix_entry_other": lambda connection, now: rows(connection, entry.c.other_hash),
    "ix_evidence_item": lambda connection, now: judgements.evidence(connection, ["deal"], now - DAY),
    "ix_health_at": lambda connection, now: vitals.forget(connection, now),
    "ix_delivery_queue": lambda connection, now: claims.claim(connection, now, 5, HOUR, "me", Limits()),
    "ix_delivery_critical": lambda connection, now: claims._critical_beyond(connection, "desk", now, 0, 5),
    "ix_delivery_leased": lambda connection, now: claims.busy(connection, now),
    "ix_delivery_message": lambda connection, now: settling.put_back(connection, ["0"], "me", ""),
    "ix_message_sent": lambda connection, now: claims.spent(connection, "desk", ["desk"], now - HOUR),
    "ix_alert_kind": lambda connection, now: occasions.told_of_service(connection, [AlertKind.TROUBLE], ["", "a"], 5),
    "ix_alert_subject": lambda connection, now: told.alerts(connection, item="deal"),
    "ix_alert_reminds_of": lambda connection, now: told.reminders(connection, [1]),
    "ix_silence_ends": lambda connection, now: silences.active(connection, now),
    "ix_act_item": lambda connection, now: acts.of_item(connection, "deal"),
    "ix_act_alert": lambda connection, now: acts.acks(connection, [1]),
}


PLAN_AS_IF_FULL = """
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_sort = off;
    DELETE FROM pg_statistic;
    UPDATE pg_class SET relpages = 1, reltuples = 100000 WHERE relnamespace = 'public'::regnamespace
"""
"""Of a table of one row PostgreSQL takes any index as well as the right one, by what was last counted there."""


def test_every_index_has_a_reader_below() -> None:
    assert {index.name for table in metadata.tables.values() for index in table.indexes} == QUEUES.keys()


@pytest.mark.parametrize("index", QUEUES)
def test_the_reader_of_an_index_uses_it(database: Database, index: str) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    with database.write() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql(PLAN_AS_IF_FULL)
        event.listen(connection, "before_cursor_execute", note)
        QUEUES[index](connection, NOW)
        event.remove(connection, "before_cursor_execute", note)
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        statement, parameters = asked[0]
        plan = connection.exec_driver_sql(f"{explain} {statement}", parameters).all()
    assert index in str(plan)
