"""Two speakers of the same lines, metric by metric, from the scores that were kept line by line: what each comes to,
and how sure the difference is. Plain values, no heavy imports: the daemon asks.

The interval is that of `intervals`: a paired bootstrap over lines, widened for few. Metrics that are held against a
person's own recordings (likeness, pitch, pace) may be of two persons: each line keeps both sides all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import mul
from random import Random
from statistics import median, stdev

from engines.metrics import student
from engines.metrics.spread import Interval
from engines.metrics.table import METRICS, Metric
from engines.metrics.wer import errors

LEVEL = 0.95  #: wrong one time in twenty
RESAMPLES = 500
_SEED = 7  #: the same scores give the same interval
#: Errors per word and per letter: long lines weigh more, and a line that was not spoken is all wrong.
_RATES = (Metric.WER, Metric.CER)
#: Metrics of single lines; a loss is measured on recordings, which two voices do not share.
BY_LINE = tuple(metric for metric in METRICS if metric is not Metric.HELD_OUT_LOSS)

#: The scores of one line, by metric's name.
LineNumbers = Mapping[str, float]


class Better(StrEnum):
    """Which side is better in a metric."""

    ONE = "one"
    OTHER = "other"
    NEITHER = "neither"  #: the same, or it cannot be told
    UNKNOWN = "unknown"  #: too few lines to say how sure the difference is


@dataclass(frozen=True)
class Beside:
    """Two speakers in one metric."""

    metric: Metric
    one: float
    other: float
    lines: int  #: that both have this number of
    differs: Interval | None  #: between what the other minus the one surely lies; None: too few lines to say
    better: Better  #: surely


@dataclass(frozen=True)
class _Line:
    """One metric of one line."""

    one: float
    other: float
    weight: float


def compared(
    lines: Sequence[tuple[str, LineNumbers, LineNumbers]], language: str, level: float = LEVEL
) -> list[Beside]:
    """Every metric that both sides have, of lines (text, the one's scores, the other's), in the order of the table."""
    found = []
    for metric in BY_LINE:
        those = _of(metric, lines, language)
        if those:
            found.append(_beside(metric, those, level))
    return found


def _of(metric: Metric, lines: Sequence[tuple[str, LineNumbers, LineNumbers]], language: str) -> list[_Line]:
    """A metric of the lines that both sides have it of."""
    if metric in _RATES:
        if not all(any(metric in line[side] for line in lines) for side in (1, 2)):
            return []
        sizes = [errors(text, "", language) for text, _, _ in lines]
        weights = [size.words if metric is Metric.WER else size.chars for size in sizes]
        pairs = zip(lines, weights, strict=True)
        return [_Line(one.get(metric, 1.0), other.get(metric, 1.0), size) for (_, one, other), size in pairs if size]

    def usable(scores: LineNumbers) -> bool:
        return metric in scores and math.isfinite(METRICS[metric].badness(scores[metric]))

    return [_Line(one[metric], other[metric], 1.0) for _, one, other in lines if usable(one) and usable(other)]


def _beside(metric: Metric, lines: Sequence[_Line], level: float) -> Beside:
    whole, mean, info = range(len(lines)), _mean_of(metric), METRICS[metric]

    def sides(chosen: Sequence[int]) -> tuple[float, float]:
        drawn = [lines[index] for index in chosen]
        weights = [line.weight for line in drawn]
        return mean([line.one for line in drawn], weights), mean([line.other for line in drawn], weights)

    def difference(chosen: Sequence[int]) -> tuple[float, float]:
        """(the other minus the one, and by how much worse the other is)"""
        one, other = sides(chosen)
        return other - one, info.badness(other) - info.badness(one)

    one, other = sides(whole)
    if len(lines) < 2:
        return Beside(metric, one, other, len(lines), None, Better.UNKNOWN)
    random = Random(_SEED)
    drawn = [difference(random.choices(whole, k=len(lines))) for _ in range(RESAMPLES)]
    reach = student.quantile(1 - (1 - level) / 2, len(lines) - 1) * math.sqrt(len(lines) / (len(lines) - 1))
    differs, worse = (
        Interval(value - reach * stdev(values), value + reach * stdev(values))
        for value, values in zip(difference(whole), zip(*drawn, strict=True), strict=True)
    )
    better = Better.ONE if worse.low > 0 else Better.OTHER if worse.high < 0 else Better.NEITHER
    return Beside(metric, one, other, len(lines), differs, better)


def _mean_of(metric: Metric) -> Callable[[Sequence[float], Sequence[float]], float]:
    """How a metric of lines (values, weights) becomes one number, as `score.summarise` has it."""
    match metric:
        case Metric.F0_SEMITONES:
            return lambda values, weights: median(values)
        case Metric.DURATION_RATIO:
            return lambda values, weights: math.exp(sum(map(math.log, values)) / len(values))
        case _:
            return lambda values, weights: sum(map(mul, values, weights)) / sum(weights)
