"""Every command as typed: what it prints where, and its exit code."""

from __future__ import annotations

import http.server
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from commands import Shell
from newsroom import APPROVED, CLEARED, SMALL_TALK, Newsroom, newsroom

from watcher.app import now as read_clock

HOSTILE = "Trump approves TikTok deal \x1b[2J\x9b31m[red]gone[/red] \u202eevil"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path, f"sqlite:///{tmp_path / 'watcher.db'}") as opened:
        opened.every = "1s"
        opened.write()
        yield opened


def watched(shell: Shell, room: Newsroom, *titles: str) -> None:
    """Have a first silent round, then news that is a moment old, then a second round."""
    assert shell("once", "-c", room.config).code == 0
    for title in titles:
        room.publish("wire", title, at=read_clock() - timedelta(seconds=1))
    sqlite_do(room, "UPDATE feed SET next_poll_at = '2025-01-01 00:00:00.000000'")
    assert shell("once", "-c", room.config).code == 3


def sqlite_do(room: Newsroom, statement: str) -> list[Any]:
    """Do something to the database behind the product's back; the first column of what it answers."""
    connection = sqlite3.connect(room.database.removeprefix("sqlite:///"))
    try:
        found = [row[0] for row in connection.execute(statement)]
        connection.commit()
        return found
    finally:
        connection.close()


# --- the program ----------------------------------------------------------------------------------


def test_help_does_not_load_what_only_commands_need() -> None:
    code = (
        "import sys\nfrom watcher.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'sqlalchemy', 'feedparser', 'aiohttp', 'apprise', 'apscheduler', 'pydantic', 'jinja2', 'ruamel',"
        " 'prometheus_client', 'structlog', 'watcher.app'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "LOADED []" in ended.stdout


def test_version_and_unknown_words(shell: Shell) -> None:
    from watcher import __version__

    assert shell("--version").out == f"watcher {__version__}\n"
    unknown = shell("wtach")
    assert (unknown.code, unknown.out) == (2, "")
    assert "wtach" in unknown.err
    assert shell("once", "--colour").code == 2


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m watcher schema | head -c 10"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout
    assert ended.stderr == ""


# --- files ----------------------------------------------------------------------------------------


def test_without_a_configuration_it_says_where_it_looked(shell: Shell, tmp_path: Path) -> None:
    for command in ("run", "once", "check", "status", "feeds"):
        ended = shell(command, "-c", tmp_path / "nowhere.yaml")
        assert (ended.code, ended.out) == (2, "")
        assert "nowhere.yaml" in ended.err
        assert "--config" in ended.err


def test_check_says_what_it_found(shell: Shell, room: Newsroom) -> None:
    ended = shell("check", "-c", room.config)
    assert ended.code == 0
    assert "fine; 2 items, 3 feeds, 3 outlets, 2 receivers, 2 routes" in ended.out
    alone = room.folder / "alone.yaml"
    alone.write_text((room.folder / "watchlist.yaml").read_text().partition("  - id: china-approval")[0])
    assert "fine; 1 item, 0 feeds, 3 outlets" in shell("check", "-w", alone).out
    data = shell("check", "-c", room.config, "--json").data
    assert data["ok"] is True
    assert data["feeds"] == 3


def test_check_reports_every_mistake_and_run_refuses_the_same(shell: Shell, room: Newsroom) -> None:
    room.config.write_text(room.config.read_text().replace("polling:", "poling:").replace("mailto://", "mialto://"))
    watchlist = room.folder / "watchlist.yaml"
    watchlist.write_text(watchlist.read_text().replace("decided_by: us", "decided_by: usa"))
    ended = shell("check", "-c", room.config)
    assert (ended.code, ended.out) == (2, "")
    assert "the configuration is wrong (4 problems)" in ended.err
    assert shell("run", "-c", room.config).err == ended.err
    problems = shell("check", "-c", room.config, "--json").data["problems"]
    assert len(problems) == 4
    assert {Path(problem["file"]).name for problem in problems} == {"watcher.yaml", "watchlist.yaml"}
    assert all(problem["line"] for problem in problems)
    assert "desk@example.org" not in ended.err


def test_check_online_tries_every_feed(shell: Shell, room: Newsroom) -> None:
    fine = shell("check", "-c", room.config, "--online", "--json")
    assert fine.code == 0
    assert {(feed["feed"], feed["entries"]) for feed in fine.data["feeds_tried"]} == {
        ("wire", 1), ("daily", 1), ("agg", 0)
    }  # fmt: skip
    del room.stand._pages["daily"]
    ended = shell("check", "-c", room.config, "--online")
    assert ended.code == 1
    assert "FAILED" in ended.out


def test_schema_is_a_json_schema(shell: Shell) -> None:
    assert "$defs" in shell("schema").data or "properties" in shell("schema").data


def test_seed_takes_starting_states_in_once(shell: Shell, room: Newsroom) -> None:
    seeds = room.folder / "seeds"
    seeds.mkdir()
    (seeds / "2025-09-15-an-article.yaml").write_text(
        "publisher: Gazette Three\ntitle: Where things stand\npublished: 2025-09-15\nactors: [us]\n"
        "facts:\n  - {on: 2025-09-15, fact: Talks have ended.}\nitems:\n"
        "  - {id: us-approval, state: pending, as_of: 2025-09-14, settled_by: A signature.}\n"
    )
    assert shell("seed", seeds, "-c", room.config, "--json").data == {"applied": ["us-approval"], "unchanged": []}
    assert shell("seed", seeds, "-c", room.config).out == "us-approval: as before\n"
    assert "Gazette Three" in shell("history", "us-approval", "-c", room.config).out
    assert shell("seed", room.folder / "nothing", "-c", room.config).code == 2


# --- watching -------------------------------------------------------------------------------------


def test_once_tells_by_its_exit_code_that_a_state_changed(shell: Shell, room: Newsroom) -> None:
    watched(shell, room, APPROVED)
    assert len(room.letters()) == 2
    quiet = shell("once", "-c", room.config, "--json")
    assert quiet.code == 0
    assert quiet.data["transitions"] == []


def test_once_tells_people_the_moment_in_their_zone(shell: Shell, room: Newsroom) -> None:
    assert shell("once", "-c", room.config).code == 0
    room.publish("wire", APPROVED, at=read_clock() - timedelta(seconds=1))
    sqlite_do(room, "UPDATE feed SET next_poll_at = '2025-01-01 00:00:00.000000'")
    config = Path(room.config)
    config.write_text(config.read_text() + "zone: Pacific/Kiritimati\n")
    (line,) = [line for line in shell("once", "-c", config).out.splitlines() if " -> approved" in line]
    told = " ".join(line.split()[4:6])
    moved = datetime.fromisoformat(f"{told}+14:00")
    assert timedelta() <= read_clock() - moved < timedelta(minutes=10)


def test_once_in_json_has_the_lines_of_a_backtest(shell: Shell, room: Newsroom) -> None:
    shell("once", "-c", room.config)
    room.publish("wire", APPROVED, at=read_clock() - timedelta(seconds=1))
    sqlite_do(room, "UPDATE feed SET next_poll_at = '2025-01-01 00:00:00.000000'")
    ended = shell("once", "-c", room.config, "--json")
    assert ended.code == 3
    (line,) = ended.data["transitions"]
    assert {"item", "from", "to", "at", "status", "entries", "reason"} <= set(line)
    assert [delivery["result"] for delivery in ended.data["deliveries"]] == ["sent", "sent"]


def test_once_fails_when_no_feed_answers_or_a_delivery_is_given_up(shell: Shell, room: Newsroom) -> None:
    shell("once", "-c", room.config)
    room.mail.refusals["RCPT"] = "550 5.1.1 no such user"
    room.publish("wire", CLEARED, at=read_clock() - timedelta(seconds=1))
    sqlite_do(room, "UPDATE feed SET next_poll_at = '2025-01-01 00:00:00.000000'")
    dead = shell("once", "-c", room.config)
    assert dead.code == 1
    assert "deliveries given up: 1" in dead.err
    assert "china-approval: pending -> approved" in dead.out
    room.stand._pages.clear()
    sqlite_do(room, "UPDATE feed SET next_poll_at = '2025-01-01 00:00:00.000000'")
    silent = shell("once", "-c", room.config)
    assert silent.code == 1
    assert "no feed answered" in silent.err


def test_a_database_of_another_version_is_refused_with_the_command_to_run(shell: Shell, room: Newsroom) -> None:
    Path(room.database.removeprefix("sqlite:///")).touch()
    empty = shell("status", "-c", room.config)
    assert empty.code == 1
    assert "watcher db upgrade" in empty.err
    assert shell("db", "revision", "-c", room.config, "--json").data == {"revision": None, "current": False}
    assert shell("db", "upgrade", "-c", room.config).code == 0
    assert shell("db", "revision", "-c", room.config).code == 0
    assert "nothing to do" in shell("db", "upgrade", "-c", room.config).err
    sqlite_do(room, "UPDATE alembic_version SET version_num = '9999'")
    for command in ("run", "once", "status", "feeds"):
        ended = shell(command, "-c", room.config)
        assert ended.code == 1, command
        assert ended.err.startswith("watcher: ")


def test_looking_makes_no_database(shell: Shell, room: Newsroom) -> None:
    file = Path(room.database.removeprefix("sqlite:///"))
    for words in (
        ["status"], ["history", "us-approval"], ["feeds"], ["outbox", "list"], ["outbox", "retry", "--dead"],
        ["outbox", "drop", "1", "--yes"], ["db", "prune", "--yes"], ["explain", APPROVED, "--live"],
    ):  # fmt: skip
        ended = shell(*words, "-c", room.config)
        assert (ended.code, ended.out) == (2, ""), words
        assert ended.err.startswith("watcher: there is no database yet")
        assert not file.exists(), words
    for words in (["status"], ["history", "us-approval"], ["feeds"], ["outbox", "list"], ["explain", "x", "--live"]):
        ended = shell(*words, "-c", room.config, "--json")
        assert ended.code == 2
        assert ended.data["error"].startswith("there is no database yet"), words
    revision = shell("db", "revision", "-c", room.config, "--json")
    assert (revision.code, revision.data) == (1, {"revision": None, "current": False})
    assert "there is no database yet" in revision.err
    assert shell("check", "-c", room.config, "--online").code == 0
    assert not file.exists()


def test_a_database_that_cannot_be_reached_is_a_message_without_its_password(shell: Shell, room: Newsroom) -> None:
    room.database = "postgresql://watcher:hunter2hunter2@127.0.0.1:1/watcher"
    room.write()
    ended = shell("once", "-c", room.config)
    assert ended.code == 1
    assert ended.err.startswith("watcher: ")
    assert "hunter2" not in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_ends_quietly_when_told_to_while_it_starts(room: Newsroom, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "watcher", "run", "-c", str(room.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            until = time.monotonic() + 30
            while not catches(process.pid, number):
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.002)
            process.send_signal(signal.SIGHUP)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "", "")


def catches(pid: int, number: int) -> bool:
    """Whether the process has a handler of its own for the signal, and for SIGHUP."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt"))
    return all(mask >> (each - 1) & 1 for each in (number, signal.SIGHUP))


def test_a_port_that_is_taken_is_a_message(shell: Shell, room: Newsroom) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        room.web, room.port = True, taken.getsockname()[1]
        room.write()
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            ended = shell("run", "-c", room.config)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    assert ended.code == 2
    assert f"cannot listen on 127.0.0.1:{room.port}" in ended.err


def test_the_environment_can_name_the_configuration(
    shell: Shell, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHER_CONFIG", str(room.config))
    assert shell("check").code == 0


# --- looking --------------------------------------------------------------------------------------


def test_status_history_and_feeds(shell: Shell, room: Newsroom) -> None:
    watched(shell, room, APPROVED)
    rows = {row["item"]: row for row in shell("status", "-c", room.config, "--json").data}
    assert rows["us-approval"]["state"] == "approved"
    assert rows["us-approval"]["last_evidence"]["outlet"] == "Wire One"
    assert rows["china-approval"]["state"] == "pending"
    assert APPROVED in shell("status", "-c", room.config).out

    steps = shell("history", "us-approval", "-c", room.config, "--json").data
    assert (steps[0]["from"], steps[0]["to"], steps[0]["reason"]) == ("pending", "approved", "alone")
    assert steps[0]["evidence"][0]["title"] == APPROVED
    text = shell("history", "us-approval", "-c", room.config).out
    assert "pending -> approved" in text
    assert "Wire One (wire)" in text
    unknown = shell("history", "us-aproval", "-c", room.config)
    assert unknown.code == 2
    assert "us-approval" in unknown.err

    feeds = {feed["id"]: feed for feed in shell("feeds", "-c", room.config, "--json").data}
    assert feeds["wire"]["entries"] == 2
    assert feeds["agg"]["last_result"] in ("empty", "not_modified")
    assert "wire" in shell("feeds", "-c", room.config).out
    assert shell("feeds", "--failing", "-c", room.config, "--json").data == []


def test_feeds_keeps_passwords_and_tokens_to_itself(shell: Shell, room: Newsroom) -> None:
    watchlist = room.folder / "watchlist.yaml"
    wire = room.stand.url("wire")
    secret = wire.replace("http://", "http://reader:hunter22@") + "?token=s3cr3t-token"
    watchlist.write_text(watchlist.read_text().replace(f'"{wire}"', f'"{secret}"'))
    shell("once", "-c", room.config)
    moved = "https://reader:hunter22@feeds.example:8443/new.xml?token=s3cr3t-token"
    sqlite_do(room, f"UPDATE feed SET moved_to = '{moved}', moved_count = 1 WHERE id = 'wire'")
    machine, people = shell("feeds", "-c", room.config, "--json"), shell("feeds", "-c", room.config)
    (feed,) = [each for each in machine.data if each["id"] == "wire"]
    assert feed["url"] == f"{wire}?***"
    assert feed["moved_to"] == "https://feeds.example:8443/new.xml?***"
    assert "moved to https://feeds.example:8443/new.xml?***" in people.out
    explained = shell("explain", "http://reader:hunter22@127.0.0.1:1/page?token=s3cr3t-token", "-c", room.config)
    assert explained.code == 1
    assert "http://127.0.0.1:1/page?***" in explained.err
    for ended in (machine, people, explained):
        for word in ("hunter22", "s3cr3t", "reader"):
            assert word not in ended.out + ended.err


def test_tables_cut_what_is_long(shell: Shell, room: Newsroom) -> None:
    title = f"{APPROVED} {'as was long expected ' * 12}".strip()
    watched(shell, room, title)
    for words in (["status"], ["history", "us-approval"]):
        text = shell(*words, "-c", room.config).out
        assert title[:90] in text, words
        assert title not in text, words
        assert "…" in text, words
        assert title in json.dumps(shell(*words, "-c", room.config, "--json").data)


def test_a_feeds_text_does_nothing_to_the_terminal(shell: Shell, room: Newsroom) -> None:
    written = []
    shell("once", "-c", room.config)
    room.publish("wire", "placeholder", at=read_clock() - timedelta(seconds=1))
    page = room.stand.page("wire")
    assert page is not None
    page.body = page.body.replace(b"placeholder", HOSTILE.replace("\x1b", "&#x9b;").encode())
    page.etag = '"hostile"'
    sqlite_do(room, "UPDATE feed SET next_poll_at = '2025-01-01 00:00:00.000000'")
    written.append(shell("once", "-c", room.config))
    # as if it had been stored before such things were taken out at the door
    for trigger in sqlite_do(room, "SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        sqlite_do(room, f'DROP TRIGGER "{trigger}"')
    sqlite_do(room, f"UPDATE entry SET title = '{HOSTILE}'")
    sqlite_do(room, f"UPDATE evidence SET title = '{HOSTILE}', quote = '{HOSTILE}'")
    for words in (["status"], ["status", "--json"], ["history", "us-approval"], ["feeds"]):
        written.append(shell(*words, "-c", room.config))
    written.append(shell("explain", HOSTILE, "-c", room.config))
    for ended in written:
        for bad in ("\x1b", "\x9b", "\u202e"):
            assert bad not in ended.out + ended.err
    assert "[red]gone[/red]" in written[1].out
    assert written[2].data[0]["last_evidence"]["title"] == HOSTILE, "JSON keeps the text, escaped"


# --- outbox ---------------------------------------------------------------------------------------


def test_the_outbox_is_listed_and_tended(shell: Shell, room: Newsroom) -> None:
    shell("once", "-c", room.config)
    room.mail.refusals["RCPT"] = "550 5.1.1 no such user"
    room.publish("wire", APPROVED, at=read_clock() - timedelta(seconds=1))
    sqlite_do(room, "UPDATE feed SET next_poll_at = '2025-01-01 00:00:00.000000'")
    assert shell("once", "-c", room.config).code == 1
    rows = shell("outbox", "list", "-c", room.config, "--json").data
    assert [(row["state"], row["item"], len(row["ledger"])) for row in rows] == [("dead", "us-approval", 1)] * 2
    first, second = (row["id"] for row in rows)
    assert first in shell("outbox", "list", "-c", room.config).out
    assert shell("outbox", "list", "--state", "sent", "-c", room.config, "--json").data == []
    lost = shell("outbox", "list", "--state", "lost", "-c", room.config)
    assert lost.code == 2
    assert "there is no state 'lost' of a delivery; allowed: pending, sending, sent, dead, dropped" in lost.err

    refused = shell("outbox", "drop", first, "-c", room.config)
    assert refused.code == 2
    assert "--yes" in refused.err
    assert shell("outbox", "drop", first, "-c", room.config, "--yes").code == 0
    room.mail.refusals.clear()
    assert shell("outbox", "retry", "-c", room.config).code == 2
    assert shell("outbox", "retry", "no-such-id", "-c", room.config).code == 2
    assert shell("outbox", "retry", "--dead", "-c", room.config).err == "queued again: 1\n"
    assert shell("once", "-c", room.config).code == 0
    assert len(room.letters()) == 1
    sent = shell("outbox", "list", "--state", "sent", "-c", room.config, "--json").data
    assert [row["id"] for row in sent] == [second]


def test_notify_says_whether_an_address_works(shell: Shell, room: Newsroom) -> None:
    assert shell("notify", "--test", "desk", "-c", room.config).out.startswith("desk: sent")
    both = shell("notify", "--test", "2", "-c", room.config, "--json")
    assert [(row["receiver"], row["sent"]) for row in both.data] == [("boss", True)]
    assert [to for to, _ in room.letters()] == ["desk@example.org", "boss@example.org"]
    named = shell("notify", "--test", "route 2", "-c", room.config, "--json")
    assert [(row["receiver"], row["sent"]) for row in named.data] == [("boss", True)]
    room.config.write_text(room.config.read_text().replace("{to: [boss]", "{name: chiefs, to: [boss]"))
    assert shell("notify", "--test", "chiefs", "-c", room.config).out.startswith("boss: sent")
    unknown = shell("notify", "--test", "dsek", "-c", room.config)
    assert "routes: route 1, chiefs" in unknown.err
    assert unknown.code == 2
    assert "boss, desk" in unknown.err
    room.mail.refusals["RCPT"] = "550 5.1.1 no such user"
    assert shell("notify", "--test", "desk", "-c", room.config).code == 1


def test_notify_says_that_a_receiver_is_switched_off(shell: Shell, room: Newsroom) -> None:
    room.config.write_text(re.sub(r"boss: .*", 'boss: {urls: ["${NOBODY:-}"]}', room.config.read_text()))
    off = shell("notify", "--test", "boss", "-c", room.config)
    assert (off.code, off.err) == (2, "watcher: the receiver 'boss' is switched off: it has no address\n")
    assert "the route 'route 2' tells nobody" in shell("notify", "--test", "2", "-c", room.config).err
    assert "boss (switched off), desk" in shell("notify", "--test", "bss", "-c", room.config).err


def test_prune_wants_to_be_told_twice(shell: Shell, room: Newsroom) -> None:
    shell("once", "-c", room.config)
    refused = shell("db", "prune", "-c", room.config)
    assert (refused.code, "--yes" in refused.err) == (2, True)
    sqlite_do(room, "UPDATE entry SET seen_at = '2020-01-01 00:00:00.000000', at = '2020-01-01 00:00:00.000000'")
    assert "text removed from" in shell("db", "prune", "-c", room.config, "--yes").err


# --- explain and backtest -------------------------------------------------------------------------


def test_explain_says_what_a_headline_does_and_why(shell: Shell, room: Newsroom) -> None:
    words = ("--outlet", "Wire One", "--date", "2025-09-25", "-c", room.config)
    text = shell("explain", APPROVED, *words).out
    for part in (APPROVED, "us-approval", "approved (done)", "Wire One, wire", "pending -> approved, alone"):
        assert part in text
    data = shell("explain", APPROVED, *words, "--json").data
    assert data["transitions"][0]["to"] == "approved"
    assert data["readings"][0]["span"]["field"] == "title"
    assert data["entry"]["at"] == "2025-09-25T00:00:00+00:00"
    one = shell("explain", APPROVED, "--outlet", "Daily Two", "-c", room.config).out
    assert "it stays, waiting" in one
    assert "about no item" in shell("explain", SMALL_TALK, "-c", room.config).out
    assert shell("explain", APPROVED, "--date", "yesterday", "-c", room.config).code == 2
    nothing = shell("explain", " ", "-c", room.config)
    assert (nothing.code, nothing.out) == (2, "")
    assert "there is nothing to explain" in nothing.err


def test_explain_begins_where_things_stand_when_asked_to(shell: Shell, room: Newsroom) -> None:
    watched(shell, room, APPROVED)
    text = shell("explain", APPROVED, "--outlet", "Wire One", "--live", "-c", room.config).out
    assert "stands at  approved" in text
    assert "it stays, same" in text
    refused = shell("explain", APPROVED, "--live", "-w", room.folder / "watchlist.yaml")
    assert refused.code == 2


def test_explain_works_on_a_watchlist_alone(shell: Shell, room: Newsroom) -> None:
    ended = shell("explain", APPROVED, "--outlet", "Wire One", "-w", room.folder / "watchlist.yaml")
    assert "pending -> approved, alone" in ended.out, "outlets.yaml beside the watchlist is found"


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = (
            "<!doctype html><html lang=en-US><head><meta charset=utf-8><title>Wire One | News</title>"
            f'<meta property="og:title" content="{APPROVED}">'
            '<meta property="og:description" content="The order was signed in Washington &amp; published.">'
            '<meta property="og:site_name" content="Wire One">'
            '<meta property="article:published_time" content="2025-09-25T14:00:00-04:00">'
            "</head><body><svg><title>icon</title></svg></body></html>"
        ).encode()
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_explain_reads_a_page(shell: Shell, room: Newsroom, site: str) -> None:
    data = shell("explain", f"{site}/news", "-c", room.config, "--json").data
    assert data["entry"]["title"] == APPROVED
    assert data["entry"]["summary"] == "The order was signed in Washington & published."
    assert data["entry"]["at"] == "2025-09-25T18:00:00+00:00"
    assert data["transitions"][0]["to"] == "approved"
    missing = shell("explain", f"{site}/missing", "-c", room.config)
    assert missing.code == 1
    assert "404" in missing.err
    private = shell("explain", f"{site}/news", "-w", room.folder / "watchlist.yaml")
    assert private.code == 1, "without a configuration that allows it, private addresses stay closed"
    allowed = shell("explain", f"{site}/news", "-w", room.folder / "watchlist.yaml", "--allow-private", "--json")
    assert allowed.data["entry"]["title"] == APPROVED


def test_explain_may_go_where_a_feed_may(shell: Shell, room: Newsroom, site: str) -> None:
    room.config.write_text(room.config.read_text().replace("allow_private: true", "allow_private: false"))
    watchlist = room.folder / "watchlist.yaml"
    assert shell("explain", f"{site}/news", "-c", room.config, "--json").data["entry"]["title"] == APPROVED
    watchlist.write_text(watchlist.read_text().partition("feeds:")[0])
    refused = shell("explain", f"{site}/news", "-c", room.config)
    assert refused.code == 1
    assert "private_address" in refused.err


ARCHIVE = [
    {"id": "a1", "seen_at": "2025-09-20T10:00:00Z", "source": "Daily Two", "title": SMALL_TALK, "link": ""},
    {"id": "a2", "seen_at": "2025-09-25T10:00:00Z", "source": "Wire One", "title": APPROVED, "link": "https://x.example"},
    {"id": "a3", "seen_at": "2025-09-26T10:00:00+02:00", "source": "Wire One", "title": CLEARED, "link": "",
     "summary": "More.", "published": "2025-09-26T07:59:00Z"},
]  # fmt: skip


def test_backtest_needs_neither_configuration_nor_database(
    shell: Shell, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(room.folder)
    room.config.unlink()
    (room.folder / "archive.jsonl").write_text("".join(json.dumps(line) + "\n" for line in ARCHIVE))
    (room.folder / "second.yaml").write_text(
        "title: Another\nactors: {eu: [EU]}\nitems:\n"
        "  - {id: more, title: More, lifecycle: approval, state: pending, about: {all: [Nexperia]}}\n"
    )
    ended = shell("backtest", "--watchlist", "watchlist.yaml", "second.yaml", "--archive", "archive.jsonl",
                  "--out", "out.jsonl", "--readings", "readings.jsonl")  # fmt: skip
    assert (ended.code, ended.out) == (0, "")
    assert "changes of state 2" in ended.err
    changes = [json.loads(line) for line in (room.folder / "out.jsonl").read_text().splitlines()]
    assert [(c["item"], c["from"], c["to"], c["entries"], c["status"]) for c in changes] == [
        ("us-approval", "pending", "approved", ["a2"], "done"),
        ("china-approval", "pending", "approved", ["a3"], "done"),
    ]
    assert {"at", "reason"} <= set(changes[0])
    readings = [json.loads(line) for line in (room.folder / "readings.jsonl").read_text().splitlines()]
    assert all(set(line) == {"id", "item", "state", "status", "cue"} for line in readings)
    assert not (room.folder / "watcher.db").exists()


def test_backtest_names_what_is_wrong(shell: Shell, room: Newsroom) -> None:
    watchlist = room.folder / "watchlist.yaml"
    missing = shell("backtest", "-w", watchlist, "--archive", room.folder / "no.jsonl", "--out", room.folder / "o")
    assert (missing.code, "no.jsonl" in missing.err) == (2, True)
    bad = room.folder / "bad.jsonl"
    bad.write_text('{"id": "a"}\n')
    ended = shell("backtest", "-w", watchlist, "--archive", bad, "--out", room.folder / "o")
    assert ended.code == 2
    assert "bad.jsonl:1" in ended.err
    assert "configuration" not in ended.err
    nowhere = shell("backtest", "-w", watchlist, "--archive", bad, "--out", room.folder / "no" / "o")
    assert nowhere.code == 2


def test_backtest_tells_every_bad_line_and_leaves_old_files_alone(shell: Shell, room: Newsroom) -> None:
    good = json.dumps(ARCHIVE[1]).encode()
    lines = [
        (b'{"id": "a"}', 'missing "seen_at", "title"'),
        (b"[1]", "not a JSON object"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not UTF-8 text"),
        (good.replace(b"2025-09-25T10:00:00Z", b"last week"), '"seen_at" is no time'),
        (good.replace(b"2025-09-25T10:00:00Z", b"0001-01-01T00:00:00+14:00"), '"seen_at" is no time'),
        (good.replace(b'"Wire One"', b"5"), '"source" is not text'),
        (good.replace(b'"Wire One"', b'"\\ud83d"'), '"source" holds half a character'),
    ]
    bad, out = room.folder / "bad.jsonl", room.folder / "out.jsonl"
    bad.write_bytes(b"\n".join([good, b"", *(line for line, _ in lines)]))
    out.write_text("of the last run\n")
    ended = shell("backtest", "-w", room.folder / "watchlist.yaml", "--archive", bad, "--out", out)
    assert (ended.code, ended.out) == (2, "")
    told = ended.err.splitlines()
    assert told[-1] == f"watcher: the archive {bad} cannot be replayed ({len(lines)} problems)"
    for number, (line, (_, words)) in enumerate(zip(told, lines, strict=False), 3):
        assert line.startswith(f"{bad}:{number}:1: {words}")
    assert out.read_text() == "of the last run\n"


def test_backtest_writes_over_nothing_it_reads(shell: Shell, room: Newsroom) -> None:
    archive, out = room.folder / "archive.jsonl", room.folder / "out.jsonl"
    archive.write_text("".join(json.dumps(line) + "\n" for line in ARCHIVE))
    before = archive.read_text()
    words = ("backtest", "-w", room.folder / "watchlist.yaml", "--archive", archive, "--out")
    for ended in (shell(*words, archive), shell(*words, out, "--readings", out)):
        assert ended.code == 2
        assert "is named twice" in ended.err
    assert archive.read_text() == before
    if Path("/dev/full").exists():
        full = shell(*words, "/dev/full")
        assert full.code == 1
        assert full.err.startswith("watcher: cannot write")


# --- demo -----------------------------------------------------------------------------------------


def test_the_demo_names_what_is_missing() -> None:
    code = "import sys\nsys.modules['aiosmtpd'] = None\nfrom watcher.cli import main\nmain(['demo'])\n"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert "aiosmtpd" in ended.stderr
    assert "policy-watcher[demo]" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_feeds_tell_their_health_and_what_became_of_them(shell: Shell, room: Newsroom) -> None:
    shell("once", "-c", room.config)
    feeds = {feed["id"]: feed for feed in shell("feeds", "-c", room.config, "--json").data}
    assert (feeds["agg"]["health"], feeds["agg"]["health_reason"]) == ("healthy", "answers")
    assert feeds["wire"]["health"] == "new"  # its entries are old: three polls will tell whether it is quiet
    assert feeds["wire"]["interval"] == room.settings().feeds[0].every.total_seconds()
    assert feeds["agg"]["expected_period"] == 30 * 86_400
    assert shell("feeds", "--health", "broken", "--health", "late", "-c", room.config, "--json").data == []
    assert [feed["id"] for feed in shell("feeds", "--health", "healthy", "-c", room.config, "--json").data] == ["agg"]
    refused = shell("feeds", "--health", "ill", "-c", room.config)
    assert (refused.code, "allowed: new, healthy, quiet" in refused.err) == (2, True)
    (change,) = shell("feeds", "--history", "agg", "-c", room.config, "--json").data
    assert (change["n"], change["from_state"], change["to_state"]) == (1, "new", "healthy")
    assert "new" in shell("feeds", "--history", "agg", "-c", room.config).out
    assert shell("feeds", "--history", "nobody", "-c", room.config).code == 2


def test_status_tells_how_many_sources_of_an_item_answer(shell: Shell, room: Newsroom) -> None:
    shell("once", "-c", room.config)
    (first, *_) = shell("status", "-c", room.config, "--json").data
    assert first["sources"]["chosen"] == 3
    assert first["sources"]["answered"] + len(first["sources"]["missing"]) == 3
    assert "of 3" in shell("status", "-c", room.config).out


def test_compact_says_what_it_gained(shell: Shell, room: Newsroom) -> None:
    shell("once", "-c", room.config)
    done = shell("db", "compact", "-c", room.config)
    assert (done.code, "MB before" in done.err) == (0, True)
