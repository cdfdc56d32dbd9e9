"""The demo: an invented story on real feeds, read by the real daemon, told by real mail and Slack posts.

    newsstand   serves the outlets' feeds on loopback, one moment of the story after the other
    daemon      `watcher run`, a process of its own on a configuration of its own
    receivers   an SMTP server and a Slack-like receiver over TLS; what they get is read back and compared

Everything is made in a temporary folder and is gone when it ends; no account and no other host is used.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from watcher.config import Settings, load
from watcher.demo.daemon import Daemon
from watcher.demo.mailroom import Told, read_all
from watcher.demo.newsstand import Newsstand, Piece
from watcher.demo.receivers import Receivers, open_receivers
from watcher.demo.story import FOLDER, Change, Published, Story, load_story
from watcher.demo.view import Board, Result, Row, View, picture, summary
from watcher.domain.model import Standing
from watcher.errors import WatcherError
from watcher.storage.store import Store

LONGEST_S = 60.0  # from the first poll to the last message
PACE_S = 0.9  # a moment stays at least this long, for those who watch
WIDTH = 120  # of the summary where the output is no terminal, and of the picture
FRAME_S = 0.15
CALM_S = 2.0  # nothing has waited for so long: nothing more will come


def play(
    story: Story | None = None,
    *,
    keep: bool = False,
    plain: bool = False,
    picture_to: Path | None = None,
) -> int:
    """Play a story (the shipped one) and return 0 when exactly the expected messages came, 1 otherwise.

    With `keep` the daemon goes on afterwards until Ctrl-C. With `plain` there are lines instead of a live table, as
    there always are where the output is no terminal. With `picture_to` the last frame is written there as SVG.
    """
    console = Console()
    if plain or not console.is_terminal:
        console = Console(force_terminal=False, width=WIDTH)
    story = story or load_story()
    with (
        TemporaryDirectory(prefix="watcher-demo-") as folder,
        open_receivers(Path(folder)) as receivers,
        Newsstand(story.mastheads) as stand,
    ):
        config, env = set_up(Path(folder), stand, receivers)
        with Daemon(config, Path(folder) / "daemon.log", env) as daemon:
            settings = load(config, {**os.environ, **env})
            stage = _Stage(story, stand, receivers, daemon, settings)
            try:
                stage.perform(console)
                results = stage.results()
                console.print(summary(results, stage.traps))
                if picture_to is not None:
                    take_picture(stage.board, picture_to)
                if keep:
                    stage.go_on(console, Path(folder))
            finally:
                stage.close()
    return 0 if all(result.right for result in results) else 1


def set_up(folder: Path, stand: Newsstand, receivers: Receivers) -> tuple[Path, dict[str, str]]:
    """Copy the demo's configuration into `folder`; return its path and the environment it refers to."""
    for file in FOLDER.glob("*.yaml"):
        shutil.copy(file, folder)
    env = {
        "NEWSSTAND": stand.url("").removesuffix("/.xml"),
        "DATABASE": f"sqlite:///{folder}/watcher.db",
        "EMAIL_URL": receivers.mail.url("desk@example.org"),
        "SLACK_URL": receivers.slack.url,
        **receivers.environment,
    }
    return folder / "watcher.yaml", env


def take_picture(board: Board, path: Path) -> None:
    """Write the board as it is drawn on a terminal, as SVG."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(picture(board))
        svg = console.export_svg(title="watcher demo")
    # Rich names a font on somebody's server; a reader's own will do.
    path.write_text(re.sub(r"@font-face\s*\{[^}]*\}", "", svg), encoding="utf-8")


class _Stage:
    """One performance: publishes, looks at the daemon's database and at what the receivers got, and keeps count."""

    def __init__(
        self, story: Story, stand: Newsstand, receivers: Receivers, daemon: Daemon, settings: Settings
    ) -> None:
        self._story = story
        self._stand = stand
        self._receivers = receivers
        self._daemon = daemon
        self._items = {item.id: item for item in settings.rules.items}
        self._lifecycles = settings.rules.lifecycles
        self._store = Store.open(settings.database)
        self._pages: dict[str, list[Piece]] = {masthead.id: [] for masthead in story.mastheads}
        self._standings: dict[str, Standing] = {}
        self.board = Board(
            rows={
                item.id: Row(item.title, self._label(item.id, item.state, item.value)) for item in self._items.values()
            },
            outlets={masthead.id: masthead.title for masthead in story.mastheads},
        )
        self.traps = sum(bool(piece.trap) for moment in story.moments for piece in moment)

    def close(self) -> None:
        """Let go of the database."""
        self._store.close()

    def perform(self, console: Console) -> None:
        """Tell the story from beginning to end; raise WatcherError when the daemon dies or reads nothing any more."""
        with View(console, self.board) as view:
            view.say("Starting the feeds' server, the mail server, the Slack receiver and `watcher run` ...")
            self._publish(self._story.before)
            self._wait_read(view, LONGEST_S)
            until = time.monotonic() + LONGEST_S
            for moment in self._story.moments:
                self._publish(moment)
                for piece in moment:
                    view.published(piece)
                started = time.monotonic()
                self._wait_read(view, until - started)
                while time.monotonic() < started + PACE_S:
                    self._frame(view)
            calm_since = time.monotonic()
            while time.monotonic() < min(until, calm_since + CALM_S):
                self._frame(view)
                if self._waiting():
                    calm_since = time.monotonic()

    def go_on(self, console: Console, folder: Path) -> None:
        """Leave everything running until Ctrl-C."""
        console.print(
            f"The daemon goes on. Its folder: {folder}  Feeds: {self._stand.url('meridian')}  Ctrl-C ends it."
        )
        try:
            while True:
                self._daemon.check()
                time.sleep(0.5)
        except KeyboardInterrupt:
            console.print("Ended.")

    def results(self) -> list[Result]:
        """Compare what was told with what the story says should be: the expected changes in order, then all others."""
        arrived = read_all(self._receivers)
        lines = []
        for change in self._story.expected:
            mine = [one for one in arrived if self._tells(one, change)]
            arrived = [one for one in arrived if one not in mine]
            because = f"{self._outlet(change.because)}: {change.because.title}"
            label = self._label(change.item, change.to, change.value)
            lines.append(self._result(change.item, label, because, mine, expected=True))
        for item, now, value, quote in dict.fromkeys((one.item, one.now, one.value, one.quote) for one in arrived):
            others = [one for one in arrived if (one.item, one.now, one.value, one.quote) == (item, now, value, quote)]
            label = f"{now} ({value})" if value else now
            lines.append(self._result(item, label, quote, others, expected=False))
        return lines

    def _result(self, item: str, change: str, because: str, told: Sequence[Told], *, expected: bool) -> Result:
        by_way = Counter(one.way for one in told)
        title = self._items[item].title
        return Result(title, change, because, by_way["email"], by_way["slack"], expected)

    def _tells(self, told: Told, change: Change) -> bool:
        """The message tells this change, and quotes the piece that is its reason."""
        if told.item != change.item:
            return False
        label = self._lifecycles[self._items[told.item].lifecycle].states[change.to].label
        value_fits = not change.value or told.value == change.value
        return told.now == label and value_fits and change.because.link in told.text

    # --- what goes out and what comes back --------------------------------------------------------

    def _publish(self, pieces: Sequence[Published]) -> None:
        for one in pieces:
            self._pages[one.feed].insert(0, one.piece)
        for feed in {one.feed for one in pieces}:
            self._stand.show(feed, self._pages[feed])

    def _wait_read(self, view: View, longest_s: float) -> None:
        until = time.monotonic() + longest_s
        while not self._stand.wait_read(0):
            if time.monotonic() > until:
                raise WatcherError(f"the daemon does not read its feeds; its last words:\n{self._daemon.tail()}")
            self._frame(view)

    def _frame(self, view: View) -> None:
        self._daemon.check()
        self._look(view)
        self._count()
        view.refresh()
        time.sleep(FRAME_S)

    def _look(self, view: View) -> None:
        if self._store.revision() is None:
            return  # the daemon has not made its tables yet
        for item, standing in self._store.standings().items():
            before = self._standings.get(item)
            if before is not None and (before.state, before.value) != (standing.state, standing.value):
                view.moved(item, self._label(item, standing.state, standing.value))
            self._standings[item] = standing

    def _count(self) -> None:
        self.board.polls = self._stand.polls
        told = Counter((one.way, one.item) for one in read_all(self._receivers))
        for item, row in self.board.rows.items():
            row.emails, row.slacks = (told[way, item] for way in ("email", "slack"))

    def _waiting(self) -> bool:
        """Something is still to be judged or sent."""
        backlog = self._store.backlog(datetime.now(UTC))
        return bool(backlog.unjudged or backlog.pending)

    # --- words ------------------------------------------------------------------------------------

    def _label(self, item: str, state: str, value: str | None) -> str:
        label = self._lifecycles[self._items[item].lifecycle].states[state].label
        return f"{label} ({value})" if value else label

    def _outlet(self, piece: Piece) -> str:
        moments = self._story.moments
        return piece.source or next(
            self.board.outlets[one.feed] for moment in moments for one in moment if one.piece == piece
        )
