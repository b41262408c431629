"""What may be taken out of a recording's sound before clips are written: one small interface, and RNNoise behind it,
which takes noise out. What takes music out is in `separation.py`.

A cleaner is a stream: samples go in, as many come out, each where it was. The recording itself is never touched, and
what is cut is found in it as it is.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engines.audio.at_rate import AtRate
from engines.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: RNNoise hears 48 kHz, as numbers of 16 bits, and tells two frames later what it made of one.
_RATE, _SCALE, _LATE = 48_000, 32_768.0, 2


class Cleaner(Protocol):
    """Takes out of a stream of mono sound what does not belong there."""

    def clean(self, samples: NDArray[np.float32], *, last: bool = False) -> NDArray[np.float32]:
        """The next samples (n,) float32, ±1, speech at about −23 dB → cleaned ones (m,), which may lag behind. In the
        end, with `last`, as many have come out as went in, each in its place."""


class RNNoise:
    """Noise is taken out by RNNoise (J.-M. Valin, arXiv 1709.08243; its weights are in the library), by the functions
    of its library. Fulfils Cleaner."""

    def __init__(self, sample_rate: int) -> None:
        """Of sound at that rate, Hz. Raises BadInput where the library is not installed."""
        import numpy as np

        self._library = _library()
        self._frame = int(self._library.rnnoise_get_frame_size())
        self._around = AtRate(sample_rate, _RATE, self._made)
        self._waiting = np.zeros(0, np.float32)
        self._late = _LATE * self._frame  #: samples at _RATE that come out before the first that went in
        self._state = self._library.rnnoise_create(None)

    def __del__(self) -> None:
        if state := getattr(self, "_state", None):
            self._library.rnnoise_destroy(state)

    def clean(self, samples: NDArray[np.float32], *, last: bool = False) -> NDArray[np.float32]:
        """See Cleaner."""
        return self._around.worked(samples, last=last)

    def _made(self, samples: NDArray[np.float32], last: bool) -> NDArray[np.float32]:
        import numpy as np

        fast = np.concatenate([self._waiting, samples])
        if last:  # what is still inside comes out behind it
            fast = np.pad(fast, (0, self._late + (-len(fast)) % self._frame))
        whole = len(fast) // self._frame * self._frame
        self._waiting = fast[whole:].copy()
        cleaned = self._processed(fast[:whole])
        early = min(self._late, len(cleaned))
        self._late -= early
        return cleaned[early:]

    def _processed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        import numpy as np

        sound = np.ascontiguousarray(samples * np.float32(_SCALE))
        made = np.empty_like(sound)
        for start in range(0, len(sound), self._frame):
            at = start * sound.itemsize
            self._library.rnnoise_process_frame(self._state, made.ctypes.data + at, sound.ctypes.data + at)
        return np.asarray(made / np.float32(_SCALE), np.float32)


#: By the name that `[dataset] denoise` has for it; made for a sampling rate, Hz.
CLEANERS: dict[str, Callable[[int], Cleaner]] = {"rnnoise": RNNoise}


def cleaner(name: str, sample_rate: int) -> Cleaner | None:
    """What takes noise out of sound at that rate, Hz, or None for "off". Raises BadInput where its library is not
    installed."""
    return None if name == "off" else CLEANERS[name](sample_rate)


@cache
def _library() -> ctypes.CDLL:
    """librnnoise of the wheel `pyrnnoise`, without the package itself: that imports PyAV, matplotlib and more."""
    found = find_spec("pyrnnoise")
    file = Path(found.origin).with_name("librnnoise.so") if found is not None and found.origin is not None else None
    try:
        library = ctypes.CDLL(str(file)) if file is not None else None
    except OSError:
        library = None
    if library is None:
        raise BadInput("RNNoise is not installed here.", 'pip install pyrnnoise, or leave denoise = "off".')
    library.rnnoise_create.argtypes, library.rnnoise_create.restype = [ctypes.c_void_p], ctypes.c_void_p
    library.rnnoise_destroy.argtypes, library.rnnoise_destroy.restype = [ctypes.c_void_p], None
    library.rnnoise_get_frame_size.argtypes, library.rnnoise_get_frame_size.restype = [], ctypes.c_int
    library.rnnoise_process_frame.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    library.rnnoise_process_frame.restype = ctypes.c_float
    return library
