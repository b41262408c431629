"""Packages of voices: part of the contract, not yet of the work."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from daemon.errors import Later
from daemon.models import Job
from proto import myna_pb2 as pb
from proto.worker_pb2 import Report, Start  # by name: a kind has an attribute called wire


class Export:
    """See `daemon.kinds.Kind`. No such job can be submitted yet, so only `check` is ever called."""

    name = "export"
    wire = pb.EXPORT
    priority = 200
    gpu_lane = False
    resumable = False

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        raise Later("Exporting a voice comes in a later version of Myna.", "Its folder under voices/ can be copied by hand.")

    def why_not(self, session: Session, job: Job, home: Path) -> str:
        return ""

    def plan(self, session: Session, job: Job, home: Path) -> Start:
        raise Later("Exporting a voice comes in a later version of Myna.")

    def commit(self, session: Session, job: Job, report: Report, home: Path) -> None: ...

    def finished(self, session: Session, job: Job) -> None: ...

    def ended_badly(self, session: Session, job: Job) -> None: ...


KIND = Export()
