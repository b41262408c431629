"""Noise taken out of speech as it is made: as long, as loud and where it was."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.audio import cleaning
from engines.audio.passing import Enhancing, passed
from engines.base import AudioChunk, WordTime
from engines.cutting.quality import snr_db
from engines.errors import BadInput
from tests.engines.speech import RATE, speech

Samples = NDArray[np.float32]


def chunks(*sounds: Samples) -> Iterator[AudioChunk]:
    for number, sound in enumerate(sounds):
        words = (WordTime("word", 0.1, 0.4),)
        yield AudioChunk(sound[:3_000], RATE, number, f"sentence {number}", words)
        yield AudioChunk(sound[3_000:], RATE, number, f"sentence {number}")


def noisy(said: Samples) -> Samples:
    noise = np.random.default_rng(1).normal(0, 1, len(said))
    return (said + noise * np.sqrt(np.mean(said**2)) * 10 ** (-15 / 20)).astype(np.float32)


def test_each_sentence_stays_as_long_and_keeps_its_words_and_its_level() -> None:
    said = [speech("letter"), speech("harbour")]
    made = list(passed(chunks(*map(noisy, said)), Enhancing))
    for number, sound in enumerate(said):
        of = [chunk for chunk in made if chunk.sentence == number]
        clean = np.concatenate([chunk.samples for chunk in of])
        assert len(clean) == len(sound)
        assert of[0].words == (WordTime("word", 0.1, 0.4),)
        assert not any(chunk.words for chunk in of[1:])
        assert snr_db(clean, RATE) > snr_db(noisy(sound), RATE) + 6
        loud = np.abs(sound) > np.abs(sound).max() / 10
        change = 10 * np.log10(np.mean(clean[loud] ** 2) / np.mean(sound[loud] ** 2))
        assert abs(change) < 1.5, "the speech itself is as loud as it was, dB"


def test_its_first_sound_does_not_wait_for_the_sentences_end() -> None:
    given: list[int] = []

    def live() -> Iterator[AudioChunk]:
        for chunk in chunks(speech("letter")):
            given.append(len(chunk.samples))
            yield chunk

    assert len(next(passed(live(), Enhancing)).samples) > 0
    assert len(given) == 1


def test_where_its_library_is_missing_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "find_spec", lambda name: None)
    cleaning._library.cache_clear()
    try:
        with pytest.raises(BadInput, match="RNNoise is not installed") as refused:
            Enhancing(RATE)
        assert refused.value.hint == "pip install pyrnnoise, or leave enhance out."
    finally:
        cleaning._library.cache_clear()
