"""What a clip becomes for training: the DVAE's codes, the text's tokens, and the mel of its beginning as a prompt for
other clips.

One way of the audio, as in Coqui's trainer: 22,050 Hz, two log-mels with a hop of 256 (one for the DVAE, one for the
conditioning encoder).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engines import coqui
from engines.audio import clip as clip_file
from engines.base import Clip, Features
from engines.errors import BadInput
from engines.xtts import network, tokens

with coqui.imports():
    from TTS.tts.layers.tortoise.arch_utils import TorchMelSpectrogram

SAMPLE_RATE = 22_050
#: Samples a code stands for.
CODE = 1_024
#: Longest clip and longest text, as in Coqui's recipe: 11.6 s, 200 tokens.
MAX_SAMPLES, MAX_TOKENS = 255_995, 200
#: Longest prompt, samples: 4 s, the stretch that XTTS-v2's own configuration has the voice heard in.
PROMPT = 88_200
#: Silence after every clip, samples: more than half of the encoder's receptive field (27 mel frames), so that codes do
#: not depend on the batch a clip was encoded in. Coqui pads a batch to its longest clip, whose own last codes see the
#: edge instead.
MARGIN = 32 * 256


class Encoder:
    """The parts of the base that make features."""

    def __init__(self, base: Path) -> None:
        config = network.read_config(base)
        self._tokenizer = network.read_tokenizer(base)
        self._dvae = network.load_dvae(base, config.model_args.gpt_num_audio_tokens - 2)
        norms = network.load_mel_norms(base)
        self._dvae_mel = _mel(1_024, norms)
        self._prompt_mel = _mel(2_048, norms)

    def encode(self, clips: Sequence[Clip]) -> list[Features | BadInput]:
        """ "codes" (codes,) int16, "tokens" (tokens,) int16, "prompt" (80, frames) float16, each clip's own or why it
        cannot train."""
        found: list[Features | BadInput] = []
        waves: dict[int, torch.Tensor] = {}
        texts: dict[int, NDArray[np.int16]] = {}
        for index, clip in enumerate(clips):
            try:
                waves[index] = torch.from_numpy(_samples(clip))
                texts[index] = np.asarray(_text(self._tokenizer, clip), np.int16)
                found.append({})
            except BadInput as reason:
                waves.pop(index, None)
                found.append(reason)
        if waves:
            for (index, wave), codes in zip(waves.items(), self._codes(list(waves.values())), strict=True):
                prompt = self._prompt_mel(wave[None, :PROMPT])[0]
                found[index] = {"codes": codes, "tokens": texts[index], "prompt": prompt.numpy().astype(np.float16)}
        return found

    @torch.inference_mode()
    def _codes(self, waves: Sequence[torch.Tensor]) -> list[NDArray[np.int16]]:
        longest = max(len(wave) for wave in waves) + MARGIN
        together = torch.stack([torch.nn.functional.pad(wave, (0, longest - len(wave))) for wave in waves])
        codes = self._dvae.get_codebook_indices(self._dvae_mel(together))  # type: ignore[operator]
        return [
            row[: math.ceil(len(wave) / CODE)].numpy().astype(np.int16) for row, wave in zip(codes, waves, strict=True)
        ]


def _mel(n_fft: int, norms: torch.Tensor) -> TorchMelSpectrogram:
    mel = TorchMelSpectrogram(
        filter_length=n_fft,
        hop_length=256,
        win_length=1_024,
        mel_fmax=8_000,
        sampling_rate=SAMPLE_RATE,
        mel_norm_file=None,
    )
    mel.mel_norms = norms
    return mel


def _samples(clip: Clip) -> NDArray[np.float32]:
    samples = clip_file.read(clip.path, SAMPLE_RATE)
    if len(samples) > MAX_SAMPLES:
        raise BadInput(
            f"The clip is {len(samples) / SAMPLE_RATE:.1f} s long, and XTTS learns up to 11.6 s.",
            "Cut the recording again.",
        )
    if len(samples) < SAMPLE_RATE // 2:
        raise BadInput("The clip is shorter than half a second.", "Longer clips teach more: cut the recording again.")
    return np.clip(samples, -1, 1)


def _text(tokenizer: object, clip: Clip) -> list[int]:
    ids = tokens.encode(tokenizer, clip.text, clip.language)
    if len(ids) > MAX_TOKENS:
        raise BadInput(
            f"The clip's text is {len(ids)} tokens long, and XTTS learns up to {MAX_TOKENS}.",
            "Cut the recording again.",
        )
    return ids
