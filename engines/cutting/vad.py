"""Where there is speech: Silero VAD (MIT), whose model comes inside faster-whisper, and the pauses between the speech.

About 500 times faster than real time on one core.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The model hears mono float32 at this rate, Hz, …
SAMPLE_RATE = 16_000
#: … and gives one probability for each window of so many samples (32 ms).
WINDOW = 512
#: Samples before a window that the model hears with it.
_CONTEXT = 64
#: Speech begins at this probability and ends below the lower one.
_ON, _OFF = 0.5, 0.35
#: Silence shorter than this is a closed mouth inside a word (the "p" in "apple"), not a pause; seconds.
MIN_PAUSE = 0.09
#: Speech shorter than this is a click or a breath; seconds.
_MIN_SPEECH = 0.06


@dataclass(frozen=True)
class Span:
    """A stretch of speech, in seconds from the start of the samples."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


class SpeechModel:
    """Silero VAD over a stream; what it has heard so far is its state. The result does not depend on how the stream is
    parted."""

    def __init__(self, peak: float) -> None:
        """`peak`: largest absolute sample of the whole stream."""
        import numpy as np
        from faster_whisper.vad import get_vad_model

        self._session: Any = get_vad_model().session
        # The model misses speech far below normal loudness, and a recording may be 40 dB too quiet
        self._scale = min(0.5 / peak, 100.0) if peak > 0 else 1.0
        self._state = np.zeros((2, 1, 1, 128), np.float32)
        self._context = np.zeros((1, _CONTEXT), np.float32)

    def hear(self, windows: NDArray[np.float32], last: bool) -> NDArray[np.float32]:
        """Probability of speech in each of the next windows, shape (n, WINDOW) → (n,). At most some hundreds at a time:
        more take no less time and much memory. `last`: the stream ends with them."""
        import numpy as np

        scaled = windows * self._scale
        before = np.concatenate([self._context, scaled[:-1, -_CONTEXT:]])
        self._context = scaled[-1:, -_CONTEXT:].copy()
        if last:
            scaled[-1, -_CONTEXT:] = 0  # as faster-whisper does, whose thresholds these are
        given = {"input": np.concatenate([before, scaled], axis=1), "h": self._state[0], "c": self._state[1]}
        found, h, c = self._session.run(None, given)
        self._state = np.stack([h, c])
        probability: NDArray[np.float32] = np.asarray(found, np.float32).reshape(-1)
        return probability


def windows(blocks: Iterable[NDArray[np.float32]], most: int = 512) -> Iterator[tuple[NDArray[np.float32], bool]]:
    """A stream of samples, parted anew: (windows (n, WINDOW), whether they are the last), `most` at a time, the end
    filled with zeros."""
    import numpy as np

    rest = np.zeros(0, np.float32)
    for block in blocks:
        samples = np.concatenate([rest, block])
        whole = max(0, len(samples) - 1) // WINDOW  # the last window is held back until it is known to be the last
        for start in range(0, whole, most):
            yield samples[start * WINDOW : min(whole, start + most) * WINDOW].reshape(-1, WINDOW), False
        rest = samples[whole * WINDOW :]
    if len(rest):
        yield np.pad(rest, (0, WINDOW - len(rest))).reshape(1, WINDOW), True


def speech_probability(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability of speech (ceil(n / WINDOW),) float32, 0…1, in every window of mono samples (n,) float32 at
    SAMPLE_RATE, whatever their loudness."""
    import numpy as np

    model = SpeechModel(float(np.abs(samples).max(initial=0.0)))
    found = [model.hear(some, last) for some, last in windows([samples])]
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def speech_spans(probability: NDArray[np.float32], min_pause: float = MIN_PAUSE) -> list[Span]:
    """Stretches of speech, in order and in seconds, parted by at least `min_pause` seconds, from the probabilities
    (windows,) float32, 0…1, of `speech_probability`. None where nothing is speech. Raises nothing."""
    step = WINDOW / SAMPLE_RATE
    raw: list[Span] = []
    begin: int | None = None
    for i, p in enumerate(probability.tolist()):
        if begin is None and p >= _ON:
            begin = i
        elif begin is not None and p < _OFF:
            raw.append(Span(begin * step, i * step))
            begin = None
    if begin is not None:
        raw.append(Span(begin * step, len(probability) * step))
    joined: list[Span] = []
    for span in raw:
        if joined and span.start - joined[-1].end < min_pause - 1e-9:
            joined[-1] = Span(joined[-1].start, span.end)
        else:
            joined.append(span)
    return [span for span in joined if span.seconds > _MIN_SPEECH]
