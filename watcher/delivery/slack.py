"""Slack's own form of a message: an attachment of blocks, by an incoming webhook or a bot's token.

Apprise sends it. Its own forms have no fallback text for notifications, one block of text for everything, or do not
format it, so the blocks are put in its hands ready made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apprise.attachment.memory import AttachMemory
from apprise.common import NotifyType
from apprise.plugins.slack import NotifySlack

from watcher.delivery.mrkdwn import heading
from watcher.delivery.render import LONGEST_SECTION, Rendered

Block = dict[str, Any]


class SlackService(NotifySlack):  # type: ignore[no-untyped-call]  # Apprise leaves it unannotated
    """Apprise's service for Slack, with the attachment it is to send in `attachment`."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)  # type: ignore[no-untyped-call]
        self.attachment: dict[str, Any] = {}
        self._from_file = bool(self.template)  # the address names a template of Apprise's own kind
        if not self._from_file:
            form = AttachMemory(content="{}", name="blocks.json", mimetype="application/json")  # type: ignore[no-untyped-call]
            self.template.add(form)
            self.use_blocks = True  # both make Apprise ask `gen_payload`

    def gen_payload(self, body: str, title: str = "", notify_type: NotifyType = NotifyType.INFO, **more: Any) -> Any:
        """Return the attachment to send: Apprise's own way to let one come from elsewhere."""
        if not self._from_file:
            return self.attachment
        return super().gen_payload(body, title, notify_type, **more)  # type: ignore[no-untyped-call]


def attachment_of(rendered: Rendered) -> dict[str, Any]:
    """Return a message as Slack documents attachments: fallback text, a colour, and blocks: heading, text, small print.

    https://docs.slack.dev/messaging/formatting-message-text#attachments and
    https://docs.slack.dev/reference/block-kit/blocks
    """
    title = heading(rendered.subject)
    blocks: list[Block] = [{"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}]
    blocks += [{"type": "section", "text": _mrkdwn(text)} for text in sections(rendered.slack)]
    if rendered.small:
        blocks.append({"type": "context", "elements": [_mrkdwn(text) for text in sections(rendered.small)]})
    return {"fallback": title, "color": rendered.colour, "blocks": blocks}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}  # verbatim: no links are made of plain words


def sections(text: str) -> Sequence[str]:
    """Cut mrkdwn into texts of one block each: between paragraphs, else between lines. No line is longer than a block
    takes."""
    found = [""]
    for paragraph in text.split("\n\n"):
        fits = len(paragraph) <= LONGEST_SECTION
        for number, piece in enumerate([paragraph] if fits else paragraph.split("\n")):
            gap = "\n\n" if not number else "\n"
            if found[-1] and len(found[-1]) + len(gap) + len(piece) > LONGEST_SECTION:
                found.append(piece)
            else:
                found[-1] += (gap if found[-1] else "") + piece
    return [piece for piece in (text.strip() for text in found) if piece]
