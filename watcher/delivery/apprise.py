"""Send one delivery to one address through Apprise, and say how it ended; no loop, no wait, no database.

Apprise answers a send with yes or no. What the server said is in Apprise's log of that send, which is read here to
tell what can be retried from what cannot, and never passed on as it is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from apprise import Apprise, NotifyFormat, NotifyType
from apprise.plugins import NotifyBase
from apprise.result import AppriseResult, AppriseResultStatus

from watcher.delivery import mrkdwn
from watcher.delivery.addresses import (
    APPRISE_LOG,
    MAIL,
    SEND_LIMIT_S,
    SLACK,
    Refused,
    open_address,
    scrub,
    secrets_in,
)
from watcher.delivery.render import Rendered, render
from watcher.domain.alerts import Failed, Message, Receiver, SendOutcome, Sent

# Apprise does not hand on a server's Retry-After; a minute is what Slack asks for at most in practice.
SLOW_DOWN = timedelta(minutes=1)

_HTTP = re.compile(r"\berror\s*[=:]\s*(\d{3})\b")
_SMTP = re.compile(r"\((\d{3}), b?['\"]|\brefused: (\d{3})\b")
_RETRY_AFTER = re.compile(r"retry.?after\D{0,12}(\d{1,5})\b", re.IGNORECASE)
_WORTH_WAITING = (408, 425, 429)
# The lines Apprise writes at DEBUG that hold a server's answer; its other ones hold addresses and messages.
_ANSWERS = ("Socket Exception:", "Response Details:", "Notification Exception:")


class Sender:
    """Sends deliveries to the addresses of one configuration. Safe to use from several threads at once."""

    def __init__(self, receivers: Mapping[str, Receiver], zone: ZoneInfo, board: str = "") -> None:
        """`receivers` are by address name; `zone` is what times are told in."""
        self._receivers = dict(receivers)
        self._zone = zone
        self._board = board

    def send(self, message: Message) -> SendOutcome:
        """Send `message` once, waiting at most about eight seconds.

        Whatever happens to the send is returned, never raised. A `Failed` that is not retryable is one the server
        itself called permanent (an HTTP 4xx but 408, 425 and 429; an SMTP 5yz). No detail holds a secret.
        """
        receiver = self._receivers.get(message.receiver)
        if receiver is None:
            return Failed(True, f"the configuration no longer has the receiver {message.receiver!r}")
        rendered = render(message, zone=self._zone, board=self._board)
        service = open_address(receiver.url)
        if isinstance(service, Refused):
            return Failed(True, f"receiver {message.receiver!r}: {service.reason}")
        secrets = secrets_in(receiver.url, service)
        urgent = any(delivery.alert.severity in ("high", "critical") for delivery in message.deliveries)
        try:
            result = _notify(service, rendered, urgent=urgent)
        except Exception as error:  # Apprise and its 180 plugins: no promise what they raise
            return Failed(True, scrub(f"{type(error).__name__}: {error}", secrets))
        return _outcome(service, result, secrets)


def _notify(service: NotifyBase, rendered: Rendered, *, urgent: bool) -> AppriseResult:
    """Hand `rendered` to Apprise in the form that reaches the reader unchanged.

    Mail: HTML, from which Apprise makes the plain part. Slack: no format is named, for then Apprise passes our mrkdwn
    on as it is (with a format it would convert it). Everything else: plain text, which Apprise escapes as needed.
    """
    APPRISE_LOG.setLevel(logging.DEBUG)  # the process's logging may have been set up again since
    door = Apprise(service, asset=service.asset)
    kind = NotifyType.WARNING if urgent else NotifyType.INFO
    if service.schema in SLACK:
        title, body, body_format = mrkdwn.heading(rendered.subject), rendered.slack, None
    elif service.schema in MAIL:
        title, body, body_format = rendered.subject, rendered.html, NotifyFormat.HTML
    else:
        title, body, body_format = rendered.subject, rendered.text, NotifyFormat.TEXT
    return door.notify(body, title=title, notify_type=kind, body_format=body_format, log_level=logging.DEBUG)


def _outcome(service: NotifyBase, result: AppriseResult, secrets: frozenset[str]) -> SendOutcome:
    if result:
        return Sent(f"{service.service_name} took it")
    if result.status is AppriseResultStatus.TIMEOUT:
        return Failed(
            True, f"{service.service_name} did not answer within {SEND_LIMIT_S:g} s; it may still have sent it"
        )
    told = [entry.message for entry in result.logs() if entry.level != "DEBUG" or entry.message.startswith(_ANSWERS)]
    said = " ".join(told)
    detail = scrub(said, secrets) or f"{service.service_name} did not take it and did not say why"
    codes = _smtp_codes(said) if service.schema in MAIL else [int(code) for code in _HTTP.findall(said)]
    if service.schema in MAIL:
        permanent = bool(codes) and all(code >= 500 for code in codes)
    else:
        permanent = bool(codes) and all(400 <= code < 500 and code not in _WORTH_WAITING for code in codes)
    return Failed(not permanent, detail, None if permanent else _wish(said, codes))


def _smtp_codes(said: str) -> list[int]:
    return [int(first or second) for first, second in _SMTP.findall(said)]


def _wish(said: str, codes: list[int]) -> timedelta | None:
    """How long the server wants to be left alone: what it says where a plugin tells, else a minute when it said 429."""
    if found := _RETRY_AFTER.search(said):
        return timedelta(seconds=int(found.group(1)))
    return SLOW_DOWN if 429 in codes else None
