"""Web pages as trees: decoded, freed of what nobody reads, asked by CSS selectors, and turned into plain text.

lxml and its elements stay in this package. Nothing is fetched, run or expanded.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from lxml import etree, html
from lxml.cssselect import CSSSelector

from watcher.feeds.charsets import decode_body
from watcher.feeds.documents import FeedBroken
from watcher.feeds.plaintext import tidy

Element = Any  # lxml brings no types

_UNREAD = ("script", "style", "template", "noscript", "svg", "iframe", "object", "head", "select", "button")
_HIDDEN = etree.XPath("//*[@hidden or @aria-hidden='true' or contains(translate(@style, ' ', ''), 'display:none')]")
_BLOCKS = frozenset(
    "address article aside blockquote br caption dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
_FURNITURE = ("nav", "header", "footer", "aside", "form")
_TITLES = ("//meta[@property='og:title']/@content", "//title/text()", "//h1")  # the best first


@lru_cache(maxsize=1000)
def selector(css: str) -> CSSSelector:
    """Compile a selector that the configuration has checked."""
    return CSSSelector(css, translator="html")


def read_page(body: bytes, content_type: str) -> Element:
    """Return the root element of a page; FeedBroken when there is none."""
    text, _ = decode_body(body, content_type)
    if not text.strip("\ufeff\0 \t\r\n"):
        raise FeedBroken("the body is empty")
    # encoded anew: lxml refuses a string that has an encoding declaration, whatever it says
    parser = html.HTMLParser(encoding="utf-8", no_network=True)
    try:
        root = html.document_fromstring(text.replace("\0", "").encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        raise FeedBroken("not a web page: no element in it") from None
    if b"<" not in body[:2_000_000]:
        raise FeedBroken("plain text instead of a web page")
    return root


def base_of(root: Element, url: str) -> str:
    """Return what the links of a page are relative to, itself perhaps relative to the page."""
    return next((str(href) for href in root.xpath("//base/@href") if str(href).strip()), url)


def language_of(root: Element) -> str:
    """Return the language tag of a page, "" when it has none."""
    return str(root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or "")


def title_of(root: Element, *, max_chars: int) -> str:
    """Return the title of a page: what it gives others to quote, its own title, its first heading."""
    for found in (each for path in _TITLES for each in root.xpath(path)):
        text = str(found) if isinstance(found, str) else text_of(found, max_chars=max_chars, one_line=True)
        if title := tidy(text, max_chars=max_chars, one_line=True):
            return title
    return ""


def drop_unread(root: Element, *, furniture: bool = False) -> None:
    """Take out of the tree what a reader of the page does not see; with `furniture`, menus and the like as well."""
    for element in [*root.iter(*_UNREAD, etree.Comment, etree.ProcessingInstruction), *_HIDDEN(root)]:
        _drop(element)
    if furniture:
        for element in list(root.iter(*_FURNITURE)):
            _drop(element)


def _drop(element: Element) -> None:
    parent = element.getparent()
    if parent is None:
        return
    tail = element.tail or ""
    before = element.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    parent.remove(element)


def text_of(element: Element, *, max_chars: int, one_line: bool = False) -> str:
    """Return the text of an element in plain text, its blocks parted by newlines unless `one_line`."""
    pieces: list[str] = []
    for event, each in etree.iterwalk(element, events=("start", "end", "comment", "pi")):
        named = isinstance(each.tag, str)
        if event == "start":
            pieces += ["\n" if each.tag in _BLOCKS else "", each.text or ""]
        elif event != "end" or each is not element:
            # the tail of a comment is text of the page as well
            pieces += ["\n" if named and each.tag in _BLOCKS else "", each.tail or ""]
    # line breaks of the source are white space; those put in here part blocks
    lines = "".join(" ".join(piece.split("\n")) if piece != "\n" else piece for piece in pieces)
    return tidy(lines, max_chars=max_chars, one_line=one_line)


def texts_of(elements: Iterable[Element], *, max_chars: int) -> str:
    """Return the text of several elements, one below the other."""
    return tidy("\n".join(text_of(each, max_chars=max_chars) for each in elements), max_chars=max_chars)
