"""The transformers' matrices as speaking multiplies by them: read where they lie, in the base's precision, packed, or
in eight bits beside them; adapters are added on the side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import linear

from engines.autoregressive.projections import (
    Adapter,
    Packing,
    Reduced,
    has_eight_bits,
    multiply_packed,
    pack,
    packing,
    packs_to_the_same_bits,
    reduced_once,
)
from engines.fish.lora import Adapted


@dataclass(frozen=True)
class Matrix:
    """x · weight (+ adapter): (…, in) → (…, out), in the type of x."""

    weight: torch.Tensor  #: (out, in)
    bias: torch.Tensor | None
    adapter: Adapter | None
    reduced: Reduced | None
    nothing: torch.Tensor | None  #: a bias of zeros, for what wants one
    packing: Packing
    guesses: bool = False  #: what comes of it is verified: one row goes as the kernel itself brings it to eight bits

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if self.reduced is not None and self.guesses and x.numel() == x.shape[-1]:
            y = self.reduced.alone(x)
        elif self.reduced is not None:
            assert self.nothing is not None
            rows = x.flatten(0, -2).float()
            y = self.reduced(rows, self.nothing).to(x.dtype).view(*x.shape[:-1], -1)
        elif self.packing.packed is not None:
            y = multiply_packed(x, self.packing.packed, self.bias)
        else:
            y = linear(x, self.weight, self.bias)
        return y if self.adapter is None else y + self.adapter(x)


def matrix(layer: Any, *, fast: bool, guesses: bool = False) -> Matrix:
    """Of an `nn.Linear`, adapted or not. Where there are no eight bits the fast one is the plain one. With `guesses`
    nothing is said that was not verified, so that a row need not come out as it does beside others."""
    base = _base(layer)
    weight = base.weight.detach()
    bias = None if base.bias is None else base.bias.detach()
    kept = packing(base, weight)
    adapter = None
    if isinstance(layer, Adapted):
        down, up = layer.a.detach().t(), layer.b.detach().t() * layer.scale
        dtype = computes_in(weight, fast=fast)
        adapter = Adapter(down.to(dtype), up.to(dtype))
    if not fast or not has_eight_bits(weight.device):
        return Matrix(weight, bias, adapter, None, None, kept)
    zeros = torch.zeros(len(weight), device=weight.device) if bias is None else bias.float()
    return Matrix(weight, None, adapter, reduced_once(base, weight), zeros, kept, guesses and bias is None)


def pack_all(layers: Iterable[Any]) -> None:
    """Have products by layers' matrices of bfloat16 on a CPU by packed copies from now on, where they come to the same
    bits; they take a third less time for one row and half for ten."""
    for layer in layers:
        base = _base(layer)
        weight = base.weight.detach()
        here = weight.device.type == "cpu" and weight.dtype == torch.bfloat16
        if here and packs_to_the_same_bits(*weight.shape, weight.dtype):
            pack(packing(base, weight), weight)


def whole_rows(layer: Any, which: slice) -> torch.Tensor:
    """Rows of the matrix of an `nn.Linear`, with its adapter in them (fp32 then)."""
    weight: torch.Tensor = layer.weight.detach()[which]
    if not isinstance(layer, Adapted):
        return weight
    return weight.float() + layer.scale * (layer.b.detach()[which].float() @ layer.a.detach().float())


def computes_in(weight: torch.Tensor, *, fast: bool) -> torch.dtype:
    """The type of what is multiplied."""
    return torch.float32 if fast and has_eight_bits(weight.device) else weight.dtype


def _base(layer: Any) -> Any:
    return layer.base if isinstance(layer, Adapted) else layer
