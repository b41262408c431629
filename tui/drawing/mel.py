"""Mel spectrum of a sound, for looking at: decibels per picture cell. Plain numpy, loaded when the first is asked
for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RANGE = 70.0  #: decibels between the darkest and the brightest
WINDOW = 0.04  #: seconds that one spectrum looks at, at least
FRAMES = 3  #: spectra averaged in a column at most; more would not be seen


def mel(hertz: float) -> float:
    """The mel scale (O'Shaughnessy's formula, as in HTK)."""
    from math import log10

    return 2595.0 * log10(1.0 + hertz / 700.0)


def hertz(mels: float) -> float:
    """Its inverse."""
    return float(700.0 * (10.0 ** (mels / 2595.0) - 1.0))


def spectrum(samples: bytes | bytearray, rate: int, seconds: float, columns: int, bands: int) -> NDArray[np.float64]:
    """(bands, columns) of brightness, 0 to 1; band 0 is the lowest. The picture is `seconds` wide; where no sound is
    yet, it is 0.

    `samples`: little-endian float32 at `rate` Hz.
    """
    import numpy as np

    sound = np.frombuffer(bytes(samples), "<f4").astype(np.float64)
    sound = np.nan_to_num(sound[: int(seconds * rate)])
    result = np.zeros((bands, columns))
    if not len(sound) or not columns or not bands:
        return result
    size = 1 << int(np.ceil(np.log2(WINDOW * rate)))
    step = seconds * rate / columns
    known = min(int(np.ceil(len(sound) / step)), columns)
    each = min(FRAMES, max(1, int(step / (size / 2))))
    places = (np.arange(known)[:, None] * step + (np.arange(each) + 0.5) * step / each).astype(int)  # (columns, frames)
    padded = np.pad(sound, (size // 2, size))
    frames = padded[places[..., None] + np.arange(size)] * np.hanning(size)  # (columns, frames, samples)
    power = (np.abs(np.fft.rfft(frames)) ** 2).mean(1)  # (columns, bins)
    decibels = 10 * np.log10(power @ filters(rate, size, bands).T + 1e-12)
    top = max(float(decibels.max()), -40.0)  # silence stays dark
    result[:, :known] = np.clip((decibels.T - top + RANGE) / RANGE, 0, 1)
    return result


def filters(rate: int, size: int, bands: int) -> NDArray[np.float64]:
    """(bands, size // 2 + 1): triangles evenly spread over the mel scale, each of weight 1, none without a bin."""
    import numpy as np

    edges = np.array([hertz(mel(rate / 2) * edge / (bands + 1)) for edge in range(bands + 2)])
    bins = np.fft.rfftfreq(size, 1 / rate)
    least = rate / size  # a triangle narrower than a bin would miss them all
    low = np.minimum(edges[:-2], edges[1:-1] - least)[:, None]
    high = np.maximum(edges[2:], edges[1:-1] + least)[:, None]
    middle = edges[1:-1, None]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    triangles = np.clip(np.minimum(rising, falling), 0, None)
    weights: NDArray[np.float64] = triangles / triangles.sum(1, keepdims=True)
    return weights
