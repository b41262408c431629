"""What follows a new dataset, whichever job made it: the training that begins by itself."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Dataset, Job, Voice
from daemon.errors import MynaError
from daemon.kinds.kind import FollowUp
from daemon.settings import Settings
from daemon.state import events, untrained, voices
from daemon.state.status import State
from daemon.state.values import Level
from engines import registry
from engines.capabilities import Capability
from proto import myna_pb2 as pb


def after_consent(session: Session, voice: Voice, settings: Settings) -> Sequence[FollowUp]:
    """The training of a voice that was only held back because it had no consent note; none where a person starts
    them."""
    made = voices.newest_dataset(session, voice.name)
    by_itself = settings.auto_train and bool(voice.options.get("auto_train", True))
    return training(session, None, made, settings) if made is not None and by_itself else ()


def training(session: Session, job: Job | None, made: Dataset, settings: Settings) -> Sequence[FollowUp]:
    """A training, if enough was added since the last one; else the `why` of the job that made the dataset says what is
    missing. One that already waits takes the newest dataset when it starts."""
    voice = voices.get(session, made.voice)
    info = registry.ENGINES.get(voice.engine)
    if info is not None and Capability.LEARNS not in info.capabilities:
        _add(job, f" Not trained: {info.name} does not learn.")
        return ()
    waiting = select(Job).where(
        Job.voice == voice.name, Job.kind == "train", Job.state == State.QUEUED, Job.run.is_(None)
    )
    if session.scalars(waiting).first() is not None:
        return ()
    needed = float(voice.options.get("auto_train_min_seconds", settings.auto_train_min_seconds))
    short = needed - untrained.seconds(session, voice.name)
    if short > 0:
        _add(job, f" It needs {short:.0f} s more audio to train.")
        return ()

    def refused(
        error: MynaError,
    ) -> None:  # the dataset is made all the same; the person hears what stands in the way
        events.notice(
            session,
            Level.WARNING,
            f"{voice.name} is not trained by itself: {error.sentence}",
            error.hint,
            voice.name,
        )
        _add(job, f" Not trained: {error.sentence}")

    spec = pb.JobSpec(train=pb.TrainSpec(voice=voice.name))
    return [FollowUp(spec, f"train-on-dataset-row-{made.id}", refused)]


def _add(job: Job | None, words: str) -> None:
    if job is not None:
        job.why += words
