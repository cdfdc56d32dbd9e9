"""What people did as a board gets it, and which silence an item falls under."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from alert_cases import an_alert

from watcher.cli.silences import muted, told
from watcher.domain.alerts import (
    Act,
    ActKind,
    AlertKind,
    AlertRow,
    Circuit,
    Conditions,
    DeliveryRow,
    DeliveryState,
    Digest,
    ReceiverRow,
    Silence,
    SystemAlert,
)
from watcher.domain.model import Item, Tier
from watcher.web import board

NOW = datetime(2025, 11, 3, 9, tzinfo=UTC)
ITEM = Item("cap", "The cap", "restriction", "in_force", watchlist="trade", severity="high", tags=("eu", "steel"))


def a_silence(hours: int = 1, **when: object) -> Silence:
    return Silence(Conditions(**when), "ana", "known", NOW, NOW + timedelta(hours=hours), id=hours)  # type: ignore[arg-type]


def test_a_board_gets_plain_values() -> None:
    act = Act(ActKind.ACK, "cap", "ana", NOW, "seen", 7, 1)
    told = board.acts([act], [a_silence(kinds=(AlertKind.REVERSAL,), tiers=(Tier.WIRE,))], {"cap": 2})
    assert json.loads(json.dumps(told)) == {
        "acts": [
            {"id": 1, "kind": "ack", "item": "cap", "by": "ana", "at": "2025-11-03T09:00:00+00:00", "text": "seen",
             "alert": 7}
        ],
        "silences": [
            {"id": 1, "by": "ana", "reason": "known", "starts_at": "2025-11-03T09:00:00+00:00",
             "ends_at": "2025-11-03T10:00:00+00:00", "ended_by": "", "when": {"kinds": ["reversal"], "tiers": ["wire"]}}
        ],
        "unacknowledged": {"cap": 2},
    }  # fmt: skip


def test_receivers_never_sent_to_are_listed_in_their_place() -> None:
    rows = [ReceiverRow(Circuit("old", failures=1)), ReceiverRow(Circuit("desk"), waiting=2)]
    listed = board.receivers(rows, {"boss": None, "desk": None})["receivers"]
    assert [(one["receiver"], one["configured"], one["waiting"]) for one in listed] == [
        ("boss", True, 0), ("desk", True, 2), ("old", False, 0)
    ]  # fmt: skip


def test_an_alert_of_any_kind_is_told_in_plain_values() -> None:
    alert = an_alert(item="cap", to_value="30%")
    sent = DeliveryRow("d", "cap", 1, "desk", DeliveryState.SENT, 1, NOW, NOW, NOW, "took it", alert, route="all")
    row = AlertRow(7, alert, NOW, None, (sent,), (Act(ActKind.ACK, "cap", "ana", NOW, "", 7),))
    shown = json.loads(json.dumps(board.alert(row)))
    assert (shown["id"], shown["kind"], shown["about"], shown["to_value"]) == (7, "state_change", "cap", "30%")
    assert shown["deliveries"] == [
        {"id": "d", "receiver": "desk", "route": "all", "state": "sent", "settled_at": "2025-11-03T09:00:00+00:00",
         "detail": "took it"}
    ]  # fmt: skip
    assert shown["acks"] == [{"by": "ana", "at": "2025-11-03T09:00:00+00:00", "text": ""}]
    for other in (SystemAlert(AlertKind.TROUBLE, "r", "daemon", "Trouble", NOW), Digest("all", NOW, NOW)):
        plain = json.loads(json.dumps(board.alert(replace(row, alert=other, deliveries=(), acks=()))))
        assert (plain["about"], plain["kind"], "from" in plain) == (other.subject, other.kind.value, False)


@pytest.mark.parametrize(
    "when",
    [{}, {"items": ("cap", "x")}, {"tags": ("eu", "x")}, {"watchlists": ("trade",)}, {"lifecycles": ("restriction",)},
     {"severities": ("high",)}, {"items": ("cap",), "tags": ("eu",)}],
)  # fmt: skip
def test_a_silence_about_the_item_mutes_it(when: dict[str, object]) -> None:
    assert muted([a_silence(**when)], ITEM) == (a_silence(**when), True)
    partly = a_silence(**when, kinds=(AlertKind.REVERSAL,))
    assert muted([partly], ITEM) == (partly, False)


@pytest.mark.parametrize(
    "when",
    [{"items": ("x",)}, {"tags": ("x",)}, {"watchlists": ("x",)}, {"lifecycles": ("deal",)}, {"severities": ("low",)},
     {"items": ("cap",), "tags": ("x",)}],
)  # fmt: skip
def test_a_silence_about_others_does_not(when: dict[str, object]) -> None:
    assert muted([a_silence(**when)], ITEM) == (None, False)


def test_of_several_the_last_to_end_is_named_and_one_of_all_before_one_of_some() -> None:
    partly, short, long = a_silence(9, states=("eased",)), a_silence(1), a_silence(2)
    assert muted([partly, short, long], ITEM) == (long, True)
    assert muted([partly], ITEM) == (partly, False)
    assert muted([], ITEM) == (None, False)


def test_conditions_are_said_in_words() -> None:
    assert told(Conditions()) == "everything"
    assert told(Conditions(items=("a", "b"), tiers=(Tier.WIRE,))) == "items a, b; tiers wire"
