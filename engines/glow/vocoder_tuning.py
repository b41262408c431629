"""What teaches the vocoder: recordings with their pitch, and the losses of a step, for the base's vocoder
(`engines.glow.recipe.train_vocoder`) and for one that learns a voice (`tune`).

A voice's vocoder learns from the mels of its recordings alone, not from what the acoustic model says: that brings
likeness, but costs quality (MODEL_CARD.md, "A vocoder that learns the voice"). So it can be learned before the acoustic
model is, and is the same for all of a run's checkpoints.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from engines.glow import mel
from engines.glow.vocoder import HarmonicNoise, synthesise

FRAMES = 80  #: of a piece of a recording
WINDOWS = ((256, 64), (512, 128), (1024, 256))  #: (n_fft, hop) of the spectral loss
LOWEST, HIGHEST = 60.0, 480.0  #: Hz, of pitch that is looked for
#: Of `tune`: pieces in a step, the highest rate, and the share of steps in which it rises to that.
BATCH, RATE, RISE = 8, 3e-4, 0.1
#: Of `improved`: one recording in so many is not learned from, pieces of those that are compared, and by what share
#: they must come nearer. On voices for trying 9 % and 3 % went with likeness that rose by 0.011 and 0.021, 1 % and 1 %
#: with 0.003 and -0.004.
ONE_IN, JUDGED, GAIN = 6, 24, 0.02


@dataclass(frozen=True)
class Recording:
    """What the vocoder learns from."""

    samples: torch.Tensor  #: (n,), levelled (`mel.level`)
    mel: torch.Tensor  #: (N_MELS, frames)
    f0: torch.Tensor  #: Hz (frames,), held where unvoiced
    voiced: torch.Tensor  #: 0 or 1 (frames,)


@dataclass(frozen=True)
class Losses:
    """Of one step: scalars () with a gradient."""

    spectral: torch.Tensor  #: `spectral_distance` of what the network makes of its mel at the recording's own pitch
    pitch: torch.Tensor  #: cross entropy of the pitch that it names, where there is a voice
    voicing: torch.Tensor  #: cross entropy of where it hears a voice

    @property
    def whole(self) -> torch.Tensor:
        return self.spectral + 0.1 * self.pitch + 0.2 * self.voicing


def recording(samples: NDArray[np.float32]) -> Recording | None:
    """Of mono samples (n,) at mel.SAMPLE_RATE, with pitch by pYIN. None if they are shorter than a piece."""
    from engines.metrics.pyin import pyin

    samples = mel.level(samples)
    if len(samples) < (FRAMES + 1) * mel.HOP:
        return None
    f0, voiced = pyin(samples, mel.SAMPLE_RATE, LOWEST, HIGHEST)
    sound = torch.from_numpy(samples)
    return Recording(sound, mel.mel(sound), *held(f0, voiced))


def held(f0: NDArray[np.float64], voiced: NDArray[np.bool_]) -> tuple[torch.Tensor, torch.Tensor]:
    """(Hz, voiced 0 or 1), both (frames,) float32, of a tracker's: pitch is drawn straight through what has none."""
    known = np.flatnonzero(voiced)
    if not len(known):
        return torch.full((len(f0),), 120.0), torch.zeros(len(f0))
    drawn = np.exp(np.interp(np.arange(len(f0)), known, np.log(f0[known])))
    return torch.from_numpy(drawn.astype(np.float32)), torch.from_numpy(voiced.astype(np.float32))


def pieces(recordings: Sequence[Recording], count: int, draw: random.Random) -> Recording:
    """So many pieces of FRAMES frames out of recordings, stacked along a new first axis."""
    found = []
    for one in draw.choices(recordings, k=count):
        at = draw.randrange(len(one.samples) // mel.HOP - FRAMES)
        cut = slice(at, at + FRAMES)
        found.append(
            (one.samples[at * mel.HOP : (at + FRAMES) * mel.HOP], one.mel[:, cut], one.f0[cut], one.voiced[cut])
        )
    return Recording(*(torch.stack(column) for column in zip(*found, strict=True)))


def losses(network: HarmonicNoise, batch: Recording, blur: float, noise: torch.Generator) -> Losses:
    """Of pieces. `blur` is the spread of noise on their mels: what an acoustic model predicts is not exact, and a
    little of it keeps pitch and envelopes steady then."""
    features = batch.mel + blur * torch.randn(batch.mel.shape, generator=noise)
    parts = network(features)
    hiss = torch.randn(batch.samples.shape, generator=noise)
    spoken = synthesise(batch.f0, batch.voiced, parts.harmonic, parts.noise, hiss)
    edge = 2 * mel.HOP  # the pieces' ends lack the pulses from before
    spectral = spectral_distance(spoken[:, edge:-edge], batch.samples[:, edge:-edge])
    classes = network.frequencies().log()
    spacing = float(classes[1] - classes[0])
    near = torch.exp(-0.5 * ((batch.f0.log()[:, None] - classes[None, :, None]) / (1.2 * spacing)) ** 2)
    named = functional.cross_entropy(parts.pitch, near / near.sum(dim=1, keepdim=True), reduction="none")
    pitch = (named * batch.voiced).sum() / batch.voiced.sum().clamp(min=1)
    return Losses(spectral, pitch, functional.binary_cross_entropy_with_logits(parts.voicing, batch.voiced))


def spectral_distance(ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Log magnitudes' mean difference plus spectral convergence, over WINDOWS (Yamamoto et al. 2020). Samples (batch,
    n)."""
    total = torch.zeros(())
    for n_fft, hop in WINDOWS:
        window = torch.hann_window(n_fft)
        a, b = (
            torch.stft(samples, n_fft, hop, window=window, return_complex=True).abs() + 1e-5
            for samples in (ours, theirs)
        )
        floor = 3e-3 * n_fft / 1024  # below it is the synthesisers' own noise
        total = (
            total
            + (torch.log(a.clamp_min(floor)) - torch.log(b.clamp_min(floor))).abs().mean()
            + 0.5 * torch.linalg.norm(a - b) / torch.linalg.norm(b)
        )
    return total / len(WINDOWS)


def improved(
    network: HarmonicNoise,
    recordings: Sequence[Recording],
    steps: int,
    seed: int,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> bool:
    """`tune` on most of the recordings, and say whether the others came nearer by GAIN: else the vocoder knows the
    voice as it is, and what it learned costs likeness. Raises ValueError for fewer than two recordings."""
    if len(recordings) < 2:
        raise ValueError("one to learn from and one to listen to")
    apart = recordings[::ONE_IN]
    before = _distance(network, apart)
    tune(network, [one for index, one in enumerate(recordings) if index % ONE_IN], steps, seed, on_step)
    return _distance(network, apart) <= (1 - GAIN) * before


@torch.no_grad()
def _distance(network: HarmonicNoise, recordings: Sequence[Recording]) -> float:
    """Mean spectral distance of pieces of recordings."""
    batch = pieces(recordings, JUDGED, random.Random(0))
    return float(losses(network, batch, 0.0, torch.Generator().manual_seed(0)).spectral)


def tune(
    network: HarmonicNoise,
    recordings: Sequence[Recording],
    steps: int,
    seed: int,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Teach the vocoder a voice, in place, on the CPU. `on_step(done, total)` is called before each step, and may
    raise. The same recordings, seed and number of threads give the same weights."""
    draw, noise = random.Random(seed), torch.Generator().manual_seed(seed)
    network.train()
    network.requires_grad_(True)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, betas=(0.8, 0.99), weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=RISE)
    try:
        for step in range(steps):
            on_step(step, steps)
            found = losses(network, pieces(recordings, BATCH, draw), 0.1 * draw.random(), noise)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(found.whole)
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            schedule.step()
    finally:
        network.requires_grad_(False)
        network.eval()
