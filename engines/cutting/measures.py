"""What is measured of a clip's sound beside its level (`engines.cutting.quality`): loudness, bandwidth, reverberation,
its edges, tones in its pauses, and a sketch by which nearly equal sounds are found.

Together some 4 ms for a second of sound on one core; benchmarks/datasets_measures.py tells what each takes.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from engines.cutting import overlap
from engines.cutting.quality import decibels
from engines.cutting.vad import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Quietest loudness that is told, LUFS: the absolute gate of BS.1770.
QUIETEST = -70.0
#: Bands of the bandwidth, Hz, and how far below the loudest band one still counts, dB: consonants lie 30 to 50 below
#: the loudest vowels, and what a resampler leaves above its cutoff lies lower than this.
_BAND, _BELOW = 250.0, 55.0
#: Of the decays that reverberation is told by: bands, frames that a slope is measured over, and how far above the noise
#: its beginning lies at least and below the loudest at most, dB.
_BANDS, _SLOPE, _ABOVE_NOISE, _BELOW_TOP = 16, 15, 25.0, 25.0
#: Slopes that are needed, and the share of them, the steepest, that a room bounds.
_FEWEST, _STEEPEST = 30, 10.0
_HOP, _WINDOW = 160, 512
#: The sketch: moments × bands, and how far below the loudest a sound counts as silence, dB.
_MOMENTS, _SKETCHED, _SILENCE = 32, 8, 25.0
_EDGE = 0.02
#: Of tones in the pauses: moments and how far they lie apart, samples at SAMPLE_RATE; the band, Hz, above the mains;
#: how far above the median of 31 bins around it a bin stands out; pauses that are needed, s; and moments, the quietest.
_MOMENT, _STEP, _TONES, _STANDS_OUT, _LEAST_PAUSE = 1024, 320, (100.0, 5_000.0), 15.0, 0.15
_FEWEST_QUIET, _MOST_QUIET = 3, 8


def load(*, speakers: bool) -> None:
    """Load what measuring needs, for who cannot wait for it at the first clip. `speakers`: `voiceprint` will be asked
    for. May be called from any thread."""
    _meter(SAMPLE_RATE)
    overlap.load()
    if speakers:
        from engines.metrics import similarity

        similarity.load()


@cache
def _meter(rate: int) -> Any:
    import pyloudnorm

    return pyloudnorm.Meter(rate)


def loudness(sound: NDArray[np.float32], rate: int) -> float | None:
    """Integrated loudness by ITU-R BS.1770-4, LUFS, of mono samples (n,); None for less than its block of 0.4 s."""
    if len(sound) < 0.4 * rate + 1:
        return None
    import warnings

    with warnings.catch_warnings():  # it warns of silence, which is told as a number
        warnings.simplefilter("ignore")
        measured = float(_meter(rate).integrated_loudness(sound))
    return max(QUIETEST, measured) if math.isfinite(measured) else QUIETEST


def bandwidth(sound: NDArray[np.float32], rate: int) -> float | None:
    """The highest frequency, Hz, at which mono samples (n,) have anything, in the loudest twentieth of moments of each
    band, beside the loudest band. None for silence, and less than a tenth of a second."""
    import numpy as np

    width = 1024
    if len(sound) < max(2 * width, rate // 10) or not np.any(sound):
        return None
    power = _spectra(sound, width, width // 2)
    step = max(1, round(_BAND * width / rate))
    bands = power[:, : power.shape[1] // step * step].reshape(len(power), -1, step).mean(axis=2)
    loudest = 10 * np.log10(np.percentile(bands, 95, axis=0) + 1e-15)
    top = int(np.flatnonzero(loudest > loudest.max() - _BELOW)[-1]) + 1
    return float(min(top * step * rate / width, rate / 2))


def edge(sound: NDArray[np.float32], rate: int) -> float | None:
    """Level of the first or the last 20 ms, the louder, above that of the loud half of all 20 ms frames, dB; far below
    0 for speech that begins and ends with quiet. None for less than a fifth of a second."""
    import numpy as np

    hop = round(_EDGE * rate)
    frames = sound[: len(sound) // hop * hop].reshape(-1, hop)
    if len(frames) < 10:
        return None
    power = np.sort(np.mean(np.square(frames, dtype=np.float64), axis=1))
    ends = max(float(np.mean(np.square(part, dtype=np.float64))) for part in (sound[:hop], sound[-hop:]))
    return decibels(ends) - decibels(float(power[len(power) // 2 :].mean()))


def tonal(hearing: NDArray[np.float32], pauses: float) -> float | None:
    """Level of what has a pitch in the quietest moments of mono samples (n,) at vad.SAMPLE_RATE, above that of the loud
    half of all moments, dB: of music that goes on where nobody speaks. White noise has next to nothing of it.
    `pauses`: seconds of it in which nobody speaks; None for too few of them."""
    import numpy as np
    from scipy.ndimage import median_filter

    if pauses < _LEAST_PAUSE or len(hearing) < _MOMENT + _STEP * 2 * _MOST_QUIET:
        return None
    moments = np.lib.stride_tricks.sliding_window_view(hearing, _MOMENT)[::_STEP]
    power = np.mean(np.square(moments, dtype=np.float64), axis=1)
    order = np.argsort(power)
    quiet = moments[order[: min(_MOST_QUIET, max(_FEWEST_QUIET, len(order) // 20))]]
    window = np.hanning(_MOMENT)
    spectra = 2 * np.abs(np.fft.rfft(quiet * window, axis=1)) ** 2 / (_MOMENT * np.sum(window**2))
    low, high = (round(edge * _MOMENT / SAMPLE_RATE) for edge in _TONES)
    bins = spectra[:, low:high]
    tones = np.where(bins > _STANDS_OUT * median_filter(bins, (1, 31)), bins, 0.0).sum(axis=1).mean()
    return decibels(float(tones)) - decibels(float(power[order[len(order) // 2 :]].mean()))


class Bands:
    """Levels of a clip in bands, 100 times a second: what reverberation and the sketch are told by."""

    def __init__(self, hearing: NDArray[np.float32]) -> None:
        """`hearing`: mono samples (n,) at vad.SAMPLE_RATE."""
        import numpy as np

        self._level = np.zeros((0, _BANDS))  #: dB
        if len(hearing) >= _WINDOW:
            power = _spectra(hearing, _WINDOW, _HOP)
            edges = (np.geomspace(200, 7_000, _BANDS + 1) / SAMPLE_RATE * _WINDOW).astype(int)
            self._level = 10 * np.log10(np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1) + 1e-10)

    def rt60(self) -> float | None:
        """An estimate of the reverberation time, seconds: how fast the fastest tenth of decays in each band are, since
        a room lets none be faster (Wen et al. 2008, decay rate distribution). Dry speech gives 0.2, rooms of 0.4, 0.6
        and 1 s about 0.4, 0.5 and 0.7. None where too little of it dies away far enough above the noise."""
        import numpy as np

        level = self._level
        if len(level) < 2 * _SLOPE:
            return None
        # least squares over each _SLOPE frames, by running sums
        x = np.arange(_SLOPE) - (_SLOPE - 1) / 2
        weights = x / np.sum(x * x)
        parted = np.lib.stride_tricks.sliding_window_view(level, _SLOPE, axis=0)
        slopes = (parted @ weights) * (SAMPLE_RATE / _HOP)
        floor, top = np.percentile(level, [5, 95], axis=0)
        loud = level[: len(slopes)] > np.maximum(floor + _ABOVE_NOISE, top - _BELOW_TOP)
        chosen = slopes[loud]
        if len(chosen) < _FEWEST:
            return None
        steepest = float(np.percentile(chosen, _STEEPEST))
        return min(10.0, -60.0 / steepest) if steepest < -6.0 else 10.0

    def sketch(self) -> bytes:
        """A picture of the sound between its first and last word, _MOMENTS × _SKETCHED values of -127…127, equally loud
        in each band whatever the recording's equaliser did. Empty for too little of it."""
        import numpy as np

        if not len(self._level):
            return b""
        level = self._level.reshape(len(self._level), _SKETCHED, -1).mean(axis=2)
        loud = np.flatnonzero(level.max(axis=1) > level.max() - _SILENCE)
        spoken = np.maximum(level[loud[0] : loud[-1] + 1], level.max() - _SILENCE)
        if len(spoken) < _MOMENTS:
            return b""
        at = np.linspace(0, len(spoken), _MOMENTS + 1).astype(int)[:-1]
        means = np.add.reduceat(spoken, at, axis=0) / np.diff([*at, len(spoken)])[:, None]
        means -= means.mean(axis=0)
        scaled = np.clip(np.round(means * (127 / max(float(np.abs(means).max()), 1e-9))), -127, 127)
        return bytes(scaled.astype(np.int8).tobytes())


def voiceprint(hearing: NDArray[np.float32]) -> bytes:
    """The speaker embedding of mono samples (n,) at vad.SAMPLE_RATE, packed; empty if there is too little speech."""
    from engines.errors import BadInput
    from engines.judging.voice_clip import packed
    from engines.metrics.similarity import embed

    try:
        return packed(embed(hearing).tolist())
    except BadInput:
        return b""


def rated(hearing: NDArray[np.float32]) -> float | None:
    """How good mono samples (n,) at vad.SAMPLE_RATE sound by DNSMOS, 1…5; None for silence. Raises BadInput where it is
    not installed."""
    import numpy as np

    from engines.metrics.dnsmos import dnsmos

    return dnsmos(hearing) if np.any(hearing) else None


def _spectra(sound: NDArray[np.float32], width: int, hop: int) -> NDArray[np.float32]:
    """Power (moments, width // 2 + 1)."""
    import numpy as np
    from scipy import fft

    window = np.hanning(width).astype(np.float32)
    framed = np.lib.stride_tricks.sliding_window_view(sound, width)[::hop] * window
    spectra = fft.rfft(framed, axis=1)
    power: NDArray[np.float32] = spectra.real**2 + spectra.imag**2
    return power
