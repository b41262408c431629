"""Which sounds were said, and which sentences would fill the gaps."""

from __future__ import annotations

from collections import Counter

import pytest

from engines.metrics.further_texts import SELECTION, TEXTS
from engines.text import to_read
from engines.text.coverage import ENOUGH, coverage, inventory, wanted
from engines.text.sounds import Pronunciations, Unit


@pytest.fixture(scope="module")
def english() -> Pronunciations:
    return Pronunciations("en")


def test_english_is_counted_by_its_phonemes(english: Pronunciations) -> None:
    (sounds,) = english.of(["The harbour's thirty-three “don't”, xqzvy!"])
    assert english.unit is Unit.PHONEME
    assert sounds.units[0] == ("ð", "ə")
    assert sounds.units[-1] == ("d", "oʊ", "n", "t")
    assert [len(word) for word in sounds.units] == [2, 6, 4, 3, 4]
    assert sounds.units[1][-1] == "z"
    assert sounds.unknown == ("xqzvy",)


def test_a_language_without_a_dictionary_is_counted_by_its_letters() -> None:
    finnish = Pronunciations("fi")
    (sounds,) = finnish.of(["Yöllä, äiti!"])
    assert finnish.unit is Unit.LETTER
    assert sounds.units == (("y", "ö", "l", "l", "ä"), ("ä", "i", "t", "i"))


@pytest.mark.parametrize("name", ["../en", "e", "", "en-us", "glow"])
def test_what_is_no_language_has_no_dictionary(name: str) -> None:
    assert Pronunciations(name).unit is Unit.LETTER


def test_thousands_of_words_are_looked_up(english: Pronunciations) -> None:
    words = [f"word{'abcdefghij'[n // 100]}{'abcdefghij'[n // 10 % 10]}{'abcdefghij'[n % 10]}" for n in range(1_000)]
    (sounds,) = english.of([" ".join([*words, "measure"])])
    assert sounds.units[-1] == ("m", "ɛ", "ʒ", "ɚ")


def test_what_was_never_said_is_missing(english: Pronunciations) -> None:
    said = coverage(["A small boat left the harbour."], english)
    assert said.counts["l"] == 2
    assert said.pairs["b", "oʊ"] == 1
    missing = said.missing(inventory(to_read.sentences("en"), english))
    assert "ʒ" in missing
    assert "b" not in missing


def test_the_sentence_with_what_is_missing_comes_first(english: Pronunciations) -> None:
    said = coverage(["The small boat left the harbour before the sun came up."] * ENOUGH, english)
    first, *_ = wanted(
        said, ["The small boat came up.", "A beige garage is a treasure.", "The sun came up."], english, 2
    )
    assert first.text == "A beige garage is a treasure."
    assert "ʒ" in first.new


def test_each_sentence_counts_what_those_before_it_add(english: Pronunciations) -> None:
    said = coverage([], english)
    chosen = wanted(said, ["Leisure, treasure.", "Treasure, leisure.", "Joy, boy, toy."], english, 2)
    assert {one.text for one in chosen} == {"Joy, boy, toy.", "Leisure, treasure."}


def test_what_adds_nothing_is_not_wanted(english: Pronunciations) -> None:
    said = coverage(["The sun came up."] * ENOUGH, english)
    assert wanted(said, ["The sun came up."], english, 5) == []
    assert said.counts == coverage(["The sun came up."] * ENOUGH, english).counts


@pytest.mark.parametrize("language", to_read.TO_READ)
def test_no_sentence_to_read_is_spoken_for_a_verdict(language: str) -> None:
    sentences = to_read.sentences(language)
    assert not set(sentences) & {*TEXTS[language], *SELECTION[language]}
    assert max(Counter(sentences).values()) == 1


def test_the_english_list_has_every_sound_often_enough(english: Pronunciations) -> None:
    said = coverage(to_read.sentences("en"), english)
    assert len(said.counts) >= 39
    assert min(said.counts.values()) >= ENOUGH


def test_a_language_without_a_list_has_no_sentences() -> None:
    assert to_read.sentences("xx") == ()
