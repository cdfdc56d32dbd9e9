"""From a feed's section to the feed, and which feeds an item is watched through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from watcher.config.cadence import AUTO, FEED_INTERVAL, Intervals
from watcher.config.checking import Checked
from watcher.config.fields import format_duration
from watcher.config.sources import search_address, selectors
from watcher.config.watchlists import FeedSection, WatchlistFile
from watcher.config.yaml import Path_
from watcher.domain.feeds import Feed
from watcher.domain.model import Item


def feed_of(section: FeedSection, intervals: Intervals) -> Feed:
    """Make the feed, with its own interval or that of the service."""
    fixed = _fixed(section, intervals)
    fastest, slowest = section.fastest or intervals.fastest, section.slowest or intervals.slowest
    return Feed(
        section.id,
        search_address(section.url, section.search) if section.search else section.url,
        section.outlet,
        fixed or min(max(FEED_INTERVAL, fastest), slowest),
        section.language,
        section.allow_private,
        fastest=None if fixed else fastest,
        slowest=None if fixed else slowest,
        quiet_after=section.quiet_after,
        kind=section.kind,
        selectors=selectors(section.select),
        full_text=section.full_text,
    )


def _fixed(section: FeedSection, intervals: Intervals) -> timedelta | None:
    """The interval that is kept to; None where it is learned, which bounds of the feed's own ask for."""
    if isinstance(section.every, timedelta):
        return section.every
    learned = section.every or section.fastest or section.slowest
    return None if learned else intervals.every


def check_bounds(section: FeedSection, intervals: Intervals) -> Iterator[tuple[Path_, str, str]]:
    """Yield (path within the feed, message, what is allowed) for bounds of an interval that cannot be."""
    given = [key for key in ("fastest", "slowest") if getattr(section, key)]
    if isinstance(section.every, timedelta):
        for key in given:
            yield (key,), f"`{key}` bounds an interval that is learned, and `every` fixes it", f"every: {AUTO}"
        return
    fastest, slowest = section.fastest or intervals.fastest, section.slowest or intervals.slowest
    if given and fastest > slowest:
        message = "fastest must not be longer than slowest"
        if len(given) == 1:
            other = "slowest" if given == ["fastest"] else "fastest"
            length = format_duration(slowest if given == ["fastest"] else fastest)
            message += f"; polling.{other} is {length}, and `{other}` of the feed may be another"
        yield (given[-1],), message, ""


def chosen_sources(
    files: Sequence[Checked[WatchlistFile]], feeds: Sequence[Feed], items: Sequence[Item]
) -> dict[str, tuple[str, ...]]:
    """Name the feeds of every item: those of its own file, and those of files that have no items.

    Every entry is read for every item; but whether an item is well watched is a matter of the feeds that were chosen
    for it. An item whose file has none, beside no shared ones, is watched through all.
    """
    every = tuple(feed.id for feed in feeds)
    shared = {feed.id for checked in files if not checked.model.items for feed in checked.model.feeds}
    own = {c.document.path.stem: {feed.id for feed in c.model.feeds} | shared for c in files}
    chosen = {name: tuple(feed for feed in every if feed in some) or every for name, some in own.items()}
    return {item.id: chosen.get(item.watchlist, every) for item in items}
