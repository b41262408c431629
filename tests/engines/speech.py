"""Real speech for the tests, from tests/engines/fixtures, and recordings put together from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

FIXTURES = Path(__file__).parent / "fixtures"
#: What is said in each file.
TEXTS = {
    "harbour": "The small boat left the harbour before the sun came up.",
    "letter": "She wrote a long letter to her brother in the north.",
    "market": (
        "On Monday they sold bread and apples at the old market. The children waited near the "
        "fountain. Nobody wanted to go home"
    ),
}
RATE = 16_000


def speech(name: str) -> NDArray[np.float32]:
    """Samples of a file at RATE, without the silence around them."""
    samples, rate = soundfile.read(FIXTURES / f"{name}.flac", dtype="float32")
    assert rate == RATE
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    sound: NDArray[np.float32] = samples[loud[0] : loud[-1] + 1]
    return sound


@dataclass(frozen=True)
class Made:
    """A recording made of speech and pauses, and the truth about it."""

    path: Path
    text: str
    spans: tuple[tuple[float, float], ...]  #: where each part of speech lies, seconds
    seconds: float


def recording(path: Path, names: Sequence[str], pause: float = 0.5, rate: int = RATE) -> Made:
    """The named files one after another with `pause` seconds of faint noise before, between and after them."""
    noise = np.random.default_rng(7)
    hush = (noise.normal(0, 1e-4, round(pause * RATE))).astype(np.float32)
    parts, spans, at = [hush], [], len(hush)
    for name in names:
        sound = speech(name)
        spans.append((at / RATE, (at + len(sound)) / RATE))
        parts += [sound, hush]
        at += len(sound) + len(hush)
    samples = np.concatenate(parts)
    if rate != RATE:
        import soxr

        samples = soxr.resample(samples, RATE, rate)
    soundfile.write(path, samples, rate, format="FLAC", subtype="PCM_16")
    return Made(path, " ".join(TEXTS[name] for name in names), tuple(spans), len(samples) / rate)
