"""Clips of a voice that has its noise taken out: what is written changes, and nothing of how it was cut and judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from engines.audio.mono import load
from engines.cutting.clips import CutClip, cut_recording
from engines.cutting.quality import snr_db
from engines.glow.info import INFO
from engines.judging.limits import Limits
from tests.engines.speech import RATE, TEXTS, speech

#: An engine that takes one sentence at a time.
SHORT = replace(INFO, clip_seconds=(0.8, 4.0))


def recorded(folder: Path) -> Path:
    """Two sentences with a pause, 15 dB above noise."""
    sound = np.concatenate([speech("letter"), np.zeros(RATE, np.float32), speech("market")])
    noise = np.random.default_rng(1).normal(0, float(np.std(sound)) * 10 ** (-15 / 20), len(sound))
    path = folder / "noisy.wav"
    soundfile.write(path, np.clip(sound + noise, -1, 1), RATE, subtype="PCM_16")
    return path


def cut(path: Path, folder: Path, denoise: str, text: str | None = None) -> list[CutClip]:
    limits = Limits(compare_speakers=False, denoise=denoise)
    return cut_recording(path, text, "en", SHORT, None, folder / "clips", limits=limits)


def test_denoised_clips_are_cut_and_judged_as_they_would_be_with_their_noise(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    before = path.read_bytes()
    as_they_are, denoised = cut(path, tmp_path, "off"), cut(path, tmp_path, "rnnoise")
    assert len(as_they_are) > 1
    for noisy, clean in zip(as_they_are, denoised, strict=True):
        assert (noisy.start, noisy.end, noisy.verdict, noisy.quality.snr_db) == (
            clean.start,
            clean.end,
            clean.verdict,
            clean.quality.snr_db,
        )
        assert noisy.path is not None
        assert clean.path is not None
        assert clean.sha256 != noisy.sha256
        assert noisy.quality.denoised_db is None
        assert clean.quality.denoised_db is not None
        assert clean.quality.denoised_db > 10
        sounds = [load(one.path, INFO.sample_rate) for one in (noisy, clean) if one.path is not None]
        assert len(sounds[0]) == len(sounds[1])
        assert snr_db(sounds[1], INFO.sample_rate) > snr_db(sounds[0], INFO.sample_rate) + 10
    assert path.read_bytes() == before, "a recording stays as it is"


def test_the_same_recording_denoised_again_gives_the_same_clips(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    assert cut(path, tmp_path, "rnnoise", TEXTS["letter"]) == cut(path, tmp_path, "rnnoise", TEXTS["letter"])
