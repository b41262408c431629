"""DNSMOS of clips, where a voice asks for it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))

from speech import RATE, TEXTS, recording

from engines.cutting.clips import cut_recording
from engines.glow.info import INFO
from engines.judging.limits import Limits


def test_dnsmos_is_measured_where_it_is_asked_for_and_tells_noise(tmp_path: Path) -> None:
    clean = recording(tmp_path / "a.flac", ["letter"]).path
    sound, _ = soundfile.read(clean, dtype="float32")
    hiss = np.random.default_rng(3).normal(0, 0.02, len(sound)).astype(np.float32)
    soundfile.write(tmp_path / "b.flac", sound + hiss, RATE)

    def measured(path: Path, *, wanted: bool) -> float | None:
        limits = Limits(compare_speakers=False, measure_dnsmos=wanted)
        (clip,) = cut_recording(path, TEXTS["letter"], "en", INFO, None, tmp_path, limits=limits)
        return clip.quality.dnsmos

    good, bad = (measured(path, wanted=True) for path in (clean, tmp_path / "b.flac"))
    assert good is not None
    assert bad is not None
    assert 1 < bad < good < 5
    assert measured(clean, wanted=False) is None
