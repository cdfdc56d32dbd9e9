"""Alerts as they are stored: JSON, and back."""

from __future__ import annotations

from functools import lru_cache

from pydantic import TypeAdapter

from watcher.domain.alerts import AnyAlert

_ALERT: TypeAdapter[AnyAlert] = TypeAdapter(AnyAlert)


def dump(alert: AnyAlert) -> str:
    """Return an alert as JSON."""
    return _ALERT.dump_json(alert).decode()


@lru_cache(maxsize=2048)  # a stored alert never changes, and goes to several receivers
def load(payload: str) -> AnyAlert:
    """Return the alert that `dump` made this of."""
    return _ALERT.validate_json(payload)
