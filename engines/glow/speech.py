"""Text to samples, a sentence at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from engines import interruption
from engines.base import AudioChunk, SpeechRequest
from engines.device import send
from engines.errors import BadInput
from engines.glow import mel, phonemes, text
from engines.glow.info import INFO
from engines.glow.model import GlowModel
from engines.glow.word_times import word_times
from engines.speech_options import common, own

#: Spread of the flow's noise at temperature 1. Small flows sound cleaner near their mean: at 0.33 a voice had WER 0.37,
#: at 0 it had 0.32.
NOISE = 0.15
#: Seconds of silence after a sentence, by its last mark.
PAUSES = {".": 0.30, "?": 0.32, "!": 0.30}
#: Half the variance of a token's log duration around its prediction, as measured on voices trained here. The predictor
#: learns the mean of the log, and the mean of a log-normal duration is this much above it; without it speech is a tenth
#: too fast, and less understood.
SPREAD = 0.08


def speak(model: GlowModel, request: SpeechRequest) -> Iterator[AudioChunk]:
    """One chunk a sentence, as soon as it is made. Raises BadInput for text without words or settings out of range."""
    temperature = _check(request)
    sentences = text.sentences(request.text)
    if not sentences:
        raise BadInput("There is nothing to speak in this text.", "Give a text with at least one word.")
    generator = torch.Generator()
    seed = request.seed if request.seed is not None else generator.seed()
    last = len(sentences) - 1
    for index, sentence in enumerate(sentences):
        words = text.normalise(sentence)
        try:
            symbols = phonemes.phonemes(words)
        except BadInput:
            if len(sentences) == 1:
                raise
            continue  # a line of symbols between sentences
        generator.manual_seed((seed + 0x9E3779B9 * index) % 2**63)
        tokens = torch.tensor(phonemes.tokens(symbols))
        interruption.check()
        features, frames = mels(model, tokens, request.speed, temperature, generator)
        voiced = torch.repeat_interleave(torch.tensor(phonemes.voiced(tokens.tolist())), frames)
        interruption.check()
        with torch.inference_mode():
            samples = model.vocoder.sound(features, generator, voiced).numpy()
        pause = np.zeros(0 if index == last else round(PAUSES[words[-1]] / request.speed * mel.SAMPLE_RATE), np.float32)
        sound = np.concatenate([_soft_ends(samples), pause]).clip(-1, 1)
        times = word_times(sentence, words, symbols, frames.tolist())
        yield AudioChunk(sound, mel.SAMPLE_RATE, index, sentence, times)


@torch.inference_mode()
def mels(
    model: GlowModel, tokens: torch.Tensor, speed: float, temperature: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """(normalised log-mel (N_MELS, frames) on the CPU, frames of each token (tokens,)) of token ids (tokens,)."""
    module: Any = model.module
    was_training = module.training
    module.eval()
    try:
        speaker, length = (send(torch.tensor([number]), model.device) for number in (model.speaker, len(tokens)))
        voice = module._get_speaker_conditioning({"speaker_ids": speaker}, "emb_g")
        means, _, log_durations, _ = module.encoder(send(tokens[None], model.device), length, g=voice)
        frames = durations(log_durations[0, 0].cpu(), speed)
        count = int(frames.sum())
        means = torch.repeat_interleave(means, send(frames, model.device), dim=2, output_size=count)
        means = torch.nn.functional.pad(
            means, (0, means.shape[-1] % module.num_squeeze)
        )  # the decoder folds frames in pairs
        noise = torch.randn(means.shape, generator=generator) * (NOISE * temperature)
        latent = means + send(noise, model.device)
        features, _ = module.decoder(latent, torch.ones_like(latent[:, :1]), g=voice, reverse=True)
    finally:
        module.train(was_training)
    spoken: torch.Tensor = features[0, :, :count].cpu().float()
    return spoken if model.bands is None else model.bands(spoken), frames


def durations(log_durations: torch.Tensor, speed: float) -> torch.Tensor:
    """Whole frames (tokens,) of predicted log(1 + frames), at least one each.

    The running sum is rounded, not each token: rounding up every token, as GlowTTS does, slows speech by half a frame a
    phoneme.
    """
    wanted = torch.clamp(torch.exp(log_durations + SPREAD) - 1, 1, 60) / speed
    ends = torch.round(torch.cumsum(wanted, 0))
    return torch.clamp_min(torch.diff(ends, prepend=torch.zeros(1)), 1).long()


def _soft_ends(
    samples: np.ndarray[Any, np.dtype[np.float32]], seconds: float = 0.005
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Fade both ends, so that chunks join without a click."""
    ramp = np.linspace(0, 1, min(len(samples) // 2, round(seconds * mel.SAMPLE_RATE)), dtype=np.float32)
    samples = samples.copy()
    if len(ramp):
        samples[: len(ramp)] *= ramp
        samples[-len(ramp) :] *= ramp[::-1]
    return samples


def _check(request: SpeechRequest) -> float:
    """The temperature to speak at. Raises BadInput for settings that are out of range."""
    if request.language.split("-")[0].lower() != "en":
        raise BadInput(
            f"The embedded engine speaks English only, not {request.language!r}.", "Use language en, or another engine."
        )
    common(request.speed, request.temperature, request.seed)
    own(INFO.name, INFO.options, request.options)
    return INFO.temperature if request.temperature is None else request.temperature
