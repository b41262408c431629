"""Text to samples: what `FishEngine.speak` does with a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engines.autoregressive import takes
from engines.autoregressive.config import GenerationConfig
from engines.autoregressive.synthesis import Sentence, Synthesis
from engines.base import AudioChunk, SpeechRequest
from engines.errors import BadInput
from engines.fish import languages, marks, options
from engines.fish import text as texts
from engines.fish.codec_stream import Stream
from engines.fish.decode import Decoder, Frames
from engines.fish.features import SAMPLE_RATE
from engines.fish.info import INFO
from engines.fish.model import FishModel
from engines.fish.sampling import Drawing
from engines.text import sentences

#: Seconds of silence between two sentences, beside what the voice itself leaves.
PAUSE = 0.12
#: Seconds over which a sentence comes out of silence and goes back to it.
SOFT = 0.005
#: Positions of the model that a text, its references and what is said share; stock keeps as many free for speech.
FREE = 2_048


@dataclass(frozen=True)
class Voice:
    """`engines.autoregressive.synthesis.Voice`: a voice of fish, for one request."""

    model: FishModel
    config: GenerationConfig
    conditioning: torch.Tensor  #: the opening, (positions, 1 + codebooks) int64
    decoder: Decoder
    frames: Frames
    draft: None = None  #: frames are not guessed ahead

    @property
    def sample_rate(self) -> int:
        return SAMPLE_RATE

    def vocoder(self) -> Stream:
        return Stream(self.model.codec, speed=self.config.speed)

    def similarity(self, samples: torch.Tensor) -> float:
        """0: the base has no listener of its own, and takes are told apart by what a recogniser hears."""
        return 0.0


def speak(model: FishModel, request: SpeechRequest) -> Iterator[AudioChunk]:
    """Chunks of sound as soon as they are made, 44.1 kHz. The same seed, text, settings and version give the same
    samples.

    Raises BadInput for text without words, a language fish does not speak, a speaker (the base has none), and settings
    out of range.
    """
    config = options.read(request)
    code = languages.short(request.language)
    if code not in INFO.languages:
        raise BadInput(f"fish does not speak {request.language!r}.", f"It speaks {', '.join(INFO.languages)}.")
    if request.speaker:
        raise BadInput(
            f"The base of fish has no stock speaker {request.speaker!r}: it has none.",
            "Give a reference recording instead.",
        )
    voice = _voice(model, request, config)
    planned = _sentences(voice, request.text, code)
    if not planned:
        raise BadInput("There is nothing to speak in this text.", "Give a text with at least one word.")
    seed = request.seed if request.seed is not None else torch.Generator().seed()
    began: Sentence | None = None
    for sentence, samples, last in Synthesis(voice, planned, config, seed).sound():
        if sentence is not began and len(samples):
            samples, began = _fade(samples, into=True), sentence
        if last:
            samples = _fade(samples, into=False)
            if sentence is not planned[-1]:
                samples = np.concatenate([samples, np.zeros(round(PAUSE / config.speed * SAMPLE_RATE), np.float32)])
        if len(samples):
            yield AudioChunk(samples.clip(-1, 1), SAMPLE_RATE, sentence.index, sentence.text)


def _voice(model: FishModel, request: SpeechRequest, config: GenerationConfig) -> Voice:
    references = model.references_of(request.references) if request.references else model.references()
    prompts = model.prompts
    with torch.inference_mode():
        decoder = Decoder(model.transformer, prompts, fast=config.fast)
        frames = Frames(decoder, Drawing.of(config.sampling), fast=config.fast)
    return Voice(model, config, prompts.opening(references), decoder, frames)


def _sentences(voice: Voice, text: str, code: str) -> list[Sentence]:
    """Stretches of a text. One that is marks and no word goes with the next, whose tone it is about."""
    codec, limit = voice.model.codec, voice.model.transformer.config.max_seq_len - len(voice.conditioning)
    rate = SAMPLE_RATE / codec.frame_length
    planned: list[Sentence] = []
    for stretch in sentences.split(text, code, languages.longest(code), together=True):
        spelt = texts.spelt(stretch, code)
        tokens = voice.decoder.prompts.tokens(spelt)
        expected = takes.length(marks.without(spelt), code, min(FREE, max(8, limit - len(tokens))), rate)
        planned.append(Sentence(len(planned), stretch, code, tokens, expected))
    return planned


def _fade(samples: NDArray[np.float32], *, into: bool) -> NDArray[np.float32]:
    """Sound that starts from (`into`) or ends in silence, so that sentences join without a click."""
    ramp = np.linspace(0, 1, min(len(samples), round(SOFT * SAMPLE_RATE)), dtype=np.float32)
    samples = samples.copy()
    if len(ramp) and into:
        samples[: len(ramp)] *= ramp
    elif len(ramp):
        samples[-len(ramp) :] *= ramp[::-1]
    return samples
