"""From the queue of one address to the messages that are sent to it now: what goes together, in what order, and what
waits because its route's budget is used up.

    EVENT  what one event moved: alerts of one judgement, or planned within a route's wait, that rest on the same entry
           or quote the same link
    HELD   what waited for the end of quiet hours or for the next hour
    LATE   what piled up while the address took nothing

Pure: the queue, the times of earlier messages and `now` are arguments. What was composed once is not composed again: a
message that was tried goes again with exactly what it carried. What counts in a route's budget is never put together
with what another route told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from watcher.domain.alerts import Alert, AnyAlert, Digest, Hold, Merge, Rate

MOST = 50  # deliveries in one message
HOUR = timedelta(hours=1)  # what a budget counts in

_SUMMED = (Hold.QUIET, Hold.BUDGET)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be sent: messages an hour to one address by a route's name, and how fast by an address's name."""

    budgets: Mapping[str, int] = field(default_factory=dict)
    rates: Mapping[str, Rate] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queued:
    """A delivery as it stands in its address's queue. One that is being sent is due when its lease has ended."""

    id: str
    alert: AnyAlert
    route: str
    created_at: datetime
    not_before: datetime
    due: bool
    hold: Hold | None = None  # why it waits, or waited
    message: str = ""  # id of the message that carries it already

    @property
    def held(self) -> bool:
        """Whether nothing but its hold keeps it: such a one holds back no other."""
        return self.hold is not None and not self.message

    @property
    def critical(self) -> bool:
        """Whether nothing may put it off but the address itself."""
        return self.alert.severity == "critical"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one message carries, in the order planned. `fresh` when it was composed just now."""

    id: str
    parts: tuple[Queued, ...]
    merge: Merge | None = None
    fresh: bool = True

    @property
    def route(self) -> str:
        """The route whose budget it counts in: that of its first delivery."""
        return self.parts[0].route

    @property
    def critical(self) -> bool:
        """Whether it carries anything critical."""
        return any(part.critical for part in self.parts)

    @property
    def waited(self) -> bool:
        """Whether it carries what has waited for its budget."""
        return any(part.hold is Hold.BUDGET for part in self.parts)


def compose(
    queue: Sequence[Queued],
    *,
    late_before: datetime | None = None,
    known: Mapping[str, Merge | None] | None = None,
    budgeted: Collection[str] = (),
) -> list[Parcel]:
    """Return the messages that may go now, in order; each delivery that is due and not kept back is in exactly one.

    `queue` is in the order planned, and whole as to every message that it names; `known` says why these were composed.
    What is neither due nor held (it was tried and failed, or is being sent) keeps back all that come after it. What
    was planned before `late_before` piled up behind an address that took nothing. `budgeted` are routes with a budget.
    """
    open_ = _before_the_first_that_waits(queue)
    fresh = [part for part in open_ if not part.message]
    due = [part for part in fresh if part.due]
    summed = [part for part in due if part.hold in _SUMMED]
    late = [part for part in due if late_before and part.created_at < late_before and part.hold not in _SUMMED]
    told = {part.id for part in (*summed, *late)}
    others = [part for part in fresh if part.id not in told and (part.due or part.hold is Hold.GROUP)]
    parcels = [
        *_again(queue, open_, known or {}),
        *_heaps(summed, open_, Merge.HELD, budgeted),
        *_heaps(late, open_, Merge.LATE, budgeted),
        *_events(others, open_, budgeted),
    ]
    places = {part.id: place for place, part in enumerate(queue)}
    parcels.sort(key=lambda parcel: min(places[part.id] for part in parcel.parts if part.due))
    return _critical_first(parcels)


def _again(queue: Sequence[Queued], open_: Sequence[Queued], known: Mapping[str, Merge | None]) -> list[Parcel]:
    carried: dict[str, list[Queued]] = {}
    for part in queue:
        if part.message:
            carried.setdefault(part.message, []).append(part)
    names = dict.fromkeys(part.message for part in open_ if part.message)
    return [Parcel(name, tuple(carried[name]), known.get(name), fresh=False) for name in names]


def _before_the_first_that_waits(queue: Sequence[Queued]) -> list[Queued]:
    end = next((place for place, part in enumerate(queue) if not part.due and not part.held), len(queue))
    return list(queue[:end])


def _parcel(parts: Sequence[Queued], merge: Merge) -> Parcel:
    return Parcel(parts[0].id, tuple(parts), merge if len(parts) > 1 else None)


def _purse(part: Queued, budgeted: Collection[str]) -> str:
    """Return the route whose budget it counts in; empty for none."""
    return part.route if part.route in budgeted else ""


def _heaps(parts: Sequence[Queued], open_: Sequence[Queued], merge: Merge, budgeted: Collection[str]) -> list[Parcel]:
    """Put together what comes one after the other and counts in the same budget; a digest is a message of its own.

    A heap ends before what comes after something else, due too, about the same subject: that is told in its order.
    """
    purses = {part.id: _purse(part, budgeted) for part in parts}
    heaps: list[list[Queued]] = []
    last: dict[str, list[Queued]] = {}
    passed: dict[str, set[str]] = {}
    for part in open_:
        purse = purses.get(part.id)
        for other in last.keys() - {purse} if part.due else ():
            passed[other].add(part.alert.subject)
        if purse is None:
            continue
        heap = last.get(purse, [])
        if not heap or len(heap) == MOST or _alone(part) or _alone(heap[-1]) or part.alert.subject in passed[purse]:
            heap = last[purse] = []
            heaps.append(heap)
            passed[purse] = set()
        heap.append(part)
    return [_parcel(heap, merge) for heap in heaps]


def _alone(part: Queued) -> bool:
    return isinstance(part.alert, Digest)


def _events(parts: Sequence[Queued], open_: Sequence[Queued], budgeted: Collection[str]) -> list[Parcel]:
    """Put together what one event moved, beginning with each that is due; those that are not due wait for one that is.

    None goes ahead of another, due too, about the same subject: an item's changes are told in their order.
    """
    parcels: list[Parcel] = []
    left = {part.id: _marks(part, budgeted) for part in parts}
    common = Counter(mark for marks in left.values() for mark in marks)
    for place, first in enumerate(open_):
        if not first.due or first.id not in left:
            continue
        group = {first.id}
        if any(common[mark] > 1 for mark in left[first.id]):
            waiting = [part for part in open_[:place] if not part.due]
            group = _event(first, (*waiting, *open_[place + 1 :]), left)
        for id_ in group:
            del left[id_]
        parts_of = [part for part in open_ if part.id in group] if len(group) > 1 else [first]
        parcels.append(_parcel(parts_of, Merge.EVENT))
    return parcels


def _event(first: Queued, others: Iterable[Queued], left: Mapping[str, frozenset[tuple[str, str]]]) -> set[str]:
    """Return the ids of what goes with `first`, its own included; `left` has the marks of what may."""
    group, marks, passed = {first.id}, left[first.id], set[str]()
    for other in others:
        if len(group) == MOST:
            break
        theirs = left.get(other.id)
        if theirs and _together(first, other) and not marks.isdisjoint(theirs) and other.alert.subject not in passed:
            group.add(other.id)
            marks |= theirs
        elif other.due:
            passed.add(other.alert.subject)
    return group


def _marks(part: Queued, budgeted: Collection[str]) -> frozenset[tuple[str, str]]:
    """What tells an event: the entries an alert rests on and the links it quotes, within one budget."""
    alert, purse = part.alert, _purse(part, budgeted)
    if not isinstance(alert, Alert):
        return frozenset()
    return frozenset((purse, mark) for mark in (*alert.entries, *(quote.link for quote in alert.quotes if quote.link)))


def _together(one: Queued, other: Queued) -> bool:
    """Whether both were planned by one judgement, or within the wait of one that waits for others of its event."""
    if one.created_at == other.created_at:
        return True
    waits = [part.not_before - part.created_at for part in (one, other) if part.hold is Hold.GROUP]
    return bool(waits) and abs(one.created_at - other.created_at) <= max(waits)


def _critical_first(parcels: list[Parcel]) -> list[Parcel]:
    """Let what is critical pass what was held; all else stays in order."""
    last = max((place for place, parcel in enumerate(parcels) if parcel.critical), default=0)
    held = [parcel for parcel in parcels[:last] if _was_held(parcel)]
    passing = [parcel for parcel in parcels[: last + 1] if not _was_held(parcel)]
    return [*passing, *held, *parcels[last + 1 :]] if held else parcels


def without_last(parcels: Sequence[Parcel], last: str) -> list[Parcel]:
    """Leave out the message with the last delivery that was read of a longer queue, for more may belong to it; and what
    comes after it, unless it was held and keeps nothing back. One message is left at least."""
    place = next((n for n, parcel in enumerate(parcels) if any(part.id == last for part in parcel.parts)), None)
    if place is None or not parcels[place].fresh:
        return list(parcels)
    rest = parcels[place + 1 :] if _was_held(parcels[place]) else ()
    return [*parcels[:place], *rest] or list(parcels[:1])


def _was_held(parcel: Parcel) -> bool:
    return parcel.fresh and not parcel.critical and all(part.hold in _SUMMED for part in parcel.parts)


# --- budgets --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spent:
    """What went to an address within the last hour, by route: when messages were sent, and when the last that carried
    what had waited for the budget."""

    sent: Mapping[str, Sequence[datetime]] = field(default_factory=dict)
    summed: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which messages may go, and until when the deliveries of others wait, by their ids; the rest stays as it is."""

    parcels: tuple[Parcel, ...]
    put_off: Mapping[str, datetime]


def within(
    parcels: Iterable[Parcel], budgets: Mapping[str, int], spent: Spent, now: datetime, most: int | None = None
) -> Allowed:
    """Keep to the budgets of routes, and to `most` messages.

    What is critical always goes and counts, and so does what was tried before. What is over because of messages that
    were sent waits until an hour after the one that makes room for it. What has waited goes then, whatever critical
    ones have used since; but one such message an hour. What is over only because of what goes now stays as it is, with
    all that comes after it, until that is known to be sent.
    """
    allowed: list[Parcel] = []
    put_off: dict[str, datetime] = {}
    sent = {route: sorted(times) for route, times in spent.sent.items()}
    going: dict[str, list[datetime]] = defaultdict(list)
    summed = dict(spent.summed)
    for parcel in parcels:
        if len(allowed) == most:
            break
        route, budget = parcel.route, budgets.get(parcel.route)
        if budget is not None and parcel.fresh and not parcel.critical:
            times = sent.get(route, [])
            if until := _until(parcel, budget, times, spent.summed.get(route)):
                put_off.update((part.id, until) for part in parcel.parts)
                continue
            if _until(parcel, budget, [*times, *going[route]], summed.get(route)):
                break
        allowed.append(parcel)
        going[route].append(now)
        summed |= {route: now} if parcel.waited else {}
    return Allowed(tuple(allowed), put_off)


def _until(parcel: Parcel, budget: int, times: Sequence[datetime], summed: datetime | None) -> datetime | None:
    """Return until when a budget keeps a message back; None when it does not."""
    if len(times) < budget:
        return None
    room = times[-budget] + HOUR
    if not parcel.waited:
        return room
    return min(room, summed + HOUR) if summed else None
