"""One feed, asked once: conditional request, redirects by hand, and what came back as an Outcome.

Who is asked when, and how many at once, is not decided here.

    request ─► check host ─► GET ─► 3xx ─► check the next host … at most MAX_REDIRECTS times
                                ├─► 304 ──────────────► NotModified(by="304")
                                ├─► 200 ─► read body ─► NotModified(by="hash") | Fetched
                                └─► anything else ────► FetchFailed
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from watcher.domain.feeds import Access, Hints
from watcher.feeds.addresses import (
    AddressRefused,
    UrlRefused,
    check_host,
    name_host,
    name_origin,
    parse_url,
    strip_credentials,
)
from watcher.feeds.bodies import BodyTooLarge, BodyUnreadable, read_body
from watcher.feeds.manners import Asking, Manners
from watcher.feeds.outcomes import Failure, Fetched, FetchFailed, FetchRequest, NotModified, Outcome, Refusal
from watcher.feeds.robots import Robots
from watcher.feeds.walls import Wall, name_wall

MAX_REDIRECTS = 5
ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)

_PERMANENT = {301, 308}
_REDIRECTS = {301, 302, 303, 307, 308}
_DOCUMENT = {200, 203, 226}
_BLOCKED = {401, 403, 451}
_WALLED = {202, 401, 403, 405, 406, 418, 429, 503}  # what walls answer with, beside 200
_WALL_BYTES = 200_000
_LONGEST_WAIT = timedelta(days=30)  # what a Retry-After is cut to: larger figures are mistakes
_VALIDATOR = re.compile(r"[\x20-\x7e]{1,1000}\Z")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one exchange may take. The times count asking only, not the wait for a turn."""

    timeout: timedelta
    connect_timeout: timedelta
    max_bytes: int


@dataclass(slots=True)
class Exchange:
    """One request being carried out. `session` is already the guarded or the open one, as the request asks."""

    session: aiohttp.ClientSession
    request: FetchRequest
    limits: Limits
    manners: Manners
    guarded: bool
    now: datetime
    proxy: str | None = None
    access: Access | None = None
    robots: Robots | None = None  # asked where the request wants it
    delay: timedelta = timedelta(0)  # between requests to this host, as its robots.txt wants
    spent: float = 0.0  # seconds of asking so far

    async def carry_out(self) -> Outcome:
        """Ask and return the outcome; raises nothing but cancellation."""
        try:
            return await self._expand(await self._follow())
        except Refusal as refusal:
            return self._fail(refusal)
        except Exception as exc:
            # A hostile answer may trip anything in the libraries below; it must cost its own feed only. The name of
            # the error is kept, its text is not: it may repeat the URL.
            return self._fail(Refusal(Failure.PROTOCOL, f"the exchange broke ({type(exc).__name__})"))

    def _fail(self, refusal: Refusal) -> FetchFailed:
        return FetchFailed(
            feed=self.request.feed,
            failure=refusal.failure,
            detail=refusal.detail,
            elapsed=self._elapsed(),
            status=refusal.status,
            retry_after=refusal.retry_after,
            host=refusal.host,
        )

    def _elapsed(self) -> timedelta:
        return timedelta(seconds=self.spent)

    async def _follow(self) -> Outcome:
        url = self._checked(self.request.url)
        # what is sent a secret of the configuration stays there: where it has moved to is not remembered elsewhere
        secret = url.raw_user is not None or url.raw_password is not None or bool(self.access and self.access.headers)
        permanent = True
        seen = {url}
        for _ in range(MAX_REDIRECTS + 1):
            if self.request.robots and self.robots is not None:
                self.delay = await self.robots.admit(url, self._ask, self.now)
            answer = await self._hop(url)
            if not isinstance(answer, _Redirect):
                moved = permanent and not secret and len(seen) > 1
                return replace(answer, moved_to=str(url) if moved else None, elapsed=self._elapsed())
            permanent = permanent and answer.permanent
            url = self._next_url(url, answer.location)
            if url in seen:
                raise Refusal(Failure.REDIRECT, "the redirects go in a circle")
            seen.add(url)
        raise Refusal(Failure.REDIRECT, f"more than {MAX_REDIRECTS} redirects")

    async def _ask(self, url: URL | str) -> Outcome:
        """Carry out another request for this one's sake: unconditional, with a time limit of its own."""
        request = FetchRequest(self.request.feed, str(url), Hints(), self.request.allow_private)
        return await replace(self, request=request, delay=timedelta(0), spent=0.0).carry_out()

    async def _expand(self, outcome: Outcome) -> Outcome:
        """Fetch what an index lists. It has no validators: they would vouch for the index alone."""
        if self.request.expand is None or not isinstance(outcome, Fetched):
            return outcome
        addresses = self.request.expand(outcome.body, outcome.url)
        if not addresses:
            return outcome
        answers = [await self._ask(address) for address in addresses]
        parts = tuple(answer.body for answer in answers if isinstance(answer, Fetched))
        lost = tuple(f"{a.failure}: {a.detail}" for a in answers if isinstance(a, FetchFailed))
        hashes = b"".join(hashlib.sha256(body).digest() for body in (outcome.body, *parts))
        hints = Hints(body_hash=hashlib.sha256(hashes).hexdigest())
        if hints.body_hash == self.request.hints.body_hash:
            return NotModified(self.request.feed, hints, outcome.moved_to, outcome.elapsed, "hash")
        return replace(outcome, hints=hints, parts=parts, lost=lost)

    def _checked(self, text: str) -> URL:
        try:
            url = parse_url(text)
            if self.guarded:
                check_host(url.raw_host or "")
        except UrlRefused as exc:
            raise Refusal(Failure.BAD_URL, str(exc)) from None
        except AddressRefused as exc:
            raise Refusal(Failure.PRIVATE_ADDRESS, str(exc)) from None
        return url

    def _next_url(self, url: URL, location: str) -> URL:
        try:
            joined = url.join(URL(location.strip()))
            target = self._checked(str(joined))
        except ValueError:
            raise Refusal(Failure.REDIRECT, "the redirect has no usable target") from None
        except Refusal as refusal:
            refusal.detail = f"redirect: {refusal.detail}"
            raise
        if url.scheme == "https" and target.scheme == "http":
            raise Refusal(Failure.REDIRECT, f"redirect from https to plain http ({name_origin(target)})")
        if target.raw_user is None and target.origin() == url.origin():
            target = target.with_user(url.user).with_password(url.password) if url.raw_user is not None else target
        return target

    async def _hop(self, url: URL) -> _Answer:
        """One GET, in its turn; what is left of the total time is its limit."""
        host = name_host(url)
        async with self.manners.turn(host, Asking(self.now, self.guarded, self.delay)):
            loop = asyncio.get_running_loop()
            started = loop.time()
            progress = _Progress()
            try:
                async with asyncio.timeout(self.limits.timeout.total_seconds() - self.spent):
                    return await self._get(url, progress)
            except Refusal as refusal:
                refusal.host = host
                raise
            except aiohttp.ConnectionTimeoutError:
                raise Refusal(Failure.TIMEOUT, f"no connection to {name_origin(url)} in time") from None
            except TimeoutError:
                seconds = self.limits.timeout.total_seconds()
                detail = f"no complete answer within {seconds:g} s"
                raise Refusal(Failure.TIMEOUT, detail, status=progress.status) from None
            except (aiohttp.ClientError, OSError, AddressRefused) as exc:
                raise explain_error(exc, url, progress.status) from None
            finally:
                self.spent += loop.time() - started

    async def _get(self, url: URL, progress: _Progress) -> _Answer:
        conditions = condition_headers(self.request.hints)
        headers = conditions | ({"Accept": self.request.accept} if self.request.accept else {}) | self._credentials(url)
        async with self.session.get(url, headers=headers, allow_redirects=False, proxy=self.proxy) as response:
            progress.status = response.status
            if response.status in _REDIRECTS:
                location = response.headers.get("Location", "")
                if not location:
                    raise Refusal(Failure.REDIRECT, "a redirect without a target", status=response.status)
                return _Redirect(location, response.status in _PERMANENT)
            if response.status == 304:
                return self._not_modified(response.headers, conditional=bool(conditions))
            if response.status not in _DOCUMENT:
                wall = await _look_at_wall(response) if response.status in _WALLED else None
                raise self._status_refusal(response.status, response.headers, wall)
            return await self._receive(response)

    def _credentials(self, url: URL) -> dict[str, str]:
        """What the source wants to see; nothing for any other origin, wherever a redirect or a move leads."""
        if self.access is None or not self.access.headers:
            return {}
        same = parse_url(self.access.url).origin() == url.origin()
        return dict(self.access.headers) if same else {}

    def _not_modified(self, headers: Mapping[str, str], *, conditional: bool) -> NotModified:
        if not conditional:
            raise Refusal(Failure.PROTOCOL, "answered 304 to a request without a condition", status=304)
        hints = self.request.hints
        kept = Hints(
            etag=headers.get("ETag") or hints.etag,
            last_modified=headers.get("Last-Modified") or hints.last_modified,
            body_hash=hints.body_hash,
        )
        return NotModified(self.request.feed, kept, None, self._elapsed(), "304", parse_freshness(headers, self.now))

    def _status_refusal(self, status: int, headers: Mapping[str, str], wall: Wall | None) -> Refusal:
        failure, detail = Failure.STATUS, f"answered {status}"
        if wall is not None:
            failure, detail = Failure.BLOCKED, f"answered {status} with {wall}"
        elif status == 429:
            failure, detail = Failure.RATE_LIMITED, "answered 429: too many requests"
        elif status == 410:
            failure, detail = Failure.GONE, "answered 410: the feed is gone for good"
        elif status in _BLOCKED:
            failure, detail = Failure.BLOCKED, f"answered {status}: access refused"
        wait = parse_retry_after(headers.get("Retry-After", ""), self.now)
        return Refusal(failure, detail, status=status, retry_after=wait)

    async def _receive(self, response: aiohttp.ClientResponse) -> Fetched | NotModified:
        limit = min(self.limits.max_bytes, self.request.max_bytes or self.limits.max_bytes)
        too_large = Refusal(Failure.TOO_LARGE, f"more than {limit} bytes", status=response.status)
        if (response.content_length or 0) > limit:
            raise too_large
        coding = response.headers.get("Content-Encoding", "")
        try:
            body = await read_body(response.content.iter_any(), coding, limit)
        except BodyTooLarge:
            raise too_large from None
        except BodyUnreadable as exc:
            raise Refusal(Failure.DECODE, str(exc), status=response.status) from None
        hints = Hints(
            etag=response.headers.get("ETag"),
            last_modified=response.headers.get("Last-Modified"),
            body_hash=hashlib.sha256(body).hexdigest(),
        )
        fresh_for = parse_freshness(response.headers, self.now)
        if hints.body_hash == self.request.hints.body_hash:
            return NotModified(self.request.feed, hints, None, self._elapsed(), "hash", fresh_for)
        url = str(strip_credentials(response.url))
        content_type = response.headers.get("Content-Type", "")
        return Fetched(self.request.feed, url, body, content_type, hints, None, self._elapsed(), fresh_for)


@dataclass(frozen=True, slots=True)
class _Redirect:
    location: str
    permanent: bool


_Answer = Fetched | NotModified | _Redirect


@dataclass(slots=True)
class _Progress:
    """How far a GET came: the status once the headers are in."""

    status: int | None = None


async def _look_at_wall(response: aiohttp.ClientResponse) -> Wall | None:
    """Look whether an error's page is a wall; one that cannot be read is none."""
    coding = response.headers.get("Content-Encoding", "")
    try:
        if "html" not in response.headers.get("Content-Type", "").lower():
            return name_wall(b"", headers=response.headers)
        body = await read_body(response.content.iter_any(), coding, _WALL_BYTES)
    except (BodyTooLarge, BodyUnreadable, aiohttp.ClientError):
        return name_wall(b"", headers=response.headers)
    return name_wall(body, url=str(response.url), headers=response.headers)


def condition_headers(hints: Hints) -> dict[str, str]:
    """Write the hints as request headers; values that no header may hold are left out."""
    pairs = (("If-None-Match", hints.etag), ("If-Modified-Since", hints.last_modified))
    return {name: value for name, value in pairs if value and _VALIDATOR.match(value)}


def parse_retry_after(value: str, now: datetime) -> timedelta | None:
    """Read Retry-After (RFC 9110, 10.2.3): seconds, or an HTTP date; None when it is neither, never negative."""
    text = value.strip()
    if re.fullmatch(r"\d{1,9}(?:\.\d+)?", text):
        return min(timedelta(seconds=float(text)), _LONGEST_WAIT)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return min(max(when - now, timedelta(0)), _LONGEST_WAIT)


def parse_freshness(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Read how long an answer stays fresh (RFC 9111, 4.2): max-age, else Expires; None when neither says a time.

    What a cache on the way has had it for (Age) is taken off. `no-cache` and `no-store` wish for no wait.
    """
    directives = headers.get("Cache-Control", "").lower()
    if re.search(r"\bno-(?:cache|store)\b", directives):
        return None
    found = re.search(r"(?<![\w-])max-age\s*=\s*\"?(\d{1,9})\b", directives)
    if found:
        age = headers.get("Age", "").strip()
        seconds = int(found[1]) - (int(age) if re.fullmatch(r"\d{1,9}", age) else 0)
        return min(timedelta(seconds=seconds), _LONGEST_WAIT) if seconds > 0 else None
    left = parse_retry_after(headers["Expires"], now) if "GMT" in headers.get("Expires", "") else None
    return left or None


def explain_error(exc: Exception, url: URL, status: int | None) -> Refusal:
    """Turn an error of the HTTP library into a Refusal, in our words: its own text may repeat the URL."""
    origin = name_origin(url)
    match exc:
        case AddressRefused():
            return Refusal(Failure.PRIVATE_ADDRESS, str(exc))
        case aiohttp.ClientConnectorCertificateError():
            return Refusal(Failure.TLS, f"certificate of {origin}: {_certificate_reason(exc)}")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Refusal(Failure.TLS, f"no TLS connection with {origin}", status=status)
        case aiohttp.ClientConnectorDNSError():
            return Refusal(Failure.DNS, f"the name {url.host} does not resolve")
        case aiohttp.ClientProxyConnectionError():
            return Refusal(Failure.CONNECT, "the proxy cannot be reached")
        case aiohttp.InvalidURL():
            return Refusal(Failure.BAD_URL, "the address is not a valid URL")
        case aiohttp.ClientPayloadError():
            return Refusal(Failure.TRUNCATED, "the body ended before its announced end", status=status)
        case aiohttp.ServerDisconnectedError():
            return Refusal(Failure.PROTOCOL, f"{origin} closed the connection without an answer")
        case aiohttp.ClientResponseError():
            return Refusal(Failure.PROTOCOL, f"what {origin} answered is not valid HTTP")
        case OSError():
            reason = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else "broken off"
            return Refusal(Failure.CONNECT, f"connection to {origin}: {reason.lower()}", status=status)
    return Refusal(Failure.PROTOCOL, f"the exchange with {origin} broke ({type(exc).__name__})", status=status)


def _certificate_reason(exc: aiohttp.ClientConnectorCertificateError) -> str:
    cause = exc.certificate_error
    return str(getattr(cause, "verify_message", "") or "not accepted").rstrip(".")
