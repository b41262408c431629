"""The blocks of both transformers, as decoding computes them: with keys and values that are kept, and in as few
operations as it takes, since between the products of a step there are thousands of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention, silu

from engines.fish.matrices import matrix


@dataclass(frozen=True)
class Norm:
    """x by its root mean square, times a weight."""

    weight: torch.Tensor  #: (channels,)
    eps: float
    channels: tuple[int]

    @classmethod
    def of(cls, norm: Any, dtype: torch.dtype) -> Norm:
        """Of fish-speech's RMSNorm, in the type of what it is given."""
        weight = norm.weight.detach().to(dtype)
        return cls(weight, norm.eps, (len(weight),))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return torch.rms_norm(x, self.channels, self.weight, self.eps)


@dataclass(frozen=True)
class HeadNorms:
    """torch's RMSNorm of each head of queries and keys, in one go."""

    weight: torch.Tensor  #: (heads, size) float32
    eps: float

    @classmethod
    def of(cls, attention: Any, dtype: torch.dtype) -> HeadNorms:
        query, key = (norm.weight.detach().to(dtype).float() for norm in (attention.q_norm, attention.k_norm))
        weights = [query.expand(attention.n_head, -1), key.expand(attention.n_local_heads, -1)]
        return cls(torch.cat(weights), attention.q_norm.eps)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Of x (…, heads, size), the same bits as of each by itself."""
        wide = x.float()
        return (wide * wide.pow(2).mean(-1, keepdim=True).add_(self.eps).rsqrt_()).mul_(self.weight).to(x.dtype)


class Layer:
    """One block of either transformer."""

    def __init__(self, block: Any, dtype: torch.dtype, *, fast: bool, guesses: bool = False) -> None:
        attention, forward = block.attention, block.feed_forward
        self._before, self._between = Norm.of(block.attention_norm, dtype), Norm.of(block.ffn_norm, dtype)
        self._heads, self._kv, self._size = attention.n_head, attention.n_local_heads, attention.head_dim
        self._norms = HeadNorms.of(attention, dtype) if attention.attention_qk_norm else None
        self._attend, self._attended, self._gate, self._up, self._down = (
            matrix(each, fast=fast, guesses=guesses)
            for each in (attention.wqkv, attention.wo, forward.w1, forward.w3, forward.w2)
        )

    def __call__(
        self,
        hidden: torch.Tensor,
        block: torch.Tensor,
        mask: torch.Tensor | None,
        turns: torch.Tensor | None = None,
        *,
        causal: bool,
    ) -> torch.Tensor:
        """As `engines.autoregressive.decode.Layer`. Queries of heads that share keys go as more positions of one
        head."""
        assert turns is not None, "this model turns its keys"
        rows, n, _ = hidden.shape
        share = self._heads // self._kv
        both = self._attend(self._before(hidden)).view(rows, n, self._heads + 2 * self._kv, self._size)
        qk, v = both.narrow(2, 0, self._heads + self._kv), both.narrow(2, self._heads + self._kv, self._kv)
        qk = turned(qk if self._norms is None else self._norms(qk), turns)
        keys, values = block.narrow(3, block.shape[3] - n, n).unbind(0)
        keys.copy_(qk.narrow(2, self._heads, self._kv).transpose(1, 2))
        values.copy_(v.transpose(1, 2))
        q = qk.narrow(2, 0, self._heads)
        if n == 1:
            heard = scaled_dot_product_attention(
                q.view(rows, self._kv, share, self._size), block[0], block[1], attn_mask=mask
            ).view(rows, 1, -1)
        else:
            heard = self._heard_by_many(q, block, mask, causal=causal)
        hidden = hidden + self._attended(heard)
        inner = self._between(hidden)
        return hidden + self._down(silu(self._gate(inner)) * self._up(inner))

    def _heard_by_many(
        self, q: torch.Tensor, block: torch.Tensor, mask: torch.Tensor | None, *, causal: bool
    ) -> torch.Tensor:
        """What queries (rows, n, heads, size) of several positions hear, (rows, n, heads × size)."""
        rows, n = q.shape[:2]
        share = self._heads // self._kv
        q = q.view(rows, n, self._kv, share, self._size).permute(0, 2, 3, 1, 4).flatten(2, 3)
        if mask is not None:
            mask = mask.expand(1 if mask.dim() < 4 else len(mask), 1, n, block.shape[3])
            mask = mask[:, :, None].expand(-1, -1, share, -1, -1).flatten(2, 3)
        elif causal:
            mask = _earlier(n, share, q.device)
        heard = scaled_dot_product_attention(q, block[0], block[1], attn_mask=mask)
        return heard.view(rows, self._kv, share, n, self._size).permute(0, 3, 1, 2, 4).reshape(rows, n, -1)


def turned(x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """`engines.fish.training.turned` to the same bits, by one product in place of four: x (rows, n, heads, size) by
    turns (…, n, 1, size / 2) complex64."""
    pairs = torch.view_as_complex(x.float().view(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)


def as_complex(turns: torch.Tensor) -> torch.Tensor:
    """A transformer's turns (positions, size / 2, 2) as `turned` takes them, (positions, 1, size / 2)."""
    return torch.view_as_complex(turns.float())[:, None]


def _earlier(n: int, share: int, device: torch.device) -> torch.Tensor:
    """Which of n positions each of them may look at, `share` times over, (share × n, n) bool."""
    return _short(n, share, device) if n <= _SHORT else _earlier_anew(n, share, device)


def _earlier_anew(n: int, share: int, device: torch.device) -> torch.Tensor:
    return torch.ones(n, n, dtype=torch.bool, device=device).tril().repeat(share, 1)


#: Positions of a frame, and what is asked for with each: kept.
_SHORT = 16
_short = lru_cache(_earlier_anew)
