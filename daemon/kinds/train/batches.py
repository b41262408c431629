"""How much sound a step goes over, foreseen without an engine: as `engines.training.data` makes batches, of even sizes
and with clips of like lengths together, each as long as its longest."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

#: clips whose lengths are enough to know: batches are made of so many at a time, and one lot is like another
ENOUGH = 240
#: how far the loop blurs lengths before it puts like ones together
BLUR = 0.1
#: epochs whose mean is taken: each has other batches
EPOCHS = 8


def padded(lengths: Sequence[float], clips: int, size: int) -> float:
    """Mean seconds of a batch of at most `size` clips, when an epoch has so many `clips` and each is padded to the
    longest of its batch. `lengths`: seconds of some or all of them; 0 where there are none."""
    if not lengths or clips <= 0 or size <= 0:
        return 0.0
    some = sorted(lengths)
    count = min(clips, ENOUGH)
    drawn = [some[place * len(some) // count] for place in range(count)]
    batches = -(-count // size)
    edges = [place * count // batches for place in range(batches + 1)]
    chance, total = random.Random(0), 0.0
    for _ in range(EPOCHS):
        blurred = sorted(drawn, key=lambda length: length * (1.0 + BLUR * chance.random()))
        for first, last in pairwise(edges):
            total += max(blurred[first:last]) * (last - first)
    # of a lot that is but a part, the last batch is smaller than the batches of all are
    return total / EPOCHS / count * clips / -(-clips // size)
