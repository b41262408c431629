"""The chart of a run's losses: several lines, smoothing, logarithm, zoom and pan by keys and mouse, a cursor that reads
values off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click, Leave, MouseDown, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp, Resize
from textual.message import Message
from textual.timer import Timer

from tui.drawing.braille import ACROSS, Stroke
from tui.drawing.line_chart import Best, Chart, Frame, Line, View, draw
from tui.drawing.picture import Picture
from tui.drawing.points import Points
from tui.widgets.picture import PictureWidget

SMOOTHING = (0.0, 0.6, 0.9, 0.97)  #: what the key goes through
STROKES = (Stroke.SOLID, Stroke.DASHED, Stroke.DOTTED, Stroke.DASH_DOT)
ZOOM, PAN = 1.5, 0.2  #: factor of a zoom; part of the visible steps of a pan
QUIET = 0.15  #: seconds without another zoom or pan before the owner is told


# Okabe and Ito's colours, which colour-blind eyes can tell apart; darker on light, and of the sixteen where there are
# no others
DARK = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00")
LIGHT = ("#0072b2", "#b36b00", "#007a58", "#a8467d", "#7a6f00", "#c04a00")
ANSI = ("ansi_bright_blue", "ansi_yellow", "ansi_green", "ansi_bright_magenta", "ansi_bright_yellow", "ansi_bright_red")
PALETTE = "".join(
    f"LineChart{mode} > .picture--series-{number} {{ color: {colour}; }}\n"
    f"LineChart{mode} > .picture--series-{number}-raw {{ color: {colour} "
    f"{'' if mode == ':ansi' else '40%'}; text-style: {faint}; }}\n"
    for mode, colours, faint in ((":dark", DARK, "none"), (":light", LIGHT, "none"), (":ansi", ANSI, "dim"))
    for number, colour in enumerate(colours, start=1)
)


class LineChart(PictureWidget, can_focus=True):
    """Lines over steps, as many as you like; each has a colour, and a stroke that tells it apart where there are no
    colours.

    It keeps some thousand points a line, whatever it is given. An owner who has more listens to `Viewed` and gives, by
    `set_series`, the points of those steps in `buckets` buckets.
    """

    DEFAULT_CSS = (
        """
        LineChart { height: 1fr; min-height: 4; }
        LineChart > .picture--title { text-style: bold; }
        LineChart > .picture--note { color: $text-muted; }
        LineChart > .picture--label { color: $text-muted; }
        LineChart > .picture--axis { color: $text-disabled; }
        LineChart > .picture--cursor { text-style: bold; }
        LineChart > .picture--best { color: $warning; text-style: bold; }
        """
        + PALETTE
    )
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"picture--{role}" for role in ("title", "note", "label", "axis", "cursor", "best")),
        *(f"picture--series-{number}{raw}" for number in range(1, len(DARK) + 1) for raw in ("", "-raw")),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "plus,equals_sign", "zoom(1)", "Zoom in", key_display="+", id="chart.zoom-in", tooltip="Show fewer steps"
        ),
        Binding("minus", "zoom(-1)", "Zoom out", key_display="-", id="chart.zoom-out", tooltip="Show more steps"),
        Binding("left,h", "pan(-1)", "Earlier", id="chart.earlier", tooltip="Move to earlier steps", show=False),
        Binding("right,l", "pan(1)", "Later", id="chart.later", tooltip="Move to later steps", show=False),
        Binding("0", "whole", "Whole run", id="chart.whole", tooltip="Show all steps, and new ones as they come"),
        Binding("s", "smooth", "Smoothing", id="chart.smooth", tooltip="Smooth the lines: off, light, middle, strong"),
        Binding("y", "log", "Log y", id="chart.log", tooltip="Logarithmic or linear values"),
        Binding(
            "comma", "cursor(-1)", "Read back", id="chart.back", tooltip="Read values off, to the left", show=False
        ),
        Binding(
            "full_stop", "cursor(1)", "Read on", id="chart.on", tooltip="Read values off, to the right", show=False
        ),
    ]
    pane_title = "Chart"
    pane_help = (
        "Loss by step. Drag or ← → to pan, wheel or + - to zoom, double click or 0 for the whole run. "
        "The pointer, or , and . read values "
        "off. A gap is a value that was not a number."
    )

    @dataclass
    class Viewed(Message):
        """Other steps are seen than before, or in another width."""

        chart: LineChart
        first: int
        last: int  #: inclusive; 0: to the end, as it comes (as Runs.Points understands it)
        buckets: int  #: as many as the picture can show

        @property
        def control(self) -> LineChart:
            return self.chart

    def __init__(
        self, title: str = "", *, empty: str = "No points yet.", name: str | None = None, id: str | None = None
    ) -> None:
        super().__init__(name=name, id=id)
        self._title, self._empty = title, empty
        self._lines: dict[str, Line] = {}
        self._best: Best | None = None
        self._view = View()
        self._frame: Frame | None = None
        self._dragged: tuple[int, Frame] | None = None  #: column at which the button went down, and what was seen then
        self._post_timer: Timer | None = None
        self._posted: tuple[int, int, int] | None = None

    # ---------------------------------------------------------------------------------------------------- for its owner

    @property
    def view(self) -> View:
        return self._view

    @property
    def buckets(self) -> int:
        """Into how many buckets points are best reduced for this width."""
        return max(self.size.width, 20) * ACROSS

    def set_title(self, title: str) -> None:
        self._title = title
        self.stale()

    def set_empty(self, words: str) -> None:
        """What is said while there are no points."""
        if words != self._empty:
            self._empty = words
            self.stale()

    def set_series(
        self,
        name: str,
        steps: Sequence[float],
        values: Sequence[float],
        *,
        marks: bool = False,
        colour: int = 0,
        stroke: Stroke | None = None,
    ) -> None:
        """The whole line, in place of what was known of it. `marks`: mark its points, for what is measured seldom.
        Colour (1 to 6) and stroke follow the order in which lines were first given."""
        known = self._lines.get(name)
        place = list(self._lines).index(name) if known else len(self._lines)
        role = f"series-{colour or place % len(DARK) + 1}"
        self._lines[name] = Line(name, Points(steps, values), stroke or STROKES[place % len(STROKES)], role, marks)
        self.stale()

    def append(self, name: str, steps: Sequence[float], values: Sequence[float]) -> None:
        """More points of a line; a step that it has already takes the new value."""
        if name in self._lines:
            self._lines[name].points.extend(steps, values)
            self.stale()
        else:
            self.set_series(name, steps, values)

    def refine(self, name: str, first: float, last: float, steps: Sequence[float], values: Sequence[float]) -> None:
        """All points of a line between two steps: those that were asked for because a person looks there."""
        if name in self._lines:
            self._lines[name].points.refine(first, last, steps, values)
            self.redraw()

    def clear(self) -> None:
        """Forget all lines, the best, and what was zoomed to."""
        self._lines.clear()
        self._best = None
        self._view = replace(self._view, first=None, last=None, cursor=None)
        self.stale()

    def set_best(self, step: float | None, value: float = 0.0) -> None:
        """Mark this point as the best; None: none."""
        best = None if step is None else Best(step, value)
        if best != self._best:
            self._best = best
            self.stale()

    # ----------------------------------------------------------------------------------------------- what a person does

    def action_zoom(self, direction: int) -> None:
        if self._frame is not None:
            middle = (self._frame.first + self._frame.last) / 2 if self._view.cursor is None else self._view.cursor
            self._zoom(middle, direction)

    def action_pan(self, direction: int) -> None:
        if self._frame is not None:
            by = direction * PAN * (self._frame.last - self._frame.first)
            self._see(self._frame.first + by, self._frame.last + by)

    def action_whole(self) -> None:
        self._look(first=None, last=None)

    def action_smooth(self) -> None:
        now = self._view.smoothing
        self._look(smoothing=SMOOTHING[(SMOOTHING.index(now) + 1) % len(SMOOTHING)])

    def action_log(self) -> None:
        self._look(log_y=not self._view.log_y)

    def action_cursor(self, direction: int) -> None:
        frame = self._frame
        if frame is None:
            return
        by = direction * (frame.last - frame.first) / frame.columns
        now = frame.last if self._view.cursor is None else self._view.cursor
        self._look(cursor=min(max(now + by, frame.first), frame.last))

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self._wheel(event.get_content_offset_capture(self).x, 1)
        event.stop()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self._wheel(event.get_content_offset_capture(self).x, -1)
        event.stop()

    def on_mouse_down(self, event: MouseDown) -> None:
        if self._frame is not None:
            self._dragged = event.get_content_offset_capture(self).x, self._frame
            self.capture_mouse()

    def on_mouse_up(self, event: MouseUp) -> None:
        self._dragged = None
        self.release_mouse()

    def on_mouse_move(self, event: MouseMove) -> None:
        if self._frame is None:
            return
        column = event.get_content_offset_capture(self).x
        if self._dragged is None:
            self._look(cursor=self._frame.step(column))
        elif column != self._dragged[0]:
            start, seen = self._dragged
            by = (start - column) / seen.columns * (seen.last - seen.first)
            self._see(seen.first + by, seen.last + by)

    def on_leave(self, event: Leave) -> None:
        self._look(cursor=None)

    def on_click(self, event: Click) -> None:
        if event.chain == 2:
            self.action_whole()

    # ---------------------------------------------------------------------------------------------------------- inside

    def draw(self, width: int, height: int) -> Picture:
        chart = Chart(self._title, list(self._lines.values()), self._best, self._view, empty=self._empty)
        picture, self._frame = draw(chart, width, height)
        return picture

    def on_resize(self, event: Resize) -> None:
        self._post_viewed_soon()

    def _wheel(self, column: int, direction: int) -> None:
        if self._frame is not None:
            self._zoom(self._frame.step(column), direction)

    def _zoom(self, middle: float, direction: int) -> None:
        """See more or fewer steps; the step `middle` stays where it is."""
        frame = self._frame
        if frame is not None:
            factor = ZOOM**-direction
            self._see(middle - (middle - frame.first) * factor, middle + (frame.last - middle) * factor)

    def _see(self, first: float, last: float) -> None:
        """Show these steps, moved into what there is; at least two of them."""
        ends = [(line.points.steps[0], line.points.steps[-1]) for line in self._lines.values() if line.points.steps]
        if not ends:
            return
        begin, end = min(low for low, _ in ends), max(high for _, high in ends)
        width = max(last - first, 2.0)
        if width >= end - begin:
            self.action_whole()
            return
        first = min(max(first, begin), end - width)
        self._look(first=first, last=first + width)

    def _look(self, **changes: Any) -> None:
        view = replace(self._view, **changes)
        if view != self._view:
            elsewhere = (view.first, view.last) != (self._view.first, self._view.last)
            self._view = view
            self.redraw()
            if elsewhere:
                self._post_viewed_soon()

    def _post_viewed_soon(self) -> None:
        if self._post_timer is not None:
            self._post_timer.stop()
        self._post_timer = self.set_timer(QUIET, self._post_viewed)

    def _post_viewed(self) -> None:
        self._post_timer = None
        first, last = self._view.first, self._view.last
        seen = 0 if first is None else max(int(first), 0), 0 if last is None else int(last) + 1, self.buckets
        if seen != self._posted:
            self._posted = seen
            self.post_message(self.Viewed(self, *seen))
