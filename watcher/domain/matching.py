"""Find which items a text is about: one index over all phrases of all items, then each candidate's conditions.

Says where the subject stands; knows nothing of states.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from watcher.domain.model import Actor, Item
from watcher.domain.text import Phrase, Word, phrase, stands_at

Place = tuple[int, int]  # words first..last+1


@dataclass(frozen=True, slots=True)
class Match:
    """An item whose subject stands in a run of words: where, group by group."""

    item: Item
    subject: tuple[Place, ...]  # places of phrases that are not just names of actors
    names: tuple[Place, ...]
    groups: tuple[tuple[Place, ...], ...] = ()  # of each group without names of actors, where its phrases stand


class PhraseIndex:
    """Phrases by their first word; finds every one that stands in a text, overlapping ones too."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_first: dict[str, list[Phrase]] = defaultdict(list)
        for text in dict.fromkeys(phrases):
            p = phrase(text)
            if p.stems:
                self._by_first[p.stems[0]].append(p)

    def find(self, text_words: Sequence[Word]) -> dict[str, list[Place]]:
        """Return each phrase found with its places, in order."""
        found: dict[str, list[Place]] = {}
        for at, word in enumerate(text_words):
            for p in self._by_first.get(word.stem, ()):
                if stands_at(p, text_words, at):
                    found.setdefault(p.text, []).append((at, at + len(p.stems)))
        return found


@dataclass(frozen=True, slots=True)
class _Needs:
    """An item's conditions with actors' names spelled out; `anchor` is the group the index looks for first."""

    item: Item
    groups: tuple[tuple[str, ...], ...]
    plain: frozenset[str]  # phrases that are not names of actors
    none: tuple[str, ...]
    near: tuple[tuple[tuple[tuple[str, ...], ...], int], ...]


def expand(group: Iterable[str], actors: Mapping[str, Actor]) -> tuple[str, ...]:
    """Spell out "@us" as the names of actor `us`; other phrases stay. Raises KeyError for an unknown actor."""
    out: list[str] = []
    for text in group:
        out.extend(actors[text[1:]].names if text.startswith("@") else (text,))
    return tuple(dict.fromkeys(out))


class Matcher:
    """All items of all watchlists behind one index."""

    def __init__(self, items: Sequence[Item], actors: Mapping[str, Actor]) -> None:
        everything: list[str] = []
        self._anchored: dict[str, list[_Needs]] = defaultdict(list)
        self.names: dict[str, tuple[str, ...]] = {}
        for actor in actors.values():
            for name in actor.names:
                self.names[name] = (*self.names.get(name, ()), actor.id)
        for item in items:
            needs = self._compile(item, actors)
            for group in (*needs.groups, needs.none, *(g for gs, _ in needs.near for g in gs)):
                everything.extend(group)
            for text in self._anchor(needs):
                self._anchored[text].append(needs)
        self.index = PhraseIndex(everything)

    @staticmethod
    def _compile(item: Item, actors: Mapping[str, Actor]) -> _Needs:
        about = item.about
        groups = [tuple(g) for g in about.all]
        if about.any:
            groups.append(about.any)
        near = tuple((tuple(expand(g, actors) for g in n.groups), n.within) for n in about.near)
        plain = frozenset(
            t for g in (*groups, *(g for n in about.near for g in n.groups)) for t in g if not t.startswith("@")
        )
        return _Needs(item, tuple(expand(g, actors) for g in groups), plain, expand(about.none, actors), near)

    @staticmethod
    def _anchor(needs: _Needs) -> tuple[str, ...]:
        """The group least likely to stand in any text: one without names where there is one."""
        groups = needs.groups or tuple(gs[0] for gs, _ in needs.near)
        return min(groups, key=lambda g: (not all(t in needs.plain for t in g), len(g)))

    def match(self, text_words: Sequence[Word]) -> list[Match]:
        """Return the items these words are about, in the items' order of configuration within one anchor."""
        found = self.index.find(text_words)
        seen: set[str] = set()
        out: list[Match] = []
        for text in found:
            for needs in self._anchored.get(text, ()):
                if needs.item.id not in seen:
                    seen.add(needs.item.id)
                    if self._holds(needs, found):
                        out.append(self._where(needs, found))
        return out

    @staticmethod
    def _holds(needs: _Needs, found: Mapping[str, list[Place]]) -> bool:
        if any(t in found for t in needs.none):
            return False
        if not all(any(t in found for t in g) for g in needs.groups):
            return False
        return all(_near(groups, within, found) for groups, within in needs.near)

    @staticmethod
    def _where(needs: _Needs, found: Mapping[str, list[Place]]) -> Match:
        subject: set[Place] = set()
        names: set[Place] = set()
        groups = []
        for group in (*needs.groups, *(g for gs, _ in needs.near for g in gs)):
            for text in group:
                (subject if text in needs.plain else names).update(found.get(text, ()))
            if all(text in needs.plain for text in group):
                groups.append(tuple(p for text in group for p in found.get(text, ())))
        return Match(needs.item, tuple(sorted(subject or names)), tuple(sorted(names)), tuple(groups))


def _near(groups: Sequence[tuple[str, ...]], within: int, found: Mapping[str, list[Place]]) -> bool:
    places = [[p for t in g for p in found.get(t, ())] for g in groups]
    return all(places) and any(
        all(any(abs(p[0] - first[0]) <= within for p in others) for others in places[1:]) for first in places[0]
    )
