"""How much a take sounds like the voice, for models that have no listener of their own: by the speaker embeddings that
versions are compared by."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from engines.errors import BadInput
from engines.metrics import similarity

#: A speaker embedding, (256,) float32.
Embedding = NDArray[np.float32]


def of(samples: NDArray[np.float32], rate: int) -> Embedding | None:
    """What sound (n,) at `rate` Hz says of who speaks; None where nobody is heard."""
    try:
        return similarity.embed(soxr.resample(samples, rate, similarity.SAMPLE_RATE).astype(np.float32))
    except BadInput:
        return None


def to(voice: Embedding | None, samples: NDArray[np.float32], rate: int) -> float:
    """Cosine of a take (n,) and a voice; 0 where either says nothing of who speaks."""
    own = None if voice is None else of(samples, rate)
    return 0.0 if voice is None or own is None else similarity.cosine(voice, own)
