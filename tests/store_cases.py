"""Small domain values for tests of the store, and a store that holds some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import alert_cases

from watcher.domain.alerts import Alert, PlannedAlert
from watcher.domain.feeds import Feed, Hints, NewEntry, Poll, PollResult
from watcher.domain.model import (
    Evidence,
    Item,
    Lifecycle,
    Reason,
    Span,
    Standing,
    State,
    Status,
    Tier,
    Transition,
)
from watcher.storage import Store

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def approval() -> Lifecycle:
    states = {
        "pending": State("pending", "pending", "not decided", "a decision", ("approved", "refused"), ()),
        "approved": State("approved", "approved", "it may go on", "nothing", (), (Status.DONE,), final=True),
        "refused": State("refused", "refused", "it may not", "nothing", (), (Status.DONE,), final=True),
    }
    return Lifecycle("approval", "Approval", "Will {title} happen?", states, ("pending",))


LIFECYCLES = {"approval": approval()}


def an_item(name: str = "deal", **told: Any) -> Item:
    return Item(id=name, title=f"The {name}", lifecycle="approval", state="pending", **told)


def a_feed(name: str = "wire", **told: Any) -> Feed:
    return Feed(id=name, url=told.pop("url", f"https://{name}.example/rss"), **told)


def an_entry(n: int, **told: Any) -> NewEntry:
    given = {
        "key": f"k{n}",
        "title": f"Headline number {n} of the {'abcdefghij'[n % 10] * 9} sort",
        "link": f"https://news.example/{n}",
    }
    return NewEntry(**(given | told))


def a_poll(feed: str, at: datetime, entries: Sequence[NewEntry] = (), **told: Any) -> Poll:
    given: dict[str, Any] = {
        "result": PollResult.ENTRIES if entries else PollResult.EMPTY,
        "next_poll_at": at + 15 * MINUTE,
        "hints": Hints(etag='"1"'),
    }
    return Poll(feed=feed, at=at, entries=tuple(entries), **(given | told))


def filled(store: Store, now: datetime, entries: int = 3, items: Sequence[str] = ("deal", "visit")) -> list[str]:
    """Sync one feed and these items, poll once for a baseline and once for entries; return the ids of the latter."""
    store.sync([a_feed()], [an_item(name) for name in items], LIFECYCLES, now)
    store.save_polls([a_poll("wire", now)], now)
    store.save_polls([a_poll("wire", now, [an_entry(n) for n in range(entries)])], now)
    return [entry.id for entry in store.unjudged(1000)]


def a_fact(item: str, entry: str, at: datetime, **told: Any) -> Evidence:
    given: dict[str, Any] = {
        "id": f"{item}-{entry}-approved",
        "state": "approved",
        "status": Status.DONE,
        "cue": "approved",
        "quote": "The regulator approved it.",
        "outlet": "Wire",
        "tier": Tier.WIRE,
        "owner": "Wire",
        "title": "Regulator approves",
        "span": Span("title", 10, 18),
    }
    return Evidence(item=item, entry=entry, at=at, **(given | told))


def a_change(fact: Evidence, **told: Any) -> Transition:
    given: dict[str, Any] = {"from_state": "pending", "to_state": "approved"}
    return Transition(
        item=fact.item,
        at=fact.at,
        status=fact.status,
        reason=Reason.ALONE,
        evidence=(fact.id,),
        entries=(fact.entry,),
        **(given | told),
    )


def an_alert(change: Transition) -> Alert:
    """Return the alert of a change, with text in it that a database has to give back as it was."""
    return alert_cases.an_alert(
        item=change.item,
        watchlist="trade",
        title="The deal",
        question="Will the deal happen?",
        from_state=change.from_state,
        from_label="pending",
        to_state=change.to_state,
        to_label="approved — 批准",
        at=change.at,
        reason=change.reason,
        quotes=(alert_cases.a_quote("“Approved”, it said.", outlet="Wire", at=change.at),),
        from_since=change.at - DAY,
    )


def told(change: Transition, index: int, receivers: tuple[str, ...] = ("desk",)) -> PlannedAlert:
    """Return the alert of a change as it is recorded with it, due at once."""
    return alert_cases.planned(an_alert(change), (change.item,), receivers, change.at, index)


def moved(standing: Standing, change: Transition) -> Standing:
    return replace(
        standing,
        state=change.to_state,
        value=change.to_value,
        since=change.at,
        version=standing.version + 1,
        source="",
    )


def approve(
    store: Store, entry: str, now: datetime, item: str = "deal", receivers: tuple[str, ...] = ("desk",)
) -> None:
    """Record that an entry moved an item from pending to approved, with one alert."""
    fact = a_fact(item, entry, now)
    change = a_change(fact)
    standing = moved(store.standings()[item], change)
    store.record([entry], [fact], [change], [standing], [told(change, 0, receivers)], now)
