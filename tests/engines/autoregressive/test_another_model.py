"""A model that is not XTTS speaks through the same loop: what it has to bring is a decoder and a voice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import scaled_dot_product_attention

from engines.autoregressive import takes
from engines.autoregressive.config import GenerationConfig
from engines.autoregressive.decode import Next
from engines.autoregressive.sampling import Sampling
from engines.autoregressive.synthesis import Sentence, Synthesis

CODES, CHANNELS, HEADS, RATE = 40, 16, 2, 10.0
HOP = 100  #: samples a code


class SmallLayer:
    """Attention and no more."""

    def __init__(self, generator: torch.Generator) -> None:
        self.mix = torch.randn(CHANNELS, 3 * CHANNELS, generator=generator) / 4

    def __call__(
        self,
        hidden: torch.Tensor,
        block: torch.Tensor,
        mask: torch.Tensor | None,
        turns: torch.Tensor | None = None,
        *,
        causal: bool,
    ) -> torch.Tensor:
        rows, n, _ = hidden.shape
        query, key, value = (hidden @ self.mix).view(rows, n, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        block[0, :, :, -n:], block[1, :, :, -n:] = key, value
        heard = scaled_dot_product_attention(query, block[0], block[1], attn_mask=mask, is_causal=causal)
        return hidden + heard.transpose(1, 2).reshape(rows, n, CHANNELS)


class SmallDecoder:
    """Two layers, one learned conditioning position, letters as tokens."""

    heads, channels, device = HEADS, CHANNELS, torch.device("cpu")
    size, dtype = CHANNELS // HEADS, torch.float32
    n_codes, stop, counted = CODES, CODES - 1, (0,)

    def __init__(self, noise: float = 0.0) -> None:
        generator = torch.Generator().manual_seed(1)
        self.layers = [SmallLayer(generator), SmallLayer(generator)]
        self.codes, self.letters = (torch.randn(size, CHANNELS, generator=generator) for size in (CODES, 128))
        self.head = 0.1 * (
            torch.randn(CHANNELS, CODES, generator=generator) + noise * torch.randn(CHANNELS, CODES)
        )  # so that it does not stop soon

    def turns(self, places: Sequence[Sequence[int]]) -> None: ...

    def prefix(self, conditioning: torch.Tensor) -> torch.Tensor:
        block = torch.empty(len(self.layers), 2, 1, HEADS, conditioning.shape[1], CHANNELS // HEADS)
        for layer, own in zip(self.layers, block, strict=True):
            conditioning = layer(conditioning, own, None, causal=True)
        return block

    def prompt(self, tokens: Sequence[int], codes: Sequence[int] = ()) -> torch.Tensor:
        return torch.cat([self.letters[list(tokens)], self.embed(torch.tensor([0, *codes]), range(len(codes) + 1))])

    def embed(self, codes: torch.Tensor, positions: Sequence[int]) -> torch.Tensor:
        return self.codes[codes] + torch.sin(torch.tensor(positions))[:, None]

    def out(self, hidden: torch.Tensor) -> Next:
        return Next(hidden @ self.head, hidden)


class SmallVoice:
    """Each code is a beep as loud as its latent is big."""

    sample_rate, conditioning, frames = 1_000, torch.ones(1, 3, CHANNELS), None

    def __init__(self, draft: SmallDecoder | None = None) -> None:
        self.decoder, self.draft = SmallDecoder(), draft

    def vocoder(self) -> SmallVoice:
        return self

    def __call__(self, latents: torch.Tensor, *, last: bool) -> torch.Tensor:
        return (latents.norm(dim=1, keepdim=True) * torch.sin(torch.arange(HOP) / 3)).flatten() / 100

    def similarity(self, samples: torch.Tensor) -> float:
        return float(samples.abs().mean())


TEXTS = ("A boat came in.", "Nobody knew who had the old key to it.", "Well, well, well.")


def spoken(
    voice: SmallVoice, texts: Sequence[str] = TEXTS, **settings: object
) -> tuple[list[list[int]], NDArray[np.float32]]:
    """Codes of each sentence, and all sound."""
    chosen = {"speed": 1.0, "fast": False, "batch": 3, "best_of": 1, "retries": 0, "listen": False, **settings}
    lines = [
        Sentence(index, text, "en", [ord(letter) for letter in text], takes.length(text, "en", 200, RATE))
        for index, text in enumerate(texts)
    ]
    config = GenerationConfig(Sampling(), **chosen)  # type: ignore[arg-type]
    sound = [samples for _, samples, _ in Synthesis(voice, lines, config, seed=5).sound()]
    return [line.chosen.codes if line.chosen else [] for line in lines], np.concatenate(sound)


def test_sentences_said_together_are_those_said_one_by_one() -> None:
    alone, together = spoken(SmallVoice(), batch=1), spoken(SmallVoice(), batch=3)
    assert alone[0] == together[0]
    assert len(together[1]) == sum(map(len, together[0])) * HOP
    assert np.allclose(alone[1], together[1], atol=1e-4)
    assert min(map(len, alone[0])) > 3, "something was said"


@pytest.mark.parametrize("noise", [0.0, 0.3, 5.0])
def test_a_draft_of_any_quality_changes_nothing(noise: float) -> None:
    assert spoken(SmallVoice(SmallDecoder(noise)))[0] == spoken(SmallVoice())[0]


def test_the_take_most_like_the_voice_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takes, "hear", lambda *_: takes.Recognition(None))
    monkeypatch.setattr(takes, "fault_of_length", lambda *_: "")
    monkeypatch.setattr(takes, "fault_of_sound", lambda *_: "")
    heard: dict[float, int] = {}

    class Judging(SmallVoice):
        def similarity(self, samples: torch.Tensor) -> float:
            heard[len(heard) * 0.37 % 1] = len(samples)
            return list(heard)[-1]

    codes, _ = spoken(Judging(), TEXTS[1:2], best_of=4, batch=4)
    assert len(set(heard.values())) == 4, "takes of different lengths"
    assert len(codes[0]) * HOP == heard[max(heard)]
