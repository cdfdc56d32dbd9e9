"""docs/digest.md is true: its YAML loads and does what the page says, and the message is what is rendered. `python
tests/docs/test_digest_page.py` writes the message anew."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from alert_cases import an_alert
from told_cases import a_delivery, a_row, stored, there

from watcher.config import Settings, load
from watcher.delivery.render import Look, render
from watcher.digesting import next_time
from watcher.domain.alerts import (
    Alert,
    Delivery,
    Digest,
    Message,
    Moved,
    Moving,
    Point,
    Repeat,
    Route,
    Timetable,
    Upcoming,
)
from watcher.domain.digests import SOON
from watcher.domain.followups import Present, follow_up
from watcher.domain.model import Status

FILE = Path(__file__).parents[2] / "docs" / "digest.md"
PAGE = FILE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml watcher\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BERLIN = ZoneInfo("Europe/Berlin")
WATCHLIST = """\
items:
  - {id: a, title: A, lifecycle: ruling, state: pending, severity: critical, about: {all: a}}
  - {id: b, title: B, lifecycle: ruling, state: pending, severity: high, about: {all: b}}
"""
AT = datetime(2025, 10, 28, 6, 30, tzinfo=UTC)
DIGEST = Digest(
    route="morning",
    since=AT - timedelta(days=1),
    at=AT,
    moved=(
        Moved(
            "tariff-truce", "Expiry of the tariff truce", "set", "extended", AT - timedelta(hours=20),
            "2 independent sources say so: Wire One and Daily Two", "2025-11-10", "2026-11-10",
            link="https://wire.example/truce",
        ),
    ),
    moving=(
        Moving(
            "licence", "The export licence", "still pending", "approved", Status.CLAIMED, 1, AT - timedelta(hours=3),
            "claimed does not move it to approved", link="https://daily.example/licence",
        ),
    ),
    upcoming=(Upcoming("hearing", "The hearing on the merger", "set", date(2025, 11, 4)),),
    silent=(
        Point(
            "The port inquiry",
            "nothing was told of it since 2025-09-20, and all of its 3 sources answered the whole time",
        ),
    ),
    sources=(Point("gazette (Gazette Three)", "broken: no complete answer within 20 s", AT - timedelta(hours=9)),),
    unchanged=7,
)  # fmt: skip


def rendered() -> str:
    """What the digest above says, as it is printed."""
    return render(Message("", "desk", (Delivery("", "desk", DIGEST),)), Look(BERLIN)).text


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """Load one block of the page beside a watchlist that satisfies it."""
    (tmp_path / "watchlists").mkdir()
    (tmp_path / "watchlists" / "list.yaml").write_text(WATCHLIST)
    (tmp_path / "watcher.yaml").write_text(BLOCKS[request.param])
    return load(tmp_path / "watcher.yaml", {})


def named(settings: Settings, name: str) -> Route:
    (route,) = [route for route in settings.routes if route.name == name]
    return route


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [[cell.replace("`", "").strip() for cell in cells] for cells in lines[2:]]


def test_every_block_is_run_below() -> None:
    assert len(BLOCKS) == PAGE.count("```yaml") == 2


@pytest.mark.parametrize("settings", [0], indirect=True)
def test_digests_come_when_the_page_says(settings: Settings) -> None:
    assert [name for name, _ in rows("A digest")] == [route.name for route in settings.routes]
    for name, times in rows("A digest"):
        timetable = named(settings, name).digest
        assert timetable is not None
        at = datetime(2025, 10, 24, 12, tzinfo=BERLIN).astimezone(UTC)
        for expected in times.split(", "):
            found = next_time(timetable, at)
            assert found is not None
            assert f"{found.astimezone(timetable.zone):%a %d %b %H:%M}" == expected
            at = found


@pytest.mark.parametrize("settings", [0], indirect=True)
def test_words_for_times_and_defaults_are_the_program_s(settings: Settings) -> None:
    assert named(settings, "monday").digest == Timetable("0 8 * * mon", ZoneInfo("America/New_York"), empty=False)
    assert named(settings, "morning").digest == Timetable("30 7 * * mon-fri", BERLIN, empty=True)
    assert f"within the next {SOON.days} that" in PAGE


@pytest.mark.parametrize("settings", [1], indirect=True)
def test_it_is_told_again_when_the_page_says(settings: Settings) -> None:
    route = named(settings, "urgent")
    assert route.repeat == Repeat(timedelta(hours=2), 3)
    sent = datetime(2025, 10, 28, 9, tzinfo=UTC)
    alert = an_alert(at=sent, severity="critical")
    told = [a_row(a_delivery("desk", sent), alert=alert)]
    found: list[list[str]] = []
    for minutes in range(0, 24 * 60, 10):
        now = sent + timedelta(minutes=minutes)
        for planned in follow_up(told, settings.routes, Present(there(since=sent), {}), now).planned:
            assert isinstance(planned.alert, Alert)
            what = "escalation" if planned.alert.escalated else f"reminder {planned.alert.reminder}"
            found += [[f"{now:%H:%M}", one.receiver, what] for one in planned.deliveries]
            told.append(replace(stored(planned, len(told) + 1, [now]), created_at=now))
    assert found == rows("Reminders and escalation")


def test_the_message_is_what_is_rendered() -> None:
    (shown,) = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown == rendered(), "run: PYTHONPATH=tests python tests/docs/test_digest_page.py"


if __name__ == "__main__":
    FILE.write_text(re.sub(r"(?s)(^```text\n).*?(^```$)", lambda m: m[1] + rendered() + m[2], PAGE, flags=re.MULTILINE))
