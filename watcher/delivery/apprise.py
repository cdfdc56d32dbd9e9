"""One send of one message through Apprise: which form goes to which service; no loop, no wait, no database.

Apprise answers a send with yes or no: `outcomes.py` reads the rest from its log.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, replace
from typing import Any

from apprise import Apprise, NotifyFormat, NotifyType
from apprise.apprise_attachment import AppriseAttachment
from apprise.attachment.memory import AttachMemory
from apprise.plugins import NotifyBase

from watcher.delivery.addresses import APPRISE_LOG, SLACK, Refused, open_address, scrub, secrets_in, shown
from watcher.delivery.mail import MailService, domain_of, headers_of, message_id
from watcher.delivery.mrkdwn import heading
from watcher.delivery.outcomes import outcome_of
from watcher.delivery.picture import NAME
from watcher.delivery.render import Rendered
from watcher.delivery.slack import SlackService, attachment_of
from watcher.domain.alerts import Failed, Message, Receiver, SendOutcome, Sent


@dataclass(frozen=True, slots=True)
class _Handed:
    """What Apprise is handed."""

    title: str
    body: str
    format: NotifyFormat | None
    extra: str = ""  # what goes with it besides

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        return hashlib.sha256("\0".join((self.title, self.body, self.extra)).encode("utf-8", "replace")).hexdigest()


def send(message: Message, receiver: Receiver, rendered: Rendered, picture: bytes = b"") -> SendOutcome:
    """Send `message` once, waiting at most about eight seconds; `picture` is a PNG that goes with a mail.

    Whatever happens is returned, never raised. No part of it holds a secret.
    """
    service = open_address(receiver.url)
    if isinstance(service, Refused):
        return Failed(True, f"receiver {message.receiver!r}: {service.reason}")
    address, secrets = shown(service), secrets_in(receiver.url, service)
    handed = _prepare(service, message, receiver, rendered)
    attach = picture if isinstance(service, MailService) else b""
    try:
        outcome = outcome_of(service, _notify(service, handed, attach), secrets)
    except Exception as error:  # Apprise and its 180 plugins: no promise what they raise
        outcome = Failed(True, scrub(f"{type(error).__name__}: {error}", secrets))
    if isinstance(outcome, Sent):
        return replace(outcome, address=address, subject=rendered.subject, digest=handed.digest)
    return replace(outcome, address=address)


def _prepare(service: NotifyBase, message: Message, receiver: Receiver, rendered: Rendered) -> _Handed:
    """Choose the form that reaches the reader unchanged.

    Mail: HTML, from which Apprise makes the plain part. Slack: no format is named, for then Apprise passes our mrkdwn
    on as it is (with a format it would convert it). Everything else: plain text, which Apprise escapes as needed.
    """
    if isinstance(service, MailService):
        domain = domain_of(str(service.from_addr[1]), service.host or "")
        service.message_id = message_id(message, domain)
        service.headers.update(headers_of(message, domain, receiver.unsubscribe))
        return _Handed(rendered.subject, rendered.html, NotifyFormat.HTML)
    if service.schema in SLACK:
        body, extra = "\n\n".join(filter(None, (rendered.slack, rendered.small))), ""
        if isinstance(service, SlackService):
            service.attachment = attachment_of(rendered)
            extra = json.dumps(service.attachment)
        return _Handed(heading(rendered.subject), body, None, extra)
    return _Handed(rendered.subject, rendered.text, NotifyFormat.TEXT)


def _notify(service: NotifyBase, handed: _Handed, picture: bytes) -> Any:
    APPRISE_LOG.setLevel(logging.DEBUG)  # the process's logging may have been set up again since
    door = Apprise(service, asset=service.asset)
    attach = None
    if picture:
        attach = AppriseAttachment(asset=service.asset)
        attach.add(AttachMemory(content=picture, name=NAME, mimetype="image/png"))  # type: ignore[no-untyped-call]
    return door.notify(
        handed.body,
        title=handed.title,
        notify_type=NotifyType.INFO,
        body_format=handed.format,
        attach=attach,
        log_level=logging.DEBUG,
    )
