"""What a kind of job is to the daemon: its policy (lane, priority, who gives way to whom) and what it does with
rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from daemon.database.models import Job
from daemon.errors import MynaError
from daemon.machine.disk_space import DiskSpace
from daemon.settings import Settings
from daemon.state import engines
from proto import myna_pb2 as pb
from proto.worker_pb2 import Report, Start


def nothing(job: Job) -> None:
    """For a job that nobody notes."""


@dataclass(frozen=True)
class FollowUp:
    """A job that follows from another one. It is submitted in the transaction in which that one ends."""

    spec: pb.JobSpec
    key: str  #: idempotency key: the same follow-up twice is one job
    refused: Callable[[MynaError], None]  #: called in that transaction when the job cannot be submitted
    submitted: Callable[[Job], None] = nothing  #: called in that transaction with the job


@dataclass(frozen=True)
class GpuNeed:
    """GPU memory that a job takes at most."""

    bytes: int = 0  #: 0: none, or unknown
    measured: bool = False  #: of a job like it, here; False: as its engine states


class Kind(ABC):
    """The server's half of a job kind. Its methods run inside a database transaction of the daemon; they never do heavy
    work, never import torch, and never wait."""

    name: str  #: "train"
    wire: pb.JobKind.ValueType  #: pb.TRAIN
    #: base priority, higher first: speak 400 > evaluate 300 > dataset 200 > train 100; ingest, export, import, fetch,
    #: derive 200
    priority: int
    resumable: bool = True  #: a job whose attempt died goes back to the queue
    preempts: bool = False  #: somebody waits for it: a running job of another kind gives way to it
    portable: bool = False  #: another machine may do it (`daemon.far`)
    resident: bool = False  #: its worker stays for the next job of the kind
    yields_in_steps: bool = (
        False  #: gives way within a step of some seconds; others finish a longer piece of work first
    )
    cancel_grace: float = 15.0  #: seconds a worker gets to end after Cancel
    grows: bool = False  #: it makes recordings or versions, which take of the disk that a person may use
    exclusive: str = ""  #: what only one job of a voice may be at ("recordings"); empty: nothing
    commits: frozenset[str] = frozenset()  #: worker.proto reports that change the database, acknowledged when they have

    def __init__(self, home: Path, settings: Settings) -> None:
        self.home = home
        self.settings = settings
        self.disk = DiskSpace(home, settings.min_free_disk)

    @property
    def gpu_lane(self) -> bool:
        """Whether its jobs wait for the GPU (serial); False: the CPU lane."""
        return False

    def takes_gpu(self, spec: pb.JobSpec) -> bool:
        """The same of one job."""
        return self.gpu_lane

    @abstractmethod
    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        """(voice, title) of a job with this spec. Raises BadRequest, NotFound or NotNow. May fill in defaults in
        `spec`."""

    def why_not(self, session: Session, job: Job) -> str:
        """Why the job cannot start now, apart from the lane being held ("needs 14 s more audio", "disk 2.1 GB short");
        empty: it can."""
        return ""

    def gpu_memory(self, session: Session, job: Job) -> GpuNeed:
        """GPU memory that the job will want."""
        engine = engines.of_voice(session, job.voice)
        return GpuNeed(engine.speak_memory if engine is not None else 0)

    @abstractmethod
    def plan(self, session: Session, job: Job) -> Start:
        """What the worker is to do in this attempt, from the database as it is now. Raises MynaError: the job fails
        with that sentence."""

    def commit(self, session: Session, job: Job, report: Report) -> None:  # noqa: B027  (most kinds need none)
        """Store one of the reports in `commits`. The worker gets an Ack after the transaction is on disk. Must be
        idempotent: after a crash the same report can come again from the next attempt."""

    def finished(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """The job succeeded. Returns what follows (dataset → train → evaluate)."""
        return ()

    def ended_badly(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """The job failed or was cancelled: set what must not stay half-way (a run's end time). Returns what follows all
        the same (an experiment goes on after a trial that failed)."""
        return ()
