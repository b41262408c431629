"""Causal attention for training over rows that lie end to end, so that nothing else of the transformer ever sees
padding.

What several rows begin with (a voice) lies there once: causal attention makes the same of it in each of them. The rows
are put side by side, padded, for the attention alone. On a CPU in bf16 whole score matrices and batched products do it:
torch's own kernel for CPUs goes through short rows in small blocks, and at the lengths XTTS trains on (some 300
positions) these products took 0.4 of its time, forward and backward (19 against 50 ms for 48 heads of 330 × 64 on two
cores). Anywhere else torch's kernel does it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

from engines import coqui
from engines.device import send

with coqui.imports():
    from transformers import AttentionInterface

NAME = "myna_rows"
#: Positions above which the score matrices would cost more than they save.
LONGEST = 1_024


@dataclass(frozen=True)
class Rows:
    """How rows lie end to end: first the beginnings, each as often as it is not shared, then what is each row's own.

    Flat tensors are (heads, positions, size), all beginnings and rows end to end; padded ones (heads, rows, longest,
    size). Any dtype.
    """

    shares: tuple[int, ...]  #: rows that have each beginning, which follow each other
    beginning: int  #: positions of a beginning
    index: torch.Tensor  #: place of each position that is a row's own among count × longest, (positions,)
    count: int
    longest: int  #: positions of the longest row

    @classmethod
    def of(cls, used: torch.Tensor, shares: Sequence[int] = (), beginning: int = 0) -> Rows:
        """Rows whose own positions are the true ones of `used` (rows, columns) bool, in order. `shares` add up to the
        rows; `beginning` is how many positions a beginning has. Each row must have one own position at least. Raises
        RuntimeError for no rows at all."""
        place = beginning + used.cumsum(dim=1) - 1
        longest = int(place[:, -1].max()) + 1
        index = (place + longest * torch.arange(len(used))[:, None])[used]
        return cls(tuple(shares) or (len(used),), beginning, index, len(used), longest)

    def to(self, device: torch.device) -> Rows:
        return replace(self, index=send(self.index, device))

    @property
    def _n_shared(self) -> int:
        return len(self.shares) * self.beginning

    def side_by_side(self, flat: torch.Tensor) -> torch.Tensor:
        """(heads, positions, size) → (heads, rows, longest, size), padded with zeros; a beginning stands in each of its
        rows."""
        heads, _, size = flat.shape
        places = flat.new_zeros(heads, self.count * self.longest, size).index_copy(
            1, self.index, flat[:, self._n_shared :]
        )
        padded = places.view(heads, self.count, self.longest, size)
        for row, n, shared in self._beginnings():
            padded[:, row : row + n, : self.beginning] = flat[:, None, shared : shared + self.beginning]
        return padded

    def end_to_end(self, padded: torch.Tensor) -> torch.Tensor:
        """The way back, padded → flat: a beginning is taken from the first of its rows."""
        shared = [padded[:, row, : self.beginning] for row, _, _ in self._beginnings()]
        return torch.cat([*shared, self._own(padded)], dim=1)

    def side_by_side_gradient(self, padded: torch.Tensor) -> torch.Tensor:
        """Gradient of `side_by_side`'s flat input from that of its padded output: what all rows ask of a beginning is
        added up."""
        shared = [padded[:, row : row + n, : self.beginning].sum(dim=1) for row, n, _ in self._beginnings()]
        return torch.cat([*shared, self._own(padded)], dim=1)

    def end_to_end_gradient(self, flat: torch.Tensor) -> torch.Tensor:
        """Gradient of `end_to_end`'s padded input from that of its flat output."""
        heads, _, size = flat.shape
        places = flat.new_zeros(heads, self.count * self.longest, size).index_copy(
            1, self.index, flat[:, self._n_shared :]
        )
        padded = places.view(heads, self.count, self.longest, size)
        for row, _, shared in self._beginnings():
            padded[:, row, : self.beginning] = flat[:, shared : shared + self.beginning]
        return padded

    def _beginnings(self) -> Iterator[tuple[int, int, int]]:
        """(first row, rows, first position) of each."""
        row = 0
        for number, n in enumerate(self.shares):
            yield row, n, number * self.beginning
            row += n

    def _own(self, padded: torch.Tensor) -> torch.Tensor:
        return padded.reshape(padded.shape[0], self.count * self.longest, padded.shape[3]).index_select(1, self.index)


def use(transformer: Any) -> None:
    """Let a transformer that is called with `rows` attend this way."""
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
    *,
    rows: Rows,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Transformers' attention interface: query, key and value (1, heads, positions, size) of rows end to end → (1,
    positions, heads, size), the same dtype, and no attention weights. `attention_mask` is not looked at: rows are
    causal."""
    q, k, v = query[0], key[0], value[0]
    scaling = 1.0 / math.sqrt(q.shape[-1]) if scaling is None else scaling
    if q.device.type == "cpu" and q.dtype == torch.bfloat16 and rows.longest <= LONGEST and not dropout:
        out: torch.Tensor = _Causal.apply(q, k, v, scaling, rows)  # type: ignore[no-untyped-call]
    else:
        q, k, v = (rows.side_by_side(part).transpose(0, 1) for part in (q, k, v))
        heard = scaled_dot_product_attention(q, k, v, dropout_p=dropout, scale=scaling, is_causal=True)
        out = rows.end_to_end(heard.transpose(0, 1))
    return out.transpose(0, 1)[None], None


class _Causal(torch.autograd.Function):
    """softmax(scaling · q kᵀ, causal) v of each row and head; keeps the probabilities for the way back."""

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float, rows: Rows
    ) -> torch.Tensor:
        q, k, v = (rows.side_by_side(part).flatten(0, 1) for part in (query * scaling, key, value))
        scores = torch.bmm(q, k.transpose(1, 2))
        scores += torch.full(scores.shape[1:], -math.inf, dtype=scores.dtype).triu_(1)
        chances = torch.softmax(scores, dim=-1)
        ctx.save_for_backward(q, k, v, chances)
        ctx.scaling, ctx.rows = scaling, rows
        return rows.end_to_end(torch.bmm(chances, v).view(query.shape[0], rows.count, rows.longest, -1))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        q, k, v, chances = ctx.saved_tensors
        rows: Rows = ctx.rows
        heads = gradients[0].shape[0]
        gradient = rows.end_to_end_gradient(gradients[0]).flatten(0, 1)
        v_gradient = torch.bmm(chances.transpose(1, 2), gradient)
        scores_gradient = torch._softmax_backward_data(
            torch.bmm(gradient, v.transpose(1, 2)), chances, -1, chances.dtype
        )
        q_gradient = torch.bmm(scores_gradient, k).mul_(ctx.scaling)
        k_gradient = torch.bmm(scores_gradient.transpose(1, 2), q)
        back = (
            rows.side_by_side_gradient(one.view(heads, rows.count, rows.longest, -1))
            for one in (q_gradient, k_gradient, v_gradient)
        )
        return *back, None, None
