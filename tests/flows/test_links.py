"""A reader follows the links of a message in a real browser, and the running daemon does what they say."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from browser import browsing
from commands import Shell
from newsroom import APPROVED, Newsroom, newsroom
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait
from test_cli import watched
from test_daemon import Running, running

from watcher.app import now as read_clock
from watcher.config import Settings
from watcher.delivery.links import Links

KEY = "a key of sixteen characters or more"
ITEM = "us-approval"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    """Give an installation whose board is the daemon itself."""
    with newsroom(tmp_path, f"sqlite:///{tmp_path / 'watcher.db'}") as opened, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        opened.every, opened.web, opened.port = "1s", True, free.getsockname()[1]
        opened.write()
        board = f"board: http://127.0.0.1:{opened.port}/\n"
        opened.config.write_text(board + opened.config.read_text().replace("web: {", f'web: {{secret: "{KEY}", '))
        free.close()
        yield opened


@pytest.fixture
def settings(shell: Shell, room: Newsroom) -> Settings:
    """Have one alert told, number 1; give the configuration."""
    watched(shell, room, APPROVED)
    return room.settings()


@pytest.fixture
def daemon(settings: Settings, room: Newsroom) -> Iterator[Running]:
    with running(room) as daemon:
        yield daemon


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def chrome(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Chrome]:
    with browsing(tmp_path, script=request.param) as opened:
        yield opened


def links_of(settings: Settings) -> Links:
    links = Links.of(settings.board, settings.link_secret, settings.links_valid)
    assert links is not None
    return links


def text(chrome: Chrome) -> str:
    return chrome.find_element(By.TAG_NAME, "main").text


def press(chrome: Chrome) -> None:
    """Press the only button, and wait for the page that answers."""
    button = chrome.find_element(By.TAG_NAME, "button")
    assert button.is_displayed()
    button.click()
    WebDriverWait(chrome, 20).until(staleness_of(button))


def complaints(chrome: Chrome) -> list[str]:
    """What the browser itself found wrong: a broken policy, something that was not let load."""
    return [line["message"] for line in chrome.get_log("browser") if "favicon.ico" not in line["message"]]


@pytest.mark.slow
def test_a_reader_acknowledges_and_mutes_in_a_browser(
    chrome: Chrome, daemon: Running, settings: Settings, shell: Shell, room: Newsroom
) -> None:
    links, now = links_of(settings), read_clock()
    ack, mute = links.ack(1, "desk", now), links.mute(ITEM, "desk", now)

    chrome.get(ack)
    assert chrome.title == "U.S. approval of the TikTok arrangement"
    assert "pending → approved" in text(chrome)
    assert "Acknowledge it as desk" in text(chrome)
    colour = chrome.find_element(By.TAG_NAME, "button").value_of_css_property("background-color")
    assert colour != "rgba(0, 0, 0, 0)"  # the style was let through
    assert shell("alerts", "--open", "--json", "-c", room.config).data != []
    press(chrome)
    assert "Acknowledged by desk." in text(chrome)
    assert chrome.find_elements(By.TAG_NAME, "button") == []
    (told,) = shell("alerts", "--json", "-c", room.config).data
    assert [one["by"] for one in told["acks"]] == ["desk"]

    chrome.get(mute)
    assert "for 7 days" in text(chrome)
    assert shell("silence", "list", "--json", "-c", room.config).data == []
    press(chrome)
    assert "Muted by desk until" in text(chrome)
    (silence,) = shell("silence", "list", "--json", "-c", room.config).data
    assert (silence["by"], silence["when"]) == ("desk", {"items": [ITEM]})

    chrome.refresh()  # the form again, as a browser asks to send it anew
    chrome.get(mute)
    assert "It was muted by this link already" in text(chrome)
    assert len(shell("silence", "list", "--all", "--json", "-c", room.config).data) == 1

    chrome.get(links.ack(1, "desk", now - timedelta(days=7)))
    assert "This link has expired" in text(chrome)
    chrome.get(ack[:-3])
    assert "This link is not valid" in text(chrome)
    refused = [line for line in complaints(chrome) if not ("410" in line or "403" in line)]
    assert refused == []
    assert chrome.get_cookies() == []
    assert daemon.wait("link.used")["deed"] == "ack"
    log = "\n".join(map(str, daemon.events()))
    assert not any(part in log for link in (ack, mute) for part in link.rpartition("/")[2].split("."))
