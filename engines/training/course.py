"""The course that a training took, told from its measurements: whether held-out loss was still falling at the end,
stood still, or rose while training loss fell, which is learning clips by heart.

Losses are noisy, and the lowest of many is low by chance, too: a rise or a fall counts if the slope of a straight line
through the measurements is surely not none (Student's t) and comes to something. Plain values, nothing heavy: the
daemon asks when a run ends, and its report says the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import fmean, median
from typing import Any

from engines.metrics import student
from engines.training import gain

LEAST = 6  #: measurements from which a course is told
AFTER = 4  #: measurements after the lowest from which a rise is told
SURE = 0.99  #: one-sided: a rise is looked for where loss was lowest, which favours finding one
WORTH = 1.0  #: percent of the loss that a rise or a fall must come to


class Shape(StrEnum):
    """What held-out loss did."""

    TOO_SHORT = "too short"  #: too few measurements to tell
    FALLING = "falling"  #: it still fell at the end
    PLATEAU = "plateau"  #: it stood still from `since` on
    NO_GAIN = "no gain"  #: it never fell below where it began
    OVERTRAINED = "overtrained"  #: it rose from `since` on, while training loss fell
    DIVERGED = "diverged"  #: it rose from `since` on, and training loss did not fall


@dataclass(frozen=True)
class Measured:
    """One measurement of the held-out clips."""

    step: int
    held_out: float
    trained: float | None  #: mean training loss since the measurement before


@dataclass(frozen=True)
class Course:
    """What held-out loss did, in numbers."""

    shape: Shape
    since: int = 0  #: step
    last: int = 0  #: step of the last measurement
    rose: float | None = None  #: percent that held-out loss rose since then
    fell: float | None = None  #: percent that training loss fell since then
    gap: float | None = None  #: held-out minus training loss at the end
    gap_since: float | None = None  #: the same at `since`

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Course | None:
        """The inverse of to_json; None: there is none, or it is of a newer Myna."""
        try:
            return Course(**{**values, "shape": Shape(values["shape"])})
        except (KeyError, TypeError, ValueError):
            return None


def measured(rows: Sequence[Mapping[str, Any]]) -> list[Measured]:
    """Measurements of rows {"step", "held_out": {"loss": …}, "train": {"loss": …}}, as `daemon/state/run_losses.py` has
    them; without those that are no numbers."""
    found = [Measured(row["step"], row["held_out"].get("loss", math.nan), row["train"].get("loss")) for row in rows]
    return [one for one in found if math.isfinite(one.held_out)]


def course(rows: Sequence[Measured]) -> Course:
    """What the measurements, in the order of their steps, come to."""
    if len(rows) < LEAST:
        return Course(Shape.TOO_SHORT)
    smooth = _smooth([row.held_out for row in rows])
    lowest = min(range(len(rows)), key=lambda index: smooth[index])
    if (risen := _risen(rows, smooth, lowest)) is not None:
        return risen
    last = rows[-1]
    half = rows[len(rows) // 2 :]
    slope, sure = _slope([(row.step, row.held_out) for row in half], SURE)
    drop = -slope * (half[-1].step - half[0].step)
    if slope < 0 and sure and drop >= WORTH / 100 * abs(smooth[-1]):
        return Course(Shape.FALLING, half[0].step, last.step, gap=_gap(last), gap_since=_gap(half[0]))
    level, noise = median(row.held_out for row in half), _noise([row.held_out for row in rows])
    if rows[0].held_out - level <= max(3 * noise, WORTH / 100 * abs(level)):
        return Course(Shape.NO_GAIN, rows[0].step, last.step, gap=_gap(last))
    band = level + max(2 * noise, WORTH / 100 * abs(level))
    since = next(row for row, value in zip(rows, smooth, strict=True) if value <= band)
    return Course(Shape.PLATEAU, since.step, last.step, gap=_gap(last), gap_since=_gap(since))


def sentence(one: Course) -> str:
    """The course for people; empty where there is too little to tell."""
    match one.shape:
        case Shape.TOO_SHORT:
            return ""
        case Shape.FALLING:
            return "Held-out loss was still falling at the end."
        case Shape.PLATEAU:
            idle = one.last - one.since
            return f"Held-out loss stood still from step {one.since} on: {idle} of {one.last} steps gained nothing."
        case Shape.NO_GAIN:
            return "Held-out loss never fell below where it began."
        case Shape.OVERTRAINED:
            fell = (
                f" while training loss fell by {one.fell:.1f} %"
                if one.fell is not None
                else " while training loss fell"
            )
            return f"From step {one.since} on it learned its clips by heart: held-out loss rose{_by(one.rose)}{fell}."
        case Shape.DIVERGED:
            return f"From step {one.since} on held-out loss rose{_by(one.rose)}, and training loss did not fall."


def gap(one: Course) -> str:
    """How far held-out loss lies from training loss at the end, and where its course turned; empty: not known."""
    if one.gap is None:
        return ""
    then = f", {_beside(one.gap_since)} it at step {one.since}" if one.gap_since is not None and one.since else ""
    return f"At the end held-out loss lies {_beside(one.gap)} training loss{then}."


def hint(one: Course) -> str:
    """What to do about it; empty: nothing."""
    match one.shape:
        case Shape.FALLING:
            return "More steps may gain more."
        case Shape.PLATEAU:
            return "Fewer steps do the same; more recordings, or other settings, may do better."
        case Shape.NO_GAIN | Shape.DIVERGED:
            return "Try a lower learning rate, or more recordings."
        case Shape.OVERTRAINED:
            return "Fewer steps, or more recordings, do better."
        case Shape.TOO_SHORT:
            return ""


def _beside(gap: float) -> str:
    return f"{abs(gap):.3g} {'above' if gap >= 0 else 'below'}"


def _by(percent: float | None) -> str:
    return f" by {percent:.1f} %" if percent is not None else ""


def _risen(rows: Sequence[Measured], smooth: Sequence[float], lowest: int) -> Course | None:
    """The rise since the lowest measurement, if there surely is one."""
    after, since = rows[lowest + 1 :], rows[lowest]
    if len(after) < AFTER:
        return None
    slope, sure = _slope([(row.step, row.held_out) for row in after], SURE)
    end, low = fmean(row.held_out for row in after[-3:]), smooth[lowest]
    if slope <= 0 or not sure or end - low < WORTH / 100 * abs(low):
        return None
    trained = [(row.step, row.trained) for row in rows[max(lowest, 1) :] if row.trained is not None]
    falls = len(trained) >= AFTER and _slope(trained, SURE)[0] < 0
    fell = gain.gain(fmean(loss for _, loss in trained[-3:]), trained[0][1]) if falls else None
    rise = gain.gain(end, low)
    return Course(
        Shape.OVERTRAINED if falls else Shape.DIVERGED,
        since.step,
        rows[-1].step,
        rose=-rise if rise is not None else None,
        fell=fell,
        gap=_gap(rows[-1]),
        gap_since=_gap(since),
    )


def _gap(row: Measured) -> float | None:
    return None if row.trained is None else row.held_out - row.trained


def _smooth(values: Sequence[float]) -> list[float]:
    """Medians of three neighbours: one freak value is not the lowest. The ends stand for themselves."""
    inner = [median(values[index - 1 : index + 2]) for index in range(1, len(values) - 1)]
    return [values[0], *inner, values[-1]]


def _noise(values: Sequence[float]) -> float:
    """Standard deviation of what is between neighbours, which a trend leaves alone."""
    return median(abs(b - a) for a, b in pairwise(values)) / (0.6745 * math.sqrt(2))


def _slope(points: Sequence[tuple[int, float]], level: float) -> tuple[float, bool]:
    """(slope of the line through the points, whether it is surely of that sign)"""
    count = len(points)
    x, y = fmean(step for step, _ in points), fmean(value for _, value in points)
    spread = sum((step - x) ** 2 for step, _ in points)
    if count < 3 or not spread:
        return 0.0, False
    slope = sum((step - x) * (value - y) for step, value in points) / spread
    rest = sum((value - y - slope * (step - x)) ** 2 for step, value in points)
    error = math.sqrt(rest / (count - 2) / spread)
    return slope, abs(slope) > student.quantile(level, count - 2) * error
