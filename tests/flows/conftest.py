"""Fixtures of the flows: the command line, run in this process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from commands import Ended, Shell

from watcher.cli import main


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Run one command in this process, with stdin closed as in a pipe; logging is put back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def run(*words: object) -> Ended:
        capsys.readouterr()
        with Path(os.devnull).open() as nothing, monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", nothing)
            try:
                main([str(word) for word in words])
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 0
            else:
                code = 0
        out, err = capsys.readouterr()
        print(words, code, err)  # shown when the test fails
        assert "Traceback" not in err
        return Ended(code, out, err)

    yield run
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
