"""How a feed is got at: its `auth`, `headers`, `cookies` and `proxy`, checked and put together.

Messages name what is wrong, never a value: all of them are secrets.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import urlsplit

from watcher.config.checking import Checked
from watcher.config.problems import Problems
from watcher.config.sources import FEDERAL_REGISTER_URL
from watcher.config.watchlists import FeedSection, WatchlistFile
from watcher.config.yaml import Path_
from watcher.domain.feeds import Access

# what the exchange writes itself, or what would break it
_OURS = {
    "accept-encoding", "connection", "content-length", "cookie", "expect", "host", "if-modified-since", "if-none-match",
    "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip
_LINE = re.compile(r"[\x20-\x7e\xa0-\xff]*\Z")
_COOKIE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*\Z")  # RFC 6265, 4.1.1


def access_of(section: FeedSection) -> Access | None:
    """Put together what a feed wants to see; None where it wants nothing."""
    headers = dict(section.headers)
    auth = section.auth
    if auth.bearer:
        headers["Authorization"] = f"Bearer {auth.bearer}"
    elif auth.user or auth.password:
        pair = f"{auth.user}:{auth.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
    if section.cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in section.cookies.items())
    if not headers and not section.proxy:
        return None
    return Access(section.url or FEDERAL_REGISTER_URL, headers, section.proxy or None)


def proxy_fault(proxy: str) -> str:
    """Say what is wrong with a proxy's address; empty when nothing is, or when there is none."""
    try:
        parts = urlsplit(proxy)
        usable = not proxy or (parts.scheme == "http" and bool(parts.hostname) and parts.port != 0)
    except ValueError:
        usable = False
    return "" if usable else "not the address of an http proxy"


PROXY_FORM = "http://HOST:PORT or http://USER:PASSWORD@HOST:PORT"


def check_access(checked: Checked[WatchlistFile], path: Path_, section: FeedSection, problems: Problems) -> None:
    """Note what no request can carry, and what contradicts itself."""

    def note(key: Path_, message: str, allowed: str = "") -> None:
        problems.add(checked.document.file, checked.place((*path, *key)), message, allowed)

    auth = section.auth
    if auth.bearer and (auth.user or auth.password):
        note(("auth",), "user and password, or bearer: not both")
    if auth.password and not auth.user:
        note(("auth",), "a password without a user")
    named = {name.lower() for name in section.headers}
    if "authorization" in named and (auth.bearer or auth.user):
        note(("auth",), "`headers` has Authorization already")
    if _has_user(section.url) and (auth.bearer or auth.user or "authorization" in named):
        note(("auth",), "the address has a user already")
    for name, value in section.headers.items():
        if name.lower() in _OURS:
            note(("headers", name), f'the header "{name}" is written by the program')
        elif not _LINE.match(value):
            note(("headers", name), "not one line of plain text")
    for key, value in (("bearer", auth.bearer), ("user", auth.user), ("password", auth.password)):
        if not (value.isprintable() and (key != "bearer" or value.isascii())):
            note(("auth", key), "not one line of plain text")
    for name, value in section.cookies.items():
        if not _COOKIE.match(value):
            note(("cookies", name), "a cookie's value has no spaces, quotes, commas, semicolons or backslashes")
    if fault := proxy_fault(section.proxy):
        note(("proxy",), fault, PROXY_FORM)


def tells_in_the_open(section: FeedSection) -> bool:
    """Whether a secret goes over plain http, where everybody on the way can read it."""
    access = access_of(section)
    in_the_open = section.url.strip().lower().startswith("http:")
    return in_the_open and bool(access and access.headers) and not section.allow_private


def _has_user(url: str) -> bool:
    try:
        return urlsplit(url).username is not None
    except ValueError:
        return False
