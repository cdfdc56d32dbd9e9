"""How large the database gets: a month of polls through the store by a moved clock, and the year that follows from it.

    python bench/storage.py                                  SQLite, in a folder of its own that is removed
    python bench/storage.py --database postgresql://…        an empty database of yours; it is filled and left so

A month of `--feeds` feeds is polled, judged and kept, `--entries` new ones per feed and day, of which `--matched` are
about an item and become evidence; every feed fails now and then, so that its health has a history. Then three sizes are
taken: with all texts, after all that is unmatched has lost its text (what the file holds then, and how much of it is
free), and after the file was made anew. A year of `--year-feeds` feeds at `--retention` days follows by arithmetic.

The texts are made up, of the usual length: a title of 70 characters, a summary of 250, a link of 90.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from watcher.config.lifecycles import shipped_lifecycles
from watcher.domain.feeds import Feed, Health, HealthChange, Hints, NewEntry, Poll, PollResult
from watcher.domain.model import Evidence, Item, Span, Status, Tier
from watcher.storage import Store

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
BATCH = 64  # feeds saved in one transaction
WORDS = "trade talks minister order court deal approval border tariff council vote market deadline energy port".split()


def feed_name(number: int) -> str:
    return f"outlet-{number:05}"


def an_entry(dice: random.Random, feed: int, n: int, at: datetime) -> NewEntry:
    def prose(length: int) -> str:
        words = ""
        while len(words) < length:
            words += f"{dice.choice(WORDS)} "
        return words[:length].strip()

    link = f"https://www.outlet-{feed:05}.example/{at:%Y/%m/%d}/{prose(30).replace(' ', '-')}-{n}"
    return NewEntry(key=link, title=f"{n} {prose(68)}", summary=prose(250), link=link, published=at, language="en")


def fill(store: Store, asked: argparse.Namespace) -> int:
    """Live through the days; return how many entries there are."""
    dice = random.Random(asked.seed)
    feeds = [Feed(feed_name(n), f"https://www.outlet-{n:05}.example/rss", "An Outlet") for n in range(asked.feeds)]
    item = Item(id="deal", title="The deal", lifecycle="deal", state="talks")
    store.sync(feeds, [item], shipped_lifecycles(), BEGIN)
    count = 0
    for day in range(asked.days):
        now = BEGIN + day * DAY
        for start in range(0, asked.feeds, BATCH):
            some = range(start, min(start + BATCH, asked.feeds))
            polls = []
            for n in some:
                new = tuple(an_entry(dice, n, day * 1000 + k, now) for k in range(asked.entries))
                polls.append(
                    Poll(
                        feed=feed_name(n),
                        at=now,
                        result=PollResult.ENTRIES,
                        next_poll_at=now + DAY,
                        hints=Hints(
                            f'"{day}-{n}"', f"{now:%a, %d %b %Y %H:%M:%S GMT}", f"{dice.getrandbits(256):064x}"
                        ),
                        entries=new,
                    )
                )
                count += len(new)
            store.save_polls(polls, now)
        judge(store, dice, asked.matched, now)
        if day % 15 == 14:  # every source breaks and comes back twice a month
            suffer(store, now)
    return count


def judge(store: Store, dice: random.Random, matched: float, now: datetime) -> None:
    while entries := store.unjudged(1000):
        evidence = [
            Evidence(
                id=f"deal-{entry.id}",
                item="deal",
                entry=entry.id,
                state=None,
                status=Status.MENTION,
                cue="deal",
                quote=entry.title,
                at=entry.at,
                outlet="An Outlet",
                tier=Tier.PRESS,
                owner="An Outlet",
                title=entry.title,
                link=entry.link,
                span=Span("title", 0, 4),
            )
            for entry in entries
            if dice.random() < matched
        ]
        standing = store.standings()["deal"]
        moved = [replace(standing, version=standing.version + 1)] if evidence else []
        store.record([entry.id for entry in entries], evidence, [], moved, [], now)


def suffer(store: Store, now: datetime) -> None:
    for to_state in (Health.BROKEN, Health.RECOVERED, Health.HEALTHY):
        changes = [
            HealthChange(s.id, s.health_n + 1, s.health, to_state, "timeout", "timeout: no complete answer", now)
            for s in store.feed_statuses()
        ]
        store.record_health(changes)


class Scale:
    """Weighs a database."""

    def __init__(self, url: str) -> None:
        address = make_url(url)
        self.sqlite = address.get_backend_name() == "sqlite"
        driver = address if self.sqlite else address.set(drivername="postgresql+psycopg")
        self._engine = create_engine(driver, isolation_level="AUTOCOMMIT")

    def weigh(self) -> tuple[int, int]:
        """Bytes in all, and how many of them are free pages (SQLite)."""
        with self._engine.connect() as connection:
            if not self.sqlite:
                return connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one(), 0
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            pages, size, free = (
                connection.execute(text(f"PRAGMA {name}")).scalar_one()
                for name in ("page_count", "page_size", "freelist_count")
            )
            return pages * size, free * size

    def tables(self) -> dict[str, int]:
        """Bytes by table with its indexes (PostgreSQL); SQLite does not tell."""
        if self.sqlite:
            return {}
        query = "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 2200"
        with self._engine.connect() as connection:
            return {name: size for name, size in connection.execute(text(query)) if size > 100_000}

    def renew(self) -> None:
        with self._engine.connect() as connection:
            connection.execute(text("VACUUM" if self.sqlite else "VACUUM FULL"))

    def close(self) -> None:
        self._engine.dispose()


def measure(url: str, asked: argparse.Namespace) -> dict[str, float]:
    store = Store.open(url)
    store.upgrade()
    scale = Scale(url)
    began = time.perf_counter()
    empty, _ = scale.weigh()
    entries = fill(store, asked)
    scale.renew()
    full, _ = scale.weigh()
    end = BEGIN + asked.days * DAY
    store.prune(end, end)
    used, free = scale.weigh()
    scale.renew()
    bare, _ = scale.weigh()
    print(json.dumps({"tables": scale.tables()}) if scale.tables() else "", end="")
    scale.close()
    store.close()
    text_bytes, identity = (full - bare) / entries, (bare - empty) / entries
    per_year = asked.year_feeds * asked.entries
    year = per_year * (365 * identity + min(asked.retention, 365) * text_bytes)
    return {
        "feeds": asked.feeds,
        "days": asked.days,
        "entries": entries,
        "full_mb": full / 1e6,
        "pruned_mb": used / 1e6,
        "of_that_free_mb": free / 1e6,
        "renewed_mb": bare / 1e6,
        "bytes_per_entry_with_text": (full - empty) / entries,
        "bytes_per_entry_without": identity,
        "bytes_per_feed_and_day": (full - empty) / asked.feeds / asked.days,
        "year_feeds": asked.year_feeds,
        "year_gb": year / 1e9,
        # a SQLite file keeps the gaps of removed texts; PostgreSQL fills them again
        "year_never_compacted_gb": per_year * 365 * (used - free - empty) / entries / 1e9
        if scale.sqlite
        else year / 1e9,
        "seconds": time.perf_counter() - began,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=200)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--entries", type=int, default=5, help="new ones per feed and day")
    parser.add_argument("--matched", type=float, default=0.02, help="part of the entries that becomes evidence")
    parser.add_argument("--retention", type=int, default=90, help="days for which unmatched texts are kept")
    parser.add_argument("--year-feeds", type=int, default=10_000)
    parser.add_argument("--database", help="an empty database; a SQLite file of its own if left out")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(asked.database or f"sqlite:///{Path(folder) / 'watcher.db'}", asked)
    print(json.dumps({name: round(value, 1) for name, value in found.items()}))


if __name__ == "__main__":
    main()
