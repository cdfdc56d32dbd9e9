"""Find the value a reading carries: the day a deadline moves to, the day of a meeting, the rate of a tariff.

Days are given as ISO dates, resolved against the day of the entry, whether they are written out ("10 November") or
told from it ("tomorrow", "next Friday", "by the end of the month", "in two weeks"); rates as "50%" or "$50". A span
of time that starts nobody knows when ("for 90 days", "within weeks") is no day.

Own patterns instead of a library: dateparser 1.5 finds a day in "may", "sat" and "of November", knows neither "month's
end" nor "下周五", and needs milliseconds a headline.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta

_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"), 1
    )
    for name in names.split()
}  # fmt: skip
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        ("mon monday 一", "tue tues tuesday 二", "wed wednesday 三", "thu thur thurs thursday 四", "fri friday 五",
         "sat saturday 六", "sun sunday 日 天")
    )
    for name in names.split()
}  # fmt: skip
_NUMBERS = {
    word: number
    for number, words in enumerate(
        ("", "a an one 一", "two 两 二", "three 三", "four 四", "five 五", "six 六", "seven 七", "eight 八", "nine 九",
         "ten 十")
    )
    for word in words.split()
}  # fmt: skip
_UNITS = {"day": 1, "week": 7, "fortnight": 14, "天": 1, "日": 1, "周": 7, "星期": 7}  # days
_BACK = timedelta(days=60)  # a day without a year lies at most this far back, otherwise it is next year's

_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_FULL_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_COUNT = "|".join(["\\d{1,3}", *sorted((w for w in _NUMBERS if w.isascii()), key=len, reverse=True)])
_UNIT = "day|week|fortnight|month"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>20\d\d))?"

_Resolve = Callable[[re.Match[str], date], date | None]


def day(text: str, at: datetime, since: int = 0) -> str | None:
    """Return the last day told in `text` as an ISO date, None for none; what is not complete is resolved from `at`.

    A day written out may stand anywhere and lie in the past; one told from the entry's day must stand behind character
    `since`, where what happens to it is told, and lie ahead.
    """
    today = at.date()
    written = ((m.start(), told) for m, told in _find(_WRITTEN, text, today))
    ahead = ((m.start(), told) for m, told in _find(_RELATIVE, text, today) if told > today and m.start() >= since)
    found = sorted((*written, *ahead))
    return found[-1][1].isoformat() if found else None


def later_days(text: str, at: datetime) -> list[int]:
    """Return at which characters of `text` days begin that lie after the day of `at`."""
    found = (*_find(_WRITTEN, text, at.date()), *_find(_RELATIVE, text, at.date()))
    return [m.start() for m, told in found if told > at.date()]


def _find(
    patterns: Sequence[tuple[re.Pattern[str], _Resolve]], text: str, today: date
) -> Iterator[tuple[re.Match[str], date]]:
    for pattern, resolve in patterns:
        for m in pattern.finditer(text):
            told = resolve(m, today)
            if told is not None and not _SAID.search(text, 0, m.start()):
                yield m, told


def _written(m: re.Match[str], today: date) -> date | None:
    month = _MONTHS.get(m["month"].lower()) or int(m["month"] if m["month"].isdigit() else 0)
    try:
        if m["year"]:
            return date(int(m["year"]), month, int(m["day"]))
        this = date(today.year, month, int(m["day"]))
        return this if this >= today - _BACK else date(today.year + 1, month, int(m["day"]))
    except ValueError:
        return None


def _near(m: re.Match[str], today: date) -> date:
    word = m[0].lower()
    if word in ("tomorrow", "明天", "明日"):
        return today + timedelta(days=1)
    return today + timedelta(days=2) if word in ("day after tomorrow", "后天") else today


def _weekday(m: re.Match[str], today: date) -> date:
    """The coming one, today's own included; "next Friday" is that of the week to come, "last Friday" the one past."""
    number, which = _WEEKDAYS[m["weekday"].lower()], (m["which"] or "").lower()
    monday = today - timedelta(days=today.weekday())
    if which in ("next", "下"):
        return monday + timedelta(days=7 + number)
    if which in ("last", "上"):
        return today - timedelta(days=(today.weekday() - number - 1) % 7 + 1)
    return today + timedelta(days=(number - today.weekday()) % 7)


def _ahead(m: re.Match[str], today: date) -> date | None:
    count = int(m["count"]) if m["count"].isdigit() else _NUMBERS[m["count"].lower()]
    unit = m["unit"].lower()
    if unit in _UNITS:
        return today + timedelta(days=count * _UNITS[unit])
    months = today.month - 1 + count * (12 if unit in ("year", "年") else 1)
    year, month = today.year + months // 12, months % 12 + 1
    return date(year, month, min(today.day, calendar.monthrange(year, month)[1])) if year < date.max.year else None


def _end(m: re.Match[str], today: date) -> date | None:
    """The last day of a month, quarter, week or year."""
    told, ahead = m["of"].lower(), (m["which"] or "").lower() in ("next", "下")
    if told in ("year", "年"):
        return date(today.year + ahead, 12, 31)
    if told == "week":
        return today + timedelta(days=6 - today.weekday() + 7 * ahead)
    if told == "quarter":
        month = (today.month - 1) // 3 * 3 + 3 + 3 * ahead
    elif told in ("month", "月"):
        month = today.month + ahead
    else:
        month = _MONTHS[told]
    year = int(m["year"]) if m["year"] else today.year + (month < today.month)
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, calendar.monthrange(year, month)[1])


_WRITTEN: tuple[tuple[re.Pattern[str], _Resolve], ...] = (
    (re.compile(rf"\b(?P<month>{_MONTH})\.?\s+{_DAY}{_YEAR}(?!\d|%)\b", re.I), _written),
    (re.compile(rf"\b{_DAY}\s+(?:of\s+)?(?P<month>{_MONTH})\b\.?{_YEAR}", re.I), _written),
    (re.compile(r"(?:(?P<year>20\d\d)年)?(?P<month>\d{1,2})月(?P<day>\d{1,2})[日号]"), _written),
    (re.compile(r"\b(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b"), _written),
)  # fmt: skip
_RELATIVE: tuple[tuple[re.Pattern[str], _Resolve], ...] = (
    (re.compile(r"\b(?:day after tomorrow|(?<!after )tomorrow|today|tonight)\b|[明今]天|[明今]日|后天", re.I), _near),
    (re.compile(rf"\b(?:(?P<which>next|last|this|coming)\s+)?(?P<weekday>{_FULL_DAYS})\b(?!['’]s)", re.I), _weekday),
    (re.compile(r"(?P<which>[下上本这]?)个?(?:周|星期)(?P<weekday>[一二三四五六日天])"), _weekday),
    (
        re.compile(rf"(?<!time )(?<!first )(?<!est )\bin\s+(?P<count>{_COUNT})\s+(?P<unit>{_UNIT})s?\b(?!['’])", re.I),
        _ahead,
    ),
    (re.compile(rf"\b(?P<count>{_COUNT})\s+(?P<unit>{_UNIT})s?\s+from\s+(?:now|today)\b", re.I), _ahead),
    (re.compile(r"(?P<count>\d{1,3}|[一两二三四五六七八九十])个?(?P<unit>天|周|星期|月|年)[之以]?后"), _ahead),
    (
        re.compile(
            rf"\bend\s+of\s+(?:the\s+)?(?:(?P<which>next|this)\s+)?(?P<of>week|month|quarter|year|{_MONTH})\b{_YEAR}",
            re.I,
        ),
        _end,
    ),
    (re.compile(r"\b(?P<of>week|month|quarter|year)(?:['’]s)?[\s-]end\b(?P<which>)(?P<year>)", re.I), _end),
    (re.compile(r"(?P<which>[下本]?)个?(?P<of>月|年)底(?P<year>)"), _end),
)  # fmt: skip
# the day on which somebody spoke is not what was spoken of
_SAID = re.compile(r"\b(?:said|says|say|told|announced|confirmed|reported|added)\s+(?:on\s+|late\s+|early\s+)*\Z", re.I)
_RATE = re.compile(r"(?P<rate>\d+(?:\.\d+)?)\s?(?:%|percent\b|per cent\b|pct\b)", re.I)


# an amount is a rate only beside the measure it is the rate of: of goods worth $14bn nobody pays $14bn
_AMOUNT = r"(?:US\$|[$€£¥₹])\s?\d+(?:[.,]\d+)*(?:\s?(?:bn|billion|m|mn|million|k|thousand)\b)?"
_LEVIES = r"(?:fees?|charges?|lev(?:y|ies)|tax(?:es)?|dut(?:y|ies)|tolls?|caps?|surcharges?)"
_AMOUNTS = (
    re.compile(rf"(?P<amount>{_AMOUNT})(?:[\s-](?:an?|per)[\s-]\w+)?(?:[\s-]\w+)?\s+{_LEVIES}\b", re.I),
    re.compile(rf"\b{_LEVIES}\b(?:\s+\w+){{0,3}}?\s+(?:of|to|at)\s+(?P<amount>{_AMOUNT})", re.I),
)


def rate(text: str) -> str | None:
    """Return the last rate told in `text`, "50%" or an amount beside its measure ("a $50 fee"); None for none."""
    found = _RATE.findall(text)
    if found:
        return f"{found[-1]}%"
    amounts = [m for pattern in _AMOUNTS for m in pattern.finditer(text)]
    return max(amounts, key=lambda m: m.start("amount"))["amount"].replace(" ", "") if amounts else None


_WHOLE_RATE = re.compile(rf"\d+(?:\.\d+)?%|{_AMOUNT}", re.I)


def is_rate(text: str) -> bool:
    """Tell whether `text` is a rate as `rate` would return it, and nothing else."""
    return " " not in text and _WHOLE_RATE.fullmatch(text) is not None
