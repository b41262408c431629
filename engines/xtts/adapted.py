"""A layer of GPT-2 with its adapter, in four matrix products forward and no pass over memory beside them.

peft computes base(x) + scale · B(A(x)) in operations of their own: two casts of x, a product, a scaling and a sum over
the whole output, and as much again backward. Here the adapter's products are added into the base's result where it
lies: the same but for rounding.
"""

from __future__ import annotations

from typing import Any

import torch

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
        result: torch.Tensor = _Adapted.apply(x, base.weight, base.bias, a, b, self._layer.scaling[name], dtype)  # type: ignore[no-untyped-call]
        return result


class _Adapted(torch.autograd.Function):
    """x (…, in), frozen weight (in, out) and bias (out,), a (rank, in), b (out, rank) → (…, out), computed in
    `dtype`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
        dtype: torch.dtype,
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1]).to(dtype)
        weight, a, b = weight.to(dtype), a.to(dtype), b.to(dtype)
        low = rows @ a.T
        out = torch.addmm(bias.to(dtype), rows, weight).addmm_(low, b.T, alpha=scale)
        ctx.save_for_backward(rows, weight, a, b, low)
        ctx.scale, ctx.shape, ctx.x_dtype = scale, x.shape, x.dtype
        return out.view(*x.shape[:-1], out.shape[-1])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, weight, a, b, low = ctx.saved_tensors
        gradient = gradients[0].reshape(-1, gradients[0].shape[-1]).to(rows.dtype)
        low_gradient = (gradient @ b).mul_(ctx.scale)
        x_gradient = None
        if ctx.needs_input_grad[0]:
            x_gradient = torch.mm(gradient, weight.T).addmm_(low_gradient, a).view(ctx.shape).to(ctx.x_dtype)
        return (
            x_gradient,
            None,
            None,
            (low_gradient.T @ rows).float(),
            (gradient.T @ low).mul_(ctx.scale).float(),
            None,
            None,
        )
