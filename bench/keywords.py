"""A plain keyword matcher as a peer: the same watchlist and the same rule of evidence, and no grammar.

    python bench/keywords.py --watchlist FILE --archive ARCHIVE.jsonl --out CHANGES.jsonl --readings READINGS.jsonl

An item's phrases (`about`) are looked for in title and summary together, in any case, as substrings, or as whole words
with --whole-words. Its state is that of the cue of its lifecycle that stands first in the text, in any form of its
verb; where the cue has a gap, all its parts must follow one another. What is told so is taken for done; where no cue
stands, the item is just mentioned. The changes of state are decided by the product, and the files are written as
`watcher backtest` writes them: whoever scores the one can score the other.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

from watcher.backtest import read_archive, reading_line, transition_line
from watcher.config import load_rules
from watcher.domain.cues import inflect
from watcher.domain.matching import expand
from watcher.domain.model import Entry, Item, Lexicon, Reading, Rules, Span, Status
from watcher.domain.times import EPOCH
from watcher.errors import WatcherError
from watcher.judging import Docket, Judge, Judgement, opening

_VERBS = ("does", "happens", "flow")
_NOT_WORDS = re.compile(r"[\W_]+")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_WHY = ("a keyword stands there",)


class Keywords:
    """Says of a text which items and states its words stand for."""

    def __init__(self, rules: Rules, *, whole_words: bool) -> None:
        self._rules = rules
        self._form: Callable[[str], str] = _spaced if whole_words else str.lower
        self._cues = {
            lifecycle: [
                (parts, state)
                for lexicon in rules.lexicons.values()
                if lifecycle in lexicon.lifecycles
                for parts, state in self._compile(lexicon, lifecycle)
            ]
            for lifecycle in rules.lifecycles
        }
        self._wanted = {item.id: self._conditions(item) for item in rules.items}

    def read(self, entry: Entry) -> tuple[Reading, ...]:
        """Return one reading for each item whose phrases stand in the entry."""
        text = self._form(f"{entry.title} {entry.summary}")
        return tuple(
            self._reading(entry, item, text)
            for item in self._rules.items
            if entry.at >= (item.since or EPOCH) and self._is_about(item, text)
        )

    def _is_about(self, item: Item, text: str) -> bool:
        groups, none = self._wanted[item.id]
        return all(any(p in text for p in group) for group in groups) and not any(p in text for p in none)

    def _reading(self, entry: Entry, item: Item, text: str) -> Reading:
        found = (
            (at, -len(parts[0]), state, " ".join(p.strip() for p in parts))
            for parts, state in self._cues[item.lifecycle]
            if (at := _stands(parts, text)) >= 0
        )
        _, _, state, cue = min(found, default=(0, 0, None, ""))
        status = Status.MENTION if state is None else Status.DONE
        span = Span("title", 0, len(entry.title))
        return Reading(item.id, state, status, cue, span, entry.title, None, _WHY if state else ())

    def _conditions(self, item: Item) -> tuple[list[list[str]], list[str]]:
        about, actors = item.about, self._rules.actors
        groups = [*about.all, *([about.any] if about.any else []), *(g for n in about.near for g in n.groups)]
        forms = [[self._form(text) for text in expand(group, actors)] for group in groups]
        return forms, [self._form(text) for text in expand(about.none, actors)]

    def _compile(self, lexicon: Lexicon, lifecycle: str) -> Iterator[tuple[tuple[str, ...], str]]:
        """The parts that must follow one another, with their state, of every cue of a lifecycle."""
        for state, kinds in lexicon.lifecycles[lifecycle].cues.items():
            for kind, texts in kinds.items():
                for text in texts:
                    for words in _spelled(text, lexicon.irregular if kind in _VERBS else None):
                        yield tuple(self._form(part.strip()) for part in words.split("~") if part.strip()), state


def _spaced(text: str) -> str:
    """Lower case, words and Chinese characters parted and enclosed by blanks: a whole word is then a substring."""
    parted = _CHINESE.sub(r" \g<0> ", text.lower())
    return f" {_NOT_WORDS.sub(' ', parted).strip()} "


def _spelled(text: str, irregular: Mapping[str, tuple[str, ...]] | None) -> list[str]:
    """Write a cue out: every choice of `a|b`, and where the first word is a verb every form of it."""
    choices = [piece.split("|") for piece in text.removeprefix("=").split()]
    if irregular is not None and not text.startswith("="):
        heads = [head for head in choices[0] if head.isascii()]
        choices[0] += [form for head in heads for form in inflect(head, irregular.get(head, ()))]
    return [" ".join(words) for words in product(*choices)]


def _stands(parts: Sequence[str], text: str) -> int:
    """Where the first part stands when the others follow it, -1 for nowhere."""
    first = text.find(parts[0])
    at = first
    for part in parts[1:]:
        if at >= 0:
            at = text.find(part, at)
    return -1 if at < 0 else first


def judge(rules: Rules, entries: Sequence[Entry], *, whole_words: bool) -> Iterator[Judgement]:
    """Judge entries in order of time by keywords, and decide as the product does."""
    keywords = Keywords(rules, whole_words=whole_words)
    docket = Docket(Judge(rules), opening(rules.items), lambda _item: ())
    for entry in sorted(entries, key=lambda e: e.at):
        yield docket.take(entry, keywords.read(entry))


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, judge, write; 2 when the files are wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watchlist", "-w", action="append", type=Path, required=True, metavar="FILE")
    parser.add_argument("--outlets", type=Path, help="default: outlets.yaml one folder up", metavar="FILE")
    parser.add_argument("--archive", type=Path, required=True, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--readings", type=Path, required=True, metavar="FILE")
    parser.add_argument("--whole-words", action="store_true", help="phrases and cues only as whole words")
    options = parser.parse_args(arguments)
    beside = options.watchlist[0].absolute().parent.parent / "outlets.yaml"
    outlets = options.outlets or (beside if beside.is_file() else None)
    try:
        rules, _ = load_rules(options.watchlist, outlets, os.environ)
        entries = list(read_archive(options.archive))
    except WatcherError as error:
        print(error, file=sys.stderr)
        return 2
    started = time.perf_counter()
    readings = changes = 0
    with options.out.open("w", encoding="utf-8") as out, options.readings.open("w", encoding="utf-8") as told:
        for judgement in judge(rules, entries, whole_words=options.whole_words):
            for transition in judgement.transitions:
                out.write(json.dumps(transition_line(transition), ensure_ascii=False) + "\n")
                changes += 1
            for reading in judgement.readings:
                told.write(json.dumps(reading_line(judgement.entry, reading), ensure_ascii=False) + "\n")
                readings += 1
    seconds = time.perf_counter() - started
    print(f"entries {len(entries)}, readings {readings}, changes of state {changes}, {seconds:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
