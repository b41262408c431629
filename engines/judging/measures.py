"""The one table of what is measured of a clip: names as rows and the wire have them, for people and with units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

#: Parts of a histogram.
PARTS = 16


@dataclass(frozen=True)
class Measure:
    """One line of the table."""

    name: str  #: a key of a clip's numbers
    title: str
    unit: str = ""


#: How much a clip is like the voice; it follows from all of its clips, so that it is in no clip's numbers.
LIKENESS = Measure("likeness", "speaker similarity to the voice")
MEASURES = (
    Measure("snr_db", "speech above the noise", "dB"),
    Measure("separated_db", "sound beside the voice that separating took out", "dB"),
    Measure("denoised_db", "noise that denoising took out", "dB"),
    Measure("lufs", "loudness", "LUFS"),
    Measure("peak", "peak"),
    Measure("clipped_share", "share of clipped samples"),
    Measure("silence_share", "share without speech"),
    Measure("bandwidth_hz", "bandwidth", "Hz"),
    Measure("dc_offset", "DC offset"),
    Measure("rt60", "reverberation time, estimated", "s"),
    Measure("edge_db", "level of its edges beside the speech", "dB"),
    Measure("tonal_db", "level of tones in its pauses beside the speech", "dB"),
    Measure("overlap_share", "share in which two speak at once, estimated"),
    Measure("dnsmos", "DNSMOS, overall"),
    Measure("seconds_per_char", "seconds a letter", "s"),
    Measure("text_fit", "how well a given text fits (0 is best)"),
    Measure("second_wer", "heard words that a second recogniser does not hear"),
    Measure("confidence", "confidence of the recogniser"),
    Measure("word_confidence", "confidence of Whisper in its least sure word"),
    Measure("language_probability", "probability that it is in the voice's language"),
    Measure("cer", "letters by which text and what was heard differ"),
    LIKENESS,
)


@dataclass(frozen=True)
class Spread:
    """How a measure is spread over clips."""

    count: int
    least: float
    lower_quartile: float
    median: float
    upper_quartile: float
    most: float
    histogram: tuple[int, ...]  #: clips in PARTS equally wide parts


def spread(values: Sequence[float]) -> Spread | None:
    """None for no values."""
    if not values:
        return None
    ordered = sorted(values)
    least, most = ordered[0], ordered[-1]
    parts = [0] * PARTS
    for value in ordered:
        parts[min(PARTS - 1, int(PARTS * (value - least) / (most - least))) if most > least else 0] += 1
    lower, median, upper = quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
    return Spread(len(ordered), least, lower, median, upper, most, tuple(parts))
