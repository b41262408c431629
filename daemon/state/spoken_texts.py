"""Texts that were spoken are private, and are forgotten: in the rows of their jobs, in titles, and in the events that
told of them. Their logs, which may name words, go with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, literal_column, select, text
from sqlalchemy.orm import Session

from daemon.database.models import WITH_TEXT, EventRow, Job
from daemon.errors import NotNow
from proto import myna_pb2 as pb

#: in place of the text in a job's title
FORGOTTEN = "a text that is no longer kept"
#: how a text begins in a title, as an event has it
QUOTED: ColumnElement[bytes] = literal_column("X'E2809C'")
CHUNK = 500  #: rows of a transaction: others write in between
_WIRE = (pb.SPEAK, pb.TRANSCRIBE)


def jobs_with_text(session: Session, before: datetime) -> list[int]:
    """Jobs that ended before that moment and have a text still. Reads no others, however many have ended."""
    return sorted(session.scalars(select(Job.id).where(text(WITH_TEXT), Job.ended < before)))


def forget(session: Session, numbers: Sequence[int]) -> int:
    """Forget the texts of these jobs; how many had one."""
    rows = session.scalars(select(Job).where(Job.id.in_(numbers), Job.ended.is_not(None)))
    return sum(_stripped(job) for job in rows)


def events_with_text(session: Session, before: datetime) -> list[int]:
    """Cursors of events before that moment in which a text may be quoted."""
    quoted = func.instr(EventRow.payload, QUOTED) > 0
    return list(session.scalars(select(EventRow.cursor).where(EventRow.time < before, quoted)))


def forget_events(session: Session, cursors: Sequence[int]) -> None:
    """Take the texts out of these events."""
    for row in session.scalars(select(EventRow).where(EventRow.cursor.in_(cursors))):
        event = pb.Event.FromString(row.payload)
        if event.HasField("job") and event.job.kind in _WIRE and event.job.title != _title(event.job.title):
            event.job.title = _title(event.job.title)
            row.payload = event.SerializeToString()


def check_kept(job: Job) -> None:
    """Raises NotNow where the job's text (or recording, which is never kept) is no longer here, so that it cannot be
    spoken again."""
    spec = pb.JobSpec.FromString(job.spec)
    if spec.speak.recording:
        sentence = f"The recording of job {job.id} is not kept."
        raise NotNow(sentence, "Send it again: `myna convert FILE`.")
    if job.kind == "speak" and not in_spec(spec):
        raise NotNow(f"The text of job {job.id} is no longer kept.", "Speak it anew: `myna say`.")


def in_spec(spec: pb.JobSpec) -> bool:
    """Whether there is a text in it: one to be spoken, or a prompt of a transcription."""
    return bool(spec.speak.text or spec.transcribe.prompt)


def _stripped(job: Job) -> bool:
    job.has_text = False
    spec = pb.JobSpec.FromString(job.spec)
    if not in_spec(spec):
        return False
    if spec.HasField("speak"):
        spec.speak.text = ""
    else:
        spec.transcribe.prompt = ""
    job.spec, job.title, job.log_tail = spec.SerializeToString(), _title(job.title), ""
    return True


def _title(title: str) -> str:
    """say “Good evening.” as anna@7 → say a text that is no longer kept as anna@7"""
    begin, quote, rest = title.partition("“")
    _, closing, end = rest.rpartition("”")
    return f"{begin}{FORGOTTEN}{end}" if quote and closing else title
