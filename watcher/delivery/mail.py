"""A mail's headers: its id, its thread, how to be left alone. And Apprise's service for mail, with the id in place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from apprise.common import NotifyType
from apprise.exception import AppriseException
from apprise.plugins.email.base import NotifyEmail
from apprise.plugins.email.smtp import AppriseSMTPController

from watcher.domain.alerts import Alert, Digest, Message

_MESSAGE_ID = re.compile(r"^Message-ID:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE)
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]+")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")


class MailService(NotifyEmail):  # type: ignore[no-untyped-call]  # Apprise leaves it unannotated
    """Apprise's service for mail, with the id of the mail it is to send in `message_id`."""

    message_id = ""

    def send(
        self,
        body: str,
        title: str = "",
        notify_type: NotifyType = NotifyType.INFO,  # noqa: ARG002
        attach: Any = None,
        body_format: Any = None,
        **_: Any,
    ) -> bool:
        """Send a mail to every address, over one connection, as Apprise does; the id is ours, which Apprise lets
        nobody choose. Whatever fails is told in Apprise's log."""
        try:
            with self._connected() as smtp:
                taken = [
                    smtp.sendmail(str(self.from_addr[1]), mail.to_addrs, with_id(mail.body, self.message_id))
                    for mail in NotifyEmail.prepare_emails(
                        subject=title,
                        body=body,
                        notify_format=self.resolve_format(body_format),
                        from_addr=self.from_addr,
                        to=self.targets,
                        cc=self.cc,
                        bcc=self.bcc,
                        reply_to=self.reply_to,
                        smtp_host=self.smtp_host,
                        attach=attach,
                        headers=dict(self.headers),
                        names=self.names,
                        pgp=self.pgp,
                        pgp_mode=self.pgp_mode,
                        inline=self.inline,
                        tzinfo=self.tzinfo,
                    )
                ]
        except (AppriseException, OSError, RuntimeError) as error:  # smtplib's errors are OSErrors
            self.logger.debug("Socket Exception: %s", error)
            return False
        return all(taken)

    def _connected(self) -> AppriseSMTPController:
        return AppriseSMTPController(
            host=self.smtp_host,
            port=self.port,  # type: ignore[arg-type]  # Apprise has set it
            secure_mode=self.secure_mode or "",
            user=self.user,
            password=self.password,
            verify_certificate=self.verify_certificate,
            socket_connect_timeout=self.socket_connect_timeout,  # type: ignore[arg-type]  # seconds, parts of them too
        )


def with_id(mail: str, message_id: str) -> str:
    """Return `mail` with `message_id` instead of its own, where there is one."""
    head, gap, rest = mail.partition("\n\n")
    return (
        _MESSAGE_ID.sub(f"Message-ID: {message_id}\n", f"{head}\n", count=1)[:-1] + gap + rest if message_id else mail
    )


def domain_of(address: str, host: str) -> str:
    """Return what stands behind the @ of ids: the domain of the sender's address, else the server's name."""
    _, at, domain = address.rpartition("@")
    found = _DOMAIN.fullmatch(domain if at else host) or _DOMAIN.fullmatch(host)
    return found.group() if found else "watcher.invalid"


def message_id(message: Message, domain: str) -> str:
    """Return a mail's id: the same for every sending of one message, and no other's, of another database either."""
    first = message.deliveries[0]
    at = first.created_at or first.alert.at
    return f"<{_part(message.id)}.{_hash(message.id, message.receiver, at.isoformat(), first.alert.subject)}@{domain}>"


def thread_id(message: Message, domain: str) -> str:
    """Return the id that all mails of one thread refer to: of an item, of a route's digests, or of what a system alert
    is about. Several alerts in one mail belong to the thread of the first."""
    alert = message.deliveries[0].alert
    kind = "item" if isinstance(alert, Alert) else "digest" if isinstance(alert, Digest) else "system"
    return f"<{kind}.{_hash(kind, alert.subject)}@{domain}>"


def _part(text: str) -> str:
    return _NOT_IN_IDS.sub("-", text)[:60]


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:20]


def headers_of(message: Message, domain: str, unsubscribe: str) -> Mapping[str, str]:
    """Return the headers that tell a mail program the thread, and how to be left alone (RFC 2369, RFC 8058)."""
    root = thread_id(message, domain)
    headers = {"References": root, "In-Reply-To": root}
    if unsubscribe:
        headers["List-Unsubscribe"] = f"<{unsubscribe}>"
    if unsubscribe.startswith("https:"):
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers
