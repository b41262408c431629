"""Perth's implicit watermark (Resemble AI, resemble-perth 1.0.1, MIT): a residual on the lowest 2 kHz of a spectrogram,
which a network adds where louder sound hides it and another one finds again. It holds one bit: here it is.

The networks are theirs with their weights, laid out anew so that nothing of the package is imported (it wants
pkg_resources, librosa and torchaudio's extension). Theirs marks a whole signal; here only the residual is computed,
window by window with all the neighbours that the network looks at, and added to the sound as it is: what is above 2 kHz
stays untouched, and chunks put together are what the whole would be.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import nn

from engines import watermarks

if TYPE_CHECKING:
    from numpy.typing import NDArray

M = TypeVar("M", bound=nn.Module)

RATE = 32_000  #: Hz of the network
HOP, FFT = 320, 2_048  #: samples
#: Frames on either side that the residual of a sample depends on: five convolutions of 7, and the window's half.
NEIGHBOURS = 5 * 3 + FFT // HOP // 2 + 2
#: Samples, of RATE: what is marked at once at least; the context on either side.
LEAST, CONTEXT = 10 * HOP, NEIGHBOURS * HOP
_SUBBAND, _HIDDEN = 128, 256  #: bins up to 2 kHz; channels
_FLOOR, _RANGE = 1e-9, 195.0  #: least magnitude (-180 dB); dB from there to the top, 15 above full scale
#: Share of the loudest frame below which a frame is silence.
_SILENT = 0.05


class Marking:
    """Marks one signal as it comes. `add` gives back as many samples as are done; all of them have come after `end`."""

    def __init__(self, rate: int) -> None:
        import soxr

        self._up = soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="HQ")
        self._down = soxr.ResampleStream(RATE, rate, 1, dtype="float32", quality="HQ")
        self._given = np.zeros(0, np.float32)  # samples that have not gone out
        self._residual = np.zeros(0, np.float32)  # of them, from the first on
        self._known = np.zeros(0, np.float32)  # at RATE; its first `_before` samples are marked
        self._before = 0

    def add(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Marked sound, in order."""
        self._given = np.concatenate((self._given, samples))
        self._known = np.concatenate((self._known, self._up.resample_chunk(np.ascontiguousarray(samples, np.float32))))
        ready = (len(self._known) - CONTEXT - self._before) // HOP * HOP
        if ready >= LEAST:
            self._mark(ready)
        return self._out(min(len(self._residual), len(self._given)))

    def end(self) -> NDArray[np.float32]:
        """What is left."""
        self._known = np.concatenate((self._known, self._up.resample_chunk(np.zeros(0, np.float32), last=True)))
        self._mark(len(self._known) - self._before)
        rest = self._down.resample_chunk(np.zeros(0, np.float32), last=True)
        missing = max(0, len(self._given) - len(self._residual) - len(rest))
        self._residual = np.concatenate((self._residual, rest, np.zeros(missing, np.float32)))
        return self._out(len(self._given))

    def _mark(self, count: int) -> None:
        """Have the residual of the next `count` samples of what is known."""
        if count <= 0:
            return
        residual = _residual(self._known)[self._before : self._before + count]
        self._residual = np.concatenate((self._residual, self._down.resample_chunk(residual)))
        done = self._before + count
        dropped = max(0, done - CONTEXT) // HOP * HOP  # whole hops, so that frames lie where they would in the whole
        self._known, self._before = self._known[dropped:], done - dropped

    def _out(self, count: int) -> NDArray[np.float32]:
        marked = self._given[:count] + self._residual[:count]
        self._given, self._residual = self._given[count:], self._residual[count:]
        return marked


def confidence(samples: NDArray[np.float32]) -> float:
    """How sure the network is that sound at RATE carries the mark: from 0 to 1, near the ends for speech of some
    seconds."""
    with torch.inference_mode():
        found = _decoder()(_levels(_spectrum(_tensor(samples)))[None])
    return float(torch.nan_to_num(found).clip(0.0, 1.0)[0])


def _residual(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.inference_mode():
        signal = _tensor(samples)
        spectrum = _spectrum(signal)
        levels = _levels(spectrum)
        added = _encoder()(levels[None])[0]
        # the same phase, and a magnitude that is so many dB more: what is above the subband stays
        low = spectrum[:_SUBBAND]
        change = torch.pow(10.0, added * _RANGE / 20.0) - 1.0
        difference = torch.zeros_like(spectrum)
        difference[:_SUBBAND] = low * change
        marked = torch.istft(difference, FFT, HOP, window=torch.hann_window(FFT), length=len(signal))
        found: NDArray[np.float32] = marked[: len(samples)].numpy()
        return found


def _tensor(samples: NDArray[np.float32]) -> torch.Tensor:
    """The samples, with silence after them where they are too few for a window."""
    signal = torch.from_numpy(np.ascontiguousarray(samples, np.float32))
    return nn.functional.pad(signal, (0, max(0, FFT - len(signal))))


def _spectrum(signal: torch.Tensor) -> torch.Tensor:
    return torch.stft(signal, FFT, HOP, window=torch.hann_window(FFT), return_complex=True)


def _levels(spectrum: torch.Tensor) -> torch.Tensor:
    """Magnitudes in dB, as the networks were trained on: from 0 at the floor to about 1."""
    return 20 * torch.log10(spectrum.abs().clip(_FLOOR) / _FLOOR) / _RANGE


# ------------------------------------------------------------------------------------------------------- the networks


class _Conv(nn.Module):
    def __init__(self, given: int, made: int, kernel: int, *, act: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv1d(given, made, kernel, padding=(kernel - 1) // 2)
        self.act = nn.LeakyReLU() if act else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.act(self.conv(x))
        return found


def _layers(made: int) -> nn.Sequential:
    middle = (_Conv(_HIDDEN, _HIDDEN, 7) for _ in range(5))
    return nn.Sequential(_Conv(_SUBBAND, _HIDDEN, 1), *middle, _Conv(_HIDDEN, made, 1, act=False))


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = _layers(_SUBBAND)

    def forward(self, levels: torch.Tensor) -> torch.Tensor:
        """What is added to levels (batch, bins, frames) of the subband."""
        added: torch.Tensor = self.layers(levels[:, :_SUBBAND]) * _mask(levels)
        return added


class _Decoder(nn.Module):
    """Listens at three paces, and trusts the one that is surest."""

    def __init__(self) -> None:
        super().__init__()
        self.slow_layers, self.normal_layers, self.fast_layers = _layers(2), _layers(2), _layers(2)

    def forward(self, levels: torch.Tensor) -> torch.Tensor:
        subband, mask = levels[:, :_SUBBAND], _mask(levels)
        found = []
        for layers, pace in ((self.slow_layers, 1.25), (self.normal_layers, 1.0), (self.fast_layers, 0.75)):
            size = int(subband.shape[2] * pace)
            heard = nn.functional.interpolate(subband, size=size, mode="linear", align_corners=True)
            out = layers(heard if pace != 1.0 else subband)
            where = nn.functional.interpolate(mask, size=size, mode="nearest")
            found.append((out * where).sum(dim=2) / where.sum(dim=2))
        attention, marks = torch.stack(found, dim=2).unbind(1)
        weighed: torch.Tensor = marks * attention.softmax(dim=1)
        return weighed.sum(dim=1)


def _mask(levels: torch.Tensor) -> torch.Tensor:
    """(batch, 1, frames): where there is sound."""
    loudness = levels.sum(dim=1)
    return (loudness > loudness.max(dim=1, keepdim=True).values * _SILENT).float()[:, None]


@cache
def _encoder() -> _Encoder:
    return _filled(_Encoder(), "encoder.")


@cache
def _decoder() -> _Decoder:
    return _filled(_Decoder(), "decoder.")


def _filled(module: M, prefix: str) -> M:
    """With the weights of the installed package. Raises BadInput where it is not installed."""
    stored = torch.load(watermarks.weights(), map_location="cpu", weights_only=True, mmap=False)["model"]
    own = {name.removeprefix(prefix): tensor for name, tensor in stored.items() if name.startswith(prefix)}
    module.load_state_dict(own)
    return module.eval().requires_grad_(False)
