"""XTTS-v2: `engines.base.Engine` over Coqui's model classes. `create()` is what `engines.registry.load("xtts")`
calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from engines.base import AudioChunk, Batch, Clip, Features, LoraSettings, Model, SpeechRequest, TrainableModel
from engines.base_files import Fingerprints
from engines.device import send
from engines.errors import BadInput
from engines.text.unspeakable import Stretch, without
from engines.training import trained
from engines.xtts import adapted, export, model, network, speech, tokens, training
from engines.xtts import lora as adapters
from engines.xtts import text as light
from engines.xtts.features import Encoder
from engines.xtts.info import INFO
from engines.xtts.model import XttsModel
from engines.xtts.weights import base_dir

#: The base's files that features follow from.
_FEATURE_FILES = ("dvae.pth", "mel_stats.pth", "vocab.json")
#: Prompts whose latents are kept while the listeners do not train: 128 KB each at full size.
_KEPT_PROMPTS = 2_000


class XttsEngine:
    """A GPT over DVAE codes; trains whole or by adapters."""

    info = INFO
    encode_at_once = 16
    clips_per_prompt = 6  #: a voice is 32 of some 200 positions

    def __init__(self) -> None:
        self._encoder: tuple[Path, Encoder] | None = None
        self._tokenizer: tuple[Path, Any] | None = None
        self._fingerprints = Fingerprints()

    def base_dir(self) -> Path:
        return base_dir()

    def base_fingerprint(self) -> str:
        return self._fingerprints.of([self.base_dir() / name for name in _FEATURE_FILES])

    def encode(self, clip: Clip) -> Features:
        [features] = self.encode_many([clip])
        if isinstance(features, BadInput):
            raise features
        return features

    def encode_many(self, clips: Sequence[Clip]) -> list[Features | BadInput]:
        base = self.base_dir()
        if self._encoder is None or self._encoder[0] != base:
            self._encoder = base, Encoder(base)
        return self._encoder[1].encode(clips)

    def length(self, features: Features) -> int:
        return training.length(features)

    def load(
        self, version: Path | None, *, device: str = "cpu", training: bool = False, reference: Sequence[Clip] = ()
    ) -> XttsModel:
        loaded = model.load(self.base_dir(), version, device, training=training, reference=reference)
        loaded.module.train(training)
        return loaded

    def trainable(self, model: TrainableModel, lora: LoraSettings | None) -> list[torch.nn.Parameter]:
        """All of the GPT, or adapters on its transformer. Adapters of the same shape go on learning; others are folded
        in first."""
        xtts = _own(model)
        training.prepare(xtts.module, adapters=lora is not None)
        if lora is None:
            return trained.whole(xtts, _fold)
        found = trained.adapted(xtts, lora, _fold, adapters.inject, adapters.parameters)
        adapted.put_in(xtts.transformer)
        return found

    def collate(self, features: Sequence[Features], prompts: Sequence[Features] = ()) -> Batch:
        return training.collate(features, prompts)

    def losses(self, model: TrainableModel, batch: Batch) -> dict[str, torch.Tensor]:
        """Scalars () float32, nats, means over the batch's tokens, with a gradient: "text_ce", "mel_ce", and "loss"
        that weighs them as Coqui does. `batch` as `collate` makes it, on the CPU. Adapters of a model that nobody
        shares are frozen to bf16 under autocast."""
        xtts = _own(model)
        xtts.activate()
        if xtts.kind == "lora" and xtts.shared is None and torch.is_autocast_enabled(xtts.device.type):
            adapters.freeze_in_bf16(xtts.transformer)
        return training.losses(xtts.module, batch, _voices(xtts, batch))

    def save(self, model: TrainableModel, folder: Path) -> None:
        _save(_own(model), folder)

    def merge(self, model: TrainableModel) -> TrainableModel:
        _fold(_own(model))
        return model

    def export(self, version: Path, folder: Path, format: str) -> None:
        """Files that stock coqui-tts loads, their weights in fp32 or fp16; see `engines.xtts.export`."""
        export.write(self.base_dir(), version, folder, half=format == "coqui-fp16")

    def unspeakable(self, text: str, language: str) -> tuple[Stretch, ...]:
        base = self.base_dir()
        if self._tokenizer is None or self._tokenizer[0] != base:
            self._tokenizer = base, network.read_tokenizer(base)
        first = light.unspeakable(text, language)
        unspelt = tokens.unspelt(self._tokenizer[1], without(text, first), language)
        return light.unspeakable(text, language, unspelt) if unspelt else first

    def shares(self, version: Path | None, *, device: str) -> object | None:
        return _shared(self.base_dir(), version, device)

    def settle(self, model: Model) -> None:
        speech.settle(_own(model))

    def speak(self, model: Model, request: SpeechRequest) -> Iterator[AudioChunk]:
        return speech.speak(_own(model), request)


_save, _fold, _shared = model.save, model.fold, model.shared


def create() -> XttsEngine:
    return XttsEngine()


def _own(loaded: Model) -> XttsModel:
    assert isinstance(loaded, XttsModel), "a model of another engine"
    return loaded


def _voices(xtts: XttsModel, batch: Batch) -> torch.Tensor:
    """Conditioning latents of a batch's prompts, (prompts, 32, channels).

    While the listeners (conditioning encoder and perceiver) do not train, each prompt is listened to once in a run,
    alone, so that its latents do not depend on its company. While they do, prompts are cut to the shortest in the
    batch."""
    gpt, prompts = xtts.xtts.gpt, batch["prompts"]
    if next(gpt.conditioning_encoder.parameters()).requires_grad and torch.is_grad_enabled():
        frames = min(prompt.shape[1] for prompt in prompts)
        together = torch.stack([prompt[:, :frames] for prompt in prompts])
        heard: torch.Tensor = gpt.get_style_emb(send(together, xtts.device))
        return heard.transpose(1, 2)
    keep = not next(gpt.conditioning_encoder.parameters()).requires_grad
    rows = []
    for key, prompt in zip(batch["prompt_keys"], prompts, strict=True):
        row = xtts.prompts.get(key)
        if row is None:
            with torch.no_grad(), torch.autocast(xtts.device.type, enabled=False):
                row = gpt.get_style_emb(send(prompt[None], xtts.device)).transpose(1, 2)
            if keep and len(xtts.prompts) < _KEPT_PROMPTS:
                xtts.prompts[key] = row
        rows.append(row)
    return torch.cat(rows)
