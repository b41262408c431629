"""Log-mel spectrograms of 16 kHz speech, 62.5 frames a second, and how a clip is levelled and trimmed before."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from engines.audio import slaney

SAMPLE_RATE = 16_000  #: Hz
N_MELS = 80
N_FFT = 1024  #: samples, also the window
HOP = 256  #: samples: 16 ms
FLOOR = 1e-4  #: of a mel magnitude: what is quieter is the synthesiser's or the room's noise
#: Log-mels are shifted and scaled to about zero mean and unit spread over the base's corpus.
MEAN, SPREAD = -5.25, 2.1
LEVEL = 0.08  #: RMS of speech after `level`, full scale = 1
_QUIET = 0.01  #: share of the loudest 10 ms under which a clip's ends are silence (40 dB)


@lru_cache(maxsize=4)
def filters() -> torch.Tensor:
    """Slaney mel filters of equal area, shape (N_MELS, N_FFT // 2 + 1) float32."""
    return torch.from_numpy(slaney.filters(SAMPLE_RATE, N_FFT, N_MELS))


@lru_cache(maxsize=4)
def window() -> torch.Tensor:
    """Hann window (N_FFT,) float32."""
    return torch.hann_window(N_FFT)


def spectrum(samples: torch.Tensor) -> torch.Tensor:
    """Complex STFT, shape (..., N_FFT // 2 + 1, 1 + n // HOP), of samples (..., n)."""
    return torch.stft(samples, N_FFT, HOP, window=window(), center=True, pad_mode="reflect", return_complex=True)


def from_magnitude(magnitude: torch.Tensor) -> torch.Tensor:
    """Normalised log-mel (..., N_MELS, frames) of an STFT magnitude (..., N_FFT // 2 + 1, frames)."""
    return (torch.log(torch.clamp_min(filters() @ magnitude, FLOOR)) - MEAN) / SPREAD


def mel(samples: torch.Tensor) -> torch.Tensor:
    """Normalised log-mel of samples (..., n) at SAMPLE_RATE: (..., N_MELS, 1 + n // HOP)."""
    return from_magnitude(spectrum(samples).abs())


def level(samples: NDArray[np.float32], keep: float = 0.05) -> NDArray[np.float32]:
    """A clip (n,) with the silence at its ends cut down to `keep` seconds and its speech at RMS LEVEL, peaks under full
    scale.

    Leading silence has no text to be aligned with, and loudness is not what tells voices apart.
    """
    frame = SAMPLE_RATE // 100
    if len(samples) < frame:
        return samples
    energy = np.sqrt(np.mean(samples[: len(samples) // frame * frame].reshape(-1, frame) ** 2, axis=1))
    if energy.max() <= 0:
        return samples
    loud = np.flatnonzero(energy > energy.max() * _QUIET)
    margin = round(keep * SAMPLE_RATE)
    cut = samples[max(0, loud[0] * frame - margin) : (loud[-1] + 1) * frame + margin]
    speech = float(np.sqrt(np.mean(energy[energy > energy.max() * 0.05] ** 2)))
    gain = min(LEVEL / speech, 0.99 / float(np.abs(cut).max()))
    return (cut * np.float32(gain)).astype(np.float32)
