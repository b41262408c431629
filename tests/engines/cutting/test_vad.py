"""Speech heard in a stream is speech heard in one piece."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from faster_whisper.vad import get_vad_model

sys.path.insert(0, str(Path(__file__).parents[1]))

from speech import speech

from engines.cutting.vad import WINDOW, SpeechModel, speech_probability, windows


@pytest.mark.parametrize("missing", [0, 1, 63, 64, 100, 511])
@pytest.mark.parametrize("part", [1_000, 4_096, 10**9])
def test_however_a_stream_is_parted_the_model_hears_the_same(part: int, missing: int) -> None:
    """To the last bit what faster-whisper hears in the whole, also at the end, where its last window is not full."""
    sound = np.concatenate([speech("harbour"), speech("letter")])
    sound = sound[: len(sound) // WINDOW * WINDOW - missing]
    peak = float(np.abs(sound).max())
    whole = np.asarray(get_vad_model()(np.pad(sound * (0.5 / peak), (0, -len(sound) % WINDOW)))).reshape(-1)
    model = SpeechModel(peak)
    parts = [sound[start : start + part] for start in range(0, len(sound), part)]
    heard = np.concatenate([model.hear(some, last) for some, last in windows(parts, most=7)])
    assert np.array_equal(heard, whole)
    assert np.array_equal(speech_probability(sound), whole)


def test_of_nothing_nothing_is_heard() -> None:
    assert len(speech_probability(np.zeros(0, np.float32))) == 0
