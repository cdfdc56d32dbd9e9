"""The command line: what an operator or an analyst types. `main` is the entry point.

Modules here load what they need when a command runs, so that `watcher --help` is quick.
"""

from __future__ import annotations

from watcher.cli.program import main, program

__all__ = ["main", "program"]
