"""`parrot`: a beep a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from engines.base import AudioChunk, Clip, Model, SpeechRequest
from engines.text import sentences
from engines.text.unspeakable import Stretch
from tests.engines.parrot import text
from tests.engines.parrot.info import INFO


class ParrotEngine:
    info = INFO

    def base_dir(self) -> None:
        return None

    def load(
        self, version: Path | None, *, device: str = "cpu", training: bool = False, reference: Sequence[Clip] = ()
    ) -> Model:
        return SimpleNamespace(module=None)

    def unspeakable(self, said: str, language: str) -> tuple[Stretch, ...]:
        return text.unspeakable(said, language)

    def speak(self, model: Model, request: SpeechRequest) -> Iterator[AudioChunk]:
        beep = np.sin(np.arange(8_000) / 5, dtype=np.float32) / 2
        for index, sentence in enumerate(sentences.split(request.text, "en", 250)):
            yield AudioChunk(beep, INFO.sample_rate, index, sentence)


def create() -> ParrotEngine:
    return ParrotEngine()
