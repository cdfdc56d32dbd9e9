"""Stored alerts with what became of them, for tests of what is told again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from alert_cases import NOW, an_alert

from watcher.domain.alerts import Act, ActKind, AlertRow, AnyAlert, DeliveryRow, DeliveryState, PlannedAlert
from watcher.domain.model import Standing

ITEM = "outcome-documents"


def a_delivery(
    receiver: str = "desk",
    sent: datetime | None = NOW,
    *,
    route: str = "urgent",
    alert: AnyAlert | None = None,
    **told: Any,
) -> DeliveryRow:
    """Return a delivery that was sent then, or one that waits."""
    given: dict[str, Any] = {
        "id": f"{route}-{receiver}",
        "item": ITEM,
        "seq": 1,
        "receiver": receiver,
        "state": DeliveryState.SENT if sent else DeliveryState.PENDING,
        "attempts": 1 if sent else 0,
        "created_at": NOW,
        "not_before": NOW,
        "settled_at": sent,
        "detail": "",
        "alert": alert or an_alert(),
        "route": route,
    }
    return DeliveryRow(**(given | told))


def a_row(*deliveries: DeliveryRow, alert: AnyAlert | None = None, **told: Any) -> AlertRow:
    """Return a stored alert, sent to the desk by the route "urgent" unless told otherwise."""
    given: dict[str, Any] = {"id": 1, "created_at": NOW, "reminds_of": None, "key": f"{ITEM}/1"}
    return AlertRow(alert=alert or an_alert(), deliveries=deliveries or (a_delivery(),), **(given | told))


def stored(planned: PlannedAlert, id: int, sent: Sequence[datetime | None]) -> AlertRow:
    """Return a planned alert as it is stored, each delivery sent then, or waiting."""
    made = [
        a_delivery(one.receiver, at, route=one.route, alert=planned.alert, id=f"{id}-{one.receiver}")
        for one, at in zip(planned.deliveries, sent, strict=True)
    ]
    key = "/".join(planned.key)
    return AlertRow(id, planned.alert, NOW, planned.reminds_of, tuple(made), key=key)


def an_ack(at: datetime = NOW, alert: int = 1) -> Act:
    return Act(ActKind.ACK, ITEM, "ana", at, "seen", alert)


def acked(row: AlertRow, at: datetime = NOW) -> AlertRow:
    return replace(row, acks=(an_ack(at),))


def there(**told: Any) -> dict[str, Standing]:
    """Return where the item stands since its alert: published."""
    given: dict[str, Any] = {"state": "published", "since": NOW, "version": 1}
    return {ITEM: Standing(ITEM, **(given | told))}
