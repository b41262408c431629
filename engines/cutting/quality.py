"""Measure a clip: its level, and how far the speech stands above the noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Speech of every recording is brought to this level (RMS over the speech, dB of full scale), so that a dataset is even
#: …
SPEECH_DB = -23.0
#: … unless its peaks would pass this, dB of full scale: levels are scaled, never compressed.
PEAK_DB = -1.0
_BEST_SNR = 90.0


def decibels(power: float) -> float:
    """10·log10, with -120 for nothing."""
    return 10 * math.log10(max(power, 1e-12))


def mean_power(samples: NDArray[np.float32]) -> float:
    """Mean square of samples (n,); 0 for none."""
    import numpy as np

    return float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0


def gain_for(speech_power: float, peak: float) -> float:
    """Factor that brings speech of this mean power and peak to SPEECH_DB, or as near as PEAK_DB allows; at most +40
    dB."""
    if speech_power <= 0 or peak <= 0:
        return 1.0
    wanted = 10 ** (SPEECH_DB / 20) / math.sqrt(speech_power)
    return float(min(wanted, 10 ** (PEAK_DB / 20) / peak, 100.0))


def snr_db(samples: NDArray[np.float32], sample_rate: int) -> float:
    """Speech-to-noise ratio in dB of mono samples (n,) float32 at `sample_rate` Hz: the loud half of 20 ms frames
    against the quietest twentieth, which lies in the pauses. Returns 0 for less than 0.2 s; raises nothing."""
    import numpy as np

    hop = sample_rate // 50
    frames = samples[: len(samples) // hop * hop].reshape(-1, hop)
    if len(frames) < 10:
        return 0.0
    power = np.sort(np.mean(np.square(frames, dtype=np.float64), axis=1))
    noise = float(np.mean(power[: max(1, len(power) // 20)]))
    speech = float(np.mean(power[len(power) // 2 :]))
    return min(_BEST_SNR, decibels(speech) - decibels(noise))
