"""Whole polls side by side: `watcher`, which also reads and decides on 100 items, and pollers that do neither.

    poll.py [--feeds 400] [--rounds 5] [--latency 0] [--only watcher,reader] [--venvs FOLDER] [--out FILE]
    poll.py --round 10000 --latency 100      one round of `watcher` alone, a tenth of the feeds changed, with its memory
    poll.py --delay 10000 --latency 100      the daemon alone: from publication at the source to the stored evidence

Every tool polls the same farm (farm.py) from a folder of its own, one at a time, taking turns; medians count. `watcher`
stays, as the daemon does; the others are started for every round, as cron does, and so is `once` (`watcher once`).
    cold     all entries of all feeds are new (in the first round only, unless --cold-rounds)
    same     nothing has changed: every answer is a 304
    mixed    3 of 30 entries are new in a tenth of the feeds
Peers are installed into --venvs with pip (newsboat: from the system); one that cannot be had is named and left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from reading import ACTS, PEOPLE, SUBJECTS

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
ITEMS = 100
TARGETS = {  # phase → peer → how many times as fast watcher is to be
    "mixed": {"reader": 5.0, "urlwatch": 2.5, "newsboat": 4.0, "floor": 1 / 1.5},
    "same": {"reader": 3.0},
    "cold": {"reader": 3.0},
}
LONGEST_ROUND_S, MOST_MB = 60.0, 300.0
READER = """
import sys, reader
urls, add = open(sys.argv[2]).read().split(), sys.argv[3] == "add"
made = reader.make_reader(sys.argv[1])
if add:
    for url in urls:
        made.add_feed(url)
else:
    made.update_feeds(workers=20, scheduled=False)
"""


# The daemon as it runs, told when to poll instead of looking at the clock: it is not started anew for each round.
RESIDENT = """
import sys
from pathlib import Path
from watcher.app import App, log_as, read_settings
settings = read_settings(Path(sys.argv[1]), {})
log_as(settings)
with App.open(settings) as app:
    print("ready", flush=True)
    for line in sys.stdin:
        app.jobs.cycle()
        app.jobs.deliver()
        print("done", flush=True)
"""


@dataclass
class Tool:
    """One poller: what it needs beforehand, the command that polls once, and where it stores entries."""

    name: str
    prepare: Callable[[Path, Path], None]  # its folder, the file of addresses
    command: Callable[[Path, Path], list[str]]
    count: Callable[[Path], int | None] = lambda _: None
    missing: str = ""
    resident: bool = False  # one process for all rounds, a line on stdin for each


@dataclass
class Measured:
    """One run."""

    seconds: float
    cpu: float
    rss_mb: float
    entries: int | None = None


# --- the tools ------------------------------------------------------------------------------------


def rows(path: Path, table: str) -> int:
    """Count a table's rows."""
    with sqlite3.connect(path) as database:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def configure(folder: Path, addresses: Path, every: str = "50ms") -> None:
    """Write watcher's configuration: the feeds, and items about sentences of the farm's kind."""
    own = f"outlet: Farm, every: {every}, allow_private: true"
    feeds = [f"  - {{id: f{n}, url: '{url}', {own}}}" for n, url in enumerate(addresses.read_text().split())]
    items = []
    for n in range(ITEMS):
        words = [PEOPLE[n % len(PEOPLE)], ACTS[n * 5 % len(ACTS)], SUBJECTS[n * 7 % len(SUBJECTS)]]
        near = ", ".join(f"[{word}]" for word in words)
        items.append(
            f"  - {{id: item-{n}, title: Item {n}, lifecycle: approval, state: pending, "
            f"about: {{near: [{{groups: [{near}], within: 10}}]}}}}"
        )
    (folder / "list.yaml").write_text("\n".join(["title: Farm", "items:", *items, "feeds:", *feeds, ""]))
    (folder / "outlets.yaml").write_text("outlets:\n  - {name: Farm, tier: press}\n")
    (folder / "watcher.yaml").write_text(
        f"database: sqlite:///{folder}/watcher.db\nwatchlists: [list.yaml]\noutlets: outlets.yaml\n"
        f"polling: {{tick: 1s, concurrency: 100}}\nweb: {{enabled: false}}\n"
        "log: {level: warning}\n"
    )


def urlwatch_jobs(folder: Path, addresses: Path) -> None:
    """Write urlwatch's files."""
    jobs = (f"name: f{n}\nurl: {url}" for n, url in enumerate(addresses.read_text().split()))
    (folder / "urls.yaml").write_text("\n---\n".join(jobs))
    (folder / "urlwatch.yaml").write_text("report: {stdout: {enabled: true}}\n")


def newsboat_files(folder: Path, addresses: Path) -> None:
    """Write newsboat's files."""
    shutil.copy(addresses, folder / "urls")
    (folder / "config").write_text("reload-threads 20\ncleanup-on-quit no\nmax-items 0\n")


def nothing(_folder: Path, _addresses: Path) -> None:
    """Prepare nothing."""


def tools(venvs: Path, wanted: list[str]) -> list[Tool]:
    """Return the tools asked for, installing what is missing."""
    python = {name: venvs / name / "bin" / "python" for name in ("reader", "urlwatch")}
    watcher = str(BIN / "watcher")

    def boat(f: Path, _: Path) -> list[str]:
        return ["newsboat", "-q", "-C", f"{f}/config", "-u", f"{f}/urls", "-c", f"{f}/cache.db", "-x", "reload"]

    def watch(f: Path, _: Path) -> list[str]:
        names = ("urls", "config", "hooks", "cache")
        files = dict(zip(names, ("urls.yaml", "urlwatch.yaml", "hooks.py", "cache.db"), strict=True))
        return [
            str(python["urlwatch"].with_name("urlwatch")),
            *(w for n in names for w in (f"--{n}", f"{f}/{files[n]}")),
        ]

    def read(f: Path, a: Path, what: str = "poll") -> list[str]:
        return [str(python["reader"]), "-c", READER, f"{f}/reader.db", str(a), what]

    every = [
        Tool("watcher", configure, lambda f, _: [sys.executable, "-c", RESIDENT, f"{f}/watcher.yaml"],
             lambda f: rows(f / "watcher.db", "entry"), resident=True),
        Tool("once", configure, lambda f, _: [watcher, "once", "--config", f"{f}/watcher.yaml"],
             lambda f: rows(f / "watcher.db", "entry")),
        Tool("floor", nothing, lambda f, a: [sys.executable, str(HERE / "floor.py"), f"{f}/floor.db", str(a)],
             lambda f: rows(f / "floor.db", "entry")),
        Tool("reader", lambda f, a: run(read(f, a, "add")), read, lambda f: rows(f / "reader.db", "entries"),
             install(venvs, "reader", "reader", "sgmllib3k")),  # which its feedparser imports and does not bring
        Tool("urlwatch", urlwatch_jobs, watch, missing=install(venvs, "urlwatch", "urlwatch")),
        Tool("newsboat", newsboat_files, boat, lambda f: rows(f / "cache.db", "rss_item"),
             "" if shutil.which("newsboat") else "not on this system (Debian: apt-get install newsboat)"),
    ]  # fmt: skip
    return [tool for tool in every if not wanted or tool.name in wanted]


def install(venvs: Path, name: str, *packages: str) -> str:
    """Make a virtual environment with these packages, once; return why that cannot be done."""
    folder = venvs / name
    if (folder / "done").exists():
        return ""
    try:
        run([sys.executable, "-m", "venv", "--clear", str(folder)])
        run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages])
    except subprocess.CalledProcessError as error:
        return f"could not be installed: {error.stderr.decode(errors='replace').strip().splitlines()[-1:]}"
    (folder / "done").touch()
    return ""


def run(command: list[str]) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


# --- measuring ------------------------------------------------------------------------------------


@contextmanager
def farm(options: argparse.Namespace) -> Iterator[Callable[[str], bytes]]:
    """Run a farm; gives what asks it for something."""
    told = ((name, str(getattr(options, name))) for name in ("feeds", "latency", "entries", "port"))
    command = [sys.executable, str(HERE / "farm.py"), *(word for name, value in told for word in (f"--{name}", value))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    if not process.stdout.readline():
        raise SystemExit("the farm did not start: is its port in use?")
    try:
        yield lambda path: urllib.request.urlopen(f"http://127.0.0.1:{options.port}/{path}").read()
    finally:
        process.terminate()
        process.wait()


def family_of(root: int) -> Iterator[list[str]]:
    """Give what /proc tells of a process and all that descend from it: the fields of `stat` from the state on."""
    children: dict[int, list[int]] = defaultdict(list)
    told: dict[int, list[str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children[int(fields[1])].append(int(stat.parent.name))
        told[int(stat.parent.name)] = fields
    family = [root]
    while family:
        one = family.pop()
        if one in told:
            yield told[one]
        family += children[one]


def memory_mb(root: int) -> float:
    """Return the resident memory of a process and all that descend from it."""
    return sum(int(fields[21]) for fields in family_of(root)) * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_s(root: int) -> float:
    """Return the CPU seconds of a process and all that descend from it, those included that have ended."""
    return sum(int(ticks) for fields in family_of(root) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


@contextmanager
def watching(pid: int) -> Iterator[list[float]]:
    """Give a list whose one element is the peak memory of a process and its descendants, in MB."""
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            peak[0] = max(peak[0], memory_mb(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


class Resident:
    """A process that stays, and does one round for each line."""

    def __init__(self, command: list[str], log: Path) -> None:
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out, text=True
            )
        self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the resident process has ended: see its log")
        return line

    def poll(self) -> Measured:
        """Do one round."""
        assert self.process.stdin is not None
        with watching(self.process.pid) as peak:
            cpu, began = cpu_s(self.process.pid), time.perf_counter()
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            self._answer()
            seconds = time.perf_counter() - began
            return Measured(seconds, cpu_s(self.process.pid) - cpu, peak[0])

    def close(self) -> None:
        """End it."""
        self.process.communicate()


def measure(command: list[str], home: Path, log: Path) -> Measured:
    """Run a command to its end."""
    with log.open("ab") as out:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, "HOME": str(home)}
        )
        with watching(process.pid) as peak:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):  # 3: watcher says so when an item changed state
        raise SystemExit(f"{command[:4]} ended with {process.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, peak[0])


@dataclass
class Bench:
    """All runs so far."""

    options: argparse.Namespace
    ask: Callable[[str], bytes]
    folder: Path
    runs: dict[tuple[str, str], list[Measured]] = field(default_factory=lambda: defaultdict(list))
    residents: dict[str, Resident] = field(default_factory=dict)

    def close(self, tool: Tool) -> None:
        """End a tool's process, if it has one."""
        if tool.name in self.residents:
            self.residents.pop(tool.name).close()

    def poll(self, tool: Tool, phase: str) -> Measured:
        """Have a tool poll once."""
        home, addresses = self.folder / tool.name, self.folder / f"{tool.name}.urls"
        if phase == "cold":
            self.close(tool)
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            addresses.write_bytes(self.ask(f"{tool.name}/urls"))
            tool.prepare(home, addresses)
        elif phase == "mixed":
            self.ask(f"{tool.name}/tick")
        time.sleep(0.1)  # every feed is due again by then
        log = self.folder / f"{tool.name}.log"
        if tool.resident:
            if tool.name not in self.residents:
                self.residents[tool.name] = Resident(tool.command(home, addresses), log)
            done = self.residents[tool.name].poll()
        else:
            done = measure(tool.command(home, addresses), home, log)
        done.entries = tool.count(home)
        self.runs[tool.name, phase].append(done)
        answers = json.loads(self.ask(f"{tool.name}/stats"))
        print(f"{tool.name:9} {phase:6} {done.seconds:7.2f} s  {done.rss_mb:5.0f} MB  {answers}", file=sys.stderr)
        return done

    def figures(self) -> dict[str, Any]:
        """Medians, and watcher's speed as a multiple of each peer's."""
        seconds = {key: median(one.seconds for one in some) for key, some in self.runs.items()}
        table = [
            {
                "tool": tool, "phase": phase, "seconds": round(seconds[tool, phase], 2),
                "feeds_per_s": round(self.options.feeds / seconds[tool, phase], 1),
                "cpu_s": round(median(one.cpu for one in some), 2),
                "rss_mb": round(max(one.rss_mb for one in some)), "entries": some[-1].entries,
            }
            for (tool, phase), some in sorted(self.runs.items(), key=lambda pair: (pair[0][1], pair[0][0]))
        ]  # fmt: skip
        ratios = [
            {"phase": phase, "peer": peer, "times": round(seconds[peer, phase] / seconds["watcher", phase], 2),
             "target": round(wanted, 2), "met": seconds[peer, phase] / seconds["watcher", phase] >= wanted}
            for phase, peers in TARGETS.items() for peer, wanted in peers.items()
            if {(peer, phase), ("watcher", phase)} <= seconds.keys()
        ]  # fmt: skip
        return {"feeds": self.options.feeds, "latency_ms": self.options.latency, "polls": table, "ratios": ratios}


def side_by_side(options: argparse.Namespace) -> dict[str, Any]:
    """Let all tools poll in turns."""
    entrants = []
    for tool in tools(options.venvs, [name for name in options.only.split(",") if name]):
        if tool.missing:
            print(f"left out: {tool.name} {tool.missing}", file=sys.stderr)
        else:
            entrants.append(tool)
    with farm(options) as ask, tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, ask, Path(folder))
        for number in range(options.rounds):
            for phase in ("cold", "same", "mixed") if number < options.cold_rounds else ("same", "mixed"):
                for tool in entrants:
                    bench.poll(tool, phase)
        for tool in entrants:
            bench.close(tool)
        return bench.figures()


def one_round(options: argparse.Namespace) -> dict[str, Any]:
    """Measure one mixed round of many feeds."""
    options.feeds = options.round
    with farm(options) as ask, tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, ask, Path(folder))
        (tool,) = tools(options.venvs, ["watcher"])
        bench.poll(tool, "cold")
        done = [bench.poll(tool, "mixed") for _ in range(options.rounds)]
        bench.close(tool)
    seconds, peak = median(one.seconds for one in done), max(one.rss_mb for one in done)
    return bench.figures() | {
        "targets": [
            {"round_s": round(seconds, 1), "at_most": LONGEST_ROUND_S, "met": seconds <= LONGEST_ROUND_S},
            {"peak_mb": round(peak), "at_most": MOST_MB, "met": peak <= MOST_MB},
        ]
    }


# --- delay ----------------------------------------------------------------------------------------


def delays(options: argparse.Namespace) -> dict[str, Any]:
    """Let the daemon poll at a cadence while feeds publish all the time; how late is what it stored?"""
    options.feeds = options.delay
    with farm(options) as ask, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(options, ask, folder)
        (tool,) = tools(options.venvs, ["watcher"])
        bench.poll(tool, "cold")
        bench.close(tool)
        home = folder / "watcher"
        configure(home, folder / "watcher.urls", every=f"{options.every}s")
        command = [str(BIN / "watcher"), "run", "--config", str(home / "watcher.yaml")]
        with (folder / "daemon.log").open("ab") as out:
            daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        peak, until = 0.0, time.monotonic() + 3.5 * options.every
        counted_from = round((time.time() + 1.5 * options.every) * 1000)  # when the polls have spread
        while time.monotonic() < until:
            time.sleep(1)
            ask("watcher/tick?2")
            peak = max(peak, memory_mb(daemon.pid))
        time.sleep(1.2 * options.every)
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()
        late, judged = lateness(home / "watcher.db", counted_from)
    at_most = options.every + 2
    p50, p99 = (late[round(share * (len(late) - 1))] for share in (0.5, 0.99))
    return {
        "feeds": options.feeds, "latency_ms": options.latency, "every_s": options.every, "entries": len(late),
        "evidence": judged, "p50_s": round(p50, 2), "p99_s": round(p99, 2), "longest_s": round(late[-1], 2),
        "peak_mb": round(peak), "at_most_s": at_most, "met": p99 <= at_most,
    }  # fmt: skip


def lateness(path: Path, counted_from: int) -> tuple[list[float], int]:
    """Return, sorted, how many seconds after its publication each entry was judged, and how many gave evidence."""
    with sqlite3.connect(path) as database:
        found = database.execute(
            "SELECT CAST(substr(key, -13) AS INTEGER), (julianday(judged_at) - 2440587.5) * 86400, matched "
            "FROM entry WHERE judged_at IS NOT NULL AND CAST(substr(key, -13) AS INTEGER) >= ?",
            (counted_from,),
        ).fetchall()
    return sorted(judged - published / 1000 for published, judged, _ in found), sum(matched for *_, matched in found)


def main() -> int:
    """Run what was asked for; status 1 when a target was missed."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--feeds", type=int, default=400)
    arguments.add_argument("--entries", type=int, default=30, help="of each feed")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--cold-rounds", type=int, default=1)
    arguments.add_argument("--latency", type=float, default=0, help="milliseconds before each answer")
    arguments.add_argument("--only", default="", help="tools, with commas between")
    arguments.add_argument("--round", type=int, help="feeds of the one round of watcher alone")
    arguments.add_argument("--delay", type=int, help="feeds of the daemon whose delay is measured")
    arguments.add_argument("--every", type=int, default=60, help="seconds between two polls of a feed, for --delay")
    arguments.add_argument("--venvs", type=Path, default=HERE.parent / "build" / "peers")
    arguments.add_argument("--port", type=int, default=8123)
    arguments.add_argument("--out", type=Path, help="write the figures here as well")
    options = arguments.parse_args()
    options.venvs = options.venvs.absolute()
    figures = one_round(options) if options.round else delays(options) if options.delay else side_by_side(options)
    text = json.dumps(figures, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text)
    goals = [figures] if options.delay else figures.get("targets") or figures["ratios"]
    return 0 if all(goal["met"] for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
