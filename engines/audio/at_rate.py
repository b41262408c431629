"""A stream of sound that something works on at another rate than it has: what comes out lies where it went in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Given the next samples (n,) float32 and whether they are the last, what became of some (m,); in the end as many as
#: were given, or more: what lies beyond is cut off.
Work = Callable[["NDArray[np.float32]", bool], "NDArray[np.float32]"]


class AtRate:
    """Brings a mono stream to the rate that the work is done at, and back."""

    def __init__(self, sample_rate: int, rate: int, work: Work) -> None:
        """`sample_rate` of the stream and `rate` of the work, Hz."""
        import soxr

        self._work = work
        self._there = soxr.ResampleStream(sample_rate, rate, 1, dtype="float32", quality="HQ")
        self._back = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
        self._given = self._told = 0  #: samples at the stream's rate

    def worked(self, samples: NDArray[np.float32], *, last: bool = False) -> NDArray[np.float32]:
        """The next samples (n,) float32 → what became of some (m,); with `last`, as many have come out as went in."""
        import numpy as np

        self._given += len(samples)
        made = self._work(self._there.resample_chunk(samples, last=last), last)
        slow = self._back.resample_chunk(made, last=last)
        if last:
            rest = self._given - self._told
            slow = np.pad(slow[:rest], (0, max(0, rest - len(slow))))
        self._told += len(slow)
        return np.asarray(slow, np.float32)
