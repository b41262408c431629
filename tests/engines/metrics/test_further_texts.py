"""Texts that are spoken for a verdict and for choosing a checkpoint: there for the languages that engines speak, and
such as these engines can say."""

from __future__ import annotations

from importlib import import_module

import pytest

from engines import registry
from engines.fish.languages import SPOKEN
from engines.metrics.further_texts import SELECTION, TEXTS, further, selection
from engines.metrics.wer import errors

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
    for text in (*TEXTS[language], *SELECTION[language]):
        found = errors(text, text, language)
        assert (found.word_errors, found.char_errors) == (0, 0)
        assert found.chars >= 10
        for engine in speak:
            light = import_module(f"engines.{engine}.text")
            assert not light.unspeakable(text, language), (engine, text)


def test_no_text_of_one_language_is_anothers() -> None:
    every = [text for texts in (TEXTS, SELECTION) for one in texts.values() for text in one]
    assert len(set(every)) == len(every)
