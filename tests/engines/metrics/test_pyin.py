"""Pitch is what librosa's pYIN says it is: scores that were kept before stay comparable with new ones."""

from __future__ import annotations

import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from speech import RATE, TEXTS, speech

from engines.metrics.pitch import Pitch, pitch
from engines.metrics.pyin import pyin

pytestmark = pytest.mark.usefixtures("compiled_librosa")

TIME = np.arange(RATE) / RATE


def sounds() -> dict[str, NDArray[np.float32]]:
    letter = speech("letter")
    random = np.random.default_rng(0)
    return {name: speech(name) for name in TEXTS} | {
        "noisy": letter + random.normal(0, 0.03, len(letter)).astype(np.float32),
        "noise": random.normal(0, 0.1, RATE).astype(np.float32),
        "with a gap": np.concatenate([letter, np.zeros(RATE, np.float32), letter[:RATE]]),
        "quiet": 0.001 * letter,
        "a buzz": 0.2 * np.sign(np.sin(2 * np.pi * 120 * TIME)).astype(np.float32),
        "a leap": np.concatenate([np.sin(2 * np.pi * hertz * TIME) for hertz in (80, 450)]).astype(np.float32),
        "a fifth of a second": letter[: RATE // 5],
    }


SOUNDS = sounds()


@pytest.mark.parametrize("higher", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("name", SOUNDS)
def test_every_frame_is_as_librosa_says(name: str, higher: float) -> None:
    lowest, highest = max(55 * higher, 33.0), 500 * higher
    theirs, sung, _ = librosa.pyin(
        SOUNDS[name], fmin=lowest, fmax=highest, sr=RATE, frame_length=1024, hop_length=256, fill_na=None
    )
    ours, voiced = pyin(SOUNDS[name], RATE, lowest, highest)
    assert np.array_equal(voiced, sung)
    assert np.array_equal(ours[voiced], theirs[sung])


def test_what_has_no_voice_has_no_pitch() -> None:
    assert pitch(np.zeros(RATE, np.float32)) == pitch(speech("letter")[: RATE // 6]) == Pitch(0.0, 0.0)
