"""How fast texts are read: headlines a second, growth with the number of items, long articles, and building a Judge.

    python bench/reading.py [ARCHIVE.jsonl] [--watchlist FILE...] [--headlines N] [--runs N] [--seed N] [--out FILE]

Without an archive the headlines are made up from the word lists below and the watchlist's own phrases, the same for
the same seed. Items beyond those of the watchlist are made up too: invented places and institutions, and subjects
that the headlines do talk about, so that a subject alone picks thousands of items. The seconds are those of one core,
so that other work on the machine counts little; the cases take turns, and the median of the runs counts. The table
goes to stderr, the figures to stdout as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from watcher.backtest import read_archive
from watcher.config import load_rules
from watcher.domain.model import About, Actor, Entry, Item, Rules
from watcher.errors import WatcherError
from watcher.judging import Docket, Judge, opening

HOME = Path(__file__).resolve().parents[1]
SHIPPED = HOME / "config" / "watchlists" / "us-china-madrid.yaml"
OUTLETS = HOME / "config" / "outlets.yaml"
SIZES = (16, 1_600, 16_000)
ARTICLE_WORDS = 600
ARTICLES = 400
ABOUT_AN_ITEM = 0.02  # share of made-up headlines put together from a shipped item's own phrases
START = datetime(2025, 9, 15, tzinfo=UTC)

PEOPLE = (
    "ministers|lawmakers|farmers|investors|teachers|doctors|rivals|voters|pilots|engineers|researchers|officials|judges|"
    "miners|dockers|traders|regulators|campaigners|mayors|nurses|fishermen|brewers|publishers|carmakers|airlines|banks"
).split("|")
ACTS = (
    "lifts|imposes|approves|rejects|delays|signs|publishes|fines|blocks|extends|weighs|denies|urges|plans|announces|"
    "drops|seeks|reviews|questions|welcomes|defends|debates|warns of|prepares for|backs away from|agrees to|votes on"
).split("|")
SUBJECTS = (
    "fishing quota|milk price|rail link|grain corridor|steel tariff|export licence|chip sale|port strike|"
    "water treaty|border tax|visa waiver|merger|pension reform|gas pipeline|air passenger duty|sugar levy|"
    "nurse pay deal|lithium mine|election law|press law|school curriculum|vaccine patent|drone ban|data transfer|"
    "carbon market|whale hunt|ferry route|oil embargo|asylum rule|football broadcasting rights|minimum wage|"
    "bank bailout|copyright bill|satellite launch|nuclear permit|peace talks|prisoner exchange|truce|summit|"
    "court ruling|antitrust inquiry|broadband auction|plastic bag charge|rent cap|wolf cull|rice import|wine duty|"
    "timber sale|cattle disease|toll road|harbour expansion|museum loan|extradition treaty|budget deal|tax treaty|"
    "research grant|flood defence|hydrogen subsidy|ship insurance"
).split("|")
FILLERS = (
    "after a long night|before the holidays|amid protests|as prices climb|in the capital|despite doubts|this week|"
    "for a third time|in a close vote|with immediate effect|under pressure|without a word|in spring|on Tuesday|"
    "as harvest fails|while talks go on|at the last minute|to the surprise of many|once more|in the north"
).split("|")
COUNTRIES = (
    "Norway|Brazil|Kenya|Peru|Poland|Vietnam|Ghana|Chile|Spain|Egypt|Turkey|Mexico|Canada|Japan|India|Italy|Greece|Oman"
).split("|")
SYLLABLES = (
    "bar|kel|mor|ven|tir|lan|dros|quil|hav|sem|ost|ruk|fen|jal|wex|nor|pell|gant|zim|tol|urm|cass|ild|bry".split("|")
)
INSTITUTIONS = "Council|Ministry of Trade|Assembly|High Court|Central Bank|Port Authority|Senate|Energy Agency".split(
    "|"
)


# --- texts ----------------------------------------------------------------------------------------


def make_archive(rules: Rules, count: int, seed: int) -> list[Entry]:
    """Make up `count` headlines, some of them about the rules' own items; the same for the same seed."""
    rnd = random.Random(f"headlines {seed}")
    outlets = [outlet.name for outlet in rules.outlets] or ["The Gazette"]
    entries = []
    for number in range(count):
        item = rnd.choice(rules.items) if rnd.random() < ABOUT_AN_ITEM else None
        title = _about(item, rules, rnd) if item else _headline(rnd)
        at = START + timedelta(minutes=number)
        entries.append(
            Entry(
                f"h{number}",
                "archive",
                title,
                at,
                at,
                source=rnd.choice(outlets),
                link=f"https://news.example/{number}",
            )
        )
    return entries


def _headline(rnd: random.Random) -> str:
    who = rnd.choice(COUNTRIES) if rnd.random() < 0.5 else rnd.choice(PEOPLE).capitalize()
    tail = f"{rnd.choice(FILLERS)}, {rnd.choice(PEOPLE)} say" if rnd.random() < 0.4 else rnd.choice(FILLERS)
    return f"{who} {rnd.choice(ACTS)} {rnd.choice(SUBJECTS)} {tail}"


def _about(item: Item, rules: Rules, rnd: random.Random) -> str:
    groups = [
        *item.about.all,
        *([item.about.any] if item.about.any else []),
        *(g for n in item.about.near for g in n.groups),
    ]
    phrases = []
    for group in groups:
        text = rnd.choice([p for p in group if p.isascii()] or ["talks"])
        phrases.append(rnd.choice([n for n in rules.actors[text[1:]].names if n.isascii()]) if text[0] == "@" else text)
    return f"{phrases[0]} {rnd.choice(ACTS)} {' '.join(phrases[1:])} {rnd.choice(FILLERS)}"


def make_articles(headlines: Sequence[Entry], count: int, seed: int) -> list[Entry]:
    """Make entries whose summaries are whole articles: sentences taken from headlines up to 600 words."""
    rnd = random.Random(f"articles {seed}")
    articles = []
    for number in range(count):
        sentences: list[str] = []
        words = 0
        while words < ARTICLE_WORDS:
            sentences.append(rnd.choice(headlines).title)
            words += len(sentences[-1].split())
        articles.append(replace(rnd.choice(headlines), id=f"a{number}", summary=". ".join(sentences) + "."))
    return articles


# --- items ----------------------------------------------------------------------------------------


def widen(rules: Rules, size: int, seed: int) -> Rules:
    """Return the rules with made-up items added until there are `size`, of lifecycles in turn.

    Each needs one of its actors, an invented institution or (one in a hundred) a country, and one of two subjects.
    """
    rnd = random.Random(f"items {seed}")
    actors: dict[str, Actor] = dict(rules.actors)
    invented = [_actor(rnd, number) for number in range(max(1, size // 8))]
    actors |= {actor.id: actor for actor in invented}
    kinds = sorted(rules.lifecycles)
    items = list(rules.items)
    for number in range(len(items), size):
        lifecycle = rules.lifecycles[kinds[number % len(kinds)]]
        actor = rnd.choice(invented)
        who = rnd.choice(COUNTRIES) if rnd.random() < 0.01 else f"@{actor.id}"
        about = About(all=((who,), tuple(rnd.sample(SUBJECTS, 2))))
        decided_by = (actor.id,) if who.startswith("@") else ()
        items.append(
            Item(
                f"item-{number}", f"Item {number}", lifecycle.id, lifecycle.start[0], decided_by=decided_by, about=about
            )
        )
    return replace(rules, items=tuple(items), actors=actors)


def _actor(rnd: random.Random, number: int) -> Actor:
    place = "".join(rnd.choices(SYLLABLES, k=3)).capitalize()
    names = (
        place,
        f"{place} {rnd.choice(INSTITUTIONS)}",
        f"{''.join(rnd.choices(SYLLABLES, k=2)).capitalize()} {number}",
    )
    return Actor(f"actor-{number}", names)


# --- measuring ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table: `run` handles `texts` texts."""

    name: str
    items: int
    texts: int
    run: Callable[[], int]


def cases(judges: Mapping[int, Judge], headlines: Sequence[Entry], articles: Sequence[Entry]) -> list[Case]:
    """List what is timed."""
    smallest = min(judges)
    found = [
        Case(f"headlines, {size:,} items", size, len(headlines), partial(_read, judge, headlines))
        for size, judge in judges.items()
    ]
    found.insert(
        1, Case("headlines with decisions", smallest, len(headlines), partial(_decide, judges[smallest], headlines))
    )
    middle = sorted(judges)[len(judges) // 2]
    found.append(Case("articles", middle, len(articles), partial(_read, judges[middle], articles)))
    return found


def _read(judge: Judge, entries: Sequence[Entry]) -> int:
    return sum(len(judge.read(entry)) for entry in entries)


def _decide(judge: Judge, entries: Sequence[Entry]) -> int:
    docket = Docket(judge, opening(judge.rules.items), lambda _item: ())
    return sum(len(docket.take(entry).readings) for entry in entries)


def timed(found: Sequence[Case], runs: int) -> list[dict[str, Any]]:
    """Run the cases in turns; the first round warms up and does not count."""
    seconds: dict[str, list[float]] = {case.name: [] for case in found}
    readings: dict[str, int] = {}
    for turn in range(runs + 1):
        for case in found:
            started = time.process_time()
            readings[case.name] = case.run()
            if turn:
                seconds[case.name].append(time.process_time() - started)
        print(f"run {turn} of {runs}" if turn else "warmed up", file=sys.stderr)
    rows = []
    for case in found:
        typical = median(seconds[case.name])
        rows.append({
            "case": case.name, "items": case.items, "texts": case.texts, "readings": readings[case.name],
            "seconds": round(typical, 3), "per_second": round(case.texts / typical),
            "spread": [round(min(seconds[case.name]), 3), round(max(seconds[case.name]), 3)],
        })  # fmt: skip
    return rows


@dataclass(frozen=True, slots=True)
class Built:
    """What building a Judge took, in a process of its own."""

    items: int
    seconds: float
    mb: float  # resident memory that building added
    mb_rules: float  # and that the rules took before


def build(rules: Rules, size: int, seed: int) -> Built:
    """Build a Judge here and say what it took."""
    before = _resident()
    wide = widen(rules, size, seed)
    held = _resident()
    started = time.process_time()
    judge = Judge(wide)
    seconds = time.process_time() - started
    return Built(len(judge.items), round(seconds, 3), round(_resident() - held, 1), round(held - before, 1))


def _resident() -> float:
    """Resident memory of this process in MB; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def built_elsewhere(options: argparse.Namespace, size: int) -> dict[str, Any]:
    """Build a Judge in fresh processes; the median time and memory."""
    command = [sys.executable, __file__, "--build", str(size), "--seed", str(options.seed)]
    for watchlist in options.watchlist:
        command += ["--watchlist", str(watchlist)]
    rows = [json.loads(subprocess.check_output(command, text=True)) for _ in range(options.runs)]
    return {key: median(row[key] for row in rows) for key in rows[0]}


# --- telling --------------------------------------------------------------------------------------


def judged(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Hold the figures against what they are to be; ratios to the smallest number of items."""
    seconds = {row["case"]: row["seconds"] for row in rows}
    plain = [row for row in rows if row["case"].startswith("headlines, ")]
    base = plain[0]["seconds"]
    wanted: list[tuple[str, float, float]] = [("22,000 headlines, seconds", base * 22_000 / plain[0]["texts"], 3.0)]
    with_decisions = seconds["headlines with decisions"] * 22_000 / plain[0]["texts"]
    wanted.append(("22,000 headlines with decisions, seconds", with_decisions, 3.0))
    wanted += [
        (f"{row['items']:,} items, times as long as {plain[0]['items']}", row["seconds"] / base, most)
        for row, most in zip(plain[1:], (2.0, 5.0), strict=True)
    ]
    out = [
        {"target": name, "measured": round(is_, 2), "at_most": most, "met": is_ <= most} for name, is_, most in wanted
    ]
    articles = next(row for row in rows if row["case"] == "articles")
    rate = articles["per_second"]
    out.append({"target": "articles of 600 words a second", "measured": rate, "at_least": 500, "met": rate >= 500})
    return out


def show(report: Mapping[str, Any]) -> None:
    """Print the table for people."""
    err = sys.stderr
    print(f"\n{'case':<28}{'items':>8}{'texts':>8}{'readings':>10}{'seconds':>9}{'texts/s':>10}", file=err)
    for r in report["reading"]:
        counts = f"{r['items']:>8,}{r['texts']:>8,}{r['readings']:>10,}"
        print(f"{r['case']:<28}{counts}{r['seconds']:>9.2f}{r['per_second']:>10,}", file=err)
    print(f"\n{'building a Judge':<28}{'items':>8}{'seconds':>9}{'MB':>8}{'rules MB':>10}", file=err)
    for b in report["building"]:
        print(f"{'':<28}{b['items']:>8,}{b['seconds']:>9.3f}{b['mb']:>8.1f}{b['mb_rules']:>10.1f}", file=err)
    print(file=err)
    for t in report["targets"]:
        most = f"at most {t['at_most']:g}" if "at_most" in t else f"at least {t['at_least']:g}"
        print(f"{'met ' if t['met'] else 'MISSED'}  {t['target']}: {t['measured']:,} ({most})", file=err)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when it ran, 2 when the files are wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", nargs="?", type=Path, help="JSON lines as `watcher backtest` reads them")
    parser.add_argument("--watchlist", action="append", type=Path, default=[], metavar="FILE")
    parser.add_argument("--headlines", type=int, default=22_000, help="how many; default 22,000", metavar="N")
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--out", type=Path, help="where the figures go besides stdout", metavar="FILE")
    parser.add_argument("--build", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        rules, _ = load_rules(options.watchlist or [SHIPPED], OUTLETS, os.environ)
        if options.build:
            print(json.dumps(asdict(build(rules, options.build, options.seed))))
            return 0
        given = list(read_archive(options.archive))[: options.headlines] if options.archive else []
    except WatcherError as error:
        print(error, file=sys.stderr)
        return 2
    text = json.dumps(measure(options, rules, given), indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0


def measure(options: argparse.Namespace, rules: Rules, given: Sequence[Entry]) -> dict[str, Any]:
    """Measure everything and return the report."""
    headlines = given or make_archive(rules, options.headlines, options.seed)
    articles = make_articles(headlines, ARTICLES, options.seed)
    sizes = tuple(dict.fromkeys(max(size, len(rules.items)) for size in SIZES))
    judges = {size: Judge(widen(rules, size, options.seed)) for size in sizes}
    rows = timed(cases(judges, headlines, articles), options.runs)
    building = [built_elsewhere(options, size) for size in sizes]
    report = {"reading": rows, "building": building, "targets": judged(rows)}
    show(report)
    return report


if __name__ == "__main__":
    raise SystemExit(main())
