"""A layer of GPT-2 with its adapter, by `engines.training.adapted`.

peft computes base(x) + scale · B(A(x)) in operations of their own: two casts of x, a product, a scaling and a sum over
the whole output, and as much again backward. This is the same but for rounding.
"""

from __future__ import annotations

from typing import Any

import torch

from engines.training.adapted import product
from engines.xtts import lora


def put_in(transformer: torch.nn.Module) -> None:
    """Let adapted layers without dropout compute this way. They stay peft's layers."""
    for layer in lora.layers(transformer).values():
        [name] = layer.active_adapters
        if isinstance(layer.lora_dropout[name], torch.nn.Identity):
            layer.forward = _Layer(layer, name)


class _Layer:
    """Stands for a layer's `forward`."""

    def __init__(self, layer: Any, name: str) -> None:
        self._layer = layer
        self._name = name

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        base, name = self._layer.get_base_layer(), self._name
        a, b = self._layer.lora_A[name].weight, self._layer.lora_B[name].weight
        device = x.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
        return product(x, base.weight, base.bias, a, b, self._layer.scaling[name], dtype)
