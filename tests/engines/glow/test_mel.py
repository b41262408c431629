"""Mel filters are those that the base was trained with."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from engines.glow import mel

pytestmark = pytest.mark.usefixtures("compiled_librosa")


def test_the_filters_are_librosas_to_the_last_bit() -> None:
    theirs = librosa.filters.mel(sr=mel.SAMPLE_RATE, n_fft=mel.N_FFT, n_mels=mel.N_MELS, fmin=0, fmax=8_000.0)
    ours = mel.filters().numpy()
    assert (ours.dtype, ours.shape) == (theirs.dtype, (mel.N_MELS, 1 + mel.N_FFT // 2))
    assert np.array_equal(ours, theirs)
