"""Column types that keep the product's promises on both databases: aware UTC times, and text any server can hold.

Nothing here knows a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import DateTime, Float, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

# PostgreSQL text holds no NUL, and UTF-8 has no half of a surrogate pair; feeds send both
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_DIGITS = len("2025-09-14 10:00:00.000000")


def storable(text: str) -> str:
    """Return the text without the characters that a database cannot hold."""
    if "\0" not in text:
        try:
            text.encode()  # many times faster than to search, and nearly always the end of it
        except UnicodeEncodeError:
            pass
        else:
            return text
    return _UNSTORABLE.sub("", text)


def _utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError(f"a naive datetime cannot be stored: {value!r}")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def _digits(value: datetime | None) -> str | None:
    return None if value is None else _utc(value).isoformat(" ", "microseconds")[:_DIGITS]


def _moment(digits: str | None) -> datetime | None:
    return None if digits is None else datetime.fromisoformat(digits).replace(tzinfo=UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. Takes aware datetimes and refuses naive ones with ValueError; gives back aware UTC.

    SQLite keeps the UTC digits, which sort as text; PostgreSQL keeps `timestamp with time zone`.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn into UTC; without its zone for SQLite, whose driver would write local digits."""
        if value is None:
            return None
        moment = _utc(value)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Write SQLite's digits ourselves, in a third of the time: every entry has three moments."""
        return _digits if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back; PostgreSQL answers in the session's."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Read SQLite's digits ourselves, too."""
        return _moment if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


class Duration(TypeDecorator[timedelta]):
    """A length of time, kept as seconds."""

    impl = Float
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, _dialect: Dialect) -> float | None:
        """Turn into seconds."""
        return None if value is None else value.total_seconds()

    def process_result_value(self, value: float | None, _dialect: Dialect) -> timedelta | None:
        """Turn back, to the microsecond."""
        return None if value is None else timedelta(seconds=value)


class PlainText(TypeDecorator[str]):
    """Text of any length; what no database can hold is left out on the way in."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Drop NUL and lone surrogates."""
        return _storable(value)

    def bind_processor(self, _dialect: Dialect) -> Callable[[Any], Any]:
        """The same without the decorator's own steps: every entry has eight texts."""
        return _storable


def _storable(value: str | None) -> str | None:
    return None if value is None else storable(value)


class Word(TypeDecorator[StrEnum]):
    """A member of one StrEnum, kept as its value; anything else is refused with ValueError."""

    impl = String(16)
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | None, _dialect: Dialect) -> str | None:
        """Turn into the value."""
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, _dialect: Dialect) -> StrEnum | None:
        """Turn back into the member."""
        return None if value is None else self.words(value)
