"""The test of blind votes: against the closed form, against many listeners who hear no difference, and one who does."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from daemon.state.sequential import Look
from daemon.state.values import Standing

pytestmark = pytest.mark.unit
VOTES = st.integers(0, 300)


@cache
def standing(wins: int, losses: int) -> Standing:
    return Look(wins, losses, 0.95).standing


def listen(prefers: Callable[[], bool], most: int) -> tuple[Standing, int]:
    """(what was decided, after how many votes) by somebody whose votes are looked at after each."""
    wins = 0
    for votes in range(1, most + 1):
        wins += prefers()
        if (found := standing(wins, votes - wins)) is not Standing.OPEN:
            return found, votes
    return Standing.OPEN, most


@given(VOTES, VOTES)
def test_the_evidence_is_the_mixture_of_all_biases_against_a_fair_coin(wins: int, losses: int) -> None:
    exact = special.betaln(1 + wins, 1 + losses) + (wins + losses) * math.log(2)
    assert math.log(Look(wins, losses, 0.95).evidence) == pytest.approx(exact, abs=1e-9)


@given(VOTES, VOTES)
def test_both_sides_are_judged_alike(wins: int, losses: int) -> None:
    swapped = {
        Standing.OPEN: Standing.OPEN,
        Standing.PREFERRED: Standing.NOT_PREFERRED,
        Standing.NOT_PREFERRED: Standing.PREFERRED,
    }
    assert Look(losses, wins, 0.95).standing is swapped[Look(wins, losses, 0.95).standing]


@pytest.mark.parametrize(
    ("wins", "losses", "confidence", "found"),
    [
        (0, 0, 0.95, Standing.OPEN),
        (7, 0, 0.95, Standing.OPEN),
        (8, 0, 0.95, Standing.PREFERRED),
        (10, 1, 0.95, Standing.OPEN),
        (11, 1, 0.95, Standing.PREFERRED),
        (1, 11, 0.95, Standing.NOT_PREFERRED),
        (8, 0, 0.99, Standing.OPEN),
        (100_000, 0, 0.95, Standing.PREFERRED),  # beyond what a float holds
    ],
)
def test_when_votes_decide(wins: int, losses: int, confidence: float, found: Standing) -> None:
    assert Look(wins, losses, confidence).standing is found


def test_how_many_more_votes_like_these_decide() -> None:
    assert [Look(wins, 0, 0.95).more for wins in range(9)] == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert Look(6, 1, 0.95).more == pytest.approx(9, abs=2)  # 14 : 2 decides
    assert Look(5, 5, 0.95).more is None


def test_whoever_hears_no_difference_is_seldom_said_to_prefer_one() -> None:
    """Looked at after each of 200 votes. At most 5 % of the cases, and of 2,000 not more than 127 by chance (1 in
    1,000)."""
    coin = Random(20_261)
    decided = sum(listen(lambda: coin.random() < 0.5, 200)[0] is not Standing.OPEN for _ in range(2_000))
    assert 0 < decided <= 127


def test_whoever_prefers_one_in_85_of_100_is_believed_after_16_votes_in_the_median() -> None:
    coin = Random(20_262)
    cases = [listen(lambda: coin.random() < 0.85, 200) for _ in range(500)]
    assert [found for found, _ in cases].count(Standing.PREFERRED) >= 498
    assert 14 <= median(votes for _, votes in cases) <= 18
