"""When two entries are one: the rules of identity, alone and in the store."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from store_cases import LIFECYCLES, a_feed, a_poll, an_entry

from watcher.storage import Store, entries
from watcher.storage.identity import identify, link_key, same_story, story_hash

LINK = "https://news.example/2025/11/deal"


@pytest.mark.parametrize(
    "same",
    [
        "http://www.News.example/2025/11/deal/",
        LINK + "?utm_source=rss&utm_medium=feed",
        LINK + "?fbclid=1#comments",
        f"  {LINK}#top",
    ],
)
def test_links_that_lead_to_one_place(same: str) -> None:
    assert link_key(same) == link_key(LINK)


@pytest.mark.parametrize("other", [LINK + "?id=7", LINK + "-2", LINK + "#!/7", "https://other.example/2025/11/deal"])
def test_links_that_do_not(other: str) -> None:
    assert link_key(other) != link_key(LINK)


@pytest.mark.parametrize("front", ["", "https://news.example", "https://www.news.example/?utm_source=rss"])
def test_a_front_page_identifies_nothing(front: str) -> None:
    assert story_hash(front, "Statement") is None


def test_a_malformed_link_is_taken_as_it_is() -> None:
    assert link_key(" https://[x ") == "https://[x"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("U.S. and China near deal on TikTok", "US, China near a deal on TikTok, sources say"),
        ("Trump says deal is close", "Trump says the deal is ‘very close’ — live updates"),
        ("商务部:将依法审批TikTok交易", "商务部回应:将依法审批TikTok交易"),
        ("", "Anything"),
        ("ANNOUNCEMENT", "announcement"),
    ],
)
def test_a_corrected_title_is_the_same_story(one: str, other: str) -> None:
    assert same_story(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("U.S. and China near deal on TikTok", "Senate confirms new ambassador to Japan"),
        ("Trump says deal is close", "Nexperia shipments resume after weeks of halt"),
        ("商务部:将依法审批TikTok交易", "外交部就安世半导体答记者问"),
        ("Notice of hearing", "Final determination published"),
    ],
)
def test_another_title_is_another_story(one: str, other: str) -> None:
    assert not same_story(one, other)


@pytest.fixture
def polled(store: Store, now: datetime) -> Store:
    store.sync([a_feed("wire"), a_feed("other")], [], LIFECYCLES, now)
    first = an_entry(1, title="Ministry to review the export rules", link="https://m.example/a?id=1")
    store.save_polls([a_poll("wire", now, [first])], now)
    return store


@pytest.mark.parametrize(
    ("told", "new"),
    [
        ({}, 0),
        ({"title": "Ministry to review the export rules (corrected)"}, 0),
        ({"title": "Ministry to review the export rules", "link": "https://m.example/b"}, 0),
        ({"key": "k9"}, 0),
        ({"key": "k9", "link": "http://www.m.example/a?id=1&utm_source=x"}, 0),
        ({"key": "k9", "title": "MINISTRY to  review the export rules"}, 0),
        ({"key": "k9", "title": "Court strikes down the tariffs"}, 1),
        ({"key": "k9", "link": "https://m.example/a?id=2"}, 1),
        ({"key": "k9", "link": ""}, 1),
        ({"title": "Court strikes down the tariffs"}, 1),
    ],
)
def test_what_is_new_in_a_feed(polled: Store, now: datetime, told: dict[str, str], new: int) -> None:
    given = {"title": "Ministry to review the export rules", "link": "https://m.example/a?id=1"} | told
    for times in range(2):
        (saved,) = polled.save_polls([a_poll("wire", now, [an_entry(1, **given)])], now)
        assert saved.new == (new if times == 0 else 0)


def test_another_feed_may_give_the_same(polled: Store, now: datetime) -> None:
    again = an_entry(1, title="Ministry to review the export rules", link="https://m.example/a?id=1")
    assert polled.save_polls([a_poll("other", now, [again])], now)[0].new == 1


def test_a_feed_that_gives_every_entry_the_same_key(polled: Store, now: datetime) -> None:
    titles = ["Deal signed in Busan", "Court hears the appeal", "Nexperia ships again", "Deal signed in Busan, finally"]
    entries = [an_entry(1, key="https://m.example/", link="https://m.example/", title=title) for title in titles]
    assert polled.save_polls([a_poll("wire", now, entries)], now)[0].new == 3
    assert polled.save_polls([a_poll("wire", now, entries[1:])], now)[0].new == 0


def test_one_entry_twice_in_a_document(polled: Store, now: datetime) -> None:
    entries = [an_entry(5), an_entry(5), an_entry(6, link=an_entry(5).link, title=an_entry(5).title)]
    assert polled.save_polls([a_poll("wire", now, entries)], now)[0].new == 1


def test_an_entry_without_a_key_is_known_by_its_link_or_title(polled: Store, now: datetime) -> None:
    entries = [an_entry(5, key=""), an_entry(6, key="", link="")]
    assert polled.save_polls([a_poll("wire", now, entries)], now)[0].new == 2
    assert polled.save_polls([a_poll("wire", now, entries)], now)[0].new == 0


def test_rows_that_are_there_after_all_are_left_out_and_not_counted(store: Store, now: datetime) -> None:
    store.sync([a_feed()], [], LIFECYCLES, now)
    store.save_polls([a_poll("wire", now, [an_entry(1)])], now)
    changes = entries._Changes(now + timedelta(minutes=1))
    changes.note("wire", [identify(an_entry(1)), identify(an_entry(2))], known=(), baseline=False)
    with store._db.write() as connection:
        assert changes.insert(connection) == {"wire": 1}
    assert [entry.key for entry in store.unjudged(9)] == [an_entry(1).key, an_entry(2).key]
