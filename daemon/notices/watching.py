"""Sees what nobody else emits: that less of the disk is free than has to be, and that a training works much longer than
was expected before it began."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Sequence

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from daemon.database.models import LIVE, Job
from daemon.database.notice_rows import ExpectedRun
from daemon.database.store import Store
from daemon.errors import MynaError, StoreTrouble
from daemon.kinds.train.server import Train
from daemon.machine.disk_space import DiskSpace
from daemon.notices import long_runs
from daemon.state import events, jobs, occasions
from daemon.state.status import ENDED, State
from daemon.state.values import Level, OccasionKind
from engines.training.clock import duration
from proto import myna_pb2 as pb

log = logging.getLogger("mynad.notices")

TICK = 30.0  #: seconds between two looks: what a kill loses of a training's work at most
#: so much longer than expected is long; and seconds of work that are never long
FACTOR, SHORT = 1.5, 900.0
#: the disk is well again when so much more than has to be is free: what hovers at the edge is told once
WELL = 1.1
DISK = "disk"


class Watching:
    """Of one mynad. `tells`: whether a notifier is to be told of the disk; of trainings whoever looks is told, too."""

    def __init__(self, store: Store, disk: DiskSpace, train: Train, *, tells: bool) -> None:
        self._store = store
        self._tells = tells
        self._disk = disk
        self._train = train
        self._woken = asyncio.Event()
        self._short: bool | None = None  #: as far as was seen; None: not looked yet
        loop = asyncio.get_running_loop()
        store.on_commit(lambda happened: happened and loop.call_soon_threadsafe(self._happened, happened))

    def _happened(self, happened: Sequence[pb.Event]) -> None:
        """A training begins: what it will take is to be asked before it has done a step itself."""
        if any(event.job.kind == pb.TRAIN and event.job.status.HasField("running") for event in happened):
            self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        last = time.monotonic()
        while True:
            moment = time.monotonic()
            try:
                await self._look(min(moment - last, 2 * TICK))
            except (StoreTrouble, OSError) as error:
                log.debug("The disk or the database could not be looked at. %s", error)
            except Exception:  # a mistake of ours, and no reason for mynad to end
                log.exception("The disk and the trainings could not be looked at.")
            last = moment
            self._woken.clear()
            try:
                await asyncio.wait_for(self._woken.wait(), TICK)
            except TimeoutError:
                continue

    async def _look(self, seconds: float) -> None:
        if self._tells:
            await self._look_at_disk()
        if await self._store.read(trains_or_has):
            await self._store.write(look_at_trainings, self._train, seconds)

    async def _look_at_disk(self) -> None:
        free = (await asyncio.to_thread(shutil.disk_usage, self._disk.home)).free
        floor = self._disk.floor
        short = True if free < floor else False if free >= floor * WELL else self._short
        if short != self._short:
            await self._store.write(look_at_disk, free, floor)
            self._short = short


def look_at_disk(session: Session, free: int, floor: int) -> None:
    """Tell once that too little is free."""
    if free < floor and occasions.once(session, DISK):
        occasions.emit(session, OccasionKind.DISK, pb.Occasion(free=free, floor=floor))
    elif free >= floor * WELL:
        occasions.over(session, DISK)


def trains_or_has(session: Session) -> bool:
    """Whether a training runs, or one did that is not forgotten yet."""
    return bool(_running(session)) or session.scalars(select(ExpectedRun.job).limit(1)).first() is not None


def look_at_trainings(session: Session, train: Train, seconds: float) -> None:
    """Trainings that run have worked for `seconds` more. Those that work much longer than was expected are told of,
    once."""
    for job in _running(session):
        row = session.get(ExpectedRun, job.id)
        if row is None:
            if (expected := _expected(session, train, job)) is not None:
                session.add(ExpectedRun(job=job.id, seconds=expected))
            continue
        row.worked += seconds
        if not row.told and row.worked > max(FACTOR * row.seconds, SHORT):
            row.told = True
            _tell(session, job, row)
    ended = select(Job.id).where(Job.state.in_(ENDED))
    session.execute(delete(ExpectedRun).where(ExpectedRun.job.in_(ended)))


def _tell(session: Session, job: Job, row: ExpectedRun) -> None:
    """Notifiers, and whoever looks."""
    told = jobs.message(job, with_spec=False)
    cause = long_runs.why(session, job, row.worked).words
    occasions.long_run(session, told, row.worked, row.seconds, cause)
    lengths = f"has worked for {duration(row.worked)}, and {duration(row.seconds)} were expected before it began"
    sentence = f"Job {job.id} ({job.title}) {lengths}. {cause}".strip()
    events.notice(session, Level.WARNING, sentence, f"`myna job {job.id}` says what it does.", job.voice)


def _running(session: Session) -> Sequence[Job]:
    return session.scalars(select(Job).where(text(LIVE), Job.state == State.RUNNING, Job.kind == "train")).all()


def _expected(session: Session, train: Train, job: Job) -> float | None:
    """Seconds; None: nothing like it was timed here yet, or it has begun already."""
    spec = pb.JobSpec.FromString(job.spec).train
    try:
        estimate = train.estimate(session, spec)
        return estimate.seconds if estimate.runs and job.attempts == 1 else None
    except MynaError:
        return None
