"""Which addresses may be asked: names and numbers are checked here, before and while connecting.

No HTTP in here. A feed's address is written by an operator, but where it redirects or resolves to is not: a public
name may point into the operator's own network, and must not reach it.
"""

from __future__ import annotations

import ipaddress
import re
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from watcher.errors import FeedError
from watcher.lookup import look_up

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

_NUMBER = re.compile(r"(?:\d+|0x[0-9a-f]*)\Z", re.IGNORECASE)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215: for use inside one network


class UrlRefused(FeedError):
    """The address is not an http(s) URL with a host; the message never repeats the URL."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


class AddressRefused(FeedError):
    """The address lies inside a network that feeds have no business in."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


def parse_url(text: str) -> URL:
    """Parse an absolute http or https URL, without its fragment; UrlRefused says what is wrong with it."""
    try:
        url = URL(text.strip()).with_fragment(None)
        host, port = url.raw_host, url.port
    except ValueError:
        raise UrlRefused("the address is not a valid URL") from None
    if url.scheme not in ("http", "https"):
        raise UrlRefused(f"only http and https are polled, not {url.scheme[:20] or 'an address without a scheme'}")
    if not host or not port:
        raise UrlRefused("the address names no host")
    return url


def name_origin(url: URL) -> str:
    """Write scheme, host and port: what a message may show of a URL whose path or user part may hold secrets."""
    return str(url.origin()) if url.host else "an address without a host"


def name_host(url: URL) -> str:
    """Name the host of a URL for those who spare hosts; with its port, unless that is a usual one."""
    port = "" if url.port in (None, 80, 443) else f":{url.port}"
    return f"{(url.raw_host or '').lower().rstrip('.')}{port}"


def strip_credentials(url: URL) -> URL:
    """Return the URL without user and password."""
    return url.with_user(None) if url.raw_user is not None or url.raw_password is not None else url


def classify_address(address: IP) -> str:
    """Say in a word why an address is not public ("loopback", "private", ...); empty for a public one.

    An IPv4 address carried inside an IPv6 one (mapped, 6to4, Teredo, NAT64) is judged as what it carries.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return classify_address(address.ipv4_mapped)
        if address in _NAT64:
            return classify_address(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        carried = [address.sixtofour, *(address.teredo or ())]
        if word := next((w for inner in carried if inner and (w := classify_address(inner))), ""):
            return word
        if address in _NAT64_LOCAL or address.is_site_local:
            return "private"
    for word, applies in (
        ("unspecified", address.is_unspecified),
        ("loopback", address.is_loopback),
        ("link-local", address.is_link_local),
        ("multicast", address.is_multicast),
        ("private", address.is_private),
        ("reserved", address.is_reserved or not address.is_global),
    ):
        if applies:
            return word
    return ""


def check_host(host: str) -> None:
    """Raise AddressRefused for a host that is private as it is written; other names are checked when resolved.

    Number forms (`2130706433`, `0x7f.1`, `127.1`) are refused whatever they stand for: no feed is published that way.
    """
    name = host.rstrip(".").lower()
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        address = None
    if address is not None:
        if word := classify_address(address):
            raise AddressRefused(f"{name} is a {word} address")
    elif name == "localhost" or name.endswith(".localhost"):
        raise AddressRefused(f"{name} is this machine")
    elif _NUMBER.match(name.rpartition(".")[2]):
        raise AddressRefused("the host is a number where a name belongs")


class GuardedResolver(AbstractResolver):
    """Resolves names for aiohttp, handing out only addresses that may be connected to.

    aiohttp connects to exactly what this returns, so a name that answers differently a moment later (DNS rebinding)
    gains nothing. `exempt` is a host that is always allowed: the proxy's.

    Each lookup runs in a daemon thread of its own: getaddrinfo cannot be cancelled, and a hanging one must hold up
    neither the other lookups nor the end of the process.
    """

    def __init__(self, *, allow_private: bool, exempt: str = "") -> None:
        self._allow_private = allow_private
        self._exempt = exempt

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve one name; OSError when there is no such name, AddressRefused when none of its addresses is public."""
        infos = await look_up(host, port, family)
        allowed: list[ResolveResult] = []
        word = ""
        for found, _, proto, _, sockaddr in infos:
            address = str(sockaddr[0])
            ip = ipaddress.ip_address(address.partition("%")[0])
            if not self._allow_private and host != self._exempt and (refusal := classify_address(ip)):
                word = refusal
                continue
            flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
            result = ResolveResult(hostname=host, host=address, port=port, family=found, proto=proto, flags=flags)
            allowed.append(result)
        if word and not allowed:
            raise AddressRefused(f"{host} resolves to a {word} address")
        return allowed

    async def close(self) -> None:
        """Nothing is held open."""
