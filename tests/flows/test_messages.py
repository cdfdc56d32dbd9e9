"""What leaves a whole watcher: a mail with the item's timeline and its links, a signed webhook, own templates."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hooks import Hook, hooked
from newsroom import APPROVED, Newsroom, newsroom
from PIL import Image

from watcher.app import App, read_settings
from watcher.delivery.links import Claim, Links
from watcher.demo.mailserver import Mail
from watcher.errors import ConfigError

KEY = "a key of sixteen or more"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with hooked() as one:
        yield one


@pytest.fixture
def room(tmp_path: Path, hook: Hook) -> Iterator[Newsroom]:
    """A newsroom with a board, links, a picture for the desk, and a webhook beside it."""
    with newsroom(tmp_path, f"sqlite:///{tmp_path / 'watcher.db'}") as opened:
        text = opened.config.read_text(encoding="utf-8")
        text = text.replace("web: {", f'board: https://board.example/\nweb: {{secret: "{KEY}", ', 1)
        text = text.replace(
            "    desk: {", f'    hook: {{webhook: "{hook.url}", secret: s3cret}}\n    desk: {{picture: true, ', 1
        )
        text = text.replace("{to: [desk]", "{to: [desk, hook]", 1)
        opened.config.write_text(text, encoding="utf-8")
        yield opened


def told(room: Newsroom) -> Mail:
    """What the desk gets of an approval."""
    with room.app() as app:
        app.once()
        move(app, room)
    return next(mail for mail in room.mail.mails.all() if mail.recipients == ("desk@example.org",))


def move(app: App, room: Newsroom) -> None:
    room.clock.forward(minutes=30)
    room.publish("wire", APPROVED)
    room.clock.forward(minutes=30)
    done = app.once()
    assert [one.detail for one in done.delivered.tried if one.result.value != "sent"] == []


def test_a_mail_has_the_timeline_of_its_item_and_links_that_this_watcher_can_read(room: Newsroom) -> None:
    mail = told(room)
    (attached,) = mail.message.iter_attachments()
    picture = Image.open(io.BytesIO(attached.get_content()))
    text = mail.part("plain")
    so_far = next(line for line in text.split("\n") if line.startswith("So far: "))

    assert (picture.format, picture.width) == ("PNG", 1280)
    assert so_far.endswith(" approved")
    assert so_far.count(";") == 1
    claims = Links("https://board.example/", KEY, timedelta(days=7))
    for deed in ("Acknowledge", "Mute for a week"):
        line = next(line for line in text.split("\n") if line.startswith(f"{deed}: https://board.example/a/"))
        claim = claims.read(line.rpartition("/")[2], room.clock.at)
        assert isinstance(claim, Claim)
        assert (claim.receiver, claim.subject) == ("desk", "1" if deed == "Acknowledge" else "us-approval")


def test_a_webhook_is_told_the_same_in_json(room: Newsroom, hook: Hook) -> None:
    mail = told(room)
    ((_, headers, body),) = hook.got
    message = json.loads(body)

    assert message["subject"] == mail.subject
    assert message["receiver"] == "hook"
    assert message["deliveries"][0]["alert"]["to"]["state"] == "approved"
    assert message["deliveries"][0]["links"]["ack"].startswith("https://board.example/a/")
    assert headers["webhook-id"] == message["id"]
    assert headers["webhook-signature"].startswith("v1,")


def test_a_template_that_fails_is_logged_and_the_message_comes_all_the_same(
    room: Newsroom, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = room.folder / "own"
    folder.mkdir()
    # it is tried with every sample, none of which is about this item
    failing = "{{ 1 / 0 if alert.item == 'us-approval' else subject }}"
    (folder / "html.j2").write_text(failing, encoding="utf-8")
    text = room.config.read_text(encoding="utf-8")
    room.config.write_text(text.replace("notify:\n", "notify:\n  templates: own\n", 1), encoding="utf-8")

    mail = told(room)

    assert "Change: " in mail.part("plain")
    written = capsys.readouterr()
    assert "template.failed" in written.out + written.err
    assert "ZeroDivisionError" in written.out + written.err


def test_a_reload_with_a_wrong_template_keeps_the_configuration_in_use(room: Newsroom) -> None:
    with room.app() as app:
        folder = room.folder / "own"
        folder.mkdir()
        (folder / "text.j2").write_text("{% if %}", encoding="utf-8")
        text = room.config.read_text(encoding="utf-8")
        room.config.write_text(text.replace("notify:\n", "notify:\n  templates: own\n", 1), encoding="utf-8")

        assert app.reload() is False
        assert app.settings.templates is None
        troubles = app.health()[1]["troubles"]
        assert [trouble for trouble in troubles if "text.j2:1:1: " in trouble]
    with pytest.raises(ConfigError):
        read_settings(room.config, {})


def test_a_secret_that_is_no_key_is_a_mistake_and_not_repeated(room: Newsroom) -> None:
    text = room.config.read_text(encoding="utf-8")
    room.config.write_text(text.replace("secret: s3cret", "secret: whsec_n0base64!"), encoding="utf-8")

    with pytest.raises(ConfigError, match="what follows whsec_ is no base64") as caught:
        read_settings(room.config, {})
    assert "n0base64" not in str(caught.value)
