"""Texts that are spoken for a verdict and for choosing a checkpoint: there for the languages that engines speak, and
such as these engines can say."""

from __future__ import annotations

from importlib import import_module

import pytest

from engines import registry
from engines.fish.languages import SPOKEN
from engines.metrics.further_texts import SELECTION, TEXTS, further, selection
from engines.metrics.texts_close import CLOSE
from engines.metrics.wer import errors
from engines.text.to_read import TO_READ

LANGUAGES = sorted({*registry.ENGINES["xtts"].languages, *SPOKEN, "fi", "sv", "da", "no", "uk"})


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_that_engines_speak_has_texts(language: str) -> None:
    assert len(set(further(language))) >= 10
    assert len(set(selection(language))) == 6
    assert further(f"{language}-xx") == further(language), "a region is no other language"


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_each_text_has_words_and_can_be_said_by_every_engine_of_its_language(language: str) -> None:
    assert language in SELECTION
    speak = [info.name for info in registry.ENGINES.values() if language in info.languages]
    assert speak
    for text in (*TEXTS[language], *SELECTION[language], *CLOSE.get(language, ())):
        found = errors(text, text, language)
        assert (found.word_errors, found.char_errors) == (0, 0)
        assert found.chars >= 10
        for engine in speak:
            light = import_module(f"engines.{engine}.text")
            assert not light.unspeakable(text, language), (engine, text)


def test_close_verdicts_have_texts_in_these_languages() -> None:
    assert {"de", "es", "fi", "fr", "it", "nl", "pt", "sv"} <= CLOSE.keys() <= TEXTS.keys()


@pytest.mark.parametrize("language", sorted(CLOSE))
def test_a_list_for_close_verdicts_is_long_and_nobody_read_it(language: str) -> None:
    assert len(set(CLOSE[language])) >= 24
    assert not set(CLOSE[language]) & set(TO_READ.get(language, ())), "what is read out trains"
    assert not [text for text in CLOSE[language] if any(char.isdigit() for char in text)]


def test_no_text_of_one_language_is_anothers() -> None:
    every = [text for texts in (TEXTS, SELECTION, CLOSE) for one in texts.values() for text in one]
    assert len(set(every)) == len(every)
