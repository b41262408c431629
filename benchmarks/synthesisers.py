"""Speakers that the embedded engine's base never heard, made by the free synthesisers that it was made with
(`engines/glow/recipe/corpus.py` says which speakers it was trained on), and recordings by them.

The recogniser understands next to nothing of espeak-ng's voices, so most speakers are flite's `slt`, which no base
heard, through vocal tracts of several lengths."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from engines.glow.recipe.corpus import SAMPLE_RATE, Speaker, speak
from engines.glow.recipe.sentences import sentence

#: Those that may be tried on.
TUNING = (
    Speaker("slt", "flite", "slt", 0),
    Speaker("kal-mid", "flite", "kal16", 0, warp=1.08, pitch=1.2),
)
#: Those that figures are of; nothing is tried on them.
REPORTING = (
    Speaker("slt-low", "flite", "slt", 0, warp=0.88),
    Speaker("slt-deep", "flite", "slt", 0, warp=0.82, pitch=0.85),
    Speaker("slt-high", "flite", "slt", 0, warp=1.1),
    Speaker("rms-deep", "flite", "rms", 0, warp=0.9),
)
#: More of them, for what two cannot tell.
FURTHER = (
    Speaker("awb-dark", "flite", "awb", 0, warp=0.89),
    Speaker("rms-mid", "flite", "rms", 0, warp=1.06, pitch=1.1),
    Speaker("slt-young", "flite", "slt", 0, warp=1.17, pitch=1.1),
)
#: Somebody else.
OTHER = Speaker("awb-mid", "flite", "awb", 0, warp=1.07, pitch=1.05)


def missing() -> str:
    """What this machine lacks to make recordings, a sentence; empty: nothing."""
    absent = [name for name in ("flite",) if shutil.which(name) is None]
    return f"Install {' and '.join(absent)}: the recordings are made by it." if absent else ""


def texts(seed: int, count: int) -> list[str]:
    """So many different sentences."""
    draw, found = random.Random(seed), dict[str, None]()
    while len(found) < count:
        found[sentence(draw)] = None
    return list(found)


def said(speaker: Speaker, text: str) -> NDArray[np.float32]:
    """A speaker's recording of a text, (n,) at 16 kHz. Raises CalledProcessError where the synthesiser fails."""
    samples = speak(speaker, text)
    return (samples * (0.9 / max(0.9, float(np.abs(samples).max())))).astype(np.float32)


def write(path: Path, samples: NDArray[np.float32]) -> None:
    """A recording, FLAC."""
    soundfile.write(path, samples, SAMPLE_RATE)
