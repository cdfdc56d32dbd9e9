"""A page that lists documents, read by CSS selectors: what officials publish who publish no feed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time

from watcher.domain.feeds import Selectors
from watcher.feeds.dates import parse_date
from watcher.feeds.documents import FeedBroken
from watcher.feeds.entries import (
    MAX_NAME_CHARS,
    MAX_SUMMARY_CHARS,
    MAX_TITLE_CHARS,
    Parsed,
    RawEntry,
    assemble,
)
from watcher.feeds.identity import resolve_link
from watcher.feeds.markup import Element, base_of, drop_unread, language_of, read_page, selector, text_of, title_of
from watcher.feeds.plaintext import tidy

_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})\s?[-/.年]\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})(?!\d)")
_LONGEST_DATE = 200
END_OF_DAY = time(23, 59, 59, tzinfo=UTC)


def parse_list(body: bytes, select: Selectors, *, url: str, content_type: str, max_entries: int) -> Parsed:
    """Read a list page: each element of `select.entry` is an entry, known by its link.

    Left out, the link is that of the element or of the first in it, the title is the text of that link, and the date
    that of the first <time>. Raises FeedBroken when no element is an entry: the page has another layout, or is another
    page.
    """
    root = read_page(body, content_type)
    base, language, page = base_of(root, url), language_of(root), title_of(root, max_chars=MAX_NAME_CHARS)
    drop_unread(root)
    elements = selector(select.entry)(root)
    if not elements:
        raise FeedBroken(f"no element of the page is an entry (select.entry: {select.entry})")
    here = {url.partition("#")[0], ""}
    raws = []
    for each in elements[:max_entries]:
        raw = _read_entry(each, select, base, language)
        # a link that leads nowhere, or no further than the page itself, names no document
        if raw and resolve_link(raw.link, resolve_link(base, url) or url).partition("#")[0] not in here:
            raws.append(raw)
    entries, notes = assemble(raws, url=url, max_entries=max_entries)
    if not entries:
        raise FeedBroken(f"none of the {len(elements)} entries has a link and a title")
    if lost := len(elements[:max_entries]) - len(raws):
        notes.append(f"{lost} without a link left out")
    if len(elements) > max_entries:
        notes.append(f"{len(elements) - max_entries} beyond the first {max_entries} left out")
    if select.date and not any(entry.published for entry in entries):
        notes.append("no date could be read (select.date, select.date_format)")
    return Parsed(entries, title=page, degraded="; ".join(notes))


def _read_entry(element: Element, select: Selectors, base: str, language: str) -> RawEntry | None:
    link = _first(element, select.link) if select.link else element
    if link is not None and not link.get("href"):
        link = _first(link, "a[href]")
    if link is None or str(link.get("href")).strip()[:1] in ("", "#"):
        return None
    titled = _first(element, select.title) if select.title else link
    title = text_of(titled, max_chars=MAX_TITLE_CHARS, one_line=True) if titled is not None else ""
    told = _first(element, select.summary) if select.summary else None
    return RawEntry(
        title=title or tidy(str(link.get("title") or ""), max_chars=MAX_TITLE_CHARS, one_line=True),
        summary=text_of(told, max_chars=MAX_SUMMARY_CHARS).replace("\n", "\n\n") if told is not None else "",
        link=str(link.get("href")),
        base=base,
        published=_read_date(_first(element, select.date or "time"), select.date_format),
        language=language,
    )


def _first(element: Element, css: str) -> Element | None:
    return next(iter(selector(css)(element)), None)


def _read_date(element: Element | None, formats: tuple[str, ...]) -> datetime | None:
    """Read a date: what a machine is told, then by the given formats, then in the usual ways.

    A day without an hour is its end: what is listed today counts from when it is seen, never from before.
    """
    if element is None:
        return None
    text = text_of(element, max_chars=_LONGEST_DATE, one_line=True)
    for written in (str(element.get("datetime") or "").strip(), text):
        if when := _by_format(written, formats) or _by_custom(written):
            return when
    return None


def _by_format(text: str, formats: tuple[str, ...]) -> datetime | None:
    for form in formats:
        try:
            when = datetime.strptime(text, form)  # noqa: DTZ007 - zoned below
        except ValueError:
            continue
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        return when if _names_hour(form) else datetime.combine(when.date(), END_OF_DAY)
    return None


def _names_hour(form: str) -> bool:
    return any(code in form for code in ("%H", "%I", "%X", "%c", "%T"))


def _by_custom(text: str) -> datetime | None:
    when = parse_date(text)
    if when is None and (found := _YEAR_FIRST.search(text)):
        year, month, day = found.groups()
        hour = re.match(r"[日T\s]*(\d{1,2}:\d\d(?::\d\d)?)", text[found.end() :])
        when = parse_date(f"{year}-{month:0>2}-{day:0>2}" + (f"T{hour[1]:0>5}" if hour else ""))
    if when is None or re.search(r"\d:\d\d", text):
        return when
    return datetime.combine(when.date(), END_OF_DAY)
