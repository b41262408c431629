"""Pace and pauses: how long a line is spoken, and how much of that nothing is said, against its recording. Silence
before and after does not count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.cutting.vad import speech_probability, speech_spans

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Timing:
    """Of one line; zeros if nothing is said in it."""

    seconds: float  #: from the first to the last speech
    pause_share: float  #: of these, the part in which nothing is said, 0…1


def timing(samples: NDArray[np.float32]) -> Timing:
    """Measure mono samples (n,) float32 at vad.SAMPLE_RATE."""
    spans = speech_spans(speech_probability(samples))
    if not spans:
        return Timing(0.0, 0.0)
    whole = spans[-1].end - spans[0].start
    return Timing(whole, max(0.0, 1 - sum(span.seconds for span in spans) / whole) if whole > 0 else 0.0)


def duration_ratio(spoken: float, recorded: float) -> float | None:
    """Spoken / recorded length, both in seconds; None if either is 0."""
    return spoken / recorded if spoken > 0 and recorded > 0 else None


def pauses_between(spoken: Timing, recorded: Timing) -> float | None:
    """Distance of two shares of pauses, always positive; None if nothing is said in either."""
    return abs(spoken.pause_share - recorded.pause_share) if spoken.seconds > 0 and recorded.seconds > 0 else None
