"""What messages say, in all three forms, and what hostile text cannot do in them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from alert_cases import BERLIN, BOARD, NOW, a_message, a_quote, an_alert
from apprise.conversion import html_to_text
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.config.lifecycles import shipped_lifecycles
from watcher.delivery.mrkdwn import heading, literal
from watcher.delivery.plain import cut, fold, safe_link, unlinked
from watcher.delivery.render import LONGEST_SLACK, Look, Rendered, render
from watcher.domain.alerting import plan, signal
from watcher.domain.alerting import test_alert as alert_for_a_test
from watcher.domain.alerts import Alert, AlertKind, Point, Quote, SystemAlert
from watcher.domain.decision import decide
from watcher.domain.model import Evidence, Item, Reason, Standing, Status, Stay, Tier, Transition

ALERT = an_alert(
    title="Outcome documents of the Madrid talks",
    reason=Reason.CORROBORATED,
    detail="2 independent sources say so: Reuters and Xinhua",
    sources=2,
    quotes=(
        a_quote(),
        Quote(
            "China publishes the text.", "Xinhua", Tier.OFFICIAL, NOW - timedelta(hours=30), "http://xinhua.example/"
        ),
    ),
    from_since=datetime(2025, 9, 14, tzinfo=UTC),
    from_source="ABC News",
    meaning="The full text is public.",
    note="Send it to Brussels.\n\nThen call.",
)
TEXT = """\
published: Outcome documents of the Madrid talks
Will the text be published?

Change: awaited → published
Since: 25 Sep 2025, 16:05 Europe/Berlin
Means: The full text is public.
Before: awaited for 11 days, since 14 Sep 2025, as reported by ABC News
Why: 2 independent sources say so: Reuters and Xinhua
Evidence: 2 independent sources

“The text was published on Thursday.”
— Reuters (news agency), 25 Sep 2025, 16:05 Europe/Berlin
https://www.reuters.com/a?b=1&c=2

“China publishes the text.”
— Xinhua (official), 24 Sep 2025, 10:05 Europe/Berlin
http://xinhua.example/

Next: Both sides sign it.
Your note: Send it to Brussels.
Then call.

Board: https://board.example/
state_change, reason corroborated, watchlist us-china, item outcome-documents, severity normal
Delivery 42. A repeat of this message carries the same id.
"""
SLACK = """\
Will the text be published?

*Change:* awaited → published
*Since:* 25 Sep 2025, 16:05 Europe/Berlin
*Means:* The full text is public.
*Before:* awaited for 11 days, since 14 Sep 2025, as reported by ABC News
*Why:* 2 independent sources say so: Reuters and Xinhua
*Evidence:* 2 independent sources

>“The text was published on Thursday.”
>— Reuters (news agency), 25 Sep 2025, 16:05 Europe/Berlin
><https://www.reuters.com/a?b=1&amp;c=2|www.reuters.com>

>“China publishes the text.”
>— Xinhua (official), 24 Sep 2025, 10:05 Europe/Berlin
><http://xinhua.example/|xinhua.example>

*Next:* Both sides sign it.
*Your note:* Send it to Brussels.
Then call.

*Board:* <https://board.example/|board.example>"""
SMALL = """\
state_change, reason corroborated, watchlist us-china, item outcome-documents, severity normal
Delivery 42. A repeat of this message carries the same id."""


def shown(alert: Alert = ALERT) -> Rendered:
    return render(a_message(alert), Look(BERLIN, BOARD))


def quoting(text: str, link: str = "") -> Alert:
    return replace(ALERT, quotes=(a_quote(text, link=link),))


class Page(HTMLParser):
    """The tags, the links, and the text of an HTML page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_text_says_everything_in_order() -> None:
    assert shown().text == TEXT


def test_slack_gets_the_same_lines_in_its_own_form() -> None:
    assert shown().slack == SLACK
    assert shown().small == SMALL


def test_the_html_says_the_same_and_links_only_to_evidence_and_board() -> None:
    page = Page(shown().html)

    assert page.links == ["https://www.reuters.com/a?b=1&c=2", "http://xinhua.example/", "https://board.example/"]
    assert page.tags == {"html", "head", "meta", "title", "body", "div", "b", "a", "br"}
    for line in filter(None, TEXT.split("\n")):
        assert line in page.text


def test_the_plain_part_that_apprise_makes_of_the_html_is_our_text_line_for_line() -> None:
    assert html_to_text(shown().html) == TEXT.rstrip("\n")


def test_the_subject_tells_the_state_first_and_is_cut_at_a_word() -> None:
    assert shown().subject == "published: Outcome documents of the Madrid talks"

    long = shown(replace(ALERT, title="word " * 40)).subject
    assert long == "published: word word word word word word word word word word word…"
    assert len(long) < 70
    assert len(shown(replace(ALERT, title="字" * 300, to_label="x" * 300)).subject) < 70


def test_a_title_cut_in_slacks_heading_stands_in_full_below_it() -> None:
    long = replace(ALERT, title="A very long title of a watch item that does not fit into any subject line at all")

    assert shown(long).slack.startswith(f"published: {long.title}\n")


def test_a_changed_value_is_told_old_and_new() -> None:
    moved = replace(ALERT, from_label="set", to_label="extended", from_value="2025-11-10", to_value="2026-11-10")
    assert "Change: set (2025-11-10) → extended (2026-11-10)\n" in shown(moved).text
    assert shown(moved).subject.startswith("extended (2026-11-10): Outcome documents")

    same = replace(moved, from_value="2026-11-10")
    assert "Change: set → extended (2026-11-10)\n" in shown(same).text


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(days=11, hours=14), "11 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=23), "23 hours"),
        (timedelta(minutes=61), "1 hour"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(seconds=4), "less than a minute"),
        (timedelta(seconds=-4), "less than a minute"),
    ],
)
def test_how_long_it_stood_before(span: timedelta, said: str) -> None:
    assert f"Before: awaited for {said}, since " in shown(replace(ALERT, from_since=NOW - span)).text


def test_what_is_not_known_is_not_told() -> None:
    bare = replace(
        ALERT,
        from_since=None,
        from_source="",
        quotes=(),
        next="",
        note="",
        meaning="",
        question="",
        detail="",
        sources=0,
    )
    message = render(a_message(bare, ""), Look(ZoneInfo("UTC")))

    assert message.text == (
        "published: Outcome documents of the Madrid talks\n\n"
        "Change: awaited → published\nSince: 25 Sep 2025, 14:05 UTC\n\n"
        "state_change, reason corroborated, watchlist us-china, item outcome-documents, severity normal\n"
    )
    assert html_to_text(message.html) == message.text.rstrip("\n")


def test_a_test_message_says_that_it_is_one() -> None:
    message = render(a_message(alert_for_a_test(NOW), "7"), Look(BERLIN))

    assert message.subject == "test: this address is reached"
    assert "Change:" not in message.text
    assert "Sent: 25 Sep 2025, 16:05 Europe/Berlin" in message.text
    assert "No watch item has changed." in message.text


HOSTILE = (
    "<!channel> <http://evil.example|ok> `code` *bold* _it_ ~no~ :skull: @here <script>alert(1)</script> [x](http://e)"
)
BROKEN = HOSTILE.replace("http://", "http[:]//").replace("evil.example", "evil[.]example")


def test_slack_shows_hostile_text_and_acts_on_none_of_it() -> None:
    quote = next(line for line in shown(quoting(HOSTILE)).slack.split("\n") if line.startswith(">“"))

    assert quote == (
        ">“&lt;!channel&gt; &lt;http[:]//evil[.]example|ok&gt; 'code' ∗bold∗ ˍitˍ ∼no∼ ꞉skull: ＠here "
        "&lt;script&gt;alert(1)&lt;/script&gt; [x](http[:]//e)”"
    )


def test_html_shows_hostile_text_and_acts_on_none_of_it() -> None:
    page = Page(shown(quoting(HOSTILE)).html)

    assert page.links == ["https://board.example/"]
    assert "script" not in page.tags
    assert BROKEN in page.text


def test_templates_do_not_run_what_they_show() -> None:
    message = shown(quoting("{{ 7*7 }} {% raw %} {{ app_title }}"))

    assert "{{ 7*7 }} {% raw %} {{ app_title }}" in message.text


@pytest.mark.parametrize("where", ["title", "question", "detail", "next", "meaning", "from_source", "to_label", "note"])
def test_no_field_breaks_out_of_slacks_form(where: str) -> None:
    slack = shown(replace(ALERT, **{where: HOSTILE})).slack

    ours = {"https://www.reuters.com/a?b=1&amp;c=2|www.reuters.com", "http://xinhua.example/|xinhua.example"}
    assert set(re.findall(r"<([^>]*)>", slack)) == ours | {"https://board.example/|board.example"}


def test_direction_and_invisible_characters_are_taken_out_everywhere() -> None:
    dirty = "a\u202eb\u2066c\u200bd\u200fe\ufefff\u00adg\u061ch\u2028i\x00j\x1bk\ud800l"
    message = shown(replace(quoting(dirty), title=dirty, note=dirty, from_source=dirty))

    for form in (message.subject, message.text, message.html, message.slack):
        assert not {unicodedata.category(c) for c in form if c != "\n"} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert "abcdefgh i j kl" in form


def test_line_breaks_in_a_title_cannot_add_headers_or_lines() -> None:
    message = shown(replace(ALERT, title="x\r\nBcc: evil@example.org\n\nDelivery 1. "))

    assert message.subject == "published: x Bcc: evil@example.org Delivery 1."
    assert "\nBcc" not in message.text
    assert "\nDelivery 1" not in message.text


def test_forty_kilobytes_are_cut_with_an_ellipsis() -> None:
    huge = "long " * 8_000
    quotes = tuple(Quote(huge, huge, Tier.PRESS, NOW, "https://x.example/" + "y" * 1_400) for _ in range(4))
    message = shown(replace(ALERT, title=huge, question=huge, next=huge, detail=huge, note=huge, quotes=quotes))

    assert len(message.text) < 12_000
    assert len(message.html) < 32_768
    assert len(message.slack) <= LONGEST_SLACK
    assert "…" in message.subject
    assert "*Change:* awaited → published" in message.slack
    assert message.small.endswith("carries the same id.")


def test_slack_gets_at_least_the_headline_when_nothing_else_fits() -> None:
    board = "https://board.example/?" + "&" * 700
    message = render(a_message(replace(ALERT, title="&" * 200), ""), Look(BERLIN, board))

    assert message.slack == literal(message.subject)


@given(
    st.text(max_size=400),
    st.text(max_size=400),
    st.text(max_size=100),
    st.sampled_from(["https://x.example/", "x:", ""]),
)
@settings(max_examples=60, deadline=None)
def test_any_text_keeps_the_forms_whole(text: str, title: str, outlet: str, link: str) -> None:
    quotes = (Quote(text, outlet, Tier.PRESS, NOW, link + text),)
    message = shown(replace(ALERT, title=title, quotes=quotes, note=text, next=text))

    assert "\n" not in message.subject
    assert len(message.subject) < 70
    assert html_to_text(message.html) == message.text.rstrip("\n")
    assert len(message.slack) <= LONGEST_SLACK
    assert all("|" in inner and inner.startswith("http") for inner in re.findall(r"<([^>]*)>", message.slack))
    assert message.slack.count("<") == len(re.findall(r"<([^>]*)>", message.slack))
    message.html.encode()


@pytest.mark.parametrize(
    ("url", "clean", "host"),
    [
        ("https://www.example.org/a?b=c#d", "https://www.example.org/a?b=c#d", "www.example.org"),
        ("HTTP://Example.org", "http://example.org", "example.org"),
        ("https://example.org:8443/", "https://example.org:8443/", "example.org:8443"),
        (" https://example.org/a b|c>d\"e'f`g ", "https://example.org/a%20b%7Cc%3Ed%22e'f%60g", "example.org"),
        ("https://bücher.example/ü?q=é", "https://xn--bcher-kva.example/%C3%BC?q=%C3%A9", "xn--bcher-kva.example"),
        ("https://example.org/%41%zz", "https://example.org/%41%zz", "example.org"),
        ("https://example.org/\u202etxt.exe", "https://example.org/%E2%80%AEtxt.exe", "example.org"),
        ("http://[::1]/", "http://[::1]/", "[::1]"),
        ("javascript:alert(1)", None, ""),
        ("data:text/html,x", None, ""),
        ("//example.org/", None, ""),
        ("https://good.example@evil.example/", None, ""),
        ("https:///path", None, ""),
        ("https://exa mple.org/", None, ""),
        ("https://example.org:port/", None, ""),
        ("https://[bad/", None, ""),
        ("https://a..b/", None, ""),
        ("https://example.org/\ud800", None, ""),
        ("https://example.org/" + "a" * 1_500, None, ""),
        ("", None, ""),
    ],
)
def test_only_web_links_that_show_where_they_lead_are_links(url: str, clean: str | None, host: str) -> None:
    link = safe_link(url)

    assert (link.url if link else None) == clean
    assert (link.host if link else "") == host


def test_an_entry_without_a_usable_link_is_quoted_without_one() -> None:
    message = shown(quoting("Words.", "javascript:alert(1)"))

    assert "javascript" not in message.text + message.html + message.slack


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://evil.example/a.html", "http[:]//evil[.]example/a[.]html"),
        ("HTTPS://1.2.3.4/x", "HTTPS[:]//1[.]2[.]3.4/x"),
        ("http://localhost", "http[:]//localhost"),
        ("http:\u200b//evil\u00ad.example", "http[:]//evil[.]example"),
        ("see www.evil.example now", "see www[.]evil[.]example now"),
        ("www.1", "www[.]1"),
        ("(evil.example/path)", "(evil[.]example/path)"),
        ("evil-.example _evil_.example", "evil-[.]example _evil_[.]example"),
        ("EVIL.Example.", "EVIL[.]Example."),
        ("a@evil.example, mailto:a@b", "a@evil[.]example, mailto[:]a@b"),
        ("tel:+331 javascript:alert(1)", "tel[:]+331 javascript[:]alert(1)"),
        ("例子.中国 हिन्दी.भारत", "例子[.]中国 हिन्दी[.]भारत"),
        ("evil\uff0eexample evil\uff61example evil\u3002example", "evil[．]example evil[｡]example evil[。]example"),
        (r"\\host\share", r"[\]\host\share"),
        ("The U.S.-China deal. It is 3.5% off, at 10:30 a.m. (No.10): done... 已宣布。中国", None),
    ],
)
def test_an_address_in_what_others_wrote_is_broken_so_that_it_is_seen(text: str, shown: str | None) -> None:
    assert unlinked(text, 200) == (shown or text)


def test_what_is_broken_is_still_bounded() -> None:
    assert len(unlinked("a.bc" * 400, 600)) <= 600


def test_addresses_are_broken_wherever_others_wrote_and_kept_where_we_did() -> None:
    evil = "http://evil.example"
    theirs = replace(quoting(evil), detail=evil, from_source=evil, to_value=evil)
    theirs = replace(theirs, quotes=(a_quote(evil, outlet=evil, link=""),))
    message = shown(replace(theirs, note="Then see https://wiki.example/trade"))

    for form in (message.subject, message.text, message.html, message.slack):
        assert "evil.example" not in form
    assert message.text.count("http[:]//evil[.]example") == 6  # the value stands in the title and in the change
    assert "https://wiki.example/trade" in message.text


def test_folding_and_cutting() -> None:
    assert fold("  a \t\n b\u00a0c  ", 99) == "a b c"
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"
    assert cut("one two three", 8) == "one two…"
    assert cut("one two, three", 9) == "one two…"
    assert cut("o nnnnnnnnnnnn", 8) == "o nnnnn…"


def test_slack_headings_fit_after_escaping() -> None:
    assert heading("short & sweet") == "short &amp; sweet"
    assert len(heading("&" * 69)) <= 150
    assert heading("&" * 69).endswith("…")


def test_words_with_underscores_and_times_stay_as_they_are() -> None:
    assert literal("snake_case at 10:30:15") == "snake_case at 10:30:15"


def test_what_is_decided_planned_and_rendered_is_the_message_in_the_docs() -> None:
    fresh = datetime(2025, 10, 30, 7, 12, tzinfo=UTC)
    truce = Item(
        id="tariff-truce",
        title="Expiry of the US-China trade truce",
        question="Will the truce be extended?",
        lifecycle="deadline",
        state="set",
        watchlist="us-china",
        severity="high",
        note="Tell the trade team in Brussels.",
    )
    before = Standing("tariff-truce", "set", datetime(2025, 9, 14, tzinfo=UTC), "2025-11-10", source="ABC News")

    def says(outlet: str, sentence: str, at: datetime, link: str) -> Evidence:
        return Evidence(
            id=outlet,
            item="tariff-truce",
            entry=f"entry of {outlet}",
            state="extended",
            status=Status.DONE,
            cue="extend",
            quote=sentence,
            at=at,
            outlet=outlet,
            tier=Tier.PRESS,
            owner=outlet,
            title=sentence,
            link=link,
            value="2026-11-10",
        )

    known = [
        says("Nikkei Asia", "China, US move tariff deadline to November 10, 2026.", fresh - timedelta(minutes=8),
             "https://news.example/tariffs"),
        says("CNBC", "Washington and Beijing extend the truce to November 10 next year.", fresh, "https://news.example/truce"),
    ]  # fmt: skip
    lifecycle = shipped_lifecycles()["deadline"]
    made = decide(truce, lifecycle, before, known[:1], known[1])
    assert isinstance(made, Transition)
    message = shown(plan(made, truce, lifecycle, known, before))
    page = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")

    assert page.split("```text\n")[1].split("```")[0] == message.text


def a_sign(sentence: str, **told: object) -> Evidence:
    sign = Evidence(
        id="1",
        item="tariff-truce",
        entry="1",
        state="extended",
        status=Status.POSSIBLE,
        cue="extend",
        quote=sentence,
        at=datetime(2025, 10, 1, tzinfo=UTC),
        outlet="CNBC",
        tier=Tier.PRESS,
        owner="NBC",
        title=sentence,
        link="https://news.example/truce",
    )
    return replace(sign, **told)  # type: ignore[arg-type]


def test_an_early_signal_says_that_nothing_has_changed_and_is_what_the_page_shows() -> None:
    item = Item("tariff-truce", "Expiry of the US-China trade truce", "deadline", "set", watchlist="us-china",
                question="Will the truce be extended?", severity="high")  # fmt: skip
    standing = Standing("tariff-truce", "set", datetime(2025, 9, 14, tzinfo=UTC), "2025-11-10")
    sentence = "Washington could extend the truce to November 10 next year."
    told = a_sign(sentence, at=datetime(2025, 10, 30, 7, 12, tzinfo=UTC), value="2026-11-10")
    lifecycle = shipped_lifecycles()["deadline"]
    made = decide(item, lifecycle, standing, (), told)
    assert isinstance(made, Stay)
    sign = signal(told, made, item, lifecycle, standing)
    assert sign is not None
    message = render(a_message(sign), Look(BERLIN, BOARD))
    page = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert f"```text\n{message.text}```" in page
    assert "has not changed" in message.slack
    assert "has not changed" in message.html
    assert len(message.subject) < 70


@pytest.mark.parametrize(
    "told",
    [{"status": Status.DENIED}, {"status": Status.MENTION, "state": None}, {"state": "set"},
     {"at": datetime(2025, 9, 1, tzinfo=UTC)}],
)  # fmt: skip
def test_what_points_nowhere_is_no_early_signal(told: dict[str, object]) -> None:
    item = Item("truce", "Truce", "deadline", "set")
    standing = Standing("truce", "set", datetime(2025, 9, 14, tzinfo=UTC))
    stay = Stay("truce", Reason.SOFT)
    assert signal(a_sign("", **told), stay, item, shipped_lifecycles()["deadline"], standing) is None


# --- about the service itself ---------------------------------------------------------------------

SYSTEM = SystemAlert(
    AlertKind.SOURCE_BROKEN,
    "timeout",
    "wire",
    "wire cannot be read",
    NOW,
    (Point("wire (Wire One)", "broken: timeout: no complete answer within 20 s", NOW - timedelta(minutes=90)),),
    advice="`watcher feeds` shows every source and why. What only these publish is not seen.",
)


def test_a_system_alert_says_that_it_is_one() -> None:
    message = render(a_message(SYSTEM), Look(BERLIN, BOARD))
    assert message.subject == "[watcher] wire cannot be read"
    for form in (message.text, message.slack, message.html):
        assert "No watch item has changed" in form


def test_many_points_fit_every_channel() -> None:
    points = tuple(Point(f"feed-{n}", "broken: " + "x" * 500) for n in range(20))
    message = render(a_message(replace(SYSTEM, points=points, more=480), ""), Look(BERLIN))
    assert "and 480 more: see `watcher feeds`" in message.text
    assert len(message.slack) <= LONGEST_SLACK


def test_what_a_source_wrote_acts_on_nothing_in_a_system_alert_either() -> None:
    point = Point("<!channel>", "not a feed: https://evil.example/ <b>x</b>")
    message = render(a_message(replace(SYSTEM, points=(point,)), ""), Look(BERLIN))
    assert "https[:]//evil[.]example/" in message.text
    assert "<b>x" not in message.html
    assert "<!channel>" not in message.slack
