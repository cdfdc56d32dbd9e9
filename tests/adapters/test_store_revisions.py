"""Entries that were edited: kept with what they said before, judged again, and never counted twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_cases import DAY, HOUR, LIFECYCLES, MINUTE, a_fact, a_feed, a_poll, an_entry, an_item

from watcher.domain.feeds import NewEntry, SavedPoll
from watcher.domain.model import Entry
from watcher.errors import RacedError
from watcher.storage import Store
from watcher.storage.identity import MAX_REVISIONS, Identified, Known, Register, identify, revises

TITLE = "Ministry to review the export rules"
FIRST = an_entry(1, title=TITLE, summary="It begins on Monday.", link="https://m.example/a")


@pytest.fixture
def polled(store: Store, now: datetime) -> Store:
    store.sync([a_feed()], [an_item()], LIFECYCLES, now)
    store.save_polls([a_poll("wire", now)], now)
    store.save_polls([a_poll("wire", now, [FIRST])], now)
    return store


def save(store: Store, at: datetime, *entries: NewEntry) -> SavedPoll:
    return store.save_polls([a_poll("wire", at, entries)], at)[0]


def judge_all(store: Store, now: datetime) -> list[Entry]:
    entries = store.unjudged(99)
    revisions = {entry.id: entry.revision for entry in entries}
    store.record([entry.id for entry in entries], [], [], [], [], now, revisions=revisions)
    return entries


EDITS = {
    "title": replace(FIRST, title="Ministry to review the export rules in December"),
    "text": replace(FIRST, summary="It begins on Tuesday."),
    "text under another key": replace(FIRST, key="k9", summary="It begins on Tuesday."),
    "text under another link": replace(FIRST, link="https://m.example/b", summary="It begins on Tuesday."),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edited_entry_is_judged_again_and_keeps_what_it_said(polled: Store, now: datetime, edit: NewEntry) -> None:
    (before,) = judge_all(polled, now)
    saved = save(polled, now + HOUR, edit)
    assert (saved.new, saved.revised) == (0, 1)
    (entry,) = judge_all(polled, now)
    assert (entry.id, entry.revision, entry.title, entry.summary) == (before.id, 1, edit.title, edit.summary)
    assert polled.texts(entry.id) == [(FIRST.title, FIRST.summary), (edit.title, edit.summary)]
    assert save(polled, now + HOUR, edit) == SavedPoll("wire", 0, False)
    assert polled.unjudged(9) == []


def test_several_feeds_are_saved_together_each_with_its_own(polled: Store, now: datetime) -> None:
    """What one feed knows is nothing to another, whatever they have in common."""
    polled.sync([a_feed(), a_feed("daily"), a_feed("third")], [an_item()], LIFECYCLES, now)
    edited = replace(FIRST, summary="It begins on Tuesday.")
    polls = [
        a_poll("daily", now, [FIRST, an_entry(2)]),
        a_poll("wire", now, [edited, an_entry(2), an_entry(3)]),
        a_poll("third", now, [edited]),
    ]
    saved = polled.save_polls(polls, now + HOUR)
    assert [(one.feed, one.new, one.baseline, one.revised) for one in saved] == [
        ("daily", 2, True, 0), ("wire", 2, False, 1), ("third", 1, True, 0),
    ]  # fmt: skip
    assert [one.new + one.revised for one in polled.save_polls(polls, now + HOUR)] == [0, 0, 0]


def test_two_edits_in_one_document_are_two_revisions(polled: Store, now: datetime) -> None:
    second = replace(FIRST, summary="It begins on Tuesday.")
    third = replace(FIRST, summary="It begins on Wednesday.", key="k7")
    assert save(polled, now + HOUR, second, third) == SavedPoll("wire", 0, False, 2)
    (entry,) = polled.unjudged(9)
    assert (entry.revision, entry.summary) == (2, third.summary)
    assert [summary for _, summary in polled.texts(entry.id)] == [FIRST.summary, second.summary, third.summary]


def test_two_polls_of_one_feed_build_on_each_other(polled: Store, now: datetime) -> None:
    edited = an_entry(5, summary="It was put right.")
    polls = [a_poll("wire", now, [an_entry(5)]), a_poll("wire", now, [edited]), a_poll("wire", now, [edited])]
    saved = polled.save_polls(polls, now)
    assert [(one.new, one.revised) for one in saved] == [(1, 0), (0, 1), (0, 0)]
    assert polled.feed_statuses()[0].entries == 2


SAME = {
    "all of it": FIRST,
    "case and space": replace(FIRST, title=TITLE.upper(), summary="It begins\n on  Monday."),
    "key": replace(FIRST, key="k9"),
    "link": replace(FIRST, link="https://other.example/a"),
    "tracking": replace(FIRST, link="https://m.example/a?utm_source=x#top"),
    "without its text": replace(FIRST, summary=""),
    "date": replace(FIRST, published=datetime(2025, 11, 3, tzinfo=UTC)),
}


@pytest.mark.parametrize("again", SAME.values(), ids=SAME)
def test_what_says_the_same_is_nothing(polled: Store, now: datetime, again: NewEntry) -> None:
    judge_all(polled, now)
    for _ in range(2):
        assert save(polled, now + HOUR, again) == SavedPoll("wire", 0, False)
    assert polled.unjudged(9) == []


def test_an_entry_goes_by_the_key_and_link_it_has_now(polled: Store, now: datetime) -> None:
    """A feed moves to new ids; what is edited afterwards is the same entry all the same."""
    moved = replace(FIRST, key="k9")
    save(polled, now, moved)
    saved = save(polled, now, replace(moved, link="https://new.example/x", title=f"{TITLE}, at last"))
    assert (saved.new, saved.revised) == (0, 1)


def test_id_and_address_changed_at_once_are_no_news(polled: Store, now: datetime) -> None:
    dated = replace(an_entry(4, title="Court hears the appeal on tariffs", summary="Two hours of it."), published=now)
    assert save(polled, now, dated).new == 1
    for other in (replace(dated, key="x", link="https://new.example/4"), replace(dated, key="y", link="")):
        assert save(polled, now, other) == SavedPoll("wire", 0, False)
    assert save(polled, now, replace(dated, key="z", link="https://new.example/5", published=now - DAY)).new == 1
    elsewhere = replace(dated, key="o", link="https://new.example/6", source="Another outlet")
    assert save(polled, now, elsewhere).new == 1


def test_an_id_used_for_two_stories_is_two_entries_each_with_its_own_edits(polled: Store, now: datetime) -> None:
    other = replace(FIRST, title="Court strikes down the tariffs", link="https://m.example/live")
    assert save(polled, now, other).new == 1
    judge_all(polled, now)
    saved = save(polled, now, replace(other, title="Court strikes down the tariffs: ruling in full"))
    assert (saved.new, saved.revised) == (0, 1)
    saved = save(polled, now, replace(FIRST, title=f"{TITLE} soon"))
    assert (saved.new, saved.revised) == (0, 1)
    assert {entry.title for entry in polled.unjudged(9)} == {
        "Court strikes down the tariffs: ruling in full",
        f"{TITLE} soon",
    }


def test_two_servers_that_disagree_cost_one_revision(polled: Store, now: datetime) -> None:
    edit = EDITS["text"]
    revised = [save(polled, now, one).revised for _ in range(5) for one in (edit, FIRST)]
    assert revised == [1] + [0] * 9
    assert polled.unjudged(9)[0].summary == edit.summary


def test_a_text_with_the_time_of_day_in_it_is_read_so_often_and_no_more(polled: Store, now: datetime) -> None:
    texts = [replace(FIRST, summary=f"It begins in {n} minutes.") for n in range(MAX_REVISIONS + 10)]
    assert sum(save(polled, now, text).revised for text in texts) == MAX_REVISIONS


def test_an_entry_edited_soon_counts_from_its_edit(polled: Store, now: datetime) -> None:
    later = now + 5 * HOUR
    save(polled, later, EDITS["text"])
    assert [(e.at, e.seen_at) for e in polled.unjudged(9)] == [(later, now)]


def test_an_old_entry_that_is_edited_keeps_its_time_and_its_silence(store: Store, now: datetime) -> None:
    store.sync([a_feed()], [], LIFECYCLES, now)
    old = replace(FIRST, published=now - 2 * DAY)
    assert store.save_polls([a_poll("wire", now, [old, an_entry(2)])], now)[0].baseline
    judge_all(store, now)
    edits = [replace(old, summary="A comma, put right."), an_entry(2, summary="News since.")]
    assert store.save_polls([a_poll("wire", now + HOUR, edits)], now + HOUR)[0].revised == 2
    entries = {e.summary: (e.at, e.baseline) for e in store.unjudged(9)}
    assert entries == {"A comma, put right.": (now - 2 * DAY, True), "News since.": (now + HOUR, False)}


def test_a_pruned_entry_that_is_edited_is_read_again(polled: Store, now: datetime) -> None:
    save(polled, now, EDITS["text"])
    judge_all(polled, now)
    (entry_id,) = [entry.id for entry in [*polled.unjudged(9)]] or ["1"]
    later = now + 9 * DAY
    assert polled.prune(later, later) == 1
    assert polled.texts(entry_id) == [("", ""), ("", "")]
    assert [save(polled, later, one).revised for one in (FIRST, EDITS["text"])] == [0, 0]
    assert save(polled, later, EDITS["title"]).revised == 1
    assert [entry.title for entry in polled.unjudged(9)] == [EDITS["title"].title]


def test_an_edit_while_an_entry_is_judged_turns_the_judgement_away(polled: Store, now: datetime) -> None:
    (entry,) = polled.unjudged(9)
    save(polled, now, EDITS["text"])
    with pytest.raises(RacedError, match="edited meanwhile"):
        polled.record([entry.id], [a_fact("deal", entry.id, now)], [], [], [], now)
    assert [each.revision for each in polled.unjudged(9)] == [1]
    assert polled.evidence("deal", now - DAY) == []


def test_evidence_quotes_the_text_it_was_made_of(polled: Store, now: datetime) -> None:
    (entry,) = polled.unjudged(9)
    polled.record([entry.id], [a_fact("deal", entry.id, now, quote=FIRST.summary)], [], [], [], now)
    save(polled, now, EDITS["text"])
    (entry,) = polled.unjudged(9)
    second = a_fact("deal", entry.id, now, id="second", quote=EDITS["text"].summary, revision=1)
    polled.record([entry.id], [second], [], [], [], now, revisions={entry.id: 1})
    texts = polled.texts(entry.id)
    for fact in polled.evidence("deal", now - DAY):
        assert fact.quote == texts[fact.revision][1]
    assert [fact.revision for fact in polled.told(entry.id)] == [0, 1]


def test_withdrawn_evidence_counts_for_nothing_and_stays_in_history(polled: Store, now: datetime) -> None:
    (entry,) = polled.unjudged(9)
    fact = a_fact("deal", entry.id, now)
    polled.record([entry.id], [fact], [], [], [], now)
    save(polled, now, EDITS["text"])
    polled.record([entry.id], [], [], [], [], now, revisions={entry.id: 1}, withdrawn=[fact.id])
    assert polled.evidence("deal", now - DAY) == []
    assert polled.told(entry.id) == []
    assert polled.last_evidence() == {}
    assert polled.prune(now + 9 * DAY, now + 9 * DAY) == 0  # it gave evidence once: its texts are kept
    assert polled.texts(entry.id)[0] == (FIRST.title, FIRST.summary)


def test_two_savers_of_one_edit_make_one_revision(polled: Store, db_url: str, now: datetime) -> None:
    from concurrent.futures import ThreadPoolExecutor

    stores = [Store.open(db_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        revised = list(pool.map(lambda store: save(store, now, EDITS["title"]).revised, stores))
    for each in stores:
        each.close()
    assert sorted(revised) == [0, 0, 0, 1]


# --- the rules, in any order of anything ----------------------------------------------------------

NOW = datetime(2025, 11, 3, 9, tzinfo=UTC)
KEYS = st.sampled_from(["", "a", "b", "https://m.example/1"])
LINKS = st.sampled_from(["", "https://m.example/1", "http://www.m.example/1?utm_source=x", "https://m.example/2"])
TITLES = st.sampled_from([TITLE, TITLE.upper(), f"{TITLE} soon", "Court strikes down the tariffs", "Deal signed", ""])
SUMMARIES = st.sampled_from(["", "One thing happened in the city today.", "Another thing happened there."])
DAYS = st.sampled_from([None, NOW, NOW - timedelta(days=1)])
NEW = st.builds(NewEntry, key=KEYS, link=LINKS, title=TITLES, summary=SUMMARIES, published=DAYS).filter(
    lambda new: bool(new.title or new.summary)
)


def taken(register: Register, new: NewEntry, number: int) -> tuple[str, Known | None]:
    """Take an entry as the store does: what became of it, and the known entry it is."""
    one = identify(new)
    known = register.find(one)
    if known is None:
        admitted = register.admit(one)
        return ("new", stored(register, admitted, number)) if admitted else ("dropped", None)
    if known.id is None:
        return "known", known
    if revises(known, one):
        known.past |= {known.text or ""}
        known.text, known.title, known.summary = one.text, new.title, new.summary
        known.revision += 1
        return "revised", known
    return "known", known


def stored(register: Register, admitted: Identified, number: int) -> Known:
    known = register.find(identify(admitted.entry))
    assert known is not None
    known.id = number
    return known


@given(st.lists(NEW, max_size=25))
@settings(max_examples=300)
def test_the_same_again_is_nothing_whatever_came_before(entries: list[NewEntry]) -> None:
    register = Register()
    for number, new in enumerate(entries):
        first, _ = taken(register, new, number)
        if first != "dropped":
            assert taken(register, new, -1)[0] == "known"


@given(NEW.filter(lambda new: bool(new.title)), st.sampled_from(["key", "link"]))
def test_a_changed_id_or_address_alone_is_no_news(new: NewEntry, field: str) -> None:
    new = replace(new, key=new.key or "a", link=new.link or "https://m.example/3")
    register = Register()
    taken(register, new, 1)
    changed = replace(new, key="other") if field == "key" else replace(new, link="https://other.example/7")
    assert taken(register, changed, 2)[0] == "known"


@given(NEW, SUMMARIES.filter(bool))
def test_another_text_under_the_same_identity_is_a_revision(new: NewEntry, summary: str) -> None:
    register = Register()
    taken(register, new, 1)
    edited = replace(new, summary=summary, key=new.key or new.link or new.title)
    first = replace(new, key=edited.key)
    assert identify(first).key == identify(new).key or not new.key
    what, known = taken(register, edited, 2)
    assert what == ("known" if summary == new.summary else "revised")
    assert known is not None
    assert known.id == 1


@given(KEYS.filter(bool), LINKS)
def test_an_id_of_two_stories_is_two_entries(key: str, link: str) -> None:
    register = Register()
    one = NewEntry(key, TITLE, link=link)
    other = NewEntry(key, "Court strikes down the tariffs", link=link)
    assert taken(register, one, 1)[0] == "new"
    assert taken(register, other, 2)[0] == "new"
    assert [taken(register, each, 3)[0] for each in (one, other, one)] == ["known"] * 3


@given(st.lists(NEW, max_size=12))
@settings(max_examples=60, deadline=None)
def test_no_feed_breaks_a_constraint_or_is_news_for_ever(entries: list[NewEntry]) -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{Path(folder) / 'w.db'}")
        store.upgrade()
        store.sync([a_feed()], [], LIFECYCLES, NOW)
        for number, new in enumerate(entries):
            save(store, NOW + number * MINUTE, new)
        for _ in range(len(entries) + 2):
            save(store, NOW + HOUR, *entries)
        assert save(store, NOW + HOUR, *entries) == SavedPoll("wire", 0, False)
        assert len(store.unjudged(999)) <= len(entries)
        store.close()
