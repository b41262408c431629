"""Speech through the converter as a stream: block by block, each with as much sound around it as the network hears, so
that blocks put together are what converting the whole at once would be, without seams.

How the speech itself sounds, which the converter takes off before it puts the other voice on, is heard in its first
seconds; until these are there, nothing comes out.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from engines import interruption
from engines.device import send
from engines.openvoice import network
from engines.openvoice.model import SHORTEST, OpenVoiceModel, heard

#: Seconds of speech, pauses not counted, in which its own voice is heard; seconds of anything after which it is taken
#: as it is; and how often that is looked at.
LISTENS, PATIENCE, LOOK = 4.0, 15.0, 0.25
#: Seconds of the first block, and of others: a shorter first one is heard sooner, longer ones repeat less around them.
FIRST, BLOCK = 1.0, 6.0
#: Seconds that are vocoded at once: who hangs up is noticed between two.
VOCODED = 2.0
#: Below the loudest tenth of a second by this, a tenth is a pause, dB.
_PAUSE = 30.0
#: Frames at either end of a spectrum that its reflected edges reach into.
_EDGE = 2
#: Frames whose noise is drawn at once, so that it does not depend on where blocks begin.
_DRAWN = 64


class Conversion:
    """Fulfils `engines.base.Passing`."""

    def __init__(self, model: OpenVoiceModel, sample_rate: int, seed: int | None) -> None:
        self._openvoice = model.module
        self._target, self._device = model.target, model.device
        audio = self._openvoice.config.audio
        self._rate, self._hop = int(audio.input_sample_rate), int(audio.hop_length)
        self._near = vocoder_reach(self._openvoice)  #: frames to either side that the vocoder hears,
        self._around = reach(self._openvoice)  #: and the rest before it
        self._up, self._down = _Resampler(sample_rate, self._rate), _Resampler(self._rate, sample_rate)
        self._noise = _Noise(self._openvoice.inter_channels, seed)
        self._sound = np.zeros(0, np.float32)  #: at the base's rate, from frame `_from` on
        self._from = 0  #: frame that `_sound` begins with
        self._done = 0  #: frames that came out
        self._ended = False  #: no more sound comes
        self._source: torch.Tensor | None = None  #: how the speech itself sounds
        self._looked = 0  #: looks at whether enough of it is there
        self._given = self._told = 0  #: samples at the stream's rate

    def add(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """See Passing."""
        self._given += len(samples)
        self._take(self._up(samples, False))
        return self._out([self._down(made, False) for made in self._ready()])

    def end(self) -> NDArray[np.float32]:
        """See Passing."""
        if not self._given:
            return np.zeros(0, np.float32)
        self._take(self._up(np.zeros(0, np.float32), True))
        parts = [self._down(made, False) for made in self._ready()]
        whole = self._from + -(-len(self._sound) // self._hop)  # frames; the last may be a part of one
        lacking = max(whole * self._hop, SHORTEST) - self._from * self._hop - len(self._sound)
        self._sound, self._ended = np.pad(self._sound, (0, lacking)), True
        if self._source is None:
            self._source = self._hear(self._sound)
        block = round(BLOCK * self._rate / self._hop)
        while self._done < whole:
            parts.append(self._down(self._block(min(self._done + block, whole)), False))
        parts.append(self._down(np.zeros(0, np.float32), True))
        made = self._out(parts, self._given - self._told)
        return np.pad(made, (0, self._given - self._told))

    def _take(self, samples: NDArray[np.float32]) -> None:
        self._sound = np.concatenate((self._sound, samples))
        while self._source is None:
            so_far = round((self._looked + 1) * LOOK * self._rate)
            if len(self._sound) < so_far:
                return
            self._looked += 1
            begin = self._sound[:so_far]
            if self._looked * LOOK >= PATIENCE or _spoken(begin, self._rate) >= LISTENS:
                self._source = self._hear(begin)

    def _ready(self) -> list[NDArray[np.float32]]:
        """Blocks that can be made now."""
        made: list[NDArray[np.float32]] = []
        while self._source is not None:
            end = self._done + round((BLOCK if self._done else FIRST) * self._rate / self._hop)
            if (end + self._around + _EDGE - self._from) * self._hop > len(self._sound):
                break
            made.append(self._block(end))
        return made

    def _out(self, parts: list[NDArray[np.float32]], most: int | None = None) -> NDArray[np.float32]:
        made = np.concatenate([np.zeros(0, np.float32), *parts])[:most]
        self._told += len(made)
        return np.asarray(made, np.float32)

    @torch.inference_mode()
    def _hear(self, samples: NDArray[np.float32]) -> torch.Tensor:
        return heard(self._openvoice, send(torch.from_numpy(samples), self._device))

    @torch.inference_mode()
    def _block(self, end: int) -> NDArray[np.float32]:
        """Sound of the frames from `_done` to `end`, which are then done."""
        begin, after = max(self._done - self._around, 0), end + self._around
        spectrum = self._spectrum(begin, after)
        noise = self._noise.of(begin, begin + spectrum.shape[-1])
        latent = _latent(self._openvoice, spectrum, self._source, self._target, send(noise, self._device))
        sound: list[NDArray[np.float32]] = []
        while self._done < end:  # the vocoder takes most of the time: it gets no more around a piece than it hears
            interruption.check()
            until = min(self._done + round(VOCODED * self._rate / self._hop), end)
            first = max(self._done - self._near, begin)
            made = _vocoded(self._openvoice, latent[..., first - begin : until + self._near - begin], self._target)
            sound.append(made[(self._done - first) * self._hop : (until - first) * self._hop].cpu().numpy())
            self._done = until
        keep = max(end - self._around - _EDGE, self._from)
        self._sound = self._sound[(keep - self._from) * self._hop :].copy()
        self._from = keep
        return np.concatenate(sound)

    def _spectrum(self, begin: int, after: int) -> torch.Tensor:
        """Of the frames from `begin` to `after` at most, (1, bins, frames). What a spectrum reflects at its ends is cut
        off with a few frames that are there for it, but for where the sound itself begins or ends."""
        first = max(begin - _EDGE, 0)
        start, stop = (first - self._from) * self._hop, (after + _EDGE - self._from) * self._hop
        ends = self._ended and stop >= len(self._sound)
        spectrum = network.spectrum(self._openvoice, send(torch.from_numpy(self._sound[start:stop]), self._device))
        return spectrum[..., begin - first : None if ends else after - first]


class _Noise:
    """What the converter draws, frame by frame, always the same for a seed."""

    def __init__(self, channels: int, seed: int | None) -> None:
        self._random = torch.Generator()
        if seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(seed)
        self._channels = channels
        self._drawn: dict[int, torch.Tensor] = {}  #: by its number, what was drawn at once

    def of(self, begin: int, end: int) -> torch.Tensor:
        """Of the frames from `begin` to `end`, (1, channels, frames). `begin` never goes back by more than a block."""
        first, last = begin // _DRAWN, -(-end // _DRAWN)
        for number in range(max(self._drawn, default=-1) + 1, last):
            self._drawn[number] = torch.randn(_DRAWN, self._channels, generator=self._random)
        for number in [number for number in self._drawn if number < first]:
            del self._drawn[number]
        rows = torch.cat([self._drawn[number] for number in range(first, last)])
        return rows[begin - first * _DRAWN : end - first * _DRAWN].T[None]


def _latent(
    openvoice: Any, spectrum: torch.Tensor, source: torch.Tensor | None, target: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """What the vocoder hears, (1, channels, frames), of a spectrum (1, bins, frames): as `OpenVoice.inference` computes
    it, with noise that is given."""
    assert source is not None
    lengths = torch.full((1,), spectrum.shape[-1], device=spectrum.device)
    told = torch.zeros_like(source) if openvoice.zero_g else source
    _, mean, spread, mask = openvoice.enc_q(spectrum, lengths, g=told, tau=0.0)
    plain = openvoice.flow((mean + noise * openvoice.tau * torch.exp(spread)) * mask, mask, g=source)
    return torch.as_tensor(openvoice.flow(plain, mask, g=target, reverse=True) * mask)


def _vocoded(openvoice: Any, latent: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Sound (frames × hop,)."""
    told = torch.zeros_like(target) if openvoice.zero_g else target
    return torch.as_tensor(openvoice.dec(latent, g=told)[0, 0])


def reach(openvoice: Any) -> int:
    """Frames to either side that a frame's sound follows from."""
    encoder, coupling = openvoice.enc_q.enc, openvoice.flow.flows[0].enc
    couplings = sum(hasattr(one, "enc") for one in openvoice.flow.flows)
    frames = sum(map(_half, encoder.in_layers)) + 2 * couplings * sum(map(_half, coupling.in_layers))  # there and back
    return frames + vocoder_reach(openvoice)


def vocoder_reach(openvoice: Any) -> int:
    """Frames to either side that the vocoder makes a frame's sound of."""
    rate, decoder = 1, openvoice.dec
    frames = _half(decoder.conv_pre)
    blocks = iter(decoder.resblocks)
    for up in decoder.ups:
        frames += math.ceil(up.kernel_size[0] / up.stride[0] / rate)
        rate *= up.stride[0]
        widest = max(
            sum(_half(one) for one in block.modules() if isinstance(one, torch.nn.Conv1d))
            for block in itertools.islice(blocks, decoder.num_kernels)
        )
        frames += math.ceil(widest / rate)
    return int(frames) + 1


def _half(convolution: Any) -> int:
    """Positions to either side that it reads."""
    return int((convolution.kernel_size[0] - 1) // 2 * convolution.dilation[0])


def _spoken(samples: NDArray[np.float32], rate: int) -> float:
    """Seconds of it that are no pause."""
    tenth = rate // 10
    power = np.square(samples[: len(samples) // tenth * tenth].reshape(-1, tenth)).mean(axis=1)
    return float((power > max(power.max(initial=0.0) * 10 ** (-_PAUSE / 10), 1e-10)).sum() / 10)


class _Resampler:
    """From one rate to another as a stream; the same rate is left as it is."""

    def __init__(self, rate: int, to: int) -> None:
        same = rate == to
        self._stream = None if same else soxr.ResampleStream(rate, to, 1, dtype="float32", quality="HQ")

    def __call__(self, samples: NDArray[np.float32], last: bool) -> NDArray[np.float32]:
        if self._stream is None:
            return samples
        return np.asarray(self._stream.resample_chunk(np.ascontiguousarray(samples), last=last), np.float32)
