"""Made speech whose every fault is known: sentences said by synthetic voices, and what can be wrong with a recording.
Used by the benchmarks of datasets; not a benchmark itself."""

from __future__ import annotations

import itertools
import random
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfiltfilt

Samples = NDArray[np.float32]
#: Hz, of everything here
RATE = 22_050

_WHO = ("The old farmer", "My sister", "A quiet student", "The young captain", "Our neighbour", "The tired baker")
_DID = ("carried", "painted", "forgot", "discovered", "repaired", "borrowed", "described")
_WHAT = ("a heavy basket", "the wooden door", "seven small bottles", "an empty notebook", "the garden wall")
_WHERE = ("beside the river", "near the station", "in the middle of the village", "behind the white church")
_WHEN = ("before breakfast", "on a cold evening", "last summer", "while the rain fell", "", "", "")


def texts(count: int, seed: int) -> list[str]:
    """So many different sentences, the same for the same seed."""
    every = [" ".join(part for part in parts if part) for parts in itertools.product(_WHO, _DID, _WHAT, _WHERE, _WHEN)]
    chosen = random.Random(seed).sample(sorted(set(every)), 2 * count)
    # one and two sentences, as people read them
    return [
        f"{one}." if n % 3 else f"{one}. {other}."
        for n, (one, other) in enumerate(zip(chosen, chosen[count:], strict=False))
    ][:count]


@dataclass(frozen=True)
class Voice:
    """A synthetic speaker."""

    name: str
    program: str  #: "espeak-ng", "flite" or "glow"
    which: str  #: as the program calls it

    def say(self, text: str) -> Samples:
        """Mono samples (n,) at RATE, with a little quiet around the speech. Raises OSError where the program is not
        installed."""
        sound = self._glow(text) if self.program == "glow" else self._by_program(text)
        loud = np.flatnonzero(np.abs(sound) > 0.003)
        quiet = np.zeros(RATE // 4, np.float32)
        return np.concatenate([quiet, sound[loud[0] : loud[-1] + 1], quiet])

    def _by_program(self, text: str) -> Samples:
        with tempfile.TemporaryDirectory() as folder:
            wav = Path(folder) / "a.wav"
            if self.program == "flite":
                command = ["flite", "-voice", self.which, "-t", text, "-o", str(wav)]
            else:
                command = ["espeak-ng", "-v", self.which, "-w", str(wav), text]
            subprocess.run(command, check=True, capture_output=True)
            samples, rate = soundfile.read(wav, dtype="float32")
        return np.asarray(soxr.resample(samples, rate, RATE), np.float32)

    def _glow(self, text: str) -> Samples:
        from engines.base import SpeechRequest
        from engines.glow.engine import GlowEngine

        loaded = _glow_base()
        loaded.speaker = int(self.which)
        chunks = list(GlowEngine().speak(loaded, SpeechRequest(text, "en", seed=len(text))))
        sound = np.concatenate([chunk.samples for chunk in chunks])
        return np.asarray(soxr.resample(sound, chunks[0].sample_rate, RATE), np.float32)


@cache
def _glow_base() -> object:
    from engines.glow import model as glow

    return glow.load(None, "cpu")


def level(samples: Samples) -> float:
    """RMS of the speech: of the loud half of 20 ms frames."""
    hop = RATE // 50
    frames = samples[: len(samples) // hop * hop].reshape(-1, hop)
    power = np.sort(np.mean(np.square(frames, dtype=np.float64), axis=1))
    return float(np.sqrt(np.mean(power[len(power) // 2 :])))


def with_noise(samples: Samples, snr: float, seed: int) -> Samples:
    """White noise so many dB below the speech."""
    noise = np.random.default_rng(seed).normal(0, level(samples) * 10 ** (-snr / 20), len(samples))
    return (samples + noise).astype(np.float32)


def room(rt60: float, seed: int) -> Samples:
    """An impulse response whose tail falls by 60 dB in so many seconds, as loud as the direct sound."""
    noise = np.random.default_rng(seed).normal(0, 1, round(1.2 * rt60 * RATE))
    tail = noise * 10 ** (-3 * np.arange(len(noise)) / RATE / rt60)
    tail /= np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    return tail.astype(np.float32)


def in_a_room(samples: Samples, rt60: float, seed: int) -> Samples:
    """As it sounds some metres away in a room of that reverberation time, seconds."""
    long = np.concatenate([samples, np.zeros(round(rt60 * RATE), np.float32)])
    wet = fftconvolve(long, room(rt60, seed))[: len(long)]
    return np.asarray(wet * (level(samples) / level(wet)), np.float32)


def clipped(samples: Samples, over: float) -> Samples:
    """Overdriven by so many dB and cut off at full scale."""
    return np.clip(samples / np.abs(samples).max() * 10 ** (over / 20), -1.0, 1.0).astype(np.float32)


def narrow(samples: Samples, hertz: float) -> Samples:
    """Nothing above `hertz`."""
    sos = butter(10, hertz, fs=RATE, output="sos")
    return np.asarray(sosfiltfilt(sos, samples), np.float32)


def over_music(samples: Samples, below: float, seed: int) -> Samples:
    """Chords that change twice a second, so many dB below the speech."""
    draw, at = np.random.default_rng(seed), np.arange(len(samples)) / RATE
    chord = np.floor(at * 2).astype(int)
    roots = 110 * 2 ** (draw.integers(0, 12, chord.max() + 1) / 12)
    music = sum(np.sin(2 * np.pi * roots[chord] * step * at) / step for step in (1, 1.25, 1.5, 2, 4))
    return np.asarray(samples + music * (level(samples) * 10 ** (-below / 20) / np.std(music)), np.float32)


def overlapped(samples: Samples, other: Samples, below: float, part: float = 1.0) -> Samples:
    """Somebody else speaks at the same time, so many dB quieter, in the last `part` of it."""
    second = np.resize(other, len(samples)) * (10 ** (-below / 20) * level(samples) / level(other))
    second[: round((1 - part) * len(samples))] = 0
    return np.asarray(samples + second, np.float32)
