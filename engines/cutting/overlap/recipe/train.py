"""Train the detector of overlapping speech:

    python -m engines.cutting.overlap.recipe.train FOLDER [--utterances 24] [--examples 8000] [--epochs 10]

FOLDER gets what the synthesisers say, once; the weights go beside `network.py`. With one thread it takes some six CPU
minutes, and as many again for the speech. The same arguments and program versions give the same weights, but for the
last bits.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from engines.cutting.overlap import features
from engines.cutting.overlap.network import DILATIONS, WEIGHTS
from engines.cutting.overlap.recipe import mixtures, speakers

HIDDEN, BATCH, LEARNING_RATE = 52, 32, 2e-3
#: Seeds of the examples of other sets begin here.
FIRST = {"learnt": 0, "choosing": 1_000_000, "reported": 2_000_000}

Examples = tuple[NDArray[np.float16], NDArray[np.float16]]


class Trained(nn.Module):
    """`network.Network` in torch."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv1d(features.SIZE, HIDDEN, 3, padding=1)
        self.layers = nn.ModuleList(nn.Conv1d(HIDDEN, HIDDEN, 3, padding=far, dilation=far) for far in DILATIONS)
        self.leave = nn.Conv1d(HIDDEN, 1, 1)

    def forward(self, heard: torch.Tensor) -> torch.Tensor:
        """Logits (clips, moments) of (clips, features.SIZE, moments)."""
        hidden = functional.relu(self.enter(heard))
        for layer in self.layers:
            hidden = hidden + functional.relu(layer(functional.dropout(hidden, 0.1, self.training)))
        told: torch.Tensor = self.leave(hidden)[:, 0]
        return told

    def tensors(self) -> dict[str, NDArray[np.float16]]:
        """As `network.Network` has them."""
        named = {"enter": self.enter, "leave": self.leave, **{f"layer{n}": one for n, one in enumerate(self.layers)}}
        found = {}
        for name, layer in named.items():
            assert isinstance(layer, nn.Conv1d)
            assert layer.bias is not None
            weight = layer.weight.detach().numpy().transpose(2, 1, 0)
            found[f"{name}.weight"] = (weight[0] if name == "leave" else weight).astype(np.float16)
            found[f"{name}.bias"] = layer.bias.detach().numpy().astype(np.float16)
        return found


def heard(voices: speakers.Utterances, seeds: range) -> Examples:
    """(features (examples, moments, SIZE), labels (examples, moments))."""
    found, labels = [], []
    for seed in seeds:
        one = mixtures.example(voices, seed)
        moments = features.heard(one.sound).astype(np.float16)
        found.append(moments)
        begin = features.LONG // 2 // features.HOP  # a moment is in the middle of its window
        labels.append(one.overlap[begin : begin + len(moments)].astype(np.float16))
    return np.stack(found), np.stack(labels)


def examples(which: str, folder: Path, count: int) -> Examples:
    """So many examples of a set."""
    voices = speakers.load(which, folder)
    first, part = FIRST[which], -(-count // 16)
    seeds = [range(first + at, first + min(count, at + part)) for at in range(0, count, part)]
    with ProcessPoolExecutor(2) as pool:
        parts = list(pool.map(partial(heard, voices), seeds))
    return np.concatenate([one for one, _ in parts]), np.concatenate([one for _, one in parts])


def train(of: Examples, beside: Examples, epochs: int, seed: int = 3) -> Trained:
    """The network, trained on the first and looked at on the second."""
    torch.manual_seed(seed)
    network = Trained()
    steps = epochs * (len(of[0]) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, steps)
    for epoch in range(epochs):
        began, total = time.monotonic(), 0.0
        network.train()
        for sound, label in _batches(of, np.random.default_rng([seed, epoch])):
            loss = _loss(network(sound), label)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        network.eval()
        with torch.no_grad():
            other = float(np.mean([float(_loss(network(sound), label)) for sound, label in _batches(beside, None)]))
        mean = total / (len(of[0]) // BATCH)
        print(f"epoch {epoch + 1}: {mean:.4f}, choosing {other:.4f}, {time.monotonic() - began:.0f} s", flush=True)
    return network


def _batches(of: Examples, draw: np.random.Generator | None) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    sounds, labels = of
    order = np.arange(len(sounds)) if draw is None else draw.permutation(len(sounds))
    for at in range(0, len(order) - BATCH + 1, BATCH):
        chosen = order[at : at + BATCH]
        sound = torch.from_numpy(sounds[chosen].astype(np.float32)).transpose(1, 2)
        if draw is not None:  # another level, and a colour, so that neither is learnt by heart
            sound = sound + torch.from_numpy(draw.normal(0, 0.05, (len(chosen), 1, 1)).astype(np.float32))
        yield sound, torch.from_numpy(labels[chosen].astype(np.float32))


def _loss(told: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    asked = ~torch.isnan(label)
    return functional.binary_cross_entropy_with_logits(told[asked], label[asked])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--utterances", type=int, default=24)
    parser.add_argument("--examples", type=int, default=8_000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not (options.folder / "reported").exists():
        speakers.make_all(options.folder, options.utterances)
    began = time.monotonic()
    of, beside = examples("learnt", options.folder, options.examples), examples("choosing", options.folder, 640)
    print(f"{options.examples} examples took {time.monotonic() - began:.0f} s", flush=True)
    network = train(of, beside, options.epochs)
    tensors: dict[str, Any] = dict(network.tensors())
    np.savez_compressed(options.out, **tensors)
    count = sum(one.numel() for one in network.parameters())
    print(f"{count} parameters, {options.out.stat().st_size} bytes, {time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
