"""Speech made from speech: another pitch, pace and liveliness, the same words and the same mouth.

By WORLD (Morise et al. 2016; pyworld): F0 is found by Harvest and refined by StoneMask, the spectral envelope by
CheapTrick, aperiodicity by D4C. The envelope is what makes a speaker known, and stays as it is; F0 is moved, and the
frames are played back at another distance in time, which changes the pace and not the pitch.

Less than half of real time on one core, most of it Harvest.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engines.cutting.quality import PEAK_DB
from engines.errors import BadInput
from engines.metrics import pitch
from engines.traits import Reached, Traits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Distance of two frames, milliseconds.
_FRAME = 5.0
#: F0 that is looked for, Hz: speech of men, women and children.
_LOWEST, _HIGHEST = 55.0, 600.0
#: F0 that is spoken, Hz: wider, since it is moved by an octave at most.
_LOWEST_MADE, _HIGHEST_MADE = 30.0, 1_200.0


def derive(samples: NDArray[np.float32], rate: int, traits: Traits) -> NDArray[np.float32]:
    """The same speech with other traits.

    `samples`: mono, shape (n,), float32 at `rate` Hz. Returns shape (round(n / pace),), float32, as loud as the
    original (RMS), unless its peaks would pass PEAK_DB. The same samples give the same result. Raises BadInput for
    fewer samples than a tenth of a second, or silence.
    """
    import numpy as np
    import pyworld

    if len(samples) < rate // 10 or not np.any(samples):
        raise BadInput("There is no speech in it that another voice could be made from.")
    sound = np.ascontiguousarray(samples, dtype=np.float64)
    rough, times = pyworld.harvest(sound, rate, f0_floor=_LOWEST, f0_ceil=_HIGHEST, frame_period=_FRAME)
    f0 = pyworld.stonemask(sound, rough, times, rate)
    envelope = pyworld.cheaptrick(sound, f0, times, rate)
    aperiodicity = pyworld.d4c(sound, f0, times, rate)
    made = pyworld.synthesize(moved(f0, traits), envelope, aperiodicity, rate, _FRAME / traits.pace)
    return _as_loud(_of_length(made, round(len(samples) / traits.pace)), sound)


def moved(f0: NDArray[np.float64], traits: Traits) -> NDArray[np.float64]:
    """F0 (Hz, shape (frames,), 0 where nothing is voiced) with its median moved by `traits.pitch`, and its distance
    from it, in log, stretched by `traits.liveliness`."""
    import numpy as np

    result = np.zeros_like(f0)
    voiced = f0 > 0
    if not voiced.any():
        return result
    log = np.log(f0[voiced])
    middle = float(np.median(log))
    log = middle + (log - middle) * traits.liveliness + traits.pitch / 12 * math.log(2)
    result[voiced] = np.clip(np.exp(log), _LOWEST_MADE, _HIGHEST_MADE)
    return result


def measure(original: NDArray[np.float32], made: NDArray[np.float32], rate: int, wanted: Traits) -> Reached:
    """What came out, by another tracker than the one it was made by (pYIN). Both mono, shape (n,), float32 at `rate`
    Hz. `wanted` only says where to look for the made clip's pitch."""
    before = _pitch(original, rate, 1.0)
    after = _pitch(made, rate, 2 ** (wanted.pitch / 12))
    known = before.median > 0 and after.median > 0
    return Reached(
        pitch=12 * math.log2(after.median / before.median) if known else math.nan,
        pace=len(original) / len(made),
        liveliness=after.spread / before.spread if known and before.spread > 0 else math.nan,
    )


def _pitch(samples: NDArray[np.float32], rate: int, higher: float) -> pitch.Pitch:
    import soxr

    sound = soxr.resample(samples, rate, pitch.SAMPLE_RATE) if rate != pitch.SAMPLE_RATE else samples
    return pitch.pitch(sound, higher=higher)


def _of_length(samples: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    import numpy as np

    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def _as_loud(made: NDArray[np.float64], original: NDArray[np.float64]) -> NDArray[np.float32]:
    import numpy as np

    level, wanted = (float(np.sqrt(np.mean(np.square(sound)))) for sound in (made, original))
    peak = float(np.abs(made).max(initial=0.0))
    gain = min(wanted / max(level, 1e-9), 10 ** (PEAK_DB / 20) / max(peak, 1e-9))
    return np.asarray(made * gain, dtype=np.float32)
