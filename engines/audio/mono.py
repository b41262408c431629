"""A recording as mono samples at the rate that is asked for: as a stream that takes constant memory, or loaded.

Channels are averaged, which cannot clip; if they cancel each other out (one is wired the wrong way round), the loudest
is taken alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engines.audio.decode import Alive, Clipping, Reader, container_of, opened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


#: A recording up to this long is decoded once and kept in memory between passes, seconds.
KEPT = 900.0


class Mono:
    """One recording, to be gone through block by block, and again.

    `start`, `end`: seconds; None: to the end of the file. `alive` is called many times a second.
    """

    def __init__(
        self, path: Path, sample_rate: int, start: float = 0.0, end: float | None = None, alive: Alive = lambda: None
    ) -> None:
        self.sample_rate = sample_rate  #: Hz
        self._path, self._start, self._end, self._alive = path, start, end, alive
        self._channel: int | None = None  #: that is taken alone; None: the mean of all
        self.channels: int | None = None  #: of the file; None before the first pass
        self._kept: list[
            tuple[NDArray[np.float32], NDArray[np.float64]]
        ] = []  #: the blocks, if all of them are few enough
        self._cancels: int | None = None  #: the loudest channel, if in the last pass the mean had next to nothing of it

    @property
    def channel(self) -> int | None:
        """The one that is taken alone, since the others cancel it, counted from 0; None: the mean of all."""
        return self._channel

    def passed(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float64]]]:
        """One pass over all blocks, in order: samples (n,), and the time in seconds of every sample of the file that
        was clipped (in any channel) before resampling hid it; these may be a little ahead. Raises BadInput as
        decode.probe_and_decode does, but does not measure."""
        if self._kept:
            for block in self._kept:
                self._alive()
                yield block
            return
        kept: list[tuple[NDArray[np.float32], NDArray[np.float64]]] = []
        room = KEPT * self.sample_rate
        for block in self._decoded():
            room -= len(block[0]) + 2 * len(block[1])
            if room >= 0:
                kept.append(block)
            else:
                kept.clear()
            yield block
        self._kept = kept

    def _decoded(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float64]]]:
        import numpy as np
        import soxr

        nothing = np.zeros(0)
        runs = Clipping()
        mixed, energies = 0.0, np.zeros(1)
        with opened(self._path) as file:
            reader = Reader(file, container_of(file, self._path), self._path)
            rate, self.channels = reader.sample_rate, reader.channels
            resampler = (
                None
                if rate == self.sample_rate
                else soxr.ResampleStream(rate, self.sample_rate, 1, dtype="float32", quality="HQ")
            )
            first, last = round(self._start * rate), math.inf if self._end is None else round(self._end * rate)
            position = 0
            for block in reader.blocks():
                self._alive()
                begin, position = position, position + block.shape[1]
                if position <= first:
                    continue
                block = block[:, max(0, first - begin) : None if last >= position else max(0, int(last) - begin)]
                mono = (
                    block[self._channel].copy() if self._channel is not None else block.mean(axis=0, dtype=np.float32)
                )
                times = (np.flatnonzero(runs.mask(block).any(axis=0)) + max(begin, first)) / rate
                if self._channel is None and reader.channels > 1:
                    mixed += float(np.dot(mono, mono))
                    energies = energies + np.einsum("cn,cn->c", block, block)
                yield mono if resampler is None else resampler.resample_chunk(np.ascontiguousarray(mono)), times
                if position >= last:
                    break
            if resampler is not None:
                yield resampler.resample_chunk(np.zeros(0, np.float32), last=True), nothing
        self._cancels = int(energies.argmax()) if mixed < 0.25 * energies.max() / len(energies) ** 2 else None

    def mended(self) -> bool:
        """After a whole pass: whether the channels cancelled each other out. Then the loudest is taken from now on, and
        what came of the pass is to be forgotten."""
        if self._channel is not None or self._cancels is None:
            return False
        self._channel, self._kept = self._cancels, []
        return True


def load(path: Path, sample_rate: int, start: float = 0.0, end: float | None = None) -> NDArray[np.float32]:
    """Samples from `start` to `end` (seconds; None: to the end of the file) as mono float32 of shape (n,), at
    `sample_rate` Hz."""
    import numpy as np

    mono = Mono(path, sample_rate, start, end)
    while True:
        parts = [samples for samples, _ in mono.passed()]
        if not mono.mended():
            return np.concatenate(parts) if parts else np.zeros(0, np.float32)
