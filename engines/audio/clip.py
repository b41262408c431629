"""Samples of a clip's file, as an engine wants them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from engines.errors import BadInput


def read(path: Path, rate: int) -> NDArray[np.float32]:
    """Mono samples (n,) at `rate` Hz. Raises BadInput for a file that cannot be read or is silent."""
    try:
        samples, own_rate = sf.read(path, dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise BadInput(f"{path.name} cannot be read: {error}", "Record or convert it again.") from error
    mono = np.ascontiguousarray(samples.mean(axis=1))
    if not len(mono) or not np.isfinite(mono).all() or not np.abs(mono).max() > 0:
        raise BadInput(f"{path.name} is silent.", "Record it again.")
    return np.asarray(soxr.resample(mono, own_rate, rate, quality="HQ"), np.float32) if own_rate != rate else mono
