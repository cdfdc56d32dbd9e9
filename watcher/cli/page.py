"""A web page as an entry: its title and description, taken from the tags that pages have for others to quote."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
_LOOK_AT = 512 * 1024  # bytes; heads are at the beginning


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says of itself; empty where it says nothing."""

    title: str
    description: str
    site: str
    published: str  # as written there
    language: str


def read_page(body: bytes, content_type: str) -> Page:
    """Read a page's head: og:title before <title>, og:description before the description. Never raises."""
    head = _Head()
    head.feed(_decoded(body[:_LOOK_AT], content_type))
    told = head.told
    return Page(
        title=_line(told.get("og:title") or told.get("twitter:title") or "".join(head.title)),
        description=_line(
            told.get("og:description") or told.get("description") or told.get("twitter:description") or ""
        ),
        site=_line(told.get("og:site_name") or ""),
        published=_line(told.get("article:published_time") or told.get("date") or ""),
        language=head.language.partition("-")[0].lower(),
    )


def _decoded(body: bytes, content_type: str) -> str:
    _, _, named = content_type.lower().partition("charset=")
    found = _CHARSET.search(body[:4096])
    for charset in (named.strip("\"' ;"), found.group(1).decode("ascii", "ignore") if found else "", "utf-8"):
        try:
            return body.decode(charset, "replace") if charset else body.decode("utf-8")
        except (LookupError, UnicodeDecodeError):
            continue
    return body.decode("latin-1")


def _line(text: str) -> str:
    return " ".join(text.split())


class _Head(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.told: dict[str, str] = {}
        self.title: list[str] = []
        self.language = ""
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "meta":
            name = (given.get("property") or given.get("name") or "").lower()
            if name and given.get("content"):
                self.told.setdefault(name, given["content"])
        elif tag == "html":
            self.language = given.get("lang", "")
        elif tag == "title":
            self._in_title = not self.title  # an <svg> further down may have one too

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
