"""What Slack gets, to the byte, by webhook and as a bot, and how what it answers is told."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alert_cases import BERLIN, BOARD, NOW, a_message, a_quote, an_alert

from watcher.delivery import Look, Sender, render
from watcher.delivery.links import Links
from watcher.delivery.plain import safe_link
from watcher.delivery.samples import SAMPLES, sample
from watcher.delivery.slack import sections
from watcher.demo.receivers import Answer, Post, Receivers, open_receivers
from watcher.domain.alerting import test_alert as alert_for_a_test
from watcher.domain.alerts import Alert, AnyAlert, Digest, Failed, Message, Point, Receiver, Sent, SystemAlert

HOSTILE = (
    "<!channel> <http://evil.example|ok> `code` *b* <script>x</script> {{ app_title }} & \u202e\u200bend\nBcc: a@b.c"
)
ALERT = an_alert(quotes=(a_quote(HOSTILE),))
LINKS = Links(BOARD, "k" * 32, timedelta(days=7))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receivers]:
    with open_receivers(tmp_path) as receivers:
        for name, value in receivers.environment.items():
            monkeypatch.setenv(name, value)
        yield receivers


def send(url: str, what: Alert | Message = ALERT) -> Sent | Failed:
    message = a_message(what) if isinstance(what, Alert) else what
    return Sender({"desk": Receiver(url)}, BERLIN, BOARD, links=LINKS).send(message, NOW)


def failed(url: str) -> Failed:
    outcome = send(url)
    assert isinstance(outcome, Failed)
    return outcome


def test_slack_gets_exactly_this(desk: Receivers) -> None:
    outcome = send(desk.slack.url)

    assert isinstance(outcome, Sent)
    assert (outcome.detail, outcome.subject) == ("Slack took it", "published: Outcome documents")
    assert outcome.address == "slack://T...1/B...2/d...o"
    (post,) = desk.slack.posts.all()
    made = render(a_message(ALERT), Look(BERLIN, BOARD, LINKS))
    assert post.path == f"/services/{desk.slack.token}"
    assert post.payload == {
        "attachments": [
            {
                "fallback": "published: Outcome documents",
                "color": "#1570EF",
                "blocks": [
                    {
                        "type": "header",
                        "text": {"type": "plain_text", "text": "published: Outcome documents", "emoji": False},
                    },
                    {"type": "section", "text": {"type": "mrkdwn", "text": made.slack, "verbatim": True}},
                    {"type": "context", "elements": [{"type": "mrkdwn", "text": made.small, "verbatim": True}]},
                ],
            }
        ]
    }
    assert (
        ">“&lt;!channel&gt; &lt;http[:]//evil[.]example|ok&gt; 'code' ∗b∗ &lt;script&gt;x&lt;/script&gt; "
        "{{ app_title }} &amp; end Bcc: a@b.c”\n"
        ">— Reuters (news agency), 25 Sep 2025, 16:05 Europe/Berlin\n"
        "><https://www.reuters.com/a?b=1&amp;c=2|www.reuters.com>"
    ) in made.slack


def test_a_bot_posts_the_same_to_its_channel(desk: Receivers) -> None:
    outcome = send(desk.slack.bot_url)
    send(desk.slack.url)

    assert isinstance(outcome, Sent)
    assert desk.slack.bot_token not in outcome.address
    as_bot, by_hook = desk.slack.posts.all()
    assert as_bot.path == "/api/chat.postMessage"
    assert as_bot.headers["Authorization"] == f"Bearer {desk.slack.bot_token}"
    assert as_bot.payload == by_hook.payload | {"channel": "#alerts"}


def test_an_urgent_alert_has_another_colour_and_a_hostile_title_stays_a_title(desk: Receivers) -> None:
    send(desk.slack.url, replace(ALERT, severity="high", title='<!here> & "x" {{app_body}} \\'))

    (post,) = desk.slack.posts.all()
    (attachment,) = post.payload["attachments"]
    assert attachment["color"] == "#DC6803"
    assert attachment["blocks"][0]["text"]["text"] == 'published: &lt;!here&gt; &amp; "x" {{app_body}} \\'


@pytest.mark.parametrize("alert", [replace(ALERT, title="&<>" * 99, note="&<>\n" * 500), alert_for_a_test(NOW)])
def test_slack_takes_what_we_make_of_anything(desk: Receivers, alert: Alert) -> None:
    assert isinstance(send(desk.slack.url, alert), Sent)


def test_the_native_address_of_a_webhook_works_too(desk: Receivers) -> None:
    assert isinstance(send(f"https://hooks.slack.com/services/{desk.slack.token}"), Sent)


def test_a_busy_slack_is_left_alone_for_a_minute(desk: Receivers) -> None:
    desk.slack.answers.append(Answer(429, "rate_limited", {"Retry-After": "30"}))

    outcome = failed(desk.slack.url)

    assert (outcome.retryable, outcome.retry_after) == (True, timedelta(minutes=1))
    assert "rate_limited" in outcome.detail


@pytest.mark.parametrize(
    ("status", "body", "retryable"),
    [
        (404, "no_service", False),
        (403, "action_prohibited", False),
        (410, "channel_is_archived", False),
        (408, "timeout", True),
        (425, "too early", True),
        (500, "rollup_error", True),
        (503, "", True),
        (302, "", True),
        (200, "<html>log in to this hotel's wifi</html>", True),
    ],
)
def test_what_slack_answers_decides_whether_to_try_again(
    desk: Receivers, status: int, body: str, retryable: bool
) -> None:
    desk.slack.answers.append(Answer(status, body, {"Location": "https://elsewhere.example/"}))

    outcome = failed(desk.slack.url)

    assert outcome.retryable is retryable
    assert str(status) in outcome.detail
    assert body in outcome.detail
    assert outcome.retry_after is None
    assert desk.slack.turned_away.all() == []  # a redirect is not followed


def test_a_revoked_webhook_is_permanent(desk: Receivers) -> None:
    outcome = failed(desk.slack.url + "x")

    assert (outcome.retryable, "no_service" in outcome.detail) == (False, True)


def test_a_slack_that_takes_the_message_and_hangs_up_is_tried_again(desk: Receivers) -> None:
    desk.slack.answers.append(Answer(0))

    assert failed(desk.slack.url).retryable is True
    assert len(desk.slack.posts.all()) == 1


def test_an_unreachable_slack_tells_no_token(desk: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone = f"http://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("HTTPS_PROXY", gone)
    monkeypatch.setenv("https_proxy", gone)

    outcome = failed(desk.slack.url)

    assert (outcome.retryable, "onnection" in outcome.detail) == (True, True)
    assert not [token for token in desk.slack.token.split("/") if token in outcome.detail]


@pytest.mark.parametrize(
    ("error", "retryable", "wait"),
    [
        ("channel_not_found", False, None),
        ("not_in_channel", False, None),
        ("is_archived", False, None),
        ("invalid_auth", False, None),
        ("missing_scope", False, None),
        ("invalid_blocks", False, None),
        ("ratelimited", True, timedelta(minutes=1)),
        ("internal_error", True, None),
        ("service_unavailable", True, None),
    ],
)
def test_the_word_a_bot_is_answered_decides_whether_to_try_again(
    desk: Receivers, error: str, retryable: bool, wait: timedelta | None
) -> None:
    desk.slack.answers.append(Answer(200, json.dumps({"ok": False, "error": error})))

    outcome = failed(desk.slack.bot_url)

    assert (outcome.retryable, outcome.retry_after) == (retryable, wait)
    assert error in outcome.detail
    assert desk.slack.bot_token not in outcome.detail


def test_a_bot_with_a_wrong_token_or_channel_is_told_what_slack_said(desk: Receivers) -> None:
    assert "invalid_auth" in failed(desk.slack.bot_url.replace("abcdef", "zzzzzz")).detail
    assert "channel_not_found" in failed(desk.slack.bot_url.replace("#alerts", "#nowhere")).detail


# --- every kind, hostile ----------------------------------------------------------------------------------------------

NASTY = (
    "<!channel> <!here|x> <@U123> <http://evil.example|ok> `code` ```pre``` *b* _i_ ~s~ > quote :skull: @everyone & "
    '&amp; \u202e\u2066rtl\u200b {{ app_body }} {% raw %} \n*new line* \\ "quoted" \x00'
)


def nasty(alert: AnyAlert, text: str) -> AnyAlert:
    """The alert with `text` wherever others, or the operator, could have written it."""
    if isinstance(alert, SystemAlert):
        return replace(alert, title=text, points=(Point(text, text, NOW),) * 20, advice=text, reason=text)
    if isinstance(alert, Digest):
        point = (Point(text, text, NOW),) * 30
        moved = tuple(replace(one, title=text, to_label=text, to_value=text, detail=text) for one in alert.moved * 30)
        moving = tuple(replace(one, title=text, label=text, detail=text) for one in alert.moving * 30)
        return replace(alert, route=text, moved=moved, moving=moving, silent=point, sources=point)
    return replace(
        alert, title=text, question=text, from_label=text, to_label=text, from_value=text, to_value=text, detail=text,
        next=text, meaning=text, note=f"{text}\n{text}", from_source=text, severity=text, watchlist=text,
        quotes=tuple(a_quote(text, outlet=text, link=f"https://x.example/?{text}") for _ in range(4)), from_since=NOW,
    )  # fmt: skip


def texts(payload: Any) -> Iterator[str]:
    """Every text that Slack would show."""
    (attachment,) = payload["attachments"]
    yield attachment["fallback"]
    for block in attachment["blocks"]:
        yield from (part["text"] for part in block.get("elements") or [block["text"]])


def check_form(post: Post, ours: set[str]) -> None:
    """Slack's documented form and limits, and nothing in it that acts but links of ours and to the quoted entries."""
    (attachment,) = post.payload["attachments"]
    assert set(attachment) == {"fallback", "color", "blocks"}
    assert re.fullmatch(r"#[0-9A-F]{6}", attachment["color"])
    kinds = [block["type"] for block in attachment["blocks"]]
    assert (kinds[0], kinds[-1], set(kinds[1:-1])) == ("header", "context", {"section"})
    assert len(kinds) <= 50
    assert len(attachment["blocks"][0]["text"]["text"]) <= 150
    for block in attachment["blocks"][1:]:
        for part in block.get("elements") or [block["text"]]:
            assert (part["type"], part["verbatim"]) == ("mrkdwn", True)
            assert 0 < len(part["text"]) <= 3_000
    for text in texts(post.payload):
        marked = re.findall(r"<([^>]*)>", text)
        assert text.count("<") == text.count(">") - text.count("\n>") - text.startswith(">") == len(marked)
        for inner in marked:
            url, _, label = inner.partition("|")
            link = safe_link(url.replace("&amp;", "&"))
            assert link is not None
            assert (link.host, link.host in ours) == (label, True)
        assert not re.search(r"&(?!amp;|lt;|gt;)", text)
        unmarked = re.sub(r"<[^>]*>", "", text)
        assert not re.search(r"[`\u200b\u202e\u2066\x00]|@(channel|here|everyone)|:skull:", unmarked)
        unlabelled = re.sub(r"^\*[^*\n]+\*|(?<=\n)\*[^*\n]+\*", "", unmarked)
        assert "*" not in unlabelled


@pytest.mark.parametrize("way", ["url", "bot_url"])
def test_no_kind_of_message_lets_what_others_wrote_act_in_slack(desk: Receivers, way: str) -> None:
    for name in SAMPLES:
        for text in (NASTY, "&<>`" * 10_000, "字 " * 20_000):
            message = sample(name)
            parts = tuple(replace(one, alert=nasty(one.alert, text)) for one in message.deliveries)
            outcome = send(getattr(desk.slack, way), replace(message, deliveries=parts))
            assert isinstance(outcome, Sent), (name, text[:20], outcome)
    for post in desk.slack.posts.all():
        check_form(post, {"x.example", "news.example", "board.example"})


def test_fifty_late_alerts_are_one_message_that_slack_takes(desk: Receivers) -> None:
    one = sample("late").deliveries[0]
    parts = tuple(
        replace(one, id=str(n), alert=replace(one.alert, title=f"Item number {n} " + "of a long list " * 8))
        for n in range(50)
    )
    assert isinstance(send(desk.slack.url, replace(sample("late"), deliveries=parts)), Sent)

    (post,) = desk.slack.posts.all()
    check_form(post, {"news.example", "board.example"})
    shown = "\n".join(texts(post.payload))
    assert "50 alerts late since" in shown
    assert [f"*{n}. extended (2026-11-10): Item number {n - 1} " in shown for n in range(1, 51)] == [True] * 50
    assert shown.count("reason corroborated") == 50
    assert shown.endswith("Message 42. A repeat of this message carries the same id.")


def test_what_there_is_no_room_for_is_counted_and_the_id_stays(desk: Receivers) -> None:
    one = sample("late").deliveries[0]
    parts = tuple(replace(one, id=str(n), alert=nasty(one.alert, f"{n} " + "&" * 40_000)) for n in range(50))
    assert isinstance(send(desk.slack.url, replace(sample("late"), deliveries=parts)), Sent)

    (post,) = desk.slack.posts.all()
    check_form(post, {"board.example"})
    shown = "\n".join(texts(post.payload))
    assert re.search(r"and \d+ more, for which there is no room here: see 'watcher outbox list", shown)
    assert shown.endswith("Message 42. A repeat of this message carries the same id.")


def test_text_is_cut_into_blocks_between_paragraphs_else_between_lines() -> None:
    assert sections("a\n\nb") == ["a\n\nb"]
    assert sections("a" * 2_000 + "\n\n" + "b" * 2_000) == ["a" * 2_000, "b" * 2_000]
    assert sections("\n".join(["c" * 1_000] * 4)) == ["\n".join(["c" * 1_000] * 2), "\n".join(["c" * 1_000] * 2)]
    assert sections("") == []


def test_an_address_that_names_a_template_of_apprises_own_kind_keeps_it(desk: Receivers, tmp_path: Path) -> None:
    form = tmp_path / "form.json"
    block = {"type": "section", "text": {"type": "plain_text", "text": "{{ app_title }}"}}
    form.write_text(json.dumps({"blocks": [block]}), encoding="utf-8")

    assert isinstance(send(f"{desk.slack.url}?template={form}"), Sent)
    (post,) = desk.slack.posts.all()
    (attachment,) = post.payload["attachments"]
    assert attachment["blocks"][0]["text"]["text"] == "published: Outcome documents"
