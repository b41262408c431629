"""A matrix with its adapter (arXiv 2106.09685), multiplied in four products forward: the adapter's products are added
into the base's result where it lies, so that no pass over memory stands beside them, forward or backward."""

from __future__ import annotations

from typing import Any

import torch


def product(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    a: torch.Tensor,
    b: torch.Tensor,
    scale: float,
    dtype: torch.dtype,
) -> torch.Tensor:
    """x (…, in), frozen weight (in, out) and bias (out,) or None, a (rank, in), b (out, rank) → (…, out), computed in
    `dtype`. A weight that is stored (out, in) is given as its transposed view: the same products."""
    result: torch.Tensor = _Product.apply(x, weight, bias, a, b, scale, dtype)  # type: ignore[no-untyped-call]
    return result


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
        dtype: torch.dtype,
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1]).to(dtype)
        weight, a, b = weight.to(dtype), a.to(dtype), b.to(dtype)
        low = rows @ a.T
        out = torch.mm(rows, weight) if bias is None else torch.addmm(bias.to(dtype), rows, weight)
        out.addmm_(low, b.T, alpha=scale)
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
        a_gradient = (low_gradient.T @ rows).float()
        b_gradient = (gradient.T @ low).mul_(ctx.scale).float()
        return x_gradient, None, None, a_gradient, b_gradient, None, None
