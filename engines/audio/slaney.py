"""Mel filters as in Slaney's Auditory Toolbox (1998): the ones librosa makes, to the last bit. To import librosa's
takes a worker two seconds, twice as long as torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def filters(sample_rate: int, window: int, count: int) -> NDArray[np.float32]:
    """Filters of equal area from 0 Hz to half of the sample rate, shape (count, window // 2 + 1), for the power or
    magnitude spectra of a window of so many samples."""
    import numpy as np

    edges = _edges(sample_rate, count)
    away = np.subtract.outer(edges, np.fft.rfftfreq(window, 1 / sample_rate))
    width = np.diff(edges)[:, None]
    slopes = np.minimum(-away[:-2] / width[:-1], away[2:] / width[1:])
    weights: NDArray[np.float32] = np.maximum(0, slopes).astype(np.float32)
    weights *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return weights


def _edges(sample_rate: int, count: int) -> NDArray[np.float64]:
    """Edges and middles of the filters, Hz, shape (count + 2,): even steps up to 1 kHz, even ratios above."""
    import numpy as np

    step, knee = 200.0 / 3, 1000.0
    ratio, at_knee = np.log(6.4) / 27.0, knee / step
    mels = np.linspace(0.0, at_knee + np.log(sample_rate / 2 / knee) / ratio, count + 2)
    edges: NDArray[np.float64] = step * mels
    above = mels >= at_knee
    edges[above] = knee * np.exp(ratio * (mels[above] - at_knee))
    return edges
