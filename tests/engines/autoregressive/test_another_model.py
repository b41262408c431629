"""A model that is not XTTS speaks through the same loop: what it has to bring is a decoder and a voice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from small_decoder import CHANNELS, SmallDecoder

from engines.autoregressive import takes
from engines.autoregressive.config import GenerationConfig
from engines.autoregressive.decode import Next
from engines.autoregressive.sampling import Sampling
from engines.autoregressive.synthesis import FIRST_CHUNK, Sentence, Synthesis

RATE = 10.0
HOP = 100  #: samples a code


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


@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_the_first_sound_waits_for_no_code_after_it(noise: float) -> None:
    class Counting(SmallDecoder):
        passes = 0

        def out(self, hidden: torch.Tensor) -> Next:
            self.passes += 1
            return super().out(hidden)

    voice = SmallVoice(Counting(noise))
    voice.decoder = full = Counting()
    line = Sentence(0, TEXTS[1], "en", [ord(letter) for letter in TEXTS[1]], takes.length(TEXTS[1], "en", 200, RATE))
    config = GenerationConfig(Sampling(), speed=1.0, fast=False, batch=3, best_of=1, retries=0, listen=False)
    synthesis = Synthesis(voice, [line], config, seed=5)
    next(synthesis.sound())
    assert line.chosen is not None
    said = len(line.chosen.codes)
    assert said == FIRST_CHUNK
    assert synthesis._batch.column == 3 + len(line.tokens) + 1 + said - 1, "what follows the last is not computed"
    assert full.passes == 2 if noise == 0 else full.passes <= said, "the text, and the codes that were guessed"
    assert voice.draft is not None
    assert voice.draft.passes <= sum(range(said - 1)), "nor is it guessed"


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
