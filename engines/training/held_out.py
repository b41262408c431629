"""Losses over the held-out clips, measured as training measures them: the same function and precision, but without
dropout."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engines.base import Features, HearsPrompts, Learns, TrainableModel
from engines.errors import OutOfMemory
from engines.training import memory
from engines.training.settings import TrainSettings
from engines.training.step import precision, seed_everything


def held_out_losses(
    engine: Learns, model: TrainableModel, clips: Sequence[Features], settings: TrainSettings
) -> dict[str, float]:
    """Mean over the clips, by name. The same weights always give the same numbers; training's own course is not
    touched.

    Raises OutOfMemory when not even one clip fits.
    """
    by_length = sorted(range(len(clips)), key=lambda i: (engine.length(clips[i]), i))
    size = min(settings.micro_batch, settings.batch_size)
    modes = [(part, part.training) for part in model.module.modules()]
    model.module.eval()
    sums: dict[str, float] = {}
    start = 0
    try:
        while start < len(by_length):
            piece = by_length[start : start + size]
            # prompts are always the same, whatever the batches
            prompts = [clips[(i + 1) % len(clips)] for i in piece] if isinstance(engine, HearsPrompts) else []
            losses = _losses(engine, model, [clips[i] for i in piece], prompts, settings)
            if losses is None:
                memory.release(model.device)
                if size == 1:
                    raise OutOfMemory(
                        "Memory ran out while measuring one held-out clip.",
                        "Free memory, or leave very long clips out.",
                    )
                size = -(-size // 2)
                continue
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value * len(piece) / len(clips)
            start += len(piece)
    finally:
        for part, mode in modes:
            part.training = mode
    return sums


def _losses(
    engine: Learns,
    model: TrainableModel,
    piece: Sequence[Features],
    prompts: Sequence[Features],
    settings: TrainSettings,
) -> dict[str, float] | None:
    """Losses of one batch, or None if memory ran out."""
    seed_everything(settings.seed, 0)
    try:
        with torch.no_grad(), precision(settings, model.device):
            losses = engine.losses(model, engine.collate(piece, prompts))
            values: list[float] = torch.stack([value.float() for value in losses.values()]).tolist()
        return dict(zip(losses, values, strict=True))
    except Exception as error:
        if memory.ran_out(error):
            return None
        raise
