"""Dates and rates written out in a sentence."""

from datetime import UTC, datetime

import pytest

from watcher.domain.values import day, rate

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
        ("next Thursday", None),
        ("up May 50%", None),
        ("in two weeks", None),
    ],
)
def test_the_last_day_written_out(text: str, expected: str | None) -> None:
    assert day(text, AT) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("from 10% to 25%", "25%"), ("1.5 percent", "1.5%"), ("50 firms", None)]
)
def test_the_last_rate_written_out(text: str, expected: str | None) -> None:
    assert rate(text) == expected
