"""A GPU that a job holds and hardly uses: told once a job, with what is probably the cause."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Job
from daemon.database.store import Store
from daemon.errors import StoreTrouble
from daemon.state import events
from daemon.state.values import Level
from proto import myna_pb2 as pb

LOOK = 30.0  #: seconds between two looks
LOW = 0.2  #: part of its time that a GPU works
LONG = 600.0  #: seconds
BUSY_CPU = 0.9


class Cause(StrEnum):
    """Why, probably."""

    CPU = "cpu"  #: the processors have no time to feed it
    PAUSED = "paused"  #: its job is paused, and keeps what it has there
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Lazy:
    """A GPU that is held and idle."""

    job: int
    gpu: int
    minutes: int
    cause: Cause

    @property
    def words(self) -> tuple[str, str]:
        """(sentence, what to do)."""
        sentence = f"Job {self.job} has held GPU {self.gpu} for {self.minutes} minutes and hardly used it."
        match self.cause:
            case Cause.CPU:
                return (
                    f"{sentence} The processors are busy: it waits for them.",
                    "End what else runs here, or set `threads`.",
                )
            case Cause.PAUSED:
                return (
                    f"{sentence} The job is paused.",
                    f"`myna resume {self.job}`, or `myna cancel {self.job}` frees the GPU.",
                )
            case Cause.UNKNOWN:
                return (
                    sentence,
                    f"`myna logs {self.job}` tells what it does; a slow disk, or small batches, may be why.",
                )


class LazyGpus:
    """Watches samples."""

    def __init__(self) -> None:
        self._since: dict[tuple[int, int], float] = {}  #: (GPU, job) → since when it is hardly used
        self._told: set[int] = set()

    def look(
        self, sample: pb.SystemSample, job_of: Callable[[int], int], paused: Mapping[int, bool], now: float
    ) -> list[Lazy]:
        """What is to be told now. `job_of`: a process's job, 0 for none; `paused`: of the jobs at work, which are;
        `now`: seconds."""
        low = {
            (gpu.index, job)
            for gpu in sample.gpus
            if gpu.owned and not gpu.lost and gpu.utilisation < LOW
            for job in {job_of(process.pid) for process in gpu.processes} - {0}
        }
        self._since = {held: self._since.get(held, now) for held in low}
        found = []
        for (gpu, job), since in sorted(self._since.items()):
            if now - since >= LONG and job not in self._told:
                self._told.add(job)
                cause = Cause.PAUSED if paused.get(job) else Cause.CPU if sample.cpu >= BUSY_CPU else Cause.UNKNOWN
                found.append(Lazy(job, gpu, int((now - since) / 60), cause))
        return found


async def watch(
    sample: Callable[[], Awaitable[pb.SystemSample]], store: Store, job_of: Callable[[int], int], every: float = LOOK
) -> None:
    """Look for ever, and tell."""
    lazy, log = LazyGpus(), logging.getLogger("mynad.gpu")
    while True:
        await asyncio.sleep(every)
        try:
            now = await sample()
            if not now.gpus:
                continue
            for found in lazy.look(now, job_of, await store.read(_paused), time.monotonic()):
                log.warning("%s", found.words[0])
                await store.write(events.notice, Level.WARNING, *found.words)
        except (StoreTrouble, OSError) as trouble:  # a disk that does not answer is no reason for mynad to end
            log.warning("Whether a GPU is held and idle is not known. %s", trouble)


def _paused(session: Session) -> dict[int, bool]:
    return dict.fromkeys(session.scalars(select(Job.id).where(Job.state == "paused")), True)
