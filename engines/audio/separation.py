"""The voice in a recording, parted from the music behind it: Hybrid Demucs (arXiv 2111.03600), by torchaudio's class.

As of cleaners, samples go in and as many come out, each where it was. The model hears ten seconds at a time, and the
next ones begin a second before these end: there what it made of both is faded over. So nothing grows with a
recording's length.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from engines import separators
from engines.audio.at_rate import AtRate
from engines.audio.cleaning import Cleaner
from engines.errors import OutOfMemory, WeightsMissing

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

RATE = 44_100  #: Hz, at which the model hears
#: What it parts a sound into; the voice is the last.
SOURCES = ("drums", "bass", "other", "vocals")
#: Samples at RATE that are heard at a time, that two such stretches share, and that a last one is filled up to.
_HEARD, _SHARED, _LEAST = 10 * RATE, RATE, RATE

#: Mono samples (n,) float32 at RATE → the voice in them, likewise.
Voice = Callable[["NDArray[np.float32]"], "NDArray[np.float32]"]
#: Makes, for each recording anew, what takes the music out of it.
Separate = Callable[[], Cleaner]


class Separation:
    """A stream's voice, without what is behind it. Fulfils Cleaner. It answers once some ten seconds were given, and
    takes as long as the model then."""

    def __init__(self, sample_rate: int, voice: Voice) -> None:
        """Of mono sound at that rate, Hz."""
        import numpy as np

        self._voice = voice
        self._around = AtRate(sample_rate, RATE, self._made)
        self._waiting = np.zeros(0, np.float32)  #: not heard yet, or to be heard again by the next stretch
        self._end = np.zeros(0, np.float32)  #: of what was made of the last stretch, that the next one shares

    def clean(self, samples: NDArray[np.float32], *, last: bool = False) -> NDArray[np.float32]:
        """See Cleaner. Raises EngineError where the model does not work."""
        return self._around.worked(samples, last=last)

    def _made(self, samples: NDArray[np.float32], last: bool) -> NDArray[np.float32]:
        import numpy as np

        self._waiting = np.concatenate([self._waiting, samples])
        made = []
        while len(self._waiting) >= _HEARD:
            voice = self._faded(self._voice(self._waiting[:_HEARD]))
            self._waiting = self._waiting[_HEARD - _SHARED :].copy()
            made.append(voice[: _HEARD - _SHARED])
            self._end = voice[_HEARD - _SHARED :].copy()
        if last:
            made.append(self._rest())
        return np.concatenate(made) if made else np.zeros(0, np.float32)

    def _rest(self) -> NDArray[np.float32]:
        import numpy as np

        count = len(self._waiting)
        if count <= len(self._end):  # all of it was heard
            return self._end
        padded = np.pad(self._waiting, (0, max(0, _LEAST - count)))
        return self._faded(self._voice(padded)[:count])

    def _faded(self, voice: NDArray[np.float32]) -> NDArray[np.float32]:
        """What was made of a stretch, with its beginning faded over from the end of the one before."""
        import numpy as np

        shared = len(self._end)
        if shared == 0:
            return voice
        rising = (np.arange(1, shared + 1, dtype=np.float32) / np.float32(shared + 1)).astype(np.float32)
        begin = self._end * (1 - rising) + voice[:shared] * rising
        return np.concatenate([begin, voice[shared:]])


def separation(name: str, sample_rate: int, weights_dir: Path) -> Separate | None:
    """What takes the music out of recordings at that rate, Hz; None for "off". The model
    is loaded when the first of them hears something. Raises WeightsMissing, with how to get them, where its weights are
    not in `weights_dir`."""
    if name == "off":
        return None
    place = separators.folder(name, weights_dir)
    if not separators.is_model(name, place):
        raise WeightsMissing(
            f"The weights of {name}, which takes music out of recordings, are not here.", separators.how_to_get(name)
        )
    file = place / separators.PUBLISHED[name].file.name
    return lambda: Separation(sample_rate, lambda samples: _model(file)(samples))


@cache
def _model(file: Path) -> Voice:
    """The model of a file, loaded, where this process computes. Raises WeightsMissing where it is another one's, or
    damaged."""
    import torch

    from engines import coqui
    from engines.device import torch_device

    coqui.prepare()  # torchaudio beside a torch without CUDA
    device = torch_device()
    try:
        network = _network(torch.load(file, map_location="cpu", weights_only=True, mmap=True))
    except (OSError, EOFError, LookupError, TypeError, ValueError, RuntimeError, pickle.UnpicklingError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WeightsMissing(
            f"{file} holds no model that parts voice and music: {reason}", "Move it away, then fetch it again."
        ) from error
    network.to(device)

    def voice(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            with torch.inference_mode():
                both = torch.from_numpy(samples).to(device).expand(1, 2, -1)  # it hears stereo
                made: NDArray[np.float32] = network(both)[0, -1].mean(0).cpu().numpy()
        except torch.OutOfMemoryError as error:
            raise OutOfMemory(
                "Memory ran out while music was taken out of a recording.", "Free some of the GPU's, then retry."
            ) from error
        return made

    return voice


def _network(state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
    """torchaudio's class with these weights; how wide and deep it is follows from them. Raises LookupError or
    RuntimeError for another model's."""
    import torch
    from torchaudio.models import HDemucs

    first, bands = state["freq_encoder.0.conv.weight"], state["freq_emb.embedding.weight"]
    depth = len({name.split(".")[1] for name in state if name.startswith("freq_encoder.")})
    with torch.device("meta"):
        # in each of the first layer's bands lie four of the spectrum's, which has half as many as the window samples
        network = HDemucs(list(SOURCES), channels=len(first), nfft=8 * len(bands), depth=depth)
    network.load_state_dict(state, assign=True)
    network.eval().requires_grad_(False)
    made: torch.nn.Module = network
    return made
