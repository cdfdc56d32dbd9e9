"""What a receiver can tell from the messages it got, without asking the daemon: mails and Slack posts, read back.

It relies on nothing but the words a person sees in a message.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from watcher.demo.receivers import Mail, Post, Receivers

_VALUE = r"(?: \([^()]*\))?"
_CHANGE = re.compile(rf"^\*?Change:\*? (?P<was>.+?){_VALUE} → (?P<now>.+?)(?: \((?P<value>[^()]*)\))?$", re.MULTILINE)
_QUOTE = re.compile(r"“(?P<quote>.+)”")
_ITEM = re.compile(r"\bitem (?P<item>[A-Za-z0-9][A-Za-z0-9_.-]*)")
_DELIVERY = re.compile(r"^Delivery (?P<delivery>\S+?)\. ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Told:
    """One message: by which way it came, what it says of which item, and the delivery it names."""

    way: str  # "email" or "slack"
    delivery: str  # the same in a repeat of the same message
    item: str
    was: str  # state labels, as people read them
    now: str
    value: str
    text: str  # all of it

    @property
    def quote(self) -> str:
        """The first words it quotes, empty where it quotes none."""
        found = _QUOTE.search(self.text)
        return found["quote"] if found else ""


def read_all(receivers: Receivers) -> list[Told]:
    """Read everything that has arrived so far; ValueError for what is no message about a change of state."""
    return [*map(read_mail, receivers.mail.mails.all()), *map(read_post, receivers.slack.posts.all())]


def read_mail(mail: Mail) -> Told:
    """Read one mail's plain text part; ValueError when it is no message about a change of state."""
    return _read("email", mail.part("plain"))


def read_post(post: Post) -> Told:
    """Read one Slack incoming-webhook call; ValueError when it is no message about a change of state."""
    return _read("slack", html.unescape("\n".join(_texts(post.payload))))


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)
    elif isinstance(part, list):
        for value in part:
            yield from _texts(value)


def _read(way: str, text: str) -> Told:
    change, item, delivery = _CHANGE.search(text), _ITEM.search(text), _DELIVERY.search(text)
    if not (change and item and delivery):
        raise ValueError(f"not a message about a change of state:\n{text}")
    return Told(
        way, delivery["delivery"], item["item"].rstrip("."), change["was"], change["now"], change["value"] or "", text
    )
