"""Recordings in which it is known when two speak at once: made of one or two speakers, and of what is wrong with
recordings beside: rooms, music, noise, missing bands, overdriving, MP3. In half of them nobody overlaps."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, fftconvolve, sosfilt

from engines.cutting.overlap.features import HOP
from engines.cutting.overlap.recipe.speakers import Utterances
from engines.cutting.vad import SAMPLE_RATE

Samples = NDArray[np.float32]
#: Seconds of an example, and chances of what is beside the speech.
SECONDS = 4.0
_TWO, _IN_TURN, _ROOM, _MUSIC, _NOISE = 0.5, 0.12, 0.5, 0.12, 0.75
_BAND, _OVERDRIVEN, _MP3, _CLEAN = 0.2, 0.08, 0.12, 0.2
#: A moment of a voice counts as silent so far below its loud ones, dB. Of two voices the quieter one can be heard up
#: to the first difference, and cannot from the second on; between them nothing is asked.
_SILENT, _AUDIBLE, _HIDDEN = -28.0, 20.0, 26.0


@dataclass(frozen=True)
class Example:
    """A recording of SECONDS at SAMPLE_RATE."""

    sound: Samples
    overlap: NDArray[np.float32]  #: of each moment of features.HOP samples: 1, 0, or NaN where nothing is asked
    below: float | None  #: dB that the second voice is quieter than the first; None: nobody else speaks at once
    kind: str  #: what else is in it, for figures

    @property
    def share(self) -> float:
        """Of its moments, in which two speak."""
        return float(np.nanmean(self.overlap))


def example(voices: Utterances, seed: int) -> Example:
    """The same for the same seed."""
    draw = np.random.default_rng(seed)
    names = sorted(voices)
    first, other = draw.choice(len(names), 2, replace=False)
    size, warp = round(SECONDS * SAMPLE_RATE), draw.uniform(0.9, 1.12, 2)
    whole = _read(voices[names[first]], size, float(warp[0]), draw)
    below: float | None = None
    second = np.zeros_like(whole)
    if draw.random() < _TWO:
        below = float(draw.uniform(-6, 12))
        second = _read(voices[names[other]], size, float(warp[1]), draw)
        part = size if draw.random() < 0.5 else round(size * draw.uniform(0.25, 1))
        begin = int(draw.integers(0, size - part + 1))
        second[:begin], second[begin + part :] = 0, 0
        second *= 10 ** (-below / 20)
    elif draw.random() < _IN_TURN / _TWO:
        second = _read(voices[names[other]], size, float(warp[1]), draw) * np.float32(10 ** (draw.uniform(-10, 6) / 20))
        turn = int(draw.integers(size // 4, 3 * size // 4))
        whole[turn:], second[: turn + SAMPLE_RATE // 20] = 0, 0
    sound, kind = _recorded(whole, second, draw)
    return Example(sound, _labels(whole, second), below, kind)


def _read(utterances: Sequence[Samples], size: int, warp: float, draw: np.random.Generator) -> Samples:
    """Utterances one after another, the speech as loud as ever, formants and pitch times `warp`."""
    parts, length = [np.zeros(int(draw.integers(0, SAMPLE_RATE // 4)), np.float32)], 0
    while length < size * warp + SAMPLE_RATE:
        one = utterances[int(draw.integers(len(utterances)))]
        pause = np.zeros(int(draw.uniform(0.05, 0.6) * SAMPLE_RATE), np.float32)
        parts += [one, pause]
        length += len(one) + len(pause)
    long = np.concatenate(parts)[: round(size * warp) + 8]
    warped = soxr.resample(long, SAMPLE_RATE * warp, SAMPLE_RATE, quality="MQ") if warp != 1 else long
    return np.array(np.resize(warped, size) * (0.1 / level(warped)), np.float32)


def level(sound: Samples) -> float:
    """RMS of the loud half of 20 ms moments."""
    power = np.sort(np.mean(np.square(sound[: len(sound) // HOP * HOP].reshape(-1, HOP)), axis=1))
    return float(np.sqrt(np.mean(power[len(power) // 2 :]))) + 1e-9


def _labels(first: Samples, second: Samples) -> NDArray[np.float32]:
    levels = []
    for one in (first, second):
        power = uniform_filter1d(np.square(one, dtype=np.float64), 2 * HOP, mode="constant")[HOP // 2 :: HOP]
        levels.append(10 * np.log10(power + 1e-12))
    loud = [np.sort(one)[-max(1, len(one) // 4) :].mean() for one in levels]
    speaks = [one > max(top + _SILENT, -70) for one, top in zip(levels, loud, strict=True)]
    apart = np.abs(levels[0] - levels[1])
    both = speaks[0] & speaks[1] & (apart < _AUDIBLE)
    unsure = speaks[0] & speaks[1] & (apart >= _AUDIBLE) & (apart < _HIDDEN)
    return np.where(unsure, np.nan, both).astype(np.float32)


def _recorded(first: Samples, second: Samples, draw: np.random.Generator) -> tuple[Samples, str]:
    """Both as one recording, and what is in it beside them."""
    told = []
    if draw.random() < _CLEAN:
        return first + second, "as it is"
    if draw.random() < _ROOM:
        rt60 = float(draw.uniform(0.1, 0.9))
        first, second = (_in_a_room(one, rt60 * float(draw.uniform(0.9, 1.1)), draw) for one in (first, second))
        told.append("room")
    sound = first + second
    if draw.random() < 0.5:
        sound = _coloured(sound, draw)
    if draw.random() < _MUSIC:
        sound = sound + _music(len(sound), draw) * np.float32(level(sound) * 10 ** (-draw.uniform(10, 25) / 20))
        told.append("music")
    if draw.random() < _NOISE:
        sound = sound + _noise(len(sound), draw) * np.float32(level(sound) * 10 ** (-draw.uniform(5, 40) / 20))
        told.append("noise")
    if draw.random() < _BAND:
        low = butter(8, draw.uniform(3_300, 7_000), fs=SAMPLE_RATE, output="sos")
        sound = np.asarray(sosfilt(low, sound), np.float32)
        told.append("narrow band")
    if draw.random() < _OVERDRIVEN:
        sound = np.clip(sound / np.abs(sound).max() * np.float32(10 ** (draw.uniform(1, 14) / 20)), -1, 1)
        told.append("clipped")
    if draw.random() < _MP3:
        sound = _as_mp3(sound, draw)
        told.append("mp3")
    return np.asarray(sound, np.float32), " + ".join(told) or "coloured"


def _in_a_room(sound: Samples, rt60: float, draw: np.random.Generator) -> Samples:
    """The direct sound, and a tail that is 3 to 15 dB quieter, or as loud."""
    tail = draw.normal(0, 1, max(64, round(1.1 * rt60 * SAMPLE_RATE)))
    tail *= 10 ** (-3 * np.arange(len(tail)) / SAMPLE_RATE / rt60)
    tail *= 10 ** (-draw.uniform(0, 15) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    wet = np.asarray(fftconvolve(sound, tail)[: len(sound)], np.float32)
    before, after = (float(np.sqrt(np.mean(np.square(one)))) for one in (sound, wet))
    return np.asarray(wet * np.float32(before / (after + 1e-9)), np.float32) if before > 0 else wet


def _coloured(sound: Samples, draw: np.random.Generator) -> Samples:
    """As another microphone hears it: smooth gains of ±8 dB, and nothing below some frequency."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    at = np.concatenate([[0.0], np.geomspace(100, 8_000, 7)])
    gains = np.interp(hertz, at, draw.uniform(-8, 8, len(at)))
    gains -= 40 * np.maximum(0, np.log10(draw.uniform(20, 150) / np.maximum(hertz, 1)))
    return np.asarray(np.fft.irfft(spectrum * 10 ** (gains / 20), len(sound)), np.float32)


def _noise(size: int, draw: np.random.Generator) -> Samples:
    """White, pink, brown, or of some band, RMS 1; now and then it swells, or the mains hum in it."""
    slope = float(draw.choice([0.0, 0.5, 1.0, draw.uniform(-0.3, 1.2)]))
    spectrum = np.fft.rfft(draw.normal(size=size))
    bins = np.maximum(1, np.arange(len(spectrum)))
    noise = np.fft.irfft(spectrum / bins**slope, size)
    if draw.random() < 0.2:
        low, high = np.sort(draw.uniform(100, 7_500, 2))
        noise = sosfilt(butter(2, (low, high + 200), "bandpass", fs=SAMPLE_RATE, output="sos"), noise)
    if draw.random() < 0.3:
        points = np.linspace(0, size, 12)
        noise *= np.interp(np.arange(size), points, 10 ** (draw.uniform(-12, 6, 12) / 20))
    noise /= np.std(noise) + 1e-9
    if draw.random() < 0.15:
        mains, at = float(draw.choice([50, 60])), np.arange(size) / SAMPLE_RATE
        hum = sum(np.sin(2 * np.pi * mains * n * at + draw.uniform(0, 6)) * draw.random() / n for n in range(1, 8))
        noise = noise + draw.uniform(0.2, 1.5) * hum
    return np.asarray(noise / np.std(noise), np.float32)


def _music(size: int, draw: np.random.Generator) -> Samples:
    """Chords or plucked notes, RMS 1."""
    sound = np.zeros(size)
    beat = draw.uniform(0.2, 0.8)
    plucked = draw.random() < 0.5
    for start in np.arange(0, size, round(beat * SAMPLE_RATE)):
        root, fall = 110 * 2 ** (draw.integers(-6, 18) / 12), draw.uniform(2, 6)
        on = sound[start : start + round(beat * SAMPLE_RATE * (3 if plucked else 1))]
        since = np.arange(len(on)) / SAMPLE_RATE
        for step in (1.0, *draw.choice([1.2, 1.25, 1.333, 1.5, 2.0], 2)):
            tones = sum(np.sin(2 * np.pi * root * step * n * since) / n**1.5 for n in range(1, 5))
            on += tones * (np.exp(-since * fall) if plucked else 1.0)
    return np.asarray(sound / (np.std(sound) + 1e-9), np.float32)


def _as_mp3(sound: Samples, draw: np.random.Generator) -> Samples:
    """Through the encoder and back."""
    file = io.BytesIO()
    scaled = sound * np.float32(0.9 / max(1e-6, float(np.abs(sound).max())))
    small = float(draw.uniform(0.2, 0.95))
    sf.write(file, scaled, SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III", compression_level=small)
    file.seek(0)
    return np.resize(sf.read(file, dtype="float32")[0], len(sound))
