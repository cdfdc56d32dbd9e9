"""The kinds of value a configuration file may hold: durations, zones, names, phrases, addresses of feeds.

Each is a pydantic type with its JSON Schema; messages never repeat the value. What a value refers to is checked
elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

from watcher.domain.model import Status, Tier

T = TypeVar("T")


class Section(BaseModel):
    """A mapping of a configuration file; a key that is not listed is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True)


def wrong(message: str, allowed: str = "") -> PydanticCustomError:
    """Make the error a validator raises; the message is shown as it stands."""
    return PydanticCustomError("watcher", "{text}", {"text": message, "allowed": allowed})


REFERENCE = r"\$\{"  # an editor sees a file before ${NAME} is put in

# --- text -----------------------------------------------------------------------------------------

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def _text(value: Any) -> str:
    if isinstance(value, bool | int | float):
        raise wrong("expected text; put it in quotes")
    if not isinstance(value, str):
        raise wrong("expected text")
    if not value.strip():
        raise wrong("must not be empty")
    return " ".join(value.split())


def _id(value: Any) -> str:
    text = _text(value)
    if len(text) > 80 or not _ID.fullmatch(text):
        raise wrong("not usable as a name", "up to 80 letters, digits, hyphens, dots and underscores")
    return text


def _phrase(value: Any) -> str:
    text = _text(value)
    if "@" in text and not re.fullmatch(r"@" + _ID.pattern, text):
        raise wrong('an actor stands alone in a phrase: "@us"')
    if not any(character.isalnum() for character in text):
        raise wrong("a phrase needs a letter or a digit; this one would match everything or nothing")
    return text


_TEXT = {"type": "string", "minLength": 1}
Text = Annotated[str, BeforeValidator(_text), WithJsonSchema(_TEXT)]
Id = Annotated[str, BeforeValidator(_id), WithJsonSchema({"type": "string", "pattern": f"^{_ID.pattern}$"})]
Phrase = Annotated[str, BeforeValidator(_phrase), WithJsonSchema(_TEXT)]


def _loose(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        raise wrong("expected text; put it in quotes")
    if not isinstance(value, str):
        raise wrong("expected text")
    return value.strip()


Loose = Annotated[str, BeforeValidator(_loose), WithJsonSchema({"type": ["string", "null"]})]
"""Text that may be empty."""


def _wrap(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _one_or_more(kind: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [kind, {"type": "array", "items": kind, "minItems": 1}]})


def _not_empty(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if not value:
        raise wrong("must not be empty")
    return value


_IDS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Ids = Annotated[tuple[Id, ...], BeforeValidator(_wrap), WithJsonSchema(_IDS)]
Phrases = Annotated[tuple[Phrase, ...], AfterValidator(_not_empty), BeforeValidator(_wrap), _one_or_more(_TEXT)]
Looses = Annotated[tuple[Loose, ...], BeforeValidator(_wrap), _one_or_more({"type": ["string", "null"]})]
Texts = Annotated[tuple[Text, ...], AfterValidator(_not_empty), BeforeValidator(_wrap), _one_or_more(_TEXT)]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")  # RFC 9110, 5.6.2


def _token(value: Any) -> str:
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise wrong("not usable as the name of a header or a cookie", "letters, digits and hyphens")
    return value


HeaderName = Annotated[str, BeforeValidator(_token), WithJsonSchema({"type": "string"})]
Secret = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": "string"})]
"""Text that must not be empty, and is never shown."""

# --- numbers --------------------------------------------------------------------------------------


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value.strip()):
            value = int(value)  # from the environment, where everything is text
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong("expected a whole number", f"{low} to {high}")
        if not low <= value <= high:
            raise wrong("out of range", f"{low} to {high}")
        return value

    return check


def _whole_schema(low: int, high: int) -> WithJsonSchema:
    number = {"type": "integer", "minimum": low, "maximum": high}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": r"^\d+$|" + REFERENCE}]})


Port = Annotated[int, BeforeValidator(_whole(0, 65535)), _whole_schema(0, 65535)]
Count = Annotated[int, BeforeValidator(_whole(1, 10_000)), _whole_schema(1, 10_000)]
Words = Annotated[int, BeforeValidator(_whole(1, 50)), _whole_schema(1, 50)]
Sources = Annotated[int, BeforeValidator(_whole(1, 10)), _whole_schema(1, 10)]

_SIZE = re.compile(r"(\d{1,6})\s*(|B|kB|KB|MB|GB)")
_FACTOR = {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def _size(value: Any) -> int:
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match:
        value = int(match[1]) * _FACTOR[match[2]]
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong("not a size", 'bytes as a number, or "500 kB", "10 MB"')
    if not 1_000 <= value <= 1_000_000_000:
        raise wrong("out of range", "1 kB to 1 GB")
    return value


Size = Annotated[int, BeforeValidator(_size), WithJsonSchema({"type": ["string", "integer"]})]


def _flag(value: Any) -> bool:
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise wrong("expected true or false", "true, false")


Flag = Annotated[
    bool,
    BeforeValidator(_flag),
    WithJsonSchema({"anyOf": [{"enum": [True, False, "true", "false"]}, {"type": "string", "pattern": REFERENCE}]}),
]

# --- time -----------------------------------------------------------------------------------------

_DURATION = re.compile(r"(?:(\d{1,5})w)?(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?(?:(\d{1,6})ms)?")
_UNITS = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds")


def parse_duration(text: str) -> timedelta | None:
    """Read "90s", "30m", "48h", "2d", "1w", "1h30m" or "200ms"; None when it is none of these or nothing long."""
    match = _DURATION.fullmatch(text.replace(" ", ""))
    if not match:
        return None
    parts = {unit: int(number) for unit, number in zip(_UNITS, match.groups(), strict=True) if number}
    return timedelta(**parts) or None


def format_duration(length: timedelta) -> str:
    """Write a length of time as `parse_duration` reads it, in the largest unit that fits."""
    milliseconds = length // timedelta(milliseconds=1)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def duration_between(low: timedelta, high: timedelta, words: str) -> Callable[[Any], timedelta]:
    """Make the validator of a length of time within these bounds; `words` tell them."""

    def check(value: Any) -> timedelta:
        length = parse_duration(value) if isinstance(value, str) else None
        if length is None:
            raise wrong("not a length of time", '"90s", "30m", "48h", "2d", "1w", "1h30m"')
        if not low <= length <= high:
            raise wrong("out of range", words)
        return length

    return check


_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^ *(\d+ *([wdhms]|ms) *)+$|" + REFERENCE})
Every = Annotated[
    timedelta,
    BeforeValidator(duration_between(timedelta(minutes=1), timedelta(days=7), "1m to 1w")),
    _DURATION_SCHEMA,
]
Moment = Annotated[
    timedelta,
    BeforeValidator(duration_between(timedelta(seconds=1), timedelta(minutes=10), "1s to 10m")),
    _DURATION_SCHEMA,
]
SHORTEST_OWN = timedelta(milliseconds=50)
Tick = Annotated[
    timedelta,
    BeforeValidator(duration_between(SHORTEST_OWN, timedelta(minutes=10), "50ms to 10m")),
    _DURATION_SCHEMA,
]
Window = Annotated[
    timedelta,
    BeforeValidator(duration_between(timedelta(minutes=1), timedelta(days=366), "1m to 366d")),
    _DURATION_SCHEMA,
]
Age = Annotated[
    timedelta,
    BeforeValidator(duration_between(timedelta(days=1), timedelta(days=3660), "1d to 3660d")),
    _DURATION_SCHEMA,
]

_until = duration_between(timedelta(days=1), timedelta(days=3660), '1d to 3660d, or "never"')


def _patience(value: Any) -> timedelta:
    return timedelta(0) if value == "never" else _until(value)


Patience = Annotated[
    timedelta,
    BeforeValidator(_patience),
    WithJsonSchema({"type": "string", "pattern": r"^never$|^ *(\d+ *([wdhms]|ms) *)+$|" + REFERENCE}),
]
"""An age, or zero for never."""


def _day(value: Any) -> date:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise wrong("not a date", "year-month-day, as in 2025-09-14")


def _since(value: Any) -> datetime:
    """Read a date (its first moment in UTC) or a date and time with an offset."""
    if isinstance(value, str):
        try:
            time = datetime.fromisoformat(value)
            if len(value) == 10:
                return time.replace(tzinfo=UTC)
            if time.tzinfo is not None:
                return time.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise wrong("not a date, or a time with its offset from UTC", "2025-09-14 or 2025-09-14T08:00:00Z")


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Since = Annotated[datetime, BeforeValidator(_since), WithJsonSchema({"type": "string"})]


def _zone(value: Any) -> ZoneInfo:
    if not isinstance(value, str) or value not in available_timezones():
        raise wrong("not an IANA time zone", "a name such as UTC, Europe/Madrid, Asia/Shanghai")
    return ZoneInfo(value)


Zone = Annotated[ZoneInfo, BeforeValidator(_zone), WithJsonSchema({"type": "string"})]

# --- addresses ------------------------------------------------------------------------------------


def web_address(value: Any) -> str:
    """Check an http or https URL with a host."""
    text = _text(value)
    try:
        parts = urlsplit(text)
        port_ok = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        raise wrong("not a web address", "http:// or https:// with a host") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_ok or re.search(r"\s", text):
        raise wrong("not a web address", "http:// or https:// with a host")
    return text


_NUMBER = re.compile(r"(?:\d+|0x[0-9a-f]*)\Z", re.IGNORECASE)


def address_fault(text: str, *, allow_private: bool) -> tuple[str, str] | None:
    """Say what is wrong with the address of a feed and what is allowed there; None when nothing is.

    Only what is written counts: where a name leads is looked at whenever it is polled.
    """
    try:
        web_address(text)
    except PydanticCustomError as error:
        context = error.context or {}
        return str(context.get("text", "")), str(context.get("allowed", ""))
    host = (urlsplit(text).hostname or "").rstrip(".")
    if not allow_private and _is_private(host):
        return "the host is no public address", "a public host, or allow_private: true for a server of your own"
    return None


def _is_private(host: str) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:  # a name; numbers that are no usual address stand for one, too
        return host == "localhost" or host.endswith(".localhost") or bool(_NUMBER.match(host.rpartition(".")[2]))
    address = getattr(address, "ipv4_mapped", None) or address
    return not address.is_global or address.is_multicast


def _database(value: Any) -> str:
    text = _text(value)
    scheme = text.partition("://")[0]
    if "://" not in text or scheme not in ("sqlite", "postgresql", "postgres", "postgresql+psycopg"):
        raise wrong("not a database watcher can use", "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
    if scheme == "sqlite" and not text.startswith("sqlite:///"):
        raise wrong("an SQLite address has three slashes, four before an absolute path", "sqlite:///FILE")
    return text


def _board(value: Any) -> str:
    return web_address(value).rstrip("/") if value not in (None, "") else ""


Url = Annotated[
    str, BeforeValidator(web_address), WithJsonSchema({"type": "string", "pattern": "^https?://|" + REFERENCE})
]
LaterUrl = Annotated[
    str, BeforeValidator(_text), WithJsonSchema({"type": "string", "pattern": "^https?://|" + REFERENCE})
]
"""As `Url`, but judged where a mistake in it does not hide others, by `address_fault`."""
Board = Annotated[str, BeforeValidator(_board), WithJsonSchema({"type": ["string", "null"]})]
Database = Annotated[str, BeforeValidator(_database), WithJsonSchema({"type": "string"})]

# --- choices --------------------------------------------------------------------------------------


def choice(convert: Callable[[str], T], words: tuple[str, ...]) -> tuple[BeforeValidator, WithJsonSchema]:
    """Make the validator and the schema of a field that takes one of these words."""

    def check(value: Any) -> T:
        if not isinstance(value, str) or value not in words:
            raise PydanticCustomError(
                "choice",
                "{text}",
                {"text": "not one of the words allowed here", "allowed": ", ".join(words), "words": list(words)},
            )
        return convert(value)

    schema = {"anyOf": [{"enum": list(words)}, {"type": "string", "pattern": REFERENCE}]}
    return BeforeValidator(check), WithJsonSchema(schema)


SEVERITIES = ("low", "normal", "high", "critical")
TIERS = tuple(tier.value for tier in Tier)
STATUSES = tuple(status.value for status in Status)

_severity = choice(str, SEVERITIES)
_tier = choice(Tier, TIERS)
_status = choice(Status, STATUSES)
Severity = Annotated[str, _severity[0], _severity[1]]
TierName = Annotated[Tier, _tier[0], _tier[1]]
StatusName = Annotated[Status, _status[0], _status[1]]
