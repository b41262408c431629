"""A layer of braille dots: two by four in each cell, so that a line is drawn finer than letters are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import pairwise

ACROSS, DOWN = 2, 4  #: dots in a cell
EMPTY = 0x2800  #: the first braille character; its lowest eight bits are the dots
LEFT, RIGHT = (  #: the dots of half a cell by the four bits of its column
    [sum(dot for bit, dot in enumerate(dots) if four >> bit & 1) for four in range(16)]
    for dots in ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
)


class Stroke(Enum):
    """How a line is drawn, so that lines can be told apart without colours: of so many dots, which are set."""

    SOLID = (1, (0,))
    DASHED = (6, (0, 1, 2, 3))
    DOTTED = (3, (0,))
    DASH_DOT = (8, (0, 1, 2, 3, 6))


class Layer:
    """Dots of one line; (0, 0) is the top left one. A column of dots is one whole number, so that long strokes cost
    what short ones do."""

    def __init__(self, columns: int, rows: int, stroke: Stroke = Stroke.SOLID) -> None:
        """As many cells wide and high."""
        self.stroke = stroke
        self._wide, self._high = columns * ACROSS, rows * DOWN
        self._columns = [0] * self._wide  # bit y: the dot in row y

    def dot(self, x: int, y: int) -> None:
        """Set a dot; outside the picture nothing happens."""
        if 0 <= x < self._wide and 0 <= y < self._high:
            self._columns[x] |= 1 << y

    def line(self, points: Sequence[tuple[float, float]]) -> None:
        """Join the points (in dots, by rising x); what lies beyond the picture is clipped."""
        right = self._wide - 1
        for (x0, y0), (x1, y1) in pairwise(points):
            first, last = int(x0 + 0.5), int(x1 + 0.5)
            if x1 < 0 or first > right:
                continue
            if first == last:
                self._column(first, y0, y1)
                continue
            slope = (y1 - y0) / (x1 - x0)
            for x in range(max(first, 0), min(last, right) + 1):  # of each column the piece of the line that lies in it
                start = x - 0.5 if x > first else x0
                end = x + 0.5 if x < last else x1
                self._column(x, y0 + slope * (start - x0), y0 + slope * (end - x0))

    def cells(self) -> Iterator[tuple[int, int, int]]:
        """(row, column, dots) of each cell that has any."""
        for column in range(0, self._wide, ACROSS):
            left, right = (self._columns[x] & self._pattern(x) for x in (column, column + 1))
            row = 0
            while left or right:
                if dots := LEFT[left & 15] | RIGHT[right & 15]:
                    yield row, column // ACROSS, dots
                left, right, row = left >> DOWN, right >> DOWN, row + 1

    def _column(self, x: int, one: float, other: float) -> None:
        low, high = (one, other) if one < other else (other, one)
        top, bottom = int(low + 0.5) if low > 0 else 0, min(int(high + 0.5), self._high - 1)
        if top <= bottom and high > -0.5:
            self._columns[x] |= ((1 << (bottom - top + 1)) - 1) << top

    def _pattern(self, x: int) -> int:
        """Which dots of the column the stroke leaves: those whose x + y falls on it, so that steep lines are broken as
        level ones are."""
        length, drawn = self.stroke.value
        return sum(1 << y for y in range(self._high) if (x + y) % length in drawn) if length > 1 else -1


def sample(stroke: Stroke, cells: int) -> str:
    """A piece of such a line, for a legend."""
    layer = Layer(cells, 1, stroke)
    layer.line([(0, 1), (cells * ACROSS - 1, 1)])
    dots = {column: mask for _, column, mask in layer.cells()}
    return "".join(chr(EMPTY + dots.get(column, 0)) for column in range(cells))
