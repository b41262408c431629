"""Causal attention for training in bf16 on a CPU: whole score matrices and batched products.

torch's own kernel for CPUs goes through short rows in small blocks; at the lengths XTTS trains on (some 300 positions) these products took
0.4 of its time, forward and backward (50 against 19 ms for 48 heads of 330 × 64 on two cores). Anywhere else torch's kernel does it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

from engines import coqui

with coqui.imports():
    from transformers import AttentionInterface

NAME = "myna_causal"
#: Positions above which the score matrices would cost more than they save.
LONGEST = 1_024


def use(transformer: Any) -> None:
    """Let a transformer that is always causal and never masked attend this way."""
    AttentionInterface.register(NAME, attend)
    transformer.config._attn_implementation = NAME


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Transformers' attention interface: query, key and value (rows, heads, positions, size) → (rows, positions, heads, size)."""
    assert attention_mask is None, "rows are packed: what is padded stands at their end, where nobody looks"
    assert query.shape[2] == key.shape[2], "training keeps no cache"
    scaling = 1.0 / math.sqrt(query.shape[-1]) if scaling is None else scaling
    if query.device.type == "cpu" and query.dtype == torch.bfloat16 and query.shape[2] <= LONGEST and not dropout:
        out: torch.Tensor = _Causal.apply(query, key, value, scaling)  # type: ignore[no-untyped-call]
    else:
        out = scaled_dot_product_attention(query, key, value, dropout_p=dropout, scale=scaling, is_causal=True)
    return out.transpose(1, 2), None


class _Causal(torch.autograd.Function):
    """softmax(scaling · q kᵀ, causal) v; keeps the probabilities for the way back."""

    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float) -> torch.Tensor:
        q, k, v = (part.flatten(0, 1) for part in (query * scaling, key, value))
        scores = torch.bmm(q, k.transpose(1, 2))
        scores += torch.full(scores.shape[1:], -math.inf, dtype=scores.dtype).triu_(1)
        chances = torch.softmax(scores, dim=-1)
        ctx.save_for_backward(q, k, v, chances)
        ctx.scaling = scaling
        return torch.bmm(chances, v).view(query.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        q, k, v, chances = ctx.saved_tensors
        shape = gradients[0].shape
        gradient = gradients[0].flatten(0, 1)
        v_gradient = torch.bmm(chances.transpose(1, 2), gradient)
        scores_gradient = torch._softmax_backward_data(torch.bmm(gradient, v.transpose(1, 2)), chances, -1, chances.dtype)
        q_gradient = torch.bmm(scores_gradient, k).mul_(ctx.scaling)
        k_gradient = torch.bmm(scores_gradient.transpose(1, 2), q)
        return q_gradient.view(shape), k_gradient.view(shape), v_gradient.view(shape), None
