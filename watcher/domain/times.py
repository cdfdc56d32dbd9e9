"""Moments are aware UTC datetimes; anything else is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def require_utc(**times: datetime | None) -> None:
    """Raise ValueError for a time that is not aware UTC (None passes)."""
    for name, value in times.items():
        if value is not None and value.utcoffset() != timedelta(0):
            raise ValueError(f"{name} must be an aware UTC datetime, got {value!r}")
