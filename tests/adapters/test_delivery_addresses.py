"""Addresses: what Apprise takes, what is shown of them, and what never is."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from watcher.delivery import check_address, masked
from watcher.delivery.addresses import Refused, open_address, scrub, secrets_in

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
MAIL = "mailtos://watch:p%40ssw0rd@smtp.example.org:587/desk@example.org?from=watcher@example.org"
JSON = "json://user:pw1234@hooks.example.org/secret/path?+Authorization=Bearer%20abcdef&-key=hidden"


@pytest.mark.parametrize(
    "url",
    [
        SLACK,
        SLACK + "/#general?footer=no",
        "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7",
        "slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#general",
        MAIL,
        "mailto://127.0.0.1:2525?from=watcher@example.org&to=desk@example.org",
        JSON,
    ],
)
def test_addresses_that_can_be_used(url: str) -> None:
    assert check_address(url) is None


@pytest.mark.parametrize(
    ("url", "why", "secret"),
    [
        ("nosuch://s3cr3t", "Apprise knows no service for nosuch://", "s3cr3t"),
        ("s3cr3t", "Apprise knows no service for ***://", "s3cr3t"),
        ("", "Apprise knows no service for ***://", "s3cr3t"),
        ("slack://bad-t0ken/B1/C1", "slack:// does not take this address: An invalid Slack (first) Token", "bad-t0ken"),
        ("mailto://nobody", "mailto:// does not take this address: Invalid ~From~ email", "s3cr3t"),
        ("mailto://u:s3cr3t@example.org?to=nobody", "mailto:// names nobody to write to", "s3cr3t"),
        ("mailtos://u:s3cr3t@example.org?mode=rot13", "mailtos:// does not take this address", "s3cr3t"),
        (
            "mailto://u:s3cr3t@example.org?to=ana@b.example,ben@b.example",
            "mailto:// names 2 recipients; give each an address of its own",
            "s3cr3t",
        ),
        ("mailto://u:s3cr3t@example.org/ana@b.example/ben@b.example", "mailto:// names 2 recipients", "s3cr3t"),
        ("mailto://u:s3cr3t@example.org?to=ana@b.example&cc=ben@b.example", "mailto:// names 2 recipients", "s3cr3t"),
        (
            "mailtos://u:s3cr3t@example.org?to=ana@b.example&cc=b@b.example&bcc=c@b.example",
            "mailtos:// names 3 recipients",
            "s3cr3t",
        ),
        ("slack://T1/B1/C1?template=s3cr3t://x", "slack:// does not take this address", "s3cr3t"),
    ],
)
def test_addresses_that_cannot_say_why_without_telling_secrets(url: str, why: str, secret: str) -> None:
    said = check_address(url)

    assert said is not None
    assert said.startswith(why)
    assert secret not in said


def test_masked_addresses_show_service_and_recipient_only() -> None:
    assert masked(SLACK) == "slack://T...2/A...D/T...7"
    assert masked(SLACK + "/#general?footer=no") == "slack://T...2/A...D/T...7/#general"
    assert masked(MAIL) == "mailtos://watch:***@smtp.example.org/desk@example.org"
    assert masked(JSON) == "json://user:***@hooks.example.org/***/***"
    assert masked("nosuch://s3cr3t") == "nosuch://***"
    assert masked("s3cr3t") == "***://***"


def test_nothing_of_a_whole_address_survives_scrubbing() -> None:
    for url, secrets in (
        (SLACK, ("T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7")),
        (MAIL, ("p%40ssw0rd", "p@ssw0rd")),
        (JSON, ("pw1234", "secret", "path", "abcdef", "hidden")),
    ):
        service = open_address(url)
        assert not isinstance(service, Refused)
        clean = scrub(f"tried {url} as {' '.join(secrets)}\r\nand failed", secrets_in(url, service))
        assert not [secret for secret in secrets if secret in clean]
        assert clean.startswith("tried ")
        assert clean.endswith(" and failed")


def test_a_short_piece_of_an_address_is_masked_as_a_word_and_spoils_no_other() -> None:
    said = "the webhook at /hook answered 503: hook, hooked, a0123456789b"
    assert scrub(said, frozenset({"hook", "0123456789"})) == "the webhook at /*** answered 503: ***, hooked, a***b"


def test_operators_cannot_loosen_the_limits_of_a_send() -> None:
    service = open_address(SLACK + "?cto=300&rto=inf&retry=5&wait=60&optional=yes&redirect=yes")
    assert not isinstance(service, Refused)

    assert (service.socket_connect_timeout, service.socket_read_timeout) == (4.0, 5.0)
    assert (service.retry, service.optional) == (0, False)

    service = open_address(SLACK + "?cto=1&rto=soon")
    assert not isinstance(service, Refused)
    assert (service.socket_connect_timeout, service.socket_read_timeout) == (1.0, 5.0)
    assert service.redirects is False


def test_the_address_of_a_bot_and_of_its_channel_are_shown_without_the_token() -> None:
    url = "slack://xoxb-1234567890-abcdefghijklmnop/#alerts"

    assert check_address(url) is None
    assert masked(url) == "slack://x...p/#alerts"


def test_apprise_and_urllib3_cannot_write_addresses_into_the_log() -> None:
    assert logging.getLogger("apprise").propagate is False
    assert not logging.getLogger("urllib3.connectionpool").isEnabledFor(logging.WARNING)


PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")


def test_every_address_in_the_docs_can_be_used() -> None:
    urls = re.findall(r"^(?:mailtos?|slack|https)://.*services.*$|^(?:mailtos?|slack)://.*$", PAGE, re.MULTILINE)

    assert len(urls) == 6
    assert [check_address(url) for url in urls] == [None] * 6
