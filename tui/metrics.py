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


def change(info: pb.MetricInfo, before: Mapping[str, float], after: Mapping[str, float]) -> Change:
    """What `after` gained or lost against `before`."""
    one, other = (values.get(info.name, math.nan) for values in (before, after))
    if math.isnan(one) or math.isnan(other):
        return Change("", None)
    signed = f"{other - one:+.{info.digits}f}"
    if not info.meaning:  # nobody said which way is better
        return Change(signed, None)
    if float(signed) == 0 or _badness(info, one) == _badness(info, other):
        return Change("same" if float(signed) == 0 else f"{signed} same", None)
    better = _badness(info, other) < _badness(info, one)
    return Change(f"{signed} {'better' if better else 'worse'}", better)


def _badness(info: pb.MetricInfo, value: float) -> float:
    """The smaller this is, the better."""
    if info.nearer_one_is_better:
        return abs(math.log(value)) if value > 0 else math.inf
    return value if info.lower_is_better else -value
