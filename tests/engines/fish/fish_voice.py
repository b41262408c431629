"""Clips, and voices of fish whose weights have moved, for its tests."""

from __future__ import annotations

import hashlib
from pathlib import Path

import soundfile
import torch

from engines.base import Clip, Features, LoraSettings, Model
from engines.fish.engine import FishEngine
from engines.fish.model import FishModel
from engines.training.held_out import held_out_losses
from engines.training.settings import TrainSettings

LORA = LoraSettings(rank=4, alpha=8)
SETTINGS = TrainSettings(steps=1, learning_rate=1e-3)


def clip(path: Path, text: str = "", language: str = "en") -> Clip:
    """A clip of a file, with the text beside it unless one is given."""
    text = text or path.with_suffix(".txt").read_text(encoding="utf-8").strip()
    return Clip(hashlib.sha256(path.read_bytes()).hexdigest(), path, text, language, soundfile.info(path).duration)


def taught(
    engine: FishEngine, parent: Path | None, lora: LoraSettings | None, clips: list[Clip], seed: int = 1
) -> FishModel:
    """A voice whose trained parameters have moved."""
    voice = engine.load(parent, training=True, reference=clips[:2])
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in engine.trainable(voice, lora):
            parameter += 0.01 * torch.randn(parameter.shape, generator=generator)
    voice.module.eval()
    return voice


def saved(engine: FishEngine, voice: Model, folder: Path) -> Path:
    folder.mkdir(parents=True)
    assert isinstance(voice, FishModel)
    engine.save(voice, folder)
    return folder


def loss(engine: FishEngine, voice: FishModel, features: list[Features]) -> float:
    return held_out_losses(engine, voice, features, SETTINGS)["loss"]
