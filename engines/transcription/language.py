"""Which language recordings are in, by Whisper's ear, before any of them is cut: told by windows of speech from all
over them, each counting as long as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
#: Further recordings that are looked at, at most, where these hold too little speech: words by themselves.
_FURTHER = 200


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


@dataclass
class _Counted:
    """What was heard so far."""

    ear: Ear
    alive: Callable[[], None]
    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))  #: probability × seconds
    seconds: float = 0.0

    def hear(self, speech: NDArray[np.float32], most: int) -> None:
        """Some more, in `most` windows at most; the last may be short."""
        size = round(WINDOW * SAMPLE_RATE)
        windows = [speech[at : at + size] for at in range(0, min(len(speech), most * size), size)]
        for window, found in zip(windows, self.ear.languages(windows, self.alive), strict=False):
            seconds = len(window) / SAMPLE_RATE
            self.seconds += seconds
            for language, probability in found.items():
                self.sums[language] += seconds * probability


def hear(recordings: Sequence[Path], ear: Ear, alive: Callable[[], None]) -> LanguageHeard | None:
    """The language that most of the speech is in; None: there is no speech, or the ear cannot tell languages. At most
    WINDOWS windows are heard, of as many recordings spread over all, and where these hold less than ENOUGH speech, that
    of others, put together; one that cannot be read is passed over. Raises what `alive` raises."""
    step = max(1, -(-len(recordings) // WINDOWS))
    some = recordings[::step]
    each = max(1, WINDOWS // max(1, len(some)))
    counted = _Counted(ear, alive)
    for path in some:
        counted.hear(_speech(path, alive), each)
    if counted.seconds < ENOUGH:
        counted.hear(_more([path for at, path in enumerate(recordings) if at % step], counted, alive), WINDOWS)
    sums = counted.sums
    if not sums:
        return None
    likeliest = max(sums, key=lambda language: sums[language])
    return LanguageHeard(likeliest, sums[likeliest] / counted.seconds, counted.seconds)


def _more(others: Sequence[Path], counted: _Counted, alive: Callable[[], None]) -> NDArray[np.float32]:
    """Speech of other recordings, enough with what was heard, as far as there is so much."""
    import numpy as np

    parts, lacking = [np.zeros(0, np.float32)], round((ENOUGH - counted.seconds) * SAMPLE_RATE)
    for path in others[:: max(1, -(-len(others) // _FURTHER))]:
        if lacking <= 0:
            break
        parts.append(_speech(path, alive)[: round(WINDOW * SAMPLE_RATE)])
        lacking -= len(parts[-1])
    return np.concatenate(parts)


def _speech(path: Path, alive: Callable[[], None]) -> NDArray[np.float32]:
    """The speech of a recording, without its pauses."""
    import numpy as np

    alive()
    try:
        samples = load(path, SAMPLE_RATE, 0.0, _LOOKED)
    except BadInput:
        return np.zeros(0, np.float32)  # whoever cuts it says so
    alive()
    spans = speech_spans(speech_probability(samples))
    parts = [samples[round(span.start * SAMPLE_RATE) : round(span.end * SAMPLE_RATE)] for span in spans]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
