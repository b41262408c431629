"""Text to samples: what `FishEngine.speak` does with a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from engines.autoregressive import likeness, takes
from engines.autoregressive import speech as generic
from engines.autoregressive.config import GenerationConfig, generation
from engines.autoregressive.synthesis import Sentence
from engines.base import AudioChunk, SpeechRequest
from engines.errors import BadInput
from engines.fish import decode, languages, marks
from engines.fish import text as texts
from engines.fish.codec_stream import Stream
from engines.fish.decode import Decoder, Frames
from engines.fish.features import SAMPLE_RATE
from engines.fish.info import INFO
from engines.fish.model import FishModel
from engines.fish.prompts import Reference
from engines.fish.sampling import Drawing
from engines.text import sentences

#: Positions of the model that a text, its references and what is said share; stock keeps as many free for speech.
FREE = 2_048


@dataclass(frozen=True)
class Voice:
    """`engines.autoregressive.synthesis.Voice`: a voice of fish, for one request."""

    model: FishModel
    config: GenerationConfig
    references: tuple[Reference, ...]
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
        """Cosine of sound (n,) float32 and the references as the codec says them; 0 without any."""
        return likeness.to(self.model.heard_in(self.references), samples.cpu().numpy(), SAMPLE_RATE)


def speak(model: FishModel, request: SpeechRequest) -> Iterator[AudioChunk]:
    """Chunks of sound as soon as they are made, 44.1 kHz. The same seed, text, settings and version give the same
    samples.

    Raises BadInput for text without words, a language fish does not speak, a speaker (the base has none), and settings
    out of range.
    """
    config = generation(INFO, request)
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
    yield from generic.speak(voice, planned, config, seed, model.module, _settling)


def settle(model: FishModel) -> None:
    """Have a voice that was heard speak quicker from now on; takes a second, once."""
    _settling.settle(model.module)


_settling = generic.Settling(decode.pack)


def _voice(model: FishModel, request: SpeechRequest, config: GenerationConfig) -> Voice:
    references = model.references_of(request.references) if request.references else model.references()
    prompts = model.prompts
    with torch.inference_mode():
        decoder = Decoder(model.transformer, prompts, fast=config.fast)
        frames = Frames(decoder, Drawing.of(config.sampling), fast=config.fast)
    return Voice(model, config, references, prompts.opening(references), decoder, frames)


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
