"""Matching: what the index picks is what looking for every phrase of every item would find."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.config.lexicons import load_lexicons
from watcher.config.lifecycles import shipped_lifecycles
from watcher.domain import matching
from watcher.domain.matching import Matcher, expand
from watcher.domain.model import About, Actor, Entry, Item, Near, Rules
from watcher.domain.reading import Reader
from watcher.domain.text import phrase, sentences, stands_at, stem_of, terms, words

ACTORS = {
    "norland": Actor("norland", ("Norland", "Port of Aske", "N.A.")),
    "sudra": Actor("sudra", ("Sudra", "Sudran council", "苏德拉")),
}
PHRASES = (
    "timber ban",
    "ban",
    "timber",
    "US",
    "trade talks",
    "talks",
    "quotas",
    "oil-for-grain",
    "禁令",
    "@norland",
    "@sudra",
)
WORDS = (
    "Norland", "Port", "of", "Aske", "N.A.", "Sudra's", "Sudran", "council", "timber", "ban", "bans", "US", "us",
    "trade", "talks", "talk", "quota", "oil-for-grain", "oil", "苏德拉禁令", "lifts", "and", "Timber-ban", "“ban”",
    "U.S.", "40%",
)  # fmt: skip

groups = st.lists(st.sampled_from(PHRASES), min_size=1, max_size=4, unique=True).map(tuple)
abouts = st.builds(
    About,
    all=st.lists(groups, min_size=1, max_size=3).map(tuple),
    any=st.one_of(st.just(()), groups),
    none=st.lists(st.sampled_from(PHRASES), max_size=1).map(tuple),
    near=st.lists(st.builds(Near, st.lists(groups, min_size=2, max_size=2).map(tuple), st.just(3)), max_size=1).map(
        tuple
    ),
)
texts = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from((" ", " ", " ", ", ", ". ", "! ", "\n"))), max_size=18
).map(lambda pairs: "".join(word + gap for word, gap in pairs))


def item(number: int, about: About) -> Item:
    return Item(f"item-{number}", "An item", "restriction", "in_force", about=about)


def places(text: str, group: tuple[str, ...]) -> list[int]:
    text_words = words(text)
    return [at for p in expand(group, ACTORS) for at in range(len(text_words)) if stands_at(phrase(p), text_words, at)]


def is_about(text: str, about: About) -> bool:
    wanted = (*about.all, about.any) if about.any else about.all
    near = [[places(text, group) for group in n.groups] for n in about.near]
    return (
        all(places(text, group) for group in wanted)
        and not places(text, about.none)
        and all(any(abs(a - b) <= 3 for a in first for b in second) for first, second in near)
    )


@given(st.lists(abouts, min_size=1, max_size=6), texts)
def test_match_is_what_looking_for_every_phrase_finds_in_the_order_of_the_items(found: list[About], text: str) -> None:
    items = [item(number, about) for number, about in enumerate(found)]
    matches = [m.item.id for m in Matcher(items, ACTORS).match(words(text))]
    assert matches == [i.id for i in items if is_about(text, i.about)]


@given(st.lists(abouts, min_size=1, max_size=6), texts)
def test_no_sentence_about_an_item_is_passed_over(found: list[About], text: str) -> None:
    matcher = Matcher([item(number, about) for number, about in enumerate(found)], ACTORS)
    suspects = matcher.suspects(text)
    for start, end in sentences(text):
        part = text[start:end]
        assert not matcher.match(words(part)) or (suspects and suspects.stand_in(part))


@given(st.one_of(st.text(), texts))
def test_terms_are_the_words_without_what_stands_between(text: str) -> None:
    assert [stem_of(raw) for raw in terms(text)] == [w.stem for w in words(text)]


def test_how_deep_a_sentence_stands_does_not_depend_on_other_items() -> None:
    lexicons = load_lexicons()
    ban, talks = item(0, About(all=(("timber",),))), item(1, About(all=(("talks",),)))
    summary = "Talks begin. Talks go on. Talks end. Rain falls. Norland lifts the timber ban."
    at = datetime(2026, 3, 1, tzinfo=UTC)
    entry = Entry("e", "feed", "A week in Aske", at, at, summary=summary)
    told = []
    for items in ((ban,), (ban, talks), (talks, ban)):
        reader = Reader(Rules(items, ACTORS, shipped_lifecycles(), lexicons=lexicons))
        told.append([r for r in reader.read(entry, official=False) if r.item == ban.id])
    assert told[0]
    assert told[0] == told[1] == told[2]


def test_what_is_remembered_of_texts_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "_MOST_RUNS", 10)
    matcher = Matcher([item(0, About(all=(("稀土",),)))], ACTORS)
    for n in range(40):
        assert matcher.suspects(f"第{n}条" + "稀土" * 200)
        assert not matcher.suspects(f"word{n} Word{n}")
    assert 0 < len(matcher._stems) <= 10
    assert max(map(len, matcher._stems)) <= matching._LONGEST_RUN
