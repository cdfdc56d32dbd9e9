"""The pages behind links in messages, over real HTTP and both databases: nothing on GET, once on POST."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus

import pytest
from alert_cases import an_alert
from store_cases import HOUR, approve, filled

from watcher.config import Settings, load
from watcher.delivery.links import MUTED_FOR, Links
from watcher.domain.alerts import Act, ActKind, AlertKind, PlannedAlert, PlannedDelivery, Sent, SystemAlert
from watcher.storage import Store
from watcher.web import health
from watcher.web.deeds import BY_LINK, Deeds
from watcher.web.health import HealthServer

KEY = "a key of sixteen characters or more"
HOSTILE = '<script>alert(1)</script> & "the" deal\u202e'


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: str


@dataclass
class Site:
    """A server with pages behind links; `settings` and `now` may be changed while it runs."""

    server: HealthServer
    store: Store
    settings: Settings
    now: datetime

    @property
    def links(self) -> Links:
        return Links(self.settings.board, self.settings.link_secret, self.settings.links_valid)

    def ask(self, method: str, link: str, body: bytes | None = b"", **headers: str) -> Answer:
        """Send one request for the path of a link."""
        connection = http.client.HTTPConnection(*self.server.address, timeout=20)
        path = link if link.startswith("/") else link.removeprefix(self.settings.board.rstrip("/"))
        connection.request(method, path, None if method in ("GET", "HEAD") else body, headers)
        answer = connection.getresponse()
        read = Answer(answer.status, answer.headers, answer.read().decode())
        connection.close()
        return read


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("settings")
    (folder / "watchlist.yaml").write_text(
        "items: [{id: deal, title: The deal, lifecycle: approval, state: pending, about: {all: [deal]}}]\n"
    )
    (folder / "watcher.yaml").write_text(
        f'watchlists: [watchlist.yaml]\nboard: https://board.example/\nweb: {{secret: "{KEY}"}}\nzone: Europe/Berlin\n'
    )
    return load(folder / "watcher.yaml", {})


@pytest.fixture
def site(store: Store, settings: Settings, now: datetime) -> Iterator[Site]:
    """Give a running server over a store in which one alert was told, number 1."""
    one, *_ = filled(store, now)
    approve(store, one, now)
    for message in store.claim_messages(now, 9, HOUR, "me"):
        store.settle(message.id, "me", Sent(), now)
    server = HealthServer("127.0.0.1", 0, lambda: (True, {}), bytes)
    site = Site(server, store, settings, now + HOUR)
    server._server.deeds = Deeds(store, lambda: site.settings, lambda: site.now)
    server.start()
    yield site
    server.close()


def acks(site: Site) -> list[tuple[str, str]]:
    return [(act.by, act.text) for act in site.store.acts("deal")]


# --- acknowledge ----------------------------------------------------------------------------------


def test_an_alert_is_acknowledged_by_post_and_only_once(site: Site, now: datetime) -> None:
    link = site.links.ack(1, "desk", now)
    for method in ("GET", "GET", "HEAD"):
        shown = site.ask(method, link)
        assert shown.status == HTTPStatus.OK
        assert acks(site) == []
        assert (shown.body == "") == (method == "HEAD")
    shown = site.ask("GET", link)
    assert "<h1>The deal</h1>" in shown.body
    assert "pending → approved — 批准" in shown.body
    assert "Told as of 2025-11-03 10:00 CET." in shown.body
    assert "Acknowledge it as desk" in shown.body
    assert '<form method="post">' in shown.body
    done = site.ask("POST", link)
    assert (done.status, acks(site)) == (HTTPStatus.OK, [("desk", BY_LINK)])
    assert "Acknowledged by desk." in done.body
    for method in ("POST", "GET", "POST"):
        again = site.ask(method, link)
        assert "It was acknowledged already, by desk, 2025-11-03 11:00 CET." in again.body
        assert "<form" not in again.body
    assert acks(site) == [("desk", BY_LINK)]


def test_what_somebody_else_has_acknowledged_is_done(site: Site, now: datetime) -> None:
    site.store.act(Act(ActKind.ACK, "deal", "ana", now, "", 1))
    answer = site.ask("POST", site.links.ack(1, "desk", now))
    assert "acknowledged already, by ana" in answer.body
    assert acks(site) == [("ana", "")]


def test_of_many_at_once_one_does_it(site: Site, now: datetime) -> None:
    ack, mute = site.links.ack(1, "desk", now), site.links.mute("deal", "desk", now)
    for link, said in ((ack, "Acknowledged by desk."), (mute, "Muted by desk until")):
        with ThreadPoolExecutor(6) as pool:
            bodies = [answer.body for answer in pool.map(lambda _, to=link: site.ask("POST", to), range(6))]
        assert sum(said in body for body in bodies) == 1
        assert sum("already" in body for body in bodies) == 5
    assert len(acks(site)) == len(site.store.all_silences()) == 1


def test_what_cannot_be_acknowledged_is_gone(site: Site, now: datetime) -> None:
    told = SystemAlert(AlertKind.TROUBLE, "trouble", "daemon", "Trouble", now)
    to = (PlannedDelivery("desk", "", now),)
    site.store.tell([PlannedAlert(told, ("trouble",), to)], now)
    (row,) = site.store.alerts(kinds=(AlertKind.TROUBLE,))
    for number in (row.id, 99):
        for method in ("GET", "POST"):
            answer = site.ask(method, site.links.ack(number, "desk", now))
            assert answer.status == HTTPStatus.GONE
            assert "Nothing to do" in answer.body


# --- mute -----------------------------------------------------------------------------------------


def test_an_item_is_muted_for_a_week_by_post_and_only_once(site: Site, now: datetime) -> None:
    link = site.links.mute("deal", "desk/2", now)
    for method in ("GET", "HEAD"):
        shown = site.ask(method, link)
        assert (shown.status, site.store.all_silences()) == (HTTPStatus.OK, [])
    shown = site.ask("GET", link)
    assert "<h1>The deal</h1>" in shown.body
    assert "Mute it as desk/2 for 7 days, until 2025-11-10 11:00 CET: nobody is told of it." in shown.body
    assert "Muted by desk/2 until 2025-11-10 11:00 CET." in site.ask("POST", link).body
    (kept,) = site.store.silences(site.now)
    assert (kept.when.items, kept.by, kept.ends_at) == (("deal",), "desk/2", site.now + MUTED_FOR)
    site.now += timedelta(hours=5)
    for method in ("POST", "GET"):
        assert "muted by this link already, until 2025-11-10 11:00 CET." in site.ask(method, link).body
    site.store.end_silence(kept.id, "ana", site.now)
    site.now += timedelta(hours=1)
    again = site.ask("POST", link).body
    assert "until 2025-11-03 16:00 CET, ended by ana." in again
    assert "That is over." in again
    assert len(site.store.all_silences()) == 1


def test_a_link_of_a_later_message_mutes_again(site: Site, now: datetime) -> None:
    site.ask("POST", site.links.mute("deal", "desk", now))
    site.now += timedelta(days=7)
    assert site.store.silences(site.now) == []
    later = site.links.mute("deal", "desk", site.now)
    assert "Muted by desk" in site.ask("POST", later).body
    assert len(site.store.silences(site.now)) == 1


def test_an_item_that_is_no_longer_watched_is_gone(site: Site, now: datetime) -> None:
    answer = site.ask("POST", site.links.mute("visit", "desk", now))  # the database has it, the configuration not
    assert (answer.status, site.store.all_silences()) == (HTTPStatus.GONE, [])


# --- what is refused ------------------------------------------------------------------------------


def test_links_that_are_too_old_or_not_ours_do_nothing(site: Site, now: datetime) -> None:
    link, muting = site.links.ack(1, "desk", now), site.links.mute("deal", "desk", now)
    other = Links("https://board.example", KEY + "2", timedelta(days=7)).ack(1, "desk", now)
    for method in ("GET", "POST"):
        for wrong in (other, link[:-4] + "AAAA", "/a/", "/a/x", "/a/%00", "/a/../healthz", f"/a/{'x' * 3000}"):
            answer = site.ask(method, wrong)
            assert answer.status == HTTPStatus.FORBIDDEN
            assert "This link is not valid" in answer.body
    site.now = now + timedelta(days=7)
    for method in ("GET", "POST"):
        for old in (link, muting):
            answer = site.ask(method, old)
            assert answer.status == HTTPStatus.GONE
            assert "This link has expired" in answer.body
    assert (acks(site), site.store.all_silences()) == ([], [])


def test_without_a_key_no_link_does_anything(site: Site, now: datetime) -> None:
    link = site.links.ack(1, "desk", now)
    site.settings = replace(site.settings, link_secret="")
    assert site.ask("POST", link).status == HTTPStatus.FORBIDDEN
    assert acks(site) == []


def test_a_database_that_is_away_is_said_and_nothing_is_lost(
    site: Site, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = site.links.ack(1, "desk", now)
    away = Store.open("sqlite:////nowhere/at/all.db")
    monkeypatch.setattr(site.server._server, "deeds", Deeds(away, lambda: site.settings, lambda: site.now))
    answer = site.ask("POST", link)
    assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert "Try again soon" in answer.body
    away.close()


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Length": "1001"}, None, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        ({"Content-Length": "9" * 30}, None, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        ({"Content-Length": "-1"}, None, HTTPStatus.LENGTH_REQUIRED),
        ({"Content-Length": "٣"}, None, HTTPStatus.LENGTH_REQUIRED),
        ({"Transfer-Encoding": "chunked"}, None, HTTPStatus.LENGTH_REQUIRED),
        ({"Content-Length": "7"}, b"abc", HTTPStatus.REQUEST_TIMEOUT),
    ],
)
def test_bodies_that_are_long_or_late_or_of_no_length_do_nothing(
    site: Site, now: datetime, headers: dict[str, str], body: bytes | None, status: HTTPStatus,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(health._Handler, "timeout", 0.5)
    link = site.links.ack(1, "desk", now)
    lines = [f"POST {link.removeprefix('https://board.example')} HTTP/1.1", "Host: x"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection(site.server.address, timeout=20) as raw:
        raw.sendall("\r\n".join([*lines, "", ""]).encode() + (body or b""))
        answer = raw.recv(10_000).split(b"\r\n", 1)[0]
    assert answer.split()[1] == str(int(status)).encode()
    assert acks(site) == []


def test_a_post_that_names_no_body_has_none(site: Site, now: datetime) -> None:
    link = site.links.ack(1, "desk", now)
    with socket.create_connection(site.server.address, timeout=20) as raw:
        raw.sendall(f"POST {link.removeprefix('https://board.example')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert raw.recv(10_000).split()[1] == b"200"
    assert len(acks(site)) == 1


def test_nothing_else_takes_a_post_and_links_take_nothing_else(site: Site, now: datetime) -> None:
    for path in ("/healthz", "/metrics", "/api/sources", "/a", "/"):
        answer = site.ask("POST", path)
        assert (answer.status, answer.headers["Allow"]) == (HTTPStatus.METHOD_NOT_ALLOWED, "GET, HEAD")
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert site.ask(method, site.links.ack(1, "desk", now)).status == HTTPStatus.NOT_IMPLEMENTED
    assert acks(site) == []


# --- what a page holds ----------------------------------------------------------------------------


def test_a_page_holds_no_script_no_cookie_no_token_and_may_load_nothing(site: Site, now: datetime) -> None:
    link = site.links.ack(1, "desk", now)
    for method in ("GET", "POST", "HEAD"):
        answer = site.ask(method, link)
        policy = answer.headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert part in policy
        assert "unsafe" not in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Set-Cookie"] is None
        assert "<script" not in answer.body
        assert link.rpartition("/")[2] not in answer.body


def test_what_others_wrote_is_text_and_nothing_else(site: Site, now: datetime) -> None:
    (item,) = site.settings.rules.items
    rules = replace(site.settings.rules, items=(replace(item, title=HOSTILE),))
    site.settings = replace(site.settings, rules=rules)
    told = an_alert(item="deal", title=HOSTILE, to_label="<b>approved</b>", kind=AlertKind.DEADLINE)
    to = (PlannedDelivery("desk", "", now),)
    site.store.record([], [], [], [], [PlannedAlert(told, ("deal", "day"), to)], now)
    (row,) = site.store.alerts(kinds=(AlertKind.DEADLINE,))
    by = "<img src=x>"
    for link in (site.links.mute("deal", by, now), site.links.ack(row.id, by, now)):
        for method in ("GET", "POST"):
            body = site.ask(method, link).body
            assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;" in body
            assert "&lt;img src=x&gt;" in body
            assert not any(tag in body for tag in ("<script", "<img", "<b>"))


def test_no_token_is_logged(site: Site, now: datetime, capfd: pytest.CaptureFixture[str]) -> None:
    links = (site.links.ack(1, "desk", now), site.links.mute("deal", "desk", now))
    for link in links:
        for method in ("GET", "POST", "PUT"):
            site.ask(method, link)
    out, err = capfd.readouterr()
    assert "link.used" in out + err
    for link in links:
        token = link.rpartition("/")[2]
        assert not any(part in out + err for part in token.split("."))
