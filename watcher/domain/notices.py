"""Recognise the notice with which an outlet takes back or corrects what it published: "CORRECTED-…", "(Retracted)".

Only as a label that opens or closes a title: a text *about* a correction is read like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from watcher.domain.model import Lexicon

_SLUG = r"\W*(?:[\w]+\s\d{1,2}\s?[-:–—]\s*)?"  # "UPDATE 2-"
_CLOSES = r"(?:\s*\([^)]{0,30}\))?\s*(?:[-:–—\])】：]|$)"


class Notice(StrEnum):
    """What an outlet does with its earlier report."""

    CORRECTED = "corrected"
    RETRACTED = "retracted"


class Notices:
    """The labels of all languages, compiled; the lexicons' classes of words are named like the notices."""

    def __init__(self, lexicons: Iterable[Lexicon]) -> None:
        loaded = list(lexicons)
        self._patterns = [
            (notice, _compile({phrase for lexicon in loaded for phrase in lexicon.words.get(notice.value, ())}))
            for notice in (Notice.RETRACTED, Notice.CORRECTED)
        ]

    def of(self, title: str) -> Notice | None:
        """Return the notice a title carries; a title that is both withdrawn and corrected is withdrawn."""
        return next((n for n, pattern in self._patterns if pattern is not None and pattern.search(title)), None)


def _compile(phrases: set[str]) -> re.Pattern[str] | None:
    if not phrases:
        return None
    words = "|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in sorted(phrases, key=len, reverse=True))
    label = rf"(?:{words})"
    return re.compile(rf"\A{_SLUG}{label}{_CLOSES}|[\[(（【]\s*{label}[^\])）】]{{0,30}}[\])）】]\s*\Z", re.IGNORECASE)
