"""Which trial of an experiment is recommended, and which are as good as any for what they cost.

Cost is counted in clips that a training heard, not in seconds: those depend on what else the machine did, and the same
trials must give the same recommendation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Of trials that were trained this part of their steps, this part goes on (the reduction factor of successive halving).
REDUCTION = 3


@dataclass(frozen=True)
class Scored:
    """A trial with a score that breaks no limit."""

    number: int
    score: float
    high: float | None  #: the score surely lies below; None: not known
    clips: int  #: that its training heard


def recommended(trials: Sequence[Scored]) -> int | None:
    """Number of the trial to take: of the best and those that may be as good, the cheapest. None: there are none."""
    if not trials:
        return None
    best = max(trials, key=lambda one: (one.score, -one.clips, -one.number))
    return min(as_good(trials, best), key=lambda one: (one.clips, -one.score, one.number)).number


def as_good(trials: Sequence[Scored], best: Scored) -> list[Scored]:
    """The best, and those that the verdict cannot tell from it: what is surely known of their scores leaves open that
    they reach its score."""
    return [one for one in trials if one is best or (one.high is not None and one.high >= best.score)]


def goes_on(early: float, others: Sequence[float]) -> bool:
    """Whether a trial is trained whole, by its early score and those of the trials before it: if it is among the best
    third of all of them (asynchronous successive halving; Li et al. 2018, arXiv 1810.05934)."""
    better = sum(one > early for one in others)
    return better < max(1, (len(others) + 1) // REDUCTION)


def front(trials: Sequence[Scored]) -> list[int]:
    """Numbers of those that no other trial beats in score without costing more (the Pareto front), the cheapest
    first."""
    found: list[Scored] = []
    for one in sorted(trials, key=lambda one: (one.clips, -one.score, one.number)):
        if not found or one.score > found[-1].score:
            found.append(one)
    return [one.number for one in found]
