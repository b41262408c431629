"""Train the base from a corpus: `python -m engines.glow.recipe.train_base CORPUS OUT --steps 8000 [--seed 7]
[--start BASE] [--minutes M] [--batch 24]`.

Every SAVED steps a snapshot of the averaged weights is written to OUT/base, so that a base exists early. The averaged
weights (exponential moving average) are what ships: they speak more evenly than the last step's.

With `--minutes` the learning rate falls by the clock where that is further than the steps, so that a run on a busy
machine ends in time with a whole schedule behind it; how many steps it had is written beside the weights.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import soundfile as sf
import torch

from engines.glow import mel, network, phonemes

BATCH = 24  #: clips, unless told otherwise
SAVED = 200  #: steps between snapshots
AVERAGE = 0.998  #: decay of the moving average, at most; less while the run is young


@dataclass(frozen=True)
class Plan:
    """What a run does."""

    steps: int
    seed: int
    rate: float  #: the greatest
    batch: int = BATCH  #: clips
    minutes: float = 0.0  #: after which it ends at the latest; 0: when the steps are done
    start: Path | None = None  #: a base to go on from
    spoken: float = 0.0  #: weight of `network.spoken` in the loss


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


def batches(items: list[Item], rng: random.Random, size: int = BATCH) -> list[list[Item]]:
    """One epoch: every clip once, clips of like length together, batches in random order."""
    order = sorted(items, key=lambda item: item.mel.shape[-1] * rng.uniform(0.9, 1.1))
    groups = [order[start : start + size] for start in range(0, len(order), size)]
    rng.shuffle(groups)
    return groups


def collate(items: list[Item]) -> tuple[torch.Tensor, ...]:
    """(tokens, token lengths, mels, mel lengths, speakers), as `network.forward` takes them."""
    return (
        *network.pad([item.tokens for item in items]),
        *network.pad([item.mel for item in items]),
        torch.tensor([item.speaker for item in items]),
    )


def loss(model: Any, items: list[Item], spoken: float = 1.0) -> dict[str, torch.Tensor]:
    """`network.losses` of a batch, scalars (), and "mel" as `network.spoken` says it, `spoken` times in "loss"."""
    texts, text_lengths, mels, mel_lengths, speakers = collate(items)
    outputs = network.forward(model, texts, text_lengths, mels, mel_lengths, speakers)
    parts = network.losses(model, outputs, text_lengths, mel_lengths)
    if spoken:
        parts["mel"] = network.spoken(model, outputs, mels, mel_lengths, speakers)
        parts["loss"] = parts["loss"] + spoken * parts["mel"]
    return parts


def halve(model: Any) -> None:
    """Run the flows' inner networks, most of the work, in bfloat16: a fifth faster on CPUs that have it. The flows stay
    float32."""
    for flow in model.decoder.flows:
        if hasattr(flow, "wn"):
            inner = torch.autocast("cpu", torch.bfloat16)(flow.wn.forward)
            flow.wn.forward = lambda *arguments, inner=inner: inner(*arguments).float()


def with_speakers(model: Any, settings: network.Settings, names: Sequence[str]) -> tuple[Any, network.Settings]:
    """The model with another table of speakers: whom it knows by name keeps the row; others begin as a copy of the one
    whose name begins alike ("rms-tenor" as "rms"), or as the mean of all."""
    old: torch.Tensor = model.emb_g.weight.detach()
    rows = []
    for name in names:
        alike = [known for known in (name, name.split("-")[0]) if known in settings.speakers]
        rows.append(old[settings.speakers.index(alike[0])] if alike else old.mean(dim=0))
    settings = replace(settings, speakers=tuple(names))
    grown: Any = network.build(settings)
    grown.load_state_dict({**model.state_dict(), "emb_g.weight": torch.stack(rows)})
    return grown, settings


class Progress:
    """How far a run is, 0 to 1: by steps, or by the clock where that is further."""

    def __init__(self, steps: int, minutes: float) -> None:
        self._steps, self._seconds, self._began = steps, 60 * minutes, time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self._began

    def at(self, step: int) -> float:
        return min(1.0, max(step / self._steps, self.seconds() / self._seconds if self._seconds else 0.0))


def learning_share(step: int, progress: float) -> float:
    """Of the peak learning rate: a warm-up of 100 steps, then a cosine down to 2 %."""
    return min((step + 1) / 100, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


def average(averaged: Any, model: Any, step: int) -> None:
    """Move the averaged weights towards the model's."""
    decay = min(AVERAGE, (1 + step) / (10 + step))
    with torch.no_grad():
        torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), 1 - decay)


def snapshot(averaged: Any, settings: network.Settings, held_out: list[Item], step: int, out: Path) -> dict[str, float]:
    """Write the averaged weights as a base; returns their held-out losses."""
    with torch.no_grad():
        held = [loss(averaged, held_out[at : at + BATCH]) for at in range(0, len(held_out), BATCH)]
    figures = {name: float(sum(parts[name] for parts in held)) / len(held) for name in held[0]}
    network.save(averaged, settings, out / "base", torch.float16, {"steps": step, "held_out": figures})
    return figures


def train(corpus: Path, out: Path, plan: Plan) -> None:
    """Train as planned; what it does is printed."""
    torch.manual_seed(plan.seed)
    rng = random.Random(plan.seed)
    train_items, held_out, names = read_corpus(corpus)
    if plan.start is None:
        # No dropout in the flows: the corpus is large for them, and random numbers are a fifth of a step's time.
        settings = network.Settings(speakers=tuple(names), dropout={"encoder": 0.1, "decoder": 0.0, "duration": 0.1})
        model: Any = network.build(settings)
        network.initialise(model.train(), *collate(rng.sample(train_items, 48)))
    else:
        model, settings = with_speakers(*network.load(plan.start), names)
    model.train()
    averaged = copy.deepcopy(model).eval()
    halve(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=plan.rate, betas=(0.9, 0.98), weight_decay=1e-4, fused=True)
    (out / "base").mkdir(parents=True, exist_ok=True)
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    print(f"{len(train_items)} clips, {len(held_out)} held out, {millions:.2f} M parameters", flush=True)
    queue: list[list[Item]] = []
    progress, clock, step = Progress(plan.steps, plan.minutes), time.monotonic(), 0
    sums = defaultdict[str, float](float)
    while (done := progress.at(step)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = plan.rate * learning_share(step, done)
        step += 1
        queue = queue or batches(train_items, rng, plan.batch)
        parts = loss(model, queue.pop(), plan.spoken)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(parts["loss"])
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        average(averaged, model, step)
        for name, value in parts.items():
            sums[name] += float(value.detach())
        if step % 50 == 0:
            shown = " ".join(f"{name} {total / 50:.3f}" for name, total in sums.items())
            print(f"step {step} ({done:.0%}) {shown} {(time.monotonic() - clock) / 50:.2f} s/step", flush=True)
            clock, sums = time.monotonic(), defaultdict[str, float](float)
        if step % SAVED == 0:
            print(f"step {step} held out {snapshot(averaged, settings, held_out, step, out)}", flush=True)
            clock = time.monotonic()
    figures = snapshot(averaged, settings, held_out, step, out)
    print(f"step {step} held out {figures} after {progress.seconds():.0f} s", flush=True)
    network.save(model, settings, out, more={"steps": step})


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--steps", type=int, default=8000)
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--rate", type=float, default=1e-3)
    arguments.add_argument("--start", type=Path, help="folder of a base to go on from")
    arguments.add_argument("--batch", type=int, default=BATCH)
    arguments.add_argument("--minutes", type=float, default=0.0, help="end after so many at the latest; 0: no limit")
    arguments.add_argument("--spoken", type=float, default=0.0, help="weight of what is spoken in the loss; 0: none")
    options = arguments.parse_args()
    wanted = Plan(
        options.steps, options.seed, options.rate, options.batch, options.minutes, options.start, options.spoken
    )
    train(options.corpus, options.out, wanted)


if __name__ == "__main__":
    main()
