"""Words are compared as they are said, not as they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.metrics.normalise import normalise
from engines.metrics.wer import cer, wer


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Hello, World!", "hello world"),
        ("It\u2019s John's “well-known” café\u2026", "it's john's well known café"),
        ("Dr. Smith met Mrs. Jones at St. Mary's.", "doctor smith met missus jones at saint mary's"),
        ("Is that a no. Yes.", "is that a no yes"),
        ("No. 5 is alive", "number five is alive"),
        ("1,234.5 km", "one thousand two hundred thirty four point five km"),
        ("On May 2nd, 1984", "on may second nineteen eighty four"),
        ("the 1990s", "the nineteen nineties"),
        ("at 10:05 or 7:00", "at ten oh five or seven o'clock"),
        ("$3.50 and £1", "three dollars and fifty cents and one pound"),
        ("£2 million", "two million pounds"),
        ("50% off", "fifty percent off"),
        ("salt & pepper", "salt and pepper"),
        ("grey harbours of the theatre", "gray harbors of the theater"),
        ("12345678901234567890", "one two three four five six seven eight nine zero " * 2),
        ("\u2026!", ""),
        ("", ""),
    ],
)
def test_english(written: str, said: str) -> None:
    assert normalise(written) == said.strip()


def test_other_languages_keep_their_letters_and_speak_their_numbers() -> None:
    assert normalise("Das kostet 25 Euro, schön!", "de") == "das kostet fünfundzwanzig euro schön"
    assert normalise("我有三个。", "zh") == "我有三个"
    assert normalise("नमस्ते, दुनिया", "hi") == "नमस्ते दुनिया"


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalise(text, "xx")
    assert normalise(once, "xx") == once


@given(st.text(max_size=80), st.sampled_from(["en", "de", "zh", "xx"]))
def test_any_text_can_be_normalised(text: str, language: str) -> None:
    said = normalise(text, language)
    assert said == " ".join(said.split())


@pytest.mark.parametrize(
    ("text", "heard", "rate"),
    [
        ("a b c d", "a b c d", 0.0),
        ("a b c d", "a x c d", 0.25),
        ("a b c d", "a c d", 0.25),
        ("a b c d", "a b x c d", 0.25),
        ("one", "won ton soup", 3.0),
        ("a b", "", 1.0),
        ("", "", 0.0),
        ("", "noise", 1.0),
        ("Twenty-one!", "21", 0.0),
    ],
)
def test_word_error_rate(text: str, heard: str, rate: float) -> None:
    assert wer(text, heard) == pytest.approx(rate)


def test_character_error_rate_sees_how_near_a_word_is() -> None:
    assert cer("harbour side", "harbour tide") == pytest.approx(1 / 11)
    assert wer("harbour side", "harbour tide") == 0.5


def test_text_without_spaces_is_compared_character_by_character() -> None:
    assert wer("今天天气很好。", "今天天气很坏", "zh") == pytest.approx(1 / 6)
    assert wer("これはペンです", "これは ペンです。", "ja") == 0.0
    assert cer("今天天气", "今天天气", "zh") == 0.0
