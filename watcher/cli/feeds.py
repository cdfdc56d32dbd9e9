"""`feeds` and what belongs to it: find the feeds of a site, try one, and exchange lists of them with other readers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from watcher.cli import health
from watcher.cli.entries import entries
from watcher.cli.options import DEFAULT_CONFIG, Config, Json, settings_from
from watcher.cli.output import cut, emit_json, emit_lines, emit_table, masked_url, moment, plural, remark

if TYPE_CHECKING:
    from watcher.domain.feeds import Feed
    from watcher.feeds.entries import Parsed
    from watcher.feeds.http import Fetcher
    from watcher.feeds.opml import Outline

feeds = typer.Typer(rich_markup_mode="rich")

AllowPrivate = Annotated[bool, typer.Option("--allow-private", help="Ask private addresses, too.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write there instead of stdout.", metavar="FILE")]
_SHOWN = 20


def register(program: typer.Typer) -> None:
    """Add this module's commands; `feeds` alone is the list."""
    feeds.callback(invoke_without_command=True)(health.feeds)
    feeds.command()(entries)
    feeds.command()(discover)
    feeds.command("test")(try_)
    feeds.command("import")(import_)
    feeds.command("export")(export)
    program.add_typer(feeds, name="feeds", rich_help_panel="Look")


# --- looking at what is outside -------------------------------------------------------------------


def discover(
    url: Annotated[str, typer.Argument(help="The address of a site, or of a page of it.", metavar="URL")],
    allow_private: AllowPrivate = False,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Find the feeds a site offers: those its page and its robots.txt name, and those where feeds usually stand.

    Exit code 1 when none is found.
    """
    from watcher.app import now
    from watcher.errors import FeedError
    from watcher.feeds.discovery import discover as look

    found = look(_fetcher(config), _address(url), now(), allow_private=allow_private)
    if as_json:
        told = [{name: getattr(each, name) for name in each.__dataclass_fields__} for each in found.feeds]
        emit_json({"feeds": told, "asked": found.asked, "failed": found.failed or None})
    elif found.feeds:
        emit_table(
            ("FEED", "KIND", "ENTRIES", "NEWEST", "TITLE", "FOUND"),
            [(e.url, e.kind.value, str(e.entries), moment(e.newest, UTC), cut(e.title), e.why) for e in found.feeds],
        )
    if found.failed:
        raise FeedError(f"{masked_url(url)}: {found.failed}")
    if not found.feeds:
        remark(f"no feed was found at {plural(found.asked, 'address', 'addresses')}; a list or a page may do instead")
        raise typer.Exit(1)


def try_(
    url: Annotated[
        str, typer.Argument(help="An address, or the id of a feed of the configuration.", metavar="URL-or-ID")
    ],
    kind: Annotated[str, typer.Option("--kind", help="Read it as this kind of feed.", metavar="KIND")] = "feed",
    entry: Annotated[str, typer.Option("--entry", help="list: select.entry.", metavar="CSS")] = "",
    link: Annotated[str, typer.Option("--link", help="list: select.link.", metavar="CSS")] = "",
    title: Annotated[str, typer.Option("--title", help="list: select.title.", metavar="CSS")] = "",
    date: Annotated[str, typer.Option("--date", help="list: select.date.", metavar="CSS")] = "",
    date_format: Annotated[
        list[str] | None,
        typer.Option("--date-format", help="list: select.date_format; may be repeated.", metavar="FORM"),
    ] = None,
    summary: Annotated[str, typer.Option("--summary", help="list: select.summary.", metavar="CSS")] = "",
    text: Annotated[str, typer.Option("--text", help="page: select.text.", metavar="CSS")] = "",
    limit: Annotated[int, typer.Option("--limit", help="The most entries to show.", metavar="N", min=1)] = _SHOWN,
    allow_private: AllowPrivate = False,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Fetch a feed once and show what would be read: its entries with their dates, and what was wrong with it.

    Nothing is stored. Exit code 1 when it cannot be fetched or read.
    """
    from watcher.app import now
    from watcher.errors import FeedError
    from watcher.feeds.http import Fetched, FetchFailed
    from watcher.feeds.kinds import ask_for, read_answer

    select = {"entry": entry, "link": link, "title": title, "date": date, "summary": summary, "text": text}
    given = {name: value for name, value in select.items() if value} | (
        {"date_format": list(date_format)} if date_format else {}
    )
    feed = _configured(url, config) or _made(_address(url), kind, given, allow_private)
    (outcome,) = _fetcher(config).fetch([ask_for(feed)], now())
    shown = masked_url(feed.url)
    if isinstance(outcome, FetchFailed):
        raise FeedError(f"{shown}: {outcome.failure}: {outcome.detail}")
    if not isinstance(outcome, Fetched):
        raise FeedError(f"{shown}: nothing new was sent")
    parsed = read_answer(feed, outcome, max_entries=500)
    if as_json:
        emit_json(_parsed_json(feed, outcome.url, parsed, limit))
    else:
        _show(feed, outcome.url, parsed, limit)


def _configured(name: str, config: Path) -> Feed | None:
    """Return the feed of that id, None where an address is meant."""
    from watcher.errors import UsageError

    if "/" in name:
        return None
    known = settings_from(config).feeds if config.is_file() else ()
    found = next((feed for feed in known if feed.id == name), None)
    if found is None and "." not in name:
        raise UsageError(f"{name!r} is no web address, and no feed of {config} has that id")
    return found


def _made(url: str, kind: str, select: dict[str, Any], allow_private: bool) -> Feed:
    """Make the feed as if it stood in a watchlist; UsageError says what would be wrong with it there."""
    from watcher.config.sources import make_feed

    return make_feed("tried", url, kind, select, allow_private=allow_private)


def _show(feed: Feed, url: str, parsed: Parsed, limit: int) -> None:
    count = plural(len(parsed.entries), "entry", "entries")
    emit_lines([(f"{cut(parsed.title) or 'without a title'}: {count} ({feed.kind.value})", "bold"), masked_url(url)])
    if parsed.degraded:
        emit_lines([(f"note: {parsed.degraded}", "yellow")])
    if parsed.snapshot is not None:
        lines = parsed.snapshot.text.split("\n")
        emit_lines([f"the first reading of a page makes no entry; compared would be {plural(len(lines), 'sentence')}:"])
        emit_lines([f"  {cut(line)}" for line in lines[:limit]])
        return
    newest = parsed.entries[::-1][:limit]
    emit_table(
        ("PUBLISHED", "TITLE", "LINK", "TEXT"),
        [(moment(e.published, UTC), cut(e.title), cut(e.link), cut(e.summary, 60)) for e in newest],
    )


def _parsed_json(feed: Feed, url: str, parsed: Parsed, limit: int) -> dict[str, Any]:
    names = ("key", "title", "summary", "link", "published", "source", "language")
    return {
        "url": masked_url(url),
        "kind": feed.kind,
        "title": parsed.title,
        "notes": parsed.degraded,
        "count": len(parsed.entries),
        "entries": [{name: getattr(e, name) for name in names} for e in parsed.entries[::-1][:limit]],
        "text": parsed.snapshot.text.split("\n")[:limit] if parsed.snapshot else None,
    }


def _address(url: str) -> str:
    """Take an address as people type it; a bare host is asked over https."""
    return url if "://" in url else f"https://{url}"


def _fetcher(config: Path) -> Fetcher:
    """The fetcher of the configuration where there is one, so that the site sees who asks; else one of our own."""
    from datetime import timedelta

    from watcher import __version__
    from watcher.app import build
    from watcher.feeds.http import Fetcher

    if config != DEFAULT_CONFIG or config.is_file():
        return build(settings_from(config)).fetcher
    return Fetcher(
        user_agent=f"watcher/{__version__}",
        timeout=timedelta(seconds=20),
        max_bytes=10_000_000,
        concurrency=8,
        per_host=2,
    )


# --- exchanging lists -----------------------------------------------------------------------------


def import_(
    file: Annotated[Path, typer.Argument(help="What another reader has exported.", metavar="FILE.opml")],
    out: Out = None,
) -> None:
    """Turn an OPML file into feeds for a watchlist, as YAML.

    What cannot be polled is left out and named. Look over the ids before you use them: what is read hangs on them.
    """
    from watcher.config.fields import address_fault
    from watcher.errors import UsageError
    from watcher.feeds.documents import FeedBroken
    from watcher.feeds.opml import read_opml

    try:
        found = read_opml(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {(error.strerror or 'not a usable path').lower()}") from None
    except FeedBroken as error:
        raise UsageError(f"{file}: {error}") from None
    good = []
    for one in found:
        if fault := address_fault(one.url, allow_private=False):
            remark(f"left out: {cut(one.title) or masked_url(one.url)}: {fault[0]}")
        else:
            good.append(one)
    _write("\n".join(["feeds:" if good else "feeds: []", *_yaml(good)]) + "\n", out)
    remark(f"{plural(len(good), 'feed')} of {plural(len(found), 'subscription')}")


def _yaml(outlines: Sequence[Outline]) -> list[str]:
    taken: set[str] = set()
    lines = []
    for one in outlines:
        language = f", language: {one.language}" if one.language else ""
        if one.title:
            lines.append(f"  # {' '.join(one.title.split())}")
        lines.append(f"  - {{id: {_name(one, taken)}, url: {_quoted(one.url)}{language}}}")
    return lines


def _name(one: Outline, taken: set[str]) -> str:
    """Make an id of a title, or of the host where the title has no Latin letters; each once."""
    host = (urlsplit(one.url).hostname or "").removeprefix("www.")
    plain = re.sub(r"[^a-z0-9]+", "-", one.title.lower()).strip("-")
    stem = plain[:60].strip("-") if re.search("[a-z]", plain) else re.sub(r"[^a-z0-9]+", "-", host).strip("-")
    name = stem = stem or "feed"
    number = 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name)
    # words that YAML reads as something else than text
    return f'"{name}"' if re.fullmatch(r"true|false|null|yes|no|on|off|\d[\d.e-]*", name) else name


def _quoted(text: str) -> str:
    return json.dumps(text).replace("${", "$${")


def export(config: Config = DEFAULT_CONFIG, out: Out = None) -> None:
    """Write the feeds of the configuration as OPML, for other readers.

    User names and passwords in addresses are left out; what else in them is secret is not known here. Lists, pages,
    sitemaps and searches are no feeds to other readers, and are left out, too.
    """
    from watcher.app import now
    from watcher.domain.feeds import FeedKind
    from watcher.feeds.identity import resolve_link
    from watcher.feeds.opml import Outline, write_opml

    settings = settings_from(config)
    kept = [feed for feed in settings.feeds if feed.kind is FeedKind.FEED]
    outlines = []
    for feed in kept:
        url = resolve_link(feed.url, "")
        if "@" in urlsplit(feed.url).netloc:
            remark(f"{feed.id}: the user name and the password in its address are left out")
        outlines.append(Outline(url, feed.outlet or feed.id, "", feed.language))
    _write(write_opml(outlines, title="Feeds of watcher", now=now()), out)
    if left := len(settings.feeds) - len(kept):
        remark(f"{plural(left, 'source')} left out that other readers cannot poll")


def _write(text: str, out: Path | None) -> None:
    from watcher.errors import UsageError

    if out is None:
        print(text, end="")
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {(error.strerror or 'not a usable path').lower()}") from None
