"""Small pictures of many numbers: a sparkline, a histogram, one bar. Eighths of a cell are their finest step."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui.drawing import ticks
from tui.drawing.picture import Picture, row, sentence

UP = " ▁▂▃▄▅▆▇█"  #: eighths from the bottom
ALONG = " ▏▎▍▌▋▊▉█"  #: eighths from the left
GAP = "·"  #: stands where a number is missing


def sparkline(values: Sequence[float], width: int, low: float | None = None, high: float | None = None) -> str:
    """The newest `width` values, one a column, as heights between `low` and `high` (their own least and greatest, where
    not given)."""
    shown = values[-width:] if width > 0 else []
    numbers = [value for value in shown if math.isfinite(value)]
    if not numbers:
        return GAP * len(shown)
    bottom = min(numbers) if low is None else low
    top = max(numbers) if high is None else high
    scale = 7 / (top - bottom) if top > bottom else 0.0
    return "".join(
        UP[1 + min(max(round((value - bottom) * scale), 0), 7)] if math.isfinite(value) else GAP for value in shown
    )


def bar(part: float, width: int) -> str:
    """A bar that fills `part` (0 to 1) of `width` cells; what is not zero can be seen, what is not whole is not
    full."""
    if not math.isfinite(part) or part <= 0 or width <= 0:
        return " " * max(width, 0)
    eighths = width * 8 if part >= 1 else min(max(round(part * width * 8), 1), width * 8 - 1)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (ALONG[rest] if rest else "")).ljust(width)


def histogram(values: Sequence[float], width: int, height: int, title: str = "", unit: str = "") -> Picture:
    """How often which value is there: a column a bin, the greatest count at the left, round numbers below.

    Values that are no numbers are left out, and said. Roles: title, note, bar, axis, label.
    """
    numbers = [value for value in values if math.isfinite(value)]
    head = [(title, "title"), (_summary(numbers, len(values) - len(numbers), unit), "note")]
    if not numbers or height < 4 or width < 12:
        return Picture(
            (row(head, width), *sentence("" if numbers else "Nothing to count.", width, max(height - 1, 0)).rows)
        )
    low, high = _range(numbers)
    tall = height - 3
    left = len(str(len(numbers))) + 1
    columns = width - left
    counts = count(numbers, low, high, columns)
    most = max(counts)
    rows = []
    for line in range(tall):
        above = tall - 1 - line
        heights = [(-(-amount * tall * 8 // most) - above * 8) for amount in counts]
        label = str(most) if line == 0 else "0" if line == tall - 1 and tall > 1 else ""
        drawn = "".join(UP[min(max(eighths, 0), 8)] for eighths in heights)
        rows.append(row([(label.rjust(left - 1), "label"), ("┤" if label else "│", "axis"), (drawn, "bar")], width))
    return Picture((row(head, width), *rows, *_below(low, high, left, columns, width)))


def count(numbers: Sequence[float], low: float, high: float, bins: int) -> list[int]:
    """How many numbers lie in each of `bins` equal parts of [low, high]."""
    counts = [0] * bins
    for value in numbers:
        counts[min(int((value - low) / (high - low) * bins), bins - 1)] += 1
    return counts


def _range(numbers: Sequence[float]) -> tuple[float, float]:
    low, high = min(numbers), max(numbers)
    if low == high:
        return low - 0.5, high + 0.5
    grain = ticks.nice((high - low) / 10)
    return math.floor(low / grain) * grain, math.ceil(high / grain) * grain


def _summary(numbers: Sequence[float], missing: int, unit: str) -> str:
    if not numbers:
        return ""
    middle = sorted(numbers)[len(numbers) // 2]
    said = f"  median {ticks.short(middle)}{' ' if unit else ''}{unit} of {len(numbers):,}"
    return said + (f" · {missing:,} unknown" if missing else "")


def _below(low: float, high: float, left: int, columns: int, width: int) -> list[tuple[tuple[str, str], ...]]:
    shown = ticks.linear(low, high, max(2, columns // 10))
    line, letters = ["─"] * columns, [" "] * width
    free = 0
    for tick, word in zip(shown, ticks.labels(shown), strict=True):
        column = min(int((tick - low) / (high - low) * columns), columns - 1)
        line[column] = "┬"
        start = min(max(left + column - len(word) // 2, 0), width - len(word))
        if start >= free:
            letters[start : start + len(word)] = word
            free = start + len(word) + 1
    axis = row([(" " * (left - 1) + "└" + "".join(line), "axis")], width)
    return [axis, row([("".join(letters), "label")], width)]
