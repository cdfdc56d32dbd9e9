"""From the receivers of the `notify` section to addresses in use, by name.

Addresses are secrets: no message repeats them. What they lead to is looked at by `watcher.delivery`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from watcher.config.notify import Notify, NotifySection, ReceiverSection
from watcher.config.problems import Problems
from watcher.config.yaml import Path_
from watcher.domain.alerts import Receiver

CheckAddress = Callable[[str], str | None]
"""Says why a notification address cannot be used, without repeating it; None when it can."""


def receivers_of(
    notify: Notify, check_address: CheckAddress | None, problems: Problems, notes: Problems
) -> dict[str, Receiver]:
    """Return the addresses in use by name; NAME/1, NAME/2 where a receiver lists more than one."""
    found: dict[str, Receiver] = {}
    file = notify.document.file
    for name, section in notify.section.receivers.items():
        path: Path_ = ("notify", "receivers", name)
        if fault := _receiver_fault(section, lost=notify.has_lost(path)):
            problems.add(file, notify.place((*path, *fault.key)), fault.message, fault.allowed)
            continue
        for address, url, key in _addresses(name, section):
            place = notify.place((*path, *key))
            if not url:
                notes.add(file, place, f'the receiver "{address}" has no address and is switched off')
                continue
            reason = check_address(url) if check_address and not section.webhook else None
            if reason:
                problems.add(file, place, f'the address of "{address}" cannot be used: {reason}')
            webhook = bool(section.webhook)
            more = (section.rate, section.picture, section.unsubscribe)
            found[address] = Receiver(url, webhook, section.secret, *more)
    return found


@dataclass(frozen=True, slots=True)
class _Fault:
    key: Path_
    message: str
    allowed: str = ""


def _receiver_fault(section: ReceiverSection, *, lost: bool) -> _Fault | None:
    """Say what contradicts itself; of a section that `lost` keys to mistakes, nothing of what it lacks."""
    named = section.model_fields_set
    if "urls" in named and "webhook" in named:
        return _Fault(("webhook",), "`urls` or a `webhook`: not both")
    if not lost and not named & {"urls", "webhook"}:
        return _Fault((), "a receiver needs an address", "urls, webhook")
    if section.secret and "webhook" not in named:
        return _Fault(("secret",), "only a webhook's messages are signed")
    if not _is_key(section.secret):
        return _Fault(("secret",), "what follows whsec_ is no base64", "any text, or whsec_ and base64")
    if "webhook" in named and (section.picture or section.unsubscribe):
        return _Fault(("picture" if section.picture else "unsubscribe",), "this is for mails, and no webhook's")
    if section.webhook and not re.match(r"https?://[^/?#\s]+", section.webhook):
        return _Fault(("webhook",), "not a web address", "http:// or https:// with a host")
    return None


def _is_key(secret: str) -> bool:
    """Whether a webhook can be signed with it (`delivery/webhook.py`)."""
    encoded = secret.removeprefix("whsec_")
    try:
        return encoded == secret or bool(base64.b64decode(encoded, validate=True))
    except binascii.Error:
        return False


def _addresses(name: str, section: ReceiverSection) -> Iterator[tuple[str, str, Path_]]:
    """Yield every address with its name and where it stands."""
    if "webhook" in section.model_fields_set:
        yield name, section.webhook, ("webhook",)
        return
    for index, url in enumerate(section.urls):
        yield name if len(section.urls) == 1 else f"{name}/{index + 1}", url, ("urls", index)


def switched_off(section: NotifySection) -> tuple[str, ...]:
    """Return the names of the addresses that were left empty."""
    every = (one for name, receiver in section.receivers.items() for one in _addresses(name, receiver))
    return tuple(address for address, url, _ in every if not url)


def addresses_of(to: Iterable[str], receivers: Mapping[str, Receiver]) -> tuple[str, ...]:
    """Expand receivers to the names of their addresses that are in use, each once."""
    return tuple(dict.fromkeys(n for one in to for n in receivers if n == one or n.rpartition("/")[0] == one))
