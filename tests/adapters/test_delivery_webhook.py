"""Webhooks against real HTTP and HTTPS servers: what they get, how it is signed, how each way of failing is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alert_cases import BERLIN, BOARD, NOW, a_message, a_quote, an_alert
from hooks import Hook, hooked
from jsonschema import Draft202012Validator

from watcher.delivery import Sender, webhook
from watcher.delivery.links import Links
from watcher.delivery.payload import body_of, schema
from watcher.delivery.samples import SAMPLES, sample
from watcher.delivery.webhook import headers_of, key_of, masked_webhook
from watcher.demo.receivers import Authority
from watcher.domain.alerts import Failed, Message, Receiver, Sent

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
LINKS = Links(BOARD, "k" * 32, timedelta(days=7))


@pytest.fixture
def hook() -> Iterator[Hook]:
    with hooked() as one:
        yield one


def send(hook: Hook | str, message: Message | None = None, secret: str = SECRET) -> Sent | Failed:
    url = hook if isinstance(hook, str) else hook.url
    sender = Sender({"desk": Receiver(url, True, secret)}, BERLIN, BOARD, links=LINKS)
    return sender.send(message or a_message(an_alert()), NOW)


def failed(hook: Hook | str) -> Failed:
    outcome = send(hook)
    assert isinstance(outcome, Failed)
    assert not [secret for secret in ("t0ken", "s3cr3t", SECRET) if secret in outcome.detail + outcome.address]
    return outcome


# --- what arrives -----------------------------------------------------------------------------------------------------


def test_a_webhook_gets_signed_json(hook: Hook) -> None:
    outcome = send(hook)

    ((path, headers, body),) = hook.got
    assert path == "/in/t0ken?key=s3cr3t"
    assert headers["content-type"] == "application/json"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("42", str(int(NOW.timestamp())))
    signed = hmac.new(b"k" * 24, b"42." + headers["webhook-timestamp"].encode() + b"." + body, hashlib.sha256)
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(signed.digest()).decode()}"
    told = json.loads(body)
    assert (told["version"], told["id"], told["merge"]) == (1, "42", None)
    assert told["deliveries"][0]["alert"]["to"] == {
        "state": "published",
        "label": "published",
        "value": None,
        "since": None,
    }
    assert isinstance(outcome, Sent)
    assert outcome.address == masked_webhook(hook.url) == f"{hook.url.partition('/in')[0]}/***"
    assert (outcome.subject, outcome.digest) == ("published: Outcome documents", hashlib.sha256(body).hexdigest())


def test_the_signature_is_the_one_of_the_standards_own_example() -> None:
    body = b'{"test": 2432232314}'
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", body, secret, datetime.fromtimestamp(1614265330, UTC))

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_without_the_prefix_is_the_key_itself_and_none_signs_nothing(hook: Hook) -> None:
    assert key_of("plain") == b"plain"
    with pytest.raises(ValueError, match="no base64"):
        key_of("whsec_***")
    send(hook, secret="")
    assert "webhook-signature" not in hook.got[0][1]


def test_a_repeat_is_the_same_to_the_byte_however_often_it_was_tried(hook: Hook) -> None:
    send(hook, a_message(an_alert(), attempts=1))
    send(hook, a_message(an_alert(), attempts=7))

    assert hook.got[0][2] == hook.got[1][2]


def tight(part: Any) -> Any:
    """The schema with nothing allowed that it does not name."""
    if isinstance(part, dict):
        closed = {"additionalProperties": False} if part.get("type") == "object" else {}
        return {**{key: tight(value) for key, value in part.items()}, **closed}
    return [tight(one) for one in part] if isinstance(part, list) else part


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_is_what_the_schema_says_and_nothing_else(hook: Hook, name: str) -> None:
    assert isinstance(send(hook, sample(name)), Sent)

    told = json.loads(hook.got[0][2])
    Draft202012Validator.check_schema(schema())
    Draft202012Validator(tight(schema())).validate(told)
    assert [one["alert"]["kind"] for one in told["deliveries"]] == [d.alert.kind.value for d in sample(name).deliveries]
    policy = {"state_change", "reversal", "disputed", "early_signal", "deadline", "item_silent"}
    for one in told["deliveries"]:
        assert bool(one["links"]["mute"]) == (one["alert"]["kind"] in policy)
        assert bool(one["links"]["ack"]) == (one["alert"]["kind"] in policy - {"early_signal"})


def test_hostile_text_is_one_bounded_line_and_hostile_links_are_none() -> None:
    dirty = "a\u202eb\r\nc\x00" + "x" * 40_000
    alert = an_alert(title=dirty, note=f"{dirty}\nsecond", quotes=(a_quote(dirty, link="javascript:alert(1)"),))
    told = json.loads(body_of(a_message(alert), "s", "t", "javascript:x", lambda one: ("", "")))
    shown = told["deliveries"][0]["alert"]

    assert told["board"] is None
    assert shown["title"].startswith("ab c x")
    assert len(shown["title"]) <= 2_000
    assert shown["quotes"][0]["link"] is None
    assert shown["note"].endswith("\nsecond")


# --- how it ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "retryable", "wait"),
    [
        (400, {}, False, None),
        (401, {}, False, None),
        (404, {}, False, None),
        (410, {}, False, None),
        (408, {}, True, None),
        (425, {}, True, None),
        (429, {"Retry-After": "30"}, True, timedelta(seconds=30)),
        (429, {"Retry-After": "999999999999"}, True, timedelta(days=1)),
        (429, {"Retry-After": "soon"}, True, None),
        (429, {"Retry-After": "\u00b2"}, True, None),
        (503, {"Retry-After": "Mon, 01 Jan 99999999999 00:00:00 GMT"}, True, None),
        (503, {"Retry-After": "Mon, 01 Jan 2025 99999999999999999999:00:00 GMT"}, True, None),
        (429, {"Retry-After": "Thu, 25 Sep 2025 14:07:00 GMT"}, True, timedelta(minutes=2)),
        (429, {"Retry-After": "Thu, 25 Sep 2025 13:00:00 GMT"}, True, timedelta(0)),
        (500, {}, True, None),
        (503, {"Retry-After": "120"}, True, timedelta(minutes=2)),
        (302, {"Location": "http://localhost:1/elsewhere"}, True, None),
        (307, {"Location": "/in/again"}, True, None),
    ],
)
def test_what_is_answered_decides_whether_to_try_again(
    hook: Hook, status: int, headers: dict[str, str], retryable: bool, wait: timedelta | None
) -> None:
    hook.answer = (status, headers, b"because of key s3cr3t\n at t0ken")

    outcome = failed(hook)

    assert (outcome.retryable, outcome.retry_after) == (retryable, wait)
    assert f"answered {status}: because of key *** at ***" in outcome.detail
    assert len(hook.got) == 1  # no redirect is followed


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(hook: Hook, status: int) -> None:
    hook.answer = (status, {}, b"" if status == 204 else b"x" * 100_000)

    assert isinstance(send(hook), Sent)


def test_one_that_takes_it_and_hangs_up_is_tried_again_with_the_same_id(hook: Hook) -> None:
    hook.answer = (0, {}, b"")
    assert failed(hook).retryable is True
    hook.answer = (204, {}, b"")
    assert isinstance(send(hook), Sent)

    first, *_, last = hook.got
    assert first[1]["webhook-id"] == last[1]["webhook-id"]
    assert first[2] == last[2]


def test_a_huge_refusal_is_read_in_part_only(hook: Hook) -> None:
    hook.answer = (500, {}, b"y" * 5_000_000)

    assert len(failed(hook).detail) <= 300


def test_nobody_listening_is_worth_a_retry() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    outcome = failed(f"http://127.0.0.1:{port}/in/t0ken?key=s3cr3t")

    assert outcome.retryable is True
    assert f"Cannot connect to host 127.0.0.1:{port}" in outcome.detail


def test_a_certificate_nobody_vouches_for_gets_nothing(tmp_path: Path) -> None:
    with hooked(Authority(tmp_path).context("localhost")) as hook:
        outcome = failed(hook)

    assert (outcome.retryable, "certificate verify failed" in outcome.detail.lower(), hook.got) == (True, True, [])


def test_an_authority_of_ones_own_is_trusted_by_its_file_but_for_other_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    webhook._tls.cache_clear()
    try:
        with hooked(authority.context("localhost")) as hook:
            assert isinstance(send(hook), Sent)
        with hooked(authority.context("other.example")) as hook:
            assert "certificate" in failed(hook).detail.lower()
    finally:
        webhook._tls.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("drop", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b""])
def test_one_that_drips_or_says_nothing_is_given_up_in_time(drop: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def drip() -> None:
            talk, _ = listener.accept()
            with talk:
                talk.sendall(drop)
                while drop and not done.wait(0.3):
                    try:
                        talk.sendall(b"x")
                    except OSError:
                        return
                done.wait(20)

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        outcome = failed(f"http://127.0.0.1:{listener.getsockname()[1]}/in/t0ken?key=s3cr3t")
        took = time.monotonic() - began
        done.set()
        thread.join()

    assert (outcome.retryable, "within 8 s" in outcome.detail) == (True, True)
    assert took < 9.5


@pytest.mark.slow
def test_a_name_server_that_says_nothing_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    asked: list[str] = []

    def hang(host: str, *args: object, **kwargs: object) -> list[Any]:
        asked.append(host)
        done.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    outcome = failed("http://hooks.example/in/t0ken?key=s3cr3t")
    took = time.monotonic() - began
    done.set()

    assert asked == ["hooks.example"]
    assert (outcome.retryable, "within 8 s" in outcome.detail) == (True, True)
    assert took < 9.5


@pytest.mark.parametrize("host", ["nobody.invalid", "x" * 70 + ".invalid"])
def test_a_name_that_nobody_has_is_worth_a_retry(host: str) -> None:
    assert failed(f"http://{host}/in/t0ken?key=s3cr3t").retryable is True


def test_no_secret_stands_in_an_address_that_is_shown() -> None:
    assert masked_webhook("https://user:pw@hooks.example:8443/a/b?c=d#e") == "https://hooks.example:8443/***"
    assert masked_webhook("nonsense") == "***"


# --- what is read of the environment ----------------------------------------------------------------------------------


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_what_is_kept_in_netrc_for_a_host_is_not_sent_to_it(
    hook: Hook, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine localhost login somebody password hunter2\n", encoding="utf-8")
    environment.setenv("NETRC", str(tmp_path / "netrc"))

    assert isinstance(send(hook), Sent)
    assert "authorization" not in hook.got[0][1]


def test_a_proxy_is_taken_from_the_environment_with_its_credentials(
    hook: Hook, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("HTTP_PROXY", hook.url.partition("/in")[0].replace("//", "//proxy:pw1234@"))

    assert isinstance(send("http://hooks.example/in/t0ken?key=s3cr3t"), Sent)
    ((path, headers, _),) = hook.got
    assert (path, headers["host"]) == ("http://hooks.example/in/t0ken?key=s3cr3t", "hooks.example")
    assert headers["proxy-authorization"] == "Basic " + base64.b64encode(b"proxy:pw1234").decode()


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_an_https_webhook_needs_the_proxy_of_https_and_no_password_is_told(
    scheme: str, environment: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone = f"{scheme}://proxy:pw1234@127.0.0.1:{taken.getsockname()[1]}"
    environment.setenv("https_proxy", gone)
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    outcome = failed("https://hooks.example/in/t0ken?key=s3cr3t")

    assert (outcome.retryable, "pw1234" in outcome.detail) == (True, False)
    if scheme != "socks5":
        assert f"127.0.0.1:{gone.rpartition(':')[2]}" in outcome.detail


def test_a_host_of_no_proxy_is_asked_itself(hook: Hook, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    environment.setenv("NO_PROXY", "localhost")

    assert isinstance(send(hook), Sent)


def test_a_picture_is_not_for_webhooks_nor_is_a_merge_lost(hook: Hook) -> None:
    send(hook, replace(sample("event"), id="m-1"))

    told = json.loads(hook.got[0][2])
    assert (told["merge"], told["id"], len(told["deliveries"])) == ("event", "m-1", 3)
