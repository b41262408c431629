"""The fast paths of trainings, each proved by a small training on the card: its losses are those of the plain way.

The small one is the same for every engine: what is proved is the card, its driver and torch, not the model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch

from engines.fast_paths import card
from engines.fast_paths.proving import Comparison
from engines.fast_paths.record import FastPath, Outcome

#: Steps of the small training, clips in a step, and its width: a multiple of what a card's matrix units take.
STEPS, ROWS, WIDTH = 20, 32, 64
#: How far a step's loss may be from the plain way's, as a share of it. Fused: the same sums in another order. Pinned:
#: the same bits. TF32 and bf16 have eleven and eight bits of mantissa.
TOLERANCES = {FastPath.FUSED: 1e-4, FastPath.PINNED: 1e-6, FastPath.TF32: 1e-2, FastPath.BF16: 5e-2}
#: Compute capability from which cards have TF32 and bf16 (Ampere).
AMPERE = (8, 0)


def allowed(path: FastPath, device: torch.device) -> bool:
    """Whether a training on a device may take a path; proved if need be. Never on a CPU."""
    if card.proofs(device) is None or not capable(path, device):
        return False
    return card.trusts(path, device, "", lambda: compare(path, device))


def refuses_bf16(device: torch.device) -> bool:
    """Whether a training that asks for bf16 is to be in fp32: on a card that has not got it, or where it failed. What
    is not known yet is left to who asked, so that a run does not change midway."""
    known = card.proofs(device)
    if known is None:
        return False
    path = FastPath.BF16
    return not capable(path, device) or known.outcome(path, "", lambda: compare(path, device)) not in (
        Outcome.EQUAL,
        Outcome.PROVING,
    )


def capable(path: FastPath, device: torch.device) -> bool:
    """Whether the card has what a path is about."""
    return path not in (FastPath.TF32, FastPath.BF16) or torch.cuda.get_device_capability(device) >= AMPERE


@contextmanager
def quick_products(device: torch.device) -> Iterator[None]:
    """Products of fp32 matrices in TF32 for the block, where the card is trusted with it."""
    if not allowed(FastPath.TF32, device):
        yield
        return
    with _tf32():
        yield


def pinned(batch: Any) -> Any:
    """A batch with its tensors in memory that a card reads by itself: a copy of them is sent while it computes."""
    if isinstance(batch, torch.Tensor):
        return batch.pin_memory()
    if isinstance(batch, Mapping):
        return {name: pinned(value) for name, value in batch.items()}
    if isinstance(batch, list | tuple):
        return type(batch)(pinned(value) for value in batch)
    return batch


def compare(path: FastPath, device: torch.device) -> Comparison:
    """The small training in both ways, whatever the caller is amid: a measurement has no gradients, and a precision of
    its own. Raises what torch does."""
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device.type, enabled=False):
        plain, fast = losses(device, None), losses(device, path)
    far = [abs(one - other) / abs(one) for one, other in zip(plain, fast, strict=True)]
    return Comparison(max(far) if all(map(math.isfinite, far)) else math.inf, TOLERANCES[path])


@dataclass
class _Small:
    """Two layers with a norm between them, which learn to give what two others do."""

    parameters: list[torch.Tensor]
    teacher: list[torch.Tensor]
    luck: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(2))

    @classmethod
    def on(cls, device: torch.device) -> _Small:
        luck = torch.Generator().manual_seed(1)
        shapes = (WIDTH, WIDTH), (WIDTH,), (WIDTH, WIDTH), (WIDTH,)
        made = [[torch.randn(shape, generator=luck) / WIDTH**0.5 for shape in shapes] for _ in range(2)]
        return cls([one.to(device).requires_grad_() for one in made[0]], [one.to(device) for one in made[1]])

    def batch(self) -> torch.Tensor:
        return torch.randn(ROWS, WIDTH, generator=self.luck)

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            wanted = self._forward(x, self.teacher)
        return torch.nn.functional.mse_loss(self._forward(x, self.parameters).float(), wanted.float())

    @staticmethod
    def _forward(x: torch.Tensor, layers: list[torch.Tensor]) -> torch.Tensor:
        first, first_bias, second, second_bias = layers
        inner = torch.nn.functional.gelu(torch.nn.functional.linear(x, first, first_bias))
        inner = torch.nn.functional.layer_norm(inner, (WIDTH,))
        return torch.nn.functional.linear(inner, second, second_bias)


def losses(device: torch.device, path: FastPath | None) -> list[float]:
    """Of each step of the small training, by one fast path or by none. torch's own random numbers are left alone."""
    small = _Small.on(device)
    optimizer = torch.optim.AdamW(small.parameters, lr=1e-2, fused=path is FastPath.FUSED)
    found: list[torch.Tensor] = []
    plain = path is not FastPath.BF16
    # its copies of weights would last until the outermost autocast ends, and that may be the caller's
    bf16 = nullcontext() if plain else torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=False)
    with _tf32() if path is FastPath.TF32 else nullcontext():
        for _ in range(STEPS):
            batch = small.batch()
            sent = pinned(batch).to(device, non_blocking=True) if path is FastPath.PINNED else batch.to(device)
            optimizer.zero_grad(set_to_none=True)
            with bf16:
                loss = small.loss(sent)
            torch.autograd.backward(loss)
            optimizer.step()
            found.append(loss.detach())
        told: list[float] = torch.stack(found).tolist()
    return told


@contextmanager
def _tf32() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
