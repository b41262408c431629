"""Words said as a lexicon has them."""

from __future__ import annotations

import time

import pytest

from doors.http.asked import respelt

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "lexicon", "said"),
    [
        ("Myna, myna. A mynah!", {"myna": "my-nah"}, "my-nah, my-nah. A mynah!"),
        ("Dr. Smith and dr. Smithers", {"Dr.": "Doctor", "dr. smith": "John"}, "John and Doctor Smithers"),
        ("STRASSE, Straße, straße_1", {"straße": "street"}, "STRASSE, street, straße_1"),
        ("one two", {"one": "two", "two": "one"}, "two one"),
        ("It's", {}, "It's"),
    ],
)
def test_whole_words_are_respelt_the_longest_first(text: str, lexicon: dict[str, str], said: str) -> None:
    assert respelt(text, lexicon) == said


def test_a_thousand_long_words_that_are_almost_there_hold_nobody_up() -> None:
    lexicon = {"a " * (number % 99) + f"b{number}": "x" for number in range(1_000)}
    text = "a " * 50_000
    began = time.process_time()
    assert respelt(text, lexicon) == text
    assert time.process_time() - began < 5.0, "seconds of a core; trying each word everywhere takes more than ten"
