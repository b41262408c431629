"""The detector's network: convolutions over time, each looking further, that say of every moment how likely two speak
in it. Its weights lie beside it, in half precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEIGHTS = Path(__file__).with_name("weights.npz")
#: How far apart the three moments are that a layer after the first looks at; each adds to what it was given.
DILATIONS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Network:
    """The weights."""

    tensors: Mapping[str, NDArray[np.float32]]

    def chances(self, heard: NDArray[np.float32]) -> NDArray[np.float32]:
        """(moments,) that two speak, 0…1, of `features.heard`."""
        import numpy as np

        if not len(heard):
            return np.zeros(0, np.float32)
        hidden = np.maximum(self._convolved("enter", heard, 1), 0)
        for number, dilation in enumerate(DILATIONS):
            hidden = hidden + np.maximum(self._convolved(f"layer{number}", hidden, dilation), 0)
        told = hidden @ self.tensors["leave.weight"] + self.tensors["leave.bias"]
        return np.asarray(1 / (1 + np.exp(-told[:, 0])), np.float32)

    def _convolved(self, name: str, below: NDArray[np.float32], dilation: int) -> NDArray[np.float32]:
        """(moments, out) of (moments, in) by weights (3, in, out): of each moment, the one before and the one after."""
        import numpy as np

        before, here, after = self.tensors[f"{name}.weight"]
        out = below @ here + self.tensors[f"{name}.bias"]
        if len(below) > dilation:
            out[dilation:] += below[:-dilation] @ before
            out[:-dilation] += below[dilation:] @ after
        return np.asarray(out)


@cache
def load() -> Network:
    """The one that is shipped."""
    import numpy as np

    with np.load(WEIGHTS, allow_pickle=False) as file:
        return Network({name: file[name].astype(np.float32) for name in file.files})
