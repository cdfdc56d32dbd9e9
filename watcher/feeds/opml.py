"""Lists of subscriptions as feed readers exchange them (opml.org): read leniently, written plainly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from xml.etree import ElementTree

from lxml import etree

from watcher.feeds.documents import FeedBroken
from watcher.feeds.entries import MAX_NAME_CHARS, read_language
from watcher.feeds.identity import resolve_link
from watcher.feeds.plaintext import tidy


@dataclass(frozen=True, slots=True)
class Outline:
    """One subscription."""

    url: str
    title: str = ""
    page: str = ""
    language: str = ""


def read_opml(body: bytes) -> tuple[Outline, ...]:
    """Return every subscription of a file, from all folders, each address once; FeedBroken when it is no OPML."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True, huge_tree=False)
    try:
        root = etree.fromstring(body.strip(b"\0\t\n\r "), parser)
    except (etree.LxmlError, ValueError):
        root = None
    if root is None or not isinstance(root.tag, str) or root.tag.lower() != "opml":
        raise FeedBroken("this is no OPML file")
    found: dict[str, Outline] = {}
    for element in root.iter():
        if not isinstance(element.tag, str) or element.tag.lower() != "outline":
            continue
        told = {str(name).lower(): str(value) for name, value in element.attrib.items()}
        url = resolve_link(told.get("xmlurl", "").replace("feed://", "https://", 1), "")
        if url:
            title = tidy(told.get("title") or told.get("text") or "", max_chars=MAX_NAME_CHARS, one_line=True)
            page = resolve_link(told.get("htmlurl", ""), "")
            found.setdefault(url, Outline(url, title, page, read_language(told.get("language", ""))))
    return tuple(found.values())


def write_opml(outlines: Iterable[Outline], *, title: str, now: datetime) -> str:
    """Return an OPML 2.0 document."""
    root = ElementTree.Element("opml", version="2.0")
    head = ElementTree.SubElement(root, "head")
    ElementTree.SubElement(head, "title").text = title
    ElementTree.SubElement(head, "dateCreated").text = format_datetime(now)
    body = ElementTree.SubElement(root, "body")
    for one in outlines:
        told = {"type": "rss", "text": one.title, "title": one.title, "xmlUrl": one.url}
        told |= {"language": one.language} if one.language else {}
        ElementTree.SubElement(body, "outline", told)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'
