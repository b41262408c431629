"""A kind of job with nothing to it, for tests of what all kinds have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from daemon.database.models import Job
from daemon.kinds.kind import FollowUp, Kind
from daemon.settings import Settings
from proto import myna_pb2 as pb
from proto.worker_pb2 import Start


class PlainKind(Kind):
    """Waits for the GPU, and does nothing."""

    name = "train"
    wire = pb.TRAIN
    priority = 100
    gpu_lane = True

    def __init__(self, resumable: bool = True) -> None:
        super().__init__(Path(), Settings())
        self.resumable = resumable
        self.over: list[int] = []  #: jobs that failed or were cancelled

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        return "anna", f"{spec.WhichOneof('spec')} anna"

    def plan(self, session: Session, job: Job) -> Start:
        return Start()

    def ended_badly(self, session: Session, job: Job) -> Sequence[FollowUp]:
        self.over.append(job.id)
        return ()
