"""Where words lie in glow's speech."""

from __future__ import annotations

from itertools import pairwise

import pytest

from engines.glow import phonemes, text
from engines.glow.word_times import word_times

pytestmark = pytest.mark.unit


def times(sentence: str, frames: int = 5) -> list[tuple[str, float, float]]:
    words = text.normalise(sentence)
    symbols = phonemes.phonemes(words)
    found = word_times(sentence, words, symbols, [frames] * len(symbols))
    return [(one.text, round(one.start, 3), round(one.end, 3)) for one in found]


def test_words_are_those_written_in_order_and_without_overlap() -> None:
    found = times("“The ferry, leaves” at 7:30 p.m. on May 5th, Dr. Smith!")
    assert [word for word, _, _ in found] == [
        "The",
        "ferry",
        "leaves",
        "at",
        "7:30",
        "p.m.",
        "on",
        "May",
        "5th",
        "Dr",
        "Smith",
    ]
    assert all(start < end for _, start, end in found)
    assert all(one[2] <= other[1] for one, other in pairwise(found))


def test_a_word_begins_with_its_first_sound_and_ends_with_its_last() -> None:
    (first, second) = times("A bee.")
    # ^ ə _ b i .: frames of 16 ms
    assert first == ("A", 0.08, 0.16)
    assert second == ("bee", 0.24, 0.4)


def test_where_counts_differ_the_spoken_words_stand_for_the_written() -> None:
    assert [word for word, _, _ in times("It is $3 million")] in (
        ["It", "is", "$3", "million"],
        ["it", "is", "three", "million", "dollars"],
    )
