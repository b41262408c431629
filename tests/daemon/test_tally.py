"""What votes and scores say: against the textbook and against scipy, which the daemon does not load."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from daemon.state import tally

pytestmark = pytest.mark.unit


@given(st.integers(0, 200).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_shares_interval_is_wilsons(counted: tuple[int, int]) -> None:
    times, of = counted
    low, high = tally.wilson(times, of)
    if of:
        exact = stats.binomtest(times, of).proportion_ci(method="wilson")
        assert (low, high) == (pytest.approx(exact.low, abs=1e-6), pytest.approx(exact.high, abs=1e-6))
    else:
        assert (low, high) == (0, 1)


@pytest.mark.parametrize("freedom", [*range(1, 40), 100, 1_000])
def test_students_quantile_is_that_of_the_tables(freedom: int) -> None:
    assert tally.student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=6e-4)


def test_a_mean_opinion_score_has_an_interval_within_the_scale() -> None:
    mean, low, high = tally.opinion([3, 4, 4, 5, 4])
    assert (mean, low, high) == (4.0, pytest.approx(3.122, abs=1e-3), pytest.approx(4.878, abs=1e-3))
    assert tally.opinion([5, 5, 4])[2] == 5.0
    assert tally.opinion([2]) == (2.0, 1.0, 5.0)
    assert math.isnan(tally.opinion([])[0])
