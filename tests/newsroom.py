"""A small installation for flow tests: real feeds over HTTP, a real mail server, configuration files in a folder, and a
clock moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from watcher.app import App
from watcher.config import Settings, load
from watcher.demo.mailserver import MailServer
from watcher.demo.newsstand import Masthead, Newsstand, Piece

MORNING = datetime(2025, 9, 25, 8, 0, tzinfo=UTC)
FEEDS = ("wire", "daily", "agg")
APPROVED = "Trump signs order approving TikTok deal"
REJECTED = "Trump rejects TikTok deal"
CLEARED = "China approves ByteDance algorithm licence"
SMALL_TALK = "Ten recipes for autumn"

OUTLETS = """\
outlets:
  - {name: Wire One, tier: wire}
  - {name: Daily Two, tier: press}
  - {name: Gazette Three, tier: press}
"""
WATCHLIST = """\
title: A small watchlist
since: 2025-09-01
actors:
  us: [United States, U.S., Washington, Trump, White House]
  china: [China, Beijing]
items:
  - id: us-approval
    title: U.S. approval of the TikTok arrangement
    lifecycle: approval
    state: pending
    decided_by: us
    about: {all: [TikTok], any: [deal, sale, arrangement]}
  - id: china-approval
    title: China's approval of the ByteDance licence
    lifecycle: approval
    state: pending
    decided_by: china
    about: {all: [ByteDance], any: [licence, license]}
feeds:
"""
SETTINGS = """\
database: %(database)s
watchlists: [watchlist.yaml]
outlets: outlets.yaml
polling:
  every: 10m
  timeout: %(timeout)s
  allow_private: true
  tick: %(tick)s
notify:
  receivers:
    desk: {urls: ["%(desk)s"]}
    boss: {urls: ["%(boss)s"]}
  routes:
    - {to: [desk], continue: true}
    - {to: [boss], items: [us-approval]}
web: {enabled: %(web)s, host: 127.0.0.1, port: %(port)s}
log: {format: json, level: info}
"""


@dataclass
class Clock:
    """The time of a test; `clock()` reads it."""

    at: datetime = MORNING

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> datetime:
        """Move on, as in `forward(minutes=15)`."""
        self.at += timedelta(**by)
        return self.at


@dataclass
class Newsroom:
    """One installation in `folder`."""

    folder: Path
    database: str
    stand: Newsstand
    mail: MailServer
    clock: Clock = field(default_factory=Clock)
    every: str = "10m"
    tick: str = "1s"
    timeout: str = "5s"
    web: bool = False
    port: int = 0
    _loaded: Settings | None = None
    pieces: dict[str, list[Piece]] = field(default_factory=lambda: {feed: [] for feed in FEEDS})

    @property
    def config(self) -> Path:
        """The service's configuration file."""
        return self.folder / "watcher.yaml"

    def write(self) -> None:
        """(Re)write every configuration file."""
        self._loaded = None
        outlets = {"wire": "Wire One", "daily": "Daily Two"}
        feeds = "".join(
            f'  - {{id: {feed}, url: "{self.stand.url(feed)}", every: {self.every}, allow_private: true'
            + (f", outlet: {outlets[feed]}}}\n" if feed in outlets else "}\n")
            for feed in FEEDS
        )
        (self.folder / "outlets.yaml").write_text(OUTLETS)
        (self.folder / "watchlist.yaml").write_text(WATCHLIST + feeds)
        self.config.write_text(
            SETTINGS
            % {
                "database": self.database,
                "tick": self.tick,
                "timeout": self.timeout,
                "desk": self.mail.url("desk@example.org"),
                "boss": self.mail.url("boss@example.org"),
                "web": str(self.web).lower(),
                "port": self.port,
            }
        )

    def settings(self) -> Settings:
        """The configuration as loaded; read again after `write`."""
        if self._loaded is None:
            self._loaded = load(self.config, {})
        return self._loaded

    def app(self) -> App:
        """Open the product on it, with this clock."""
        return App.open(self.settings(), env={}, clock=self.clock)

    def publish(self, feed: str, title: str, *, at: datetime | None = None, source: str = "") -> None:
        """Put one more piece into a feed, published just now unless told otherwise."""
        number = len(self.pieces[feed])
        link = f"https://{feed}.example/{number}"
        self.pieces[feed].insert(
            0, Piece(key=f"{feed}-{number}", title=title, at=at or self.clock.at, link=link, source=source)
        )
        self.stand.show(feed, self.pieces[feed])

    def letters(self) -> list[tuple[str, str]]:
        """Who got what so far: (recipient, subject), in order of arrival."""
        return [(mail.recipients[0], mail.subject) for mail in self.mail.mails.all()]


@contextmanager
def newsroom(folder: Path, database: str) -> Iterator[Newsroom]:
    """Open a newsroom with old news in its feeds, so that there is something for a first poll to be silent about."""
    stand = Newsstand(
        [Masthead("wire", "Wire One"), Masthead("daily", "Daily Two", "atom"), Masthead("agg", "All News")]
    )
    with stand, MailServer() as mail:
        room = Newsroom(folder, database, stand, mail)
        room.publish("wire", SMALL_TALK, at=MORNING - timedelta(days=1))
        room.publish("daily", "Trump may sign TikTok deal soon, aides say", at=MORNING - timedelta(hours=9))
        room.write()
        yield room
