"""Whether two people speak at once in a clip: a small detector of our own, worked out with NumPy. MODEL_CARD.md tells
how it was made and how well it does; the commands are in `recipe`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.cutting.overlap import features, network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def load() -> None:
    """Read the weights, for who cannot wait for it at the first clip. May be called from any thread."""
    network.load()


def share(hearing: NDArray[np.float32]) -> float | None:
    """Of mono samples (n,) at `vad.SAMPLE_RATE`, the share of their moments in which two are to be expected to speak:
    the mean of the chances, 0…1. None for less than a tenth of a second, and for silence."""
    chances = network.load().chances(features.heard(hearing))
    return float(chances.mean()) if len(chances) >= 5 else None
