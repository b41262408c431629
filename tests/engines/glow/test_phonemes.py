"""Words as phonemes and tokens."""

from __future__ import annotations

import pytest

from engines.errors import BadInput
from engines.glow import phonemes


def test_words_are_phonemes_with_stress_on_the_vowel_and_spaces_between() -> None:
    assert "".join(phonemes.phonemes("hello, world.")) == "^hɛlˈoʊ, wˈɚld."


def test_a_word_never_heard_of_is_spoken_too() -> None:
    assert len(phonemes.phonemes("zorblatt.")) > 5


def test_the_letter_a_is_not_the_article() -> None:
    assert "".join(phonemes.phonemes("a dog, ten eigh m.")).startswith("^ə dˈɔɡ, tˈɛn ˈeɪ ˈɛm")


def test_every_symbol_is_a_token_of_its_own() -> None:
    assert phonemes.tokens(phonemes.SYMBOLS) == list(range(len(phonemes.SYMBOLS)))


@pytest.mark.parametrize("words", ["", ".", ",.", "'"])
def test_nothing_to_speak_is_a_sentence(words: str) -> None:
    with pytest.raises(BadInput, match="nothing to speak"):
        phonemes.phonemes(words)


def test_vowels_and_sonorants_have_a_voice_and_what_may_lose_it_is_not_counted_on() -> None:
    symbols = phonemes.phonemes("my zest.")
    voiced = phonemes.voiced(phonemes.tokens(symbols))
    assert "".join(one for one, has in zip(symbols, voiced, strict=True) if has) == "mˈaɪˈɛ"
