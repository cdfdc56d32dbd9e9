"""The demo's receivers are real servers: seen from clients other than ours."""

from __future__ import annotations

import json
import smtplib
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from watcher.demo.receivers import Answer, Receivers, open_receivers


def mail_by_hand(receivers: Receivers, *to: str, login: tuple[str, str] | None = None) -> None:
    with smtplib.SMTP("127.0.0.1", receivers.mail.port, timeout=5) as client:
        if login:
            client.starttls(context=ssl.create_default_context(cafile=str(receivers.authority.bundle)))
            client.login(*login)
        client.sendmail("me@example.org", list(to), "Subject: hello\r\n\r\nworld\r\n")


def post(receivers: Receivers, data: bytes, path: str = "") -> requests.Response:
    return requests.post(
        f"https://hooks.slack.com/services/{path or receivers.slack.token}",
        data=data,
        proxies={"https": receivers.slack.proxy},
        verify=str(receivers.authority.bundle),
        timeout=5,
    )


def test_mails_are_recorded_as_they_came(tmp_path: Path) -> None:
    with open_receivers(tmp_path) as receivers:
        mail_by_hand(receivers, "a@example.org", "b@example.org")

        (mail,) = receivers.mail.mails.wait(1)
        assert (mail.sender, mail.recipients) == ("me@example.org", ("a@example.org", "b@example.org"))
        assert (mail.subject, mail.part("plain"), mail.tls, mail.user) == ("hello", "world\n", False, None)
        with pytest.raises(LookupError, match="no html part"):
            mail.part("html")


def test_login_and_starttls_are_demanded(tmp_path: Path) -> None:
    with open_receivers(tmp_path, login=("me", "pw"), starttls=True) as receivers:
        mail_by_hand(receivers, "a@example.org", login=("me", "pw"))
        with pytest.raises(smtplib.SMTPAuthenticationError):
            mail_by_hand(receivers, "a@example.org", login=("me", "no"))
        with pytest.raises(smtplib.SMTPSenderRefused):
            mail_by_hand(receivers, "a@example.org")

        (mail,) = receivers.mail.mails.all()
        assert (mail.tls, mail.user) == (True, "me")


def test_waiting_ends_when_the_last_message_comes_or_says_how_many_did(tmp_path: Path) -> None:
    with open_receivers(tmp_path) as receivers:
        later = threading.Timer(0.1, mail_by_hand, (receivers, "a@example.org"))
        later.start()
        assert len(receivers.mail.mails.wait(1)) == 1
        later.join()
        with pytest.raises(TimeoutError, match="1 of 2 messages"):
            receivers.mail.mails.wait(2, timeout_s=0.05)


@pytest.mark.parametrize(
    ("payload", "status", "word"),
    [
        ({"text": "hello"}, 200, "ok"),
        ({"attachments": [{"text": "hello"}]}, 200, "ok"),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_000}}]}, 200, "ok"),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}]}, 400, "invalid_blocks"),
        ({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": ""}}]}, 400, "invalid_blocks"),
        ({}, 400, "no_text"),
        (["hello"], 400, "invalid_payload"),
    ],
)
def test_the_webhook_refuses_what_slack_refuses(tmp_path: Path, payload: object, status: int, word: str) -> None:
    with open_receivers(tmp_path) as receivers:
        answer = post(receivers, json.dumps(payload).encode())

        assert (answer.status_code, answer.text) == (status, word)
        (recorded,) = receivers.slack.posts.all()
        assert (recorded.payload, recorded.status) == (payload, status)


def test_the_webhook_refuses_other_tokens_and_bytes_that_are_no_json(tmp_path: Path) -> None:
    with open_receivers(tmp_path) as receivers:
        assert post(receivers, b"{}", "T/B/X").text == "no_service"
        assert post(receivers, b"{").text == "invalid_payload"


def test_answers_are_given_in_order_then_slack_is_itself_again(tmp_path: Path) -> None:
    with open_receivers(tmp_path) as receivers:
        receivers.slack.answers += [Answer(429, "slow", {"Retry-After": "3"}), Answer(0)]

        first = post(receivers, b'{"text": "a"}')
        assert (first.status_code, first.headers["Retry-After"]) == (429, "3")
        with pytest.raises(requests.ConnectionError):
            post(receivers, b'{"text": "b"}')
        assert post(receivers, b'{"text": "c"}').text == "ok"
        assert [p.status for p in receivers.slack.posts.all()] == [429, 0, 200]


def test_the_proxy_lets_nothing_out(tmp_path: Path) -> None:
    with open_receivers(tmp_path) as receivers:
        proxies = {"https": receivers.slack.proxy, "http": receivers.slack.proxy}
        with pytest.raises(requests.exceptions.ProxyError):
            requests.get("https://example.org/", proxies=proxies, timeout=5)
        assert requests.get("http://example.org/", proxies=proxies, timeout=5).status_code == 403
        assert receivers.slack.turned_away.all() == ["example.org:443", "http://example.org/"]


def test_a_client_that_does_not_trust_the_authority_gets_no_further(tmp_path: Path) -> None:
    with open_receivers(tmp_path) as receivers:
        with pytest.raises(requests.exceptions.SSLError):
            requests.post("https://hooks.slack.com/x", proxies={"https": receivers.slack.proxy}, timeout=5)
        assert receivers.slack.posts.all() == []


def test_a_child_process_reaches_both_with_nothing_but_the_environment(tmp_path: Path) -> None:
    program = (
        "import sys, requests, smtplib, ssl\n"
        "print(requests.post(sys.argv[1], json={'text': 'hello'}, timeout=5).text)\n"
        "client = smtplib.SMTP('localhost', int(sys.argv[2]), timeout=5)\n"
        "client.starttls(context=ssl.create_default_context())\n"
        "client.sendmail('me@example.org', ['a@example.org'], 'Subject: hi\\n\\nthere')\n"
        "client.quit()\n"
    )
    with open_receivers(tmp_path, starttls=True) as receivers:
        url = f"https://hooks.slack.com/services/{receivers.slack.token}"
        command = [sys.executable, "-c", program, url, str(receivers.mail.port)]
        ran = subprocess.run(
            command, env=receivers.environment, capture_output=True, text=True, timeout=30, check=False
        )

        assert (ran.stdout.strip(), ran.stderr) == ("ok", "")
        assert receivers.mail.mails.wait(1)[0].subject == "hi"


def test_servers_can_be_started_and_stopped_again_and_again(tmp_path: Path) -> None:
    before = threading.active_count()
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        with open_receivers(folder) as receivers:
            client = smtplib.SMTP("127.0.0.1", receivers.mail.port, timeout=5)  # left open when the server stops
        client.close()
    assert threading.active_count() <= before + 1
