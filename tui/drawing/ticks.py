"""Where an axis has its ticks, and what they say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def nice(size: float) -> float:
    """The smallest of 1, 2, 5, 10, … (times a power of ten) that is not below `size` (> 0)."""
    power = 10.0 ** math.floor(math.log10(size))
    for factor in (1.0, 2.0, 5.0):
        if size <= factor * power * (1 + 1e-9):
            return factor * power
    return 10.0 * power


def linear(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """At most `most` round numbers within [low, high], low < high; `whole`: integers only."""
    step = nice((high - low) / max(most, 1))
    if whole:
        step = max(1.0, step)
    while True:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most or most < 1:
            return [number * step for number in range(first, last + 1)]
        step = nice(step * 1.5)


def logarithmic(low: float, high: float, most: int) -> list[float]:
    """At most `most` round numbers within [low, high], 0 < low < high: powers of ten, with 2 and 5 where there is
    room."""
    first, last = math.floor(math.log10(low) - 1e-9), math.ceil(math.log10(high) + 1e-9)
    within = [
        [
            factor * 10.0**power
            for power in range(first, last + 1)
            for factor in factors
            if low <= factor * 10.0**power <= high * (1 + 1e-9)
        ]
        for factors in ((1, 2, 5), (1, 3), (1,))
    ]
    for ticks in within:
        if 2 <= len(ticks) <= most:
            return ticks
    if len(within[-1]) > most:
        return within[-1][:: -(-len(within[-1]) // max(most, 1))]
    return linear(low, high, most)


def labels(ticks: Sequence[float]) -> list[str]:
    """The ticks in words, all with the same unit and as many decimals as tell them apart."""
    if not ticks:
        return []
    most = max(abs(tick) for tick in ticks)
    step = min((b - a for a, b in pairwise(ticks)), default=most) or 1.0
    if most and most < 1e-3:
        return [short(tick) for tick in ticks]
    scale, suffix = next(((size, letter) for size, letter in SUFFIXES if most >= 10_000 and most >= size), (1.0, ""))
    decimals = min(6, max(0, math.ceil(-math.log10(step / scale) - 1e-9)))
    while decimals and all(
        abs(round(tick / scale, decimals) - round(tick / scale, decimals - 1)) < 1e-12 for tick in ticks
    ):
        decimals -= 1
    return [f"{tick / scale:.{decimals}f}{suffix}" if tick else "0" for tick in ticks]


def short(value: float) -> str:
    """One number in about four digits: 0.412, 12.3, 2e-05, 1.25M."""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e15):
        digits, power = f"{value:.2e}".split("e")
        return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
    if size >= 10_000:
        scale, suffix = next((each, letter) for each, letter in SUFFIXES if size >= each)
        return f"{value / scale:.4g}{suffix}"
    return f"{value:.4g}"
