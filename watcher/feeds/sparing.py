"""What feedparser is spared: work that comes to nothing in what we keep of a feed, or that has the same result in a
fraction of the time. None of it changes an entry; bench/corpus.py compares with feedparser as it comes.

Everything is put in place when this module is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import feedparser
import feedparser.api
import feedparser.datetimes
import feedparser.mixin
import feedparser.urls

from watcher.feeds import saxreader
from watcher.feeds.dates import needs_no_other

_Fields = feedparser.FeedParserDict
# names under which FeedParserDict looks for other ones
_MAPPED = frozenset(_Fields.keymap) | {"category", "enclosures", "license", "updated", "updated_parsed"}
_NO_DATE = (0,) * 9
_get, _join = _Fields.get, feedparser.urls._urljoin


def _known_date(text: str) -> tuple[int, ...] | None:
    """Answer for a date that dates.py reads by itself, so that feedparser does not read it, too."""
    return _NO_DATE if needs_no_other(text) else None


def _copy(fields: Any, _memo: object) -> Any:
    """Copy a title's or summary's details, which are strings only: to find that out each time is a twentieth of it."""
    return _Fields(fields)


def _lean_get(fields: Any, key: str, default: object = None) -> Any:
    """Look up by way of the mapped names only where there are any: dozens of times an entry there are none."""
    return _get(fields, key, default) if key in _MAPPED else dict.get(fields, key, default)


def _lean_join(base: str, uri: str) -> str:
    """Join by pattern and parser only where there is a base, or slashes to mend: at every element there is neither."""
    return _join(base, uri) if base or "///" in uri else uri


_SPARED = (  # where, what, ours
    (_Fields, "__deepcopy__", _copy),
    (_Fields, "get", _lean_get),
    (feedparser.mixin, "_urljoin", _lean_join),
    # asked for a reader, in vain for the only one named here, before Python's own is taken
    (feedparser.api, "PREFERRED_XML_PARSERS", [saxreader.NAME]),
    # the first to be asked, and any answer is the last
    (feedparser.datetimes, "_date_handlers", [_known_date, *feedparser.datetimes._date_handlers]),
)


def _put() -> list[tuple[Any, str, Any]]:
    was = []
    for place, name, ours in _SPARED:
        was.append((place, name, vars(place).get(name)))
        setattr(place, name, ours)
    return was


@contextmanager
def nothing_spared() -> Iterator[None]:
    """feedparser as it comes, for the time being."""
    for place, name, theirs in _THEIRS:
        if theirs is None:
            delattr(place, name)
        else:
            setattr(place, name, theirs)
    try:
        yield
    finally:
        _put()


_THEIRS = _put()
