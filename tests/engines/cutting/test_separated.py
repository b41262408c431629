"""Clips of a voice whose music is taken out: what is written and heard changes, and nothing of where it was cut, nor of
how it was recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from engines.audio import separation
from engines.audio.cleaning import Cleaner
from engines.audio.mono import load
from engines.audio.separation import Separate, Separation
from engines.cutting.clips import CutClip, cut_recording
from engines.glow.info import INFO
from engines.judging.limits import Limits
from engines.judging.reasons import Reason
from engines.judging.voice import unpacked
from tests.engines.speech import RATE, speech

#: An engine that takes one sentence at a time.
SHORT = replace(INFO, clip_seconds=(0.8, 4.0))
#: Of the chord that goes on, Hz.
CHORD = (440.0, 554.4, 659.3)


def recorded(folder: Path, channels: int = 1, music: float = 0.02) -> Path:
    """Two sentences with a pause over a chord, with a little noise."""
    sound = np.concatenate([speech("letter"), np.zeros(RATE, np.float32), speech("market")])
    times = np.arange(len(sound)) / RATE
    chord = music * sum(np.sin(2 * np.pi * pitch * times) for pitch in CHORD)
    noise = np.random.default_rng(1).normal(0, 1e-3, len(sound))
    path = folder / f"chord-{channels}.wav"
    both = np.stack([sound + chord + noise, sound + 0.9 * chord + noise][:channels], axis=1)
    soundfile.write(path, np.clip(both, -1, 1), RATE, subtype="PCM_16")
    return path


def without_the_chord(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """In place of the model, whose weights are not here: the chord is taken out of the spectrum."""
    spectrum = np.fft.rfft(samples)
    pitches = np.fft.rfftfreq(len(samples), 1 / separation.RATE)
    for pitch in CHORD:
        spectrum[np.abs(pitches - pitch) < 8] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def separate() -> Cleaner:
    return Separation(SHORT.sample_rate, without_the_chord)


def nothing() -> Cleaner:
    """A model that finds no voice."""
    return Separation(SHORT.sample_rate, np.zeros_like)


def cut(
    path: Path, folder: Path, separated: Separate | None, denoise: str = "off", speakers: bool = False
) -> list[CutClip]:
    limits = Limits(compare_speakers=speakers, denoise=denoise)
    return cut_recording(path, None, "en", SHORT, None, folder / "clips", limits=limits, separate=separated)


def sound(clip: CutClip) -> NDArray[np.float32]:
    assert clip.path is not None
    return load(clip.path, SHORT.sample_rate)


@pytest.mark.parametrize("channels", [1, 2])
def test_the_music_goes_and_the_clips_stay_where_they_were(tmp_path: Path, channels: int) -> None:
    path = recorded(tmp_path, channels)
    before = path.read_bytes()
    as_they_are, separated = cut(path, tmp_path, None), cut(path, tmp_path, separate)
    assert len(as_they_are) > 1
    for music, voice in zip(as_they_are, separated, strict=True):
        assert (music.start, music.end, music.quality.snr_db, music.quality.bandwidth_hz, music.quality.edge_db) == (
            voice.start,
            voice.end,
            voice.quality.snr_db,
            voice.quality.bandwidth_hz,
            voice.quality.edge_db,
        )
        assert music.sha256 != voice.sha256
        assert len(sound(music)) == len(sound(voice))
        assert music.quality.separated_db is None
        assert voice.quality.separated_db is not None
        assert abs(voice.quality.rms_db - music.quality.rms_db) < 1.5, "it is as loud as it was"
    assert path.read_bytes() == before, "a recording stays as it is"


def test_whether_there_is_music_is_told_of_what_is_left(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    as_they_are, separated = cut(path, tmp_path, None), cut(path, tmp_path, separate)
    musical = [number for number, clip in enumerate(as_they_are) if clip.reason == Reason.MUSIC]
    assert musical
    for number in musical:
        before, after = as_they_are[number].quality.tonal_db, separated[number].quality.tonal_db
        assert before is not None
        assert after is not None
        assert after < before - 10
    assert Reason.MUSIC not in {clip.reason for clip in separated}


def test_whose_voice_it_is_is_told_without_the_music(tmp_path: Path) -> None:
    clean = cut(recorded(tmp_path, music=0.0), tmp_path, None, speakers=True)
    path = recorded(tmp_path, music=0.05)
    heard = [cut(path, tmp_path, one, speakers=True) for one in (None, separate)]
    of = [unpacked(clips[-1].voiceprint) for clips in (clean, *heard)]
    with_music, without = (sum(a * b for a, b in zip(of[0], one, strict=True)) for one in of[1:])
    assert without > with_music


def test_noise_is_taken_out_of_what_separating_leaves(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    separated, both = cut(path, tmp_path, separate), cut(path, tmp_path, separate, "rnnoise")
    for one, two in zip(separated, both, strict=True):
        assert two.quality.separated_db == one.quality.separated_db
        assert two.quality.denoised_db is not None
        assert two.sha256 != one.sha256
        assert (one.start, one.end, one.verdict) == (two.start, two.end, two.verdict)


def test_where_no_voice_is_found_a_clip_is_silent(tmp_path: Path) -> None:
    clips = cut(recorded(tmp_path), tmp_path, nothing, speakers=True)
    assert {clip.reason for clip in clips} == {Reason.SILENT}
    assert all(clip.path is None and clip.voiceprint == b"" for clip in clips)


def test_the_same_recording_separated_again_gives_the_same_clips(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    assert cut(path, tmp_path, separate) == cut(path, tmp_path, separate)
