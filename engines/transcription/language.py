"""Which language recordings are in, by Whisper's ear, before any of them is cut: told by windows of speech from all
over them, each counting as long as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engines.audio.mono import load
from engines.cutting.vad import SAMPLE_RATE, speech_probability, speech_spans
from engines.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Seconds of speech that must be heard, and probability that a language must have over all of it, for it to be told.
ENOUGH, LIKELY = 30.0, 0.5
#: Windows that are heard at most, seconds of each, and seconds from the beginning of a recording that they are taken
#: of.
WINDOWS, WINDOW, _LOOKED = 20, 30.0, 600.0


class Ear(Protocol):
    """What tells languages: a Whisper model for many of them."""

    def languages(self, clips: Sequence[NDArray[np.float32]], alive: Callable[[], None]) -> list[dict[str, float]]:
        """Probability of each language, ISO 639-1, in each of some clips, mono samples (n,) at SAMPLE_RATE, of WINDOW
        seconds at most; none where it cannot tell languages. `alive` is called many times a second."""
        ...


@dataclass(frozen=True)
class LanguageHeard:
    """What was heard."""

    language: str  #: the likeliest, ISO 639-1
    probability: float  #: its, over all the speech that was heard
    seconds: float  #: of speech that was heard

    @property
    def told(self) -> bool:
        """Whether that is enough to go by."""
        return self.seconds >= ENOUGH and self.probability >= LIKELY


def hear(recordings: Sequence[Path], ear: Ear, alive: Callable[[], None]) -> LanguageHeard | None:
    """The language that most of the speech is in; None: there is no speech, or the ear cannot tell languages. At most
    WINDOWS windows are heard, of as many recordings spread over all; one that cannot be read is passed over. Raises
    what `alive` raises."""
    some = recordings[:: max(1, -(-len(recordings) // WINDOWS))]
    each = max(1, WINDOWS // max(1, len(some)))
    sums: dict[str, float] = defaultdict(float)
    heard = 0.0
    for path in some:
        windows = list(_windows(path, each, alive))
        for window, found in zip(windows, ear.languages(windows, alive), strict=False):
            seconds = len(window) / SAMPLE_RATE
            heard += seconds
            for language, probability in found.items():
                sums[language] += seconds * probability
    if not sums:
        return None
    likeliest = max(sums, key=lambda language: sums[language])
    return LanguageHeard(likeliest, sums[likeliest] / heard, heard)


def _windows(path: Path, most: int, alive: Callable[[], None]) -> Iterator[NDArray[np.float32]]:
    """The speech of a recording, in pieces of WINDOW seconds at most; the last may be short."""
    import numpy as np

    alive()
    try:
        samples = load(path, SAMPLE_RATE, 0.0, _LOOKED)
    except BadInput:
        return  # whoever cuts it says so
    alive()
    spans = speech_spans(speech_probability(samples))
    parts = [samples[round(span.start * SAMPLE_RATE) : round(span.end * SAMPLE_RATE)] for span in spans]
    speech = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    size = round(WINDOW * SAMPLE_RATE)
    for number in range(min(most, -(-len(speech) // size))):
        yield speech[number * size : (number + 1) * size]
