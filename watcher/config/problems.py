"""Where every mistake in an operator's file is collected: one `Problems` per run, asked at the end.

Messages never repeat a value that came from the environment or from `!file`; nothing here reads a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches

from watcher.errors import ConfigError, Problem

Place = tuple[int, int]  # 1-based line and column
WHOLE_FILE: Place = (0, 0)


_QUOTED = re.compile(r'"[^"]*"')
_LONG = 8  # shorter secrets are hidden only where a message quotes a value: "info" is a word of its own, too


class Problems:
    """The mistakes found so far, each once. What was told to `hide` appears in none of them."""

    def __init__(self, hidden: set[str] | None = None) -> None:
        self._found: dict[Problem, None] = {}
        self.hidden: set[str] = set() if hidden is None else hidden

    def hide(self, value: str) -> None:
        """Keep a value out of every message, whether noted before or after."""
        self.hidden |= {each for each in (value, value.strip(), " ".join(value.split())) if each}

    def add(self, file: str, place: Place, message: str, allowed: str = "") -> None:
        """Note one mistake at a 1-based line and column; (0, 0) means the whole file."""
        self._found[Problem(file, place[0], place[1], message, allowed)] = None

    def stop(self) -> None:
        """Raise ConfigError with everything noted, if anything was."""
        if self._found:
            raise ConfigError(list(self))

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(
            sorted({replace(p, message=self._mask(p.message), allowed=self._mask(p.allowed)) for p in self._found})
        )

    def _mask(self, text: str) -> str:
        secrets = sorted(self.hidden, key=len, reverse=True)
        for secret in secrets:
            if len(secret) >= _LONG:
                text = text.replace(secret, "•••")
        return _QUOTED.sub(lambda m: '"•••"' if any(s in m[0] for s in secrets) else m[0], text)


def hint(given: str, known: Iterable[str]) -> str:
    """Return '; did you mean "x"?' for the nearest known word, or nothing."""
    by_folded = {k.casefold(): k for k in known}
    near = get_close_matches(given.casefold(), by_folded, n=1, cutoff=0.65)
    return f'; did you mean "{by_folded[near[0]]}"?' if near else ""


def listed(words: Iterable[str], limit: int = 40) -> str:
    """Join the allowed words for a message, cut after `limit`."""
    words = list(words)
    return ", ".join(words[:limit]) + (", …" if len(words) > limit else "")
