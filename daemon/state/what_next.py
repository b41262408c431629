"""What will happen next with a voice: a job that is on its way, or what it waits for."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Dataset, Job, Voice
from daemon.database.store import home_of, settings_of
from daemon.state import consent_notes, engines, untrained
from daemon.state.status import State
from engines import registry


def sentence(session: Session, row: Voice, newest: Dataset | None) -> str:
    """For people. `newest`: its dataset with the greatest number."""
    if row.deleted is not None:
        return f"is deleted: `myna voices restore {row.name}`"
    live = select(Job).where(
        Job.voice == row.name, Job.state.in_((State.RUNNING, State.PAUSED, State.QUEUED)), Job.kind != "speak"
    )
    jobs = sorted(session.scalars(live), key=lambda job: (job.state != State.RUNNING, job.id))
    if jobs:
        first = jobs[0]
        word = {State.RUNNING: "now", State.PAUSED: "paused", State.QUEUED: "waits"}[State(first.state)]
        return f"{first.title} ({first.kind} #{first.id}, {word})"
    if newest is None:
        return f"waits for recordings in inbox/{row.name}/"
    if why := consent_notes.why_not(session, row.name):
        return f"waits for {why}"
    info = registry.ENGINES.get(row.engine)
    if info is not None and (why := engines.why_not(session, info, home_of(session))):
        return f"waits to be trained: {why}" if info.learning is not None else f"waits to speak: {why}"
    if info is not None and info.learning is None:
        return f"speaks with {info.name}, which is not trained: `myna say --voice {row.name}`"
    used, waiting = untrained.last_dataset(session, row.name), untrained.seconds(session, row.name)
    settings = settings_of(session)
    starts = settings.auto_train and row.options.get("auto_train", True)
    by_itself = float(row.options.get("auto_train_min_seconds", settings.auto_train_min_seconds)) if starts else 0.0
    needed = max(by_itself, info.learning.min_seconds if info and info.learning and not used else 0.0)
    if waiting < needed:
        missing = f"needs {needed - waiting:.0f} s"
        return f"{missing} of new audio until the next training" if used else f"{missing} more audio to train"
    return (
        f"can be trained: `myna train {row.name}`"
        if not used or waiting
        else "is up to date: add recordings to make it better"
    )
