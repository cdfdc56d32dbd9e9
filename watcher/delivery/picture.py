"""A picture of the states an item went through: a step line over time, the present state marked. PNG, by Pillow.

Pillow is an extra; it stays behind this door. A label in a script that its font lacks is told in the mail's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from watcher.delivery.lines import state_of
from watcher.delivery.plain import cut
from watcher.delivery.timeline import Step
from watcher.delivery.times import tell_day
from watcher.errors import UsageError

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

EXTRA = "pictures"
NAME = "timeline.png"

_SCALE = 2  # drawn twice as large as shown, for screens that have the dots
_WIDTH, _TOP, _ROW, _BOTTOM = 640, 44, 40, 40
_LEFT, _RIGHT = 184, 40
_INK, _FAINT, _LINE, _NOW = "#1f2933", "#697586", "#9aa5b1", "#1570EF"
_LABEL, _SMALL = 13, 11  # sizes of type
_DAY_WIDTH = 84  # what a day takes on the axis


def require_pictures() -> None:
    """Raise UsageError, naming the extra, where the library that draws is not installed."""
    if find_spec("PIL") is None:
        raise UsageError(f"`picture: true` needs the extra `{EXTRA}`: pip install 'policy-watcher[{EXTRA}]'")


def draw_timeline(title: str, steps: Sequence[Step], now: datetime, zone: ZoneInfo) -> bytes:
    """Return a PNG of `steps`, oldest first, up to `now`: time from left to right, each state a row, the latest at the
    top. There must be a step at least."""
    from PIL import Image, ImageDraw

    rows = list(dict.fromkeys(state_of(step.label, step.value) for step in steps))
    height = _TOP + _ROW * len(rows) + _BOTTOM
    image = Image.new("RGB", (_WIDTH * _SCALE, height * _SCALE), "#ffffff")
    _Sketch(ImageDraw.Draw(image), rows, steps, now, zone).draw(title)
    out = BytesIO()
    image.convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(out, "PNG", optimize=True)
    return out.getvalue()


class _Sketch:
    """One picture being drawn; places are in shown dots."""

    def __init__(
        self, pen: ImageDraw, rows: Sequence[str], steps: Sequence[Step], now: datetime, zone: ZoneInfo
    ) -> None:
        self._pen = pen
        self._rows = rows
        self._steps = steps
        self._zone = zone
        self._from = steps[0].at
        self._length = max((max(now, steps[-1].at) - self._from).total_seconds(), 1.0)

    def draw(self, title: str) -> None:
        """Draw everything."""
        self._write((16, 12), cut(title, 84), _INK, _LABEL)
        here = state_of(self._steps[-1].label, self._steps[-1].value)
        for row in self._rows:
            y = self._y(row)
            self._pen.line(self._dots(_LEFT, y, _WIDTH - _RIGHT, y), fill="#e4e7ec", width=_SCALE)
            self._write((16, y - 8), cut(row, 24), _NOW if row == here else _INK, _LABEL)
        self._steps_line()
        self._days()

    def _steps_line(self) -> None:
        ends = [self._x(step.at) for step in self._steps[1:]] + [float(_WIDTH - _RIGHT)]
        before: float | None = None
        for step, end in zip(self._steps, ends, strict=True):
            x, y = self._x(step.at), self._y(state_of(step.label, step.value))
            last = step is self._steps[-1]
            if before is not None and before != y:
                self._pen.line(self._dots(x, before, x, y), fill=_LINE, width=2 * _SCALE)
            self._pen.line(self._dots(x, y, end, y), fill=_NOW if last else _LINE, width=3 * _SCALE)
            self._dot(x, y, 4, _NOW if last else _FAINT)
            before = y
        self._dot(_WIDTH - _RIGHT, before or 0.0, 6, _NOW)
        self._write((_WIDTH - _RIGHT - 10, (before or 0.0) - 24), "now", _NOW, _SMALL)

    def _days(self) -> None:
        """Write the day of each step below the rows, but for those that would run into another; the last is always
        told, for it is what the mail is about."""
        y = self._y(self._rows[0]) + _ROW // 2 + 8
        taken: list[float] = []
        for step in (self._steps[-1], *self._steps[:-1]):
            x = min(max(self._x(step.at) - _DAY_WIDTH / 2 + 8, _LEFT - 30), _WIDTH - _DAY_WIDTH)
            if all(abs(x - other) >= _DAY_WIDTH for other in taken):
                taken.append(x)
                self._write((x, y), tell_day(step.at, self._zone), _FAINT, _SMALL)

    def _x(self, at: datetime) -> float:
        share = (at - self._from).total_seconds() / self._length
        return _LEFT + (_WIDTH - _RIGHT - _LEFT) * min(max(share, 0.0), 1.0)

    def _y(self, row: str) -> float:
        """The latest new state is at the top."""
        return _TOP + _ROW * (len(self._rows) - 1 - self._rows.index(row)) + _ROW / 2

    def _dots(self, *places: float) -> tuple[float, ...]:
        return tuple(place * _SCALE for place in places)

    def _dot(self, x: float, y: float, size: float, colour: str) -> None:
        self._pen.ellipse(self._dots(x - size, y - size, x + size, y + size), fill=colour)

    def _write(self, place: tuple[float, float], text: str, colour: str, size: int) -> None:
        x, y = self._dots(*place)
        self._pen.text((x, y), text, fill=colour, font=_font(size * _SCALE))


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
