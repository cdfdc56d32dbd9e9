"""Tell in which language a text is written, as far as that decides how it is read.

By script where that is enough, otherwise by function words; a short text without any is taken for English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from watcher.domain.text import Word

_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),  # before Chinese: Japanese writes Chinese characters too
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u3400-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
)

_FIRST, _SECOND = ("von", "van"), ("der", "den", "de", "dem")  # words with which surnames begin


def language(text: str, text_words: Sequence[Word], known: Mapping[str, frozenset[str]], told: str = "") -> str:
    """Return the language code of a text.

    `known` are function words by language; `told` is what the feed says, believed where the text does not speak
    against it.
    """
    latin = text.isascii()
    for code, script in () if latin else _SCRIPTS:
        if len(script.findall(text)) >= 2:
            return code
    lows = [w.low for k, w in enumerate(text_words) if not _in_a_name(text_words, k)]
    counts = {code: sum(map(function.__contains__, lows)) for code, function in known.items()}
    best = max(counts, key=lambda code: (counts[code], code == "en"), default="en")
    accents = not latin and any(ord(c) > 0x7F and c.isalpha() for c in text)
    least = 1 if best == told or accents else 2
    if best != "en" and counts[best] >= least and counts[best] > counts.get("en", 0):
        return best
    return told if told and told != "en" and not counts.get("en", 0) else "en"


def _in_a_name(text_words: Sequence[Word], at: int) -> bool:
    """Whether word `at` is the beginning of a surname: "von der Leyen" makes no sentence German."""
    if text_words[at].low in _SECOND and at:
        at -= 1
    if text_words[at].low not in _FIRST or at + 2 >= len(text_words):
        return False
    return text_words[at + 1].low in _SECOND and text_words[at + 2].capital
