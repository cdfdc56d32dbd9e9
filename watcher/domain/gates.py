"""Tell why nothing was read of an item in a text: the first gate that the text did not pass.

    subject   a group of `about` does not stand in any one sentence
    apart     the groups of `near` do, but too far from each other
    shut_out  a word of `none` stands there, too
    time      the entry is older than the watch
    language  the lifecycle has no words in the sentence's language
    no_cue    no word of the lifecycle stands there
    not_told  one does, but not of the subject
    others    it is told of somebody else's, or done by somebody who does not decide

Asked for people only: nothing of this runs while news is judged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from watcher.domain.acting import foreign, parties_named
from watcher.domain.cues import Found
from watcher.domain.forms import form_of
from watcher.domain.frame import Frame
from watcher.domain.matching import Match, Matcher, Place, expand
from watcher.domain.model import Actor, Entry, Item
from watcher.domain.objects import takes_flow
from watcher.domain.reading import Reader, strip_outlet
from watcher.domain.roles import concerns
from watcher.domain.telling import tell
from watcher.domain.text import Word, sentences, words

_FEW = 5  # words shown of a group


class Gate(StrEnum):
    """What kept a text from being read of an item, in the order the gates stand in."""

    SUBJECT = "subject"
    APART = "apart"
    SHUT_OUT = "shut_out"
    TIME = "time"
    LANGUAGE = "language"
    NO_CUE = "no_cue"
    NOT_TOLD = "not_told"
    OTHERS = "others"

    @property
    def rank(self) -> int:
        """0 for the first gate, rising with how far the text came."""
        return list(Gate).index(self)

    @property
    def matched(self) -> bool:
        """Whether the item's subject was found before this gate."""
        return self.rank >= Gate.TIME.rank


@dataclass(frozen=True, slots=True)
class Miss:
    """An item that a text tells nothing of: the gate, in words, and the sentence that came furthest."""

    item: str
    gate: Gate
    detail: str
    sentence: str
    found: tuple[str, ...] = ()  # what `about` asks for, as it stands in the sentence
    wanted: tuple[str, ...] = ()  # some of the words that would open the gate
    share: float = 1.0  # of the groups of `about` found


@dataclass(frozen=True, slots=True)
class _Group:
    """Alternatives of which one must stand there; `subject` where they are not just names of actors."""

    phrases: tuple[str, ...]
    subject: bool


@dataclass(frozen=True, slots=True)
class _Sight:
    """One sentence of an entry, with every phrase of any item found in it."""

    text: str
    words: Sequence[Word]
    found: Mapping[str, list[Place]]
    matches: Mapping[str, Match]
    title: bool
    opens: bool  # the title of an official outlet's own publication begins with it

    def written(self, place: Place) -> str:
        """The words at a place as the text has them."""
        return self.text[self.words[place[0]].start : self.words[place[1] - 1].end]


class Gates:
    """Asks why entries are not read of these items; `reader` is the one that reads them."""

    def __init__(self, items: Sequence[Item], actors: Mapping[str, Actor], reader: Reader) -> None:
        self._items = {item.id: item for item in items}
        self._reader = reader
        self._matcher = Matcher(items, actors)
        self._groups = {item.id: _groups(item, actors) for item in items}
        self._none = {item.id: expand(item.about.none, actors) for item in items}

    def why_not(self, entry: Entry, item: str, *, official: bool) -> Miss | None:
        """Return the first gate of the sentence that came furthest; None where a sentence does tell of the item."""
        return self._ask(entry, self._items[item], list(self._sights(entry, official)))

    def nearest(
        self, entry: Entry, *, official: bool, without: Collection[str] = (), limit: int = 3
    ) -> tuple[Miss, ...]:
        """Return the items that came nearest to being read, the nearest first.

        Near is an item of which at least one group that is not just an actor stands in the text.
        """
        sights = list(self._sights(entry, official))
        found = {text for sight in sights for text in sight.found}
        misses = [
            miss
            for item in self._items.values()
            if item.id not in without and any(g.subject and found & {*g.phrases} for g in self._groups[item.id])
            if (miss := self._ask(entry, item, sights)) is not None
        ]
        return tuple(sorted(misses, key=lambda m: (-m.gate.rank, -m.share))[:limit])

    def _sights(self, entry: Entry, official: bool) -> Iterator[_Sight]:
        for title, text in ((True, strip_outlet(entry.title, entry.source)), (False, entry.summary)):
            for start, end in sentences(text):
                part = text[start:end]
                text_words = words(part)
                matches = {m.item.id: m for m in self._matcher.match(text_words)}
                found = self._matcher.index.find(text_words)
                yield _Sight(part, text_words, found, matches, title, official and title and start == 0)

    def _ask(self, entry: Entry, item: Item, sights: Sequence[_Sight]) -> Miss | None:
        best: Miss | None = None
        for sight in sights:
            miss = self._at(entry, item, sight, sights)
            if miss is None:
                return None
            if best is None or (miss.gate.rank, miss.share) > (best.gate.rank, best.share):
                best = miss
        return best or Miss(item.id, Gate.SUBJECT, "there is no text", "", share=0.0)

    def _at(self, entry: Entry, item: Item, sight: _Sight, sights: Sequence[_Sight]) -> Miss | None:
        groups = self._groups[item.id]
        places = sorted({sight.found[t][0] for g in groups for t in g.phrases if t in sight.found})
        found = tuple(dict.fromkeys(sight.written(place) for place in places))
        missing = [g for g in groups if not any(t in sight.found for t in g.phrases)]
        if missing:
            detail = _lacking(missing, sight, sights)
            share = 1 - len(missing) / len(groups)
            return Miss(item.id, Gate.SUBJECT, detail, sight.text, found, missing[0].phrases[:_FEW], share)
        shut = [t for t in self._none[item.id] if t in sight.found]
        match = sight.matches.get(item.id)
        if shut:
            by = sight.written(sight.found[shut[0]][0])
            gate, detail = Gate.SHUT_OUT, f"shut out by “{by}”, a word of its `none`"
        elif match is None:
            gate, detail = Gate.APART, "its words stand there, but further apart than `near` allows"
        elif item.since is not None and entry.at < item.since:
            gate, detail = Gate.TIME, f"not watched before {item.since:%Y-%m-%d %H:%M} UTC"
        else:
            return self._told(entry, sight, match, found)
        return Miss(item.id, gate, detail, sight.text, found)

    def _told(self, entry: Entry, sight: _Sight, match: Match, found: tuple[str, ...]) -> Miss | None:
        item = match.item
        wanted: tuple[str, ...] = ()
        view = self._reader.look(sight.text, match, title=sight.title, told_language=entry.language)
        if view is None:
            detail = f"the lifecycle “{item.lifecycle}” has no words in the language of this sentence"
            return Miss(item.id, Gate.LANGUAGE, detail, sight.text, found)
        frame, cues = view
        if not frame.subject:
            return Miss(item.id, Gate.OTHERS, _whose(frame, match, sight), sight.text, found)
        if tell(frame, cues, official_title=sight.opens) is not None:
            return None
        fates = [_fate(frame, cue, sight) for cue in cues if not _in_subject(frame, cue)]
        if frame.others and not any(gate is Gate.OTHERS for gate, _ in fates):
            fates.append((Gate.OTHERS, "somebody else is told to do it"))
        gate, detail = max(fates, key=lambda fate: fate[0].rank, default=(Gate.NO_CUE, ""))
        if gate is Gate.NO_CUE:
            detail = f"no word of the lifecycle “{item.lifecycle}” stands beside the subject"
            wanted = _cue_words(frame)
        return Miss(item.id, gate, detail, sight.text, found, wanted)


# --- what `about` asks for ------------------------------------------------------------------------


def _groups(item: Item, actors: Mapping[str, Actor]) -> tuple[_Group, ...]:
    about = item.about
    given = [*about.all, *([about.any] if about.any else []), *(g for near in about.near for g in near.groups)]
    named = [any(text.startswith("@") for text in group) for group in given]
    return tuple(
        _Group(expand(group, actors), not name or all(named)) for group, name in zip(given, named, strict=True)
    )


def _lacking(missing: Sequence[_Group], sight: _Sight, sights: Sequence[_Sight]) -> str:
    """Say which group was not found, and whether it stands in another sentence."""
    phrases = missing[0].phrases
    more = ", …" if len(phrases) > _FEW else ""
    detail = f"needs {'one of ' if len(phrases) > 1 else ''}{', '.join(phrases[:_FEW])}{more}"
    for other in sights:
        elsewhere = next((other.found[t][0] for t in phrases if t in other.found), None)
        if elsewhere is not None and other is not sight:
            return f"{detail} in the same sentence; “{other.written(elsewhere)}” stands in another"
    rest = len(missing) - 1
    return f"{detail}; and {rest} more group{'s' * (rest > 1)} of words" if rest else detail


# --- what is told of it ---------------------------------------------------------------------------


def _whose(f: Frame, match: Match, sight: _Sight) -> str:
    """Say whose measure it is, where it is not the item's."""
    own = {*match.item.decided_by, *match.item.against, *match.item.with_}
    first, last = match.subject[0]
    beside = [n for n in f.s.names if n.place[1] == first or last < n.place[0] <= last + 2]
    others = [sight.written(n.place) for n in beside if not own & {*n.who}]
    whose = f", {others[0]}" if others else ""
    return f"“{sight.written((first, last))}” is told of somebody else{whose}"


def _in_subject(f: Frame, cue: Found) -> bool:
    """Whether a cue is but a word of the subject that is no act here: "ban" of "timber ban"."""
    return all(f.own(at) for at in range(cue.first, cue.last)) and form_of(f, cue, f.s.clause_at(cue.first)) is None


def _fate(f: Frame, cue: Found, sight: _Sight) -> tuple[Gate, str]:
    """Say what kept a cue from telling the item's state; asks in the order in which telling.py does."""
    state: str = cue.pattern.label[1]
    name = f"“{sight.written((cue.first, cue.last))}” ({state})"
    if cue.kind == "opens":
        return Gate.NOT_TOLD, f"{name} counts where it opens an official outlet's own publication"
    clause = f.s.clause_at(cue.first)
    form = form_of(f, cue, clause)
    if form is None:
        return Gate.NOT_TOLD, f"{name} tells no act here"
    if not concerns(f, cue, clause, form):
        subject = ", ".join(dict.fromkeys(sight.written(place) for place in f.subject))
        return Gate.NOT_TOLD, f"{name} is not told of the subject: {subject}"
    if not parties_named(f, clause):
        return Gate.NOT_TOLD, f"beside {name} not all are named who must take part: {', '.join(f.item.with_)}"
    if f.told.flows and cue.kind in ("does", "flow") and (cue.kind == "flow") != takes_flow(f, cue, clause, form):
        asked, told = ("what it holds up", "the measure")[:: 1 if cue.kind == "flow" else -1]
        return Gate.NOT_TOLD, f"{name} must be told of {asked}, and is told of {told}"
    why: list[str] = []
    if foreign(f, cue, clause, form, why):
        return Gate.OTHERS, f"{name} is {why[-1] if why else 'not done by those who decide together'}"
    if any(first <= cue.first < last for first, last in f.taken):
        return Gate.OTHERS, f"{name} is part of an act of somebody else's"
    return Gate.NOT_TOLD, f"{name} is part of another expression"


def _cue_words(f: Frame) -> tuple[str, ...]:
    """A word of each state of the lifecycle, a plain one where there is one."""
    told = [[text for texts in kinds.values() for text in texts] for kinds in f.told.cues.values()]
    plainest = [min(texts, key=lambda text: "~" in text or "|" in text) for texts in told if texts]
    return tuple(
        " ".join(part.split("|")[0].lstrip("=").replace("~", "…") for part in text.split()) for text in plainest[:_FEW]
    )
