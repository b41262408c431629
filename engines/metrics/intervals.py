"""How sure a difference between two speakers of the same lines is: a paired bootstrap over lines.

Both sides keep their line: a resample draws lines with replacement, all takes of a line together, and the same ones for
both sides, since lines differ more from each other than versions do. The interval is the difference plus and minus its
bootstrap standard error times the quantile of Student's t for so many lines, widened by √(n/(n−1)): with few lines the
plain percentile interval is far too narrow (T. Hesterberg, "What Teachers Should Know about the Bootstrap", 2015).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from statistics import stdev

from engines.metrics import student
from engines.metrics.score import LineScores
from engines.metrics.spread import Interval, Spread
from engines.metrics.summary import Summary
from engines.metrics.table import Metric

RESAMPLES = 500
#: Of the error that a verdict may have, the part of its balance, where measures are looked at one by one, too.
BALANCE_SHARE = 0.8
_SEED = 7  #: the same scores give the same interval

#: All takes of each line, in the order of the lines.
Lines = Sequence[Sequence[LineScores]]


def paired(
    candidate: Lines,
    parent: Lines,
    summarise: Callable[[Sequence[LineScores]], Summary],
    balance: Callable[[Summary, Summary], float],
    level: float,
    one_by_one: Sequence[Metric] = (),
) -> Spread:
    """The spread of all differences at a confidence `level` (0.95: wrong one time in twenty).

    `summarise` makes the summary of some lines' takes, `balance` one number of two summaries, above 0 where the
    candidate is better. `one_by_one`: measures that may decide by themselves, too, so that the error is shared between
    them and the balance. Raises ValueError if the sides have not the same number of lines.
    """
    if len(candidate) != len(parent):
        raise ValueError(f"{len(candidate)} lines against {len(parent)}")
    count = len(candidate)
    takes = max((len(takes) for takes in (*candidate, *parent)), default=0)
    if count < 2:
        return Spread(count, takes)
    random = Random(_SEED)
    drawn: dict[Metric | None, list[float]] = {None: [], **{metric: [] for metric in Metric}}
    for _ in range(RESAMPLES):
        chosen = random.choices(range(count), k=count)
        for name, value in _differences(candidate, parent, chosen, summarise, balance).items():
            drawn[name].append(value)
    whole = _differences(candidate, parent, range(count), summarise, balance)
    error = {name: stdev(values) for name, values in drawn.items() if name in whole and len(values) == RESAMPLES}
    wrong = 1 - level

    def around(name: Metric | None, wrong: float) -> Interval:
        reach = student.quantile(1 - wrong / 2, count - 1) * math.sqrt(count / (count - 1)) * error[name]
        return Interval(whole[name] - reach, whole[name] + reach)

    balanced = around(None, wrong * (BALANCE_SHARE if one_by_one else 1.0)) if None in error else None
    each = {name: around(name, wrong) for name in error if name is not None}
    share = wrong * (1 - BALANCE_SHARE) / max(len(one_by_one), 1)
    return Spread(count, takes, balanced, each, {name: around(name, share) for name in one_by_one if name in error})


def _differences(
    candidate: Lines,
    parent: Lines,
    chosen: Sequence[int],
    summarise: Callable[[Sequence[LineScores]], Summary],
    balance: Callable[[Summary, Summary], float],
) -> dict[Metric | None, float]:
    """Candidate minus parent on the chosen lines: of each metric that both have, and (None) of the balance."""
    mine, theirs = (summarise([take for line in chosen for take in side[line]]) for side in (candidate, parent))
    found: dict[Metric | None, float] = {}
    for metric in Metric:
        own, other = getattr(mine, metric), getattr(theirs, metric)
        if own is not None and other is not None and math.isfinite(own) and math.isfinite(other):
            found[metric] = own - other
    found.pop(Metric.HELD_OUT_LOSS, None)  # no line has one by itself
    found[None] = balance(mine, theirs)
    return found
