"""Plain text made literal for Slack's mrkdwn, which has no escape character: only three characters have entities.

Formatting marks that would act are replaced by characters that look like them; words stay as they were written.
"""

from __future__ import annotations

import re

from watcher.delivery.plain import Link, cut

LONGEST_HEADING = 150  # Slack refuses a longer one

# Slack's own three entities: https://docs.slack.dev/messaging/formatting-message-text
_LITERAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'", "*": "∗", "~": "∼"})
_LOOSE_UNDERSCORE = re.compile(r"(?<!\w)_+|_+(?!\w)")  # inside a word it formats nothing
_BROADCAST = re.compile(r"@(?=(?:channel|here|everyone|group)\b)", re.IGNORECASE)
_EMOJI = re.compile(r":(?=[a-z0-9_+'-]*[a-z][a-z0-9_+'-]*:)", re.IGNORECASE)


class Mrkdwn(str):
    """Text in Slack's own form, which is shown as it is."""

    __slots__ = ()


def literal(text: str) -> Mrkdwn:
    """Return one line of plain text so that Slack shows it and acts on nothing in it; what is in Slack's form stays."""
    if isinstance(text, Mrkdwn):
        return text
    text = _LOOSE_UNDERSCORE.sub(lambda run: "ˍ" * len(run.group()), text)
    text = _EMOJI.sub("꞉", _BROADCAST.sub("＠", text))
    return Mrkdwn(text.translate(_LITERAL))


def anchor(link: Link) -> Mrkdwn:
    """Return Slack's form of a link, labelled with its host. `safe_link` has percent-encoded `|`, `<` and `>`."""
    return Mrkdwn(f"<{link.url.replace('&', '&amp;')}|{link.host}>")


def heading(text: str) -> str:
    """Return one line made literal and cut to what Slack takes as a heading (150 characters)."""
    longest = len(text)
    while len(shown := literal(cut(text, longest))) > LONGEST_HEADING:
        longest -= 5
    return shown
