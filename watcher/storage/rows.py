"""Rows to words and back, for the tables that more than one module reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from watcher.domain.model import Entry, Evidence, Seed, Span, Standing, Transition


def entry_of(row: Row[Any]) -> Entry:
    """Make the Entry of a row of `entry`."""
    return Entry(
        id=str(row.id),
        feed=row.feed,
        title=row.title,
        at=row.at,
        seen_at=row.seen_at,
        summary=row.summary,
        link=row.link,
        source=row.source,
        published=row.published,
        key=row.key,
        language=row.language,
        baseline=row.baseline,
        removed=row.removed,
        revision=row.revision,
    )


def standing_of(row: Row[Any]) -> Standing:
    """Make the Standing of a row of `item` beside its last transition, and its seed where that tells where it
    stands."""
    return Standing(
        item=row.id,
        state=row.state,
        since=row.since,
        value=row.value,
        version=row.version,
        disputed=row.disputed,
        source=row.source,
        came_from=row.from_state,
        came_from_value=row.from_value,
        actor=row.actor,
        watched_since=row.created_at,
        known_since=max(row.recorded_at, row.applied_at) if row.applied_at and row.seq == 0 else row.recorded_at,
    )


def evidence_of(row: Row[Any]) -> Evidence:
    """Make the Evidence of a row of `evidence`."""
    return Evidence(
        id=row.id,
        item=row.item,
        entry=str(row.entry),
        state=row.state,
        status=row.status,
        cue=row.cue,
        quote=row.quote,
        at=row.at,
        outlet=row.outlet,
        tier=row.tier,
        owner=row.owner,
        title=row.title,
        link=row.link,
        value=row.value,
        speaks_for=row.speaks_for,
        span=Span(row.span_field, row.span_start, row.span_end),
        baseline=row.baseline,
        takes_back=row.takes_back,
        revision=row.revision,
    )


def evidence_row(fact: Evidence, now: datetime) -> dict[str, Any]:
    """Make the row of `evidence` for an Evidence."""
    return {
        "id": fact.id,
        "item": fact.item,
        "entry": int(fact.entry),
        "state": fact.state,
        "status": fact.status,
        "cue": fact.cue,
        "quote": fact.quote,
        "at": fact.at,
        "outlet": fact.outlet,
        "tier": fact.tier,
        "owner": fact.owner,
        "title": fact.title,
        "link": fact.link,
        "value": fact.value,
        "speaks_for": fact.speaks_for,
        "span_field": fact.span.field,
        "span_start": fact.span.start,
        "span_end": fact.span.end,
        "baseline": fact.baseline,
        "takes_back": fact.takes_back,
        "revision": fact.revision,
        "recorded_at": now,
    }


def transition_of(row: Row[Any], facts: tuple[Evidence, ...]) -> Transition:
    """Make the Transition of a row of `transition` and its evidence."""
    return Transition(
        item=row.item,
        from_state=row.from_state,
        to_state=row.to_state,
        at=row.at,
        status=row.status,
        reason=row.reason,
        evidence=tuple(fact.id for fact in facts),
        entries=tuple(fact.entry for fact in facts),
        from_value=row.from_value,
        to_value=row.to_value,
        from_since=row.from_since,
        sources=row.sources,
        detail=row.detail,
        actor=row.actor,
    )


def transition_row(change: Transition, seq: int, now: datetime) -> dict[str, Any]:
    """Make the row of `transition` for a Transition; its evidence is stored apart."""
    return {
        "item": change.item,
        "seq": seq,
        "from_state": change.from_state,
        "to_state": change.to_state,
        "from_value": change.from_value,
        "to_value": change.to_value,
        "from_since": change.from_since,
        "at": change.at,
        "status": change.status,
        "reason": change.reason,
        "sources": change.sources,
        "detail": change.detail,
        "actor": change.actor,
        "recorded_at": now,
    }


def seed_of(row: Row[Any]) -> Seed:
    """Make the Seed of a row of `seed`."""
    return Seed(
        item=row.item,
        state=row.state,
        as_of=row.as_of,
        publisher=row.publisher,
        title=row.title,
        published=row.published,
        settled_by=row.settled_by,
        value=row.value,
        link=row.link,
    )
