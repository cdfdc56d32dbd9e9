"""`watcher run` as a child process: the daemon as an operator starts it, ends it, or loses it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from watcher.errors import WatcherError

STOP_TIMEOUT_S = 15.0


class Daemon:
    """One daemon on one configuration; it can be killed and started again on the same database.

    Everything it prints goes to `log`. Use as a context manager: leaving it ends the process whatever happened.
    """

    def __init__(self, config: Path, log: Path, env: Mapping[str, str] | None = None) -> None:
        self._config = config
        self._log = log
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def __enter__(self) -> Daemon:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process; it must not be running."""
        command = [sys.executable, "-m", "watcher", "run", "--config", str(self._config)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self._env
            )
        self.starts += 1

    def check(self) -> None:
        """Raise WatcherError with the end of its log when the process has ended by itself."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise WatcherError(f"the daemon ended by itself with exit status {code}; its last words:\n{self.tail()}")

    def kill(self) -> None:
        """End the process without a warning (SIGKILL), as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> int:
        """Ask the process to end (SIGTERM) and return its exit status; -9 when it had to be killed, 0 if none ran."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._process = None
        return code

    def tail(self, lines: int = 15) -> str:
        """The last lines it printed."""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
