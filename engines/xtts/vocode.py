"""Latents to sound as they come: Coqui's HiFi-GAN (arXiv 2010.05646), each sample computed once, the same as over the
whole sentence.

`inference_stream` vocodes everything said so far again for every chunk and cross-fades the seams. Here every
convolution keeps the end of what it has heard, as much as its kernel reaches back, and says what no later input can
change. Seams do not exist: chunks put together are the whole, to float rounding. A latent's sound comes about three
latents (0.14 s) later, since the network looks that far ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import conv1d, conv_transpose1d, leaky_relu, pad

from engines.device import send

#: Slope of the network's activations but the last, which has torch's own.
SLOPE, LAST_SLOPE = 0.1, 0.01
#: A stage of the network in a stream: (rows, channels, n) and whether that is all → (rows, channels, what is certain
#: now).
Stage = Callable[[torch.Tensor, bool], torch.Tensor]


class Vocoder:
    """One sentence on its way to sound."""

    def __init__(self, decoder: Any, speaker: torch.Tensor, *, speed: float = 1.0, fast: bool = False) -> None:
        """`decoder` is Coqui's HifiDecoder, `speaker` (1, 512, 1). `fast` computes convolutions in bfloat16 where the
        machine can."""
        self.samples_per_frame: int = decoder.output_hop_length
        scales = [
            1.0 / max(speed, 0.05),
            decoder.ar_mel_length_compression / decoder.output_hop_length,
            decoder.output_sample_rate / decoder.input_sample_rate,
        ]
        self._stages: list[Stage] = [Resample(scale) for scale in scales if scale != 1]
        self._stages += _generator(_folded(decoder.waveform_decoder, fast and _has_bfloat16(speaker.device)), speaker)

    def __call__(self, latents: torch.Tensor, *, last: bool) -> torch.Tensor:
        """Latents (n, channels) that follow those before → the samples (m,) that are certain now; all that is left if
        these are the last.

        Call under `torch.inference_mode()`."""
        x = latents.t()[None]
        for stage in self._stages:
            x = stage(x, last)
        return x[0, 0].float()


@dataclass
class Resample:
    """`interpolate(x, scale_factor=scale, mode="linear")` of what comes in pieces."""

    scale: float
    _held: torch.Tensor | None = None
    _first: int = 0  #: index of the first that is held
    _samples_done: int = 0

    def __call__(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        held = x if self._held is None else torch.cat([self._held, x], dim=-1)
        total = self._first + held.shape[-1]
        end = int(total * self.scale)
        # places are worked out on the host: how many there are depends on their values
        place = (torch.arange(self._samples_done, end) + 0.5) * (1 / self.scale) - 0.5
        place = place.clamp(min=0)
        if not last:
            place = place[place < total - 1]  # beyond, the next input has a say
        left = place.long().clamp(max=total - 1)
        right = (left + 1).clamp(max=total - 1)
        below, above, share = (
            send(one, x.device) for one in (left - self._first, right - self._first, (place - left).to(held.dtype))
        )
        made = torch.lerp(held[..., below], held[..., above], share)
        self._samples_done += made.shape[-1]
        needed = min(max(int((self._samples_done + 0.5) / self.scale - 0.5), 0), max(total - 1, 0))
        self._held, self._first = held[..., needed - self._first :], needed
        return made


@dataclass
class Convolve:
    """A convolution that keeps its length, with zeros beyond both ends, as `Conv1d(padding="same")`."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    dilation: int = 1
    _held: torch.Tensor | None = None

    def __call__(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        reach = (self.weight.shape[-1] - 1) * self.dilation
        x = pad(x, (reach // 2, 0)) if self._held is None else torch.cat([self._held, x], dim=-1)
        if last:
            x = pad(x, (0, reach // 2))
        self._held = x[..., max(0, x.shape[-1] - reach) :]
        if x.shape[-1] <= reach:
            return x.new_empty(len(x), len(self.weight), 0)
        return conv1d(x, self.weight, self.bias, dilation=self.dilation)


@dataclass
class Upsample:
    """A transposed convolution that makes `stride` of each."""

    weight: torch.Tensor
    bias: torch.Tensor
    stride: int
    _held: torch.Tensor | None = None  #: what the next input is added to

    def __call__(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        overlap = self.weight.shape[-1] - self.stride
        first = self._held is None
        held = x.new_zeros(len(x), self.weight.shape[1], overlap) if self._held is None else self._held
        y = held
        if x.shape[-1]:
            y = conv_transpose1d(x, self.weight, stride=self.stride)
            y[..., :overlap] += held
        begin = overlap // 2 if first and x.shape[-1] else 0
        end = y.shape[-1] - (overlap // 2 if last else overlap)
        if x.shape[-1]:
            self._held = y[..., y.shape[-1] - overlap :]
        return y[..., begin:end] + self.bias[:, None]


@dataclass
class DelayBuffer:
    """Keeps what one branch is ahead of another."""

    _held: torch.Tensor | None = None

    def put(self, x: torch.Tensor) -> int:
        """Add x (rows, channels, n). Returns how many wait now."""
        self._held = x if self._held is None else torch.cat([self._held, x], dim=-1)
        return self._held.shape[-1]

    def take(self, count: int) -> torch.Tensor:
        """The first `count` that wait, (rows, channels, count); there must be as many."""
        assert self._held is not None
        taken, self._held = self._held[..., :count], self._held[..., count:]
        return taken


class Residual:
    """x + second(first(x)), three times, as HiFi-GAN's ResBlock1."""

    def __init__(self, pairs: list[tuple[Convolve, Convolve]]) -> None:
        self._pairs = [(first, second, DelayBuffer()) for first, second in pairs]

    def __call__(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        for first, second, waiting in self._pairs:
            waiting.put(x)
            y = second(leaky_relu(first(leaky_relu(x, SLOPE), last), SLOPE), last)
            x = waiting.take(y.shape[-1]) + y
        return x


class Mean:
    """The mean of branches over the same input."""

    def __init__(self, branches: list[Residual]) -> None:
        self._branches = [(branch, DelayBuffer()) for branch in branches]

    def __call__(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        ready = min(waiting.put(branch(x, last)) for branch, waiting in self._branches)
        total = self._branches[0][1].take(ready)
        for _, waiting in self._branches[1:]:
            total = total + waiting.take(ready)
        return total / len(self._branches)


@dataclass(frozen=True)
class _Weights:
    """Of a HifiganGenerator, its weight normalisation folded once instead of at every call."""

    ends: tuple[Any, Any]  #: first and last convolution, as (weight, bias)
    ups: list[tuple[torch.Tensor, torch.Tensor, int]]
    blocks: list[list[list[tuple[Any, Any, int]]]]  #: by stage, branch: six convolutions (weight, bias, dilation)
    hears: list[tuple[torch.Tensor, torch.Tensor]]  #: the speaker's way into the first convolution and each stage
    dtype: torch.dtype


_weights: WeakKeyDictionary[torch.nn.Module, dict[bool, _Weights]] = WeakKeyDictionary()


def _has_bfloat16(device: torch.device) -> bool:
    """Whether it is quicker than float32 there: without the instructions it is emulated."""
    return device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()


def _folded(generator: Any, fast: bool) -> _Weights:
    kept = _weights.setdefault(generator, {})
    if fast not in kept:
        kept[fast] = _fold(generator, torch.bfloat16 if fast else torch.float32)
    return kept[fast]


@torch.no_grad()
def _fold(generator: Any, dtype: torch.dtype) -> _Weights:
    def of(layer: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
        return layer.weight.detach().to(dtype), None if layer.bias is None else layer.bias.detach().to(dtype)

    branches = [
        [(*of(layer), layer.dilation[0]) for pair in zip(block.convs1, block.convs2, strict=True) for layer in pair]
        for block in generator.resblocks
    ]
    width = generator.num_kernels
    return _Weights(
        (of(generator.conv_pre), of(generator.conv_post)),
        [(*of(up), up.stride[0]) for up in generator.ups],  # type: ignore[misc]
        [branches[stage * width : (stage + 1) * width] for stage in range(generator.num_upsamples)],
        [of(layer) for layer in (generator.cond_layer, *generator.conds)],  # type: ignore[misc]
        dtype,
    )


def _generator(weights: _Weights, speaker: torch.Tensor) -> list[Stage]:
    """The stages of a HifiganGenerator, for one sentence of one voice."""
    heard = [conv1d(speaker.to(weights.dtype), weight, bias) for weight, bias in weights.hears]
    (first, first_bias), (final, final_bias) = weights.ends
    stages: list[Stage] = [_to(weights.dtype), Convolve(first, first_bias), _plus(heard[0])]
    for (up, up_bias, stride), branches, voice in zip(weights.ups, weights.blocks, heard[1:], strict=True):
        stages += [_activate(SLOPE), Upsample(up, up_bias, stride), _plus(voice)]
        stages.append(
            Mean(
                [
                    Residual([(Convolve(*a), Convolve(*b)) for a, b in zip(six[::2], six[1::2], strict=True)])
                    for six in branches
                ]
            )
        )
    stages += [_activate(LAST_SLOPE), Convolve(final, final_bias), lambda x, last: torch.tanh(x)]
    return stages


def _to(dtype: torch.dtype) -> Stage:
    return lambda x, last: x.to(dtype)


def _plus(y: torch.Tensor) -> Stage:
    return lambda x, last: x + y


def _activate(slope: float) -> Stage:
    return lambda x, last: leaky_relu(x, slope)
