"""Send one message to a web address of the operator's own, as signed JSON; one request, no redirect, bounded time.

Signed as https://www.standardwebhooks.com/ says, so that its libraries verify it. Its body is `payload.py`'s work.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from watcher.delivery.addresses import MASK, SEND_LIMIT_S, pieces_of, scrub
from watcher.delivery.outcomes import WORTH_WAITING
from watcher.delivery.resolver import Resolver
from watcher.domain.alerts import Failed, Receiver, SendOutcome, Sent

LONGEST_ANSWER = 4_096  # bytes read of what is answered
LONGEST_WISH = timedelta(days=1)
_PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """Return the key to sign with: what follows `whsec_` is base64, anything else is taken as it stands.

    Raises ValueError where what follows `whsec_` is no base64.
    """
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"what follows {_PREFIX} is no base64") from None


def headers_of(id: str, body: bytes, secret: str, now: datetime) -> dict[str, str]:
    """Return the headers of a request: the message's id, the time, and, with a secret, what both and the body are
    signed with."""
    stamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "watcher",
        "webhook-id": id,
        "webhook-timestamp": stamp,
    }
    if secret:
        signed = hmac.new(key_of(secret), f"{id}.{stamp}.".encode() + body, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(signed).decode()}"
    return headers


def masked_webhook(url: str) -> str:
    """Return `url` fit to be shown: its path and parameters, and who logs in, are secrets."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}/{MASK}" if host else MASK


def post(receiver: Receiver, id: str, body: bytes, now: datetime) -> SendOutcome:
    """Post `body` once and say how it ended, within eight seconds; nothing is raised, and no detail holds a secret.

    2xx is success; 408, 425, 429, 5xx, a redirect and whatever happens to the connection may pass; another 4xx is
    permanent.
    """
    address = masked_webhook(receiver.url)
    secrets = frozenset(piece for piece in pieces_of(receiver.url) if piece not in address) | {receiver.secret or MASK}
    try:
        headers = headers_of(id, body, receiver.secret, now)
        status, wish, said = asyncio.run(_exchange(receiver.url, headers, body))
    except TimeoutError:
        late = f"the webhook did not answer within {SEND_LIMIT_S:g} s; it may still have taken it"
        return Failed(True, late, address=address)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Failed(True, scrub(f"{type(error).__name__}: {error}", secrets), address=address)
    if 200 <= status < 300:
        return Sent("the webhook took it", address=address)
    permanent = 400 <= status < 500 and status not in WORTH_WAITING
    detail = scrub(f"the webhook answered {status}: {said}".rstrip(": "), secrets)
    return Failed(not permanent, detail, None if permanent else _wish(wish, now), address)


async def _exchange(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, str]:
    """Return the status, Retry-After and the beginning of what was answered."""
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=Resolver(), ssl=_tls()),
            timeout=aiohttp.ClientTimeout(total=SEND_LIMIT_S),
            proxy=_proxy_for(url),
            trust_env=False,  # it would send what ~/.netrc holds for the host along
            auto_decompress=False,
        ) as session,
        session.post(url, data=body, headers=headers, allow_redirects=False) as response,
    ):
        taken = 200 <= response.status < 300
        said = b"" if taken else await response.content.read(LONGEST_ANSWER)
        return response.status, response.headers.get("Retry-After", ""), said.decode("utf-8", "replace")


def _proxy_for(url: str) -> str | None:
    """Return the proxy that HTTPS_PROXY or HTTP_PROXY names, unless NO_PROXY names the host; or in lower case."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """The authorities of this machine, or those of SSL_CERT_FILE; reading them takes a while."""
    return ssl.create_default_context()


def _wish(said: str, now: datetime) -> timedelta | None:
    """Read Retry-After: seconds, or a date (RFC 9110, 10.2.3); a day at most. None for what is neither."""
    if said.isascii() and said.isdigit():
        return min(timedelta(seconds=int(said[:9])), LONGEST_WISH)
    try:
        at = parsedate_to_datetime(said)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return min(max(at - now, timedelta(0)), LONGEST_WISH)
    except (ValueError, OverflowError):  # no date, or one of a year that there is not
        return None
