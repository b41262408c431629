"""How well two at once are told from one:

    python -m engines.cutting.overlap.recipe.measure FOLDER [--set choosing] [--examples 1600] [--limit 0.25]

FOLDER is that of `train`. By the set `choosing` 0.25 was chosen; figures are those of `reported`, on which nothing
was tried.
"""

from __future__ import annotations

import argparse
import itertools
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from engines.cutting import overlap
from engines.cutting.overlap.recipe import mixtures, speakers

#: Seeds of the examples: none that was trained or looked at while training.
FIRST = {"learnt": 9_000_000, "choosing": 5_000_000, "reported": 7_000_000}
#: dB by which the second voice is quieter, and shares of the time in which both speak, between which figures are told.
_BELOW, _SHARE = (-6, 0, 6, 9, 12), (0.1, 0.3, 0.5, 1.0)


@dataclass(frozen=True)
class Measured:
    """One example."""

    below: float | None  #: dB that the second voice is quieter; None: nobody speaks at once
    kind: str
    overlap: float  #: share of the time in which two speak
    found: float  #: what the detector says of it


def measured(which: str, folder: Path, seeds: range) -> list[Measured]:
    """Examples of a set."""
    voices, found = speakers.load(which, folder), []
    for seed in seeds:
        one = mixtures.example(voices, FIRST[which] + seed)
        found.append(Measured(one.below, one.kind, one.share, overlap.share(one.sound) or 0.0))
    return found


def report(every: Sequence[Measured], limit: float) -> None:
    """The tables."""
    alone = [one for one in every if one.below is None]
    print(f"one speaks: {_beyond(alone, limit)} dropped; median, tenth, fiftieth, most: {_upper(alone)}")
    kinds: dict[str, list[Measured]] = defaultdict(list)
    for one in alone:
        for kind in one.kind.split(" + "):
            kinds[kind].append(one)
    for kind, some in sorted(kinds.items()):
        print(f"  with {kind}: {_beyond(some, limit)}; {_upper(some)}")
    print("two at once, by dB below and by the share of the time:")
    for low, high in itertools.pairwise(_BELOW):
        cells = []
        for least, most in itertools.pairwise(_SHARE):
            some = [
                one
                for one in every
                if one.below is not None and low <= one.below < high and least <= one.overlap < most
            ]
            cells.append(f"{least:.0%} to {most:.0%}: {_beyond(some, limit)}")
        print(f"  {low:+d} to {high:+d} dB · {' · '.join(cells)}")


def _beyond(some: Sequence[Measured], limit: float) -> str:
    count = sum(one.found > limit for one in some)
    return f"{count / max(1, len(some)):.1%} of {len(some)}"


def _upper(some: Sequence[Measured]) -> str:
    return ", ".join(f"{np.quantile([one.found for one in some], part):.3f}" for part in (0.5, 0.9, 0.98, 1.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--set", choices=speakers.SETS, default="choosing")
    parser.add_argument("--examples", type=int, default=1_600)
    parser.add_argument("--limit", type=float, default=0.25)
    options = parser.parse_args()
    seeds = [range(at, options.examples, 8) for at in range(8)]
    with ProcessPoolExecutor(2) as pool:
        parts = list(pool.map(partial(measured, options.set, options.folder), seeds))
    report([one for part in parts for one in part], options.limit)


if __name__ == "__main__":
    main()
