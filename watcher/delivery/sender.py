"""Send one message to one address: by which way it leaves, and how that ended; no loop, no wait, no database."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from watcher.delivery import apprise, webhook
from watcher.delivery.payload import body_of
from watcher.delivery.picture import draw_timeline
from watcher.delivery.render import Links, Look, Rendered, render, urls_of
from watcher.delivery.templates import SHIPPED, Templates
from watcher.delivery.timeline import Step, Timelines
from watcher.domain.alerts import Alert, AlertKind, Failed, Message, Receiver, SendOutcome, Sent

log = structlog.get_logger("watcher")


class Sender:
    """Sends messages to the addresses of one configuration. Safe to use from several threads at once."""

    def __init__(
        self,
        receivers: Mapping[str, Receiver],
        zone: ZoneInfo,
        board: str = "",
        *,
        links: Links | None = None,
        templates: Templates = SHIPPED,
        timelines: Timelines | None = None,
    ) -> None:
        """`receivers` are by address name; `zone` is what times are told in. `timelines` is asked, while nothing else
        goes on, for the states of an item where a receiver wants their picture."""
        self._receivers = dict(receivers)
        self._look = Look(zone, board, links, templates)
        self._timelines = timelines

    def send(self, message: Message, now: datetime) -> SendOutcome:
        """Send `message` once, waiting at most about eight seconds. A webhook is signed with the time `now`.

        Whatever happens to the send is returned, never raised. A `Failed` that is not retryable is one the server
        itself called permanent (an HTTP 4xx but 408, 425 and 429; an SMTP 5yz; a word of Slack's). Nothing in it holds
        a secret.
        """
        receiver = self._receivers.get(message.receiver)
        if receiver is None:
            return Failed(True, f"the configuration no longer has the receiver {message.receiver!r}")
        steps = self._steps(message) if receiver.picture else ()
        rendered = render(message, self._look, steps)
        for fault in rendered.faults:
            log.warning("template.failed", message=message.id, receiver=message.receiver, fault=fault)
        if receiver.webhook:
            return self._post(message, receiver, rendered, now)
        return apprise.send(message, receiver, rendered, self._picture(message, steps) if steps else b"")

    def _post(self, message: Message, receiver: Receiver, rendered: Rendered, now: datetime) -> SendOutcome:
        look = self._look
        body = body_of(message, rendered.subject, rendered.text, look.board, lambda one: urls_of(one, look.links))
        outcome = webhook.post(receiver, message.id, body, now)
        if isinstance(outcome, Sent):
            return replace(outcome, subject=rendered.subject, digest=hashlib.sha256(body).hexdigest())
        return outcome

    def _steps(self, message: Message) -> tuple[Step, ...]:
        """The states of the item that a message is about; none where it is about several, or they cannot be read: a
        message is never lost to its picture."""
        items = {one.alert.item for one in message.deliveries if isinstance(one.alert, Alert)}
        alert = message.deliveries[0].alert
        about_one = len(items) == 1 and isinstance(alert, Alert) and alert.kind is not AlertKind.TEST
        if self._timelines is None or not about_one:
            return ()
        try:
            return tuple(self._timelines(items.pop()))
        except Exception as error:
            log.warning("picture.failed", message=message.id, error=f"{type(error).__name__}: {error}")
            return ()

    def _picture(self, message: Message, steps: tuple[Step, ...]) -> bytes:
        alert = message.deliveries[0].alert
        title = alert.title if isinstance(alert, Alert) else ""
        try:
            return draw_timeline(title, steps, alert.at, self._look.zone)
        except Exception as error:
            log.warning("picture.failed", message=message.id, error=f"{type(error).__name__}: {error}")
            return b""
