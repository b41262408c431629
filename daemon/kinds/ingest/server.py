"""Taking files out of a voice's inbox, the daemon's side: what may be taken, and the rows of what was.

What follows (cutting, training) is not submitted here: the inbox does that when a voice has been quiet for a while.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from daemon import names
from daemon.database.models import Job
from daemon.errors import BadRequest
from daemon.kinds.kind import Kind
from daemon.state import recordings, voices
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Report, Start  # by name: a kind has an attribute called wire

#: Files of one job, at most: its spec is a row.
FILES_LIMIT = 10_000


class Ingest(Kind):
    """See `daemon.kinds.kind.Kind`."""

    name = "ingest"
    wire = pb.INGEST
    priority = 200
    exclusive = "recordings"
    commits = frozenset({"taken", "refused"})

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        asked = spec.ingest
        voices.get(session, names.check_voice(asked.voice))
        if not asked.files and not asked.kept:
            hint = f"`myna add {asked.voice} FILES…` copies files into the inbox; they are taken by themselves."
            raise BadRequest("The job names no files.", hint)
        count = len(asked.files) + len(asked.kept)
        if count > FILES_LIMIT:
            raise BadRequest(f"{count} files are too many for one job.", f"Name at most {FILES_LIMIT}.")
        for file in asked.files:
            names.check_file(file)
        for kept in asked.kept:
            names.check_kept(kept.path, kept.sha256)
        return asked.voice, f"take {_count(count, 'file')} for {asked.voice}"

    def why_not(self, session: Session, job: Job) -> str:
        return self.disk.why_not()

    def plan(self, session: Session, job: Job) -> Start:
        asked = pb.JobSpec.FromString(job.spec).ingest
        return Start(ingest=wire.IngestPlan(voice=asked.voice, files=asked.files, kept=asked.kept))

    def commit(self, session: Session, job: Job, report: Report) -> None:
        if report.WhichOneof("report") == "taken":
            recordings.take(session, job.voice, report.taken)
        elif report.WhichOneof("report") == "refused":
            refused = report.refused
            recordings.emit_inbox_event(
                session,
                job.voice,
                names.printable(refused.file),
                "refused",
                f"{refused.sentence} {refused.hint}".strip(),
            )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
