"""A clip that was not cut out of a recording but made whole, with a text that is known: measured and judged as others
are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.cutting.quality import decibels, snr_db
from engines.judging.limits import Limits
from engines.judging.quality import Quality
from engines.judging.verdict import Facts, Verdict, judge
from engines.metrics.normalise import letters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def judged(
    samples: NDArray[np.float32], rate: int, text: str, language: str, clip_seconds: tuple[float, float]
) -> tuple[Facts, Verdict]:
    """What is known of mono samples (n,) float32 at `rate` Hz, all of which count as speech, and whether they are
    kept. `clip_seconds`: (shortest, longest) the engine takes."""
    import numpy as np

    seconds = len(samples) / rate
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    quality = Quality(
        rms_db=decibels(power),
        peak=float(np.abs(samples).max(initial=0.0)),
        snr_db=snr_db(samples, rate),
        clipped_share=0.0,
        chars_per_second=letters(text, language) / seconds if seconds else 0.0,
    )
    facts = Facts(
        seconds=seconds,
        speech=seconds,
        too_long=False,
        text=text,
        text_given=True,
        text_shared=False,
        heard=None,
        cer=None,
        quality=quality,
        silent=not np.any(samples),
    )
    return facts, judge(facts, clip_seconds, language, Limits())
