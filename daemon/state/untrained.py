"""How much of a voice's audio no training has seen: what decides whether another one starts by itself."""

from __future__ import annotations

from sqlalchemy import and_, exists, func, select, text
from sqlalchemy.orm import Session, aliased

from daemon.database.models import LIVE, Clip, Dataset, DatasetClip, Job, Run, Version
from proto import myna_pb2 as pb


def last_dataset(session: Session, voice: str) -> int:
    """Number of the newest dataset that was trained on, is being, or will be when the training that waits has its turn;
    0: none."""
    used = [session.scalar(select(func.max(Version.dataset)).where(Version.voice == voice)) or 0]
    trainings = select(Run.dataset).join(Job, Job.run == Run.id).where(Job.voice == voice, Job.kind == "train")
    used += session.scalars(trainings.where(Job.state == "succeeded"))  # a version did not come of each
    used += session.scalars(trainings.where(text(LIVE)))
    waiting = select(Job.spec).where(text(LIVE), Job.voice == voice, Job.kind == "train", Job.run.is_(None))
    for spec in session.scalars(waiting):
        used.append(pb.JobSpec.FromString(spec).train.dataset or _newest(session, voice))
    return max(used)


def seconds(session: Session, voice: str) -> float:
    """Training audio of the newest dataset that the last training did not have with the same text, seconds. Each clip
    counts once, however often it was corrected."""
    last, newest = last_dataset(session, voice), _newest(session, voice)
    if last >= newest:
        return 0.0
    seen, its = aliased(DatasetClip), aliased(Dataset)
    trained = exists().where(
        and_(its.voice == voice, its.number == last, seen.dataset == its.id, seen.held_out.is_(False)),
        and_(seen.clip == DatasetClip.clip, seen.text == DatasetClip.text),
    )
    lengths = select(func.coalesce(func.sum(Clip.end - Clip.start), 0.0)).join(DatasetClip, DatasetClip.clip == Clip.id)
    lengths = lengths.join(Dataset, Dataset.id == DatasetClip.dataset)
    lengths = lengths.where(Dataset.voice == voice, Dataset.number == newest, DatasetClip.held_out.is_(False), ~trained)
    return float(session.scalar(lengths) or 0.0)


def _newest(session: Session, voice: str) -> int:
    return session.scalar(select(func.max(Dataset.number)).where(Dataset.voice == voice)) or 0
