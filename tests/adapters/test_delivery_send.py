"""Sending through Apprise to real servers: what arrives, and how each way of failing is told."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from alert_cases import BERLIN, BOARD, NOW, a_message, a_quote, an_alert

from watcher.delivery import Look, Sender, render
from watcher.demo.mailserver import Step
from watcher.demo.receivers import HANG_UP, Answer, Receivers, open_receivers
from watcher.domain.alerts import Alert, Failed, Quote, Receiver, Sent
from watcher.domain.model import Tier

HOSTILE = (
    "<!channel> <http://evil.example|ok> `code` *b* <script>x</script> {{ app_title }} & \u202e\u200bend\nBcc: a@b.c"
)
ALERT = an_alert(quotes=(a_quote(HOSTILE),))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receivers]:
    with open_receivers(tmp_path) as receivers:
        for name, value in receivers.environment.items():
            monkeypatch.setenv(name, value)
        yield receivers


def send(url: str, alert: Alert = ALERT, *, id: str = "42") -> Sent | Failed:
    return Sender({"desk": Receiver(url)}, BERLIN, BOARD).send(a_message(alert, id), NOW)


def failed(url: str) -> Failed:
    outcome = send(url)
    assert isinstance(outcome, Failed)
    return outcome


# --- mail -------------------------------------------------------------------------------------------------------------


def test_a_mail_carries_our_html_and_our_text(desk: Receivers) -> None:
    outcome = send(desk.mail.url("desk@example.org"))

    (mail,) = desk.mail.mails.all()
    ours = render(a_message(ALERT), Look(BERLIN, BOARD))
    assert isinstance(outcome, Sent)
    assert (outcome.detail, outcome.subject) == ("E-Mail took it", "published: Outcome documents")
    assert outcome.address == f"mailto://127.0.0.1:{desk.mail.port}/desk@example.org"
    assert len(outcome.digest) == 64
    assert (mail.sender, mail.recipients) == ("watcher@example.org", ("desk@example.org",))
    assert mail.subject == ours.subject == "published: Outcome documents"
    assert mail.part("plain").rstrip() == ours.text.rstrip()
    assert mail.part("html").rstrip() == ours.html.rstrip()
    assert mail.message.get_content_type() == "multipart/alternative"
    assert mail.message["From"] == "watcher@example.org"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert "Apprise" not in mail.data.decode()


def test_a_title_cannot_add_headers_to_a_mail(desk: Receivers) -> None:
    send(desk.mail.url("desk@example.org"), replace(ALERT, title="字\r\nBcc: evil@example.org\r\n\r\nbody"))

    (mail,) = desk.mail.mails.all()
    assert mail.message["Bcc"] is None
    assert mail.recipients == ("desk@example.org",)
    assert mail.subject == "published: 字 Bcc: evil@example.org body"


# What mail programs make links of, told generously: a scheme, `www.`, and two letters after a dot inside a word.
LINKED = re.compile(r"[a-z][a-z0-9+.-]*://\S+|\bwww\.\S+|\b[a-z]+:(?=\w)\S+|[\w-]+\.[^\W\d_]{2,}\S*", re.IGNORECASE)


def test_a_mail_shows_no_address_but_ours_that_a_mail_program_could_make_a_link_of(desk: Receivers) -> None:
    evil = (
        "http://evil.example/a, www.evil.example; evil.example/path or WWW.EVIL.EXAMPLE. mailto:a@evil.example x@y.zz"
    )
    quote = a_quote(evil, outlet="evil.example")
    send(desk.mail.url("desk@example.org"), an_alert(quotes=(quote,), detail=evil, from_since=NOW, from_source=evil))

    (mail,) = desk.mail.mails.all()
    html = mail.part("html")
    page = re.sub(r"<[^>]*>", "\n", html[html.index("<body") :])
    ours = [quote.link, BOARD]
    assert LINKED.findall(mail.subject) == []
    assert LINKED.findall(mail.part("plain")) == ours
    assert LINKED.findall(unescape(page)) == ours
    assert [unescape(url) for url in re.findall(r'(?:href|src)="([^"]*)"', html)] == ours
    assert "“http[:]//evil[.]example/a, www[.]evil[.]example; evil[.]example/path" in mail.part("plain")


def test_forty_kilobytes_arrive_as_a_bounded_mail(desk: Receivers) -> None:
    huge = "x" * 40_000
    quotes = (Quote(huge, huge, Tier.OTHER, NOW),)

    assert isinstance(send(desk.mail.url("desk@example.org"), replace(ALERT, title=huge, quotes=quotes)), Sent)
    (mail,) = desk.mail.mails.all()
    assert len(mail.data) < 20_000


def test_mail_goes_by_starttls_and_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_receivers(tmp_path, login=("watch", "p@ss/word"), starttls=True) as receivers:
        for name, value in receivers.environment.items():
            monkeypatch.setenv(name, value)
        assert isinstance(send(receivers.mail.url("desk@example.org")), Sent)
        (mail,) = receivers.mail.mails.all()
        assert (mail.tls, mail.user) == (True, "watch")

        wrong = failed(receivers.mail.url("desk@example.org").replace("p%40ss%2Fword", "wr0ngw0rd"))
        assert wrong.retryable is False
        assert "535" in wrong.detail
        assert "wr0ngw0rd" not in wrong.detail

        receivers.mail.refusals["AUTH"] = "454 4.7.0 try later"
        assert failed(receivers.mail.url("desk@example.org")).retryable is True


def test_a_certificate_nobody_vouches_for_gets_no_mail(tmp_path: Path) -> None:
    with open_receivers(tmp_path, login=("watch", "p4ssw0rd"), starttls=True) as receivers:
        outcome = failed(receivers.mail.url("desk@example.org"))

        assert outcome.retryable is True
        assert "certificate verify failed" in outcome.detail
        assert receivers.mail.mails.all() == []


def test_a_missing_login_is_permanent(tmp_path: Path) -> None:
    with open_receivers(tmp_path, login=("watch", "p4ssw0rd")) as receivers:
        outcome = failed(receivers.mail.url("desk@example.org").replace("watch:p4ssw0rd@", ""))

        assert (outcome.retryable, "530" in outcome.detail) == (False, True)


@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "BEFORE_DATA", "DATA"])
@pytest.mark.parametrize(
    ("reply", "retryable"),
    [("451 4.3.0 later please", True), ("550 5.7.1 never", False), (HANG_UP, True)],
)
def test_a_refusal_at_any_step_is_told_as_the_server_means_it(
    desk: Receivers, step: str, reply: str, retryable: bool
) -> None:
    desk.mail.refusals[step] = reply  # type: ignore[index]

    outcome = failed(desk.mail.url("desk@example.org"))

    assert outcome.retryable is retryable
    assert reply[:3] in outcome.detail


@pytest.mark.parametrize("reply", ["451 4.3.0 later please", HANG_UP])
def test_a_server_that_fails_to_say_good_bye_has_taken_the_mail(desk: Receivers, reply: str) -> None:
    desk.mail.refusals["QUIT"] = reply

    assert isinstance(send(desk.mail.url("desk@example.org")), Sent)
    assert len(desk.mail.mails.all()) == 1


@pytest.mark.parametrize(
    ("step", "reply", "retryable"),
    [
        ("STARTTLS", "454 4.7.0 no certificate at hand", True),
        ("STARTTLS", "502 5.5.1 not here", False),
        ("STARTTLS", HANG_UP, True),
        ("AUTH", "454 4.7.0 try later", True),
        ("AUTH", "535 5.7.8 wrong", False),
        ("AUTH", "534 5.7.9 too weak", False),
    ],
)
def test_a_refusal_before_the_mail_is_told_as_the_server_means_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Step, reply: str, retryable: bool
) -> None:
    with open_receivers(tmp_path, login=("watch", "p4ssw0rd"), starttls=True) as receivers:
        for name, value in receivers.environment.items():
            monkeypatch.setenv(name, value)
        receivers.mail.refusals[step] = reply

        outcome = failed(receivers.mail.url("desk@example.org"))

        assert outcome.retryable is retryable
        assert receivers.mail.mails.all() == []
        assert "p4ssw0rd" not in outcome.detail


def test_a_mail_accepted_before_the_server_hung_up_is_sent_again_with_the_same_id(desk: Receivers) -> None:
    desk.mail.refusals["DATA"] = HANG_UP
    assert failed(desk.mail.url("desk@example.org")).retryable is True
    desk.mail.refusals.clear()
    assert isinstance(send(desk.mail.url("desk@example.org")), Sent)

    first, second = desk.mail.mails.all()
    assert "Delivery 42." in first.part("plain")
    assert first.part("plain") == second.part("plain")


def test_one_refused_recipient_of_two_is_a_failure(desk: Receivers) -> None:
    desk.mail.refusals["RCPT"] = "550 5.1.1 no such user"

    outcome = failed(desk.mail.url("a@example.org", "b@example.org"))

    assert (outcome.retryable, "no such user" in outcome.detail) == (False, True)


def test_nobody_listening_is_worth_a_retry(desk: Receivers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    outcome = failed(f"mailto://127.0.0.1:{port}?from=w@example.org&to=d@example.org")

    assert (outcome.retryable, "refused" in outcome.detail) == (True, True)


def test_optional_in_an_address_does_not_turn_a_failure_into_a_success(desk: Receivers) -> None:
    desk.mail.refusals["RCPT"] = "451 later"

    assert isinstance(send(desk.mail.url("desk@example.org", optional="yes", retry="3", wait="30")), Failed)


# --- anything else ----------------------------------------------------------------------------------------------------


def test_no_secret_reaches_the_log(desk: Receivers) -> None:
    written: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not record.name.startswith("mail."):  # the demo's own SMTP server
                written.append(record.getMessage())

    root, keep = logging.getLogger(), Keep()
    level = root.level
    root.addHandler(keep)
    root.setLevel(logging.DEBUG)
    try:
        desk.slack.answers.append(Answer(500, "no"))
        send(desk.slack.url)
        send(desk.mail.url("desk@example.org"))
    finally:
        root.removeHandler(keep)
        root.setLevel(level)

    leaks = [token for token in (*desk.slack.token.split("/"), "Outcome documents") if token in "".join(written)]
    assert leaks == []


class Hook(BaseHTTPRequestHandler):
    """A web hook that keeps what it gets."""

    got: list[bytes]

    def do_POST(self) -> None:
        self.got.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_other_services_get_the_plain_text(desk: Receivers) -> None:
    Hook.got = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        outcome = send(f"json://127.0.0.1:{server.server_address[1]}/hook")
        server.shutdown()
        thread.join()

    assert isinstance(outcome, Sent)
    assert outcome.detail == "JSON took it"
    assert json.loads(Hook.got[0])["message"] == render(a_message(ALERT), Look(BERLIN, BOARD)).text.rstrip()


def test_a_receiver_that_the_configuration_no_longer_has_is_named_and_kept() -> None:
    outcome = Sender({}, BERLIN).send(a_message(ALERT, "1", "desk/2"), NOW)

    assert outcome == Failed(True, "the configuration no longer has the receiver 'desk/2'")


def test_an_address_that_apprise_refuses_is_a_failure_without_secrets() -> None:
    outcome = failed("slack://s3cr3t-t0ken/B/C")

    assert outcome.retryable is True
    assert outcome.detail.startswith("receiver 'desk': slack:// does not take this address")
    assert "s3cr3t" not in outcome.detail


def test_a_server_that_never_answers_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        outcome = failed(f"mailto://127.0.0.1:{silent.getsockname()[1]}?from=w@example.org&to=d@example.org&cto=0.3")

    assert (outcome.retryable, "timed out" in outcome.detail) == (True, True)
    assert time.monotonic() - began < 5


@pytest.mark.slow
def test_a_server_that_drips_is_given_up_within_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def drip() -> None:
            talk, _ = listener.accept()
            with talk:
                for _ in range(40):
                    if done.wait(0.3):
                        return
                    talk.sendall(b"220-still here\r\n")

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        outcome = failed(f"mailto://127.0.0.1:{listener.getsockname()[1]}?from=w@example.org&to=d@example.org")
        took = time.monotonic() - began
        done.set()
        thread.join()

    assert (outcome.retryable, "within 8 s" in outcome.detail) == (True, True)
    assert took < 9.5


def test_sends_from_several_threads_do_not_mix_their_failures(desk: Receivers) -> None:
    desk.mail.refusals["RCPT"] = "550 5.1.1 no such user"
    urls = {"mail": desk.mail.url("a@example.org"), "gone": desk.slack.url + "x", "slack": desk.slack.url}
    sender = Sender({name: Receiver(url) for name, url in urls.items()}, BERLIN)
    outcomes: dict[tuple[str, int], Sent | Failed] = {}

    def run(name: str, number: int) -> None:
        outcomes[name, number] = sender.send(a_message(ALERT, f"{name}-{number}", name), NOW)

    threads = [threading.Thread(target=run, args=(name, n)) for name in urls for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for (name, _), outcome in outcomes.items():
        if name == "slack":
            assert isinstance(outcome, Sent)
        else:
            assert isinstance(outcome, Failed)
            assert ("no such user" in outcome.detail) is (name == "mail")
            assert ("no_service" in outcome.detail) is (name == "gone")
    assert len(outcomes) == 9
