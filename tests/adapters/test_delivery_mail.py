"""A mail's thread, its id, how to be left alone, and its picture, as they arrive."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alert_cases import BERLIN, BOARD, NOW, a_message, an_alert
from apprise.conversion import html_to_text

from watcher.delivery import Look, Sender, render
from watcher.delivery.links import Links
from watcher.delivery.mail import domain_of, message_id, thread_id, with_id
from watcher.delivery.picture import draw_timeline
from watcher.delivery.render import LONGEST_HTML
from watcher.delivery.samples import SAMPLES, sample
from watcher.delivery.timeline import Step
from watcher.demo.mailserver import Mail
from watcher.demo.receivers import Receivers, open_receivers
from watcher.domain.alerts import Message, Receiver, Sent

STEPS = (Step(datetime(2025, 9, 14, tzinfo=UTC), "awaited"), Step(NOW, "published"))
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Receivers]:
    with open_receivers(tmp_path) as receivers:
        yield receivers


def mailed(desk: Receivers, message: Message, *, timelines: object = None, **told: object) -> Mail:
    receiver = Receiver(desk.mail.url("desk@example.org"), **told)  # type: ignore[arg-type]
    sender = Sender({"desk": receiver}, BERLIN, BOARD, timelines=timelines)  # type: ignore[arg-type]
    assert isinstance(sender.send(message, NOW), Sent)
    return desk.mail.mails.all()[-1]


def test_all_mails_of_an_item_are_one_thread_and_each_has_an_id_of_its_own(desk: Receivers) -> None:
    first = mailed(desk, a_message(an_alert(), "1")).message
    second = mailed(desk, a_message(an_alert(to_label="withdrawn"), "2")).message
    other = mailed(desk, a_message(an_alert(item="other"), "3")).message

    assert first["References"] == first["In-Reply-To"] == second["References"] == second["In-Reply-To"]
    assert re.fullmatch(r"<item\.[0-9a-f]{20}@example\.org>", first["References"])
    assert other["References"] != first["References"]
    assert len({mail["Message-ID"] for mail in (first, second, other)}) == 3
    assert re.fullmatch(r"<1\.[0-9a-f]{20}@example\.org>", first["Message-ID"])


def test_a_repeat_has_the_same_id_and_there_is_one_only(desk: Receivers) -> None:
    first, second = (mailed(desk, a_message(an_alert())).message for _ in range(2))

    assert first["Message-ID"] == second["Message-ID"]
    assert len(first.get_all("Message-ID")) == 1


def test_threads_of_digests_and_of_system_alerts_are_apart(desk: Receivers) -> None:
    threads = {name: thread_id(sample(name), "example.org") for name in SAMPLES}

    assert threads["digest"].startswith("<digest.")
    assert threads["source_broken"] == threads["source_recovered"] != threads["source_quiet"]
    assert threads["event"] == threads["state_change"] == threads["reminder"] == threads["deadline"]


def test_another_database_makes_other_ids() -> None:
    one = a_message(an_alert())
    other = replace(one, deliveries=(replace(one.deliveries[0], created_at=NOW + timedelta(days=1)),))

    assert message_id(one, "example.org") != message_id(other, "example.org")


def test_an_id_is_safe_whatever_its_parts_are() -> None:
    odd = Message("a b\r\nBcc: x@y.z", "desk/2", a_message(an_alert()).deliveries)

    assert re.fullmatch(r"<[A-Za-z0-9_.-]+@watcher\.invalid>", message_id(odd, domain_of("nobody", "")))
    assert (domain_of("w@mail.example", "smtp.example"), domain_of("w", "smtp.example")) == (
        "mail.example",
        "smtp.example",
    )


def test_only_the_id_in_the_head_is_replaced() -> None:
    mail = "From: a\nMessage-ID: <x@y>\nTo: b\n\nMessage-ID: <stays@here>\n"

    assert with_id(mail, "<1@z>") == "From: a\nMessage-ID: <1@z>\nTo: b\n\nMessage-ID: <stays@here>\n"
    assert with_id(mail, "") == mail


@pytest.mark.parametrize(
    ("address", "one_click"),
    [("https://lists.example/leave?id=" + "a" * 120, "List-Unsubscribe=One-Click"), ("mailto:off@example.org", None)],
)
def test_a_mail_says_how_to_be_left_alone(desk: Receivers, address: str, one_click: str | None) -> None:
    mail = mailed(desk, a_message(an_alert()), unsubscribe=address).message

    assert "".join(mail["List-Unsubscribe"].split()) == f"<{address}>"
    assert mail["List-Unsubscribe-Post"] == one_click


def test_without_an_address_nothing_is_said_of_leaving(desk: Receivers) -> None:
    mail = mailed(desk, a_message(an_alert())).message

    assert (mail["List-Unsubscribe"], mail["List-Unsubscribe-Post"]) == (None, None)
    assert mail["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_arrives_with_both_parts_saying_the_same(desk: Receivers, name: str) -> None:
    mail = mailed(desk, sample(name))
    ours = render(sample(name), Look(BERLIN, BOARD))

    assert mail.subject == ours.subject
    assert mail.part("plain").rstrip() == ours.text.rstrip()
    assert html_to_text(ours.html) == ours.text.rstrip("\n")
    assert len(ours.subject) < 70


def test_fifty_alerts_are_a_bounded_mail_that_says_how_many(desk: Receivers) -> None:
    one = sample("late").deliveries[0]
    huge = replace(one.alert, detail="d" * 5_000, meaning="m" * 5_000, note="n" * 5_000)  # type: ignore[type-var]
    links = Links(BOARD, "k" * 32, timedelta(days=7))
    message = replace(sample("late"), deliveries=tuple(replace(one, id=str(n), alert=huge) for n in range(50)))
    made = render(message, Look(BERLIN, BOARD, links))

    assert made.subject.startswith("50 alerts late since ")
    assert len(made.html.encode()) <= LONGEST_HTML
    assert html_to_text(made.html) == made.text.rstrip("\n")
    assert made.text.count("reason corroborated") == 50
    assert len(mailed(desk, message).data) < 200_000


# --- the picture ------------------------------------------------------------------------------------------------------


def pictures(mail: Mail) -> list[bytes]:
    return [part.get_content() for part in mail.message.iter_attachments()]


def test_a_mail_carries_the_items_timeline_where_its_receiver_wants_it(desk: Receivers) -> None:
    asked: list[str] = []

    def timelines(item: str) -> Sequence[Step]:
        asked.append(item)
        return STEPS

    plain = mailed(desk, a_message(an_alert()), timelines=timelines)
    drawn = mailed(desk, a_message(an_alert()), timelines=timelines, picture=True)

    assert asked == ["outcome-documents"]
    assert pictures(plain) == []
    (png,) = pictures(drawn)
    assert png == draw_timeline("Outcome documents", STEPS, NOW, BERLIN)
    assert png.startswith(PNG)
    assert "So far: 14 Sep 2025 awaited; 25 Sep 2025 published\n" in drawn.part("plain")
    assert "So far" not in plain.part("plain")
    (attached,) = drawn.message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("timeline.png", "image/png")


def test_a_message_is_not_lost_to_its_picture(desk: Receivers) -> None:
    def broken(item: str) -> Sequence[Step]:
        raise RuntimeError(f"no history of {item}")

    mail = mailed(desk, a_message(an_alert()), timelines=broken, picture=True)

    assert (mail.subject, pictures(mail)) == ("published: Outcome documents", [])


@pytest.mark.parametrize("name", ["digest", "test", "source_broken", "held"])
def test_what_is_about_no_one_item_has_no_picture(desk: Receivers, name: str) -> None:
    mail = mailed(desk, sample(name), timelines=lambda item: STEPS, picture=True)

    assert pictures(mail) == []


def test_one_step_many_steps_and_steps_at_one_moment_are_drawn() -> None:
    many = tuple(Step(NOW + timedelta(hours=n), f"state {n % 3} of a long name indeed", "9" * 40) for n in range(8))
    for steps in (STEPS[:1], STEPS, many, (STEPS[1], STEPS[1])):
        png = draw_timeline("字" * 200, steps, NOW, BERLIN)
        assert png.startswith(PNG)
        assert len(png) < 100_000
