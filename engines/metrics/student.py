"""Student's t without SciPy: the server, which loads nothing heavy, says how sure a difference is, too."""

from __future__ import annotations

import math
from statistics import NormalDist

MANY = 200  #: degrees of freedom from which the normal distribution stands in for it


def quantile(share: float, freedom: int) -> float:
    """What a t of so many degrees of freedom stays below in a `share` (0.5 to 1) of all cases.

    Raises ValueError for a share outside 0.5…1, or no freedom.
    """
    if not 0.5 <= share < 1 or freedom < 1:
        raise ValueError(f"no quantile of share {share} with {freedom} degrees of freedom")
    if freedom > MANY:
        return NormalDist().inv_cdf(share)
    low, high = 0.0, 1.0
    while within(high, freedom) < 2 * share - 1:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, freedom) < 2 * share - 1 else (low, middle)
    return (low + high) / 2


def within(t: float, freedom: int) -> float:
    """The probability that |T| is less than `t`: a finite sum where the degrees of freedom are a whole number
    (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    square, odd = math.cos(angle) ** 2, freedom % 2 == 1
    term, total = (math.cos(angle) if odd else 1.0), 0.0
    for index in range(freedom // 2):
        total += term
        count = 2 * index + 1 if not odd else 2 * index + 2
        term *= square * count / (count + 1)
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
