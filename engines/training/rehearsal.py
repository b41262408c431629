"""The step of a run that takes most memory, tried before the first one: what runs out of memory does so at once, and
what it takes is known and can be told.

Nothing is learned by it: weights, buffers and the optimizer stay as they are, and the random numbers of each step are
its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engines.base import Learns, TrainableModel
from engines.training.data import DataOrder, Position
from engines.training.feed import Step
from engines.training.settings import TrainSettings
from engines.training.step import backward

#: Steps ahead that are looked through at most.
HORIZON = 20_000


def greatest(order: DataOrder, position: Position, steps: int, micro_batch: int) -> Position:
    """Where, of so many steps from a position on, the batch is whose longest piece is the longest, padding included."""
    most, found = -1.0, position
    for _ in range(min(steps, HORIZON)):
        batch, after = order.at(position)
        size = order.padded(batch, micro_batch)
        if size > most:
            most, found = size, position
        position = after
    return found


def rehearse(
    engine: Learns,
    model: TrainableModel,
    data: Step,
    parameters: Sequence[torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    settings: TrainSettings,
) -> None:
    """Forward and backward over a batch, with as much memory taken beside as the optimizer has yet to take. Raises what
    an update raises where memory runs out."""
    kept = [(buffer, buffer.detach().clone()) for buffer in model.module.buffers()]
    beside = torch.empty(state_bytes(parameters, optimizer), dtype=torch.uint8, device=model.device)
    try:
        optimizer.zero_grad(set_to_none=True)
        backward(engine, model, data, settings)
    finally:
        del beside
        optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for buffer, before in kept:
                buffer.copy_(before)


def state_bytes(parameters: Sequence[torch.nn.Parameter], optimizer: torch.optim.Optimizer) -> int:
    """Bytes that AdamW will take for the moments of parameters it has not updated yet."""
    fresh = [parameter for parameter in parameters if parameter not in optimizer.state]
    return sum(2 * parameter.numel() * parameter.element_size() for parameter in fresh)
