"""A real, small engine for tests: a network with dropout and batch norm that learns a random linear map from "clips" of
varying length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from engines.base import Batch, Clip, EngineInfo, Features, Learning, LoraSettings
from engines.capabilities import Capability

LEARNING = Learning(first_steps=(100, 2.0), increment_steps=(20, 0.5), learning_rate=1e-2, memory=0)
INFO = EngineInfo(
    name="toy", title="Toy", package="tests.engines.training.toy_engine", languages=("en",), sample_rate=16_000,
    licence="", licence_url="", capabilities=frozenset({Capability.LEARNS}), clip_seconds=(0.1, 10.0),
    learning=LEARNING,
)  # fmt: skip


class ToyModel:
    kind = "full"

    def __init__(self, device: str = "cpu", width: int = 16) -> None:
        torch.manual_seed(7)
        self.device = torch.device(device)
        self.module = nn.Sequential(
            nn.Linear(4, width), nn.BatchNorm1d(width), nn.Tanh(), nn.Dropout(0.1), nn.Linear(width, 2)
        ).to(self.device)


class ToyEngine:
    info = INFO

    def __init__(self, width: int = 16) -> None:
        self.width = width

    def base_dir(self) -> Path:
        raise NotImplementedError

    def base_fingerprint(self) -> str:
        return "toy-1"

    def encode(self, clip: Clip) -> Features:
        rng = np.random.default_rng(int(clip.sha256[:8], 16))
        return features(rng)

    def length(self, features: Features) -> int:
        return len(features["x"])

    def load(
        self, version: Path | None, *, device: str = "cpu", training: bool = False, reference: Sequence[Clip] = ()
    ) -> ToyModel:
        model = ToyModel(device, self.width)
        if version:
            model.module.load_state_dict(load_file(version / "model.safetensors"))
        return model

    def trainable(self, model: ToyModel, lora: LoraSettings | None) -> list[torch.nn.Parameter]:
        return list(model.module.parameters())

    def collate(self, features: Sequence[Features], prompts: Sequence[Features] = ()) -> Batch:
        longest = max(len(f["x"]) for f in features)
        x, y, mask = (np.zeros((len(features), longest, *shape), "f4") for shape in ((4,), (2,), ()))
        for i, f in enumerate(features):
            n = len(f["x"])
            x[i, :n], y[i, :n], mask[i, :n] = f["x"], f["y"], 1
        return {
            "x": torch.from_numpy(x),
            "y": torch.from_numpy(y),
            "mask": torch.from_numpy(mask),
            "clips": len(features),
        }

    def losses(self, model: ToyModel, batch: Batch) -> dict[str, torch.Tensor]:
        x, y, mask = (batch[name].to(model.device) for name in ("x", "y", "mask"))
        guess = model.module(x.flatten(0, 1)).view(*y.shape)
        per_clip = ((guess - y).square().mean(-1) * mask).sum(1) / mask.sum(1)
        return {"loss": per_clip.mean(), "bias": guess.mean()}

    def save(self, model: ToyModel, folder: Path) -> None:
        save_file(model.module.state_dict(), folder / "model.safetensors")

    def merge(self, model: ToyModel) -> ToyModel:
        return model


def features(rng: np.random.Generator) -> Features:
    """One clip: 3 to 20 frames of 4 numbers, and the 2 numbers to be guessed for each frame."""
    x = rng.standard_normal((int(rng.integers(3, 21)), 4)).astype("f4")
    weights = np.random.default_rng(99).standard_normal((4, 2)).astype("f4")
    return {"x": x, "y": x @ weights}


def clips(count: int, seed: int = 1) -> list[Features]:
    rng = np.random.default_rng(seed)
    return [features(rng) for _ in range(count)]
