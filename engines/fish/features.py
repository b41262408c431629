"""What a clip becomes for training: the codec's codes and the text's tokens."""

from __future__ import annotations

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


class Encoder:
    """The parts of the base that make features."""

    def __init__(self, base: Path) -> None:
        config = network.read_config(base)
        self._prompts = Prompts(network.read_tokenizer(base), config.num_codebooks)
        self._codec = codec.listener(base)

    def encode(self, clip: Clip) -> Features:
        """ "codes" (10, frames) int16 and "text" (tokens,) int32. Raises BadInput for a clip that cannot train."""
        sound, text = torch.from_numpy(_samples(clip)), self._text(clip)
        with torch.inference_mode():
            return {"codes": codec.encode(self._codec, sound), "text": text}

    def _text(self, clip: Clip) -> NDArray[np.int32]:
        tokens = self._prompts.tokens(texts.spelt(clip.text, clip.language))
        if len(tokens) > MAX_TOKENS:
            raise BadInput(
                f"The clip's text is {len(tokens)} tokens long, and fish learns up to {MAX_TOKENS}.",
                "Cut the recording again.",
            )
        return np.asarray(tokens, np.int32)


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
