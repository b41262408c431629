"""A number and how sure it is: a point between the ends of its confidence interval, on a line."""

from __future__ import annotations

import math


def interval(low: float, value: float, high: float, width: int, middle: float | None = None) -> str:
    """`low` to `high` around `value`, all as parts (0 to 1) of a line of `width` cells; a value that is not known
    leaves the line empty. `middle` is marked: where neither side leads."""
    letters = ["·"] * width
    if width < 3:
        return "".join(letters)

    def cell(part: float) -> int:
        return min(max(round(part * (width - 1)), 0), width - 1)

    if not math.isnan(value):
        first, last = cell(low), cell(high)
        letters[first : last + 1] = "─" * (last + 1 - first)
        letters[first], letters[last] = "├", "┤"
    if middle is not None:
        letters[cell(middle)] = "┼" if letters[cell(middle)] == "─" else "┊"
    if not math.isnan(value):
        letters[cell(value)] = "●"
    return "".join(letters)
