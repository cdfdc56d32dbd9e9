"""Signed links: read back as they were made, refused when changed, forged or too old."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.delivery.links import PATH, Claim, Deed, Links, Refusal

KEY = "a key of sixteen characters or more"
DAYS = timedelta(days=7)
LINKS = Links("https://board.example/watch/?tab=1#top", KEY, DAYS)


def token(link: str) -> str:
    return link.rpartition("/")[2]


def test_a_link_is_below_the_board_and_read_back_as_made(now: datetime) -> None:
    ack, mute = LINKS.ack(42, "desk/2", now), LINKS.mute("us-approval", "Ana Ruß", now)
    assert ack.startswith("https://board.example/watch" + PATH)
    assert LINKS.read(token(ack), now) == Claim(Deed.ACK, "42", "desk/2", now)
    assert LINKS.read(token(mute), now) == Claim(Deed.MUTE, "us-approval", "Ana Ruß", now)
    assert ack == LINKS.ack(42, "desk/2", now)  # a message sent again carries the same


def test_it_is_good_until_its_time_is_over(now: datetime) -> None:
    made = token(LINKS.ack(42, "desk", now))
    assert isinstance(LINKS.read(made, now + DAYS - timedelta(seconds=1)), Claim)
    assert LINKS.read(made, now + DAYS) is Refusal.EXPIRED


def test_another_key_s_links_are_refused(now: datetime) -> None:
    other = Links("https://board.example/", KEY + "!", DAYS)
    assert LINKS.read(token(other.ack(42, "desk", now)), now) is Refusal.WRONG


@pytest.mark.parametrize("wrong", ["", ".", "a.b", "é", "\x00", "..." * 400, "x" * 5000, "WyJhY2siXQ.AAAA"])
def test_nonsense_is_refused(now: datetime, wrong: str) -> None:
    assert LINKS.read(wrong, now) is Refusal.WRONG


@given(st.data())
def test_no_changed_character_passes(data: st.DataObject) -> None:
    now = datetime.fromisoformat("2025-11-03T09:00:00+00:00")
    made = token(LINKS.ack(42, "desk", now))
    at = data.draw(st.integers(0, len(made) - 1))
    other = data.draw(st.sampled_from("ABCXYZabcxyz0189-_."))
    changed = made[:at] + other + made[at + 1 :]
    read = LINKS.read(changed, now)
    # the last character of base64 has bits that mean nothing: then it is the same link
    assert read is Refusal.WRONG or read == LINKS.read(made, now)


def test_a_signed_deed_of_another_kind_is_refused(now: datetime) -> None:
    for told in (["erase", "42", "desk", 1], ["ack", "42"], {"ack": 42}, "ack", ["ack", "42", "desk", "soon"]):
        signed = LINKS._signer.dumps(told)
        assert LINKS.read(signed.decode() if isinstance(signed, bytes) else signed, now) is Refusal.WRONG


def test_no_links_without_a_board_or_a_key() -> None:
    assert Links.of("", KEY, DAYS) is None
    assert Links.of("https://board.example", "", DAYS) is None
    assert Links.of("https://board.example", KEY, DAYS) is not None


def test_a_naive_moment_is_refused(now: datetime) -> None:
    with pytest.raises(ValueError, match="issued"):
        LINKS.ack(1, "desk", now.replace(tzinfo=None))


def test_its_repr_shows_no_key() -> None:
    assert KEY not in repr(LINKS) + repr(vars(LINKS))
