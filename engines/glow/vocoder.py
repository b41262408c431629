"""Mel spectrograms as sound. Griffin-Lim until a base brings a trained vocoder."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Protocol

import torch

from engines.glow import mel


class Vocoder(Protocol):
    """What turns a normalised log-mel (N_MELS, frames) into samples (frames × HOP,) at mel.SAMPLE_RATE."""

    def __call__(self, features: torch.Tensor, generator: torch.Generator) -> torch.Tensor: ...


@lru_cache(maxsize=1)
def _inverse_filters() -> torch.Tensor:
    """Pseudo-inverse of the mel filters, shape (N_FFT // 2 + 1, N_MELS)."""
    return torch.linalg.pinv(mel.filters())


class GriffinLim:
    """Phase by alternating projections with momentum (Perraudin et al. 2013). Needs no weights; sounds metallic."""

    def __init__(self, iterations: int = 32, momentum: float = 0.99) -> None:
        self.iterations, self.momentum = iterations, momentum

    def __call__(self, features: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        features = features.cpu()
        melody = torch.exp(features * mel.SPREAD + mel.MEAN)
        magnitude = torch.clamp_min(_inverse_filters() @ melody, 1e-5)
        for _ in range(20):  # non-negative least squares by multiplicative updates: pinv alone leaves holes where it went negative
            magnitude = magnitude * ((mel.filters().T @ melody) / (mel.filters().T @ (mel.filters() @ magnitude) + 1e-8))
        length = features.shape[-1] * mel.HOP
        phase = torch.exp(2j * torch.pi * torch.rand(magnitude.shape, generator=generator))
        previous = torch.zeros_like(phase)
        for _ in range(self.iterations):
            samples = _invert(magnitude * phase, length)
            rebuilt = mel.spectrum(samples)[..., : magnitude.shape[-1]]
            ahead = rebuilt - self.momentum / (1 + self.momentum) * previous
            phase = ahead / torch.clamp_min(ahead.abs(), 1e-12)
            previous = rebuilt
        return _invert(magnitude * phase, length)


def _invert(spectrum: torch.Tensor, length: int) -> torch.Tensor:
    return torch.istft(spectrum, mel.N_FFT, mel.HOP, window=mel.window(), center=True, length=length)


def load(base: Path) -> Vocoder:
    """The vocoder of a base folder: its own if it brings one."""
    return GriffinLim()
