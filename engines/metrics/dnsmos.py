"""Quality of speech without a reference: DNSMOS P.835 (arXiv 2110.01763), the model that ships in the speechmos wheel.

The model is run here rather than through speechmos: only the overall score is wanted, on one thread, and a line shorter
than the model's 9.01 s is repeated to exactly that length once. About 0.2 s a line on one core.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE = 16_000
_WINDOW = int(9.01 * SAMPLE_RATE)
_HOP = SAMPLE_RATE
#: The published curve from the model's raw overall output to the scale of the listening tests: a·x² + b·x + c.
_CURVE = (-0.06766283, 1.11546468, 0.04602535)


@cache
def _session() -> Any:
    import onnxruntime

    found = find_spec("speechmos")
    if found is None or found.origin is None:
        raise BadInput("DNSMOS is not installed.", "pip install speechmos")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = Path(found.origin).parent / "dnsmos_models" / "sig_bak_ovr.onnx"
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def dnsmos(samples: NDArray[np.float32]) -> float:
    """Overall quality, 1…5, of mono samples (n,) float32, -1…1, at SAMPLE_RATE; ones longer than the window are
    averaged over windows a second apart. Raises BadInput for silence, and where DNSMOS is not installed."""
    import numpy as np

    if not len(samples) or not np.any(samples):
        raise BadInput("There is no sound to rate.")
    sound = np.clip(samples, -1.0, 1.0).astype(np.float32)
    if len(sound) < _WINDOW:
        sound = np.resize(sound, _WINDOW)  # repeats
    starts = range(0, len(sound) - _WINDOW + 1, _HOP)
    raw = [float(_session().run(None, {"input_1": sound[start : start + _WINDOW][None]})[0][0][2]) for start in starts]
    a, b, c = _CURVE
    return float(np.mean([a * x * x + b * x + c for x in raw]))
