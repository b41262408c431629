"""How loud a recording is, moment by moment, in little memory: 500 numbers a second stand for its samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.cutting.vad import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Samples that one number stands for: fine enough for frames of HOP to begin at every window of the VAD.
FINE = 32
#: Samples and seconds of a frame.
HOP, STEP = SAMPLE_RATE // 100, 0.01


class Power:
    """Of mono samples at vad.SAMPLE_RATE; 86 MB for twelve hours."""

    def __init__(self, length: int) -> None:
        """`length`: samples that `add` will be given."""
        import numpy as np

        self.seconds = length / SAMPLE_RATE
        self._sums = np.zeros(-(-length // FINE), np.float32)  #: of the squares of FINE samples
        self._length, self._filled = length, 0

    @classmethod
    def of(cls, samples: NDArray[np.float32]) -> Power:
        """Of samples that are all there."""
        import numpy as np

        power = cls(len(samples))
        power.add(np.pad(samples, (0, -len(samples) % FINE)))
        return power

    def add(self, samples: NDArray[np.float32]) -> None:
        """The next ones; whole numbers of FINE, filled up with zeros at the end."""
        import numpy as np

        sums = np.square(samples.reshape(-1, FINE), dtype=np.float64).sum(axis=1)[: len(self._sums) - self._filled]
        self._sums[self._filled : self._filled + len(sums)] = sums
        self._filled += len(sums)

    def frames(self, start: float, end: float) -> NDArray[np.float64]:
        """Mean square of every whole frame between two times, seconds."""
        import numpy as np

        first, last = round(start * SAMPLE_RATE), min(round(end * SAMPLE_RATE), self._length)
        count, many = max(0, last - first) // HOP, HOP // FINE
        inside = self._sums[first // FINE : first // FINE + count * many]
        means: NDArray[np.float64] = inside.reshape(-1, many).sum(axis=1, dtype=np.float64) / HOP
        return means
