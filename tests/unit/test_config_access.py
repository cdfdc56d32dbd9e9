"""What feeds want to see, how often they are asked, and who is told of them: checked, and kept out of messages."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import pytest

from watcher.app import build
from watcher.config import Settings, load
from watcher.domain.feeds import Access
from watcher.errors import ConfigError

SECRET = "hunter2-and-more"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def settings(
    folder: Path, feed: str = "language: en", service: str = "", url: str = "https://news.example/"
) -> Settings:
    (folder / "w.yaml").write_text(f"feeds:\n  - {{id: fed, url: '{url}', {feed}}}\n")
    (folder / "watcher.yaml").write_text("watchlists: w.yaml\n" + service)
    return load(folder / "watcher.yaml", {"SECRET": SECRET})


def mistakes(folder: Path, feed: str = "language: en", service: str = "", url: str = "https://news.example/") -> str:
    with pytest.raises(ConfigError) as caught:
        settings(folder, feed, service, url)
    return str(caught.value)


def access(folder: Path, feed: str) -> Access:
    return settings(folder, feed).access["fed"]


def test_a_feed_that_wants_nothing_has_no_access(tmp_path: Path) -> None:
    assert settings(tmp_path).access == {}


def test_user_and_password(tmp_path: Path) -> None:
    told = access(tmp_path, 'auth: {user: dësk, password: "${SECRET}"}').headers["Authorization"]
    assert base64.b64decode(told.removeprefix("Basic ")).decode() == f"dësk:{SECRET}"


def test_a_token_headers_and_cookies(tmp_path: Path) -> None:
    feed = 'auth: {bearer: "${SECRET}"}, headers: {X-Api-Key: "k 1"}, cookies: {a: x, b: "${SECRET}"}'
    found = access(tmp_path, feed)
    cookies = f"a=x; b={SECRET}"
    assert found.headers == {"Authorization": f"Bearer {SECRET}", "X-Api-Key": "k 1", "Cookie": cookies}
    assert found.url == "https://news.example/"


def test_a_proxy_of_its_own_and_one_for_all(tmp_path: Path) -> None:
    found = settings(
        tmp_path, 'proxy: "http://u:${SECRET}@p.example:3128"', "polling: {proxy: 'http://all.example:1'}\n"
    )
    assert found.access["fed"].proxy == f"http://u:{SECRET}@p.example:3128"
    assert found.polling.proxy == "http://all.example:1"
    build(found)


@pytest.mark.parametrize(
    ("feed", "said"),
    [
        ("auth: {user: a, bearer: b}", "not both"),
        ("auth: {password: b}", "a password without a user"),
        ("auth: {bearer: b}, headers: {authorization: x}", "has Authorization already"),
        ("headers: {Host: x}", 'the header "Host" is written by the program'),
        ("headers: {If-None-Match: x}", "is written by the program"),
        ("headers: {Cookie: x}", "is written by the program"),
        ("headers: {X-Key: 钥匙}", "not one line of plain text"),
        ('headers: {"X Key": a}', "not usable as the name of a header"),
        ("headers: {X-Key: }", "expected text"),
        ("auth: {bearer: 钥匙}", "not one line of plain text"),
        ('cookies: {a: "x; b=y"}', "a cookie's value"),
        ("proxy: socks5://127.0.0.1:1", "not the address of an http proxy"),
        ("proxy: 'http://[bad'", "not the address of an http proxy"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, feed: str, said: str) -> None:
    told = mistakes(tmp_path, feed)
    assert said in told
    assert "w.yaml:2:" in told


def test_a_user_in_the_address_and_another_beside_it(tmp_path: Path) -> None:
    url = "https://a:b@news.example/"
    told = mistakes(tmp_path, "auth: {user: a, password: b}", "polling: {proxy: 'ftp://x'}\n", url)
    assert "the address has a user already" in told
    assert "watcher.yaml:2:18: not the address of an http proxy" in told


@pytest.mark.parametrize(
    "feed",
    [
        'auth: {user: a, password: "${SECRET}", bearer: "${SECRET}"}',
        'headers: {Host: "${SECRET}"}',
        'cookies: {a: "${SECRET};"}',
        'proxy: "ftp://${SECRET}"',
    ],
)
def test_no_mistake_tells_a_secret(tmp_path: Path, feed: str) -> None:
    assert SECRET not in mistakes(tmp_path, feed)


def test_secrets_are_in_no_repr_and_all_of_them_are_masked_in_the_log(tmp_path: Path) -> None:
    found = settings(tmp_path, 'auth: {bearer: "${SECRET}"}, proxy: "http://u:${SECRET}@p.example:1"')
    assert SECRET not in repr(found)
    assert SECRET not in repr(found.feeds)
    assert set(found.secrets) == {f"Bearer {SECRET}", f"http://u:{SECRET}@p.example:1"}


def test_two_files_must_say_the_same(tmp_path: Path) -> None:
    for name, token in (("a", "one"), ("b", "two")):
        feed = f"  - {{id: fed, url: 'https://news.example/', auth: {{bearer: {token}}}}}\n"
        (tmp_path / f"{name}.yaml").write_text("feeds:\n" + feed)
    (tmp_path / "watcher.yaml").write_text("watchlists: [a.yaml, b.yaml]\n")
    with pytest.raises(ConfigError, match='duplicate id "fed"'):
        load(tmp_path / "watcher.yaml", {})


def test_a_secret_over_plain_http_is_remarked_upon(tmp_path: Path) -> None:
    found = settings(tmp_path, "auth: {bearer: t}", "polling: {contact: x}\n", "http://news.example/")
    assert [note.message for note in found.notes] == ['the feed "fed" is sent a secret over plain http']


# --- how often, and who is told -------------------------------------------------------------------


def test_an_interval_is_learned_unless_one_is_set(tmp_path: Path) -> None:
    (feed,) = settings(tmp_path).feeds
    assert (feed.every, feed.fastest, feed.slowest) == (15 * MINUTE, 5 * MINUTE, HOUR)
    (feed,) = settings(tmp_path, "every: 10m").feeds
    assert (feed.every, feed.fastest, feed.slowest) == (10 * MINUTE, None, None)
    (feed,) = settings(tmp_path, "every: auto, quiet_after: 3d", "polling: {every: 20m, slowest: 2h}\n").feeds
    assert (feed.slowest, feed.quiet_after) == (2 * HOUR, timedelta(days=3))
    (feed,) = settings(tmp_path, service="polling: {every: 20m}\n").feeds
    assert (feed.every, feed.fastest) == (20 * MINUTE, None)


def test_a_feed_may_have_bounds_of_its_own(tmp_path: Path) -> None:
    (feed,) = settings(tmp_path, "fastest: 2m").feeds
    assert (feed.every, feed.fastest, feed.slowest) == (15 * MINUTE, 2 * MINUTE, HOUR)
    (feed,) = settings(tmp_path, "fastest: 2h, slowest: 1d").feeds
    assert (feed.every, feed.fastest, feed.slowest) == (2 * HOUR, 2 * HOUR, 24 * HOUR)
    (feed,) = settings(tmp_path, "slowest: 10m", "polling: {every: 20m}\n").feeds
    assert (feed.every, feed.fastest, feed.slowest) == (10 * MINUTE, 5 * MINUTE, 10 * MINUTE)


@pytest.mark.parametrize(
    ("feed", "column", "said"),
    [
        ("fastest: 2h", 54, "fastest must not be longer than slowest; polling.slowest is 1h"),
        ("slowest: 2m", 54, "fastest must not be longer than slowest; polling.fastest is 5m"),
        ("fastest: 2h, slowest: 1h", 67, "fastest must not be longer than slowest"),
        ("every: 10m, fastest: 5m", 66, "`fastest` bounds an interval that is learned, and `every` fixes it"),
        ("fastest: 1s", 54, "out of range (allowed: 1m to 1w)"),
        ("slowest: often", 54, "not a length of time"),
    ],
)
def test_bounds_that_cannot_be_are_told_with_their_place(tmp_path: Path, feed: str, column: int, said: str) -> None:
    told = mistakes(tmp_path, feed)
    assert said in told
    assert f"w.yaml:2:{column}: " in told


def test_bounds_that_leave_nothing_between_them(tmp_path: Path) -> None:
    told = mistakes(tmp_path, service="polling: {fastest: 2h}\n")
    assert "polling.fastest must not be longer than polling.slowest" in told
    assert "watcher.yaml:2:20" in told
    assert "auto, or 1m to 1w" in mistakes(tmp_path, service="polling: {every: 1s}\n")


def test_a_configuration_without_a_contact_is_remarked_upon(tmp_path: Path) -> None:
    assert ["no contact" in note.message for note in settings(tmp_path).notes] == [True]
    for known in ("contact: 'mailto:a@b.example'", "user_agent: mine/1 (+https://me.example)"):
        assert settings(tmp_path, service=f"polling: {{{known}}}\n").notes == ()


def test_who_gets_system_alerts(tmp_path: Path) -> None:
    receivers = "notify:\n  receivers: {ops: {urls: ['json://localhost/1', 'json://localhost/2']}, off: {urls: ''}}\n"
    assert settings(tmp_path, service=receivers).system == ()
    assert settings(tmp_path, service=receivers + "  system: [ops, off]\n").system == ("ops/1", "ops/2")
    told = mistakes(tmp_path, service=receivers + "  system: [opps]\n")
    assert 'unknown receiver "opps"; did you mean "ops"?' in told


def test_an_item_is_watched_through_the_feeds_of_its_file_and_the_shared_ones(tmp_path: Path) -> None:
    item = "\n  - {{id: {0}, title: X, lifecycle: deal, state: talks, about: {{all: x}}}}"
    feed = "\n  - {{id: {0}, url: 'https://{0}.example/'}}"
    for name, items, feeds in (("a", ["x"], ["fa"]), ("b", ["y"], []), ("shared", [], ["fs"]), ("c", ["z"], ["fc"])):
        text = "items:" + "".join(item.format(one) for one in items) if items else ""
        text += "\nfeeds:" + "".join(feed.format(one) for one in feeds) if feeds else ""
        (tmp_path / f"{name}.yaml").write_text(text + "\n")
    (tmp_path / "watcher.yaml").write_text("watchlists: [a.yaml, b.yaml, shared.yaml, c.yaml]\n")
    assert load(tmp_path / "watcher.yaml", {}).sources == {"x": ("fa", "fs"), "y": ("fs",), "z": ("fs", "fc")}
    (tmp_path / "watcher.yaml").write_text("watchlists: [a.yaml, b.yaml]\n")
    assert load(tmp_path / "watcher.yaml", {}).sources == {"x": ("fa",), "y": ("fa",)}
