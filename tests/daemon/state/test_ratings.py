"""What people thought of two versions: stored once, told as asked for, counted with how sure one may be."""

from __future__ import annotations

import math

import pytest
from sqlalchemy.orm import Session
from voice_rows import version

from daemon.database.store import Store
from daemon.errors import BadRequest, NotFound
from daemon.state import ratings
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


@pytest.fixture
def two(store: Store) -> Store:
    """anna has versions 1 and 2."""
    store.write_now(lambda session: [version(session, 1), version(session, 2)])
    return store


def rate(
    store: Store, a: int, b: int, preferred: str = "", score_a: int = 0, score_b: int = 0, *, blind: bool = True
) -> pb.Rating:
    given = pb.Rating(
        voice="anna", a=a, b=b, preferred=preferred, score_a=score_a, score_b=score_b, blind=blind, text="Hello."
    )
    return store.write_now(lambda session: ratings.message(ratings.add(session, given), swap=a > b))


def tally(store: Store, a: int, b: int) -> pb.Tally:
    return store.read_now(ratings.counted, "anna", a, b)


def test_a_rating_is_told_the_way_round_it_is_asked_for(two: Store) -> None:
    assert rate(two, 2, 1, "a", 5, 3).preferred == "a"

    def told(session: Session, a: int, b: int) -> tuple[int, int, str, int, int]:
        (row,) = ratings.page(session, "anna", a, b, 0, 10)
        message = ratings.message(row, swap=a > b)
        return message.a, message.b, message.preferred, message.score_a, message.score_b

    assert two.read_now(told, 1, 2) == (1, 2, "b", 3, 5)
    assert two.read_now(told, 2, 1) == (2, 1, "a", 5, 3)


def test_votes_of_both_ways_round_are_counted_together(two: Store) -> None:
    for _ in range(5):
        rate(two, 1, 2, "b", 3, 4)
    for _ in range(4):
        rate(two, 2, 1, "a", 5, 3, blind=False)
    rate(two, 1, 2, "same")
    found = tally(two, 1, 2)
    assert (found.a, found.b, found.same, found.ratings, found.blind) == (0, 9, 1, 10, 6)
    assert (found.share_b, found.score_a.count, found.score_a.mean) == (1.0, 9, 3.0)
    assert found.score_b.mean == pytest.approx(40 / 9)
    assert found.sentence == "anna@2 was preferred 9 of 9 times (100%; 95 % interval 70% to 100%): more than chance."
    other = tally(two, 2, 1)
    assert (other.a, other.b, other.score_b.mean, other.sentence) == (9, 0, 3.0, found.sentence)


def test_few_votes_may_be_chance_and_none_say_nothing(two: Store) -> None:
    assert tally(two, 0, 2).sentence == "Nobody has preferred one of them yet."
    assert math.isnan(tally(two, 0, 2).share_b)
    rate(two, 0, 2, "a")
    assert (
        tally(two, 0, 2).sentence
        == "the base was preferred 1 of 1 times (100%; 95 % interval 21% to 100%): that may still be chance."
    )


def test_a_rating_can_be_taken_back_once(two: Store) -> None:
    given = rate(two, 1, 2, "a")
    assert two.write_now(lambda session: ratings.remove(session, "anna", given.id).preferred) == "a"
    assert tally(two, 1, 2).ratings == 0
    with pytest.raises(NotFound, match="taken back already"):
        two.write_now(ratings.remove, "anna", given.id)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (pb.Rating(voice="anna", a=1, b=1, preferred="a"), "compared with itself"),
        (pb.Rating(voice="anna", a=1, b=2, preferred="the second"), "no preference"),
        (pb.Rating(voice="anna", a=1, b=2, score_a=6), "Scores go from 1"),
        (pb.Rating(voice="anna", a=1, b=2), "The rating is empty"),
        (pb.Rating(voice="anna", a=1, b=2, preferred="a", text="x" * 10_001), "10,001 characters"),
    ],
)
def test_what_is_no_rating_is_refused(two: Store, given: pb.Rating, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        two.write_now(ratings.add, given)


@pytest.mark.parametrize(("voice", "a", "b"), [("bert", 1, 2), ("anna", 1, 9), ("anna", -1, 2)])
def test_what_is_not_there_cannot_be_rated(two: Store, voice: str, a: int, b: int) -> None:
    with pytest.raises(NotFound):
        two.write_now(ratings.add, pb.Rating(voice=voice, a=a, b=b, preferred="a"))
