"""What is spoken for what is written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.glow import text


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("25", "twenty five."),
        ("1,204,567 stars", "one million two hundred and four thousand five hundred and sixty seven stars."),
        ("3.50", "three point five zero."),
        ("-5°C outside", "minus five degrees celsius outside."),
        ("call 007", "call zero zero seven."),
        ("the 21st", "the twenty first."),
        ("in 1984", "in nineteen eighty four."),
        ("since 2007", "since two thousand seven."),
        ("by 1905", "by nineteen oh five."),
        ("the 1980s", "the nineteen eighties."),
        ("1999-2004", "nineteen ninety nine to two thousand four."),
        ("pages 3-5", "pages three to five."),
        ("2024-02-29", "february twenty ninth, twenty twenty four."),
        ("May 5, 2012", "may fifth, twenty twelve."),
        ("at 10:05 a.m.", "at ten oh five eigh m."),
        ("at 7:00", "at seven o clock."),
        ("5pm", "five p m."),
        ("$3.50", "three dollars and fifty cents."),
        ("$1", "one dollar."),
        ("€0.50", "fifty cents."),
        ("$2.5 million", "two point five million dollars."),
        ("1/2", "one half."),
        ("3/4 of it", "three quarters of it."),
        ("weighs 5kg", "weighs five kilograms."),
        ("80 km/h", "eighty kilometers per hour."),
        ("20%", "twenty percent."),
        ("No. 5", "number five."),
        ("I said no.", "i said no."),
        ("Dr. Smith", "doctor smith."),
        ("St. Louis on Main St. today", "saint louis on main street today."),
        ("e.g. this", "for example this."),
        ("J. K. Smith", "j k smith."),
        ("N.A.S.A. flew", "n a s a flew."),
        ("salt & pepper", "salt and pepper."),
        ("I’m “fine”—really", "i'm fine, really."),
        ("café", "cafe."),
        ("well... yes?!", "well, yes!"),
        ("", ""),
        ("***", ""),
    ],
)
def test_what_is_written_is_spoken_as_a_person_would(written: str, spoken: str) -> None:
    assert text.normalise(written) == spoken


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Dr. Smith paid 3.50 at 5 p.m.", ["Dr. Smith paid 3.50 at 5 p.m."]),
        ("He left at 5 p.m. Then it rained.", ["He left at 5 p.m.", "Then it rained."]),
        ("It is in the U.S. Army museum.", ["It is in the U.S. Army museum."]),
        ("J. K. Smith wrote it. I read it.", ["J. K. Smith wrote it.", "I read it."]),
        ('"Really?" he asked. "Yes!"', ['"Really?" he asked.', '"Yes!"']),
        ("See No. 5. It is red.", ["See No. 5.", "It is red."]),
        ("So do I. So is he.", ["So do I.", "So is he."]),
        ("One line\nwrapped. Two", ["One line wrapped.", "Two"]),
        ("A heading\n\nThe text.", ["A heading", "The text."]),
        ("- one\n- two", ["one", "two"]),
        (" \n ", []),
        ("!!!", []),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(written: str, expected: list[str]) -> None:
    assert text.sentences(written) == expected


def test_a_very_long_sentence_is_cut_and_loses_nothing() -> None:
    long = "and ".join(f"the {n}th word, " for n in range(200))
    pieces = text.sentences(long)
    assert all(len(piece) <= text.LONG_SENTENCE for piece in pieces)
    assert re.sub(r"\W", "", "".join(pieces)) == re.sub(r"\W", "", long)


@given(st.text(max_size=200))
def test_any_text_at_all_becomes_words_or_nothing(written: str) -> None:
    for sentence in text.sentences(written):
        spoken = text.normalise(sentence)
        assert re.fullmatch(r"([a-z'][a-z',.?! ]*[.?!])?", spoken), spoken
