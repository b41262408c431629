"""What follows for a voice by itself, once its inbox is quiet: a dataset of what was taken, and from that a training (kinds/dataset)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Job, Voice
from daemon.kinds.lifecycle import Lifecycle
from daemon.state import jobs, recordings
from daemon.state.status import State
from proto import myna_pb2 as pb


def advance(session: Session, lifecycle: Lifecycle, voice: str, *, train: bool, forced: bool = False) -> Job | None:
    """Submit the dataset job that is due, if one is. `train`: a training may follow by itself. `forced`: also where nothing was taken,
    because a text or a clip was changed.

    After a dataset job that failed or was cancelled, the same recordings are not tried again until something is added: somebody has to
    look at it. But a full disk is no reason to give up.
    """
    row = session.get(Voice, voice)
    if row is None or jobs.find_live(session, "dataset", voice) or jobs.find_live(session, "ingest", voice):
        return None
    waiting = recordings.uncut(session, voice)
    if not forced:
        last = session.scalars(select(Job).where(Job.voice == voice, Job.kind == "dataset").order_by(Job.id.desc()).limit(1)).first()
        gave_up = last is not None and last.state in (State.FAILED, State.CANCELLED) and last.error_kind != "disk-full"
        if not waiting or (gave_up and last is not None and all(recording.added < last.submitted for recording in waiting)):
            return None
    by_itself = train and bool(row.options.get("auto_train", True))
    return lifecycle.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice=voice, train_after=by_itself)))
