"""Every error that `watcher` raises on purpose; nothing here may import the rest of the package.

    WatcherError                exit 1
    ├── ConfigError             exit 2   the operator's files are wrong; carries every problem found
    ├── ArchiveError            exit 2   an archive to replay has lines that are no entries; carries every one
    ├── UsageError              exit 2   the command cannot do what was asked (unknown item, unknown route)
    ├── StoreError              exit 1   the database refused
    │   ├── SchemaError                  the database is not at this version's schema
    │   └── RacedError                   another worker was first; load again and repeat
    └── FeedError               exit 1   a source could not be read

Delivery has no error class: a send ends in a value (`Sent` or `Failed`), because a failure is data to keep.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a configuration file: where it is, what is wrong, and what is allowed there."""

    file: str
    line: int  # 1-based, 0 when the whole file is meant
    column: int  # 1-based
    message: str
    allowed: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.message}" + (f" (allowed: {self.allowed})" if self.allowed else "")


class WatcherError(Exception):
    """The root; its message is written for an operator."""

    exit_code = 1
    retryable = False


class ConfigError(WatcherError):
    """The configuration is wrong; `problems` holds every mistake found in one run, in file order."""

    exit_code = 2

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(p) for p in self.problems))


class ArchiveError(WatcherError):
    """An archive of entries cannot be replayed; `problems` holds every bad line, in order."""

    exit_code = 2

    def __init__(self, archive: str, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.archive = archive
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(p) for p in self.problems))


class UsageError(WatcherError):
    """The command names something that does not exist or cannot be done."""

    exit_code = 2


class StoreError(WatcherError):
    """The database could not do what was asked."""


class SchemaError(StoreError):
    """The database has no tables yet, or those of another version: run `watcher db upgrade`."""


class RacedError(StoreError):
    """A guarded update found that another worker was first."""

    retryable = True


class FeedError(WatcherError):
    """A source could not be read; `retryable` says whether waiting may help."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable
