"""Low-rank adapters (arXiv 2106.09685) on the transformer's matrices."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch.nn.functional import dropout, linear

from engines.base import LoraSettings
from engines.errors import BadInput
from engines.training.adapted import product

#: Where adapters go unless told otherwise: all matrices of both transformers.
TARGETS = ("wqkv", "wo", "w1", "w2", "w3")
#: Where they can go beside: the heads.
OTHERS = ("output", "fast_output")


class Adapted(torch.nn.Module):
    """A matrix with its adapter."""

    def __init__(self, base: torch.nn.Linear, settings: LoraSettings) -> None:
        super().__init__()
        self.base = base
        device = base.weight.device
        self.a = torch.nn.Parameter(torch.empty(settings.rank, base.in_features, device=device))  #: (rank, in)
        self.b = torch.nn.Parameter(torch.zeros(base.out_features, settings.rank, device=device))  #: (out, rank)
        self.scale, self.dropout = settings.alpha / settings.rank, settings.dropout

    @property
    def weight(self) -> torch.Tensor:
        """The base's."""
        return self.base.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        device = x.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else self.base.weight.dtype
        if self.dropout and self.training:
            low = linear(dropout(x.to(dtype), self.dropout), self.a.to(dtype))
            return self.base(x.to(dtype)) + self.scale * linear(low, self.b.to(dtype))  # type: ignore[no-any-return]
        return product(x, self.base.weight.t(), self.base.bias, self.a, self.b, self.scale, dtype)

    def folded(self) -> torch.nn.Linear:
        """The base with the adapter in it; a new tensor: a mapped file stays as it was."""
        merged = self.base.weight.float() + self.scale * (self.b.float() @ self.a.float())
        self.base.weight = torch.nn.Parameter(merged.to(self.base.weight.dtype), requires_grad=False)
        return self.base


def inject(transformer: torch.nn.Module, settings: LoraSettings, seed: int = 0) -> None:
    """Adapters that change nothing yet; the same settings and seed give the same ones. Raises BadInput for unknown
    targets."""
    targets = settings.targets or TARGETS
    if unknown := [name for name in targets if name not in (*TARGETS, *OTHERS)]:
        raise BadInput(f"Adapters cannot go to {', '.join(unknown)}.", f"Choose from {', '.join((*TARGETS, *OTHERS))}.")
    generator = torch.Generator().manual_seed(seed)
    there = [(name, module) for name, module in transformer.named_modules() if isinstance(module, torch.nn.Linear)]
    for name, module in there:
        parent, _, last = name.rpartition(".")
        if last in targets:
            adapted = Adapted(module, settings)
            start = torch.empty(adapted.a.shape)
            torch.nn.init.kaiming_uniform_(start, a=math.sqrt(5), generator=generator)
            adapted.a.data.copy_(start)
            adapted.train(module.training)
            setattr(transformer.get_submodule(parent), last, adapted)


def layers(transformer: torch.nn.Module) -> dict[str, Adapted]:
    """Adapted layers by name; none without adapters."""
    return {name: layer for name, layer in transformer.named_modules() if isinstance(layer, Adapted)}


def state(transformer: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The adapters' own tensors: "<layer>.a" (rank, in), "<layer>.b" (out, rank)."""
    found = layers(transformer).items()
    return {f"{name}.{part}": getattr(layer, part).detach() for name, layer in found for part in ("a", "b")}


@torch.no_grad()
def load(transformer: torch.nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put adapters into layers that have some. Raises BadInput where they do not fit."""
    there = layers(transformer)
    if {f"{name}.{part}" for name in there for part in "ab"} != set(tensors):
        raise BadInput(
            "These adapters are for other layers than the model has.",
            "Load them with the settings they were trained with.",
        )
    for name, layer in there.items():
        layer.a.copy_(tensors[f"{name}.a"], non_blocking=True)
        layer.b.copy_(tensors[f"{name}.b"], non_blocking=True)


@torch.no_grad()
def fold(transformer: torch.nn.Module) -> None:
    """Fold adapters into the weights and take them away: the model has stock's names again."""
    for name, layer in layers(transformer).items():
        parent, _, last = name.rpartition(".")
        setattr(transformer.get_submodule(parent), last, layer.folded())


def parameters(transformer: torch.nn.Module) -> list[torch.nn.Parameter]:
    """What trains, in a fixed order."""
    return [part for layer in layers(transformer).values() for part in (layer.a, layer.b)]
