"""A decoder that is not XTTS's, in a few lines: what any model has to bring."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import scaled_dot_product_attention

from engines.autoregressive.decode import Next

CODES, CHANNELS, HEADS = 40, 16, 2


class SmallLayer:
    """Attention and no more."""

    def __init__(self, generator: torch.Generator) -> None:
        self.mix = torch.randn(CHANNELS, 3 * CHANNELS, generator=generator) / 4

    def __call__(
        self,
        hidden: torch.Tensor,
        block: torch.Tensor,
        mask: torch.Tensor | None,
        turns: torch.Tensor | None = None,
        *,
        causal: bool,
    ) -> torch.Tensor:
        rows, n, _ = hidden.shape
        query, key, value = (hidden @ self.mix).view(rows, n, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        block[0, :, :, -n:], block[1, :, :, -n:] = key, value
        heard = scaled_dot_product_attention(query, block[0], block[1], attn_mask=mask, is_causal=causal)
        return hidden + heard.transpose(1, 2).reshape(rows, n, CHANNELS)


class SmallDecoder:
    """Two layers, one learned conditioning position, letters as tokens."""

    heads, channels, device = HEADS, CHANNELS, torch.device("cpu")
    size, dtype = CHANNELS // HEADS, torch.float32
    n_codes, stop, counted = CODES, CODES - 1, (0,)
    kind, exact = "small", True

    def __init__(self, noise: float = 0.0) -> None:
        generator = torch.Generator().manual_seed(1)
        self.layers = [SmallLayer(generator), SmallLayer(generator)]
        self.codes, self.letters = (torch.randn(size, CHANNELS, generator=generator) for size in (CODES, 128))
        self.head = 0.1 * (
            torch.randn(CHANNELS, CODES, generator=generator) + noise * torch.randn(CHANNELS, CODES)
        )  # so that it does not stop soon

    def turns(self, places: Sequence[Sequence[int]]) -> None: ...

    def prefix(self, conditioning: torch.Tensor) -> torch.Tensor:
        block = torch.empty(len(self.layers), 2, 1, HEADS, conditioning.shape[1], CHANNELS // HEADS)
        for layer, own in zip(self.layers, block, strict=True):
            conditioning = layer(conditioning, own, None, causal=True)
        return block

    def prompt(self, tokens: Sequence[int], codes: Sequence[int] = ()) -> torch.Tensor:
        return torch.cat([self.letters[list(tokens)], self.embed(torch.tensor([0, *codes]), range(len(codes) + 1))])

    def embed(self, codes: torch.Tensor, positions: Sequence[int]) -> torch.Tensor:
        return self.codes[codes] + torch.sin(torch.tensor(positions))[:, None]

    def out(self, hidden: torch.Tensor) -> Next:
        return Next(hidden @ self.head, hidden)
