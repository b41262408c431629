"""How sure differences between two versions are, as values. Nothing heavy: the gate and the reports read them;
`intervals` works them out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from engines.metrics.table import Metric


@dataclass(frozen=True)
class Interval:
    """Where a difference lies, at the level that was asked for."""

    low: float
    high: float

    def narrowed(self, share: float) -> Interval:
        """About the same middle, of that share of its width."""
        middle, reach = (self.low + self.high) / 2, (self.high - self.low) / 2 * share
        return Interval(middle - reach, middle + reach)


@dataclass(frozen=True)
class Spread:
    """How sure the differences between candidate and parent are (candidate minus parent)."""

    lines: int  #: that both have spoken
    takes: int = 1  #: of each line, at most
    balance: Interval | None = None  #: None: too few lines to say
    metrics: dict[Metric, Interval] = field(default_factory=dict)  #: of those that vary from line to line
    together: dict[Metric, Interval] = field(default_factory=dict)  #: wide enough that all of them hold at once

    def of(self, lines: int) -> Spread:
        """As it would be of so many lines, more than there are, if they differ as those so far."""
        share = math.sqrt(self.lines / lines)

        def narrowed(each: Mapping[Metric, Interval]) -> dict[Metric, Interval]:
            return {metric: one.narrowed(share) for metric, one in each.items()}

        balance = self.balance.narrowed(share) if self.balance is not None else None
        return Spread(lines, self.takes, balance, narrowed(self.metrics), narrowed(self.together))


def needed(spread: Spread, balance: float, more_than: float) -> int:
    """About how many lines would decide, if they differ as those so far; 0: it cannot be said."""
    if spread.balance is None or balance == more_than:
        return 0
    reach = (spread.balance.high - spread.balance.low) / 2
    return math.ceil(spread.lines * (reach / abs(balance - more_than)) ** 2 - 1e-6)
