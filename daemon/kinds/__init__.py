"""What each kind of job means to the daemon: one module a kind, each with an object `KIND` that fulfils `Kind`.

These functions run inside a database transaction of the daemon (a `sqlalchemy.orm.Session`); they never do heavy work, never import
torch, and never wait. The heavy part of a kind is its namesake in `daemon/jobs/`, which runs in a worker process and knows no database.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sqlalchemy.orm import Session

from daemon.errors import Later
from daemon.models import Job
from proto import myna_pb2 as pb
from proto.worker_pb2 import Report, Start


class Kind(Protocol):
    """The daemon's side of a job kind."""

    name: str  #: "train"
    wire: pb.JobKind.ValueType  #: pb.TRAIN
    priority: int  #: base priority, higher first: speak 400 > evaluate 300 > dataset 200 > train 100; ingest, export, import, fetch 200
    gpu_lane: bool  #: waits for the GPU (serial); False: the CPU lane
    resumable: bool  #: a dead attempt goes back to the queue

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        """(voice, title) of a job with this spec. Raises daemon.errors.BadRequest / NotFound / NotNow with a sentence. May fill in
        defaults in `spec`."""
        ...

    def why_not(self, session: Session, job: Job, home: Path) -> str:
        """Why the job cannot start now, apart from the lane being held ("needs 14 s more audio", "disk 2.1 GB short"); empty: it can."""
        ...

    def plan(self, session: Session, job: Job, home: Path) -> Start:
        """What the worker is to do in this attempt, from the database as it is now. Raises MynaError: the job fails with that sentence."""
        ...

    def commit(self, session: Session, job: Job, report: Report, home: Path) -> None:
        """Commit what a worker reported (a taken recording, cut clips, a trained version, scores). Called for reports taken, refused, cut,
        trained, evaluated; the worker gets an Ack with the report's number after the transaction is on disk. Must be idempotent: after
        a crash the same report can come again from the next attempt."""
        ...

    def finished(self, session: Session, job: Job) -> None:
        """The job succeeded: submit what follows (ingest → dataset → train → evaluate), through daemon.state.jobs.submit."""
        ...

    def ended_badly(self, session: Session, job: Job) -> None:
        """The job failed or was cancelled: set what must not stay half-way (a run's end time)."""
        ...


def kind(name: str) -> Kind:
    """The kind of that name. Raises Later for one that the wire knows and this version does not."""
    from daemon.kinds import dataset, evaluate, export, fetch, ingest, speak, train  # here: kinds submit jobs, and jobs ask for kinds

    every: dict[str, Kind] = {module.KIND.name: module.KIND for module in (ingest, dataset, train, evaluate, speak, export, fetch)}
    if name not in every:
        raise Later(f"Jobs that {name} come with a later version of Myna.", "Until then, packages of voices can be copied by hand.")
    return every[name]


#: names of the wire's kinds
NAMES: dict[pb.JobKind.ValueType, str] = {
    pb.INGEST: "ingest",
    pb.DATASET: "dataset",
    pb.TRAIN: "train",
    pb.EVALUATE: "evaluate",
    pb.SPEAK: "speak",
    pb.EXPORT: "export",
    pb.IMPORT: "import",
    pb.FETCH: "fetch",
}
