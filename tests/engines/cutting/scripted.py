"""A recogniser that the tests script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engines.transcription.base import Transcript, Word


class Scripted:
    """A recogniser that returns the given texts in order, and keeps the samples that it was given."""

    name = "whisper"
    language = "en"

    settings, earlier_settings = "scripted", ()

    def __init__(
        self,
        *heard: str,
        trust: Literal["high", "low"] = "high",
        confidence: float = 0.9,
        words: tuple[Word, ...] = (),
    ) -> None:
        self.trust: Literal["high", "low"] = trust
        self._words = words
        self._heard: Iterator[str] = iter(heard)
        self._confidence = confidence
        self.given: list[NDArray[np.float32]] = []

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        self.given.append(samples)
        return Transcript(next(self._heard), self._words, self.name, self.trust, self._confidence)

    def transcribe_many(self, clips: Sequence[NDArray[np.float32]], alive: object = None) -> list[Transcript]:
        return [self.transcribe(clip) for clip in clips]
