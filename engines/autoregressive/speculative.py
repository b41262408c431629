"""Speculative decoding (Leviathan et al. 2023, arXiv 2211.17192): several codes for one reading of the weights, and the
same ones.

One code at a time, fp32 decoding on a CPU waits for weights to come out of memory: for nine codes it waits as long as
for one. So a draft, such as the same model with its weights in eight bits, a quarter of the bytes, guesses how a
sentence goes on, drawing from a copy of the take's own generator; one pass in full precision looks at all guesses at
once, and says what follows each. A code is always drawn from what full precision said: a guess that turns out to be
another code is forgotten with all after it. Guesses cost time, never change what is said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import torch

from engines.autoregressive.decode import Batch, Decoder, Next
from engines.autoregressive.sampling import Sampling, draw

#: Guesses at first (what a first chunk takes, and not one more) and at most. They become one more when all came true,
#: and one fewer when not.
FIRST, MOST = 3, 8


class Speculative:
    """Guesses at one take while it is the only row of a batch. Call everything under `torch.inference_mode()`."""

    def __init__(self, batch: Batch, draft: Decoder, sampling: Sampling) -> None:
        self._batch, self._draft, self._sampling = batch, draft, sampling
        self._reach = FIRST
        self._computed: deque[tuple[int, Next]] = (
            deque()
        )  #: guessed codes in order, and what follows each if it is the one that is said

    def after(self, codes: Sequence[int], seen: torch.Tensor, generator: torch.Generator, most: int) -> Next:
        """What follows the codes said so far, the last of which the batch does not have yet, as from `Batch.step`.

        `seen` (codes,) bool and `generator` are the take's, as they will draw the next code, and stay as they are; at
        most `most` codes are still to be said. One row: logits (1, codes), latents (1, channels)."""
        if self._computed:
            guessed, following = self._computed.popleft()
            if guessed == codes[-1]:
                if not self._computed:
                    self._reach = min(self._reach + 1, MOST)
                return following
            self._computed.appendleft((guessed, following))
            self._reach = max(self._reach - 1, 1)
            self.forget()
        guesses = self._guess(codes, seen.clone(), generator.clone_state(), min(self._reach, most - 1))
        verified = self._batch.step_many([codes[-1], *guesses], len(codes))
        rows = [
            Next(verified.logits[row : row + 1], verified.latents[row : row + 1]) for row in range(len(guesses) + 1)
        ]
        self._computed.extend(zip(guesses, rows[1:], strict=True))
        return rows[0]

    def forget(self) -> None:
        """Leave the batch as it is without guesses."""
        self._batch.back(len(self._computed))
        self._computed.clear()

    def _guess(self, codes: Sequence[int], seen: torch.Tensor, generator: torch.Generator, count: int) -> list[int]:
        stop, before, said = self._draft.stop, self._batch.column, [codes[-1]]
        while len(said) <= count:
            logits = self._batch.step(said[-1:], [len(codes) + len(said) - 1], by=self._draft).logits
            code = draw(logits[0].float().cpu(), seen, self._sampling, stop, generator)
            if code == stop:
                break
            said.append(code)
            seen[code] = True
        self._batch.back(self._batch.column - before)  # what the draft wrote there is written again in full precision
        return said[1:]
