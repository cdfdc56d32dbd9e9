"""The demo as its user sees it, and that it would notice a daemon that tells too much or too little."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from watcher.demo.show import play
from watcher.demo.story import Change, load_story


@pytest.mark.slow
def test_demo_tells_every_change_once_and_no_trap() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "watcher", "demo"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    changes = len(load_story().expected)
    assert f"{changes} of {changes} changes told once by email and once by Slack" in done.stdout
    assert "\x1b[" not in done.stdout  # no terminal: plain lines
    assert "=> Orlund's approval of the Kelvaro sale: pending -> approved" in done.stdout


@pytest.mark.slow
def test_demo_fails_on_a_missing_message_and_on_one_for_the_wrong_reason(capsys: pytest.CaptureFixture[str]) -> None:
    story = load_story()
    first = story.expected[0]
    until = next(n for n, moment in enumerate(story.moments, 1) if any(p.piece == first.because for p in moment))
    another = story.moments[0][0].piece
    never = Change("foil-investigation", "penalty", another)
    wrong = replace(story, moments=story.moments[:until], expected=(never, replace(first, because=another)))
    assert play(wrong, plain=True) == 1
    marks = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert marks.count("missing") == 2
    assert marks.count("unexpected") == 1
    assert marks.count("ok") == 0


def test_story_covers_what_the_demo_promises() -> None:
    story = load_story()
    items = {change.item for change in story.expected}
    traps = {piece.trap for moment in story.moments for piece in moment if piece.trap}
    assert len(items) >= 4
    assert {"may", "urges", "denies", "sources say", "question", "same words, another story"} <= traps
    titles = [piece.piece.title for moment in story.moments for piece in moment]
    assert len(titles) - len(set(titles)) == 1  # the syndicated text, in two outlets
    dates = [piece.piece.at for moment in (story.before, *story.moments) for piece in moment]
    assert [max(p.piece.at for p in moment) for moment in story.moments] == sorted(
        max(p.piece.at for p in moment) for moment in story.moments
    )
    assert all(date.utcoffset() is not None for date in dates)
