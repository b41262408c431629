"""The second way of being better: measure by measure.

A balance adds up all that was measured, so a measure that varies much from line to line (word errors, as a weak
recogniser hears them) can hide that another one surely got better. So a candidate is also better if some measure surely
did, none surely got worse, what has a limit surely lies within it (non-inferiority), and the balance is above what it
must be. Some measure: the more are looked at, the easier one is better by chance, so each must be sure at its share of
the error (Bonferroni; `Spread.together`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engines.metrics.spread import Spread
from engines.metrics.table import METRICS, Metric

if TYPE_CHECKING:
    from engines.metrics.rows import Row

#: What a gain counts in: likeness, words, pace and pauses, pitch. A loss or a quality does not tell how a voice sounds.
COUNTED = (
    Metric.SIMILARITY,
    Metric.WER,
    Metric.DURATION_RATIO,
    Metric.PAUSE_SHARE,
    Metric.F0_SEMITONES,
    Metric.F0_SPREAD,
)


def better(rows: Sequence[Row], spread: Spread) -> bool:
    """Whether the candidate is better by its measures, each looked at by itself."""
    return any(_gained(row, spread) for row in rows) and not any(
        _lost(row, spread) or _perhaps_beyond(row, spread) for row in rows
    )


def _badness(row: Row, difference: float) -> tuple[float, float]:
    """(parent's, candidate's) where the candidate differs by so much from its parent."""
    assert row.parent is not None
    badness = METRICS[row.metric].badness
    return badness(row.parent), badness(row.parent + difference)


def _measured(row: Row) -> bool:
    return all(value is not None and math.isfinite(value) for value in (row.parent, row.candidate))


def _gained(row: Row, spread: Spread) -> bool:
    sure = spread.together.get(row.metric)
    if sure is None or not _measured(row) or sure.low <= 0 <= sure.high:
        return False
    return all(after < before for before, after in (_badness(row, end) for end in (sure.low, sure.high)))


def _lost(row: Row, spread: Spread) -> bool:
    sure = spread.metrics.get(row.metric)
    if row.metric not in COUNTED or sure is None or not _measured(row) or sure.low <= 0 <= sure.high:
        return False
    return any(after > before for before, after in (_badness(row, end) for end in (sure.low, sure.high)))


def _perhaps_beyond(row: Row, spread: Spread) -> bool:
    """Whether what its interval leaves open reaches beyond the row's limit."""
    if row.limit is None:
        return not row.ok
    sure = spread.metrics.get(row.metric)
    if sure is None or not _measured(row):
        return True
    badness = METRICS[row.metric].badness
    return max(_badness(row, end)[1] for end in (sure.low, sure.high)) > badness(row.limit) + 1e-9
