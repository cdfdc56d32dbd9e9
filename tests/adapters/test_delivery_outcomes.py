"""What Apprise wrote of a send, and what is made of it: a table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from watcher.delivery.outcomes import read_answers

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("schema", "said", "permanent", "wait"),
    [
        # SMTP: a reply's first digit says it (RFC 5321, 4.2.1)
        ("mailto", "Socket Exception: (421, b'4.3.2 closing')", False, None),
        ("mailto", "Socket Exception: (550, b'5.1.1 unknown')", True, None),
        ("mailtos", "Socket Exception: (535, b'5.7.8 wrong')", True, None),
        ("mailto", "Socket Exception: {'a@x.org': (550, b'no'), 'b@x.org': (450, b'busy')}", False, None),
        ("mailto", "Socket Exception: {'a@x.org': (550, b'no'), 'b@x.org': (553, b'no')}", True, None),
        ("mailto", "SMTP recipient a@x.org was refused: 452 b'full'", False, None),
        ("mailto", "SMTP recipient a@x.org was refused: 552 b'too large'", True, None),
        ("mailto", "Socket Exception: Connection unexpectedly closed", False, None),
        ("mailto", "Socket Exception: [Errno 111] Connection refused", False, None),
        ("mailtos", "Socket Exception: STARTTLS extension not supported by server.", False, None),
        ("mailtos", "Socket Exception: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", False, None),
        # Slack's webhooks: HTTP
        ("slack", "Failed to send to Slack: error=404. Response Details:\r\nb'no_service'", True, None),
        ("slack", "Failed to send to Slack: error=429. Response Details:\r\nb'rate_limited'", False, MINUTE),
        ("slack", "Failed to send to Slack: Service unavailable., error=503.", False, None),
        ("slack", "Failed to send to Slack: error=302.", False, None),
        ("slack", "A Connection error occurred posting to Slack. Socket Exception: timed out", False, None),
        # Slack's API: 200 and a word
        ("slack", 'error=200. Response Details:\r\nb\'{"ok":false,"error":"not_in_channel"}\'', True, None),
        ("slack", 'error=200. Response Details:\r\nb\'{"error": "token_revoked", "ok": false}\'', True, None),
        ("slack", 'error=200. Response Details:\r\nb\'{"ok":false,"error":"ratelimited"}\'', False, MINUTE),
        ("slack", 'error=200. Response Details:\r\nb\'{"ok":false,"error":"fatal_error"}\'', False, None),
        ("slack", 'error=429. Response Details:\r\nb\'{"ok":false,"error":"ratelimited"}\'', False, MINUTE),
        ("slack", "error=200. Response Details:\r\nb'<html>log in</html>'", False, None),
        # anything else: HTTP
        ("json", "Failed to send JSON POST notification: Unauthorized., error=401.", True, None),
        ("ntfy", "Failed to send ntfy notification: error=408.", False, None),
        ("ntfy", "Failed to send ntfy notification: error=425.", False, None),
        ("tgram", "error=429. Response Details: {'retry_after': 17}", False, timedelta(seconds=17)),
        ("json", "two targets: error=404. error=500.", False, None),
        ("json", "", False, None),
    ],
)
def test_what_apprise_wrote_is_read(schema: str, said: str, permanent: bool, wait: timedelta | None) -> None:
    assert read_answers(schema, said) == (permanent, wait)
