"""Whose energy it was: while anything is at work, GPUs and CPUs are looked at once a second and whenever a job begins,
gives way or ends; what they took meanwhile is theirs who were at work then, as rows (`daemon.state.spent`).

A GPU's energy is that of the attempt which holds its lane. The CPU packages' is shared by processor time: an attempt
has as much of it as its worker's processes had of what all of the machine's were busy. Nobody has what is taken while
nothing is at work. What an attempt elsewhere takes is not known: its time counts, and its energy is said to lack.

Rows are totals of an attempt, written anew every WRITE seconds: what is written twice counts once, and a kill loses
what was taken since the last write, at most WRITE + TICK seconds and how long a write takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from daemon.database.energy_rows import Spent
from daemon.database.models import now
from daemon.database.store import Store
from daemon.errors import StoreTrouble
from daemon.machine import energy
from daemon.machine.energy import GpuPower, Package, Rapl
from daemon.machine.gpu import Gpus
from daemon.machine.patience import apart
from daemon.price import Price
from daemon.scheduling import remaining
from daemon.scheduling.attempt import Attempt
from daemon.scheduling.remaining import Course
from daemon.state import budgets, runs, spent
from daemon.state.runs import PointHub
from daemon.state.spent import Total
from proto import myna_pb2 as pb

log = logging.getLogger("mynad.energy")

TICK = 1.0  #: seconds between two looks
SOONEST = 0.1  #: … at least, however much happens
WRITE = 2.0  #: seconds between two writes
DRIVER = 3.0  #: seconds that a GPU's driver gets to answer: then it is not known what it takes
SERIES = "energy"  #: of a run's points: joules that it had taken when it got to a step
GRACE = 60.0  #: seconds that a training gets to save when its voice's budget is used up

#: an attempt: its job, and its number
Key = tuple[int, int]


@dataclass(frozen=True)
class Working:
    """What an attempt computes with."""

    group: int  #: of its processes here
    gpu: str  #: that it holds; empty: none here
    far: bool = False  #: it computes elsewhere: its processes here only pass on what is said
    far_gpu: bool = False  #: … with a GPU there


@dataclass(frozen=True)
class Look:
    """The machine at one moment, and who is at work from then on."""

    at: float  #: monotonic
    gpus: Mapping[str, GpuPower]
    packages: Mapping[str, Package] | None
    busy: int  #: ticks of all processors
    ticks: Mapping[int, int]  #: by process group
    working: Mapping[Key, Working]


@dataclass
class Tally:
    """What an attempt took in a month, and whether that is to be written."""

    row: Spent
    fresh: bool = True


class EnergyMeter:
    """Of one scheduler, whose `attempts` (by job) it reads. `holder`: the attempt that holds a GPU's lane."""

    def __init__(
        self,
        store: Store,
        gpus: Gpus,
        attempts: Mapping[int, Attempt],
        holder: Callable[[str], Attempt | None],
        points: PointHub,
        price: Price,
        rapl: Rapl,
    ) -> None:
        self._store, self._gpus, self._attempts, self._holder, self._points = store, gpus, attempts, holder, points
        self._price = price
        self._rapl = rapl
        self._tallies: dict[tuple[int, int, str], Tally] = {}
        self._courses: dict[Key, Course] = {}  #: of trainings
        self._before: Look | None = None
        self._written = 0.0  #: monotonic
        self._asked: asyncio.Task[dict[str, GpuPower]] | None = None  #: of a driver that does not answer
        self._changed, self._looking = asyncio.Event(), asyncio.Lock()
        loop = asyncio.get_running_loop()
        store.on_commit(lambda happened: happened and loop.call_soon_threadsafe(self._note, happened))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not self._attempts and not self._tallies:
                self._before = None
                self._changed.clear()
                await self._changed.wait()
            self._changed.clear()
            await self.try_look()
            await asyncio.sleep(SOONEST)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), TICK - SOONEST)

    def _note(self, happened: list[pb.Event]) -> None:
        if any(event.HasField("job") for event in happened):
            self._changed.set()

    async def try_look(self) -> None:
        """`look`, whose mistakes are no reason for mynad to end."""
        try:
            await self.look()
        except Exception:
            log.exception("What work takes could not be looked at; the next look follows.")

    async def look(self) -> None:
        """Count what was taken since the last look, and write it when it is time."""
        async with self._looking:
            found = await self._take()
            if self._before is not None:
                self._count(self._before, found)
            self._before = found
            over = [key for key, tally in self._tallies.items() if tally.fresh and key[:2] not in found.working]
            if over or time.monotonic() - self._written >= WRITE:
                await self._write()

    # --------------------------------------------------------------------------------------------------- looking

    async def _take(self) -> Look:
        working: dict[Key, Working] = {}
        for attempt in list(self._attempts.values()):
            if attempt.worker is not None and not attempt.yielded and not attempt.worker.ended.done():
                place, errand = attempt.place, attempt.place.errand
                holds = attempt.gpu_lane and place.gpu and self._holder(place.gpu) is attempt
                far, far_gpu = errand is not None, errand is not None and errand.gpu is not None
                one = Working(attempt.worker.pid, place.gpu if holds else "", far, far_gpu)
                working[attempt.job, attempt.number] = one
        before = self._before.working if self._before is not None else {}
        held = any(one.gpu for one in (*working.values(), *before.values()))
        gpus = await self._powers() if held else {}
        packages = self._rapl.look()
        groups = {one.group for one in working.values() if not one.far} if packages is not None else set()
        if self._before is not None and packages is not None:
            groups |= self._before.ticks.keys()
        ticks = await asyncio.to_thread(energy.group_ticks, groups)
        return Look(time.monotonic(), gpus, packages, energy.cpu_ticks()[0], ticks, working)

    async def _powers(self) -> dict[str, GpuPower]:
        """What the GPUs tell; nothing while their driver hangs."""
        if self._asked is None:
            self._asked = asyncio.create_task(apart(self._gpus.powers))
        done, _ = await asyncio.wait([self._asked], timeout=DRIVER)
        if not done:
            return {}
        asked, self._asked = self._asked, None
        return asked.result()

    # --------------------------------------------------------------------------------------------------- counting

    def _count(self, before: Look, found: Look) -> None:
        """What was taken between two looks is theirs who were at work at the first."""
        seconds = found.at - before.at
        packages = dict(found.packages) if found.packages is not None else None
        cpu = energy.between_cpu(dict(before.packages) if before.packages is not None else None, packages, seconds)
        busy = max(found.busy - before.busy, 0)
        grown = {group: max(found.ticks.get(group, 0) - was, 0) for group, was in before.ticks.items()}
        busy = max(busy, sum(grown.values()))
        for key, one in before.working.items():
            row = self._tally(key)
            row.seconds += seconds
            self._goes_on(key, seconds)
            if one.gpu or one.far_gpu:
                row.gpu_held += seconds
            if one.gpu:
                used = energy.between(before.gpus.get(one.gpu), found.gpus.get(one.gpu), seconds)
                if used is not None:
                    row.gpu_metered += seconds
                    row.gpu_joules = (row.gpu_joules or 0.0) + used.joules
                    row.gpu_error += used.error
                    row.integrated |= used.integrated
            # who ended meanwhile left no ticks: what it took since the first look is not known
            if cpu is not None and not one.far and found.ticks.get(one.group, 0) >= before.ticks.get(one.group, 0):
                row.cpu_metered += seconds
                row.cpu_joules = (row.cpu_joules or 0.0) + (cpu * grown.get(one.group, 0) / busy if busy else 0.0)

    def _goes_on(self, key: Key, seconds: float) -> None:
        attempt = self._attempts.get(key[0])
        if attempt is None or not attempt.kind.yields_in_steps or attempt.progress is None:
            return
        _, step = _step(attempt)
        total, unit = int(attempt.progress.total), attempt.progress.unit
        course = self._courses.setdefault(key, Course())
        course.look(seconds, step, total if step else 0, total if unit == "lines" else 0)

    def _tally(self, key: Key) -> Spent:
        job, number = key
        month = spent.month_of(now())
        tally = self._tallies.get((job, number, month))
        if tally is None:
            price = self._price
            row = Spent(
                job=job, attempt=number, month=month, seconds=0.0, gpu_held=0.0, gpu_metered=0.0, gpu_joules=None,
                gpu_error=0.0, integrated=False, cpu_metered=0.0, cpu_joules=None, rest_watts=price.rest_watts,
                per_hour=price.per_hour, per_kwh=price.per_kwh, currency=price.currency,
            )  # fmt: skip
            tally = self._tallies[job, number, month] = Tally(row)
        tally.fresh = True
        return tally.row

    # --------------------------------------------------------------------------------------------------- writing

    async def _write(self) -> None:
        """Write what is not written yet. What cannot be written now is, with the next; totals lose nothing by that."""
        fresh = {key: tally for key, tally in self._tallies.items() if tally.fresh}
        rows = [tally.row for tally in fresh.values()]
        steps = {}
        for job in {row.job for row in rows}:
            if (attempt := self._attempts.get(job)) is not None:
                steps[job] = _step(attempt)

        def act(session: Session) -> tuple[dict[int, Total], set[int], list[int]]:
            spent.put(session, rows)
            for key, course in self._courses.items():
                if course.prior is None and (run := steps.get(key[0], (0, 0))[0]):
                    course.prior = remaining.prior(session, run)
                    runs.begins(session, run, course.before)
            totals = {job: spent.of_job(session, job) for job in {row.job for row in rows}}
            stored = {run for job, total in totals.items() if (run := _point(session, steps.get(job), total))}
            return totals, stored, budgets.look(session, {row.job for row in rows}, now())

        for tally in fresh.values():
            tally.fresh = False
        try:
            totals, stored, stop = await self._store.write(act) if rows else ({}, set(), [])
        except Exception as error:
            for tally in fresh.values():
                tally.fresh = True
            if not isinstance(error, StoreTrouble):  # of that the store's log says what it is
                raise
            return
        self._written = time.monotonic()
        for run in stored:
            self._points.stored(run)
        for job, total in totals.items():
            if (attempt := self._attempts.get(job)) is not None:
                course = self._courses.get((job, attempt.number))
                tell(attempt, total, course.left if course is not None else None)
        for job in stop:
            if (attempt := self._attempts.get(job)) is not None:
                attempt.stop(GRACE, budgets.OVER)
        # those of jobs that have given way are kept, which go on from them, and those that the next look adds to
        working = self._before.working if self._before is not None else {}
        for key, tally in list(self._tallies.items()):
            if not tally.fresh and key[0] not in self._attempts and key[:2] not in working:
                del self._tallies[key]
                self._courses.pop(key[:2], None)


def _step(attempt: Attempt) -> tuple[int, int]:
    """(the run of a training, the step that it has got to); (0, 0): none."""
    progress = attempt.progress
    if progress is None or progress.unit != "steps" or progress.done < 1:
        return 0, 0
    return attempt.message.run, int(progress.done)


def _point(session: Session, at: tuple[int, int] | None, total: Total) -> int:
    """Note what a run took until the step that it is at. Returns the run; 0: there is nothing to note."""
    run, step = at or (0, 0)
    if not run or total.joules is None:
        return 0
    runs.add_points(session, run, [pb.Series(name=SERIES, steps=[step], values=[total.joules])])
    return run


def tell(attempt: Attempt, total: Total, left: float | None) -> None:
    """Have people see what the job took, and what it will have taken at its end if it goes on like this. `left`:
    seconds until then, where that is known better than its worker knows it."""
    attempt.told.spent.CopyFrom(total.message())
    attempt.told.ClearField("expected")
    attempt.told.eta_seconds = left or 0.0
    if left is None:
        left = attempt.progress.eta_seconds if attempt.progress is not None else 0.0
    if left > 0 and total.seconds > 0:
        attempt.told.expected.CopyFrom(total.times((total.seconds + left) / total.seconds).message())
