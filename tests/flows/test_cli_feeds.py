"""`watcher feeds` and its sub-commands, against a real server; discovery and OPML behind them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from commands import Shell
from servers_http import FeedServer, Received, Reply

from watcher.config import load_rules
from watcher.feeds.documents import FeedBroken
from watcher.feeds.opml import Outline, read_opml

RSS = b"""<rss version="2.0"><channel><title>Ministry news</title><item><title>Talks begin</title>
<link>https://ministry.example/1</link><guid>1</guid><pubDate>Mon, 03 Nov 2025 08:00:00 GMT</pubDate></item>
</channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>Statements</title></feed>"""
SITE = b"""<html><head><title>Ministry</title>
<link rel="alternate" type="application/rss+xml" href="/news.xml"><link rel="alternate" hreflang="fr" href="/fr/">
<link rel="stylesheet" type="text/xml" href="/style.xml"></head>
<body><a href="/statements/atom/">Statements</a> <a href="/rss-explained">What is it?</a><a href="/">Home</a>
<main><p>One sentence. Another one.</p></main><ul><li><a href="/1">First</a> <i>3.11.2025</i></li></ul></body></html>"""
NEWS = (
    b'<urlset xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>https://ministry.example/2</loc>'
    b"<news:news><news:title>Talks end</news:title></news:news></url></urlset>"
)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def site(server: FeedServer) -> FeedServer:
    server.add("/", Reply(body=SITE, content_type="text/html"))
    server.add("/news.xml", Reply(body=RSS))
    server.add("/rss.xml", Reply(body=RSS))  # the same feed where feeds usually stand
    server.add("/statements/atom/", Reply(body=ATOM))
    server.add("/rss-explained", Reply(body=SITE, content_type="text/html"))
    server.add("/robots.txt", lambda _: Reply(body=f"Sitemap: {server.url('/map-of-news.xml')}".encode()))
    server.add("/map-of-news.xml", Reply(body=NEWS))
    return server


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration where the commands look for one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHER_CONFIG", raising=False)


# --- discover -------------------------------------------------------------------------------------


def test_discover_finds_what_a_site_offers_each_once(shell: Shell, site: FeedServer) -> None:
    found = shell("feeds", "discover", site.url("/"), "--allow-private", "--json")
    assert found.code == 0
    assert [(e["url"], e["kind"], e["entries"], e["title"], e["why"]) for e in found.data["feeds"]] == [
        (site.url("/news.xml"), "feed", 1, "Ministry news", "named by the page"),
        (site.url("/statements/atom/"), "feed", 0, "Statements", "linked from the page"),
        (site.url("/map-of-news.xml"), "sitemap", 1, "", "named in robots.txt"),
    ]
    assert found.data["feeds"][0]["newest"] == "2025-11-03T08:00:00+00:00"
    people = shell("feeds", "discover", site.url("/"), "--allow-private")
    assert site.url("/statements/atom/") in people.out
    assert not site.asked("/style.xml")


def test_discover_takes_a_feed_for_what_it_is(shell: Shell, site: FeedServer) -> None:
    found = shell("feeds", "discover", site.url("/news.xml"), "--allow-private", "--json")
    assert [(e["url"], e["why"]) for e in found.data["feeds"]] == [(site.url("/news.xml"), "the address itself")]
    assert not site.asked("/rss.xml")


def test_discover_asks_no_private_address_unless_told(shell: Shell, site: FeedServer) -> None:
    refused = shell("feeds", "discover", site.url("/"))
    assert refused.code == 1
    assert "private_address" in refused.err
    assert not site.requests


def test_discover_asks_for_so_much_and_no_more(shell: Shell, server: FeedServer) -> None:
    links = "".join(f'<a href="/feed/{n}">{n}</a>' for n in range(500))
    server.add("/", Reply(body=links.encode(), content_type="text/html"))
    none = shell("feeds", "discover", server.url("/"), "--allow-private", "--json")
    assert none.code == 1
    assert none.data["feeds"] == []
    assert len(server.requests) == 2 + 30


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(hang_up=True), Reply(body=b"")])
def test_discover_says_what_went_wrong(shell: Shell, server: FeedServer, reply: Reply) -> None:
    server.add("/", reply)
    failed = shell("feeds", "discover", server.url("/"), "--allow-private")
    assert failed.code == 1
    assert failed.err


# --- test -----------------------------------------------------------------------------------------


def test_test_shows_what_would_be_read(shell: Shell, site: FeedServer) -> None:
    tried = shell("feeds", "test", site.url("/news.xml"), "--allow-private")
    assert tried.code == 0
    assert "Ministry news: 1 entry (feed)" in tried.out
    assert "2025-11-03 08:00" in tried.out
    (entry,) = shell("feeds", "test", site.url("/news.xml"), "--allow-private", "--json").data["entries"]
    assert (entry["key"], entry["title"]) == ("1", "Talks begin")


def test_test_reads_a_list_and_a_page(shell: Shell, site: FeedServer) -> None:
    css = ("--kind", "list", "--entry", "li", "--date", "i", "--date-format", "%d.%m.%Y")
    tried = shell("feeds", "test", site.url("/"), "--allow-private", *css, "--json")
    assert [(e["title"], e["published"]) for e in tried.data["entries"]] == [("First", "2025-11-03T23:59:59+00:00")]
    page = shell("feeds", "test", site.url("/"), "--allow-private", "--kind", "page", "--json")
    assert page.data["text"] == ["One sentence.", "Another one."]
    assert (
        "compared would be 2 sentences"
        in shell("feeds", "test", site.url("/"), "--allow-private", "--kind", "page").out
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "podcast"), 'there is no kind "podcast" (allowed: feed, list, page, sitemap, federal-register)'),
        (("--kind", "list"), "a list needs to know which elements are its entries"),
        (("--kind", "list", "--entry", "li >"), "entry: not a CSS selector"),
        (("--entry", "li"), 'a feed of kind "feed" has no `select`'),
        (
            ("--kind", "list", "--entry", "li", "--date", "i", "--date-format", "%d"),
            "date_format: not a form of a date",
        ),
    ],
)
def test_test_refuses_what_a_watchlist_would(shell: Shell, site: FeedServer, words: tuple[str, ...], said: str) -> None:
    tried = shell("feeds", "test", site.url("/"), "--allow-private", *words)
    assert tried.code == 2
    assert said in tried.err
    assert not site.requests


def test_test_says_what_came_instead(shell: Shell, site: FeedServer) -> None:
    broken = shell("feeds", "test", site.url("/"), "--allow-private")
    assert (broken.code, "an HTML page instead of a feed" in broken.err) == (1, True)
    private = shell("feeds", "test", site.url("/news.xml"))
    assert (private.code, "the host is no public address" in private.err) == (2, True)
    gone = shell("feeds", "test", site.url("/gone?token=s3cr3t"), "--allow-private")
    assert (gone.code, "answered 404" in gone.err, "s3cr3t" in gone.err) == (1, True, False)


def configured(folder: Path, feeds: str) -> Path:
    (folder / "list.yaml").write_text(f"feeds:\n{feeds}")
    (folder / "watcher.yaml").write_text(
        "watchlists: [list.yaml]\ndatabase: sqlite:///w.db\npolling: {contact: desk@example.org}\n"
    )
    return folder / "watcher.yaml"


def test_test_takes_the_id_of_a_configured_feed(shell: Shell, site: FeedServer, tmp_path: Path) -> None:
    agents: list[str] = []

    def answer(request: Received) -> Reply:
        agents.append(request.headers["user-agent"])
        return Reply(body=SITE, content_type="text/html")

    site.add("/list", answer)
    feed = f'  - {{id: list, url: "{site.url("/list")}", kind: list, select: {{entry: li}}, allow_private: true}}\n'
    config = configured(tmp_path, feed)
    tried = shell("feeds", "test", "list", "-c", config, "--json")
    assert [e["title"] for e in tried.data["entries"]] == ["First"]
    assert agents[0].endswith("(+desk@example.org)")
    unknown = shell("feeds", "test", "lst", "-c", config)
    assert (unknown.code, "no feed of" in unknown.err) == (2, True)


# --- import and export ----------------------------------------------------------------------------

OPML = """<?xml version="1.0"?><opml version="1.1"><body><outline text="Folder">
<outline text="The &quot;Daily&quot;: ${HOME}" type="rss" xmlUrl="https://daily.example/rss?a=1&amp;b=${x}"
 language="en-us"/>
<outline title="商务部" XMLURL="https://www.mofcom.example/feed"/><outline text="商务部 2" xmlUrl="feed://mofcom.example/two"/>
<outline text="The Daily" xmlUrl="https://daily.example/other"/><outline text="Same" xmlUrl="https://daily.example/other"/>
<outline text="Inside" xmlUrl="http://192.168.0.1/rss"/><outline text="Odd" xmlUrl="javascript:alert(1)"/>
<outline text="True" xmlUrl="https://t.example/"/><outline text="A heading"/></outline></body></opml>"""


def test_import_writes_feeds_that_load(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "subs.opml").write_text(OPML)
    done = shell("feeds", "import", tmp_path / "subs.opml", "--out", tmp_path / "list.yaml")
    assert done.code == 0
    assert "left out: Inside: the host is no public address" in done.err
    assert "5 feeds of 6 subscriptions" in done.err
    _, feeds = load_rules([tmp_path / "list.yaml"], None, {})
    assert [(feed.id, feed.url, feed.language) for feed in feeds] == [
        ("the-daily-home", "https://daily.example/rss?a=1&b=${x}", "en"),
        ("mofcom-example", "https://www.mofcom.example/feed", ""),
        ("mofcom-example-2", "https://mofcom.example/two", ""),
        ("the-daily", "https://daily.example/other", ""),
        ("true", "https://t.example/", ""),
    ]
    assert shell("feeds", "import", tmp_path / "subs.opml").out == (tmp_path / "list.yaml").read_text()


@pytest.mark.parametrize("text", ["", "words", "<rss/>", "<opml", "\x00"])
def test_import_refuses_what_is_no_opml(shell: Shell, tmp_path: Path, text: str) -> None:
    (tmp_path / "subs.opml").write_text(text)
    done = shell("feeds", "import", tmp_path / "subs.opml")
    if text == "<opml":
        return
    assert (done.code, "this is no OPML file" in done.err) == (2, True)


def test_import_of_no_file(shell: Shell, tmp_path: Path) -> None:
    done = shell("feeds", "import", tmp_path / "none.opml")
    assert (done.code, "cannot be read: no such file or directory" in done.err) == (2, True)


def test_entities_of_opml_are_not_expanded() -> None:
    bomb = '<!DOCTYPE o [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    text = f'{bomb}<opml><outline text="x&b;" xmlUrl="https://a.example/"/></opml>'
    outlines = read_opml(text.encode())
    assert all(one.url == "https://a.example/" for one in outlines)
    with pytest.raises(FeedBroken):
        read_opml(b"<html/>")


def test_export_gives_back_what_was_imported(shell: Shell, tmp_path: Path) -> None:
    feeds = (
        '  - {id: daily, url: "https://reader:hunter2@daily.example/rss?a=1&b=2", language: en}\n'
        "  - {id: page, url: 'https://m.example/p', kind: page}\n"
    )
    config = configured(tmp_path, feeds)
    done = shell("feeds", "export", "-c", config, "--out", tmp_path / "out.opml")
    assert done.code == 0
    text = (tmp_path / "out.opml").read_text()
    assert ElementTree.fromstring(text).get("version") == "2.0"
    assert read_opml(text.encode()) == (Outline("https://daily.example/rss?a=1&b=2", "daily", "", "en"),)
    assert "hunter2" not in text + done.err + done.out
    assert "1 source left out" in done.err


def test_the_list_is_still_there(shell: Shell, tmp_path: Path) -> None:
    config = configured(tmp_path, "  - {id: daily, url: 'https://daily.example/rss'}\n")
    missing = shell("feeds", "-c", config, "--json")
    assert missing.code == 2
    assert "there is no database yet" in missing.data["error"]
