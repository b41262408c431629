"""The last values of something that is measured again and again, in one line."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import ClassVar

from tui.drawing.bars import sparkline
from tui.drawing.picture import Picture, row
from tui.widgets.picture import PictureWidget

KEPT = 512  #: values; no terminal is wider


class Sparkline(PictureWidget):
    """Heights between `low` and `high`, the newest at the right; as many values as there are columns."""

    DEFAULT_CSS = """
    Sparkline { height: 1; & > .picture--bar { color: $accent; } }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"picture--bar"}

    def __init__(
        self, low: float | None = None, high: float | None = None, *, name: str | None = None, id: str | None = None
    ) -> None:
        super().__init__(name=name, id=id)
        self._ends = low, high
        self._values: deque[float] = deque(maxlen=KEPT)

    def append(self, value: float) -> None:
        """One more value; NaN for one that could not be measured."""
        self._values.append(value)
        self.stale()

    def show(self, values: Iterable[float]) -> None:
        """These values in place of those before."""
        self._values = deque(values, KEPT)
        self.stale()

    def draw(self, width: int, height: int) -> Picture:
        drawn = sparkline(list(self._values), width, *self._ends)
        return Picture((row([(drawn.rjust(width), "bar")], width),) * min(height, 1))
