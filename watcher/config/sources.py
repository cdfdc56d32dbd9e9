"""The kinds of feeds beside RSS and Atom as an operator writes them: selectors of pages, searches of an API.

What belongs to which kind is checked here; reading pages is no matter of this floor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from cssselect import HTMLTranslator, SelectorError, parse
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, WithJsonSchema

from watcher.config.fields import Ids, Loose, Section, Texts, address_fault, choice, wrong
from watcher.config.yaml import Path_
from watcher.domain.feeds import Feed, FeedKind, Selectors
from watcher.errors import UsageError

KINDS = tuple(kind.value for kind in FeedKind)
FEDERAL_REGISTER_URL = "https://www.federalregister.gov/api/v1/documents.json"
TYPES = {"rule": "RULE", "proposed-rule": "PRORULE", "notice": "NOTICE", "presidential-document": "PRESDOCU"}

_kind = choice(FeedKind, KINDS)
_type = choice(str, tuple(TYPES))
KindName = Annotated[FeedKind, _kind[0], _kind[1]]
TypeName = Annotated[str, _type[0], _type[1]]

_PER_PAGE = 100
_FIELDS = (
    "document_number", "title", "abstract", "action", "dates", "type", "agencies", "html_url", "publication_date",
    "effective_on", "comments_close_on",
)  # fmt: skip


def _selector(value: Any) -> str:
    allowed = 'as in "ul.news > li", "h3 a", "time"'
    if not isinstance(value, str) or not value.strip():
        raise wrong("not a CSS selector", allowed)
    try:
        selectors = parse(value)
        for each in selectors:
            HTMLTranslator().selector_to_xpath(each)
    except (SelectorError, RecursionError):
        raise wrong("not a CSS selector", allowed) from None
    if any(each.pseudo_element for each in selectors):
        raise wrong("a CSS selector of elements, not of a part of one", allowed)
    return " ".join(value.split())


def _form(value: str) -> str:
    """A form must say year, month and day, and read what it writes."""
    allowed = 'year, month and day as in "%d/%m/%Y" or "%B %d, %Y"'
    sample = datetime(2025, 11, 23, tzinfo=UTC)
    try:
        same = datetime.strptime(sample.strftime(value), value).date() == sample.date()  # noqa: DTZ007 - a date
    except ValueError:
        same = False
    if not same:
        raise wrong("not a form of a date", allowed)
    return value


_CSS = {"type": "string", "minLength": 1}
Selector = Annotated[str, BeforeValidator(_selector), WithJsonSchema(_CSS)]


def _forms(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_form(each) for each in value)


Forms = Annotated[Texts, AfterValidator(_forms)]
Types = Annotated[
    tuple[TypeName, ...],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    WithJsonSchema({"anyOf": [{"enum": list(TYPES)}, {"type": "array", "items": {"enum": list(TYPES)}}]}),
]


class SelectSection(Section):
    """Where a page says what, as CSS selectors. Those of an entry's parts are looked for within the entry."""

    entry: Selector | None = Field(default=None, description="list: the elements that are its entries.")
    link: Selector | None = Field(default=None, description="list: the link; the entry itself or its first one.")
    title: Selector | None = Field(default=None, description="list: the title; the link when left out.")
    date: Selector | None = Field(default=None, description="list: the date; the first <time> when left out.")
    date_format: Forms = Field(default=(), description="list: how dates are written, where that is not usual.")
    summary: Selector | None = Field(default=None, description="list: the text under the title; none when left out.")
    text: Selector | None = Field(default=None, description="page: the part that is compared; its main text.")


class SearchSection(Section):
    """What to look for in the Federal Register: every condition holds, one word of each is enough."""

    term: Loose = Field(default="", description="Words that must stand in it.")
    agencies: Ids = Field(default=(), description="Agencies, as their pages there are called.")
    types: Types = Field(default=(), description="Types of document.")


_OF_KIND = {
    FeedKind.LIST: {"entry", "link", "title", "date", "date_format", "summary"},
    FeedKind.PAGE: {"text"},
}


def check_kind(
    kind: FeedKind, select: SelectSection | None, search: SearchSection | None
) -> Iterator[tuple[Path_, str, str]]:
    """Yield (path within the feed, message, what is allowed) for whatever does not fit the kind of a feed."""
    allowed = _OF_KIND.get(kind, set())
    if select is not None:
        given = [key for key in SelectSection.model_fields if key in select.model_fields_set]
        if not allowed:
            yield ("select",), f'a feed of kind "{kind}" has no `select`', "kind: list, kind: page"
        for key in given if allowed else []:
            if key not in allowed:
                yield ("select", key), f'`{key}` is nothing a feed of kind "{kind}" has', ", ".join(sorted(allowed))
    if kind is FeedKind.LIST and (select is None or not select.entry):
        where: Path_ = () if select is None else ("select",)
        yield where, "a list needs to know which elements are its entries", 'select: {entry: "ul.news > li"}'
    if select is not None and select.date_format and not select.date and kind is FeedKind.LIST:
        yield ("select", "date_format"), "a form of dates needs `date`, the element they stand in", ""
    if search is not None and kind is not FeedKind.FEDERAL_REGISTER:
        yield ("search",), f'a feed of kind "{kind}" has no `search`', f"kind: {FeedKind.FEDERAL_REGISTER}"
    if kind is FeedKind.FEDERAL_REGISTER and (search is None or not (search.term or search.agencies or search.types)):
        where = () if search is None else ("search",)
        yield where, "a search needs something to look for", "search: {term: WORDS, agencies: [NAME], types: [rule]}"


def selectors(select: SelectSection | None) -> Selectors:
    """Return the selectors a feed is read by."""
    if select is None:
        return Selectors()
    return Selectors(
        entry=select.entry or "",
        link=select.link or "",
        title=select.title or "",
        date=select.date or "",
        summary=select.summary or "",
        text=select.text or "",
        date_format=select.date_format,
    )


def search_address(url: str, search: SearchSection) -> str:
    """Return the address that asks the Federal Register's API for the newest documents of a search."""
    conditions = [("conditions[term]", search.term)] if search.term else []
    conditions += [("conditions[agencies][]", agency) for agency in search.agencies]
    conditions += [("conditions[type][]", TYPES[each]) for each in search.types]
    asked = [("per_page", str(_PER_PAGE)), ("order", "newest"), *(("fields[]", name) for name in _FIELDS)]
    base = url or FEDERAL_REGISTER_URL
    return f"{base}{'&' if '?' in base else '?'}{urlencode([*conditions, *asked])}"


def make_feed(name: str, url: str, kind: str, select: Mapping[str, Any], *, allow_private: bool) -> Feed:
    """Make one feed of values given by hand; UsageError says all that would be wrong with it in a watchlist."""
    faults: list[str] = []
    chosen = next((each for each in FeedKind if each.value == kind), None)
    if chosen is None:
        faults.append(f'there is no kind "{kind}" (allowed: {", ".join(KINDS)})')
    section = None
    try:
        section = SelectSection.model_validate(dict(select)) if select else None
    except ValidationError as error:
        faults += [f"{'.'.join(map(str, each['loc'][:1]))}: {each['msg']}" for each in error.errors(include_url=False)]
    if fault := address_fault(url, allow_private=allow_private):
        faults.append(f"{fault[0]} (allowed: {fault[1]})")
    if chosen and not faults and chosen is not FeedKind.FEDERAL_REGISTER:
        for _, message, allowed in check_kind(chosen, section, None):
            faults.append(f"{message} (allowed: {allowed})" if allowed else message)
    if faults or chosen is None:
        raise UsageError("; ".join(faults))
    return Feed(id=name, url=url, kind=chosen, selectors=selectors(section), allow_private=allow_private)
