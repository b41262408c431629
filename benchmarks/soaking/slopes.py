"""How something grows over time, robustly: the slope of Theil and Sen with its interval. Values in, values out."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

#: Samples a few seconds apart say nearly the same: the medians of so many seconds do not.
BLOCK = 60.0
#: of the interval: 95 %
Z = 1.96
HOUR = 3_600.0

#: (seconds, value)
Point = tuple[float, float]


@dataclass(frozen=True)
class Slope:
    """Growth an hour, in the unit of the values."""

    likely: float  #: the median of all slopes between two points
    low: float  #: 95 % interval, of the ranks of these slopes (Sen, 1968)
    high: float
    points: int  #: it was made of

    @property
    def known(self) -> bool:
        """Whether there were points enough to say anything."""
        return self.points >= 5


def blocks(points: Sequence[Point], seconds: float = BLOCK) -> list[Point]:
    """Medians of stretches of so many seconds, the oldest first."""
    found = defaultdict[int, list[Point]](list)
    for point in points:
        found[int(point[0] // seconds)].append(point)
    return [
        (statistics.median(at for at, _ in each), statistics.median(value for _, value in each))
        for _, each in sorted(found.items())
    ]


def slope(points: Sequence[Point]) -> Slope:
    """How the values grow an hour. Of fewer than two points nothing is known."""
    each = sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0]) * HOUR
        for earlier, later in combinations(points, 2)
        if later[0] != earlier[0]
    )
    count = len(points)
    if not each:
        return Slope(0.0, -math.inf, math.inf, count)
    spread = Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = int((len(each) - spread) / 2)
    high = math.ceil((len(each) + spread) / 2)
    return Slope(
        statistics.median(each),
        each[low] if low >= 0 else -math.inf,
        each[high] if high < len(each) else math.inf,
        count,
    )


def after(points: Sequence[Point], share: float) -> list[Point]:
    """Those of the time after such a share of it."""
    if not points:
        return []
    first, last = points[0][0], points[-1][0]
    return [point for point in points if point[0] >= first + share * (last - first)]


def least(points: Sequence[Point], begin: float, end: float) -> float:
    """The smallest value between two shares of the time: what was there when everybody had left. NaN: there is none."""
    if not points:
        return math.nan
    first, last = points[0][0], points[-1][0]
    shares = [((at - first) / max(last - first, 1e-9), value) for at, value in points]
    return min((value for share, value in shares if begin <= share <= end), default=math.nan)
