"""The matrices of a transformer as speaking multiplies by them: read where they lie, packed, or in eight bits
beside them, adapters added on the side.

A step of decoding multiplies a few rows by every matrix there is, so it is as fast as weights come out of memory.
For two rows and more oneDNN turns a matrix as GPT-2 stores it into blocks at every product, which takes as long as the
product. Packed once, the same bits come out in little more than half the time (six layers, one core: 38 → 20 ms for
five rows); that takes a second and a copy, so it is done once something was heard (`pack_all`).

The fast setting multiplies in eight bits: weights are int8 with a scale a column, a quarter of the bytes, and
activations are brought to eight bits as they come, each row by its own range ("zero-point vector-wise" of Dettmers et
al. 2022, arXiv 2208.07339, who find it next to lossless in language models of this size). Where there are no such
kernels (a GPU, another kind of CPU) weights are bfloat16.
"""

from __future__ import annotations

import ctypes
import mmap
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
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

    @property
    def nbytes(self) -> int: ...

    def __call__(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor: ...

    def alone(self, x: torch.Tensor) -> torch.Tensor:
        """Of one row (…, in) float32, (…, out), in as few operations as there are."""
        ...


@dataclass(frozen=True)
class EightBits:
    """int8 weights times rows that are brought to eight bits as they come."""

    nbytes: int
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

    def alone(self, x: torch.Tensor) -> torch.Tensor:
        """FBGEMM's range for all rows is the row's own."""
        y: torch.Tensor = torch.ops.quantized.linear_dynamic(x, self.packed, not torch.cpu._is_vnni_supported())
        return y


@dataclass(frozen=True)
class SixteenBits:
    """bfloat16 weights, for processors that multiply by those."""

    weight: torch.Tensor  #: (out, in)

    @property
    def nbytes(self) -> int:
        return self.weight.nbytes

    def __call__(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x.bfloat16(), self.weight).float() + bias

    def alone(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x.bfloat16(), self.weight).float()


@dataclass
class Packing:
    """A matrix in oneDNN's own blocks, once it is: decoders that were made before see it, too."""

    state: tuple[int, int]  #: of the weight it was made of
    packed: torch.Tensor | None = None


@dataclass(frozen=True)
class Projection:
    """x · weight + bias (+ adapters): (rows, in) float32 → (rows, out) float32."""

    weight: torch.Tensor  #: (out, in); for GPT-2's own matrices a transposed view
    bias: torch.Tensor
    adapters: tuple[Adapter, ...]
    reduced: Reduced | None
    packing: Packing

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if self.reduced is not None:
            y = self.reduced(x, self.bias)
        elif self.packing.packed is not None and len(x) > 1:
            y = multiply_packed(x, self.packing.packed, self.bias)
        else:
            y = _linear(x, self.weight, self.bias)
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
    reduced = reduced_once(base, weight) if fast else None
    return Projection(weight, base.bias.detach(), adapters, reduced, packing(base, weight))


def has_eight_bits(device: torch.device) -> bool:
    """Whether there are kernels for eight bits."""
    return device.type == "cpu" and torch.backends.quantized.engine in ("x86", "fbgemm")


def reduce(weight: torch.Tensor) -> Reduced:
    """A matrix (out, in) in fewer bits."""
    if not has_eight_bits(weight.device):
        return SixteenBits(weight.bfloat16().contiguous())
    scales = weight.abs().amax(dim=1).clamp(min=1e-8) / 127
    # by hand: a matrix that lies transposed is turned when it is a quarter of its size, which takes half the time
    whole = (weight / scales[:, None]).round_()
    integers = whole.to(torch.int8).contiguous()
    made = torch._make_per_channel_quantized_tensor(
        integers, scales.double(), torch.zeros_like(scales, dtype=torch.long), 0
    )
    # summed as floats, which are exact for these: twenty times as quick as int8 into int64
    sums = whole.sum(dim=1) * scales
    return EightBits(integers.nbytes + sums.nbytes, torch.ops.quantized.linear_prepack(made, None), sums)


def reduce_all(layers: Iterable[Any]) -> None:
    """Have the matrices of layers in fewer bits from now on, several at a time."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(lambda layer: projection(layer, fast=True), layers))


def pack_all(layers: Iterable[Any]) -> None:
    """Have products of two rows and more of layers' matrices by packed copies from now on, where that is quicker; they
    come to the same bits. What a copy was made of leaves memory as far as it is a file's."""
    for layer in layers:
        whole = projection(layer, fast=False)
        weight = whole.weight
        if not weight.is_contiguous() and _by_onednn(weight):
            pack(whole.packing, weight)


def pack(kept: Packing, weight: torch.Tensor) -> None:
    """Pack a matrix (out, in), once."""
    if kept.packed is None:
        kept.packed = torch.ops.mkldnn._reorder_linear_weight(weight, _PACKED_FOR)
        _page_out(weight)


@lru_cache
def packs_to_the_same_bits(out: int, into: int, dtype: torch.dtype) -> bool:
    """Whether packed products of a matrix as `nn.Linear` has it come to the bits of plain ones on this machine; found
    out by trying."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    luck = torch.Generator().manual_seed(1)
    weight = torch.randn(out, into, generator=luck).to(dtype)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, _PACKED_FOR)
    tries = [torch.randn(rows, into, generator=luck).to(dtype) for rows in (1, 2, 5, 10)]
    return all(torch.equal(torch.nn.functional.linear(x, weight), multiply_packed(x, packed, None)) for x in tries)


def multiply_packed(x: torch.Tensor, packed: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """x (…, in) · a packed matrix (+ bias), (…, out)."""
    return torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")  # type: ignore[no-any-return]


#: Rows that matrices are packed for: what is guessed ahead, and sentences side by side.
_PACKED_FOR = 8
_MADV_PAGEOUT = 21


def _page_out(weight: torch.Tensor) -> None:
    """Tell the kernel that a matrix will hardly be read again: a file's pages leave memory, and come back if it is.
    What is no file's stays."""
    size = mmap.PAGESIZE
    begin = -(-weight.data_ptr() // size) * size
    end = (weight.data_ptr() + weight.numel() * weight.element_size()) // size * size
    if end > begin:
        ctypes.CDLL(None).madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_PAGEOUT)


_packings: WeakKeyDictionary[torch.nn.Module, Packing] = WeakKeyDictionary()


def packing(base: torch.nn.Module, weight: torch.Tensor) -> Packing:
    """Of a module's weight (out, in). Voices that share a base share this; weights that were trained or folded into
    since are not packed."""
    kept, state = _packings.get(base), _state(weight)
    if kept is None or kept.state != state:
        kept = _packings[base] = Packing(state)
    return kept


def _state(weight: torch.Tensor) -> tuple[int, int]:
    """What changes when a weight does."""
    return weight.data_ptr(), 0 if weight.is_inference() else weight._version


_reduced: WeakKeyDictionary[torch.nn.Module, tuple[tuple[int, int], Reduced]] = WeakKeyDictionary()


def reduced_once(base: torch.nn.Module, weight: torch.Tensor) -> Reduced:
    """Voices that share a base share this; weights that were trained or folded into since are reduced anew."""
    state = _state(weight)
    kept = _reduced.get(base)
    if kept is None or kept[0] != state:
        kept = _reduced[base] = state, reduce(weight.float())
    return kept[1]


def kept_beside(module: torch.nn.Module) -> dict[object, int]:
    """Bytes of what is kept of a module's matrices beside them; by what it is, which voices may share."""
    found: dict[object, int] = {}
    for layer in module.modules():
        packed = kept.packed if (kept := _packings.get(layer)) is not None else None
        if packed is not None:  # opaque to torch: it has no address
            found[id(packed)] = packed.numel() * packed.element_size()
        if (reduced := _reduced.get(layer)) is not None:
            found[id(reduced[1])] = reduced[1].nbytes
    return found


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


def _by_onednn(weight: torch.Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def _linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """For two rows and more oneDNN reads a matrix once for all of them, in either layout, where BLAS takes two to three
    times as long."""
    if _by_onednn(weight):
        if len(x) > 1 or weight.is_contiguous():
            return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")  # type: ignore[no-any-return]
        return torch.addmm(bias, x, weight.t())
    return torch.nn.functional.linear(x, weight, bias)
