"""When changes of the sources' health are told: what has one cause is one message.

    a change ──▸ waits GATHER for others of its kind ──▸ told, an APART after the last message of that kind
             └─▸ held while the common outage lasts that it belongs to, HELD_FOR at most

Pure: what waits is stored, so that a crash loses nothing and tells nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from watcher.domain.alerting import kind_of
from watcher.domain.alerts import AlertKind
from watcher.domain.feeds import FeedStatus, HealthChange, Untold
from watcher.domain.health import common_outage, joining
from watcher.domain.times import require_utc

GATHER = timedelta(minutes=10)
APART = timedelta(hours=1)
HELD_FOR = timedelta(days=1)


def to_tell(found: Sequence[HealthChange], feeds: Sequence[FeedStatus]) -> list[Untold]:
    """Return which of the changes just found are to be told; held are those of sources that join a common outage which
    was under way before. `feeds` are as they were before the changes."""
    joined = joining(feeds)
    return [
        Untold(change, held=change.to_state.down and change.feed in joined)
        for change in found
        if kind_of(change) is not None
    ]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is to be told now, a change for each source, and what of the waiting is done with by that."""

    changes: tuple[HealthChange, ...] = ()
    done: tuple[HealthChange, ...] = ()


def gather(
    untold: Iterable[Untold],
    feeds: Sequence[FeedStatus],
    last: Mapping[AlertKind, datetime],
    now: datetime,
    *,
    patient: bool = True,
) -> Gathered:
    """Choose what of the waiting is told now. `last` is when each kind was told last; with `patient` False nothing
    waits for others.

    Of several changes of one source that wait, only what they come to counts: one that broke and is back before either
    was told is told of neither. The same holds for a source that is no longer configured.
    """
    require_utc(now=now)
    waiting: dict[str, list[Untold]] = {}
    for one in sorted(untold, key=lambda one: (one.change.feed, one.change.n)):
        waiting.setdefault(one.change.feed, []).append(one)
    configured, outage = {feed.id for feed in feeds}, common_outage(feeds)
    groups: dict[AlertKind, list[HealthChange]] = {}
    done: list[HealthChange] = []
    for feed, some in waiting.items():
        net = replace(some[-1].change, from_state=some[0].change.from_state)
        kind = kind_of(net)
        if kind is None or feed not in configured:
            done += [one.change for one in some]
        elif not (some[-1].held and outage and now - net.at < HELD_FOR):
            groups.setdefault(kind, []).append(net)
    told: list[HealthChange] = []
    for kind, group in groups.items():
        oldest = min(waiting[net.feed][0].change.at for net in group)
        if not patient or (now - oldest >= GATHER and (kind not in last or now - last[kind] >= APART)):
            told += group
            done += [one.change for net in group for one in waiting[net.feed]]
    return Gathered(tuple(told), tuple(done))
