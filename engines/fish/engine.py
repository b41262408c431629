"""openaudio-s1-mini: `engines.base.Engine` over fish-speech's model classes. `create()` is what
`engines.registry.load("fish")` calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from engines.base import AudioChunk, Batch, Clip, Features, LoraSettings, Model, SpeechRequest, TrainableModel
from engines.base_files import Fingerprints
from engines.fish import export, model, network, speech, training
from engines.fish import lora as adapters
from engines.fish import text as light
from engines.fish.features import Encoder
from engines.fish.info import INFO
from engines.fish.model import FishModel
from engines.fish.prompts import Prompts
from engines.fish.weights import base_dir
from engines.text.unspeakable import Stretch
from engines.training import trained

#: The base's files that features follow from.
_FEATURE_FILES = ("codec.pth", "tokenizer.tiktoken", "special_tokens.json")


class FishEngine:
    """Two transformers over a codec's codes; trains whole or by adapters."""

    info = INFO
    clips_per_prompt = 4  #: a forward pass: the prompt is half of what is computed otherwise

    def __init__(self) -> None:
        self._encoder: tuple[Path, Encoder] | None = None
        self._prompts: tuple[Path, Prompts] | None = None
        self._fingerprints = Fingerprints()

    def base_dir(self) -> Path:
        return base_dir()

    def base_fingerprint(self) -> str:
        return self._fingerprints.of([self.base_dir() / name for name in _FEATURE_FILES])

    def encode(self, clip: Clip) -> Features:
        base = self.base_dir()
        if self._encoder is None or self._encoder[0] != base:
            self._encoder = base, Encoder(base)
        return self._encoder[1].encode(clip)

    def length(self, features: Features) -> int:
        return training.length(features)

    def load(
        self, version: Path | None, *, device: str = "cpu", training: bool = False, reference: Sequence[Clip] = ()
    ) -> FishModel:
        return model.load(self.base_dir(), version, device, training=training, reference=reference)

    def trainable(self, model: TrainableModel, lora: LoraSettings | None) -> list[torch.nn.Parameter]:
        """All of both transformers, in fp32, or adapters on them. Adapters of the same shape go on learning; others
        are folded in first."""
        fish = _own(model)
        if lora is None:
            return trained.whole(fish, _fold)
        return trained.adapted(fish, lora, _fold, adapters.inject, adapters.parameters)

    def collate(self, features: Sequence[Features], prompts: Sequence[Features] = ()) -> Batch:
        base = self.base_dir()
        if self._prompts is None or self._prompts[0] != base:
            config = network.read_config(base)
            self._prompts = base, Prompts(network.read_tokenizer(base), config.num_codebooks)
        return training.collate(self._prompts[1], features, prompts)

    def losses(self, model: TrainableModel, batch: Batch) -> dict[str, torch.Tensor]:
        """Scalars () float32, nats, with a gradient: "base_ce", "semantic_ce" and their sum "loss". `batch` as
        `collate` makes it, on the CPU."""
        return training.losses(_own(model).transformer, batch)

    def save(self, model: TrainableModel, folder: Path) -> None:
        _save(_own(model), folder)

    def merge(self, model: TrainableModel) -> TrainableModel:
        _fold(_own(model))
        return model

    def export(self, version: Path, folder: Path, format: str) -> None:
        """A folder that stock fish-speech 0.1.0 loads; see `engines.fish.export`."""
        export.write(self.base_dir(), version, folder)

    def unspeakable(self, text: str, language: str) -> tuple[Stretch, ...]:
        return light.unspeakable(text, language)

    def shares(self, version: Path | None, *, device: str) -> object | None:
        return _shared(self.base_dir(), version, device)

    def settle(self, model: Model) -> None:
        speech.settle(_own(model))

    def speak(self, model: Model, request: SpeechRequest) -> Iterator[AudioChunk]:
        return speech.speak(_own(model), request)


_save, _fold, _shared = model.save, model.fold, model.shared


def create() -> FishEngine:
    return FishEngine()


def _own(loaded: Model) -> FishModel:
    assert isinstance(loaded, FishModel), "a model of another engine"
    return loaded
