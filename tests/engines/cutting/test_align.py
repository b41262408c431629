"""A given text is shared out among pieces by what was heard in them, however badly that was heard."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.cutting.align import disagreement, share_out, tokens_of

TEXT = "The cat sat on the mat. It was a warm day, and nobody came. Then the rain began; all ran home"


@pytest.mark.parametrize(
    "heard",
    [
        ["the cat sat on the mat", "it was a warm day and nobody came", "then the rain began all ran home"],
        # Misheard words at the borders
        ["the cat sat on them at", "eat was a worm they and no body game", "than the reign be can all ran hole"],
        # Words lost at the borders
        ["the cat sat on", "was a warm day and nobody", "the rain began all ran home"],
        # Words too many
        [
            "uh the cat sat sat on the mat",
            "it was it was a warm day and nobody came",
            "then the rain began all ran home now",
        ],
    ],
)
def test_borders_fall_between_the_right_words(heard: list[str]) -> None:
    assert [share.text for share in share_out(TEXT, heard, "en")] == [
        "The cat sat on the mat.",
        "It was a warm day, and nobody came.",
        "Then the rain began; all ran home",
    ]


def test_numbers_are_aligned_as_they_are_said() -> None:
    shares = share_out(
        "In 1984 we were 25. In 2010 we were 51.",
        ["in nineteen eighty four we were twenty five", "in twenty ten we were fifty one"],
        "en",
    )
    assert [share.text for share in shares] == ["In 1984 we were 25.", "In 2010 we were 51."]
    assert max(share.cer for share in shares) < 0.1


def test_a_piece_that_the_text_does_not_have_gets_little_and_fits_badly() -> None:
    shares = share_out(
        "The cat sat on the mat. Then the rain began.",
        ["the cat sat on the mat", "please like and subscribe", "then the rain began"],
        "en",
    )
    assert (shares[0].text, shares[2].text) == ("The cat sat on the mat.", "Then the rain began.")
    assert shares[1].cer > 0.62


def test_nothing_heard_gets_nothing() -> None:
    shares = share_out("The cat sat on the mat.", ["", "the cat sat on the mat", ""], "en")
    assert [share.text for share in shares] == ["", "The cat sat on the mat.", ""]


def test_text_without_spaces_is_shared_out_by_characters() -> None:
    shares = share_out("今天天气很好。我们去公园吧。", ["今天天气好", "我们去公园"], "zh")
    assert [share.text for share in shares] == ["今天天气很好。", "我们去公园吧。"]


@settings(max_examples=200)
@given(
    st.lists(st.text("abc .,", max_size=12), max_size=12),
    st.lists(st.text("abc ", max_size=12), min_size=1, max_size=6),
)
def test_no_word_is_ever_lost_or_doubled(sentences: list[str], heard: list[str]) -> None:
    text = " ".join(sentences)
    shares = share_out(text, heard, "en")
    assert len(shares) == len(heard)
    assert [token for share in shares for token in share.text.split()] == tokens_of(text)
    assert all(0 <= share.cer <= 1 for share in shares)


def test_disagreement_is_of_letters_not_of_spaces_or_spelling() -> None:
    assert disagreement("Football, in the harbour: 3!", "foot ball in the harbor three", "en") == 0
    assert disagreement("The cat sat on the mat", "a dog ran up that hill", "en") > 0.6
    assert disagreement("", "", "en") == 0
    assert disagreement("words", "", "en") == 1
