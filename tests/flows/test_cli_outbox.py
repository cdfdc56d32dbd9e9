"""`outbox` and `receivers` as typed: what waits, why, what became of it, and where it went."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import alert_cases
import pytest
from commands import Shell
from newsroom import Newsroom, newsroom

from watcher.app import now
from watcher.domain.alerts import AlertKind, Hold, PlannedAlert, PlannedDelivery
from watcher.storage import Store


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path, f"sqlite:///{tmp_path / 'watcher.db'}") as opened:
        yield opened


@pytest.fixture
def planned(shell: Shell, room: Newsroom) -> Newsroom:
    """Return a room after a first round, with an event of two items for both receivers and one alert held for desk."""
    assert shell("once", "-c", room.config).code == 0
    store, at = Store.open(room.database), now()
    for item, hold in (("a", None), ("b", None), ("c", Hold.QUIET)):
        until = at + timedelta(hours=9) if hold else at
        to = tuple(
            PlannedDelivery(name, "desk-route", until, hold) for name in ("desk", "boss") if not hold or name == "desk"
        )
        alert = alert_cases.an_alert(
            kind=AlertKind.DEADLINE, item=item, title=f"Item {item}", entries=("7",), quotes=()
        )
        store.record([], [], [], [], [PlannedAlert(alert, ("deadline", item), to)], at)
    store.close()
    return room


def test_what_waits_is_listed_with_its_route_and_why(shell: Shell, planned: Newsroom) -> None:
    rows = shell("outbox", "list", "-c", planned.config, "--receiver", "desk", "--json").data
    assert [(row["item"], row["route"], row["hold"]) for row in rows if row["item"] == "c"] == [
        ("c", "desk-route", "quiet")
    ]
    assert {row["receiver"] for row in rows} == {"desk"}
    (only,) = shell("outbox", "list", "-c", planned.config, "--item", "c", "--json").data
    assert (only["title"], only["state"], only["message"]) == ("Item c", "pending", None)
    table = shell("outbox", "list", "-c", planned.config).out
    assert "HOLD" in table.splitlines()[0]
    assert "quiet" in table
    store = Store.open(planned.database)
    assert store.drop_delivery(only["id"], now()) == 1
    store.close()
    dropped = shell("outbox", "list", "-c", planned.config, "--item", "c", "--state", "dropped").out
    assert only["id"] in dropped
    assert "quiet" not in dropped, "it waits no more"
    unknown = shell("outbox", "list", "-c", planned.config, "--receiver", "dsek")
    assert unknown.code == 2
    assert "there is no receiver 'dsek'; allowed: boss, desk" in unknown.err


def test_a_delivery_is_shown_whole(shell: Shell, planned: Newsroom) -> None:
    planned.mail.refusals["RCPT"] = "451 4.3.0 try again later"
    shell("once", "-c", planned.config)
    planned.mail.refusals.clear()
    rows = shell("outbox", "list", "-c", planned.config, "--receiver", "desk", "--json").data
    first, second = sorted((row for row in rows if row["message"]), key=lambda row: row["alert"])
    shown = shell("outbox", "show", second["id"], "-c", planned.config).out
    assert "tells     awaited -> published: Item b (b)" in shown
    assert "to        desk, by the route 'desk-route'" in shown
    assert f"message   {first['id']}, composed" in shown
    assert "merged    2 deliveries: one event moved them" in shown
    assert f"with      {first['id']}" in shown
    assert "attempt 1" in shown
    (waits,) = (row for row in rows if row["hold"])
    assert "waited    for the end of quiet hours" in shell("outbox", "show", waits["id"], "-c", planned.config).out
    both = shell("outbox", "show", first["id"], "-c", planned.config, "--json").data
    assert both[0]["message"]["deliveries"] == [first["id"], second["id"]]
    assert both[0]["ledger"][0]["outcome"] == "failed"
    missing = shell("outbox", "show", "nothing", "-c", planned.config)
    assert missing.code == 2
    assert "there is no delivery or message 'nothing'" in missing.err


def test_a_webhook_is_listed_with_its_port_and_without_secrets(shell: Shell, planned: Newsroom) -> None:
    planned.config.write_text(
        planned.config.read_text().replace(
            "  receivers:\n",
            '  receivers:\n    hook: {webhook: "https://ana:pw1@hooks.example:8443/t0ken?key=s3cr3t"}\n',
        )
    )
    rows = {row["receiver"]: row for row in shell("receivers", "-c", planned.config, "--json").data}
    assert rows["hook"]["address"] == "https://hooks.example:8443/***"
    assert "https://hooks.example:8443/***" in shell("receivers", "-c", planned.config).out


def test_receivers_are_listed_with_their_circuits_and_without_secrets(shell: Shell, planned: Newsroom) -> None:
    planned.mail.refusals["RCPT"] = "550 5.1.1 no such user"
    assert shell("once", "-c", planned.config).code == 1
    rows = {row["receiver"]: row for row in shell("receivers", "-c", planned.config, "--json").data}
    assert (rows["desk"]["dead"], rows["desk"]["held"], rows["desk"]["failures"]) == (2, 1, 1)
    assert rows["desk"]["address"].startswith("mailto://")
    connection = sqlite3.connect(planned.database.removeprefix("sqlite:///"))
    connection.execute(
        "UPDATE circuit SET failures = 3, opened_at = '2025-11-03 09:00:00.000000', "
        "next_at = '2025-11-03 09:01:00.000000' WHERE receiver = 'boss'"
    )
    connection.commit()
    connection.close()
    table = shell("receivers", "-c", planned.config).out
    assert "open since 2025-11-03 09:00, asked 09:01" in table
    assert "closed" in table

    planned.mail.refusals.clear()
    assert shell("outbox", "retry", "--receiver", "desk", "-c", planned.config).code == 2
    assert shell("outbox", "retry", "--dead", "--receiver", "desk", "-c", planned.config).err == "queued again: 2\n"
    assert shell("once", "-c", planned.config).code == 0
    assert [to for to, _ in planned.letters()] == ["desk@example.org"]
    rows = {row["receiver"]: row for row in shell("receivers", "-c", planned.config, "--json").data}
    assert (rows["desk"]["dead"], rows["desk"]["failures"]) == (0, 0)
    assert rows["desk"]["last_ok_at"]
