"""How long a training will take, and how much energy, foreseen from trainings like it on this machine: values in,
values out, nothing of a database (`past_runs` reads it) and nothing of a clock.

Before it begins: a step takes what steps took before, in proportion to the audio in a batch, or, where batches of
different length were seen, on a line through them; what is around the loop (loading, encoding, letting checkpoints
speak) takes what it took. While it goes on: its own steps, of which the newest count, since a machine gets busier or
quieter.

Ranges are what the errors of the same rule on the runs before say; with fewer than three they are wide, and said to be.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

#: runs that are learned from, the newest
LOOKED_AT = 10
#: relative errors that are taken for granted with fewer runs: a guess, one run, two
ERRORS = (2.0, 0.5, 0.3)
LEAST_ERROR = 0.05
#: the least ratio of the longest batches to the shortest from which a line is laid through them
SPREAD = 1.2
#: newest steps whose median is a step's pace
RECENT = 40
#: paces that differ by no more than this factor are one machine's, with other batches; then what runs before took
#: counts as so many steps
ALIKE, TRUSTED = 1.25, 20
#: without a step for so many times the longest wait for one, the loop is over
STALLED = 3.0
#: part of a run after which what is between its steps (measuring, checkpoints) is taken from itself alone
KNOWN_BY_THEN = 0.3


@dataclass(frozen=True)
class Range:
    """An amount, and between what it lies as surely as the runs before tell."""

    low: float
    likely: float
    high: float

    def times(self, factor: float) -> Range:
        return Range(self.low * factor, self.likely * factor, self.high * factor)


@dataclass(frozen=True)
class PastRun:
    """A training that ended. Runs are like one another if they are of the same engine, device and settings; that is
    for the caller to see to."""

    audio: float  #: seconds in a batch, on average
    planned: int  #: steps
    steps: int  #: that were done
    loop: float  #: seconds of the loop, pauses left out
    whole: float | None  #: seconds of its job at work; None: not known
    step: float | None  #: median seconds of a step alone, without what is between steps
    patience: int  #: measurements without gain after which it stops; 0: never
    joules: float | None = None
    heard: int = 0  #: models that spoke after the loop, so that how they sound chooses

    @property
    def pace(self) -> float:
        """Seconds of the loop for a step."""
        return self.loop / self.steps


@dataclass(frozen=True)
class Wanted:
    """A training that is to be foreseen."""

    audio: float
    planned: int
    patience: int
    heard: int = 0


@dataclass(frozen=True)
class Tick:
    """How far a running training was."""

    seconds: float  #: since its job began, pauses left out
    step: int  #: 0: before the first, or after the last, when checkpoints speak


@dataclass(frozen=True)
class Prior:
    """What is known of a training from those before it; None: nothing."""

    pace: float | None = None  #: seconds of the loop for a step
    ratio: float | None = None  #: of that to a step alone
    around: float | None = None  #: seconds before and after the loop, together
    share: float = 1.0  #: of the steps planned, how many are likely to be done


def prior(runs: Sequence[PastRun], wanted: Wanted) -> Prior:
    """What runs like it, the newest first, tell of a training."""
    runs = [run for run in runs if run.steps and run.loop > 0][:LOOKED_AT]
    if not runs:
        return Prior()
    ratios = [run.pace / run.step for run in runs if run.step]
    around = _around(runs, wanted)
    stops = [run.steps / run.planned for run in runs if run.planned and run.patience == wanted.patience]
    return Prior(
        _pace(runs, wanted.audio),
        statistics.median(ratios) if ratios else None,
        around,
        min(statistics.median(stops), 1.0) if wanted.patience and stops else 1.0,
    )


def before(runs: Sequence[PastRun], wanted: Wanted) -> Range | None:
    """Seconds of the whole job, before it begins; None: no run like it was timed."""
    known = prior(runs, wanted)
    if known.pace is None:
        return None
    likely = _whole(known, wanted)
    error = _error(runs)
    high = likely * (1 + error)
    if wanted.patience:  # it may go on to its last step
        high = max(high, _whole(Prior(known.pace, known.ratio, known.around), wanted) * (1 + LEAST_ERROR))
    return Range(likely / (1 + error), likely, high)


def remaining(ticks: Sequence[Tick], planned: int, known: Prior) -> float | None:
    """Seconds that a running training still takes, to the end of its job; None: not known. `ticks`: in their order;
    after a crash, those since it went on."""
    if not ticks:
        return None
    now, around = ticks[-1], known.around or 0.0
    loop = [tick for tick in ticks if tick.step >= 1]
    pace = _own_pace(loop, planned, known)
    if pace is not None and known.pace:  # what comes after the loop is as much quicker or slower as its steps are
        around *= pace / known.pace
    after = max(around - (loop[0].seconds if loop else 0.0), 0.0)
    if loop:
        reached = next(tick for tick in loop if tick.step == loop[-1].step)
        since = now.seconds - reached.seconds
        if not now.step or now.step >= planned or since > STALLED * _longest(loop):  # what follows the loop has begun
            return max(after - since, 0.0)
    steps = round(planned * known.share)
    if now.step >= steps:  # it goes on longer than others: at least one step, at most all
        steps = (now.step + planned + 1) // 2
    if pace is None:
        return None if known.pace is None else max((steps - now.step) * known.pace + after, 0.0)
    return (steps - now.step) * pace + after


def joules(runs: Sequence[PastRun], seconds: Range | None) -> Range | None:
    """Energy of a job of that length, at the power of runs like it; None: of none it is known."""
    watts = [run.joules / run.whole for run in runs[:LOOKED_AT] if run.joules is not None and run.whole]
    if seconds is None or not watts:
        return None
    middle = statistics.median(watts)
    off = max((abs(one / middle - 1) for one in watts), default=0.0)
    off = max(off, LEAST_ERROR if len(watts) >= len(ERRORS) else ERRORS[len(watts)])
    return Range(seconds.low * middle / (1 + off), seconds.likely * middle, seconds.high * middle * (1 + off))


def each(amounts: Sequence[tuple[float, float]], units: float) -> Range | None:
    """Seconds for so many units, from (units, seconds) of work like it before; None: there was none."""
    rates = [seconds / count for count, seconds in amounts[:LOOKED_AT] if count > 0]
    if not rates:
        return None
    middle = statistics.median(rates)
    off = max((abs(rate / middle - 1) for rate in rates), default=0.0)
    off = max(off, LEAST_ERROR if len(rates) >= len(ERRORS) else ERRORS[len(rates)])
    return Range(middle / (1 + off), middle, middle * (1 + off)).times(units)


def _around(runs: Sequence[PastRun], wanted: Wanted) -> float | None:
    """Seconds before and after the loop; None: not known. Most of it is models that speak, where any do."""
    known = [(max(run.whole - run.loop, 0.0), run.heard) for run in runs if run.whole is not None]
    speak = [(seconds, heard) for seconds, heard in known if heard and wanted.heard]
    if speak:
        return statistics.median(seconds / heard for seconds, heard in speak) * wanted.heard
    return statistics.median(seconds for seconds, _ in known) if known else None


def _longest(loop: Sequence[Tick]) -> float:
    """Seconds of the longest wait for a step; endless before there was one."""
    steps = [tick for place, tick in enumerate(loop) if not place or tick.step > loop[place - 1].step]
    return max((after.seconds - tick.seconds for tick, after in pairwise(steps)), default=math.inf)


def _own_pace(loop: Sequence[Tick], planned: int, known: Prior) -> float | None:
    """Seconds that a step takes now, with what is between steps; None: there are too few steps."""
    if len(loop) < 2 or loop[-1].step <= loop[0].step:
        return None
    each_step: list[float] = []
    last = loop[0]
    for tick in loop[1:]:
        if tick.step > last.step:
            took = (tick.seconds - last.seconds) / (tick.step - last.step)
            each_step += [took] * (tick.step - last.step)
            last = tick
    mean = (last.seconds - loop[0].seconds) / (last.step - loop[0].step)
    middle, recent = statistics.median(each_step), statistics.median(each_step[-RECENT:])
    if middle <= 0:
        return mean
    own = mean / middle
    if known.ratio is None:
        return recent * own
    weight = min(last.step / planned / KNOWN_BY_THEN, 1.0) if planned else 1.0
    pace = recent * (weight * own + (1 - weight) * known.ratio)
    if known.pace is None or not 1 / ALIKE <= pace / known.pace <= ALIKE:  # the machine is busier or quieter than then
        return pace
    # a few batches may be longer or shorter than most are, which runs before saw all of
    count = len(each_step)
    return (count * pace + TRUSTED * known.pace) / (count + TRUSTED)


def _pace(runs: Sequence[PastRun], audio: float) -> float:
    """Seconds of a step whose batch has so much audio."""
    lengths = [run.audio for run in runs]
    if len(runs) < 3 or min(lengths) <= 0 or max(lengths) / min(lengths) < SPREAD:
        rates = [run.pace / run.audio for run in runs if run.audio > 0]
        return statistics.median(rates) * audio if rates and audio > 0 else statistics.median(run.pace for run in runs)
    # Theil and Sen: the median of all slopes, which one odd run does not move; no step is quicker for more audio
    slopes = [
        (other.pace - one.pace) / (other.audio - one.audio)
        for place, one in enumerate(runs)
        for other in runs[place + 1 :]
        if other.audio != one.audio
    ]
    slope = max(statistics.median(slopes), 0.0)
    base = statistics.median(run.pace - slope * run.audio for run in runs)
    if base < 0:
        return statistics.median(run.pace / run.audio for run in runs) * audio
    return base + slope * audio


def _whole(known: Prior, wanted: Wanted) -> float:
    assert known.pace is not None
    return wanted.planned * known.share * known.pace + (known.around or 0.0)


def _whole_of(runs: Sequence[PastRun], wanted: Wanted) -> float | None:
    known = prior(runs, wanted)
    return None if known.pace is None else _whole(known, wanted)


def _error(runs: Sequence[PastRun]) -> float:
    """How far the rule is off at the runs that are known, each foreseen from the others."""
    if len(runs) < len(ERRORS):
        return ERRORS[len(runs)]
    off = []
    for place, run in enumerate(runs[:LOOKED_AT]):
        rest = [*runs[:place], *runs[place + 1 :]]
        likely = _whole_of(rest, Wanted(run.audio, run.planned, run.patience, run.heard))
        took = run.whole if run.whole is not None else run.loop
        if likely and took:
            off.append(max(likely / took, took / likely) - 1)
    return max([LEAST_ERROR, *off])
