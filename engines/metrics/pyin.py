"""pYIN (Mauch and Dixon 2014) as `librosa.pyin` works it out, bin for bin, by NumPy and the FFT of SciPy: librosa
compiles loops when it is imported, which takes a worker two seconds and 200 MB.

Of a frame, every trough of YIN's difference function is a candidate, as probable as the thresholds below which it would
be chosen; a Viterbi path through pitches, voiced and not, chooses among them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FRAME, _HOP = 1024, 256  #: samples
_PER_OCTAVE = 120  #: bins of pitch
_THRESHOLDS = 100
#: Fewer troughs before it make one likelier, by this rate (Boltzmann).
_RATE = 2.0
#: Probability of the lowest trough where none is below the threshold; and that voice begins or ends with a frame.
_NO_TROUGH, _SWITCH = 0.01, 0.01
_FASTEST = 35.92  #: octaves a second
#: Stands for a probability of 0 where logarithms are added.
_TINY = 2.2250738585072014e-308


def pyin(
    samples: NDArray[np.float32], sample_rate: int, lowest: float, highest: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(pitch in Hz, whether it is voiced) of mono samples (n,), for each of their 1 + n // 256 frames; pitch between
    `lowest` and `highest`, Hz, of which a frame of 1024 samples should hold two periods. 13 ms a second of speech."""
    import numpy as np

    framed = np.lib.stride_tricks.sliding_window_view(np.pad(samples, _FRAME // 2), _FRAME)[::_HOP]
    shortest = int(sample_rate // highest)
    longest = min(int(np.ceil(sample_rate / lowest)), _FRAME - 1)
    difference = _normalised_difference(framed, shortest, longest)
    likely = np.array([_trough_probabilities(frame) for frame in difference])
    at, period = np.nonzero(likely)
    pitch = sample_rate / (shortest + period + _shifts(difference)[at, period])
    bins = int(_PER_OCTAVE * np.log2(highest / lowest)) + 1
    bin_ = np.clip(np.round(_PER_OCTAVE * np.log2(pitch / lowest)), 0, bins).astype(int)
    observed = np.zeros((len(framed), bins + 1))
    observed[at, bin_] = likely[at, period]
    states = _path(observed[:, :bins], max(1, round(_FASTEST * 12 * _HOP / sample_rate)) * _PER_OCTAVE // 24)
    return lowest * 2 ** (np.arange(bins) / _PER_OCTAVE)[states % bins], states < bins


def _normalised_difference(framed: NDArray[np.float32], shortest: int, longest: int) -> NDArray[np.float64]:
    """YIN's cumulative mean normalised difference (frames, periods) at periods from `shortest` to `longest`, samples,
    of frames (frames, _FRAME)."""
    import numpy as np
    from scipy import fft  # its float32 is rounded as librosa's is

    spectra = fft.rfft(framed, n=2 * _FRAME, axis=1)
    alike = fft.irfft(spectra.real**2 + spectra.imag**2, n=2 * _FRAME, axis=1)[:, : longest + 1]
    energy = np.cumsum(np.square(framed), axis=1)[:, :longest]
    energy[:, 0] = 0
    difference = 2 * (alike[:, :1] - alike[:, 1:]) - energy
    mean = np.cumsum(difference, axis=1) / np.arange(1, longest + 1)
    return np.asarray(difference[:, shortest - 1 :] / (mean[:, shortest - 1 :] + _TINY), dtype=np.float64)


def _shifts(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far beside each period, samples, the parabola through it and its neighbours has its vertex; 0 where that is
    not between them."""
    import numpy as np

    before, here, after = difference[:, :-2], difference[:, 1:-1], difference[:, 2:]
    curve, slope = after + before - 2 * here, (after - before) / 2
    inside = np.abs(slope) < np.abs(curve)
    return np.pad(np.where(inside, -slope / np.where(inside, curve, 1.0), 0.0), ((0, 0), (1, 1)))


def _trough_probabilities(frame: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of each period (periods,) of one frame's difference; 0 of what is no trough."""
    import numpy as np

    falls = np.append(frame[0] < frame[1], frame[1:] < frame[:-1])
    rises = np.append(frame[:-1] <= frame[1:], True)
    (troughs,) = np.nonzero(falls & np.append(True, rises[1:]))
    probable = np.zeros(len(frame))
    if len(troughs):
        thresholds, weights = _thresholds()
        heights = frame[troughs]
        below = heights[:, None] < thresholds
        before = np.cumsum(below, axis=0) - 1
        found = np.where(below, _prior()[np.count_nonzero(below, axis=0), before], 0.0) @ weights
        lowest = int(np.argmin(heights))
        found[lowest] += _NO_TROUGH * np.sum(weights[: np.count_nonzero(~below[lowest])])
        probable[troughs] = found
    return probable


@cache
def _thresholds() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Thresholds (_THRESHOLDS,) and the probability of each: a beta distribution with parameters 2 and 18."""
    import numpy as np

    edges = np.linspace(0, 1, _THRESHOLDS + 1)
    return edges[1:], np.diff(1 - (1 - edges) ** 19 - 19 * edges * (1 - edges) ** 18)


@cache
def _prior() -> NDArray[np.float64]:
    """Probability of a trough, by how many there are and how many of them come before it: (_FRAME // 2,) twice."""
    import numpy as np

    count = np.arange(_FRAME // 2)
    of = (1 - np.exp(-_RATE)) / (1 - np.exp(-_RATE * np.maximum(count, 1)))
    return np.asarray(of[:, None] * np.exp(-_RATE * count))


def _path(observed: NDArray[np.float64], reach: int) -> NDArray[np.int_]:
    """The likeliest states (frames,), pitch bins and then as many that are not voiced, for probabilities of voiced bins
    (frames, bins); from one frame to the next pitch changes by `reach` bins at most, or else at the price of _TINY."""
    import numpy as np

    frames, bins = observed.shape
    unvoiced = (1 - np.clip(observed.sum(axis=1, keepdims=True), 0, 1)) / bins
    emitted = np.log(np.stack([observed, np.broadcast_to(unvoiced, observed.shape)], axis=1) + _TINY)
    steps = _steps(bins, reach)
    padded = np.full((2, bins + 2 * reach), -np.inf)
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1).transpose(1, 0, 2)
    value = padded[:, reach : reach + bins]
    value[:] = emitted[0] + np.log(1 / (2 * bins) + _TINY)
    start = np.arange(bins) - reach
    came = np.empty((frames, 2, bins), int)
    ways = np.empty(steps.shape)
    for time in range(1, frames):
        np.add(near, steps, out=ways)
        flat = ways.reshape(2, bins, -1)
        chosen = flat.argmax(axis=2)
        best = np.take_along_axis(flat, chosen[:, :, None], axis=2)[:, :, 0]
        voicing, offset = np.divmod(chosen, 2 * reach + 1)
        top = int(value.argmax())
        leap = value.flat[top] + np.log(_TINY)
        came[time] = np.where(leap > best, top, voicing * bins + start + offset)
        value[:] = emitted[time] + np.maximum(best, leap)
    states = np.empty(frames, int)
    states[-1] = value.argmax()
    for time in range(frames - 1, 0, -1):
        states[time - 1] = came[time].flat[states[time]]
    return states


@cache
def _steps(bins: int, reach: int) -> NDArray[np.float64]:
    """Logarithms of the probabilities to come to a voicing and a bin from another voicing and a bin near it: (2, bins,
    2, 2 · reach + 1)."""
    import numpy as np

    fall = 1 - np.abs(np.arange(-reach, reach + 1)) / (reach + 1)
    inside = np.convolve(np.ones(bins), fall)[reach : reach + bins]  # of what leaves a bin, how much there is room for
    padded = np.pad(inside, reach, constant_values=np.inf)
    near = fall[::-1] / np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    switched = np.array([[1 - _SWITCH, _SWITCH], [_SWITCH, 1 - _SWITCH]])
    return np.asarray(np.log(switched[:, None, :, None] * near[None, :, None, :] + _TINY))
