"""How a derived voice differs from the voice it is made from, and how far it came out so. Imports nothing heavy: the
daemon asks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Annotated

from engines.setting import Setting, checked, declared

#: How far the pitch that was reached may be from the one asked for, semitones; and pace, as a share of it.
PITCH_TOLERANCE, PACE_TOLERANCE = 0.5, 0.03


@dataclass(frozen=True)
class Traits:
    """What is changed of a voice. Raises BadInput for what is out of bounds."""

    pitch: Annotated[float, Setting("how much higher it speaks; below 0: lower", -12, 12, "semitones")] = 0.0
    pace: Annotated[float, Setting("how much faster it speaks, at the same pitch: 2 takes half the time", 0.5, 2)] = 1.0
    liveliness: Annotated[
        float, Setting("how much wider its pitch moves around its median: 1 as before, 0 not at all", 0, 3)
    ] = 1.0

    def __post_init__(self) -> None:
        checked(TRAITS, vars(self), "trait")

    @property
    def changes(self) -> bool:
        """Whether there is anything that differs."""
        return self != UNCHANGED


TRAITS = declared(Traits)
UNCHANGED = Traits()


@dataclass(frozen=True)
class Reached:
    """The same of made clips, measured against the clips they were made from; NaN where it could not be measured."""

    pitch: float  #: median F0, semitones above the original's
    pace: float  #: length of the original / length of the made clip
    liveliness: float  #: spread of log F0 / the original's

    @classmethod
    def typical(cls, each: Sequence[Reached]) -> Reached:
        """The median over clips, of each trait."""

        def of(value: Callable[[Reached], float]) -> float:
            known = [value(one) for one in each if math.isfinite(value(one))]
            return median(known) if known else math.nan

        return cls(of(lambda one: one.pitch), of(lambda one: one.pace), of(lambda one: one.liveliness))

    def misses(self, wanted: Traits) -> bool:
        """Whether pitch or pace is farther from what was wanted than it may be. What is not known misses nothing."""
        return abs(self.pitch - wanted.pitch) > PITCH_TOLERANCE or (abs(self.pace / wanted.pace - 1.0) > PACE_TOLERANCE)
