"""Codes to sound as they come: the codec's decoder as a stream, each sample computed once, the same as over the whole.

Everything in it looks back only: a convolution keeps the end of what it heard, as much as its kernel reaches back, a
transposed one the input whose sound is not over, and the transformer the keys and values of its window. Chunks put
together are the whole, to float rounding: there are no seams to fade over, and nothing is decoded twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import pad, scaled_dot_product_attention

from engines.device import send
from engines.fish.codec import WINDOW
from engines.fish.training import turned

#: Sound (1, channels, n) that follows what was given before → what follows what came out before.
Stage = Callable[[torch.Tensor], torch.Tensor]


class Stream:
    """One take on its way to sound (`engines.autoregressive.synthesis.Vocoder`)."""

    def __init__(self, codec: Any, *, speed: float = 1.0) -> None:
        quantizer = codec.quantizer
        self._codec, self._device = codec, next(codec.parameters()).device
        self._after = Transformer(quantizer.post_module)
        self._up = _stages(quantizer.upsample)
        self._pace = Pace(speed) if speed != 1 else None
        self._sound = _stages(codec.decoder.model)

    def __call__(self, latents: torch.Tensor, *, last: bool) -> torch.Tensor:
        """Codes (n, codebooks) int64 of frames that follow those before → their samples (m,) float32. Rows of -1, the
        end, make no sound. Call under `torch.inference_mode()`."""
        codes = latents[latents[:, 0] >= 0]  # on the CPU, where they are told apart without a wait
        if not len(codes):
            return torch.zeros(0)
        quantizer = self._codec.quantizer
        first = codes[:, :1].clamp(max=quantizer.semantic_quantizer.codebook_size - 1)
        others = codes[:, 1:].clamp(max=quantizer.quantizer.codebook_size - 1)
        first, others = (send(part.t()[None].contiguous(), self._device) for part in (first, others))
        x = quantizer.semantic_quantizer.from_codes(first)[0] + quantizer.quantizer.from_codes(others)[0]
        x = self._after(x)
        for stage in self._up:
            x = stage(x)
        if self._pace is not None:
            x = self._pace(x)
        for stage in self._sound:
            x = stage(x)
        return x[0, 0].float()


@dataclass
class Transformer:
    """A WindowLimitedTransformer that hears what comes in pieces."""

    module: Any
    _heard: list[torch.Tensor] = field(default_factory=list)  #: by layer, keys and values (2, 1, heads, n, size)
    _at: int = 0

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if not hasattr(self.module, "layers"):
            return x  # a codec without one
        module, n = self.module, x.shape[-1]
        x = module.input_proj(x.transpose(1, 2))
        positions = torch.arange(self._at, self._at + n)
        kept = self._heard[0].shape[3] if self._heard else 0
        behind = positions[:, None] - torch.arange(self._at - kept, self._at + n)
        mask = send((behind >= 0) & (behind < WINDOW), x.device)
        turns = module.freqs_cis[send(positions, x.device)].float()
        for number, layer in enumerate(module.layers):
            x = self._layer(number, layer, x, turns, mask)
        self._at += n
        out: torch.Tensor = module.output_proj(module.norm(x)).transpose(1, 2)
        return out

    def _layer(self, number: int, layer: Any, x: torch.Tensor, turns: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        own = layer.attention
        q, k, v = own.wqkv(layer.attention_norm(x)).unflatten(-1, (3, own.n_head, own.head_dim)).unbind(2)
        both = torch.stack([turned(k, turns), v]).transpose(2, 3)
        if number < len(self._heard):
            both = torch.cat([self._heard[number], both], dim=3)
            self._heard[number] = both[..., -(WINDOW - 1) :, :]
        else:
            self._heard.append(both[..., -(WINDOW - 1) :, :])
        heard = scaled_dot_product_attention(turned(q, turns).transpose(1, 2), both[0], both[1], attn_mask=mask)
        x = x + own.wo(heard.transpose(1, 2).flatten(2)) * layer.attention_layer_scale.gamma
        out: torch.Tensor = x + layer.feed_forward(layer.ffn_norm(x)) * layer.ffn_layer_scale.gamma
        return out


@dataclass
class Convolve:
    """A causal convolution of stride 1."""

    module: Any
    _held: torch.Tensor | None = None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        reach: int = self.module.padding
        if not reach:
            return self.module.conv(x)  # type: ignore[no-any-return]
        x = pad(x, (reach, 0)) if self._held is None else torch.cat([self._held, x], dim=-1)
        self._held = x[..., -reach:]
        return self.module.conv(x)  # type: ignore[no-any-return]


@dataclass
class Spread:
    """A causal transposed convolution: an input sounds for as many outputs as its kernel is long."""

    module: Any
    _held: torch.Tensor | None = None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        stride, kernel, n = self.module.stride, self.module.kernel_size, x.shape[-1]
        before = -(-kernel // stride) - 1
        if before:
            x = pad(x, (before, 0)) if self._held is None else torch.cat([self._held, x], dim=-1)
            self._held = x[..., -before:]
        made: torch.Tensor = self.module.conv(x)
        return made[..., before * stride : (before + n) * stride]


@dataclass
class Block:
    """fish-speech's ConvNeXtBlock."""

    module: Any

    def __post_init__(self) -> None:
        self._convolve = Convolve(self.module.dwconv)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        own = self.module
        y = own.pwconv2(own.act(own.pwconv1(own.norm(self._convolve(x).transpose(1, 2)))))
        y = y if own.gamma is None else own.gamma * y
        out: torch.Tensor = x + y.transpose(1, 2)
        return out


@dataclass
class Residual:
    """x, and what stages make of it."""

    stages: list[Stage]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        y = x
        for stage in self.stages:
            y = stage(y)
        return x + y


@dataclass
class Pace:
    """Frames closer together or farther apart, which makes speech quicker or slower: linear between neighbours."""

    speed: float
    _held: torch.Tensor | None = None
    _first: int = 0  #: index of what is held
    _next: float = 0.0  #: place of the next that is made

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        held = x if self._held is None else torch.cat([self._held, x], dim=-1)
        end = self._first + held.shape[-1] - 1
        count = max(0, int((end - self._next) / self.speed) + 1) if end >= self._next else 0
        places = self._next + self.speed * torch.arange(count, dtype=torch.float64)
        left = places.long().clamp(max=end)
        right, share = (left + 1).clamp(max=end), (places - left).to(held.dtype)
        below, above, between = (send(one, x.device) for one in (left - self._first, right - self._first, share))
        made = torch.lerp(held[..., below], held[..., above], between)
        self._next += self.speed * count
        kept = min(int(self._next), end)
        self._held, self._first = held[..., kept - self._first :], kept
        return made


def _stages(module: Any) -> list[Stage]:
    """Stages of a module of the codec, in order, without what they heard."""
    match type(module).__name__:
        case "Sequential":
            return [stage for part in module for stage in _stages(part)]
        case "CausalConvNet":
            return [Convolve(module)]
        case "CausalTransConvNet":
            return [Spread(module)]
        case "ConvNeXtBlock":
            return [Block(module)]
        case "ResidualUnit":
            return [Residual(_stages(module.block))]
        case "DecoderBlock":
            return _stages(module.block)
        case "Identity":
            return []
        case _:
            return [module]  # an activation: each sample by itself
