"""What waiting jobs are told of why they wait."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from daemon.database.models import Job
from daemon.errors import brief
from daemon.state import jobs
from daemon.state.status import State, WaitsFor


@dataclass(frozen=True)
class Note:
    """What a waiting job is told."""

    why: str  #: why it waits; empty: it will start soon
    gpu: bytes | None = None  #: a serialised GpuUse: for which GPUs; None: that does not matter, or there is none
    behind: bool = False  #: `why` names other jobs, of whatever voice
    waits_for: WaitsFor = WaitsFor.NOTHING

    @staticmethod
    def of(job: Job) -> Note:
        """What it was told last."""
        return Note(job.why, job.gpu, job.behind, WaitsFor(job.waits_for))


def tell(session: Session, job: Job, note: Note) -> bool:
    """Say why a job waits. Writes (and tells) only what changed; True if it did."""
    why = brief(note.why)
    told = (job.why, job.gpu, job.behind, job.waits_for)
    if told == (why, note.gpu, note.behind, note.waits_for) or job.state != State.QUEUED:
        return False
    job.why, job.gpu, job.behind, job.waits_for = why, note.gpu, note.behind, note.waits_for
    jobs.changed(session, job)
    return True
