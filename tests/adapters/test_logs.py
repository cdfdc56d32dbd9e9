"""The log on its stream: one JSON object per line, secrets masked, whoever wrote it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from watcher import logs

SLACK = "slack://TWATCH001/BWATCH002/s3cr3ts3cr3ts3cr3t/#policy"
MAIL = "mailtos://desk:hunter2hunter2@smtp.example.org?to=boss@example.org"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Log to a stream, and put logging back as it was afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    out = io.StringIO()
    yield out
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object(stream: io.StringIO) -> None:
    logs.configure("json", "info", stream=stream)
    with structlog.contextvars.bound_contextvars(job="cycle"):
        structlog.get_logger("watcher").info("cycle.done", feeds=3)
    (line,) = lines(stream)
    assert (line["event"], line["feeds"], line["job"], line["level"]) == ("cycle.done", 3, "cycle", "info")
    assert line["at"].endswith("Z")


def test_what_is_below_the_level_is_not_written_and_the_level_can_change(stream: io.StringIO) -> None:
    log = structlog.get_logger("watcher")
    logs.configure("json", "info", stream=stream)
    log.debug("unseen")
    logs.configure("json", "debug", stream=stream)
    log.debug("seen")
    assert [line["event"] for line in lines(stream)] == ["seen"]


def test_libraries_write_through_the_same_chain(stream: io.StringIO) -> None:
    logs.configure("json", "info", stream=stream, secrets=[MAIL])
    logging.getLogger("somebody.else").warning("could not reach %s", MAIL)
    (line,) = lines(stream)
    assert line["event"] == "could not reach ***"


@pytest.mark.parametrize(
    "told",
    [
        SLACK,
        "https://hooks.slack.com/services/TWATCH001/BWATCH002/s3cr3ts3cr3ts3cr3t",
        "login desk, password hunter2hunter2 refused",
        "postgresql://watcher:pw@db.example.org/watcher",
    ],
)
def test_no_secret_is_written(stream: io.StringIO, told: str) -> None:
    logs.configure("json", "info", stream=stream, secrets=[SLACK, MAIL])
    log = structlog.get_logger("watcher")
    try:
        raise ValueError(told)
    except ValueError:
        log.error(f"about {told}", detail=told, inside={"list": [told]}, error=ValueError(told), exc_info=True)
    for secret in ("s3cr3t", "TWATCH001", "hunter2", ":pw@"):
        assert secret not in stream.getvalue()
    assert "Traceback" in lines(stream)[0]["exception"]


def test_a_feeds_text_cannot_steer_the_terminal(stream: io.StringIO) -> None:
    logs.configure("console", "info", stream=stream)
    structlog.get_logger("watcher").warning("feed.failed", detail="\x1b[2J\x9b31m\u202egone\r\nINFO forged line")
    written = stream.getvalue()
    assert not any(bad in written for bad in ("\x1b", "\x9b", "\u202e", "\r"))
