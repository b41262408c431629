"""The embedder's network: three layers of LSTM over 1.6 s of speech, and a projection of where the last one ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from engines.metrics.ge2e import features, graph, weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LAYERS = 3
#: Frames of `features.mel` that are heard at a time, and from one to the next.
_HEARD, _STEP = 160, 77
#: Of the last part, so much must be speech and not the zeros after it, unless it is the only one.
_FULL = 0.75
#: Parts worked out at once: more take no less time, and some megabytes each.
_AT_ONCE = 8


@dataclass(frozen=True)
class Network:
    """The weights."""

    layers: Any  #: a session of ONNX Runtime with `graph.model`
    projection: NDArray[np.float32]  #: (hidden, 256)
    bias: NDArray[np.float32]  #: (256,)

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Speaker embedding (256,), length 1, of mono samples (n,) at features.SAMPLE_RATE without long silences."""
        import numpy as np

        starts = _starts(len(samples))
        missing = max(0, (starts[-1] + _HEARD) * features.HOP - len(samples))
        mel = features.mel(np.pad(samples, (0, missing)))
        parts = np.stack([mel[start : start + _HEARD] for start in starts], axis=1)
        each = [self._embed_parts(parts[:, at : at + _AT_ONCE]) for at in range(0, len(starts), _AT_ONCE)]
        mean = np.concatenate(each).mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)

    def _embed_parts(self, mel: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embeddings (parts, 256), each of length 1, of mel spectra (_HEARD, parts, features.N_MELS)."""
        import numpy as np

        (ending,) = self.layers.run([graph.ENDING], {graph.ENTERING: np.ascontiguousarray(mel)})
        embedded = np.maximum(ending[0] @ self.projection + self.bias, 0)
        return np.asarray(embedded / np.linalg.norm(embedded, axis=1, keepdims=True))


def _starts(samples: int) -> list[int]:
    """Where the parts of so many samples start, in frames."""
    frames = -(-(samples + 1) // features.HOP)
    starts = list(range(0, max(1, frames - _HEARD + _STEP + 1), _STEP))
    last = (samples - starts[-1] * features.HOP) / (_HEARD * features.HOP)
    return starts[:-1] if last < _FULL and len(starts) > 1 else starts


@cache
def load() -> Network:
    """The network with the weights of the installed Resemblyzer. Raises BadInput where it is not installed."""
    import numpy as np
    import onnxruntime

    tensors = weights.read(weights.installed())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    made = graph.model([_layer(tensors, number) for number in range(_LAYERS)])
    layers = onnxruntime.InferenceSession(made, options, providers=["CPUExecutionProvider"])
    return Network(layers, np.ascontiguousarray(tensors["linear.weight"].T), tensors["linear.bias"])


def _layer(tensors: Mapping[str, NDArray[np.float32]], number: int) -> graph.Layer:
    """A layer from PyTorch's tensors, whose rows of gates are input, forget, what is put in, output."""
    import numpy as np

    def gates(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        entering, forgetting, put_in, leaving = np.split(rows, 4)
        return np.concatenate([entering, leaving, forgetting, put_in])

    bias = np.stack([gates(tensors[f"lstm.bias_{where}_l{number}"]) for where in ("ih", "hh")])
    return graph.Layer(gates(tensors[f"lstm.weight_ih_l{number}"]), gates(tensors[f"lstm.weight_hh_l{number}"]), bias)
