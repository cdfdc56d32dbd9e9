"""A crash between any two statements of a transaction leaves what was there before, and doing it again succeeds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from store_cases import DAY, HOUR, LIFECYCLES, a_feed, a_poll, an_entry, an_item, approve, filled
from test_store_items import SEED

from watcher.domain.alerts import Failed
from watcher.storage import Store
from watcher.storage.database import Database
from watcher.storage.tables import metadata

Act = Callable[[Store, datetime], object]


def sync(store: Store, now: datetime) -> object:
    feeds = [a_feed("wire", url="https://new.example/"), a_feed("more")]
    return store.sync(feeds, [an_item("deal"), an_item("more")], LIFECYCLES, now)


def save(store: Store, now: datetime) -> object:
    return store.save_polls([a_poll("wire", now, [an_entry(7), an_entry(8)])], now)


def record(store: Store, now: datetime) -> object:
    return approve(store, store.unjudged(1)[0].id, now, item="visit", receivers=("desk", "desk/2"))


def settle(store: Store, now: datetime) -> object:
    return store.settle(store.deliveries()[0].id, "me", Failed(True, "busy"), now, now + HOUR)


ACTS: dict[str, Act] = {
    "sync": sync,
    "seed": lambda store, now: store.seed([replace(SEED, item="visit")], now),
    "claim_feeds": lambda store, now: store.claim_feeds(now + DAY, 9, HOUR, "me"),
    "save_polls": save,
    "record": record,
    # the lease of the first claim has expired by then, so that the ledger is written too
    "claim_messages": lambda store, now: store.claim_messages(now + DAY, 9, HOUR, "you"),
    "put_back": lambda store, now: store.put_back([store.deliveries()[0].id], "me", "another comes first"),
    "settle": settle,
    "prune": lambda store, now: store.prune(now, now + DAY),
}


def everything(database: Database) -> dict[str, list[Any]]:
    with database.read() as connection:
        return {name: sorted(map(str, connection.execute(text(f"SELECT * FROM {name}")))) for name in metadata.tables}


class Crashed(Exception):
    """Raised where a process would be killed."""


def crash_after(statements: int) -> Callable[..., None]:
    done = 0

    def count(*_: Any) -> None:
        nonlocal done
        done += 1
        if done > statements:
            raise Crashed

    return count


def writes(statement: str) -> bool:
    return statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE"))


@pytest.mark.parametrize("name", ACTS)
def test_a_crash_anywhere_leaves_nothing_half_done(store: Store, db_url: str, now: datetime, name: str) -> None:
    entries = filled(store, now)
    approve(store, entries[0], now)
    store.record(entries[1:2], [], [], [], [], now)
    store.claim_messages(now, 1, HOUR, "me")
    database = Database(db_url)
    before = everything(database)
    crashes = 0
    while True:
        hook = crash_after(crashes)

        def after(_c: Any, _u: Any, statement: str, *_: Any, hook: Callable[..., None] = hook) -> None:
            if writes(statement):
                hook()

        event.listen(Engine, "after_cursor_execute", after)
        try:
            ACTS[name](store, now)
            break
        except Crashed:
            crashes += 1
            assert everything(database) == before
        finally:
            event.remove(Engine, "after_cursor_execute", after)
    assert crashes >= 1
    assert everything(database) != before
    database.close()


KILLED = """
import os, sys
from datetime import UTC, datetime
from sqlalchemy import Engine, event
from store_cases import approve
from watcher.storage import Store
store = Store.open(sys.argv[1])
event.listen(Engine, "commit", lambda connection: os._exit(9) if connection.get_execution_options() else None)
approve(store, store.unjudged(1)[0].id, datetime(2025, 11, 3, 9, tzinfo=UTC))
"""


def test_a_process_killed_before_the_commit_leaves_nothing(store: Store, db_url: str, now: datetime) -> None:
    filled(store, now)
    database = Database(db_url)
    before = everything(database)
    path = ":".join([str(Path(__file__).parents[1]), *sys.path])
    killed = subprocess.run([sys.executable, "-c", KILLED, db_url], env={"PYTHONPATH": path}, check=False, timeout=60)
    assert killed.returncode == 9
    assert everything(database) == before
    approve(store, store.unjudged(1)[0].id, now)
    assert len(store.deliveries()) == 1
    database.close()
