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
from pathlib import Path

import librosa
import numpy as np
import soundfile as sf
import soxr
import torch

from engines.glow import mel
from engines.glow.vocoder import HarmonicNoise, Settings, save
from engines.glow.vocoder_tuning import FRAMES, HIGHEST, LOWEST, Recording, held, losses, pieces

BATCH = 16  #: pieces in a step


def prepare(corpus: Path, clips: int, seed: int) -> list[Recording]:
    """Clips of every speaker alike, with pitch. Cached in the corpus folder: pYIN takes minutes."""
    cache = corpus / "pitched-2.pt"
    if cache.exists():
        return [Recording(*one) for one in torch.load(cache, weights_only=True)]
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
            found.append(Recording(torch.from_numpy(samples), mel.mel(torch.from_numpy(samples)), *pitch(samples)))
    torch.save([(one.samples, one.mel, one.f0, one.voiced) for one in found], cache)
    return found


def pitch(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> tuple[torch.Tensor, torch.Tensor]:
    """(Hz, voiced), one value a mel frame. pYIN's voicing and octave; YIN's finer pitch where the two agree."""
    size = {"sr": mel.SAMPLE_RATE, "frame_length": 1024, "hop_length": mel.HOP, "fmin": LOWEST, "fmax": HIGHEST}
    f0, voiced, _ = librosa.pyin(samples, resolution=0.2, n_thresholds=40, switch_prob=0.02, **size)
    fine = librosa.yin(samples, **size)
    f0 = np.where(np.abs(fine / f0 - 1) < 0.03, fine, f0)
    return held(f0, voiced)


def train(corpus: Path, out: Path, steps: int, seed: int, rate: float) -> None:
    torch.manual_seed(seed)
    rng = random.Random(seed)
    clips = prepare(corpus, 900, seed)
    network = HarmonicNoise(Settings())
    out.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, betas=(0.8, 0.99), weight_decay=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=0.05)
    noise = torch.Generator().manual_seed(seed)
    print(f"{len(clips)} clips, {sum(p.numel() for p in network.parameters()) / 1e6:.2f} M parameters", flush=True)
    began, sums = time.monotonic(), defaultdict[str, float](float)
    for step in range(1, steps + 1):
        batch = pieces(clips, BATCH, rng)
        blur = 0.1 * rng.random()
        found = losses(network, batch, blur, noise)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(found.whole)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        for name, value in vars(found).items():
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
