"""docs/polling.md says what the code does."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from watcher.domain.schedule import JITTER, LONGEST_BACK_OFF, LONGEST_WAIT
from watcher.feeds.exchange import MAX_REDIRECTS
from watcher.feeds.http import Failure
from watcher.feeds.manners import LEFT_ALONE_S, SILENT_LIMIT
from watcher.feeds.parse import FeedBroken, parse
from watcher.feeds.parsers import LONGEST_PARSE, MOST_PROCESSES
from watcher.feeds.rounds import DOCUMENTS_FROM, IDLE_S, PROCESSES_FROM
from watcher.polling import FEEDS_A_SAVE, SAVE_AFTER

PAGE = (Path(__file__).parents[2] / "docs" / "polling.md").read_text(encoding="utf-8")


def test_every_failure_is_in_the_table_and_no_other() -> None:
    table = PAGE.partition("## Failures")[2]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [str(failure) for failure in Failure]


def test_the_figures_are_those_of_the_code() -> None:
    words = " ".join(PAGE.split())
    assert f"give or take {JITTER:.0%}".replace("%", " %") in words
    assert f"up to {LONGEST_BACK_OFF // timedelta(hours=1)} hours or the feed's own interval" in words
    assert f"`Retry-After` is kept to, up to {LONGEST_WAIT // timedelta(hours=1)} hours" in words
    assert f"after {SILENT_LIMIT} requests in a row without any answer it is left alone for {LEFT_ALONE_S:g} s" in words
    assert f"saved, {FEEDS_A_SAVE} feeds or a quarter of a second's worth at a time" in words
    assert timedelta(seconds=0.25) == SAVE_AFTER
    assert timedelta(minutes=1) == LONGEST_PARSE
    assert f"when {PROCESSES_FROM // 1_000_000} MB of documents wait" in words
    assert f"or {DOCUMENTS_FROM} smaller ones" in words
    assert f"after {IDLE_S:g} seconds without work" in words
    assert f"{MOST_PROCESSES} at most" in words
    assert f"At most {MAX_REDIRECTS} redirects" in words


@pytest.mark.parametrize("body", [b"<html></html>", b" ", b"<opml/>"])
def test_the_quoted_messages_are_the_real_ones(body: bytes) -> None:
    with pytest.raises(FeedBroken) as caught:
        parse(body, url="https://news.example/")
    assert f'"{caught.value}"' in " ".join(PAGE.split())
