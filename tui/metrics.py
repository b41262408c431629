"""The numbers a version is judged by, for people: which way is better, and how much one version gained on another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proto import myna_pb2 as pb


@dataclass(frozen=True)
class Metric:
    """One of them. `badness`: the smaller this is, the better."""

    name: str  #: as in `Version.metrics`
    title: str
    digits: int
    badness: Callable[[float], float]
    which: str  #: the higher the better: ↑, the lower: ↓, the nearer to one: ≈1


def _low(value: float) -> float:
    return value


def _high(value: float) -> float:
    return -value


def _near_one(value: float) -> float:
    return abs(math.log(value)) if value > 0 else math.inf


#: in the order they are shown
METRICS = (
    Metric("similarity", "similarity", 3, _high, "↑"),
    Metric("wer", "WER", 3, _low, "↓"),
    Metric("cer", "CER", 3, _low, "↓"),
    Metric("dnsmos", "DNSMOS", 2, _high, "↑"),
    Metric("held_out_loss", "held-out loss", 4, _low, "↓"),
    Metric("duration_ratio", "duration ratio", 2, _near_one, "≈1"),
    Metric("f0_semitones", "F0 distance", 2, _low, "↓"),
)
BY_NAME = {metric.name: metric for metric in METRICS}


@dataclass(frozen=True)
class Change:
    """From one version to another, said by sign and word, never by colour alone."""

    text: str  #: "+0.031 better"; empty when one of them was not measured
    better: bool | None  #: None: the same, or not known


def figure(metric: Metric, values: Mapping[str, float]) -> str:
    """The number, or nothing when it was not measured."""
    value = values.get(metric.name, math.nan)
    return "" if math.isnan(value) else f"{value:.{metric.digits}f}"


def comparable(version: pb.Version, against: pb.Version | None) -> Mapping[str, float]:
    """The other version's scores, if they are of the same lines as the version's, heard by the same; else none."""
    return against.metrics if against is not None and against.scored_on == version.scored_on else {}


def change(metric: Metric, before: Mapping[str, float], after: Mapping[str, float]) -> Change:
    """What `after` gained or lost against `before`."""
    one, other = (values.get(metric.name, math.nan) for values in (before, after))
    if math.isnan(one) or math.isnan(other):
        return Change("", None)
    signed = f"{other - one:+.{metric.digits}f}"
    if float(signed) == 0 or metric.badness(one) == metric.badness(other):
        return Change("same" if float(signed) == 0 else f"{signed} same", None)
    better = metric.badness(other) < metric.badness(one)
    return Change(f"{signed} {'better' if better else 'worse'}", better)
