"""Dates and rates written out in a sentence."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.domain.values import day, later_days, rate

AT = datetime(2026, 3, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("extended to 30 June", "2026-06-30"),
        ("until Dec. 16, 2027", "2027-12-16"),
        ("from March 1 to May 15", "2026-05-15"),
        ("by the 3rd of April", "2026-04-03"),
        ("on January 5", "2027-01-05"),
        ("延长至4月5日", "2026-04-05"),
        ("due 2026-11-10", "2026-11-10"),
        ("by 31 February", None),
        ("up May 50%", None),
        ("extended for 90 days", None),
        ("within weeks", None),
        ("the second day in a row", None),
        ("a day in the sun", None),
        ("delayed until tomorrow", "2026-03-11"),
        ("the day after tomorrow", "2026-03-12"),
        ("due today", None),
        ("begins Thursday", "2026-03-12"),
        ("begins Tuesday", None),
        ("moved to next Thursday", "2026-03-19"),
        ("held last Thursday", None),
        ("held last Tuesday", None),
        ("Thursday's ruling", None),
        ("in two weeks", "2026-03-24"),
        ("10 days from now", "2026-03-20"),
        ("in three months", "2026-06-10"),
        ("for the first time in six months", None),
        ("the lowest in ten days", None),
        ("by the end of the month", "2026-03-31"),
        ("until the end of next month", "2026-04-30"),
        ("by month's end", "2026-03-31"),
        ("by year-end", "2026-12-31"),
        ("by the end of February", "2027-02-28"),
        ("to the end of February 2028", "2028-02-29"),
        ("end of next quarter", "2026-06-30"),
        ("by week’s end", "2026-03-15"),
        ("推迟至下周五", "2026-03-20"),
        ("周四举行", "2026-03-12"),
        ("明天生效", "2026-03-11"),
        ("延长至年底", "2026-12-31"),
        ("下月底前", "2026-04-30"),
        ("两周后", "2026-03-24"),
        ("三个月后", "2026-06-10"),
    ],
)
def test_the_last_day_written_out(text: str, expected: str | None) -> None:
    assert day(text, AT) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 10% to 25%", "25%"),
        ("1.5 percent", "1.5%"),
        ("50 firms", None),
        ("a $100,000 visa fee", "$100,000"),
        ("raises port fee to $50 a ton", "$50"),
        ("a €2-a-parcel levy", "€2"),
        ("charges on trucks of £ 12", "£12"),
        ("curbs on goods worth $14 billion", None),
        ("toll cut from $9 to $6, fees to $3 million", "$3million"),
    ],
)
def test_the_last_rate_written_out(text: str, expected: str | None) -> None:
    assert rate(text) == expected


def test_the_end_of_a_long_month_is_kept() -> None:
    assert day("in a month", datetime(2026, 1, 31, tzinfo=UTC)) == "2026-02-28"
    assert day("end of next month", datetime(2026, 12, 5, tzinfo=UTC)) == "2027-01-31"


def test_days_to_come_are_told_by_their_place() -> None:
    text = "Ban announced March 2 starts on Thursday and ends 5 May"
    assert [text[start:][:8].split(" ")[0] for start in sorted(later_days(text, AT))] == ["Thursday", "5"]


def test_a_day_told_from_the_entrys_stands_behind_the_act_and_ahead_in_time() -> None:
    text = "The minister on Thursday extended the permit until Friday, officials said Saturday"
    assert day(text, AT, text.index("extended")) == "2026-03-13"
    assert day("The minister on Thursday extended it", AT, 25) is None
    assert day("On 12 March the minister extended it", AT, 25) == "2026-03-12"


@given(
    st.text("0123456789 abcdefgnmoprtuvwy月日天周末底下个一二三年 -'", max_size=40),
    st.datetimes(max_value=datetime(2999, 1, 1)),  # noqa: DTZ001  (hypothesis wants naive bounds)
)
def test_any_text_at_any_time_gives_a_day_or_none(text: str, at: datetime) -> None:
    told = day(text, at.replace(tzinfo=UTC))
    assert told is None or date.fromisoformat(told)
