"""What the detector hears of a clip: 50 times a second the harmonics of the lower voices (a long window's spectrum) and
the sounds above them (a short window's mel spectrum), beside the clip's loud level."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from engines.audio import slaney
from engines.cutting.vad import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Samples from one moment to the next, of 20 ms.
HOP = 320
#: Windows, samples: the long one tells harmonics apart, the short one sounds.
LONG, _SHORT = 1024, 400
#: Of the long window's spectrum: 62 to 1,984 Hz; and mel bands of the short one's.
_LOW, _HIGH, _MELS = 4, 128, 40
#: Values of a moment.
SIZE = _HIGH - _LOW + _MELS
#: Quieter than this beside the loud moments is silence, dB.
_FLOOR = -60.0


def heard(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """(moments, SIZE) of mono samples (n,) at vad.SAMPLE_RATE, about -2…2; no moments for less than a long window, and
    for silence. The sound's level does not matter."""
    import numpy as np

    if len(sound) < LONG:
        return np.zeros((0, SIZE), np.float32)
    long = _power(sound, LONG)
    begin = (LONG - _SHORT) // 2
    short = _power(sound[begin : len(sound) - begin], _SHORT)[: len(long)] @ _filters().T
    spectra = np.concatenate([long[:, _LOW:_HIGH], short], axis=1)
    loud = np.concatenate([_loud(spectra[:, : _HIGH - _LOW]), _loud(spectra[:, _HIGH - _LOW :])])
    if not np.all(loud > 0):
        return np.zeros((0, SIZE), np.float32)
    beside = spectra / np.repeat(loud, (_HIGH - _LOW, _MELS))
    level = 10 * np.log10(beside + np.float32(10 ** (_FLOOR / 10)))
    return np.asarray(level / 20 + 1, np.float32)


def _loud(spectra: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean power (1,) of the loudest tenth of moments."""
    import numpy as np

    power = spectra.mean(axis=1)
    return np.array([np.mean(np.partition(power, -max(1, len(power) // 10))[-max(1, len(power) // 10) :])], np.float32)


def _power(sound: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    import numpy as np
    from scipy import fft

    window = np.hanning(width + 1)[:-1].astype(np.float32)
    framed = np.lib.stride_tricks.sliding_window_view(sound, width)[::HOP] * window
    spectra = fft.rfft(framed, axis=1)
    power: NDArray[np.float32] = spectra.real**2 + spectra.imag**2
    return power


@cache
def _filters() -> NDArray[np.float32]:
    return slaney.filters(SAMPLE_RATE, _SHORT, _MELS)
