"""From logits to a code: penalties and cuts in the order and with the numbers of transformers' own, so that the same
seed draws the same codes as models that generate with it (stock coqui-tts among them).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

#: What a length penalty of 2 takes from the stop code's logit; 1 takes nothing.
LENGTH_UNIT = 2.0


@dataclass(frozen=True)
class Sampling:
    """How a code is drawn."""

    temperature: float = 0.75  #: 0: always the likeliest code
    top_k: int = 50  #: only the k likeliest codes; 0: all
    top_p: float = 0.85  #: only the likeliest codes that make up this share; 1: all
    repetition_penalty: float = (
        10.0  #: divides the logit of codes that were said (Keskar et al. 2019, arXiv 1909.05858); 1: none
    )
    length_penalty: float = (
        1.0  #: above 1 speech ends later, below 1 sooner (stock uses it for beams only, where it ranks)
    )


def draw(logits: torch.Tensor, seen: torch.Tensor, how: Sampling, stop: int, generator: torch.Generator) -> int:
    """One code from logits (codes,) float32; `seen` (codes,) bool are the codes said before."""
    scores = logits
    if how.length_penalty != 1:
        scores = scores.clone()
        scores[stop] -= (how.length_penalty - 1) * LENGTH_UNIT
    if how.repetition_penalty != 1:
        penalised = torch.where(scores < 0, scores * how.repetition_penalty, scores / how.repetition_penalty)
        scores = torch.where(seen, penalised, scores)
    if how.temperature == 0:
        return int(scores.argmax())
    scores = scores / how.temperature
    if 0 < how.top_k < len(scores):
        scores = scores.masked_fill(scores < scores.topk(how.top_k).values[-1], -torch.inf)
    if how.top_p < 1:
        ascending, order = scores.sort()
        cut = ascending.softmax(-1).cumsum(-1) <= 1 - how.top_p
        cut[-1] = False  # the likeliest stays
        scores = scores.masked_fill(torch.zeros_like(cut).scatter(0, order, cut), -torch.inf)
    return int(torch.multinomial(scores.softmax(-1), 1, generator=generator))
