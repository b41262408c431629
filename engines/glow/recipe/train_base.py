"""Train the base from a corpus: `python -m engines.glow.recipe.train_base CORPUS OUT --steps 8000 [--seed 7]`.

Every tenth-of-run a snapshot of the averaged weights is written to OUT/base, so that a base exists early. The averaged
weights (exponential moving average) are what ships: they speak more evenly than the last step's.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile as sf
import torch

from engines.glow import mel, network, phonemes

BATCH = 24
AVERAGE = 0.999  #: decay of the moving average, at most; less while the run is young


@dataclass(frozen=True)
class Item:
    """One encoded clip."""

    tokens: torch.Tensor  #: (tokens,) int64
    mel: torch.Tensor  #: (N_MELS, frames) float32
    speaker: int


def read_corpus(corpus: Path) -> tuple[list[Item], list[Item], list[str]]:
    """(training, held-out, speaker names). Every fiftieth clip of a speaker is held out. Encodings are cached in the
    corpus folder."""
    cache = corpus / "encoded-2.pt"
    if cache.exists():
        kept = torch.load(cache, weights_only=True)
        return [Item(*one) for one in kept["train"]], [Item(*one) for one in kept["held_out"]], kept["names"]
    lines = [json.loads(line) for line in (corpus / "corpus.jsonl").read_text().splitlines()]
    names = list(dict.fromkeys(line["speaker"] for line in lines))
    train: list[Item] = []
    held_out: list[Item] = []
    counts = Counter[str]()
    for line in lines:
        samples, _ = sf.read(corpus / line["path"], dtype="float32")
        features = mel.mel(torch.from_numpy(mel.level(samples)))
        ids = torch.tensor(phonemes.tokens(phonemes.phonemes(line["words"])))
        if features.shape[-1] // 2 * 2 < len(ids):
            continue
        counts[line["speaker"]] += 1
        (held_out if counts[line["speaker"]] % 50 == 0 else train).append(
            Item(ids, features, names.index(line["speaker"]))
        )
    plain = {
        part: [(one.tokens, one.mel, one.speaker) for one in items]
        for part, items in (("train", train), ("held_out", held_out))
    }
    torch.save({**plain, "names": names}, cache)
    return train, held_out, names


def batches(items: list[Item], rng: random.Random) -> list[list[Item]]:
    """One epoch: every clip once, clips of like length together, batches in random order."""
    order = sorted(items, key=lambda item: item.mel.shape[-1] * rng.uniform(0.9, 1.1))
    groups = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    rng.shuffle(groups)
    return groups


def collate(items: list[Item]) -> tuple[torch.Tensor, ...]:
    """(tokens, token lengths, mels, mel lengths, speakers), as `network.forward` takes them."""
    return (
        *network.pad([item.tokens for item in items]),
        *network.pad([item.mel for item in items]),
        torch.tensor([item.speaker for item in items]),
    )


def loss(model: Any, items: list[Item]) -> dict[str, torch.Tensor]:
    """`network.losses` of a batch: scalars ()."""
    texts, text_lengths, mels, mel_lengths, speakers = collate(items)
    outputs = network.forward(model, texts, text_lengths, mels, mel_lengths, speakers)
    return network.losses(model, outputs, text_lengths, mel_lengths)


def halve(model: Any) -> None:
    """Run the flows' inner networks, most of the work, in bfloat16: a fifth faster on CPUs that have it. The flows stay
    float32."""
    for flow in model.decoder.flows:
        if hasattr(flow, "wn"):
            inner = torch.autocast("cpu", torch.bfloat16)(flow.wn.forward)
            flow.wn.forward = lambda *arguments, inner=inner: inner(*arguments).float()


def train(corpus: Path, out: Path, steps: int, seed: int, rate: float, start: Path | None = None) -> None:
    """Train from nothing, or go on from the base in `start`, whose speakers must be the corpus's."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    train_items, held_out, names = read_corpus(corpus)
    # No dropout in the flows: the corpus is large for them, and random numbers are a fifth of a step's time.
    settings = network.Settings(speakers=tuple(names), dropout={"encoder": 0.1, "decoder": 0.0, "duration": 0.1})
    if start is None:
        model = network.build(settings)
        network.initialise(model.train(), *collate(rng.sample(train_items, 48)))
    else:
        model, settings = network.load(start)
        assert settings.speakers == tuple(names), f"{start} has other speakers"
    model.train()
    averaged = copy.deepcopy(model).eval()
    halve(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=1e-4, fused=True)
    warm_up = max(1, min(200, steps // 10))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / warm_up, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))),
    )
    (out / "base").mkdir(parents=True, exist_ok=True)
    print(
        f"{len(train_items)} clips, {len(held_out)} held out, "
        f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters",
        flush=True,
    )
    queue: list[list[Item]] = []
    began, clock, sums = time.monotonic(), time.monotonic(), defaultdict[str, float](float)
    for step in range(1, steps + 1):
        queue = queue or batches(train_items, rng)
        parts = loss(model, queue.pop())
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(parts["loss"])
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        decay = min(AVERAGE, (1 + step) / (10 + step))
        with torch.no_grad():
            for ours, theirs in zip(averaged.parameters(), model.parameters(), strict=True):
                ours.lerp_(theirs, 1 - decay)
        for name, value in parts.items():
            sums[name] += float(value.detach())
        if step % 50 == 0:
            shown = " ".join(f"{name} {total / 50:.3f}" for name, total in sums.items())
            print(f"step {step} {shown} {(time.monotonic() - clock) / 50:.2f} s/step", flush=True)
            clock, sums = time.monotonic(), defaultdict[str, float](float)
        if step % max(1, steps // 10) == 0 or step == steps:
            with torch.no_grad():
                held = [loss(averaged, held_out[at : at + BATCH]) for at in range(0, len(held_out), BATCH)]
            figures = {name: float(sum(parts[name] for parts in held)) / len(held) for name in held[0]}
            print(f"step {step} held out {figures} after {time.monotonic() - began:.0f} s", flush=True)
            network.save(averaged, settings, out / "base", torch.float16, {"steps": step, "held_out": figures})
            clock = time.monotonic()
    network.save(model, settings, out, more={"steps": steps})


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--steps", type=int, default=8000)
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--rate", type=float, default=1e-3)
    arguments.add_argument("--start", type=Path, help="folder of a base to go on from")
    options = arguments.parse_args()
    train(options.corpus, options.out, options.steps, options.seed, options.rate, options.start)


if __name__ == "__main__":
    main()
