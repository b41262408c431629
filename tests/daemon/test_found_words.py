"""Times of words that an engine does not tell: found in its sound, beside those of an engine that knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import median

import numpy as np
import pytest

from daemon.worker.word_times import with_words
from engines.base import AudioChunk, SpeechRequest
from engines.glow.engine import GlowEngine

pytestmark = pytest.mark.integration

TEXT = (
    "Nobody knew how deep the lake was, and nobody asked about it. The ferry leaves at 7:30 on Monday morning. "
    "She wrote a long letter to her brother in the north."
)
CLOSE = 0.04  #: seconds


def in_pieces(chunk: AudioChunk, many: int = 3) -> list[AudioChunk]:
    """As an engine that streams gives it, and knows no words."""
    return [replace(chunk, samples=piece, words=()) for piece in np.array_split(chunk.samples, many)]


def test_words_are_found_where_the_engine_says_they_are() -> None:
    engine = GlowEngine()
    known = list(engine.speak(engine.load(None), SpeechRequest(TEXT, seed=5)))
    streamed = [piece for chunk in known for piece in in_pieces(chunk)]
    found = list(with_words(iter(streamed), "en-US"))
    assert [chunk.samples.tobytes() for chunk in found] == [chunk.samples.tobytes() for chunk in streamed]
    assert [bool(chunk.words) for chunk in found] == [True, False, False] * 3
    errors = []
    for truth, told in zip(known, found[::3], strict=True):
        assert [word.text for word in told.words] == [word.text for word in truth.words]
        errors += [abs(a.start - b.start) for a, b in zip(truth.words, told.words, strict=True)]
        errors += [abs(a.end - b.end) for a, b in zip(truth.words, told.words, strict=True)]
    assert median(errors) <= CLOSE, f"{median(errors):.3f} s"


def test_words_that_are_known_are_left_and_a_sentence_does_not_wait_for_them() -> None:
    engine = GlowEngine()
    chunks = engine.speak(engine.load(None), SpeechRequest("First. Second.", seed=5))
    told: list[str] = []

    def listened() -> Iterator[AudioChunk]:
        for chunk in chunks:
            told.append(chunk.text)
            yield chunk

    first = next(with_words(listened(), "en"))
    assert [word.text for word in first.words] == ["First"]
    assert told == ["First."]


def test_other_languages_pass_as_they_are() -> None:
    chunk = AudioChunk(np.zeros(10, np.float32), 16_000, 0, "Yksi.")
    assert list(with_words(iter([chunk]), "fi")) == [chunk]
