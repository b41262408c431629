"""A pass over speech after the engine, whichever it is: its sound goes through a stream that gives as much back, each
sample where it was, some of them later. So what is known of the speech (sentences, words and their times) stays true.

A watermark is one (`engines.audio.watermark`), and so are those that a request asks for: noise taken out (here),
another voice's sound (`engines.base.Converts`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from engines.audio.cleaning import RNNoise
from engines.base import AudioChunk, Passing
from engines.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Enhancing:
    """Noise is taken out by RNNoise; speech keeps its length, its place and its level. Fulfils Passing."""

    def __init__(self, sample_rate: int) -> None:
        """Of sound at that rate, Hz. Raises BadInput where RNNoise is not installed."""
        try:
            self._cleaner = RNNoise(sample_rate)
        except BadInput as error:
            raise BadInput(str(error), "pip install pyrnnoise, or leave enhance out.") from error

    def add(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """See Passing."""
        return self._cleaner.clean(samples)

    def end(self) -> NDArray[np.float32]:
        """See Passing."""
        import numpy as np

        return self._cleaner.clean(np.zeros(0, np.float32), last=True)


def passed(chunks: Iterator[AudioChunk], begin: Callable[[int], Passing]) -> Iterator[AudioChunk]:
    """Chunks as a pass, begun with their rate, gives their sound back: a chunk may come in several, each piece of sound
    in the sentence that it belongs to, and the first with what is known of it."""
    waiting: deque[AudioChunk] = deque()
    passing: Passing | None = None
    rate = 0
    for chunk in chunks:
        if passing is not None and chunk.sample_rate != rate:
            yield from _told(waiting, passing.end())
            passing = None
        if passing is None:
            rate = chunk.sample_rate
            passing = begin(rate)
        waiting.append(chunk)
        yield from _told(waiting, passing.add(chunk.samples))
    if passing is not None:
        yield from _told(waiting, passing.end())


def _told(waiting: deque[AudioChunk], samples: NDArray[np.float32]) -> Iterator[AudioChunk]:
    """The sound in the chunks that it was of. What is not told of them stays waiting."""
    while waiting and (len(samples) or not len(waiting[0].samples)):
        chunk = waiting.popleft()
        size = min(len(chunk.samples), len(samples))
        piece, samples = samples[:size], samples[size:]
        yield replace(chunk, samples=piece)
        if size < len(chunk.samples):
            waiting.appendleft(replace(chunk, samples=chunk.samples[size:], words=()))
