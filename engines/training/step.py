"""One optimizer update, and what makes it repeatable: all its random numbers follow from (seed, step)."""

from __future__ import annotations

import hashlib
import inspect
import math
import random
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engines.base import Learns, TrainableModel
from engines.errors import EngineError
from engines.fast_paths import learning
from engines.fast_paths.record import FastPath
from engines.training.feed import Step
from engines.training.settings import TrainSettings

#: AdamW's averaging (Loshchilov and Hutter 2019, arXiv 1711.05101); the second is shorter than the usual 0.999, as runs
#: are short.
BETAS = (0.9, 0.99)
#: Kinds of device on which AdamW is one kernel; on a card it is where it proved itself.
FUSED = ("cpu",)


@dataclass(frozen=True)
class StepResult:
    """What came of an update."""

    losses: dict[str, float]  #: means over the effective batch, by name
    grad_norm: float  #: before clipping
    updated: bool  #: False: loss or gradient was not finite, and no weight was changed


class AdamW(torch.optim.AdamW):
    """torch's, without its compiler: these methods import `torch._dynamo` only to tell it to keep out, which takes a
    second of a CPU at the start of each training. What they wrap is called instead: weights and state are the same."""

    step: Any = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))
    add_param_group: Any = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad: Any = inspect.unwrap(torch.optim.Optimizer.zero_grad)
    state_dict: Any = inspect.unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict: Any = inspect.unwrap(torch.optim.Optimizer.load_state_dict)


def adamw(parameters: Sequence[torch.nn.Parameter], settings: TrainSettings, device: torch.device) -> AdamW:
    """AdamW, fused where that is trusted; weight decay on matrices and kernels, not on biases and gains."""
    if not parameters:
        raise EngineError(
            "The engine names no parameters to train.", "This is a fault of the engine: please report it."
        )
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    fused = True if device.type in FUSED or learning.allowed(FastPath.FUSED, device) else None  # None: torch chooses
    return AdamW([group for group in groups if group["params"]], lr=settings.learning_rate, betas=BETAS, fused=fused)


def use_threads(settings: TrainSettings) -> None:
    """Let torch compute in as many threads as the settings say; 0 leaves it as it is."""
    if settings.threads:
        torch.set_num_threads(settings.threads)


def seed_everything(seed: int, step: int) -> None:
    """Random numbers of a step (0: of held-out measurement) for torch on every device, numpy and Python."""
    mixed = int.from_bytes(hashlib.sha256(f"{seed} {step}".encode()).digest()[:4], "little")
    torch.manual_seed(mixed)
    np.random.seed(mixed)
    random.seed(mixed)


def precision(settings: TrainSettings, device: torch.device) -> torch.autocast | nullcontext[None]:
    """bf16 autocast where it is asked for, but for cards that are not to be trusted with it."""
    if settings.precision != "bf16" or learning.refuses_bf16(device):
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def update(
    engine: Learns,
    model: TrainableModel,
    data: Step,
    parameters: Sequence[torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    settings: TrainSettings,
    meanwhile: Callable[[], None],
) -> StepResult:
    """Forward and backward over all micro-batches, clip, and update unless something is not finite.

    `meanwhile` is called when all work is queued on the card and before it is waited for.
    """
    optimizer.zero_grad(set_to_none=True)
    sums = backward(engine, model, data, settings)
    norm = torch.nn.utils.clip_grad_norm_(parameters, settings.grad_clip or math.inf, foreach=True)
    read = torch.stack([*sums.values(), norm.float()])
    meanwhile()
    *values, grad_norm = read.tolist()  # the one time in a step that the card is waited for
    result = dict(zip(sums, values, strict=True))
    updated = math.isfinite(grad_norm) and math.isfinite(result["loss"])
    if updated:
        optimizer.step()
    return StepResult(result, grad_norm, updated)


def backward(engine: Learns, model: TrainableModel, data: Step, settings: TrainSettings) -> dict[str, torch.Tensor]:
    """Gradients over all micro-batches, added to what the parameters have; returns the losses, means over the batch, on
    the model's device."""
    sums: dict[str, torch.Tensor] = {}
    for batch, n_clips in data.pieces:
        with precision(settings, model.device):
            losses = engine.losses(model, batch)
        weight = n_clips / data.n_clips  # micro-batches' gradients add up to the whole batch's
        torch.autograd.backward(losses["loss"] * weight)
        for name, value in losses.items():
            part = value.detach().to(model.device, torch.float32) * weight
            sums[name] = sums[name] + part if name in sums else part
    return sums
