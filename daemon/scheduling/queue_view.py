"""What one pass of the scheduler sees of the queue: the jobs at work, and the first waiting ones of each lane, with why
they cannot start whatever the lane does. Reads, and changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from daemon.database.models import LIVE, Job
from daemon.errors import MynaError
from daemon.kinds.kind import GpuNeed
from daemon.kinds.registry import Kinds
from daemon.scheduling import holds
from daemon.scheduling.attempt import Attempt
from daemon.scheduling.turns import Turns
from daemon.state import queue_order, quotas
from daemon.state.quotas import Resource
from daemon.state.status import State, WaitsFor

log = logging.getLogger("mynad.scheduler")

WINDOW = 32  #: waiting jobs of a lane that a pass reads; more only where none of them can start
SEARCH_LIMIT = 512  #: waiting jobs that a pass reads in search of one that can start; the next pass goes on from there


@dataclass(frozen=True)
class Waiting:
    """A queued job."""

    job: Job
    why_not: str  #: why it cannot start whatever the lane does; empty: it can
    need: GpuNeed
    waits_for: WaitsFor = WaitsFor.NOTHING  #: `why_not` as a value


@dataclass(frozen=True)
class Snapshot:
    """What the database holds of jobs that have not ended, as one pass reads it."""

    live: dict[int, Job]  #: running and paused
    gpu: list[Waiting]
    cpu: list[Waiting]


class QueueView:
    """Of one scheduler. `attempts`: those that run, by job; `any_gpu`: whether there is a GPU."""

    def __init__(
        self, kinds: Kinds, attempts: Mapping[int, Attempt], turns: Turns, any_gpu: Callable[[], bool]
    ) -> None:
        self._kinds = kinds
        self._attempts = attempts
        self._turns = turns
        self._any_gpu = any_gpu
        #: by lane (True: the GPU's) and person (None: everybody in one line): jobs before this place cannot start
        self._reached: dict[tuple[bool, str | None], int] = {}

    def read(self, session: Session) -> Snapshot:
        """Of this moment, in one transaction."""
        alive = text(LIVE)  # word for word as in the index, or the index is not used
        live = {
            job.id: job
            for job in session.scalars(select(Job).where(alive, Job.state.in_((State.RUNNING, State.PAUSED))))
        }
        return Snapshot(live, self._lane(session, gpu=True), self._lane(session, gpu=False))

    def _lane(self, session: Session, *, gpu: bool) -> list[Waiting]:
        """The first waiting jobs of a lane, in the order in which they are to start. Where anybody but the owner has
        some, each person's first ones, by turns; then those that cannot start."""
        people = queue_order.people(session, gpu=gpu)
        if not people:
            return self._line(session, None, gpu=gpu)
        found = [one for person in ("", *people) for one in self._line(session, person, gpu=gpu)]
        by_job = {one.job.id: one for one in found}
        ready = self._turns.order([one.job for one in found if not one.why_not], gpu=gpu)
        return [by_job[id] for id in ready] + [one for one in found if one.why_not]

    def _line(self, session: Session, person: str | None, *, gpu: bool) -> list[Waiting]:
        """The first waiting jobs of a lane, a person's or (None) everybody's. Where none of them can start, those
        behind them too, up to one that can: what waits for a licence or a disk holds up nobody else."""
        query = queue_order.line(person, gpu=gpu)
        use = quotas.reached(session, person, Resource.GPU) if person and gpu else None
        reached = self._reached.get((gpu, person), 0)
        found: list[Waiting] = []
        offset = 0
        while True:
            rows = list(session.scalars(query.offset(offset).limit(WINDOW)))
            for job in rows:
                if job.id not in self._attempts:
                    need = self._kinds[job.kind].gpu_memory(session, job) if gpu and self._any_gpu() else GpuNeed()
                    why = self._why_not(session, job) or self.conflict(job)
                    hold = holds.of(session, job, self._kinds[job.kind], use) if not why else None
                    if hold is not None:
                        found.append(Waiting(job, hold.why, need, hold.waits_for))
                    else:
                        found.append(Waiting(job, why, need))
            startable = any(not waiting.why_not for waiting in found)
            if startable or len(rows) < WINDOW or len(found) >= SEARCH_LIMIT:
                break
            offset = max(offset + WINDOW, reached)
        self._reached[gpu, person] = offset + WINDOW if not startable and len(rows) == WINDOW else 0
        return found

    def _why_not(self, session: Session, job: Job) -> str:
        try:
            return self._kinds[job.kind].why_not(session, job)
        except MynaError:
            return ""  # let it start: its plan will fail with the same sentence, and the job with it
        except DatabaseError:
            raise
        except Exception:  # a mistake in one kind must not keep the others from working
            log.exception("Myna cannot tell whether %s #%d can start.", job.kind, job.id)
            return "Myna made a mistake here: log/mynad.log has the details"

    def conflict(self, job: Job) -> str:
        """Which job at work it has to wait for, for people; empty: none. A voice's recordings are handled by one job at
        a time: two ingests could take the same bytes twice, and a dataset made beside an ingest would miss what it
        brings."""
        exclusive = self._kinds[job.kind].exclusive
        if not exclusive:
            return ""
        other = next(
            (a for a in list(self._attempts.values()) if a.voice == job.voice and a.kind.exclusive == exclusive), None
        )
        return f"{other.label} is at work on {job.voice}'s {exclusive}" if other is not None else ""
