"""A real HTTP server on loopback whose pages are RSS and Atom feeds, shown and changed by a script.

It knows nothing of the daemon that reads it but what a server sees: which body of which feed was asked for.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.etree import ElementTree as ET

ATOM = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing an outlet publishes. `source` is written only where a feed carries others' work (an aggregator)."""

    key: str
    title: str
    at: datetime
    summary: str = ""
    link: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Masthead:
    """A feed as the newsstand shows it: its id (and path, /ID.xml), its title and its form, "rss" or "atom"."""

    id: str
    title: str
    form: str = "rss"


def write_rss(masthead: Masthead, pieces: Sequence[Piece]) -> bytes:
    """Write `pieces` (newest first) as RSS 2.0."""
    rss = ET.Element("rss", version="2.0")
    channel = ET.SubElement(rss, "channel")
    ET.SubElement(channel, "title").text = masthead.title
    ET.SubElement(channel, "link").text = f"https://{masthead.id}.example/"
    ET.SubElement(channel, "description").text = masthead.title
    for piece in pieces:
        item = ET.SubElement(channel, "item")
        ET.SubElement(item, "guid", isPermaLink="false").text = piece.key
        ET.SubElement(item, "title").text = piece.title
        ET.SubElement(item, "link").text = piece.link
        ET.SubElement(item, "pubDate").text = format_datetime(piece.at)
        if piece.summary:
            ET.SubElement(item, "description").text = piece.summary
        if piece.source:
            ET.SubElement(item, "source", url=piece.link).text = piece.source
    body: bytes = ET.tostring(rss, encoding="utf-8", xml_declaration=True)
    return body


def write_atom(masthead: Masthead, pieces: Sequence[Piece]) -> bytes:
    """Write `pieces` (newest first) as Atom 1.0 (RFC 4287)."""
    ET.register_namespace("", ATOM)
    feed = ET.Element(f"{{{ATOM}}}feed")
    ET.SubElement(feed, f"{{{ATOM}}}id").text = f"urn:newsstand:{masthead.id}"
    ET.SubElement(feed, f"{{{ATOM}}}title").text = masthead.title
    newest = pieces[0].at if pieces else datetime(1970, 1, 1, tzinfo=UTC)
    ET.SubElement(feed, f"{{{ATOM}}}updated").text = newest.isoformat()
    for piece in pieces:
        entry = ET.SubElement(feed, f"{{{ATOM}}}entry")
        ET.SubElement(entry, f"{{{ATOM}}}id").text = piece.key
        ET.SubElement(entry, f"{{{ATOM}}}title").text = piece.title
        ET.SubElement(entry, f"{{{ATOM}}}link", href=piece.link)
        ET.SubElement(entry, f"{{{ATOM}}}published").text = piece.at.isoformat()
        ET.SubElement(entry, f"{{{ATOM}}}updated").text = piece.at.isoformat()
        if piece.summary:
            ET.SubElement(entry, f"{{{ATOM}}}summary").text = piece.summary
    body: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return body


@dataclass(slots=True)
class _Page:
    body: bytes
    etag: str
    content_type: str
    read: bool = False  # this very body was sent in full, or confirmed by a 304


class Newsstand:
    """Serves the mastheads it is made with; `show` replaces what a feed holds.

    Thread-safe. Use as a context manager: leaving it closes the port.
    """

    def __init__(self, mastheads: Sequence[Masthead]) -> None:
        self._mastheads = {masthead.id: masthead for masthead in mastheads}
        self._changed = threading.Condition()
        self._pages: dict[str, _Page] = {}
        self.polls = 0  # requests answered with a feed or a 304
        self.bodies = 0  # of these, with a body
        for masthead in mastheads:
            self.show(masthead.id, ())
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Newsstand:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, feed: str) -> str:
        """Where `feed` is served."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{feed}.xml"

    def show(self, feed: str, pieces: Sequence[Piece]) -> None:
        """Let `feed` hold exactly `pieces`, newest first; it counts as unread from now on."""
        masthead = self._mastheads[feed]
        write = write_atom if masthead.form == "atom" else write_rss
        body = write(masthead, pieces)
        etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        page = _Page(body, etag, f"application/{masthead.form}+xml; charset=utf-8")
        with self._changed:
            self._pages[feed] = page

    def wait_read(self, timeout_s: float) -> bool:
        """Wait until the present body of every feed was read since it was shown; False when that took too long."""
        until = time.monotonic() + timeout_s
        with self._changed:
            while not all(page.read for page in self._pages.values()):
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def page(self, feed: str) -> _Page | None:
        """What to answer for `feed` now, None where there is no such feed."""
        with self._changed:
            return self._pages.get(feed)

    def note(self, page: _Page, *, body: bool) -> None:
        """Count an answer that has been sent."""
        with self._changed:
            page.read = True
            self.polls += 1
            self.bodies += body
            self._changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a reader's idle connection must not hold up the end

    def __init__(self, stand: Newsstand) -> None:
        self.stand = stand
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a reader that was killed in mid-answer is part of the show."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together, or the body waits for the head's late acknowledgement
    server: _Server

    def do_GET(self) -> None:
        feed = self.path.removeprefix("/").removesuffix(".xml")
        page = self.server.stand.page(feed)
        if page is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        known = self.headers.get("If-None-Match", "") == page.etag
        self.send_response(HTTPStatus.NOT_MODIFIED if known else HTTPStatus.OK)
        self.send_header("ETag", page.etag)
        if not known:
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        if not known:
            self.wfile.write(page.body)
        self.wfile.flush()
        self.server.stand.note(page, body=not known)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the show tells what was published."""
