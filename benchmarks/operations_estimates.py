"""How well trainings are foreseen, over runs that were recorded (`recorded_runs.py` says how): each from those before
it, before it began and while it went on.

    python -m benchmarks.operations_estimates

Bars are on the wall's clock of the recorded runs, which is what people wait by; the same on the processor's clock is
told beside them. The time that is foreseen is that of the whole job, with loading, encoding, and checkpoints that
speak; at a part of a run's steps, and then at every moment from there to its end. A run that may stop early is foreseen
with the steps that it came to do: when it stops, nobody knows; how far off that leaves an estimate is told in a line of
its own.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from benchmarks.bars import tell
from benchmarks.recorded_runs import Recorded, load
from daemon.kinds.train import foresight
from daemon.kinds.train.batches import padded
from daemon.kinds.train.foresight import PastRun, Prior, Tick, Wanted
from engines import registry
from engines.training.settings import plan

#: relative errors, and the runs before one that is foreseen
BEFORE, LATER, LEARNED = 0.20, 0.05, 3
#: parts of a run's steps at which it is foreseen
PARTS = (0.05, 0.2, 0.5)

#: lines that each model speaks after the loop (`selection.LINES`, of a module that loads torch)
SAID = 6

#: seconds of the job at a recorded tick
Clock = Callable[[float, float], float]


def cpu(_wall: float, cpu: float) -> float:
    """By the processor's clock."""
    return cpu


def wall(wall: float, _cpu: float) -> float:
    """By the wall's."""
    return wall


def main() -> int:
    runs = load()
    for clock, name in ((wall, ""), (cpu, " (processor's clock)")):
        foreseen(runs, clock, name)
        steps_alone(runs, clock, name)
        scoring(runs, clock, name)
    each_from_the_others(runs)
    unforeseen(runs)
    return 0


def foreseen(runs: Sequence[Recorded], clock: Clock, name: str) -> None:
    """The errors of the time of whole jobs."""
    past = [_past(run, clock) for run in runs]
    off = [_off(_before(past, place), _whole(run, clock)) for place, run in enumerate(runs) if place >= LEARNED]
    _row(f"time of a training before it begins, {len(off)} runs, each after 3 or more{name}", off, BEFORE, name)
    for part in PARTS:
        errors = [_during(runs, past, place, clock, part) for place in range(LEARNED, len(runs))]
        _row(f"time of a training at {part:.0%} of its steps{name}", errors, LATER, name)

    ever = [
        max(_at(runs, past, place, clock, ticks) for ticks in _from(runs[place], clock, PARTS[0]))
        for place in range(LEARNED, len(runs))
    ]
    _row(f"time of a training at its worst moment from {PARTS[0]:.0%} of its steps to its end{name}", ever, LATER, name)


def steps_alone(runs: Sequence[Recorded], clock: Clock, name: str) -> None:
    """The errors of the time of the steps, without what is before and after them."""
    past = [_past(run, clock) for run in runs]
    for part in PARTS:
        errors = []
        for place in range(LEARNED, len(runs)):
            known = foresight.prior(past[:place][::-1], _wanted(past[place]))
            ticks = _until(runs[place], clock, part)
            left = foresight.remaining(ticks, runs[place].steps, Prior(known.pace, known.ratio)) or 0.0  # nothing after
            first = next(tick for tick in ticks if tick.step)
            errors.append(_off(ticks[-1].seconds - first.seconds + left, past[place].loop))
        _row(f"time of a training's steps at {part:.0%} of them{name}", errors, LATER, name)


def each_from_the_others(runs: Sequence[Recorded]) -> None:
    """All of them, the first ones, too, whoever came before: a line that is no bar."""
    past, clock = [_past(run, wall) for run in runs], wall
    told = []
    for place, run in enumerate(runs):
        known = foresight.prior([*past[:place], *past[place + 1 :]][::-1], _wanted(past[place]))
        ticks = _until(run, clock, PARTS[0])
        left = foresight.remaining(ticks, run.steps, known) or 0.0
        told.append(f"{(ticks[-1].seconds + left) / run.wall - 1:+.1%}")
    print(f"# each from all the others, at {PARTS[0]:.0%} of its steps: {', '.join(told)}")


def unforeseen(runs: Sequence[Recorded]) -> None:
    """What early stopping does to an estimate: a line that is no bar."""
    early = [run for run in runs if run.patience]
    shares = ", ".join(f"{run.steps / run.planned:.0%}" for run in early)
    print(f"# {len(early)} runs that may stop early did {shares} of the steps that were planned")


def scoring(runs: Sequence[Recorded], clock: Clock, name: str) -> None:
    """The errors of the time of scoring, by lines."""
    took = [(float(run.lines), clock(run.scoring_wall, run.scoring_cpu)) for run in runs]
    off = []
    for place in range(LEARNED, len(runs)):
        likely = foresight.each(took[:place][::-1], took[place][0])
        off.append(_off(likely.likely if likely is not None else 0.0, took[place][1]))
    _row(f"time of scoring before it begins{name}", off, BEFORE, name)


def _row(name: str, off: Sequence[float], bar: float, beside: str) -> None:
    """A bar on the wall's clock; on the processor's, a line beside it."""
    median, worst = statistics.median(off), max(off)
    measured = f"off by {worst:.1%} at worst, {median:.1%} median"
    if beside:
        print(f"# {name}: {measured}")
    else:
        tell(name, measured, f"≤ {bar:.0%}", worst <= bar)


def _past(run: Recorded, clock: Clock) -> PastRun:
    loop = [tick for tick in run.ticks if tick.step]
    reached = next(tick for tick in loop if tick.step == run.steps)
    seconds = clock(reached.wall, reached.cpu) - clock(loop[0].wall, loop[0].cpu)
    each = [
        (clock(after.wall, after.cpu) - clock(tick.wall, tick.cpu)) / (after.step - tick.step)
        for tick, after in pairwise(loop)
        if after.step > tick.step
    ]
    # as one that was to do what it did: when it stops early cannot be foreseen
    audio, first = padded(run.lengths, run.clips, run.batch_size), clock(loop[0].wall, loop[0].cpu)
    return PastRun(
        audio,
        run.steps,
        run.steps,
        seconds,
        _whole(run, clock),
        statistics.median(each),
        0,
        heard=run.heard,
        before=first,
        spaced=_spaced(run),
        said=SAID,
    )


def _spaced(run: Recorded) -> tuple[int, ...]:
    """Steps whose checkpoints were to speak."""
    return plan(registry.ENGINES[run.engine], run.clips, run.clips, True, {"steps": run.planned}).spaced()


def _whole(run: Recorded, clock: Clock) -> float:
    return clock(run.wall, run.cpu)


def _wanted(run: PastRun) -> Wanted:
    return Wanted(run.audio, run.planned, run.patience, run.spaced)


def _before(past: Sequence[PastRun], place: int) -> float:
    found = foresight.before(past[:place][::-1], _wanted(past[place]))
    return found.likely if found is not None else 0.0


def _during(runs: Sequence[Recorded], past: Sequence[PastRun], place: int, clock: Clock, part: float) -> float:
    """The error of the whole time, foreseen at a part of its steps."""
    return _at(runs, past, place, clock, _until(runs[place], clock, part))


def _at(runs: Sequence[Recorded], past: Sequence[PastRun], place: int, clock: Clock, ticks: Sequence[Tick]) -> float:
    """The same, foreseen with what these ticks show."""
    run, known = runs[place], foresight.prior(past[:place][::-1], _wanted(past[place]))
    left = foresight.remaining(ticks, run.steps, known)
    return _off(ticks[-1].seconds + (left or 0.0), _whole(run, clock))


def _from(run: Recorded, clock: Clock, part: float) -> Iterator[Sequence[Tick]]:
    """What is known of it at each moment from a part of its steps on."""
    first = len(_until(run, clock, part))
    loop = [place for place, tick in enumerate(run.ticks) if tick.step]
    lines = 2 * run.heard * SAID  # as is told when the loop is over
    whole = [
        Tick(clock(tick.wall, tick.cpu), tick.step, lines if place > loop[0] and not tick.step else 0)
        for place, tick in enumerate(run.ticks)
    ]
    for count in range(first, len(whole) + 1):
        yield whole[:count]


def _until(run: Recorded, clock: Clock, part: float) -> list[Tick]:
    """What is known of it when so much of its steps is done."""
    ticks: list[Tick] = []
    for tick in run.ticks:
        ticks.append(Tick(clock(tick.wall, tick.cpu), tick.step))
        if tick.step >= part * run.steps:
            break
    return ticks


def _off(likely: float, took: float) -> float:
    return abs(likely - took) / took


if __name__ == "__main__":
    raise SystemExit(main())
