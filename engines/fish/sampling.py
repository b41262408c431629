"""Frames drawn as stock fish-speech draws them: the same generator gives the same codes, as long as stock draws a code
and no text in the middle of speech, which here cannot be.

Stock's order and numbers, oddities too, for settings mean what they mean there: its penalties look at sixteen frames,
of the first code at one only, the first of those; settings are rounded to bfloat16; the likeliest are cut before the
temperature is applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engines.autoregressive.sampling import Sampling

#: Frames that the repetition penalty looks back.
WINDOW = 16
#: Temperatures below are this one: the likeliest code, all but always.
COLDEST = 1e-5


@dataclass(frozen=True)
class Drawing:
    """A request's settings as stock rounds them."""

    temperature: float
    top_p: float
    penalty: float

    @classmethod
    def of(cls, how: Sampling) -> Drawing:
        rounded = [_bf16(value) for value in (how.temperature, how.top_p, how.repetition_penalty)]
        return cls(max(rounded[0], _bf16(COLDEST)), rounded[1], rounded[2])


def draw(logits: torch.Tensor, said: torch.Tensor | None, how: Drawing, noise: torch.Tensor) -> torch.Tensor:
    """One code a row, (rows,) int64, from logits (rows, codes) and as much exponential noise. `said` (rows, any) int64
    are codes that were said lately; -1 is none. The same operations as stock's, so the same rounding."""
    scores = logits
    if said is not None and how.penalty != 1:
        places = said.clamp(min=0)
        score = scores.gather(1, places)
        penalised = torch.where(score < 0, score * how.penalty, score / how.penalty)
        scores = scores.scatter(1, places, torch.where(said < 0, score, penalised))
    ordered, order = scores.sort(dim=-1, descending=True)
    cut = ordered.softmax(dim=-1).cumsum(dim=-1) > how.top_p
    cut[:, 0] = False
    scores = scores.masked_fill(torch.zeros_like(cut).scatter(1, order, cut), -torch.inf)
    chances = (scores / how.temperature).softmax(dim=-1)
    return (chances / noise).argmax(dim=-1)


def noise(generators: Sequence[torch.Generator], vocabulary: int, codes: Sequence[int]) -> list[torch.Tensor]:
    """Exponential noise of one frame of each row, in stock's order: over the vocabulary, then (rows, n) for each of the
    other codes. On the CPU, whatever computes."""
    sizes = (vocabulary, *codes)
    made = [[torch.empty(size).exponential_(1, generator=one) for size in sizes] for one in generators]
    return [torch.stack(column) for column in zip(*made, strict=True)]


def window(frames: Sequence[Sequence[int]], codebooks: int) -> list[list[int]]:
    """What stock's penalty counts as said before the next frame, by code: for the first one place, for each other
    sixteen; -1 is none. `frames` are those said, each (token, codes…)."""
    count = len(frames)
    if not count:
        return [[-1], *([[-1] * WINDOW] * (codebooks - 1))]
    first = frames[max(1, count - WINDOW)][0] if count > 1 else -1
    # stock's list starts after the first frame, and is filled up with zeros, which are penalised as a code
    lately = frames[max(1, count - WINDOW) :]
    empty = WINDOW - len(lately)
    others = [[frame[1 + code] for frame in lately] + [0] * empty for code in range(1, codebooks)]
    return [[first], *others]


def _bf16(value: float) -> float:
    return float(torch.tensor(value, dtype=torch.bfloat16))
