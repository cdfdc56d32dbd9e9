"""Whoever changes what waits for a receiver locks the receiver first, and reads what it changes only then.

On PostgreSQL; on SQLite whoever writes is alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import alert_cases
import pytest
from sqlalchemy import text
from store_cases import HOUR, MINUTE

from watcher.domain.alerts import AlertKind, DeliveryState, Ending, Failed, PlannedAlert, PlannedDelivery, Sent
from watcher.domain.composing import Limits
from watcher.storage import Store, circuits, claims, settling
from watcher.storage.database import Database


@pytest.fixture
def url(new_database: Callable[[str, Path], AbstractContextManager[str]], tmp_path: Path) -> Iterator[str]:
    with new_database("postgres", tmp_path) as made:
        yield made


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()


@pytest.fixture
def other(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()


def plan_event(store: Store, at: datetime) -> list[str]:
    """Plan two alerts of one event to `desk`; return the ids of their deliveries, in order."""
    told = [
        PlannedAlert(
            alert_cases.an_alert(kind=AlertKind.DEADLINE, item=item, entries=("7",), quotes=()),
            ("deadline", item),
            (PlannedDelivery("desk", "all", at),),
        )
        for item in "ab"
    ]
    store.tell(told, at)
    return [row.id for row in sorted(store.deliveries(), key=lambda row: row.alert_id)]


@contextmanager
def begun(database: Database, work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Do something in a thread, and go on when it waits for a lock or is done."""
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        until = time.monotonic() + 30
        while not future.done() and time.monotonic() < until:
            with database.read() as connection:
                if connection.execute(waits).scalar_one():
                    break
            time.sleep(0.01)
        yield future


def call_off(store: Store, ids: list[str], now: datetime) -> Any:
    return store.tell_again([], {}, ids, now)[1]


def drop(store: Store, ids: list[str], now: datetime) -> Any:
    return store.drop_delivery(ids[0], now)


def retry(store: Store, ids: list[str], now: datetime) -> Any:
    return store.retry_delivery(ids[0], now)


@pytest.mark.parametrize(("change", "count"), [(call_off, 2), (drop, 1), (retry, 1)])
def test_what_waits_is_changed_by_nobody_while_its_receiver_is_locked(
    store: Store, other: Database, now: datetime, change: Callable[..., Any], count: int
) -> None:
    ids = plan_event(store, now)
    with other.write() as connection:
        circuits.lock(connection, ["desk"])
        with begun(other, lambda: change(store, ids, now + MINUTE)) as changed:
            assert not changed.done(), "it waits for the receiver"
            (message,) = claims.claim(connection, now, 9, MINUTE, "me", Limits())
            assert [one.id for one in message.deliveries] == ids
            assert settling.put_back(connection, [message.id], "me", "not tried") == {message.id}
            connection.commit()
            assert changed.result(30) == count


def test_what_was_not_tried_is_put_back_after_the_receiver_is_locked(
    store: Store, other: Database, now: datetime
) -> None:
    plan_event(store, now)
    (message,) = store.claim_messages(now, 9, MINUTE, "me")
    with other.write() as connection:
        circuits.lock(connection, ["desk"])
        with begun(other, lambda: store.put_back([message.id], "me", "not tried")) as back:
            assert not back.done(), "it waits for the receiver"
            (again,) = _expired(connection, now)
            assert again == message.id
            connection.commit()
            assert back.result(30) == set(), "another has it now"


def _expired(connection: Any, now: datetime) -> list[str]:
    return [one.id for one in claims.claim(connection, now + HOUR, 9, MINUTE, "you", Limits())]


def test_what_a_person_takes_out_while_it_is_claimed_leaves_another_message(
    store: Store, other: Database, now: datetime
) -> None:
    first, second = plan_event(store, now)
    with other.write() as connection:
        circuits.lock(connection, ["desk"])
        with begun(other, lambda: store.drop_delivery(second, now)) as dropped:
            (message,) = claims.claim(connection, now, 9, MINUTE, "me", Limits())
            ending = Ending(message.id, Failed(True, "busy"), now + MINUTE)
            assert settling.settle(connection, [ending], "me", now)
            connection.commit()
            assert dropped.result(30) == 1
    (again,) = store.claim_messages(now + MINUTE, 9, MINUTE, "me")
    assert [one.id for one in again.deliveries] == [first]
    assert again.id != message.id, "what was tried under its id carried both"


def test_what_a_person_queues_again_while_it_is_sent_is_refused(store: Store, other: Database, now: datetime) -> None:
    first, _ = plan_event(store, now)
    with other.write() as connection:
        circuits.lock(connection, ["desk"])
        with begun(other, lambda: store.retry_delivery(first, now)) as queued:
            (message,) = claims.claim(connection, now, 9, MINUTE, "me", Limits())
            assert settling.settle(connection, [Ending(message.id, Sent())], "me", now)
            connection.commit()
            assert "was sent already" in str(queued.exception(30))
    assert {row.state for row in store.deliveries()} == {DeliveryState.SENT}
