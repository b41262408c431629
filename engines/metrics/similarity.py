"""How alike two voices sound: cosine of speaker embeddings (GE2E, arXiv 1710.10467) by the weights of Resemblyzer.

Some 6 ms for a second of speech on one core, after 0.1 s for the first (loading).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engines.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Samples handed in are mono float32 at this rate, Hz.
SAMPLE_RATE = 16_000
#: Level that speech is brought to, dB of full scale. The embedder hears loudness as part of a voice (the same line 20
#: dB quieter: cosine 0.83); of the levels tried, those near this one part different voices best.
_LEVEL_DB = -22.0


def load() -> None:
    """Load what embedding needs, for who cannot wait for it at the first one. May be called from any thread."""
    import webrtcvad  # noqa: F401

    from engines.metrics.ge2e import network

    network.load()


def embed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Speaker embedding (256,) float32, length 1, of mono samples (n,) float32 at SAMPLE_RATE. Raises BadInput if there
    is no voice in them."""
    import numpy as np

    from engines.metrics.ge2e import features, network

    if not len(samples) or not np.any(samples):
        raise BadInput("There is no sound to compare voices by.")
    spoken = features.spoken(np.clip(_levelled(samples), -1.0, 1.0))
    if len(spoken) < SAMPLE_RATE // 4:
        raise BadInput("There is too little speech to compare voices by.")
    return network.load().embed(_levelled(spoken))


def _levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return np.asarray(samples * (10 ** (_LEVEL_DB / 20) / max(level, 1e-9)), dtype=np.float32)


def mean_embedding(embeddings: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The voice that these embeddings, each (256,), share: (256,) float32, length 1. Raises ValueError for none."""
    import numpy as np

    mean = np.mean(np.stack(list(embeddings)), axis=0)
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Cosine of two embeddings (256,): 1 is the same voice; different people lie around 0.5 to 0.7."""
    import numpy as np

    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))
