"""Clips of files, for the tests of XTTS."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from engines.base import Clip


def clip(path: Path, text: str = "") -> Clip:
    """A clip of a file, with the text beside it unless one is given."""
    text = text or path.with_suffix(".txt").read_text(encoding="utf-8").strip()
    return Clip(hashlib.sha256(path.read_bytes()).hexdigest(), path, text, "en", soundfile.info(path).duration)


def tone(path: Path, seconds: float, rate: int = 22_050) -> NDArray[np.float32]:
    """Write a tone and return its samples."""
    samples = 0.3 * np.sin(2 * np.pi * 150 * np.arange(round(seconds * rate)) / rate).astype(np.float32)
    soundfile.write(path, samples, rate)
    return samples
