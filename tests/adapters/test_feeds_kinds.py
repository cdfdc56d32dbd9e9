"""Sources that are no feeds: lists, pages, sitemaps, the Federal Register; from bytes, and over HTTP."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers_http import FeedServer, Received, Reply
from yarl import URL as Address

from watcher.domain.feeds import Feed, FeedKind, Hints, Selectors, Snapshot
from watcher.feeds.documents import FeedBroken
from watcher.feeds.entries import Parsed
from watcher.feeds.federalregister import parse_documents
from watcher.feeds.http import Failure, Fetched, Fetcher, FetchFailed, NotModified, Outcome
from watcher.feeds.kinds import ask_for, read_answer
from watcher.feeds.lists import parse_list
from watcher.feeds.pages import MAX_PAGE_CHARS, parse_page
from watcher.feeds.parse import parse
from watcher.feeds.robots import KEPT, LONGEST_DELAY, Robots, RobotsCache
from watcher.feeds.sitemaps import MAX_SITEMAPS, list_sitemaps, parse_sitemaps
from watcher.feeds.walls import FeedBlocked

NOW = datetime(2025, 11, 22, 12, 0, tzinfo=UTC)
URL = "https://ministry.example/news/index.html"

# --- lists ----------------------------------------------------------------------------------------

LIST = """\
<!doctype html><html lang="zh-CN"><head><title>Announcements</title></head><body>
<nav><ul><li><a href="/home">Home</a></li></ul></nav>
<ul class="news">
  <li><a href="3.html" title="Third, in full">Third</a> <span>[2025-11-21]</span></li>
  <li><a href="/n/2.html?utm_source=list">Second &amp; last</a> <span>2025年11月20日</span>
    <p>It says<br>two things.</p></li>
  <li><a href="1.html"></a><span>soon</span></li>
  <li><a href="#top">Up</a></li>
  <li>No link here</li>
</ul></body></html>"""


def read_list(text: str | bytes = LIST, url: str = URL, most: int = 100, **css: Any) -> Parsed:
    given: dict[str, Any] = {"entry": "ul.news > li", "date": "span", "summary": "p"}
    body = text.encode() if isinstance(text, str) else text
    return parse_list(body, Selectors(**(given | css)), url=url, content_type="text/html", max_entries=most)


def test_a_list_becomes_entries_keyed_by_their_links() -> None:
    parsed = read_list()
    assert [(e.key, e.title, e.summary) for e in parsed.entries] == [
        ("https://ministry.example/n/2.html", "Second & last", "It says\ntwo things."),
        ("https://ministry.example/news/3.html", "Third", ""),
    ]
    assert parsed.entries[0].link == "https://ministry.example/n/2.html?utm_source=list"
    assert {e.language for e in parsed.entries} == {"zh"}
    assert parsed.title == "Announcements"
    assert "1 without any text left out" in parsed.degraded
    assert "2 without a link left out" in parsed.degraded


def test_a_day_without_an_hour_is_its_end() -> None:
    assert [e.published for e in read_list().entries] == [
        datetime(2025, 11, 20, 23, 59, 59, tzinfo=UTC),
        datetime(2025, 11, 21, 23, 59, 59, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("written", "forms", "read"),
    [
        ("21.11.2025", ("%d.%m.%Y",), datetime(2025, 11, 21, 23, 59, 59, tzinfo=UTC)),
        ("11/12/2025", ("%m/%d/%Y",), datetime(2025, 11, 12, 23, 59, 59, tzinfo=UTC)),
        ("21.11.2025 08:30", ("%d.%m.%Y", "%d.%m.%Y %H:%M"), datetime(2025, 11, 21, 8, 30, tzinfo=UTC)),
        ("21.11.2025 08:30 +0800", ("%d.%m.%Y %H:%M %z",), datetime(2025, 11, 21, 0, 30, tzinfo=UTC)),
        ("November 21, 2025", (), datetime(2025, 11, 21, 23, 59, 59, tzinfo=UTC)),
        ("2025/11/21 08:30", (), datetime(2025, 11, 21, 8, 30, tzinfo=UTC)),
        ("发布时间:2025-11-21", (), datetime(2025, 11, 21, 23, 59, 59, tzinfo=UTC)),
        ("2025-13-41", (), None),
        ("soon", ("%d.%m.%Y",), None),
    ],
)
def test_dates_as_lists_write_them(written: str, forms: tuple[str, ...], read: datetime | None) -> None:
    page = f'<ul class="news"><li><a href="1.html">One</a> <span>{written}</span></li></ul>'
    parsed = read_list(page, date_format=forms)
    assert parsed.entries[0].published == read
    assert ("no date could be read" in parsed.degraded) == (read is None)


def test_what_a_machine_is_told_counts_before_what_people_read() -> None:
    page = '<p class="e"><a href="1">One</a><time datetime="2025-11-21T08:30:00+08:00">yesterday</time></p>'
    parsed = read_list(page, entry="p.e", date="", summary="")
    assert parsed.entries[0].published == datetime(2025, 11, 21, 0, 30, tzinfo=UTC)


def test_an_entry_may_be_its_link_and_a_title_may_stand_elsewhere() -> None:
    page = '<base href="/docs/"><a class="card" href="7"><h3>Seven</h3><p>Text</p></a>'
    parsed = read_list(page, entry="a.card", title="h3", date="")
    assert [(e.title, e.link, e.summary) for e in parsed.entries] == [
        ("Seven", "https://ministry.example/docs/7", "Text")
    ]


def test_a_list_in_an_old_encoding() -> None:
    page = LIST.replace("Third<", "商务部公告<").encode("gb18030")
    parsed = parse_list(
        page, Selectors(entry="ul.news > li"), url=URL, content_type="text/html; charset=gb2312", max_entries=9
    )
    assert parsed.entries[-1].title == "商务部公告"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<html><body><p>Moved</p></body></html>", "no element of the page is an entry"),
        ('<ul class="news"><li>no link</li></ul>', "none of the 1 entries has a link and a title"),
        ("", "the body is empty"),
        ("just words", "plain text instead of a web page"),
        (b"\xff\xfe\x00\x00", "the body is empty"),
    ],
)
def test_a_page_that_is_not_that_list_is_broken(body: str | bytes, said: str) -> None:
    with pytest.raises(FeedBroken, match=said):
        read_list(body)


def test_no_more_than_the_most() -> None:
    page = "<ul class=news>" + "".join(f"<li><a href='{n}.html'>N {n}</a></li>" for n in range(30)) + "</ul>"
    parsed = read_list(page, most=10)
    assert [e.title for e in parsed.entries] == [f"N {n}" for n in reversed(range(10))]
    assert "20 beyond the first 10 left out" in parsed.degraded


@given(st.binary(max_size=400))
def test_any_bytes_are_a_list_a_page_or_broken(body: bytes) -> None:
    for read in (
        lambda: parse_list(body, Selectors(entry="li"), url=URL, content_type="", max_entries=9),
        lambda: parse_page(body, Selectors(), None, url=URL, content_type=""),
        lambda: parse_sitemaps((body,), url=URL, max_entries=9),
        lambda: parse_documents(body, url=URL, max_entries=9),
    ):
        try:
            assert isinstance(read(), Parsed)
        except FeedBroken:
            continue
    assert isinstance(list_sitemaps(body, URL), tuple)


# --- pages ----------------------------------------------------------------------------------------

PAGE = """\
<html lang="en"><head><title>Export controls</title><script>var t = "2025-11-22";</script></head><body>
<header>Ministry</header><nav><a href="/">Home</a></nav>
<main><h1>Export controls</h1><p>The licence is required for magnets. It applies to all exporters.</p>
<ul><li>Form A</li><li>Form B</li></ul><p hidden>Not shown</p></main><footer>Seen 1,204 times</footer></body></html>"""


def read_page(text: str, former: Snapshot | None = None, css: str = "") -> Parsed:
    return parse_page(text.encode(), Selectors(text=css), former, url=URL, content_type="text/html; charset=utf-8")


def test_the_first_reading_of_a_page_is_what_later_ones_are_compared_with() -> None:
    parsed = read_page(PAGE)
    assert parsed.entries == ()
    assert not parsed.unchanged
    assert parsed.snapshot == Snapshot(
        "Export controls\nThe licence is required for magnets.\nIt applies to all exporters.\nForm A\nForm B"
    )


def test_a_change_is_an_entry_of_what_is_new_and_what_is_gone() -> None:
    former = read_page(PAGE).snapshot
    changed = PAGE.replace("The licence is required for magnets.", "The licence requirement was lifted on Friday.")
    parsed = read_page(changed.replace("<li>Form A</li>", ""), former)
    (entry,) = parsed.entries
    assert (entry.title, entry.link, entry.language) == ("Export controls", URL, "en")
    assert entry.summary == "The licence requirement was lifted on Friday."
    assert entry.removed == "The licence is required for magnets.\nForm A"
    assert parsed.snapshot is not None
    assert parsed.snapshot.changes == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1,204", "1,205"),  # outside the main text
        ('"2025-11-22"', '"2025-11-23"'),
        ("Not shown", "Still not shown"),
        ("magnets. It", "magnets.\n\n   It"),
        ("<li>Form A</li><li>Form B</li>", "<li>Form B</li><li>Form A</li>"),
    ],
)
def test_what_no_reader_would_notice_is_no_change(old: str, new: str) -> None:
    assert old in PAGE
    parsed = read_page(PAGE.replace(old, new), read_page(PAGE).snapshot)
    assert (parsed.entries, parsed.unchanged) == ((), True)


def test_a_selector_narrows_a_page() -> None:
    former = read_page(PAGE, css="ul").snapshot
    assert former == Snapshot("Form A\nForm B")
    assert read_page(PAGE.replace("magnets", "furnaces"), former, css="ul").unchanged
    with pytest.raises(FeedBroken, match=r"no element of the page is its text \(select.text: table\)"):
        read_page(PAGE, css="table")


def test_a_page_without_main_text_is_read_without_its_menus() -> None:
    page = PAGE.replace("<main>", "<div>").replace("</main>", "</div>")
    snapshot = read_page(page).snapshot
    assert snapshot is not None
    assert snapshot.text.split("\n")[0] == "Export controls"
    assert "Home" not in snapshot.text
    assert "Seen" not in snapshot.text


def test_a_page_that_goes_back_to_what_it_said_is_news_again() -> None:
    first = read_page(PAGE)
    other = PAGE.replace("is required", "is no longer required")
    keys, snapshot = [], first.snapshot
    for text in (other, PAGE, other, PAGE):
        parsed = read_page(text, snapshot)
        snapshot = parsed.snapshot
        keys += [entry.key for entry in parsed.entries]
    assert len(set(keys)) == 4


def test_a_long_page_is_read_so_far() -> None:
    page = "<main>" + "".join(f"<p>Line number {n} of it.</p>" for n in range(20_000)) + "</main>"
    parsed = read_page(page)
    assert parsed.snapshot is not None
    assert MAX_PAGE_CHARS - 100 < len(parsed.snapshot.text) <= MAX_PAGE_CHARS


sentence = st.sampled_from([f"Sentence {word} stands here." for word in ("one", "two", "three", "four", "five")])


@given(st.lists(sentence, min_size=1, max_size=6), st.lists(sentence, min_size=1, max_size=6))
def test_what_is_added_and_removed_leads_from_one_text_to_the_other(old: list[str], new: list[str]) -> None:
    def page(lines: list[str]) -> str:
        return "<main>" + "".join(f"<p>{line}</p>" for line in lines) + "</main>"

    parsed = read_page(page(new), read_page(page(old)).snapshot)
    added = [line for e in parsed.entries for line in e.summary.split("\n") if line]
    removed = [line for e in parsed.entries for line in e.removed.split("\n") if line]
    assert sorted([*old, *added]) == sorted([*new, *removed])
    assert parsed.unchanged == (sorted(old) == sorted(new))
    assert not set(added) & set(removed)


# --- sitemaps -------------------------------------------------------------------------------------

NEWS = "http://www.google.com/schemas/sitemap-news/0.9"


def sitemap(*titles: str, day: int = 20) -> bytes:
    urls = "".join(
        f"<url><loc>https://daily.example/{title.replace(' ', '-')}</loc><news:news><news:publication>"
        f"<news:name>Daily</news:name><news:language>en-GB</news:language></news:publication>"
        f"<news:publication_date>2025-11-{day + n:02}T08:00:00Z</news:publication_date>"
        f"<news:title>{title}</news:title></news:news></url>"
        for n, title in enumerate(titles)
    )
    plain = "<url><loc>https://daily.example/about</loc></url>"
    head = f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="{NEWS}">'
    return f"{head}{plain}{urls}</urlset>".encode()


def index(*places: tuple[str, str]) -> bytes:
    parts = "".join(
        f"<sitemap><loc>{loc}</loc>{f'<lastmod>{at}</lastmod>' if at else ''}</sitemap>" for loc, at in places
    )
    return f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{parts}</sitemapindex>'.encode()


def test_a_news_sitemap() -> None:
    parsed = parse_sitemaps((sitemap("Talks begin", "Talks end"),), url=URL, max_entries=9)
    assert [(e.title, e.link, e.source, e.language) for e in parsed.entries] == [
        ("Talks begin", "https://daily.example/Talks-begin", "Daily", "en"),
        ("Talks end", "https://daily.example/Talks-end", "Daily", "en"),
    ]
    assert parsed.entries[1].published == datetime(2025, 11, 21, 8, tzinfo=UTC)


def test_of_a_long_sitemap_the_newest_are_read() -> None:
    parsed = parse_sitemaps((sitemap("One", "Two", "Three"),), url=URL, max_entries=2)
    assert [e.title for e in parsed.entries] == ["Two", "Three"]


def test_an_index_names_its_latest_sitemaps() -> None:
    body = index(*((f"/s{n}.xml", f"2025-11-{n:02}") for n in range(1, 10)))
    assert list_sitemaps(body, URL) == tuple(
        f"https://ministry.example/s{n}.xml" for n in range(9, 9 - MAX_SITEMAPS, -1)
    )
    assert list_sitemaps(index(("/a.xml", ""), ("/b.xml", ""), ("ftp://x/", "")), URL)[0].endswith("/b.xml")
    assert list_sitemaps(sitemap("One"), URL) == ()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<urlset><url><loc>https://a.example/1</loc></url></urlset>", "none of its 1 addresses has a <news:title>"),
        (b"<rss/>", "its root is <rss>"),
        (b"words", "no sitemap: not XML"),
        (b"", "no sitemap: not XML"),
    ],
)
def test_what_is_no_news_sitemap_is_broken(body: bytes, said: str) -> None:
    with pytest.raises(FeedBroken, match=said):
        parse_sitemaps((body,), url=URL, max_entries=9)


def test_entities_of_a_sitemap_are_not_expanded() -> None:
    bomb = '<!DOCTYPE u [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    text = (
        sitemap("Begin X end")
        .decode()
        .replace("?>", f"?>{bomb}")
        .replace("<news:title>Begin X", "<news:title>Begin &b;&f;")
    )
    (entry,) = parse_sitemaps((text.encode(),), url=URL, max_entries=9).entries
    assert "aaaa" not in entry.title
    assert "root:" not in entry.title


# --- the Federal Register -------------------------------------------------------------------------

DOCUMENT = {
    "document_number": "2025-20001",
    "title": "Tariff Exclusions: Extension &amp; Notice",
    "abstract": "The agency extends certain exclusions",
    "action": "Notice of extension.",
    "dates": "The exclusions expire on November 10, 2026.",
    "type": "Notice",
    "agencies": [{"name": "Trade Office", "slug": "trade-office"}, {"raw_name": "OFFICE"}],
    "html_url": "https://www.federalregister.gov/documents/2025/11/21/2025-20001/x",
    "publication_date": "2025-11-21",
    "effective_on": "2025-11-30",
    "comments_close_on": None,
}


def test_documents_of_the_federal_register() -> None:
    body = json.dumps({"count": 1, "results": [DOCUMENT]}).encode()
    (entry,) = parse_documents(body, url=URL, max_entries=9).entries
    assert entry.key == "2025-20001"
    assert entry.title == "Tariff Exclusions: Extension & Notice"
    assert entry.summary.split("\n") == [
        "The agency extends certain exclusions.",
        "Notice of extension.",
        "The exclusions expire on November 10, 2026.",
        "It is effective on November 30, 2025.",
        "Notice, Trade Office, OFFICE",
    ]
    assert entry.published == datetime(2025, 11, 21, 23, 59, 59, tzinfo=UTC)
    assert (entry.source, entry.language, entry.link) == ("Federal Register", "en", DOCUMENT["html_url"])


def test_a_search_without_results_is_empty_and_a_refused_one_broken() -> None:
    assert parse_documents(b'{"count": 0}', url=URL, max_entries=9).entries == ()
    for body, said in (
        (b'{"errors": {"agency": "no such agency"}}', "refuses the search: .*no such agency"),
        (b"<html></html>", "not JSON"),
        (b"[]", "JSON without results"),
        (b'{"count": 3}', "JSON without results"),
    ):
        with pytest.raises(FeedBroken, match=said):
            parse_documents(body, url=URL, max_entries=9)


def test_odd_documents_harm_nothing() -> None:
    odd = [{"title": 5}, "x", {"title": "Kept", "agencies": "none", "publication_date": "soon"}, None]
    parsed = parse_documents(json.dumps({"results": odd}).encode(), url=URL, max_entries=9)
    assert [e.title for e in parsed.entries] == ["Kept"]


# --- the old Channel Definition Format ------------------------------------------------------------


@pytest.mark.parametrize("fold", [str, str.lower])
def test_cdf_is_a_feed(fold: Any) -> None:
    item = '<ITEM HREF="https://a.example/1" LASTMOD="{}"><TITLE>Talks</TITLE><ABSTRACT>They met.</ABSTRACT></ITEM>'
    text = fold(f'<CHANNEL HREF="https://a.example/"><TITLE>Old</TITLE>{item}</CHANNEL>').format("2025-11-03T10:00Z")
    (entry,) = parse(f'<?xml version="1.0"?>{text}'.encode(), url="https://a.example/c.cdf").entries
    assert (entry.title.lower(), entry.summary.lower(), entry.link) == ("talks", "they met.", "https://a.example/1")
    assert entry.published == datetime(2025, 11, 3, 10, tzinfo=UTC)


# --- over HTTP ------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def fetcher() -> Fetcher:
    return make_fetcher()


def make_fetcher(patience: timedelta = timedelta(seconds=20)) -> Fetcher:
    return Fetcher(
        user_agent="watcher-test/1.0 (+mailto:desk@example.org)",
        timeout=patience,
        max_bytes=100_000,
        concurrency=10,
        per_host=2,
    )


def html(body: str, **told: Any) -> Reply:
    return Reply(body=body.encode(), content_type="text/html", **told)


def a_feed(url: str, kind: FeedKind = FeedKind.PAGE, **told: Any) -> Feed:
    return Feed(id="f", url=url, kind=kind, allow_private=True, **told)


def ask(fetcher: Fetcher, *feeds: Feed, now: datetime = NOW, hints: Hints = Hints()) -> list[Outcome]:  # noqa: B008
    return fetcher.fetch([ask_for(feed, hints) for feed in feeds], now)


def failed(outcome: Outcome) -> tuple[Failure, str]:
    assert isinstance(outcome, FetchFailed), outcome
    return outcome.failure, outcome.detail


def test_pages_are_asked_for_where_robots_txt_allows_it(server: FeedServer, fetcher: Fetcher) -> None:
    server.add(
        "/robots.txt", Reply(body=b"User-agent: *\nDisallow: /private\n\nUser-agent: watcher-test\nDisallow: /p*/x")
    )
    for path in ("/page", "/private", "/p/x"):
        server.add(path, html(PAGE))
    outcomes = ask(fetcher, *(a_feed(server.url(path)) for path in ("/page", "/private", "/p/x")))
    assert [isinstance(outcome, Fetched) for outcome in outcomes] == [True, True, False]  # its own rules count alone
    assert failed(outcomes[2]) == (Failure.ROBOTS, "robots.txt asks programs to leave this page alone")
    assert len(server.asked("/robots.txt")) == 1
    assert not server.asked("/p/x")
    (page,) = server.asked("/page")
    assert page.headers["accept"].startswith("text/html")


def test_feeds_are_not_asked_about(server: FeedServer, fetcher: Fetcher) -> None:
    server.add("/robots.txt", Reply(body=b"User-agent: *\nDisallow: /"))
    server.add("/rss", Reply(body=b"<rss/>"))
    (outcome,) = ask(fetcher, a_feed(server.url("/rss"), FeedKind.FEED))
    assert isinstance(outcome, Fetched)
    assert not server.asked("/robots.txt")


def test_rules_are_kept_for_a_while(server: FeedServer, fetcher: Fetcher) -> None:
    server.add("/robots.txt", Reply(status=404), Reply(body=b"User-agent: *\nDisallow: /"))
    server.add("/page", html(PAGE))
    feed = a_feed(server.url("/page"))
    for now in (NOW, NOW + KEPT / 2):
        assert isinstance(ask(fetcher, feed, now=now)[0], Fetched)
    assert failed(ask(fetcher, feed, now=NOW + KEPT)[0])[0] is Failure.ROBOTS
    assert len(server.asked("/robots.txt")) == 2


@pytest.mark.parametrize(
    ("reply", "failure", "said"),
    [
        (Reply(status=503), Failure.STATUS, "robots.txt: answered 503"),
        (Reply(status=429, headers={"Retry-After": "60"}), Failure.RATE_LIMITED, "robots.txt: answered 429"),
        (Reply(hang_up=True), Failure.PROTOCOL, "robots.txt: "),
        (Reply(wait=3), Failure.TIMEOUT, "robots.txt: "),
    ],
)
def test_a_host_whose_rules_cannot_be_had_is_left_alone(
    server: FeedServer, fetcher: Fetcher, reply: Reply, failure: Failure, said: str
) -> None:
    server.add("/robots.txt", reply)
    server.add("/page", html(PAGE))
    fetcher = make_fetcher(timedelta(seconds=1)) if reply.wait else fetcher
    got, detail = failed(ask(fetcher, a_feed(server.url("/page")))[0])
    assert got is failure
    assert detail.startswith(said)
    assert not server.asked("/page")


def test_a_redirect_is_asked_about_as_well(server: FeedServer, fetcher: Fetcher) -> None:
    server.add("/robots.txt", Reply(body=b"User-agent: *\nDisallow: /new"))
    server.add("/old", Reply(status=301, headers={"Location": "/new"}))
    server.add("/new", html(PAGE))
    assert failed(ask(fetcher, a_feed(server.url("/old")))[0])[0] is Failure.ROBOTS


def test_pages_of_a_host_are_as_far_apart_as_its_robots_txt_wants(server: FeedServer, fetcher: Fetcher) -> None:
    server.add("/robots.txt", Reply(body=b"User-agent: watcher-test\nCrawl-delay: 0.2\n\nUser-agent: *\nDisallow: /"))
    pages = [a_feed(server.add(f"/{n}", html(PAGE))) for n in range(3)]
    started = time.monotonic()
    assert all(isinstance(outcome, Fetched) for outcome in ask(fetcher, *pages))
    assert time.monotonic() - started >= 0.4
    assert isinstance(ask(fetcher, pages[0])[0], Fetched)
    assert time.monotonic() - started >= 0.6  # from one round to the next as well


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("2", timedelta(seconds=2)),
        ("0.5", timedelta(seconds=0.5)),
        ("3600", LONGEST_DELAY),
        ("inf", timedelta(0)),
        ("nan", timedelta(0)),
        ("-5", timedelta(0)),
        ("soon", timedelta(0)),
        ("0", timedelta(0)),
    ],
)
def test_how_far_apart_is_bounded(told: str, kept: timedelta) -> None:
    body = f"User-agent: *\nCrawl-delay: {told}\n".encode()

    async def give(_: Address) -> Outcome:
        return Fetched("f", "", body, "text/plain", Hints(), None, timedelta(0))

    robots = Robots(RobotsCache(), "watcher-test/1.0")
    assert asyncio.run(robots.admit(Address("https://a.example/page"), give, NOW)) == kept


def test_robots_txt_of_a_private_address_is_not_asked_for(server: FeedServer, fetcher: Fetcher) -> None:
    (outcome,) = fetcher.fetch([ask_for(Feed(id="f", url=server.url("/page"), kind=FeedKind.PAGE))], NOW)
    assert failed(outcome)[0] is Failure.PRIVATE_ADDRESS
    assert not server.requests


def read(feed: Feed, outcome: Outcome) -> Parsed:
    assert isinstance(outcome, Fetched), outcome
    return read_answer(feed, outcome, max_entries=100)


def test_an_index_is_read_with_its_sitemaps(server: FeedServer, fetcher: Fetcher) -> None:
    packed = Reply(body=gzip.compress(sitemap("Two")), content_type="application/gzip")
    server.add("/index.xml", Reply(body=index(("/1.xml", "2025-11-01"), ("/2.xml.gz", ""), ("/3.xml", "")), etag='"1"'))
    server.add("/1.xml", Reply(body=sitemap("One")))
    server.add("/2.xml.gz", packed)
    server.add("/3.xml", Reply(status=500))
    feed = a_feed(server.url("/index.xml"), FeedKind.SITEMAP)
    (outcome,) = ask(fetcher, feed)
    parsed = read(feed, outcome)
    assert {e.title for e in parsed.entries} == {"One", "Two"}
    assert "a sitemap of the index left out (status: answered 500)" in parsed.degraded


def test_an_index_is_asked_for_whole_until_nothing_in_it_changed(server: FeedServer, fetcher: Fetcher) -> None:
    server.add("/index.xml", Reply(body=index(("/1.xml", "")), etag='"1"'))
    server.add("/1.xml", Reply(body=sitemap("One")), Reply(body=sitemap("One")), Reply(body=sitemap("One", "Two")))
    feed = a_feed(server.url("/index.xml"), FeedKind.SITEMAP)
    (first,) = ask(fetcher, feed)
    assert isinstance(first, Fetched)
    assert first.hints.etag is None
    (second,) = ask(fetcher, feed, hints=first.hints)
    assert isinstance(second, NotModified)
    (third,) = ask(fetcher, feed, hints=second.hints)
    assert {e.title for e in read(feed, third).entries} == {"One", "Two"}


@pytest.mark.parametrize("place", ["http://10.0.0.1/s.xml", "http://[::1]/s.xml", "http://169.254.169.254/latest"])
def test_an_index_does_not_lead_to_private_addresses(server: FeedServer, place: str) -> None:
    """The index itself is let in by a proxy of the test's own; what it lists is checked like any feed."""
    server.add("http://news.example/index.xml", Reply(body=index((place, ""))))
    fetcher = Fetcher(
        user_agent="w", timeout=timedelta(seconds=20), max_bytes=100_000, concurrency=9, per_host=2, proxy=server.url()
    )
    feed = Feed(id="f", url="http://news.example/index.xml", kind=FeedKind.SITEMAP)
    (outcome,) = fetcher.fetch([ask_for(feed)], NOW)
    assert isinstance(outcome, Fetched)
    assert outcome.parts == ()
    assert outcome.lost[0].startswith("private_address: ")
    assert [request.target for request in server.requests] == ["http://news.example/index.xml"]


def test_a_search_of_the_federal_register(server: FeedServer, fetcher: Fetcher) -> None:
    def answer(request: Received) -> Reply:
        found = [DOCUMENT] if "conditions%5Bterm%5D=tariff" in request.target else []
        return Reply(body=json.dumps({"count": len(found), "results": found}).encode(), content_type="application/json")

    server.add("/documents.json", answer)
    feed = a_feed(server.url("/documents.json?conditions%5Bterm%5D=tariff"), FeedKind.FEDERAL_REGISTER)
    assert [e.key for e in read(feed, ask(fetcher, feed)[0]).entries] == ["2025-20001"]


WALL = "<html><title>Just a moment...</title><body><p>Checking your browser</p></body></html>"


@pytest.mark.parametrize(
    ("kind", "former"),
    [(FeedKind.LIST, None), (FeedKind.PAGE, Snapshot("The rule is in force.\nQuestions go to the desk."))],
)
def test_a_wall_is_no_page_and_no_change_of_one(kind: FeedKind, former: Snapshot | None) -> None:
    feed = Feed(id="f", url="https://x.example/", kind=kind, selectors=Selectors(entry="li"))
    came = Fetched("f", feed.url, WALL.encode(), "text/html", Hints(), None, timedelta(0))
    with pytest.raises(FeedBlocked, match=r"\Aa bot wall instead of the page\Z"):
        read_answer(feed, came, max_entries=9, former=former)


def test_a_page_that_asks_for_cookies_as_well_is_still_the_page() -> None:
    feed = Feed(id="f", url="https://x.example/", kind=FeedKind.PAGE)
    page = "<main><p>The rule is lifted.</p><p>Questions go to the desk.</p><p>Accept all</p><p>Reject all</p></main>"
    came = Fetched("f", feed.url, page.encode(), "text/html", Hints(), None, timedelta(0))
    parsed = read_answer(feed, came, max_entries=9, former=Snapshot("It holds.\nQuestions go to the desk."))
    assert [entry.removed for entry in parsed.entries] == ["It holds."]
