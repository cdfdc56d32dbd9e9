"""Whatever text stands in a file: settings or a ConfigError, never anything else."""

from __future__ import annotations

import string
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_config_mistakes import FILES, write

from watcher.config import Settings, load
from watcher.errors import ConfigError, Problem

WORDS = sorted({w for text in FILES.values() for w in text.replace(":", " ").split()})
PIECES = st.one_of(
    st.sampled_from(
        [*WORDS, *":-{}[],&*!|>'\"%@`#?~\n\t ", "  ", ": ", "- ", "${", "}", "${X}", "${X:-y}", "$${", "!file "]
    ),
    st.text(alphabet=string.printable, max_size=4),
    st.text(max_size=2),
)
TEXT = st.lists(PIECES, max_size=40).map("".join)
FAST = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def attempt(name: str, text: str) -> None:
    with TemporaryDirectory() as folder:
        path = write(Path(folder))
        (Path(folder) / name).write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
        problems: tuple[Problem, ...] = ()
        try:
            assert isinstance(load(path, {"X": "value"}), Settings)
        except ConfigError as error:
            problems = error.problems or (Problem("", -1, -1, "an error without a problem"),)
        assert all(p.line >= 0 and p.column >= 0 and p.message for p in problems), problems


@pytest.mark.parametrize("name", FILES)
@given(text=TEXT)
@FAST
def test_any_text(name: str, text: str) -> None:
    attempt(name, text)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@FAST
def test_a_good_file_with_something_put_in(name: str, data: st.DataObject) -> None:
    text = FILES[name]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 12)))
    attempt(name, text[:start] + data.draw(TEXT) + text[end:])
