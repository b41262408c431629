"""What must be known of a whole recording before pieces of it are chosen, found in two passes, in memory that hardly
grows with its length.

The speech model needs the peak, and the gain needs the speech: hence two. A twelve-hour recording takes about 100 MB
here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.audio.mono import Mono
from engines.cutting.power import Power
from engines.cutting.quality import gain_for
from engines.cutting.vad import SAMPLE_RATE, WINDOW, Span, SpeechModel, speech_spans, windows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Survey:
    """Of one recording."""

    seconds: float
    speech: list[Span]
    gain: float  #: of the whole recording, from the level of its speech
    power: Power


@dataclass(frozen=True)
class Block:
    """What comes out of a recording at a time; its parts may lag a little behind each other."""

    samples: NDArray[np.float32]  #: at the rate asked for
    hearing: NDArray[np.float32]  #: as VAD and recogniser hear it: at SAMPLE_RATE
    clipped: NDArray[np.float64]  #: times of clipped samples, seconds, one entry a sample of the file


def stream(recording: Mono) -> Iterator[Block]:
    """One pass over a recording."""
    import numpy as np
    import soxr

    rate, nothing = recording.sample_rate, np.zeros(0, np.float32)
    down = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    for samples, clipped in recording.passed():
        yield Block(samples, samples if down is None else down.resample_chunk(samples), clipped)
    if down is not None:
        yield Block(nothing, down.resample_chunk(nothing, last=True), np.zeros(0))


def all_of(recording: Mono) -> NDArray[np.float32]:
    """All of a recording as a recogniser hears it: mono samples (n,) at SAMPLE_RATE."""
    import numpy as np

    return np.concatenate([block.hearing for block in stream(recording)])


def survey(recording: Mono, heard: Callable[[float, float], None]) -> Survey:
    """Go through a recording twice. `heard` is told (seconds heard, seconds in all) in the second pass. Raises BadInput
    if it cannot be decoded, and what `heard` and the recording's `alive` raise."""
    import numpy as np

    peak, hearing_peak, length = _peaks(recording)
    if recording.mended():
        peak, hearing_peak, length = _peaks(recording)
    count = -(-length // WINDOW)
    probability, level = np.zeros(count, np.float32), np.zeros(count)
    power = Power(length)
    model = SpeechModel(hearing_peak)
    at = 0
    for some, last in windows(block.hearing for block in stream(recording)):
        inside = slice(at, at + len(some))
        probability[inside] = model.hear(some, last)
        level[inside] = np.mean(np.square(some, dtype=np.float64), axis=1)
        power.add(some)
        at += len(some)
        heard(at * WINDOW / SAMPLE_RATE, power.seconds)
    voiced = level[probability >= 0.5]
    gain = gain_for(float(voiced.mean()) if len(voiced) else 0.0, peak)
    return Survey(power.seconds, speech_spans(probability), gain, power)


def _peaks(recording: Mono) -> tuple[float, float, int]:
    """(largest absolute sample, the same at SAMPLE_RATE, samples at SAMPLE_RATE)."""
    import numpy as np

    peak = hearing_peak = 0.0
    length = 0
    for block in stream(recording):
        peak = max(peak, float(np.abs(block.samples).max(initial=0.0)))
        hearing_peak = max(hearing_peak, float(np.abs(block.hearing).max(initial=0.0)))
        length += len(block.hearing)
    return peak, hearing_peak, length
