"""Text to samples: what `XttsEngine.speak` does with a request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from engines.autoregressive import projections, takes
from engines.autoregressive import speech as generic
from engines.autoregressive.config import GenerationConfig, generation
from engines.autoregressive.synthesis import Sentence
from engines.base import AudioChunk, SpeechRequest
from engines.errors import BadInput
from engines.text import sentences
from engines.xtts import decode, references, tokens
from engines.xtts.decode import Decoder
from engines.xtts.info import INFO
from engines.xtts.languages import Language, language
from engines.xtts.latents import Latents
from engines.xtts.model import XttsModel
from engines.xtts.vocode import Vocoder

#: Codes in a second of speech: 22,050 Hz in steps of 1,024 samples.
CODES_PER_SECOND = 22_050 / 1_024


@dataclass(frozen=True)
class Voice:
    """`engines.autoregressive.synthesis.Voice`: a voice of XTTS, for one request."""

    xtts: Any  #: Coqui's Xtts
    latents: Latents
    config: GenerationConfig
    decoder: Decoder
    draft: Decoder | None
    frames: None = None  #: a step says one code

    @property
    def conditioning(self) -> torch.Tensor:
        """(1, 32, channels) float32."""
        return self.latents.gpt

    @property
    def sample_rate(self) -> int:
        rate: int = self.xtts.hifigan_decoder.output_sample_rate
        return rate

    def vocoder(self) -> Vocoder:
        return Vocoder(self.xtts.hifigan_decoder, self.latents.speaker, speed=self.config.speed, fast=self.config.fast)

    def similarity(self, samples: torch.Tensor) -> float:
        """Cosine of sound (n,) float32 and the voice."""
        return references.similarity(self.xtts, samples, self.sample_rate, self.latents.speaker)


def speak(model: XttsModel, request: SpeechRequest) -> Iterator[AudioChunk]:
    """Chunks of sound as soon as they are made, 24 kHz. The same seed, text, settings and version give the same
    samples.

    Raises BadInput for text without words, a language XTTS does not speak or whose package is not installed, and
    settings out of range.
    """
    config = generation(INFO, request)
    spoken = language(request.language)
    latents = _latents(model, request)
    planned = _sentences(model.xtts, request.text, spoken)
    if not planned:
        raise BadInput("There is nothing to speak in this text.", "Give a text with at least one word.")
    voice = Voice(model.xtts, latents, config, *_decoders(model, config))
    seed = request.seed if request.seed is not None else torch.Generator().seed()
    yield from generic.speak(voice, planned, config, seed, model.module, _settling)


def settle(model: XttsModel) -> None:
    """Have the base of a voice that was heard speak quicker from now on; takes a second, once."""
    _settling.settle(model.module)


_settling = generic.Settling(decode.pack)


def _latents(model: XttsModel, request: SpeechRequest) -> Latents:
    """Of the references or the stock speaker asked for; else the voice's own, or the first stock speaker's where there
    is no voice yet."""
    if request.references:
        return model.latents_of(request.references).to(model.device)
    if request.speaker:
        return _stock(model, request.speaker).to(model.device)
    if model.latents is not None:
        return model.latents.to(model.device)
    if not model.speakers:
        raise BadInput(
            "This voice has no recordings to sound like, and the base no stock speakers.",
            "Add recordings of the voice.",
        )
    return model.speakers[min(model.speakers)].to(model.device)


def _stock(model: XttsModel, name: str) -> Latents:
    """By its name, in whatever case."""
    for known, latents in model.speakers.items():
        if known.casefold() == name.casefold():
            return latents
    raise BadInput(
        f"The base has no stock speaker {name!r}.", f"It has: {', '.join(sorted(model.speakers)) or 'none'}."
    )


def _decoders(model: XttsModel, config: GenerationConfig) -> tuple[Decoder, Decoder | None]:
    """The one that speaks, and one that guesses ahead of it where that pays; with the voice's adapters in them, whoever
    else speaks from the same base meanwhile."""
    if model.shared is None:
        return _build(model, config)
    with model.shared.lock:
        model.activate()
        return _build(model, config)


def _build(model: XttsModel, config: GenerationConfig) -> tuple[Decoder, Decoder | None]:
    guesses = not config.fast and projections.has_eight_bits(model.device)
    return Decoder(model.module, fast=config.fast), Decoder(model.module, fast=True) if guesses else None


def _sentences(xtts: Any, text: str, spoken: Language) -> list[Sentence]:
    planned: list[Sentence] = []
    for stretch in sentences.split(text, spoken.code, spoken.longest, together=True):
        for piece, ids in _spelt(xtts, stretch, spoken):
            expected = takes.length(piece, spoken.code, xtts.gpt.max_gen_mel_tokens, CODES_PER_SECOND)
            planned.append(Sentence(len(planned), piece, spoken.code, ids, expected))
    return planned


def _spelt(xtts: Any, text: str, spoken: Language) -> list[tuple[str, list[int]]]:
    """A stretch with its tokens, in two where numbers spelt out made it longer than the model takes."""
    ids = tokens.encode(xtts.tokenizer, text, spoken.code)
    if len(ids) < xtts.args.gpt_max_text_tokens:
        return [(text, ids)]
    return [pair for half in sentences.halves(text) if re.search(r"\w", half) for pair in _spelt(xtts, half, spoken)]
