"""`toy`: one row of numbers a voice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from engines.audio import clip as clip_file
from engines.base import AudioChunk, Batch, Clip, Features, LoraSettings, SpeechRequest
from engines.text import pace, sentences
from engines.text.unspeakable import Stretch
from tests.engines.toy import text
from tests.engines.toy.info import INFO

FRAME = 256


class ToyModel(torch.nn.Module):
    kind, device = "full", torch.device("cpu")

    def __init__(self) -> None:
        super().__init__()
        self.colour = torch.nn.Parameter(torch.zeros(FRAME // 2 + 1))  # log magnitude by frequency

    @property
    def module(self) -> torch.nn.Module:
        return self


class ToyEngine:
    info = INFO

    def base_dir(self) -> None:
        return None

    def base_fingerprint(self) -> str:
        return "1"

    def encode(self, clip: Clip) -> Features:
        samples = clip_file.read(clip.path, INFO.sample_rate)
        frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
        return {"colour": np.log(np.abs(np.fft.rfft(frames)) + 1e-3).mean(axis=0).astype(np.float32)}

    def length(self, features: Features) -> int:
        return 1

    def load(
        self, version: Path | None, *, device: str = "cpu", training: bool = False, reference: Sequence[Clip] = ()
    ) -> ToyModel:
        model = ToyModel()
        if version is not None:
            model.load_state_dict(load_file(version / "model.safetensors"))
        return model

    def trainable(self, model: ToyModel, lora: LoraSettings | None) -> list[torch.nn.Parameter]:
        return [model.colour]

    def collate(self, features: Sequence[Features], prompts: Sequence[Features] = ()) -> Batch:
        return {"colour": torch.from_numpy(np.stack([one["colour"] for one in features])), "clips": len(features)}

    def losses(self, model: ToyModel, batch: Batch) -> dict[str, torch.Tensor]:
        return {"loss": (batch["colour"] - model.colour).square().mean()}

    def save(self, model: ToyModel, folder: Path) -> None:
        save_file(model.state_dict(), folder / "model.safetensors")

    def merge(self, model: ToyModel) -> ToyModel:
        return model

    def unspeakable(self, said: str, language: str) -> tuple[Stretch, ...]:
        return text.unspeakable(said, language)

    def speak(self, model: ToyModel, request: SpeechRequest) -> Iterator[AudioChunk]:
        rng, colour = np.random.default_rng(request.seed), np.exp(model.colour.detach().numpy())
        for index, sentence in enumerate(sentences.split(request.text, "en", 250)):
            frames = int(pace.expected_seconds(sentence, "en") / request.speed * INFO.sample_rate / FRAME)
            noise = np.fft.irfft(np.exp(2j * np.pi * rng.random((frames, FRAME // 2 + 1))) * colour).astype(np.float32)
            yield AudioChunk(noise.reshape(-1).clip(-1, 1), INFO.sample_rate, index, sentence)


def create() -> ToyEngine:
    return ToyEngine()
