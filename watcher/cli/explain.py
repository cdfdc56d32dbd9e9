"""`explain`: what one text would do, step by step and in words. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from watcher.cli.backtest import Outlets, rules_from
from watcher.cli.options import DEFAULT_CONFIG, Config, Json, settings_from, store_from
from watcher.cli.output import Cell, emit_json, emit_lines, masked_url

if TYPE_CHECKING:
    from watcher.cli.page import Page
    from watcher.config import Settings
    from watcher.domain.gates import Miss
    from watcher.domain.model import Decision, Entry, Evidence, Item, Reading, Rules, Standing
    from watcher.judging import Judge, Judgement


Date = Annotated[
    str,
    typer.Option(
        "--date", help="When it was published: ISO 8601, UTC where no zone is given; now if not told.", metavar="DATE"
    ),
]
Watchlists = Annotated[
    list[Path] | None,
    typer.Option(
        "--watchlist",
        "-w",
        help="Judge by this watchlist, without a configuration; may be repeated.",
        metavar="FILE",
    ),
]


def register(program: typer.Typer) -> None:
    """Add this module's commands."""
    program.command(rich_help_panel="Learn")(explain)


def explain(
    text: Annotated[str, typer.Argument(help="A headline, or the address of a page.", metavar="TEXT-or-URL")],
    summary: Annotated[str, typer.Option("--summary", help="The text under the headline.", metavar="TEXT")] = "",
    outlet: Annotated[str, typer.Option("--outlet", help="Who says it, as feeds name them.", metavar="NAME")] = "",
    date: Date = "",
    watchlist: Watchlists = None,
    outlets: Outlets = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Fetch a page from a private address, too.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Begin from where the items stand in the database, not from their start.")
    ] = False,
    item: Annotated[str, typer.Option("--item", help="Only this item, be it near or not.", metavar="ID")] = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say what the product makes of a headline or a page: which items it is about, what it says of them in which words,
    what that is worth as evidence, and whether it would change a state, or why not.

    Of the items it came near to, the nearest three are shown with the first gate that shut it out.
    """
    from watcher.app import now
    from watcher.judging import Docket, Judge

    settings = None if watchlist else settings_from(config)
    rules = settings.rules if settings else rules_from(watchlist or (), outlets)
    judge = Judge(rules)
    if item:
        require_item(item, rules)
    fetch = partial(_fetch, settings=settings, allow_private=allow_private)
    entry = _entry_from(text, summary, outlet, date, fetch, now())
    standings, known = _present(rules, settings, live, judge, entry, as_json=as_json)
    judgement = Docket(judge, standings, lambda item: known.get(item, ())).take(entry)
    explained = _explained(judge, judgement, item)
    if as_json:
        emit_json(_json(explained))
    else:
        emit_lines(_lines(explained, rules, standings, item))


def require_item(item: str, rules: Rules) -> None:
    """Raise UsageError for an item that no watchlist has."""
    from watcher.errors import UsageError

    if all(each.id != item for each in rules.items):
        raise UsageError(f"there is no item {item!r}; known are: {', '.join(sorted(each.id for each in rules.items))}")


@dataclass(frozen=True, slots=True)
class Explained:
    """A judgement; why no state is told of some of its items, and which others it came near to."""

    judgement: Judgement
    unsaid: Mapping[str, Miss]
    nearest: tuple[Miss, ...]


def _explained(judge: Judge, judgement: Judgement, item: str) -> Explained:
    """Ask what shut the text out of the items nearest to it; with `item`, leave all others out."""
    entry, official = judgement.entry, judge.official(judgement.entry)
    gates = judge.gates(*([item] if item else []))
    if item:
        kept = [n for n, reading in enumerate(judgement.readings) if reading.item == item]
        judgement = replace(
            judgement,
            readings=tuple(judgement.readings[n] for n in kept),
            evidence=tuple(judgement.evidence[n] for n in kept),
            decisions=tuple(judgement.decisions[n] for n in kept),
        )
    read = {reading.item for reading in judgement.readings}
    asked = [reading.item for reading in judgement.readings if reading.state is None]
    unsaid = {each: miss for each in asked if (miss := gates.why_not(entry, each, official=official))}
    if item:
        missed = None if read else gates.why_not(entry, item, official=official)
        return Explained(judgement, unsaid, (missed,) if missed else ())
    return Explained(judgement, unsaid, gates.nearest(entry, official=official, without=read))


def _present(
    rules: Rules, settings: Settings | None, live: bool, judge: Judge, entry: Entry, *, as_json: bool
) -> tuple[dict[str, Standing], Mapping[str, Sequence[Evidence]]]:
    """Where the items stand, and what is known of them: from the database with `live`, else from the watchlist."""
    from watcher.errors import UsageError
    from watcher.judging import opening

    start = opening(rules.items)
    if not live:
        return start, {}
    if settings is None:
        raise UsageError("--live needs the service's configuration: leave --watchlist out")
    store = store_from(settings, as_json=as_json)
    try:
        present = {**start, **{i: s for i, s in store.standings().items() if i in start}}
        return present, store.evidence_by_item(start, entry.at - judge.reach)
    finally:
        store.close()


# --- the entry ------------------------------------------------------------------------------------


def _entry_from(
    text: str, summary: str, outlet: str, date: str, fetch: Callable[[str, datetime], tuple[Page, str]], now: datetime
) -> Entry:
    from watcher.domain.model import Entry
    from watcher.errors import UsageError

    if not text.strip():
        raise UsageError("there is nothing to explain: give a headline, or the address of a page")
    at = parse_date(date) if date else now
    if not text.lower().startswith(("http://", "https://")):
        return Entry("explained", "", text, at, now, summary=summary, source=outlet, published=at)
    page, link = fetch(text, now)
    if not date and page.published:
        with suppress(UsageError):  # what pages write there is not always a date
            at = min(parse_date(page.published), now)
    return Entry(
        "explained", "", page.title, at, now, summary=summary or page.description, link=link,
        source=outlet or page.site, published=at, language=page.language,
    )  # fmt: skip


def parse_date(text: str) -> datetime:
    """Read an ISO 8601 day or time as aware UTC; raises UsageError for anything else."""
    from watcher.errors import UsageError

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no date; write it like 2025-09-25 or 2025-09-25T14:30+02:00") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _fetch(url: str, now: datetime, *, settings: Settings | None, allow_private: bool) -> tuple[Page, str]:
    """Fetch a page and say where it was in the end; its host may be private where a feed of ours may be there, too."""
    from datetime import timedelta

    from watcher import __version__
    from watcher.app import build
    from watcher.cli.page import read_page
    from watcher.domain.feeds import Hints
    from watcher.errors import FeedError
    from watcher.feeds.http import Fetched, Fetcher, FetchFailed, FetchRequest

    fetcher = (
        build(settings).fetcher
        if settings
        else Fetcher(
            user_agent=f"watcher/{__version__}",
            timeout=timedelta(seconds=20),
            max_bytes=5 * 1024 * 1024,
            concurrency=1,
            per_host=1,
        )
    )
    own = {_host(feed.url) for feed in settings.feeds if feed.allow_private} if settings else set()
    private = allow_private or _host(url) in own
    (outcome,) = fetcher.fetch([FetchRequest("explained", url, Hints(), private)], now)
    shown = masked_url(url)
    if isinstance(outcome, FetchFailed):
        raise FeedError(f"{shown}: {outcome.failure}: {outcome.detail}")
    if not isinstance(outcome, Fetched):
        raise FeedError(f"{shown}: nothing new was sent")
    page = read_page(outcome.body, outcome.content_type)
    if not page.title:
        raise FeedError(f"{shown}: the page has no title")
    return page, outcome.url


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


# --- in words -------------------------------------------------------------------------------------


def _lines(explained: Explained, rules: Rules, standings: Mapping[str, Standing], only: str) -> list[Cell]:
    from watcher.domain.decision import after
    from watcher.domain.model import Transition

    judgement = explained.judgement
    entry = judgement.entry
    lines: list[Cell] = [(entry.title, "bold")]
    if entry.summary:
        lines.append(f"  {entry.summary}")
    lines.append(
        ("  " + ", ".join(part for part in (entry.source, f"{entry.at:%Y-%m-%d %H:%M} UTC", entry.link) if part), "dim")
    )
    if not judgement.readings:
        lines += ["", f"Nothing is read of {only} in it." if only else "It is about no item."]
    items = {item.id: item for item in rules.items}
    present = dict(standings)
    for reading, evidence, decision in zip(judgement.readings, judgement.evidence, judgement.decisions, strict=True):
        item = items[reading.item]
        lines += ["", (f"{item.id}: {item.title}", "bold")]
        lines += _reading_lines(reading, entry)
        if item.id in explained.unsaid:
            lines += _why_not_lines(explained.unsaid[item.id])
        lines += _evidence_lines(evidence, decision, present[item.id])
        if isinstance(decision, Transition):
            present[item.id] = after(present[item.id], decision)
    return lines + _nearest_lines(explained.nearest, items, entry)


def _nearest_lines(nearest: Sequence[Miss], items: Mapping[str, Item], entry: Entry) -> list[Cell]:
    lines: list[Cell] = []
    for miss in nearest:
        lines += ["", (f"not {miss.item}: {items[miss.item].title}", "bold")]
        if miss.sentence and entry.summary:
            lines.append(f'  sentence   "{miss.sentence}"')
        if miss.found:
            lines.append(f"  found      {', '.join(miss.found)}")
        lines += _why_not_lines(miss)
    return lines


def _why_not_lines(miss: Miss) -> list[Cell]:
    lines: list[Cell] = [(f"  why not    {miss.detail}", "yellow")]
    if miss.gate.matched and miss.wanted:
        lines.append(f"             such as {', '.join(miss.wanted)}")
    return lines


def _reading_lines(reading: Reading, entry: Entry) -> list[Cell]:
    where = f"in the {reading.span.field}, characters {reading.span.start}-{reading.span.end}"
    found = entry.title if reading.span.field == "title" else entry.summary
    words = found[reading.span.start : reading.span.end]
    value = f", value {reading.value}" if reading.value else ""
    says = f"{reading.state} ({reading.status.value}{value})" if reading.state else f"no state ({reading.status.value})"
    lines: list[Cell] = [f'  sentence   "{reading.quote}"', f"  says       {says}"]
    lines.append(f'  {"words" if reading.state else "subject":9}  "{words}" {where}')
    return lines + [f"  {'because' if n == 0 else '':9}  {step}" for n, step in enumerate(reading.why)]


def _evidence_lines(evidence: Evidence, decision: Decision, standing: Standing) -> list[Cell]:
    from watcher.domain.model import Transition

    owner = f", owned by {evidence.owner}" if evidence.owner not in ("", evidence.outlet) else ""
    speaks = f", speaks for {evidence.speaks_for}" if evidence.speaks_for else ""
    value = f" ({standing.value})" if standing.value else ""
    lines: list[Cell] = [
        f"  evidence   {evidence.outlet or 'an outlet without a name'}, {evidence.tier.value}{owner}{speaks}",
        f"  stands at  {standing.state}{value}",
    ]
    if isinstance(decision, Transition):
        to = f"{decision.to_state}{f' ({decision.to_value})' if decision.to_value else ''}"
        lines.append((f"  decision   {decision.from_state} -> {to}, {decision.reason.value}", "green"))
    else:
        lines.append((f"  decision   it stays, {decision.reason.value}", "yellow"))
    if decision.detail:
        lines.append(f"             {decision.detail}")
    return lines


def _json(explained: Explained) -> dict[str, Any]:
    from watcher.backtest import reading_line, transition_line

    judgement, unsaid = explained.judgement, explained.unsaid
    entry = judgement.entry
    return {
        "entry": {
            "title": entry.title,
            "summary": entry.summary,
            "source": entry.source,
            "link": entry.link,
            "at": entry.at,
        },
        "readings": [
            {
                **reading_line(entry, reading),
                "value": reading.value,
                "quote": reading.quote,
                "span": asdict(reading.span),
                "why": list(reading.why),
                "why_not": _miss_json(unsaid[reading.item]) if reading.item in unsaid else None,
                "outlet": evidence.outlet,
                "tier": evidence.tier,
                "decision": {"reason": decision.reason, "detail": decision.detail},
            }
            for reading, evidence, decision in zip(
                judgement.readings, judgement.evidence, judgement.decisions, strict=True
            )
        ],
        "transitions": [transition_line(transition) for transition in judgement.transitions],
        "nearest": [_miss_json(miss) for miss in explained.nearest],
    }


def _miss_json(miss: Miss) -> dict[str, Any]:
    return {
        "item": miss.item,
        "gate": miss.gate,
        "detail": miss.detail,
        "sentence": miss.sentence,
        "found": list(miss.found),
        "wanted": list(miss.wanted),
    }
