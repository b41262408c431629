"""Mel spectrograms as sound: a small trained harmonic-plus-noise vocoder, or Griffin-Lim for a base that brings none.

The network reads pitch, voicing and two spectral envelopes from a mel; a pulse train of that pitch and white noise go
through the envelopes and are added (after DDSP, Engel et al. 2020, and the neural source-filter models of Wang et al.
2019). The source gives the phase, which is what Griffin-Lim has to guess, so a few minutes of training with spectral
losses alone are enough, and voices never heard come out well.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import safetensors.torch
import torch
from torch.nn import functional

from engines.errors import EngineError
from engines.glow import mel

WEIGHTS, SETTINGS = "vocoder.safetensors", "vocoder.json"
#: Filters are finer in time than the mel: half its hop, half its window.
HOP, N_FFT = mel.HOP // 2, mel.N_FFT // 2
_BINS = N_FFT // 2 + 1
#: Share of breath in the amplitude of a voiced sound, from 0 Hz to the highest, where the network heard breath only.
BREATH = (0.05, 0.5)


class Vocoder(Protocol):
    """What turns a mel into sound."""

    def sound(
        self, features: torch.Tensor, generator: torch.Generator, voiced: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Samples (frames × mel.HOP,) float32 at mel.SAMPLE_RATE of a normalised log-mel (N_MELS, frames); noise is the
        generator's. `voiced`, (frames,) of bool: where a sound is said that has a voice, whatever the mel shows; None:
        not known."""
        ...


@dataclass(frozen=True)
class Settings:
    """Size of the network and the range of pitch it can name."""

    channels: int = 192
    layers: int = 6
    lowest: float = 55.0  #: Hz
    highest: float = 500.0  #: Hz
    pitches: int = 160  #: classes between, evenly spaced in log frequency


class Block(torch.nn.Module):
    """ConvNeXt block in one dimension (Liu et al. 2022; Siuzdak 2023 for mels)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = torch.nn.Conv1d(channels, channels, 7, padding=3, groups=channels)
        self.norm = torch.nn.LayerNorm(channels)
        self.wide = torch.nn.Linear(channels, 3 * channels)
        self.narrow = torch.nn.Linear(3 * channels, channels)
        self.scale = torch.nn.Parameter(torch.full((channels,), 0.3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channels, frames) → the same."""
        inner = self.norm(self.depthwise(x).transpose(1, 2))
        change: torch.Tensor = self.narrow(functional.gelu(self.wide(inner)))
        return x + (self.scale * change).transpose(1, 2)


@dataclass(frozen=True)
class Parts:
    """What the network reads from mels of shape (batch, N_MELS, frames)."""

    pitch: torch.Tensor  #: logits (batch, pitches, frames)
    voicing: torch.Tensor  #: logits (batch, frames)
    harmonic: torch.Tensor  #: log magnitude of the pulses' filter (batch, _BINS, 2 × frames)
    noise: torch.Tensor  #: log magnitude of the noise's filter (batch, _BINS, 2 × frames)


class HarmonicNoise(torch.nn.Module):
    """The trained vocoder."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.enter = torch.nn.Conv1d(mel.N_MELS, settings.channels, 7, padding=3)
        self.blocks = torch.nn.ModuleList(Block(settings.channels) for _ in range(settings.layers))
        self.norm = torch.nn.LayerNorm(settings.channels)
        self.pitch = torch.nn.Linear(settings.channels, settings.pitches + 1)
        self.filters = torch.nn.Linear(settings.channels, 2 * 2 * _BINS)
        with torch.no_grad():
            self.filters.weight.mul_(0.3)
            self.filters.bias.fill_(-5.0)

    def forward(self, features: torch.Tensor) -> Parts:
        """Of normalised log-mels (batch, N_MELS, frames)."""
        x = self.enter(features)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x.transpose(1, 2))
        pitch = self.pitch(x).transpose(1, 2)
        batch, frames, _ = x.shape
        filters = (
            self.filters(x).view(batch, frames, 2, 2, _BINS).permute(2, 0, 4, 1, 3).reshape(2, batch, _BINS, 2 * frames)
        )
        return Parts(pitch[:, :-1], pitch[:, -1], filters[0].clamp(-16, 8), filters[1].clamp(-16, 8))

    def frequencies(self) -> torch.Tensor:
        """Hz of the pitch classes, shape (pitches,)."""
        settings = self.settings
        return settings.lowest * (settings.highest / settings.lowest) ** (
            torch.arange(settings.pitches) / (settings.pitches - 1)
        )

    def f0(self, logits: torch.Tensor) -> torch.Tensor:
        """Hz (batch, frames) from pitch logits: the mean of the classes around the best one, in log frequency."""
        best = logits.argmax(dim=1, keepdim=True)
        near = (torch.arange(logits.shape[1], device=logits.device)[None, :, None] - best).abs() <= 4
        weights = torch.softmax(logits.masked_fill(~near, -torch.inf), dim=1)
        return torch.exp((weights * self.frequencies().log()[None, :, None].to(logits.device)).sum(dim=1))

    @torch.inference_mode()
    def sound(
        self, features: torch.Tensor, generator: torch.Generator, voiced: torch.Tensor | None = None
    ) -> torch.Tensor:
        """See Vocoder.sound."""
        length = features.shape[-1] * mel.HOP
        features = _at_least(features, 4)
        parts = self.forward(features[None])
        if voiced is not None:
            parts = given_voice(parts, functional.pad(voiced, (0, features.shape[-1] - len(voiced))))
        f0, heard = contour(self.f0(parts.pitch)[0], torch.sigmoid(parts.voicing[0]))
        noise = torch.randn(1, features.shape[-1] * mel.HOP, generator=generator)
        return synthesise(f0[None], heard[None], parts.harmonic, parts.noise, noise)[0, :length]


def given_voice(parts: Parts, voiced: torch.Tensor) -> Parts:
    """The same parts with a voice where `voiced`, (frames,) of bool, says that there is one and the network heard none:
    what it gave to breath goes to the pulses, but for the share BREATH.

    The network tells a voice by its harmonics, and an acoustic model's mels are smooth: in those of a low voice none
    may be left, and vowels would be whispered."""
    whispered = voiced & (parts.voicing[0] < 0)
    voicing = torch.where(whispered[None], -parts.voicing, parts.voicing)
    whispered &= _median(torch.sigmoid(voicing[0]), 3) > 0.5  # not what `contour` votes out
    whole = 0.5 * torch.logaddexp(2 * parts.harmonic, 2 * parts.noise)
    breath = torch.linspace(*BREATH, _BINS)[None, :, None]
    there = whispered.repeat_interleave(mel.HOP // HOP)[None, None]
    return Parts(
        parts.pitch,
        voicing,
        torch.where(there, whole + 0.5 * torch.log1p(-(breath**2)), parts.harmonic),
        torch.where(there, whole + breath.log(), parts.noise),
    )


def contour(f0: torch.Tensor, voicing: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Clean pitch in Hz and voicing probabilities, both (frames,): pitch is drawn straight through unvoiced frames,
    single-frame slips are voted out. Returns pitch and voicing 0 or 1."""
    voiced = _median(voicing, 3) > 0.5
    pitch = f0.log()
    known = torch.nonzero(voiced)[:, 0]
    if len(known):
        places = torch.arange(len(f0))
        left = known[(torch.searchsorted(known, places, right=True) - 1).clamp(min=0)]
        right = known[torch.searchsorted(known, places).clamp(max=len(known) - 1)]
        share = ((places - left) / (right - left).clamp(min=1)).clamp(0, 1)
        pitch = pitch[left] + share * (pitch[right] - pitch[left])
    return _median(pitch, 3).exp(), voiced.float()


def _at_least(features: torch.Tensor, frames: int) -> torch.Tensor:
    """A mel no shorter than a window, the last frame held: an STFT cannot mirror less."""
    return functional.pad(features[None], (0, max(0, frames - features.shape[-1])), mode="replicate")[0]


def _median(values: torch.Tensor, width: int) -> torch.Tensor:
    padded = functional.pad(values[None], (width // 2, width // 2), mode="replicate")[0]
    return padded.unfold(0, width, 1).median(dim=1).values


def pulses(f0: torch.Tensor, voiced: torch.Tensor) -> torch.Tensor:
    """Band-limited pulse train of unit power, (batch, frames × mel.HOP), of pitch in Hz and voicing 0…1, both (batch,
    frames)."""
    length = f0.shape[-1] * mel.HOP
    hertz = _to_samples(f0, length)
    gate = _to_samples(voiced, length)
    phase = torch.cumsum(hertz.double() / mel.SAMPLE_RATE, dim=-1)
    phase = (phase - phase.floor()).float() * torch.pi  # half the angle: the closed form below works with halves
    count = torch.floor(mel.SAMPLE_RATE / 2 / hertz)
    below = torch.sin(phase)
    kernel = torch.where(
        below.abs() < 1e-4,
        2 * count,
        torch.sin((2 * count + 1) * phase) / torch.where(below.abs() < 1e-4, 1.0, below) - 1,
    )
    return gate * kernel / torch.sqrt(2 * count)


def _to_samples(frames: torch.Tensor, length: int) -> torch.Tensor:
    """Linear interpolation of values at frame centres (sample t × mel.HOP), as mel.spectrum centres its frames."""
    position = torch.arange(length) / mel.HOP
    left = position.long().clamp(max=frames.shape[-1] - 1)
    right = (left + 1).clamp(max=frames.shape[-1] - 1)
    return frames[..., left] + (position - left) * (frames[..., right] - frames[..., left])


def synthesise(
    f0: torch.Tensor, voiced: torch.Tensor, harmonic: torch.Tensor, noise_filter: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """Samples (batch, frames × mel.HOP): pulses and white noise (batch, frames × mel.HOP) through their filters' log
    magnitudes, added."""
    length = noise.shape[-1]
    source, hiss = _stft(pulses(f0, voiced)), _stft(noise)
    frames = source.shape[-1]
    spectrum = source * _minimum_phase(_fit(harmonic, frames)) + hiss * _fit(noise_filter, frames).exp()
    return torch.istft(spectrum, N_FFT, HOP, window=_window(), center=True, length=length)


def _fit(filters: torch.Tensor, frames: int) -> torch.Tensor:
    """A filter at sub-frame 2t+j stands at sample t × mel.HOP + j × HOP; the last is repeated or cut to the STFT's
    frames."""
    missing = frames - filters.shape[-1]
    return functional.pad(filters, (0, missing), mode="replicate") if missing > 0 else filters[..., :frames]


def _minimum_phase(log_magnitude: torch.Tensor) -> torch.Tensor:
    """Complex response (batch, bins, frames) with that log magnitude and the least delay, by folding the real cepstrum.

    Pulses through zero-phase filters buzz: a voice's energy comes after the closing of the glottis, not before.
    """
    cepstrum = torch.fft.irfft(log_magnitude, n=N_FFT, dim=1)
    fold = torch.zeros(N_FFT)
    fold[0] = fold[N_FFT // 2] = 1
    fold[1 : N_FFT // 2] = 2
    return torch.exp(torch.fft.rfft(cepstrum * fold[None, :, None], dim=1))


@lru_cache(maxsize=1)
def _window() -> torch.Tensor:
    with torch.inference_mode(False):  # who asks first may be speaking, and the next may train
        return torch.hann_window(N_FFT)


def _stft(samples: torch.Tensor) -> torch.Tensor:
    return torch.stft(samples, N_FFT, HOP, window=_window(), center=True, return_complex=True)


@lru_cache(maxsize=1)
def _inverse_filters() -> torch.Tensor:
    """Pseudo-inverse of the mel filters, shape (mel.N_FFT // 2 + 1, N_MELS)."""
    inverse: torch.Tensor = torch.linalg.pinv(mel.filters())
    return inverse


class GriffinLim:
    """Phase by alternating projections with momentum (Perraudin et al. 2013). Needs no weights; sounds metallic."""

    def __init__(self, iterations: int = 32, momentum: float = 0.99) -> None:
        self.iterations, self.momentum = iterations, momentum

    def sound(
        self, features: torch.Tensor, generator: torch.Generator, voiced: torch.Tensor | None = None
    ) -> torch.Tensor:
        """See Vocoder.sound. The phase that it finds needs no voicing."""
        wanted = features.shape[-1] * mel.HOP
        features = _at_least(features.cpu(), 4)
        melody = torch.exp(features * mel.SPREAD + mel.MEAN)
        magnitude = torch.clamp_min(_inverse_filters() @ melody, 1e-5)
        for _ in range(
            20
        ):  # non-negative least squares by multiplicative updates: pinv alone leaves holes where it went negative
            magnitude = magnitude * (
                (mel.filters().T @ melody) / (mel.filters().T @ (mel.filters() @ magnitude) + 1e-8)
            )
        length = features.shape[-1] * mel.HOP
        phase = torch.exp(2j * torch.pi * torch.rand(magnitude.shape, generator=generator))
        previous = torch.zeros_like(phase)
        for _ in range(self.iterations):
            rebuilt = mel.spectrum(_invert(magnitude * phase, length))[..., : magnitude.shape[-1]]
            ahead = rebuilt - self.momentum / (1 + self.momentum) * previous
            phase = ahead / torch.clamp_min(ahead.abs(), 1e-12)
            previous = rebuilt
        return _invert(magnitude * phase, length)[:wanted]


def _invert(spectrum: torch.Tensor, length: int) -> torch.Tensor:
    return torch.istft(spectrum, mel.N_FFT, mel.HOP, window=mel.window(), center=True, length=length)


def save(vocoder: HarmonicNoise, folder: Path, dtype: torch.dtype = torch.float16) -> None:
    """Write WEIGHTS and SETTINGS into an existing folder."""
    (folder / WEIGHTS).write_bytes(packed(vocoder, dtype))
    (folder / SETTINGS).write_text(json.dumps(asdict(vocoder.settings), indent=1) + "\n")


def packed(vocoder: HarmonicNoise, dtype: torch.dtype = torch.float16) -> bytes:
    """Its weights as a safetensors file."""
    state = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in vocoder.state_dict().items()}
    return safetensors.torch.save(state)


def unpack(vocoder: HarmonicNoise, content: bytes) -> None:
    """Give it the weights that `packed` made. Raises SafetensorError or RuntimeError for what are none of its size."""
    vocoder.load_state_dict({name: tensor.float() for name, tensor in safetensors.torch.load(content).items()})


def fits(vocoder: HarmonicNoise, content: bytes) -> bool:
    """Whether that is what `packed` makes of a vocoder of its size."""
    try:
        found = safetensors.torch.load(content)
    except safetensors.SafetensorError:
        return False
    wanted = {name: tensor.shape for name, tensor in vocoder.state_dict().items()}
    return {name: tensor.shape for name, tensor in found.items()} == wanted


def is_in(folder: Path) -> bool:
    """Whether a base or version brings one of its own."""
    return (folder / SETTINGS).is_file()


def load(folder: Path) -> Vocoder:
    """The vocoder of a base's or version's folder: its own if it brings one. Raises EngineError if its files are
    missing or do not fit together."""
    if not is_in(folder):
        return GriffinLim()
    try:
        settings = Settings(**json.loads((folder / SETTINGS).read_text()))
        if settings.pitches < 2 or not 0 < settings.lowest < settings.highest < mel.SAMPLE_RATE / 2:
            raise ValueError("it names no range of pitch")
        vocoder = HarmonicNoise(settings)
        unpack(vocoder, (folder / WEIGHTS).read_bytes())
    except (OSError, ValueError, TypeError, safetensors.SafetensorError, RuntimeError) as error:
        raise EngineError(
            f"The vocoder in {folder} cannot be loaded: {error}", "Restore the folder, or train the voice again."
        ) from error
    return vocoder.eval()
