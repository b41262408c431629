"""What the embedder hears of speech: long silences taken out, mel spectra of what is left. As `resemblyzer.audio` does
it, but for the last bits."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from engines.audio import slaney

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE = 16_000  #: Hz
N_MELS = 40
HOP, _WINDOW = 160, 400  #: samples: 10 and 25 ms
#: The voice detector (WebRTC's, at its strictest) decides for 30 ms at a time, …
_DECIDED = 480
#: … more than half of so many around a moment must be speech, and so many beside speech are left with it.
_AROUND, _BESIDE = 8, 3
#: What is quieter is made so loud before the detector hears it, dB of full scale.
_QUIETEST = -30.0
_FULL_SCALE = 32_767


def spoken(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mono samples (n,) at SAMPLE_RATE, not all zero, without their long silences: (at most n,), brought to _QUIETEST
    if they are quieter. Empty if there is no speech."""
    import numpy as np

    level = 20 * np.log10(np.sqrt(np.mean(np.square(samples * _FULL_SCALE))) / _FULL_SCALE)
    if level < _QUIETEST:
        samples = samples * 10 ** ((_QUIETEST - level) / 20)
    whole = samples[: len(samples) // _DECIDED * _DECIDED]
    around = np.pad(_decisions(whole), ((_AROUND - 1) // 2, _AROUND // 2))
    counted = np.convolve(around, np.ones(_AROUND, int), "valid") if len(whole) else around[:0]
    beside = np.pad(counted > _AROUND // 2, _BESIDE)
    kept = np.lib.stride_tricks.sliding_window_view(beside, 2 * _BESIDE + 1).any(axis=1) if len(whole) else beside[:0]
    return whole[np.repeat(kept, _DECIDED)]


def _decisions(samples: NDArray[np.float32]) -> NDArray[np.int_]:
    """1 for each _DECIDED samples that the detector hears speech in, else 0."""
    import numpy as np
    import webrtcvad

    detector = webrtcvad.Vad(mode=3)
    pcm = np.round(samples * _FULL_SCALE).astype("<i2").tobytes()
    size = 2 * _DECIDED
    heard = [detector.is_speech(pcm[at : at + size], sample_rate=SAMPLE_RATE) for at in range(0, len(pcm), size)]
    return np.array(heard, dtype=int)


def mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mel power spectra, not their logarithms: (1 + n // HOP, N_MELS) of mono samples (n,) at SAMPLE_RATE."""
    import numpy as np

    padded = np.pad(samples, _WINDOW // 2)
    framed = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP]
    spectra = np.fft.rfft(framed * np.hanning(_WINDOW + 1)[:-1], axis=1).astype(np.complex64)
    power: NDArray[np.float32] = np.square(np.abs(spectra)) @ _filters().T
    return power


@cache
def _filters() -> NDArray[np.float32]:
    return slaney.filters(SAMPLE_RATE, _WINDOW, N_MELS)
