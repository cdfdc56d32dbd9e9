"""Fixtures of the pages: the command line, run in this process."""

from flows.conftest import shell

__all__ = ["shell"]
