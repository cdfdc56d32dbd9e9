"""Read the dates that feeds write, into aware UTC times; no clock in here.

feedparser's own reading is only the last resort: it turns month 13 into January of the next year, and has no answer
for a time without a zone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from functools import lru_cache

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # syndication began later; what is older is a default or a mistake
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)

_ISO = re.compile(
    r"(\d{4})-?(\d\d)(?:-?(\d\d)(?:[T ]\s*(\d\d):?(\d\d)(?::?(\d\d)(?:[.,]\d+)?)?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?\Z",
    re.IGNORECASE,
)
_US = re.compile(  # "July 24, 2025", "Jul 24 2025 5:07 pm EDT"
    r"([a-z]{3})[a-z]*\.? (\d{1,2}),? (\d{4})"
    r"(?:,? (?:at )?(\d{1,2}):(\d\d)(?::(\d\d))? ?([ap])?\.?(?:m\.?)? ?([a-z+\-0-9:]*))?\Z",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES = {  # day-first dates in other languages than English; the first three letters are enough for most
    "janv": 1, "févr": 2, "fév": 2, "fevr": 2, "mars": 3, "avr": 4, "mai": 5, "juin": 6, "juil": 7, "août": 8,
    "aout": 8, "déc": 12, "mär": 3, "mrz": 3, "okt": 10, "dez": 12, "ene": 1, "abr": 4, "ago": 8, "dic": 12,
    "gen": 1, "mag": 5, "giu": 6, "lug": 7, "set": 9, "ott": 10, "fev": 2, "out": 10, "mei": 5, "maj": 5,
}  # fmt: skip
# names the standard library does not know, left out where two zones share one (CST, IST)
_ZONE_HOURS = {
    "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2, "EEST": 3, "MSK": 3, "SGT": 8,
    "HKT": 8, "AWST": 8, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "AKST": -9, "AKDT": -8,
    "HST": -10,
}  # fmt: skip


def parse_date(text: str, fallback: tuple[int, ...] | None = None) -> datetime | None:
    """Read a date as feeds write it; None when it is unreadable, impossible (month 13) or before 1990 or after 2099.

    A time without a zone is taken as UTC. `fallback` is the UTC time tuple another parser made of it, used only when
    the text has none of the shapes known here.
    """
    text = " ".join(text.split())
    if not text:
        return None
    try:
        when = _read(text)
        if when is None and fallback is not None and re.search(r"\d{4}", text):
            year, month, day, hour, minute, second = fallback[:6]
            when = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
        when = when.astimezone(UTC) if when is not None else None
    except (ValueError, OverflowError):
        return None
    return when if when is not None and _EARLIEST <= when < _LATEST else None


def needs_no_other(text: str) -> bool:
    """Tell whether `parse_date` would not look at another parser's reading of this text."""
    try:
        return _read(" ".join(text.split())) is not None
    except (ValueError, OverflowError):
        return True


@lru_cache(maxsize=64)  # texts; each is asked for twice in a row, and many feeds repeat it as the date of the last edit
def _read(text: str) -> datetime | None:
    """Try the known shapes; ValueError for one that fits and holds an impossible figure."""
    if m := _ISO.match(text):
        year, month, day, hour, minute, second = (int(g) if g else 0 for g in m.groups()[:6])
        return _build(year, month, day or 1, hour, minute, second, _offset(m[7] or ""))
    if (m := _US.match(text)) and m[1].lower() in _MONTHS:
        hour = int(m[4] or 0)
        if m[7]:
            hour = hour % 12 + (12 if m[7].lower() == "p" else 0)
        month = _MONTHS.index(m[1].lower()) + 1
        return _build(int(m[3]), month, int(m[2]), hour, int(m[5] or 0), int(m[6] or 0), _offset(m[8] or ""))
    return _read_mail_date(text)


def _read_mail_date(text: str) -> datetime | None:
    """RFC 822 and its many relatives: any day name, month names of several languages, two-digit years."""
    text = re.sub(r"^[^\W\d]+\.?,? +(?=\d)", "", text)  # the day's name says nothing, in whatever language
    text = re.sub(r"^(\d{1,2})\.? (?:de )?([^\W\d]+)\.?(?: de)?(?= )", _english_month, text)
    parsed = parsedate_tz(text)
    if parsed is None:
        return None
    year, month, day, hour, minute, second = parsed[:6]
    seconds = parsed[9]
    zone = text.rpartition(" ")[2].strip("()").upper()
    offset = timedelta(hours=_ZONE_HOURS[zone]) if zone in _ZONE_HOURS else timedelta(seconds=seconds or 0)
    return _build(year, month, day, hour, minute, second, offset)


def _english_month(m: re.Match[str]) -> str:
    name = m[2].lower()
    for length in (4, 3):
        if number := _MONTH_NAMES.get(name[:length]):
            return f"{m[1]} {_MONTHS[number - 1]}"
    return f"{m[1]} {m[2]}"


def _offset(zone: str) -> timedelta:
    zone = zone.upper()
    if m := re.fullmatch(r"([+-])(\d\d):?(\d\d)?", zone):
        size = timedelta(hours=int(m[2]), minutes=int(m[3] or 0))
        return -size if m[1] == "-" else size
    if zone in _ZONE_HOURS:
        return timedelta(hours=_ZONE_HOURS[zone])
    american = {"E": -5, "C": -6, "M": -7, "P": -8}
    if m := re.fullmatch(r"([ECMP])([SD])?T", zone):
        return timedelta(hours=american[m[1]] + (m[2] == "D"))
    return timedelta(0)


def _build(year: int, month: int, day: int, hour: int, minute: int, second: int, offset: timedelta) -> datetime:
    extra = timedelta(days=1) if hour == 24 and minute == second == 0 else timedelta(0)  # ISO's end of a day
    hour = 0 if extra else hour
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone(offset)) + extra
