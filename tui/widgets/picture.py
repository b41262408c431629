"""A widget that shows a Picture: paints only the cells that changed, and never more often than an eye needs."""

from __future__ import annotations

from time import monotonic
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.events import Resize
from textual.geometry import Region
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from tui.drawing.picture import Picture, Run


class PictureWidget(Widget):
    """Subclasses say what is drawn (`draw`) and call `stale` when data came, `redraw` when a person did something.

    A role of the picture takes its style from the component class `picture--ROLE` where the widget declares it.
    """

    EVERY: ClassVar[float] = (
        0.5  #: seconds between two paintings because of data: at most so many bytes go to a far terminal
    )

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._picture: Picture | None = None
        self._painted = 0.0
        self._timer: Timer | None = None

    def draw(self, width: int, height: int) -> Picture:
        """The picture in `width` by `height` cells."""
        raise NotImplementedError

    def stale(self) -> None:
        """There is something new to see: paint soon."""
        if not self.is_mounted or self._timer is not None:
            return
        wait = self._painted + self.EVERY - monotonic()
        if wait <= 0:
            self.redraw()
        else:
            self._timer = self.set_timer(wait, self.redraw)

    def redraw(self) -> None:
        """Paint what differs from the picture that is shown, now."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        before, self._picture = self._picture, None
        if not self.is_mounted or not self.size:
            return
        if before is None or not self.is_on_screen:
            self.refresh()  # drawn when the screen asks for it
            return
        after = self._drawn()
        regions = changed(before, after)
        if regions is None:
            self.refresh()
        elif regions:
            self.refresh(*regions)

    def on_resize(self, event: Resize) -> None:
        self.redraw()

    def notify_style_update(self) -> None:
        self._picture = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        picture = self._drawn()
        if y >= len(picture.rows):
            return Strip.blank(self.size.width, self.rich_style)
        return Strip([Segment(text, self.style_of(role)) for text, role in picture.rows[y]], self.size.width)

    def style_of(self, role: str) -> Style:
        """The style of a role; that of the widget for one nobody declared."""
        name = f"picture--{role}"
        return self.get_component_rich_style(name) if name in self._component_styles else self.rich_style

    def _drawn(self) -> Picture:
        if self._picture is None:
            self._picture = self.draw(self.size.width, self.size.height)
            self._painted = monotonic()
        return self._picture


def changed(before: Picture, after: Picture) -> list[Region] | None:
    """Where two pictures differ, a region a row; None when they have not the same size."""
    regions = []
    if len(before.rows) != len(after.rows):
        return None
    for y, (old, new) in enumerate(zip(before.rows, after.rows, strict=True)):
        if old != new:
            one, other = _letters(old), _letters(new)
            if len(one) != len(other):
                return None
            differing = [x for x, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
            if differing:
                regions.append(Region(differing[0], y, differing[-1] + 1 - differing[0], 1))
    return regions


def _letters(runs: tuple[Run, ...]) -> list[tuple[str, str]]:
    return [(letter, role) for text, role in runs for letter in text]
