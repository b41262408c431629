"""Batches for the loop: which clips come next, collated into micro-batches, the next step's while the card works on
this one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engines.base import Batch, Features, HearsPrompts, Learns
from engines.training.data import DataOrder, Position


@dataclass(frozen=True)
class Step:
    """What one update learns from."""

    pieces: tuple[tuple[Batch, int], ...]  #: micro-batches on the CPU, each with its number of clips
    n_clips: int  #: clips in the whole effective batch
    after: Position  #: where the next update's batch is


class Feed:
    """Collates on demand; `prepare_next` does it ahead. `ready` is what is done to each collated batch."""

    def __init__(
        self,
        engine: Learns,
        clips: Sequence[Features],
        order: DataOrder,
        ready: Callable[[Batch], Batch] = lambda batch: batch,
    ) -> None:
        self._engine = engine
        self._clips = clips
        self.order = order
        self._ready = ready
        self._now: tuple[tuple[Position, int], Step] | None = None
        self._ahead: tuple[tuple[Position, int], Step] | None = None

    def step(self, position: Position, micro_batch: int) -> Step:
        """The batch at a position, in pieces of at most `micro_batch` clips."""
        if self._ahead and self._ahead[0] == (position, micro_batch):
            self._now = self._ahead
        else:
            self._now = (position, micro_batch), self._collate(position, micro_batch)
        self._ahead = None
        return self._now[1]

    def prepare_next(self) -> None:
        """Have the batch after the one that was asked for last ready."""
        if self._now:
            (_, micro_batch), step = self._now
            self._ahead = (step.after, micro_batch), self._collate(step.after, micro_batch)

    def _collate(self, position: Position, micro_batch: int) -> Step:
        indices, after = self.order.at(position)
        heard: list[int] = []
        if isinstance(self._engine, HearsPrompts):
            heard = self.order.prompts(indices, position.epoch, self._engine.clips_per_prompt)
        pieces = []
        for start in range(0, len(indices), micro_batch):
            piece, prompts = ([self._clips[i] for i in part[start : start + micro_batch]] for part in (indices, heard))
            pieces.append((self._ready(self._engine.collate(piece, prompts)), len(piece)))
        return Step(tuple(pieces), len(indices), after)
