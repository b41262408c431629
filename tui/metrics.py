"""The numbers a version is judged by, for people: which way is better, and how much one version gained on another.

What a metric is called and which way it is better, the daemon says (`InfoResponse.metrics`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from proto import myna_pb2 as pb


@dataclass(frozen=True)
class Change:
    """From one version to another, said by sign and word, never by colour alone."""

    text: str  #: "+0.031 better"; empty when one of them was not measured
    better: bool | None  #: None: the same, or not known


def find(infos: Iterable[pb.MetricInfo], name: str) -> pb.MetricInfo:
    """What the daemon says of a metric; of one that it says nothing of, its bare name."""
    return next((info for info in infos if info.name == name), None) or pb.MetricInfo(
        name=name, title=name.replace("_", " "), digits=3
    )


def which(info: pb.MetricInfo) -> str:
    """The higher the better: ↑, the lower: ↓, the nearer to one: ≈1."""
    return "≈1" if info.nearer_one_is_better else "↓" if info.lower_is_better else "↑"


def figure(info: pb.MetricInfo, values: Mapping[str, float]) -> str:
    """The number, or nothing when it was not measured."""
    value = values.get(info.name, math.nan)
    return "" if math.isnan(value) else f"{value:.{info.digits}f}"


def comparable(version: pb.Version, against: pb.Version | None) -> Mapping[str, float]:
    """The other version's scores, if they are of the same lines as the version's, heard by the same; else none."""
    return against.metrics if against is not None and against.scored_on == version.scored_on else {}


def change(
    info: pb.MetricInfo,
    before: Mapping[str, float],
    after: Mapping[str, float],
    sure: tuple[float, float] | None = None,
) -> Change:
    """What `after` gained or lost against `before`. `sure`: between what the difference surely lies, where that is
    known; one that may be none at all is called unsure."""
    one, other = (values.get(info.name, math.nan) for values in (before, after))
    if math.isnan(one) or math.isnan(other):
        return Change("", None)
    signed = f"{other - one:+.{info.digits}f}"
    if not info.meaning:  # nobody said which way is better
        return Change(signed, None)
    if float(signed) == 0 or _badness(info, one) == _badness(info, other):
        return Change("same" if float(signed) == 0 else f"{signed} same", None)
    if not clear(info, sure):
        return Change(f"{signed} unsure", None)
    better = _badness(info, other) < _badness(info, one)
    return Change(f"{signed} {'better' if better else 'worse'}", better)


def clear(info: pb.MetricInfo, sure: tuple[float, float] | None) -> bool:
    """Whether a difference is surely one, as far as is known. (Of a metric that is best near one, the sign says
    little.)"""
    return sure is None or info.nearer_one_is_better or not sure[0] <= 0 <= sure[1]


def between(info: pb.MetricInfo, sure: tuple[float, float] | None, to: str = " to ") -> str:
    """Where a difference surely lies: "+0.012 to +0.048"; empty where that is not known."""
    return "" if sure is None else f"{sure[0]:+.{info.digits}f}{to}{sure[1]:+.{info.digits}f}"


def sureness(compared: Iterable[pb.ComparedMetric]) -> dict[str, tuple[float, float]]:
    """By metric, between what the second version minus the first surely lies."""
    return {row.name: (row.low, row.high) for row in compared if row.HasField("low") and row.HasField("high")}


def _badness(info: pb.MetricInfo, value: float) -> float:
    """The smaller this is, the better."""
    if info.nearer_one_is_better:
        return abs(math.log(value)) if value > 0 else math.inf
    return value if info.lower_is_better else -value
