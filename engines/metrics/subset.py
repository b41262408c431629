"""Summaries of some held-out lines, from the scores that were kept line by line. Plain values, no heavy imports: the
daemon asks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

from engines.metrics.wer import errors

#: Scores that a line has by itself. The others are held against all lines of an evaluation (their mean voice, say).
OWN = ("wer", "cer", "dnsmos", "duration_ratio", "pause_share")


def summarise(lines: Sequence[tuple[str, Mapping[str, float]]], language: str) -> dict[str, float]:
    """Means of (text, scores by name) over lines, each as `Summary` has it; no held-out loss, which no line has by
    itself. Word errors of a line that was not spoken count, too."""
    found: dict[str, float] = {}
    texts = [errors(text, "", language) for text, _ in lines]
    for name, weights in (("wer", [text.words for text in texts]), ("cer", [text.chars for text in texts])):
        size = sum(weights)
        if size and any(name in scores for _, scores in lines):
            wrong = sum(scores.get(name, 1.0) * weight for (_, scores), weight in zip(lines, weights, strict=True))
            found[name] = wrong / size
    for name in ("similarity", "dnsmos", "pause_share", "f0_spread"):
        if known := [scores[name] for _, scores in lines if name in scores]:
            found[name] = sum(known) / len(known)
    if ratios := [scores["duration_ratio"] for _, scores in lines if scores.get("duration_ratio", 0.0) > 0]:
        found["duration_ratio"] = math.exp(sum(map(math.log, ratios)) / len(ratios))
    if distances := [scores["f0_semitones"] for _, scores in lines if "f0_semitones" in scores]:
        found["f0_semitones"] = median(distances)
    return found
