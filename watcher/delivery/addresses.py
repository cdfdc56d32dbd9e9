"""Receivers' addresses: Apprise URLs turned into services, checked, and shown or logged without what is secret in them.

Nothing is sent here.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from apprise import Apprise, AppriseAsset
from apprise.exception import AppriseException
from apprise.plugins import NotifyBase, url_to_dict

from watcher.delivery.mail import MailService
from watcher.delivery.plain import fold
from watcher.delivery.slack import SlackService

SLACK = ("slack",)
MAIL = ("mailto", "mailtos")

# A stop must be over within ten seconds, and a send under way is waited for.
CONNECT_LIMIT_S = 4.0
READ_LIMIT_S = 5.0
SEND_LIMIT_S = 8.0

MASK = "***"

_ASSET = AppriseAsset(
    app_id="watcher",
    app_desc="watcher",
    app_url="",
    image_url_mask="",  # no picture fetched from a third party
    image_url_logo="",
    storage_mode="memory",
    async_mode=False,
    http_redirects=False,  # a redirect would carry the message and its credentials to another host
    default_service_retry=0,  # the outbox retries, once per delivery
    service_timeout=SEND_LIMIT_S,
    pgp_autogen=False,
    pem_autogen=False,
)
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]{0,30})://")
_URL = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*)://[^\s'\"]+")
_BREAKS = re.compile(r"[/:@#,\s]+")
_WORDS = frozenset({"yes", "no", "true", "false", "starttls", "ssl", "insecure", "text", "html", "markdown", "post"})
_SHORTEST_SECRET, _LONG_SECRET = 3, 8

# Apprise tells at DEBUG what a server answered, and whole addresses and messages too: `apprise.py` reads that for one
# send at a time, and none of it may reach the process's log. urllib3 logs the paths of webhooks, which are secrets.
APPRISE_LOG = logging.getLogger("apprise")
APPRISE_LOG.addHandler(logging.NullHandler())
APPRISE_LOG.propagate = False
logging.getLogger("urllib3").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Refused:
    """An address that cannot be used; `reason` holds no secret."""

    reason: str


def open_address(url: str) -> NotifyBase | Refused:
    """Return Apprise's service for `url`, with our limits on it: no retries, no redirects, bounded waits."""
    parsed = url_to_dict(url)  # type: ignore[no-untyped-call]  # Apprise leaves it unannotated
    if parsed is None:
        return Refused(f"Apprise knows no service for {_scheme(url)}://, or cannot read the rest of the address")
    try:
        service = _service(_limited(parsed))
    except (AppriseException, TypeError, ValueError) as error:
        return Refused(f"{_scheme(url)}:// does not take this address: {scrub(str(error), pieces_of(url))}")
    if service is None:
        return Refused(f"{_scheme(url)}:// cannot be used in this installation")
    return service


def _service(parts: dict[str, Any]) -> NotifyBase | None:
    """Return the service for Apprise's parts of a URL: ours for mail and for Slack's blocks, else Apprise's own."""
    schema = parts["schema"]
    if schema in MAIL:
        return MailService(**parts, asset=_ASSET)  # type: ignore[no-untyped-call]  # Apprise leaves it unannotated
    if schema in SLACK and ("token_a" in parts or "access_token" in parts):
        return SlackService(**parts, asset=_ASSET)
    return Apprise.instantiate(parts, asset=_ASSET, suppress_exceptions=False)


def check_address(url: str) -> str | None:
    """Return None when Apprise takes `url`, and at most one person gets what is sent there, otherwise why not, with no
    secret in it.

    A mail to several is one delivery: where one of them is refused, the others would get it again with every attempt.
    """
    service = open_address(url)
    if isinstance(service, Refused):
        return service.reason
    if not isinstance(service, MailService):
        return None
    recipients = len(service.targets) + len(service.cc) + len(service.bcc)
    if not service.targets:
        return f"{_scheme(url)}:// names nobody to write to"
    if recipients > 1:
        return (
            f"{_scheme(url)}:// names {recipients} recipients; give each an address of its own in `urls`, no cc or bcc"
        )
    return None


def masked(url: str) -> str:
    """Return `url` fit to be shown: service, host and mail recipients; tokens, passwords and parameters are masked."""
    service = open_address(url)
    return f"{_scheme(url)}://{MASK}" if isinstance(service, Refused) else shown(service)


def secrets_in(url: str, service: NotifyBase) -> frozenset[str]:
    """Return every text in `url` that must not be shown: all of its pieces that its masked form does not show."""
    seen = shown(service)
    return frozenset(piece for piece in pieces_of(url) if piece not in seen)


def scrub(text: str, secrets: frozenset[str]) -> str:
    """Return `text` with `secrets` and whole URLs masked, as one line of at most 300 characters.

    A short secret is masked where it is a word of its own: "hook" in a path is none of "the webhook".
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _LONG_SECRET:
            text = text.replace(secret, MASK)
        else:
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])", MASK, text)
    return fold(_URL.sub(rf"\1://{MASK}", text), 300)


def _limited(parsed: Mapping[str, Any]) -> dict[str, Any]:
    """Return Apprise's parts of a URL with our limits and our message forms in them.

    `optional` must not stay: with it Apprise reports a failed send as a success.
    """
    parts = dict(parsed)
    parts.update(retry=0, wait=0, optional=False)
    parts["cto"] = _bounded(parts.get("cto"), CONNECT_LIMIT_S)
    parts["rto"] = _bounded(parts.get("rto"), READ_LIMIT_S)
    schema = parts["schema"]
    if schema in MAIL:
        parts["headers"] = {"Auto-Submitted": "auto-generated", **parts.get("headers", {})}
    elif schema not in SLACK:
        # What does not fit is cut: the state comes first, and a message in parts waits between them.
        parts.setdefault("overflow", "truncate")
    return parts


def _bounded(asked: Any, longest_s: float) -> float:
    try:
        seconds = float(asked)
    except (TypeError, ValueError):
        return longest_s
    return min(seconds, longest_s) if math.isfinite(seconds) and seconds > 0 else longest_s


def shown(service: NotifyBase) -> str:
    """Return a service's address fit to be shown: what Apprise knows to be private is masked, and so are parameters and
    the parts of a path that it shows as they are."""
    address: str = service.url(privacy=True)  # type: ignore[no-untyped-call]  # Apprise leaves it unannotated
    head, _, rest = address.partition("?")[0].partition("://")
    host, *path = rest.strip("/").split("/")
    parts = [unquote(part) for part in path]
    kept = [part if "..." in part or "@" in part or part.startswith("#") else MASK for part in parts]
    return f"{head}://{'/'.join([host.replace('****', MASK), *kept])}"


def _scheme(url: str) -> str:
    found = _SCHEME.match(url)
    return found.group(1).lower() if found else MASK


def pieces_of(url: str) -> frozenset[str]:
    """Return every text that `url` is made of, as it stands and decoded, but for the shortest and for words."""
    rest = url.partition("://")[2] or url
    place, _, query = rest.partition("?")
    values = [part.partition("=")[2] for part in query.split("&")]
    wholes = [*_BREAKS.split(place), *values]
    read = [*wholes, *(unquote(whole) for whole in wholes)]
    pieces = {piece for text in read for piece in (text, *_BREAKS.split(text))}
    return frozenset(p for p in pieces if len(p) >= _SHORTEST_SECRET and p.lower() not in _WORDS)
