"""A sample message of every kind, invented: for previews, for trying an operator's templates, and for the docs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from watcher.domain.alerting import tell_sources, test_alert
from watcher.domain.alerts import (
    Alert,
    AlertKind,
    AnyAlert,
    Circuit,
    Delivery,
    Digest,
    Hold,
    Merge,
    Message,
    Moved,
    Moving,
    Point,
    Quote,
    SystemAlert,
    Upcoming,
)
from watcher.domain.circuits import tell
from watcher.domain.feeds import FeedStatus, Health, HealthChange
from watcher.domain.model import Item, Reason, Status, Tier
from watcher.domain.troubles import refusal, unseen
from watcher.errors import Problem

NOW = datetime(2025, 10, 30, 7, 12, tzinfo=UTC)
RECEIVER = "desk"
_NEXT_UP = "The day is put off, the thing is done in time, or the day passes without it."
_TRUCE_QUOTES = (
    Quote(
        "Washington and Beijing extend the truce to November 10 next year.",
        "CNBC",
        Tier.PRESS,
        NOW,
        "https://news.example/truce",
    ),
    Quote(
        "China, US move tariff deadline to November 10, 2026.",
        "Nikkei Asia",
        Tier.PRESS,
        NOW - timedelta(minutes=8),
        "https://news.example/tariffs",
    ),
)
_TRUCE = Alert(
    kind=AlertKind.STATE_CHANGE,
    item="tariff-truce",
    watchlist="us-china",
    title="Expiry of the US-China trade truce",
    question="Will the truce be extended?",
    from_state="set",
    from_label="set",
    to_state="extended",
    to_label="extended",
    at=NOW,
    reason=Reason.CORROBORATED,
    detail="2 independent sources say so: Nikkei Asia and CNBC",
    sources=2,
    quotes=_TRUCE_QUOTES,
    next="It is put off again, the thing is done in time, or the new day passes without it.",
    from_value="2025-11-10",
    to_value="2026-11-10",
    from_since=datetime(2025, 9, 14, tzinfo=UTC),
    from_source="ABC News",
    meaning="A later day has been ordered or agreed.",
    severity="high",
    note="Tell the trade team in Brussels.",
    lifecycle="deadline",
    tags=("trade",),
    tier=Tier.PRESS,
    entries=("1", "2"),
)
_UNMOVED = replace(
    _TRUCE, to_state="set", to_label="set", to_value="2025-11-10", quotes=(), sources=0, entries=(), note="",
    meaning="A day has been set.", next=_NEXT_UP, from_source="", tier=None,
)  # fmt: skip


def _doubt(kind: AlertKind, status: Status, reason: Reason, detail: str, *quotes: Quote) -> Alert:
    return replace(
        _UNMOVED, kind=kind, status=status, reason=reason, detail=detail, to_state="extended", to_label="extended",
        to_value="2026-11-10", meaning=_TRUCE.meaning, sources=len(quotes), quotes=quotes, tier=Tier.PRESS,
    )  # fmt: skip


def _feed(id_: str, health: Health, **told: Any) -> FeedStatus:
    outlet = {"wire": "Wire One", "gazette": "Official Gazette"}[id_]
    return FeedStatus(
        id_, f"https://{id_}.example/feed", outlet, None, "", NOW, NOW, 0, NOW, 40, None, active=True,
        health=health, **told,
    )  # fmt: skip


def _of_source(before: Health, after: Health, reason: str, detail: str, id_: str = "wire", **told: Any) -> SystemAlert:
    change = HealthChange(id_, 1, before, after, reason, detail, NOW)
    return tell_sources([change], {id_: _feed(id_, after, **told)}, NOW)[0][0]


def _unseen() -> SystemAlert:
    item = Item(_TRUCE.item, _TRUCE.title, _TRUCE.lifecycle, _TRUCE.from_state)
    return unseen({item.id: ("wire",)}, {"wire": _feed("wire", Health.BROKEN)}, {item.id: item}, (), NOW)[0][0]


_DOWN = Circuit(RECEIVER, failures=3, opened_at=NOW - timedelta(minutes=4), next_at=NOW, detail="connection refused")
_EARLY = replace(_TRUCE_QUOTES[0], text="Washington could extend the truce to November 10 next year.")
_DENIAL = Quote(
    "The truce has not been extended, the ministry said.", "Xinhua", Tier.WIRE, NOW, "https://news.example/denial"
)
_DIGEST = Digest(
    route="desk",
    since=NOW - timedelta(days=1),
    at=NOW,
    moved=(
        Moved(
            "tariff-truce", _TRUCE.title, "set", "extended", NOW, _TRUCE.detail, "2025-11-10", "2026-11-10",
            link="https://news.example/truce",
        ),
    ),
    moving=(
        Moving(
            "chip-licence", "Licence for the newer chips", "pending", "approved", Status.POSSIBLE, 1, NOW,
            "possible does not move it to approved", link="https://news.example/chips",
        ),
    ),
    upcoming=(Upcoming("port-fees", "Port fees on foreign ships", "set", date(2025, 11, 9)),),
    silent=(Point("Outcome documents", "nothing was told of it, 12 sources answered", NOW - timedelta(days=30)),),
    sources=(Point("wire (Wire One)", "broken: timeout: no complete answer within 20 s", NOW - timedelta(hours=9)),),
    unchanged=17,
)  # fmt: skip

_ALERTS: Mapping[str, AnyAlert] = {
    "state_change": _TRUCE,
    "reversal": replace(
        _TRUCE, kind=AlertKind.REVERSAL, from_state="extended", from_label="extended", from_value="2026-11-10",
        to_state="set", to_label="set", to_value="2025-11-10", reason=Reason.RETRACTED, meaning="A day has been set.",
        detail="CNBC took its report back; it goes back on “extended”, where it stood since 2025-10-30",
        sources=0, quotes=(), next=_NEXT_UP, from_source="", note="",
        from_since=NOW - timedelta(hours=5),
    ),
    "disputed": _doubt(
        AlertKind.DISPUTED, Status.DONE, Reason.DISPUTED, "told by CNBC; denied by Xinhua", _DENIAL,
        _TRUCE_QUOTES[0],
    ),
    "early_signal": _doubt(
        AlertKind.EARLY_SIGNAL, Status.POSSIBLE, Reason.SOFT, "possible does not move it to extended", _EARLY
    ),
    "deadline": replace(
        _UNMOVED, kind=AlertKind.DEADLINE, reason=Reason.IN_7_DAYS, day=date(2025, 11, 10),
        at=datetime(2025, 11, 3, 7, 0, tzinfo=UTC),
        detail="the day it waits for, 2025-11-10, is in 7 days",
    ),
    "item_silent": replace(
        _UNMOVED, kind=AlertKind.SILENT, reason=Reason.NOTHING_HAPPENED,
        detail="nothing was told of it since 2025-09-30, and all of its 12 sources answered the whole time",
    ),
    "digest": _DIGEST,
    "test": test_alert(NOW),
    "source_broken": _of_source(
        Health.HEALTHY, Health.BROKEN, "timeout", "timeout: no complete answer within 20 s",
        failing_since=NOW - timedelta(minutes=90),
    ),
    "source_quiet": _of_source(
        Health.HEALTHY, Health.QUIET, "silent", "it answers, and has published nothing new for more than 9 days",
        "gazette", news_at=NOW - timedelta(days=9),
    ),
    "source_recovered": _of_source(Health.BROKEN, Health.RECOVERED, "answers", "it answers again"),
    "item_unseen": _unseen(),
    "config_rejected": refusal("watcher.yaml", [Problem("watcher.yaml", 12, 1, "unknown key `recievers`")], NOW)[0],
    "trouble": tell(Circuit(RECEIVER), _DOWN, NOW)[0],
    "trouble_over": tell(_DOWN, Circuit(RECEIVER), NOW)[0],
    "reminder": replace(_TRUCE, reminder=2),
    "escalation": replace(_TRUCE, reminder=0, escalated=True),
    "correction": replace(
        _TRUCE, reason=Reason.PERSON, detail="corrected by Anna: the notice was published yesterday", sources=0,
        quotes=(), tier=None, entries=(),
    ),
}  # fmt: skip


def _several(merge: Merge, hold: Hold | None) -> Message:
    soon = replace(
        _TRUCE, item="port-fees", title="Port fees on foreign ships", from_label="in force", to_label="suspended",
        from_value=None, to_value=None, question="", note="", meaning="", from_source="",
    )  # fmt: skip
    third = replace(soon, item="chip-licence", title="Licence for the newer chips", from_label="pending",
                    to_label="approved", severity="normal")  # fmt: skip
    start = NOW if merge is Merge.EVENT else NOW.replace(hour=21, minute=0) - timedelta(days=1)
    gap = timedelta(0) if merge is Merge.EVENT else timedelta(hours=2)
    deliveries = tuple(
        Delivery(str(42 + n), RECEIVER, replace(alert, at=start + n * gap), 1, alert_id=7 + n, route="desk",
                 hold=hold, created_at=start + n * gap)
        for n, alert in enumerate((_TRUCE, soon, third))
    )  # fmt: skip
    return Message(deliveries[0].id, RECEIVER, deliveries, merge)


_MERGED: Mapping[str, Callable[[], Message]] = {
    "event": lambda: _several(Merge.EVENT, Hold.GROUP),
    "held": lambda: _several(Merge.HELD, Hold.QUIET),
    "late": lambda: _several(Merge.LATE, None),
}

SAMPLES = (*_ALERTS, *_MERGED)
"""What there are samples of: the kinds of alerts, some that look otherwise (a reminder, an escalation, a person's
correction), and messages of several alerts."""


def sample(name: str) -> Message:
    """Return the sample message of that name; KeyError for one there is none of."""
    if name in _MERGED:
        return _MERGED[name]()
    alert = _ALERTS[name]
    return Message("42", RECEIVER, (Delivery("42", RECEIVER, alert, 1, alert_id=7, route="desk", created_at=alert.at),))
