"""Feeds asked and parsed at the same time: nobody waits for a slow host, a large document or a dead parser."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from servers_http import FeedServer, Reply

from watcher.domain.feeds import DueFeed, Feed, FeedKind, Hints, Selectors, Snapshot
from watcher.feeds import rounds
from watcher.feeds.documents import FeedBroken
from watcher.feeds.http import Fetched, Fetcher
from watcher.feeds.parse import Parsed, parse
from watcher.feeds.parsers import Parsers, Read, Task, read_task
from watcher.feeds.rounds import Answer, Round

NOW = datetime(2025, 11, 22, 12, 0, tzinfo=UTC)
ITEMS = "".join(f"<item><guid>tag:{n}</guid><title>Entry {n}</title></item>" for n in range(20))
FEED = f"<rss version='2.0'><channel><title>News</title>{ITEMS}</channel></rss>".encode()
PAGE = b"<html></html>"


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


def fetcher(**changes: Any) -> Fetcher:
    settings: dict[str, Any] = {"timeout": timedelta(seconds=20), "concurrency": 4, "per_host": 1}
    return Fetcher(user_agent="test", max_bytes=9_000_000, allow_private=True, **settings | changes)


def requests(*urls: str, prefix: str = "f") -> list[DueFeed]:
    return [DueFeed(Feed(id=f"{prefix}{n}", url=url), Hints()) for n, url in enumerate(urls)]


def a_task(body: bytes) -> Task:
    document = Fetched("f", "https://x.example/", body, "", Hints(), None, timedelta(0))
    return Task(Feed(id="f", url="https://x.example/"), document, 500)


def opened(stop: threading.Event | None = None, **changes: Any) -> Round:
    return Round(fetcher(**changes), max_entries=500, stop=stop or threading.Event())


def take(going: Round, count: int, timeout_s: float = 20) -> list[Answer]:
    """Take this many answers."""
    answers: list[Answer] = []
    until = time.monotonic() + timeout_s
    while len(answers) < count:
        assert time.monotonic() < until, f"only {len(answers)} of {count} answers"
        answers += going.take(count - len(answers), 0.1)
    return answers


# --- a round --------------------------------------------------------------------------------------


def test_answers_are_documents_pages_and_failures(server: FeedServer) -> None:
    urls = [server.add("/feed", Reply(body=FEED)), server.add("/page", Reply(body=PAGE)), server.url("/nothing")]
    with opened() as going:
        going.ask(requests(*urls), {}, NOW)
        answers = {answer.outcome.feed: answer for answer in take(going, 3)}
        assert going.asked == 0
    assert answers["f0"].parsed == parse(FEED, url=urls[0])
    assert (answers["f1"].parsed, answers["f1"].broken) == (None, "an HTML page instead of a feed")
    assert isinstance(answers["f1"].outcome, Fetched)
    assert (answers["f2"].parsed, answers["f2"].broken) == (None, "")


def test_known_entries_are_left_out(server: FeedServer) -> None:
    url = server.add("/feed", Reply(body=FEED))
    with opened() as going:
        going.ask(requests(url), {"f0": parse(FEED, url=url).marks}, NOW)
        (answer,) = take(going, 1)
    assert answer.parsed is not None
    assert (answer.parsed.entries, answer.parsed.known) == ((), 20)


def test_many_feeds_of_a_slow_host_hold_up_nobody(server: FeedServer) -> None:
    """They fill neither the turns nor the room, though there are more of them than of either."""
    slow = server.add("/slow", Reply(wait=30))
    quick = server.add("/quick", Reply(body=FEED)).replace("127.0.0.1", "localhost")
    stop = threading.Event()
    with opened(stop) as going:
        before = going.room
        going.ask(requests(*[slow] * 300, prefix="slow"), {}, NOW)
        going.ask(requests(*[quick] * 20, prefix="quick"), {}, NOW)
        answers = take(going, 20)
        assert {answer.outcome.feed[:5] for answer in answers} == {"quick"}
        assert going.asked == 300
        assert going.room == before - 1, "only the one that is being asked takes room"
        stop.set()


def test_what_is_asked_later_joins_the_same_round(server: FeedServer) -> None:
    slow, quick = server.add("/slow", Reply(wait=1.5, body=FEED)), server.add("/quick", Reply(body=FEED))
    with opened() as going:
        going.ask(requests(slow), {}, NOW)
        going.ask(requests(quick.replace("127.0.0.1", "localhost"), prefix="q"), {}, NOW)
        assert [answer.outcome.feed for answer in take(going, 2)] == ["q0", "f0"]


def test_nothing_ready_is_nothing(server: FeedServer) -> None:
    with opened() as going:
        assert going.take(10, 0.01) == []
        going.ask(requests(server.add("/slow", Reply(wait=30))), {}, NOW)
        assert going.take(10, 0.05) == []


def test_answers_are_taken_by_their_entries_too(server: FeedServer) -> None:
    with opened() as going:
        going.ask(requests(*(server.add(f"/{n}", Reply(body=FEED)) for n in range(4))), {}, NOW)
        entries = 2 * len(parse(FEED, url="https://x.example/").entries)
        assert [len(going.take(9, 20, entries=entries)) for _ in range(2)] == [2, 2]
        assert going.take(9, 20, entries=0) == []


def test_documents_that_nobody_takes_do_not_pile_up(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MOST_WAITING", len(FEED) * 5)
    url = server.add("/feed", Reply(body=FEED))
    with opened(concurrency=2, per_host=2) as going:
        going.ask(requests(*[url] * 60), {}, NOW)
        until = time.monotonic() + 20
        while going._inbox.qsize() < 5:
            assert time.monotonic() < until
            time.sleep(0.01)
        time.sleep(0.3)
        assert len(server.requests) <= 5 + 2, "those that had begun"
        assert going.room == 0
        assert len(take(going, 60)) == 60


def test_stop_ends_it_promptly(server: FeedServer) -> None:
    stop = threading.Event()
    quick = server.add("/quick", Reply(body=PAGE[:0], status=404)).replace("127.0.0.1", "localhost")
    with opened(stop) as going:
        going.ask(requests(server.add("/slow", Reply(wait=30)), quick), {}, NOW)
        assert [answer.outcome.feed for answer in take(going, 1)] == ["f1"]
        stop.set()
        began = time.monotonic()
        assert going.take(10, 20) == []
    assert time.monotonic() - began < 4


def test_what_goes_wrong_with_the_loop_is_raised_where_answers_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    made = fetcher()
    monkeypatch.setattr(made, "exchanging", lambda: 1 / 0)
    with Round(made, max_entries=5, stop=threading.Event()) as going:
        going.ask(requests("http://127.0.0.1/"), {}, NOW)
        with pytest.raises(ZeroDivisionError):
            take(going, 1)


# --- processes ------------------------------------------------------------------------------------


def test_a_small_installation_starts_no_process(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    url = server.add("/feed", Reply(body=FEED.ljust(37_000)))
    with opened(concurrency=50, per_host=50) as going:
        going.ask(requests(*[url] * 40), {}, NOW)
        assert all(answer.parsed for answer in take(going, 40))


def test_much_work_is_done_in_processes_and_comes_to_the_same(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "PROCESSES_FROM", len(FEED) * 3)
    monkeypatch.setattr(rounds, "read_task", lambda _: pytest.fail("parsed in this process"))
    urls = [server.add(f"/{n}", Reply(body=FEED.replace(b"Entry", b"Piece %d" % n))) for n in range(7)]
    urls.append(server.add("/page", Reply(body=PAGE)))
    with opened(per_host=8, concurrency=8) as going:
        going.ask(requests(*urls), {}, NOW)
        until = time.monotonic() + 20
        while going._inbox.qsize() < 8:  # all of them have come before the first is taken
            assert time.monotonic() < until
            time.sleep(0.01)
        answers = {answer.outcome.feed: answer for answer in take(going, 8)}
        assert going._bytes == 0
        assert going._parsers.started
        monkeypatch.setattr(rounds, "IDLE_S", 0.0)
        assert going.take(1, 0.01) == []
        assert not going._parsers.started, "ended when there is nothing left to do"
    for n in range(7):
        assert answers[f"f{n}"].parsed == parse(FEED.replace(b"Entry", b"Piece %d" % n), url=urls[n])
    assert answers["f7"].broken == "an HTML page instead of a feed"


def read(parsers: Parsers, *bodies: bytes) -> list[Read]:
    """Have documents parsed, and return how each was read, in the order of the bodies."""
    done = [threading.Event() for _ in bodies]
    answers: dict[int, Read] = {}

    def tell(number: int, answer: Read) -> None:
        answers[number] = answer
        done[number].set()

    for number, body in enumerate(bodies):
        parsers.submit(a_task(body), lambda answer, n=number: tell(n, answer))
    assert all(event.wait(30) for event in done)
    return [answers[number] for number in range(len(bodies))]


def test_pages_are_read_in_a_process_as_here() -> None:
    """With their selectors, with what they said before, and with what they say now."""
    feed = Feed(id="f", url="https://x.example/", kind=FeedKind.PAGE, selectors=Selectors(text="#text"))
    page = b"<p>Menu.</p><div id=text><p>New.</p><p>Same.</p></div>"
    task = Task(feed, replace(a_task(page).document, content_type="text/html"), 500, Snapshot("Old.\nSame.", 3))
    answers: list[Read] = []
    came = threading.Event()
    with Parsers(1) as parsers:
        parsers.submit(task, lambda answer: (answers.append(answer), came.set()))
        assert came.wait(30)
    (answer,) = answers
    assert answer == read_task(task)
    assert isinstance(answer, Parsed)
    assert [(entry.summary, entry.removed) for entry in answer.entries] == [("New.", "Old.")]
    assert answer.snapshot == Snapshot("New.\nSame.", 4)


def test_a_document_that_takes_too_long_costs_itself_only() -> None:
    with Parsers(1, longest=timedelta(0)) as parsers:
        (slow,) = read(parsers, FEED)
        assert isinstance(slow, FeedBroken)
        assert "took longer than 0 s" in str(slow)
        assert parsers._desk is not None
        parsers._desk._longest = timedelta(seconds=30)
        assert read(parsers, FEED) == [parse(FEED, url="https://x.example/")]


def test_a_process_that_dies_is_replaced() -> None:
    with Parsers(1) as parsers:
        assert isinstance(read(parsers, FEED)[0], Parsed)
        assert parsers._desk is not None
        (worker,) = parsers._desk.workers
        worker.kill()
        worker._process.wait()
        assert all(isinstance(answer, Parsed) for answer in read(parsers, FEED, FEED)), "it was at none"


def test_a_process_is_nobodys_for_ctrl_c_and_the_daemons_for_the_scheduler() -> None:
    with Parsers(1) as parsers:
        read(parsers, FEED)
        assert parsers._desk is not None
        (worker,) = parsers._desk.workers
        assert os.getpgid(worker._process.pid) != os.getpgid(0)
        assert os.getsid(worker._process.pid) == os.getsid(0)
        assert os.getpriority(os.PRIO_PROCESS, worker._process.pid) > os.getpriority(os.PRIO_PROCESS, 0)


def halted(parsers: Parsers) -> Any:
    """Start the one process and halt it, so that whatever it is given stays with it."""
    parsers.start()
    assert parsers._desk is not None
    while not parsers._desk.workers:
        time.sleep(0.01)
    (worker,) = parsers._desk.workers
    os.kill(worker._process.pid, signal.SIGSTOP)
    return worker


def test_a_process_that_dies_costs_the_document_it_was_at_and_none_that_it_had_ahead() -> None:
    with Parsers(1) as parsers:
        worker = halted(parsers)

        def kill() -> None:
            while len(worker.orders) < 3:
                time.sleep(0.01)
            worker.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        lost, *others = read(parsers, FEED, FEED, FEED)
        killer.join()
        assert isinstance(lost, FeedBroken)
        assert all(isinstance(answer, Parsed) for answer in others)


def test_many_documents_larger_than_a_pipe_come_back_each_to_who_asked() -> None:
    bodies = [FEED.replace(b"Entry", b"Piece %d" % n + b"-" * n * 3000) for n in range(40)]
    with Parsers(2) as parsers:
        answers = read(parsers, *bodies)
    assert answers == [parse(body, url="https://x.example/") for body in bodies]


def test_processes_outlive_a_round_and_end_when_they_rest(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "NEW_FEEDS_FROM", 3)
    monkeypatch.setattr(rounds, "read_task", lambda _: pytest.fail("parsed in this process"))
    url = server.add("/feed", Reply(body=FEED))
    first = [replace(due, first=True) for due in requests(*[url] * 3)]
    with Parsers(1) as parsers:
        for feeds in (first, requests(url, prefix="g")):
            with Round(fetcher(), max_entries=500, stop=threading.Event(), parsers=parsers) as going:
                going.ask(feeds, {}, NOW)
                assert all(answer.parsed for answer in take(going, len(feeds)))
            assert parsers.started
        parsers.rest(30)
        assert parsers.started
        parsers.rest(0)
        assert not parsers.started
        assert isinstance(read(parsers, FEED)[0], Parsed), "started anew"


def test_what_a_round_leaves_behind_is_not_parsed(server: FeedServer) -> None:
    with Parsers(1) as parsers:
        worker = halted(parsers)
        with Round(fetcher(), max_entries=500, stop=threading.Event(), parsers=parsers) as going:
            going.ask(requests(server.add("/feed", Reply(body=FEED))), {}, NOW)
            until = time.monotonic() + 20
            while not worker.orders:
                assert time.monotonic() < until
                time.sleep(0.01)
            assert going.take(1, 0) == []
        assert not parsers.started


def test_without_processes_documents_are_refused_and_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused:
        def __init__(self, *_: object, **__: object) -> None:
            raise BlockingIOError(11, "Resource temporarily unavailable")

    with Parsers(1) as parsers:
        with monkeypatch.context() as patched:
            patched.setattr(subprocess, "Popen", Refused)
            (answer,) = read(parsers, FEED)
        assert str(answer) == "no process could be started to read it in (Resource temporarily unavailable)"
        assert isinstance(read(parsers, FEED)[0], Parsed), "tried anew"


def test_nothing_is_parsed_any_more_after_the_end() -> None:
    parsers = Parsers(1)
    parsers.close()
    parsers.submit(a_task(FEED), lambda _: pytest.fail("parsed"))
    assert not parsers.started


def test_closing_does_not_wait_for_what_is_being_parsed() -> None:
    parsers = Parsers(1)
    halted(parsers)
    parsers.submit(a_task(FEED), lambda _: pytest.fail("parsed"))
    began = time.monotonic()
    parsers.close()
    parsers.close()
    assert time.monotonic() - began < 5


PARENT = """
import sys, threading
from datetime import timedelta
from watcher.domain.feeds import Feed, Hints
from watcher.feeds.outcomes import Fetched
from watcher.feeds.parsers import Parsers, Task
document = Fetched("f", "https://x.example/", b"<rss version='2.0'/>", "", Hints(), None, timedelta(0))
parsers, done = Parsers(2), threading.Event()
for _ in range(2):
    parsers.submit(Task(Feed("f", "https://x.example/"), document, 500), lambda _: done.set())
done.wait()
print(*(worker._process.pid for worker in parsers._desk.workers), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_processes_end_with_the_one_who_started_them_however_that_ended() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdin is not None
    assert parent.stdout is not None
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    assert workers
    assert all(Path(f"/proc/{pid}").exists() for pid in workers)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdin.close()
    parent.stdout.close()
    until = time.monotonic() + 20
    while any(_lives(pid) for pid in workers):
        assert time.monotonic() < until
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_mistake_of_ours_is_told_with_its_document_and_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    from watcher.feeds import parsers

    monkeypatch.setattr(parsers, "read_answer", lambda *_, **__: 1 / 0)
    answer = read_task(a_task(FEED))
    assert "mistake of ours (ZeroDivisionError" in str(answer)
