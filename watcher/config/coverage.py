"""From a feed's section to the feed, and which feeds an item is watched through."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from watcher.config.cadence import FEED_INTERVAL, Intervals
from watcher.config.checking import Checked
from watcher.config.sources import search_address, selectors
from watcher.config.watchlists import FeedSection, WatchlistFile
from watcher.domain.model import Feed, Item


def feed_of(section: FeedSection, intervals: Intervals) -> Feed:
    """Make the feed, with its own interval or that of the service."""
    own = section.every if isinstance(section.every, timedelta) else None
    fixed = own or (intervals.every if section.every is None else None)
    return Feed(
        section.id,
        search_address(section.url, section.search) if section.search else section.url,
        section.outlet,
        fixed or min(max(FEED_INTERVAL, intervals.fastest), intervals.slowest),
        section.language,
        section.allow_private,
        fastest=None if fixed else intervals.fastest,
        slowest=None if fixed else intervals.slowest,
        quiet_after=section.quiet_after,
        kind=section.kind,
        selectors=selectors(section.select),
        full_text=section.full_text,
    )


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
    return {item.id: tuple(feed for feed in every if feed in own.get(item.watchlist, ())) or every for item in items}
