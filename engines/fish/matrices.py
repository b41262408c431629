"""The transformers' matrices as speaking multiplies by them: read where they lie, in the base's precision, or in eight
bits beside them; adapters are added on the side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import linear

from engines.autoregressive.projections import Adapter, Reduced, has_eight_bits, reduce
from engines.fish.lora import Adapted


@dataclass(frozen=True)
class Matrix:
    """x · weight (+ adapter): (…, in) → (…, out), in the type of x."""

    weight: torch.Tensor  #: (out, in)
    bias: torch.Tensor | None
    adapter: Adapter | None
    reduced: Reduced | None
    nothing: torch.Tensor | None  #: a bias of zeros, for what wants one

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if self.reduced is None:
            y = linear(x, self.weight, self.bias)
        else:
            assert self.nothing is not None
            rows = x.flatten(0, -2).float()
            y = self.reduced(rows, self.nothing).to(x.dtype).view(*x.shape[:-1], -1)
        return y if self.adapter is None else y + self.adapter(x)


def matrix(layer: Any, *, fast: bool) -> Matrix:
    """Of an `nn.Linear`, adapted or not. Where there are no eight bits the fast one is the plain one."""
    base = layer.base if isinstance(layer, Adapted) else layer
    weight = base.weight.detach()
    bias = None if base.bias is None else base.bias.detach()
    adapter = None
    if isinstance(layer, Adapted):
        down, up = layer.a.detach().t(), layer.b.detach().t() * layer.scale
        dtype = computes_in(weight, fast=fast)
        adapter = Adapter(down.to(dtype), up.to(dtype))
    if not fast or not has_eight_bits(weight.device):
        return Matrix(weight, bias, adapter, None, None)
    zeros = torch.zeros(len(weight), device=weight.device) if bias is None else bias.float()
    return Matrix(weight, None, adapter, _reduced_once(base, weight), zeros)


def whole_rows(layer: Any, which: slice) -> torch.Tensor:
    """Rows of the matrix of an `nn.Linear`, with its adapter in them (fp32 then)."""
    weight: torch.Tensor = layer.weight.detach()[which]
    if not isinstance(layer, Adapted):
        return weight
    return weight.float() + layer.scale * (layer.b.detach()[which].float() @ layer.a.detach().float())


def computes_in(weight: torch.Tensor, *, fast: bool) -> torch.dtype:
    """The type of what is multiplied."""
    return torch.float32 if fast and has_eight_bits(weight.device) else weight.dtype


_reduced: WeakKeyDictionary[torch.nn.Module, tuple[tuple[int, int], Reduced]] = WeakKeyDictionary()


def _reduced_once(base: torch.nn.Module, weight: torch.Tensor) -> Reduced:
    """Weights that were trained or folded into since are reduced anew."""
    state = weight.data_ptr(), 0 if weight.is_inference() else weight._version
    kept = _reduced.get(base)
    if kept is None or kept[0] != state:
        kept = _reduced[base] = state, reduce(weight.float())
    return kept[1]
