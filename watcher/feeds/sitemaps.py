"""News sitemaps (Google's schema of 2009) and the indexes that point to them (sitemaps.org)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lxml import etree

from watcher.feeds.dates import parse_date
from watcher.feeds.documents import FeedBroken
from watcher.feeds.entries import Parsed, RawEntry, assemble
from watcher.feeds.identity import resolve_link

MAX_SITEMAPS = 5  # of an index, those that changed last
_LONGEST_INDEX = 50_000  # sitemaps.org's own limit


def list_sitemaps(body: bytes, url: str) -> tuple[str, ...]:
    """Return the addresses of an index that are worth asking, the latest first; none when the body is no index.

    At most MAX_SITEMAPS, those with the newest <lastmod>; without dates the last ones, for archives grow at the end.
    """
    root = _read_tree(body)
    if root is None or _name(root) != "sitemapindex":
        return ()
    found: list[tuple[datetime | None, int, str]] = []
    for number, element in enumerate(_children(root, "sitemap")[:_LONGEST_INDEX]):
        if address := resolve_link(_text(element, "loc"), url):
            found.append((parse_date(_text(element, "lastmod")), number, address))
    found.sort(key=lambda one: (one[0] is not None, one[0] or one[1], one[1]), reverse=True)
    return tuple(dict.fromkeys(address for _, _, address in found))[:MAX_SITEMAPS]


def parse_sitemaps(bodies: Sequence[bytes], *, url: str, max_entries: int) -> Parsed:
    """Read a sitemap, or an index (the first body) with the sitemaps that were fetched for it.

    Only what names a title is an entry: other sitemaps list addresses, not news. Raises FeedBroken when there is none.
    """
    raws: list[RawEntry] = []
    notes: list[str] = []
    places = 0
    for number, body in enumerate(bodies):
        root = _read_tree(body)
        name = _name(root) if root is not None else ""
        if name == "urlset":
            elements = _children(root, "url")
            places += len(elements)
            raws += [raw for each in elements if (raw := _read_news(each))]
        elif name != "sitemapindex" or number:
            _refuse(name, number, notes)
    if not raws:
        raise FeedBroken(f"a sitemap without news: none of its {places} addresses has a <news:title>")
    dated = {id(raw): parse_date(raw.dates[0][0]) if raw.dates else None for raw in raws}
    raws.sort(key=lambda raw: dated[id(raw)].timestamp() if dated[id(raw)] else 0.0, reverse=True)  # type: ignore[union-attr]
    entries, more = assemble(raws, url=url, max_entries=max_entries)
    return Parsed(entries, degraded="; ".join((*notes, *more)))


def _refuse(name: str, number: int, notes: list[str]) -> None:
    what = f"XML that is no sitemap: its root is <{name[:40]}>" if name else "no sitemap: not XML"
    if not number:
        raise FeedBroken(what)
    notes.append(f"a sitemap of the index left out ({what})")


def _read_news(element: Any) -> RawEntry | None:
    news = next(iter(_children(element, "news")), None)
    title = _text(news, "title") if news is not None else ""
    if not title:
        return None
    publication = next(iter(_children(news, "publication")), None)
    return RawEntry(
        title=title,
        link=_text(element, "loc"),
        dates=tuple((text, None) for text in (_text(news, "publication_date"), _text(element, "lastmod")) if text),
        source=_text(publication, "name") if publication is not None else "",
        language=_text(publication, "language") if publication is not None else "",
    )


def _read_tree(body: bytes) -> Any:
    """Parse XML without expanding an entity or loading anything; None when nothing of it is XML."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True, huge_tree=False)
    try:
        return etree.fromstring(body.strip(b"\0\t\n\r "), parser)
    except (etree.LxmlError, ValueError):
        return None


def _name(element: Any) -> str:
    return etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""


def _children(element: Any, name: str) -> list[Any]:
    return [child for child in element if _name(child) == name]


def _text(element: Any, name: str) -> str:
    child = next(iter(_children(element, name)), None)
    return "".join(child.itertext()).strip() if child is not None else ""
