"""The one table of the numbers that a version is judged by: what each is called, its unit, which way is better.

Plain values, nothing heavy: the gate, the reports, the server and (over the wire) the dashboard read it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Metric(StrEnum):
    """A number of `summary.Summary`, by its field's name."""

    SIMILARITY = "similarity"
    WER = "wer"
    CER = "cer"
    HELD_OUT_LOSS = "held_out_loss"
    DNSMOS = "dnsmos"
    DURATION_RATIO = "duration_ratio"
    PAUSE_SHARE = "pause_share"
    F0_SEMITONES = "f0_semitones"
    F0_SPREAD = "f0_spread"


class Better(StrEnum):
    """Which way a metric is better."""

    HIGHER = "higher"
    LOWER = "lower"
    NEARER_ONE = "nearer 1"


@dataclass(frozen=True)
class MetricInfo:
    """One line of the table."""

    name: Metric
    title: str  #: as people read it, in the middle of a sentence
    unit: str  #: empty: a plain number
    better: Better
    digits: int  #: shown after the point
    meaning: str  #: one sentence

    def badness(self, value: float) -> float:
        """The smaller this is, the better."""
        match self.better:
            case Better.HIGHER:
                return -value
            case Better.LOWER:
                return value
            case Better.NEARER_ONE:
                return abs(math.log(value)) if value > 0 else math.inf


#: in the order they are shown
METRICS: dict[Metric, MetricInfo] = {
    info.name: info
    for info in (
        MetricInfo(
            Metric.SIMILARITY,
            "similarity",
            "",
            Better.HIGHER,
            3,
            "Cosine of Resemblyzer's speaker embeddings to the voice's held-out recordings; 1 is the same.",
        ),
        MetricInfo(
            Metric.WER,
            "WER",
            "",
            Better.LOWER,
            3,
            "Word errors per word of the held-out lines, as a recogniser hears them.",
        ),
        MetricInfo(Metric.CER, "CER", "", Better.LOWER, 3, "Character errors per character of the held-out lines."),
        MetricInfo(
            Metric.DNSMOS,
            "DNSMOS",
            "",
            Better.HIGHER,
            2,
            "Overall quality as listeners would rate it, 1 to 5 (DNSMOS P.835).",
        ),
        MetricInfo(
            Metric.HELD_OUT_LOSS,
            "held-out loss",
            "",
            Better.LOWER,
            4,
            "The engine's own loss on clips that it never trains on.",
        ),
        MetricInfo(
            Metric.DURATION_RATIO,
            "duration ratio",
            "",
            Better.NEARER_ONE,
            2,
            "Spoken length by recorded length; 1 is the person's own pace.",
        ),
        MetricInfo(
            Metric.PAUSE_SHARE,
            "pause share",
            "",
            Better.LOWER,
            3,
            "How far the share of a line in which nothing is said lies from its recording's own.",
        ),
        MetricInfo(
            Metric.F0_SEMITONES,
            "F0 distance",
            "semitones",
            Better.LOWER,
            2,
            "How far the median pitch lies from the recordings' median pitch.",
        ),
        MetricInfo(
            Metric.F0_SPREAD,
            "F0 spread",
            "semitones",
            Better.LOWER,
            2,
            "How far the pitch's spread within a line lies from the recordings' own: a flat voice has too little.",
        ),
    )
}
