"""Reading only what is new: the same entries, notes and order as reading all of it and leaving out what was known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import feedparser
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from watcher.feeds.parse import Parsed, parse
from watcher.feeds.slices import MARK_BYTES, find_slices, pack_marks, read_marks

URL = "https://news.example/feeds/world.xml"
RSS = '<rss version="2.0"{root}><channel{channel}><title>World</title>{head}{items}<ttl>30</ttl></channel></rss>'
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"{root}><title>World</title>{head}{items}</feed>'
RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"{root}>'
    "<channel{channel}><title>World</title>{head}</channel>{items}</rdf:RDF>"
)
DAYS = [f"2025-07-{day:02d}T10:00:00Z" for day in range(1, 4)]


def rss(*items: str, head: str = "", root: str = "", channel: str = "") -> bytes:
    return RSS.format(root=root, channel=channel, head=head, items="".join(items)).encode()


def item(number: int, more: str = "", *, title: str = "", attributes: str = "") -> str:
    title = title or f"Entry number {number}"
    return f"<item{attributes}><title>{title}</title><guid>tag:{number}</guid><link>/{number}</link>{more}</item>"


def read(body: bytes, known: bytes = b"", url: str = URL, max_entries: int = 500) -> Parsed:
    return parse(body, url=url, known=known, max_entries=max_entries)


def titles(parsed: Parsed) -> list[str]:
    return [entry.title for entry in parsed.entries]


@pytest.fixture
def given_to_feedparser(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return what was given to feedparser, document by document."""
    seen: list[bytes] = []
    real = feedparser.parse

    def spying(stream: object, **options: object) -> object:
        seen.append(stream.getvalue())  # type: ignore[attr-defined]
        return real(stream, **options)

    monkeypatch.setattr(feedparser, "parse", spying)
    return seen


# --- what is cut out ------------------------------------------------------------------------------


def test_only_what_is_new_reaches_feedparser(given_to_feedparser: list[bytes]) -> None:
    before = read(rss(*(item(n) for n in range(1, 10))))
    after = read(rss(*(item(n) for n in range(9)), head="<lastBuildDate>today</lastBuildDate>"), before.marks)
    assert titles(after) == ["Entry number 0"]
    assert (after.known, after.title, after.every) == (8, "World", before.every)
    assert given_to_feedparser[1].count(b"<item>") == 1
    assert b"<lastBuildDate>" in given_to_feedparser[1]


def test_a_document_with_nothing_new_gives_nothing_and_is_not_empty(given_to_feedparser: list[bytes]) -> None:
    body = rss(*(item(n) for n in range(9)))
    before = read(body)
    after = read(body.replace(b"World", b"Whole world"), before.marks)
    assert (after.entries, after.known, after.marks, after.title) == ((), 9, before.marks, "Whole world")
    assert given_to_feedparser[1].count(b"<item>") == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Entry number 3", "Entry number 3, corrected"),
        ("<link>/3", "<link>/3?page=2"),
        ("tag:3<", "tag:33<"),
        ("<guid>tag:3", "<description>more</description><guid>tag:3"),
    ],
)
def test_an_edited_entry_is_read_again(old: str, new: str) -> None:
    body = rss(*(item(n) for n in range(9))).decode()
    edited = body.replace(old, new, 1).encode()
    after = read(edited, read(body.encode()).marks)
    assert after.known == 8
    assert after.entries[0] in read(edited).entries


@pytest.mark.parametrize(
    "changed",
    [
        {"root": ' xml:base="https://other.example/"'},
        {"root": ' xml:lang="fr"'},
        {"channel": ' xml:lang="fr"'},
        {"head": "<language>fr</language>"},
        {"root": ' xmlns:dc="http://purl.org/dc/elements/1.1/"', "head": "<dc:language>fr</dc:language>"},
    ],
)
def test_what_changes_the_meaning_of_every_entry_has_all_of_them_read_again(changed: dict[str, str]) -> None:
    items = [item(n) for n in range(9)]
    before = read(rss(*items))
    after = read(rss(*items, **changed), before.marks)
    assert (after.known, len(after.entries)) == (0, 9)
    assert after.entries != before.entries


def test_a_document_from_elsewhere_is_all_new() -> None:
    body = rss(*(item(n) for n in range(9)))
    after = read(body, read(body).marks, url="https://moved.example/")
    assert (after.known, after.entries[0].link) == (0, "https://moved.example/8")


@pytest.mark.parametrize("known", [b"", b"x", b"no marks of ours at all", bytes(800)])
def test_marks_that_say_nothing_cost_a_full_reading_only(known: bytes) -> None:
    body = rss(*(item(n) for n in range(9)))
    assert read(body, known) == read(body)


def test_a_mark_keeps_whether_its_entry_has_a_date() -> None:
    marks = [(bytes([n] * MARK_BYTES), n % 2 == 0) for n in (1, 2, 127)]
    assert read_marks(pack_marks(marks)) == dict(marks)
    dated = [item(n, f"<pubDate>2025-07-{20 - n}</pubDate>") for n in range(8)]
    body = rss(*dated, item(8))
    before = read(body)
    assert titles(before)[0] == "Entry number 8", "in document order, for one has no date"
    later = rss(item(10, "<pubDate>2025-07-01</pubDate>"), item(9, "<pubDate>2025-07-30</pubDate>"), *dated, item(8))
    assert titles(read(later, before.marks)) == ["Entry number 9", "Entry number 10"]
    assert titles(read(later.replace(item(8).encode(), b""), before.marks)) == ["Entry number 10", "Entry number 9"]


# --- where it is not certain ----------------------------------------------------------------------

BASED = '<content:encoded xml:base="https://other.example/">x</content:encoded>'
UNCERTAIN = {
    "mended": rss(*(item(n, title="AT&T") for n in range(8))),
    "malformed": rss("<b>", *(item(n) for n in range(8))),
    "nested": rss(*(item(n) for n in range(7)), f"<item><title>Outer</title>{item(8)}</item>"),
    "empty element": rss(*(item(n) for n in range(8)), "<item/>"),
    "at two depths": rss(*(item(n) for n in range(8))).replace(b"</channel>", b"</channel>" + item(9).encode()),
    "in a wrapper": rss("<items>", *(item(n) for n in range(8)), "</items>"),
    "two channels": rss(*(item(n) for n in range(8))).replace(b"</channel>", b"</channel><channel></channel>"),
    "two alike": rss(*(item(1) for n in range(8))),
    "a strange item": rss(*(item(n) for n in range(8)), '<x:item xmlns:x="urn:x"/>'),
    "a base inside": rss(
        *(item(n, BASED) for n in range(8)), root=' xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    ),
    "a prefix of two meanings": rss(*(item(n, f'<x:y xmlns:x="urn:{n}">z</x:y>') for n in range(8))),
    "another root": rss(*(item(n) for n in range(8))).replace(b"rss", b"channel"),
}


@pytest.mark.parametrize("name", UNCERTAIN)
def test_what_is_not_certain_is_read_whole_every_time(name: str) -> None:
    parsed = read(UNCERTAIN[name])
    assert parsed.entries
    assert (parsed.marks, parsed.known) == (b"", 0)


def test_json_is_read_whole_every_time() -> None:
    body = b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "One"}]}'
    assert (titles(read(body)), read(body).marks) == (["One"], b"")


@pytest.mark.parametrize(
    "items",
    [
        [f"<item><title>Headline {n}</title><link>/live</link></item>" for n in range(9)],
        [*(item(n) for n in range(8)), item(0, title="The same id again")],
    ],
    ids=["without ids", "an id twice"],
)
def test_entries_that_may_depend_on_each_other_are_read_together(
    items: list[str], given_to_feedparser: list[bytes]
) -> None:
    before = read(rss(*items))
    after = read(rss(item(99), *items), before.marks)
    assert given_to_feedparser[1].count(b"<item>") == 10
    whole = read(rss(item(99), *items))
    assert after.degraded == whole.degraded
    assert set(after.entries) <= set(whole.entries)
    assert "Entry number 99" in titles(after)


def test_an_entry_that_is_left_out_of_the_document_is_not_known_at_the_next_poll() -> None:
    body = rss(*(item(n) for n in range(8)), "<item><guid>tag:empty</guid></item>")
    before = read(body)
    after = read(body, before.marks)
    assert before.degraded == after.degraded == "1 without any text left out"
    assert after.known == 8


def test_the_limit_of_entries_is_that_of_the_whole_document() -> None:
    items = [item(n) for n in range(30)]
    before = read(rss(*items), max_entries=10)
    after = read(rss(item(99), *items), before.marks, max_entries=10)
    assert titles(after) == ["Entry number 99"]
    assert (after.known, after.degraded) == (9, "10 of 31 entries read")


# --- any document ---------------------------------------------------------------------------------


def without(whole: Parsed, body: bytes, known: Sequence[bytes]) -> tuple[object, ...]:
    """Return the entries of the whole document except those that are left out when one mark alone is known."""
    gone = [set(whole.entries) - set(read(body, mark).entries) for mark in known]
    assert all(len(entries) == 1 for entries in gone)
    return tuple(entry for entry in whole.entries if entry not in set().union(*gone))


def marks_of(parsed: Parsed) -> list[bytes]:
    return [parsed.marks[at : at + MARK_BYTES] for at in range(0, len(parsed.marks), MARK_BYTES)]


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "guid": st.integers(0, 12).map(lambda n: f"<guid>tag:{n}</guid>"),
        "id": st.integers(0, 12).map(lambda n: f"<id>https://news.example/{n}</id>"),
        "title": st.sampled_from(["One", "Two &amp; a half", "<![CDATA[<b>Three</b>]]>", " ", "<item-ish/>Four"]).map(
            lambda text: f"<title>{text}</title>"
        ),
        "link": st.integers(0, 5).map(lambda n: f"<link>/{n}</link>"),
        "href": st.integers(0, 5).map(lambda n: f'<link href="{n}.html"/>'),
        "date": st.sampled_from(["2025-13-01", *DAYS]).map(lambda day: f"<pubDate>{day}</pubDate>"),
        "text": st.sampled_from(["&lt;/item&gt;", "<![CDATA[<item>]]>", "<p xmlns='http://www.w3.org/1999/xhtml'/>"]).map(
            lambda text: f"<description>{text}</description>"
        ),
        "base": st.just("<summary xml:base='https://else.example/'>S</summary>"),
        "source": st.just("<source><id>tag:source</id><title>Their feed</title></source>"),
        "comment": st.just("<!-- </item> <guid>tag:1</guid> -->"),
        "language": st.just("<dc:language xmlns:dc='http://purl.org/dc/elements/1.1/'>fr</dc:language>"),
    },
)  # fmt: skip


@st.composite
def documents(draw: Callable[..., object]) -> bytes:
    frame = draw(st.sampled_from([RSS, ATOM, RDF]))
    tag = "entry" if frame is ATOM else "item"
    found = draw(st.lists(FIELDS, max_size=10))
    items = "".join(f"<{tag}>{''.join(fields.values())}</{tag}>\n" for fields in found)  # type: ignore[attr-defined]
    root = draw(st.sampled_from(["", ' xml:base="https://base.example/a/"', ' xml:lang="de"']))
    head = draw(st.sampled_from(["", "<language>en</language>", "<image><title>Logo</title></image>"]))
    return str(frame).format(root=root, channel="", head=head, items=items).encode()


@settings(deadline=None)
@given(documents(), st.randoms(use_true_random=False))
@example(rss(*(item(n) for n in range(6))), None)
def test_reading_the_unseen_is_reading_all_and_leaving_out_the_seen(body: bytes, chance: object) -> None:
    whole = read(body)
    marks = marks_of(whole)
    known = [mark for n, mark in enumerate(marks) if (chance.random() < 0.6 if chance else n)]  # type: ignore[attr-defined]
    part = read(body, b"".join(known))
    assert part.entries == without(whole, body, known)
    assert part.known == len(known)
    assert (part.title, part.degraded, part.every, part.marks) == (
        whole.title, whole.degraded, whole.every, whole.marks
    )  # fmt: skip


@settings(deadline=None)
@given(documents(), documents())
def test_after_any_other_document_nothing_new_is_lost(before: bytes, after: bytes) -> None:
    marks = read(before).marks
    whole, part = read(after), read(after, marks)
    shared = set(read_marks(marks)) & {one.hash for one in find_slices(after, URL) or ()}
    assert set(part.entries) <= set(whole.entries)
    assert len(whole.entries) - len(part.entries) <= len(shared)
    assert part.marks == whole.marks
