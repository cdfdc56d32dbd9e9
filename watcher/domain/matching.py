"""Find which items a text is about: one index over all phrases of all items, then each candidate's conditions.

A text is first looked at as a bag of words. Each item waits under the words of one of its groups, that which the
fewest other items share; only where all its groups may stand is the text taken apart.

Says where the subject stands; knows nothing of states.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain, zip_longest
from operator import attrgetter

from watcher.domain.model import Actor, Group, Item
from watcher.domain.text import Phrase, Word, phrase, stands_at, stem_of, terms

Place = tuple[int, int]  # words first..last+1

_MOST_RUNS, _LONGEST_RUN = 50_000, 30  # remembered, and characters of one; some 10 MB at most


@dataclass(frozen=True, slots=True)
class Match:
    """An item whose subject stands in a run of words: where, group by group."""

    item: Item
    subject: tuple[Place, ...]  # places of phrases that are not just names of actors
    names: tuple[Place, ...]
    groups: tuple[tuple[Place, ...], ...] = ()  # of each group without names of actors (or of all, if names are all
    # there is), where its phrases stand


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
        stems = [word.stem for word in text_words]
        for at, (first, second) in enumerate(zip_longest(stems, stems[1:], fillvalue="")):
            for p in self._by_first.get(first, ()):
                if (len(p.stems) == 1 or p.stems[1] == second) and stands_at(p, text_words, at):
                    found.setdefault(p.text, []).append((at, at + len(p.stems)))
        return found


class _Group:
    """Alternatives of which one must stand in a text; items that share them share the object."""

    __slots__ = ("_alone", "_longer", "keys", "phrases", "plain")

    def __init__(self, group: Iterable[str], phrases: tuple[str, ...]) -> None:
        self.phrases = phrases
        self.plain = frozenset(t for t in group if not t.startswith("@"))  # not names of actors
        self.keys: frozenset[str] = frozenset()  # one stem of each phrase
        self._alone: frozenset[str] = frozenset()  # those that are a whole phrase
        self._longer: dict[str, list[frozenset[str]]] = {}

    def index(self, phrases_with: Mapping[str, int]) -> None:
        """Choose for each phrase the stem that the fewest phrases have."""
        alone = set()
        for text in self.phrases:
            if own := frozenset(phrase(text).stems):
                key = min(own, key=lambda s: (phrases_with[s], -len(s), s))
                if len(own) == 1:
                    alone.add(key)
                else:
                    self._longer.setdefault(key, []).append(own)
        self._alone = frozenset(alone)
        self.keys = self._alone | self._longer.keys()

    def may_stand(self, stems: Set[str]) -> bool:
        """Whether all words of one of its phrases are among these, wherever."""
        if not self._alone.isdisjoint(stems):
            return True
        if not self._longer:
            return False
        for key in self._longer.keys() & stems:
            for own in self._longer[key]:
                if own <= stems:
                    return True
        return False


@dataclass(frozen=True, slots=True)
class _Needs:
    """An item's conditions with actors' names spelled out; `number` is its place in the configuration."""

    number: int
    item: Item
    groups: tuple[_Group, ...]
    none: tuple[str, ...]
    near: tuple[tuple[tuple[_Group, ...], int], ...]
    every: tuple[_Group, ...]  # all groups of which a phrase must stand there

    def may_stand(self, stems: Set[str]) -> bool:
        """Whether all words of one phrase of each group are among these, wherever."""
        for group in self.every:  # noqa: SIM110  (loops, here and elsewhere: this is asked of every text)
            if not group.may_stand(stems):
                return False
        return True


class _Stems(dict[str, tuple[str, ...]]):
    """Which of the stems of all phrases stand in a run of characters without a blank: none in most. Kept, for most runs
    have come before; but whole paragraphs, in languages that write no blanks, have not."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._wanted = frozenset(stem for text in phrases for stem in phrase(text).stems)

    def __missing__(self, run: str) -> tuple[str, ...]:
        found = tuple(stem for stem in map(stem_of, terms(run)) if stem in self._wanted)
        if len(run) <= _LONGEST_RUN:
            if len(self) >= _MOST_RUNS:
                self.clear()
            self[run] = found
        return found

    def standing(self, text: str) -> set[str]:
        """Return those that stand in a text."""
        return set(chain.from_iterable(map(self.__getitem__, text.split())))


class Suspects:
    """The items that a text may be about, to be asked of each of its sentences."""

    def __init__(self, needs: Sequence[_Needs], stems: _Stems) -> None:
        self._needs = needs
        self._stems = stems

    def __bool__(self) -> bool:
        return bool(self._needs)

    def stand_in(self, sentence: str) -> bool:
        """Whether the sentence may be about one of them."""
        standing = self._stems.standing(sentence)
        for needs in self._needs:  # noqa: SIM110
            if needs.may_stand(standing):
                return True
        return False


def expand(group: Iterable[str], actors: Mapping[str, Actor]) -> tuple[str, ...]:
    """Spell out "@us" as the names of actor `us`; other phrases stay. Raises KeyError for an unknown actor."""
    out: list[str] = []
    for text in group:
        out.extend(actors[text[1:]].names if text.startswith("@") else (text,))
    return tuple(dict.fromkeys(out))


class Matcher:
    """All items of all watchlists behind one index."""

    def __init__(self, items: Sequence[Item], actors: Mapping[str, Actor]) -> None:
        self.names: dict[str, tuple[str, ...]] = {}
        for actor in actors.values():
            for name in actor.names:
                self.names[name] = (*self.names.get(name, ()), actor.id)
        groups: dict[Group, _Group] = {}
        everything = [_compile(number, item, actors, groups) for number, item in enumerate(items)]
        wanted = dict.fromkeys(t for g in groups.values() for t in g.phrases)
        phrases_with = Counter(s for text in wanted for s in phrase(text).stems)
        for group in groups.values():
            group.index(phrases_with)
        self._anchored = _anchor(everything)
        self._anchors = frozenset(self._anchored)
        self._stems = _Stems(wanted)
        wanted.update(dict.fromkeys(t for needs in everything for t in needs.none))
        self.index = PhraseIndex(wanted)

    def suspects(self, text: str) -> Suspects:
        """Return the items that some sentence of a text may be about, none for most texts, long before the text is
        taken apart."""
        return Suspects(self._candidates(self._stems.standing(text)), self._stems)

    def match(self, text_words: Sequence[Word]) -> list[Match]:
        """Return the items these words are about, in the order of configuration."""
        candidates = self._candidates({w.stem for w in text_words})
        if not candidates:
            return []
        found = self.index.find(text_words)
        return [_where(needs, found) for needs in candidates if _holds(needs, found)]

    def _candidates(self, text_stems: Set[str]) -> list[_Needs]:
        """The items of which every group may stand there, in the order of configuration."""
        keys = self._anchors & text_stems
        if not keys:
            return []
        anchored = {n.number: n for key in keys for n in self._anchored[key]}
        found = [needs for needs in anchored.values() if needs.may_stand(text_stems)]
        return sorted(found, key=_number) if len(found) > 1 else found


_number = attrgetter("number")


def _compile(number: int, item: Item, actors: Mapping[str, Actor], known: dict[Group, _Group]) -> _Needs:
    def shared(group: Group) -> _Group:
        if group not in known:
            known[group] = _Group(group, expand(group, actors))
        return known[group]

    about = item.about
    every = (*about.all, about.any) if about.any else about.all
    near = tuple((tuple(shared(g) for g in n.groups), n.within) for n in about.near)
    groups = tuple(shared(g) for g in every)
    whole = (*groups, *(g for gs, _ in near for g in gs)) if near else groups
    return _Needs(number, item, groups, expand(about.none, actors), near, whole)


def _anchor(everything: Sequence[_Needs]) -> dict[str, list[_Needs]]:
    """Put each item under the words of that of its groups whose words the fewest items share."""
    shared_by = Counter(key for needs in everything for group in needs.every for key in group.keys)
    anchored: dict[str, list[_Needs]] = defaultdict(list)
    for needs in everything:
        rarest = min(needs.every, key=lambda g: sum(shared_by[key] for key in g.keys))
        for key in rarest.keys:
            anchored[key].append(needs)
    return anchored


def _holds(needs: _Needs, found: Mapping[str, list[Place]]) -> bool:
    if any(t in found for t in needs.none):
        return False
    if not all(any(t in found for t in g.phrases) for g in needs.groups):
        return False
    return all(_near(groups, within, found) for groups, within in needs.near)


def _where(needs: _Needs, found: Mapping[str, list[Place]]) -> Match:
    subject: set[Place] = set()
    names: set[Place] = set()
    plain = frozenset[str]().union(*(group.plain for group in needs.every))
    groups = []
    for group in needs.every:
        stand = [text for text in group.phrases if text in found]
        for text in stand:
            (subject if text in plain else names).update(found[text])
        if not plain or plain.issuperset(group.phrases):
            groups.append(tuple(p for text in stand for p in found[text]))
    return Match(needs.item, tuple(sorted(subject or names)), tuple(sorted(names)), tuple(groups))


def _near(groups: Sequence[_Group], within: int, found: Mapping[str, list[Place]]) -> bool:
    places = [[p for t in g.phrases for p in found.get(t, ())] for g in groups]
    return all(places) and any(
        all(any(abs(p[0] - first[0]) <= within for p in others) for others in places[1:]) for first in places[0]
    )
