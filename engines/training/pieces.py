"""A batch in as small pieces as memory asks for. The gradient is the same whatever their size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from engines.errors import OutOfMemory
from engines.training import memory
from engines.training.data import Position
from engines.training.feed import Feed, Step
from engines.training.report import Reporter

T = TypeVar("T")


@dataclass(frozen=True)
class Pieces:
    """Of one training."""

    feed: Feed
    module: torch.nn.Module
    optimizer: torch.optim.Optimizer
    device: torch.device
    batch_size: int
    report: Reporter

    def tried(
        self, position: Position, micro_batch: int, ran_out: str, act: Callable[[Step], T]
    ) -> tuple[int, Step, T]:
        """Do something with the batch at a position, in pieces of `micro_batch` clips, or of fewer where memory runs
        out: (clips in a piece, the batch, what came of it). `ran_out` begins the sentence that tells of fewer. Raises
        OutOfMemory where not even one clip fits."""
        while True:
            data = self.feed.step(position, micro_batch)
            try:
                return micro_batch, data, act(data)
            except Exception as error:
                if not memory.ran_out(error):
                    raise
                spared = micro_batch == 1 and memory.checkpoint_activations(self.module)
                if micro_batch == 1 and not spared:
                    sentence = "Memory ran out in training, even with one clip at a time."
                    hint = "Free memory on the device, or train with LoRA or shorter clips."
                    raise OutOfMemory(sentence, hint) from error
            # here, and not above, where the exception still holds the failed pass's tensors
            self.optimizer.zero_grad(set_to_none=True)
            memory.release(self.device)
            memory.forget_peak(self.device)
            if spared:
                instead = "activations are recomputed, not kept"
            else:
                micro_batch = -(-min(micro_batch, data.n_clips) // 2)
                times = -(-self.batch_size // micro_batch)
                instead = f"{times} × {micro_batch} clips make one step"
            self.report.log("warning", f"{ran_out}: from now on {instead}.")
