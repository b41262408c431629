"""Which trial is recommended, and which form the front."""

from __future__ import annotations

import pytest

from daemon.state.recommendation import Scored, front, goes_on, recommended

pytestmark = pytest.mark.unit


def test_the_best_is_recommended_where_the_others_are_surely_worse() -> None:
    trials = [Scored(1, 0.2, 0.4, 100), Scored(2, 0.9, 1.1, 800), Scored(3, 0.5, 0.8, 300)]
    assert recommended(trials) == 2


def test_of_those_that_may_be_as_good_the_cheapest_is_recommended() -> None:
    trials = [Scored(1, 0.2, 0.4, 100), Scored(2, 0.9, 1.1, 800), Scored(3, 0.7, 1.0, 300), Scored(4, 0.8, 0.9, 300)]
    assert recommended(trials) == 4, "as cheap as trial 3, and better"


def test_without_an_interval_only_the_best_itself_is_as_good() -> None:
    assert recommended([Scored(1, 0.2, None, 100), Scored(2, 0.9, None, 800)]) == 2


def test_without_a_score_nothing_is_recommended() -> None:
    assert recommended([]) is None
    assert front([]) == []


def test_the_front_has_what_no_other_beats_for_less() -> None:
    trials = [
        Scored(1, 0.2, None, 100), Scored(2, 0.1, None, 200), Scored(3, 0.5, None, 300), Scored(4, 0.5, None, 400),
        Scored(5, 0.9, None, 300),
    ]  # fmt: skip
    assert front(trials) == [1, 5]


def test_the_best_third_goes_on_and_the_first_always_does() -> None:
    assert goes_on(-3.0, [])
    assert goes_on(0.2, [0.1])
    assert not goes_on(0.1, [0.2, 0.0])
    assert not goes_on(0.3, [0.4, 0.5, 0.1, 0.2]), "the third of five"
    assert goes_on(0.3, [0.4, 0.0, 0.1, 0.2, 0.1]), "the second of six"
