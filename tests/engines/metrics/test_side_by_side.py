"""Two speakers of the same lines, from plain numbers: what they come to, and what is sure."""

from __future__ import annotations

from random import Random

import pytest
from scipy.special import stdtrit

from engines.metrics import student
from engines.metrics.side_by_side import Beside, Better, LineNumbers, compared
from engines.metrics.table import Metric

TEXT = "one two three four"


def of(metric: Metric, pairs: list[tuple[float, float]]) -> Beside:
    lines: list[tuple[str, LineNumbers, LineNumbers]] = [(TEXT, {metric: a}, {metric: b}) for a, b in pairs]
    (found,) = compared(lines, "en")
    assert found.metric is metric
    return found


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 40, 199, 200])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.975, 0.9995])
def test_students_t_is_that_of_scipy(share: float, freedom: int) -> None:
    assert student.quantile(share, freedom) == pytest.approx(float(stdtrit(freedom, share)), rel=1e-8, abs=1e-9)


def test_a_steady_difference_is_sure_and_the_side_with_fewer_errors_is_better() -> None:
    found = of(Metric.WER, [(level, level + 0.12) for level in (0.1, 0.4, 0.2, 0.6, 0.3)])
    assert found.better is Better.ONE
    assert found.differs is not None
    assert (found.differs.low, found.differs.high) == pytest.approx((0.12, 0.12))


def test_a_difference_by_chance_is_not_told_apart() -> None:
    random = Random(3)
    found = of(Metric.SIMILARITY, [(random.gauss(0.8, 0.05), random.gauss(0.8, 0.05)) for _ in range(12)])
    assert found.better is Better.NEITHER
    assert found.differs is not None
    assert found.differs.low < 0 < found.differs.high


def test_two_that_are_alike_are_called_different_about_as_rarely_as_asked_for() -> None:
    random, wrong = Random(5), 0
    for _ in range(120):
        pairs = [(random.gauss(0.8, 0.05), random.gauss(0.8, 0.05)) for _ in range(8)]
        wrong += of(Metric.SIMILARITY, pairs).better is not Better.NEITHER
    assert wrong <= 12, "asked for: 6 of 120"


def test_one_line_says_nothing() -> None:
    found = of(Metric.DNSMOS, [(3.0, 2.0)])
    assert (found.differs, found.better) == (None, Better.UNKNOWN)


def test_the_pace_nearer_to_the_recordings_is_better_whichever_side_of_it_it_is_on() -> None:
    pairs = [(1.05 + step / 100, 0.6 + step / 100) for step in range(6)]
    assert of(Metric.DURATION_RATIO, pairs).better is Better.ONE
    assert of(Metric.DURATION_RATIO, [(b, a) for a, b in pairs]).better is Better.OTHER


def test_a_line_that_was_not_spoken_is_all_wrong_and_longer_lines_weigh_more() -> None:
    (found,) = compared([(TEXT, {"wer": 0.5}, {}), ("one", {"wer": 0.0}, {"wer": 0.0})], "en")
    assert (found.one, found.other) == pytest.approx((0.5 * 4 / 5, 4 / 5))


def test_a_metric_that_one_side_has_not_is_left_out_and_so_is_a_line() -> None:
    lines: list[tuple[str, LineNumbers, LineNumbers]] = [
        (TEXT, {"similarity": 0.8, "wer": 0.1}, {"similarity": 0.7}),
        (TEXT, {"similarity": 0.9}, {}),
    ]
    (found,) = compared(lines, "en")
    assert (found.metric, found.one, found.other, found.lines) == (Metric.SIMILARITY, 0.8, 0.7, 1)


def test_no_lines_are_no_metrics() -> None:
    assert compared([], "en") == []
