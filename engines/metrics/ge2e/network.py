"""The embedder's network: three layers of LSTM over 1.6 s of speech, and a projection of where the last one ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from engines.metrics.ge2e import features, weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LAYERS, _HIDDEN = 3, 256
#: Frames of `features.mel` that are heard at a time, and from one to the next.
_HEARD, _STEP = 160, 77
#: Of the last part, so much must be speech and not the zeros after it, unless it is the only one.
_FULL = 0.75
#: Parts worked out at once: more take no less time, and two megabytes each.
_AT_ONCE = 8


@dataclass(frozen=True)
class _Layer:
    """One LSTM layer. Its gates are input, forget and output, these halved, and what is put in."""

    from_below: NDArray[np.float32]  #: (4, _HIDDEN, what comes in)
    from_before: NDArray[np.float32]  #: (4, _HIDDEN, _HIDDEN)
    bias: NDArray[np.float32]  #: (4, _HIDDEN, 1)


@dataclass(frozen=True)
class Network:
    """The weights."""

    layers: tuple[_Layer, ...]
    projection: NDArray[np.float32]  #: (256, _HIDDEN)
    bias: NDArray[np.float32]  #: (256, 1)

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Speaker embedding (256,), length 1, of mono samples (n,) at features.SAMPLE_RATE without long silences."""
        import numpy as np

        starts = _starts(len(samples))
        missing = max(0, (starts[-1] + _HEARD) * features.HOP - len(samples))
        mel = features.mel(np.pad(samples, (0, missing))).T
        parts = np.stack([mel[:, start : start + _HEARD] for start in starts], axis=2)
        each = [self._embed_parts(parts[:, :, at : at + _AT_ONCE]) for at in range(0, len(starts), _AT_ONCE)]
        mean = np.concatenate(each, axis=1).mean(axis=1)
        return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)

    def _embed_parts(self, mel: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embeddings (256, parts), each of length 1, of mel spectra (features.N_MELS, _HEARD, parts)."""
        import numpy as np

        for layer in self.layers:
            mel = _run(layer, mel)
        embedded = np.maximum(self.projection @ mel[:, -1] + self.bias, 0)
        return np.asarray(embedded / np.linalg.norm(embedded, axis=0))


def _starts(samples: int) -> list[int]:
    """Where the parts of so many samples start, in frames."""
    frames = -(-(samples + 1) // features.HOP)
    starts = list(range(0, max(1, frames - _HEARD + _STEP + 1), _STEP))
    last = (samples - starts[-1] * features.HOP) / (_HEARD * features.HOP)
    return starts[:-1] if last < _FULL and len(starts) > 1 else starts


def _run(layer: _Layer, below: NDArray[np.float32]) -> NDArray[np.float32]:
    """States (_HIDDEN, times, parts) of a layer over what comes in, (…, times, parts)."""
    import numpy as np

    times, parts = below.shape[1:]
    entering = layer.from_below @ below.reshape(len(below), -1) + layer.bias
    entering = entering.reshape(4, _HIDDEN, times, parts)
    out = np.empty((_HIDDEN, times, parts), np.float32)
    hidden, cell = np.zeros((2, _HIDDEN, parts), np.float32)
    for time in range(times):
        gates = np.tanh(layer.from_before @ hidden + entering[:, :, time])
        put_in, forgotten, told = gates[:3] * np.float32(0.5) + np.float32(0.5)  # the logistic function of the whole
        cell = forgotten * cell + put_in * gates[3]
        out[:, time] = hidden = told * np.tanh(cell)
    return out


@cache
def load() -> Network:
    """The network with the weights of the installed Resemblyzer. Raises BadInput where it is not installed."""

    tensors = weights.read(weights.installed())
    return Network(
        tuple(_layer(tensors, number) for number in range(_LAYERS)),
        tensors["linear.weight"],
        tensors["linear.bias"][:, None],
    )


def _layer(tensors: Mapping[str, NDArray[np.float32]], number: int) -> _Layer:
    """A layer from PyTorch's tensors, whose rows of gates are input, forget, what is put in, output."""
    import numpy as np

    def gates(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        entering, forgetting, put_in, leaving = np.split(rows, 4)
        return np.stack([0.5 * entering, 0.5 * forgetting, 0.5 * leaving, put_in])

    return _Layer(
        gates(tensors[f"lstm.weight_ih_l{number}"]),
        gates(tensors[f"lstm.weight_hh_l{number}"]),
        gates(tensors[f"lstm.bias_ih_l{number}"] + tensors[f"lstm.bias_hh_l{number}"])[:, :, None],
    )
