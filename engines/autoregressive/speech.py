"""From planned sentences to chunks of sound that go out, for every engine of this kind; and what makes a model quicker
once somebody has heard it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from weakref import WeakSet

import numpy as np
import torch
from numpy.typing import NDArray

from engines.autoregressive.config import GenerationConfig
from engines.autoregressive.synthesis import Sentence, Synthesis, Voice
from engines.base import AudioChunk

#: Seconds of silence between two sentences, beside what the voice itself leaves.
PAUSE = 0.12
#: Seconds over which a sentence comes out of silence and goes back to it.
SOFT = 0.005


class Settling:
    """Has models speak quicker from the second time on: that takes a second, for which nobody's first words wait."""

    def __init__(self, pack: Callable[[torch.nn.Module], None]) -> None:
        """`pack` makes a module quicker, and does nothing for one that is."""
        self._pack = pack
        self._heard: WeakSet[torch.nn.Module] = WeakSet()  #: in full precision

    def settle(self, module: torch.nn.Module) -> None:
        """Make a module quicker that somebody heard."""
        if module in self._heard:
            self._pack(module)

    def before(self, module: torch.nn.Module, config: GenerationConfig) -> None:
        """A request is about to be spoken."""
        streamed = config.best_of == 1 and not config.listen
        if not config.fast and (module in self._heard or not streamed):
            self._pack(module)

    def heard(self, module: torch.nn.Module, config: GenerationConfig, *, more: bool) -> None:
        """A chunk has gone out, and `more` sentences follow the first."""
        if not config.fast and module not in self._heard:
            self._heard.add(module)
            if more:
                self._pack(module)


def speak(
    voice: Voice,
    planned: Sequence[Sentence],
    config: GenerationConfig,
    seed: int,
    module: torch.nn.Module,
    settling: Settling,
) -> Iterator[AudioChunk]:
    """Chunks as soon as they are made; `module` is what the voice decodes with. The same seed gives the same
    samples."""
    settling.before(module, config)
    rate = voice.sample_rate
    began: Sentence | None = None
    for sentence, samples, last in Synthesis(voice, planned, config, seed).sound():
        if sentence is not began and len(samples):
            samples, began = _fade(samples, rate, into=True), sentence
        if last:
            samples = _fade(samples, rate, into=False)
            if sentence is not planned[-1]:
                samples = np.concatenate([samples, np.zeros(round(PAUSE / config.speed * rate), np.float32)])
        if len(samples):
            yield AudioChunk(samples.clip(-1, 1), rate, sentence.index, sentence.text)
            settling.heard(module, config, more=len(planned) > 1)


def _fade(samples: NDArray[np.float32], rate: int, *, into: bool) -> NDArray[np.float32]:
    """Sound that starts from (`into`) or ends in silence, so that sentences join without a click."""
    ramp = np.linspace(0, 1, min(len(samples), round(SOFT * rate)), dtype=np.float32)
    samples = samples.copy()
    if len(ramp) and into:
        samples[: len(ramp)] *= ramp
    elif len(ramp):
        samples[-len(ramp) :] *= ramp[::-1]
    return samples
