"""What a message says of each kind of alert, of several at once, and which links and colours it has."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import date, timedelta
from html import unescape
from urllib.parse import urlsplit

import pytest
from alert_cases import BERLIN, BOARD, NOW, a_message, a_quote, an_alert

from watcher.delivery import Look, Rendered, render
from watcher.delivery.links import Links
from watcher.delivery.render import colour_of
from watcher.delivery.samples import SAMPLES, sample
from watcher.domain.alerts import Alert, AlertKind, Delivery, Hold, Merge, Message, Point
from watcher.domain.model import Reason, Status

LINKS = Links(BOARD, "k" * 32, timedelta(days=7))
UNMOVED = an_alert(to_state="awaited", to_label="awaited", quotes=(), sources=0, from_since=NOW - timedelta(days=11))


def shown(what: Alert | Message, links: Links | None = None) -> Rendered:
    return render(a_message(what) if isinstance(what, Alert) else what, Look(BERLIN, BOARD, links))


def several(merge: Merge, *alerts: Alert, hold: Hold | None = None, gap: timedelta = timedelta(hours=1)) -> Message:
    parts = tuple(
        Delivery(str(n), "desk", alert, 1, alert_id=n + 1, hold=hold, created_at=NOW + n * gap)
        for n, alert in enumerate(alerts)
    )
    return Message("0", "desk", parts, merge)


# --- one alert --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "subject", "says"),
    [
        (
            {"kind": AlertKind.REVERSAL, "from_label": "published", "to_label": "awaited", "reason": Reason.RETRACTED},
            "awaited, a reversal: Outcome documents",
            "A reversal: it goes back on “published”.\nChange: published → awaited\n",
        ),
        (
            {"reason": Reason.PERSON, "sources": 0, "quotes": (), "detail": "corrected by Anna: seen on the site"},
            "published: Outcome documents",
            "A person's correction: no source told it.\nChange: awaited → published\n",
        ),
        (
            {"kind": AlertKind.DISPUTED, "status": Status.DENIED, "reason": Reason.DISPUTED, "detail": "Xinhua denies"},
            "disputed: published? Outcome documents",
            "The item has not changed its state.\nTold: published, denied\n",
        ),
        (
            {"kind": AlertKind.EARLY_SIGNAL, "status": Status.CLAIMED, "reason": Reason.SOFT},
            "claimed: published? Outcome documents",
            "An early signal. The item has not changed its state.\nTold: published, claimed\n",
        ),
        (
            {"reminder": 2},
            "Reminder 2: published: Outcome documents",
            "Told before, and not acknowledged since 25 Sep 2025, 16:05 Europe/Berlin.\n",
        ),
        (
            {"escalated": True, "reminder": 1},
            "Escalated: published: Outcome documents",
            "It was told to others before, and not acknowledged since 25 Sep 2025, 16:05 Europe/Berlin.\n",
        ),
    ],
)
def test_each_kind_says_in_its_subject_and_first_lines_what_it_is(
    told: dict[str, object], subject: str, says: str
) -> None:
    made = shown(an_alert(**told))

    assert made.subject == subject
    assert says in made.text
    assert says.split("\n")[0] in made.slack


@pytest.mark.parametrize(
    ("reason", "day", "near"),
    [
        (Reason.IN_7_DAYS, date(2025, 10, 2), "in 7 days"),
        (Reason.IN_7_DAYS, date(2025, 9, 30), "in 5 days"),  # nobody looked meanwhile
        (Reason.IN_1_DAY, date(2025, 9, 26), "tomorrow"),
        (Reason.IN_1_DAY, date(2025, 9, 25), "today"),
        (Reason.PASSED, date(2025, 9, 24), "passed"),
    ],
)
def test_a_deadline_says_how_near_it_is(reason: Reason, day: date, near: str) -> None:
    value = day.isoformat()
    alert = replace(UNMOVED, kind=AlertKind.DEADLINE, reason=reason, day=day, to_value=value, from_value=value)
    made = shown(alert)

    assert made.subject == f"awaited ({value}), {near}: Outcome documents"
    assert f"Day: {day.day} {day:%b} 2025, {near}\n" in made.text
    assert f"Stands at: awaited ({value}), since 14 Sep 2025\n" in made.text
    assert "The item has not changed its state." in made.text
    assert f"deadline, reason {reason.value}, watchlist us-china" in made.small


def test_the_day_is_near_in_the_zone_of_the_configuration() -> None:
    late = NOW.replace(hour=22, minute=30)  # the next day in Berlin
    alert = replace(UNMOVED, kind=AlertKind.DEADLINE, reason=Reason.IN_1_DAY, day=date(2025, 9, 26), at=late)

    assert shown(alert).subject == "awaited, today: Outcome documents"


def test_silence_says_how_many_sources_answered_and_since_when_it_stands() -> None:
    alert = replace(UNMOVED, kind=AlertKind.SILENT, reason=Reason.NOTHING_HAPPENED, sources=12, detail="for 30 days")
    made = shown(alert)

    assert made.subject == "awaited, nothing new: Outcome documents"
    assert "its sources answered. The item has not changed its state." in made.text
    assert "Why: for 30 days\nAnswered: 12 sources\n" in made.text
    assert "Stands at: awaited, since 14 Sep 2025\n" in made.text


@pytest.mark.parametrize("name", SAMPLES)
def test_every_message_has_a_short_subject_and_its_reason_codes_in_the_small_print_of_every_form(name: str) -> None:
    message, made = sample(name), shown(sample(name))

    assert 0 < len(made.subject) < 70
    for delivery in message.deliveries:
        alert = delivery.alert
        reason = alert.reason.value if isinstance(alert, Alert) else alert.reason
        for form in (made.text, made.html, made.small):
            assert f"{alert.kind.value}, reason {reason}" in form


def test_system_alerts_look_different_from_what_is_told_of_items() -> None:
    system, policy = shown(sample("source_broken")), shown(sample("state_change"))

    assert system.subject.startswith("[watcher] ")
    assert not policy.subject.startswith("[watcher] ")
    assert system.colour != policy.colour
    assert system.colour in system.html
    assert "background:#f2f4f7" in system.html
    assert "background:#ffffff" in policy.html


@pytest.mark.parametrize(
    ("told", "colour"),
    [
        ({"severity": "critical"}, "#B42318"),
        ({"severity": "high"}, "#DC6803"),
        ({}, "#1570EF"),
        ({"kind": AlertKind.EARLY_SIGNAL}, "#7A5AF8"),
        ({"kind": AlertKind.DISPUTED, "severity": "high"}, "#DC6803"),
    ],
)
def test_the_colour_tells_the_severity_and_what_is_doubtful(told: dict[str, object], colour: str) -> None:
    assert colour_of(a_message(an_alert(**told))) == colour


def test_a_digest_has_its_own_colour_and_several_have_that_of_the_worst() -> None:
    assert colour_of(sample("digest")) == "#344054"
    assert colour_of(several(Merge.HELD, an_alert(), an_alert(severity="critical"), an_alert())) == "#B42318"


HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=y> <a href='http://evil.example'>ok</a> \" onclick=\"x "
    "{{ 7*7 }} &amp; http://evil.example/a \u202e\x00"
)


@pytest.mark.parametrize("name", SAMPLES)
def test_no_kind_of_message_lets_what_others_wrote_act_in_html(name: str) -> None:
    message = sample(name)
    parts = []
    for delivery in message.deliveries:
        texts = {
            field.name: HOSTILE
            for field in fields(delivery.alert)
            if isinstance(getattr(delivery.alert, field.name), str) and field.name not in ("kind", "reason", "status")
        }
        told: dict[str, object] = {"quotes": (a_quote(HOSTILE, outlet=HOSTILE, link="javascript:x"),)}
        told |= {"points": (Point(HOSTILE, HOSTILE),)}
        known = {field.name for field in fields(delivery.alert)}
        alert = replace(delivery.alert, **texts, **{key: value for key, value in told.items() if key in known})  # type: ignore[arg-type]
        parts.append(replace(delivery, alert=alert))
    html = shown(replace(message, deliveries=tuple(parts)), LINKS).html

    assert set(re.findall(r"<(\w+)", html)) <= {"html", "head", "meta", "title", "body", "div", "b", "a", "br"}
    hosts = {urlsplit(unescape(url)).hostname for url in re.findall(r'(?:href|src)="([^"]*)"', html)}
    assert hosts <= {"board.example", "news.example"}
    assert set(re.findall(r" (on\w+)=\"", html)) == set()
    assert "\u202e" not in html


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
def test_only_what_is_told_of_an_item_can_be_acknowledged_and_muted(name: str) -> None:
    made, alone = shown(sample(name), LINKS), shown(sample(name))
    about_items = sum(
        isinstance(one.alert, Alert) and one.alert.kind is not AlertKind.TEST for one in sample(name).deliveries
    )

    for form in (made.text, made.html, made.slack):
        assert form.count("Mute for a week:") == about_items
        # an early signal is not told again: nobody is asked to acknowledge it
        asked = 0 if name == "early_signal" else about_items
        assert form.count("Acknowledge:") == asked
        assert form.count(f"{BOARD}a/") >= about_items + asked
    assert "Acknowledge:" not in alone.text


def test_the_links_of_a_repeat_are_the_same_and_do_what_they_say() -> None:
    message = sample("state_change")
    line = next(line for line in shown(message, LINKS).text.split("\n") if line.startswith("Acknowledge: "))
    claim = LINKS.read(line.rpartition("/")[2], message.deliveries[0].alert.at)

    assert shown(message, LINKS).text == shown(message, LINKS).text
    assert (claim.deed.value, claim.subject, claim.receiver) == ("ack", "7", "desk")  # type: ignore[union-attr]


def test_an_alert_that_is_not_stored_cannot_be_acknowledged() -> None:
    made = shown(an_alert(), LINKS)

    assert "Acknowledge:" not in made.text
    assert "Mute for a week:" in made.text


# --- several alerts ---------------------------------------------------------------------------------------------------


def test_one_event_names_its_first_state_and_the_count_and_quotes_once() -> None:
    one, two = an_alert(), an_alert(item="second", title="Second item", to_label="lifted")
    made = shown(several(Merge.EVENT, one, two, replace(two, item="third", title="Third item")))

    assert made.subject == "published: Outcome documents, and 2 more"
    assert made.text.startswith("3 items moved by one event\n")
    assert [line for line in made.text.split("\n") if line[:2] in ("1.", "2.", "3.")] == [
        "1. published: Outcome documents",
        "2. lifted: Second item",
        "3. lifted: Third item",
    ]
    assert made.text.count("Change: ") == 3
    assert made.text.count("“The text was published on Thursday.”") == 1
    assert made.text.endswith("Message 0. A repeat of this message carries the same id.\n")


def test_a_long_title_leaves_the_count_of_an_event_in_its_subject() -> None:
    made = shown(several(Merge.EVENT, an_alert(title="word " * 40), an_alert(item="b")))

    assert made.subject.endswith("…, and 1 more")
    assert len(made.subject) < 70


@pytest.mark.parametrize(
    ("hold", "why"),
    [
        (Hold.QUIET, "They waited for the end of quiet hours."),
        (Hold.BUDGET, "They waited because this hour's messages were used up."),
        (None, "They waited, and come as one message."),
    ],
)
def test_what_was_held_says_since_when_and_why_with_the_newest_state_of_an_item_last(
    hold: Hold | None, why: str
) -> None:
    moved = an_alert(to_label="withdrawn", from_label="published")
    made = shown(several(Merge.HELD, an_alert(), an_alert(item="b", title="Other"), moved, hold=hold))

    assert made.subject == "3 alerts held since 16:05: withdrawn: Outcome documents"
    assert why in made.text
    heads = ("1. published: Outcome documents", "2. published: Other", "3. withdrawn: Outcome documents")
    places = [made.text.index(head) for head in heads]
    assert places == sorted(places)
    assert made.text.count("state_change, reason alone") == 3


def test_what_is_late_says_since_when_with_the_day_where_that_was_long_ago() -> None:
    made = shown(several(Merge.LATE, an_alert(), an_alert(item="b"), gap=timedelta(days=2)))

    assert made.subject.startswith("2 alerts late since 25 Sep, 16:05: published: ")
    assert "this receiver did not take messages" in made.text


def test_alerts_of_all_kinds_can_wait_together() -> None:
    parts = tuple(
        replace(sample(name).deliveries[0], id=name, created_at=NOW)
        for name in SAMPLES
        if len(sample(name).deliveries) == 1
    )
    made = shown(Message("m", "desk", parts, Merge.LATE), LINKS)

    assert made.subject.startswith(f"{len(parts)} alerts late since ")
    assert made.text.count(", reason ") == len(parts)
    assert made.small.count(", reason ") == len(parts)
    assert "[watcher] wire cannot be read" in made.text
    assert "1 changed, 1 moving: desk" in made.text


def test_pieces_quoted_by_several_alerts_of_an_event_are_told_apart_by_link_or_text() -> None:
    quotes = (a_quote("One."), a_quote("Two.", link=""), a_quote("Three.", link=""))
    made = shown(several(Merge.EVENT, an_alert(quotes=quotes[:2]), an_alert(item="b", quotes=quotes)))

    assert [made.text.count(f"“{word}.”") for word in ("One", "Two", "Three")] == [1, 1, 1]
