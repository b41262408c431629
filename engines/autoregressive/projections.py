"""The matrices of a transformer as speaking multiplies by them: read where they lie, or in eight bits beside them,
adapters added on the side.

A step of decoding multiplies a few rows by every matrix there is, so it is as fast as weights come out of memory.
Nothing is copied at full precision. The fast setting multiplies in eight bits: weights are int8 with a scale a column,
a quarter of the bytes, and activations are brought to eight bits as they come, each row by its own range ("zero-point
vector-wise" of Dettmers et al. 2022, arXiv
2208.07339, who find it next to lossless in language models of this size). Where there are no such kernels (a GPU,
another kind of CPU) weights are bfloat16.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import torch

# torch means to replace its quantized tensors, and has nothing as quick yet
warnings.filterwarnings("ignore", "torch.quantize_per_tensor, torch.quantize_per_channel")


@dataclass(frozen=True)
class Adapter:
    """A low-rank addition: x · down · up."""

    down: torch.Tensor  #: (in, rank)
    up: torch.Tensor  #: (rank, out), scaled

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return (x @ self.down) @ self.up


class Reduced(Protocol):
    """A matrix in fewer bits."""

    def __call__(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor: ...


@dataclass(frozen=True)
class EightBits:
    """int8 weights times rows that are brought to eight bits as they come."""

    packed: Any  #: as FBGEMM wants it
    sums: torch.Tensor  #: of each output's weights as they are in eight bits, (out,)

    def __call__(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        # FBGEMM takes one range for all rows: every row is moved and scaled to 0…1 first, so that none depends on its
        # company. As few and as quick operations as there are: beside the product they are a third of the time.
        # `aminmax` takes thrice the two.
        least = x.amin(dim=-1, keepdim=True)
        span = x.amax(dim=-1, keepdim=True).sub_(least).add_(1e-12)
        y = torch.ops.quantized.linear_dynamic(
            torch.sub(x, least).div_(span), self.packed, not torch.cpu._is_vnni_supported()
        )
        return torch.addcmul(bias, least, self.sums).addcmul_(y, span)


@dataclass(frozen=True)
class SixteenBits:
    """bfloat16 weights, for processors that multiply by those."""

    weight: torch.Tensor  #: (out, in)

    def __call__(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x.bfloat16(), self.weight).float() + bias


@dataclass(frozen=True)
class Projection:
    """x · weight + bias (+ adapters): (rows, in) float32 → (rows, out) float32."""

    weight: torch.Tensor  #: (out, in); for GPT-2's own matrices a transposed view
    bias: torch.Tensor
    adapters: tuple[Adapter, ...]
    reduced: Reduced | None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        y = _linear(x, self.weight, self.bias) if self.reduced is None else self.reduced(x, self.bias)
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


def has_eight_bits(device: torch.device) -> bool:
    """Whether there are kernels for eight bits."""
    return device.type == "cpu" and torch.backends.quantized.engine in ("x86", "fbgemm")


def reduce(weight: torch.Tensor) -> Reduced:
    """A matrix (out, in) in fewer bits."""
    if not has_eight_bits(weight.device):
        return SixteenBits(weight.bfloat16().contiguous())
    scales = weight.abs().amax(dim=1).clamp(min=1e-8) / 127
    # by hand: a matrix that lies transposed is turned when it is a quarter of its size, which takes half the time
    integers = (weight / scales[:, None]).round_().to(torch.int8).contiguous()
    made = torch._make_per_channel_quantized_tensor(
        integers, scales.double(), torch.zeros_like(scales, dtype=torch.long), 0
    )
    return EightBits(torch.ops.quantized.linear_prepack(made, None), integers.sum(dim=1) * scales)


def reduce_all(layers: Iterable[Any]) -> None:
    """Have the matrices of layers in fewer bits from now on, several at a time."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(lambda layer: projection(layer, fast=True), layers))


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
        Adapter(
            layer.lora_A[name].weight.detach().t().clone(), layer.lora_B[name].weight.detach().t() * layer.scaling[name]
        )
        for name in layer.active_adapters
        if name in layer.lora_A
    ]


def _linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """For two rows and more oneDNN reads a matrix once for all of them, in either layout, where BLAS takes two to three
    times as long."""
    if weight.device.type == "cpu" and weight.dtype == torch.float32 and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        if len(x) > 1 or weight.is_contiguous():
            return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")  # type: ignore[no-any-return]
        return torch.addmm(bias, x, weight.t())
    return torch.nn.functional.linear(x, weight, bias)
