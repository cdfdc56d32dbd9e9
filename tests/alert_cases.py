"""Alerts, and what is quoted in them, for tests of what a message says and of how it is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from watcher.domain.alerts import Alert, AlertKind, AnyAlert, Delivery, Message, PlannedAlert, PlannedDelivery, Quote
from watcher.domain.model import Reason, Tier

NOW = datetime(2025, 9, 25, 14, 5, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
BOARD = "https://board.example/"


def a_quote(text: str = "The text was published on Thursday.", **told: Any) -> Quote:
    given: dict[str, Any] = {
        "outlet": "Reuters",
        "tier": Tier.WIRE,
        "at": NOW,
        "link": "https://www.reuters.com/a?b=1&c=2",
    }
    return Quote(text, **(given | told))


def an_alert(**told: Any) -> Alert:
    """Return an alert of what one agency said, with nothing in it that an alert can do without."""
    given: dict[str, Any] = {
        "kind": AlertKind.STATE_CHANGE,
        "item": "outcome-documents",
        "watchlist": "us-china",
        "title": "Outcome documents",
        "question": "Will the text be published?",
        "from_state": "awaited",
        "from_label": "awaited",
        "to_state": "published",
        "to_label": "published",
        "at": NOW,
        "reason": Reason.ALONE,
        "detail": "one source that is enough alone says so: Reuters",
        "sources": 1,
        "quotes": (a_quote(),),
        "next": "Both sides sign it.",
    }
    return Alert(**(given | told))


def a_message(alert: AnyAlert, id: str = "42", receiver: str = "desk", attempts: int = 1) -> Message:
    """Return the message of one delivery, as it is handed to a sender."""
    return Message(id, receiver, (Delivery(id, receiver, alert, attempts),))


def planned(
    alert: AnyAlert, key: tuple[str, ...], receivers: tuple[str, ...], at: datetime, transition: int | None = None
) -> PlannedAlert:
    """Return an alert planned for these receivers, due at once."""
    return PlannedAlert(alert, key, tuple(PlannedDelivery(one, "desk", at) for one in receivers), transition)
