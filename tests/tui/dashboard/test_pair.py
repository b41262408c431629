"""Which version is heard as A, and what a vote on A and B says about the versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.channel import ClientError
from tui.dashboard.pair import Hearing, Line, Pair, Preferred, Vote, parse

pytestmark = pytest.mark.unit
PAIR = Pair("anna", 6, 7)


def hearing(clip: str = "c0ffee", *, blind: bool = True, seed: int = 1) -> Hearing:
    return Hearing(PAIR, Line("hello", clip), blind, seed)


def test_not_blind_a_is_the_first_and_b_the_second() -> None:
    for clip in map(str, range(20)):
        assert hearing(clip, blind=False).names(True) == {"a": "A · anna@6", "b": "B · anna@7"}


def test_blind_chance_decides_the_same_way_for_the_same_seed_and_about_as_often_each_way() -> None:
    turned = [hearing(str(number)).turned for number in range(1_000)]
    assert turned == [hearing(str(number)).turned for number in range(1_000)]
    assert turned != [hearing(str(number), seed=2).turned for number in range(1_000)]
    assert 430 < sum(turned) < 570
    assert hearing().names(revealed=False) == {"a": "A", "b": "B"}


@given(st.text(min_size=1), st.sampled_from(["a", "b"]), st.integers(0, 5), st.integers(0, 5), st.booleans())
def test_a_vote_counts_for_the_version_that_was_heard(
    clip: str, preferred: Preferred, score_a: int, score_b: int, blind: bool
) -> None:
    heard = hearing(clip, blind=blind)
    rating = heard.rating(Vote(preferred, score_a, score_b))
    version = {"a": rating.a, "b": rating.b}
    assert version[rating.preferred] == heard.version("a" if preferred == "a" else "b")
    scores = {rating.a: rating.score_a, rating.b: rating.score_b}
    assert (scores[heard.version("a")], scores[heard.version("b")]) == (score_a, score_b)
    assert (rating.a, rating.b, rating.blind, rating.clip) == (6, 7, blind, clip)


def test_whoever_was_told_who_is_who_does_not_vote_blind() -> None:
    heard = Hearing(PAIR, Line("hello", "c0ffee"), blind=True, seed=1, told=True)
    assert not heard.rating(Vote("a")).blind
    assert heard.turned == hearing().turned  # A stays A


def test_a_further_take_says_which_it_is() -> None:
    assert [Line("hello", name).title for name in ("", "c0ffee", "c0ffee.1")] == ["hello", "hello", "(take 2) hello"]


@pytest.mark.parametrize(
    ("one", "two", "pair"),
    [
        ("anna@6", "anna@7", Pair("anna", 6, 7)),
        ("anna@6", " 7 ", Pair("anna", 6, 7)),
        ("anna@6", "v7", Pair("anna", 6, 7)),
        ("anna@base", "anna", Pair("anna", 0, 9)),
        ("ben", "ben@2", Pair("ben", 0, 2)),
    ],
)
def test_a_pair_is_written_as_versions_are(one: str, two: str, pair: Pair) -> None:
    assert parse(one, two, {"anna": 9, "ben": 0}) == pair


@pytest.mark.parametrize(
    ("one", "two", "why"),
    [
        ("anna@6", "ben@7", "of different voices"),
        ("anna@9", "anna", "Both are anna@9"),
        ("", "7", "does not name a version"),
    ],
)
def test_what_is_no_pair_is_said_in_words(one: str, two: str, why: str) -> None:
    with pytest.raises(ClientError, match=why):
        parse(one, two, {"anna": 9})
