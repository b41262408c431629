"""Trials of an experiment as a picture: score upwards, cost to the right, each by its number; the front as a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tui.drawing import ticks
from tui.drawing.braille import ACROSS, DOWN, EMPTY, Layer
from tui.drawing.picture import Picture, Run, cells, row, sentence

GUTTER = 7  #: cells for what the ticks of the scores say
AXIS = 2  #: rows for the cost's axis


@dataclass(frozen=True)
class Mark:
    """A trial."""

    cost: float
    score: float
    name: str  #: "12"
    role: str  #: "trial", "beyond" or "best"
    on_front: bool = False


def scatter(marks: Sequence[Mark], width: int, height: int, cost: str) -> Picture:
    """The picture; `cost` says what is counted to the right."""
    wide, high = width - GUTTER - 1, height - AXIS
    if not marks:
        return sentence("No trial has a score yet.", width, height)
    if wide < 8 or high < 3:
        return sentence("…", width, height)
    left, right = _ends([mark.cost for mark in marks])
    low, high_end = _ends([0.0, *(mark.score for mark in marks)])

    def place(mark: Mark) -> tuple[float, float]:
        """In cells, from the top left."""
        across = (mark.cost - left) / (right - left) * (wide - 3)
        return across, (high_end - mark.score) / (high_end - low) * (high - 1)

    drawn: list[dict[int, Run]] = [{} for _ in range(high)]
    _line([place(mark) for mark in marks if mark.on_front], wide, drawn)
    for mark in marks:
        x, y = place(mark)
        for offset, letter in enumerate(mark.name):
            drawn[round(y)][round(x) + offset] = (letter, mark.role)
    levels = ticks.linear(low, high_end, max(2, high // 3))
    said = dict(zip(levels, ticks.labels(levels), strict=True))
    at = {round((high_end - level) / (high_end - low) * (high - 1)): text for level, text in said.items()}
    rows = [row([*_gutter(at.get(line, "")), *cells(wide, drawn[line])], width) for line in range(high)]
    return Picture((*rows, *_axis(left, right, wide, width, cost)))


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """The smallest and the largest, apart from each other."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def _line(front: Sequence[tuple[float, float]], wide: int, drawn: list[dict[int, Run]]) -> None:
    """The front as steps: for that cost, and for more, there is that score."""
    layer = Layer(wide, len(drawn))
    points: list[tuple[float, float]] = []
    for x, y in sorted(front):
        if points:
            points.append((x * ACROSS, points[-1][1]))
        points.append((x * ACROSS, y * DOWN + DOWN / 2))
    if points:
        points.append((wide * ACROSS - 1.0, points[-1][1]))
        layer.line(points)
    for line, column, dots in layer.cells():
        drawn[line][column] = (chr(EMPTY + dots), "front")


def _gutter(text: str) -> Sequence[Run]:
    return (f"{text:>{GUTTER}}", "axis"), ("┤" if text else "│", "axis")


def _axis(left: float, right: float, wide: int, width: int, cost: str) -> Sequence[tuple[Run, ...]]:
    levels = ticks.linear(left, right, max(2, wide // 12), whole=True)
    letters: Mapping[int, str] = {
        round((level - left) / (right - left) * (wide - 3)): text
        for level, text in zip(levels, ticks.labels(levels), strict=True)
    }
    room = wide - len(cost) - 2  # what is counted stands at the right end
    line = "".join("┬" if column in letters else "─" for column in range(wide))
    said = [" "] * wide
    for column, text in letters.items():
        start = max(column - len(text) // 2, 0)
        if start + len(text) <= room:
            said[start : start + len(text)] = text
    words = "".join(said[: max(room, 0)]) + f"  {cost}"
    return (
        row([(" " * GUTTER + "└", "axis"), (line, "axis")], width),
        row([(" " * (GUTTER + 1) + words, "axis")], width),
    )
