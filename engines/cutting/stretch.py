"""The part of a stream that is held: stretches are taken from it as they come by, and what lies behind is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.audio.cleaning import Cleaner
from engines.cutting.pauses import Piece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Seconds.
_FADE = 0.005


def faded(sound: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Samples (n,) with the first and last 5 ms brought to zero, so that no clip begins with a click."""
    import numpy as np

    length = min(round(_FADE * rate), len(sound) // 2)
    ramp = np.linspace(0.0, 1.0, length, dtype=np.float32)
    result = sound.copy()
    result[:length] *= ramp
    result[len(result) - length :] *= ramp[::-1]
    return result


class Stretch:
    """Samples of a stream from some moment on."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._blocks: list[NDArray[np.float32]] = []
        self._first = self._end = 0  #: of the samples held, counted from the stream's start

    def add(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next ones. Returns what was added."""
        if len(samples):
            self._blocks.append(samples)
            self._end += len(samples)
        return samples

    def reaches(self, end: float) -> bool:
        """Whether all samples before this time, seconds, have come."""
        return self._end >= round(end * self._rate)

    def taken(self, start: float, end: float) -> NDArray[np.float32]:
        """The samples between two times, a copy."""
        import numpy as np

        first, last = round(start * self._rate), round(end * self._rate)
        self.forget(start)
        whole = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.float32)
        return whole[max(0, first - self._first) : max(0, last - self._first)].copy()

    def forget(self, start: float) -> None:
        """Let go of what lies before a time; a block goes as a whole."""
        first = round(start * self._rate)
        while self._blocks and self._first + len(self._blocks[0]) <= first:
            self._first += len(self._blocks.pop(0))


class CleanedStretch(Stretch):
    """The same of a stream that is cleaned on its way in."""

    def __init__(self, rate: int, clean: Cleaner, gain: float) -> None:
        """`gain` brings its speech to the level that the cleaner expects."""
        super().__init__(rate)
        self._clean, self._gain = clean, max(gain, 1e-9)

    def add(self, samples: NDArray[np.float32], *, last: bool = False) -> NDArray[np.float32]:
        """The next ones; none come after the `last`. Returns what was added."""
        import numpy as np

        cleaned = self._clean.clean(samples * np.float32(self._gain), last=last) / np.float32(self._gain)
        return super().add(cleaned)


class Times:
    """Moments of a stream from some moment on, and how many fall into a piece."""

    def __init__(self) -> None:
        self._blocks: list[NDArray[np.float64]] = []

    def add(self, times: NDArray[np.float64]) -> None:
        """The next ones, seconds, in order."""
        if len(times):
            self._blocks.append(times)

    def taken(self, piece: Piece) -> int:
        """How many lie in it."""
        return sum(int(((block >= piece.start) & (block < piece.end)).sum()) for block in self._blocks)

    def forget(self, start: float) -> None:
        """Let go of what lies before a time."""
        while self._blocks and self._blocks[0][-1] < start:
            self._blocks.pop(0)
