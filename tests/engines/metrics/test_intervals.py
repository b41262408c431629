"""Intervals of paired differences: as sure as they say, and paired."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from engines.metrics import gate
from engines.metrics.intervals import paired
from engines.metrics.rule import Rule
from engines.metrics.score import LineScores, SpokenLine, summarise
from engines.metrics.spread import Spread
from engines.metrics.summary import Summary
from engines.metrics.table import Metric

NOTHING = SpokenLine("", Path(), None)


def line(similarity: float, wer: float = 0.2) -> LineScores:
    return LineScores(NOTHING, similarity=similarity, wer=wer, cer=wer / 2, words=10, chars=50)


def spread(candidate: Sequence[Sequence[LineScores]], parent: Sequence[Sequence[LineScores]], level: float) -> Spread:
    def balance(mine: Summary, theirs: Summary) -> float:
        return gate.balance(mine, theirs, Rule())

    return paired(candidate, parent, lambda lines: summarise(lines, "whisper", "high"), balance, level)


def test_lines_that_differ_much_among_each_other_hide_no_steady_difference() -> None:
    """Both sides keep their line: a gain of 0.05 on each of very unlike lines is sure."""
    levels = (0.3, 0.9, 0.5, 0.7, 0.4)
    found = spread([[line(one + 0.05)] for one in levels], [[line(one)] for one in levels], 0.95)
    sure = found.metrics[Metric.SIMILARITY]
    assert (sure.low, sure.high) == pytest.approx((0.05, 0.05))
    assert found.balance is not None
    assert found.balance.low == pytest.approx(1.0)


def test_one_line_says_nothing_and_two_say_little() -> None:
    assert spread([[line(0.9)]], [[line(0.1)]], 0.95).balance is None
    two = spread([[line(0.9)], [line(0.8)]], [[line(0.5)], [line(0.6)]], 0.95).metrics[Metric.SIMILARITY]
    assert two.low < 0 < two.high


def test_takes_of_a_line_belong_together() -> None:
    """A line spoken thrice is no three lines: what its takes share is not surer for being heard thrice."""
    once = spread([[line(0.8)], [line(0.6)], [line(0.7)]], [[line(0.6)], [line(0.6)], [line(0.6)]], 0.95)
    thrice = spread(
        [[line(0.8)] * 3, [line(0.6)] * 3, [line(0.7)] * 3], [[line(0.6)] * 3, [line(0.6)] * 3, [line(0.6)] * 3], 0.95
    )
    assert (thrice.lines, thrice.takes) == (3, 3)
    one, three = (of.metrics[Metric.SIMILARITY] for of in (once, thrice))
    assert (three.low, three.high) == pytest.approx((one.low, one.high))


def test_four_times_the_lines_would_be_twice_as_sure() -> None:
    found = spread([[line(0.8)], [line(0.6)], [line(0.7)]], [[line(0.6)], [line(0.6)], [line(0.6)]], 0.95)
    more, sure = found.of(12), found.metrics[Metric.SIMILARITY]
    then = more.metrics[Metric.SIMILARITY]
    assert more.lines == 12
    assert then.high - then.low == pytest.approx((sure.high - sure.low) / 2)
    assert then.high + then.low == pytest.approx(sure.high + sure.low)
    assert found.balance is not None
    assert more.balance is not None
    assert more.balance.high - more.balance.low == pytest.approx((found.balance.high - found.balance.low) / 2)


def test_both_sides_have_the_same_lines() -> None:
    with pytest.raises(ValueError, match="2 lines against 1"):
        spread([[line(0.8)], [line(0.8)]], [[line(0.8)]], 0.95)


@pytest.mark.parametrize("count", [3, *(pytest.param(more, marks=pytest.mark.long) for more in (5, 12))])
def test_equal_pairs_are_told_apart_as_seldom_as_the_level_says(count: int) -> None:
    """Of 100 pairs of the same voice, 5 may be told apart at 95 %; the rest of the tolerance is chance (the 99.9th
    percentile of such a count is 13)."""
    random, told = Random(count), 0
    for _ in range(100):
        levels = [random.gauss(0.7, 0.1) for _ in range(count)]
        sides = [[[line(level + random.gauss(0, 0.03))] for level in levels] for _ in range(2)]
        sure = spread(sides[0], sides[1], 0.95).metrics[Metric.SIMILARITY]
        told += not sure.low <= 0 <= sure.high
    assert told <= 13
