"""A watermark in speech: a pass over its chunks after the engine, whichever it is, and whether a file carries one.

Perth's (`engines.audio.perth`) is the one there is; it looks a fifth of a second ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engines.audio.passing import passed
from engines.watermarks import OFF, PERTH

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engines.base import AudioChunk

#: Seconds of a file that are judged at once, and the least that tell anything; how sure it must be.
WINDOW, SHORTEST, SURE = 5.0, 0.5, 0.9


@dataclass(frozen=True)
class Found:
    """What a file says when it is listened to."""

    seconds: float  #: of the file
    marked: float  #: seconds in stretches that carry the watermark
    confidence: float  #: from 0 to 1, of the surest stretch

    @property
    def carries(self) -> bool:
        return self.marked > 0


def marked(chunks: Iterator[AudioChunk], kind: str) -> Iterator[AudioChunk]:
    """The same speech with the watermark of that kind; as it is where there is to be none. Raises BadInput where what
    marks it is not installed."""
    if kind in ("", OFF):
        return chunks
    from engines.audio import perth  # only where it is wanted: it loads a network

    return passed(chunks, {PERTH: perth.Marking}[kind])


def look(path: Path) -> Found:
    """Whether a sound file carries Perth's watermark. Raises BadInput for what cannot be decoded, and where what finds
    it is not installed."""
    import numpy as np

    from engines.audio import perth
    from engines.audio.mono import Mono

    found, seconds, sure = 0.0, 0.0, 0.0
    window = np.zeros(0, np.float32)
    size, least = round(WINDOW * perth.RATE), round(SHORTEST * perth.RATE)

    def judge(samples: NDArray[np.float32]) -> None:
        nonlocal found, sure
        if len(samples) >= least or not seconds:
            confidence = perth.confidence(samples)
            sure = max(sure, confidence)
            found += len(samples) / perth.RATE if confidence >= SURE else 0.0

    for block, _ in Mono(path, perth.RATE).passed():
        window = np.concatenate((window, block))
        while len(window) >= 2 * size:  # the last one is at least as long as the others
            judge(window[:size])
            window, seconds = window[size:], seconds + WINDOW
    judge(window)
    return Found(seconds + len(window) / perth.RATE, found, sure)
