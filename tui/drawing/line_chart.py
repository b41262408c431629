"""A line chart in braille: several lines over steps, with axes, legend, a marked best point and a cursor.

The work follows the size of the picture: lines are bounded (see `points`), and only what is visible is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from tui.drawing import braille, ticks
from tui.drawing.braille import ACROSS, DOWN, Layer, Stroke
from tui.drawing.picture import Picture, Run, cells, row, sentence
from tui.drawing.points import Points, smoothed

ROOMY = 7  #: rows from which on the legend has a row of its own and the axis a line
NOTHING = "No points yet."


@dataclass
class Line:
    """A named line. `role` is what its colour is asked for by; its raw points are drawn in `role` + "-raw" where it is
    smoothed."""

    name: str
    points: Points
    stroke: Stroke = Stroke.SOLID
    role: str = "series-1"
    marks: bool = False  #: mark each point, where there is room (a held-out loss is measured seldom)


@dataclass(frozen=True)
class Best:
    """The point to mark, such as the lowest held-out loss."""

    step: float
    value: float


@dataclass(frozen=True)
class View:
    """What of the data is to be seen, and how."""

    first: float | None = None  #: step at the left edge; None: from the first point
    last: float | None = None  #: step at the right edge; None: to the newest point, as it comes
    smoothing: float = 0.0  #: 0: none, below 1
    log_y: bool = False
    cursor: float | None = None  #: a step whose values the legend tells


@dataclass(frozen=True)
class Frame:
    """Where steps and values lie in the picture; cells."""

    left: int  #: column of the plot's first cell
    top: int
    columns: int
    rows: int
    first: float
    last: float
    low: float  #: least value shown, as a logarithm where the scale is one
    high: float
    log_y: bool

    def x(self, step: float) -> float:
        """In dots from the left of the plot."""
        return (step - self.first) / (self.last - self.first) * (self.columns * ACROSS - 1)

    def y(self, value: float) -> float:
        """In dots from the top of the plot; NaN for what cannot be shown."""
        if self.log_y:
            value = math.log10(value) if value > 0 else math.nan
        return (self.high - value) / (self.high - self.low) * (self.rows * DOWN - 1)

    def step(self, column: int) -> float:
        """The step in the middle of a column of the whole picture."""
        within = min(max(column - self.left, 0), self.columns - 1)
        return self.first + (within + 0.5) / self.columns * (self.last - self.first)


@dataclass(frozen=True)
class Chart:
    """Everything that is drawn."""

    title: str = ""
    lines: Sequence[Line] = ()
    best: Best | None = None
    view: View = field(default_factory=View)
    unit: str = "step"
    empty: str = NOTHING  #: what is said while there are no points


def draw(chart: Chart, width: int, height: int) -> tuple[Picture, Frame | None]:
    """The picture in `width` by `height` cells, and where things lie in it (None while there is nothing to see)."""
    if width < 16 or height < 4:
        return sentence("…", width, height), None
    span = steps_seen(chart)
    values = _values(chart, *span) if span else []
    if span is None or not values:
        said = sentence(_nothing(chart), width, height - 1)
        return Picture((row([(chart.title, "title")], width), *said.rows)), None
    frame, marks_y = _frame(chart, span, values, width, height)
    drawn = _plot(chart, frame)
    above = _header(chart, frame, width, height)
    body = [_labelled(frame, line, marks_y, drawn.get(line, {}), width) for line in range(frame.rows)]
    return Picture((*above, *body, *_x_axis(chart, frame, width, height))), frame


def steps_seen(chart: Chart) -> tuple[float, float] | None:
    """(first, last) step of the picture, first < last; None when there are no points at all."""
    ends = [(line.points.steps[0], line.points.steps[-1]) for line in chart.lines if line.points.steps]
    if not ends:
        return None
    first = min(start for start, _ in ends) if chart.view.first is None else chart.view.first
    last = max(end for _, end in ends)
    if chart.view.last is not None:
        last = chart.view.last
    elif last > first:
        grain = ticks.nice(
            (last - first) / 20
        )  # the right edge moves seldom, so that a live chart is seldom drawn anew
        last = max(first + math.ceil((last - first) / grain) * grain, last)
    return (first, last) if last > first else (first - 1, first + 1)


def _nothing(chart: Chart) -> str:
    lines = [line for line in chart.lines if line.points.steps]
    if not lines:
        return chart.empty
    if all(not math.isfinite(value) for line in lines for value in line.points.values):
        return f"None of the {sum(line.points.gaps for line in lines)} values is a number."
    if chart.view.log_y:
        return "No value is above 0: no logarithm."
    return "No points between these steps."


def _values(chart: Chart, first: float, last: float) -> list[float]:
    """Numbers that are seen between two steps: those of points, and where lines enter and leave the picture."""
    found = []
    log_y = chart.view.log_y
    for line in chart.lines:
        steps, values = line.points.range(first, last)
        points = [
            (step, value)
            for step, value in zip(steps, values, strict=True)
            if math.isfinite(value) and (value > 0 or not log_y)
        ]
        found += [value for step, value in points if first <= step <= last]
        for before, after in (points[:2], points[-2:]) if len(points) > 1 else ():
            found += [_between(before, after, edge, log_y) for edge in (first, last) if before[0] < edge < after[0]]
    return found


def _between(before: tuple[float, float], after: tuple[float, float], step: float, log_y: bool) -> float:
    """The value of the line through two points at a step between them."""
    part = (step - before[0]) / (after[0] - before[0])
    if log_y:
        return float(before[1] ** (1 - part) * after[1] ** part)
    return before[1] + part * (after[1] - before[1])


def _frame(
    chart: Chart, span: tuple[float, float], values: list[float], width: int, height: int
) -> tuple[Frame, dict[int, str]]:
    """Where the plot lies, and what the left axis says, by row."""
    roomy = height >= ROOMY
    top, rows = (2, height - 4) if roomy else (1, height - 2)
    log_y = chart.view.log_y
    low, high = min(values), max(values)
    most = max(3, rows // 3 + 1)
    if low == high:  # a constant lies in the middle
        low, high = (low / 2, high * 2) if log_y else (low - (abs(low) or 1.0) * 0.1, high + (abs(high) or 1.0) * 0.1)
        if not low < high or math.isinf(high):
            low, high = values[0], math.nextafter(values[0], math.inf)
        shown = values[:1]
    elif log_y:
        shown = ticks.logarithmic(low, high, most)
    else:
        grain = ticks.nice((high - low) / 20)
        if math.isfinite(grain) and grain > 0:
            low, high = math.floor(low / grain) * grain, math.ceil(high / grain) * grain
        shown = ticks.linear(low, high, most)
    words = [ticks.short(shown[0])] if len(shown) == 1 else ticks.labels(shown)
    left = min(max((len(word) for word in words), default=0), width // 3) + 1
    ends = (math.log10(low), math.log10(high)) if log_y else (low, high)
    frame = Frame(left, top, width - left, rows, *span, *ends, log_y)
    return frame, {round(frame.y(value) / DOWN - 0.5): word for value, word in zip(shown, words, strict=True)}


def _plot(chart: Chart, frame: Frame) -> dict[int, dict[int, Run]]:
    """What stands in the plot's cells, by row and column."""
    drawn: dict[int, dict[int, Run]] = {}
    masks: dict[tuple[int, int], int] = {}  # of the lines that stand out; they carve their way through the raw points
    if chart.view.cursor is not None and frame.first <= chart.view.cursor <= frame.last:
        column = int(frame.x(chart.view.cursor)) // ACROSS
        for line in range(frame.rows):
            drawn.setdefault(line, {})[column] = ("│", "cursor")
    below, above = _layers(chart, frame)
    for layer, role in below:
        for line, column, mask in layer.cells():
            drawn.setdefault(line, {})[column] = (chr(braille.EMPTY + mask), role)
    for layer, role in above:
        for line, column, mask in layer.cells():
            masks[line, column] = masks.get((line, column), 0) | mask
            drawn.setdefault(line, {})[column] = (chr(braille.EMPTY + masks[line, column]), role)
    for line, column, mark in _marks(chart, frame):
        drawn.setdefault(line, {})[column] = mark
    return drawn


def _layers(chart: Chart, frame: Frame) -> tuple[list[tuple[Layer, str]], list[tuple[Layer, str]]]:
    """(raw points of what is smoothed, the lines themselves), with their roles; the chart's first line comes last, on
    top."""
    weight = chart.view.smoothing
    below: list[tuple[Layer, str]] = []
    above: list[tuple[Layer, str]] = []
    for line in reversed(chart.lines):
        steps, values = line.points.range(frame.first, frame.last)
        smooth = weight > 0 and not line.marks
        raw = Layer(frame.columns, frame.rows, Stroke.SOLID if smooth else line.stroke)
        _trace(raw, frame, steps, values)
        (below if smooth else above).append((raw, f"{line.role}-raw" if smooth else line.role))
        if smooth:
            layer = Layer(frame.columns, frame.rows, line.stroke)
            _trace(layer, frame, steps, smoothed(steps, values, weight, frame.last - frame.first))
            above.append((layer, line.role))
    return below, above


def _trace(layer: Layer, frame: Frame, steps: Sequence[float], values: Sequence[float]) -> None:
    """Lines through the points, broken at every gap; a point alone between gaps is a dot big enough to be seen."""
    piece: list[tuple[float, float]] = []
    for step, value in zip(steps, values, strict=True):
        y = frame.y(value) if math.isfinite(value) else math.nan
        if math.isnan(y):
            _piece(layer, piece)
            piece = []
        else:
            piece.append((frame.x(step), y))
    _piece(layer, piece)


def _piece(layer: Layer, piece: list[tuple[float, float]]) -> None:
    if len(piece) == 1:
        x, y = (round(place) for place in piece[0])
        for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
            layer.dot(x + right, y + down)
    layer.line(piece)


def _marks(chart: Chart, frame: Frame) -> list[tuple[int, int, Run]]:
    """(row, column, sign) of points that deserve one: each of a seldom measured line, the only one of a line, the
    best."""
    found: list[tuple[int, int, Run]] = []

    def mark(step: float, value: float, sign: str, role: str) -> None:
        if frame.first <= step <= frame.last and math.isfinite(value):
            y = frame.y(value)
            if -0.5 <= y < frame.rows * DOWN:  # not NaN either
                found.append((min(int(max(y, 0)) // DOWN, frame.rows - 1), int(frame.x(step)) // ACROSS, (sign, role)))

    for line in reversed(chart.lines):
        steps, values = line.points.range(frame.first, frame.last)
        few = line.marks and len(steps) <= frame.columns // 3
        for step, value in zip(steps, values, strict=True):
            if few or len(line.points) == 1:
                mark(step, value, "•", line.role)
    if chart.best is not None:
        mark(chart.best.step, chart.best.value, "★", "best")
    return found


def _header(chart: Chart, frame: Frame, width: int, height: int) -> list[tuple[Run, ...]]:
    title: list[Run] = [(chart.title, "title")]
    notes = _notes(chart)
    if notes:
        title.append(((" · " if chart.title else "") + " · ".join(notes), "note"))
    if height >= ROOMY:
        return [row(title, width), row(_legend(chart, frame, width), width)]
    free = width - sum(len(text) for text, _ in title) - 2
    return [row([*title, ("  ", ""), *_legend(chart, frame, free)], width)]


def _notes(chart: Chart) -> list[str]:
    view = chart.view
    gaps = sum(line.points.gaps for line in chart.lines)
    hidden = sum(line.points.nonpositive for line in chart.lines) if view.log_y else 0
    return [
        *(["log"] if view.log_y else []),
        *([f"smoothed {view.smoothing:g}"] if view.smoothing else []),
        *([f"{gaps:,} not a number"] if gaps else []),
        *([f"{hidden:,} not above 0, not shown"] if hidden else []),
    ]


def _legend(chart: Chart, frame: Frame, width: int) -> list[Run]:
    """Each line's stroke, name and newest value (or the one under the cursor), then the best; in a narrow place names
    only."""
    cursor = chart.view.cursor
    for told in (True, False):
        pieces: list[list[Run]] = []
        if cursor is not None:
            pieces.append([(f"{chart.unit} {round(cursor):,}", "cursor")])
        for line in chart.lines:
            value = line.points.at(frame.last if cursor is None else cursor)
            words = f" {line.name}" + (
                f" {ticks.short(value)}" if value is not None and (told or cursor is not None) else ""
            )
            pieces.append([(braille.sample(line.stroke, 2) + ("•" if line.marks else ""), line.role), (words, "label")])
        if chart.best is not None:
            words = f" best {ticks.short(chart.best.value)}" + (f" at {round(chart.best.step):,}" if told else "")
            pieces.append([("★", "best"), (words, "label")])
        size = sum(len(text) for piece in pieces for text, _ in piece) + 2 * (len(pieces) - 1)
        if size <= width:
            break
    return _fitting(pieces, width)


def _fitting(pieces: list[list[Run]], width: int) -> list[Run]:
    """The pieces that fit, each whole or not at all."""
    runs: list[Run] = []
    left = width
    for piece in pieces:
        size = sum(len(text) for text, _ in piece) + 2 * bool(runs)
        if size > left:
            break
        runs += [("  ", ""), *piece] if runs else piece
        left -= size
    return runs


def _labelled(frame: Frame, line: int, words: dict[int, str], drawn: dict[int, Run], width: int) -> tuple[Run, ...]:
    label = words.get(line, "")[: frame.left - 1].rjust(frame.left - 1)
    return row([(label, "label"), ("┤" if line in words else "│", "axis"), *cells(frame.columns, drawn)], width)


def _x_axis(chart: Chart, frame: Frame, width: int, height: int) -> list[tuple[Run, ...]]:
    """The axis line (where there is room) and its labels; the unit stands at the end."""
    shown = ticks.linear(frame.first, frame.last, max(2, frame.columns // 12), whole=True)
    words = ticks.labels(shown)
    letters = [" "] * width
    line = ["─"] * frame.columns
    free = 0
    for tick, word in zip(shown, words, strict=True):
        column = int(frame.x(tick)) // ACROSS
        line[column] = "┬"
        start = min(max(frame.left + column - len(word) // 2, 0), width - len(word))
        if start >= free:
            letters[start : start + len(word)] = word
            free = start + len(word) + 1
    if width - free >= len(chart.unit) + 1:
        letters[width - len(chart.unit) :] = chart.unit
    labels = row([("".join(letters), "label")], width)
    if height < ROOMY:
        return [labels]
    return [row([(" " * (frame.left - 1) + "└" + "".join(line), "axis")], width), labels]
