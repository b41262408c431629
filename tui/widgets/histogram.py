"""How often which value is there: durations, SNR, CER of a dataset's clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tui.drawing.bars import histogram
from tui.drawing.picture import Picture
from tui.widgets.picture import PictureWidget


class Histogram(PictureWidget):
    """Columns over round numbers, with the median in the title."""

    DEFAULT_CSS = """
    Histogram {
        height: 8;
        & > .picture--title { text-style: bold; }
        & > .picture--note, & > .picture--label { color: $text-muted; }
        & > .picture--axis { color: $text-disabled; }
        & > .picture--bar { color: $accent; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"picture--{role}" for role in ("title", "note", "label", "axis", "bar")}

    def __init__(self, title: str, unit: str = "", *, name: str | None = None, id: str | None = None) -> None:
        super().__init__(name=name, id=id)
        self._title, self._unit = title, unit
        self._values: Sequence[float] = ()

    def show(self, values: Sequence[float]) -> None:
        """Count these values; NaN stands for one that is not known."""
        self._values = values
        self.stale()

    def draw(self, width: int, height: int) -> Picture:
        return histogram(self._values, width, height, self._title, self._unit)
