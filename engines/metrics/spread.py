"""How sure differences between two versions are, as values. Nothing heavy: the gate and the reports read them;
`intervals` works them out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from engines.metrics.table import Metric


@dataclass(frozen=True)
class Interval:
    """Where a difference lies, at the level that was asked for."""

    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """How sure the differences between candidate and parent are (candidate minus parent)."""

    lines: int  #: that both have spoken
    takes: int = 1  #: of each line, at most
    balance: Interval | None = None  #: None: too few lines to say
    metrics: dict[Metric, Interval] = field(default_factory=dict)  #: of those that vary from line to line
    together: dict[Metric, Interval] = field(default_factory=dict)  #: wide enough that all of them hold at once


def needed(spread: Spread, balance: float, more_than: float) -> int:
    """About how many lines would decide, if they differ as those so far; 0: it cannot be said."""
    if spread.balance is None or balance == more_than:
        return 0
    reach = (spread.balance.high - spread.balance.low) / 2
    return math.ceil(spread.lines * (reach / abs(balance - more_than)) ** 2 - 1e-6)
