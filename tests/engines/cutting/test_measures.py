"""Measures of clips, on sound whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfiltfilt

from engines.cutting.measures import QUIETEST, Bands, bandwidth, edge, loudness, tonal
from engines.cutting.quality import snr_db
from engines.judging.limits import Limits
from engines.judging.reasons import Reason
from engines.judging.voice import broken
from engines.judging.voice_clip import VoiceClip
from tests.engines.speech import RATE, speech

pytestmark = pytest.mark.unit
Samples = NDArray[np.float32]


def spoken() -> Samples:
    """Some seconds of speech with quiet between and around."""
    quiet = np.zeros(RATE // 4, np.float32)
    parts = [part for name in ("harbour", "market", "letter") for part in (quiet, speech(name))]
    return np.concatenate([*parts, quiet])


def with_noise(sound: Samples, level: float, seed: int = 1) -> Samples:
    return (sound + np.random.default_rng(seed).normal(0, level, len(sound))).astype(np.float32)


def in_a_room(sound: Samples, rt60: float) -> Samples:
    """Direct sound, and as loud a tail that falls by 60 dB in `rt60` seconds."""
    noise = np.random.default_rng(2).normal(0, 1, round(1.2 * rt60 * RATE))
    tail = noise * 10 ** (-3 * np.arange(len(noise)) / RATE / rt60)
    tail /= np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    return np.asarray(fftconvolve(sound, tail), np.float32)


def tone(seconds: float, level: float, rate: int = 48_000, hertz: float = 997.0) -> Samples:
    """A sine of that RMS."""
    at = np.arange(round(seconds * rate)) / rate
    return np.asarray(level * np.sqrt(2) * np.sin(2 * np.pi * hertz * at), np.float32)


def test_the_loudness_of_a_sine_is_what_the_standard_says() -> None:
    """BS.1770: a 997 Hz sine of 0 dBFS in one channel has −3.01 LKFS."""
    measured = loudness(tone(3.0, 1 / np.sqrt(2)), 48_000)
    assert measured == pytest.approx(-3.01, abs=0.1)


def test_silence_has_the_least_loudness_and_a_moment_has_none() -> None:
    assert loudness(np.zeros(48_000, np.float32), 48_000) == QUIETEST
    assert loudness(tone(0.3, 0.1), 48_000) is None


@pytest.mark.parametrize("snr", [5.0, 15.0, 25.0])
def test_noise_is_told_by_how_far_the_speech_stands_above_it(snr: float) -> None:
    gated = tone(4.0, 0.1, RATE)
    gated[RATE : 2 * RATE] = 0.0  # a pause, in which only the noise is heard
    measured = snr_db(with_noise(gated, 0.1 * 10 ** (-snr / 20)), RATE)
    assert measured == pytest.approx(snr, abs=3.5)


@pytest.mark.parametrize("rt60", [0.3, 0.5, 0.8, 1.2])
def test_a_longer_reverberation_is_measured_longer(rt60: float) -> None:
    dry, wet, wetter = (
        Bands(with_noise(sound, 1e-4)).rt60()
        for sound in (spoken(), in_a_room(spoken(), rt60), in_a_room(spoken(), 1.3 * rt60))
    )
    assert dry is not None
    assert wet is not None
    assert wetter is not None
    assert dry + 0.04 < wet < wetter
    assert wet == pytest.approx(rt60, rel=0.4)


def test_what_a_room_cannot_be_heard_in_has_no_reverberation_time() -> None:
    assert Bands(np.zeros(RATE, np.float32)).rt60() is None
    assert Bands(np.zeros(100, np.float32)).rt60() is None


@pytest.mark.parametrize("hertz", [3_400, 5_000])
def test_the_bandwidth_of_filtered_speech_is_its_cutoff(hertz: int) -> None:
    sound = with_noise(spoken(), 2e-5)
    dull = np.asarray(sosfiltfilt(butter(10, hertz, fs=RATE, output="sos"), sound), np.float32)
    measured = bandwidth(dull, RATE)
    assert measured is not None
    assert hertz * 0.9 < measured < hertz * 1.3
    whole = bandwidth(sound, RATE)
    assert whole is not None
    assert whole > 6_500


def test_a_telephone_in_a_file_of_a_higher_rate_is_still_a_telephone() -> None:
    narrow = soxr.resample(soxr.resample(spoken(), RATE, 8_000), 8_000, 22_050)
    measured = bandwidth(narrow, 22_050)
    assert measured is not None
    assert measured <= 4_200


def test_a_cut_in_a_word_is_at_the_level_of_the_speech() -> None:
    whole = edge(spoken(), RATE)
    word = speech("harbour")
    loudest = int(np.abs(word[RATE // 2 :]).argmax()) + RATE // 2
    broken_off = edge(word[: loudest + 100], RATE)
    assert whole is not None
    assert whole < -40
    assert broken_off is not None
    assert broken_off > -6


def test_the_same_sound_with_another_level_and_some_noise_has_nearly_the_same_sketch() -> None:
    sound = with_noise(spoken(), 1e-4)
    again = with_noise(sound * np.float32(0.3), 3e-4, seed=3)
    other = with_noise(np.concatenate([speech("letter"), speech("harbour"), speech("market")]), 1e-4)
    clips = [
        VoiceClip(id, str(id), "the same words", len(one) / RATE, None, b"", Bands(one).sketch())
        for id, one in enumerate((sound, again, other[: len(sound)]))
    ]
    found = dict(broken(clips, Limits()))
    assert {id: verdict.reason for id, verdict in found.items()} == {1: Reason.NEAR_DUPLICATE}


def chords(seconds: float, level: float) -> Samples:
    """Three notes at a time, others each half second, of that RMS."""
    at = np.arange(round(seconds * RATE)) / RATE
    roots = np.array([220.0, 165.0, 196.0, 247.0])[np.floor(at * 2).astype(int) % 4]
    music = sum(np.sin(2 * np.pi * roots * step * at) for step in (1, 1.25, 1.5))
    return np.asarray(level * music / np.std(music), np.float32)


def tones(sound: Samples) -> float:
    found = tonal(sound.astype(np.float32), pauses=1.0)
    assert found is not None
    return found


def test_music_is_told_by_its_tones_where_nobody_speaks_and_noise_has_none() -> None:
    sound, limit = spoken(), Limits().music
    loud = float(np.sqrt(np.mean(np.sort(sound**2)[len(sound) // 2 :])))
    music = chords(len(sound) / RATE, loud * 10 ** (-15 / 20))
    assert tones(sound + music[: len(sound)]) > limit
    noisy = with_noise(sound, loud * 10 ** (-12 / 20))
    assert max(tones(one) for one in (noisy, sound, in_a_room(sound, 0.4))) < limit - 5


def test_of_speech_without_a_pause_no_tones_are_told() -> None:
    assert tonal(spoken(), pauses=0.1) is None
    assert tonal(tone(0.1, 0.1, RATE), pauses=1.0) is None
