"""How long a training will take, and how much energy, foreseen from trainings like it on this machine: values in,
values out, nothing of a database (`past_runs` reads it) and nothing of a clock.

A job is three parts, each with what it goes by. Before the loop (loading, encoding): what it took. The loop: its steps,
and a step by the audio in a batch, as long as batches are once padded (`batches`). After the loop, checkpoints speak
and are listened to: by how many do, beside what is the same for any number. Of steps and checkpoints the rule is a line
through the runs before where these differed enough, else a proportion.

While it goes on, what is over counts as it was, its own steps count (the newest, since a machine gets busier or
quieter), and only what is to come is foreseen.

Ranges are what the errors of the same rule on the runs before say; with fewer than three they are wide, and said to be.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
#: paces that differ by no more than this factor are one machine's, with other batches, and not of one that is busier or
#: quieter than then; what runs before took counts as so many steps
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

    audio: float  #: seconds of a batch as it is padded, on average
    planned: int  #: steps
    steps: int  #: that were done
    loop: float  #: seconds of the loop, pauses left out
    whole: float | None  #: seconds of its job at work; None: not known
    step: float | None  #: median seconds of a step alone, without what is between steps
    patience: int  #: measurements without gain after which it stops; 0: never
    joules: float | None = None
    heard: int = 0  #: models that spoke after the loop, so that how they sound chooses
    before: float | None = None  #: seconds of its job until the loop; None: not known
    spaced: tuple[int, ...] = ()  #: steps whose checkpoints were to speak
    said: int = 0  #: lines that each of those models spoke

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
    spaced: tuple[int, ...] = ()


@dataclass(frozen=True)
class Tick:
    """How far a running training was."""

    seconds: float  #: since its job began, pauses left out
    step: int  #: 0: before the first, or after the last, when checkpoints speak
    lines: int = 0  #: that are spoken and heard after the loop, each counted twice; 0: not told (yet)


@dataclass(frozen=True)
class Line:
    """An amount that grows with another one."""

    base: float
    slope: float = 0.0

    def at(self, amount: float) -> float:
        return self.base + self.slope * amount


@dataclass(frozen=True)
class Prior:
    """What is known of a training from those before it; None: nothing."""

    pace: float | None = None  #: seconds of the loop for a step
    ratio: float | None = None  #: of that to a step alone
    before: float | None = None  #: seconds until the loop
    after: Line | None = None  #: seconds after it (and before it, if that is None), by how many models speak then
    share: float = 1.0  #: of the steps planned, how many are likely to be done
    spaced: tuple[int, ...] = ()  #: steps whose checkpoints are to speak
    more: float = 0.0  #: models that spoke beyond those that `models` counts
    said: int = 0  #: lines that each model speaks; 0: not known

    def after_step(self, step: int, lines: int = 0) -> float:
        """Seconds after a loop whose last step that is; 0: not known. `lines`: as `Tick` has them."""
        heard: float = models(self.spaced, step)
        if lines and self.said:
            heard = lines / (2 * self.said)
        elif heard:
            heard += self.more
        return max(self.after.at(heard), 0.0) if self.after is not None else 0.0


def models(spaced: Sequence[int], step: int) -> int:
    """How many models speak after a loop that ended with that step: what it began from, the checkpoints that it came
    to, the last, and the best, which may be one of these."""
    return 2 + len({step, *(one for one in spaced if one <= step)}) if spaced else 0


def prior(runs: Sequence[PastRun], wanted: Wanted) -> Prior:
    """What runs like it, the newest first, tell of a training."""
    runs = [run for run in runs if run.steps and run.loop > 0][:LOOKED_AT]
    if not runs:
        return Prior()
    ratios = [run.pace / run.step for run in runs if run.step]
    begun = [run.before for run in runs if run.before is not None]
    stops = shares(runs, wanted)
    said = [run.said for run in runs if run.said]
    beyond = [run.heard - models(run.spaced, run.steps) for run in runs if run.heard and run.spaced]
    return Prior(
        _pace(runs, wanted.audio),
        statistics.median(ratios) if ratios else None,
        statistics.median(begun) if begun else None,
        _after(runs, bool(wanted.spaced), statistics.median(begun) if begun else 0.0),
        statistics.median(stops) if wanted.patience and stops else 1.0,
        wanted.spaced,
        statistics.median(beyond) if beyond else 0.0,
        said[0] if said else 0,
    )


def shares(runs: Sequence[PastRun], wanted: Wanted) -> list[float]:
    """Of the steps that were planned, how many runs did that were as patient."""
    alike = [run for run in runs[:LOOKED_AT] if run.planned and run.patience == wanted.patience]
    return [min(run.steps / run.planned, 1.0) for run in alike]


def before(runs: Sequence[PastRun], wanted: Wanted) -> Range | None:
    """Seconds of the whole job, before it begins; None: no run like it was timed."""
    known = prior(runs, wanted)
    if known.pace is None:
        return None
    likely = _whole(known, wanted)
    error = _error(runs)
    high = likely * (1 + error)
    if wanted.patience:  # it may go on to its last step
        high = max(high, _whole(replace(known, share=1.0), wanted) * (1 + LEAST_ERROR))
    return Range(likely / (1 + error), likely, high)


def remaining(ticks: Sequence[Tick], planned: int, known: Prior) -> float | None:
    """Seconds that a running training still takes, to the end of its job; None: not known. `ticks`: in their order;
    after a crash, those since it went on."""
    if not ticks:
        return None
    now = ticks[-1]
    loop = [tick for tick in ticks if tick.step >= 1]
    pace, likely = _own_pace(loop, planned, known), round(planned * known.share)
    # on a machine that is busier or quieter than then, what comes after the loop is as much slower or quicker as steps
    busier = 1.0 if pace is None or not known.pace or _alike(pace, known.pace) else pace / known.pace
    begun = loop[0].seconds if loop and known.before is None else 0.0  # what is known is of before and after together
    if loop:
        reached = next(tick for tick in loop if tick.step == loop[-1].step)
        since = now.seconds - reached.seconds
        if not now.step or now.step >= planned or since > STALLED * _longest(loop):  # what follows the loop has begun
            return max(known.after_step(loop[-1].step, now.lines) * busier - begun - since, 0.0)
    elif known.pace is None:
        return None
    else:
        first = max((known.before or 0.0) - now.seconds, 0.0)
        return first + likely * known.pace + known.after_step(likely)
    if now.step >= likely:  # it goes on longer than others: at least one step, at most all
        likely = (now.step + planned + 1) // 2
    if pace is None:
        pace = known.pace
    after = max(known.after_step(likely) * busier - begun, 0.0)
    return None if pace is None else (likely - now.step) * pace + after


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


def _after(runs: Sequence[PastRun], speak: bool, before: float) -> Line | None:
    """Seconds after the loop by the models that speak then, where any do; None: not known. `before`: seconds before the
    loop, for runs that do not say."""
    timed = [
        (float(run.heard), max(run.whole - run.loop - (before if run.before is None else run.before), 0.0))
        for run in runs
        if run.whole
    ]
    alike = [(heard, seconds) for heard, seconds in timed if bool(heard) == speak] or timed
    if not alike:
        return None
    if not speak or not all(heard for heard, _ in alike):
        return Line(statistics.median(seconds for _, seconds in alike))
    return _through(alike)


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
    if known.pace is None or not _alike(pace, known.pace):
        return pace
    # a few batches may be longer or shorter than most are, which runs before saw all of
    count = len(each_step)
    return (count * pace + TRUSTED * known.pace) / (count + TRUSTED)


def _alike(pace: float, then: float) -> bool:
    return 1 / ALIKE <= pace / then <= ALIKE


def _pace(runs: Sequence[PastRun], audio: float) -> float:
    """Seconds of a step whose batch has so much audio."""
    known = [(run.audio, run.pace) for run in runs if run.audio > 0]
    if not known or audio <= 0:
        return statistics.median(run.pace for run in runs)
    return _through(known).at(audio)


def _through(points: Sequence[tuple[float, float]]) -> Line:
    """The line through (amount above 0, seconds) that one odd point does not move; a proportion, where there are few
    points or their amounts hardly differ."""
    amounts = [amount for amount, _ in points]
    rates = Line(0.0, statistics.median(seconds / amount for amount, seconds in points))
    if len(points) < len(ERRORS) or max(amounts) / min(amounts) < SPREAD:
        return rates
    # Theil and Sen: the median of all slopes; nothing is quicker for being more
    slopes = [
        (later - seconds) / (more - amount)
        for place, (amount, seconds) in enumerate(points)
        for more, later in points[place + 1 :]
        if more != amount
    ]
    slope = max(statistics.median(slopes), 0.0)
    base = statistics.median(seconds - slope * amount for amount, seconds in points)
    return Line(base, slope) if base >= 0 else rates


def _whole(known: Prior, wanted: Wanted) -> float:
    assert known.pace is not None
    steps = wanted.planned * known.share
    return (known.before or 0.0) + steps * known.pace + known.after_step(round(steps))


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
        likely = _whole_of(rest, Wanted(run.audio, run.planned, run.patience, run.spaced))
        took = run.whole if run.whole is not None else run.loop
        if likely and took:
            off.append(max(likely / took, took / likely) - 1)
    return max([LEAST_ERROR, *off])
