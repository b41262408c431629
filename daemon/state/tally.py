"""What listeners' votes and scores say, with how sure one may be."""

from __future__ import annotations

import math
from collections.abc import Sequence

Z = 1.959964  #: of the normal distribution, for 95 %
#: of Student's t distribution with 1, 2, … degrees of freedom, for 95 %
T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
WORST, BEST = 1.0, 5.0  #: ends of the opinion scale


def wilson(times: int, of: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share (Wilson's score interval, without continuity correction); (0, 1) of
    nothing."""
    if of == 0:
        return 0.0, 1.0
    share, square = times / of, Z * Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def opinion(scores: Sequence[int]) -> tuple[float, float, float]:
    """(mean, low, high): the mean score and its 95 % confidence interval by Student's t, within the scale; the scale's
    ends for less than two scores, NaN as the mean of none."""
    if not scores:
        return math.nan, WORST, BEST
    count = len(scores)
    mean = sum(scores) / count
    if count == 1:
        return mean, WORST, BEST
    deviation = math.sqrt(sum((score - mean) ** 2 for score in scores) / (count - 1))
    half = student(count - 1) * deviation / math.sqrt(count)
    return mean, max(mean - half, WORST), min(mean + half, BEST)


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t; beyond the table by its expansion in 1 / freedom, right to three decimals."""
    return (
        T[freedom - 1]
        if freedom <= len(T)
        else Z + (Z**3 + Z) / (4 * freedom) + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * freedom**2)
    )
