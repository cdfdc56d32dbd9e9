"""From watchlists and outlets to `Rules`: every reference resolved, every default put in.

    files      read and checked one by one
    common     actors, lifecycles, ids: known across all files
    items      each against what is common
    revision   a hash of all that judging depends on

Service settings are not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from watcher.config.access import access_of, check_access, tells_in_the_open
from watcher.config.cadence import SHORTEST_INTERVAL, Intervals
from watcher.config.checking import Checked, check
from watcher.config.coverage import check_bounds, chosen_sources, feed_of
from watcher.config.expectations import check_expectations, expectations
from watcher.config.fields import address_fault
from watcher.config.lexicons import load_languages, load_lexicons
from watcher.config.lifecycles import Cues, compile_lifecycles, extend_lexicons, shipped_lifecycles
from watcher.config.outlets import compile_outlets, load_outlets
from watcher.config.problems import WHOLE_FILE, Problems, hint, listed
from watcher.config.sources import check_kind
from watcher.config.watchlists import (
    AboutSection,
    EvidenceSection,
    FeedSection,
    ItemSection,
    WatchlistFile,
)
from watcher.config.yaml import Path_, read
from watcher.domain.feeds import Access, Feed, FeedKind, Selectors
from watcher.domain.model import (
    About,
    Actor,
    EvidenceRule,
    Item,
    Lifecycle,
    Near,
    Outlet,
    Rules,
)

Watchlist = Checked[WatchlistFile]
SILENT_AFTER = timedelta(days=30)


def load_rules(
    watchlists: Sequence[Path], outlets: Path | None, env: Mapping[str, str]
) -> tuple[Rules, tuple[Feed, ...]]:
    """Read watchlists and outlets without any service settings; raise ConfigError with every mistake."""
    problems = Problems()
    assembly = Assembly(watchlists, outlets, env, problems)
    problems.stop()
    return assembly.rules(), assembly.feeds


class Assembly:
    """All watchlists together; mistakes go to `problems`, and what is usable is kept for further checks."""

    def __init__(
        self,
        paths: Sequence[Path],
        outlets: Path | None,
        env: Mapping[str, str],
        problems: Problems,
        intervals: Intervals | None = None,
        *,
        silent_after: timedelta = SILENT_AFTER,  # zero for never
        allow_private: bool = True,  # for all feeds; what no service settings are there to tell is let pass
    ) -> None:
        self._problems = problems
        self._allow_private = allow_private
        self._intervals = intervals or Intervals()
        self._silent_after = silent_after
        self.known_items: set[str] = set()  # also those with mistakes in them
        self.known_watchlists = {path.stem for path in paths}
        self.known_tags: set[str] = set()
        self._known_actors: set[str] = set()
        self.known_lifecycles: set[str] = set(shipped_lifecycles())
        before = len(problems)
        self.files = self._read(paths, env)
        self.outlets_file = load_outlets(outlets, env, problems) if outlets else None
        self.outlets: tuple[Outlet, ...] = compile_outlets(self.outlets_file.model) if self.outlets_file else ()
        self.actors = self._actors()
        self._cues: dict[str, Cues] = {}
        self.lifecycles = self._lifecycles()
        self.items = self._items()
        self.access: dict[str, Access] = {}  # feed -> what it wants to see
        self.feeds = self._feeds()
        self.sources = chosen_sources(self.files, self.feeds, self.items)
        self.clean = len(problems) == before

    def rules(self) -> Rules:
        """Return what judging needs; call it when no problem was found."""
        lexicons = extend_lexicons(load_lexicons(), self._cues)
        parts = (self.items, sorted(self.actors.items()), sorted(self.lifecycles.items()), self.outlets, lexicons)
        revision = hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
        return Rules(
            self.items,
            self.actors,
            self.lifecycles,
            self.outlets,
            lexicons,
            languages=load_languages(),
            revision=revision,
        )

    def note_doubts(self, notes: Problems) -> None:
        """Note what is no mistake and may not be meant."""
        self._note_unknown_speakers(notes)
        self._note_open_secrets(notes)

    def _note_unknown_speakers(self, notes: Problems) -> None:
        """Note official outlets whose `of` no watchlist knows: harmless, unless it is a slip of the pen."""
        if self.outlets_file is None or not self.clean:
            return
        for index, outlet in enumerate(self.outlets_file.model.outlets):
            if outlet.of and outlet.of not in self._known_actors and hint(outlet.of, self._known_actors):
                place = self.outlets_file.place(("outlets", index, "of"))
                message = f'no watchlist has the actor "{outlet.of}"{hint(outlet.of, self._known_actors)}'
                notes.add(self.outlets_file.document.file, place, message)

    def _note_open_secrets(self, notes: Problems) -> None:
        """Note feeds that are sent a secret over plain http."""
        for checked in self.files:
            for index, section in enumerate(checked.model.feeds):
                if tells_in_the_open(section):
                    place = checked.place(("feeds", index, "url"))
                    notes.add(checked.document.file, place, f'the feed "{section.id}" is sent a secret over plain http')

    # --- files and what is common to them -------------------------------------------------------

    def _read(self, paths: Sequence[Path], env: Mapping[str, str]) -> list[Watchlist]:
        found = []
        stems: dict[str, Path] = {}
        for path in paths:
            first = stems.setdefault(path.stem, path)
            if first is not path:
                message = f'the watchlist "{path.stem}" is "{first}" already; routes and alerts tell them apart by name'
                self._problems.add(str(path), WHOLE_FILE, message)
            document = read(path, env, self._problems)
            if document is None:
                continue
            self._glean(document.data)
            checked = check(WatchlistFile, document, self._problems)
            if checked:
                found.append(checked)
        return found

    def _glean(self, data: object) -> None:
        """Remember what the file names, mistakes or not, so that one mistake does not cause others elsewhere."""
        if not isinstance(data, dict):
            return
        for key, known in (("actors", self._known_actors), ("lifecycles", self.known_lifecycles)):
            section = data.get(key)
            known |= set(section) if isinstance(section, dict) else set()
        items = data.get("items")
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict):
                self.known_items.add(str(item.get("id")))

    def _actors(self) -> dict[str, Actor]:
        actors: dict[str, Actor] = {}
        where: dict[str, str] = {}
        for checked in self.files:
            for name, names in checked.model.actors.items():
                actor = Actor(name, tuple(dict.fromkeys(names)))
                if actors.setdefault(name, actor) != actor:
                    message = f'the actor "{name}" has other names in {where[name]}; write them in one file only'
                    self._note(checked, ("actors", name), message, key=True)
                where.setdefault(name, checked.document.file)
        return actors

    def _lifecycles(self) -> dict[str, Lifecycle]:
        lifecycles = dict(shipped_lifecycles())
        for checked in self.files:
            made = compile_lifecycles(checked.model.lifecycles, lifecycles, checked, self._problems)
            self._check_cues(checked)
            lifecycles |= made
            self._cues |= {name: Cues.of(checked.model.lifecycles[name]) for name in made}
        return lifecycles

    def _check_cues(self, checked: Watchlist) -> None:
        known = sorted(load_lexicons())
        for name, section in checked.model.lifecycles.items():
            for state, change in section.states.items():
                for language in change.cues:
                    if language not in known:
                        path: Path_ = ("lifecycles", name, "states", state, "cues", language)
                        message = f'texts in the language "{language}" are not read'
                        self._note(checked, path, message, listed(known), key=True)

    # --- items ----------------------------------------------------------------------------------

    def _items(self) -> tuple[Item, ...]:
        items: dict[str, Item] = {}
        where: dict[str, str] = {}
        for checked in self.files:
            self._defaults(checked)
            for index, section in enumerate(checked.model.items):
                path: Path_ = ("items", index)
                self._check_item(checked, path, section)
                if section.id in items:
                    message = f'duplicate id "{section.id}"; it stands at {where[section.id]} already'
                    self._note(checked, (*path, "id"), message)
                    continue
                where[section.id] = self._stands_at(checked, (*path, "id"))
                items[section.id] = self._item(checked, path, section)
                self.known_tags.update(items[section.id].tags)
        return tuple(items.values())

    def _defaults(self, checked: Watchlist) -> None:
        defaults = checked.model.defaults
        for key, ids in (("decided_by", defaults.decided_by), ("against", defaults.against), ("with", defaults.with_)):
            self._check_actors(checked, ("defaults", key), ids)

    def _item(self, checked: Watchlist, path: Path_, section: ItemSection) -> Item:
        file, watchlist = checked.model, checked.document.path.stem
        defaults = file.defaults
        lifecycle = self.lifecycles.get(section.lifecycle)
        question = lifecycle.question.replace("{title}", section.title) if lifecycle else ""

        return Item(
            id=section.id,
            title=section.title,
            lifecycle=section.lifecycle,
            state=section.state,
            watchlist=watchlist,
            question=section.question or question,
            value=section.value or None,
            since=section.since or file.since,
            decided_by=_first(section.decided_by, defaults.decided_by),
            against=_first(section.against, defaults.against),
            with_=_first(section.with_, defaults.with_),
            about=_about(section.about),
            evidence=_evidence(section.evidence, defaults.evidence),
            severity=section.severity or defaults.severity,
            tags=_first(section.tags, defaults.tags),
            note=section.note,
            silent_after=self._patience(section.silent_after, defaults.silent_after) or None,
            expect=expectations(checked, (*path, "expect"), section.expect),
        )

    def _patience(self, *said: timedelta | None) -> timedelta:
        return next((patience for patience in said if patience is not None), self._silent_after)

    def _check_item(self, checked: Watchlist, path: Path_, section: ItemSection) -> None:
        self._check_state(checked, path, section)
        for key, ids in (("decided_by", section.decided_by), ("against", section.against), ("with", section.with_)):
            self._check_actors(checked, (*path, key), ids or ())
        about = section.about
        at = (*path, "about")
        lost = any(checked.has_lost(part) for part in (at, (*at, "all"), (*at, "any"), (*at, "near")))
        if not (about.all or about.any or about.near or lost):
            self._note(checked, at, "says nothing about the subject", "all, any, near")
        for k, group in enumerate(about.all):
            self._check_phrases(checked, (*at, "all", k), group)
            if set(group) <= set(about.none):
                self._note(checked, (*at, "all", k), "`none` rules out what `all` asks for; nothing can match")
        self._check_phrases(checked, (*at, "any"), about.any)
        self._check_phrases(checked, (*at, "none"), about.none)
        for n, near in enumerate(about.near):
            if len(near.groups) < 2:
                self._note(checked, (*at, "near", n, "groups"), "near what? two groups are needed")
            for k, group in enumerate(near.groups):
                self._check_phrases(checked, (*at, "near", n, "groups", k), group)
        if section.expect:
            lifecycle = self.lifecycles.get(section.lifecycle)
            outlets = [name for outlet in self.outlets for name in (outlet.name, *outlet.names, *outlet.domains)]
            check_expectations(checked, (*path, "expect"), section.expect, lifecycle, outlets, self._problems)

    def _check_state(self, checked: Watchlist, path: Path_, section: ItemSection) -> None:
        lifecycle = self.lifecycles.get(section.lifecycle)
        if lifecycle is None:
            if section.lifecycle not in self.known_lifecycles:
                near = hint(section.lifecycle, self.known_lifecycles)
                message = f'unknown lifecycle "{section.lifecycle}"{near}'
                self._note(checked, (*path, "lifecycle"), message, listed(sorted(self.known_lifecycles)))
            return
        at = (*path, "state")
        state = lifecycle.states.get(section.state)
        if state is None:
            near = hint(section.state, lifecycle.states)
            message = f'"{section.state}" is not a state of the lifecycle "{lifecycle.id}"{near}'
            self._note(checked, at, message, listed(lifecycle.start))
        elif section.state not in lifecycle.start:
            message = f'a watch of the lifecycle "{lifecycle.id}" cannot begin in "{section.state}"'
            self._note(checked, at, message, listed(lifecycle.start))
        elif section.value and state.value is None:
            self._note(checked, (*path, "value"), f'the state "{section.state}" carries no value')
        elif section.value and state.value == "date" and not _is_day(section.value):
            self._note(checked, (*path, "value"), "not a date", "year-month-day, as in 2025-11-10")

    def _check_actors(self, checked: Watchlist, path: Path_, ids: Sequence[str]) -> None:
        for index, name in enumerate(ids):
            self._check_actor(checked, (*path, index), name)

    def _check_phrases(self, checked: Watchlist, path: Path_, phrases: Sequence[str]) -> None:
        for index, text in enumerate(phrases):
            if text.startswith("@"):
                self._check_actor(checked, (*path, index), text[1:])

    def _check_actor(self, checked: Watchlist, path: Path_, name: str) -> None:
        if name not in self._known_actors:
            message = f'unknown actor "{name}"{hint(name, self._known_actors)}'
            self._note(checked, path, message, listed(sorted(self._known_actors)))

    # --- feeds ----------------------------------------------------------------------------------

    def _feeds(self) -> tuple[Feed, ...]:
        feeds: dict[str, Feed] = {}
        urls: dict[tuple[str, Selectors], str] = {}
        where: dict[str, str] = {}
        names = {name.casefold(): name for o in self.outlets for name in (o.name, *o.names)}
        for checked in self.files:
            for index, section in enumerate(checked.model.feeds):
                path: Path_ = ("feeds", index)
                self._check_feed(checked, path, section, names)
                feed = feed_of(section, self._intervals)
                access = access_of(section)
                known = feeds.setdefault(feed.id, feed)
                if access and known is feed:
                    self.access[feed.id] = access
                if known != feed or self.access.get(feed.id) != access:
                    message = f'duplicate id "{feed.id}"; it stands at {where[feed.id]} already'
                    self._note(checked, (*path, "id"), message)
                elif feed.url and urls.setdefault(read_as := (feed.url, feed.selectors), feed.id) != feed.id:
                    self._note(checked, (*path, "url"), f'the feed "{urls[read_as]}" has this address already')
                where.setdefault(feed.id, self._stands_at(checked, (*path, "id")))
        return tuple(feeds.values())

    def _check_feed(self, checked: Watchlist, path: Path_, section: FeedSection, names: Mapping[str, str]) -> None:
        if section.outlet and self.outlets_file and section.outlet.casefold() not in names:
            message = f'unknown outlet "{section.outlet}"{hint(section.outlet, names.values())}'
            self._note(checked, (*path, "outlet"), message, f"those of {self.outlets_file.document.file}")
        every = section.every
        if isinstance(every, timedelta) and every < SHORTEST_INTERVAL and not section.allow_private:
            message = "out of range: less than a minute needs allow_private, for a server of your own"
            self._note(checked, (*path, "every"), message, "1m to 1w")
        for inner, message, allowed in check_bounds(section, self._intervals):
            self._note(checked, (*path, *inner), message, allowed)
        check_access(checked, path, section, self._problems)
        if not any(checked.has_lost((*path, *inner)) for inner in ((), ("select",), ("search",))):
            if not section.url and section.kind is not FeedKind.FEDERAL_REGISTER:
                self._note(checked, path, 'missing key "url"')
            if section.full_text and section.kind is FeedKind.PAGE:
                self._note(checked, (*path, "full_text"), "a page is read in full as it is", "false")
            for inner, message, allowed in check_kind(section.kind, section.select, section.search):
                self._note(checked, (*path, *inner), message, allowed)
        if section.url and (
            fault := address_fault(section.url, allow_private=section.allow_private or self._allow_private)
        ):
            self._note(checked, (*path, "url"), *fault)

    def _stands_at(self, checked: Watchlist, path: Path_) -> str:
        return f"{checked.document.file}:{checked.place(path)[0]}"

    def _note(self, checked: Watchlist, path: Path_, message: str, allowed: str = "", *, key: bool = False) -> None:
        place = checked.key_place(path) if key else checked.place(path)
        self._problems.add(checked.document.file, place, message, allowed)


def _first(own: tuple[str, ...] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    return default if own is None else own


def _about(section: AboutSection) -> About:
    near = tuple(Near(n.groups, n.within) for n in section.near)
    return About(section.all, section.any, section.none, near)


def _evidence(own: EvidenceSection, default: EvidenceSection) -> EvidenceRule:
    """Take each key from the item, else from the defaults, else from the product."""
    rule = EvidenceRule()
    return EvidenceRule(
        own.alone or default.alone or rule.alone,
        own.sources or default.sources or rule.sources,
        own.within or default.within or rule.within,
    )


def _is_day(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False
