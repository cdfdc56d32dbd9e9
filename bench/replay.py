"""Replay an archive of entries through the real daemon in accelerated time, and compare with `watcher backtest`.

    archive  ──hour by hour──▶  a feed on loopback HTTP  ──▶  `watcher run`, killed now and then  ──▶  SMTP and Slack

The feed shows only a recent window, newest first. The hours before the start are what the feed holds when the daemon
first sees it. An hour passes when the present body has been read. In the end the transitions in the daemon's database
and the messages that arrived must be those of `watcher backtest` on the same slice: item, from, to and the entry that
tipped it, in order, each told once by each way; every kill may repeat what was being sent when it came.

    python bench/replay.py ARCHIVE.jsonl --watchlist FILE... [--from DAY] [--until DAY] [--kills N] [--out REPORT.json]

Exit status: 0 when everything agrees, 1 when it does not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML
from sqlalchemy import create_engine, text

from watcher.config import Settings, load
from watcher.demo.daemon import Daemon
from watcher.demo.mailroom import Told, read_all
from watcher.demo.newsstand import Masthead, Newsstand, Piece
from watcher.demo.receivers import Receivers, open_receivers
from watcher.errors import WatcherError
from watcher.storage.store import Store

FEED = "archive"
LATEST = 10  # lines that the feed shows at first, where its window held none
READ_WITHIN_S = 90.0  # longest wait for one body to be read; a daemon that was killed has to start first
DRAIN_WITHIN_S = 240.0  # longest wait for the last messages
LONGEST_LIFE_S = 0.4  # a kill comes at a random moment up to this long after a body was shown


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the archive."""

    id: str
    seen_at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """A transition as both sides are compared; `entry` is the archive's id of the one that tipped it."""

    item: str
    was: str
    now: str
    entry: str


@dataclass(slots=True)
class Figures:
    """What is printed at the end."""

    entries: int = 0
    baseline: int = 0  # of these, there before the start
    hours: int = 0  # bodies shown
    polls: int = 0
    bodies: int = 0
    kills: int = 0
    expected: int = 0  # transitions of the backtest
    transitions: int = 0  # of the daemon
    messages: int = 0
    repeats: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay, compare, print the figures; 0 when everything agrees."""
    options = _options(arguments)
    with TemporaryDirectory(prefix="watcher-replay-") as folder:
        figures = replay(options, options.folder or Path(folder))
    report = {name: getattr(figures, name) for name in Figures.__slots__}
    print(json.dumps(report, indent=2))
    if options.out:
        options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 1 if figures.faults else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("archive", type=Path, help="entries, JSON Lines as `watcher backtest` reads them")
    parser.add_argument("--watchlist", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument(
        "--outlets", type=Path, metavar="FILE", help="default: outlets.yaml beside the watchlist or above"
    )
    parser.add_argument("--from", dest="start", type=_moment, metavar="TIME", help="default: the archive's second hour")
    parser.add_argument("--until", type=_moment, metavar="TIME", help="entries of this time are left out")
    parser.add_argument("--step-hours", type=int, default=1, metavar="N", help="hours that pass at a time")
    parser.add_argument("--window-hours", type=int, default=6, metavar="N", help="hours that the feed shows")
    parser.add_argument("--kills", type=int, default=0, metavar="N", help="how often the daemon is killed (SIGKILL)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="for the moments of the kills")
    parser.add_argument("--every", default="200ms", help="how often the daemon polls")
    parser.add_argument("--database", metavar="URL", help="default: an SQLite file of its own; must be empty")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where the daemon's files go, an empty folder; kept")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the figures go as well, as JSON")
    return parser.parse_args(arguments)


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def replay(options: argparse.Namespace, folder: Path) -> Figures:
    """Do it all; what disagrees is in `faults`."""
    archive = read_archive(options.archive)
    step = timedelta(hours=options.step_hours)
    start = options.start or archive[0].seen_at + timedelta(hours=1)
    until = options.until or archive[-1].seen_at + timedelta(seconds=1)
    window = max(step, timedelta(hours=options.window_hours))
    past = [line for line in archive if line.seen_at < start]
    before = [line for line in past if line.seen_at >= start - window] or past[-LATEST:]
    after = [line for line in archive if start <= line.seen_at < until]
    slice_ = folder / "slice.jsonl"
    slice_.write_text("".join(json.dumps(line.data) + "\n" for line in [*before, *after]), encoding="utf-8")
    watchlists = [copy_watchlist(path, folder, start) for path in options.watchlist]
    outlets = copy_outlets(options, folder)
    expected = backtest(watchlists, outlets, slice_, folder / "expected.jsonl")

    figures = Figures(len(before) + len(after), len(before), expected=len(expected))
    started = time.monotonic()
    with open_receivers(folder) as receivers, Newsstand([Masthead(FEED, "Archive")]) as stand:
        config, env = write_config(options, folder, stand, receivers, watchlists, outlets)
        settings = load(config, {**os.environ, **env})
        bodies = [before, *_hours(before + after, start, until, step, window)]
        with Daemon(config, folder / "daemon.log", env) as daemon:
            for moment, life in _show(stand, daemon, bodies, _kills(options, bodies, expected)):
                time.sleep(life)
                daemon.kill()
                daemon.start()
                figures.kills += 1
                _progress(f"killed in body {moment} of {len(bodies)}")
            drain(settings, daemon)
            code = daemon.stop()
        if code != 0:
            figures.faults.append(f"the daemon ended with exit status {code}: {daemon.tail()}")
        figures.hours, figures.polls, figures.bodies = len(bodies), stand.polls, stand.bodies
        compare(figures, settings, expected, receivers)
    figures.seconds = round(time.monotonic() - started, 1)
    return figures


def read_archive(path: Path) -> list[Line]:
    """Read the archive, oldest first; lines of the same time stay in file order."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return sorted((Line(str(row["id"]), _moment(row["seen_at"]), row) for row in rows), key=lambda line: line.seen_at)


def copy_watchlist(path: Path, folder: Path, start: datetime) -> Path:
    """Copy a watchlist without its feeds, the watch beginning at `start` where it does not say."""
    yaml = YAML()
    data = yaml.load(path)
    data.pop("feeds", None)
    data.setdefault("since", start.strftime("%Y-%m-%dT%H:%M:%SZ"))
    copy = folder / f"watched-{path.name}"
    yaml.dump(data, copy)
    return copy


def copy_outlets(options: argparse.Namespace, folder: Path) -> Path:
    """Copy the outlets that belong to the watchlists; an empty list where there are none."""
    near = [path.absolute().parent for path in options.watchlist]
    candidates = [options.outlets] if options.outlets else [d / "outlets.yaml" for n in near for d in (n, n.parent)]
    found = next((path for path in candidates if path.is_file()), None)
    copy = folder / "outlets.yaml"
    copy.write_text(found.read_text(encoding="utf-8") if found else "outlets: []\n", encoding="utf-8")
    return copy


def backtest(watchlists: Sequence[Path], outlets: Path, archive: Path, out: Path) -> list[Change]:
    """Ask `watcher backtest` what the slice should make of the items, in order."""
    command = [sys.executable, "-m", "watcher", "backtest", "--archive", str(archive), "--out", str(out)]
    command += ["--outlets", str(outlets), *(word for path in watchlists for word in ("--watchlist", str(path)))]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return [Change(row["item"], row["from"], row["to"], row["entries"][0]) for row in rows]


# --- time passes ----------------------------------------------------------------------------------


def _hours(
    lines: Sequence[Line], start: datetime, until: datetime, step: timedelta, window: timedelta
) -> Iterator[list[Line]]:
    """What the feed shows after each step that brought something, oldest first."""
    at, first, last = start, 0, 0
    while at < until:
        at += step
        fresh = last
        while last < len(lines) and lines[last].seen_at < min(at, until):
            last += 1
        while lines[first].seen_at < at - window and first < last - 1:
            first += 1
        if last > fresh or at == start + step:
            yield list(lines[min(first, fresh) : last])


def _kills(
    options: argparse.Namespace, bodies: Sequence[Sequence[Line]], expected: Sequence[Change]
) -> dict[int, float]:
    """Body number → seconds after it was shown at which the daemon dies. Half of them in bodies that move an item."""
    chance = random.Random(options.seed)
    tipping = {change.entry for change in expected}
    known: set[str] = set()
    moving: list[int] = []
    others: list[int] = []
    for number, body in enumerate(bodies):
        fresh = {line.id for line in body} - known
        known |= fresh
        if number:
            (moving if fresh & tipping else others).append(number)
    chosen = chance.sample(moving, min(len(moving), (options.kills + 1) // 2))
    chosen += chance.sample(others, min(len(others), options.kills - len(chosen)))
    return {number: chance.uniform(0, LONGEST_LIFE_S) for number in sorted(chosen)}


def _show(
    stand: Newsstand, daemon: Daemon, bodies: Sequence[Sequence[Line]], kills: Mapping[int, float]
) -> Iterator[tuple[int, float]]:
    """Show one body after the other, each when the one before has been read; yield where the daemon is to die."""
    for number, body in enumerate(bodies):
        stand.show(FEED, [_piece(line) for line in reversed(body)])
        if number in kills:
            yield number, kills[number]
        until = time.monotonic() + READ_WITHIN_S
        while not stand.wait_read(1.0):
            daemon.check()
            if time.monotonic() > until:
                raise WatcherError(f"body {number} was not read; the daemon's last words:\n{daemon.tail()}")
        if number % 200 == 0:
            _progress(f"body {number} of {len(bodies)} read")


def _piece(line: Line) -> Piece:
    data = line.data
    return Piece(line.id, data["title"], line.seen_at, data.get("summary") or "", data["link"], data["source"])


def _progress(words: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {words}", file=sys.stderr, flush=True)


def drain(settings: Settings, daemon: Daemon) -> None:
    """Wait until every entry is judged and every message is out."""
    store = Store.open(settings.database)
    until = time.monotonic() + DRAIN_WITHIN_S
    try:
        while (waiting := store.backlog(datetime.now(UTC))).unjudged or waiting.pending:
            daemon.check()
            if time.monotonic() > until:
                raise WatcherError(f"still waiting: {waiting}; the daemon's last words:\n{daemon.tail()}")
            time.sleep(0.2)
    finally:
        store.close()


# --- configuration --------------------------------------------------------------------------------


def write_config(
    options: argparse.Namespace,
    folder: Path,
    stand: Newsstand,
    receivers: Receivers,
    watchlists: Sequence[Path],
    outlets: Path,
) -> tuple[Path, dict[str, str]]:
    """Write the daemon's configuration; the environment it needs is returned with its path."""
    feeds = folder / "feeds.yaml"
    yaml = YAML()
    yaml.dump({"feeds": [{"id": FEED, "url": stand.url(FEED), "every": options.every, "allow_private": True}]}, feeds)
    config = folder / "watcher.yaml"
    receiver = {"desk": {"urls": ["${EMAIL_URL}"]}, "channel": {"urls": ["${SLACK_URL}"]}}
    service = {
        "database": options.database or f"sqlite:///{folder}/watcher.db",
        "watchlists": [path.name for path in [*watchlists, feeds]],
        "outlets": outlets.name,
        "polling": {"tick": "100ms", "timeout": "5s", "allow_private": True},
        "notify": {"receivers": receiver, "routes": [{"to": ["desk", "channel"]}]},
        "log": {"format": "json", "level": "info"},
        "web": {"enabled": False},
        "retention": {"unmatched": "3660d"},  # the archive is older than the clock
    }
    yaml.dump(service, config)
    urls = {"EMAIL_URL": receivers.mail.url("desk@example.org"), "SLACK_URL": receivers.slack.url}
    return config, {**receivers.environment, **urls}


# --- both sides -----------------------------------------------------------------------------------


def compare(figures: Figures, settings: Settings, expected: Sequence[Change], receivers: Receivers) -> None:
    """Hold the daemon's history and the messages against the backtest; note every difference."""
    made = transitions(settings)
    figures.transitions = len(made)
    figures.faults += differences(expected, made)
    told = read_all(receivers)
    figures.messages = len(told)
    figures.repeats = len(told) - len({(one.way, one.delivery) for one in told})
    if figures.repeats > figures.kills:
        figures.faults.append(f"{figures.repeats} messages came twice with {figures.kills} kills")
    for way in ("email", "slack"):
        _compare_told(figures, settings, made, [one for one in told if one.way == way], way)


def differences(expected: Sequence[Change], made: Sequence[Change]) -> list[str]:
    """Say of every item whose transitions are not the same in the same order what both sides did."""
    found = []
    for item in sorted({change.item for change in [*expected, *made]}):
        wanted, got = ([c for c in changes if c.item == item] for changes in (expected, made))
        if wanted != got:
            found.append(f"{item}: backtest says {wanted}, the daemon did {got}")
    return found


def _compare_told(figures: Figures, settings: Settings, made: Sequence[Change], told: Sequence[Told], way: str) -> None:
    once = {one.delivery: one for one in told}.values()
    lifecycles = {item.id: settings.rules.lifecycles[item.lifecycle].states for item in settings.rules.items}
    wanted = Counter((c.item, lifecycles[c.item][c.was].label, lifecycles[c.item][c.now].label) for c in made)
    got = Counter((one.item, one.was, one.now) for one in once)
    for change, number in (wanted - got).items():
        figures.faults.append(f"not told by {way}, {number} times: {change}")
    for change, number in (got - wanted).items():
        figures.faults.append(f"told by {way} and not so, {number} times: {change}")


def transitions(settings: Settings) -> list[Change]:
    """The transitions in the daemon's database, item by item, oldest first, without the starts."""
    store = Store.open(settings.database)
    try:
        rows = [row for item in settings.rules.items for row in reversed(store.history(item.id)) if row.seq]
    finally:
        store.close()
    engine = create_engine(settings.database.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        keys = {str(id_): key for id_, key in connection.execute(text("SELECT id, key FROM entry"))}
    engine.dispose()
    steps = [row.transition for row in rows]
    return [Change(step.item, step.from_state, step.to_state, keys[step.entries[0]]) for step in steps]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # leaves with its daemon
    sys.exit(main())
