"""The matrices of the GPT as speaking multiplies by them: read where they lie, or in eight bits beside them, adapters added on the side.

A step of decoding multiplies a few rows by every matrix there is, so it is as fast as weights come out of memory. Nothing is copied at full
precision. The fast setting keeps each weight as int8 with a scale a column (weight-only: activations are bfloat16, sums float32), a quarter
of the bytes; on a GPU it keeps bfloat16 copies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch

#: Rows up to which int8 is quicker than full precision: its kernel takes rows one by one, and a text's first pass has a hundred.
INT8_ROWS = 16


@dataclass(frozen=True)
class Adapter:
    """A low-rank addition: x · down · up."""

    down: torch.Tensor  #: (in, rank)
    up: torch.Tensor  #: (rank, out), scaled

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return (x @ self.down) @ self.up


@dataclass(frozen=True)
class Reduced:
    """A matrix in fewer bits."""

    weight: torch.Tensor  #: (out, in), int8 on a CPU, bfloat16 on a GPU
    scale: torch.Tensor | None  #: (out,) bfloat16: what one step of an int8 is worth

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if self.scale is None:
            return torch.nn.functional.linear(x.bfloat16(), self.weight).float()
        return torch._weight_int8pack_mm(x.bfloat16(), self.weight, self.scale).float()


@dataclass(frozen=True)
class Projection:
    """x · weight + bias (+ adapters): (rows, in) float32 → (rows, out) float32."""

    weight: torch.Tensor  #: (out, in); for GPT-2's own matrices a transposed view
    bias: torch.Tensor
    adapters: tuple[Adapter, ...]
    reduced: Reduced | None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        few = self.reduced if len(x) <= INT8_ROWS else None
        y = _linear(x, self.weight, self.bias) if few is None else few(x) + self.bias
        for adapter in self.adapters:
            y = y + adapter(x)
        return y


def projection(layer: Any, *, fast: bool) -> Projection:
    """Of a GPT-2 `Conv1D`, an `nn.Linear`, or either with peft's adapters in place."""
    base = layer.get_base_layer() if hasattr(layer, "get_base_layer") else layer
    weight = base.weight.detach()
    if not isinstance(base, torch.nn.Linear):
        weight = weight.t()  # Conv1D stores (in, out)
    adapters = tuple(_adapters(layer)) if base is not layer else ()
    return Projection(weight, base.bias.detach(), adapters, _reduced_once(base, weight) if fast else None)


def reduce(weight: torch.Tensor) -> Reduced:
    """A matrix (out, in) in fewer bits: int8 on a CPU, by the largest value of each row, else bfloat16."""
    if weight.device.type != "cpu":
        return Reduced(weight.bfloat16().contiguous(), None)
    # the scale is rounded first, so that the integers are right for the scale that is used
    scale = (weight.abs().amax(dim=1).clamp(min=1e-8) / 127).bfloat16()
    integers = (weight / scale.float()[:, None]).round().clamp(-127, 127).to(torch.int8)
    return Reduced(integers.contiguous(), scale)


_reduced: WeakKeyDictionary[torch.nn.Module, tuple[tuple[int, int], Reduced]] = WeakKeyDictionary()


def _reduced_once(base: torch.nn.Module, weight: torch.Tensor) -> Reduced:
    """Voices that share a base share this; weights that were trained or folded into since are reduced anew."""
    state = weight.data_ptr(), 0 if weight.is_inference() else weight._version
    kept = _reduced.get(base)
    if kept is None or kept[0] != state:
        kept = _reduced[base] = state, reduce(weight)
    return kept[1]


def _adapters(layer: Any) -> list[Adapter]:
    """Copies: another voice may have its adapters put in place while this one speaks."""
    if layer.merged or layer.disable_adapters:
        return []
    return [
        Adapter(layer.lora_A[name].weight.detach().t().clone(), layer.lora_B[name].weight.detach().t() * layer.scaling[name])
        for name in layer.active_adapters
        if name in layer.lora_A
    ]


def _linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """For two rows and more oneDNN reads a matrix once for all of them, in either layout, where BLAS takes two to three times as long."""
    if weight.device.type == "cpu" and weight.dtype == torch.float32 and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        if len(x) > 1 or weight.is_contiguous():
            return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")  # type: ignore[no-any-return]
        return torch.addmm(bias, x, weight.t())
    return torch.nn.functional.linear(x, weight, bias)
