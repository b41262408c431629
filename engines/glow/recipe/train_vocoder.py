"""Train the base's vocoder from the corpus: `python -m engines.glow.recipe.train_vocoder CORPUS OUT --steps 5000
[--seed 7]`.

Every second clip is heard at a random size (resampled by 0.85 to 1.3), so that the pitches and vocal tracts of the few
synthetic voices cover those of people. Pitch and voicing are taught by pYIN; the envelopes by spectral distances at
three window lengths.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import soundfile as sf
import soxr
import torch
from torch.nn import functional

from engines.glow import mel
from engines.glow.vocoder import HarmonicNoise, Settings, save, synthesise

FRAMES, BATCH = 80, 16  #: of a training piece; pieces in a step
WINDOWS = ((256, 64), (512, 128), (1024, 256))  #: (n_fft, hop) of the spectral loss


@dataclass(frozen=True)
class Clip:
    samples: torch.Tensor  #: (n,)
    mel: torch.Tensor  #: (N_MELS, frames)
    f0: torch.Tensor  #: Hz (frames,), held where unvoiced
    voiced: torch.Tensor  #: 0 or 1 (frames,)


def prepare(corpus: Path, clips: int, seed: int) -> list[Clip]:
    """Clips of every speaker alike, with pitch. Cached in the corpus folder: pYIN takes minutes."""
    cache = corpus / "pitched-2.pt"
    if cache.exists():
        return [Clip(*one) for one in torch.load(cache, weights_only=True)]
    rng = random.Random(seed)
    lines = [json.loads(line) for line in (corpus / "corpus.jsonl").read_text().splitlines()]
    by_speaker = defaultdict(list)
    for line in lines:
        by_speaker[line["speaker"]].append(corpus / line["path"])
    paths = [
        path
        for speaker in by_speaker.values()
        for path in rng.sample(speaker, min(len(speaker), clips // len(by_speaker)))
    ]
    rng.shuffle(paths)
    found = []
    for index, path in enumerate(paths):
        samples, _ = sf.read(path, dtype="float32")
        if index % 2:
            samples = soxr.resample(samples, mel.SAMPLE_RATE * rng.uniform(0.85, 1.3), mel.SAMPLE_RATE)
        samples = mel.level(samples)
        if len(samples) >= (FRAMES + 1) * mel.HOP:
            found.append(Clip(torch.from_numpy(samples), mel.mel(torch.from_numpy(samples)), *pitch(samples)))
    torch.save([(one.samples, one.mel, one.f0, one.voiced) for one in found], cache)
    return found


def pitch(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> tuple[torch.Tensor, torch.Tensor]:
    """(Hz, voiced), one value a mel frame. pYIN's voicing and octave; YIN's finer pitch where the two agree."""
    size = {"sr": mel.SAMPLE_RATE, "frame_length": 1024, "hop_length": mel.HOP, "fmin": 60, "fmax": 480}
    f0, voiced, _ = librosa.pyin(samples, resolution=0.2, n_thresholds=40, switch_prob=0.02, **size)
    fine = librosa.yin(samples, **size)
    f0 = np.where(np.abs(fine / f0 - 1) < 0.03, fine, f0)
    known = np.flatnonzero(voiced)
    if not len(known):
        return torch.full((len(f0),), 120.0), torch.zeros(len(f0))
    held = np.exp(np.interp(np.arange(len(f0)), known, np.log(f0[known])))
    return torch.from_numpy(held.astype(np.float32)), torch.from_numpy(voiced.astype(np.float32))


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


def train(corpus: Path, out: Path, steps: int, seed: int, rate: float) -> None:
    torch.manual_seed(seed)
    rng = random.Random(seed)
    clips = prepare(corpus, 900, seed)
    network = HarmonicNoise(Settings())
    out.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, betas=(0.8, 0.99), weight_decay=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=0.05)
    classes = network.frequencies().log()
    spacing = float(classes[1] - classes[0])
    print(f"{len(clips)} clips, {sum(p.numel() for p in network.parameters()) / 1e6:.2f} M parameters", flush=True)
    began, sums = time.monotonic(), defaultdict[str, float](float)
    for step in range(1, steps + 1):
        pieces = []
        for clip in rng.choices(clips, k=BATCH):
            at = rng.randrange(len(clip.samples) // mel.HOP - FRAMES)
            cut = slice(at, at + FRAMES)
            pieces.append(
                (clip.samples[at * mel.HOP : (at + FRAMES) * mel.HOP], clip.mel[:, cut], clip.f0[cut], clip.voiced[cut])
            )
        samples, features, f0, voiced = (torch.stack(column) for column in zip(*pieces, strict=True))
        # What an acoustic model predicts is not exact: a little blur and noise keeps pitch and envelopes steady then.
        features = features + 0.1 * rng.random() * torch.randn_like(features)
        parts = network(features)
        spoken = synthesise(f0, voiced, parts.harmonic, parts.noise, torch.randn(samples.shape))
        edge = 2 * mel.HOP  # the pieces' ends lack the pulses from before
        spectral = spectral_distance(spoken[:, edge:-edge], samples[:, edge:-edge])
        near = torch.exp(-0.5 * ((f0.log()[:, None] - classes[None, :, None]) / (1.2 * spacing)) ** 2)
        named = functional.cross_entropy(parts.pitch, near / near.sum(dim=1, keepdim=True), reduction="none")
        pitch_loss = (named * voiced).sum() / voiced.sum().clamp(min=1)
        voicing = functional.binary_cross_entropy_with_logits(parts.voicing, voiced)
        loss = spectral + 0.1 * pitch_loss + 0.2 * voicing
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            off = (((network.f0(parts.pitch) / f0 - 1).abs() > 0.05).float() * voiced).sum() / voiced.sum()
        for name, value in (("spectral", spectral), ("pitch", pitch_loss), ("voicing", voicing), ("off5%", off)):
            sums[name] += float(value.detach())
        if step % 100 == 0:
            shown = " ".join(f"{name} {total / 100:.3f}" for name, total in sums.items())
            print(f"step {step} {shown} {(time.monotonic() - began) / step:.3f} s/step", flush=True)
            sums.clear()
        if step % 500 == 0 or step == steps:
            save(network, out)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--steps", type=int, default=5000)
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--rate", type=float, default=1e-3)
    options = arguments.parse_args()
    train(options.corpus, options.out, options.steps, options.seed, options.rate)


if __name__ == "__main__":
    main()
