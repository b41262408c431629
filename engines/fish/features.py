"""What a clip becomes for training: the codec's codes and the text's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engines.audio import clip as clip_file
from engines.base import Clip, Features
from engines.errors import BadInput
from engines.fish import codec, network
from engines.fish import text as texts
from engines.fish.prompts import Prompts

SAMPLE_RATE = 44_100
#: Longest clip, seconds, and longest text, tokens: a prompt and a clip are then a fraction of the model's positions.
MAX_SECONDS, MAX_TOKENS = 30.0, 1_000
#: Shortest clip, seconds.
MIN_SECONDS = 0.5
#: Seconds of sound in one call of the codec, padding counted: longer ones take memory, and no less time a second.
TOGETHER = 60.0


class Encoder:
    """The parts of the base that make features."""

    def __init__(self, base: Path) -> None:
        config = network.read_config(base)
        self._prompts = Prompts(network.read_tokenizer(base), config.num_codebooks)
        self._codec = codec.listener(base)

    def encode(self, clips: Sequence[Clip]) -> list[Features | BadInput]:
        """ "codes" (10, frames) int16 and "text" (tokens,) int32, each clip's own or why it cannot train."""
        found: list[Features | BadInput] = []
        sounds: dict[int, torch.Tensor] = {}
        spelt: dict[int, NDArray[np.int32]] = {}
        for index, clip in enumerate(clips):
            try:
                sound, spelt[index] = torch.from_numpy(_samples(clip)), self._text(clip)
                sounds[index] = sound
                found.append({})
            except BadInput as reason:
                found.append(reason)
        # alike in length, so that little is padding
        for indices in _batches(sorted(sounds, key=lambda one: len(sounds[one])), sounds):
            with torch.inference_mode():
                made = codec.encode(self._codec, [sounds[index] for index in indices])
            for index, codes in zip(indices, made, strict=True):
                found[index] = {"codes": codes, "text": spelt[index]}
        return found

    def _text(self, clip: Clip) -> NDArray[np.int32]:
        tokens = self._prompts.tokens(texts.spelt(clip.text, clip.language))
        if len(tokens) > MAX_TOKENS:
            raise BadInput(
                f"The clip's text is {len(tokens)} tokens long, and fish learns up to {MAX_TOKENS}.",
                "Cut the recording again.",
            )
        return np.asarray(tokens, np.int32)


def _batches(order: Sequence[int], sounds: dict[int, torch.Tensor]) -> list[list[int]]:
    batches: list[list[int]] = []
    for index in order:
        if batches and (len(batches[-1]) + 1) * len(sounds[index]) <= TOGETHER * SAMPLE_RATE:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def _samples(clip: Clip) -> NDArray[np.float32]:
    samples = clip_file.read(clip.path, SAMPLE_RATE)
    seconds = len(samples) / SAMPLE_RATE
    if seconds > MAX_SECONDS:
        raise BadInput(
            f"The clip is {seconds:.1f} s long, and fish learns up to {MAX_SECONDS:.0f} s.", "Cut the recording again."
        )
    if seconds < MIN_SECONDS:
        raise BadInput("The clip is shorter than half a second.", "Longer clips teach more: cut the recording again.")
    return np.clip(samples, -1, 1)
