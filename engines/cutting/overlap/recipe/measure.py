"""How well two at once are told from one:

    python -m engines.cutting.overlap.recipe.measure FOLDER [--set choosing] [--examples 1600] [--limit 0.25]

FOLDER is that of `train`. By the set `choosing` the limit was chosen; figures are those of `reported`, on which nothing
was tried. Where nobody overlaps, that is told of all recordings, and of those that no other limit drops: by those a
limit of ours costs clips.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from engines.cutting import overlap
from engines.cutting.measures import Bands, bandwidth, tonal
from engines.cutting.overlap.recipe import mixtures, speakers
from engines.cutting.quality import decibels, mean_power, snr_db
from engines.cutting.vad import SAMPLE_RATE, speech_probability, speech_spans
from engines.judging.limits import Limits
from engines.judging.quality import Quality
from engines.judging.reasons import Reason
from engines.judging.verdict import Facts, broken

#: Seeds of the examples: none that was trained or looked at while training.
FIRST = {"learnt": 9_000_000, "choosing": 5_000_000, "reported": 11_000_000}
#: dB by which the second voice is quieter, and shares of the time in which both speak, between which figures are told.
_BELOW, _SHARE = (-6, 0, 6, 9, 12), (0.1, 0.3, 0.5, 1.0)
#: Who is asked to be found: the second voice no more than so many dB quieter, both for so much of the time.
_PLANTED_BELOW, _PLANTED_SHARE = (0.0, 6.0), 0.5
#: Shares of recordings of one, dropped, for which it is told how much is found.
_DROPPED = (0.01, 0.02, 0.05)
#: What else may be wrong with an example's sound. Where it begins and ends is not: examples are cut anywhere.
_OTHERS = {Reason.CLIPPED, Reason.NOISY, Reason.MUSIC, Reason.REVERBERANT, Reason.NARROW_BAND}


@dataclass(frozen=True)
class Measured:
    """One example."""

    below: float | None  #: dB that the second voice is quieter; None: nobody speaks at once
    kind: str
    overlap: float  #: share of the time in which two speak
    found: float  #: what the detector says of it
    spoilt: bool  #: another limit drops it

    @property
    def planted(self) -> bool:
        """Whether it is one that has to be found."""
        low, high = _PLANTED_BELOW
        return self.below is not None and low <= self.below < high and self.overlap >= _PLANTED_SHARE


def measured(which: str, folder: Path, seeds: range) -> list[Measured]:
    """Examples of a set."""
    voices, found = speakers.load(which, folder), []
    for seed in seeds:
        one = mixtures.example(voices, FIRST[which] + seed)
        share = overlap.share(one.sound) or 0.0
        found.append(Measured(one.below, one.kind, one.share, share, spoilt(one.sound)))
    return found


def spoilt(sound: mixtures.Samples) -> bool:
    """Whether one of the limits of sound, as they are by default, drops mono samples (n,) at `vad.SAMPLE_RATE`."""
    seconds = len(sound) / SAMPLE_RATE
    speech = sum(span.seconds for span in speech_spans(speech_probability(sound)))
    quality = Quality(
        rms_db=decibels(mean_power(sound)),
        peak=float(np.abs(sound).max()),
        snr_db=snr_db(sound, SAMPLE_RATE),
        clipped_share=float(np.mean(np.abs(sound) >= 1 - 1e-4)),
        chars_per_second=0.0,
        bandwidth_hz=bandwidth(sound, SAMPLE_RATE),
        rt60=Bands(sound).rt60(),
        tonal_db=tonal(sound, seconds - speech),
    )
    facts = Facts(seconds, speech, False, "", True, False, None, None, quality, False)
    return any(one.reason in _OTHERS for one in broken(facts, (0.0, math.inf), "en", Limits()))


def report(every: Sequence[Measured], limit: float) -> None:
    """The tables."""
    for title, of in (("all", every), ("of what no other limit drops", [one for one in every if not one.spoilt])):
        alone, planted = [one for one in of if one.below is None], [one for one in of if one.planted]
        print(f"{title}: one speaks: {_beyond(alone, limit)} dropped; median, tenth, fiftieth, most: {_upper(alone)}")
        print(f"  planted: {_beyond(planted, limit)} found; {' · '.join(_curve(alone, planted))}")
        kinds: dict[str, list[Measured]] = defaultdict(list)
        for one in alone:
            for kind in one.kind.split(" + "):
                kinds[kind].append(one)
        for kind, some in sorted(kinds.items()):
            print(f"  one speaks, with {kind}: {_beyond(some, limit)}; {_upper(some)}")
        print("  two at once, by dB below and by the share of the time:")
        for low, high in itertools.pairwise(_BELOW):
            print(f"    {low:+d} to {high:+d} dB · {' · '.join(_cells(of, low, high, limit))}")


def _cells(of: Sequence[Measured], low: float, high: float, limit: float) -> list[str]:
    two = [one for one in of if one.below is not None and low <= one.below < high]
    found = []
    for least, most in itertools.pairwise(_SHARE):
        some = [one for one in two if least <= one.overlap < most]
        found.append(f"{least:.0%} to {most:.0%}: {_beyond(some, limit)}")
    return found


def _curve(alone: Sequence[Measured], planted: Sequence[Measured]) -> list[str]:
    """How much of what was planted is found where so much of the rest is dropped."""
    found = []
    for part in _DROPPED:
        limit = float(np.quantile([one.found for one in alone], 1 - part, method="higher"))
        share = sum(one.found > limit for one in planted) / max(1, len(planted))
        found.append(f"{share:.1%} at {part:.0%} dropped (above {limit:.3f})")
    return found


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
