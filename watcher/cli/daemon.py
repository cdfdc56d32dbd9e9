"""`run` and `once`: the daemon, and one round of what it does."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import tzinfo
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import typer

from watcher.cli.options import DEFAULT_CONFIG, Config, Json, settings_from
from watcher.cli.output import emit_json, emit_lines, moment, remark

if TYPE_CHECKING:
    from watcher.app import Order, Round

CHANGED = 3  # exit code of `once` when an item changed state


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Watch")(run)
    program.command(rich_help_panel="Watch")(once)


def run(config: Config = DEFAULT_CONFIG) -> None:
    """Watch until told to stop: poll, judge and deliver, each when its time has come.

    Begins with the checks of `watcher check`. SIGTERM or Ctrl-C ends it in order within ten seconds; SIGHUP reads the
    configuration again, and keeps the one in use when the new one is wrong.
    """
    signals = _Signals()
    from watcher.app import App, Order, log_as

    orders: SimpleQueue[Order] = SimpleQueue()
    signals.send_to(orders, stop=Order.STOP, reload=Order.RELOAD)
    settings = settings_from(config, addresses=True)
    if signals.stopped:
        return
    log_as(settings)
    with App.open(settings) as app:
        finished = signals.stopped or app.run(orders)
    if not finished:
        # A send that hangs would hold the process up in its thread; its delivery is leased and will be sent again.
        sys.stderr.flush()
        os._exit(1)


class _Signals:
    """Takes the process's signals from its making on, before there is anybody who could obey them."""

    def __init__(self) -> None:
        self.stopped = False
        self._stop: Callable[[], None] | None = None
        self._reload: Callable[[], None] | None = None
        signal.signal(signal.SIGTERM, self._told_to_stop)
        signal.signal(signal.SIGINT, self._told_to_stop)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._told_to_reload)

    def send_to(self, orders: SimpleQueue[Order], *, stop: Order, reload: Order) -> None:
        """Pass orders on from now on; one to reload that came before means nothing, for nothing was loaded."""
        self._stop, self._reload = partial(orders.put, stop), partial(orders.put, reload)
        if self.stopped:
            self._stop()

    def _told_to_stop(self, signum: int, _frame: Any) -> None:
        signal.signal(signum, signal.SIG_DFL)  # the second one does not ask
        self.stopped = True
        if self._stop:
            self._stop()

    def _told_to_reload(self, _signum: int, _frame: Any) -> None:
        if self._reload:
            self._reload()


def once(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Do one round: poll what is due, judge what waits, send what is due, tidy up.

    Exit code: 0 nothing changed, 3 an item changed state, 1 something failed (no feed answered, or a delivery was given
    up), 2 wrong usage or configuration.
    """
    from watcher.app import App, log_as

    settings = settings_from(config, addresses=True)
    log_as(settings)
    with App.open(settings) as app:
        done = app.once()
    if as_json:
        _show_json(done)
    else:
        _show(done, settings.zone)
    faults = _faults(done)
    for fault in faults:
        remark(f"watcher: {fault}")
    if faults:
        raise typer.Exit(1)
    if done.cycled.transitions:
        raise typer.Exit(CHANGED)


def _faults(done: Round) -> list[str]:
    from watcher.pipeline import SendResult

    faults = []
    if done.cycled.feeds and not any(feed.result.ok for feed in done.cycled.feeds):
        faults.append("no feed answered: see `watcher feeds`")
    if dead := sum(one.result is SendResult.DEAD for one in done.delivered.tried):
        faults.append(f"deliveries given up: {dead}, see `watcher outbox list`")
    return faults


def _show(done: Round, zone: tzinfo) -> None:
    from watcher.pipeline import SendResult

    cycled = done.cycled
    emit_lines(
        f"{t.item}: {t.from_state} -> {t.to_state}{f' ({t.to_value})' if t.to_value else ''}"
        f"  {moment(t.at, zone)}  {t.reason.value}: {t.detail}"
        for t in cycled.transitions
    )
    sent = sum(one.result is SendResult.SENT for one in done.delivered.tried)
    remark(
        f"feeds polled {len(cycled.feeds)}, failed {sum(not f.result.ok for f in cycled.feeds)}; "
        f"new entries {sum(f.new for f in cycled.feeds)}, judged {cycled.entries}; "
        f"changes {len(cycled.transitions)}; deliveries sent {sent}, waiting {done.swept.backlog.pending}"
    )


def _show_json(done: Round) -> None:
    from watcher.backtest import transition_line

    emit_json(
        {
            "feeds": [asdict(feed) for feed in done.cycled.feeds],
            "judged": done.cycled.entries,
            "transitions": [transition_line(transition) for transition in done.cycled.transitions],
            "deliveries": [asdict(one) for one in done.delivered.tried],
            "waiting": done.swept.backlog.pending,
        }
    )
