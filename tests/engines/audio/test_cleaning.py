"""Noise is taken out of a stream of sound, and nothing else of it changes: not its length, nor where its sounds are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.audio import cleaning
from engines.audio.cleaning import CLEANERS, cleaner
from engines.cutting.quality import snr_db
from engines.errors import BadInput
from engines.judging.limits import LIMITS
from tests.engines.speech import RATE, speech


def noisy(seed: int = 0) -> NDArray[np.float32]:
    """Speech 15 dB above noise."""
    said = speech("letter")
    noise = np.random.default_rng(seed).normal(0, 1, len(said))
    return (said + noise * np.sqrt(np.mean(said**2)) * 10 ** (-15 / 20)).astype(np.float32)


def cleaned(samples: NDArray[np.float32], part: int, rate: int = RATE) -> NDArray[np.float32]:
    """In parts of so many samples."""
    clean = cleaner("rnnoise", rate)
    assert clean is not None
    parts = [clean.clean(samples[start : start + part]) for start in range(0, len(samples), part)]
    return np.concatenate([*parts, clean.clean(samples[:0], last=True)])


def test_the_choices_are_the_cleaners_there_are_and_none() -> None:
    assert set(LIMITS["denoise"].choices) == {"off", *CLEANERS}
    assert cleaner("off", RATE) is None


@pytest.mark.parametrize("part", [1, 480, 10**9])
def test_as_many_samples_come_out_whatever_the_parts(part: int) -> None:
    sound = noisy()[: RATE if part > 1 else RATE // 20]
    once = cleaned(sound, len(sound))
    assert len(once) == len(sound)
    assert np.array_equal(cleaned(sound, part), once)


@pytest.mark.parametrize("count", [0, 1, 700])
def test_next_to_nothing_stays_as_long(count: int) -> None:
    assert len(cleaned(noisy()[:count], 480)) == count


@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000])
def test_the_noise_goes_and_the_speech_stays_where_it_is(rate: int) -> None:
    import soxr

    said, sound = (soxr.resample(one, RATE, rate) for one in (speech("letter"), noisy()))
    clean = cleaned(sound, 4_096, rate)
    assert snr_db(clean, rate) > snr_db(sound, rate) + 10
    width = 1 << (2 * len(said)).bit_length()
    match = np.fft.irfft(np.fft.rfft(clean, width) * np.conj(np.fft.rfft(said, width)))
    late = int(np.argmax(match))
    assert abs(late if late < width // 2 else late - width) <= rate / 5_000  # 0.2 ms


def test_where_its_library_is_missing_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "find_spec", lambda name: None)
    cleaning._library.cache_clear()
    try:
        with pytest.raises(BadInput, match="RNNoise is not installed"):
            cleaner("rnnoise", RATE)
    finally:
        cleaning._library.cache_clear()
