"""Decide whether new evidence moves an item: a pure function of where it stands, its lifecycle and what is known.

Every outcome is a value with its reason, also when nothing happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from watcher.domain.evidence import independent, same_report
from watcher.domain.model import (
    Decision,
    Evidence,
    Item,
    Lifecycle,
    Reason,
    Standing,
    Status,
    Stay,
    Tier,
    Transition,
)

_SAME_NEWS = timedelta(hours=6)  # sources that differ in how far a thing has come tell of one step only so close


def decide(
    item: Item, lifecycle: Lifecycle, standing: Standing, known: Sequence[Evidence], fresh: Evidence
) -> Decision:
    """Return the transition that `fresh` completes, or the reason why the item stays.

    `known` is the item's earlier evidence, at least as far back as its window; the answer does not depend on
    its order.
    """
    fresh = _completed(lifecycle, standing, fresh)
    known = [_completed(lifecycle, standing, e) for e in known]
    if fresh.takes_back and (reopened := _reopen(item, lifecycle, standing, known, fresh)) is not None:
        return reopened
    if fresh.state is None or fresh.state not in lifecycle.states:
        return Stay(item.id, Reason.NO_STATE, f"{fresh.status}: no state is told")
    target = lifecycle.states[fresh.state]
    if (contested := _contested(item, lifecycle, standing, known, fresh)) is not None:
        return contested
    if fresh.status not in target.flips_on:
        return Stay(item.id, Reason.SOFT, f"{fresh.status} does not move it to {target.label}")
    moved = target.value and standing.value and fresh.value and fresh.value != standing.value
    if fresh.state == standing.state and not moved:
        return Stay(item.id, Reason.SAME, f"it is {target.label} already")
    if fresh.at < standing.since:
        return Stay(item.id, Reason.STALE, f"older than the present state (since {standing.since:%Y-%m-%d %H:%M} UTC)")
    if fresh.state != standing.state and fresh.state not in lifecycle.states[standing.state].to:
        return Stay(item.id, Reason.UNREACHABLE, f"no step leads from {standing.state} to {fresh.state}")
    return _weigh(item, lifecycle, standing, known, fresh)


def _completed(lifecycle: Lifecycle, standing: Standing, told: Evidence) -> Evidence:
    """Read a state that the item has with one value, told with another since, as the state both make together: what one
    chamber had passed and the other passes now, both have passed."""
    state = lifecycle.states.get(told.state or "")
    again = state.again if state and told.state == standing.state and told.at > standing.since else None
    if not again or not standing.value or not told.value or told.value == standing.value:
        return told
    return replace(told, state=again, value=None)


def _weigh(
    item: Item, lifecycle: Lifecycle, standing: Standing, known: Sequence[Evidence], fresh: Evidence
) -> Decision:
    rule = item.evidence
    window = _window(item, standing, known, fresh)
    agreeing = [fresh, *(e for e in window if _vouches(lifecycle, e, fresh))]
    stages = _stages(lifecycle, fresh.state)
    denying = [
        e for e in window
        if e.status is Status.DENIED and not e.takes_back and e.state in stages and e.owner != fresh.owner
    ]  # fmt: skip
    sources = independent(agreeing)
    best = sources[0]
    if denying and min(e.tier.rank for e in denying) <= best.tier.rank:
        return _disputed(item, sources, denying)
    reason = _enough(item, best, sources)
    if reason is None:
        for state in _earlier(lifecycle, standing, fresh, window):
            made = _weigh(item, lifecycle, standing, known, replace(fresh, state=state, value=None))
            if isinstance(made, Transition):
                return made
        wanted = f"{rule.sources} independent sources, or one of tier {rule.alone} or better"
        return Stay(item.id, Reason.WAITING, f"{len(sources)} independent source(s) so far; wanted: {wanted}")
    ordered = [fresh, *(e for e in sources if e.id != fresh.id)]
    return Transition(
        item=item.id,
        from_state=standing.state,
        to_state=fresh.state or "",
        at=fresh.at,
        status=fresh.status,
        reason=reason,
        evidence=tuple(e.id for e in ordered),
        entries=tuple(dict.fromkeys(e.entry for e in ordered)),
        from_value=standing.value,
        to_value=fresh.value,
        from_since=standing.since,
        sources=len(sources),
        detail=_words(reason, best, sources),
    )


def _stages(lifecycle: Lifecycle, state: str | None) -> tuple[str | None, ...]:
    """The state, and those that announce it: to deny one of them is to deny it."""
    return (state, *(s.id for s in lifecycle.states.values() if state in s.announces))


def _contested(
    item: Item, lifecycle: Lifecycle, standing: Standing, known: Sequence[Evidence], fresh: Evidence
) -> Stay | None:
    """Hold that the present state is disputed, where it was reached within the item's window, and another source
    denies it that is as good as the best that told it. None where nothing of this is so."""
    soon = timedelta(0) <= fresh.at - standing.since <= item.evidence.within
    if fresh.status is not Status.DENIED or fresh.takes_back or not standing.came_from or not soon:
        return None
    present = replace(fresh, state=standing.state, value=standing.value)
    if fresh.state not in _stages(lifecycle, standing.state) or not _same_value(fresh, present):
        return None
    begun = standing.since - item.evidence.within
    told = [
        e for e in known
        if e.item == item.id and begun <= e.at <= fresh.at and e.owner != fresh.owner
        and _vouches(lifecycle, e, present) and not any(_takes_back(item, t, e) for t in known)
    ]  # fmt: skip
    if not told or fresh.tier.rank > min(e.tier.rank for e in told):
        return None
    return _disputed(item, independent(told), [fresh])


def _disputed(item: Item, telling: Sequence[Evidence], denying: Sequence[Evidence]) -> Stay:
    best = independent(denying)
    detail = f"{denying[0].outlet} denies it inside the window"
    return Stay(item.id, Reason.DISPUTED, detail, tuple(e.id for e in telling), tuple(e.id for e in best))


def _window(item: Item, standing: Standing, known: Sequence[Evidence], fresh: Evidence) -> list[Evidence]:
    """What else was told of late, since the present state, and was not taken back."""
    begins = max(fresh.at - item.evidence.within, standing.since)
    return [
        e for e in known
        if e.item == item.id and e.id != fresh.id and begins <= e.at <= fresh.at
        and not any(_takes_back(item, t, e) for t in (*known, fresh))
    ]  # fmt: skip


def _takes_back(item: Item, told: Evidence, earlier: Evidence) -> bool:
    """Whether evidence takes earlier evidence back: an edit what its entry told, a correction the report it is of.

    An outlet corrects many stories about one subject; the one meant is known by its title, and is recent.
    """
    if not told.takes_back or told.id == earlier.id:
        return False
    if told.revision:
        return told.entry == earlier.entry
    soon = timedelta(0) < told.at - earlier.at <= item.evidence.within
    return soon and told.owner == earlier.owner and same_report(told.title, earlier.title)


def _reopen(
    item: Item, lifecycle: Lifecycle, standing: Standing, known: Sequence[Evidence], fresh: Evidence
) -> Decision | None:
    """Undo the last step if it rests on what `fresh` takes back, and what others say is not enough without it.

    A correction that tells a state of its own leads there, where that was a step from the state before and is told
    well enough. None where nothing the step rests on is taken back.
    """
    if not standing.came_from or fresh.status is Status.MENTION:
        return None
    if standing.actor:
        return None  # it rests on a person's word, not on a report
    if fresh.state == standing.state and fresh.status in lifecycle.states[standing.state].flips_on:
        return None  # something else was corrected
    begun = standing.since - item.evidence.within
    made = replace(fresh, state=standing.state, value=standing.value)
    told = [e for e in known if e.item == item.id and begun <= e.at <= fresh.at and _vouches(lifecycle, e, made)]
    if not any(_takes_back(item, fresh, e) for e in told):
        return None
    # what the owner based on the corrected report falls with it; an edit is of one entry only
    withdrawn = [e for e in told if (e.entry == fresh.entry if fresh.revision else e.owner == fresh.owner)]
    others = independent([e for e in told if e not in withdrawn])
    if others and _enough(item, others[0], others) is not None:
        detail = f"{fresh.outlet} takes its report back, and it still stands by {_listed(others)}"
        return Stay(item.id, Reason.SAME, detail)
    to, value = standing.came_from, standing.came_from_value
    told_state = lifecycle.states.get(fresh.state or "")
    reachable = told_state is not None and told_state.id in lifecycle.states[to].to
    if told_state and reachable and fresh.status in told_state.flips_on and _enough(item, fresh, [fresh]):
        to, value = told_state.id, fresh.value
    return Transition(
        item=item.id,
        from_state=standing.state,
        to_state=to,
        at=fresh.at,
        status=fresh.status,
        reason=Reason.RETRACTED,
        evidence=(fresh.id, *(e.id for e in withdrawn)),
        entries=tuple(dict.fromkeys((fresh.entry, *(e.entry for e in withdrawn)))),
        from_value=standing.value,
        to_value=value,
        from_since=standing.since,
        detail=f"{fresh.outlet} takes back the report that it rested on",
    )


def _vouches(lifecycle: Lifecycle, e: Evidence, fresh: Evidence) -> bool:
    """Whether earlier evidence tells the same state, or one that can only come after it."""
    if e.state is None or e.state not in lifecycle.states or e.status not in lifecycle.states[e.state].flips_on:
        return False
    if e.state == fresh.state:
        return _same_value(e, fresh)
    return e.state in lifecycle.after(fresh.state or "") and abs(fresh.at - e.at) <= _SAME_NEWS


def _earlier(lifecycle: Lifecycle, standing: Standing, fresh: Evidence, window: Sequence[Evidence]) -> list[str]:
    """The states before the one told that others have told: two sources that differ in how far a thing has come agree
    that it has come as far as the nearer state."""
    near = (e for e in window if fresh.at - e.at <= _SAME_NEWS)
    told = dict.fromkeys(e.state for e in near if e.state in lifecycle.states[standing.state].to)
    return [s for s in told if s and s != fresh.state and fresh.state in lifecycle.after(s)]


def _same_value(a: Evidence, b: Evidence) -> bool:
    return a.value is None or b.value is None or a.value == b.value


def _enough(item: Item, best: Evidence, sources: Sequence[Evidence]) -> Reason | None:
    """Which rule is met: an official's own word, one source good enough alone, or several independent ones."""
    if best.tier is Tier.OFFICIAL:
        return Reason.OFFICIAL
    if best.tier.rank <= item.evidence.alone.rank:
        return Reason.ALONE
    known = [e for e in sources if e.tier is not Tier.OTHER]
    if len(sources) >= item.evidence.sources and known:
        return Reason.CORROBORATED
    return None


def _words(reason: Reason, best: Evidence, sources: Sequence[Evidence]) -> str:
    """Say in words why the item moved: the only place that does, so that a message and the history say the same."""
    if reason is Reason.OFFICIAL:
        return f"an official source says so: {_listed([best])}"
    if reason is Reason.ALONE:
        return f"one source that is enough alone says so: {_listed([best])}"
    return f"{len(sources)} independent sources say so: {_listed(sources)}"


def _listed(sources: Sequence[Evidence]) -> str:
    """Name the outlets as a sentence does: "A", "A and B", "A, B and C"."""
    *others, last = [e.outlet or "an unnamed outlet" for e in sources]
    return f"{', '.join(others)} and {last}" if others else last


def after(standing: Standing, transition: Transition) -> Standing:
    """Return where the item stands once the transition is made."""
    return replace(
        standing,
        state=transition.to_state,
        value=transition.to_value,
        since=transition.at,
        version=standing.version + 1,
        disputed=False,
        source="",
        came_from=transition.from_state,
        came_from_value=transition.from_value,
        actor=transition.actor,
    )
