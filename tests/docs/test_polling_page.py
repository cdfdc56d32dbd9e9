"""docs/polling.md says what the code does."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from watcher.app import ARTICLES_EVERY
from watcher.articles import ARTICLES_AT_ONCE, CACHED, FIRST_RETRY, FRESH, TRIES
from watcher.domain import gathering, health, schedule
from watcher.domain.feeds import Health
from watcher.domain.schedule import JITTER, LONGEST_BACK_OFF, LONGEST_WAIT
from watcher.feeds.articles import MAX_ARTICLE_BYTES, MAX_ARTICLE_CHARS
from watcher.feeds.discovery import MAX_CANDIDATES
from watcher.feeds.exchange import MAX_REDIRECTS
from watcher.feeds.http import Failure
from watcher.feeds.manners import LEFT_ALONE, LONGEST_REST, SILENT_LIMIT
from watcher.feeds.pages import MAX_PAGE_CHARS
from watcher.feeds.parse import FeedBroken, parse
from watcher.feeds.parsers import LONGEST_PARSE, MOST_PROCESSES
from watcher.feeds.robots import KEPT, LONGEST_DELAY
from watcher.feeds.rounds import DOCUMENTS_FROM, IDLE_S, NEW_FEEDS_FROM, PROCESSES_FROM
from watcher.feeds.sitemaps import MAX_SITEMAPS
from watcher.polling import ENTRIES_A_SAVE, FEEDS_A_SAVE, SAVE_AFTER
from watcher.storage.feeds import GONE_TO_RETIRE

PAGE = (Path(__file__).parents[2] / "docs" / "polling.md").read_text(encoding="utf-8")


def test_every_failure_is_in_the_table_and_no_other() -> None:
    table = PAGE.partition("## Failures")[2].partition("## Health")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [str(failure) for failure in Failure]


def test_the_figures_are_those_of_the_code() -> None:
    words = " ".join(PAGE.split())
    assert f"kept to, or up to {JITTER:.0%} shorter".replace("%", " %") in words
    assert f"A learned one is give or take {JITTER:.0%}".replace("%", " %") in words
    assert f"up to {LONGEST_BACK_OFF // timedelta(hours=1)} hours or the feed's own interval" in words
    assert f"`Retry-After` is kept to, up to {LONGEST_WAIT // timedelta(hours=1)} hours" in words
    assert (
        f"after {SILENT_LIMIT} requests in a row without any answer it is left alone for {LEFT_ALONE.seconds} s"
        in words
    )
    assert LONGEST_REST == LONGEST_WAIT
    assert f"more than {LONGEST_DELAY.seconds} seconds count as {LONGEST_DELAY.seconds}" in words
    assert f"saved, {FEEDS_A_SAVE} feeds, {ENTRIES_A_SAVE} entries or a quarter of a second's worth at a time" in words
    assert timedelta(seconds=0.25) == SAVE_AFTER
    assert timedelta(minutes=1) == LONGEST_PARSE
    assert f"when {PROCESSES_FROM // 1_000_000} MB of documents wait" in words
    assert f"or {DOCUMENTS_FROM} smaller ones" in words
    assert f"when {NEW_FEEDS_FROM} feeds are asked for the first time" in words
    assert f"after {IDLE_S:g} seconds without work" in words
    assert f"{MOST_PROCESSES} at most" in words
    assert f"At most {MAX_REDIRECTS} redirects" in words
    assert f"Of an index the {MAX_SITEMAPS} sitemaps" in words
    assert f"at most {MAX_PAGE_CHARS:,} characters of it" in words
    assert f"at most {MAX_CANDIDATES} addresses are asked" in words
    assert f"at most {MAX_ARTICLE_CHARS:,} characters of it, and" in words
    assert f"at most {MAX_ARTICLE_BYTES // 1_000_000} MB are read" in words
    assert f"every {ARTICLES_EVERY.seconds} seconds, and {ARTICLES_AT_ONCE} in all" in words
    minutes = FIRST_RETRY // timedelta(minutes=1)
    assert f"tried {TRIES} times in all, {minutes} minutes and then {2 * minutes} minutes apart" in words
    assert f"the same link for {CACHED // timedelta(hours=1)} hours" in words
    assert f"more than {FRESH // timedelta(hours=1)} hours ago" in words
    assert f"read again after {KEPT // timedelta(hours=1)} hours" in words


def test_every_health_is_in_the_table_and_no_other() -> None:
    table = PAGE.partition("## Health")[2]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [str(state) for state in Health]


def test_the_figures_of_health_and_cadence_are_those_of_the_code() -> None:
    words = " ".join(PAGE.split())
    hour, day = timedelta(hours=1), timedelta(days=1)
    assert f"for four of its intervals, at least {health.SHORTEST_LATE // timedelta(minutes=1)} minutes" in words
    assert health.PERIODS_LATE == 4
    assert timedelta(minutes=30) == health.OVERDUE
    assert f"{health.BREAKING_TRIES} failures in a row over at least an hour" in words
    assert hour == health.BREAKING_TIME == gathering.APART
    assert f"waits {gathering.GATHER // timedelta(minutes=1)} minutes for others of its kind" in words
    assert day == gathering.HELD_FOR
    assert (
        f"{health.RECOVERY_TRIES} answers in a row over at least {health.RECOVERY_TIME // timedelta(minutes=1)}"
        in words
    )
    assert day == health.RECOVERED_FOR
    assert f"at {health.QUIET_TRIES} polls or more" in words
    assert f"between {health.SHORTEST_QUIET // day} and {health.LONGEST_QUIET // day} days" in words
    assert f"{health.UNKNOWN_QUIET // day} days while nothing is known" in words
    assert (health.LONGEST_TIMES, health.GAP_TIMES) == (2, 10)
    assert f"are polled {schedule.LOOKS_AHEAD} times before the last day" in words
    assert day == schedule.HURRY
    assert (schedule.POLLS_PER_GAP, schedule.SILENCE_SHARE, GONE_TO_RETIRE) == (2, 10, 2)


@pytest.mark.parametrize("body", [b"<html></html>", b" ", b"<opml/>"])
def test_the_quoted_messages_are_the_real_ones(body: bytes) -> None:
    with pytest.raises(FeedBroken) as caught:
        parse(body, url="https://news.example/")
    assert f'"{caught.value}"' in " ".join(PAGE.split())
