"""What asking for a feed can end in: three results, never one None.

Plain values; what they mean for the schedule or the store is decided by those who receive them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from watcher.domain.feeds import Hints


class Failure(StrEnum):
    """Why no document came."""

    BAD_URL = "bad_url"  # not an http(s) URL
    PRIVATE_ADDRESS = "private_address"  # inside a network that feeds may not reach
    DNS = "dns"  # the name does not resolve
    CONNECT = "connect"  # refused, reset, unreachable
    TLS = "tls"  # certificate or handshake
    TIMEOUT = "timeout"  # no connection, or no complete answer, in time
    PROTOCOL = "protocol"  # what came back is not HTTP
    STATUS = "status"  # an error status without a name of its own here
    BLOCKED = "blocked"  # 401, 403, 451: this client is not welcome
    RATE_LIMITED = "rate_limited"  # 429
    ROBOTS = "robots"  # robots.txt asks programs not to read this page
    GONE = "gone"  # 410: the feed has ended
    REDIRECT = "redirect"  # too many, in a circle, from https to http, or without a target
    TOO_LARGE = "too_large"  # more bytes than allowed, as sent or decompressed
    TRUNCATED = "truncated"  # the body ended before its announced end
    DECODE = "decode"  # the body cannot be decompressed


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """One feed to ask for. `allow_private` lets it (and what it redirects to) lie in a private network.

    With `robots` it is asked for only where the host's robots.txt allows it. `expand` returns, for an index and the
    address it came from, the further documents that belong to it.
    """

    feed: str
    url: str
    hints: Hints
    allow_private: bool = False
    robots: bool = False
    accept: str = ""  # media types, where they are not those of feeds
    max_bytes: int | None = None  # where less is read than of a feed
    from_outside: bool = False  # an address nobody configured: what is allowed for all feeds is not for it
    expand: Callable[[bytes, str], Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A complete document, decompressed.

    `hints` vouch for this body: keep them only together with its entries, and not at all when it does not parse.
    `moved_to` is set when every redirect on the way was permanent (301, 308). `parts` are the documents an index was
    expanded to, those that could be had.
    """

    feed: str
    url: str  # where it came from in the end, without credentials
    body: bytes
    content_type: str
    hints: Hints
    moved_to: str | None
    elapsed: timedelta
    fresh_for: timedelta | None = None  # how long its server says that it will not change
    parts: tuple[bytes, ...] = ()
    lost: tuple[str, ...] = ()  # why documents of an index could not be had


@dataclass(frozen=True, slots=True)
class NotModified:
    """The feed is as it was: the server says so (304), or the body has the known hash."""

    feed: str
    hints: Hints
    moved_to: str | None
    elapsed: timedelta
    by: Literal["304", "hash"]
    fresh_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """No document came. `detail` is a sentence for an operator: no path, query or credentials of any URL in it."""

    feed: str
    failure: Failure
    detail: str
    elapsed: timedelta
    status: int | None = None
    retry_after: timedelta | None = None  # what the server asked for
    host: str = ""  # whose answer it was, as `addresses.name_host` names it; empty where none came


Outcome = Fetched | NotModified | FetchFailed


class Refusal(Exception):
    """Ends one exchange inside this package; leaves it as FetchFailed."""

    def __init__(
        self,
        failure: Failure,
        detail: str,
        *,
        status: int | None = None,
        retry_after: timedelta | None = None,
        host: str = "",
    ) -> None:
        super().__init__(detail)
        self.failure = failure
        self.detail = detail
        self.status = status
        self.retry_after = retry_after
        self.host = host
