"""Pitch (F0) by pYIN: the median says whose voice it is, the spread how lively it speaks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE = 16_000
_LOWEST, _HIGHEST = 55.0, 500.0  #: Hz; speech of men, women and children
_FLOOR = 33.0  #: Hz; of what is lower, a frame does not hold two periods


@dataclass(frozen=True)
class Pitch:
    """Of one line; zeros if nothing in it is voiced."""

    median: float  #: Hz
    spread: float  #: standard deviation, semitones


def pitch(samples: NDArray[np.float32], *, higher: float = 1.0) -> Pitch:
    """Measure mono samples (n,) float32 at SAMPLE_RATE; all zero for less than 0.2 s, or silence. `higher`: pitch is
    looked for so many times higher than people speak. Takes 13 ms a second of speech."""
    import numpy as np

    from engines.metrics.pyin import pyin

    if len(samples) < SAMPLE_RATE // 5 or not np.any(samples):
        return Pitch(0.0, 0.0)
    lowest = max(_LOWEST * higher, _FLOOR)
    f0, voiced = pyin(samples.astype(np.float32), SAMPLE_RATE, lowest, _HIGHEST * higher)
    sung = f0[voiced]
    if not len(sung):
        return Pitch(0.0, 0.0)
    median = float(np.median(sung))
    semitones = 12 * np.log2(sung / median)
    inside = semitones[np.abs(semitones) < 10]  # an octave off is the tracker's slip, not the voice's
    return Pitch(median, float(np.std(inside)))


def semitones_between(a: Pitch, b: Pitch) -> float | None:
    """Distance of two medians, always positive; None if either has no voiced frames."""
    if a.median <= 0 or b.median <= 0:
        return None
    return abs(12 * math.log2(a.median / b.median))


def spread_between(a: Pitch, b: Pitch) -> float | None:
    """Distance of two spreads, semitones, always positive; None if either has no voiced frames."""
    return abs(a.spread - b.spread) if a.median > 0 and b.median > 0 else None
