"""Find the value a reading carries: the day a deadline moves to, the day of a meeting, the rate of a tariff.

Days are given as ISO dates, resolved against the day of the entry; rates as "50%". Only what is written out is
taken: a day with its month, never a weekday or "in two weeks".
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"), 1
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>20\d\d))?"
_DATES = (
    re.compile(rf"\b(?P<month>{_MONTH})\.?\s+{_DAY}{_YEAR}(?!\d|%)\b", re.I),
    re.compile(rf"\b{_DAY}\s+(?:of\s+)?(?P<month>{_MONTH})\b\.?{_YEAR}", re.I),
    re.compile(r"(?:(?P<year>20\d\d)年)?(?P<month>\d{1,2})月(?P<day>\d{1,2})[日号]"),
    re.compile(r"\b(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b"),
)  # fmt: skip
_RATE = re.compile(r"(?P<rate>\d+(?:\.\d+)?)\s?(?:%|percent\b|per cent\b|pct\b)", re.I)
_BACK = timedelta(days=60)  # a day without a year lies at most this far back, otherwise it is next year's


def day(text: str, at: datetime) -> str | None:
    """Return the last day written out in `text` as an ISO date, None for none; `at` resolves a missing year."""
    found = sorted((m for pattern in _DATES for m in pattern.finditer(text)), key=lambda m: m.start())
    for m in reversed(found):
        month = _MONTHS.get(m["month"].lower()) or int(m["month"] if m["month"].isdigit() else 0)
        resolved = _resolve(int(m["year"]) if m["year"] else None, month, int(m["day"]), at.date())
        if resolved is not None:
            return resolved.isoformat()
    return None


def _resolve(year: int | None, month: int, number: int, today: date) -> date | None:
    try:
        if year is not None:
            return date(year, month, number)
        this = date(today.year, month, number)
        return this if this >= today - _BACK else date(today.year + 1, month, number)
    except ValueError:
        return None


def rate(text: str) -> str | None:
    """Return the last rate written out in `text` ("50%"), None for none."""
    found = _RATE.findall(text)
    return f"{found[-1]}%" if found else None
