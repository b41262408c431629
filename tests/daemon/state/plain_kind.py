"""A kind of job with nothing to it, for tests of what all kinds have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.orm import Session

from daemon.models import Job
from proto import myna_pb2 as pb
from proto.worker_pb2 import Report, Start


@dataclass
class PlainKind:
    """Fulfils daemon.kinds.Kind."""

    resumable: bool = True
    name: str = "train"
    wire: pb.JobKind.ValueType = pb.TRAIN
    priority: int = 100
    gpu_lane: bool = True
    over: list[int] = field(default_factory=list)  #: jobs that failed or were cancelled

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        return "anna", f"{spec.WhichOneof('spec')} anna"

    def why_not(self, session: Session, job: Job, home: Path) -> str:
        return ""

    def plan(self, session: Session, job: Job, home: Path) -> Start:
        return Start()

    def commit(self, session: Session, job: Job, report: Report, home: Path) -> None:
        pass

    def finished(self, session: Session, job: Job) -> None:
        pass

    def ended_badly(self, session: Session, job: Job) -> None:
        self.over.append(job.id)
