"""Pace: how long a line is spoken, against how long its recording is. Silence before and after does not count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.cutting.vad import speech_probability, speech_spans

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def spoken_seconds(samples: NDArray[np.float32]) -> float:
    """Seconds from the first to the last speech in mono samples (n,) float32 at vad.SAMPLE_RATE; 0 if there is none."""
    spans = speech_spans(speech_probability(samples))
    return spans[-1].end - spans[0].start if spans else 0.0


def duration_ratio(spoken: float, recorded: float) -> float | None:
    """Spoken / recorded length, both in seconds; None if either is 0."""
    return spoken / recorded if spoken > 0 and recorded > 0 else None
