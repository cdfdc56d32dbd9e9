"""How often feeds are polled, as an operator writes it: an interval, or `auto`, which learns it between two bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from watcher.config.fields import REFERENCE, SHORTEST_OWN, duration_between, wrong

FEED_INTERVAL = timedelta(minutes=15)  # where one is learned, until something is known
SHORTEST_INTERVAL = timedelta(minutes=1)  # on servers of others


@dataclass(frozen=True, slots=True)
class Intervals:
    """How often feeds are polled that do not say so themselves; `every` None learns it, between the other two."""

    every: timedelta | None = None
    fastest: timedelta = timedelta(minutes=5)
    slowest: timedelta = timedelta(hours=1)


AUTO = "auto"
"""Where an interval may stand: learn it."""


def _or_auto(check: Callable[[Any], timedelta]) -> Callable[[Any], timedelta | str]:
    def either(value: Any) -> timedelta | str:
        if value == AUTO:
            return AUTO
        try:
            return check(value)
        except PydanticCustomError as error:
            context = error.context or {}
            raise wrong(context["text"], f"{AUTO}, or {context['allowed']}") from None

    return either


_CADENCE_SCHEMA = WithJsonSchema(
    {"anyOf": [{"const": AUTO}, {"type": "string", "pattern": r"^ *(\d+ *([wdhms]|ms) *)+$|" + REFERENCE}]}
)
Cadence = Annotated[
    timedelta | str,
    BeforeValidator(_or_auto(duration_between(timedelta(minutes=1), timedelta(days=7), "1m to 1w"))),
    _CADENCE_SCHEMA,
]
"""An interval, or "auto"."""
OwnCadence = Annotated[
    timedelta | str,
    BeforeValidator(
        _or_auto(duration_between(SHORTEST_OWN, timedelta(days=7), "1m to 1w, your own server's 50ms to 1w"))
    ),
    _CADENCE_SCHEMA,
]
"""As `Cadence`, down to 50 ms where the server is the operator's own; who may use that is checked elsewhere."""


_distance = duration_between(timedelta(milliseconds=1), timedelta(minutes=1), "0s to 1m")


def _or_none(value: Any) -> timedelta:
    return timedelta(0) if value in ("0", "0s", "0ms") else _distance(value)


Spacing = Annotated[
    timedelta,
    BeforeValidator(_or_none),
    WithJsonSchema({"type": "string", "pattern": r"^ *(\d+ *(m|s|ms) *)+$|" + REFERENCE}),
]
"""A length of time that may be none."""
