"""What follows for a voice by itself, once its inbox is quiet: a dataset of what was taken, and from that a training
(kinds/dataset)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from daemon.database.models import Job, Voice
from daemon.kinds.lifecycle import Lifecycle
from daemon.state import followed, jobs, next_dataset
from engines import recognisers
from proto import myna_pb2 as pb


def advance(session: Session, lifecycle: Lifecycle, voice: str, *, train: bool, forced: bool = False) -> Job | None:
    """Submit the dataset job that is due, if one is. `train`: a training may follow by itself. `forced`: a person
    changed something just now, so that what was given up is tried again."""
    row = session.get(Voice, voice)
    if row is None or any(jobs.find_live(session, kind, voice) for kind in next_dataset.MAKERS):
        return None
    if recognisers.whisper_folder(lifecycle.kinds["dataset"].home / "weights") is not None:
        followed.hear_again(session, voice)
    if not forced and (not next_dataset.wanted(session, voice) or next_dataset.gave_up(session, voice) is not None):
        return None
    by_itself = train and bool(row.options.get("auto_train", True))
    due = pb.JobSpec(dataset=pb.DatasetSpec(voice=voice, train_after=by_itself))
    return lifecycle.submit(session, due, by_itself=True)
