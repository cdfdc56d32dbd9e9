"""What a digest says: changes first, then what is not enough, days to come, and what was not seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar
from zoneinfo import ZoneInfo

from watcher.delivery.lines import GAP, Line, Room, small_print, state_of
from watcher.delivery.plain import fold, safe_link, unlinked
from watcher.delivery.times import tell_date, tell_moment
from watcher.domain.alerts import Digest, Moved, Moving, Point, Upcoming

T = TypeVar("T")


def digest_headline(digest: Digest) -> str:
    """Return the line that says how much changed, in which route; not cut."""
    return f"{len(digest.moved)} changed, {len(digest.moving)} moving: {fold(digest.route, 60)}"


def digest_lines(digest: Digest, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    """Yield what a digest says between its headline and its links; every part that is empty is left out."""
    yield Line("fact", f"{tell_moment(digest.since, zone)} to {tell_moment(digest.at, zone)}", "From")
    budget = _Budget(room.alerts)
    yield from _part("Changed", (_moved(one, room, zone) for one in budget.take(digest.moved)))
    yield from _part("Moving, not enough evidence", (_moving(one, room) for one in budget.take(digest.moving)))
    yield from _part("Days to come", (_upcoming(one, room) for one in budget.take(digest.upcoming)))
    yield from _part("Silent", (_point(one, room, zone) for one in budget.take(digest.silent)))
    yield from _part("Sources that are not read", (_point(one, room, zone) for one in budget.take(digest.sources)))
    yield GAP
    if budget.left_out:
        yield Line("text", f"and {budget.left_out} more, for which there is no room here.")
    yield Line("text", f"{digest.unchanged} unchanged.")


class _Budget:
    """How many entries of a digest there is still room for."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.left_out = 0

    def take(self, things: tuple[T, ...]) -> tuple[T, ...]:
        """Return as many of `things` as there is room for."""
        taken = things[: self._most]
        self._most -= len(taken)
        self.left_out += len(things) - len(taken)
        return taken


def _part(name: str, entries: Iterator[Iterator[Line]]) -> Iterator[Line]:
    for number, lines in enumerate(entries):
        if not number:
            yield GAP
            yield Line("text", f"{name}:")
        yield from lines


def _moved(moved: Moved, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    was_value = None if moved.from_value == moved.to_value else moved.from_value
    change = f"{state_of(moved.from_label, was_value)} → {state_of(moved.to_label, moved.to_value)}"
    back = "a reversal, " if moved.reversal else ""
    yield Line("fact", f"{change}, {back}{tell_moment(moved.at, zone)}", _title(moved.title, moved.item, room))
    yield from _grounds(moved.detail, moved.link, room)


def _moving(moving: Moving, room: Room) -> Iterator[Line]:
    count = "1 source" if moving.sources == 1 else f"{moving.sources} sources"
    told = f"{fold(moving.to_label, 40)}, {moving.status.value}, {count}{', disputed' if moving.disputed else ''}"
    yield Line("fact", f"{fold(moving.label, 40)}; told: {told}", _title(moving.title, moving.item, room))
    yield from _grounds(moving.detail, moving.link, room)


def _grounds(detail: str, url: str, room: Room) -> Iterator[Line]:
    if not room.brief and (why := unlinked(detail, min(room.text, 300))):
        yield Line("by", why)
    if not room.brief and (link := safe_link(url)):
        yield Line("link", link.url, link=link)


def _upcoming(upcoming: Upcoming, room: Room) -> Iterator[Line]:
    title = _title(upcoming.title, upcoming.item, room)
    yield Line("fact", f"{fold(upcoming.label, 40)}, {tell_date(upcoming.day)}", title)


def _point(point: Point, room: Room, zone: ZoneInfo) -> Iterator[Line]:
    since = f", since {tell_moment(point.since, zone)}" if point.since else ""
    yield Line("fact", f"{unlinked(point.text, min(room.text, 200))}{since}", unlinked(point.name, 80))


def _title(title: str, item: str, room: Room) -> str:
    return fold(title, min(room.text, 120)) or fold(item, 60)


def digest_small(digest: Digest) -> Line:
    """The small print of a digest: its kind and reason code, and of which route it is."""
    return small_print(digest.kind, digest.reason, ("route", digest.route))
