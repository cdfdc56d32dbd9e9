"""The outbox under load: planned alerts through claims, sends and settlements into a real receiver, and what it costs.

    outbox.py [--alerts 10000] [--receivers 20] [--workers 1] [--transport json|null] [--database URL]
              [--kill | --floor]

Workers are processes of their own on one database. `json` sends through Apprise to an HTTP server on loopback, which
takes down what came; `null` only writes down what it was handed, and so shows our own share. `--kill` ends one worker
with SIGKILL half way and starts it anew. `--floor` sends the same messages from a bare loop over Apprise in as many
threads, with no outbox. The exit status is 0 when nothing was lost, nothing came twice but for what was being sent when
a worker was killed, and every address got its messages in order; figures go to stdout as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

HERE = Path(__file__).resolve()
ID = re.compile(r"\b[0-9a-f]{32}\b")
PLANNED_AT_ONCE = 500
ZONE = ZoneInfo("UTC")

# --- the receiver ---------------------------------------------------------------------------------


class Taker(asyncio.Protocol):
    """Takes one POST after the other; GET answers with all that came, or how many did."""

    came: ClassVar[list[tuple[str, str]]] = []

    def connection_made(self, transport: Any) -> None:
        self._out, self._data = transport, b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if not found or len(body) < (int(length[1]) if length else 0):
            return
        method, path, _ = head.split(b" ", 2)
        answer = b"{}"
        if method == b"POST":
            self.came.extend((path.decode(), one) for one in ID.findall(json.loads(body)["message"])[-1:])
        elif path == b"/count":
            answer = str(len(self.came)).encode()
        else:
            answer = json.dumps(self.came).encode()
        self._out.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
        self._out.close()


async def serve() -> None:
    """Be the receiver; print the port first."""
    server = await asyncio.get_running_loop().create_server(Taker, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# --- what is sent ---------------------------------------------------------------------------------


def addresses(count: int, port: int) -> dict[str, Any]:
    """Return receivers by name, each a path of its own at the server."""
    from watcher.domain.alerts import Receiver

    return {f"desk/{n}": Receiver(f"json://127.0.0.1:{port}/{n}") for n in range(count)}


def an_alert(n: int, now: datetime) -> Any:
    """Return an alert as a judgement plans it, about an item of its own."""
    from watcher.domain.alerts import Alert, AlertKind, Quote
    from watcher.domain.model import Reason, Tier

    quotes = tuple(
        Quote(f"The ministry said on Thursday that paragraph {n} of the order applies.", f"Outlet {q}", Tier.PRESS, now,
              f"https://news.example/{n}/{q}")
        for q in range(3)
    )  # fmt: skip
    return Alert(
        AlertKind.DEADLINE, f"item-{n}", "trade", f"Order number {n}", "Will the order apply?", "pending", "pending",
        "applies", "applies", now, Reason.CORROBORATED, "two independent sources say so", 2, quotes,
        "The order is published.", entries=(str(n),),
    )  # fmt: skip


def fill(url: str, alerts: int, receivers: int) -> dict[str, list[str]]:
    """Plan every alert for one receiver, by turns; return the deliveries of each in order."""
    from watcher.domain.alerts import PlannedAlert, PlannedDelivery
    from watcher.storage.store import Store

    store = Store.open(url)
    store.upgrade()
    now = datetime.now(UTC) - timedelta(minutes=1)
    for begin in range(0, alerts, PLANNED_AT_ONCE):
        planned = [
            PlannedAlert(an_alert(n, now), ("bench", str(n)), (PlannedDelivery(f"desk/{n % receivers}", "all", now),))
            for n in range(begin, min(begin + PLANNED_AT_ONCE, alerts))
        ]
        store.record([], [], [], [], planned, now)
    order: dict[str, list[str]] = {f"desk/{n}": [] for n in range(receivers)}
    for row in sorted(store.deliveries(limit=alerts), key=lambda row: row.alert_id):
        order[row.receiver].append(row.id)
    store.close()
    return order


class Recorder:
    """A sender that sends nothing and writes down what it was handed."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def send(self, message: Any, _now: datetime) -> Any:
        from watcher.domain.alerts import Sent

        os.write(self._file, f"{message.receiver} {message.id}\n".encode())
        return Sent()


def work(url: str, receivers: int, port: int, record: str, profile: str = "") -> None:
    """Be a worker: deliver until nothing waits, then print the CPU seconds that took."""
    import cProfile
    from functools import partial

    from watcher.delivering import Desk, deliver
    from watcher.delivery.sender import Sender
    from watcher.storage.store import Store

    store, desk = Store.open(url), Desk()
    sender: Any = Recorder(Path(record)) if record else Sender(addresses(receivers, port), ZONE)
    print("ready", flush=True)
    sys.stdin.readline()
    before = sum(os.times()[:2])
    clock = partial(datetime.now, UTC)
    profiler = cProfile.Profile() if profile else None
    if profiler:
        profiler.enable()
    while True:
        batch = deliver(store, sender, owner=f"bench/{os.getpid()}", clock=clock, desk=desk)
        if batch.more:
            continue
        if not store.backlog(clock()).pending:
            break
        time.sleep(0.05)
    if profiler:
        profiler.disable()
        profiler.dump_stats(profile)
    print(json.dumps({"cpu": sum(os.times()[:2]) - before}), flush=True)
    os._exit(0)


# --- one run --------------------------------------------------------------------------------------


@contextmanager
def receiver() -> Iterator[int]:
    """Run the receiver and give its port."""
    command = [sys.executable, str(HERE), "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def ask(port: int, path: str) -> Any:
    """Ask the receiver."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return json.loads(answer.read())


class Worker:
    """A process that delivers."""

    def __init__(self, arguments: list[str]) -> None:
        command = [sys.executable, str(HERE), "--work", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._say()

    def _say(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def go(self) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self) -> float:
        """Wait for its end and return its CPU seconds; 0 for one that was killed."""
        said = self._say()
        self.process.wait()
        return float(json.loads(said)["cpu"]) if said else 0.0


def run(options: argparse.Namespace, port: int, folder: Path) -> dict[str, Any]:
    """Fill a database, let the workers empty it, and compare what came with what was planned."""
    url = options.database or f"sqlite:///{folder / 'outbox.db'}"
    order = fill(url, options.alerts, options.receivers)
    record = folder / "record" if options.transport == "null" else None
    if record:
        record.touch()
    arguments = [url, str(options.receivers), str(port), str(record or ""), options.profile]
    workers = [Worker(arguments) for _ in range(options.workers)]
    began = time.monotonic()
    for one in workers:
        one.go()
    came = (lambda: _recorded(record)) if record else (lambda: _taken(port))
    kills = 0
    if options.kill:
        while len(came()) < options.alerts // 2:
            time.sleep(0.02)
        os.kill(workers[0].process.pid, signal.SIGKILL)
        kills = 1
        workers.append(Worker(arguments))
        workers[-1].go()
    cpu = sum(one.end() for one in workers)
    seconds = time.monotonic() - began
    return {
        "workers": options.workers, "transport": options.transport, "database": url.partition(":")[0], "kills": kills,
        "seconds": round(seconds, 2), "per_second": round(options.alerts / seconds), "cpu_seconds": round(cpu, 2),
        "cpu_ms_each": round(1000 * cpu / options.alerts, 2),
    } | compare(order, came(), kills)  # fmt: skip


def _recorded(record: Path) -> list[tuple[str, str]]:
    return [(name, one) for name, one in (line.split() for line in record.read_text().splitlines())]


def _taken(port: int) -> list[tuple[str, str]]:
    return [(f"desk{path}", one) for path, one in ask(port, "/all")]


def compare(order: dict[str, list[str]], came: list[tuple[str, str]], kills: int) -> dict[str, Any]:
    """Return what was lost, came twice or out of order."""
    from watcher.delivering import SENDING_THREADS

    count = Counter(one for _, one in came)
    first = {name: list(dict.fromkeys(one for to, one in came if to == name)) for name in order}
    lost = sum(one not in count for ids in order.values() for one in ids)
    repeats = sum(count.values()) - len(count)
    faults = [f"{lost} lost"] * bool(lost)
    faults += [f"{repeats} repeats"] * (repeats > kills * SENDING_THREADS)
    faults += [f"{name}: not in order" for name, ids in order.items() if first[name] != ids]
    return {"lost": lost, "repeats": repeats, "faults": faults}


def floor(alerts: int, receivers: int, port: int) -> dict[str, Any]:
    """Send the same messages with Apprise alone: made beforehand, one address after the other in each thread."""
    from apprise import Apprise, NotifyFormat, NotifyType

    from watcher.delivering import SENDING_THREADS
    from watcher.delivery.addresses import open_address
    from watcher.delivery.render import Look, render
    from watcher.domain.alerts import Delivery, Message

    now = datetime.now(UTC)
    queues: dict[str, deque[Any]] = {name: deque() for name in addresses(receivers, port)}
    for n in range(alerts):
        name, id_ = f"desk/{n % receivers}", f"{n:032x}"
        queues[name].append(render(Message(id_, name, (Delivery(id_, name, an_alert(n, now)),)), Look(ZONE)))
    doors = {name: Apprise(open_address(to.url)) for name, to in addresses(receivers, port).items()}

    def send_all(name: str) -> None:
        for made in queues[name]:
            doors[name].notify(
                made.text, title=made.subject, notify_type=NotifyType.INFO, body_format=NotifyFormat.TEXT
            )

    before, began = sum(os.times()[:2]), time.monotonic()
    with ThreadPoolExecutor(SENDING_THREADS) as pool:
        list(pool.map(send_all, queues))
    seconds, cpu = time.monotonic() - began, sum(os.times()[:2]) - before
    return {
        "seconds": round(seconds, 2), "per_second": round(alerts / seconds), "cpu_seconds": round(cpu, 2),
        "cpu_ms_each": round(1000 * cpu / alerts, 2), "came": ask(port, "/count"),
    }  # fmt: skip


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--receivers", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--transport", choices=("json", "null"), default="json")
    parser.add_argument("--database", default="", help="an empty one; it is filled")
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--floor", action="store_true")
    parser.add_argument("--profile", default="", help="a file for one worker's profile")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, receiver() as port:
        if options.floor:
            print(json.dumps(floor(options.alerts, options.receivers, port), indent=2))
            return 0
        figures = run(options, port, Path(folder))
    print(json.dumps(figures, indent=2))
    return 1 if figures["faults"] else 0


if __name__ == "__main__":
    modes: dict[str, Callable[[], Any]] = {
        "--serve": lambda: asyncio.run(serve()),
        "--work": lambda: work(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:]),
    }
    sys.exit(modes.get(sys.argv[1] if len(sys.argv) > 1 else "", main)())
