"""The specification of reading: a table of sentences in our own words, and what each says of a watch item.

One file a lifecycle in tests/data/readings/, plus one in Chinese. `python tests/unit/test_reading_table.py` prints
the share that is read right and every miss.

A case has `text`, `item`, `state` (null where none is told) and `status`, each a list where either will do, or
`none: true` where the text is not about the item at all. Optional: `value`, `source` (the outlet), `summary`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from watcher.config.lexicons import load_lexicons
from watcher.config.lifecycles import shipped_lifecycles
from watcher.domain.model import About, Actor, Entry, Item, Reading, Rules, Status
from watcher.judging import Judge

FOLDER = Path(__file__).parent.parent / "data" / "readings"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)  # a Tuesday; relative dates in the texts count from here
NOTHING: tuple[str, ...] = ()  # the statuses of a text that is not about the item


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    file: str
    line: int
    text: str
    item: str
    states: tuple[str | None, ...]
    statuses: tuple[str, ...]
    value: str | None = None
    source: str = ""
    summary: str = ""
    limit: str = ""  # why it is read wrongly today; the mark goes when the reading is right

    @property
    def id(self) -> str:
        """What a test report shows."""
        plain = self.text[:60].replace("’", "'")  # pytest escapes whatever is not ASCII, beyond reading
        return f"{self.file}:{self.line}-{self.item}" + (f"-{plain}" if plain.isascii() else "")

    @property
    def expected(self) -> str:
        """The right answer, for people."""
        if self.statuses == NOTHING:
            return "not about it"
        states = "/".join(str(s or "-") for s in self.states)
        return f"{states} {'/'.join(self.statuses)}" + (f" = {self.value}" if self.value else "")

    def fits(self, reading: Reading | None) -> bool:
        """True when this is the right reading of the text."""
        if reading is None or self.statuses == NOTHING:
            return reading is None and self.statuses == NOTHING
        right = reading.state in self.states and reading.status.value in self.statuses
        return right and self.value in (None, reading.value)


def _group(words: Any) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else tuple(words)


def _item(raw: dict[str, Any]) -> Item:
    about = raw["about"]
    return Item(
        id=raw["id"],
        title=raw["title"],
        lifecycle=raw["lifecycle"],
        state=raw["state"],
        value=raw.get("value"),
        decided_by=_group(raw.get("decided_by", ())),
        against=_group(raw.get("against", ())),
        with_=_group(raw.get("with", ())),
        about=About(
            all=tuple(_group(g) for g in _group(about.get("all", ()))),
            any=_group(about.get("any", ())),
            none=_group(about.get("none", ())),
        ),
    )


def _case(file: str, line: int, raw: dict[str, Any]) -> Case:
    unknown = set(raw) - {"text", "item", "state", "status", "value", "source", "summary", "none", "limit"}
    assert not unknown, f"{file}:{line}: {unknown}"
    if raw.get("none"):
        assert "state" not in raw, f"{file}:{line}"
        states: tuple[str | None, ...] = (None,)
        statuses = NOTHING
    else:
        state = raw["state"]
        states = tuple(state) if isinstance(state, list) else (state,)
        statuses = tuple(Status(status).value for status in _group(raw["status"]))
    value = raw.get("value")
    return Case(
        file, line, raw["text"], raw["item"], states, statuses,
        str(value) if value is not None else None, raw.get("source", ""), raw.get("summary", ""), raw.get("limit", ""),
    )  # fmt: skip


@cache
def load(path: Path) -> tuple[Judge, tuple[Case, ...]]:
    """Return the judge of a file's items, and its cases."""
    data = YAML(typ="rt", pure=True).load(path.read_text("utf-8"))
    actors = {name: Actor(name, tuple(names)) for name, names in data["actors"].items()}
    items = tuple(_item(raw) for raw in data["items"])
    rules = Rules(items=items, actors=actors, lifecycles=shipped_lifecycles(), lexicons=load_lexicons())
    raws = data["cases"]
    return Judge(rules), tuple(_case(path.stem, raws.lc.item(n)[0] + 1, raw) for n, raw in enumerate(raws))


def read(judge: Judge, case: Case) -> Reading | None:
    """Return what the engine reads in the text of its item."""
    entry = Entry(
        id=case.id,
        feed="table",
        title=case.text,
        summary=case.summary,
        source=case.source or "The Daily Gazette",
        at=NOW,
        seen_at=NOW,
    )
    found = [r for r in judge.read(entry) if r.item == case.item]
    assert len(found) <= 1, f"{len(found)} readings of one item"
    return found[0] if found else None


def told(reading: Reading | None) -> str:
    """Return a reading in the words of `Case.expected`."""
    if reading is None:
        return "not about it"
    return f"{reading.state or '-'} {reading.status.value}" + (f" = {reading.value}" if reading.value else "")


def files(folder: Path = FOLDER) -> list[Path]:
    """Return the files of the table."""
    return sorted(folder.glob("*.yaml"))


def score(folder: Path = FOLDER) -> tuple[int, int, list[str]]:
    """Return how many cases are read right, how many there are, and the misses in words."""
    right = total = 0
    misses: list[str] = []
    for path in files(folder):
        judge, cases = load(path)
        for case in cases:
            total += 1
            try:
                reading = read(judge, case)
                got = told(reading)
                why = reading.why if reading else ()
                fits = case.fits(reading)
            except Exception as error:  # a crash on one line must not hide the others
                got, why, fits = f"{type(error).__name__}: {error}", (), False
            right += fits
            if not fits:
                where = f"{case.file}:{case.line} [{case.item}]"
                misses.append(f"{where} {case.text} | {case.expected} | {got} | {' ; '.join(why)}")
    return right, total, misses


def _marks(case: Case) -> tuple[pytest.MarkDecorator, ...]:
    """A known limit must fail: the mark is wrong as soon as the sentence is read right."""
    return (pytest.mark.xfail(reason=case.limit, strict=True),) if case.limit else ()


CASES = [(path, case) for path in files() for case in load(path)[1]]


@pytest.mark.parametrize(("path", "case"), [pytest.param(p, c, id=c.id, marks=_marks(c)) for p, c in CASES])
def test_the_table(path: Path, case: Case) -> None:
    """Every line of the table is read as it says."""
    reading = read(load(path)[0], case)
    why = reading.why if reading else ()
    assert case.fits(reading), f"{case.text}\n  expected: {case.expected}\n  got: {told(reading)}  {why}"


@pytest.mark.parametrize("path", files(), ids=lambda p: p.stem)
def test_the_table_makes_sense(path: Path) -> None:
    """Its items, actors and states exist, and no line stands in it twice."""
    judge, cases = load(path)
    for item in judge.items.values():
        assert {*item.decided_by, *item.against, *item.with_} <= set(judge.rules.actors), item.id
        assert item.state in judge.rules.lifecycles[item.lifecycle].start, item.id
    for case in cases:
        assert case.item in judge.items, case.id
        known = judge.rules.lifecycles[judge.items[case.item].lifecycle].states
        assert all(state is None or state in known for state in case.states), case.id
        assert (None in case.states) == (case.statuses in (("mention",), NOTHING)), case.id
    doubles = [key for key, n in Counter((c.text, c.item, c.summary) for c in cases).items() if n > 1]
    assert not doubles


def main() -> None:
    """Print the share read right, file by file, and the misses."""
    right, total, misses = score()
    missed = Counter(m.split(":", 1)[0] for m in misses)
    for miss in misses:
        print(miss)
    print()
    for path in files():
        n = len(load(path)[1])
        print(f"{path.stem:14} {n - missed[path.stem]:4} of {n:4}  {1 - missed[path.stem] / n:.2f}")
    print(f"{'all':14} {right:4} of {total:4}  {right / total:.2f}")


if __name__ == "__main__":
    main()
