"""The points of one line: kept in the order of their steps, bounded whatever their number, smoothed on demand."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

LIMIT = 4_096  #: points kept; more are reduced to the least and the greatest of each bucket, half as many in all
HUGE = 1e300  #: what is greater counts as infinite: differences of such numbers are
#: steps of smoothing that the visible range counts as, whatever its length (as in wandb's time-weighted average)
SPAN = 300


class Points:
    """Steps rising, one value each; the same step again replaces its value (a resumed run tells it twice). NaN and Inf
    are gaps.

    `gaps` counts the values that were no numbers; `nonpositive` those that a logarithm cannot show.
    """

    def __init__(self, steps: Sequence[float] = (), values: Sequence[float] = ()) -> None:
        self.steps: list[float] = []
        self.values: list[float] = []
        self.gaps = 0
        self.nonpositive = 0
        self.extend(steps, values)

    def __len__(self) -> int:
        return len(self.steps)

    def extend(self, steps: Sequence[float], values: Sequence[float]) -> None:
        """Add points in any order. Raises ValueError when the two differ in length."""
        if len(steps) != len(values):
            raise ValueError(f"{len(steps)} steps, but {len(values)} values")
        values = [value if abs(value) < HUGE else math.inf for value in values]  # NaN as well: a gap is a gap
        self.gaps += sum(not math.isfinite(value) for value in values)
        self.nonpositive += sum(value <= 0 for value in values)
        rising = all(a < b for a, b in pairwise(steps))
        if rising and (not self.steps or not steps or steps[0] > self.steps[-1]):
            self.steps += steps
            self.values += values
        else:
            merged = dict(zip(self.steps, self.values, strict=True))
            merged.update(zip(steps, values, strict=True))
            self.steps = sorted(merged)
            self.values = [merged[step] for step in self.steps]
        if len(self.steps) > LIMIT:
            self._reduce(LIMIT // 4)

    def refine(self, first: float, last: float, steps: Sequence[float], values: Sequence[float]) -> None:
        """Points between two steps, in place of those that were known there."""
        kept = [(step, value) for step, value in zip(self.steps, self.values, strict=True) if not first <= step <= last]
        self.steps, self.values, self.gaps, self.nonpositive = [], [], 0, 0
        self.extend([step for step, _ in kept], [value for _, value in kept])
        self.extend(steps, values)

    def range(self, first: float, last: float) -> tuple[list[float], list[float]]:
        """Points from `first` to `last`, and one more at either side, to which the lines lead."""
        start = max(bisect_left(self.steps, first) - 1, 0)
        end = bisect_right(self.steps, last) + 1
        return self.steps[start:end], self.values[start:end]

    def at(self, step: float) -> float | None:
        """The value at the step or the last before it; None before the first."""
        place = bisect_right(self.steps, step)
        return self.values[place - 1] if place else None

    def _reduce(self, buckets: int) -> None:
        """Of each bucket keep the least and the greatest value in the order of their steps, so that no spike is lost; a
        bucket without any number stays a gap."""
        steps, values = self.steps, self.values
        size = -(-len(steps) // buckets)
        self.steps, self.values = [], []
        for start in range(0, len(steps), size):
            numbers = [place for place in range(start, min(start + size, len(steps))) if math.isfinite(values[place])]
            kept = {min(numbers, key=values.__getitem__), max(numbers, key=values.__getitem__)} if numbers else {start}
            for place in sorted(kept):
                self.steps.append(steps[place])
                self.values.append(values[place])


def smoothed(steps: Sequence[float], values: Sequence[float], weight: float, visible: float) -> list[float]:
    """The exponential moving average from the first value on: `weight` (0: none, towards 1: more) of the past.

    A point's weight follows its distance in steps, as a part of the `visible` ones, so that a reduced series is
    smoothed as the whole one is. Gaps stay gaps.
    """
    average, result = 0.0, []
    last: float | None = None
    for step, value in zip(steps, values, strict=True):
        if not math.isfinite(value):
            result.append(value)
            continue
        kept = weight ** ((step - last) * SPAN / visible) if last is not None else 0.0
        average = kept * average + (1 - kept) * value
        last = step
        result.append(average)
    return result
